//! The rig: scripts that start real peers, each with state and ports of its own.

use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;

use tempfile::TempDir;

/// How long a script may take, seconds: the first run installs programs and fetches a kernel.
const SCRIPT_S: &str = "600";

/// A script of the rig, and what it started; that is ended when this is dropped.
#[derive(Debug)]
pub struct Rig {
    script: PathBuf,
    state: TempDir,
}

impl Rig {
    /// The script, ready to start peers; `None` if this check cannot run here, which is then said.
    ///
    /// `programs` are those that the script needs; root may have them installed by it.
    pub fn find(check: &str, script: &str, programs: &[&str]) -> Option<Self> {
        if !is_asked_for(check) {
            return None;
        }
        match Self::look(script, programs) {
            Ok(rig) => Some(rig),
            Err(reason) => {
                skip(check, &reason);
                None
            }
        }
    }

    fn look(script: &str, programs: &[&str]) -> Result<Self, String> {
        let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/rig");
        let rig = std::env::var_os("KDECK_RIG").map_or(beside, PathBuf::from);
        let script = rig.join(script);
        if !script.is_file() {
            return Err(format!("there is no {}", script.display()));
        }
        if !rustix::process::geteuid().is_root() {
            let missing = missing(programs);
            if !missing.is_empty() {
                return Err(format!("{missing} missing, and only root can install"));
            }
        }
        // Sockets are made in it, whose paths must be short.
        let state = tempfile::Builder::new().prefix("rig").tempdir();
        Ok(Self {
            script,
            state: state.expect("a temporary directory"),
        })
    }

    /// Where the script keeps its state.
    pub fn state(&self) -> &Path {
        self.state.path()
    }

    /// Keeps what the script puts in this directory of its state for the next run of the tests.
    pub fn keep(&self, name: &str) {
        let kept = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join("rig")
            .join(name);
        fs::create_dir_all(&kept).expect("cargo's temporary directory can be written");
        std::os::unix::fs::symlink(kept, self.state().join(name)).expect("an empty state");
    }

    /// Runs a verb of the script, and returns what it printed. It has to succeed.
    pub fn run<S: AsRef<OsStr>>(
        &self,
        verb: &str,
        arguments: impl IntoIterator<Item = S>,
    ) -> String {
        let output = self.call(verb, arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let script = self.script.display();
        assert!(
            output.status.success(),
            "{script} {verb}: {}\n{printed}{errors}",
            output.status
        );
        printed
    }

    fn call<S: AsRef<OsStr>>(&self, verb: &str, arguments: impl IntoIterator<Item = S>) -> Output {
        // Two of them at once would both install programs.
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        let _turn = ONE_AT_A_TIME.lock();
        let mut command = Command::new("timeout");
        command.arg(SCRIPT_S).arg(&self.script).arg(verb);
        command.arg("-s").arg(self.state()).args(arguments);
        let output = command.stdin(Stdio::null()).output();
        output.expect("timeout(1) is there")
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.call("down", [""; 0]);
    }
}

/// Whether a check that needs no script can run here, with these programs; if not, that is said.
pub fn can_run(check: &str, programs: &[&str]) -> bool {
    if !is_asked_for(check) {
        return false;
    }
    let missing = missing(programs);
    if !missing.is_empty() {
        skip(check, &format!("{missing} missing"));
    }
    missing.is_empty()
}

fn is_asked_for(check: &str) -> bool {
    let asked = std::env::var_os("KDECK_PEERS").is_some_and(|value| !value.is_empty());
    if !asked {
        tell(&format!("skipped: {check}: set KDECK_PEERS=1 to run it"));
    }
    asked
}

fn skip(check: &str, reason: &str) {
    assert!(std::env::var_os("CI").is_none(), "{check}: {reason}");
    tell(&format!("skipped: {check}: {reason}"));
}

/// Says something even where the tests' output is held back.
pub fn tell(text: &str) {
    // Nobody may be reading.
    writeln!(std::io::stderr(), "{text}").ok();
}

/// The names of those programs that are not there.
fn missing(programs: &[&str]) -> String {
    let missing = programs.iter().filter(|name| !is_there(name));
    missing.copied().collect::<Vec<&str>>().join(", ")
}

fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let system = [PathBuf::from("/usr/sbin"), PathBuf::from("/sbin")];
    std::env::split_paths(&path)
        .chain(system)
        .any(|directory| directory.join(program).is_file())
}
