//! Memory: shown, written, filled, searched, compared, to and from files.

use super::{Lab, address};

impl Lab {
    /// A stopped machine with free memory at `$t0`, and its address.
    fn with_room() -> (Self, u64) {
        let mut lab = Self::stopped();
        lab.done("r $t0=(@rsp-2000)&~0xf");
        let room = lab.value("@$t0");
        (lab, room)
    }
}

#[test]
fn memory_is_shown_in_every_format() {
    let (mut lab, room) = Lab::with_room();
    lab.done("eb @$t0 4d 5a 90 0 3 0 0 0 4 0 0 0 ff ff 0 0 b8");
    let (first, second) = (address(room), address(room + 16));
    assert_eq!(
        lab.done("db @$t0 L11"),
        format!(
            "{first}  4d 5a 90 00 03 00 00 00-04 00 00 00 ff ff 00 00  MZ..............\n\
             {second}  b8{}.",
            " ".repeat(47)
        )
    );
    for (line, shown) in [
        ("dw @$t0 L8", "5a4d 0090 0003 0000 0004 0000 ffff 0000"),
        ("dd @$t0 L4", "00905a4d 00000003 00000004 0000ffff"),
        ("dq @$t0 L2", "00000003`00905a4d 0000ffff`00000004"),
        ("dp @$t0 L2", "00000003`00905a4d 0000ffff`00000004"),
        (
            "dc @$t0 L4",
            "00905a4d 00000003 00000004 0000ffff  MZ..............",
        ),
    ] {
        assert_eq!(lab.done(line), format!("{first}  {shown}"), "{line}");
    }
    lab.done("ea @$t0 \"kdeck\"; eb @$t0+5 0");
    assert_eq!(lab.done("da @$t0"), format!("{first}  \"kdeck\""));
    lab.done("eu @$t0 \"wide\"; ew @$t0+8 0");
    assert_eq!(lab.done("du @$t0"), format!("{first}  \"wide\""));
    lab.done("eq @$t0 nt!KeBugCheckEx+5 0");
    let code = address(lab.value("nt!KeBugCheckEx+5"));
    assert_eq!(
        lab.done("dps @$t0 L2"),
        format!(
            "{first}  {code} nt!KeBugCheckEx+0x5\n{}  00000000`00000000",
            address(room + 8)
        )
    );
    assert_eq!(
        lab.done("db 10 L8"),
        format!(
            "00000000`00000010  ?? ?? ?? ?? ?? ?? ?? ??{}????????",
            " ".repeat(26)
        )
    );
    assert_eq!(lab.done("dd 10 L2"), "00000000`00000010  ???????? ????????");
    // Without an address it goes on; without a length it has its own.
    assert_eq!(lab.done("db nt").lines().count(), 8);
    let next = lab.done("db");
    assert!(next.starts_with(&address(lab.value("nt+80"))), "{next}");
}

#[test]
fn memory_is_written_and_what_cannot_be_is_told() {
    let (mut lab, room) = Lab::with_room();
    for line in [
        "ed @$t0 12345678 9abcdef0",
        "ew @$t0+8 1122 3344",
        "eq @$t0+10 1",
    ] {
        assert_eq!(lab.done(line), "");
    }
    assert_eq!(lab.value("qwo(@$t0)"), 0x9abc_def0_1234_5678);
    assert_eq!(lab.value("poi(@$t0+8) & ffffffff"), 0x3344_1122);
    assert_eq!(
        lab.refused("eb 10 5"),
        "Memory access error at '00000000`00000010': it cannot be written"
    );
    assert!(lab.refused("eb @$t0").contains("wants values"));
    assert!(
        lab.refused("eb @$t0 zz")
            .contains("Couldn't resolve error at 'zz'")
    );
    assert_eq!(lab.refused("db zz"), "Couldn't resolve error at 'zz'");
    assert_eq!(lab.value("by(@$t0)"), 0x78, "{room:x}");
}

#[test]
fn ranges_are_filled_copied_compared_and_searched() {
    let (mut lab, room) = Lab::with_room();
    assert_eq!(lab.done("f @$t0 L1801 1 2 3"), "Filled 0x1801 bytes");
    assert_eq!(lab.value("dwo(@$t0+17fd)"), 0x0103_0201);
    assert_eq!(lab.done("m nt L100 @$t0"), "");
    assert_eq!(lab.done("c nt L100 @$t0"), "");
    lab.done("eb @$t0+1 ee");
    let nt = lab.value("nt");
    let differs = format!("{}  5a - {}  ee", address(nt + 1), address(room + 1));
    assert_eq!(lab.done("c nt L100 @$t0"), differs);

    lab.done("f @$t0 L100 0; ea @$t0+31 \"needle\"; eu @$t0+51 \"wide\"; ed @$t0+80 deadbeef");
    for (line, at) in [
        ("s -a @$t0 L100 \"needle\"", 0x31),
        ("s -u @$t0 L100 \"wide\"", 0x51),
        ("s -d @$t0 L100 deadbeef", 0x80),
        ("s @$t0 L100 6e 65 65", 0x31),
    ] {
        let found = lab.done(line);
        assert!(found.starts_with(&address(room + at)), "{line}: {found}");
        assert_eq!(found.lines().count(), 1, "{line}");
    }
    assert_eq!(lab.done("s -a @$t0 L100 \"nowhere\""), "");
    assert_eq!(lab.refused("f zz"), "Couldn't resolve error at 'zz'");
    assert!(lab.refused("s @$t0 L100").starts_with("Syntax error"));
    assert_eq!(
        lab.refused("f @$t0 L20000000 0"),
        "Range error at 'L20000000 0'"
    );
}

#[test]
fn physical_memory_is_seen_through_the_page_tables() {
    let mut lab = Lab::stopped();
    let shown = lab.done("!pte nt");
    let lines: Vec<&str> = shown.lines().collect();
    assert!(
        lines[0].ends_with(&format!("VA {:016x}", lab.value("nt"))),
        "{shown}"
    );
    assert!(
        lines[1].starts_with("PXE at ") && lines[1].contains("PTE at "),
        "{shown}"
    );
    assert!(lines[2].starts_with("contains "), "{shown}");
    let page = lines[3].rsplit_once("pfn ").expect("a frame").1;
    let page = u64::from_str_radix(page.split(' ').next().unwrap_or_default(), 16);
    let physical = page.expect("a number") << 12;
    let seen = lab.done(&format!("!db {physical:x} L8"));
    assert_eq!(
        seen,
        format!(
            "#{}  4d 5a 00 00 00 00 00 00{}MZ......",
            address(physical),
            " ".repeat(26)
        )
    );
    assert_eq!(lab.done("!dd 1000 L4").lines().count(), 1);
    let directory = lab.value("@cr3");
    let translated = lab.done(&format!("!vtop {directory:x} nt"));
    assert!(
        translated.contains(&format!("{physical:x}")),
        "{translated}"
    );
}

#[test]
fn memory_goes_to_a_file_and_back() {
    let (mut lab, _) = Lab::with_room();
    let file = lab.deck.home.path().join("a dump.bin");
    let name = file.display().to_string();
    let said = lab.done(&format!(".writemem \"{name}\" nt L2345"));
    assert!(
        said.starts_with(&format!("Wrote 0x2345 bytes to {name}, ")),
        "{said}"
    );
    assert!(said.ends_with("B/s"), "{said}");
    let written = std::fs::read(&file).expect("the file");
    assert_eq!((written.len(), &written[..2]), (0x2345, b"MZ".as_slice()));
    let said = lab.done(&format!(".readmem \"{name}\" @$t0-2000"));
    assert!(said.starts_with("Read 0x2345 bytes from "), "{said}");
    assert_eq!(lab.done("c nt L2345 @$t0-2000"), "");

    let refused = lab.refused(&format!(".writemem \"{name}\" 0 L10"));
    assert!(
        refused.starts_with("Memory access error at '00000000`00000000'"),
        "{refused}"
    );
    assert_eq!(
        std::fs::read(&file).expect("the file"),
        written,
        "the old one stays"
    );
    let refused = lab.refused(".writemem /nonexistent/x nt L10");
    assert!(
        refused.starts_with("cannot write /nonexistent/x: No such file"),
        "{refused}"
    );
    let refused = lab.refused(".readmem /nonexistent/x nt");
    assert!(
        refused.starts_with("cannot read /nonexistent/x: No such file"),
        "{refused}"
    );
    let refused = lab.refused(&format!(".readmem \"{name}\" @$t0 L3000"));
    assert!(refused.ends_with("nothing was written"), "{refused}");
    assert!(lab.refused(".writemem x").contains("FILE START Lcount"));
}
