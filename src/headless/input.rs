//! The lines that a script types.

use std::io::{self, BufRead, Read};

use tokio::sync::mpsc;

/// Longest line, bytes.
const LINE_BYTES: usize = 64 << 10;
/// Lines that wait to be carried out; more wait where they come from.
const LINES: usize = 64;

/// A line, or why one is none.
pub type Typed = Result<String, String>;

/// The lines of `input`, read by a thread of their own: it may block for ever.
///
/// # Errors
/// When the system has no thread to give.
pub fn lines(mut input: impl BufRead + Send + 'static) -> io::Result<mpsc::Receiver<Typed>> {
    let (sender, receiver) = mpsc::channel(LINES);
    std::thread::Builder::new()
        .name("input".into())
        .spawn(move || {
            loop {
                let (line, is_last) = match next(&mut input) {
                    Ok(Some(line)) => (line, false),
                    Ok(None) => return,
                    // It would fail for ever.
                    Err(error) => (Err(format!("cannot read standard input: {error}")), true),
                };
                if sender.blocking_send(line).is_err() || is_last {
                    return;
                }
            }
        })?;
    Ok(receiver)
}

/// The next line, without its end; `None` when there are no more.
fn next(input: &mut impl BufRead) -> io::Result<Option<Typed>> {
    let mut bytes = Vec::new();
    let read = input
        .by_ref()
        .take(LINE_BYTES as u64)
        .read_until(b'\n', &mut bytes)?;
    if read == 0 {
        return Ok(None);
    }
    if bytes.pop_if(|last| *last == b'\n').is_none() && bytes.len() >= LINE_BYTES {
        let size = LINE_BYTES + input.skip_until(b'\n')?;
        return Ok(Some(Err(format!(
            "a line of {size} bytes was not carried out: {LINE_BYTES} are the most"
        ))));
    }
    bytes.pop_if(|last| *last == b'\r');
    Ok(Some(String::from_utf8(bytes).map_err(|_| {
        "a line that is no UTF-8 was not carried out".to_owned()
    })))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn lines_end_in_several_ways_and_long_ones_are_refused() {
        let long = "x".repeat(LINE_BYTES + 10);
        let mut input =
            Cursor::new([b"one\r\n\ntwo \n\xff\n", long.as_bytes(), b"\nlast"].concat());
        let mut read = || next(&mut input).unwrap();
        assert_eq!(read(), Some(Ok("one".into())));
        assert_eq!(read(), Some(Ok(String::new())));
        assert_eq!(read(), Some(Ok("two ".into())));
        assert!(read().unwrap().unwrap_err().contains("UTF-8"));
        assert!(read().unwrap().unwrap_err().contains("65547 bytes"));
        assert_eq!(read(), Some(Ok("last".into())));
        assert_eq!(read(), None);
    }

    #[test]
    fn an_input_that_cannot_be_read_is_told_once() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::ErrorKind::IsADirectory.into())
            }
        }
        let mut lines = lines(io::BufReader::new(Broken)).unwrap();
        let first = lines.blocking_recv().unwrap().unwrap_err();
        assert!(first.starts_with("cannot read standard input"), "{first}");
        assert_eq!(lines.blocking_recv(), None);
    }
}
