//! What machines do by themselves, and how they stop and run on.

use crate::proto::kd::{Exception, FileAnswer, FileRequest, FileResult, PromptAnswer};

use super::unwind::stack;
use super::*;

#[test]
fn the_same_seed_makes_the_same_machine() {
    let behaviour = Behaviour {
        rate: 5.0,
        drivers: Some(Duration::from_secs(3)),
        ..Behaviour::default()
    };
    let run = || {
        let mut bench = Bench::new(behaviour);
        let mut said = Vec::new();
        for _ in 0..5 {
            said.push(bench.next_stop());
            bench.go();
        }
        (said, bench.printed)
    };
    assert_eq!(run(), run());
}

#[test]
fn a_break_in_stops_at_the_break_instruction_and_comes_back_until_it_is_skipped() {
    let mut bench = Bench::silent();
    let state = bench.break_in();
    assert_eq!(code(&state), Exception::BREAKPOINT);
    assert_eq!(state.pc, bench.symbol("DbgBreakPointWithStatus"));
    assert_eq!(state.processors, 4);
    assert_eq!(state.report.amd64().instructions[..2], [0xCC, 0xC3]);
    bench.go();
    assert_eq!(bench.next_stop().pc, state.pc);
    bench.skip();
    bench.go();
    let again = bench.break_in();
    assert_eq!(again.pc, state.pc);
}

#[test]
fn a_step_leads_through_a_function_and_back_to_its_caller() {
    let mut bench = Bench::silent();
    bench.break_in();
    bench.skip();
    let state = bench.trace();
    assert_eq!(code(&state), Exception::SINGLE_STEP);
    let caller = bench.symbol("KdCheckForDebugBreak");
    assert!((caller..caller + 64).contains(&state.pc), "behind the call");
    assert_eq!(state.report.amd64().dr6 & 0x4000, 0x4000);
    assert_eq!(state.report.amd64().eflags & 0x100, 0);
}

#[test]
fn a_breakpoint_is_met_and_gone_after_the_stop() {
    let mut bench = Bench::silent();
    bench.break_in();
    bench.skip();
    let address = bench.symbol("NtCreateFile");
    let before = bench.machine.readable(address, 1);
    bench.get(Call::WriteBreakpoint { address });
    assert_eq!(bench.machine.readable(address, 1), [0xCC]);
    assert_eq!(
        bench.ask(Call::WriteBreakpoint { address }).status,
        NtStatus::UNSUCCESSFUL
    );
    bench.go();
    let state = bench.next_stop();
    assert_eq!((code(&state), state.pc), (Exception::BREAKPOINT, address));
    assert_eq!(bench.machine.readable(address, 1), before);
    assert_eq!(
        bench.ask(Call::RestoreBreakpoint { handle: 1 }).status,
        NtStatus::UNSUCCESSFUL
    );
    let names = stack(bench.machine.kernel(), bench.machine.current_registers());
    assert_eq!(
        names[..4],
        [
            "ntoskrnl!NtCreateFile",
            "ntoskrnl!ZwCreateFile",
            "ntoskrnl!IopSystemRound",
            "ntoskrnl!ExpWorkerThread"
        ]
    );
}

#[test]
fn hardware_breakpoints_stop_before_code_and_after_data() {
    let mut bench = Bench::silent();
    bench.break_in();
    bench.skip();
    let (code_at, data_at) = (
        bench.symbol("NtWriteFile"),
        bench.machine.kernel().address_of("mydrv.sys", "MyRequests"),
    );
    for processor in 0..4 {
        let mut registers = bench
            .machine
            .registers(usize::from(processor))
            .unwrap()
            .clone();
        registers.special.breakpoints = [code_at, data_at, 0, 0];
        let data = registers.special_bytes();
        let reply = bench
            .tell(processor, Call::WriteControl { address: 2, data })
            .unwrap();
        assert_eq!(reply.status, NtStatus::SUCCESS);
    }
    bench.resume(NtStatus::CONTINUE, false, 0x401);
    let state = bench.next_stop();
    assert_eq!((code(&state), state.pc), (Exception::SINGLE_STEP, code_at));
    assert_eq!(state.report.amd64().dr6 & 0xF, 1);
    // Writes of four bytes by the second register.
    bench.resume(NtStatus::CONTINUE, false, 0xD0_0404);
    let state = bench.next_stop();
    assert_eq!(code(&state), Exception::SINGLE_STEP);
    assert_eq!(state.report.amd64().dr6 & 0xF, 2);
    let dispatch = bench.machine.kernel().address_of("mydrv.sys", "MyDispatch");
    assert!((dispatch..dispatch + 40).contains(&state.pc));
}

#[test]
fn a_boot_tells_of_every_module_and_each_is_in_the_list_then() {
    let mut bench = Bench::new(Behaviour {
        boots: true,
        rate: 0.0,
        ..Behaviour::default()
    });
    let mut names = Vec::new();
    for _ in 0..8 {
        let state = bench.next_stop();
        let Change::LoadSymbols(load) = state.change else {
            panic!("{state:?}")
        };
        let path = String::from_utf8(load.path).unwrap();
        let module = bench.machine.kernel().modules.last().unwrap();
        if names.len() > 1 {
            assert_eq!(
                (load.base, load.checksum),
                (module.base, module.image.checksum)
            );
        }
        assert!(!load.unload);
        names.push(path);
        bench.go();
    }
    assert!(
        names[0].ends_with("ntoskrnl.exe")
            && names[1].ends_with("hal.dll")
            && names[2].ends_with("mydrv.sys")
    );
    bench.break_in();
    assert!(
        bench
            .printed
            .starts_with("KDTARGET: Refreshing KD connection\n")
    );
}

#[test]
fn files_are_asked_for_read_and_closed() {
    let mut bench = Bench::new(Behaviour {
        boots: true,
        rate: 0.0,
        files: true,
        ..Behaviour::default()
    });
    let mut asked = Vec::new();
    while asked.len() < 9 {
        match bench.next_event() {
            Event::Say(FromTarget::File(request)) => {
                let result = match &request {
                    FileRequest::Create { .. } => FileResult::Created {
                        handle: 5,
                        length: 1500,
                    },
                    FileRequest::Read { offset, count, .. } => FileResult::Read {
                        data: vec![0; (1500 - *offset).min(u64::from(*count)) as usize],
                    },
                    _ => FileResult::Closed,
                };
                // The second one is refused.
                let status = if asked.len() == 4 {
                    NtStatus::NO_SUCH_FILE
                } else {
                    NtStatus::SUCCESS
                };
                bench.machine.hear(
                    &FromHost::File(FileAnswer { status, result }),
                    DATA_BYTES,
                    bench.now,
                );
                asked.push(request);
            }
            Event::Say(FromTarget::StateChange(_)) => bench.go(),
            other => panic!("{other:?}"),
        }
    }
    let reads: Vec<bool> = asked
        .iter()
        .map(|request| matches!(request, FileRequest::Read { .. }))
        .collect();
    assert_eq!(
        reads,
        [false, true, true, false, false, false, true, true, false]
    );
    assert!(
        matches!(&asked[0], FileRequest::Create { name, .. } if String::from_utf16_lossy(name).ends_with("mydrv.sys"))
    );
}

#[test]
fn drivers_come_and_go_and_come_back_elsewhere() {
    let mut bench = Bench::new(Behaviour {
        rate: 0.0,
        drivers: Some(Duration::from_secs(2)),
        ..Behaviour::default()
    });
    let mut bases = std::collections::BTreeMap::<String, Vec<u64>>::new();
    for _ in 0..20 {
        let state = bench.next_stop();
        let Change::LoadSymbols(load) = state.change else {
            panic!("{state:?}")
        };
        let path = String::from_utf8(load.path).unwrap();
        let name = path.rsplit('\\').next().unwrap().to_owned();
        assert!(
            bench.machine.kernel().memory.translate(load.base).is_some(),
            "it is there while it is told"
        );
        if !load.unload {
            bases.entry(name.clone()).or_default().push(load.base);
        }
        bench.go();
        bench.machine.run(bench.now);
        assert_eq!(bench.machine.kernel().module(&name).is_some(), !load.unload);
    }
    assert!(
        bases
            .values()
            .any(|bases| bases.len() > 1 && bases[0] != bases[1]),
        "{bases:?}"
    );
}

#[test]
fn a_bug_check_prints_its_parameters_breaks_in_twice_and_restarts() {
    let mut bench = Bench::new(Behaviour {
        rate: 0.0,
        bug_checks: Some(Duration::from_secs(5)),
        ..Behaviour::default()
    });
    let state = bench.next_stop();
    assert_eq!(state.pc, bench.symbol("DbgBreakPointWithStatus"));
    assert!(
        bench
            .printed
            .contains("*** Fatal System Error: 0x000000d1\n"),
        "{}",
        bench.printed
    );
    assert!(
        bench
            .printed
            .contains("(0x0000000000000018,0x0000000000000002,0x0000000000000000,0x")
    );
    assert_eq!(bench.machine.kernel().bug_check()[..3], [0xD1, 0x18, 2]);
    let names = stack(bench.machine.kernel(), bench.machine.current_registers());
    assert_eq!(
        names[..5],
        [
            "ntoskrnl!DbgBreakPointWithStatus",
            "ntoskrnl!KiBugCheckDebugBreak",
            "ntoskrnl!KeBugCheck2",
            "ntoskrnl!KeBugCheckEx",
            "mydrv!MyCrash",
        ]
    );
    assert_eq!(bench.current(Register::Rcx), 3);
    bench.skip();
    bench.go();
    bench.next_stop();
    assert_eq!(bench.current(Register::Rcx), 4);
    bench.skip();
    bench.go();
    let base = bench.machine.kernel().base();
    assert_eq!(bench.next_event(), Event::Reset);
    assert_ne!(bench.machine.kernel().base(), base);
    assert_eq!(bench.machine.kernel().bug_check(), [0; 5]);
}

#[test]
fn an_access_violation_comes_twice_if_nobody_handles_it_and_then_the_system_stops() {
    let mut bench = Bench::new(Behaviour {
        rate: 0.0,
        faults: Some(Duration::from_secs(5)),
        ..Behaviour::default()
    });
    for chance in [true, false] {
        let state = bench.next_stop();
        let Change::Exception(exception) = &state.change else {
            panic!("{state:?}")
        };
        assert_eq!(
            (exception.code, exception.first_chance),
            (Exception::ACCESS_VIOLATION, chance)
        );
        assert_eq!(exception.parameters, [0, 0x18]);
        bench.resume(NtStatus::EXCEPTION_NOT_HANDLED, false, DR7_UNUSED);
    }
    bench.next_stop();
    assert!(
        bench
            .printed
            .contains("*** Fatal System Error: 0x0000001e\n"),
        "{}",
        bench.printed
    );
    assert_eq!(bench.machine.kernel().bug_check()[1], 0xC000_0005);
}

#[test]
fn a_fault_that_was_put_right_goes_on() {
    let mut bench = Bench::new(Behaviour {
        rate: 0.0,
        faults: Some(Duration::from_secs(50)),
        ..Behaviour::default()
    });
    bench.next_stop();
    let (processor, pool) = (bench.machine.current, bench.machine.kernel().threads[0]);
    bench.change(processor, |registers| registers.set(Register::Rcx, pool));
    bench.resume(NtStatus::EXCEPTION_HANDLED, false, DR7_UNUSED);
    assert_eq!(bench.break_in().pc, bench.symbol("DbgBreakPointWithStatus"));
}

#[test]
fn a_question_waits_for_its_answer() {
    let mut bench = Bench::new(Behaviour {
        rate: 0.0,
        prompts: Some(Duration::from_secs(5)),
        ..Behaviour::default()
    });
    let event = bench.next_event();
    assert!(
        matches!(event, Event::Say(FromTarget::Prompt(_))),
        "{event:?}"
    );
    assert_eq!(bench.machine.run(bench.now), None);
    assert_eq!(bench.machine.next_run(bench.now), None);
    assert_eq!(
        bench.tell(0, Call::GetVersion),
        None,
        "no request is answered meanwhile"
    );
    answer(&mut bench, b"dma");
    bench.break_in();
    assert!(bench.printed.contains("transfer mode 'dma'"));
}

#[test]
fn a_failed_assertion_asks_again_until_it_is_told_something_it_knows() {
    let mut bench = Bench::new(Behaviour {
        rate: 0.0,
        asserts: Some(Duration::from_secs(5)),
        ..Behaviour::default()
    });
    for text in [b"x", b"?", b"b"] {
        let Event::Say(FromTarget::Prompt(prompt)) = bench.next_event() else {
            panic!("no prompt")
        };
        assert!(prompt.text.ends_with(b"(boipt)? "));
        answer(&mut bench, text);
    }
    let state = bench.next_stop();
    assert_eq!(state.pc, bench.symbol("DbgBreakPoint"));
    let names = stack(bench.machine.kernel(), bench.machine.current_registers());
    assert_eq!(names[1..3], ["ntoskrnl!RtlAssert", "mydrv!MyCheckState"]);
}

#[test]
fn a_restart_says_farewell_and_boots_anew() {
    let mut bench = Bench::new(Behaviour {
        rate: 0.0,
        reboots: Some(Duration::from_secs(9)),
        ..Behaviour::default()
    });
    let state = bench.next_stop();
    let Change::LoadSymbols(load) = &state.change else {
        panic!("{state:?}")
    };
    assert!(load.is_farewell());
    bench.go();
    assert_eq!(bench.next_event(), Event::Reset);
    bench.machine.set_present(true, bench.now);
    let Change::LoadSymbols(load) = bench.next_stop().change else {
        panic!("no module")
    };
    assert!(load.path.ends_with(b"ntoskrnl.exe"));
}

#[test]
fn prints_are_numbered_without_a_gap_and_kept_in_the_ring() {
    let mut bench = Bench::new(Behaviour {
        rate: 10_000.0,
        ..Behaviour::default()
    });
    for _ in 0..5000 {
        match bench.machine.run(bench.now) {
            Some(Event::Say(FromTarget::Print(print))) => bench
                .printed
                .push_str(std::str::from_utf8(&print.text).unwrap()),
            other => panic!("{other:?}"),
        }
    }
    let numbers = bench
        .printed
        .lines()
        .filter_map(|line| line.split('#').nth(1)?.get(..6)?.parse::<u64>().ok());
    assert!(numbers.eq(1..5000));
    let ring = bench.symbol("KdPrintCircularBuffer");
    let at = bench
        .machine
        .kernel()
        .memory
        .word(bench.symbol("KdPrintWritePointer"))
        .unwrap();
    let last = bench.printed.lines().last().unwrap();
    let kept = bench.machine.readable(ring, (at - ring) as usize);
    assert!(
        String::from_utf8(kept)
            .unwrap()
            .ends_with(&format!("{last}\n"))
    );
}

#[test]
fn without_a_debugger_a_machine_boots_alone_and_prints_into_its_ring() {
    let mut bench = Bench::new(Behaviour {
        boots: true,
        ..Behaviour::default()
    });
    bench.machine.set_present(false, bench.now);
    for _ in 0..2000 {
        assert_eq!(bench.machine.run(bench.now), None);
        bench.now = bench.machine.next_run(bench.now).unwrap();
    }
    assert_eq!(bench.machine.kernel().modules.len(), 8);
    bench.machine.set_present(true, bench.now);
    bench.break_in();
    assert!(bench.printed.starts_with("KDTARGET"), "{}", bench.printed);
}

fn answer(bench: &mut Bench, text: &[u8]) {
    let answer = PromptAnswer {
        level: 6,
        processor: 0,
        text: text.to_vec(),
    };
    assert_eq!(
        bench
            .machine
            .hear(&FromHost::Prompt(answer), DATA_BYTES, bench.now),
        None
    );
}
