//! Requests for what is beside memory and registers, and for the end of a machine.

use crate::proto::kd::{BusPlace, IoPlace};

use super::debuggee::stopped;
use super::*;

#[test]
fn registers_of_the_model_ports_and_devices_answer_as_far_as_they_are_there() {
    let mut bench = stopped();
    let lstar = bench.symbol("KiSystemCall64");
    assert_eq!(
        bench.get(Call::ReadMsr { msr: 0xC000_0082 }),
        Answer::Msr(lstar)
    );
    bench.get(Call::WriteMsr {
        msr: 0x277,
        value: 5,
    });
    assert_eq!(bench.get(Call::ReadMsr { msr: 0x277 }), Answer::Msr(5));
    assert_eq!(
        bench.ask(Call::ReadMsr { msr: 0x1234 }).status,
        NtStatus::NO_SUCH_DEVICE
    );
    assert_eq!(
        bench.get(Call::ReadIo {
            port: 0x3FD,
            size: 1
        }),
        Answer::Io(0x60)
    );
    assert_eq!(
        bench
            .ask(Call::ReadIo {
                port: 0x61,
                size: 2
            })
            .status,
        NtStatus::DATATYPE_MISALIGNMENT
    );
    assert_eq!(
        bench
            .ask(Call::ReadIo {
                port: 0x60,
                size: 3
            })
            .status,
        NtStatus::INVALID_PARAMETER
    );
    bench.get(Call::WriteIo {
        port: 0x80,
        size: 4,
        value: 0x1122_3344,
    });
    assert_eq!(
        bench.get(Call::ReadIo {
            port: 0x82,
            size: 2
        }),
        Answer::Io(0x1122)
    );
    let place = IoPlace {
        size: 1,
        interface: 1,
        bus: 0,
        space: 1,
        address: 0x3FD,
    };
    assert_eq!(bench.get(Call::ReadIoEx(place)), Answer::Io(0x60));
    let network = BusPlace {
        kind: 4,
        bus: 0,
        slot: 2,
        offset: 0,
    };
    assert_eq!(
        bench.get(Call::GetBusData {
            place: network,
            count: 4
        }),
        Answer::Bus(vec![0x86, 0x80, 0xD3, 0x10])
    );
    let nothing = BusPlace { slot: 9, ..network };
    assert_eq!(
        bench.get(Call::GetBusData {
            place: nothing,
            count: 64
        }),
        Answer::Bus(vec![0xFF, 0xFF])
    );
    assert_eq!(
        bench.get(Call::SetBusData {
            place: network,
            data: vec![1]
        }),
        Answer::BusWritten { done: 1 }
    );
}

#[test]
fn memory_is_searched_filled_and_told_about() {
    let mut bench = stopped();
    let (base, lab) = (bench.machine.kernel().base(), bench.symbol("NtBuildLab"));
    let pattern = b"19041.1.amd64fre".to_vec();
    let search = |start, length| Call::SearchMemory {
        start,
        length,
        pattern: pattern.clone(),
    };
    assert_eq!(bench.get(search(base, 1 << 20)), Answer::Found(lab));
    assert_eq!(bench.ask(search(lab + 1, 100)).status, NtStatus::NOT_FOUND);
    let fill = Call::FillMemory {
        address: lab,
        length: 5,
        flags: 1,
        pattern: b"ab".to_vec(),
    };
    assert_eq!(bench.get(fill), Answer::Filled { done: 5 });
    assert_eq!(bench.machine.readable(lab, 6), b"ababa.");
    assert!(
        bench
            .ask(Call::FillMemory {
                address: lab,
                length: 5,
                flags: 0,
                pattern: vec![1]
            })
            .status
            .is_failure()
    );
    let code = bench.symbol("NtClose");
    assert_eq!(
        bench.get(Call::QueryMemory {
            address: code,
            space: 0
        }),
        Answer::Queried {
            address: code,
            space: 2,
            flags: 5
        }
    );
    assert_eq!(
        bench.get(Call::QueryMemory {
            address: lab,
            space: 0
        }),
        Answer::Queried {
            address: lab,
            space: 2,
            flags: 3
        }
    );
    assert_eq!(
        bench
            .ask(Call::QueryMemory {
                address: code,
                space: 1
            })
            .status,
        NtStatus::INVALID_PARAMETER
    );
    assert_eq!(bench.get(Call::CheckLowMemory), Answer::Empty);
}

#[test]
fn a_bug_check_on_request_and_a_restart_have_no_reply() {
    let mut bench = stopped();
    assert_eq!(bench.tell(0, Call::CauseBugcheck { code: 0xE2 }), None);
    bench.next_stop();
    assert!(bench.printed.contains("0x000000e2"), "{}", bench.printed);
    assert_eq!(bench.machine.kernel().bug_check(), [0xE2, 0, 0, 0, 0]);
    assert_eq!(bench.tell(0, Call::Reboot), None);
    assert_eq!(bench.next_event(), Event::Reset);
}
