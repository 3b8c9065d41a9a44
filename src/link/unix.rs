//! Unix sockets, as virtual machines offer them for their serial ports.

use std::path::Path;

use tokio::net::UnixStream;

use super::error::{Error, Operation};
use super::stream::Stream;

/// Connects to the socket at `path`. The system answers at once, so there is nothing to wait for.
///
/// # Errors
/// [`Operation::ConnectUnix`].
pub async fn dial_unix(path: &Path) -> Result<Stream, Error> {
    let failed = |error| Error::io(Operation::ConnectUnix, path.display().to_string(), error);
    UnixStream::connect(path)
        .await
        .map(Stream::Unix)
        .map_err(failed)
}
