//! A simulated machine with a text console: it boots, talks, answers, breaks.
//!
//! Sans-IO: no sockets, no clock, no tasks. The same seed, behaviour, input and times give the same
//! bytes, however often the machine is polled in between. It can be trusted to do what a real
//! console does at its worst, and nothing else: it is not an emulator, the kernel's words are made
//! up in the style of Linux, and its shell knows a dozen commands.

mod behaviour;
mod boot;
mod chatter;
mod crash;
mod hostile;
mod outgoing;
mod shell;
mod template;
mod terminal;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use self::boot::{Step, Text};
use self::outgoing::Outgoing;
use self::template::Hardware;
use self::terminal::{Entered, Terminal};

pub use self::behaviour::{Behaviour, FLOOD_LINES_PER_S, Habit};
pub use self::outgoing::OUTGOING_BYTES_MAX;

/// A machine that has been switched on.
#[derive(Debug)]
pub struct Machine {
    behaviour: Behaviour,
    random: fastrand::Rng,
    hardware: Hardware,
    phase: Phase,
    /// What is left to play of a boot, a panic or a shutdown.
    script: &'static [Step],
    terminal: Terminal,
    timers: Timers,
    flood: Flood,
    /// When the kernel's clock stood at `clock_offset`.
    clock_start: Instant,
    clock_offset: Duration,
    /// Start of the time slot of the next line of chatter, and lines left of a burst.
    slot: Instant,
    burst: u32,
    /// A serial break came: the next byte is a request to the kernel.
    after_break: bool,
    outgoing: Outgoing,
    kernel_log: Vec<u8>,
    hang_up: bool,
}

/// What the machine wants of whoever carries its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// Close the connection, after the output so far. The machine itself goes on.
    HangUp,
}

impl Machine {
    /// A machine called `host`, switched on at `now` (or up since long before), whose random
    /// choices all follow from `seed`.
    #[must_use]
    pub fn new(host: &str, seed: u64, behaviour: Behaviour, now: Instant) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let hardware = Hardware::random(host, &mut random);
        let mut machine = Self {
            behaviour,
            random,
            hardware,
            phase: Phase::Booting,
            script: &[],
            terminal: Terminal::default(),
            timers: Timers::default(),
            flood: Flood::default(),
            clock_start: now,
            clock_offset: Duration::ZERO,
            slot: now,
            burst: 0,
            after_break: false,
            outgoing: Outgoing::default(),
            kernel_log: Vec::new(),
            hang_up: false,
        };
        if behaviour.booted {
            machine.clock_offset = Duration::from_micros(machine.random.u64(UPTIME_US));
            if behaviour.habit == Habit::Login {
                machine
                    .terminal
                    .ask(&machine.hardware.host, &mut machine.outgoing);
            } else {
                machine.terminal.resume();
            }
            machine.up(now);
        } else {
            machine.boot(now);
        }
        machine
    }

    /// Appends to `out` what the machine printed until `now`.
    ///
    /// At most about [`OUTGOING_BYTES_MAX`] at once; the rest comes with the next call. A machine
    /// that was not asked for more than [`LAG_MAX`] (a suspended host) takes that as time that did
    /// not pass.
    pub fn poll_output(&mut self, now: Instant, out: &mut Vec<u8>) {
        self.advance(now);
        out.append(&mut self.outgoing.bytes);
    }

    /// What the machine wants besides printing, once.
    pub fn poll_event(&mut self) -> Option<Event> {
        std::mem::take(&mut self.hang_up).then_some(Event::HangUp)
    }

    /// When there will be more to [poll](Self::poll_output); `None` if only input can change that.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.earliest().map(|(due, _)| due)
    }

    /// Somebody typed `bytes` at the console. Input beyond what the output has room for is lost,
    /// as it is on a serial line.
    pub fn handle_input(&mut self, bytes: &[u8], now: Instant) {
        self.advance(now);
        for &byte in bytes {
            if self.outgoing.is_full() {
                return;
            }
            if std::mem::take(&mut self.after_break) {
                self.magic_request(byte, now);
                continue;
            }
            match self
                .terminal
                .handle_byte(byte, &self.hardware.host, &mut self.outgoing)
            {
                None => {}
                Some(Entered::Command(line)) => self.execute(&line, now),
                Some(Entered::Interrupt) => self.stop_flood(),
            }
        }
    }

    /// A serial break: the kernel takes the next byte as a request of its own ("magic SysRq").
    pub fn handle_break(&mut self, now: Instant) {
        self.advance(now);
        self.after_break = true;
    }

    /// Lets everything happen that is due by `now`, each at its own time.
    fn advance(&mut self, now: Instant) {
        if let Some((due, _)) = self.timers.earliest() {
            let lag = now.saturating_duration_since(due);
            if lag > LAG_MAX {
                self.postpone(lag);
            }
        }
        while let Some((due, timer)) = self.timers.earliest() {
            if due > now || self.outgoing.is_full() {
                return;
            }
            *self.timers.of(timer) = None;
            match timer {
                Timer::Script => self.play(due),
                Timer::Chatter => self.chat(due),
                Timer::Flood => self.flood_line(due),
                Timer::Trouble => self.trouble(due),
            }
        }
    }

    /// Moves everything planned `by` later.
    fn postpone(&mut self, by: Duration) {
        self.slot += by;
        self.clock_start += by;
        for due in self.timers.0.iter_mut().flatten() {
            *due += by;
        }
    }

    /// From the firmware's first line on.
    fn boot(&mut self, at: Instant) {
        self.phase = Phase::Booting;
        self.clock_offset = Duration::ZERO;
        self.start_script(boot::BOOT, at);
    }

    /// The boot is over: from now on the machine says what it has to say.
    fn up(&mut self, at: Instant) {
        self.phase = Phase::Up;
        self.slot = at;
        self.burst = 0;
        self.plan_chatter();
        self.plan_trouble(at);
    }

    /// Stops everything that runs on the machine.
    fn halt(&mut self, phase: Phase) {
        self.phase = phase;
        self.terminal.close();
        self.timers = Timers::default();
        self.flood = Flood::default();
    }

    /// The kernel panics, and starts again after a while.
    fn panic(&mut self, at: Instant) {
        self.halt(Phase::Down);
        self.start_script(crash::PANIC, at);
    }

    /// The system shuts down in order and starts again.
    fn reboot(&mut self, at: Instant) {
        self.halt(Phase::Down);
        self.start_script(boot::SHUTDOWN, at);
    }

    fn start_script(&mut self, steps: &'static [Step], at: Instant) {
        self.script = steps;
        self.plan_step(at);
    }

    /// Sets the timer of the script's next step; when there is none the script has done its work.
    fn plan_step(&mut self, at: Instant) {
        if let Some(step) = self.script.first() {
            let pause = u64::from(step.pause_ms) * 1000;
            let jitter = if pause == 0 {
                0
            } else {
                self.random.u64(0..pause)
            };
            *self.timers.of(Timer::Script) = Some(at + Duration::from_micros(pause / 2 + jitter));
        } else if self.phase == Phase::Booting {
            let Self {
                terminal,
                hardware,
                outgoing,
                ..
            } = self;
            if self.behaviour.habit == Habit::Login {
                terminal.ask(&hardware.host, outgoing);
            } else {
                terminal.log_in(&hardware.host, outgoing);
            }
            self.up(at);
        } else {
            self.boot(at);
        }
    }

    fn play(&mut self, at: Instant) {
        if let Some((step, rest)) = self.script.split_first() {
            match step.text {
                Text::Plain(line) => self.print(line),
                Text::Kernel(line) => self.print_kernel(line, at),
                Text::KernelStarts => self.clock_start = at,
            }
            self.script = rest;
        }
        self.plan_step(at);
    }

    /// One line of what a running system says unasked.
    fn chat(&mut self, at: Instant) {
        if self.behaviour.habit == Habit::Hostile && self.random.bool() {
            let attack = self.random.usize(..);
            self.outgoing.fresh_line();
            hostile::write(attack, &mut self.random, &mut self.outgoing.bytes);
        } else {
            let (kernel, line) = chatter::line(&mut self.random);
            if kernel {
                self.print_kernel(line, at)
            } else {
                self.print(line)
            }
        }
        self.plan_chatter();
    }

    /// Sets the timer of the next line of chatter. Each line has a slot of its own, so that the
    /// rate is kept to the line, and comes at any time within it.
    fn plan_chatter(&mut self) {
        let rate = self.behaviour.lines_per_s();
        if self.phase != Phase::Up || rate <= 0.0 {
            return;
        }
        let period = Duration::from_secs_f64(1.0 / rate);
        let mut width = period;
        if self.behaviour.habit == Habit::Busy {
            width /= BURST_SPEED;
            if self.burst == 0 {
                self.burst = self.random.u32(BURST_LINES);
                self.slot += (period - width) * self.burst;
            }
            self.burst -= 1;
        }
        let due = self.slot + width.mul_f64(self.random.f64());
        self.slot += width;
        *self.timers.of(Timer::Chatter) = Some(due);
    }

    /// Sets the timer of what goes wrong with a machine of this habit.
    fn plan_trouble(&mut self, at: Instant) {
        let after_ms = match self.behaviour.habit {
            Habit::RebootLoop => self.random.u64(4_000..8_000),
            Habit::Panics => PANIC_AFTER_MS,
            Habit::Drops => self.random.u64(15_000..45_000),
            Habit::Calm | Habit::Busy | Habit::Flood | Habit::Hostile | Habit::Login => return,
        };
        *self.timers.of(Timer::Trouble) = Some(at + Duration::from_millis(after_ms));
    }

    fn trouble(&mut self, at: Instant) {
        match self.behaviour.habit {
            Habit::RebootLoop => {
                self.print_kernel("watchdog: watchdog0: not fed for 30 s, system restarts", at);
                self.reboot(at);
            }
            Habit::Panics => self.panic(at),
            Habit::Drops => {
                self.hang_up = true;
                self.plan_trouble(at);
            }
            Habit::Calm | Habit::Busy | Habit::Flood | Habit::Hostile | Habit::Login => {}
        }
    }

    /// Prints `template` as a line of its own.
    fn print(&mut self, template: &str) {
        self.outgoing.fresh_line();
        let out = &mut self.outgoing.bytes;
        template::expand(template, &self.hardware, &mut self.random, out);
        self.outgoing.end_line();
    }

    /// Prints `template` as the kernel does, stamped, and keeps it for `dmesg`.
    fn print_kernel(&mut self, template: &str, at: Instant) {
        let stamp = self.uptime(at);
        self.outgoing.fresh_line();
        let out = &mut self.outgoing.bytes;
        let start = out.len();
        template::stamp(stamp, out);
        template::expand(template, &self.hardware, &mut self.random, out);
        self.outgoing.end_line();
        if let Some(line) = self.outgoing.bytes.get(start..) {
            self.kernel_log.extend_from_slice(line);
        }
        if self.kernel_log.len() > 2 * KERNEL_LOG_BYTES {
            let cut = self.kernel_log.len() - KERNEL_LOG_BYTES;
            let line = self
                .kernel_log
                .iter()
                .skip(cut)
                .position(|&byte| byte == b'\n');
            self.kernel_log
                .drain(..line.map_or(cut, |line| cut + line + 1));
        }
    }

    fn uptime(&self, at: Instant) -> Duration {
        self.clock_offset + at.saturating_duration_since(self.clock_start)
    }

    fn magic_request(&mut self, byte: u8, now: Instant) {
        match byte {
            b'b' => {
                self.print_kernel("sysrq: Resetting", now);
                self.halt(Phase::Down);
                self.boot(now);
            }
            b'c' => {
                self.print_kernel("sysrq: Trigger a crash", now);
                self.panic(now);
            }
            _ => self.print_kernel("sysrq: HELP : reboot(b) crash(c)", now),
        }
    }

    fn start_flood(&mut self, lines: u32, now: Instant) {
        self.flood = Flood { printed: 0, lines };
        *self.timers.of(Timer::Flood) = Some(now);
    }

    fn stop_flood(&mut self) {
        self.flood = Flood::default();
        *self.timers.of(Timer::Flood) = None;
    }

    /// One numbered line of a flood that was asked for; the prompt comes after the last.
    fn flood_line(&mut self, at: Instant) {
        if self.flood.printed < self.flood.lines {
            self.flood.printed += 1;
            let Flood { printed, lines } = self.flood;
            self.outgoing.fresh_line();
            self.outgoing
                .write(format_args!("flood {printed:07} of {lines:07} "));
            let filler = self.random.usize(8..64);
            self.outgoing
                .bytes
                .extend(FLOOD_FILLER.iter().cycle().take(filler));
            self.outgoing.end_line();
            let pause = Duration::from_secs_f64(1.0 / FLOOD_LINES_PER_S);
            *self.timers.of(Timer::Flood) = Some(at + pause);
        } else {
            self.terminal
                .prompt(&self.hardware.host, &mut self.outgoing);
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Booting,
    Up,
    /// Panicked or shutting down; boots when its script is over.
    Down,
}

/// A flood somebody asked for.
#[derive(Debug, Default, Clone, Copy)]
struct Flood {
    printed: u32,
    lines: u32,
}

#[derive(Debug, Clone, Copy)]
enum Timer {
    Script,
    Chatter,
    Flood,
    Trouble,
}

/// When each of [`Timer`] fires next.
#[derive(Debug, Default)]
struct Timers([Option<Instant>; 4]);

impl Timers {
    fn of(&mut self, timer: Timer) -> &mut Option<Instant> {
        &mut self.0[timer as usize]
    }

    fn earliest(&self) -> Option<(Instant, Timer)> {
        let timers = [Timer::Script, Timer::Chatter, Timer::Flood, Timer::Trouble];
        let set = self
            .0
            .iter()
            .zip(timers)
            .filter_map(|(due, timer)| due.map(|due| (due, timer)));
        set.min_by_key(|&(due, _)| due)
    }
}

/// Longest a machine may go unpolled past its next event before it takes the time as not passed.
/// Long enough for a busy host, short enough that a resumed laptop is not flooded.
pub const LAG_MAX: Duration = Duration::from_secs(2);

/// How much of the kernel's messages `dmesg` shows. Bytes; about a screen or two.
const KERNEL_LOG_BYTES: usize = 4 * 1024;

/// Uptimes of machines that were up before anybody looked: a minute to a month. Microseconds.
const UPTIME_US: std::ops::Range<u64> = 60_000_000..2_592_000_000_000;

/// How long a machine that panics works before it does. Milliseconds.
const PANIC_AFTER_MS: u64 = 60_000;

/// Lines in a burst of a busy machine.
const BURST_LINES: std::ops::Range<u32> = 5..60;

/// How much faster than its average a busy machine talks in a burst; pauses make up for it.
const BURST_SPEED: u32 = 4;

const FLOOD_FILLER: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
