//! Lines of a collector on this machine, as they pass, for the dashboard's live view.

use std::{io, net::SocketAddr, path::PathBuf};

use alces_dashboard::{Tap, TapStream};
use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _};
use http_body_util::BodyExt as _;

use crate::collector::client::Peer;

/// Events a second that the collector is asked for, which is the most that it gives; the dashboard shows fewer, and says so.
const RATE: u32 = 10_000;

/// Opens `main` of the collector whose data are in `folder`. Its word is read at each opening, as a collector that was started anew has
/// another one.
pub(crate) fn tap(folder: PathBuf, api: Option<SocketAddr>) -> Tap {
    Tap::new(move || {
        let folder = folder.clone();
        async move { open(folder, api).await.map_err(|error| format!("{error:#}")) }.boxed()
    })
}

async fn open(folder: PathBuf, api: Option<SocketAddr>) -> anyhow::Result<TapStream> {
    let answer = Peer::find(folder, api)?.get(&format!("/_tap/main?rate={RATE}")).await?;
    Ok(answer.into_body().into_data_stream().map_err(io::Error::other).boxed())
}
