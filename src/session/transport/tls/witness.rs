//! A stream that remembers how the other end began, to say what it is if it speaks no TLS.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::super::Duplex;

/// The stream and the first bytes that were read from it.
pub struct Witness {
    stream: Box<dyn Duplex>,
    first: Vec<u8>,
}

impl Witness {
    pub fn new(stream: Box<dyn Duplex>) -> Self {
        Self {
            stream,
            first: Vec::new(),
        }
    }

    /// At most [`FIRST_BYTES_MAX`].
    pub fn first(&self) -> &[u8] {
        &self.first
    }
}

impl AsyncRead for Witness {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let witness = self.get_mut();
        let before = buffer.filled().len();
        let read = Pin::new(&mut witness.stream).poll_read(context, buffer);
        let room = FIRST_BYTES_MAX.saturating_sub(witness.first.len());
        let new = buffer.filled().get(before..).unwrap_or_default();
        witness.first.extend(new.iter().take(room));
        read
    }
}

impl AsyncWrite for Witness {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

/// Enough to tell protocols apart and to quote a greeting.
const FIRST_BYTES_MAX: usize = 48;
