//! What decides besides the command line, and what is kept on disk: variables and files, for the help and the manual.

use crate::config::{AUDIT_FILE, CONFIG_VARIABLE, FILE_NAME, RUNTIME_VARIABLE, STATE_VARIABLE};

/// The variable that gives a person's name.
pub const NAME_VARIABLE: &str = "KDECK_NAME";
/// The variable that says how much our own log holds.
pub const LOG_VARIABLE: &str = "KDECK_LOG";

/// The variables of the environment that are heeded, and what each does.
pub(super) const VARIABLES: &[(&str, &str)] = &[
    (
        CONFIG_VARIABLE,
        "Directory of the configuration, else kdeck in XDG_CONFIG_HOME or ~/.config.",
    ),
    (
        STATE_VARIABLE,
        "Directory of what is recorded, else kdeck in XDG_STATE_HOME or ~/.local/state.",
    ),
    (
        RUNTIME_VARIABLE,
        "Directory of sockets, else kdeck in XDG_RUNTIME_DIR, else run in the state directory.",
    ),
    (
        NAME_VARIABLE,
        "Your name where --name gives none; else it is USER, LOGNAME, or \"me\".",
    ),
    (
        LOG_VARIABLE,
        "What kdeck's own log holds: error, warn, info (without it), debug, trace, or module=level.",
    ),
    (
        "NO_COLOR",
        "If it is set, shapes and weights only, unless --color or the configuration says otherwise.",
    ),
    (
        "NO_MOTION",
        "If it is set, nothing on the screen moves by itself.",
    ),
    (
        "TERM, COLORTERM, LC_ALL, LC_CTYPE, LANG",
        "What colours and characters the terminal has.",
    ),
];

/// The files that are read or written, and what each is for. Those without a slash in front are in the directories
/// that stand before them here.
pub(super) const FILES: &[(&str, &str)] = &[
    (
        FILE_NAME,
        "The configuration: here, else in the configuration directory.",
    ),
    (
        "themes/NAME.toml",
        "In the configuration directory: themes of your own.",
    ),
    (
        "certificates/NAME.pem",
        "In the configuration directory: certificates that certuser=NAME or machuser=NAME of an ssl or spipe string \
         names, their keys in them or in NAME.key.",
    ),
    (
        "logs/",
        "In the state directory, unless [log] says otherwise: what the targets print.",
    ),
    (
        AUDIT_FILE,
        "In the state directory: who joined, left and was refused, and every command with its author.",
    ),
    (
        "certificate.pem, known_servers",
        "In the state directory: this machine's own certificate with its key, and what servers are known to show.",
    ),
    (
        "devices.toml",
        "In the state directory: the devices that came in by the chat port.",
    ),
    (
        "history, kdeck.log",
        "In the state directory: the lines typed, and kdeck's own log.",
    ),
    (
        "NAME.npipe, NAME.spipe, servers/",
        "In the runtime directory: sockets, and what the servers of this machine tell of themselves.",
    ),
];
