//! What a client sends, read by a task of its own.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::proto::session::frame::{CLIENT_BYTES_MAX, Decoder};
use crate::proto::session::message::ToServer;

/// How long what somebody sent before their line ended is read.
const GOODBYE: Duration = Duration::from_millis(500);
/// Bytes read at once.
const READ_BYTES: usize = 16 << 10;

/// Whether the last that came was that they leave: writing to somebody who left fails before that was read.
pub(super) async fn said_goodbye(mut inbox: mpsc::Receiver<Result<ToServer, String>>) -> bool {
    let mut left = false;
    let rest = async {
        while let Some(Ok(request)) = inbox.recv().await {
            left |= request == ToServer::Leave;
        }
    };
    tokio::time::timeout(GOODBYE, rest).await.ok();
    left
}

/// Reads requests until the line ends. The reason is the last that is sent; when something came, `heard` is told.
pub(super) async fn read(
    mut reader: impl AsyncRead + Unpin,
    requests: mpsc::Sender<Result<ToServer, String>>,
    heard: watch::Sender<Instant>,
) {
    let mut decoder = Decoder::new(CLIENT_BYTES_MAX);
    let mut buffer = vec![0; READ_BYTES];
    let reason = loop {
        let count = match reader.read(&mut buffer).await {
            Ok(0) => break "its line was closed".to_owned(),
            Ok(count) => count,
            Err(error) => break error.to_string(),
        };
        heard.send_replace(Instant::now());
        let mut bytes = buffer.get(..count).unwrap_or_default();
        loop {
            let request = match decoder.next(&mut bytes) {
                Ok(None) => break,
                Ok(Some(body)) => ToServer::decode(body).map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            };
            let request = match request {
                // Of a newer client.
                Ok(None) => continue,
                Ok(Some(request)) => Ok(request),
                Err(reason) => Err(reason),
            };
            let is_last = request.is_err();
            if requests.send(request).await.is_err() || is_last {
                return;
            }
        }
    };
    requests.send(Err(reason)).await.ok();
}
