//! A PDB: public names of an image, and structures. Just enough of it for a debugger.
//!
//! Layouts are those of LLVM's public description of the PDB file format.

/// What a PDB says, and which image it belongs to.
#[derive(Debug)]
pub struct Pdb<'a> {
    /// As in the image.
    pub guid: [u8; 16],
    pub age: u32,
    /// The sections of the image: where they are relative to its base, and how long.
    pub sections: Vec<(u32, u32)>,
    /// Public names, and where they are relative to the base.
    pub names: Vec<(&'a str, u32)>,
    pub structures: &'a [Structure],
}

/// A structure that the target's memory has in it.
#[derive(Debug)]
pub struct Structure {
    pub name: &'static str,
    pub bytes: u16,
    /// Names of members, their offsets, what they are.
    pub members: &'static [(&'static str, u16, Member)],
}

#[derive(Debug, Clone, Copy)]
pub enum Member {
    U16,
    U32,
    U64,
    /// One of the structures before this.
    Inner(&'static str),
    /// So many characters.
    Text(u16),
}

/// Bytes of a block of the file, and of a section header.
const BLOCK: usize = 4096;
const SECTION_BYTES: usize = 40;

/// Number of the first type that a PDB defines, and of some that it need not.
const FIRST_TYPE: u32 = 0x1000;
const U8: u32 = 0x20;
const U16: u32 = 0x21;
const U32: u32 = 0x22;
const U64: u32 = 0x23;

/// The number of no stream.
const NONE: u16 = 0xFFFF;

impl Pdb<'_> {
    /// The file.
    pub fn file(&self) -> Vec<u8> {
        let streams = [
            Vec::new(),
            self.identity(),
            self.types(),
            self.debug_information(),
            Vec::new(),
            self.symbols(),
            self.section_headers(),
        ];
        // The header and two maps of free blocks come first.
        let mut blocks = vec![Vec::new(); 3];
        let mut directory = word(streams.len());
        directory.extend(streams.iter().flat_map(|stream| word(stream.len())));
        for stream in &streams {
            directory.extend(append(&mut blocks, stream));
        }
        let map = append(&mut blocks, &directory);
        let map = append(&mut blocks, &map);
        let mut header = b"Microsoft C/C++ MSF 7.00\r\n\x1aDS\0\0\0".to_vec();
        for value in [BLOCK, 1, blocks.len(), directory.len(), 0] {
            header.extend(word(value));
        }
        header.extend(map);
        blocks[0] = header;
        for block in &mut blocks {
            block.resize(BLOCK, 0);
        }
        blocks.concat()
    }

    fn identity(&self) -> Vec<u8> {
        let version = words(&[20_000_404, 1, self.age]);
        // No stream has a name.
        [&version[..], &self.guid, &words(&[0, 0, 1, 0, 0])].concat()
    }

    fn debug_information(&self) -> Vec<u8> {
        let mut bytes = words(&[u32::MAX, 19_990_903, self.age]);
        // Only the fourth and the last number streams that are there: the symbols, the section headers.
        bytes.extend(halves(&[NONE, 0x8E0B, NONE, 0, 5, 0]));
        let streams = halves(&[
            NONE, NONE, NONE, NONE, NONE, 6, NONE, NONE, NONE, NONE, NONE,
        ]);
        bytes.extend(words(&[0, 0, 0, 0, 0, 0]));
        bytes.extend([word(streams.len()), word(0)].concat());
        bytes.extend(halves(&[0, 0x8664, 0, 0]));
        bytes.extend(streams);
        bytes
    }

    fn symbols(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (name, at) in &self.names {
            let inside = |(start, length): &(u32, u32)| (*start..start + length).contains(at);
            let section = self.sections.iter().position(inside);
            let section = section.expect("names are in sections");
            let number = u16::try_from(section + 1).expect("there are few sections");
            let offset = at - self.sections[section].0;
            let place = [words(&[0, offset]), halves(&[number])].concat();
            bytes.extend(record(0x110E, &[&place, name.as_bytes(), &[0]].concat()));
        }
        bytes
    }

    fn section_headers(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (start, length) in &self.sections {
            bytes.extend([0; 8]);
            bytes.extend(words(&[*length, *start]));
            bytes.resize(bytes.len().next_multiple_of(SECTION_BYTES), 0);
        }
        bytes
    }

    fn types(&self) -> Vec<u8> {
        let mut types = Types::default();
        for structure in self.structures {
            types.add_structure(structure);
        }
        let end = FIRST_TYPE + types.count;
        let mut bytes = words(&[20_040_203, 56, FIRST_TYPE, end]);
        bytes.extend(word(types.bytes.len()));
        bytes.extend(halves(&[NONE, NONE]));
        bytes.extend(words(&[4, 0x3_FFFF, 0, 0, 0, 0, 0, 0]));
        bytes.extend(types.bytes);
        bytes
    }
}

#[derive(Debug, Default)]
struct Types {
    bytes: Vec<u8>,
    count: u32,
    structures: Vec<(&'static str, u32)>,
}

impl Types {
    fn add(&mut self, kind: u16, body: &[u8]) -> u32 {
        self.bytes.extend(record(kind, body));
        self.count += 1;
        FIRST_TYPE + self.count - 1
    }

    fn add_structure(&mut self, structure: &Structure) {
        let mut fields = Vec::new();
        for (name, offset, member) in structure.members {
            let kind = self.number_of(*member);
            fields.extend(halves(&[0x150D, 3]));
            fields.extend(words(&[kind]));
            fields.extend(named(*offset, name));
            while fields.len() % 4 > 0 {
                fields.push(0xF0 | u8::try_from(4 - fields.len() % 4).expect("below four"));
            }
        }
        let fields = self.add(0x1203, &fields);
        let count = u16::try_from(structure.members.len()).expect("there are few members");
        let mut body = halves(&[count, 0]);
        body.extend(words(&[fields, 0, 0]));
        body.extend(named(structure.bytes, structure.name));
        let number = self.add(0x1505, &body);
        self.structures.push((structure.name, number));
    }

    fn number_of(&mut self, member: Member) -> u32 {
        match member {
            Member::U16 => U16,
            Member::U32 => U32,
            Member::U64 => U64,
            Member::Inner(name) => {
                let found = self.structures.iter().find(|(known, _)| *known == name);
                found.expect("it comes before").1
            }
            Member::Text(bytes) => {
                let body = [words(&[U8, U64]), named(bytes, "")].concat();
                self.add(0x1503, &body)
            }
        }
    }
}

/// A record of a type or symbol, to a multiple of four bytes.
fn record(kind: u16, body: &[u8]) -> Vec<u8> {
    let length = (4 + body.len()).next_multiple_of(4);
    let size = u16::try_from(length - 2).expect("a short record");
    let mut bytes = halves(&[size, kind]);
    bytes.extend(body);
    bytes.resize(length, 0);
    bytes
}

/// A small number and a name.
fn named(number: u16, name: &str) -> Vec<u8> {
    assert!(number < 0x8000, "larger ones are written otherwise");
    [&halves(&[number])[..], name.as_bytes(), &[0]].concat()
}

/// Puts `bytes` behind `blocks`, and returns the numbers of their blocks.
fn append(blocks: &mut Vec<Vec<u8>>, bytes: &[u8]) -> Vec<u8> {
    let first = blocks.len();
    blocks.extend(bytes.chunks(BLOCK).map(<[u8]>::to_vec));
    (first..blocks.len()).flat_map(word).collect()
}

fn word(value: usize) -> Vec<u8> {
    words(&[u32::try_from(value).expect("a small file")])
}

fn words(values: &[u32]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

fn halves(values: &[u16]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}
