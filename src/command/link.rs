//! Commands that go to targets' links: lines, keys, breaks, connecting, serial settings.

use super::{Call, Replies, Reply, ask_all, line, ready};
use crate::target::keys::unescape;
use crate::target::{ModemLine, Request};

/// Sends the argument as a line.
pub(super) fn send(call: Call) -> Replies {
    let request = Request::Line(call.argument.clone());
    ask_all(&call, &request)
}

/// `.keys TEXT`
pub(super) fn keys(call: Call) -> Replies {
    match unescape(&call.argument) {
        Ok(_) => ask_all(&call, &Request::Escaped(call.argument.clone())),
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
