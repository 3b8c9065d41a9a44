//! PE32+ images as a loader leaves them in memory: headers, code, unwind data, exports, a debug directory.
//!
//! Built from [`Function`]s and variables, the same for every machine; only the slots of imports depend on where other
//! modules are. Layouts are those of the public PE/COFF specification. There are no relocations: the code needs none.

use std::collections::BTreeMap;

use super::assembler::{Function, Place};
use super::registers::Layout;

/// An image in memory, not yet at an address.
#[derive(Debug, PartialEq)]
pub struct Image {
    /// Its file name, with the extension.
    pub name: String,
    /// What is mapped, a whole number of pages.
    pub bytes: Vec<u8>,
    /// The checksum of its header.
    pub checksum: u32,
    /// Where the loader calls it, relative to its base.
    pub entry: u32,
    /// Where .pdata is and how long, relative to its base.
    pub exceptions: (u32, u32),
    /// Every function and variable by name, relative to the base.
    pub symbols: BTreeMap<String, u32>,
    /// Names of functions and where their code is: start and end, relative to the base, in order.
    pub functions: Vec<(String, u32, u32)>,
    /// Slots that the loader has to fill: where, which module, which export of it.
    pub imports: Vec<(u32, &'static str, String)>,
    /// Names that others can import.
    pub exports: Vec<String>,
    /// Pages, by their number in the image, that code may be run from.
    pub code_pages: std::ops::Range<u32>,
    /// Pages that may be written.
    pub data_pages: std::ops::Range<u32>,
}

/// A variable of an image.
#[derive(Debug, Clone)]
struct Variable {
    name: &'static str,
    bytes: Vec<u8>,
    exported: bool,
}

/// An image in the making.
#[derive(Debug)]
pub struct Builder {
    name: &'static str,
    stamp: u32,
    entry: &'static str,
    functions: Vec<Function>,
    variables: Vec<Variable>,
}

/// Bytes of a page, and of the alignment of sections.
pub const PAGE_BYTES: u32 = 0x1000;

impl Builder {
    /// An image called `name` whose loader calls the function `entry`.
    #[must_use]
    pub fn new(name: &'static str, entry: &'static str) -> Self {
        let stamp = name.bytes().fold(0x5E3D_1AB0_u32, |sum, byte| {
            sum.wrapping_mul(31) ^ u32::from(byte)
        });
        Self {
            name,
            stamp,
            entry,
            functions: Vec::new(),
            variables: Vec::new(),
        }
    }

    /// Adds a function.
    pub fn add(&mut self, function: Function) {
        self.functions.push(function);
    }

    /// Adds a variable with its first value.
    pub fn variable(&mut self, name: &'static str, bytes: Vec<u8>) {
        self.variables.push(Variable {
            name,
            bytes,
            exported: false,
        });
    }

    /// Adds a variable that other modules can see.
    pub fn exported_variable(&mut self, name: &'static str, bytes: Vec<u8>) {
        self.variables.push(Variable {
            name,
            bytes,
            exported: true,
        });
    }

    /// Puts everything in its place.
    ///
    /// # Panics
    /// If a function refers to a name that is not there: the images are part of the program.
    #[must_use]
    pub fn build(self) -> Image {
        let mut symbols = BTreeMap::new();
        let mut imports: BTreeMap<Place, u32> = BTreeMap::new();
        // .text
        let text_at = PAGE_BYTES;
        let mut at = text_at;
        let mut functions = Vec::new();
        for function in &self.functions {
            let end = at + length(&function.code);
            symbols.insert(function.name.clone(), at);
            functions.push((function.name.clone(), at, end));
            for fixup in &function.fixups {
                if matches!(fixup.to, Place::Import(..)) {
                    imports.entry(fixup.to.clone()).or_default();
                }
            }
            at = end.next_multiple_of(16);
        }
        let text_end = at;
        // .rdata: import slots, the debug directory and what it leads to, unwind data
        let rdata_at = text_end.next_multiple_of(PAGE_BYTES);
        let mut rdata = Vec::new();
        for slot in imports.values_mut() {
            *slot = rdata_at + length(&rdata);
            rdata.extend([0; 8]);
        }
        let slots_end = rdata_at + length(&rdata);
        let debug_at = rdata_at + length(&rdata);
        rdata.extend(self.debug(debug_at));
        let unwind: Vec<u32> = self
            .functions
            .iter()
            .map(|function| {
                let at = rdata_at + length(&rdata);
                rdata.extend(function.unwind_info());
                at
            })
            .collect();
        let rdata_end = rdata_at + length(&rdata);
        // .data
        let data_at = rdata_end.next_multiple_of(PAGE_BYTES);
        let mut data = Vec::new();
        for variable in &self.variables {
            symbols.insert(variable.name.to_owned(), data_at + length(&data));
            data.extend(&variable.bytes);
            data.resize(data.len().next_multiple_of(16), 0);
        }
        let data_end = data_at + length(&data);
        // .pdata
        let pdata_at = data_end.next_multiple_of(PAGE_BYTES);
        let pdata: Vec<u8> = functions
            .iter()
            .zip(&unwind)
            .flat_map(|((_, start, end), unwind)| [*start, *end, *unwind])
            .flat_map(u32::to_le_bytes)
            .collect();
        let pdata_end = pdata_at + length(&pdata);
        // .edata
        let edata_at = pdata_end.next_multiple_of(PAGE_BYTES);
        let mut exports: Vec<String> = self
            .functions
            .iter()
            .filter(|function| function.exported)
            .map(|function| function.name.clone())
            .chain(
                self.variables
                    .iter()
                    .filter(|it| it.exported)
                    .map(|it| it.name.to_owned()),
            )
            .collect();
        exports.sort();
        let edata = self.edata(edata_at, &exports, &symbols);
        let edata_end = edata_at + length(&edata);

        let size = edata_end.next_multiple_of(PAGE_BYTES);
        let mut bytes = Layout(vec![0; size as usize]);
        for ((_, start, _), function) in functions.iter().zip(&self.functions) {
            bytes.put(
                *start as usize,
                &patched(function, *start, &symbols, &imports),
            );
        }
        bytes.put(rdata_at as usize, &rdata);
        bytes.put(data_at as usize, &data);
        bytes.put(pdata_at as usize, &pdata);
        bytes.put(edata_at as usize, &edata);
        let sections = [
            Section(b".text\0\0\0", text_at, text_end, 0x6800_0020),
            Section(b".rdata\0\0", rdata_at, rdata_end, 0x4800_0040),
            Section(b".data\0\0\0", data_at, data_end, 0xC800_0040),
            Section(b".pdata\0\0", pdata_at, pdata_end, 0x4800_0040),
            Section(b".edata\0\0", edata_at, edata_end, 0x4000_0040),
        ];
        let directories = [
            (0, edata_at, edata_end - edata_at),
            (3, pdata_at, pdata_end - pdata_at),
            (6, debug_at, DEBUG_ENTRY_BYTES),
            (12, rdata_at, slots_end - rdata_at),
        ];
        let checksum = (size ^ self.stamp) & 0x000F_FFFF;
        let entry = symbols.get(self.entry).copied().unwrap_or_default();
        let headers = Headers {
            stamp: self.stamp,
            checksum,
            entry,
            size,
        };
        bytes.put(0, &headers.bytes(&sections, &directories));
        Image {
            name: self.name.to_owned(),
            bytes: bytes.0,
            checksum,
            entry,
            exceptions: (pdata_at, pdata_end - pdata_at),
            symbols,
            functions,
            imports: imports
                .into_iter()
                .filter_map(|(place, slot)| match place {
                    Place::Import(module, name) => Some((slot, module, name)),
                    Place::Here(..) => None,
                })
                .collect(),
            exports,
            code_pages: text_at / PAGE_BYTES..rdata_at / PAGE_BYTES,
            data_pages: data_at / PAGE_BYTES..pdata_at / PAGE_BYTES,
        }
    }

    /// One debug directory entry, and the CodeView record it leads to.
    fn debug(&self, at: u32) -> Vec<u8> {
        // The kernel's file is called by another name than what it was built as, as with real ones.
        let stem = match self.name.split('.').next().unwrap_or_default() {
            "ntoskrnl" => "ntkrnlmp",
            stem => stem,
        };
        let mut record = b"RSDS".to_vec();
        for part in 1..=4_u32 {
            record.extend(
                self.stamp
                    .wrapping_mul(part.wrapping_mul(0x9E37_79B1))
                    .to_le_bytes(),
            );
        }
        record.extend(1_u32.to_le_bytes());
        record.extend(format!("{stem}.pdb\0").bytes());
        let mut entry = Layout(vec![0; DEBUG_ENTRY_BYTES as usize]);
        entry.put(4, &self.stamp.to_le_bytes());
        entry.put(12, &2_u32.to_le_bytes());
        entry.put(16, &length(&record).to_le_bytes());
        let record_at = at + DEBUG_ENTRY_BYTES;
        entry.put(20, &record_at.to_le_bytes());
        entry.put(24, &record_at.to_le_bytes());
        let mut bytes = entry.0;
        bytes.extend(record);
        bytes.resize(bytes.len().next_multiple_of(16), 0);
        bytes
    }

    /// The export directory and its tables; `names` are in order.
    fn edata(&self, at: u32, names: &[String], symbols: &BTreeMap<String, u32>) -> Vec<u8> {
        let count = u32::try_from(names.len()).expect("there are few names");
        let (addresses, pointers) = (at + 40, at + 40 + 4 * count);
        let ordinals = pointers + 4 * count;
        let mut text = Vec::new();
        let text_at = ordinals + 2 * count;
        text.extend(self.name.bytes().chain([0]));
        let mut tables = (Vec::new(), Vec::new(), Vec::new());
        for (ordinal, name) in (0_u16..).zip(names) {
            tables
                .0
                .extend(symbols.get(name).copied().unwrap_or_default().to_le_bytes());
            tables.1.extend((text_at + length(&text)).to_le_bytes());
            tables.2.extend(ordinal.to_le_bytes());
            text.extend(name.bytes().chain([0]));
        }
        let head = [
            0, self.stamp, 0, text_at, 1, count, count, addresses, pointers, ordinals,
        ];
        let mut bytes: Vec<u8> = head.into_iter().flat_map(u32::to_le_bytes).collect();
        bytes.extend(tables.0);
        bytes.extend(tables.1);
        bytes.extend(tables.2);
        bytes.extend(text);
        bytes
    }
}

/// The code of `function`, placed at `start`, with its distances filled in.
fn patched(
    function: &Function,
    start: u32,
    symbols: &BTreeMap<String, u32>,
    imports: &BTreeMap<Place, u32>,
) -> Vec<u8> {
    let mut code = Layout(function.code.clone());
    for fixup in &function.fixups {
        let goal = match &fixup.to {
            Place::Here(name, offset) => symbols.get(name).map(|symbol| symbol + offset),
            import @ Place::Import(..) => imports.get(import).copied(),
        };
        let Some(goal) = goal else {
            panic!(
                "{} refers to {:?}, which is not there",
                function.name, fixup.to
            );
        };
        let next = start + u32::try_from(fixup.next).expect("functions are short");
        code.put(fixup.at, &goal.wrapping_sub(next).to_le_bytes());
    }
    code.0
}

/// Name, start and end relative to the base, characteristics.
struct Section(&'static [u8; 8], u32, u32, u32);

struct Headers {
    stamp: u32,
    checksum: u32,
    entry: u32,
    size: u32,
}

impl Headers {
    fn bytes(&self, sections: &[Section], directories: &[(usize, u32, u32)]) -> Vec<u8> {
        let mut bytes = Layout(vec![0; PAGE_BYTES as usize]);
        bytes.put(0, b"MZ");
        bytes.put(0x3C, &(NEW_HEADER as u32).to_le_bytes());
        bytes.put(NEW_HEADER, b"PE\0\0");
        let file = NEW_HEADER + 4;
        bytes.put(file, &0x8664_u16.to_le_bytes());
        bytes.put(file + 2, &(sections.len() as u16).to_le_bytes());
        bytes.put(file + 4, &self.stamp.to_le_bytes());
        bytes.put(file + 16, &0xF0_u16.to_le_bytes());
        bytes.put(file + 18, &0x22_u16.to_le_bytes());
        let optional = file + 20;
        let half = |value: u16| value.to_le_bytes();
        bytes.put(optional, &half(0x20B));
        bytes.put(optional + 2, &[14, 20]);
        bytes.put(optional + 16, &self.entry.to_le_bytes());
        bytes.put(optional + 20, &PAGE_BYTES.to_le_bytes());
        bytes.put(optional + 24, &PREFERRED_BASE.to_le_bytes());
        bytes.put(optional + 32, &PAGE_BYTES.to_le_bytes());
        bytes.put(optional + 36, &0x200_u32.to_le_bytes());
        for at in [40, 44, 48] {
            bytes.put(optional + at, &half(10));
        }
        bytes.put(optional + 56, &self.size.to_le_bytes());
        bytes.put(optional + 60, &0x400_u32.to_le_bytes());
        bytes.put(optional + 64, &self.checksum.to_le_bytes());
        bytes.put(optional + 68, &half(1));
        bytes.put(optional + 70, &half(0x4160));
        bytes.put(optional + 108, &16_u32.to_le_bytes());
        for (index, at, size) in directories {
            bytes.put(optional + 112 + 8 * index, &at.to_le_bytes());
            bytes.put(optional + 116 + 8 * index, &size.to_le_bytes());
        }
        for (index, Section(name, start, end, flags)) in sections.iter().enumerate() {
            let header = optional + 0xF0 + 40 * index;
            let size = end - start;
            bytes.put(header, *name);
            for (field, value) in [
                (8, size),
                (12, *start),
                (16, size),
                (20, *start),
                (36, *flags),
            ] {
                bytes.put(header + field, &value.to_le_bytes());
            }
        }
        bytes.0
    }
}

fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).expect("images are small")
}

/// Bytes of one entry of the debug directory.
const DEBUG_ENTRY_BYTES: u32 = 28;

/// Where the PE header is. Any multiple of eight behind the first header will do.
const NEW_HEADER: usize = 0xF8;

/// Where the image says it would like to be.
const PREFERRED_BASE: u64 = 0x1_4000_0000;
