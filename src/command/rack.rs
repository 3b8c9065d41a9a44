//! Commands about the rack, the process and the people: lists, help, adding and removing targets, pauses.

use std::time::Duration;

use super::{Call, ENDING, Replies, Reply, WAIT_SECONDS_MAX, help, ready};
use crate::rack::Target;
use crate::transcript::log::Health;

/// `.targets`
pub(super) fn targets(call: Call) -> Replies {
    let rack = call.deck.rack();
    let targets = if call.targets.is_empty() {
        rack.targets()
    } else {
        &call.targets
    };
    if targets.is_empty() {
        return ready(Ok(
            "no targets; -k, .add or the configuration file bring some".to_owned(),
        ));
    }
    let width = targets
        .iter()
        .map(|target| target.name.chars().count())
        .max()
        .unwrap_or(0);
    let line = |target: &std::sync::Arc<Target>| {
        let status = target.status.read();
        let words = match status.alert.as_str() {
            "" => &status.detail,
            alert => alert,
        };
        let text = format!(
            "{} {:width$} {:10} {}  {words}",
            status.letter(),
            target.name,
            status.state.word(),
            target.address,
        );
        text.trim_end().to_owned()
    };
    ready(Ok(targets.iter().map(line).collect::<Vec<_>>().join("\n")))
}

/// What is known of a target without asking it.
pub(super) fn describe(target: &Target) -> String {
    let status = target.status.read();
    let (lines, bytes, memory, first, next) = target.transcript.with(|ring| {
        (
            ring.output_lines(),
            ring.output_bytes(),
            ring.memory(),
            ring.first(),
            ring.next(),
        )
    });
    let log = match status.log {
        Health::Off => "off".to_owned(),
        Health::Writing => "written".to_owned(),
        Health::Failing { reason } => format!("FAILING: {reason}"),
        Health::Gap { missed } => format!("written, but {missed} entries are missing"),
    };
    let since = status
        .since
        .timestamp()
        .to_zoned(jiff::tz::TimeZone::system());
    let mut text = format!(
        "{} {} {}\nsince   {}\ngroups  {}\nlines   {lines}\nbytes   {bytes}\nhistory entries {first} to {}, {} KiB\nlog     {log}",
        target.name,
        status.state.word(),
        target.address,
        since.strftime("%Y-%m-%d %H:%M:%S"),
        target.groups.join(" "),
        next - 1,
        memory / 1024,
    );
    if !status.detail.is_empty() {
        text.push_str(&format!("\nstate   {}", status.detail));
    }
    if !status.alert.is_empty() {
        text.push_str(&format!("\nalert   {}", status.alert));
    }
    if !status.holder.is_empty() {
        text.push_str(&format!("\nholder  {}", status.holder));
    }
    if !status.prompt.is_empty() {
        text.push_str(&format!("\nprompt  {}", status.prompt));
    }
    if !target.tags.is_empty() {
        text.push_str(&format!("\ntags    {}", target.tags.join(" ")));
    }
    text
}

/// `.help [COMMAND]`
pub(super) fn help(call: Call) -> Replies {
    ready(help::about(&call.argument))
}

/// `.qq`
pub(super) fn end_session(call: Call) -> Replies {
    let ended = call.host().map(|host| {
        host.finish(&call.author);
        String::new()
    });
    ready(ended)
}

/// `.sleep SECONDS`
pub(super) fn sleep(call: Call) -> Replies {
    match call.argument.parse::<f64>() {
        Ok(seconds) if (0.0..=WAIT_SECONDS_MAX).contains(&seconds) => Box::pin(async move {
            let ending = call.deck.ending();
            let result = tokio::select! {
                () = ending.cancelled() => Err(ENDING.to_owned()),
                () = tokio::time::sleep(Duration::from_secs_f64(seconds)) => Ok(String::new()),
            };
            vec![Reply::new(result)]
        }),
        _ => ready(Err(format!(
            "how long? a number of seconds up to {WAIT_SECONDS_MAX}, as in .sleep 0.5"
        ))),
    }
}

/// `.add STRING`
pub(super) fn add(call: Call) -> Replies {
    if call.argument.is_empty() {
        return ready(Err(
            "what? a target string belongs behind .add, as in .add raw:server=lab1,port=7001"
                .to_owned(),
        ));
    }
    ready(call.deck.add(&call.argument))
}

/// `.remove`
pub(super) fn remove(call: Call) -> Replies {
    if !call.argument.is_empty() || call.targets.is_empty() {
        return ready(Err("which? @NAME .remove removes that target".to_owned()));
    }
    let names: Vec<&str> = call
        .targets
        .iter()
        .map(|target| target.name.as_str())
        .collect();
    ready(call.deck.remove(&call.author, &names))
}

/// `.reload`
pub(super) fn reload(call: Call) -> Replies {
    let deck = call.deck;
    Box::pin(async move {
        let read = tokio::task::spawn_blocking(move || deck.reload()).await;
        vec![Reply::new(read.unwrap_or_else(|_| {
            Err("reloading failed inside; the program's log tells more".to_owned())
        }))]
    })
}
