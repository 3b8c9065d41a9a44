//! Lines and lists, read with bounds from whoever asks or registers.

use std::io::{self, ErrorKind};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::net::TcpStream;

use crate::session::server::SERVERS_MAX;
use crate::transcript::safe;

/// Longest string of a list, bytes. The longest have paths of certificates in them.
const STRING_BYTES_MAX: usize = 1024;

/// A line with its end, or less if the stream ends.
///
/// # Errors
/// It is longer, or the stream fails.
pub(super) async fn line(
    stream: &mut BufReader<TcpStream>,
    bytes_max: usize,
) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    let most = u64::try_from(bytes_max).unwrap_or(u64::MAX);
    stream.take(most).read_until(b'\n', &mut line).await?;
    match line.len() >= bytes_max && !line.ends_with(b"\n") {
        true => Err(ErrorKind::InvalidData.into()),
        false => Ok(line),
    }
}

/// What a host writes of its servers: a line for each, and an empty one.
pub(super) fn written(strings: &[String]) -> String {
    let fits = |string: &&String| string.len() < STRING_BYTES_MAX;
    let mut list = String::new();
    for string in strings.iter().filter(fits).take(SERVERS_MAX) {
        list.push_str(string);
        list.push('\n');
    }
    list.push('\n');
    list
}

/// Such a list, made harmless.
///
/// # Errors
/// It is longer than that of any host, it ends too early, or the stream fails.
pub(super) async fn list(stream: &mut BufReader<TcpStream>) -> io::Result<Vec<String>> {
    let mut strings = Vec::new();
    loop {
        let line = line(stream, STRING_BYTES_MAX).await?;
        let Some(string) = line.strip_suffix(b"\n") else {
            return Err(ErrorKind::UnexpectedEof.into());
        };
        if string.is_empty() {
            return Ok(strings);
        }
        if strings.len() >= SERVERS_MAX {
            return Err(ErrorKind::InvalidData.into());
        }
        strings.push(safe::plain(string).into_owned());
    }
}
