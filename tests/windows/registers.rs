//! Registers, processors, ports and model-specific registers.

use super::{Lab, W, address};

#[test]
fn registers_are_shown_in_the_form_of_kd() {
    let mut lab = Lab::stopped();
    let text = lab.done("r");
    let lines: Vec<&str> = text.lines().collect();
    let names: Vec<Vec<&str>> = lines[..8]
        .iter()
        .map(|line| {
            let words = line
                .split_whitespace()
                .filter_map(|word| word.split_once('='));
            words.map(|(name, _)| name).collect()
        })
        .collect();
    let expected: [&[&str]; 8] = [
        &["rax", "rbx", "rcx"],
        &["rdx", "rsi", "rdi"],
        &["rip", "rsp", "rbp"],
        &["r8", "r9", "r10"],
        &["r11", "r12", "r13"],
        &["r14", "r15"],
        &["iopl"],
        &["cs", "ss", "ds", "es", "fs", "gs", "efl"],
    ];
    assert_eq!(names, expected);
    assert!(lines[3].starts_with(" r8="));
    assert!(
        lines[..6]
            .iter()
            .all(|line| line.split_whitespace().all(|word| {
                let (_, value) = word.split_once('=').expect("a value");
                value.len() == 16
            }))
    );
    assert_eq!(lines[8], "nt!DbgBreakPointWithStatus:");
    let place = format!("{} cc              int     3", address(lab.value("@rip")));
    assert_eq!(lines[9..], [place]);
}

#[test]
fn one_register_is_shown_and_set() {
    let mut lab = Lab::stopped();
    assert_eq!(lab.done("r rax=1234`5678"), "");
    assert_eq!(
        lab.done("r rax, eax, @ax"),
        "rax=0000000012345678 eax=12345678 ax=5678"
    );
    assert_eq!(lab.done("r rbx = @rax*2"), "");
    assert_eq!(lab.done("r rbx"), "rbx=000000002468acf0");
    let zero = lab.done("r zf");
    lab.done(&format!("r zf={}", if zero == "zf=0" { 1 } else { 0 }));
    assert_ne!(lab.done("r zf"), zero);
    assert_eq!(lab.done("r $t3=77; r $t3"), "$t3=0000000000000077");
    // What was set is what the target goes on with.
    lab.done("t");
    assert_eq!(lab.done("r rbx"), "rbx=000000002468acf0");
    assert!(lab.done("rM 80").starts_with(" cr0="));
    assert_eq!(lab.refused("r foo"), "Bad register error at 'foo'");
    assert_eq!(lab.refused("r rax=foo"), "Couldn't resolve error at 'foo'");
}

#[test]
fn processors_are_listed_and_looked_at() {
    let mut lab = Lab::stopped();
    let list = lab.done("~");
    let lines: Vec<&str> = list.lines().collect();
    assert_eq!(lines.len(), 4, "{list}");
    assert!(lines[0].starts_with(".  0  "));
    assert!(
        lines[2].starts_with("   2  ") && lines[2].ends_with("hal!HalProcessorIdle+0x2"),
        "{list}"
    );
    let other = lab.done("2r rip");
    assert_ne!(lab.done("r rip"), other);
    assert_eq!(lab.done("~2s"), "");
    assert!(lab.done(".status").contains("prompt  2: kd>"));
    assert_eq!(lab.done("r rip"), other);
    assert!(
        lab.done("~")
            .lines()
            .nth(2)
            .expect("a line")
            .starts_with(".  2  ")
    );
    assert_eq!(lab.refused("3r rax=1"), "Syntax error at '=1'");
    assert!(lab.refused("7r").contains("no processor 7"));
    assert!(lab.refused("~7s").contains("no processor 7"));
    lab.done("g");
    lab.deck.wait_state(W, "running");
    assert!(!lab.done(".status").contains("prompt"));
}

#[test]
fn a_single_processor_has_no_number_in_its_prompt() {
    let mut lab = Lab::net(&["--processors", "1"]);
    lab.done(".break");
    assert!(lab.done(".status").contains("prompt  kd>"));
}

#[test]
fn ports_and_model_specific_registers_are_read_and_written() {
    let mut lab = Lab::stopped();
    assert_eq!(lab.done("wrmsr c0000082 fffff801`2a40a1c0"), "");
    assert_eq!(
        lab.done("rdmsr c0000082"),
        "msr[c0000082] = fffff801`2a40a1c0"
    );
    assert!(lab.refused("rdmsr 12345").contains("NO_SUCH_DEVICE"));
    assert_eq!(lab.done("ib 60"), "0060: 1c");
    assert_eq!(lab.done("iw 60").len(), "0060: 001c".len());
    assert_eq!(lab.done("id 60").len(), "0060: 0000001c".len());
    for silent in ["ob 80 5", "ow 80 505", "od 80 5050505"] {
        assert_eq!(lab.done(silent), "", "{silent}");
    }
    assert!(lab.refused("ob 80 555").contains("does not fit"));
}
