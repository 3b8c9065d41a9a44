//! Machines whose code does not come to rest.

use super::super::registers::flag;
use super::unwind::stack;
use super::*;

#[test]
fn a_break_in_reaches_a_machine_that_runs_in_circles() {
    let mut bench = Bench::silent();
    bench.break_in();
    let data = vec![0xEB, 0xFE];
    let address = bench.symbol("NtClose");
    bench.get(Call::WriteVirtual { address, data });
    let processor = bench.machine.current;
    bench.change(processor, |registers| {
        registers.rip = address;
        registers.flags |= flag::INTERRUPT;
    });
    bench.go();
    assert_eq!(bench.machine.run(bench.now), None);
    let next = bench.machine.next_run(bench.now).unwrap();
    assert!(next > bench.now, "others have their turn meanwhile");
    bench.break_in();
    let names = stack(bench.machine.kernel(), bench.machine.current_registers());
    assert_eq!(names[7], "ntoskrnl!NtClose");
}

#[test]
fn a_machine_that_takes_no_interrupts_waits_without_turning() {
    let mut bench = Bench::silent();
    bench.break_in();
    let processor = bench.machine.current;
    let wait = bench
        .machine
        .kernel()
        .address_of("hal.dll", "HalProcessorIdle")
        + 1;
    bench.change(processor, |registers| {
        registers.rip = wait;
        registers.flags &= !flag::INTERRUPT;
    });
    bench.go();
    bench.machine.break_in();
    assert_eq!(bench.machine.run(bench.now), None);
    assert!(bench.machine.next_run(bench.now).unwrap() > bench.now);
}
