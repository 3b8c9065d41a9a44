//! `.shell`: programs on the host, run by hand.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, Command};
use tokio::sync::oneshot;

use super::{Call, ENDING, Replies, Reply, ready};
use crate::host::Host;
use crate::transcript::safe;

/// A program that runs longer is ended.
const RUNS_AT_MOST: Duration = Duration::from_secs(60);
/// Bytes of output that are shown; a program that prints more is ended.
const OUTPUT_BYTES_MAX: usize = 64 << 10;
/// Programs that run at once.
const AT_ONCE: usize = 8;
/// Said when the commands are off.
const FORBIDDEN: &str =
    "-noshell or .noshell was said: no programs are run until kdeck is started again";

static RUNNING: tokio::sync::Semaphore = tokio::sync::Semaphore::const_new(AT_ONCE);

/// `.shell COMMAND`
pub(super) fn shell(call: Call) -> Replies {
    let host = match call.host() {
        Ok(host) => host.clone(),
        Err(reason) => return ready(Err(reason)),
    };
    if host.is_shell_forbidden() {
        return ready(Err(FORBIDDEN.to_owned()));
    }
    if call.argument.is_empty() {
        return ready(Err(
            "what? a command of the host's shell belongs behind .shell, as in .shell uptime"
                .to_owned(),
        ));
    }
    let (answer, result) = oneshot::channel();
    let (running, command) = (host.clone(), call.argument);
    // On the host's own threads: a program comes as late as the thread that starts it, and others serve clients. It goes
    // on when who asked for it has gone.
    host.spawn(async move {
        let result = run(&running, &command).await;
        answer.send(result).ok();
    });
    Box::pin(async move {
        let result = result.await.unwrap_or_else(|_| Err(ENDING.to_owned()));
        vec![Reply::new(result)]
    })
}

/// `.noshell`
pub(super) fn noshell(call: Call) -> Replies {
    ready(call.host().map(|host| {
        host.forbid_shell();
        "no programs are run with .shell any more, as long as this kdeck runs".to_owned()
    }))
}

async fn run(host: &Arc<Host>, command: &str) -> Result<String, String> {
    let Ok(_running) = RUNNING.try_acquire() else {
        return Err(format!(
            "{AT_ONCE} programs run already; try again when one has ended"
        ));
    };
    let child = Command::new("/bin/sh")
        .arg("-c")
        // Errors in their place between the output.
        .arg(format!("exec 2>&1\n{command}"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        // So that what it starts is ended with it.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("/bin/sh: {error}"))?;
    let mut group = Group::of(child);
    let mut output = Vec::new();
    let ending = host.ending();
    let why = tokio::select! {
        biased;
        () = ending.cancelled() => Some(ENDING.to_owned()),
        () = tokio::time::sleep(RUNS_AT_MOST) => {
            let seconds = RUNS_AT_MOST.as_secs();
            Some(format!("it ran for longer than {seconds} s and was ended"))
        }
        ended = group.read(&mut output) => ended,
    };
    let mut text = safe::plain_lines(&output).trim_end().to_owned();
    match why {
        None => Ok(text),
        Some(why) => {
            if !text.is_empty() {
                text.push('\n');
            }
            Err(format!("{text}{why}"))
        }
    }
}

/// A program and what it started; ended when it is dropped.
struct Group {
    child: Child,
    id: Option<Pid>,
}

impl Group {
    fn of(child: Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Self {
            id: id.and_then(Pid::from_raw),
            child,
        }
    }

    /// Reads all it prints, up to the limit. Why it did not end well, if it did not.
    async fn read(&mut self, output: &mut Vec<u8>) -> Option<String> {
        if let Some(stdout) = &mut self.child.stdout {
            let most = u64::try_from(OUTPUT_BYTES_MAX).unwrap_or(u64::MAX);
            if let Err(error) = stdout.take(most).read_to_end(output).await {
                return Some(error.to_string());
            }
        }
        if output.len() >= OUTPUT_BYTES_MAX {
            let kib = OUTPUT_BYTES_MAX >> 10;
            return Some(format!("it printed more than {kib} KiB and was ended"));
        }
        match self.child.wait().await {
            Ok(status) if status.success() => None,
            Ok(status) => Some(status.to_string()),
            Err(error) => Some(error.to_string()),
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            // It has ended, as it should have; what it left in the background may not.
            kill_process_group(id, Signal::KILL).ok();
        }
    }
}
