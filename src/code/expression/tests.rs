//! Expressions as people type them.

use proptest::prelude::*;

use super::*;
use crate::code::memory::{Cache, Image};
use crate::code::modules::Modules;
use crate::code::names::tests::modules;

/// Evaluates with a small stopped machine around.
struct Bench {
    machine: Machine,
    radix: u32,
    memory: Box<dyn Memory>,
    registers: Registers,
    pseudo: Pseudo,
    modules: Modules,
}

impl Bench {
    fn new() -> Self {
        let mut registers = Registers::new(Machine::Amd64);
        registers.set("rip", 0xffff_f801_2a00_1102);
        registers.set("rsp", 0x1000);
        registers.set("rax", 0x1234_5678_9abc_def0);
        registers.set("efl", 0x246);
        let mut pseudo = Pseudo::default();
        pseudo.temporaries[3] = 7;
        Self {
            machine: Machine::Amd64,
            radix: 16,
            memory: Box::new(Image::new(
                0x1000,
                [0x10, 0x10, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff],
            )),
            registers,
            pseudo,
            modules: modules(),
        }
    }

    fn with<T>(&self, run: impl FnOnce(&dyn Scope) -> T) -> T {
        let names = Names::new(&self.modules);
        run(&Surroundings {
            machine: self.machine,
            radix: self.radix,
            memory: &*self.memory,
            registers: Some(&self.registers),
            pseudo: &self.pseudo,
            names: &names,
        })
    }

    fn value(&self, text: &str) -> u64 {
        self.with(|scope| evaluate(text, scope))
            .unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn error(&self, text: &str) -> String {
        self.with(|scope| evaluate(text, scope))
            .unwrap_err()
            .to_string()
    }
}

#[test]
fn numbers_have_a_radix() {
    let mut bench = Bench::new();
    let base = 0xffff_f801_8d28_3000;
    for (text, value) in [
        ("10", 0x10),
        ("0n10", 10),
        ("0t17", 0o17),
        ("0y101", 5),
        ("0x10", 0x10),
        ("10h", 0x10),
        ("fffff801`8d283000", base),
        ("beef", 0xbeef),
        ("'a'", 0x61),
        ("'MZ' + 1", 0x4d5b),
        ("0b1", 0xb1),
    ] {
        assert_eq!(bench.value(text), value, "{text}");
    }
    bench.radix = 10;
    assert_eq!(bench.value("10 + 0x10 + 10h"), 42);
}

#[test]
fn operators_bind_as_in_masm() {
    let bench = Bench::new();
    for (text, value) in [
        ("2+3*4", 14),
        ("(2+3)*4", 20),
        ("1<<4+1", 32),
        ("10 - 4 - 2", 10),
        ("7 mod 4 | 8", 11),
        ("f and 6 xor 1", 7),
        ("3 == 3 & 1", 1),
        ("5 > 4", 1),
        ("5!=5", 0),
        ("-1", u64::MAX),
        ("~0", u64::MAX),
        ("!0 + !5", 1),
        ("-1 >>> 4", u64::MAX),
        ("-1 >> 3c", 0xf),
        ("1 << 40", 0),
        ("hi(12345678)", 0x1234),
        ("low 12345678", 0x5678),
    ] {
        assert_eq!(bench.value(text), value, "{text}");
    }
}

#[test]
fn registers_and_pseudo_registers_have_values() {
    let bench = Bench::new();
    for (text, value) in [
        ("@rsp", 0x1000),
        ("rsp+8", 0x1008),
        ("@al", 0xf0),
        ("@$t3", 7),
        ("$t3 + 1", 8),
        ("$ip", 0xffff_f801_2a00_1102),
        ("$csp", 0x1000),
        ("$ptrsize", 8),
        ("$pagesize", 0x1000),
        ("@zf", 1),
        // A word of hexadecimal digits is a number; with `@` it is a flag.
        ("cf", 0xcf),
        ("@cf", 0),
        (".", 0xffff_f801_2a00_1102),
    ] {
        assert_eq!(bench.value(text), value, "{text}");
    }
}

#[test]
fn memory_is_read_through() {
    let bench = Bench::new();
    assert_eq!(bench.value("poi(@rsp)"), 0x1010);
    assert_eq!(bench.value("poi @rsp + 1"), 0x1011);
    assert_eq!(bench.value("by(1000)*100"), 0x1000);
    assert_eq!(bench.value("dwo(1008)"), 0xffff_ffff);
    assert_eq!(
        bench.error("1+poi(5000) + 2"),
        "Memory access error at ') + 2'"
    );
}

#[test]
fn memory_that_was_not_fetched_is_asked_for() {
    let mut bench = Bench::new();
    bench.memory = Box::new(Cache::new(1));
    let error = bench
        .with(|scope| evaluate("poi(5000)", scope))
        .unwrap_err();
    let missing = Fault::Missing {
        address: 0x5000,
        bytes: 8,
    };
    assert_eq!(error, ExpressionError::Missing(missing));
}

#[test]
fn names_are_addresses() {
    let bench = Bench::new();
    assert_eq!(bench.value("nt!KeBugCheckEx+0x1e"), 0xffff_f801_2a00_111e);
    assert_eq!(bench.value("KeBugCheckEx"), 0xffff_f801_2a00_1100);
    assert_eq!(bench.value("nt"), 0xffff_f801_2a00_0000);
    assert_eq!(bench.value("nt!KeBugCheckEx!=0"), 1);
}

#[test]
fn errors_say_where() {
    let bench = Bench::new();
    for (text, error) in [
        ("xyz", "Couldn't resolve error at 'xyz'"),
        ("1 + nt!xyz + 2", "Couldn't resolve error at 'nt!xyz + 2'"),
        ("@foo", "Couldn't resolve error at '@foo'"),
        ("$foo", "Couldn't resolve error at '$foo'"),
        ("(1", "Syntax error at ''"),
        ("1 +", "Syntax error at ''"),
        ("1 2", "Syntax error at '2'"),
        ("1)", "Syntax error at ')'"),
        ("", "Syntax error at ''"),
        ("''", "Syntax error at ''''"),
        ("'a", "Syntax error at ''a'"),
        ("12g", "Syntax error at '12g'"),
        ("1 / (2-2)", "Divide by zero at '/ (2-2)'"),
        (
            "0n99999999999999999999",
            "Numeric expression overflow at '0n99999999999999999999'",
        ),
    ] {
        assert_eq!(bench.error(text), error, "{text}");
    }
    assert!(
        bench
            .error(&"(".repeat(5000))
            .starts_with("Expression too complex")
    );
    assert!(
        bench
            .error(&"(".repeat(4000))
            .starts_with("Expression too complex")
    );
    assert!(
        bench
            .error(&"poi(".repeat(1000))
            .starts_with("Expression too complex")
    );
    assert!(
        bench
            .error(&"-".repeat(4000))
            .starts_with("Expression too complex")
    );
}

#[test]
fn numbers_of_a_32_bit_machine_are_sign_extended() {
    let mut bench = Bench::new();
    bench.machine = Machine::X86;
    assert_eq!(bench.value("8054a6f0"), 0xffff_ffff_8054_a6f0);
}

#[test]
fn ranges_have_an_end_or_a_count() {
    let bench = Bench::new();
    let parse = |text| {
        bench.with(|scope| {
            range(text, 4, 0x20, scope)
                .map(|(range, rest)| (range.start, range.count, rest.to_owned()))
        })
    };
    let ok = |start, count, rest: &str| Ok((start, count, rest.to_owned()));
    assert_eq!(parse("1000"), ok(0x1000, 0x20, ""));
    assert_eq!(parse("1000 L10 1 2"), ok(0x1000, 0x10, "1 2"));
    assert_eq!(parse("1000 l 10"), ok(0x1000, 0x10, ""));
    assert_eq!(parse("1000 L-4"), ok(0xff0, 4, ""));
    assert_eq!(parse("1000 100f"), ok(0x1000, 4, ""));
    assert_eq!(parse("1000 L?10000000"), ok(0x1000, 0x1000_0000, ""));
    assert!(parse("1000 L10000000").is_err());
    assert!(parse("1000 fff").is_err());
    assert!(parse("1000 L0").is_err());
    assert!(parse("-10 L10").is_err());
    assert!(parse("10 L-10").is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_panics(text in "[-+*/%()~!<>=&|^@$.:`' 0-9a-zL?ntpoi\u{e4}]{0,60}", radix in prop_oneof![Just(8_u32), Just(10), Just(16)]) {
        let mut bench = Bench::new();
        bench.radix = radix;
        bench.with(|scope| {
            let _ = evaluate(&text, scope);
            let _ = range(&text, 4, 8, scope);
        });
    }
}
