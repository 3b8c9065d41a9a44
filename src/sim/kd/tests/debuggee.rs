//! Requests to a stopped machine.

use proptest::prelude::*;

use crate::proto::kd::{BreakpointEntry, Cache, Exception};

use super::super::memory::PTE_BASE;
use super::super::registers::u64_at;
use super::*;

pub(super) fn stopped() -> Bench {
    let mut bench = Bench::silent();
    bench.break_in();
    bench
}

#[test]
fn a_running_machine_answers_nothing() {
    let mut bench = Bench::silent();
    assert_eq!(bench.tell(0, Call::GetVersion), None);
}

#[test]
fn the_version_leads_to_the_modules_and_the_data_block() {
    let mut bench = stopped();
    let Answer::Version(version) = bench.get(Call::GetVersion) else {
        panic!("no version")
    };
    assert_eq!(
        (version.machine, version.minor, version.flags),
        (0x8664, 19041, 7)
    );
    assert_eq!(bench.machine.readable(version.kernel_base, 2), b"MZ");
    let word = |bench: &Bench, address| bench.machine.kernel().memory.word(address).unwrap();
    let block = word(&bench, version.debugger_data);
    assert_eq!(bench.machine.readable(block + 0x10, 4), b"KDBG");
    assert_eq!(word(&bench, block + 0x18), version.kernel_base);
    assert_eq!(word(&bench, block + 0x48), version.loaded_modules);
    let lab = word(&bench, block + 0x208);
    assert_eq!(bench.machine.readable(lab, 12), b"19041.1.amd6");
    // The ring of modules, forwards and back to its head.
    let (mut at, mut names) = (word(&bench, version.loaded_modules), Vec::new());
    while at != version.loaded_modules {
        let entry = bench.machine.readable(at, 0x80);
        let length = usize::from(u16::from_le_bytes([entry[0x58], entry[0x59]]));
        let name = bench
            .machine
            .readable(u64_at(&entry, 0x60).unwrap(), length);
        let units: Vec<u16> = name
            .chunks(2)
            .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
            .collect();
        names.push(String::from_utf16(&units).unwrap());
        assert_eq!(word(&bench, word(&bench, at) + 8), at);
        assert_eq!(
            bench.machine.readable(u64_at(&entry, 0x30).unwrap(), 2),
            b"MZ"
        );
        at = word(&bench, at);
    }
    assert_eq!(names[..3], ["ntoskrnl.exe", "hal.dll", "mydrv.sys"]);
}

#[test]
fn a_read_at_the_end_of_what_is_mapped_brings_what_there_is() {
    let mut bench = stopped();
    let top = bench.machine.kernel().memory.root();
    let module = bench.machine.kernel().module("hal.dll").unwrap();
    let end = module.base + module.image.bytes.len() as u64;
    let reply = bench.ask(Call::ReadVirtual {
        address: end - 10,
        count: 100,
    });
    assert_eq!(reply.status, NtStatus::UNSUCCESSFUL);
    assert!(matches!(reply.answer, Answer::Memory { data, .. } if data.len() == 10));
    let reply = bench.ask(Call::ReadVirtual {
        address: end,
        count: 100,
    });
    assert!(reply.status.is_failure());
    // More than a packet takes is cut, with success.
    let base = bench.machine.kernel().base();
    assert!(
        matches!(bench.get(Call::ReadVirtual { address: base, count: 8000 }), Answer::Memory { data, .. } if data.len() == DATA_BYTES)
    );
    assert_eq!(
        bench.get(Call::ReadVirtual {
            address: 0,
            count: 0
        }),
        Answer::Memory {
            address: 0,
            requested: 0,
            data: vec![]
        }
    );
    assert!(matches!(
        bench.get(Call::ReadPhysical {
            address: top,
            count: 4096,
            cache: Cache::DEFAULT
        }),
        Answer::Memory { .. }
    ));
    let beyond = Call::ReadPhysical {
        address: 1 << 40,
        count: 4,
        cache: Cache::DEFAULT,
    };
    assert!(bench.ask(beyond).status.is_failure());
}

#[test]
fn virtual_and_physical_memory_agree_by_way_of_the_tables() {
    let mut bench = stopped();
    let address = bench.symbol("NtBuildLab");
    // As a debugger does it: four levels from CR3.
    let control = bench.get(Call::ReadControl {
        address: 2,
        count: 0xE0,
    });
    let Answer::Memory { data, .. } = control else {
        panic!("no registers")
    };
    assert_eq!(data.len(), 0xE0);
    let mut table = u64_at(&data, 0x10).unwrap();
    for shift in [39, 30, 21, 12] {
        let slot = (table & 0x000F_FFFF_FFFF_F000) + 8 * (address >> shift & 0x1FF);
        let Answer::Memory { data, .. } = bench.get(Call::ReadPhysical {
            address: slot,
            count: 8,
            cache: Cache::CACHED,
        }) else {
            panic!("no entry")
        };
        table = u64_at(&data, 0).unwrap();
        assert_eq!(table & 1, 1, "present");
    }
    let pte = PTE_BASE + ((address >> 12 & 0xF_FFFF_FFFF) << 3);
    assert_eq!(bench.machine.kernel().memory.word(pte), Some(table));
    let physical = table & 0x000F_FFFF_FFFF_F000 | address & 0xFFF;
    bench.get(Call::WritePhysical {
        address: physical,
        data: b"20000".to_vec(),
        cache: Cache::DEFAULT,
    });
    assert_eq!(bench.machine.readable(address, 7), b"20000.1");
    // Other machines share the image, not the change.
    assert_eq!(Bench::silent().machine.readable(address, 7), b"19041.1");
}

#[test]
fn registers_are_set_only_after_they_were_read() {
    let mut bench = stopped();
    let mut registers = bench.machine.registers(1).unwrap().clone();
    registers.set(Register::R9, 0x1234);
    let set = Call::SetContext {
        flags: 0,
        context: registers.context(),
    };
    assert_eq!(
        bench.tell(1, set.clone()).unwrap().status,
        NtStatus::UNSUCCESSFUL
    );
    bench.tell(1, Call::GetContext).unwrap();
    assert_eq!(bench.tell(1, set).unwrap().status, NtStatus::SUCCESS);
    assert_eq!(
        bench.machine.registers(1).unwrap().get(Register::R9),
        0x1234
    );
    assert_eq!(
        bench.tell(9, Call::GetContext).unwrap().status,
        NtStatus::UNSUCCESSFUL
    );
}

#[test]
fn a_context_set_in_parts_counts_when_the_last_has_come() {
    let mut bench = stopped();
    let mut context = bench.machine.registers(0).unwrap().context();
    bench.get(Call::GetContextEx {
        offset: 0,
        count: 0x4D0,
    });
    context[0x78..0x80].copy_from_slice(&77_u64.to_le_bytes());
    let total = 0x4D0;
    bench.get(Call::SetContextEx {
        offset: 0,
        total,
        data: context[..1000].to_vec(),
    });
    assert_ne!(bench.machine.registers(0).unwrap().get(Register::Rax), 77);
    bench.get(Call::SetContextEx {
        offset: 1000,
        total,
        data: context[1000..].to_vec(),
    });
    assert_eq!(bench.machine.registers(0).unwrap().get(Register::Rax), 77);
    let beyond = Call::SetContextEx {
        offset: 1000,
        total,
        data: vec![0; 1000],
    };
    assert!(bench.ask(beyond).status.is_failure());
    assert!(
        bench
            .ask(Call::GetContextEx {
                offset: 0x4D1,
                count: 1
            })
            .status
            .is_failure()
    );
}

#[test]
fn control_space_tells_where_each_processor_keeps_its_own() {
    let mut bench = stopped();
    for processor in 0..4 {
        let mut pointers = Vec::new();
        for address in [0, 1, 3] {
            let reply = bench
                .tell(processor, Call::ReadControl { address, count: 8 })
                .unwrap();
            let Answer::Memory { data, .. } = reply.answer else {
                panic!("no pointer")
            };
            pointers.push(u64_at(&data, 0).unwrap());
        }
        let [region, block, thread] = pointers[..] else {
            panic!("three were asked")
        };
        let word = |address| bench.machine.kernel().memory.word(address).unwrap();
        assert_eq!((word(region + 0x18), word(region + 0x20)), (region, block));
        assert_eq!(word(block + 8), thread);
        assert_eq!(
            word(bench.symbol("KiProcessorBlock") + 8 * u64::from(processor)),
            block
        );
        // What the kernel keeps of a stopped processor is what the processor has.
        let kept = bench.machine.readable(block + 0x1F0, 0x4D0);
        assert_eq!(
            kept,
            bench
                .machine
                .registers(usize::from(processor))
                .unwrap()
                .context()
        );
    }
    assert!(
        bench
            .ask(Call::ReadControl {
                address: 4,
                count: 8
            })
            .status
            .is_failure()
    );
}

#[test]
fn another_processor_reports_when_it_is_asked_to() {
    let mut bench = stopped();
    for (asked, reported) in [(2, 2), (2, 2), (9, 2), (0, 0)] {
        assert_eq!(bench.tell(asked, Call::SwitchProcessor), None);
        let state = bench.next_stop();
        assert_eq!(
            (state.processor, code(&state)),
            (reported, Exception::WAKE_DEBUGGER)
        );
    }
}

#[test]
fn the_table_has_room_for_32_breakpoints_and_keeps_those_without_memory() {
    let mut bench = stopped();
    let base = bench
        .machine
        .kernel()
        .address_of("tcpip.sys", "TcpipDispatch");
    let (far, code) = (0xFFFF_F900_0000_0000, bench.machine.readable(base, 64));
    assert_eq!(
        bench.get(Call::WriteBreakpoint { address: far }),
        Answer::Breakpoint {
            address: far,
            handle: 1
        }
    );
    for offset in 0..31 {
        bench.get(Call::WriteBreakpoint {
            address: base + offset,
        });
    }
    assert!(
        bench
            .ask(Call::WriteBreakpoint { address: base + 40 })
            .status
            .is_failure()
    );
    for handle in 1..=32 {
        bench.get(Call::RestoreBreakpoint { handle });
    }
    assert!(
        bench
            .ask(Call::RestoreBreakpoint { handle: 1 })
            .status
            .is_failure()
    );
    assert!(
        bench
            .ask(Call::RestoreBreakpoint { handle: 0 })
            .status
            .is_failure()
    );
    assert_eq!(bench.machine.readable(base, 64), code);
    let entries = vec![
        BreakpointEntry {
            address: base,
            handle: 0,
        },
        BreakpointEntry {
            address: base + 1,
            handle: 0,
        },
    ];
    let Answer::Breakpoints(set) = bench.get(Call::WriteBreakpoints {
        status: NtStatus::CONTINUE,
        entries,
    }) else {
        panic!("no list")
    };
    assert_eq!(
        set.iter().map(|entry| entry.handle).collect::<Vec<_>>(),
        [1, 2]
    );
    bench.get(Call::RestoreBreakpoints {
        status: NtStatus::CONTINUE,
        handles: vec![1, 2],
    });
    assert_eq!(bench.machine.readable(base, 64), code);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

    /// A machine survives any request and any change of its registers and memory.
    #[test]
    fn no_request_breaks_the_machine(payloads in prop::collection::vec(
        (0x3130..0x3161_u32, any::<[u8; 40]>(), prop::collection::vec(any::<u8>(), 0..64), 0..5_u16), 1..40))
    {
        let mut bench = stopped();
        for (api, union, data, processor) in payloads {
            let mut payload = api.to_le_bytes().to_vec();
            payload.extend([0; 2]);
            payload.extend(processor.to_le_bytes());
            payload.extend([0; 8]);
            payload.extend(union);
            payload.extend(data);
            let message = FromHost::decode(crate::proto::kd::PacketType::Manipulate, &payload).unwrap();
            bench.machine.hear(&message, DATA_BYTES, bench.now);
            for _ in 0..8 {
                bench.machine.run(bench.now);
            }
            bench.now += Duration::from_millis(100);
            bench.machine.break_in();
        }
    }
}
