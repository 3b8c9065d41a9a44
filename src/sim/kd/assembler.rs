//! An assembler for the few instructions that simulated kernels are made of, with the unwind codes that go with them.
//!
//! One [`Function`] at a time; names of other functions and of variables stay names until [`super::image`] knows where
//! they are. Encodings and unwind codes are those of the public amd64 manuals and the PE/COFF exception handling pages.

use super::registers::Register;

/// One function: its code, what in it refers to elsewhere, and how its frame is undone.
#[derive(Debug, Clone)]
pub struct Function {
    pub(super) name: String,
    pub(super) exported: bool,
    pub(super) code: Vec<u8>,
    pub(super) fixups: Vec<Fixup>,
    /// Unwind codes in the order of the prologue, each with the offset of the end of its instruction.
    unwind: Vec<(u8, Undo)>,
    frame: Option<(Register, u8)>,
    prologue_bytes: u8,
}

/// A 32-bit distance in the code that is known only once everything has a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fixup {
    /// Where in the code the distance is.
    pub at: usize,
    /// Where the next instruction begins: distances count from there.
    pub next: usize,
    /// What it leads to.
    pub to: Place,
}

/// Something an instruction refers to by name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// A function or variable of the same image, and an offset into it.
    Here(String, u32),
    /// The slot of an import: what another module exports.
    Import(&'static str, String),
}

/// How one instruction of a prologue is undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Undo {
    Push(Register),
    Allocate(u32),
    Frame,
    Save(Register, u32),
    Machine,
}

/// Conditions of jumps, by their number in the encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// The last result was zero.
    Equal = 4,
    /// It was not.
    NotEqual = 5,
}

/// A jump whose goal is not known yet.
#[derive(Debug)]
#[must_use]
pub struct Ahead(usize);

impl Function {
    /// An empty function. Begin with the prologue, end with [`Self::leave`] or another way out.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            exported: false,
            code: Vec::new(),
            fixups: Vec::new(),
            unwind: Vec::new(),
            frame: None,
            prologue_bytes: 0,
        }
    }

    /// Other modules can see it.
    #[must_use]
    pub fn exported(mut self) -> Self {
        self.exported = true;
        self
    }

    /// The processor comes here by an interrupt, and the frame it pushed is on the stack.
    pub fn machine_frame(&mut self) {
        self.undo(Undo::Machine);
    }

    /// Saves a register on the stack.
    pub fn push(&mut self, register: Register) {
        if register.high() {
            self.code.push(0x41);
        }
        self.code.push(0x50 | register.low());
        self.undo(Undo::Push(register));
    }

    /// Makes room on the stack. Bytes, a multiple of eight.
    pub fn allocate(&mut self, bytes: u32) {
        self.stack_pointer(0xEC, bytes);
        self.undo(Undo::Allocate(bytes));
    }

    /// Saves a register in the room made before, `offset` bytes above the stack pointer.
    pub fn save(&mut self, register: Register, offset: u32) {
        self.store(Register::Rsp, offset, register);
        self.undo(Undo::Save(register, offset));
    }

    /// Makes `register` the frame's, `offset` bytes above the stack pointer: a multiple of 16 up to 240.
    pub fn frame(&mut self, register: Register, offset: u8) {
        self.address(register, Register::Rsp, u32::from(offset));
        self.frame = Some((register, offset));
        self.undo(Undo::Frame);
    }

    /// Undoes the frame and returns. The code may go on behind it.
    pub fn leave(&mut self) {
        self.undo_frame();
        self.code.push(0xC3);
    }

    /// Undoes the frame and returns from an interrupt.
    pub fn leave_interrupt(&mut self) {
        self.undo_frame();
        self.code.extend([0x48, 0xCF]);
    }

    fn undo_frame(&mut self) {
        let undo = self.unwind.clone();
        for &(_, undo) in undo.iter().rev() {
            if let Undo::Save(register, offset) = undo {
                self.load(register, Register::Rsp, offset);
            }
        }
        // What lies between the stack pointer and the pushed registers goes at once.
        let allocated: u32 = undo
            .iter()
            .map(|(_, undo)| {
                if let Undo::Allocate(bytes) = undo {
                    *bytes
                } else {
                    0
                }
            })
            .sum();
        match self.frame {
            Some((register, offset)) => {
                let rest = allocated - u32::from(offset);
                self.address(Register::Rsp, register, rest);
            }
            None if allocated > 0 => self.stack_pointer(0xC4, allocated),
            None => {}
        }
        for &(_, undo) in undo.iter().rev() {
            if let Undo::Push(register) = undo {
                if register.high() {
                    self.code.push(0x41);
                }
                self.code.push(0x58 | register.low());
            }
        }
    }

    fn undo(&mut self, undo: Undo) {
        let end = u8::try_from(self.code.len()).expect("prologues are shorter than 256 bytes");
        self.prologue_bytes = end;
        self.unwind.push((end, undo));
    }

    /// `add` or `sub` of a number to the stack pointer.
    fn stack_pointer(&mut self, modrm: u8, bytes: u32) {
        match i8::try_from(bytes) {
            Ok(short) => self.code.extend([0x48, 0x83, modrm, short.cast_unsigned()]),
            Err(_) => {
                self.code.extend([0x48, 0x81, modrm]);
                self.code.extend(bytes.to_le_bytes());
            }
        }
    }

    /// `mov to, from`.
    pub fn copy(&mut self, to: Register, from: Register) {
        self.code.push(0x48 | from.bit(2) | to.bit(0));
        self.code.extend([0x89, 0xC0 | from.low() << 3 | to.low()]);
    }

    /// `mov to, [base+offset]`.
    pub fn load(&mut self, to: Register, base: Register, offset: u32) {
        self.memory(&[0x8B], to, base, offset);
    }

    /// `mov [base+offset], from`.
    pub fn store(&mut self, base: Register, offset: u32, from: Register) {
        self.memory(&[0x89], from, base, offset);
    }

    /// `lea to, [base+offset]`.
    pub fn address(&mut self, to: Register, base: Register, offset: u32) {
        self.memory(&[0x8D], to, base, offset);
    }

    fn memory(&mut self, opcode: &[u8], register: Register, base: Register, offset: u32) {
        self.code.push(0x48 | register.bit(2) | base.bit(0));
        self.code.extend(opcode);
        let short = i8::try_from(offset).ok();
        let mode = if short.is_some() { 0x40 } else { 0x80 };
        self.code.push(mode | register.low() << 3 | base.low());
        if base.low() == 4 {
            self.code.push(0x24);
        }
        match short {
            Some(short) => self.code.push(short.cast_unsigned()),
            None => self.code.extend(offset.to_le_bytes()),
        }
    }

    /// `mov to, [name+offset]`, 64 bits.
    pub fn load_from(&mut self, to: Register, name: &str, offset: u32) {
        self.relative(0x8B, to, name, offset);
    }

    /// `mov [name+offset], from`, 64 bits.
    pub fn store_to(&mut self, name: &str, offset: u32, from: Register) {
        self.relative(0x89, from, name, offset);
    }

    /// `lea to, [name]`.
    pub fn address_of(&mut self, to: Register, name: &str) {
        self.relative(0x8D, to, name, 0);
    }

    fn relative(&mut self, opcode: u8, register: Register, name: &str, offset: u32) {
        let modrm = 0x05 | register.low() << 3;
        self.code.extend([0x48 | register.bit(2), opcode, modrm]);
        self.distance(Place::Here(name.to_owned(), offset), 0);
    }

    /// `cmp byte ptr [name], value`.
    pub fn compare_byte(&mut self, name: &str, value: u8) {
        self.code.extend([0x80, 0x3D]);
        self.distance(Place::Here(name.to_owned(), 0), 1);
        self.code.push(value);
    }

    /// `mov byte ptr [name], value`.
    pub fn set_byte(&mut self, name: &str, value: u8) {
        self.code.extend([0xC6, 0x05]);
        self.distance(Place::Here(name.to_owned(), 0), 1);
        self.code.push(value);
    }

    /// `mov register32, [name]`.
    pub fn load_short(&mut self, to: Register, name: &str) {
        self.code.extend([0x8B, 0x05 | to.low() << 3]);
        self.distance(Place::Here(name.to_owned(), 0), 0);
    }

    /// `mov dword ptr [name], value`.
    pub fn set_short(&mut self, name: &str, value: u32) {
        self.code.extend([0xC7, 0x05]);
        self.distance(Place::Here(name.to_owned(), 0), 4);
        self.code.extend(value.to_le_bytes());
    }

    /// `inc dword ptr [name]`.
    pub fn increment(&mut self, name: &str) {
        self.code.extend([0xFF, 0x05]);
        self.distance(Place::Here(name.to_owned(), 0), 0);
    }

    /// `mov register32, value`, which clears the upper half.
    pub fn set(&mut self, register: Register, value: u32) {
        if register.high() {
            self.code.push(0x41);
        }
        self.code.push(0xB8 | register.low());
        self.code.extend(value.to_le_bytes());
    }

    /// `xor register32, register32`.
    pub fn clear(&mut self, register: Register) {
        if register.high() {
            self.code.push(0x45);
        }
        self.code
            .extend([0x31, 0xC0 | register.low() << 3 | register.low()]);
    }

    /// `dec register32` of the first eight.
    pub fn decrement(&mut self, register: Register) {
        self.code.extend([0xFF, 0xC8 | register.low()]);
    }

    /// `test register, register`.
    pub fn test(&mut self, register: Register) {
        self.code.push(0x48 | register.bit(2) | register.bit(0));
        self.code
            .extend([0x85, 0xC0 | register.low() << 3 | register.low()]);
    }

    /// `cmp register32, value` of the first eight.
    pub fn compare(&mut self, register: Register, value: u8) {
        self.code.extend([0x83, 0xF8 | register.low(), value]);
    }

    /// `call name`.
    pub fn call(&mut self, name: &str) {
        self.code.push(0xE8);
        self.distance(Place::Here(name.to_owned(), 0), 0);
    }

    /// `call` of what `module` exports as `name`.
    pub fn call_import(&mut self, module: &'static str, name: &str) {
        self.code.extend([0xFF, 0x15]);
        self.distance(Place::Import(module, name.to_owned()), 0);
    }

    /// `call rax`.
    pub fn call_rax(&mut self) {
        self.code.extend([0xFF, 0xD0]);
    }

    /// `jmp name`: the last call of a function that has no frame any more.
    pub fn jump(&mut self, name: &str) {
        self.code.push(0xE9);
        self.distance(Place::Here(name.to_owned(), 0), 0);
    }

    fn distance(&mut self, to: Place, bytes_behind: usize) {
        let at = self.code.len();
        self.code.extend([0; 4]);
        self.fixups.push(Fixup {
            at,
            next: at + 4 + bytes_behind,
            to,
        });
    }

    /// A place to jump back to.
    pub fn here(&self) -> usize {
        self.code.len()
    }

    /// Jumps back to `goal`, a condition given.
    pub fn back(&mut self, when: Option<When>, goal: usize) {
        self.code.push(when.map_or(0xEB, |when| 0x70 | when as u8));
        let distance = i8::try_from(self.code.len() + 1 - goal).expect("jumps are short");
        self.code.push((-distance).cast_unsigned());
    }

    /// Jumps ahead, a condition given, to where [`Self::land`] says.
    pub fn ahead(&mut self, when: Option<When>) -> Ahead {
        self.code.push(when.map_or(0xEB, |when| 0x70 | when as u8));
        self.code.push(0);
        Ahead(self.code.len())
    }

    /// The goal of a jump ahead is here.
    pub fn land(&mut self, jump: Ahead) {
        let distance = i8::try_from(self.code.len() - jump.0).expect("jumps are short");
        if let Some(hole) = self.code.get_mut(jump.0 - 1) {
            *hole = distance.cast_unsigned();
        }
    }

    /// An instruction without operands.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.code.extend(bytes);
    }

    /// The UNWIND_INFO of this function, padded to four bytes.
    pub(super) fn unwind_info(&self) -> Vec<u8> {
        let mut codes = Vec::new();
        let mut slots = 0_u8;
        for &(end, undo) in self.unwind.iter().rev() {
            let (operation, info, more) = match undo {
                Undo::Push(register) => (0, register as u8, None),
                Undo::Allocate(bytes @ 8..=128) => (2, (bytes / 8 - 1) as u8, None),
                Undo::Allocate(bytes) => (1, 0, Some(bytes / 8)),
                Undo::Frame => (3, 0, None),
                Undo::Save(register, offset) => (4, register as u8, Some(offset / 8)),
                Undo::Machine => (10, 0, None),
            };
            codes.extend([end, operation | info << 4]);
            slots += 1;
            if let Some(more) = more {
                let more = u16::try_from(more).expect("frames are below 512 KiB");
                codes.extend(more.to_le_bytes());
                slots += 1;
            }
        }
        let frame = self
            .frame
            .map_or(0, |(register, offset)| register as u8 | offset);
        let mut bytes = vec![1, self.prologue_bytes, slots, frame];
        bytes.extend(codes);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }
}
