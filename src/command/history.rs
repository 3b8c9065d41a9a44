//! Commands that read what targets printed: the last lines, a search, waiting for a line, a file.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;

use super::{Call, ENDING, Replies, Reply, WAIT_SECONDS_MAX, line, ready};
use crate::rack::Target;
use crate::session::Permission;
use crate::transcript::search::Pattern;
use crate::transcript::{Ending, Entry, Kind, Reader, Seq, Step, Watch, safe};

/// Lines that `.last` shows unless told.
const LAST_LINES: usize = 10;
/// Most lines that `.last` and `.find` print; a file holds the rest.
const LINES_MAX: usize = 1000;
/// Bytes of text that `.last` and `.find` print for each target to somebody who is not at the host itself: it waits in
/// the host until it is read.
const GUEST_BYTES_MAX: usize = 256 << 10;
/// Commands that look at whole histories at once; others wait for them.
const LOOKS_AT_ONCE: usize = 4;
/// Text looked at while a transcript is locked, bytes; its target waits meanwhile.
const LOOK_BYTES: usize = 256 << 10;
/// What looking at an entry costs beside its text, as bytes of text.
const ENTRY_BYTES: usize = 128;
/// Pause between two looks of `.wait`, so that the floods of others do not keep it busy.
const LOOK_PAUSE: Duration = Duration::from_millis(5);
/// How long `.wait` waits unless told.
const WAIT: Duration = Duration::from_secs(30);

static LOOKS: tokio::sync::Semaphore = tokio::sync::Semaphore::const_new(LOOKS_AT_ONCE);

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
    each(call, move |call, target| {
        let from = target
            .transcript
            .with(|ring| ring.next().saturating_sub(count as u64));
        let (most, mut bytes, mut text) = (bytes_max(call), 0, VecDeque::new());
        for line in slices(target, from, |entry| Some(shown(entry))).flatten() {
            bytes += line.len() + 1;
            text.push_back(line);
            // The newest are what was asked for.
            while bytes > most
                && let Some(oldest) = text.pop_front()
            {
                bytes -= oldest.len() + 1;
            }
        }
        Ok(text.make_contiguous().join("\n"))
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
    each(call, move |call, target| {
        let (most, mut bytes) = (bytes_max(call), 0);
        let (mut found, mut lines) = (0_usize, Vec::new());
        let matching = |entry: &Entry<'_>| pattern.is_in(entry.bytes).then(|| shown(entry));
        for slice in slices(target, 1, matching) {
            found += slice.len();
            let room = LINES_MAX - lines.len();
            let fits = |line: &String| {
                bytes += line.len() + 1;
                bytes <= most
            };
            lines.extend(slice.into_iter().take(room).take_while(fits));
        }
        if found > lines.len() {
            lines.push(format!(
                "... the first {} of them; .save FILE writes all",
                lines.len()
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
        let failed = |error: io::Error| format!("cannot write {path}: {error}");
        let file = File::create_new(path).map_err(failed)?;
        let count = write_all(target, file).map_err(failed)?;
        Ok(format!("{count} lines are in {path}"))
    })
}

/// Writes the history, between two looks at it: a slow disk must not hold up the target. How many lines that were.
pub(super) fn write_all(target: &Target, file: File) -> io::Result<usize> {
    let (mut file, mut count) = (BufWriter::new(file), 0);
    for slice in slices(target, 1, |entry| Some(shown(entry))) {
        for line in &slice {
            writeln!(file, "{line}")?;
        }
        count += slice.len();
    }
    file.flush()?;
    Ok(count)
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
        Ok(seconds) if seconds > WAIT_SECONDS_MAX && seconds.is_finite() => {
            return ready(Err(format!(
                "how long? at most {WAIT_SECONDS_MAX} seconds can be waited"
            )));
        }
        Ok(seconds) if (0.0..=WAIT_SECONDS_MAX).contains(&seconds) && !rest.is_empty() => {
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
    let waits: Vec<_> = call
        .targets
        .iter()
        .map(|target| (target.clone(), Reader::from(from(target))))
        .collect();
    let (deck, deadline) = (call.deck, tokio::time::Instant::now() + patience);
    Box::pin(async move {
        let ending = deck.ending();
        let pulse = deck.pulse();
        let waits = waits.into_iter().map(async |(target, reader)| {
            let line = seek(&target, reader, &pattern, pulse.watch());
            let result = tokio::select! {
                biased;
                found = tokio::time::timeout_at(deadline, line) => found.map_err(|_| {
                    let (seconds, pattern) = (patience.as_secs_f64(), pattern.source());
                    format!("nothing in {seconds} s matched {pattern}")
                }),
                () = ending.cancelled() => Err(ENDING.to_owned()),
            };
            Reply::about(target.id, result)
        });
        join_all(waits).await
    })
}

/// Waits for the first new line of output that matches.
async fn seek(target: &Target, mut reader: Reader, pattern: &Pattern, watch: Arc<Watch>) -> String {
    let mut seen = None;
    loop {
        watch.arm();
        let version = target.transcript.version();
        if seen != Some(version) {
            let (found, more) = look(target, &mut reader, pattern);
            if let Some(line) = found {
                return line;
            }
            if more {
                tokio::task::yield_now().await;
                continue;
            }
            seen = Some(version);
        }
        watch.rung().await;
        tokio::time::sleep(LOOK_PAUSE).await;
    }
}

/// Looks at one slice of what is new: the line that matches, and whether there is more to look at.
fn look(target: &Target, reader: &mut Reader, pattern: &Pattern) -> (Option<String>, bool) {
    let (mut found, mut bytes) = (None, 0);
    target.transcript.with(|ring| {
        reader.read(ring, true, |step| {
            if let Step::Entry(entry, _) = step {
                bytes += entry.bytes.len() + ENTRY_BYTES;
                if entry.kind == Kind::Output && pattern.is_in(entry.bytes) {
                    found = Some(safe::plain(entry.bytes).into_owned());
                }
            }
            found.is_none() && bytes < LOOK_BYTES
        });
    });
    (found, bytes >= LOOK_BYTES)
}

/// How many bytes of each target's lines may be printed.
fn bytes_max(call: &Call) -> usize {
    match call.author.permission {
        Permission::Owner => usize::MAX,
        Permission::Observer | Permission::Operator => GUEST_BYTES_MAX,
    }
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
        let _look = LOOKS.acquire().await;
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

/// What `pick` makes of the entries that are there now, `from` on, in slices: between two of them the target has its turn.
fn slices<T>(
    target: &Target,
    from: Seq,
    mut pick: impl FnMut(&Entry<'_>) -> Option<T>,
) -> impl Iterator<Item = Vec<T>> {
    let (mut next, end) = target
        .transcript
        .with(|ring| (from.max(ring.first()), ring.next()));
    std::iter::from_fn(move || {
        if next >= end {
            return None;
        }
        target.transcript.with(|ring| {
            let (mut picked, mut bytes, mut after) = (Vec::new(), 0, end);
            for entry in ring.entries(next).take_while(|entry| entry.seq < end) {
                picked.extend(pick(&entry));
                after = entry.seq + 1;
                bytes += entry.bytes.len() + ENTRY_BYTES;
                if bytes >= LOOK_BYTES {
                    break;
                }
            }
            next = after;
            Some(picked)
        })
    })
}

/// An entry as one or more lines of plain text.
pub(super) fn shown(entry: &Entry<'_>) -> String {
    let text = |bytes| safe::plain_lines(bytes);
    match entry.kind {
        Kind::Output => safe::plain(entry.bytes).into_owned(),
        Kind::Command => format!("{}> {}", entry.who.unwrap_or("?"), text(entry.bytes)),
        Kind::Reply => format!("= {}", text(entry.bytes)),
        Kind::Notice => format!("-- {}", text(entry.bytes)),
    }
}
