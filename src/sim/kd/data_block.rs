//! What debuggers look for in a kernel's memory: the debugger data block, processes, variables, shared data.

use super::image::PAGE_BYTES;
use super::kernel::{
    BLOCK, BLOCK_BYTES, BLOCK_CONTEXT, BLOCK_MHZ, BLOCK_SPECIAL, BLOCK_TYPE, BLOCK_VENDOR, Kernel,
    MEMORY_BYTES, SHARED_DATA, TICK,
};
use super::memory::PTE_BASE;
use super::program::{BUILD_LAB, DATA_BLOCK_BYTES, PRINT_RING_BYTES};
use super::registers::Layout;

/// Processes that the list of processes has: name and number.
const PROCESSES: [(&str, u64); 4] = [
    ("System", 4),
    ("smss.exe", 0x188),
    ("csrss.exe", 0x214),
    ("lsass.exe", 0x2F4),
];

impl Kernel {
    pub(super) fn add_processes(&mut self) {
        let places: Vec<u64> = PROCESSES.iter().map(|_| self.allocate(0xA40)).collect();
        let head = self.symbol("PsActiveProcessHead");
        let links: Vec<u64> = places.iter().map(|place| place + 0x448).collect();
        for ((name, number), place) in PROCESSES.iter().zip(&places) {
            let mut bytes = Layout(vec![0; 0xA40]);
            bytes.put(0, &[3]);
            bytes.put_all(0x28, &[self.memory.root()]);
            bytes.put_all(0x440, &[*number]);
            bytes.put_all(0x540, &[if *number == 4 { 0 } else { 4 }]);
            bytes.put(0x5A8, name.as_bytes());
            self.put(*place, &bytes.0);
        }
        self.link(head, &links);
        if let Some(system) = places.first() {
            self.put_word("PsInitialSystemProcess", *system);
            for thread in self.threads.clone() {
                self.put(thread + 0xB8, &system.to_le_bytes());
            }
        }
    }

    pub(super) fn fill_data_block(&mut self) {
        let (head, at) = (
            self.symbol("KdpDebuggerDataListHead"),
            self.symbol("KdDebuggerDataBlock"),
        );
        let mut block = Layout(vec![0; DATA_BLOCK_BYTES]);
        block.put(0x10, b"KDBG");
        block.put(0x14, &(DATA_BLOCK_BYTES as u32).to_le_bytes());
        block.put_all(0x18, &[self.base(), self.symbol("DbgBreakPointWithStatus")]);
        block.put(0x36, &[1]);
        for (offset, name) in [
            (0x48, "PsLoadedModuleList"),
            (0x50, "PsActiveProcessHead"),
            (0x58, "PspCidTable"),
            (0x78, "KeTimeIncrement"),
            (0x88, "KiBugCheckData"),
            (0x98, "ObpRootDirectoryObject"),
            (0xC0, "MmPfnDatabase"),
            (0x1C8, "MmHighestUserAddress"),
            (0x1D0, "MmSystemRangeStart"),
            (0x1E0, "KdPrintCircularBuffer"),
            (0x1F0, "KdPrintWritePointer"),
            (0x1F8, "KdPrintRolloverCount"),
            (0x200, "MmLoadedUserImageList"),
            (0x208, "NtBuildLab"),
            (0x218, "KiProcessorBlock"),
            (0x220, "MmUnloadedDrivers"),
            (0x228, "MmLastUnloadedDriver"),
            (0x268, "CmNtCSDVersion"),
            (0x270, "MmPhysicalMemoryBlock"),
            (0x2C8, "KdPrintCircularBufferPtr"),
            (0x2D0, "KdPrintBufferSize"),
            (0x2D8, "KeLoaderBlock"),
        ] {
            block.put_all(offset, &[self.symbol(name)]);
        }
        block.put_all(0x138, &[u64::from(PAGE_BYTES)]);
        block.put_all(
            0x1E8,
            &[self.symbol("KdPrintCircularBuffer") + PRINT_RING_BYTES as u64],
        );
        for (offset, value) in [
            (0x29A, 0xF0),
            (0x29C, 0x58),
            (0x29E, 0x28),
            (0x2A0, 0xB8),
            (0x2A2, 0x184),
            (0x2A8, 0xA40),
            (0x2AA, 0x550),
            (0x2AC, 0x540),
            (0x2AE, 0x28),
            (0x2B0, BLOCK_BYTES),
            (0x2B4, 8),
            (0x2B6, BLOCK_MHZ),
            (0x2B8, BLOCK_TYPE),
            (0x2BA, BLOCK_VENDOR),
            (0x2BC, BLOCK_CONTEXT),
            (0x2BE, 0x24),
            (0x2C0, 0x800),
            (0x2E0, BLOCK_BYTES + BLOCK as u16),
            (0x2E2, 0x18),
            (0x2E4, 0x20),
            (0x2E6, BLOCK as u16),
            (0x2F2, BLOCK_SPECIAL),
            (0x2F4, 0x10),
            (0x2F6, 0x18),
            (0x2F8, 0x53),
            (0x2FA, 0x33),
            (0x2FC, 0x2B),
            (0x2FE, 0x53),
            (0x302, 0x40),
            (0x350, 0x18),
        ] {
            block.put(offset, &value.to_le_bytes());
        }
        for (offset, value) in [(0x340, 0x30_u32), (0x344, 0x38)] {
            block.put(offset, &value.to_le_bytes());
        }
        block.put_all(0x360, &[PTE_BASE]);
        self.put(at, &block.0);
        self.link(head, &[at]);
    }

    pub(super) fn fill_variables(&mut self) {
        let ring = self.symbol("KdPrintCircularBuffer");
        for (name, value) in [
            ("KdPrintBufferSize", PRINT_RING_BYTES as u64),
            ("KdPrintCircularBufferPtr", ring),
            ("KdPrintWritePointer", ring),
            ("KeTimeIncrement", TICK),
            ("MmSystemRangeStart", 0xFFFF_8000_0000_0000),
            ("MmPfnDatabase", 0xFFFF_FA80_0000_0000),
        ] {
            self.put_word(name, value);
        }
        let lists = self.symbol("MmLoadedUserImageList");
        self.link(lists, &[]);
    }

    pub(super) fn fill_shared_data(&mut self) {
        let root: Vec<u8> = "C:\\Windows"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        self.put(SHARED_DATA + 0x30, &root);
        let build = BUILD_LAB
            .split('.')
            .next()
            .and_then(|build| build.parse().ok())
            .unwrap_or(0_u32);
        let pages = (MEMORY_BYTES / u64::from(PAGE_BYTES)) as u32;
        for (at, value) in [
            (0x260, build),
            (0x264, 1),
            (0x26C, 10),
            (0x270, 0),
            (0x2D0, 0x110),
            (0x2E8, pages),
        ] {
            self.put(SHARED_DATA + at, &value.to_le_bytes());
        }
        self.put(SHARED_DATA + 0x2D4, &[3]);
    }
}
