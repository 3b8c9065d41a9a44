//! Dumps of small pieces of memory.

use super::*;
use crate::code::memory::{Cache, Image};
use crate::code::modules::{Module, Modules, Naming};
use proptest::prelude::*;

const BASE: u64 = 0xffff_f801_2a00_0000;

const HEADER: [u8; 32] = [
    0x4d, 0x5a, 0x90, 0, 3, 0, 0, 0, 4, 0, 0, 0, 0xff, 0xff, 0, 0, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0x40,
    0, 0, 0, 0, 0, 0, 0,
];

fn dump(
    command: &str,
    machine: Machine,
    memory: &Image,
    address: u64,
    count: Option<u64>,
) -> (Vec<String>, u64) {
    let mut modules = Modules::default();
    modules.insert(Module::new("mydrv.sys", BASE, 0x1000));
    modules.set_naming(BASE, Naming::Nothing);
    let format = Format::of(command).unwrap();
    let items = count.unwrap_or_else(|| format.default_count(machine));
    lines(
        format,
        machine,
        memory,
        &Names::new(&modules),
        address,
        items,
        count.is_some(),
    )
    .unwrap()
}

fn header(command: &str, count: u64) -> Vec<String> {
    dump(
        command,
        Machine::Amd64,
        &Image::new(BASE, HEADER),
        BASE,
        Some(count),
    )
    .0
}

#[test]
fn bytes_stand_sixteen_in_a_line_with_their_characters() {
    assert_eq!(
        header("db", 0x20),
        [
            "fffff801`2a000000  4d 5a 90 00 03 00 00 00-04 00 00 00 ff ff 00 00  MZ..............",
            "fffff801`2a000010  b8 00 00 00 00 00 00 00-40 00 00 00 00 00 00 00  ........@.......",
        ]
    );
}

#[test]
fn a_short_line_keeps_its_text_column() {
    let nothing = Image::default();
    let (shown, next) = dump("db", Machine::Amd64, &nothing, 0x10, Some(8));
    assert_eq!(
        shown,
        ["00000000`00000010  ?? ?? ?? ?? ?? ?? ?? ??                          ????????"]
    );
    assert_eq!(next, 0x18);
}

#[test]
fn words_of_all_sizes_have_their_columns() {
    assert_eq!(
        header("dw", 8),
        ["fffff801`2a000000  5a4d 0090 0003 0000 0004 0000 ffff 0000"]
    );
    assert_eq!(
        header("dW", 2),
        ["fffff801`2a000000  5a4d 0090                                MZ.."]
    );
    assert_eq!(
        header("dd", 4),
        ["fffff801`2a000000  00905a4d 00000003 00000004 0000ffff"]
    );
    assert_eq!(
        header("dc", 4),
        ["fffff801`2a000000  00905a4d 00000003 00000004 0000ffff  MZ.............."]
    );
    assert_eq!(
        header("dq", 2),
        ["fffff801`2a000000  00000003`00905a4d 0000ffff`00000004"]
    );
    assert_eq!(header("dp", 2), header("dq", 2));
    let narrow = Image::new(0xffff_ffff_8040_0000, HEADER);
    assert_eq!(
        dump("dp", Machine::X86, &narrow, 0x8040_0000, Some(4)).0,
        ["80400000  00905a4d 00000003 00000004 0000ffff"]
    );
    assert_eq!(
        dump("dq", Machine::X86, &narrow, 0x8040_0000, Some(1)).0,
        ["80400000  00000003`00905a4d"]
    );
}

#[test]
fn an_item_that_is_not_all_there_is_question_marks() {
    let memory = Image::new(0x1000, [1, 0, 0, 0, 2]);
    assert_eq!(
        dump("dd", Machine::Amd64, &memory, 0x1000, Some(2)).0,
        ["00000000`00001000  00000001 ????????"]
    );
    assert_eq!(
        dump("dq", Machine::Amd64, &memory, 0x1000, Some(1)).0,
        ["00000000`00001000  ????????`????????"]
    );
}

#[test]
fn pointers_have_their_names() {
    let mut stack = (BASE + 0x1a2).to_le_bytes().to_vec();
    stack.extend([0; 8]);
    let memory = Image::new(0xffff_f801_2ee0_b9e8, stack);
    let (shown, next) = dump(
        "dps",
        Machine::Amd64,
        &memory,
        0xffff_f801_2ee0_b9e8,
        Some(2),
    );
    assert_eq!(
        shown,
        [
            "fffff801`2ee0b9e8  fffff801`2a0001a2 mydrv+0x1a2",
            "fffff801`2ee0b9f0  00000000`00000000",
        ]
    );
    assert_eq!(next, 0xffff_f801_2ee0_b9f8);
}

#[test]
fn a_text_ends_at_its_nul_unless_a_count_was_given() {
    let memory = Image::new(0x1000, *b"PsLoaded\0List\x07");
    let at_nul = dump("da", Machine::Amd64, &memory, 0x1000, None);
    assert_eq!(
        at_nul,
        (vec!["00000000`00001000  \"PsLoaded\"".to_owned()], 0x1009)
    );
    let counted = dump("da", Machine::Amd64, &memory, 0x1000, Some(14));
    assert_eq!(
        counted,
        (
            vec!["00000000`00001000  \"PsLoaded.List.\"".to_owned()],
            0x100e
        )
    );
    let broken = dump("da", Machine::Amd64, &memory, 0x1009, None);
    assert_eq!(broken.0, ["00000000`00001009  \"List.?\""]);
    let long = Image::new(0x1000, [[b'a'; 48].as_slice(), &[0]].concat());
    assert_eq!(dump("da", Machine::Amd64, &long, 0x1000, None).0.len(), 1);
    let wide: Vec<u8> = "Kérnel\u{202e}\0"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let wide = Image::new(0x1000, wide);
    assert_eq!(
        dump("du", Machine::Amd64, &wide, 0x1000, None).0,
        ["00000000`00001000  \"K.rnel.\""]
    );
}

#[test]
fn numbers_with_a_point_and_bits_have_their_columns() {
    let mut bytes = 1.5_f32.to_le_bytes().to_vec();
    bytes.extend((-2.0_f32).to_le_bytes());
    bytes.extend(0.1_f64.to_le_bytes());
    let memory = Image::new(0x1000, bytes);
    assert_eq!(
        dump("df", Machine::X86, &memory, 0x1000, Some(2)).0,
        ["00001000               1.5               -2"]
    );
    assert_eq!(
        dump("dD", Machine::X86, &memory, 0x1008, Some(1)).0,
        ["00001008                       0.1"]
    );
    assert_eq!(
        dump("dyb", Machine::X86, &memory, 0x1002, Some(2)).0,
        [
            "          76543210 76543210 76543210 76543210",
            "          -------- -------- -------- --------",
            "00001002  11000000 00111111                    c0 3f",
        ]
    );
    assert_eq!(
        dump("dyd", Machine::X86, &memory, 0x1000, Some(1)).0,
        [
            "           3          2          1          0",
            "          10987654 32109876 54321098 76543210",
            "          -------- -------- -------- --------",
            "00001000  00111111 11000000 00000000 00000000  3fc00000",
        ]
    );
}

#[test]
fn case_matters_only_where_it_means_something() {
    let formats = [
        ("DB", Some(Format::Bytes)),
        ("dd", Some(Format::Dwords)),
        ("dD", Some(Format::Doubles)),
        ("dw", Some(Format::Words)),
        ("dW", Some(Format::WordsText)),
        ("dyd", Some(Format::BitsOfDwords)),
        ("dqs", Some(Format::QwordSymbols)),
        ("d", None),
        ("dt", None),
        ("xb", None),
    ];
    for (command, format) in formats {
        assert_eq!(Format::of(command), format, "{command}");
    }
    let count = |command: &str, machine| Format::of(command).unwrap().default_count(machine);
    assert_eq!(count("db", Machine::Amd64), 128);
    assert_eq!(
        (count("dp", Machine::Amd64), count("dp", Machine::X86)),
        (16, 32)
    );
    assert_eq!(
        (count("df", Machine::Amd64), count("dD", Machine::Amd64)),
        (16, 15)
    );
    assert_eq!(
        (count("dw", Machine::Amd64), count("dq", Machine::Amd64)),
        (64, 16)
    );
}

#[test]
fn a_hit_is_one_line_from_the_hit_on() {
    let memory = Image::new(BASE, HEADER);
    let line = |format| hit(format, Machine::Amd64, &memory, BASE + 0x10).unwrap();
    assert_eq!(
        line(Format::Bytes),
        "fffff801`2a000010  b8 00 00 00 00 00 00 00-40 00 00 00 00 00 00 00  ........@......."
    );
    assert_eq!(
        line(Format::Dwords),
        "fffff801`2a000010  000000b8 00000000 00000040 00000000"
    );
    assert_eq!(line(Format::Ascii), "fffff801`2a000010  \".\"");
}

#[test]
fn a_list_ends_where_it_closes() {
    let entry = |next: u64| [next.to_le_bytes(), 7_u64.to_le_bytes(), 8_u64.to_le_bytes()].concat();
    let memory = Image::new(0x1000, entry(0x2000)).with(0x2000, entry(0x1000));
    assert_eq!(
        listed(Machine::Amd64, &memory, 0x1000, 10, 3).unwrap(),
        [
            "00000000`00001000  00000000`00002000 00000000`00000007",
            "00000000`00001010  00000000`00000008",
            "00000000`00002000  00000000`00001000 00000000`00000007",
            "00000000`00002010  00000000`00000008",
        ]
    );
    assert_eq!(
        listed(Machine::Amd64, &memory, 0x3000, 10, 1).unwrap(),
        ["00000000`00003000  ????????`????????"]
    );
}

#[test]
fn what_is_missing_is_asked_for_and_too_much_is_said_to_be() {
    let modules = Modules::default();
    let names = Names::new(&modules);
    let missing = lines(
        Format::Bytes,
        Machine::Amd64,
        &Cache::new(16),
        &names,
        0x1000,
        8,
        true,
    );
    assert!(matches!(missing, Err(Fault::Missing { .. })));
    let (shown, _) = dump("dps", Machine::Amd64, &Image::default(), 0, Some(u64::MAX));
    assert_eq!(shown.len(), LINES_MAX + 1);
    assert_eq!(
        shown.last().unwrap(),
        "(16384 lines are the most one command shows)"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn no_memory_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80), at: u64, count in 0..100_u64) {
        let memory = Image::new(at, bytes);
        for machine in [Machine::X86, Machine::Amd64] {
            for command in ["da", "du", "db", "dw", "dW", "dd", "dc", "dq", "dp", "df", "dD", "dyb", "dyd", "dds", "dps", "dqs"] {
                let (_, next) = dump(command, machine, &memory, at, Some(count));
                let bytes = count * Format::of(command).unwrap().item_bytes(machine);
                prop_assert_eq!(next, machine.canonical(at.wrapping_add(bytes)));
                dump(command, machine, &memory, at, None);
            }
            listed(machine, &memory, at, 5, 3).unwrap();
        }
    }
}
