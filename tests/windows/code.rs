//! Code, stacks, modules, names and expressions.

use super::{Lab, address};

#[test]
fn code_is_disassembled_in_the_columns_of_kd() {
    let mut lab = Lab::stopped();
    let start = lab.value("nt!KeWaitForSingleObject");
    let shown = lab.done("u nt!KeWaitForSingleObject L3");
    let lines = [
        "nt!KeWaitForSingleObject:".to_owned(),
        format!("{} 53              push    rbx", address(start)),
        format!("{} 56              push    rsi", address(start + 1)),
        format!("{} 4883ec48        sub     rsp,48h", address(start + 2)),
    ];
    assert_eq!(shown, lines.join("\n"));
    // Without an address it goes on, and so does an empty line.
    let next = lab.done("u");
    assert!(next.contains(&address(start + 6)), "{next}");
    assert_eq!(
        lab.done("u nt!KeWaitForSingleObject")
            .lines()
            .filter(|line| !line.ends_with(':'))
            .count(),
        8
    );
    let back = lab.done("ub nt!KeWaitForSingleObject+6 L2");
    assert!(back.ends_with(&lines[2..].join("\n")), "{back}");
    let function = lab.done("uf nt!KeWaitForSingleObject");
    assert!(function.starts_with(&shown), "{function}");
    assert!(function.ends_with("ret"), "{function}");
    assert!(lab.done("u 10 L1").contains("??"));
    let call = lab.done("uf nt!KeBugCheckEx");
    assert!(call.contains("call    nt!KeBugCheckEx+0x"), "{call}");
}

#[test]
fn a_stack_is_walked_through_several_modules() {
    let mut lab = Lab::net(&["--fault-every", "0.1"]);
    lab.broken("Access violation");
    let shown = lab.done("k");
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(
        lines[0],
        " # Child-SP          RetAddr               Call Site"
    );
    for (line, name) in lines[1..].iter().zip([
        "mydrv!MyDispatch+0x",
        "mydrv!MyDispatch+0x",
        "nt!IofCallDriver+0x",
    ]) {
        assert_eq!(line.find(name), Some(43), "{shown}");
    }
    assert!(
        lines[1].starts_with(&format!("00 {} ", address(lab.value("@rsp")))),
        "{shown}"
    );
    assert_eq!(lab.done("k 2"), lines[..3].join("\n"));
    let with_arguments = lab.done("kb 1");
    let heading = with_arguments.lines().next().unwrap_or_default();
    assert!(heading.contains(": Args to Child"), "{with_arguments}");
    assert!(
        lab.done("kn 1")
            .lines()
            .nth(1)
            .unwrap_or_default()
            .starts_with("00 ")
    );
    assert!(lab.done("1k 1").contains("hal!HalProcessorIdle"));
    assert_eq!(lab.refused("kz"), "Syntax error at 'z'");
}

#[test]
fn modules_are_listed_and_described() {
    let mut lab = Lab::stopped();
    lab.done("u nt!KeBugCheckEx L1");
    let list = lab.done("lm");
    let lines: Vec<&str> = list.lines().collect();
    assert_eq!(
        lines[0],
        "start             end                 module name"
    );
    let (nt, end) = (lab.value("nt"), address(lab.value("nt+a000")));
    let nt = format!("{} {end}   nt         (export symbols)", address(nt));
    assert!(lines.contains(&nt.as_str()), "{list}");
    assert!(list.contains("   mydrv      (deferred)"), "{list}");
    assert_eq!(lab.done("lm 1m m my*"), "mydrv");
    assert_eq!(lab.done("lm 1m u"), "", "all of them are the kernel's");
    assert!(lab.done("lm 1m k m nt") == "nt" && lab.done("lm 1m l m nt") == "nt");
    assert_eq!(lab.done("lm 1m l m mydrv"), "", "its names were not read");
    let stamped = lab.done("lm t m nt");
    assert!(!stamped.contains("(00000000)"), "{stamped}");
    assert!(lab.done("lm a nt+123").ends_with(&nt));
    let about = lab.done("lmvm nt");
    for line in [
        "    Image path: \\SystemRoot\\system32\\ntoskrnl.exe",
        "    Image name: ntoskrnl.exe",
        "    ImageSize:        0000A000",
    ] {
        assert!(about.lines().any(|shown| shown == line), "{about}");
    }
    assert!(
        about.contains("    Timestamp:  ") && about.contains("    CheckSum:   "),
        "{about}"
    );
}

#[test]
fn names_are_found_by_pattern_and_by_address() {
    let mut lab = Lab::stopped();
    let at = address(lab.value("nt!KeBugCheckEx"));
    let names = lab.done("x nt!kebug*");
    assert!(
        names.contains(&format!("{at} nt!KeBugCheckEx (<no parameter info>)")),
        "{names}"
    );
    assert_eq!(names.lines().count(), 2, "{names}");
    assert_eq!(
        lab.refused("x nt!nothing"),
        "Couldn't resolve 'x nt!nothing'"
    );
    let exact = lab.done("ln nt!KeBugCheckEx");
    assert!(
        exact.starts_with(&format!("({at})   nt!KeBugCheckEx   |  (")),
        "{exact}"
    );
    assert!(
        exact.ends_with("Exact matches:\n    nt!KeBugCheckEx"),
        "{exact}"
    );
    let near = lab.done("ln nt!KeBugCheckEx+1e");
    assert!(
        near.starts_with(&format!("({at})   nt!KeBugCheckEx+0x1e   |  (")),
        "{near}"
    );
    assert!(!near.contains("Exact"), "{near}");
}

#[test]
fn expressions_are_computed_with_names_registers_and_memory() {
    let mut lab = Lab::stopped();
    for (expression, shown) in [
        ("1234", "4660 = 00000000`00001234"),
        ("0n1234", "1234 = 00000000`000004d2"),
        ("-1", "-1 = ffffffff`ffffffff"),
        ("(2+3)*10", "80 = 00000000`00000050"),
        ("@rip - nt!DbgBreakPointWithStatus", "0 = 00000000`00000000"),
        ("wo(nt)", "23117 = 00000000`00005a4d"),
        ("poi(@rsp) == qwo(@rsp)", "1 = 00000000`00000001"),
        ("NT!kebugcheckex - nt!KeBugCheckEx", "0 = 00000000`00000000"),
    ] {
        assert_eq!(
            lab.done(&format!("? {expression}")),
            format!("Evaluate expression: {shown}")
        );
    }
    assert_eq!(
        lab.done("n 10; ? 10"),
        "base is 10\nEvaluate expression: 10 = 00000000`0000000a"
    );
    lab.done("n 16");
    let formats = lab.done(".formats 4142");
    for line in [
        "Evaluate expression:",
        "  Hex:     00000000`00004142",
        "  Decimal: 16706",
        "  Chars:   ......AB",
    ] {
        assert!(formats.lines().any(|shown| shown == line), "{formats}");
    }
    assert_eq!(
        lab.refused("? nt!nothing"),
        "Couldn't resolve error at 'nt!nothing'"
    );
    assert_eq!(lab.refused("? poi(10)"), "Memory access error at ')'");
    assert!(lab.refused("? 1+").starts_with("Syntax error at "));
    assert!(lab.refused("? 1/0").to_lowercase().contains("zero"));
}
