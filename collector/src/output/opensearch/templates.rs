//! Index templates, so that statuses and durations are numbers and addresses are addresses.

use tracing::{info, warn};

use super::client::Client;

/// Name and content of each template; see the files.
const TEMPLATES: &[(&str, &str)] = &[
    ("alces-logs", include_str!("../../../../pipelines/templates/alces-logs.json")),
    ("alces-logstash", include_str!("../../../../pipelines/templates/alces-logstash.json")),
    ("alces-metrics", include_str!("../../../../pipelines/templates/alces-metrics.json")),
];

/// Puts what is missing. One that is there stays as it is: somebody may have changed it. One that is refused is said and
/// left; the events go on.
pub(super) async fn install(client: &Client) -> Result<(), String> {
    for (name, content) in TEMPLATES {
        let path = format!("_index_template/{name}");
        if client.exists(&path).await? {
            continue;
        }
        match client.put(&path, content).await? {
            Ok(()) => info!(template = name, "index template installed"),
            Err(reason) => {
                warn!(template = name, reason, "index template refused: types may be guessed wrong");
            }
        }
    }
    Ok(())
}
