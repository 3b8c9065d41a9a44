//! Images that are well, and images that lie.

use proptest::prelude::*;

use super::sample::Sample;
use super::*;
use crate::code::memory::{Cache, Image as Bytes};

const BASE: u64 = 0xffff_f801_2a00_0000;

fn sample() -> Sample {
    Sample::new()
        .exports(&[
            ("Alpha", Some(0x1000)),
            ("Beta", Some(0x1010)),
            ("Gamma", None),
        ])
        .function(0x1000, 0x1010, &[1, 0, 0, 0])
        .function(0x1010, 0x1080, &[1, 0, 0, 0])
        .function(0x1100, 0x1200, &[1, 0, 0, 0])
        .pdb("d:\\build\\sample.pdb")
        .version()
}

#[test]
fn headers_tell_what_the_image_is() {
    let memory = sample().at(BASE);
    let image = Image::read(&memory, BASE).unwrap();
    assert_eq!((image.machine, image.wide), (0x8664, true));
    assert_eq!((image.timestamp, image.checksum), (0x5f00_0001, 0xabcd));
    assert_eq!((image.bytes, image.entry), (0x7000, 0x1000));
    assert_eq!(image.section_of(0x1fff).unwrap().name, ".text");
    assert_eq!(image.section_of(0x3000), None);
}

#[test]
fn exports_have_names_numbers_and_goals() {
    let memory = sample().at(BASE);
    let exports = Image::read(&memory, BASE)
        .unwrap()
        .exports(&memory)
        .unwrap();
    assert_eq!(exports.image_name, "sample.sys");
    assert!(!exports.incomplete);
    let shown: Vec<_> = exports
        .exports
        .iter()
        .map(|export| (export.name.as_str(), export.ordinal, &export.goal))
        .collect();
    let forwarded = Goal::Forwarded("other.Delta".to_owned());
    assert_eq!(
        shown,
        [
            ("", 8, &Goal::Here(0x1f00)),
            ("Alpha", 5, &Goal::Here(0x1000)),
            ("Beta", 6, &Goal::Here(0x1010)),
            ("Gamma", 7, &forwarded),
        ]
    );
}

#[test]
fn the_function_of_an_address_is_found_and_a_leaf_has_none() {
    let memory = sample().at(BASE);
    let image = Image::read(&memory, BASE).unwrap();
    let start = |offset| {
        image
            .function(&memory, offset)
            .unwrap()
            .map(|function| function.start)
    };
    assert_eq!(start(0x1000), Some(0x1000));
    assert_eq!(start(0x107f), Some(0x1010));
    assert_eq!(start(0x1080), None);
    assert_eq!(start(0x11ff), Some(0x1100));
    assert_eq!(start(0x1200), None);
}

#[test]
fn the_debug_record_names_the_pdb() {
    let memory = sample().at(BASE);
    let pdb = Image::read(&memory, BASE)
        .unwrap()
        .pdb(&memory)
        .unwrap()
        .unwrap();
    assert_eq!(pdb.path, "d:\\build\\sample.pdb");
    assert_eq!(pdb.guid, "01020304-0506-0708-090A-0B0C0D0E0F10");
    assert_eq!(pdb.age, 3);
}

#[test]
fn the_version_resource_tells_the_file_version() {
    let memory = sample().at(BASE);
    let version = Image::read(&memory, BASE)
        .unwrap()
        .version(&memory)
        .unwrap()
        .unwrap();
    assert_eq!(version.to_string(), "10.0.19041.1");
}

#[test]
fn a_page_that_is_paged_out_costs_only_the_names_on_it() {
    let bytes = sample().bytes();
    let memory = Bytes::new(BASE, &bytes[..0x2901]).with(BASE + 0x3000, &bytes[0x3000..]);
    let exports = Image::read(&memory, BASE)
        .unwrap()
        .exports(&memory)
        .unwrap();
    assert!(exports.incomplete);
    assert!(exports.exports.iter().all(|export| export.name.is_empty()));
    assert_eq!(exports.exports.len(), 4);
}

#[test]
fn the_export_directory_is_asked_for_in_one_piece() {
    let bytes = sample().bytes();
    let mut cache = Cache::new(1);
    cache.insert(BASE, &bytes[..0x1000]);
    let fault = Image::read(&cache, BASE)
        .unwrap()
        .exports(&cache)
        .unwrap_err();
    let missing = Fault::Missing {
        address: BASE + 0x2000,
        bytes: 0x1000,
    };
    assert_eq!(fault, ImageError::Memory(missing));
}

#[test]
fn what_is_no_image_says_why() {
    let memory = Bytes::new(BASE, vec![0; 0x1000]);
    let error = Image::read(&memory, BASE).unwrap_err();
    assert_eq!(
        error.to_string(),
        "no image at 0xfffff8012a000000: no MZ at its beginning"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_hostile_image_neither_hangs_nor_panics(
        places in prop::collection::vec((prop_oneof![0_usize..0x400, 0x2000_usize..0x2400, 0x3000_usize..0x3040, 0x5000_usize..0x5020, 0x6000_usize..0x6070], any::<u8>()), 0..40),
        base in any::<u64>(),
    ) {
        let mut bytes = sample().bytes();
        for (place, byte) in places {
            bytes[place] = byte;
        }
        let memory = Bytes::new(base & !0xfff, bytes);
        if let Ok(image) = Image::read(&memory, base & !0xfff) {
            let _ = image.exports(&memory);
            let _ = image.pdb(&memory);
            let _ = image.version(&memory);
            for offset in [0, 0x1000, 0x1085, u32::MAX] {
                let _ = image.function(&memory, offset);
                let _ = image.section_of(offset);
            }
        }
    }
}
