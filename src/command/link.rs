//! Commands that go to targets' links: lines, keys, breaks, connecting, serial settings.

use super::{Call, Replies, Reply, ask_all, line, ready};
use crate::target::{ModemLine, Request};

/// Sends the argument as a line.
pub(super) fn send(call: Call) -> Replies {
    let request = Request::Line(call.argument.clone());
    ask_all(&call, &request)
}

/// `.keys TEXT`
pub(super) fn keys(call: Call) -> Replies {
    match unescape(&call.argument) {
        Ok(bytes) => ask_all(&call, &Request::Keys(bytes)),
        Err(reason) => ready(Err(reason)),
    }
}

/// `.break`
pub(super) fn send_break(call: Call) -> Replies {
    ask_all(&call, &Request::Break)
}

/// A debugger's command that begins with a dot.
pub(super) fn debugger(call: Call) -> Replies {
    let line = format!("{} {}", call.name, call.argument);
    let request = Request::Debugger(line.trim_end().to_owned());
    ask_all(&call, &request)
}

/// `.connect`
pub(super) fn connect(call: Call) -> Replies {
    ask_all(&call, &Request::Connect)
}

/// `.disconnect`
pub(super) fn disconnect(call: Call) -> Replies {
    ask_all(&call, &Request::Disconnect)
}

/// `.baud RATE`
pub(super) fn baud(call: Call) -> Replies {
    match call.argument.parse() {
        Ok(rate) if rate > 0 => ask_all(&call, &Request::Baud(rate)),
        _ => ready(Err("a baud rate is a number, as in .baud 115200".to_owned())),
    }
}

/// `.dtr on|off`
pub(super) fn dtr(call: Call) -> Replies {
    modem(&call, ModemLine::Dtr)
}

/// `.rts on|off`
pub(super) fn rts(call: Call) -> Replies {
    modem(&call, ModemLine::Rts)
}

fn modem(call: &Call, line: ModemLine) -> Replies {
    let on = match call.argument.as_str() {
        "on" => true,
        "off" => false,
        _ => return ready(Err("on or off?".to_owned())),
    };
    ask_all(call, &Request::Modem { line, on })
}

/// `.status`
pub(super) fn status(call: Call) -> Replies {
    if call.targets.is_empty() {
        return ready(Err(line::NOBODY.to_owned()));
    }
    let answers = ask_all(&call, &Request::Describe);
    Box::pin(async move {
        let answers = answers.await;
        let about = |(reply, target): (Reply, &std::sync::Arc<crate::rack::Target>)| {
            let text = format!("{}\n{}", super::rack::describe(target), reply.text);
            Reply {
                ok: true,
                text: text.trim_end().to_owned(),
                ..reply
            }
        };
        answers.into_iter().zip(&call.targets).map(about).collect()
    })
}

/// Reads the escapes of `.keys`.
fn unescape(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            continue;
        }
        match rest.next() {
            Some('r') => bytes.push(b'\r'),
            Some('n') => bytes.push(b'\n'),
            Some('t') => bytes.push(b'\t'),
            Some('e') => bytes.push(0x1b),
            Some('\\') => bytes.push(b'\\'),
            Some('x') => {
                let digits: String = rest.by_ref().take(2).collect();
                let byte = (digits.len() == 2)
                    .then(|| u8::from_str_radix(&digits, 16).ok())
                    .flatten();
                bytes.push(byte.ok_or_else(|| {
                    format!("\\x{digits}: two hexadecimal digits belong behind \\x")
                })?);
            }
            Some(other) => {
                return Err(format!(
                    "\\{other} means nothing; \\r \\n \\t \\e \\\\ \\xNN do"
                ));
            }
            None => return Err("a \\ stands at the end; a real one is written \\\\".to_owned()),
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_unescaped() {
        assert_eq!(unescape(r"a\r\x03\\\eü").unwrap(), b"a\r\x03\\\x1b\xc3\xbc");
        for wrong in [r"\q", r"\x4", r"\xzz", "\\"] {
            assert!(unescape(wrong).is_err(), "{wrong}");
        }
    }
}
