//! The memory and the registers of a stopped target, fetched as they are needed.
//!
//! What reads machines ([`crate::code`]) is pure: it says which bytes it misses, [`Debugger::look`] fetches them and has
//! it run again. What was fetched is kept until the target goes on.

use std::time::Instant;

use super::debugger::{Debugger, Phase};
use super::fault::Fault;
use super::knowledge::Knowledge;
use super::progress::Progress;
use crate::code::disassembly::Disassembler;
use crate::code::expression::{self, ExpressionError, Surroundings};
use crate::code::machine::Machine;
use crate::code::memory::{self, Memory as _};
use crate::code::modules::Naming;
use crate::code::names::{self, Names};
use crate::code::pe::ImageError;
use crate::code::registers::Registers;
use crate::proto::kd::{Answer, Cache, Call};

/// What one look at a stopped target may cost, pieces fetched: more is a loop.
const FETCHES_MAX: usize = 65_536;
/// A page: memory is readable or not as a whole.
const PAGE_BYTES: u64 = 4096;

/// A stopped target as the pure code sees it.
pub struct View<'a> {
    /// What is known.
    pub known: &'a Knowledge,
    /// The registers looked at.
    pub registers: Option<&'a Registers>,
    /// The names of its modules.
    pub names: &'a Names<'a>,
}

impl View<'_> {
    /// Whose code and memory.
    pub fn machine(&self) -> Machine {
        self.known.machine()
    }

    /// What an expression is evaluated against.
    pub fn surroundings(&self) -> Surroundings<'_> {
        Surroundings {
            machine: self.machine(),
            radix: self.known.radix,
            memory: &self.known.memory,
            registers: self.registers,
            pseudo: &self.known.pseudo,
            names: self.names,
        }
    }

    /// What reads its instructions.
    pub fn disassembler(&self) -> Disassembler<'_> {
        Disassembler {
            machine: self.machine(),
            memory: &self.known.memory,
            names: self.names,
        }
    }

    /// An address with its name, as listings show it: `nt!KeBugCheckEx+0x12`, or the bare number.
    pub fn name(&self, address: u64) -> String {
        match self.names.near(address) {
            Some(near) => near.to_string(),
            None => format!("{address:#x}"),
        }
    }
}

/// An error of pure code that may only mean that memory has to be fetched.
pub trait MayMiss {
    /// The bytes that are missing, if that is all.
    fn missing(&self) -> Option<(u64, usize)>;
}

impl MayMiss for memory::Fault {
    fn missing(&self) -> Option<(u64, usize)> {
        match *self {
            Self::Missing { address, bytes } => Some((address, bytes)),
            Self::Unreadable { .. } => None,
        }
    }
}

impl MayMiss for ExpressionError {
    fn missing(&self) -> Option<(u64, usize)> {
        match self {
            Self::Missing(fault) => fault.missing(),
            _ => None,
        }
    }
}

impl MayMiss for ImageError {
    fn missing(&self) -> Option<(u64, usize)> {
        match self {
            Self::Memory(fault) => fault.missing(),
            Self::Damaged { .. } => None,
        }
    }
}

impl MayMiss for Fault {
    fn missing(&self) -> Option<(u64, usize)> {
        match self {
            Self::Memory(fault) => fault.missing(),
            Self::Expression(error) => error.missing(),
            _ => None,
        }
    }
}

/// What came of one try.
enum Tried<T> {
    /// It missed nothing.
    Done(T),
    /// These bytes are missing.
    Bytes(u64, usize),
    /// The names of the modules at these bases are.
    Names(Vec<u64>),
}

/// Said when looking does not come to an end.
const ENDLESS: Fault = Fault::Nonsense("it leads from one address to the next without end");

/// Which memory is fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Space {
    Virtual,
    Physical,
}

impl Debugger<'_> {
    /// Runs `pure` on what is known of the stopped target, and again with what it misses, until it misses nothing.
    ///
    /// # Errors
    /// Those of `pure`, and those of fetching.
    pub(super) async fn look<T, E>(
        &mut self,
        pure: impl Fn(&View<'_>) -> Result<T, E>,
    ) -> Result<T, Fault>
    where
        E: MayMiss + Into<Fault>,
    {
        self.clear_leftovers().await?;
        let registers = match self.phase {
            Phase::Stopped(_) => Some(self.registers().await?),
            _ => None,
        };
        let reads_names = registers.is_some();
        self.fetch_for(pure, registers.as_ref(), reads_names).await
    }

    /// The same without waiting for names that nobody has read yet where that takes long: for what people see without
    /// having asked.
    ///
    /// # Errors
    /// Those of `pure`, and those of fetching.
    pub(super) async fn glance<T, E>(
        &mut self,
        pure: impl Fn(&View<'_>) -> Result<T, E>,
    ) -> Result<T, Fault>
    where
        E: MayMiss + Into<Fault>,
    {
        let reads_names = !self.link.is_slow() && matches!(self.phase, Phase::Stopped(_));
        self.fetch_for(pure, None, reads_names).await
    }

    async fn fetch_for<T, E>(
        &mut self,
        pure: impl Fn(&View<'_>) -> Result<T, E>,
        registers: Option<&Registers>,
        reads_names: bool,
    ) -> Result<T, Fault>
    where
        E: MayMiss + Into<Fault>,
    {
        let mut progress = self.progress("reading the target's memory", 0);
        for _ in 0..FETCHES_MAX {
            match self.try_look(&pure, registers, reads_names) {
                Tried::Done(result) => return result,
                Tried::Bytes(address, bytes) => {
                    self.fetch(Space::Virtual, address, bytes, &mut progress)
                        .await?;
                }
                Tried::Names(bases) => self.index(&bases).await?,
            }
        }
        Err(ENDLESS)
    }

    /// Runs it once; tells what it misses.
    fn try_look<T, E>(
        &self,
        pure: impl Fn(&View<'_>) -> Result<T, E>,
        registers: Option<&Registers>,
        reads_names: bool,
    ) -> Tried<Result<T, Fault>>
    where
        E: MayMiss + Into<Fault>,
    {
        let names = Names::new(&self.known.modules);
        let view = View {
            known: self.known,
            registers,
            names: &names,
        };
        let result = pure(&view);
        let missing = result.as_ref().err().and_then(MayMiss::missing);
        let wanted = names.wanted();
        match missing {
            Some((address, bytes)) => Tried::Bytes(address, bytes),
            None if reads_names && !wanted.is_empty() => Tried::Names(wanted),
            None => Tried::Done(result.map_err(Into::into)),
        }
    }

    /// The same with physical memory, in [`Knowledge::physical`].
    ///
    /// # Errors
    /// Those of `pure`, and those of fetching.
    pub(super) async fn look_at_physical<T, E>(
        &mut self,
        pure: impl Fn(&Knowledge) -> Result<T, E>,
    ) -> Result<T, Fault>
    where
        E: MayMiss + Into<Fault>,
    {
        self.clear_leftovers().await?;
        let mut progress = self.progress("reading the target's physical memory", 0);
        for _ in 0..FETCHES_MAX {
            match pure(self.known) {
                Ok(value) => return Ok(value),
                Err(error) => match error.missing() {
                    Some((address, bytes)) => {
                        self.fetch(Space::Physical, address, bytes, &mut progress)
                            .await?;
                    }
                    None => return Err(error.into()),
                },
            }
        }
        Err(ENDLESS)
    }

    /// Reads the exports of the modules at these bases.
    async fn index(&mut self, bases: &[u64]) -> Result<(), Fault> {
        for &base in bases {
            let name = self.known.modules.at(base).map(|module| &module.name);
            let what = format!(
                "reading the names of {}",
                name.map_or("a module", |name| name)
            );
            let mut progress = self.progress(what, 0);
            let naming = loop {
                match names::index(&self.known.memory, base) {
                    Ok(naming) => break naming,
                    Err(memory::Fault::Missing { address, bytes }) => {
                        self.fetch(Space::Virtual, address, bytes, &mut progress)
                            .await?;
                    }
                    Err(memory::Fault::Unreadable { .. }) => break Naming::Nothing,
                }
            };
            self.known.modules.set_naming(base, naming);
        }
        Ok(())
    }

    /// Fetches memory, page by page as far as it can be read.
    async fn fetch(
        &mut self,
        space: Space,
        address: u64,
        bytes: usize,
        progress: &mut Progress,
    ) -> Result<(), Fault> {
        if !matches!(self.phase, Phase::Stopped(_)) {
            return Err(Fault::Running("reading its memory".to_owned()));
        }
        let (mut at, mut left) = (address, bytes as u64);
        while left > 0 {
            let most = u64::from(self.link.data_bytes());
            let count = left.min(most).min(PAGE_BYTES - at % PAGE_BYTES);
            let asked = Instant::now();
            let read = self.read(space, at, count).await?;
            self.link.measured(read.len(), asked.elapsed());
            let cache = match space {
                Space::Virtual => &mut self.known.memory,
                Space::Physical => &mut self.known.physical,
            };
            let got = read.len() as u64;
            if got == 0 {
                // The rest of the page is like its beginning.
                cache.insert_unreadable(at, usize::try_from(count).unwrap_or_default());
            } else {
                cache.insert(at, &read);
            }
            let done = if got == 0 { count } else { got.min(count) };
            at = at.wrapping_add(done);
            left -= done;
            progress.more(done);
        }
        Ok(())
    }

    /// One request for memory: what can be read of it, which may be nothing.
    async fn read(&mut self, space: Space, address: u64, count: u64) -> Result<Vec<u8>, Fault> {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        let call = match space {
            Space::Virtual => Call::ReadVirtual { address, count },
            Space::Physical => Call::ReadPhysical {
                address,
                count,
                cache: Cache::DEFAULT,
            },
        };
        match self.call(self.known.processor, call).await {
            Ok(reply) => match reply.answer {
                Answer::Memory { data, .. } => Ok(data),
                _ => Err(Fault::Nonsense("no memory in the answer to a read")),
            },
            Err(Fault::Refused(_)) => Ok(Vec::new()),
            Err(fault) => Err(fault),
        }
    }

    /// Writes virtual memory.
    ///
    /// # Errors
    /// [`memory::Fault::Unreadable`] at the first byte that could not be written; those of [`Debugger::call`].
    pub(super) async fn write_virtual(&mut self, address: u64, bytes: &[u8]) -> Result<(), Fault> {
        // The target would put back what was under a breakpoint; it is inserted again before the target goes on.
        let end = address.saturating_add(bytes.len() as u64);
        self.take_out_between(address, end).await?;
        self.write(Space::Virtual, address, bytes).await
    }

    /// Writes physical memory.
    ///
    /// # Errors
    /// Those of [`Debugger::write_virtual`].
    pub(super) async fn write_physical(&mut self, address: u64, bytes: &[u8]) -> Result<(), Fault> {
        self.write(Space::Physical, address, bytes).await
    }

    async fn write(&mut self, space: Space, address: u64, bytes: &[u8]) -> Result<(), Fault> {
        self.clear_leftovers().await?;
        let mut done = 0;
        while let Some(rest) = bytes.get(done..).filter(|rest| !rest.is_empty()) {
            let at = address.wrapping_add(done as u64);
            let to_page_end = PAGE_BYTES - at % PAGE_BYTES;
            let count = (rest.len() as u64)
                .min(u64::from(self.link.data_bytes()))
                .min(to_page_end);
            let (data, _) = rest.split_at(usize::try_from(count).unwrap_or(rest.len()));
            let data = data.to_vec();
            let call = match space {
                Space::Virtual => Call::WriteVirtual { address: at, data },
                Space::Physical => Call::WritePhysical {
                    address: at,
                    data,
                    cache: Cache::DEFAULT,
                },
            };
            match self.call(self.known.processor, call).await {
                Ok(_) => {}
                Err(Fault::Refused(_)) => {
                    return Err(memory::Fault::Unreadable { address: at }.into());
                }
                Err(fault) => return Err(fault),
            }
            done += usize::try_from(count).unwrap_or(rest.len());
        }
        let end = address.saturating_add(bytes.len() as u64);
        match space {
            Space::Virtual => self.known.memory.forget(address..end),
            Space::Physical => self.known.physical.forget(address..end),
        }
        // One kind of memory may be seen through the other.
        match space {
            Space::Virtual => self.known.physical.clear(),
            Space::Physical => self.known.memory.clear(),
        }
        Ok(())
    }

    /// The value of an expression.
    ///
    /// # Errors
    /// Why it has none; those of fetching what it reads.
    pub(super) async fn evaluate(&mut self, text: &str) -> Result<u64, Fault> {
        self.look(|view| expression::evaluate(text, &view.surroundings()))
            .await
    }

    /// A pointer of the target's memory.
    ///
    /// # Errors
    /// Those of fetching; memory that cannot be read.
    pub(super) async fn pointer(&mut self, address: u64) -> Result<u64, Fault> {
        let bytes = self.known.machine().pointer_bytes();
        let value = self
            .glance(|view| view.known.memory.number(address, bytes))
            .await?;
        Ok(self.known.machine().canonical(value))
    }
}
