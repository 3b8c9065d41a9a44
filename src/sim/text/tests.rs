//! Simulated machines on virtual time.

use proptest::prelude::*;

use super::*;

/// A machine and the clock it lives by.
struct Bench {
    start: Instant,
    now: Instant,
    machine: Machine,
}

impl Bench {
    fn new(habit: Habit, rate: f64, booted: bool) -> Self {
        let start = Instant::now();
        let machine = Machine::new(
            "web01",
            11,
            Behaviour {
                habit,
                rate,
                booted,
            },
            start,
        );
        Self {
            start,
            now: start,
            machine,
        }
    }

    fn elapsed(&self) -> Duration {
        self.now - self.start
    }

    /// What the machine prints in the next `seconds`, polled every `step_ms`.
    fn run(&mut self, seconds: f64, step_ms: u64) -> Vec<u8> {
        let mut out = Vec::new();
        let end = self.now + Duration::from_secs_f64(seconds);
        while self.now < end {
            self.now = end.min(self.now + Duration::from_millis(step_ms));
            self.machine.poll_output(self.now, &mut out);
        }
        out
    }

    fn text(&mut self, seconds: f64) -> String {
        String::from_utf8(self.run(seconds, 50)).unwrap()
    }

    fn type_in(&mut self, text: &str) -> String {
        self.machine.handle_input(text.as_bytes(), self.now);
        let mut out = Vec::new();
        self.machine.poll_output(self.now, &mut out);
        String::from_utf8_lossy(&out).into_owned()
    }
}

const HABITS: [Habit; 8] = [
    Habit::Calm,
    Habit::Busy,
    Habit::Flood,
    Habit::Hostile,
    Habit::Login,
    Habit::RebootLoop,
    Habit::Panics,
    Habit::Drops,
];

fn lines(bytes: &[u8]) -> usize {
    bytes.iter().filter(|&&byte| byte == b'\n').count()
}

#[test]
fn the_same_seed_prints_the_same_however_often_it_is_polled() {
    for habit in HABITS {
        let often = Bench::new(habit, 5.0, false).run(30.0, 10);
        // More of a flood at once than fits what a poll returns would not be the same.
        let step_ms = if habit == Habit::Flood { 250 } else { 1_500 };
        let seldom = Bench::new(habit, 5.0, false).run(30.0, step_ms);
        assert!(
            often == seldom,
            "{habit}: {} and {} bytes",
            often.len(),
            seldom.len()
        );
        assert!(!often.is_empty());
    }
}

#[test]
fn another_seed_is_another_machine() {
    let now = Instant::now();
    let print = |seed| {
        let mut out = Vec::new();
        let mut machine = Machine::new("web01", seed, Behaviour::default(), now);
        machine.poll_output(now + Duration::from_secs(1), &mut out);
        out
    };
    assert_ne!(print(1), print(2));
    assert_eq!(print(1), print(1));
}

#[test]
fn the_rate_is_kept_over_time() {
    for (habit, rate, wanted) in [
        (Habit::Calm, 0.5, 0.5),
        (Habit::Calm, 100.0, 100.0),
        (Habit::Calm, 3_333.0, 3_333.0),
        (Habit::Busy, 5.0, 50.0),
        (Habit::Flood, 1.0, FLOOD_LINES_PER_S),
    ] {
        let mut bench = Bench::new(habit, rate, true);
        let per_s = lines(&bench.run(100.0, 50)) as f64 / 100.0;
        // A burst and the pause before it is what a busy machine can be off by.
        let tolerance = if habit == Habit::Busy { 0.7 } else { 0.011 };
        assert!(
            (per_s - wanted).abs() <= tolerance,
            "{habit}: {per_s} instead of {wanted}"
        );
    }
}

#[test]
fn a_rate_that_makes_no_sense_is_silence() {
    for rate in [0.0, -1.0, f64::NAN, f64::MIN_POSITIVE] {
        let mut bench = Bench::new(Habit::Calm, rate, true);
        assert_eq!(bench.machine.poll_timeout(), None);
        assert_eq!(bench.text(60.0), "");
    }
    assert!(lines(&Bench::new(Habit::Calm, f64::INFINITY, true).run(1.0, 50)) > 1000);
}

#[test]
fn a_boot_ends_at_a_shell_that_is_logged_in() {
    let mut bench = Bench::new(Habit::Calm, 0.0, false);
    let boot = bench.text(30.0);
    assert!(
        boot.contains("\r\n[    0.000000] Linux version 6."),
        "{boot}"
    );
    assert!(boot.ends_with("root@web01:~# "), "{boot}");
    assert!(boot.contains("\x1b[0;32m"), "{boot}");
    assert_eq!(bench.machine.poll_timeout(), None);
}

#[test]
fn kernel_stamps_never_go_back_within_a_boot() {
    let text = Bench::new(Habit::Calm, 50.0, false).text(60.0);
    let stamp = |line: &str| {
        line.strip_prefix('[')?
            .split_once(']')?
            .0
            .trim()
            .parse::<f64>()
            .ok()
    };
    let stamps: Vec<f64> = text.lines().filter_map(stamp).collect();
    assert!(stamps.len() > 1000);
    assert!(stamps.is_sorted());
}

#[test]
fn a_person_logs_in_with_a_password_nobody_sees() {
    let mut bench = Bench::new(Habit::Login, 9.0, false);
    let boot = bench.text(60.0);
    assert!(boot.ends_with("\r\nweb01 login: "), "{boot}");
    assert_eq!(bench.type_in("alice\r\n"), "alice\r\nPassword: ");
    let welcome = bench.type_in("secret\r\n");
    assert!(
        welcome.starts_with("\r\n\r\n") && !welcome.contains("secret"),
        "{welcome}"
    );
    assert!(welcome.ends_with("alice@web01:~# "), "{welcome}");
    assert_eq!(
        bench.type_in("whoami\r"),
        "whoami\r\nalice\r\nalice@web01:~# "
    );
    assert!(bench.type_in("exit\r").ends_with("web01 login: "));
    assert!(bench.type_in("\r").ends_with("\r\nweb01 login: "));
}

#[test]
fn commands_are_answered() {
    let mut bench = Bench::new(Habit::Calm, 20.0, false);
    bench.text(30.0);
    bench.machine.behaviour.rate = 0.0;
    for (command, answer) in [
        ("help", "this list"),
        ("uname -a", "Linux web01 6."),
        ("uptime", "up 0 days"),
        ("dmesg", "] "),
        ("ls", "notes.txt"),
        ("echo hello  there", "\r\nhello  there\r\n"),
        ("frobnicate", "frobnicate: command not found"),
        ("flood many", "a number from 1"),
    ] {
        let reply = bench.type_in(&format!("{command}\r"));
        assert!(
            reply.contains(answer) && reply.ends_with(":~# "),
            "{command}: {reply}"
        );
    }
}

#[test]
fn a_line_can_be_edited_before_it_is_entered() {
    let mut bench = Bench::new(Habit::Calm, 0.0, true);
    let reply = bench.type_in("whoop\x7f\x08ami\x1b[D\x1bOA\r");
    assert!(reply.ends_with("\r\nroot\r\nroot@web01:~# "), "{reply}");
    assert!(
        bench
            .type_in("nonsense\x15echo ok\r")
            .ends_with("\r\nok\r\nroot@web01:~# ")
    );
    assert!(
        bench
            .type_in("echo é\x7fe\r")
            .ends_with("\r\ne\r\nroot@web01:~# ")
    );
    assert!(bench.type_in("abc\x03").ends_with("^C\r\nroot@web01:~# "));
    assert!(bench.type_in("\x04").ends_with("login: "));
}

#[test]
fn a_flood_on_request_is_complete_and_can_be_interrupted() {
    let mut bench = Bench::new(Habit::Calm, 0.0, true);
    let mut flood = bench.type_in("flood 1000\r");
    flood += &bench.text(1.0);
    let numbers = flood
        .lines()
        .filter_map(|line| line.strip_prefix("flood 0"));
    let numbers: Vec<usize> = numbers.map(|line| line[..6].parse().unwrap()).collect();
    assert_eq!(numbers, (1..=1000).collect::<Vec<_>>());
    assert!(flood.ends_with("root@web01:~# "));
    bench.type_in("flood 1000000\r");
    bench.text(0.5);
    assert!(bench.type_in("\x03").ends_with("^C\r\nroot@web01:~# "));
    assert_eq!(bench.text(1.0), "");
}

#[test]
fn a_panic_shows_a_trace_and_the_machine_boots_again() {
    let mut bench = Bench::new(Habit::Calm, 0.0, true);
    bench.type_in("panic\r");
    let text = bench.text(60.0);
    let trace = text.find("Call Trace:").unwrap();
    let panic = text.find("Kernel panic - not syncing").unwrap();
    let boot = text.find("[    0.000000] Linux version").unwrap();
    assert!(trace < panic && panic < boot, "{text}");
    assert!(text.ends_with("root@web01:~# "));
}

#[test]
fn a_dead_machine_does_not_answer() {
    let mut bench = Bench::new(Habit::Calm, 0.0, true);
    bench.type_in("panic\r");
    bench.text(1.0);
    assert_eq!(bench.type_in("whoami\r"), "");
}

#[test]
fn troubled_machines_have_their_trouble() {
    let loops = Bench::new(Habit::RebootLoop, 1.0, false).text(120.0);
    assert!(loops.matches("Linux version").count() >= 5);
    let panics = Bench::new(Habit::Panics, 1.0, true).text(59.0);
    assert!(!panics.contains("Kernel panic"));
    let panics = Bench::new(Habit::Panics, 1.0, true).text(62.0);
    assert!(panics.contains("Kernel panic"));
    let mut drops = Bench::new(Habit::Drops, 1.0, true);
    let mut hang_ups = 0;
    while drops.elapsed() < Duration::from_secs(120) {
        drops.run(1.0, 100);
        hang_ups += usize::from(drops.machine.poll_event() == Some(Event::HangUp));
    }
    assert!((2..=8).contains(&hang_ups), "{hang_ups}");
}

#[test]
fn a_break_and_a_letter_reboot_or_crash() {
    let mut bench = Bench::new(Habit::Calm, 0.0, true);
    bench.machine.handle_break(bench.now);
    assert!(bench.type_in("?").contains("sysrq: HELP"));
    bench.machine.handle_break(bench.now);
    assert!(bench.type_in("b").contains("sysrq: Resetting"));
    assert!(bench.text(3.0).contains("Linux version"));
    bench.machine.handle_break(bench.now);
    bench.type_in("c");
    assert!(bench.text(1.0).contains("Kernel panic"));
}

#[test]
fn time_during_which_nobody_asked_did_not_pass() {
    let mut bench = Bench::new(Habit::Calm, 100.0, true);
    bench.run(1.0, 50);
    bench.now += Duration::from_secs(3600);
    let caught_up = bench.run(1.0, 50);
    assert!(lines(&caught_up) <= 110, "{}", lines(&caught_up));
}

#[test]
fn input_without_end_and_output_never_fetched_stay_bounded() {
    let mut bench = Bench::new(Habit::Calm, 0.0, true);
    for _ in 0..100 {
        bench
            .machine
            .handle_input("hostile\r".repeat(100).as_bytes(), bench.now);
        bench.machine.handle_input(&[b'x'; 10_000], bench.now);
    }
    assert!(bench.machine.outgoing.bytes.len() < 2 * OUTGOING_BYTES_MAX);
    bench.machine.handle_input(b"flood 1000000\r", bench.now);
    let mut out = Vec::new();
    bench
        .machine
        .poll_output(bench.now + Duration::from_secs(2), &mut out);
    assert!(out.len() < 2 * OUTGOING_BYTES_MAX);
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None, cases: 64, ..ProptestConfig::default()
    })]

    #[test]
    fn no_input_breaks_a_machine(
        input in proptest::collection::vec((any::<Vec<u8>>(), 0_u64..3_000, any::<bool>()), 0..20),
        seed in any::<u64>(),
    ) {
        let mut now = Instant::now();
        let behaviour = Behaviour { habit: HABITS[(seed % 8) as usize], rate: 3.0, booted: seed & 8 == 0 };
        let mut machine = Machine::new("web01", seed, behaviour, now);
        let mut out = Vec::new();
        for (bytes, pause_ms, with_break) in input {
            now += Duration::from_millis(pause_ms);
            if with_break {
                machine.handle_break(now);
            }
            machine.handle_input(&bytes, now);
            out.clear();
            machine.poll_output(now, &mut out);
            prop_assert!(out.len() < 3 * OUTGOING_BYTES_MAX);
        }
    }
}
