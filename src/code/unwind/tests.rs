//! Stacks of small machines, built by hand.

use proptest::prelude::*;

use super::*;
use crate::code::memory::Image;
use crate::code::modules::Module;
use crate::code::pe::sample::Sample;

const BASE: u64 = 0xffff_f801_2a00_0000;
const STACK: u64 = 0xffff_f801_2ee0_b000;

/// A machine with one image, and a stack of the given words.
fn machine(sample: Sample, stack: &[u64]) -> (Image, Modules) {
    let words: Vec<u8> = stack.iter().flat_map(|word| word.to_le_bytes()).collect();
    let mut modules = Modules::default();
    modules.insert(Module::new("ntoskrnl.exe", BASE, 0x7000));
    (sample.at(BASE).with(STACK, words), modules)
}

fn at(offset: u64) -> Registers {
    let mut registers = Registers::new(Machine::Amd64);
    registers.set("rip", BASE + offset);
    registers.set("rsp", STACK);
    registers
}

/// The registers after one step.
fn one(sample: Sample, stack: &[u64], registers: &Registers) -> Registers {
    let (memory, modules) = machine(sample, stack);
    caller(&memory, &modules, registers).unwrap().unwrap()
}

/// push rbx; sub rsp,20h
const PUSHES: [u8; 8] = [1, 5, 2, 0, 5, 0x32, 1, 0x30];

#[test]
fn a_leaf_returns_to_what_is_on_top_of_the_stack() {
    let caller = one(Sample::new(), &[BASE + 0x1234], &at(0x1000));
    assert_eq!(caller.instruction(), BASE + 0x1234);
    assert_eq!(caller.stack(), STACK + 8);
}

#[test]
fn pushed_registers_and_released_space_are_undone() {
    let sample = || Sample::new().function(0x1000, 0x1080, &PUSHES);
    let stack = [1, 2, 3, 4, 0xbb, BASE + 0x1234];
    let caller = one(sample(), &stack, &at(0x1020));
    assert_eq!(caller.instruction(), BASE + 0x1234);
    assert_eq!(caller.get("rbx"), Some(0xbb));
    assert_eq!(caller.stack(), STACK + 48);
    // In the prologue only what has been done is undone.
    let caller = one(sample(), &[0xbb, BASE + 0x1234], &at(0x1001));
    assert_eq!(
        (caller.instruction(), caller.get("rbx")),
        (BASE + 0x1234, Some(0xbb))
    );
    let caller = one(sample(), &[BASE + 0x1234], &at(0x1000));
    assert_eq!(
        (caller.instruction(), caller.get("rbx")),
        (BASE + 0x1234, Some(0))
    );
}

#[test]
fn a_half_done_epilogue_is_done_to_its_end() {
    // add rsp,20h; pop rbx; ret
    let sample = || {
        Sample::new()
            .function(0x1000, 0x1080, &PUSHES)
            .code(0x1040, &[0x48, 0x83, 0xc4, 0x20, 0x5b, 0xc3])
    };
    for (offset, stack) in [
        (0x1040, [1, 2, 3, 4, 0xbb, BASE + 0x1234].as_slice()),
        (0x1044, &[0xbb, BASE + 0x1234]),
        (0x1045, &[BASE + 0x1234]),
    ] {
        let caller = one(sample(), stack, &at(offset));
        assert_eq!(caller.instruction(), BASE + 0x1234, "{offset:#x}");
    }
}

#[test]
fn a_jump_inside_the_function_is_no_epilogue() {
    let inside = [0xeb, 0x10];
    let sample = Sample::new()
        .function(0x1000, 0x1080, &PUSHES)
        .code(0x1040, &inside);
    let caller = one(sample, &[1, 2, 3, 4, 0xbb, BASE + 0x1234], &at(0x1040));
    assert_eq!(caller.get("rbx"), Some(0xbb));
    let outside = [0xe9, 0, 1, 0, 0];
    let sample = Sample::new()
        .function(0x1000, 0x1080, &PUSHES)
        .code(0x1040, &outside);
    let caller = one(sample, &[BASE + 0x1234], &at(0x1040));
    assert_eq!(caller.instruction(), BASE + 0x1234);
}

#[test]
fn a_frame_register_finds_the_frame_whatever_the_stack_pointer_is() {
    // push rbp; sub rsp,80h; lea rbp,[rsp+20h]; saves rsi at frame+10h
    let unwind = [
        1, 16, 6, 0x25, 16, 0x64, 2, 0, 12, 0x03, 8, 0x01, 16, 0, 1, 0x50,
    ];
    let sample = Sample::new().function(0x1000, 0x1080, &unwind);
    let mut stack = [0; 20];
    stack[2] = 0x51;
    stack[16] = 0xb0;
    stack[17] = BASE + 0x1234;
    let mut registers = at(0x1040);
    registers.set("rbp", STACK + 0x20);
    registers.set("rsp", STACK - 0x100);
    let caller = one(sample, &stack, &registers);
    assert_eq!(caller.instruction(), BASE + 0x1234);
    assert_eq!(
        (caller.get("rbp"), caller.get("rsi")),
        (Some(0xb0), Some(0x51))
    );
    assert_eq!(caller.stack(), STACK + 18 * 8);
}

#[test]
fn a_large_frame_has_its_size_in_bytes() {
    // sub rsp,10_0008h
    let unwind = [1, 7, 3, 0, 7, 0x11, 0x08, 0x00, 0x10, 0x00];
    let (memory, modules) = machine(Sample::new().function(0x1000, 0x1080, &unwind), &[]);
    let memory = memory.with(STACK + 0x10_0008, (BASE + 0x1234).to_le_bytes());
    let caller = caller(&memory, &modules, &at(0x1040)).unwrap().unwrap();
    assert_eq!(caller.stack(), STACK + 0x10_0010);
}

#[test]
fn an_interrupted_function_goes_on_where_it_was() {
    // machine frame with an error code, after sub rsp,10h
    let unwind = [1, 4, 2, 0, 4, 0x12, 0, 0x1a];
    let sample = Sample::new().function(0x1000, 0x1080, &unwind);
    let stack = [1, 2, 0xe, BASE + 0x1500, 0x10, 0x246, STACK + 0x800, 0x18];
    let (memory, modules) = machine(sample, &stack);
    let memory = memory.with(STACK + 0x800, (BASE + 0x1600).to_le_bytes());
    let stack = walk(&memory, &modules, &at(0x1040), 2).unwrap();
    let shown: Vec<_> = stack
        .frames
        .iter()
        .map(|frame| (frame.instruction - BASE, frame.stack - STACK))
        .collect();
    assert_eq!(shown, [(0x1040, 0), (0x1500, 0x800)]);
    assert_eq!(stack.frames[1].return_address, BASE + 0x1600);
}

#[test]
fn chained_parts_undo_the_whole_function() {
    // sub rsp,10h in this part, then what the first part did
    let mut chained = vec![0x21, 4, 1, 0, 4, 0x12, 0, 0];
    chained.extend(
        [0x1000_u32, 0x1080, 0x4000]
            .iter()
            .flat_map(|field| field.to_le_bytes()),
    );
    let sample = Sample::new()
        .function(0x1000, 0x1080, &PUSHES)
        .function(0x1100, 0x1180, &chained);
    let caller = one(
        sample,
        &[9, 9, 1, 2, 3, 4, 0xbb, BASE + 0x1234],
        &at(0x1140),
    );
    assert_eq!(
        (caller.instruction(), caller.get("rbx")),
        (BASE + 0x1234, Some(0xbb))
    );
}

#[test]
fn unwind_information_chained_to_itself_ends() {
    let mut chained = vec![0x21, 4, 0, 0];
    chained.extend(
        [0x1000_u32, 0x1080, 0x4000]
            .iter()
            .flat_map(|field| field.to_le_bytes()),
    );
    let (memory, modules) = machine(Sample::new().function(0x1000, 0x1080, &chained), &[0; 4]);
    let stack = walk(&memory, &modules, &at(0x1040), 5).unwrap();
    assert!(matches!(stack.end, End::Broken(_)), "{:?}", stack.end);
}

#[test]
fn a_walk_ends_at_the_bottom_at_its_limit_or_where_memory_ends() {
    let sample = || Sample::new().function(0x1000, 0x1080, &PUSHES);
    let (memory, modules) = machine(
        sample(),
        &[1, 2, 3, 4, 5, BASE + 0x1030, 1, 2, 3, 4, 5, 0, 7, 8, 9, 10],
    );
    let stack = walk(&memory, &modules, &at(0x1020), 20).unwrap();
    assert_eq!((stack.frames.len(), stack.end), (2, End::Bottom));
    assert_eq!(
        stack.frames[1].arguments,
        [Some(7), Some(8), Some(9), Some(10)]
    );
    let names = Names::new(&modules);
    assert_eq!(
        listing(&stack, Machine::Amd64, &names, Columns::Plain),
        [
            " # Child-SP          RetAddr               Call Site",
            "00 fffff801`2ee0b000 fffff801`2a001030     nt+0x1020",
            "01 fffff801`2ee0b030 00000000`00000000     nt+0x1030"
        ]
    );
    assert_eq!(
        listing(&stack, Machine::Amd64, &names, Columns::Arguments)[2],
        "01 fffff801`2ee0b030 00000000`00000000     : 00000000`00000007 00000000`00000008 00000000`00000009 \
         00000000`0000000a : nt+0x1030"
    );
    assert_eq!(
        walk(&memory, &modules, &at(0x1020), 1).unwrap().end,
        End::Limit
    );
    let (memory, modules) = machine(sample(), &[1, 2, 3, 4, 5]);
    assert_eq!(
        walk(&memory, &modules, &at(0x1020), 9).unwrap().end,
        End::Unreadable(STACK + 40)
    );
}

#[test]
fn x86_frames_are_linked_and_checked() {
    let mut registers = Registers::new(Machine::X86);
    for (name, value) in [
        ("eip", 0x8040_1000),
        ("esp", 0x8090_0000),
        ("ebp", 0x8090_0008),
    ] {
        registers.set(name, value);
    }
    let high = 0xffff_ffff_0000_0000;
    let words = [
        0,
        0,
        0x8090_0020,
        0x8040_2000,
        1,
        2,
        3,
        4,
        0,
        0x8040_3000,
        5,
        6,
        7,
        8_u32,
    ];
    let words: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    let memory = Image::new(high + 0x8090_0000, words).with(high + 0x8040_1000, [0x90; 4]);
    let modules = Modules::default();
    let stack = walk(&memory, &modules, &registers, 9).unwrap();
    assert_eq!(stack.end, End::Bottom);
    assert_eq!(
        listing(
            &stack,
            Machine::X86,
            &Names::new(&modules),
            Columns::Arguments
        ),
        [
            " # ChildEBP RetAddr  Args to Child",
            "00 80900008 80402000 00000001 00000002 00000003 0x80401000",
            "01 80900020 80403000 00000005 00000006 00000007 0x80402000",
            "02 00000000 00000000 ???????? ???????? ???????? 0x80403000",
        ]
    );
    // At its first instruction a function has no frame yet.
    let memory = memory.with(high + 0x8040_5000, [0x8b, 0xff, 0x55, 0x8b]);
    registers.set("eip", 0x8040_5000);
    registers.set("esp", 0x8090_000c);
    let first = caller(&memory, &modules, &registers).unwrap().unwrap();
    assert_eq!(
        (first.instruction(), first.frame()),
        (high + 0x8040_2000, high + 0x8090_0008)
    );
}

#[test]
fn arm64_frames_are_linked_and_lose_their_signatures() {
    let mut registers = Registers::new(Machine::Arm64);
    for (name, value) in [
        ("pc", BASE),
        ("sp", STACK),
        ("fp", STACK + 0x10),
        ("lr", BASE + 0x99),
    ] {
        registers.set(name, value);
    }
    let words = [0, 0, STACK + 0x20, 0x1234_f801_2a00_2000 | 1 << 55, 0, 0];
    let (memory, modules) = machine(Sample::new(), &words);
    let stack = walk(&memory, &modules, &registers, 9).unwrap();
    let shown: Vec<_> = stack
        .frames
        .iter()
        .map(|frame| frame.return_address)
        .collect();
    assert_eq!(shown, [0xffff_f801_2a00_2000 | 1 << 55, 0]);
    assert_eq!(stack.end, End::Bottom);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_unwind_information_and_no_stack_panics_or_hangs(
        unwind in prop::collection::vec(any::<u8>(), 4..64),
        code in prop::collection::vec(any::<u8>(), 0x40),
        stack in prop::collection::vec(prop_oneof![any::<u64>(), BASE..BASE + 0x2000, STACK..STACK + 0x100], 0..40),
        offset in 0_u64..0x2000,
        kind in prop_oneof![Just(Machine::X86), Just(Machine::Amd64), Just(Machine::Arm64)],
        frame in any::<u64>(),
    ) {
        let sample = Sample::new().function(0x1000, 0x1f00, &unwind).code(0x1000, &code);
        let (memory, modules) = machine(sample, &stack);
        let mut registers = Registers::new(kind);
        for (name, value) in [("rip", BASE + offset), ("rsp", STACK), ("rbp", frame), ("eip", 0x1000), ("esp", frame & 0xffff_ffff), ("sp", STACK), ("fp", frame)] {
            registers.set(name, value);
        }
        let stack = walk(&memory, &modules, &registers, 50).unwrap();
        prop_assert!(stack.frames.len() <= 50);
    }
}
