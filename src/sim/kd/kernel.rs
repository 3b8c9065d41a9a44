//! The memory of a simulated machine as its kernel arranges it: modules, processors' blocks, the debugger data block.
//!
//! Every address in here is made from the seed; the layout of structures is that of one build of Windows 10 as far as
//! debuggers look at it, told by the offsets in the debugger data block. Running code is in [`super::machine`].

use std::collections::BTreeMap;
use std::sync::Arc;

use super::image::{Image, PAGE_BYTES};
use super::memory::{Memory, entry};
use super::program::{self, DRIVER, HARDWARE, KERNEL, PRINT_RING_BYTES};
use super::registers::{Layout, Register, Registers};

/// Memory and what is known of it.
#[derive(Debug)]
pub struct Kernel {
    /// Physical memory and the address space of the kernel.
    pub memory: Memory,
    /// Modules in the order of the kernel's list.
    pub modules: Vec<Module>,
    /// Address of each processor's control region.
    pub regions: Vec<u64>,
    /// Address of each processor's idle thread.
    pub threads: Vec<u64>,
    /// Top of each processor's stack.
    stacks: Vec<u64>,
    base: u64,
    late_base: u64,
    /// The next byte of pool that was never used.
    pool: u64,
    /// Loader entries by file name: a driver that comes again gets its old one.
    entries: BTreeMap<String, u64>,
    ring: usize,
    /// Time of day when the machine was switched on: 100 ns since 1601.
    booted_at: u64,
}

/// A module that is loaded.
#[derive(Debug, Clone)]
pub struct Module {
    /// What it consists of.
    pub image: Arc<Image>,
    /// Where it is.
    pub base: u64,
    /// Its full path, as the kernel tells it.
    pub path: String,
}

/// Physical memory of a machine. Bytes.
pub const MEMORY_BYTES: u64 = 256 << 20;

/// Offset of a processor's block in its control region.
pub const BLOCK: u64 = 0x180;

/// Size of a processor's block. Bytes.
pub(super) const BLOCK_BYTES: u16 = 0x700;

/// Offsets in a processor's block: special registers, context, clock rate, processor type, vendor.
pub(super) const BLOCK_SPECIAL: u16 = 0x100;
pub(super) const BLOCK_CONTEXT: u16 = 0x1F0;
pub(super) const BLOCK_MHZ: u16 = 0x6C4;
pub(super) const BLOCK_TYPE: u16 = 0x6C8;
pub(super) const BLOCK_VENDOR: u16 = 0x6D0;

/// Bytes of a processor's stack.
const STACK_BYTES: u64 = 0x6000;

/// Data that the kernel shares with programs.
pub(super) const SHARED_DATA: u64 = 0xFFFF_F780_0000_0000;

/// Where programs see that.
const SHARED_DATA_OF_USERS: u64 = 0x7FFE_0000;

/// Pool that all structures come from: one large page, above what single pages are taken from.
const POOL_PHYSICAL: u64 = 0x80_0000;
const POOL_BYTES: u64 = 0x20_0000;

/// From one place for a driver to the next. Bytes; larger than any driver.
const DRIVER_SPACING: u64 = 0x4_0000;

/// A clock tick of the kernel in 100 ns.
pub(super) const TICK: u64 = 156_250;

impl Kernel {
    /// A machine's memory just before its kernel starts, with kernel and hardware layer loaded.
    #[must_use]
    pub fn new(random: &mut fastrand::Rng, processors: u16, booted_at: u64) -> Self {
        let base = 0xFFFF_F800_0000_0000 | random.u64(0..8) << 32 | random.u64(0x10..0x70) << 24;
        let pool = 0xFFFF_D280_0000_0000 | random.u64(0..0x1000) << 24;
        let stacks = 0xFFFF_8D80_0000_0000 | random.u64(0..0x1000) << 24;
        let mut kernel = Self {
            memory: Memory::new(MEMORY_BYTES),
            modules: Vec::new(),
            regions: Vec::new(),
            threads: Vec::new(),
            stacks: Vec::new(),
            base,
            late_base: (base & !0xFFFF_FFFF) + 0x1_1000_0000,
            pool,
            entries: BTreeMap::new(),
            ring: 0,
            booted_at,
        };
        kernel.memory.map_large(
            pool,
            POOL_PHYSICAL,
            entry::WRITE | entry::DIRTY | entry::NO_EXECUTE,
        );
        kernel.memory.map_fresh(SHARED_DATA, 1);
        if let Some(shared) = kernel.memory.translate(SHARED_DATA) {
            kernel
                .memory
                .map(SHARED_DATA_OF_USERS, shared.physical, 4 | entry::NO_EXECUTE);
        }
        kernel.map(KERNEL, base);
        kernel.map(HARDWARE, base - 0x20_0000);
        for number in 0..processors {
            kernel.add_processor(number, stacks);
        }
        kernel.add_processes();
        kernel.fill_data_block();
        kernel.fill_variables();
        kernel.fill_shared_data();
        kernel.relink();
        kernel
    }

    /// Address of a name of module `file`; 0 if either is not there.
    #[must_use]
    pub fn address_of(&self, file: &str, name: &str) -> u64 {
        let module = self.module(file);
        module
            .and_then(|module| Some(module.base + u64::from(*module.image.symbols.get(name)?)))
            .unwrap_or(0)
    }

    /// Address of a name of the kernel.
    #[must_use]
    pub fn symbol(&self, name: &str) -> u64 {
        self.address_of(KERNEL, name)
    }

    /// The module of that file name, if it is loaded.
    #[must_use]
    pub fn module(&self, file: &str) -> Option<&Module> {
        self.modules.iter().find(|module| module.image.name == file)
    }

    /// Where the kernel is.
    #[must_use]
    pub fn base(&self) -> u64 {
        self.base
    }

    /// Loads the driver of that file name, not where it was before. `None` if there is none or it is loaded.
    pub fn load(&mut self, file: &str) -> Option<Module> {
        if self.module(file).is_some() {
            return None;
        }
        let base = self.late_base;
        // After some time from the start again, where no other is.
        loop {
            self.late_base = base & !0xFFF_FFFF | (self.late_base + DRIVER_SPACING) & 0xFFF_0000;
            let taken = |module: &Module| module.base & !(DRIVER_SPACING - 1) == self.late_base;
            if !self.modules.iter().any(taken) {
                break;
            }
        }
        let module = self.map(file, base);
        if file == DRIVER {
            let dispatch = self.address_of(DRIVER, "MyDispatch");
            self.put_word("IopDriverDispatch", dispatch);
        }
        self.relink();
        module
    }

    /// Unloads it.
    pub fn unload(&mut self, file: &str) -> Option<Module> {
        let place = self
            .modules
            .iter()
            .position(|module| module.image.name == file)?;
        let module = self.modules.remove(place);
        self.memory
            .unmap(module.base, module.image.bytes.len() as u64);
        if file == DRIVER {
            self.put_word("IopDriverDispatch", 0);
        }
        self.relink();
        Some(module)
    }

    /// The registers with which a processor starts.
    #[must_use]
    pub fn start(&self, processor: usize) -> Registers {
        let mut registers = Registers::default();
        let top = self.stacks.get(processor).copied().unwrap_or_default();
        // Nothing is above the first function: its return address is zero.
        registers.set(Register::Rsp, top - 0x58);
        registers.rip = self.symbol("KiSystemStartup");
        let region = self.regions.get(processor).copied().unwrap_or_default();
        let special = &mut registers.special;
        special.cr3 = self.memory.root();
        special.gs_base = region;
        special.gdtr = (region + 0xA00, 0x57);
        special.idtr = (region + 0x1000, 0xFFF);
        special.lstar = self.symbol("KiSystemCall64");
        special.cstar = special.lstar;
        registers
    }

    /// Puts the registers where the kernel keeps those of a stopped processor.
    pub fn save(&mut self, processor: usize, registers: &Registers) {
        if let Some(region) = self.regions.get(processor) {
            let block = region + BLOCK;
            self.put(block + u64::from(BLOCK_SPECIAL), &registers.special_bytes());
            self.put(block + u64::from(BLOCK_CONTEXT), &registers.context());
        }
    }

    /// Keeps what was printed in the kernel's ring of debug prints.
    pub fn keep_print(&mut self, text: &[u8]) {
        let ring = self.symbol("KdPrintCircularBuffer");
        let mut text = text;
        while !text.is_empty() {
            let (part, rest) = text.split_at(text.len().min(PRINT_RING_BYTES - self.ring));
            self.put(ring + self.ring as u64, part);
            self.ring += part.len();
            if self.ring == PRINT_RING_BYTES {
                self.ring = 0;
                let count = self.symbol("KdPrintRolloverCount");
                let turns = self.memory.word(count).unwrap_or_default();
                self.put(count, &turns.wrapping_add(1).to_le_bytes());
            }
            text = rest;
        }
        self.put_word("KdPrintWritePointer", ring + self.ring as u64);
    }

    /// Tells the clocks that are in memory how long the machine has been up. In 100 ns.
    pub fn set_time(&mut self, uptime: u64) {
        for (at, time) in [
            (0x08, uptime),
            (0x14, self.booted_at.wrapping_add(uptime)),
            (0x320, uptime / TICK),
        ] {
            let high = (time >> 32) as u32;
            let mut bytes = time.to_le_bytes().to_vec();
            bytes.extend(high.to_le_bytes());
            self.put(SHARED_DATA + at, &bytes);
        }
    }

    /// Code and parameters of the bug check that the kernel's variable tells of.
    #[must_use]
    pub fn bug_check(&self) -> [u64; 5] {
        let at = self.symbol("KiBugCheckData");
        [0, 8, 16, 24, 32].map(|offset| self.memory.word(at + offset).unwrap_or_default())
    }

    /// Writes a word to a variable of the kernel.
    pub fn put_word(&mut self, name: &str, value: u64) {
        self.put(self.symbol(name), &value.to_le_bytes());
    }

    pub(super) fn put(&mut self, address: u64, bytes: &[u8]) {
        // Unmapped only if a debugger has spoilt the tables, and then the kernel could not write either.
        let _ = self.memory.write(address, bytes);
    }

    /// Maps an image, fills its imports, and adds it to the modules.
    fn map(&mut self, file: &str, base: u64) -> Option<Module> {
        let image = program::image(file)?;
        self.memory.map_image(image, base);
        let path = match file {
            HARDWARE | KERNEL => format!("\\SystemRoot\\system32\\{file}"),
            _ => format!("\\SystemRoot\\System32\\drivers\\{file}"),
        };
        let module = Module {
            image: Arc::clone(image),
            base,
            path,
        };
        self.modules.push(module.clone());
        // Kernel and hardware layer need each other.
        for module in self.modules.clone() {
            for (slot, from, name) in &module.image.imports {
                let goal = self.address_of(from, name);
                self.put(module.base + u64::from(*slot), &goal.to_le_bytes());
            }
        }
        Some(module)
    }

    /// Room in the pool. The structures of a machine fit into it several times over.
    pub(super) fn allocate(&mut self, bytes: u64) -> u64 {
        let address = self.pool;
        debug_assert!(address & (POOL_BYTES - 1) <= POOL_BYTES - bytes);
        self.pool += bytes.next_multiple_of(16);
        address
    }

    fn add_processor(&mut self, number: u16, stacks: u64) {
        let region = self.allocate(0x2000).next_multiple_of(0x1000);
        self.pool = region + 0x2000;
        let thread = self.allocate(0x800);
        let limit = stacks + u64::from(number) * (STACK_BYTES + 0x2000);
        self.memory
            .map_fresh(limit, STACK_BYTES / u64::from(PAGE_BYTES));
        let top = limit + STACK_BYTES;
        let mut bytes = Layout(vec![0; 0x880]);
        bytes.put_all(0x18, &[region, region + BLOCK]);
        let block = BLOCK as usize;
        bytes.put_all(block + 8, &[thread, 0, thread]);
        bytes.put(block + 0x24, &u32::from(number).to_le_bytes());
        bytes.put(block + usize::from(BLOCK_MHZ), &3400_u32.to_le_bytes());
        bytes.put(block + usize::from(BLOCK_TYPE), &[6]);
        bytes.put(block + usize::from(BLOCK_VENDOR), b"GenuineIntel\0");
        self.put(region, &bytes.0);
        // Flat segments, and a gate for the clock.
        self.put(region + 0xA10, &0x0020_9B00_0000_0000_u64.to_le_bytes());
        self.put(region + 0xA18, &0x0040_9300_0000_0000_u64.to_le_bytes());
        let gate = self.symbol("KiInterruptDispatchNoLockNoEtw");
        let words = [
            gate & 0xFFFF | 0x10 << 16 | 0x8E00 << 32 | (gate >> 16 & 0xFFFF) << 48,
            gate >> 32,
        ];
        for (word, at) in words.iter().zip([0, 8]) {
            self.put(region + 0x1000 + 16 * 0xD1 + at, &word.to_le_bytes());
        }
        let mut bytes = Layout(vec![0; 0x800]);
        bytes.put(0, &[6]);
        bytes.put_all(0x28, &[top, limit, top]);
        bytes.put_all(0x58, &[top - 0x200]);
        bytes.put(0x184, &[2]);
        self.put(thread, &bytes.0);
        let blocks = self.symbol("KiProcessorBlock");
        self.put(
            blocks + 8 * u64::from(number),
            &(region + BLOCK).to_le_bytes(),
        );
        self.regions.push(region);
        self.threads.push(thread);
        self.stacks.push(top);
    }

    /// Makes a ring of the heads and links, each beginning with its two pointers.
    pub(super) fn link(&mut self, head: u64, links: &[u64]) {
        let ring: Vec<u64> = [head].iter().chain(links).copied().collect();
        for (index, place) in ring.iter().enumerate() {
            let next = ring.get(index + 1).unwrap_or(&head);
            let before = if index == 0 {
                ring.last()
            } else {
                ring.get(index - 1)
            };
            self.put(*place, &next.to_le_bytes());
            self.put(place + 8, &before.unwrap_or(&head).to_le_bytes());
        }
    }

    /// Makes the kernel's list of modules say what is loaded.
    fn relink(&mut self) {
        let mut links = Vec::new();
        for module in self.modules.clone() {
            let known = self.entries.get(&module.image.name).copied();
            let at = known.unwrap_or_else(|| self.allocate(0x200));
            self.entries.insert(module.image.name.clone(), at);
            let mut bytes = Layout(vec![0; 0x200]);
            let image = &module.image;
            let (exceptions, size) = image.exceptions;
            bytes.put_all(0x10, &[module.base + u64::from(exceptions)]);
            bytes.put(0x18, &size.to_le_bytes());
            bytes.put_all(0x30, &[module.base, module.base + u64::from(image.entry)]);
            bytes.put(0x40, &(image.bytes.len() as u32).to_le_bytes());
            for (field, text, room) in [(0x48, &module.path, 0x100), (0x58, &image.name, 0xA0)] {
                let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
                let length = wide.len() as u16;
                bytes.put(field, &length.to_le_bytes());
                bytes.put(field + 2, &(length + 2).to_le_bytes());
                bytes.put_all(field + 8, &[at + room as u64]);
                bytes.put(room, &wide);
            }
            bytes.put(0x68, &0x0900_4000_u32.to_le_bytes());
            bytes.put(0x6C, &1_u16.to_le_bytes());
            bytes.put(0x78, &image.checksum.to_le_bytes());
            self.put(at, &bytes.0);
            links.push(at);
        }
        self.link(self.symbol("PsLoadedModuleList"), &links);
    }
}
