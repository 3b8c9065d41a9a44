//! What a simulated machine has besides memory: model-specific registers, I/O ports, PCI configuration.
//!
//! Numbers and layouts from public manuals. Enough for a debugger's commands to have something to show.

use std::collections::BTreeMap;

use super::registers::Registers;

/// Devices, and registers that belong to no processor.
#[derive(Debug)]
pub struct Ports {
    /// Last byte written to each port that keeps what it is given.
    kept: BTreeMap<u16, u8>,
    /// Configuration space of the PCI devices of bus 0, by slot number.
    devices: BTreeMap<u32, [u8; CONFIGURATION_BYTES]>,
    /// MSRs that a debugger has changed and that are no registers elsewhere.
    changed: BTreeMap<u32, u64>,
}

/// Bytes of a device's configuration space.
pub const CONFIGURATION_BYTES: usize = 256;

/// Writing 6 here restarts the machine.
pub const RESET_PORT: u16 = 0xCF9;

/// Slot number, vendor, device, class of the PCI devices there are.
const DEVICES: [(u32, u16, u16, u32); 4] = [
    (0, 0x8086, 0x29C0, 0x06_0000),
    (0x02, 0x8086, 0x10D3, 0x02_0000),
    (0x1F, 0x8086, 0x2918, 0x06_0100),
    (0x5F, 0x8086, 0x2922, 0x01_0601),
];

/// MSRs that are the same on every machine.
const CONSTANT_MSRS: [(u32, u64); 6] = [
    (0x1B, 0xFEE0_0900),
    (0x8B, 0x1_0000_0000),
    (0xFE, 0x508),
    (0x277, 0x0007_0106_0007_0106),
    (0x1D9, 0),
    (0xC000_0080, 0xD01),
];

impl Default for Ports {
    fn default() -> Self {
        let device = |(slot, vendor, device, class): (u32, u16, u16, u32)| {
            let mut space = [0; CONFIGURATION_BYTES];
            space[..2].copy_from_slice(&vendor.to_le_bytes());
            space[2..4].copy_from_slice(&device.to_le_bytes());
            space[4..8].copy_from_slice(&[0x07, 0, 0x10, 0]);
            space[8..12].copy_from_slice(&(class << 8 | 2).to_le_bytes());
            (slot, space)
        };
        Self {
            kept: BTreeMap::new(),
            devices: DEVICES.map(device).into(),
            changed: BTreeMap::new(),
        }
    }
}

impl Ports {
    /// What a port says. Where nothing is, all bits are one.
    #[must_use]
    pub fn read(&self, port: u16) -> u8 {
        match port {
            0x60 => 0x1C,
            0x64 => 0x14,
            // A serial line that is ready to send.
            0x3FD => 0x60,
            0x71 => {
                let clock = [
                    0x35, 0x00, 0x57, 0x00, 0x08, 0x00, 0x06, 0x21, 0x11, 0x26, 0x26, 0x02, 0x00,
                    0x80,
                ];
                clock
                    .get(usize::from(
                        self.kept.get(&0x70).copied().unwrap_or(0) & 0x7F,
                    ))
                    .copied()
                    .unwrap_or(0)
            }
            port => self.kept.get(&port).copied().unwrap_or(0xFF),
        }
    }

    /// Writes to a port. Those of the reset are the machine's own affair.
    pub fn write(&mut self, port: u16, value: u8) {
        if self.kept.len() < PORTS_KEPT_MAX || self.kept.contains_key(&port) {
            self.kept.insert(port, value);
        }
    }

    /// Configuration space of PCI device `slot` of bus 0, from `offset` on; `None` if there is no such device.
    #[must_use]
    pub fn configuration(&self, bus: u32, slot: u32, offset: u32) -> Option<&[u8]> {
        let device = self.devices.get(&slot).filter(|_| bus == 0)?;
        device.get(offset as usize..)
    }

    /// Writes to it; how many bytes were taken.
    pub fn configure(&mut self, bus: u32, slot: u32, offset: u32, data: &[u8]) -> usize {
        let device = self.devices.get_mut(&slot).filter(|_| bus == 0);
        let Some(space) = device.and_then(|device| device.get_mut(offset as usize..)) else {
            return 0;
        };
        let count = space.len().min(data.len());
        for (place, byte) in space.iter_mut().zip(data) {
            *place = *byte;
        }
        count
    }

    /// The value of a model-specific register of the processor with these registers; `None` if it lacks it.
    #[must_use]
    pub fn msr(&self, registers: &Registers, ticks: u64, msr: u32) -> Option<u64> {
        let special = &registers.special;
        Some(match msr {
            0x10 => ticks,
            0xC000_0081 => special.star,
            0xC000_0082 => special.lstar,
            0xC000_0083 => special.cstar,
            0xC000_0084 => special.syscall_mask,
            0xC000_0101 => special.gs_base,
            0xC000_0102 => special.gs_swap,
            msr => {
                let constant = CONSTANT_MSRS.iter().find(|(number, _)| *number == msr)?.1;
                self.changed.get(&msr).copied().unwrap_or(constant)
            }
        })
    }

    /// Changes a model-specific register; whether there is one.
    pub fn set_msr(&mut self, registers: &mut Registers, msr: u32, value: u64) -> bool {
        let special = &mut registers.special;
        match msr {
            0x10 => {}
            0xC000_0081 => special.star = value,
            0xC000_0082 => special.lstar = value,
            0xC000_0083 => special.cstar = value,
            0xC000_0084 => special.syscall_mask = value,
            0xC000_0101 => special.gs_base = value,
            0xC000_0102 => special.gs_swap = value,
            msr if CONSTANT_MSRS.iter().any(|(number, _)| *number == msr) => {
                self.changed.insert(msr, value);
            }
            _ => return false,
        }
        true
    }
}

/// Ports that remember what was written: all there are on a PC and room for a debugger's experiments.
const PORTS_KEPT_MAX: usize = 256;
