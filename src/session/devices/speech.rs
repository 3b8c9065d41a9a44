//! What people at devices say: chat, and the commands of the port.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Devices;
use super::device::Device;
use super::lines::{self, Stamps};
use crate::host::Host;
use crate::proto::rawchat::input::{self, Command, TABLE, Verb};
use crate::proto::rawchat::{Cooldown, Input, Line, Verdict};
use crate::rack::{Pattern, Target};
use crate::session::people::Person;
use crate::transcript::Time;

/// Pause between two reminders that one has to register.
const REMINDER_PAUSE: Duration = Duration::from_secs(5);
/// Pause between two names.
const NAME_PAUSE: Duration = Duration::from_secs(10);
/// Lines of a list; what is behind them is counted.
const LIST_MAX: usize = 100;

/// Whoever speaks over one connection.
pub(super) struct Speaker {
    devices: Arc<Devices>,
    device: Arc<Device>,
    reminded: Cooldown,
    named: Cooldown,
    stamps: Stamps,
}

impl Speaker {
    /// Somebody who said nothing yet.
    pub fn new(devices: Arc<Devices>, device: Arc<Device>) -> Self {
        Self {
            devices,
            device,
            reminded: Cooldown::default(),
            named: Cooldown::default(),
            stamps: Stamps::default(),
        }
    }

    /// Takes a line. False if that was their last.
    pub fn take(&mut self, now: Instant, line: &Line) -> bool {
        let Some(host) = self.devices.host() else {
            return false;
        };
        let Some(input) = Input::parse(&line.text) else {
            return true;
        };
        if line.cut {
            let most = crate::proto::rawchat::assembler::LINE_CHARS_MAX;
            self.tell(format!(
                "Your line was cut: {most} characters are the most."
            ));
        }
        match input {
            Input::Say(text) => self.say(now, &host, None, false, text),
            Input::Command(command, _) if self.device.chat_only && !command.chats => {
                self.tell(format!("{} is a command of the other port.", command.name));
                true
            }
            Input::Command(command, argument) => self.obey(now, &host, command, argument),
            Input::Unknown(_) => {
                self.tell("Command not found. /help lists commands.");
                true
            }
        }
    }

    fn obey(&mut self, now: Instant, host: &Host, command: &Command, argument: &str) -> bool {
        match command.verb {
            Verb::Exit => return false,
            Verb::Help => self.help(argument),
            Verb::Me => {
                if argument.is_empty() {
                    self.usage(command);
                } else {
                    return self.say(now, host, None, true, argument);
                }
            }
            Verb::Msg => return self.message(now, host, command, argument),
            Verb::MuteLogs => {
                let muted = self.devices.toggle_logs(&self.device);
                self.tell(if muted {
                    "Logs muted."
                } else {
                    "Logs shown again."
                });
            }
            Verb::Register => self.register(now, argument),
            Verb::Targets => self.targets(host, argument),
            Verb::Trace => self.trace(argument),
            Verb::Unwatch => self.watch(host, command, argument, false),
            Verb::Username => match host.me() {
                Some(me) => self.tell(format!("{} operates the console.", me.name)),
                None => self.tell("Nobody operates the console."),
            },
            Verb::Watch => self.watch(host, command, argument, true),
            Verb::Who => self.who(host),
        }
        true
    }

    /// Posts a line, to everybody or to one person.
    fn say(
        &mut self,
        now: Instant,
        host: &Host,
        to: Option<&str>,
        action: bool,
        text: &str,
    ) -> bool {
        let Some(name) = self.device.name() else {
            if self.reminded.allows(now, REMINDER_PAUSE) {
                self.tell("You can't talk until you register. Use \"/register <name>\".");
            }
            return true;
        };
        match host.chat().allows(self.device.person(), now) {
            Verdict::Post => {}
            Verdict::Refuse => {
                self.tell("Not so fast: that was not posted.");
                return true;
            }
            Verdict::Disconnect => {
                self.tell("Too much at once: good bye.");
                let from = self.device.ip.to_string();
                let fields = [("person", name.as_str()), ("from", &from)];
                self.devices.audit("device-flooded", &fields);
                return false;
            }
        }
        if !self
            .devices
            .may_talk(&self.device, to.is_none().then_some(text))
        {
            self.tell("You are muted: that was not posted.");
            return true;
        }
        host.chat().say(&name, to, action, text);
        true
    }

    fn message(&mut self, now: Instant, host: &Host, command: &Command, argument: &str) -> bool {
        let (to, text) = argument.split_once(' ').unwrap_or((argument, ""));
        let text = text.trim();
        if to.is_empty() || text.is_empty() {
            self.usage(command);
            return true;
        }
        match host.people().named(to) {
            Some(person) => self.say(now, host, Some(&person.name), false, text),
            None => {
                self.tell(format!("Nobody is called {to}. /who lists the people."));
                true
            }
        }
    }

    fn register(&mut self, now: Instant, wanted: &str) {
        if self.named.rests(now, NAME_PAUSE) {
            let seconds = NAME_PAUSE.as_secs();
            return self.tell(format!("A name can be changed once in {seconds} s."));
        }
        match self.devices.register(&self.device, wanted) {
            Ok(name) => {
                self.named.allows(now, NAME_PAUSE);
                let stamp = self.stamps.at(Time::now());
                let line = format!("{stamp} [I] (register): Successfully registered! Hi, {name}!");
                self.device.say(line);
            }
            Err(reason) => self.tell(reason),
        }
    }

    fn watch(&mut self, host: &Host, command: &Command, argument: &str, on: bool) {
        let Some(pattern) = Pattern::new(argument.trim_start_matches('@')) else {
            if on {
                let shown = self.devices.shown_to(&self.device, &host.rack());
                return self.list("You see all that these targets print:", shown);
            }
            return self.usage(command);
        };
        let rack = host.rack();
        if let Some(part) = pattern.unmatched(rack.targets()) {
            return self.tell(format!(
                "No target and no group is called {part}. /targets lists them."
            ));
        }
        let matching = rack.matching(&pattern);
        let (whom, print) = match matching.as_slice() {
            [target] => (target.name.clone(), "prints"),
            targets => (format!("{} targets", targets.len()), "print"),
        };
        let done = self.device.inside().rules.set(pattern, on);
        self.devices.changed.notify_one();
        match done {
            Ok(()) if on => self.tell(format!("You see all that {whom} {print}.")),
            Ok(()) => self.tell(format!("You see nothing of {whom}.")),
            Err(reason) => self.tell(format!("{reason}.")),
        }
    }

    fn targets(&mut self, host: &Host, argument: &str) {
        let rack = host.rack();
        let pattern = Pattern::new(argument.trim_start_matches('@'));
        let chosen = rack.targets().iter().filter(|target| {
            let mut patterns = pattern.iter();
            patterns.all(|pattern| pattern.matches(target))
        });
        let line = |target: &Arc<Target>| {
            let status = target.status.read();
            let text = format!(
                "{} {}: {}",
                target.name,
                status.state.word(),
                status.words()
            );
            crate::transcript::safe::plain(text.as_bytes()).into_owned()
        };
        let lines = chosen.map(line).collect();
        self.list("The targets:", lines);
    }

    fn who(&self, host: &Host) {
        let line = |person: &Person| {
            let away = if person.away { ", away" } else { "" };
            let place = lines::place(person);
            format!("{} ({place}), {}{away}", person.name, person.permission)
        };
        let people = host.people().all().iter().map(line).collect();
        self.list("The people:", people);
    }

    fn trace(&self, argument: &str) {
        let crashes = self.devices.state().crashes.clone();
        let count = crashes.len();
        match argument.parse::<usize>().ok().map(|n| crashes.get(n)) {
            Some(Some(line)) => self.tell(line.as_ref()),
            Some(None) => self.tell(format!("{count} crashes are known.")),
            None => self.tell(format!(
                "Which? A number from 0, the last one; {count} are known."
            )),
        }
    }

    fn help(&self, wanted: &str) {
        if !wanted.is_empty() {
            return match input::find(wanted) {
                Some(command) => self.usage(command),
                None => self.tell("Command not found. /help lists commands."),
            };
        }
        let usable = TABLE
            .iter()
            .filter(|command| command.chats || !self.device.chat_only);
        let lines = usable.map(|command| format!("- {}: {}", usage(command), command.help));
        let lines =
            lines.chain(["What else you type goes to everybody; //text posts /text.".to_owned()]);
        self.list("The commands:", lines.collect());
    }

    fn usage(&self, command: &Command) {
        self.tell(format!("Usage: {}: {}", usage(command), command.help));
    }

    fn list(&self, heading: &str, lines: Vec<String>) {
        let more = lines.len().saturating_sub(LIST_MAX);
        let more = (more > 0).then(|| format!(">> ... and {more} more"));
        let heading = if lines.is_empty() {
            format!(">> {heading} none.")
        } else {
            format!(">> {heading}")
        };
        let lines = lines.into_iter().take(LIST_MAX);
        let lines = lines.map(|line| format!(">>   {line}"));
        self.device
            .say_all([heading].into_iter().chain(lines).chain(more));
    }

    fn tell(&self, text: impl AsRef<str>) {
        self.device.say(format!(">> {}", text.as_ref()));
    }
}

fn usage(command: &Command) -> String {
    format!("{} {}", command.name, command.arguments)
        .trim_end()
        .to_owned()
}

impl Devices {
    /// Whether the device's person may chat. What they say to everybody is remembered then; what is for one person
    /// goes into no file.
    fn may_talk(&self, device: &Device, text: Option<&str>) -> bool {
        let key = device.key();
        let mut state = self.state();
        let Some(record) = state.file.at_mut(&key) else {
            return true;
        };
        if record.muted {
            return false;
        }
        if let Some(text) = text {
            let mut stamps = Stamps::default();
            record.said(format!("[{}] {text}", stamps.at(Time::now())));
        }
        if let Some(presence) = &device.inside().presence {
            presence.active();
        }
        state.change_file(self);
        true
    }

    /// Shows a device no more logs, or shows them again; whether they are muted now.
    fn toggle_logs(&self, device: &Device) -> bool {
        let key = device.key();
        let mut state = self.state();
        let muted = !device.inside().mute_logs;
        for other in state.live.iter().filter(|other| other.key() == key) {
            other.inside().mute_logs = muted;
        }
        if let Some(record) = state.file.at_mut(&key) {
            record.mute_logs = muted;
        }
        state.change_file(self);
        muted
    }
}
