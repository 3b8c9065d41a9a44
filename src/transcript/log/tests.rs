use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};

use super::*;
use crate::transcript::{Kind, Limits, Ring, Time};

const PATIENCE: Duration = Duration::from_secs(20);

struct Setup {
    directory: tempfile::TempDir,
    transcript: Arc<Transcript>,
    writer: LogWriter,
    health: Receiver<Health>,
}

fn settings(directory: &Path) -> Settings {
    Settings {
        directory: directory.into(),
        raw: false,
        stamp: Stamp::Off,
        rotate_bytes: 1 << 30,
        rotate_count: 3,
    }
}

fn setup(change: impl Fn(&mut Settings)) -> Setup {
    let directory = tempfile::tempdir().unwrap();
    let mut settings = settings(directory.path());
    change(&mut settings);
    let pulse = Arc::new(Pulse::default());
    let transcript = Arc::new(Transcript::new(Limits::default(), pulse.clone()));
    let writer = LogWriter::start(settings, &pulse).unwrap();
    let (tell, health) = channel();
    let report = Box::new(move |health| tell.send(health).unwrap_or_default());
    writer.add(Source {
        name: "t1".into(),
        transcript: transcript.clone(),
        from: 1,
        report,
    });
    Setup {
        directory,
        transcript,
        writer,
        health,
    }
}

/// All files of a folder, by name.
fn files(directory: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap());
    entries
        .map(|entry| {
            (
                entry.file_name().into_string().unwrap(),
                fs::read_to_string(entry.path()).unwrap(),
            )
        })
        .collect()
}

/// Waits until the log's health is as wanted.
fn wait(health: &Receiver<Health>, wanted: impl Fn(&Health) -> bool) -> Health {
    loop {
        let health = health
            .recv_timeout(PATIENCE)
            .expect("the wanted health comes in time");
        if wanted(&health) {
            return health;
        }
    }
}

fn failing(health: &Health) -> bool {
    matches!(health, Health::Failing { .. })
}

fn only_file(directory: &Path) -> String {
    let files = files(directory);
    assert_eq!(files.len(), 1, "{files:?}");
    files.into_values().next().unwrap()
}

#[test]
fn lines_commands_and_notices_stand_in_order() {
    let s = setup(|_| {});
    s.transcript.output(Time::now(), b"boot\r\nlogin: ");
    s.transcript
        .note(Time::now(), Kind::Command, Some("alice"), "root");
    s.transcript.output(Time::now(), b"root\r\n# ");
    s.transcript
        .note(Time::now(), Kind::Notice, None, "connection closed");
    s.writer.stop(PATIENCE);
    assert_eq!(
        only_file(s.directory.path()),
        "boot\nlogin: root\nalice> root\n# \n-- connection closed\n"
    );
}

#[test]
fn a_prompt_is_in_the_file_before_its_line_ends() {
    let s = setup(|_| {});
    s.transcript.output(Time::now(), b"login: ");
    let end = Instant::now() + PATIENCE;
    while files(s.directory.path())
        .values()
        .next()
        .map(String::as_str)
        != Some("login: ")
    {
        assert!(Instant::now() < end, "{:?}", files(s.directory.path()));
        std::thread::yield_now();
    }
    s.transcript.output(Time::now(), b"root\n");
    s.writer.stop(PATIENCE);
    assert_eq!(only_file(s.directory.path()), "login: root\n");
}

#[test]
fn a_stamp_is_iso_with_milliseconds_and_offset() {
    let s = setup(|settings| settings.stamp = Stamp::Iso);
    s.transcript
        .output(Time(1_763_683_200_123_456), b"one\ntwo\n");
    s.writer.stop(PATIENCE);
    let text = only_file(s.directory.path());
    let stamp = text.lines().next().unwrap().strip_suffix(" one").unwrap();
    assert_eq!(stamp.len(), "2026-11-21T00:00:00.123+00:00".len());
    let parsed: jiff::Timestamp = stamp.parse().unwrap();
    assert_eq!(parsed.as_microsecond(), 1_763_683_200_123_000);
    assert_eq!(text.lines().nth(1).unwrap(), format!("{stamp} two"));
}

#[test]
fn raw_logs_hold_the_bytes_as_they_came() {
    let s = setup(|settings| settings.raw = true);
    let bytes = b"a\r\n\x1b[31mred\x1b[0m\rover\n\xff\x00\nopen";
    s.transcript.output(Time::now(), bytes);
    s.transcript.note(
        Time::now(),
        Kind::Command,
        Some("alice"),
        "not in a raw log",
    );
    s.writer.stop(PATIENCE);
    let files: Vec<_> = fs::read_dir(s.directory.path()).unwrap().collect();
    assert_eq!(fs::read(files[0].as_ref().unwrap().path()).unwrap(), bytes);
}

#[test]
fn files_are_put_aside_by_size_between_lines_and_the_oldest_removed() {
    let s = setup(|settings| settings.rotate_bytes = 300_000);
    for block in 0..40 {
        let line = format!("block {block:03} {}\n", "x".repeat(88));
        s.transcript
            .output(Time::now(), line.repeat(1000).as_bytes());
    }
    s.writer.stop(PATIENCE);
    let files = files(s.directory.path());
    assert_eq!(
        files.len(),
        4,
        "three put aside and the current one: {:?}",
        files.keys()
    );
    for text in files.values() {
        assert!(
            text.starts_with("block") && text.ends_with("x\n"),
            "cut between lines"
        );
        assert!(text.len() < 300_000 + 2 * SLICE_BYTES);
    }
}

#[test]
fn each_day_has_its_own_file() {
    let s = setup(|_| {});
    let day = 24 * 3600 * 1_000_000;
    s.transcript
        .output(Time(1_763_683_200_000_000), b"first day\n");
    s.transcript
        .output(Time(1_763_683_200_000_000 + day), b"second day\n");
    s.writer.stop(PATIENCE);
    let texts: Vec<_> = files(s.directory.path()).into_values().collect();
    assert_eq!(texts, ["first day\n", "second day\n"]);
}

#[test]
fn a_failing_log_says_so_and_goes_on_when_it_can() {
    let root = tempfile::tempdir().unwrap();
    let blocked = root.path().join("logs");
    fs::write(&blocked, "a file where the folder should be").unwrap();
    let s = setup(|settings| settings.directory.clone_from(&blocked));
    s.transcript.output(Time::now(), b"kept\n");
    let health = wait(&s.health, failing);
    assert!(
        matches!(&health, Health::Failing { reason } if reason.contains("logs")),
        "{health:?}"
    );
    fs::remove_file(&blocked).unwrap();
    wait(&s.health, |health| *health == Health::Writing);
    s.transcript.output(Time::now(), b"and new\n");
    s.writer.stop(PATIENCE);
    assert_eq!(only_file(&blocked), "kept\nand new\n");
}

#[test]
fn a_full_disk_loses_nothing_that_the_history_still_holds() {
    // The kernel's own full device: opening works, every write fails.
    let root = tempfile::tempdir().unwrap();
    let s = setup(|settings| settings.directory = root.path().into());
    let date = jiff::Zoned::now().date();
    std::os::unix::fs::symlink("/dev/full", root.path().join(format!("t1-{date}.log"))).unwrap();
    s.transcript.output(Time::now(), b"first\n");
    let health = wait(&s.health, failing);
    assert!(
        matches!(&health, Health::Failing { reason } if reason.contains("No space left")),
        "{health:?}"
    );
    s.transcript.output(Time::now(), b"second\n");
    fs::remove_file(root.path().join(format!("t1-{date}.log"))).unwrap();
    wait(&s.health, |health| *health == Health::Writing);
    s.writer.stop(PATIENCE);
    assert_eq!(only_file(root.path()), "first\nsecond\n");
}

#[tokio::test]
async fn a_flood_that_lets_the_log_follow_is_logged_whole() {
    let s = setup(|_| {});
    s.transcript.set_limits(Limits {
        bytes: 512 << 10,
        line: 1000,
    });
    for line in [
        &b"x\n"[..],
        b"a line of an ordinary length, some forty bytes\n",
    ] {
        let piece = line.repeat(s.transcript.piece_bytes() / line.len());
        for _ in 0..200 {
            if s.transcript.output(Time::now(), &piece) {
                s.transcript.log_follows().await;
            }
        }
    }
    let lines = s.transcript.with(Ring::output_lines);
    s.writer.stop(PATIENCE);
    let text = only_file(s.directory.path());
    assert!(
        !text.contains("--"),
        "{:?}",
        text.lines().find(|line| line.contains("--"))
    );
    assert_eq!(text.lines().count() as u64, lines);
}

#[test]
fn a_log_that_fell_behind_says_how_much_is_missing() {
    let root = tempfile::tempdir().unwrap();
    let blocked = root.path().join("logs");
    fs::write(&blocked, "").unwrap();
    let s = setup(|settings| settings.directory.clone_from(&blocked));
    s.transcript.output(Time::now(), b"first\n");
    wait(&s.health, failing);
    s.transcript.set_limits(Limits {
        bytes: 1,
        line: 1000,
    });
    s.transcript
        .output(Time::now(), &b"a line of twenty....\n".repeat(50_000));
    fs::remove_file(&blocked).unwrap();
    wait(&s.health, |health| !failing(health));
    s.writer.stop(PATIENCE);
    let text = only_file(&blocked);
    let gap = text.lines().nth(1).unwrap();
    let missed: u64 = gap
        .trim_start_matches("-- ")
        .split(' ')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    assert_eq!(text.lines().count() as u64 - 2 + missed, 50_000, "{gap}");
}

#[test]
fn a_folder_that_fails_is_exchanged_for_another_without_a_loss() {
    let good = tempfile::tempdir().unwrap();
    let s = setup(|settings| settings.directory = "/dev/null/logs".into());
    s.transcript.output(Time::now(), b"one\n");
    wait(&s.health, failing);
    s.transcript.output(Time::now(), b"two\n");
    s.writer.change(settings(good.path()));
    wait(&s.health, |health| *health == Health::Writing);
    s.writer.stop(PATIENCE);
    assert_eq!(only_file(good.path()), "one\ntwo\n");
}

#[test]
fn a_log_is_closed_in_the_middle_of_a_flood() {
    let s = setup(|_| {});
    let flooding = std::sync::atomic::AtomicBool::new(true);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let lines = b"a line of a target that does not stop\n".repeat(8192);
            while flooding.load(std::sync::atomic::Ordering::Relaxed) {
                s.transcript.output(Time::now(), &lines);
            }
        });
        wait(&s.health, |health| *health != Health::Off);
        s.writer.remove(&s.transcript);
        let off = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            wait(&s.health, |health| *health == Health::Off)
        }));
        flooding.store(false, std::sync::atomic::Ordering::Relaxed);
        assert!(off.is_ok(), "the order was not carried out");
    });
    s.writer.stop(PATIENCE);
}

#[test]
fn closing_a_log_leaves_an_open_line_open() {
    let s = setup(|_| {});
    s.transcript.output(Time::now(), b"login: ");
    s.transcript
        .note(Time::now(), Kind::Command, Some("alice"), "root");
    s.writer.remove(&s.transcript);
    wait(&s.health, |health| *health == Health::Off);
    s.transcript.output(Time::now(), b"root\n");
    let line = s
        .transcript
        .with(|ring| ring.entry(1).map(|entry| entry.bytes.to_vec()));
    assert_eq!(line.as_deref(), Some(&b"login: root"[..]));
    s.writer.stop(PATIENCE);
    assert_eq!(only_file(s.directory.path()), "login: \nalice> root\n");
}
