//! Everybody sees the same lines and the same chat, over whatever they came. One of them is stopped meanwhile, and one has
//! a slow line: nobody else notices, the host needs no memory for them, and both catch up.
//!
//! An ordinary run has the crowd of a big lab and a quiet rack; `KDECK_CROWD=1 cargo test --release --test sessions crowd`
//! has the same crowd at a rack that prints seven times as much for twice as long. Both tell what they measured.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::device::Device;
use crate::rack::{Rack, Way};
use crate::relay::Relay;
use crate::seat::Seat;
use crate::slow_people::{MODEM_BYTES_PER_S, is_still};

/// What the host may need more while everybody is here and two are behind: what is printed meanwhile is in its histories,
/// and a line to a client holds a few hundred KiB.
const MORE_BYTES: u64 = 24 << 20;

/// Typed when everybody has watched for long enough.
const LAST_WORDS: &str = "that is all";

/// How many there are of everything.
struct Crowd {
    targets: usize,
    /// Lines a second of each target.
    rate: &'static str,
    clients: usize,
    devices: u8,
    /// Entries of each target that are printed while everybody watches.
    entries: u64,
    patience: Duration,
}

#[test]
fn clients_on_every_transport_and_raw_devices_see_the_same_lines_and_chat_once_and_in_order() {
    meet(&Crowd {
        targets: 100,
        rate: "6",
        clients: 20,
        devices: 20,
        entries: 80,
        patience: Duration::from_secs(90),
    });
}

#[test]
fn a_crowd_at_a_rack_under_load_sees_the_same_lines_and_chat_once_and_in_order() {
    if std::env::var_os("KDECK_CROWD").is_none() {
        eprintln!("skipped: a crowd at a rack under load: set KDECK_CROWD=1 to run it");
        return;
    }
    meet(&Crowd {
        targets: 100,
        rate: "40",
        clients: 20,
        devices: 20,
        entries: 1200,
        patience: Duration::from_secs(120),
    });
}

fn meet(crowd: &Crowd) {
    let start = Instant::now();
    let mut rack = Rack::start("", &[(crowd.targets, &["--booted", "--rate", crowd.rate])]);
    let way = |number: usize| match number {
        0 => Way::Com,
        number => [Way::Tcp, Way::Ssl, Way::Npipe, Way::Spipe][number % 4],
    };
    let join = |rack: &Rack, number: usize| rack.join(&format!("p{number:02}"), way(number), &[]);
    let early = crowd.clients / 2;
    let mut seats: Vec<Seat> = (0..early).map(|number| join(&rack, number)).collect();
    let mut late = Late::join(&rack);
    let mut devices = rack.connect(crowd.devices);
    let watched: Vec<[String; 2]> = (1..=devices.len())
        .map(|number| ["t000".to_owned(), format!("t{number:03}")])
        .collect();
    for (device, targets) in devices.iter_mut().zip(&watched) {
        device.watch(targets);
    }
    let printed =
        |rack: &Rack, target: &str| rack.host.told(|told| told.targets[target].printed_lines());
    let from: HashMap<String, usize> = watched
        .iter()
        .flatten()
        .map(|target| (target.clone(), printed(&rack, target)))
        .collect();
    let (began, cpu) = (Instant::now(), rack.host.processor_time());
    let before = rack.ends();
    let mut said = 0;
    talk(&mut rack, &mut seats, &mut devices, &mut said);
    let ends = rack.print_more(crowd.entries / 2);
    seats.extend((early..crowd.clients).map(|number| join(&rack, number)));
    for seat in &seats {
        rack.has_it_all(seat, &ends, crowd.patience);
    }
    let memory = rack.host.memory();
    // No device watches the last one, where two who type are told of each other in a line of its own.
    seats[0].say(&format!("@t{:03} echo typed", crowd.targets - 1));
    talk(&mut rack, &mut seats, &mut devices, &mut said);
    let ends = rack.print_more(crowd.entries / 2);
    for seat in &seats {
        rack.has_it_all(seat, &ends, crowd.patience);
    }
    let (took, cpu) = (began.elapsed(), rack.host.processor_time() - cpu);
    let more = rack.host.memory().saturating_sub(memory);
    assert!(more < MORE_BYTES, "the host needs {more} bytes more");
    late.are_behind(&ends);
    late.catch_up();
    for seat in late.both() {
        rack.has_it_all(seat, &ends, crowd.patience);
    }
    let chat = rack.host.told(|told| told.chat.clone());
    assert_eq!(chat.len(), said);
    for seat in seats.iter().chain(late.both()) {
        let last = chat.last().expect("somebody said something").clone();
        let theirs = seat.wait("last line of chat", |told| {
            (told.chat.last() == Some(&last)).then(|| told.chat.clone())
        });
        assert_eq!(theirs, chat, "{}", seat.name);
    }
    for device in &devices {
        let last = &chat.last().expect("somebody said something").1;
        device.wait("last line of chat", |line| line.ends_with(last));
        assert_eq!(device.chat(), chat, "{}", device.name);
    }
    let to: HashMap<&String, usize> = from
        .keys()
        .map(|target| (target, printed(&rack, target)))
        .collect();
    let names: Vec<&str> = from.keys().map(String::as_str).collect();
    rack.host
        .say(&format!("@{} echo {LAST_WORDS}", names.join(",")));
    for (device, targets) in devices.iter().zip(&watched) {
        for target in targets {
            let lines = device.output_up_to(target, LAST_WORDS);
            let least = to[target] - from[target];
            let (count, name) = (lines.len(), &device.name);
            assert!(count > least, "{name} has {count} lines of {target}");
            rack.host
                .wait(&format!("{target} as {name} has it"), |told| {
                    told.targets[target].printed(&lines).then_some(())
                });
        }
    }
    is_still(&rack, &mut late.stopped);
    is_still(&rack, &mut late.slow);
    let entries: u64 = ends.iter().map(|(name, end)| end - before[name]).sum();
    eprintln!(
        "{} targets, {} clients, {} devices: {entries} entries in {:.1} s, host: {:.1} s of processor time, {} MiB; {:.1} s in all",
        crowd.targets,
        crowd.clients,
        crowd.devices,
        took.as_secs_f64(),
        cpu.as_secs_f64(),
        rack.host.memory() >> 20,
        start.elapsed().as_secs_f64(),
    );
}

/// Two who cannot keep up.
struct Late {
    stopped: Seat,
    slow: Seat,
    line: Relay,
    /// What had come through the slow line when it had joined.
    passed: u64,
}

impl Late {
    /// They join; from then on one of them does nothing.
    fn join(rack: &Rack) -> Self {
        let stopped = rack.join("stopped", Way::Tcp, &[]);
        let line = Relay::to(rack.tcp, MODEM_BYTES_PER_S);
        let slow = rack.join("slow", Way::Through(line.port), &[]);
        stopped.signal(Signal::STOP);
        let passed = line.passed();
        Self {
            stopped,
            slow,
            line,
            passed,
        }
    }

    /// Both lack some of it, and the slow one is getting it.
    fn are_behind(&self, ends: &HashMap<String, u64>) {
        for seat in self.both() {
            assert!(!seat.told(|told| told.reaches(ends)), "{}", seat.name);
        }
        assert!(self.line.passed() > self.passed, "nothing came");
    }

    /// The one goes on, and the other's line is repaired.
    fn catch_up(&self) {
        self.stopped.signal(Signal::CONT);
        self.line.set_speed(0);
    }

    fn both(&self) -> [&Seat; 2] {
        [&self.stopped, &self.slow]
    }
}

/// Everybody says something.
fn talk(rack: &mut Rack, seats: &mut [Seat], devices: &mut [Device], said: &mut usize) {
    for round in 0..3 {
        for seat in seats.iter_mut() {
            seat.say(&format!(".chat {} {} {round}", seat.name.clone(), *said));
        }
        rack.host.say(&format!(".chat owner {said} {round}"));
        *said += seats.len() + 1;
    }
    // More at once is more than a device may say.
    for device in devices.iter_mut() {
        let line = format!("{} {said}", device.name);
        device.say(&line);
    }
    *said += devices.len();
    let wanted = *said;
    rack.host.wait("chat of everybody", |told| {
        (told.chat.len() == wanted).then_some(())
    });
}
