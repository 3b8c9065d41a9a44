//! Stacks of small images.

use proptest::prelude::*;

use super::*;
use crate::code::memory::Image;
use crate::code::modules::Module;
use crate::code::pe::sample::Sample;

const BASE: u64 = 0xffff_f801_2a00_0000;
const STACK: u64 = 0xffff_f801_2ee0_b000;

/// The words of a stack.
fn words(words: &[u64]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

fn modules() -> Modules {
    let mut modules = Modules::default();
    modules.insert(Module::new("drv.sys", BASE, 0x7000));
    modules
}

fn registers(instruction: u64) -> Registers {
    let mut registers = Registers::new(Machine::Amd64);
    registers.set("rip", instruction);
    registers.set("rsp", STACK);
    registers
}

/// What the caller of a stop in a function is: its instruction pointer, its stack pointer and some registers.
fn caller_of(
    sample: Sample,
    stack: &[u64],
    registers: &Registers,
    names: &[&str],
) -> Option<Vec<u64>> {
    let memory = sample.at(BASE).with(STACK, words(stack));
    let caller = caller(&memory, &modules(), registers).unwrap()?;
    Some(
        ["rip", "rsp"]
            .iter()
            .chain(names)
            .map(|name| caller.get(name).unwrap())
            .collect(),
    )
}

/// `push rbx; push rsi; sub rsp,20h`, each done at 2, 3, 7.
const PUSHES: [u8; 10] = [0x01, 7, 3, 0, 7, 0x32, 3, 0x60, 2, 0x30];

fn pushing() -> Sample {
    Sample::default().function(0x1000, 0x1100, &PUSHES)
}

#[test]
fn a_leaf_function_returns_to_the_word_on_top() {
    let caller = caller_of(pushing(), &[BASE + 0x1050], &registers(BASE + 0x1800), &[]);
    assert_eq!(caller.unwrap(), [BASE + 0x1050, STACK + 8]);
}

#[test]
fn every_place_of_a_prologue_leads_to_the_same_caller() {
    let stack = [0, 0, 0, 0, 0x51, 0xb8, 0x1234];
    for (at, done) in [(0, 6), (1, 6), (2, 5), (3, 4), (6, 4), (7, 0), (0x40, 0)] {
        let mut registers = registers(BASE + 0x1000 + at);
        registers.set("rsp", STACK + done * 8);
        registers.set("rsi", 0x51);
        registers.set("rbx", 0xb8);
        let caller = caller_of(pushing(), &stack, &registers, &["rsi", "rbx"]).unwrap();
        assert_eq!(caller, [0x1234, STACK + 0x38, 0x51, 0xb8], "at {at:#x}");
    }
}

#[test]
fn every_place_of_an_epilogue_leads_to_the_same_caller() {
    let stack = [0, 0, 0, 0, 0x51, 0xb8, 0x1234];
    let epilogue = [0x48, 0x83, 0xc4, 0x20, 0x5e, 0x5b, 0xc3];
    for (at, done) in [(0, 0), (4, 4), (5, 5), (6, 6)] {
        let mut registers = registers(BASE + 0x1080 + at);
        registers.set("rsp", STACK + done * 8);
        registers.set("rsi", 0x51);
        registers.set("rbx", 0xb8);
        let sample = pushing().code(0x1080, &epilogue);
        let caller = caller_of(sample, &stack, &registers, &["rsi", "rbx"]).unwrap();
        assert_eq!(caller, [0x1234, STACK + 0x38, 0x51, 0xb8], "at {at:#x}");
    }
}

#[test]
fn a_jump_within_the_function_or_to_a_part_of_it_is_no_epilogue() {
    let part = [0x21, 0, 0, 0, 0, 0x10, 0, 0, 0, 0x11, 0, 0, 0, 0x40, 0, 0];
    let stack = [0x99, 0, 0, 0, 0x51, 0xb8, 0x1234];
    for (jump, leaves) in [
        ([0xe9, 0x10, 0, 0, 0], false),
        ([0xe9, 0x7b, 1, 0, 0], false),
        ([0xe9, 0x7b, 2, 0, 0], true),
        ([0xe9, 0x7b, 0xff, 0xff, 0xff], true),
    ] {
        let sample = pushing()
            .function(0x1200, 0x1280, &part)
            .code(0x1080, &jump);
        let caller = caller_of(sample, &stack, &registers(BASE + 0x1080), &[]).unwrap();
        assert_eq!(caller[0], if leaves { 0x99 } else { 0x1234 }, "{jump:x?}");
    }
}

#[test]
fn a_part_of_a_function_is_unwound_with_what_it_continues() {
    // `mov [rsp+8],rdi` done at 5, then all of the function it is a part of.
    let part = [
        0x21, 5, 2, 0, 5, 0x74, 1, 0, 0, 0x10, 0, 0, 0, 0x11, 0, 0, 0, 0x40, 0, 0,
    ];
    let sample = pushing().function(0x1200, 0x1280, &part);
    let stack = [0, 0xd1, 0, 0, 0x51, 0xb8, 0x1234];
    let caller = caller_of(
        sample,
        &stack,
        &registers(BASE + 0x1210),
        &["rdi", "rsi", "rbx"],
    )
    .unwrap();
    assert_eq!(caller, [0x1234, STACK + 0x38, 0xd1, 0x51, 0xb8]);
}

#[test]
fn a_frame_register_tells_where_the_stack_was() {
    // `push rbp; sub rsp,40h; lea rbp,[rsp+20h]`, saves `r12` far and a vector register; then room of unknown size.
    let unwind = [
        0x01, 0x20, 9, 0x25, 0x1c, 0x68, 0, 0, 0x18, 0xc5, 0x18, 0, 0, 0, 0x10, 0x03, 8, 0x01, 8,
        0, 2, 0x50,
    ];
    let sample = Sample::default().function(0x1000, 0x1100, &unwind);
    let mut stack = [0; 28];
    stack[16 + 3] = 0xc12;
    stack[16 + 8] = 0xb0;
    stack[16 + 9] = 0x1234;
    let mut registers = registers(BASE + 0x1050);
    registers.set("rbp", STACK + 128 + 0x20);
    let caller = caller_of(sample, &stack, &registers, &["rbp", "r12"]).unwrap();
    assert_eq!(caller, [0x1234, STACK + 128 + 0x50, 0xb0, 0xc12]);
}

#[test]
fn large_stacks_and_epilogue_codes_are_understood() {
    let near = [0x01, 7, 2, 0, 7, 0x01, 0x03, 0];
    let far = [0x01, 7, 3, 0, 7, 0x11, 0x18, 0, 0, 0, 0, 0];
    let second_version = [0x02, 7, 5, 0, 1, 0x16, 5, 0x06, 9, 0x06, 0, 0, 7, 0x22];
    for unwind in [near.as_slice(), &far, &second_version] {
        let sample = Sample::default().function(0x1000, 0x1100, unwind);
        let caller = caller_of(sample, &[0, 0, 0, 0x1234], &registers(BASE + 0x1050), &[]).unwrap();
        assert_eq!(caller, [0x1234, STACK + 32], "{unwind:x?}");
    }
}

#[test]
fn a_machine_frame_leads_to_what_was_interrupted() {
    for (error_code, extra) in [(0x1a, 1), (0x0a, 0)] {
        let sample = Sample::default().function(0x1000, 0x1100, &[0x01, 0, 1, 0, 0, error_code]);
        let mut stack = vec![0xeeee; extra];
        stack.extend([BASE + 0x1802, 0x10, 0x246, STACK + 0x100, 0x18]);
        let caller = caller_of(
            sample,
            &stack,
            &registers(BASE + 0x1050),
            &["cs", "efl", "ss"],
        )
        .unwrap();
        assert_eq!(caller, [BASE + 0x1802, STACK + 0x100, 0x10, 0x246, 0x18]);
    }
}

#[test]
fn a_stack_is_walked_to_its_bottom_and_shown() {
    let memory = pushing().at(BASE).with(
        STACK,
        words(&[BASE + 0x1050, 1, 2, 3, 4, 0x51, 0xb8, 0, 0xa1, 0xa2, 0xa3]),
    );
    let modules = modules();
    let stack = walk(&memory, &modules, &registers(BASE + 0x1800), 20).unwrap();
    assert_eq!(stack.end, End::Bottom);
    let names = Names::new(&modules);
    assert_eq!(
        listing(&stack, Machine::Amd64, &names, Columns::Plain),
        [
            " # Child-SP          RetAddr               Call Site",
            "00 fffff801`2ee0b000 fffff801`2a001050     drv+0x1800",
            "01 fffff801`2ee0b008 00000000`00000000     drv+0x1050",
        ]
    );
    let lines = listing(&stack, Machine::Amd64, &names, Columns::Arguments);
    assert_eq!(
        lines[0],
        format!(
            " # Child-SP          RetAddr               : Args to Child{} : Call Site",
            " ".repeat(58)
        )
    );
    assert_eq!(
        lines[2],
        "01 fffff801`2ee0b008 00000000`00000000     : 00000000`000000a1 00000000`000000a2 00000000`000000a3 \
         ????????`???????? : drv+0x1050"
    );
    let one = walk(&memory, &modules, &registers(BASE + 0x1800), 1).unwrap();
    assert_eq!(
        (one.frames.as_slice(), one.end),
        (&stack.frames[..1], End::Limit)
    );
}

#[test]
fn a_stack_that_cannot_be_followed_says_why() {
    let memory = pushing().at(BASE).with(STACK, words(&[0x7ff8_0000_1234]));
    let modules = modules();
    let stack = walk(&memory, &modules, &registers(BASE + 0x1800), 20).unwrap();
    assert_eq!(stack.frames.len(), 2);
    let lines = listing(
        &stack,
        Machine::Amd64,
        &Names::new(&modules),
        Columns::Plain,
    );
    assert!(lines[2].ends_with(" 0x00007ff8`00001234"), "{lines:?}");
    assert_eq!(
        lines[3],
        "The stack ends here: nothing is known of how to unwind the caller."
    );
    let stack = walk(&memory, &modules, &registers(BASE + 0x1050), 20).unwrap();
    assert_eq!(stack.end, End::Unreadable(STACK + 0x20));
}

#[test]
fn rings_of_frames_and_of_parts_end() {
    let ring = [0x21, 0, 0, 0, 0, 0x10, 0, 0, 0, 0x11, 0, 0, 0, 0x40, 0, 0];
    let memory = Sample::default().function(0x1000, 0x1100, &ring).at(BASE);
    let stack = walk(&memory, &modules(), &registers(BASE + 0x1050), 20).unwrap();
    assert_eq!(
        stack.end,
        End::Broken("a chain of unwind information that is too long")
    );
    let memory = Sample::default()
        .function(0x1000, 0x1100, &[0x01, 0, 1, 0, 0, 0x0a])
        .at(BASE)
        .with(STACK, words(&[BASE + 0x1050, 0x10, 0x246, STACK, 0x18]));
    let stack = walk(&memory, &modules(), &registers(BASE + 0x1050), FRAMES_MAX).unwrap();
    assert_eq!(stack.end, End::Broken("too many machine frames"));
}

/// Memory nobody has fetched yet.
struct Unknown;

impl Memory for Unknown {
    fn read(&self, address: u64, into: &mut [u8]) -> Result<(), Fault> {
        Err(Fault::Missing {
            address,
            bytes: into.len(),
        })
    }
}

#[test]
fn what_has_not_been_fetched_is_asked_for() {
    let asked = walk(&Unknown, &modules(), &registers(BASE + 0x1800), 20);
    assert!(
        matches!(asked, Err(Fault::Missing { address: BASE, .. })),
        "{asked:?}"
    );
    for machine in [Machine::X86, Machine::Arm64, Machine::Amd64] {
        let mut registers = Registers::new(machine);
        registers.set("lr", 8);
        assert!(
            walk(&Unknown, &Modules::default(), &registers, 20).is_err(),
            "{machine:?}"
        );
    }
}

const HIGH: u64 = 0xffff_ffff_0000_0000;

/// A stack of x86 code: two frames with frame pointers at 0x10 and 0x20.
fn x86_memory(code: &[u8]) -> Image {
    let words = [
        0x11,
        0x22,
        0x33,
        0x44,
        0x8000_5020,
        0x8000_1111,
        0xa1,
        0xa2,
        0,
        0,
        0xa3,
    ];
    let bytes: Vec<u8> = words.into_iter().flat_map(u32::to_le_bytes).collect();
    Image::new(HIGH + 0x8000_5000, bytes).with(HIGH + 0x8000_1000, code)
}

fn x86_registers(esp: u64) -> Registers {
    let mut registers = Registers::new(Machine::X86);
    registers.set("eip", 0x8000_1001);
    registers.set("esp", esp);
    registers.set("ebp", 0x8000_5010);
    registers
}

#[test]
fn x86_stacks_are_chains_of_frame_pointers() {
    let memory = x86_memory(&[0x90, 0x90, 0x90, 0x90]);
    let modules = Modules::default();
    let stack = walk(&memory, &modules, &x86_registers(0x8000_5000), 20).unwrap();
    assert_eq!(stack.end, End::Bottom);
    let names = Names::new(&modules);
    assert_eq!(
        listing(&stack, Machine::X86, &names, Columns::Arguments),
        [
            " # ChildEBP RetAddr  Args to Child",
            "00 80005010 80001111 000000a1 000000a2 00000000 0x80001001",
            "01 80005020 00000000 000000a3 ???????? ???????? 0x80001111",
        ]
    );
}

#[test]
fn x86_functions_that_have_no_frame_yet_are_seen() {
    for (code, esp, instruction, stack) in [
        ([0x90, 0x55, 0x8b, 0xec], 0x8000_5004, 0x22, 0x8000_5008),
        (
            [0x55, 0x8b, 0xec, 0x90],
            0x8000_500c,
            0x8000_5020,
            0x8000_5014,
        ),
        ([0x90, 0xcc, 0xc2, 0x04], 0x8000_5004, 0x22, 0x8000_5008),
    ] {
        let memory = x86_memory(&code);
        let caller = caller(&memory, &Modules::default(), &x86_registers(esp)).unwrap();
        let shown = caller.map(|caller| (caller.get("eip").unwrap(), caller.get("esp").unwrap()));
        if code[0] == 0x55 {
            // Its saved frame pointer is below its frame: nothing to follow.
            let memory = Image::new(HIGH + 0x8000_1000, code)
                .with(HIGH + 0x8000_500c, [0x20, 0x50, 0, 0x80, 0x77, 0, 0, 0]);
            let caller = super::caller(&memory, &Modules::default(), &x86_registers(esp))
                .unwrap()
                .unwrap();
            assert_eq!(
                (caller.get("eip"), caller.get("ebp")),
                (Some(0x77), Some(0x8000_5020))
            );
        } else {
            assert_eq!(shown, Some((instruction, stack)), "{code:x?}");
        }
    }
}

#[test]
fn arm_stacks_are_chains_of_frame_records() {
    let record = [STACK + 0x20, BASE | 0x1050, 0, 0, 0, 0];
    let breaks = [0xd43e_0000_u32, 0xd65f_03c0]
        .map(u32::to_le_bytes)
        .concat();
    let memory = Image::new(STACK, words(&record))
        .with(BASE, breaks)
        .with(BASE + 0x100, [0; 64]);
    let mut registers = Registers::new(Machine::Arm64);
    for (name, value) in [
        ("pc", BASE),
        ("sp", STACK - 32),
        ("fp", STACK),
        ("lr", 0x00f5_f801_2a00_1008),
    ] {
        registers.set(name, value);
    }
    let instructions = |registers: &Registers| -> Vec<u64> {
        let stack = walk(&memory, &Modules::default(), registers, 20).unwrap();
        assert_eq!(stack.end, End::Bottom);
        stack.frames.iter().map(|frame| frame.instruction).collect()
    };
    // The link register is signed.
    assert_eq!(
        instructions(&registers),
        [BASE, BASE + 0x1008, BASE | 0x1050]
    );
    registers.set("pc", BASE + 0x100);
    assert_eq!(instructions(&registers), [BASE + 0x100, BASE | 0x1050]);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn hostile_images_and_stacks_end(
        unwind in prop::collection::vec(any::<u8>(), 4..64),
        code in prop::collection::vec(any::<u8>(), 0..64),
        stack in prop::collection::vec(prop_oneof![any::<u64>(), 0_u64..0x200, BASE + 0x1000..BASE + 0x1200, STACK..STACK + 0x400], 0..128),
        at in 0_u64..0x200,
        versioned in any::<bool>(),
    ) {
        let mut unwind = unwind;
        if versioned {
            unwind[0] = unwind[0] & 0xf8 | 1;
        }
        let memory = Sample::default()
            .function(0x1000, 0x1100, &unwind)
            .function(0x1100, 0x1200, &PUSHES)
            .code(0x1000, &code)
            .at(BASE)
            .with(STACK, words(&stack));
        for machine in [Machine::Amd64, Machine::X86, Machine::Arm64] {
            let mut registers = Registers::new(machine);
            for (name, value) in [("rip", BASE + 0x1000 + at), ("rsp", STACK), ("rbp", STACK + at), ("pc", BASE + 0x1000), ("sp", STACK), ("fp", STACK + at)] {
                registers.set(name, value);
            }
            let walked = walk(&memory, &modules(), &registers, FRAMES_MAX).unwrap();
            prop_assert!(walked.frames.len() <= FRAMES_MAX);
            caller(&memory, &modules(), &registers).unwrap();
        }
    }
}
