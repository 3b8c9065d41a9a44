//! Breakpoints at their edges: defined again, several at one place, met while another command waits.

use super::*;

#[tokio::test]
async fn a_breakpoint_that_is_defined_again_still_stops_the_target() {
    let mut lab = Lab::stopped().await;
    lab.line("bp0 nt!KeWaitForSingleObject").await;
    lab.line("g").await;
    lab.broken("Breakpoint 0 hit").await;
    lab.line("g").await;
    lab.broken("Breakpoint 0 hit").await;
    // It is in the target now only at the other place.
    lab.line("bp1 nt!KeClockInterruptNotify").await;
    lab.line("g").await;
    lab.broken("Breakpoint ").await;
    let again = lab.line("bp0 nt!KeWaitForSingleObject").await;
    assert_eq!(again, "breakpoint 0 redefined");
    let again = lab.line("bp5 nt!KeWaitForSingleObject").await;
    assert_eq!(again, "breakpoint 0 redefined as 5");
    assert_eq!(lab.line("bl").await.lines().count(), 2);
    lab.line("bc 1").await;
    lab.line("g").await;
    lab.broken("Breakpoint 5 hit").await;
    lab.rig.end().await;
}

/// Stopped at breakpoint 0 at the beginning of a function; the address of its second instruction.
async fn at_a_breakpoint(lab: &mut Lab) -> String {
    lab.line("bp nt!KeWaitForSingleObject").await;
    lab.line("g").await;
    lab.broken("Breakpoint 0 hit").await;
    let code = lab.line("u nt!KeWaitForSingleObject L2").await;
    let second = code.lines().nth(2).unwrap();
    second.split(' ').next().unwrap().to_owned()
}

#[tokio::test]
async fn going_on_to_where_it_is_goes_round_once() {
    let mut lab = Lab::stopped().await;
    let second = at_a_breakpoint(&mut lab).await;
    lab.line("bc 0").await;
    // A breakpoint that counts its passes does not end what waits.
    lab.line(&format!("bp1 {second} 5")).await;
    lab.line("g nt!KeWaitForSingleObject").await;
    lab.broken("stopped at nt!KeWaitForSingleObject").await;
    let list = lab.line("bl").await;
    assert!(list.contains("0004 (0005)"), "{list}");
    lab.rig.end().await;
}

#[tokio::test]
async fn a_processor_that_was_left_on_a_breakpoint_steps_off_it() {
    let mut lab = Lab::stopped().await;
    let second = at_a_breakpoint(&mut lab).await;
    lab.line(&format!("bp1 {second} 5")).await;
    let prompt = lab.rig.target.status.read().prompt;
    let other = if prompt.starts_with('0') { 1 } else { 0 };
    lab.line(&format!("~{other}s")).await;
    lab.line("g").await;
    lab.broken("Breakpoint 0 hit").await;
    let list = lab.line("bl").await;
    assert!(list.contains("0004 (0005)"), "{list}");
    lab.rig.end().await;
}

#[tokio::test]
async fn a_breakpoint_on_an_instruction_that_stops_by_itself_is_passed() {
    let mut lab = Lab::stopped().await;
    lab.line("bp nt!DbgBreakPointWithStatus").await;
    lab.line("g").await;
    lab.ask(Request::Break).await.unwrap();
    assert!(lab.line(".lastevent").await.contains("Breakpoint 0 hit"));
    lab.line("bp nt!KeWaitForSingleObject").await;
    lab.line("g").await;
    lab.broken("Breakpoint 1 hit").await;
    lab.rig.end().await;
}

#[tokio::test]
async fn a_step_that_cannot_have_its_breakpoint_does_not_keep_others_from_stepping() {
    let lab = Lab::stopped().await;
    for number in 0..32 {
        lab.line(&format!("bp nt+{:x}", 0x400 + 16 * number)).await;
    }
    let refused = lab.refused("g nt+800").await;
    assert!(refused.starts_with("the target refused it"), "{refused}");
    assert!(lab.line("t").await.starts_with("nt!"));
    lab.rig.end().await;
}

#[tokio::test]
async fn what_is_not_handled_is_not_skipped() {
    let mut lab = Lab::stopped().await;
    let before = lab.line("r rip").await;
    lab.told().await;
    lab.line("gn").await;
    lab.broken("Break instruction exception").await;
    assert_eq!(lab.line("r rip").await, before);
    // A breakpoint of ours is nothing that the program could handle.
    at_a_breakpoint(&mut lab).await;
    lab.line("gn").await;
    lab.broken("Breakpoint 0 hit").await;
    lab.rig.end().await;
}

#[tokio::test]
async fn going_on_from_an_error_leaves_it_to_the_program() {
    let mut lab = lab(Behaviour {
        rate: 0.0,
        faults: Some(Duration::from_millis(50)),
        ..Behaviour::default()
    })
    .await;
    lab.ask(Request::Break).await.unwrap();
    lab.line("g").await;
    lab.broken("Access violation - code c0000005 (first chance)")
        .await;
    lab.line("g").await;
    lab.broken("Access violation - code c0000005 (!!! second chance !!!)")
        .await;
    lab.rig.end().await;
}

#[tokio::test]
async fn a_break_in_stops_what_a_breakpoint_would_let_go_on() {
    for set in [
        r#"bp nt!KeWaitForSingleObject "? 1+1; g""#,
        "bp nt!KeWaitForSingleObject 0n100000",
    ] {
        let mut lab = Lab::stopped().await;
        lab.line(set).await;
        for _ in 0..4 {
            lab.line("g").await;
            let said = lab.ask(Request::Break).await.unwrap();
            assert!(said.starts_with("Br"), "{said}");
            assert!(lab.line("r rip").await.starts_with("rip="));
            lab.forget();
            lab.line("g").await;
            lab.ask(Request::Interrupt).await.unwrap();
            while !lab.broken("Br").await.contains("break-in") {}
            assert!(lab.line("r rip").await.starts_with("rip="));
        }
        lab.line("bc *").await;
        lab.rig.end().await;
    }
}
