//! ntoseye, a debugger of Windows kernels that others wrote, as the host of our simulated targets: KDNET and KD.
//!
//! Without a PDB of the kernel it agrees on a key or synchronizes, shows what the target prints, stops it, finds the
//! kernel, reads which PDB belongs to that, and ends, in its modes `mcp` and `gdbserver` too. No such PDB can be
//! downloaded, so the test makes one. With that it does everything: modules, stacks, processes, memory, breakpoints of
//! both kinds, steps, processors, machine registers.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use kdeck::sim::kd::image::Image;
use kdeck::sim::kd::kernel::Kernel;
use kdeck::sim::kd::program::KERNEL;

use crate::pdb::{Member, Pdb, Structure};
use crate::rig;
use crate::support::ports::free_port;
use crate::support::simulator::{simulate, value};

/// Its version that these checks are known to hold for is in `.ci/run`.
const PROGRAM: &str = "ntoseye";

/// How long it may take, seconds. It gives up by itself when nobody answers.
const RUN_S: &str = "60";

/// What the targets print, lines each second: some come while it attaches.
const RATE: &str = "50";

/// What it is told to do, in order.
const COMMANDS: [&str; 23] = [
    "vertarget",
    "lm",
    "!process 0 0",
    "k",
    "db nt L2",
    "!vtop 0 nt",
    "rdmsr c0000082",
    "ed nt!KiBugCheckData 11223344",
    "dd nt!KiBugCheckData L1",
    "bp nt!IofCompleteRequest",
    "g",
    "kn",
    "r rip",
    "t",
    "p",
    "gu",
    "bc *",
    "~1s",
    "kn",
    "ba w4 nt!KeTickCount",
    "g",
    "bc 0",
    ".echo end",
];

/// The structures that it looks into, as far as the simulated memory has them.
const STRUCTURES: [Structure; 5] = [
    Structure {
        name: "_LIST_ENTRY",
        bytes: 16,
        members: &[("Flink", 0, Member::U64), ("Blink", 8, Member::U64)],
    },
    Structure {
        name: "_UNICODE_STRING",
        bytes: 16,
        members: &[
            ("Length", 0, Member::U16),
            ("MaximumLength", 2, Member::U16),
            ("Buffer", 8, Member::U64),
        ],
    },
    Structure {
        name: "_LDR_DATA_TABLE_ENTRY",
        bytes: 0x120,
        members: &[
            ("InLoadOrderLinks", 0, Member::Inner("_LIST_ENTRY")),
            ("DllBase", 0x30, Member::U64),
            ("EntryPoint", 0x38, Member::U64),
            ("SizeOfImage", 0x40, Member::U32),
            ("FullDllName", 0x48, Member::Inner("_UNICODE_STRING")),
            ("BaseDllName", 0x58, Member::Inner("_UNICODE_STRING")),
        ],
    },
    Structure {
        name: "_KPROCESS",
        bytes: 0x438,
        members: &[("DirectoryTableBase", 0x28, Member::U64)],
    },
    Structure {
        name: "_EPROCESS",
        bytes: 0xA40,
        members: &[
            ("Pcb", 0, Member::Inner("_KPROCESS")),
            ("UniqueProcessId", 0x440, Member::U64),
            ("ActiveProcessLinks", 0x448, Member::Inner("_LIST_ENTRY")),
            ("InheritedFromUniqueProcessId", 0x540, Member::U64),
            ("Peb", 0x550, Member::U64),
            ("ImageFileName", 0x5A8, Member::Text(15)),
        ],
    },
];

#[test]
fn ntoseye_attaches_to_our_target_on_kdnet() {
    if !rig::can_run("ntoseye on KDNET", &[PROGRAM]) {
        return;
    }
    let port = free_port().to_string();
    let target = ["kdnet", "--port", &port, "--key", "1.2.3.4"];
    let (sim, _) = simulate(
        &[&target[..], &["--offer-every", "1", "--rate", RATE]].concat(),
        1,
    );
    let place = format!("0.0.0.0:{port}");
    let said = run(&["-b", "kdnet", "--connect", &place, "--kdnet-key", "1.2.3.4"]);
    drop(sim);
    check(said, "kdnet: memory source kd");
}

#[test]
fn ntoseye_attaches_to_our_target_on_a_unix_socket() {
    if !rig::can_run("ntoseye on a Unix socket", &[PROGRAM]) {
        return;
    }
    let folder = tempfile::tempdir().expect("a directory");
    let path = folder.path().to_str().expect("UTF-8");
    let (sim, targets) = simulate(&["kdcom", "--unix", path, "--rate", RATE], 1);
    let said = run(&["-b", "kd", "--connect", value(&targets[0], "port")]);
    drop(sim);
    check(said, "kd: memory source kd");
}

/// What it says until it ends: each command's output, and everything else.
fn run(target: &[&str]) -> (Vec<String>, String) {
    let home = tempfile::tempdir().expect("a directory");
    let symbols = home.path().join("symbols");
    put_pdb(&symbols);
    let mut command = Command::new("timeout");
    command.args([RUN_S, PROGRAM, "--plain-repl", "--batch"]);
    command.args(["--kd-handshake-timeout", "20", "--memory-source", "kd"]);
    command.arg("--sympath-append").arg(&symbols).args(target);
    command.args(COMMANDS.iter().flat_map(|command| ["-c", *command]));
    // Where it keeps PDBs; and nobody is asked for one.
    command.env("HOME", home.path());
    command.env("HTTPS_PROXY", format!("http://127.0.0.1:{}", free_port()));
    let output = command.stdin(Stdio::null()).output();
    let output = output.expect("timeout(1) is there");
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{}\n{text}\n{errors}",
        output.status
    );

    let mut outputs: Vec<String> = Vec::new();
    for line in text.lines() {
        let typed = line
            .split_once("> ")
            .filter(|(prompt, _)| prompt.contains(": kd"));
        match (typed, outputs.last_mut()) {
            (Some((_, command)), _) => {
                assert_eq!(COMMANDS.get(outputs.len()), Some(&command), "{text}");
                outputs.push(String::new());
            }
            (None, Some(output)) => *output += &format!("{line}\n"),
            (None, None) => panic!("{line}\n{errors}"),
        }
    }
    assert_eq!(outputs.len(), COMMANDS.len(), "{text}");
    (outputs, errors)
}

/// Puts the PDB of the simulated kernels where it is looked for: its name and its identity are the way there.
fn put_pdb(folder: &Path) {
    let kernel = Kernel::new(&mut fastrand::Rng::with_seed(1), 1, 0);
    let image = &kernel.module(KERNEL).expect("it is loaded").image;
    let (guid, age) = identity(image);
    let names = image.symbols.iter().map(|(name, at)| (name.as_str(), *at));
    let pdb = Pdb {
        guid,
        age,
        sections: sections(image),
        names: names.collect(),
        structures: &STRUCTURES,
    };
    let folder = folder.join(PDB).join(format!("{}{age:X}", hex(guid)));
    fs::create_dir_all(&folder).expect("a temporary directory");
    fs::write(folder.join(PDB), pdb.file()).expect("a file in it");
}

/// The name of the PDB of the kernel for several processors.
const PDB: &str = "ntkrnlmp.pdb";

/// What the image says which PDB belongs to it: the GUID as it lies in memory, the age.
fn identity(image: &Image) -> ([u8; 16], u32) {
    let at = image.bytes.windows(4).position(|bytes| bytes == b"RSDS");
    let record = &image.bytes[at.expect("it has one") + 4..];
    assert!(record[20..].starts_with(format!("{PDB}\0").as_bytes()));
    let guid = record[..16].try_into().expect("sixteen bytes");
    (guid, word(record, 16))
}

/// A GUID as it is written, without its dashes: the first three numbers have their lowest byte first in memory.
fn hex(guid: [u8; 16]) -> String {
    let order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
    let bytes = order.map(|at: usize| format!("{:02X}", guid[at]));
    bytes.concat()
}

fn sections(image: &Image) -> Vec<(u32, u32)> {
    let headers = word(&image.bytes, 0x3C) as usize;
    let count = usize::from(image.bytes[headers + 6]);
    let first = headers + 24 + 0xF0;
    let section = |number| {
        let at = first + 40 * number;
        (word(&image.bytes, at + 12), word(&image.bytes, at + 8))
    };
    (0..count).map(section).collect()
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

/// `attached` is what it says after the target has answered it.
fn check((outputs, errors): (Vec<String>, String), attached: &str) {
    check_prints(&errors, attached);
    let [
        version,
        modules,
        processes,
        stack,
        bytes,
        tables,
        register,
        _,
        written,
        _,
        hit,
        stack_there,
        _,
        step,
        step_over,
        out,
        _,
        _,
        stack_of_one,
        _,
        watched,
        _,
        end,
    ] = &outputs[..]
    else {
        panic!("{outputs:?}");
    };
    let image = Kernel::new(&mut fastrand::Rng::with_seed(1), 1, 0);
    let image = Arc::clone(&image.module(KERNEL).expect("it is loaded").image);
    let (guid, age) = identity(&image);
    has(version, &format!("{PDB} GUID {} age {age}", hex(guid)));
    has(version, "build 19041");
    has(version, "processors       4\n");
    for module in [
        "nt ",
        "hal ",
        "mydrv ",
        "ndis ",
        "tcpip ",
        "storport ",
        "ntfs ",
        "fltmgr ",
    ] {
        has(modules, module);
    }
    for process in ["System", "smss.exe", "csrss.exe", "lsass.exe"] {
        has(processes, process);
    }

    // Out of the clock's interrupt, which found that somebody wants it to stop.
    let frames = frames_of(stack);
    let names: Vec<&str> = frames.iter().map(|(_, name)| *name).collect();
    let top = ["nt!DbgBreakPointWithStatus", "nt!KdCheckForDebugBreak+0x1e"];
    assert_eq!(names[..2], top, "{stack}");
    assert_eq!(names.last(), Some(&"nt!KiSystemStartup+0x9"), "{stack}");
    has(bytes, "  4d 5a ");
    has(tables, "PTE");
    has(register, "IA32_LSTAR (0xc0000082)");
    has(register, "(nt!KiSystemCall64)");
    has(written, "11223344");

    has(hit, "at nt!IofCompleteRequest \n └─ breakpoint #0");
    let frames = frames_of(stack_there);
    let [
        (here, "nt!IofCompleteRequest"),
        (back, _),
        ..,
        (_, "nt!KiSystemStartup+0x9"),
    ] = frames[..]
    else {
        panic!("{stack_there}");
    };
    for (stopped, address) in [(step, here + 1), (step_over, here + 5), (out, back)] {
        has(stopped, &format!("rip {address:016x}"));
    }
    let frames = frames_of(stack_of_one);
    assert_eq!(
        frames.last().map(|(_, name)| *name),
        Some("nt!KiSystemStartup+0x9")
    );
    has(
        watched,
        "at nt!KeClockInterruptNotify+0xc \n └─ hardware breakpoint #0 w4",
    );
    assert_eq!(end.trim(), "end");
}

/// Addresses and names of a stack's frames, the innermost first.
fn frames_of(stack: &str) -> Vec<(u64, &str)> {
    let frame = |line| -> Option<(u64, &str)> {
        let [_, _, address, name] = str::split_whitespace(line).collect::<Vec<_>>()[..] else {
            return None;
        };
        Some((u64::from_str_radix(address, 16).ok()?, name))
    };
    stack.lines().filter_map(frame).collect()
}

fn has(output: &str, text: &str) {
    assert!(output.contains(text), "{text:?} is expected in\n{output}");
}

fn check_prints(said: &str, attached: &str) {
    // The first that a target prints when a debugger has come.
    has(said, "KDTARGET: Refreshing KD connection\n");
    has(said, attached);
    // Lines of its drivers are numbered; none is lost or shown twice.
    let mut numbers = said.lines().filter_map(|line| {
        let (driver, rest) = line.split_once(": #")?;
        assert!(
            ["mydrv", "ndis", "storport", "tcpip"].contains(&driver),
            "{said}"
        );
        rest.get(..6)?.parse::<u32>().ok()
    });
    let first = numbers.next();
    let first = first.unwrap_or_else(|| panic!("it shows what is printed: {said}"));
    for (expected, number) in (first + 1..).zip(numbers) {
        assert_eq!(number, expected, "{said}");
    }
}
