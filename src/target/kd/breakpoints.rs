//! The breakpoints that people set, and which of them the target has at this moment.
//!
//! A target keeps a table of 32 entries. It takes out by itself those that lie in the sixteen bytes of code that a stop
//! reports, and loses all of them when it restarts; a debugger that was killed leaves its own behind. So what people
//! want and what is inserted are two things, and the first is made true each time before the target goes on.

use std::fmt::Write as _;

use crate::code::machine::Machine;
use crate::code::modules::Modules;

/// Breakpoints that a target can hold.
pub const BREAKPOINTS_MAX: usize = 32;
/// Where the target's numbers for its breakpoints end, which begin at 1.
pub const LEFTOVERS_END: u32 = BREAKPOINTS_MAX as u32 + 1;
/// Hardware breakpoints of an x86 processor.
pub const HARDWARE_MAX: usize = 4;
/// A stop reports so many bytes of code, and takes the breakpoints in them out of the target's memory.
pub const REPORTED_CODE_BYTES: u64 = 16;

/// What a processor watches for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// The instruction is executed.
    Execute,
    /// It is written.
    Write,
    /// It is read or written.
    ReadWrite,
    /// An I/O port is used.
    Io,
}

impl Access {
    /// The letter it is written with.
    pub fn letter(self) -> char {
        match self {
            Self::Execute => 'e',
            Self::Write => 'w',
            Self::ReadWrite => 'r',
            Self::Io => 'i',
        }
    }

    /// The access of a letter.
    pub fn of(letter: char) -> Option<Self> {
        [Self::Execute, Self::Write, Self::ReadWrite, Self::Io]
            .into_iter()
            .find(|access| access.letter() == letter)
    }

    /// The two bits of debug register 7 (Intel's manual, "Debug Control Register").
    fn bits(self) -> u64 {
        match self {
            Self::Execute => 0b00,
            Self::Write => 0b01,
            Self::Io => 0b10,
            Self::ReadWrite => 0b11,
        }
    }
}

/// How a breakpoint works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// The target puts a breakpoint instruction there.
    Software,
    /// The processors watch for it.
    Hardware {
        /// For what.
        access: Access,
        /// Bytes: 1, 2, 4 or 8.
        bytes: u8,
    },
}

/// Where a breakpoint is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// At an address that is in no module.
    Address(u64),
    /// In a module, which may be elsewhere after a restart, or gone.
    Module {
        /// Its name.
        module: String,
        /// From its base.
        offset: u64,
    },
    /// Named by an expression that means nothing yet, because its module is not loaded.
    Deferred(String),
}

/// A breakpoint that somebody set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breakpoint {
    /// Its number.
    pub number: usize,
    /// Where.
    pub place: Place,
    /// How.
    pub how: How,
    /// Whether it stops the target at all.
    pub enabled: bool,
    /// It stops at this pass and every one after it.
    pub passes: u32,
    /// Passes that are left until it does; 1 for the next one.
    pub passes_left: u32,
    /// Gone after it stopped the target once.
    pub one_shot: bool,
    /// What is done when it stops.
    pub commands: String,
    /// Where it is now; `None` while its module is not there.
    pub address: Option<u64>,
    /// The target's number for it while it is inserted.
    pub handle: Option<u32>,
}

impl Breakpoint {
    fn place_now(&self, modules: &Modules) -> Option<u64> {
        match &self.place {
            Place::Address(address) => Some(*address),
            Place::Module { module, offset } => {
                Some(modules.named(module)?.base.wrapping_add(*offset))
            }
            Place::Deferred(_) => None,
        }
    }
}

/// All breakpoints of one target.
#[derive(Debug, Clone, Default)]
pub struct Breakpoints {
    list: Vec<Breakpoint>,
}

impl Breakpoints {
    /// All of them, by number.
    pub fn iter(&self) -> std::slice::Iter<'_, Breakpoint> {
        self.list.iter()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Whether the module of one is not known.
    pub fn any_without_place(&self) -> bool {
        self.list.iter().any(|one| one.address.is_none())
    }

    /// The breakpoint of that number.
    pub fn get_mut(&mut self, number: usize) -> Option<&mut Breakpoint> {
        self.list.iter_mut().find(|one| one.number == number)
    }

    /// Adds one, in place of the one with its number; without a number it gets the lowest that is free.
    ///
    /// # Errors
    /// When there are too many.
    pub fn add(&mut self, number: Option<usize>, mut new: Breakpoint) -> Result<usize, String> {
        let number = number.unwrap_or_else(|| {
            (0..)
                .find(|number| self.list.iter().all(|one| one.number != *number))
                .unwrap_or_default()
        });
        if number >= BREAKPOINTS_MAX {
            return Err(format!(
                "a target holds {BREAKPOINTS_MAX} breakpoints, numbered from 0; bc NUMBER removes one"
            ));
        }
        let hardware = |one: &&Breakpoint| one.how != How::Software && one.number != number;
        if new.how != How::Software && self.list.iter().filter(hardware).count() >= HARDWARE_MAX {
            return Err(format!(
                "a processor has {HARDWARE_MAX} hardware breakpoints, and all are taken; bc NUMBER frees one"
            ));
        }
        self.list.retain(|one| one.number != number);
        new.number = number;
        let at = self.list.partition_point(|one| one.number < number);
        self.list.insert(at, new);
        Ok(number)
    }

    /// Takes one away.
    pub fn remove(&mut self, number: usize) -> Option<Breakpoint> {
        let at = self.list.iter().position(|one| one.number == number)?;
        Some(self.list.remove(at))
    }

    /// The software breakpoint at an address.
    pub fn software_at(&mut self, address: u64) -> Option<&mut Breakpoint> {
        self.list
            .iter_mut()
            .find(|one| one.enabled && one.how == How::Software && one.address == Some(address))
    }

    /// Whether one of them is in the target at an address. Of several at one place a target takes only the first.
    pub fn is_inserted_at(&self, address: u64) -> bool {
        self.list
            .iter()
            .any(|one| one.handle.is_some() && one.address == Some(address))
    }

    /// The hardware breakpoint that debug register 6 says was met; the four registers are dealt in the order of the list.
    pub fn hardware_met(&mut self, dr6: u64) -> Option<&mut Breakpoint> {
        self.list
            .iter_mut()
            .filter(|one| one.enabled && one.how != How::Software && one.address.is_some())
            .take(HARDWARE_MAX)
            .enumerate()
            .find(|(register, _)| dr6 & (1 << register) != 0)
            .map(|(_, one)| one)
    }

    /// A stop at `pc` took those in the code it reports out of the target.
    pub fn stopped_at(&mut self, pc: u64) {
        for one in &mut self.list {
            if one
                .address
                .is_some_and(|at| at.wrapping_sub(pc) < REPORTED_CODE_BYTES)
            {
                one.handle = None;
            }
        }
    }

    /// The target has none any more: it restarted, or its table was cleared.
    pub fn forget_handles(&mut self) {
        for one in &mut self.list {
            one.handle = None;
        }
    }

    /// Follows the modules: each breakpoint is where its module is now.
    pub fn follow(&mut self, modules: &Modules) {
        for one in &mut self.list {
            let address = one.place_now(modules);
            if address != one.address {
                // What is inserted lies in memory that was something else.
                one.handle = None;
                one.address = address;
            }
        }
    }

    /// What the processors are to watch: addresses for debug registers 0 to 3, and the value of register 7.
    pub fn debug_registers(&self) -> ([u64; HARDWARE_MAX], u64) {
        /// The bit of register 7 that is always one.
        const ALWAYS: u64 = 0x400;
        /// Exact breakpoints, as debuggers set them.
        const EXACT: u64 = 0x300;
        let (mut addresses, mut control) = ([0; HARDWARE_MAX], ALWAYS);
        let watched = self
            .list
            .iter()
            .filter(|one| one.enabled)
            .filter_map(|one| {
                let How::Hardware { access, bytes } = one.how else {
                    return None;
                };
                Some((one.address?, access, bytes))
            });
        for (register, (address, access, bytes)) in watched.take(HARDWARE_MAX).enumerate() {
            let length: u64 = match bytes {
                2 => 0b01,
                8 => 0b10,
                4 => 0b11,
                _ => 0b00,
            };
            if let Some(slot) = addresses.get_mut(register) {
                *slot = address;
            }
            control |= EXACT | 0b10 << (2 * register);
            control |= (access.bits() | length << 2) << (16 + 4 * register);
        }
        (addresses, control)
    }

    /// The list as `bl` shows it; `name` finds the name of an address.
    pub fn listing(&self, machine: Machine, name: impl Fn(u64) -> String) -> String {
        let mut text = String::new();
        for one in &self.list {
            let state = if one.enabled { 'e' } else { 'd' };
            let unresolved = if one.address.is_some() { ' ' } else { 'u' };
            let address = one.address.map_or_else(
                || " ".repeat(if machine.is_64bit() { 17 } else { 8 }),
                |at| machine.address(at).to_string(),
            );
            let how = match one.how {
                How::Software => "    ".to_owned(),
                How::Hardware { access, bytes } => format!(" {} {bytes}", access.letter()),
            };
            let place = match (&one.place, one.address) {
                (_, Some(at)) => name(at),
                (Place::Module { module, offset }, None) => format!("({module}+{offset:#x})"),
                (Place::Deferred(expression), None) => format!("({expression})"),
                (Place::Address(at), None) => format!("{at:#x}"),
            };
            let (number, left, passes) = (one.number, one.passes_left, one.passes);
            let line = write!(
                text,
                "{number:2} {state}{unresolved}{address}{how} {left:04x} ({passes:04x}) {place}"
            );
            line.expect("a string takes everything");
            if !one.commands.is_empty() {
                write!(text, " \"{}\"", one.commands).expect("a string takes everything");
            }
            text.push('\n');
        }
        text.truncate(text.trim_end().len());
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(address: u64, how: How) -> Breakpoint {
        Breakpoint {
            number: 0,
            place: Place::Address(address),
            how,
            enabled: true,
            passes: 1,
            passes_left: 1,
            one_shot: false,
            commands: String::new(),
            address: Some(address),
            handle: None,
        }
    }

    const WRITE_4: How = How::Hardware {
        access: Access::Write,
        bytes: 4,
    };

    #[test]
    fn numbers_are_given_anew_and_the_tables_are_bounded() {
        let mut all = Breakpoints::default();
        for _ in 0..3 {
            all.add(None, at(0x1000, How::Software)).unwrap();
        }
        all.remove(1).unwrap();
        assert_eq!(all.add(None, at(0x2000, How::Software)), Ok(1));
        assert_eq!(all.add(Some(7), at(0x3000, WRITE_4)), Ok(7));
        assert_eq!(
            all.iter().map(|one| one.number).collect::<Vec<_>>(),
            [0, 1, 2, 7]
        );
        for _ in 0..3 {
            all.add(None, at(0x3000, WRITE_4)).unwrap();
        }
        assert!(
            all.add(None, at(0, WRITE_4))
                .unwrap_err()
                .contains("4 hardware")
        );
        assert_eq!(
            all.add(Some(7), at(0x4000, WRITE_4)),
            Ok(7),
            "in place of itself"
        );
        assert!(all.add(Some(32), at(0, How::Software)).is_err());
    }

    #[test]
    fn a_stop_takes_out_what_lies_in_the_code_it_reports() {
        let mut all = Breakpoints::default();
        for address in [0xfff, 0x1000, 0x100f, 0x1010] {
            let mut one = at(address, How::Software);
            one.handle = Some(1);
            all.add(None, one).unwrap();
        }
        all.stopped_at(0x1000);
        let inserted: Vec<bool> = all.iter().map(|one| one.handle.is_some()).collect();
        assert_eq!(inserted, [true, false, false, true]);
    }

    #[test]
    fn debug_registers_hold_what_is_enabled() {
        let mut all = Breakpoints::default();
        assert_eq!(all.debug_registers(), ([0; 4], 0x400));
        all.add(None, at(0x1000, WRITE_4)).unwrap();
        let mut off = at(0x2000, WRITE_4);
        off.enabled = false;
        all.add(None, off).unwrap();
        let execute = How::Hardware {
            access: Access::Execute,
            bytes: 1,
        };
        all.add(None, at(0x3000, execute)).unwrap();
        // Register 0: on, write, four bytes; register 1: on, execute.
        assert_eq!(all.debug_registers(), ([0x1000, 0x3000, 0, 0], 0x000d_070a));
        assert_eq!(all.hardware_met(2).map(|one| one.number), Some(2));
        assert_eq!(all.hardware_met(4), None);
    }

    #[test]
    fn the_list_has_its_columns() {
        let mut all = Breakpoints::default();
        all.add(None, at(0xffff_f801_2a6a_1230, How::Software))
            .unwrap();
        let mut off = at(0xffff_f803_1122_3344, WRITE_4);
        off.enabled = false;
        off.commands = ".echo hit; g".into();
        all.add(None, off).unwrap();
        let mut later = at(0, How::Software);
        later.place = Place::Deferred("mydrv!DriverEntry".into());
        later.address = None;
        all.add(None, later).unwrap();
        let text = all.listing(Machine::Amd64, |_| "nt!NtCreateFile".into());
        assert_eq!(
            text,
            " 0 e fffff801`2a6a1230     0001 (0001) nt!NtCreateFile\n\
             \x20\x31 d fffff803`11223344 w 4 0001 (0001) nt!NtCreateFile \".echo hit; g\"\n\
             \x20\x32 eu                      0001 (0001) (mydrv!DriverEntry)"
        );
    }
}
