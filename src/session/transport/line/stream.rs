//! One connection on a shared line, as a stream of bytes.

use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Shared;
use crate::proto::session::line::{End, Id, Read};

/// A connection. Dropped, it is closed; what was written is still sent.
#[derive(Debug)]
pub struct LineStream {
    shared: Arc<Shared>,
    id: Id,
}

impl LineStream {
    pub(super) fn new(shared: Arc<Shared>, id: Id) -> Self {
        Self { shared, id }
    }
}

impl AsyncRead for LineStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if buffer.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let mut state = self.shared.lock();
        match state.line.read(self.id, buffer.initialize_unfilled()) {
            Read::Bytes(length) => {
                buffer.advance(length);
                drop(state);
                // there is room again, which the other end may wait to hear
                self.shared.wake.notify_one();
                Poll::Ready(Ok(()))
            }
            Read::End => Poll::Ready(Ok(())),
            Read::Failed(end) => Poll::Ready(Err(failure(end))),
            Read::Nothing => {
                state.readers.insert(self.id, context.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl AsyncWrite for LineStream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut state = self.shared.lock();
        match state.line.write(self.id, bytes) {
            Ok(0) if !bytes.is_empty() => {
                state.writers.insert(self.id, context.waker().clone());
                Poll::Pending
            }
            Ok(length) => {
                drop(state);
                self.shared.wake.notify_one();
                Poll::Ready(Ok(length))
            }
            Err(end) => Poll::Ready(Err(failure(end))),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.shared.lock().line.finish(self.id);
        self.shared.wake.notify_one();
        Poll::Ready(Ok(()))
    }
}

impl Drop for LineStream {
    fn drop(&mut self) {
        {
            let mut state = self.shared.lock();
            state.line.release(Instant::now(), self.id);
            state.readers.remove(&self.id);
            state.writers.remove(&self.id);
            state.openings.remove(&self.id);
        }
        self.shared.wake.notify_one();
    }
}

fn failure(end: End) -> io::Error {
    let kind = match end {
        End::Finished => ErrorKind::BrokenPipe,
        End::Silent | End::NoAnswer => ErrorKind::TimedOut,
        _ => ErrorKind::ConnectionReset,
    };
    io::Error::new(kind, end)
}
