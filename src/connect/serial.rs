//! Serial lines: the device, its rate and the shape of its characters.

use std::fmt;
use std::path::{Path, PathBuf};

use super::error::Error;
use super::grammar::{Spec, value};
use super::options::{Options, Value};
use super::written::Written;

/// Rate of a line nobody gave one for. Bits a second; what kernels and firmware use.
pub const BAUD_DEFAULT: u32 = 115_200;

/// A serial device of this machine and how it is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SerialLine {
    /// Path of the device; `comN` has become `/dev/ttyS(N-1)`, a bare `ttyUSB0` `/dev/ttyUSB0`.
    pub device: PathBuf,
    /// Bits a second.
    pub baud: u32,
    /// Data bits of a character.
    pub bits: DataBits,
    /// The bit that guards the others.
    pub parity: Parity,
    /// Stop bits of a character.
    pub stop: StopBits,
    /// Who may hold up whom.
    pub flow: FlowControl,
}

/// What somebody asked of a line whose device belongs to another machine; `None` leaves it as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LineSettings {
    /// Bits a second.
    pub baud: Option<u32>,
    /// Data bits of a character.
    pub bits: Option<DataBits>,
    /// The bit that guards the others.
    pub parity: Option<Parity>,
    /// Stop bits of a character.
    pub stop: Option<StopBits>,
    /// Who may hold up whom.
    pub flow: Option<FlowControl>,
}

/// Data bits of a character.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DataBits {
    /// ASCII alone.
    Seven,
    /// Whole bytes.
    #[default]
    Eight,
}

/// The bit that guards the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Parity {
    /// No such bit.
    #[default]
    None,
    /// An odd number of ones.
    Odd,
    /// An even number of ones.
    Even,
}

/// Stop bits of a character.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StopBits {
    /// As nearly every line has it.
    #[default]
    One,
    /// For slow old devices.
    Two,
}

/// Who may hold up whom.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FlowControl {
    /// Nobody.
    #[default]
    None,
    /// By the lines RTS and CTS.
    RtsCts,
    /// By the characters XON and XOFF.
    XonXoff,
}

impl SerialLine {
    /// `device` at [`BAUD_DEFAULT`], 8N1, without flow control.
    #[must_use]
    pub fn new(device: impl Into<PathBuf>) -> Self {
        Self {
            device: device.into(),
            baud: BAUD_DEFAULT,
            bits: DataBits::default(),
            parity: Parity::default(),
            stop: StopBits::default(),
            flow: FlowControl::default(),
        }
    }

    /// Reads the device from `port` and the rest from the options of a line.
    pub(super) fn read(options: &Options<'_, '_>, port: Value<'_>) -> Result<Self, Error> {
        let settings = LineSettings::read(options)?;
        Ok(Self {
            device: device(options, port)?,
            baud: settings.baud.unwrap_or(BAUD_DEFAULT),
            bits: settings.bits.unwrap_or_default(),
            parity: settings.parity.unwrap_or_default(),
            stop: settings.stop.unwrap_or_default(),
            flow: settings.flow.unwrap_or_default(),
        })
    }

    pub(super) fn write(&self, written: &mut Written, option: &'static str) {
        written
            .value(option, self.device.display())
            .value("baud", self.baud)
            .unless("bits", self.bits, DataBits::default())
            .unless("parity", self.parity, Parity::default())
            .unless("stop", self.stop, StopBits::default())
            .unless("flow", self.flow, FlowControl::default());
    }
}

impl LineSettings {
    /// Whether there is anything to ask for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn read(options: &Options<'_, '_>) -> Result<Self, Error> {
        let bits = [("7", DataBits::Seven), ("8", DataBits::Eight)];
        let parity = [
            ("none", Parity::None),
            ("odd", Parity::Odd),
            ("even", Parity::Even),
        ];
        let stop = [("1", StopBits::One), ("2", StopBits::Two)];
        let flow = [
            ("none", FlowControl::None),
            ("rtscts", FlowControl::RtsCts),
            ("xonxoff", FlowControl::XonXoff),
        ];
        Ok(Self {
            baud: options
                .value("baud")
                .map(|value| baud(options, value))
                .transpose()?,
            bits: options
                .value("bits")
                .map(|value| options.choice(value, &bits))
                .transpose()?,
            parity: options
                .value("parity")
                .map(|value| options.choice(value, &parity))
                .transpose()?,
            stop: options
                .value("stop")
                .map(|value| options.choice(value, &stop))
                .transpose()?,
            flow: options
                .value("flow")
                .map(|value| options.choice(value, &flow))
                .transpose()?,
        })
    }

    pub(super) fn write(&self, written: &mut Written) {
        written
            .some("baud", self.baud)
            .some("bits", self.bits)
            .some("parity", self.parity)
            .some("stop", self.stop)
            .some("flow", self.flow);
    }
}

impl fmt::Display for DataBits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Seven => "7",
            Self::Eight => "8",
        })
    }
}

impl fmt::Display for Parity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Odd => "odd",
            Self::Even => "even",
        })
    }
}

impl fmt::Display for StopBits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::One => "1",
            Self::Two => "2",
        })
    }
}

impl fmt::Display for FlowControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::RtsCts => "rtscts",
            Self::XonXoff => "xonxoff",
        })
    }
}

/// The options of a serial line.
pub(super) const LINE: &[Spec] = &[
    value("baud", "115200"),
    value("bits", "8"),
    value("parity", "none"),
    value("stop", "1"),
    value("flow", "none"),
];

/// Their names.
pub(super) const LINE_NAMES: &[&str] = &["baud", "bits", "parity", "stop", "flow"];

/// A rate between the slowest teletypes and the fastest USB adapters.
pub(super) fn baud(options: &Options<'_, '_>, value: Value<'_>) -> Result<u32, Error> {
    options.number(value, 50..=12_000_000, "a rate in bits a second")
}

/// A device of this machine. A bare number is refused: it reads like a TCP port.
pub(super) fn device(options: &Options<'_, '_>, value: Value<'_>) -> Result<PathBuf, Error> {
    if value.text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(options.bad(
            value,
            "a number is no serial device here; write com2 or /dev/ttyS1",
        ));
    }
    if let Some(device) = windows_device(value.text) {
        return device.ok_or_else(|| {
            options.bad(value, "the first Windows device is com1, here /dev/ttyS0")
        });
    }
    if value.text.contains('\\') {
        return Err(options.bad(
            value,
            "a Windows path; write com2 or /dev/ttyS1 for a device, com:pipe,port=PATH for a pipe",
        ));
    }
    Ok(Path::new("/dev").join(value.text))
}

/// `comN` or `\\.\comN` as the device of Linux that is the same hardware, if `text` is one of them; nothing is the
/// same as `com0`.
pub(super) fn windows_device(text: &str) -> Option<Option<PathBuf>> {
    let text = text.strip_prefix(r"\\.\").unwrap_or(text);
    let number = text.get(3..).filter(|_| {
        text.get(..3)
            .is_some_and(|com| com.eq_ignore_ascii_case("com"))
    })?;
    let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let number: u8 = number.parse().ok().filter(|_| digits)?;
    Some(
        number
            .checked_sub(1)
            .map(|index| PathBuf::from(format!("/dev/ttyS{index}"))),
    )
}
