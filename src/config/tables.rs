//! The tables of the file other than `[[target]]`: which keys each has and what they take.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use jiff::fmt::strtime;
use toml::de::DeTable;

use super::Config;
use super::Vocabulary;
use super::read::{Reader, Value, Word, quote, set};
use super::settings::{
    Chat, Color, DIRECTORY_PORT, History, KeyChange, Log, LogFormat, LogTime, Reconnect, Screen,
};
use crate::connect::{ChatPort, ServerString};
use crate::rack::Pattern;
use crate::session::transport::TlsSettings;
use crate::transcript::LINE_LIMIT_BYTES_MAX;

/// The tables a file can have.
pub(super) const TABLES: &[&str] = &[
    "target",
    "server",
    "tls",
    "chat",
    "log",
    "history",
    "screen",
    "keys",
    "reconnect",
    "trigger",
];

pub(super) fn read_log(reader: &mut Reader, table: &DeTable, log: &mut Log) {
    const KEYS: &[&str] = &[
        "enabled",
        "directory",
        "format",
        "time",
        "rotate_size",
        "rotate_count",
    ];
    for (key, value) in table.iter() {
        match key.get_ref().as_ref() {
            "enabled" => set(&mut log.enabled, reader.flag(value)),
            "directory" => set(&mut log.directory, directory(reader, value).map(Some)),
            "format" => set(
                &mut log.format,
                reader.choice(
                    value,
                    &[("lines", LogFormat::Lines), ("raw", LogFormat::Raw)],
                ),
            ),
            "time" => set(&mut log.time, log_time(reader, value)),
            "rotate_size" => set(
                &mut log.rotate_size_bytes,
                reader.size(value, ROTATE_SIZE_BYTES),
            ),
            "rotate_count" => set(&mut log.rotate_count, reader.integer(value, ROTATE_COUNT)),
            _ => reader.unknown_key(key, "[log]", KEYS),
        }
    }
}

fn directory(reader: &mut Reader, value: &Value) -> Option<PathBuf> {
    let word = reader.word(value, "\"/var/log/kdeck\"")?;
    if word.text.is_empty() {
        reader.error(
            word.span,
            "an empty path is no directory",
            "leave the key out for the state directory",
        );
        return None;
    }
    Some(PathBuf::from(word.text))
}

fn log_time(reader: &mut Reader, value: &Value) -> Option<LogTime> {
    let word = reader.word(value, "\"iso\", \"off\" or \"%H:%M:%S%.3f\"")?;
    match word.text.as_str() {
        "iso" => return Some(LogTime::Iso),
        "off" => return Some(LogTime::Off),
        _ => {}
    }
    let help = "\"iso\", \"off\" or a format of strftime, for example \"%H:%M:%S%.3f\"";
    if !word.text.contains('%') {
        reader.error(
            word.span,
            format!("{} is no time format", quote(&word.text)),
            help,
        );
        return None;
    }
    if word.text.chars().any(char::is_control) {
        reader.error(
            word.span,
            "a time stamp cannot hold control characters",
            help,
        );
        return None;
    }
    let now = jiff::Timestamp::UNIX_EPOCH.to_zoned(jiff::tz::TimeZone::UTC);
    if let Err(error) = strtime::format(&word.text, &now) {
        reader.error(
            word.span,
            format!("{} is no time format: {error}", quote(&word.text)),
            help,
        );
        return None;
    }
    Some(LogTime::Format(word.text))
}

pub(super) fn read_history(reader: &mut Reader, table: &DeTable, history: &mut History) {
    const KEYS: &[&str] = &["per_target", "total", "line_limit"];
    let mut per_target_span = None;
    for (key, value) in table.iter() {
        match key.get_ref().as_ref() {
            "per_target" => {
                per_target_span = Some(value.span());
                set(
                    &mut history.per_target_bytes,
                    reader.size(value, PER_TARGET_BYTES),
                );
            }
            "total" => set(&mut history.total_bytes, reader.size(value, TOTAL_BYTES)),
            "line_limit" => set(
                &mut history.line_limit_bytes,
                reader.size(value, LINE_LIMIT_BYTES),
            ),
            _ => reader.unknown_key(key, "[history]", KEYS),
        }
    }
    if let Some(span) = per_target_span.filter(|_| history.per_target_bytes > history.total_bytes) {
        let help = "raise `total`, or lower `per_target`";
        reader.error(
            span,
            "one target may keep more than all together (`total`)",
            help,
        );
    }
}

pub(super) fn read_screen(
    reader: &mut Reader,
    table: &DeTable,
    screen: &mut Screen,
    vocabulary: &dyn Vocabulary,
) {
    const KEYS: &[&str] = &[
        "theme",
        "frame_rate",
        "bytes_per_second",
        "confirm",
        "mouse",
        "ascii",
        "color",
        "time_stamps",
        "reduced_motion",
    ];
    for (key, value) in table.iter() {
        match key.get_ref().as_ref() {
            "theme" => {
                let Some(word) = reader.word(value, "\"default\"") else {
                    continue;
                };
                match vocabulary.theme(&word) {
                    None => screen.theme = word.text,
                    Some(fault) => reader.error(fault.span, fault.message, fault.help),
                }
            }
            "frame_rate" => set(&mut screen.frame_rate, reader.integer(value, FRAME_RATE)),
            "bytes_per_second" => {
                let bytes = reader.size(value, BYTES_PER_SECOND);
                let bytes = bytes.and_then(|bytes| u32::try_from(bytes).ok());
                set(&mut screen.bytes_per_second, bytes);
            }
            "confirm" => set(&mut screen.confirm, reader.flag(value)),
            "mouse" => set(&mut screen.mouse, reader.flag(value)),
            "ascii" => set(&mut screen.ascii, reader.flag(value)),
            "color" => {
                let choices = [
                    ("auto", Color::Auto),
                    ("always", Color::Always),
                    ("never", Color::Never),
                ];
                set(&mut screen.color, reader.choice(value, &choices));
            }
            "time_stamps" => set(&mut screen.time_stamps, reader.flag(value)),
            "reduced_motion" => set(&mut screen.reduced_motion, reader.flag(value)),
            _ => reader.unknown_key(key, "[screen]", KEYS),
        }
    }
}

pub(super) fn read_keys(
    reader: &mut Reader,
    table: &DeTable,
    keys: &mut Vec<KeyChange>,
    vocabulary: &dyn Vocabulary,
) {
    for (key, value) in table.iter() {
        let Some(mut words) = reader.words(value, "\"ctrl-p\" or [\"f1\", \"?\"]") else {
            continue;
        };
        if let Some(none) = words.iter().find(|word| word.text == "none") {
            if words.len() > 1 {
                let help = "\"none\" stands alone: it takes an action's keys away";
                reader.error(none.span.clone(), "\"none\" and keys at once", help);
            }
            words.clear();
        }
        let action = Word::of_key(key);
        keys.push(KeyChange {
            action,
            keys: words,
        });
    }
    keys.sort_by_key(|change| change.action.span.start);
    for fault in vocabulary.keys(keys) {
        reader.error(fault.span, fault.message, fault.help);
    }
}

pub(super) fn read_reconnect(reader: &mut Reader, table: &DeTable, reconnect: &mut Reconnect) {
    const KEYS: &[&str] = &["first", "longest"];
    let mut first_span = None;
    for (key, value) in table.iter() {
        match key.get_ref().as_ref() {
            "first" => {
                first_span = Some(value.span());
                set(&mut reconnect.first, reader.duration(value, RECONNECT));
            }
            "longest" => set(&mut reconnect.longest, reader.duration(value, RECONNECT)),
            _ => reader.unknown_key(key, "[reconnect]", KEYS),
        }
    }
    if let Some(span) = first_span.filter(|_| reconnect.first > reconnect.longest) {
        let help = "raise `longest`, or lower `first`";
        reader.error(span, "the first pause is longer than the longest", help);
    }
}

pub(super) fn read_server(reader: &mut Reader, table: &DeTable, config: &mut Config) {
    const KEYS: &[&str] = &["open", "allow", "directory", "ssh", "ssh_remote"];
    for (key, value) in table.iter() {
        match key.get_ref().as_ref() {
            "open" => {
                for word in reader.words(value, "\"tcp:port=5005\"").unwrap_or_default() {
                    match word.text.parse::<ServerString>() {
                        Ok(server) => config.servers.push(server),
                        Err(error) => reader.connect_error(&word, &error, |span| span),
                    }
                }
            }
            "allow" => {
                for word in reader.words(value, "[\"files\"]").unwrap_or_default() {
                    match word.text.as_str() {
                        "files" => config.sessions.allow.files = true,
                        "programs" => config.sessions.allow.programs = true,
                        "open" => config.sessions.allow.open = true,
                        other => {
                            let message = format!("{} is nothing to allow", quote(other));
                            let help = "operators can be allowed \"files\" and \"programs\" of the host, and \"open\" servers";
                            reader.error(word.span, message, help);
                        }
                    }
                }
            }
            "directory" => set(
                &mut config.sessions.directory,
                directory_port(reader, value),
            ),
            "ssh" => {
                let words = reader.words(value, "\"ssh\" or [\"ssh\", \"-4\"]");
                let words = words.map(|words| words.into_iter().map(|word| word.text));
                set(
                    &mut config.transport.ssh,
                    words
                        .map(Iterator::collect::<Vec<_>>)
                        .filter(|words| !words.is_empty()),
                );
            }
            "ssh_remote" => {
                let word = reader.word(value, "\"kdeck\" or \"/opt/kdeck/bin/kdeck\"");
                set(&mut config.transport.ssh_remote, word.map(|word| word.text));
            }
            _ => reader.unknown_key(key, "[server]", KEYS),
        }
    }
}

/// A port, or `false` for none.
fn directory_port(reader: &mut Reader, value: &Value) -> Option<Option<u16>> {
    if let toml::de::DeValue::Boolean(on) = value.get_ref() {
        return Some(on.then_some(DIRECTORY_PORT));
    }
    let port: Option<u32> = reader.integer(value, 1..=u32::from(u16::MAX));
    Some(Some(u16::try_from(port?).ok()?))
}

pub(super) fn read_tls(reader: &mut Reader, table: &DeTable, tls: &mut TlsSettings) {
    const KEYS: &[&str] = &[
        "certificate",
        "key",
        "ca",
        "client_ca",
        "client_certificate",
        "client_key",
    ];
    for (key, value) in table.iter() {
        let place = match key.get_ref().as_ref() {
            "certificate" => &mut tls.certificate,
            "key" => &mut tls.key,
            "ca" => &mut tls.ca,
            "client_ca" => &mut tls.client_ca,
            "client_certificate" => &mut tls.client_certificate,
            "client_key" => &mut tls.client_key,
            _ => {
                reader.unknown_key(key, "[tls]", KEYS);
                continue;
            }
        };
        let word = reader.word(value, "\"/etc/kdeck/lab.pem\"");
        set(place, word.map(|word| Some(PathBuf::from(word.text))));
    }
}

pub(super) fn read_chat(reader: &mut Reader, table: &DeTable, chat: &mut Chat) {
    const KEYS: &[&str] = &["port", "format", "broadcast"];
    for (key, value) in table.iter() {
        match key.get_ref().as_ref() {
            "port" => {
                let Some(word) = reader.word(value, "\"tcp:port=3014\"") else {
                    continue;
                };
                match word.text.parse::<ChatPort>() {
                    Ok(port) => chat.port = Some(port),
                    Err(error) => reader.connect_error(&word, &error, |span| span),
                }
            }
            "format" => set(&mut chat.format, chat_format(reader, value)),
            "broadcast" => {
                let words = reader.words(value, "[\"web*\", \"rack-a\"]");
                let words = words.unwrap_or_default();
                let patterns = words.iter().map(|word| Pattern::new(&word.text));
                chat.broadcast.extend(patterns.flatten());
            }
            _ => reader.unknown_key(key, "[chat]", KEYS),
        }
    }
}

fn chat_format(reader: &mut Reader, value: &Value) -> Option<String> {
    let word = reader.word(value, "\"{0}> {1}\"")?;
    let whole = word.text.contains("{0}") && word.text.contains("{1}");
    if !whole || word.text.chars().any(char::is_control) {
        reader.error(
            word.span,
            format!("{} is no format of a line of chat", quote(&word.text)),
            "{0} stands for the name, {1} for what was said, and both are needed",
        );
        return None;
    }
    Some(word.text)
}

/// From one file system block's worth of lines to more than anybody opens in an editor.
const ROTATE_SIZE_BYTES: RangeInclusive<u64> = 4 << 10..=1 << 40;
/// At least the one being written; at most what a directory listing can bear.
const ROTATE_COUNT: RangeInclusive<u32> = 1..=10_000;
/// A screenful of long lines at least; more than a target's history needs at most.
const PER_TARGET_BYTES: RangeInclusive<u64> = 64 << 10..=64 << 30;
/// As one target's, for 64 as large.
const TOTAL_BYTES: RangeInclusive<u64> = 64 << 10..=4 << 40;
/// A line of a wide terminal at least; at most what is kept as one.
const LINE_LIMIT_BYTES: RangeInclusive<u64> = 256..=LINE_LIMIT_BYTES_MAX as u64;
/// Frames a second: faster is wasted on terminals.
const FRAME_RATE: RangeInclusive<u32> = 1..=60;
/// From what still shows a screenful in some seconds to more than any terminal takes.
const BYTES_PER_SECOND: RangeInclusive<u64> = 1 << 10..=1 << 30;
/// Shorter pauses would hammer a target that refuses; longer ones look as if nothing happened.
const RECONNECT: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(86_400);
