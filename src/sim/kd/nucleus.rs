//! The kernel's image: its idle loop, the way from the clock to a break-in, system calls, bug checks, variables.

use super::assembler::{Function, When};
use super::image::{Builder, Image};
use super::program::{
    BUILD_LAB, DATA_BLOCK_BYTES, HARDWARE, KERNEL, PRINT_RING_BYTES, PROCESSORS_MAX, Work, ordinary,
};
use super::registers::Register::{
    self, R8, R9, R10, R11, R12, R14, R15, Rax, Rbp, Rbx, Rcx, Rdi, Rdx, Rsi,
};

/// Functions of the kernel that others can call and that do nothing of note, each with those it calls.
const EXPORTS: [(&str, &[&str]); 38] = [
    ("ExAllocatePoolWithTag", &[]),
    ("ExFreePoolWithTag", &[]),
    ("ExQueueWorkItem", &["KeSetEvent"]),
    ("IoAllocateIrp", &["ExAllocatePoolWithTag"]),
    (
        "IoCreateDevice",
        &["ExAllocatePoolWithTag", "RtlInitUnicodeString"],
    ),
    ("IoCreateFile", &["IopCreateFile"]),
    (
        "IoDeleteDevice",
        &["ExFreePoolWithTag", "ObfDereferenceObject"],
    ),
    ("IoFreeIrp", &["ExFreePoolWithTag"]),
    ("IofCompleteRequest", &["KeSetEvent", "IoFreeIrp"]),
    ("KdPollBreakIn", &[]),
    ("KeAcquireSpinLockRaiseToDpc", &[]),
    ("KeBugCheck", &["KeBugCheckEx"]),
    ("KeDelayExecutionThread", &["KiSwapThread"]),
    ("KeInitializeEvent", &[]),
    ("KeQueryPerformanceCounter", &[]),
    ("KeReleaseSpinLock", &[]),
    (
        "KeSetEvent",
        &["KeAcquireSpinLockRaiseToDpc", "KeReleaseSpinLock"],
    ),
    ("KeStallExecutionProcessor", &[]),
    ("KeWaitForSingleObject", &["KiSwapThread"]),
    ("MmGetSystemRoutineAddress", &["RtlInitUnicodeString"]),
    ("MmMapIoSpace", &["ExAllocatePoolWithTag"]),
    ("NtClose", &["ObfDereferenceObject"]),
    ("NtCreateFile", &["IopCreateFile"]),
    (
        "NtReadFile",
        &[
            "ObReferenceObjectByHandle",
            "IofCallDriver",
            "KeWaitForSingleObject",
        ],
    ),
    (
        "NtWriteFile",
        &["ObReferenceObjectByHandle", "IofCallDriver"],
    ),
    ("ObOpenObjectByName", &["ObpLookupObjectName"]),
    ("ObReferenceObjectByHandle", &[]),
    ("ObfDereferenceObject", &["ExFreePoolWithTag"]),
    ("ObfReferenceObject", &[]),
    ("PsGetCurrentProcess", &[]),
    ("PsGetCurrentThreadId", &[]),
    ("PsLookupProcessByProcessId", &["ObfReferenceObject"]),
    ("RtlCompareMemory", &[]),
    ("RtlCopyUnicodeString", &[]),
    ("RtlGetVersion", &[]),
    ("RtlInitUnicodeString", &[]),
    ("ZwClose", &["NtClose"]),
    ("ZwCreateFile", &["NtCreateFile"]),
];

/// The image of the kernel.
pub(super) fn kernel() -> Image {
    let mut image = Builder::new(KERNEL, "KiSystemStartup");
    add_idle(&mut image);
    add_clock(&mut image);
    add_worker(&mut image);
    add_bug_check(&mut image);
    for (name, calls) in EXPORTS {
        image.add(ordinary(name, calls).exported());
    }
    for (name, calls) in [
        ("IopCreateFile", &["ObOpenObjectByName"] as &[_]),
        ("IopParseDevice", &["IoAllocateIrp", "IofCallDriver"]),
        ("KiSwapThread", &[]),
        ("KiSystemCall64", &["NtReadFile"]),
        ("ObpLookupObjectName", &["IopParseDevice"]),
    ] {
        image.add(ordinary(name, calls));
    }
    for (name, bytes) in [
        ("CmNtCSDVersion", 8),
        ("IopDriverDispatch", 8),
        ("IopOperation", 8),
        ("KdBreakRequested", 8),
        ("KdPrintBufferSize", 8),
        ("KdPrintCircularBuffer", PRINT_RING_BYTES),
        ("KdPrintCircularBufferPtr", 8),
        ("KdPrintRolloverCount", 8),
        ("KdPrintWritePointer", 8),
        ("KdVersionBlock", 0x28),
        ("KdpDebuggerDataListHead", 16),
        ("KeLoaderBlock", 8),
        ("KeTimeIncrement", 8),
        ("KiBugCheckText", 0x100),
        ("KiBugCheckData", 40),
        ("KiProcessorBlock", 8 * PROCESSORS_MAX),
        ("KiWorkItem", 8),
        ("MmPfnDatabase", 8),
        ("MmSystemRangeStart", 8),
        ("MmLastUnloadedDriver", 8),
        ("MmUnloadedDrivers", 8),
        ("MmLoadedUserImageList", 16),
        ("MmPhysicalMemoryBlock", 8),
        ("ObpRootDirectoryObject", 8),
        ("PsActiveProcessHead", 16),
        ("PspCidTable", 8),
        ("KdDebuggerDataBlock", DATA_BLOCK_BYTES),
    ] {
        image.variable(name, vec![0; bytes]);
    }
    image.variable("NtBuildLab", [BUILD_LAB.as_bytes(), &[0]].concat());
    for (name, value) in [
        ("InitSafeBootMode", 0_u64),
        ("KdDebuggerEnabled", 1),
        ("KdDebuggerNotPresent", 0),
        ("KeTickCount", 0),
        ("MmHighestUserAddress", 0x7FFF_FFFE_FFFF),
        ("NtBuildNumber", 0xF000_4A61),
        ("NtGlobalFlag", 0),
        ("PsInitialSystemProcess", 0),
        ("PsLoadedModuleList", 0),
    ] {
        image.exported_variable(name, [value.to_le_bytes(), [0; 8]].concat());
    }
    image.build()
}

/// What a processor does when there is nothing to do.
fn add_idle(image: &mut Builder) {
    let mut idle = Function::new("KiIdleLoop");
    idle.allocate(0x28);
    let top = idle.here();
    idle.call("PoIdle");
    idle.load_short(Rax, "KiWorkItem");
    idle.compare(Rax, 0);
    idle.back(Some(When::Equal), top);
    idle.set_short("KiWorkItem", 0);
    idle.copy(Rcx, Rax);
    idle.call("ExpWorkerThread");
    idle.back(None, top);
    image.add(idle);

    let mut startup = Function::new("KiSystemStartup");
    startup.allocate(0x38);
    startup.call("KiIdleLoop");
    startup.leave();
    image.add(startup);

    let mut idle = Function::new("PoIdle");
    for register in [Rbx, Rsi, R14] {
        idle.push(register);
    }
    idle.allocate(0x50);
    idle.copy(Rbx, Rcx);
    idle.call("PpmIdleExecuteTransition");
    idle.leave();
    image.add(idle);

    let mut transition = Function::new("PpmIdleExecuteTransition");
    transition.push(Rbp);
    transition.push(R15);
    transition.push(R12);
    transition.allocate(0x1B0);
    transition.frame(Rbp, 0x40);
    transition.save(Rdi, 0x1A0);
    transition.clear(Rdi);
    transition.call("PpmIdleDefaultExecute");
    transition.leave();
    image.add(transition);

    let mut execute = Function::new("PpmIdleDefaultExecute");
    execute.allocate(0x28);
    execute.call_import(HARDWARE, "HalProcessorIdle");
    execute.clear(Rax);
    execute.leave();
    image.add(execute);
}

/// From the clock's interrupt to the break-in.
fn add_clock(image: &mut Builder) {
    // Whatever the interrupted code has in registers must be there again afterwards. They lie as in a trap frame, of
    // which the processor has pushed the end.
    let volatile = (0x30_u32..)
        .step_by(8)
        .zip([Rax, Rcx, Rdx, R8, R9, R10, R11]);
    let mut interrupt = Function::new("KiInterruptDispatchNoLockNoEtw");
    interrupt.machine_frame();
    interrupt.allocate(0x168);
    interrupt.save(Rbp, 0x158);
    interrupt.address(Rbp, Register::Rsp, 0x80);
    for (offset, register) in volatile.clone() {
        interrupt.store(Register::Rsp, offset, register);
    }
    interrupt.call("KiCallInterruptServiceRoutine");
    for (offset, register) in volatile {
        interrupt.load(register, Register::Rsp, offset);
    }
    interrupt.leave_interrupt();
    image.add(interrupt);

    let mut service = Function::new("KiCallInterruptServiceRoutine");
    service.push(Rbx);
    service.allocate(0x20);
    service.call_import(HARDWARE, "HalpTimerClockInterrupt");
    service.leave();
    image.add(service);

    let mut notify = Function::new("KeClockInterruptNotify").exported();
    notify.push(Rbx);
    notify.push(Rdi);
    notify.allocate(0x28);
    notify.increment("KeTickCount");
    notify.call("KeAccumulateTicks");
    notify.leave();
    image.add(notify);

    let mut ticks = Function::new("KeAccumulateTicks");
    ticks.allocate(0x48);
    ticks.save(Rsi, 0x30);
    ticks.save(R12, 0x38);
    ticks.clear(Rsi);
    ticks.call("KdCheckForDebugBreak");
    ticks.leave();
    image.add(ticks);

    let mut check = Function::new("KdCheckForDebugBreak");
    check.allocate(0x28);
    check.compare_byte("KdBreakRequested", 0);
    let nothing = check.ahead(Some(When::Equal));
    check.set_byte("KdBreakRequested", 0);
    check.set(Rcx, 1);
    check.call("DbgBreakPointWithStatus");
    check.land(nothing);
    check.leave();
    image.add(check);

    for name in ["DbgBreakPointWithStatus", "DbgBreakPoint"] {
        let mut leaf = Function::new(name).exported();
        leaf.raw(&[0xCC]);
        leaf.leave();
        image.add(leaf);
    }

    let mut service = Function::new("DebugService2");
    service.copy(Rax, R8);
    // The kernel goes on behind the second of these.
    service.raw(&[0xCD, 0x2D, 0xCC]);
    service.leave();
    image.add(service);
}

/// What [`Work`] sets going.
fn add_worker(image: &mut Builder) {
    let mut worker = Function::new("ExpWorkerThread");
    worker.push(Rbx);
    worker.push(Rdi);
    worker.allocate(0x28);
    worker.copy(Rbx, Rcx);
    worker.store_to("IopOperation", 0, Rbx);
    let mut ends = Vec::new();
    for (work, goal) in [
        (Work::Calls, "IopSystemRound"),
        (Work::Load, "IopLoadDriver"),
        (Work::Unload, "IopUnloadDriver"),
    ] {
        worker.compare(Rbx, work as u8);
        let other = worker.ahead(Some(When::NotEqual));
        worker.call(goal);
        ends.push(worker.ahead(None));
        worker.land(other);
    }
    worker.call("IofCallDriver");
    for end in ends {
        worker.land(end);
    }
    worker.leave();
    image.add(worker);

    image.add(ordinary(
        "IopSystemRound",
        &[
            "ZwCreateFile",
            "NtReadFile",
            "NtWriteFile",
            "KeDelayExecutionThread",
            "ExQueueWorkItem",
            "ZwClose",
            "RtlGetVersion",
            "PsLookupProcessByProcessId",
            "KeQueryPerformanceCounter",
        ],
    ));

    let mut call = Function::new("IofCallDriver").exported();
    call.push(Rsi);
    call.allocate(0x30);
    call.load_from(Rax, "IopDriverDispatch", 0);
    call.test(Rax);
    let nobody = call.ahead(Some(When::Equal));
    call.load_short(Rdx, "IopOperation");
    call.call_rax();
    call.land(nobody);
    call.leave();
    image.add(call);

    for (name, next, service) in [
        ("IopLoadDriver", "MmLoadSystemImage", 3),
        ("IopUnloadDriver", "MmUnloadSystemImage", 4),
    ] {
        image.add(ordinary(name, &[next]));
        let tell = if service == 3 {
            "DbgLoadImageSymbols"
        } else {
            "DbgUnLoadImageSymbols"
        };
        image.add(ordinary(next, &["ExAllocatePoolWithTag", tell]));
        let mut telling = Function::new(tell);
        telling.allocate(0x58);
        telling.set(R8, service);
        telling.call("DebugService2");
        telling.leave();
        image.add(telling);
    }

    let mut assert = Function::new("RtlAssert").exported();
    assert.push(Rdi);
    assert.allocate(0x250);
    assert.call("DbgBreakPoint");
    assert.leave();
    image.add(assert);

    for name in ["DbgPrint", "DbgPrintEx", "DbgPrompt"] {
        image.add(ordinary(name, &[]).exported());
    }
}

/// What happens when nothing can go on.
fn add_bug_check(image: &mut Builder) {
    let mut check = Function::new("KeBugCheckEx").exported();
    check.allocate(0x38);
    for (offset, register) in [(0, Rcx), (8, Rdx), (16, R8), (24, R9)] {
        check.store_to("KiBugCheckData", offset, register);
    }
    check.load(Rax, Register::Rsp, 0x38 + 8 + 0x20);
    check.store_to("KiBugCheckData", 32, Rax);
    check.call("KeBugCheck2");
    check.raw(&[0xCC]);
    check.leave();
    image.add(check);

    let mut second = Function::new("KeBugCheck2");
    for register in [Rbp, Rbx, Rsi, Rdi, R12, R14, R15] {
        second.push(register);
    }
    second.allocate(0x8B0);
    second.frame(Rbp, 0x80);
    second.address_of(Rcx, "KiBugCheckText");
    second.set(R8, 1);
    second.call("DebugService2");
    for status in [3, 4] {
        second.set(Rcx, status);
        second.call("KiBugCheckDebugBreak");
    }
    second.call_import(HARDWARE, "HalReturnToFirmware");
    second.leave();
    image.add(second);

    let mut enter = Function::new("KiBugCheckDebugBreak");
    enter.push(Rbx);
    enter.allocate(0x30);
    enter.call("DbgBreakPointWithStatus");
    enter.leave();
    image.add(enter);
}
