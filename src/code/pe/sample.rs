//! Small images for tests, built field by field.

use crate::code::memory::Image as Bytes;

/// An amd64 image under construction: code at 0x1000, exports at 0x2000, function table at 0x3000, unwind information at
/// 0x4000, debug record at 0x5000, resources at 0x6000.
pub struct Sample {
    bytes: Vec<u8>,
    functions: usize,
    unwind_end: usize,
}

impl Default for Sample {
    /// An image with headers only.
    fn default() -> Self {
        let mut sample = Self {
            bytes: vec![0; 0x7000],
            functions: 0,
            unwind_end: 0x4000,
        };
        sample.put(0, b"MZ");
        sample.put32(0x3c, 0x80);
        sample.put(0x80, b"PE\0\0\x64\x86\x02\0");
        sample.put32(0x88, 0x5f00_0001);
        sample.put(0x94, &[240, 0]);
        sample.put(0x98, &[0x0b, 0x02]);
        sample.put32(0x98 + 16, 0x1000);
        sample.put32(0x98 + 56, 0x7000);
        sample.put32(0x98 + 64, 0xabcd);
        sample.put32(0x98 + 108, 16);
        for (number, (name, offset)) in [(".text", 0x1000), (".rdata", 0x2000)]
            .into_iter()
            .enumerate()
        {
            let at = 0x98 + 240 + number * 40;
            sample.put(at, name.as_bytes());
            sample.put32(at + 8, 0x1000);
            sample.put32(at + 12, offset);
            sample.put32(at + 36, 0x6000_0020);
        }
        sample
    }
}

impl Sample {
    /// An image with headers only.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts bytes at an offset.
    pub fn put(&mut self, at: usize, bytes: &[u8]) {
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
    }

    /// Puts a 32-bit field at an offset.
    pub fn put32(&mut self, at: usize, value: u32) {
        self.put(at, &value.to_le_bytes());
    }

    fn directory(&mut self, number: usize, offset: u32, bytes: u32) {
        self.put32(0x98 + 112 + number * 8, offset);
        self.put32(0x98 + 112 + number * 8 + 4, bytes);
    }

    /// The same with code at an offset.
    pub fn code(mut self, offset: usize, bytes: &[u8]) -> Self {
        self.put(offset, bytes);
        self
    }

    /// The same with exports: names and offsets, sorted by name, `None` for one that is forwarded to `other.Delta`.
    /// One more function has a number only.
    pub fn exports(mut self, exports: &[(&str, Option<u32>)]) -> Self {
        let count = u32::try_from(exports.len()).unwrap();
        self.directory(0, 0x2000, 0x1000);
        for (at, value) in [
            (12, 0x2800),
            (16, 5),
            (20, count + 1),
            (24, count),
            (28, 0x2100),
            (32, 0x2200),
            (36, 0x2300),
        ] {
            self.put32(0x2000 + at, value);
        }
        self.put(0x2800, b"sample.sys\0other.Delta\0");
        let mut name_at = 0x2900;
        for (position, (name, offset)) in exports.iter().enumerate() {
            self.put32(0x2100 + position * 4, offset.unwrap_or(0x280b));
            self.put32(0x2200 + position * 4, u32::try_from(name_at).unwrap());
            self.put(
                0x2300 + position * 2,
                &u16::try_from(position).unwrap().to_le_bytes(),
            );
            self.put(name_at, name.as_bytes());
            name_at += name.len() + 1;
        }
        self.put32(0x2100 + exports.len() * 4, 0x1f00);
        self
    }

    /// The same with a function and its unwind information; functions in ascending order.
    pub fn function(mut self, start: u32, end: u32, unwind: &[u8]) -> Self {
        let at = 0x3000 + self.functions * 12;
        let unwind_at = u32::try_from(self.unwind_end).unwrap();
        for (offset, value) in [(0, start), (4, end), (8, unwind_at)] {
            self.put32(at + offset, value);
        }
        self.put(self.unwind_end, unwind);
        self.unwind_end += unwind.len().next_multiple_of(4);
        self.functions += 1;
        self.directory(3, 0x3000, u32::try_from(self.functions * 12).unwrap());
        self
    }

    /// The same with a PDB.
    pub fn pdb(mut self, path: &str) -> Self {
        self.directory(6, 0x5000, 28);
        self.put32(0x500c, 2);
        self.put32(0x5010, u32::try_from(24 + path.len() + 1).unwrap());
        self.put32(0x5014, 0x5100);
        self.put(
            0x5100,
            b"RSDS\x04\x03\x02\x01\x06\x05\x08\x07\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10",
        );
        self.put32(0x5114, 3);
        self.put(0x5118, path.as_bytes());
        self
    }

    /// The same with the version 10.0.19041.1.
    pub fn version(mut self) -> Self {
        self.directory(2, 0x6000, 0x200);
        for (at, id, next) in [
            (0x00, 16, 0x8000_0020),
            (0x20, 1, 0x8000_0040),
            (0x40, 0x409, 0x60),
        ] {
            self.put(0x6000 + at + 14, &[1, 0]);
            self.put32(0x6000 + at + 16, id);
            self.put32(0x6000 + at + 20, next);
        }
        self.put32(0x6060, 0x6100);
        self.put32(0x6064, 0x200);
        for (at, value) in [
            (0x28, 0xfeef_04bd),
            (0x30, 10 << 16),
            (0x34, 19041 << 16 | 1),
        ] {
            self.put32(0x6100 + at, value);
        }
        self
    }

    /// Its bytes.
    pub fn bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// The image loaded at `base`.
    pub fn at(self, base: u64) -> Bytes {
        Bytes::new(base, self.bytes)
    }
}
