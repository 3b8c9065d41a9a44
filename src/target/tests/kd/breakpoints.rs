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
