//! Commands that read what targets printed: the last lines, a search, waiting for a line, a file.

use std::io::{BufWriter, Write as _};
use std::sync::Arc;
use std::time::Duration;

use super::{Call, Replies, Reply, line, ready};
use crate::rack::Target;
use crate::transcript::search::Pattern;
use crate::transcript::{Ending, Entry, Kind, Reader, Seq, Step, safe};

/// Lines that `.last` shows unless told.
const LAST_LINES: usize = 10;
/// Most lines that `.last` and `.find` print; a file holds the rest.
const LINES_MAX: usize = 1000;
/// Entries looked at while a transcript is locked; its target waits meanwhile.
const ENTRIES_PER_LOOK: usize = 2000;
/// How long `.wait` waits unless told.
const WAIT: Duration = Duration::from_secs(30);

/// `.last [N]`
pub(super) fn last(call: Call) -> Replies {
    let count = match call.argument.as_str() {
        "" => LAST_LINES,
        number => match number.parse::<usize>() {
            Ok(count) if (1..=LINES_MAX).contains(&count) => count,
            _ => {
                return ready(Err(format!(
                    "how many lines? a number from 1 to {LINES_MAX}"
                )));
            }
        },
    };
    each(call, move |_, target| {
        let text = target.transcript.with(|ring| {
            let from = ring.next().saturating_sub(count as u64);
            ring.entries(from)
                .map(|entry| shown(&entry))
                .collect::<Vec<_>>()
        });
        Ok(text.join("\n"))
    })
}

/// `.find REGEX`
pub(super) fn find(call: Call) -> Replies {
    if call.argument.is_empty() {
        return ready(Err(
            "find what? a regular expression belongs behind .find".to_owned()
        ));
    }
    let pattern = Pattern::new(&call.argument);
    each(call, move |_, target| {
        let (mut found, mut lines) = (0_usize, Vec::new());
        look(target, |entry| {
            if pattern.is_in(entry.bytes) {
                found += 1;
                if lines.len() < LINES_MAX {
                    lines.push(shown(entry));
                }
            }
        });
        if found > lines.len() {
            lines.push(format!(
                "... the first {LINES_MAX} of them; .save FILE writes all"
            ));
        }
        let heading = if found == 1 {
            "1 line".to_owned()
        } else {
            format!("{found} lines")
        };
        let problem = pattern
            .problem()
            .map(|problem| format!("\n({problem})"))
            .unwrap_or_default();
        lines.insert(0, heading + &problem);
        Ok(lines.join("\n"))
    })
}

/// `.save FILE`
pub(super) fn save(call: Call) -> Replies {
    if call.argument.is_empty() {
        return ready(Err(
            "where to? a file's name belongs behind .save".to_owned()
        ));
    }
    if call.targets.len() > 1 {
        return ready(Err("one target at a time has a file".to_owned()));
    }
    each(call, |call, target| {
        let path = &call.argument;
        let failed = |error: std::io::Error| format!("cannot write {path}: {error}");
        let file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(path)
            .map_err(failed)?;
        let mut file = BufWriter::new(file);
        let (mut count, mut result) = (0_u64, Ok(()));
        look(target, |entry| {
            if result.is_ok() {
                result = writeln!(file, "{}", shown(entry));
                count += 1;
            }
        });
        result.and_then(|()| file.flush()).map_err(failed)?;
        Ok(format!("{count} lines are in {path}"))
    })
}

/// `.wait [SECONDS] REGEX`
pub(super) fn wait(call: Call) -> Replies {
    if call.targets.is_empty() {
        return ready(Err(line::NOBODY.to_owned()));
    }
    let (first, rest) = call
        .argument
        .split_once(' ')
        .unwrap_or(("", &call.argument));
    let (patience, pattern) = match first.parse::<f64>() {
        Ok(seconds) if (0.0..1e6).contains(&seconds) && !rest.is_empty() => {
            (Duration::from_secs_f64(seconds), rest)
        }
        _ => (WAIT, call.argument.as_str()),
    };
    if pattern.is_empty() {
        return ready(Err(
            "wait for what? a regular expression belongs behind .wait".to_owned(),
        ));
    }
    let pattern = Arc::new(Pattern::new(pattern));
    // What was printed before the command does not count, but an open prompt does: it is what one waits for.
    let from = |target: &Arc<Target>| {
        target.transcript.with(
            |ring| match ring.entries(ring.next().saturating_sub(1)).next() {
                Some(entry) if entry.ending == Ending::Open => entry.seq,
                _ => ring.next(),
            },
        )
    };
    let places: Vec<(Arc<Target>, Seq)> = call
        .targets
        .iter()
        .map(|target| (target.clone(), from(target)))
        .collect();
    let pulse = call.deck.pulse();
    Box::pin(async move {
        let mut replies = Vec::new();
        let deadline = tokio::time::Instant::now() + patience;
        for (target, from) in places {
            let watch = pulse.watch();
            let seek = async {
                let mut reader = Reader::from(from);
                loop {
                    watch.arm();
                    if let Some(line) = seek(&target, &mut reader, &pattern) {
                        return line;
                    }
                    watch.rung().await;
                }
            };
            let result = match tokio::time::timeout_at(deadline, seek).await {
                Ok(line) => Ok(line),
                Err(_) => Err(format!(
                    "nothing in {} s matched {}",
                    patience.as_secs_f64(),
                    pattern.source()
                )),
            };
            replies.push(Reply::about(target.id, result));
        }
        replies
    })
}

/// The first new line of output that matches.
fn seek(target: &Target, reader: &mut Reader, pattern: &Pattern) -> Option<String> {
    let mut found = None;
    target.transcript.with(|ring| {
        reader.read(ring, true, |step| {
            if let Step::Entry(entry, _) = step
                && entry.kind == Kind::Output
                && pattern.is_in(entry.bytes)
            {
                found = Some(safe::plain(entry.bytes).into_owned());
            }
            found.is_none()
        });
    });
    found
}

/// Runs `work` for each target of the call, away from the actors' threads.
fn each(
    call: Call,
    work: impl Fn(&Call, &Target) -> Result<String, String> + Send + 'static,
) -> Replies {
    if call.targets.is_empty() {
        return ready(Err(line::NOBODY.to_owned()));
    }
    Box::pin(async move {
        let targets: Vec<_> = call.targets.iter().map(|target| target.id).collect();
        let work = move || {
            call.targets
                .iter()
                .map(|t| Reply::about(t.id, work(&call, t)))
                .collect::<Vec<_>>()
        };
        let failed = |id: &_| {
            Reply::about(
                *id,
                Err("the command failed inside; the program's log tells more".to_owned()),
            )
        };
        tokio::task::spawn_blocking(work)
            .await
            .unwrap_or_else(|_| targets.iter().map(failed).collect())
    })
}

/// Calls `take` for all entries that are there now, with pauses for the target in between.
fn look(target: &Target, mut take: impl FnMut(&Entry<'_>)) {
    let (mut next, end) = target.transcript.with(|ring| (ring.first(), ring.next()));
    while next < end {
        next = target.transcript.with(|ring| {
            let mut after = end;
            for entry in ring
                .entries(next)
                .take_while(|entry| entry.seq < end)
                .take(ENTRIES_PER_LOOK)
            {
                take(&entry);
                after = entry.seq + 1;
            }
            after
        });
    }
}

/// An entry as one or more lines of plain text.
pub(super) fn shown(entry: &Entry<'_>) -> String {
    let text = |bytes| safe::plain(bytes).into_owned();
    match entry.kind {
        Kind::Output => text(entry.bytes),
        Kind::Command => format!("{}> {}", entry.who.unwrap_or("?"), text(entry.bytes)),
        Kind::Reply => format!("= {}", text(entry.bytes)),
        Kind::Notice => format!("-- {}", text(entry.bytes)),
    }
}
