//! One type for every byte stream, and what some of them can do beside carrying bytes.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use pty_process::Pty;
use rustix::termios::Winsize;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

use super::error::{Error, Operation};
use super::serial::Serial;

/// An open byte stream. End of stream reads as zero bytes on every kind.
#[expect(missing_docs, reason = "the kinds of link")]
pub enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
    Serial(Serial),
    Pty(Pty),
}

impl Stream {
    /// Tells the program on a pseudo-terminal the size of its screen; other links have none.
    ///
    /// # Errors
    /// [`Operation::Resize`], when the program's terminal is gone.
    pub fn resize(&self, columns: u16, rows: u16) -> Result<(), Error> {
        let Self::Pty(pty) = self else { return Ok(()) };
        let size = Winsize {
            ws_row: rows,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        rustix::termios::tcsetwinsize(pty, size)
            .map_err(|error| Error::io(Operation::Resize, "the program", error.into()))
    }
}

macro_rules! each {
    ($stream:expr, $inner:ident => $does:expr) => {
        match $stream {
            Stream::Tcp($inner) => $does,
            Stream::Unix($inner) => $does,
            Stream::Serial(serial) => {
                let $inner = &mut serial.port;
                $does
            }
            Stream::Pty($inner) => $does,
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let stream = self.get_mut();
        let read = each!(stream, inner => Pin::new(inner).poll_read(context, buffer));
        match (&stream, read) {
            // How Linux says that nobody has the other end of a pseudo-terminal open any more.
            (Self::Pty(_), Poll::Ready(Err(error)))
                if error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error()) =>
            {
                Poll::Ready(Ok(()))
            }
            (_, read) => read,
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        each!(self.get_mut(), inner => Pin::new(inner).poll_write(context, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        each!(self.get_mut(), inner => Pin::new(inner).poll_write_vectored(context, slices))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self.get_mut(), inner => Pin::new(inner).poll_flush(context))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self.get_mut(), inner => Pin::new(inner).poll_shutdown(context))
    }
}
