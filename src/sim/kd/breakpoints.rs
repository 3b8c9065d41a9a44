//! The table of breakpoints that a debugger has a target write into its code.

use super::memory::Memory;

/// The table. A handle is a place in it plus one.
#[derive(Debug, Default)]
pub struct Breakpoints {
    places: [Option<Breakpoint>; BREAKPOINTS_MAX],
}

#[derive(Debug, Clone, Copy)]
struct Breakpoint {
    address: u64,
    /// What was there before; `None` while the memory is not there.
    before: Option<u8>,
}

/// Places of the table, as real targets have them.
pub const BREAKPOINTS_MAX: usize = 32;

const INT3: u8 = 0xCC;

impl Breakpoints {
    /// Whether there is any.
    #[must_use]
    pub fn any(&self) -> bool {
        self.places.iter().any(Option::is_some)
    }

    /// Sets one and returns its handle; `None` if there is one at the address, or the table is full. Where no memory is
    /// it waits for some.
    pub fn set(&mut self, memory: &mut Memory, address: u64) -> Option<u32> {
        if self
            .places
            .iter()
            .flatten()
            .any(|other| other.address == address)
        {
            return None;
        }
        let free = self.places.iter().position(Option::is_none)?;
        let mut breakpoint = Breakpoint {
            address,
            before: None,
        };
        breakpoint.write(memory);
        *self.places.get_mut(free)? = Some(breakpoint);
        u32::try_from(free + 1).ok()
    }

    /// Removes that one; whether there was one.
    pub fn remove(&mut self, memory: &mut Memory, handle: u32) -> bool {
        let place = (handle as usize)
            .checked_sub(1)
            .and_then(|place| self.places.get_mut(place));
        let Some(breakpoint) = place.and_then(Option::take) else {
            return false;
        };
        breakpoint.erase(memory);
        true
    }

    /// Removes those within `bytes` from `address` on.
    pub fn remove_within(&mut self, memory: &mut Memory, address: u64, bytes: u64) {
        for place in &mut self.places {
            if let Some(breakpoint) = place.take_if(|it| it.address.wrapping_sub(address) < bytes) {
                breakpoint.erase(memory);
            }
        }
    }

    /// Memory has come: those that waited for it are written.
    pub fn memory_came(&mut self, memory: &mut Memory) {
        for breakpoint in self
            .places
            .iter_mut()
            .flatten()
            .filter(|it| it.before.is_none())
        {
            breakpoint.write(memory);
        }
    }

    /// `bytes` of memory from `base` on are about to go: those in it wait for it to come again.
    pub fn memory_goes(&mut self, base: u64, bytes: u64) {
        for breakpoint in self.places.iter_mut().flatten() {
            if breakpoint.address.wrapping_sub(base) < bytes {
                breakpoint.before = None;
            }
        }
    }
}

impl Breakpoint {
    fn write(&mut self, memory: &mut Memory) {
        let mut byte = [0];
        if memory.read(self.address, &mut byte).is_ok()
            && memory.write(self.address, &[INT3]).is_ok()
        {
            self.before = Some(byte[0]);
        }
    }

    fn erase(self, memory: &mut Memory) {
        if let Some(before) = self.before {
            // Gone only if a debugger has taken the page away; then there is nothing to put back.
            let _ = memory.write(self.address, &[before]);
        }
    }
}
