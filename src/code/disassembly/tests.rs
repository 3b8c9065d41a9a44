//! Listings of small pieces of code.

use super::*;
use crate::code::memory::{Cache, Image};
use crate::code::modules::{Module, Modules, Naming};
use crate::code::names;
use crate::code::pe::sample::Sample;
use proptest::prelude::*;

const BASE: u64 = 0xffff_f801_2a00_0000;

fn sample(code: &[u8]) -> (Image, Modules) {
    let memory = Sample::new()
        .exports(&[("KeBugCheck", Some(0x1040)), ("NtCreateFile", Some(0x1230))])
        .code(0x1230, code)
        .function(0x1230, 0x1240, &[1, 0, 0, 0])
        .at(BASE);
    let mut modules = Modules::default();
    modules.insert(Module::new("ntoskrnl.exe", BASE, 0x7000));
    modules.set_naming(BASE, names::index(&memory, BASE).unwrap());
    (memory, modules)
}

/// The texts of one instruction of a machine, without names, decoded with registers.
fn one(
    machine: Machine,
    at: u64,
    bytes: &[u8],
    values: &[(&str, u64)],
    data: &[(u64, &[u8])],
) -> Instruction {
    let mut memory = Image::new(at, bytes);
    for (address, data) in data {
        memory = memory.with(*address, *data);
    }
    let modules = Modules::default();
    let names = Names::new(&modules);
    let mut registers = Registers::new(machine);
    for (name, value) in values {
        assert!(registers.set(name, *value), "{name}");
    }
    let code = Disassembler {
        machine,
        memory: &memory,
        names: &names,
    };
    code.instruction(at, Some(&registers)).unwrap()
}

fn text(bytes: &[u8]) -> String {
    one(Machine::Amd64, 0x1000, bytes, &[], &[]).text
}

#[test]
fn a_listing_has_the_columns_of_kd() {
    let (memory, modules) = sample(&[
        0x48, 0x81, 0xec, 0x88, 0, 0, 0, 0x33, 0xc0, 0x48, 0x89, 0x44, 0x24, 0x78, 0xcc, 0xc3,
    ]);
    let names = Names::new(&modules);
    let code = Disassembler {
        machine: Machine::Amd64,
        memory: &memory,
        names: &names,
    };
    let (lines, next) = code.forward(BASE + 0x1230, 4).unwrap();
    assert_eq!(
        lines,
        [
            "nt!NtCreateFile:",
            "fffff801`2a001230 4881ec88000000  sub     rsp,88h",
            "fffff801`2a001237 33c0            xor     eax,eax",
            "fffff801`2a001239 4889442478      mov     qword ptr [rsp+78h],rax",
            "fffff801`2a00123e cc              int     3",
        ]
    );
    assert_eq!(next, BASE + 0x123f);
    assert_eq!(
        code.between(BASE + 0x1230, BASE + 0x1237).unwrap().0,
        lines[..3]
    );
    assert_eq!(
        code.heading(BASE + 0x1237).as_deref(),
        Some("nt!NtCreateFile+0x7:")
    );
    assert_eq!(code.heading(0x1000), None);
    let whole = code.function(BASE + 0x1239).unwrap();
    assert_eq!(whole[..5], lines);
    assert_eq!(whole[5..], ["fffff801`2a00123f c3              ret"]);
    let (back, start) = code.backward(BASE + 0x1239, 2).unwrap();
    assert_eq!((back.as_slice(), start), (&lines[..3], BASE + 0x1230));
}

#[test]
fn operands_are_called_by_their_names() {
    let (memory, modules) = sample(&[
        0xe8, 0x0b, 0xfe, 0xff, 0xff, // call
        0x74, 0x02, // je
        0x48, 0x8b, 0x0d, 0x02, 0xfe, 0xff, 0xff, // mov rcx, [rip-1feh]
    ]);
    let names = Names::new(&modules);
    let code = Disassembler {
        machine: Machine::Amd64,
        memory: &memory,
        names: &names,
    };
    assert_eq!(
        code.forward(BASE + 0x1230, 3).unwrap().0[1..],
        [
            "fffff801`2a001230 e80bfeffff      call    nt!KeBugCheck (fffff801`2a001040)",
            "fffff801`2a001235 7402            je      nt!NtCreateFile+0x9 (fffff801`2a001239)",
            "fffff801`2a001237 488b0d02feffff  mov     rcx,qword ptr [nt!KeBugCheck (fffff801`2a001040)]",
        ]
    );
    let mut registers = Registers::new(Machine::Amd64);
    registers.set("rip", BASE + 0x1235);
    registers.set("zf", 1);
    assert_eq!(
        code.stop(&registers).unwrap(),
        [
            "nt!NtCreateFile+0x5:",
            "fffff801`2a001235 7402            je      nt!NtCreateFile+0x9 (fffff801`2a001239) [br=1]",
        ]
    );
}

#[test]
fn instructions_are_spelled_as_kd_spells_them() {
    let spelled: [(&[u8], &str); 9] = [
        (
            &[0x65, 0x48, 0x8b, 0x04, 0x25, 0x88, 1, 0, 0],
            "mov     rax,qword ptr gs:[188h]",
        ),
        (&[0x48, 0x8d, 0x44, 0x24, 0x20], "lea     rax,[rsp+20h]"),
        (&[0x48, 0x83, 0xe4, 0xf0], "and     rsp,0FFFFFFFFFFFFFFF0h"),
        (&[0x89, 0x45, 0xf8], "mov     dword ptr [rbp-8],eax"),
        (&[0x0f, 0x05], "syscall"),
        (&[0xff, 0xd0], "call    rax"),
        (&[0xeb, 0x10], "jmp     00000000`00001012"),
        (&[0x90], "nop"),
        (&[0x06], "???"),
    ];
    for (bytes, expected) in spelled {
        assert_eq!(text(bytes), expected);
    }
}

#[test]
fn an_instruction_tells_what_it_touches() {
    let rcx = [("rcx", 0xffff_aa01_0000_0080_u64)];
    let load = [0x48, 0x8b, 0x41, 0x10];
    let unreadable = one(Machine::Amd64, 0x1000, &load, &rcx, &[]);
    assert_eq!(
        unreadable.effective(),
        Some("ds:ffffaa01`00000090=????????????????")
    );
    let data: &[(u64, &[u8])] = &[(0xffff_aa01_0000_0090, &[1, 2, 3, 4, 5, 6, 7, 8])];
    let loaded = one(Machine::Amd64, 0x1000, &load, &rcx, data);
    assert_eq!(
        loaded.effective(),
        Some("ds:ffffaa01`00000090=0807060504030201")
    );
    let jump = one(Machine::Amd64, 0x1000, &[0xff, 0x61, 0x10], &rcx, data);
    assert_eq!(
        jump.effective(),
        Some("ds:ffffaa01`00000090={08070605`04030201}")
    );
    let nothing = one(Machine::Amd64, 0x1000, &[0x33, 0xc0], &rcx, data);
    assert_eq!(nothing.effective(), None);
    let gs = [0x65, 0x8b, 0x04, 0x25, 0x10, 0, 0, 0];
    let through_gs = one(
        Machine::Amd64,
        0x1000,
        &gs,
        &[("gsbase", 0xffff_aa01_0000_0080)],
        data,
    );
    assert_eq!(
        through_gs.effective(),
        Some("gs:00000000`00000010=04030201")
    );
    let narrow = one(
        Machine::X86,
        0xffff_ffff_8054_a6f0,
        &[0xff, 0x36],
        &[("esi", 0x8000_1000)],
        &[(0xffff_ffff_8000_1000, &[1, 2, 3, 4])],
    );
    assert_eq!(narrow.effective(), Some("ds:80001000=04030201"));
    assert_eq!(
        narrow.line(Machine::X86),
        "8054a6f0 ff36            push    dword ptr [esi]"
    );
}

#[test]
fn where_an_instruction_goes_is_known() {
    let flows: [(&[u8], Flow); 9] = [
        (&[0x90], Flow::Next),
        (&[0xe8, 0, 0, 0, 0], Flow::Call(Some(0x1005))),
        (&[0xff, 0xd0], Flow::Call(None)),
        (&[0xc3], Flow::Return),
        (&[0xff, 0xe0], Flow::Jump(None)),
        (&[0x74, 0x10], Flow::Branch(0x1012)),
        (&[0xf3, 0xa4], Flow::Repeat),
        (&[0x0f, 0x05], Flow::Interrupt),
        (&[0xcc], Flow::Interrupt),
    ];
    for (bytes, flow) in flows {
        assert_eq!(
            one(Machine::Amd64, 0x1000, bytes, &[], &[]).flow,
            flow,
            "{bytes:x?}"
        );
    }
    let loops = one(Machine::Amd64, 0x1000, &[0xe2, 0xfe], &[("rcx", 1)], &[]);
    assert_eq!(
        (loops.flow, loops.effective()),
        (Flow::Branch(0x1000), Some("[br=0]"))
    );
}

#[test]
fn words_of_arm64_are_shown_as_such() {
    let at = 0xffff_f801_2a00_1000;
    let word = |word: u32, registers: &[(&str, u64)]| {
        one(Machine::Arm64, at, &word.to_le_bytes(), registers, &[])
    };
    let plain = word(0xd503_201f, &[]);
    assert_eq!(
        plain.line(Machine::Arm64),
        "fffff801`2a001000 d503201f        .inst   0xd503201f"
    );
    assert_eq!(plain.flow, Flow::Next);
    assert_eq!(word(0x97ff_ffff, &[]).flow, Flow::Call(Some(at - 4)));
    assert_eq!(word(0xd65f_03c0, &[]).flow, Flow::Return);
    assert_eq!(word(0xd65f_0bff, &[]).flow, Flow::Return);
    assert_eq!(word(0xd61f_0200, &[]).flow, Flow::Jump(None));
    assert_eq!(word(0xd43e_0000, &[]).flow, Flow::Interrupt);
    let equal = word(0x5400_0040, &[("z", 1)]);
    assert_eq!(
        (equal.flow, equal.effective()),
        (Flow::Branch(at + 8), Some("[br=1]"))
    );
    assert_eq!(word(0xb400_0040, &[("x0", 1)]).effective(), Some("[br=0]"));
}

#[test]
fn what_cannot_be_read_ends_a_listing() {
    let memory = Image::new(0x1000, [0x90, 0x90]);
    let modules = Modules::default();
    let names = Names::new(&modules);
    let code = Disassembler {
        machine: Machine::Amd64,
        memory: &memory,
        names: &names,
    };
    let (lines, next) = code.forward(0x1001, 8).unwrap();
    assert_eq!(
        lines,
        [
            "00000000`00001001 90              nop",
            "00000000`00001002 ??              ???",
        ]
    );
    assert_eq!(next, 0x1002);
    assert_eq!(
        code.function(0x3000).unwrap(),
        ["00000000`00003000 ??              ???"]
    );
    assert_eq!(
        code.stop(&Registers::new(Machine::Amd64)).unwrap(),
        ["00000000`00000000 ??              ???"]
    );
    assert_eq!(code.backward(0x1002, 8).unwrap().1, 0x1000);
    assert_eq!(
        code.backward(0x1000, 8).unwrap().0,
        ["00000000`00000fff ??              ???"]
    );
}

#[test]
fn what_is_missing_is_asked_for() {
    let cache = Cache::new(16);
    let modules = Modules::default();
    let names = Names::new(&modules);
    let code = Disassembler {
        machine: Machine::Amd64,
        memory: &cache,
        names: &names,
    };
    assert!(matches!(
        code.forward(0x1000, 1),
        Err(Fault::Missing { .. })
    ));
    assert!(matches!(
        code.backward(0x1000, 1),
        Err(Fault::Missing { .. })
    ));
    assert!(matches!(code.function(0x1000), Err(Fault::Missing { .. })));
}

#[test]
fn a_function_without_a_table_is_what_its_branches_reach() {
    // je +2; ret; int 3; jmp back to the ret.
    let memory = Image::new(
        0x8040_1000_u64 | 0xffff_ffff_0000_0000,
        [0x74, 0x02, 0xc3, 0xcc, 0xeb, 0xfc],
    );
    let modules = Modules::default();
    let names = Names::new(&modules);
    let code = Disassembler {
        machine: Machine::X86,
        memory: &memory,
        names: &names,
    };
    assert_eq!(
        code.function(0x8040_1000).unwrap(),
        [
            "80401000 7402            je      80401004",
            "80401002 c3              ret",
            "",
            "80401004 ebfc            jmp     80401002",
        ]
    );
}

#[test]
fn names_on_32_bit_machines_are_found_with_and_without_sign() {
    let base = 0xffff_ffff_8040_0000;
    let memory = Image::new(
        base + 0x100,
        [
            0xa1, 0, 0x10, 0x40, 0x80, 0x68, 0, 0x10, 0x40, 0x80, 0xe8, 0xf1, 0x0e, 0, 0,
        ],
    );
    let mut modules = Modules::default();
    modules.insert(Module::new("mydrv.sys", base, 0x2000));
    modules.set_naming(base, Naming::Nothing);
    let names = Names::new(&modules);
    let code = Disassembler {
        machine: Machine::X86,
        memory: &memory,
        names: &names,
    };
    assert_eq!(
        code.forward(0x8040_0100, 3).unwrap().0,
        [
            "mydrv+0x100:",
            "80400100 a100104080      mov     eax,dword ptr [mydrv+0x1000 (80401000)]",
            "80400105 6800104080      push    offset mydrv+0x1000 (80401000)",
            "8040010a e8f10e0000      call    mydrv+0x1000 (80401000)",
        ]
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn no_bytes_and_no_registers_make_it_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..64),
        value: u64,
        at: u64,
    ) {
        let memory = Image::new(at, bytes);
        let modules = Modules::default();
        let names = Names::new(&modules);
        for machine in [Machine::X86, Machine::Amd64, Machine::Arm64] {
            let mut registers = Registers::new(machine);
            for name in Registers::names(machine) {
                registers.set(name, value & 0xffff_ffff);
            }
            registers.set(if machine == Machine::Amd64 { "rip" } else { "pc" }, at);
            let code = Disassembler { machine, memory: &memory, names: &names };
            code.stop(&registers).unwrap();
            let instruction = code.instruction(at, Some(&registers));
            prop_assert!(instruction.is_err() || instruction.unwrap().bytes.len() <= INSTRUCTION_BYTES_MAX);
            code.forward(at, 20).unwrap();
            code.backward(at.wrapping_add(16), 5).unwrap();
            code.function(at).unwrap();
        }
    }
}
