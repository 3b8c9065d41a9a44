//! Frames over a stream, one at a time and not a byte further: for the few frames of greeting and login.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::proto::session::frame::{self, FrameError, HEADER_BYTES, STRANGER_BYTES_MAX};
use crate::proto::session::hello::{self, HelloError, MAGIC};

/// Why there is no frame.
#[derive(Debug)]
pub(super) enum WireError {
    /// What came begins no greeting.
    Hello(HelloError),
    /// What came is no frame.
    Frame(FrameError),
    /// The stream ended or broke.
    Gone(String),
}

impl From<FrameError> for WireError {
    fn from(error: FrameError) -> Self {
        Self::Frame(error)
    }
}

impl From<io::Error> for WireError {
    fn from(error: io::Error) -> Self {
        Self::Gone(match error.kind() {
            io::ErrorKind::UnexpectedEof => "the other end hung up".to_owned(),
            _ => format!("the connection broke: {error}"),
        })
    }
}

pub(super) async fn send(
    stream: &mut (impl AsyncWrite + Unpin),
    body: &[u8],
) -> Result<(), WireError> {
    let mut bytes = Vec::new();
    frame::encode(body, STRANGER_BYTES_MAX, &mut bytes)?;
    stream.write_all(&bytes).await?;
    Ok(stream.flush().await?)
}

/// Sends what is said before hanging up. Whether it arrives changes nothing.
pub(super) async fn send_last(stream: &mut (impl AsyncWrite + Unpin), body: &[u8]) {
    if send(stream, body).await.is_ok() {
        let _ = stream.shutdown().await;
    }
}

pub(super) async fn receive(stream: &mut (impl AsyncRead + Unpin)) -> Result<Vec<u8>, WireError> {
    let header = header(stream).await?;
    let length = frame::length(header, STRANGER_BYTES_MAX)?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok(body)
}

/// Like [`receive`], but tells other programs apart by as few bytes as they send at first.
pub(super) async fn receive_greeting(
    stream: &mut (impl AsyncRead + Unpin),
) -> Result<Vec<u8>, WireError> {
    let header = header(stream).await?;
    let foreign = |bytes: &[u8]| WireError::Hello(hello::foreign(bytes));
    let length = frame::length(header, STRANGER_BYTES_MAX).map_err(|_| foreign(&header))?;
    let mut body = vec![0; length];
    let (beginning, rest) = body.split_at_mut(MAGIC.len().min(length));
    stream.read_exact(beginning).await?;
    if beginning != MAGIC {
        return Err(foreign(&[&header[..], beginning].concat()));
    }
    stream.read_exact(rest).await?;
    Ok(body)
}

async fn header(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<[u8; HEADER_BYTES]> {
    let mut header = [0; HEADER_BYTES];
    stream.read_exact(&mut header).await?;
    Ok(header)
}
