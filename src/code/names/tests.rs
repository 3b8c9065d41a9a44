//! Names of a small kernel.

use super::*;
use crate::code::pe::sample::Sample;

const BASE: u64 = 0xffff_f801_2a00_0000;

/// Modules with a kernel that has a few exports, and a driver without any.
pub fn modules() -> Modules {
    let memory = Sample::new()
        .exports(&[
            ("KeBugCheck", Some(0x1040)),
            ("KeBugCheckEx", Some(0x1100)),
            ("NtCreateFile", Some(0x1230)),
            ("ZwAlias", Some(0x1230)),
        ])
        .at(BASE);
    let mut modules = Modules::default();
    modules.insert(Module::new(
        "\\SystemRoot\\system32\\ntoskrnl.exe",
        BASE,
        0x7000,
    ));
    modules.insert(Module::new("mydrv.sys", BASE + 0x1_0000, 0x1000));
    modules.set_naming(BASE, index(&memory, BASE).unwrap());
    modules.set_naming(BASE + 0x1_0000, Naming::Nothing);
    modules
}

fn near(names: &Names<'_>, offset: u64) -> Option<String> {
    names.near(BASE + offset).map(|near| near.to_string())
}

#[test]
fn an_address_is_called_after_the_export_below_it() {
    let modules = modules();
    let names = Names::new(&modules);
    assert_eq!(near(&names, 0x1102).as_deref(), Some("nt!KeBugCheckEx+0x2"));
    assert_eq!(near(&names, 0x1230).as_deref(), Some("nt!NtCreateFile"));
    assert_eq!(near(&names, 0x1000).as_deref(), Some("nt+0x1000"));
    assert_eq!(near(&names, 0x1_0010).as_deref(), Some("mydrv+0x10"));
    assert_eq!(near(&names, 0x8000), None);
    assert!(names.wanted().is_empty());
}

#[test]
fn a_name_has_an_address_in_any_case() {
    let modules = modules();
    let names = Names::new(&modules);
    assert_eq!(
        names.address_of(Some("NT"), "kebugcheckex"),
        Some(BASE + 0x1100)
    );
    assert_eq!(names.address_of(None, "KeBugCheck"), Some(BASE + 0x1040));
    assert_eq!(names.address_of(None, "nt"), Some(BASE));
    assert_eq!(names.address_of(None, "mydrv"), Some(BASE + 0x1_0000));
    assert_eq!(names.address_of(Some("mydrv"), "KeBugCheck"), None);
}

#[test]
fn modules_nobody_has_read_are_wanted() {
    let mut modules = modules();
    modules.set_naming(BASE + 0x1_0000, Naming::Deferred);
    let names = Names::new(&modules);
    assert_eq!(near(&names, 0x1102).as_deref(), Some("nt!KeBugCheckEx+0x2"));
    assert!(names.wanted().is_empty());
    assert_eq!(near(&names, 0x1_0010).as_deref(), Some("mydrv+0x10"));
    assert_eq!(names.wanted(), [BASE + 0x1_0000]);
}

#[test]
fn ln_shows_the_neighbours() {
    let modules = modules();
    let names = Names::new(&modules);
    assert_eq!(
        names.ln(Machine::Amd64, BASE + 0x1102),
        ["(fffff801`2a001100)   nt!KeBugCheckEx+0x2   |  (fffff801`2a001230)   nt!NtCreateFile"]
    );
    assert_eq!(
        names.ln(Machine::Amd64, BASE + 0x1230),
        [
            "(fffff801`2a001230)   nt!NtCreateFile   |  (fffff801`2a001f00)   nt!Ordinal9",
            "Exact matches:",
            "    nt!NtCreateFile",
            "    nt!ZwAlias"
        ]
    );
}

#[test]
fn x_lists_what_matches() {
    let modules = modules();
    let names = Names::new(&modules);
    assert_eq!(
        names.x(Machine::Amd64, "n?!kebug*", 10),
        [
            "fffff801`2a001040 nt!KeBugCheck (<no parameter info>)",
            "fffff801`2a001100 nt!KeBugCheckEx (<no parameter info>)"
        ]
    );
    assert_eq!(names.matching("*", 1).len(), 1);
}

#[test]
fn patterns_match_as_people_expect() {
    assert!(matches("*Check", "KeBugCheck"));
    assert!(!matches("*Check", "KeBugCheckEx"));
    assert!(matches("k*b*c?eck*", "KeBugCheckEx"));
    assert!(matches("", "") && !matches("", "a") && matches("**", ""));
    // Backtracking stays cheap.
    assert!(!matches(&"*a".repeat(200), &"a".repeat(150)));
}
