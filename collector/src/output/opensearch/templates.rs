//! Index templates, so that statuses and durations are numbers and addresses are addresses.

use tracing::{info, warn};

use super::{client::Client, options::Templates};

/// Puts what is missing. One that is there stays as it is, unless it is to be overwritten: somebody may have changed it. One that is
/// refused is said and left; the events go on.
pub(super) async fn install(client: &Client, templates: &Templates) -> Result<(), String> {
    for template in &templates.list {
        let path = format!("{}/{}", template.api, template.name);
        if !templates.overwrite && client.exists(&path).await? {
            continue;
        }
        match client.put(&path, template.content.clone()).await? {
            Ok(()) => info!(template = template.name, "index template installed"),
            Err(reason) => {
                warn!(template = template.name, reason, "index template refused: types may be guessed wrong");
            }
        }
    }
    Ok(())
}
