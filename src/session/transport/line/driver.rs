//! The task that owns a shared line's device.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{sleep, sleep_until};

use super::{LineStream, Lines, Shared, open};
use crate::link::Stream;
use crate::proto::session::line::{Event, FRAME_BYTES_MAX};

/// Drives the line until nobody uses it. A device that is lost is opened again as long as a server wants it.
pub async fn drive(shared: Arc<Shared>, lines: Lines, key: PathBuf, mut stream: Stream) {
    loop {
        let reason = match carry(&shared, &mut stream).await {
            Left::Idle => match lines.close(&key, &shared, stream) {
                Some(used_again) => {
                    stream = used_again;
                    continue;
                }
                None => return,
            },
            Left::Lost(reason) => reason,
        };
        drop(stream);
        let device = shared.device.display().to_string();
        tracing::warn!(device, reason, "a shared serial line is lost");
        {
            let mut state = shared.lock();
            state.lost = Some(format!("{device} is lost: {reason}"));
            state.line.handle_loss();
        }
        tell(&shared);
        stream = loop {
            if shared.lock().listeners.is_empty() {
                lines.forget(&key);
                return;
            }
            tokio::select! {
                () = sleep(REOPEN_PAUSE) => {}
                () = shared.wake.notified() => {}
            }
            if let Ok(stream) = open(&shared.device, shared.baud) {
                break stream;
            }
        };
        tracing::info!(device, "a shared serial line is back");
        shared.lock().lost = None;
    }
}

enum Left {
    Idle,
    Lost(String),
}

async fn carry(shared: &Arc<Shared>, stream: &mut Stream) -> Left {
    let (mut reader, mut writer) = tokio::io::split(stream);
    let mut buffer = [0; READ_BYTES];
    let mut leaving = Vec::with_capacity(2 * FRAME_BYTES_MAX);
    loop {
        let now = Instant::now();
        let (timeout, idle) = {
            let mut state = shared.lock();
            state.line.handle_timeout(now);
            while leaving.len() < FRAME_BYTES_MAX
                && let Some(frame) = state.line.poll_transmit(now)
            {
                leaving.extend_from_slice(&frame);
            }
            (state.line.poll_timeout(), state.line.is_idle())
        };
        tell(shared);
        if idle && leaving.is_empty() && Arc::strong_count(shared) == 1 {
            return Left::Idle;
        }
        // while bytes wait to be written nothing is taken, however late it is
        let timeout = match leaving.is_empty() {
            true => timeout,
            false => timeout.map(|at| at.max(now + WRITE_PAUSE)),
        };
        let due = timeout.unwrap_or(now + IDLE_PAUSE);
        tokio::select! {
            read = reader.read(&mut buffer) => match read {
                Ok(0) => return Left::Lost("the other end of the device is closed".to_owned()),
                Ok(length) => {
                    let bytes = buffer.get(..length).unwrap_or_default();
                    shared.lock().line.handle_bytes(Instant::now(), bytes);
                }
                Err(error) => return Left::Lost(error.to_string()),
            },
            written = writer.write(&leaving), if !leaving.is_empty() => match written {
                Ok(length) => drop(leaving.drain(..length)),
                Err(error) => return Left::Lost(error.to_string()),
            },
            () = shared.wake.notified() => {}
            () = sleep_until(due.into()) => {}
        }
    }
}

/// Passes on what happened. Without the lock where a stream may be dropped, which takes it.
fn tell(shared: &Arc<Shared>) {
    loop {
        let event = shared.lock().line.poll_event();
        match event {
            None => break,
            Some(Event::Accepted(id)) => {
                let stream = LineStream::new(shared.clone(), id);
                let listener = shared.lock().listeners.get(&id.channel).cloned();
                // one too many is dropped, and so closed
                let _ = listener.map(|listener| listener.try_send(stream));
            }
            Some(Event::Opened(id)) => {
                let waiting = shared.lock().openings.remove(&id);
                let _ = waiting.map(|waiting| waiting.send(Ok(())));
            }
            Some(Event::Ended(id, end)) => {
                let waiting = shared.lock().openings.remove(&id);
                let _ = waiting.map(|waiting| waiting.send(Err(end)));
            }
        }
    }
    let (readers, writers) = {
        let mut state = shared.lock();
        (
            std::mem::take(&mut state.readers),
            std::mem::take(&mut state.writers),
        )
    };
    for waker in readers.into_values().chain(writers.into_values()) {
        waker.wake();
    }
}

/// Pause before a lost device is tried again.
const REOPEN_PAUSE: Duration = Duration::from_secs(2);
/// What is read at once. Bytes: a tenth of a second at 115200 baud is less.
const READ_BYTES: usize = 2048;
/// How long a device that takes no bytes is left alone.
const WRITE_PAUSE: Duration = Duration::from_millis(20);
/// Nothing is due; a notification comes first.
const IDLE_PAUSE: Duration = Duration::from_secs(3600);
