//! The images of simulated machines: a kernel, a hardware layer, and drivers.
//!
//! Their names are those that a debugger's user knows; their code is made up, and does just enough: an idle loop that
//! interrupts wake, a way from the clock to the break-in, calls through several modules, bug checks, and the debug
//! service by which a kernel tells its debugger of modules. Frames are of every shape that unwind data can describe
//! and compilers use.

use std::sync::{Arc, OnceLock};

use super::assembler::{Function, When};
use super::image::{Builder, Image};
use super::nucleus;
use super::registers::Register::{self, R8, R9, R12, R14, R15, Rax, Rbp, Rbx, Rcx, Rdi, Rdx, Rsi};

/// File name of the kernel; debuggers call it `nt`.
pub const KERNEL: &str = "ntoskrnl.exe";

/// File name of the hardware layer.
pub const HARDWARE: &str = "hal.dll";

/// File name of the driver in which things go wrong.
pub const DRIVER: &str = "mydrv.sys";

/// Drivers that are loaded at boot, besides kernel and hardware layer, in this order.
pub const BOOT_DRIVERS: [&str; 6] = [
    DRIVER,
    "ndis.sys",
    "tcpip.sys",
    "storport.sys",
    "Ntfs.sys",
    "fltmgr.sys",
];

/// Drivers that come and go.
pub const LATE_DRIVERS: [&str; 3] = ["usbstor.sys", "flpydisk.sys", "extra.sys"];

/// Version that the kernel gives itself.
pub const BUILD_LAB: &str = "19041.1.amd64fre.vb_release.191206-1406";

/// Bytes of the kernel's ring of debug prints.
pub const PRINT_RING_BYTES: usize = 0x4000;

/// Bytes of the debugger data block.
pub const DATA_BLOCK_BYTES: usize = 0x380;

/// Most processors the kernel has room for.
pub const PROCESSORS_MAX: usize = 64;

/// What the idle loop is told to do next, as the kernel's variable has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// A round of ordinary system calls.
    Calls = 1,
    /// Load the image that the machine has ready.
    Load = 2,
    /// Unload it.
    Unload = 3,
    /// A driver calls for a bug check.
    BugCheck = 4,
    /// A driver touches memory that is not there.
    Touch = 5,
    /// A driver finds its state wrong and breaks in.
    Assert = 6,
}

/// The image of that file name; `None` if there is none.
#[must_use]
pub fn image(name: &str) -> Option<&'static Arc<Image>> {
    static IMAGES: OnceLock<Vec<Arc<Image>>> = OnceLock::new();
    let images = IMAGES.get_or_init(|| {
        let mut images = vec![nucleus::kernel(), hardware(), faulty_driver()];
        let drivers = BOOT_DRIVERS
            .iter()
            .chain(&LATE_DRIVERS)
            .filter(|name| **name != DRIVER);
        images.extend(drivers.map(|name| driver(name)));
        images.into_iter().map(Arc::new).collect()
    });
    images.iter().find(|image| image.name == name)
}

fn hardware() -> Image {
    let mut image = Builder::new(HARDWARE, "HalInitSystem");
    let mut idle = Function::new("HalProcessorIdle").exported();
    idle.raw(&[0xFB, 0xF4]);
    idle.leave();
    image.add(idle);

    let mut clock = Function::new("HalpTimerClockInterrupt");
    clock.push(Rsi);
    clock.allocate(0x20);
    clock.call_import(KERNEL, "KeClockInterruptNotify");
    clock.leave();
    image.add(clock);

    let mut firmware = Function::new("HalReturnToFirmware").exported();
    firmware.allocate(0x28);
    firmware.set(Rdx, 0xCF9);
    firmware.set(Rax, 6);
    let again = firmware.here();
    firmware.raw(&[0xEE]);
    firmware.back(None, again);
    image.add(firmware);

    for name in [
        "HalInitSystem",
        "HalGetBusDataByOffset",
        "HalSetBusDataByOffset",
        "HalTranslateBusAddress",
    ] {
        image.add(ordinary(name, &[]).exported());
    }
    image.build()
}

fn faulty_driver() -> Image {
    let mut image = Builder::new(DRIVER, "DriverEntry");
    image.add(ordinary("DriverEntry", &["MyReset"]));
    image.add(ordinary("MyReset", &[]).exported());

    let mut dispatch = Function::new("MyDispatch").exported();
    dispatch.push(Rbx);
    dispatch.allocate(0x40);
    dispatch.copy(Rbx, Rdx);
    dispatch.increment("MyRequests");
    let mut ends = Vec::new();
    for (work, goal) in [
        (Work::BugCheck, "MyCrash"),
        (Work::Touch, "MyTouch"),
        (Work::Assert, "MyCheckState"),
    ] {
        dispatch.compare(Rbx, work as u8);
        let other = dispatch.ahead(Some(When::NotEqual));
        dispatch.call(goal);
        ends.push(dispatch.ahead(None));
        dispatch.land(other);
    }
    dispatch.call_import(KERNEL, "IofCompleteRequest");
    for end in ends {
        dispatch.land(end);
    }
    dispatch.clear(Rax);
    dispatch.leave();
    image.add(dispatch);

    let mut crash = Function::new("MyCrash");
    crash.allocate(0x38);
    crash.address_of(Rax, "MyCrash");
    crash.store(Register::Rsp, 0x20, Rax);
    crash.set(Rcx, 0xD1);
    crash.set(Rdx, 0x18);
    crash.set(R8, 2);
    crash.clear(R9);
    crash.call_import(KERNEL, "KeBugCheckEx");
    crash.leave();
    image.add(crash);

    let mut touch = Function::new("MyTouch");
    touch.allocate(0x28);
    touch.clear(Rcx);
    touch.load(Rax, Rcx, 0x18);
    touch.leave();
    image.add(touch);

    let mut check = Function::new("MyCheckState");
    check.push(Rsi);
    check.allocate(0x20);
    check.call_import(KERNEL, "RtlAssert");
    check.leave();
    image.add(check);

    image.exported_variable("MyRequests", vec![0; 8]);
    image.exported_variable("MyState", vec![1, 0, 0, 0, 0, 0, 0, 0]);
    image.build()
}

/// A driver that does nothing of note.
fn driver(name: &'static str) -> Image {
    let mut image = Builder::new(name, "DriverEntry");
    let stem: String = name.split('.').next().unwrap_or_default().to_owned();
    let exports: Vec<String> = ["Initialize", "Dispatch", "Complete", "Shutdown"]
        .iter()
        .map(|part| format!("{}{}{part}", stem[..1].to_uppercase(), &stem[1..]))
        .collect();
    let calls: Vec<&str> = exports.iter().map(String::as_str).collect();
    image.add(ordinary("DriverEntry", &calls));
    image.add(ordinary("DriverUnload", calls.get(3..).unwrap_or_default()));
    for name in &exports {
        image.add(ordinary(name, &[]).exported());
    }
    image.variable("Statistics", vec![0; 0x100]);
    image.build()
}

/// A function with a frame of a shape that its name decides, some instructions, and these calls.
pub(super) fn ordinary(name: &str, calls: &[&str]) -> Function {
    let hash = name.bytes().fold(0x811C_9DC5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    let mut function = Function::new(name);
    let saved = [Rbx, Rsi, Rdi, R12, R14, R15];
    let pushes = (hash % 5) as usize;
    let framed = hash & 0x40 != 0;
    if framed {
        function.push(Rbp);
    }
    for register in saved.into_iter().take(pushes) {
        function.push(register);
    }
    let odd = (pushes + usize::from(framed)).is_multiple_of(2);
    let room = 0x20 + 16 * (hash >> 8 & 15) + if odd { 8 } else { 0 };
    function.allocate(room);
    if framed {
        function.frame(Rbp, 0x20);
    }
    if hash & 0x80 != 0 && room >= 0x38 {
        // A register that was not pushed, for there are at most four of those.
        function.save(R15, 0x28);
    }
    function.clear(Rax);
    if pushes > 0 {
        function.copy(Rbx, Rcx);
    }
    if calls.is_empty() {
        function.set(Rcx, 2 + (hash >> 16 & 3));
        let top = function.here();
        function.decrement(Rcx);
        function.back(Some(When::NotEqual), top);
        function.raw(&[0x90]);
    }
    for call in calls {
        function.call(call);
    }
    function.set(Rax, 0);
    function.leave();
    function
}
