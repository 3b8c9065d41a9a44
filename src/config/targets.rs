//! `[[target]]`: one table makes one target, or as many as its ranges have steps.

use std::ops::Range;

use toml::de::DeValue;

use super::TARGETS_MAX;
use super::problem::Position;
use super::range::{Expansion, Template};
use super::read::{Reader, Value, Word, quote, set};
use super::taken::Taken;
use crate::connect::{Eol, Restart, TargetLink, TargetString, check_name};

/// A target to be.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// Its name, unique among all targets.
    pub name: String,
    /// How it is reached. Its own name and groups are not repeated in it.
    pub connect: TargetString,
    /// The groups it is in, each once.
    pub groups: Vec<String>,
    /// Free words to find it by, each once.
    pub tags: Vec<String>,
    /// Whether it is logged, if the target itself says so: see [`Config::is_logged`](super::Config::is_logged).
    pub log: Option<bool>,
    /// Where its connection string stands in the file; `None` if it is from the command line.
    pub position: Option<Position>,
}

impl Target {
    /// The target of a string of the command line; one without a name gets one that tells where it leads.
    pub fn new(mut connect: TargetString) -> Target {
        let name = connect
            .name
            .take()
            .unwrap_or_else(|| connect.default_name());
        let groups = unique(std::mem::take(&mut connect.group));
        Target {
            name,
            connect,
            groups,
            tags: Vec::new(),
            log: None,
            position: None,
        }
    }

    /// "line 12 of the file" or "the command line", for messages about it.
    pub(super) fn origin(&self) -> String {
        self.position
            .as_ref()
            .map_or("on the command line".to_owned(), |at| {
                format!("in line {}", at.line)
            })
    }

    /// Whether it is the same target in all that matters, wherever it stands in the file.
    pub(super) fn is_same_as(&self, other: &Target) -> bool {
        let Target {
            name,
            connect,
            groups,
            tags,
            log,
            position: _,
        } = self;
        *name == other.name
            && *connect == other.connect
            && *groups == other.groups
            && *tags == other.tags
            && *log == other.log
    }
}

/// All `[[target]]` tables.
pub(super) fn read_targets(reader: &mut Reader, value: &Value) -> Vec<Target> {
    let mut targets = Vec::new();
    let mut taken = Taken::default();
    match value.get_ref() {
        DeValue::Array(tables) => {
            for table in tables.iter() {
                read_target(reader, table, &mut targets, &mut taken);
                if targets.len() > TARGETS_MAX {
                    let message = format!("these are more than {TARGETS_MAX} targets");
                    reader.error(table.span(), message, "run another kdeck for the rest");
                    break;
                }
            }
        }
        DeValue::Table(_) => {
            reader.error(
                value.span(),
                "there can be many targets",
                "write [[target]], with two brackets",
            );
        }
        _ => reader.wrong_type(value, "tables", "[[target]]"),
    }
    targets
}

/// A string of a table, which may have ranges.
struct Text {
    word: Word,
    template: Template,
}

/// What one table says, not yet expanded.
#[derive(Default)]
struct Table {
    name: Option<Text>,
    connect: Option<Text>,
    groups: Vec<Text>,
    tags: Vec<Text>,
    log: Option<bool>,
    eol: Option<Eol>,
    reconnect: Option<bool>,
}

fn read_target(reader: &mut Reader, value: &Value, targets: &mut Vec<Target>, taken: &mut Taken) {
    let DeValue::Table(entries) = value.get_ref() else {
        return reader.wrong_type(value, "a table", "[[target]]");
    };
    let mut table = Table::default();
    let mut has_connect = false;
    for (key, value) in entries.iter() {
        match key.get_ref().as_ref() {
            "name" => {
                table.name = reader
                    .word(value, "\"web01\"")
                    .and_then(|word| text(reader, word))
            }
            "connect" => {
                has_connect = true;
                let word = reader.word(value, "\"raw:server=lab1,port=7001\"");
                table.connect = word.and_then(|word| text(reader, word));
            }
            "group" => table.groups = texts(reader, value, "\"rack-a\" or [\"rack-a\", \"web\"]"),
            "tags" => table.tags = texts(reader, value, "[\"arm64\", \"flaky\"]"),
            "log" => table.log = reader.flag(value),
            "eol" => set(&mut table.eol, reader.choice(value, EOLS).map(Some)),
            "reconnect" => table.reconnect = reader.flag(value),
            _ => reader.unknown_key(key, "[[target]]", KEYS),
        }
    }
    if !has_connect {
        let help = "for example connect = \"raw:server=lab1,port=7001\"";
        return reader.error(value.span(), "this target has no `connect`", help);
    }
    let Some(steps) = steps(reader, &table) else {
        return;
    };
    expand(reader, &table, steps, targets, taken);
}

fn text(reader: &mut Reader, word: Word) -> Option<Text> {
    match Template::parse(&word.text) {
        Ok(template) => Some(Text { word, template }),
        Err(error) => {
            reader.error(word.part(error.span), error.message, error.help);
            None
        }
    }
}

fn texts(reader: &mut Reader, value: &Value, example: &str) -> Vec<Text> {
    let words = reader.words(value, example).unwrap_or_default();
    words
        .into_iter()
        .filter_map(|word| text(reader, word))
        .collect()
}

/// How many targets the table makes; `None` if its ranges do not agree or its name has none.
fn steps(reader: &mut Reader, table: &Table) -> Option<usize> {
    let mut all: Vec<&Text> = table
        .name
        .iter()
        .chain(&table.connect)
        .chain(&table.groups)
        .chain(&table.tags)
        .collect();
    all.sort_by_key(|text| text.word.span.start);
    let mut first: Option<(usize, &str)> = None;
    for text in all {
        let Some((count, span)) = text.template.steps() else {
            continue;
        };
        match first {
            None => first = Some((count, text.word.text.get(span).unwrap_or_default())),
            Some((expected, range)) if expected != count => {
                let message = format!("this range has {count} steps, {range} has {expected}");
                let help = "the ranges of a table run in step: give them the same length";
                reader.error(text.word.part(span), message, help);
                return None;
            }
            Some(_) => {}
        }
    }
    let count = first.map_or(1, |(count, _)| count);
    if let (Some(name), Some((2.., range))) = (&table.name, first)
        && name.template.steps().is_none()
    {
        let message = format!("all {count} targets of {range} would have this name");
        let help = format!(
            "put a range in it: \"{}{{01..{count:02}}}\"",
            super::read::show(&name.word.text)
        );
        reader.error(name.word.span.clone(), message, help);
        return None;
    }
    Some(count)
}

fn expand(
    reader: &mut Reader,
    table: &Table,
    steps: usize,
    targets: &mut Vec<Target>,
    taken: &mut Taken,
) {
    let Some(connect_text) = &table.connect else {
        return;
    };
    let position = reader.position(connect_text.word.span.clone());
    // A range that is wrong once is wrong a hundred times: each kind of mistake is reported where it is first made.
    let mut once = Once {
        span: connect_text.word.span.clone(),
        seen: Vec::new(),
    };
    for step in 0..steps {
        let expansion = connect_text.template.expand(step);
        let mut connect = match expansion.text.parse::<TargetString>() {
            Ok(connect) => connect,
            Err(error) => {
                return reader
                    .connect_error(&connect_text.word, &error, |span| expansion.origin(span));
            }
        };
        if let Some(message) = connect.not_served() {
            once.warn(
                reader,
                Kind::NotServed,
                message,
                "it is listed, but not connected",
            );
        }
        for warning in connect.warnings() {
            once.warn(reader, Kind::Connect, &warning, "");
        }
        if table
            .eol
            .is_some_and(|eol| !set_eol(&mut connect.link, eol))
        {
            let message = "`eol` means nothing for this kind of target";
            once.warn(
                reader,
                Kind::Eol,
                message,
                "take it out: nothing is sent, or a protocol frames it",
            );
        }
        if table
            .reconnect
            .is_some_and(|reconnect| !set_reconnect(&mut connect.link, reconnect))
        {
            let message = "`reconnect` means nothing for this kind of target";
            once.warn(
                reader,
                Kind::Reconnect,
                message,
                "take it out: there is no connection that could be lost",
            );
        }
        let own_name = connect.name.clone();
        let mut target = Target::new(connect);
        target.log = table.log;
        target.position = Some(position.clone());
        target.tags = unique(
            table
                .tags
                .iter()
                .map(|tag| tag.template.expand(step).text)
                .collect(),
        );

        let name_span = match &table.name {
            None => {
                if own_name.is_none() {
                    target.name = taken.free_name(target.name);
                }
                connect_text.word.span.clone()
            }
            Some(name) => {
                let expansion = name.template.expand(step);
                if !checked(reader, name, &expansion, "a target") {
                    return;
                }
                if own_name
                    .as_ref()
                    .is_some_and(|other| *other != expansion.text)
                {
                    let message = "this target has two names; `name` is the one that counts";
                    once.warn(
                        reader,
                        Kind::TwoNames,
                        message,
                        "take `name=` out of `connect`",
                    );
                }
                target.name = expansion.text;
                name.word.span.clone()
            }
        };
        let mut groups = Vec::new();
        for group in &table.groups {
            let expansion = group.template.expand(step);
            if !checked(reader, group, &expansion, "a group") {
                return;
            }
            groups.push(expansion.text);
        }
        groups.append(&mut target.groups);
        target.groups = unique(groups);

        let rival = taken.name(&target.name);
        if let Some(other) = rival.and_then(|index| targets.get(index))
            && once.first(Kind::Name)
        {
            let message = format!(
                "the name {} is taken by the target {}",
                quote(&target.name),
                other.origin()
            );
            reader.error(name_span, message, "every target has a name of its own");
        }
        let held = taken.port(&target);
        if let Some((port, index)) = &held
            && let Some(other) = targets.get(*index).filter(|_| once.first(Kind::Port))
        {
            let message = format!(
                "{port} is held by the target {} {}",
                quote(&other.name),
                other.origin()
            );
            reader.error(
                once.span.clone(),
                message,
                "every target has a local port of its own",
            );
        }
        if rival.is_some() || held.is_some() {
            continue;
        }
        taken.insert(&target, targets.len());
        targets.push(target);
    }
}

/// Sets what ends a line of input; false for a link that has none.
fn set_eol(link: &mut TargetLink, eol: Eol) -> bool {
    match link {
        TargetLink::Raw(raw) => raw.eol = eol,
        TargetLink::Telnet(telnet) => telnet.eol = eol,
        TargetLink::Exec(exec) => exec.eol = eol,
        _ => return false,
    }
    true
}

/// Sets whether a lost link is opened again, an ended program started again; false for a link that is never lost.
fn set_reconnect(link: &mut TargetLink, reconnect: bool) -> bool {
    match link {
        TargetLink::Raw(raw) => raw.reconnect = reconnect,
        TargetLink::Telnet(telnet) => telnet.reconnect = reconnect,
        TargetLink::Kd(kd) => kd.reconnect = reconnect,
        TargetLink::Exec(exec) => {
            exec.restart = if reconnect {
                Restart::Always
            } else {
                Restart::Never
            }
        }
        _ => return false,
    }
    true
}

/// Whether `expansion` is a name that `whose` may have; if not, says why.
fn checked(reader: &mut Reader, text: &Text, expansion: &Expansion, whose: &str) -> bool {
    let Err(fault) = check_name(&expansion.text) else {
        return true;
    };
    let message = format!(
        "{} cannot be the name of {whose}: {fault}",
        quote(&expansion.text)
    );
    let help = if text.word.text.contains('{') {
        "a range is written {00..99} or {web,db}"
    } else {
        ""
    };
    reader.error(
        text.word.part(expansion.origin(0..expansion.text.len())),
        message,
        help,
    );
    false
}

/// What is said once for a table, not for each of its targets.
struct Once {
    span: Range<usize>,
    seen: Vec<Kind>,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    NotServed,
    Connect,
    Eol,
    Reconnect,
    TwoNames,
    Name,
    Port,
}

impl Once {
    fn first(&mut self, kind: Kind) -> bool {
        let is_first = !self.seen.contains(&kind);
        self.seen.push(kind);
        is_first
    }

    fn warn(&mut self, reader: &mut Reader, kind: Kind, message: &str, help: &str) {
        if self.first(kind) {
            reader.warning(self.span.clone(), message, help);
        }
    }
}

/// The words in their order, each once.
fn unique(words: Vec<String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::with_capacity(words.len());
    for word in words {
        if !kept.contains(&word) {
            kept.push(word);
        }
    }
    kept
}

const KEYS: &[&str] = &[
    "name",
    "connect",
    "group",
    "tags",
    "log",
    "eol",
    "reconnect",
];
const EOLS: &[(&str, Eol)] = &[("lf", Eol::Lf), ("cr", Eol::Cr), ("crlf", Eol::CrLf)];
