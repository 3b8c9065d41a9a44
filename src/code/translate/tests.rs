use proptest::prelude::*;

use super::*;
use crate::code::memory::Image;

/// Physical memory with entries of 64 bits.
fn tables(entries: &[(u64, u64)]) -> Image {
    entries
        .iter()
        .fold(Image::default(), |memory, (at, value)| {
            memory.with(*at, value.to_le_bytes())
        })
}

const KERNEL: u64 = 0xffff_f801_2a6a_1230;

/// The way to [`KERNEL`] down to the PDE at 0x3a98, which is the caller's.
fn long(pde: u64) -> Image {
    tables(&[
        (0x1f80, 0x2063),
        (0x2020, 0x3063),
        (0x3a98, pde),
        (0x4508, 0x8000_0000_0bcd_e121),
    ])
}

#[test]
fn control_registers_say_how_a_processor_translates() {
    assert_eq!(Paging::of(0, false), Paging::X86);
    assert_eq!(Paging::of(1 << 5 | 1 << 12, false), Paging::Pae);
    assert_eq!(Paging::of(1 << 5, true), Paging::Long);
    assert_eq!(Paging::of(1 << 5 | 1 << 12, true), Paging::Long5);
}

#[test]
fn four_levels_lead_to_a_page() {
    let found = translate(&long(0x4063), Paging::Long, 0x8000_0000_0000_1002, KERNEL).unwrap();
    assert_eq!(
        (found.physical, found.page_bytes),
        (Some(0x0bcd_e230), 0x1000)
    );
    assert_eq!(found.entries.len(), 4);
    assert_eq!(
        pte(&found, Paging::Long, Some(0xffff_f680_0000_0000)),
        [
            "                                           VA fffff8012a6a1230",
            "PXE at FFFFF6FB7DBEDF80    PPE at FFFFF6FB7DBF0020    PDE at FFFFF6FB7E004A98    PTE at FFFFF6FC00953508",
            "contains 0000000000002063  contains 0000000000003063  contains 0000000000004063  contains 800000000BCDE121",
            "pfn 2         ---DA--KWEV  pfn 3         ---DA--KWEV  pfn 4         ---DA--KWEV  pfn bcde      -G--A--KR-V",
        ]
    );
    assert_eq!(
        vtop(&found, 0x1000),
        [
            "Amd64VtoP: Virt fffff8012a6a1230, pagedir 0000000000001000",
            "Amd64VtoP: PXE 0000000000001f80 contains 2063",
            "Amd64VtoP: PPE 0000000000002020 contains 3063",
            "Amd64VtoP: PDE 0000000000003a98 contains 4063",
            "Amd64VtoP: PTE 0000000000004508 contains 800000000bcde121",
            "Amd64VtoP: Mapped phys 000000000bcde230",
            "Virtual address fffff8012a6a1230 translates to physical address bcde230.",
        ]
    );
}

#[test]
fn a_large_page_ends_the_way() {
    let found = translate(&long(0x0a00_0000_0520_11a1), Paging::Long, 0x1000, KERNEL).unwrap();
    assert_eq!(
        (found.physical, found.page_bytes),
        (Some(0x052a_1230), 0x20_0000)
    );
    let lines = pte(&found, Paging::Long, None);
    assert!(lines[1].ends_with("PDE at 0000000000003A98"), "{lines:?}");
    assert!(
        lines[3].ends_with("pfn 5201      -GL-A--KREV  LARGE PAGE pfn 52a1"),
        "{lines:?}"
    );
}

#[test]
fn what_is_not_present_has_no_physical_address() {
    let found = translate(&long(0), Paging::Long, 0x1000, KERNEL).unwrap();
    assert_eq!(
        (found.physical, found.page_bytes, found.entries.len()),
        (None, 0, 3)
    );
    assert!(pte(&found, Paging::Long, None)[3].ends_with("not valid"));
    assert_eq!(
        vtop(&found, 0x1000).last().unwrap(),
        "Virtual address fffff8012a6a1230 is not present."
    );
}

#[test]
fn an_address_with_wrong_upper_bits_is_not_translated() {
    let found = translate(
        &Image::default(),
        Paging::Long,
        0x1000,
        0x1234_5678_9abc_def0,
    )
    .unwrap();
    assert_eq!((found.physical, found.entries.len()), (None, 0));
    assert_eq!(pte(&found, Paging::Long, None).len(), 2);
    // With five levels it would be one.
    let address = 0x00ff_1234_5678_9abc;
    assert!(translate(&Image::default(), Paging::Long5, 0x1000, address).is_err());
}

#[test]
fn five_levels_lead_to_a_page_of_a_gigabyte() {
    let memory = tables(&[(0x1ff8, 0x2063), (0x2f80, 0x3063), (0x3020, 0x4000_00e3)]);
    let found = translate(&memory, Paging::Long5, 0x1000, KERNEL).unwrap();
    assert_eq!(
        (found.physical, found.page_bytes),
        (Some(0x4000_0000 | 0x2a6a_1230), 1 << 30)
    );
}

#[test]
fn two_levels_and_their_large_pages() {
    let words = |at: u64, value: u32| Image::new(at, value.to_le_bytes());
    let memory = words(0x3_9800, 0x0003_b163).with(0x3_b550, 0x0015_4121_u32.to_le_bytes());
    let found = translate(&memory, Paging::X86, 0x3_9000, 0xffff_ffff_8015_44f4).unwrap();
    assert_eq!(
        (found.physical, found.page_bytes),
        (Some(0x0015_44f4), 0x1000)
    );
    assert_eq!(
        pte(&found, Paging::X86, Some(0xc000_0000)),
        [
            "                                           VA 801544f4",
            "PDE at C0300800        PTE at C0200550",
            "contains 0003B163      contains 00154121",
            "pfn 3b        -G-DA--KWEV  pfn 154       -G--A--KREV",
        ]
        .map(|line| line
            .replace("        PTE at", "    PTE at")
            .replace("      contains", "  contains"))
    );
    assert_eq!(
        vtop(&found, 0x3_9000)[0],
        "X86VtoP: Virt 801544f4, pagedir 00039000"
    );
    let large = translate(
        &words(0x3_9800, 0x8040_21e3),
        Paging::X86,
        0x3_9000,
        0x8015_44f4,
    )
    .unwrap();
    assert_eq!(
        (large.physical, large.page_bytes),
        (Some(0x1_8055_44f4), 0x40_0000)
    );
}

#[test]
fn three_levels_begin_at_a_table_of_four() {
    let memory = tables(&[
        (0x1030, 0x2001),
        (0x2000, 0x3063),
        (0x3aa0, 0x8000_0009_8765_4163),
    ]);
    let found = translate(&memory, Paging::Pae, 0x1020, 0x8015_44f4).unwrap();
    assert_eq!(found.physical, Some(0x9_8765_44f4));
    let lines = pte(&found, Paging::Pae, Some(0xc000_0000));
    assert!(
        lines[1].contains("PDE at C0602000") && lines[1].contains("PTE at C0400AA0"),
        "{lines:?}"
    );
    assert!(lines[3].ends_with("-G-DA--KW-V"), "{lines:?}");
    assert!(vtop(&found, 0x1020)[0].starts_with("X86PaeVtoP: Virt 801544f4"));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn tables_of_any_content_are_read(values in prop::collection::vec(any::<u64>(), 512), root in any::<u64>(), address in any::<u64>()) {
        let bytes: Vec<u8> = values.into_iter().flat_map(u64::to_le_bytes).collect();
        for paging in [Paging::X86, Paging::Pae, Paging::Long, Paging::Long5] {
            let memory = Image::new(paging.root(root) & !0xfff, bytes.clone());
            let address = ((address << 16).cast_signed() >> 16).cast_unsigned();
            if let Ok(found) = translate(&memory, paging, root, address) {
                pte(&found, paging, Some(address));
                vtop(&found, root);
            }
        }
    }
}
