//! Serial lines of this machine.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{FlockOperation, Mode, OFlags};
use serial2_tokio::{CharSize, SerialPort, Settings};

use super::error::{Error, Operation};
use crate::connect::{DataBits, FlowControl, Parity, SerialLine, StopBits};

/// How long a line is held in the break condition. Milliseconds; longer than a character at any rate in use.
pub const BREAK_MS: u64 = 300;

/// An open serial device, held by this process alone as far as others ask.
#[derive(Debug)]
pub struct Serial {
    pub(super) port: SerialPort,
    _lock: Lock,
    place: String,
}

/// Opens a serial device and sets it as `line` says.
///
/// The device is locked (`flock`), so that two programs do not steal each other's bytes; terminal programs that
/// lock in the same way are noticed.
///
/// # Errors
/// [`Operation::OpenSerial`] if it can't be had, [`Operation::SetSerial`] if it can't do what `line` asks for.
pub fn open_serial(line: &SerialLine) -> Result<Serial, Error> {
    let place = line.device.display().to_string();
    let failed = |error: io::Error| Error::io(Operation::OpenSerial, place.clone(), error);
    let lock = Lock::take(&line.device).map_err(|error| failed(error.into()))?;
    if !rustix::termios::isatty(&lock.0) {
        return Err(Error::new(
            Operation::OpenSerial,
            place,
            "not a serial device",
            "/dev/serial/by-id lists adapters by name",
        ));
    }
    let port = SerialPort::open(&line.device, |settings| shaped(settings, line));
    let port = port.map_err(|source| Error {
        source: Some(source),
        ..Error::new(
            Operation::SetSerial,
            place.clone(),
            format!("the device can't do {}", shape(line)),
            "nearly every one can do 115200 baud with the default format",
        )
    })?;
    Ok(Serial {
        port,
        _lock: lock,
        place,
    })
}

impl Serial {
    /// Holds the line in the break condition for [`BREAK_MS`]; it ends also if nobody waits for the end.
    ///
    /// # Errors
    /// [`Operation::Break`] where the device has none.
    pub async fn send_break(&self) -> Result<(), Error> {
        let failed = |error| Error::io(Operation::Break, self.place.clone(), error);
        self.port.set_break(true).map_err(failed)?;
        let end = BreakEnd(&self.port);
        tokio::time::sleep(Duration::from_millis(BREAK_MS)).await;
        drop(end);
        Ok(())
    }

    /// Changes the speed, bits a second; everything else stays.
    ///
    /// # Errors
    /// [`Operation::SetSerial`], above all for a speed that the device can't do.
    pub fn set_baud(&mut self, baud: u32) -> Result<(), Error> {
        let failed = |error| Error::io(Operation::SetSerial, self.place.clone(), error);
        let mut settings = self.port.get_configuration().map_err(failed)?;
        settings.set_baud_rate(baud).map_err(failed)?;
        self.port.set_configuration(&settings).map_err(failed)
    }

    /// Switches DTR and RTS; `None` leaves a wire alone.
    ///
    /// # Errors
    /// [`Operation::SetControl`] where the device has no such wires.
    pub fn set_control(&self, dtr: Option<bool>, rts: Option<bool>) -> Result<(), Error> {
        let failed = |error| Error::io(Operation::SetControl, self.place.clone(), error);
        if let Some(on) = dtr {
            self.port.set_dtr(on).map_err(failed)?;
        }
        if let Some(on) = rts {
            self.port.set_rts(on).map_err(failed)?;
        }
        Ok(())
    }
}

/// Ends a break however it is left.
struct BreakEnd<'a>(&'a SerialPort);

impl Drop for BreakEnd<'_> {
    fn drop(&mut self) {
        // A device that vanished meanwhile has no break to end; reading from it tells.
        let _ = self.0.set_break(false);
    }
}

/// A device that is locked as long as this lives.
#[derive(Debug)]
struct Lock(OwnedFd);

impl Lock {
    /// Opens the device without waiting for a carrier and locks it.
    fn take(device: &Path) -> rustix::io::Result<Self> {
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = rustix::fs::open(device, flags, Mode::empty())?;
        rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        Ok(Self(file))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing alone is not enough: a program that is just being started holds a copy until it runs.
        let _ = rustix::fs::flock(&self.0, FlockOperation::Unlock);
    }
}

fn shaped(mut settings: Settings, line: &SerialLine) -> io::Result<Settings> {
    settings.set_raw();
    settings.set_baud_rate(line.baud)?;
    settings.set_char_size(match line.bits {
        DataBits::Seven => CharSize::Bits7,
        DataBits::Eight => CharSize::Bits8,
    });
    settings.set_parity(match line.parity {
        Parity::None => serial2_tokio::Parity::None,
        Parity::Odd => serial2_tokio::Parity::Odd,
        Parity::Even => serial2_tokio::Parity::Even,
    });
    settings.set_stop_bits(match line.stop {
        StopBits::One => serial2_tokio::StopBits::One,
        StopBits::Two => serial2_tokio::StopBits::Two,
    });
    settings.set_flow_control(match line.flow {
        FlowControl::None => serial2_tokio::FlowControl::None,
        FlowControl::RtsCts => serial2_tokio::FlowControl::RtsCts,
        FlowControl::XonXoff => serial2_tokio::FlowControl::XonXoff,
    });
    Ok(settings)
}

fn shape(line: &SerialLine) -> String {
    let SerialLine {
        baud,
        bits,
        parity,
        stop,
        flow,
        ..
    } = line;
    format!("{baud} baud, {bits} data bits, parity {parity}, stop bits {stop}, flow control {flow}")
}
