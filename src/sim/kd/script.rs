//! What a simulated machine does by itself: it boots, prints, asks, loads drivers, fails.
//!
//! The words are made up. When each is due is in [`super::behaviour`].

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::proto::kd::{FileAnswer, FileRequest, FileResult, LoadSymbols};

use super::behaviour::{Behaviour, Deed, Watched};
use super::machine::{Machine, Notice, Stop};
use super::program::{BOOT_DRIVERS, HARDWARE, KERNEL, LATE_DRIVERS, Work};

/// What a machine has asked its debugger.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Asked {
    /// A plain question.
    Question,
    /// What to do about a failed assertion.
    Assertion,
    /// For a file; what of it has been read, and its handle and length once it is open.
    File { read: u64, open: Option<(u64, u64)> },
}

/// What is left of a boot.
#[derive(Debug)]
pub(super) struct Boot {
    steps: VecDeque<BootStep>,
    next: Instant,
    /// Until when it waits for a debugger.
    patience: Instant,
}

#[derive(Debug, Clone, Copy)]
enum BootStep {
    Print(&'static str),
    /// Loads the module, if it is not, and tells of it.
    Announce(&'static str),
    AskFile(&'static str),
}

/// Pause between the steps of a boot.
const BOOT_STEP: Duration = Duration::from_millis(20);

/// How long a booting machine waits for a debugger.
const BOOT_PATIENCE: Duration = Duration::from_secs(7);

/// Most of a file that is read; what drivers are replaced by is smaller. Bytes.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// Bytes of a file asked for at once; fits into a datagram.
const FILE_CHUNK_BYTES: u32 = 1024;

const ASSERTION: &str =
    "Break repeatedly, break Once, Ignore, terminate Process or terminate Thread (boipt)? ";

impl Boot {
    /// A boot that begins at `now`, or, unless the machine `boots`, one that is over.
    pub fn new(behaviour: &Behaviour, boots: bool, now: Instant) -> Self {
        let mut steps = VecDeque::new();
        if boots {
            steps.push_back(BootStep::Print("KDTARGET: Refreshing KD connection\n"));
            steps.extend([KERNEL, HARDWARE].map(BootStep::Announce));
            for driver in BOOT_DRIVERS {
                if behaviour.files {
                    steps.push_back(BootStep::AskFile(driver));
                }
                steps.push_back(BootStep::Announce(driver));
            }
            steps.push_back(BootStep::Print(
                "mydrv: DriverEntry: device \\Device\\MyDevice is ready\n",
            ));
        }
        Self {
            steps,
            next: now,
            patience: now + BOOT_PATIENCE,
        }
    }

    pub fn is_done(&self) -> bool {
        self.steps.is_empty()
    }

    pub fn next(&self) -> Instant {
        self.next
    }
}

impl Machine {
    /// Loads what a boot loads, without a word.
    pub(super) fn load_boot_drivers(&mut self) {
        for driver in BOOT_DRIVERS {
            self.kernel.load(driver);
        }
    }

    /// Does what is due; whether anything was.
    pub(super) fn act(&mut self, now: Instant) -> bool {
        if !self.boot.is_done() {
            return self.boot_on(now);
        }
        let behaviour = self.settings.behaviour;
        let watched = Watched {
            present: self.present,
            armed: self.armed(),
        };
        let Some(deed) = self.timetable.take(&behaviour, watched, now) else {
            return false;
        };
        match deed {
            Deed::Calls => self.start(Work::Calls),
            Deed::Print => self.chatter(),
            Deed::Driver => {
                let driver = LATE_DRIVERS[self.random.usize(0..LATE_DRIVERS.len())];
                if self.kernel.module(driver).is_some() {
                    self.unload_driver(driver);
                } else {
                    self.load_driver(driver);
                }
            }
            Deed::Prompt if self.present => self.ask(
                "mydrv: which transfer mode (pio/dma)? ",
                64,
                Asked::Question,
            ),
            Deed::Assert if self.present => {
                self.say_text(b"\n*** Assertion failed: State->Requests < LIMIT\n***   Source File: mydrv.c, line 214\n\n");
                self.ask(ASSERTION, 2, Asked::Assertion);
            }
            Deed::Prompt | Deed::Assert => {}
            Deed::Fault => self.start(Work::Touch),
            Deed::BugCheck => self.start(Work::BugCheck),
            Deed::Reboot if self.present => self.stop(self.current, Stop::Farewell, now),
            Deed::Reboot => self.request_reset(),
        }
        true
    }

    fn boot_on(&mut self, now: Instant) -> bool {
        if now < self.boot.next {
            return false;
        }
        if !self.present && now < self.boot.patience {
            self.boot.next = self.boot.patience.min(now + BOOT_STEP);
            return false;
        }
        self.boot.next = now + BOOT_STEP;
        match self.boot.steps.pop_front() {
            Some(BootStep::Print(text)) => self.say_text(text.as_bytes()),
            Some(BootStep::Announce(file)) => self.load_driver(file),
            Some(BootStep::AskFile(file)) if self.present => {
                let name = format!("\\SystemRoot\\System32\\drivers\\{file}");
                let request = FileRequest::Create {
                    access: 0x8010_0080,
                    attributes: 0,
                    share: 1,
                    disposition: 1,
                    options: 0x60,
                    name: name.encode_utf16().collect(),
                };
                self.ask_file(
                    request,
                    Asked::File {
                        read: 0,
                        open: None,
                    },
                );
            }
            Some(BootStep::AskFile(_)) | None => {}
        }
        true
    }

    /// Loads a driver that is not loaded yet, and has the kernel tell of it.
    fn load_driver(&mut self, file: &str) {
        self.kernel.load(file);
        self.breakpoints.memory_came(&mut self.kernel.memory);
        let Some(module) = self.kernel.module(file) else {
            return;
        };
        let load = LoadSymbols {
            path: module.path.clone().into_bytes(),
            base: module.base,
            process: if self.boot.is_done() { 4 } else { 0 },
            checksum: module.image.checksum,
            size: module.image.bytes.len() as u32,
            unload: false,
        };
        self.notice = Some(Notice { load, unload: None });
        self.start(Work::Load);
    }

    fn unload_driver(&mut self, file: &str) {
        let Some(module) = self.kernel.module(file) else {
            return;
        };
        let load = LoadSymbols {
            path: file.as_bytes().to_vec(),
            base: module.base,
            process: 4,
            checksum: 0,
            size: 0,
            unload: true,
        };
        self.notice = Some(Notice {
            load,
            unload: Some(file.to_owned()),
        });
        self.start(Work::Unload);
    }

    /// Prints a line. They are numbered, so that it can be seen that none is missing.
    fn chatter(&mut self) {
        self.printed += 1;
        let number = self.printed;
        let irp = 0xFFFF_D28F_4000_0000_u64 | self.random.u64(0..0x100_0000) << 4;
        let text = match self.random.u8(0..6) {
            0 => format!(
                "mydrv: #{number:06} read {} bytes for IRP {irp:016x}\n",
                512 << self.random.u8(0..6)
            ),
            1 => format!(
                "mydrv: #{number:06} write of sector {} done, status 00000000\n",
                self.random.u32(..)
            ),
            2 => format!(
                "ndis: #{number:06} interrupt on queue {}, {} frames\n",
                self.random.u8(0..4),
                self.random.u8(1..65)
            ),
            3 => format!(
                "tcpip: #{number:06} connection to 10.0.0.{} port {} closed\n",
                self.random.u8(1..255),
                self.random.u16(1024..)
            ),
            4 => format!(
                "storport: #{number:06} queue depth {}, {} us\n",
                self.random.u8(1..33),
                self.random.u16(20..900)
            ),
            _ => format!(
                "mydrv: #{number:06} state {} -> {}\n",
                self.random.u8(0..5),
                self.random.u8(0..5)
            ),
        };
        self.say_text(text.as_bytes());
    }

    /// Goes on with what an answer says.
    pub(super) fn answered(&mut self, asked: Asked, text: &[u8]) {
        let words = String::from_utf8_lossy(text);
        let words = words.trim_end_matches(['\0', '\r', '\n']);
        match asked {
            Asked::Question => {
                self.say_text(format!("mydrv: transfer mode '{words}'\n").as_bytes())
            }
            Asked::Assertion => match words.bytes().next().map(|byte| byte.to_ascii_lowercase()) {
                Some(b'b' | b'o') => self.start(Work::Assert),
                Some(b'i') => self.say_text(b"mydrv: assertion ignored\n"),
                Some(b'p' | b't') => self.say_text(b"mydrv: thread ended\n"),
                _ => self.ask(ASSERTION, 2, Asked::Assertion),
            },
            // The answer to something else: it is as good as none.
            Asked::File { .. } => {}
        }
    }

    pub(super) fn file_answered(&mut self, asked: Asked, answer: &FileAnswer) {
        let Asked::File { read, open } = asked else {
            return;
        };
        if answer.status.is_failure() {
            return;
        }
        let (read, open) = match (&answer.result, open) {
            (FileResult::Created { handle, length }, None) => (0, Some((*handle, *length))),
            (FileResult::Read { data }, Some(open)) if !data.is_empty() => {
                (read + data.len() as u64, Some(open))
            }
            (FileResult::Read { .. }, Some((handle, _))) => (read, Some((handle, read))),
            _ => {
                self.say_text(format!("KD: {read} bytes of the replacement read\n").as_bytes());
                return;
            }
        };
        let Some((handle, length)) = open else {
            return;
        };
        let left = length.min(FILE_BYTES_MAX).saturating_sub(read);
        let request = if left == 0 {
            FileRequest::Close { handle }
        } else {
            let count = u32::try_from(left)
                .unwrap_or(u32::MAX)
                .min(FILE_CHUNK_BYTES);
            FileRequest::Read {
                handle,
                offset: read,
                count,
            }
        };
        self.ask_file(request, Asked::File { read, open });
    }
}
