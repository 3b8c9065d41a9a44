//! The machine and the session: `vertarget`, `version`, `.time`, `.lastevent`, `!dbgprint`, `sx`.
//!
//! Where Windows shares its clocks is from its public headers.

use super::super::Place;
use super::super::debugger::{Debugger, Phase};
use super::super::fault::Fault;
use super::super::machine::View;
use super::times;
use crate::code::machine::Machine;
use crate::code::memory::{self, Memory as _};
use crate::proto::kd::version::Kind;
use crate::proto::kd::{Architecture, Version, kdbg};
use crate::transcript::{Time, safe};

/// Where Windows shares data with all programs: the page of 64-bit machines, and that of 32-bit ones.
const SHARED: u64 = 0xffff_f780_0000_0000;
const SHARED_X86: u64 = 0xffff_ffff_ffdf_0000;
/// How long it runs, and what time it is, in that page.
const INTERRUPT_TIME: u64 = 0x08;
const SYSTEM_TIME: u64 = 0x14;
/// The longest name of a build, bytes.
const BUILD_LAB_BYTES: usize = 128;
/// The largest ring of printed text that is read, bytes. Windows' own is smaller by default.
const RING_BYTES_MAX: u64 = 4 << 20;

/// The first build of each Windows, newest first.
const RELEASES: &[(u16, &str)] = &[
    (22000, "Windows 11"),
    (10240, "Windows 10"),
    (9600, "Windows 8.1"),
    (9200, "Windows 8"),
    (7600, "Windows 7"),
    (6000, "Windows Vista"),
    (3790, "Windows Server 2003"),
    (2600, "Windows XP"),
    (0, "Windows"),
];

/// `vertarget`: what runs on the target.
pub async fn target(debugger: &mut Debugger<'_>) -> Result<String, Fault> {
    let Some(version) = debugger.known.version else {
        return Err(
            "nothing is known of the target yet; .break stops it, and then it is asked".into(),
        );
    };
    let machine = debugger.known.machine();
    let mut lines = vec![first_line(&version, debugger.known.processors)];
    let build = debugger.known.kernel_field(kdbg::NT_BUILD_LAB);
    if let Some(build) = build.filter(|_| is_stopped(debugger)) {
        let text = debugger
            .look(|view| view.known.memory.text(build, BUILD_LAB_BYTES))
            .await;
        if let Some(text) = if_readable(text)?.filter(|text| !text.is_empty()) {
            lines.push(format!("Built by: {}", memory::printable(&text)));
        }
    }
    // Where a kernel keeps it only its symbols tell.
    lines.push("Machine Name:".to_owned());
    lines.push(format!(
        "Kernel base = 0x{} PsLoadedModuleList = 0x{}",
        machine.address(version.kernel_base),
        machine.address(version.loaded_modules)
    ));
    lines.push(time(debugger).await?);
    Ok(lines.join("\n"))
}

fn first_line(version: &Version, processors: u32) -> String {
    let name = match version.kind() {
        Kind::Kernel => RELEASES
            .iter()
            .find(|(first, _)| version.minor >= *first)
            .map_or("Windows", |(_, name)| name),
        Kind::BootDebugger => "Windows Boot Debugger",
        Kind::Firmware => "EFI Boot Debugger",
        Kind::Hypervisor => "Windows Hypervisor",
        Kind::Other(_) => "Windows",
    };
    let processors = if version.has(Version::MULTIPROCESSOR) {
        format!("MP ({processors} procs)")
    } else {
        "UP".to_owned()
    };
    let build = if version.is_checked() {
        "Checked"
    } else {
        "Free"
    };
    let architecture = version
        .architecture()
        .map_or("unknown processor", Architecture::name);
    format!(
        "{name} Kernel Version {} {processors} {build} {architecture}",
        version.minor
    )
}

/// `version`: what runs on the target, the link, and this program.
pub async fn version(debugger: &mut Debugger<'_>) -> Result<String, Fault> {
    let link = match debugger.link.place() {
        Place::Net(net) => format!("NET:Port={}", net.port),
        Place::Line(line) => format!("COM:{}", line.endpoint),
    };
    let peer = debugger.known.peer.clone();
    let target = match target(debugger).await {
        Ok(text) => text,
        Err(Fault::Words(text)) => text,
        Err(fault) => return Err(fault),
    };
    Ok(format!(
        "{target}\nRemote KD: Trans=@{{{link}}}{}\nkdeck {}",
        peer.map_or_else(String::new, |peer| format!(", Target={peer}")),
        env!("CARGO_PKG_VERSION")
    ))
}

/// `.time`: the time here, and what the target's clocks say if it is stopped.
pub async fn time(debugger: &mut Debugger<'_>) -> Result<String, Fault> {
    let mut lines = vec![format!(
        "Debug session time: {}",
        times::spoken(Time::now())
    )];
    if !is_stopped(debugger) {
        lines.push("the target's clocks can be read when it is stopped".to_owned());
        return Ok(lines.join("\n"));
    }
    let shared = match debugger.known.machine() {
        Machine::X86 => SHARED_X86,
        Machine::Amd64 | Machine::Arm64 => SHARED,
    };
    let clocks = debugger
        .look(|view| {
            let clock = |at: u64| view.known.memory.number(shared + at, 8);
            Ok::<_, memory::Fault>((clock(SYSTEM_TIME)?, clock(INTERRUPT_TIME)?))
        })
        .await;
    let Some((system, running)) = if_readable(clocks)? else {
        return Ok(lines.join("\n"));
    };
    lines.extend(
        times::of_windows(system)
            .map(|time| format!("Target system time: {}", times::spoken(time))),
    );
    lines.push(format!("System Uptime: {}", times::lasting(running)));
    Ok(lines.join("\n"))
}

/// `.lastevent`: what stopped the target last, and when.
pub fn last_event(debugger: &Debugger<'_>) -> String {
    match &debugger.known.last_event {
        Some((event, time)) => format!(
            "Last event: {event}\n  debugger time: {}",
            times::spoken(*time)
        ),
        None => "Last event: none since kdeck listens".to_owned(),
    }
}

/// `!dbgprint`: the ring of text that the kernel printed.
pub async fn debug_prints(debugger: &mut Debugger<'_>) -> Result<String, Fault> {
    let Some(ring) = debugger.look(find_ring).await? else {
        return Err("the target does not tell where its ring of printed text is".into());
    };
    let mut progress = debugger.progress("!dbgprint", ring.bytes());
    let mut text = Vec::new();
    for (start, end) in ring.pieces() {
        let count = usize::try_from(end.saturating_sub(start)).unwrap_or_default();
        let piece = debugger
            .look(|view| view.known.memory.read_readable(start, count))
            .await?;
        text.extend(piece.into_iter().flatten().filter(|byte| *byte != 0));
        progress.advance(text.len() as u64);
    }
    let lines = text.split(|byte| *byte == b'\n').map(safe::plain);
    let text = lines.collect::<Vec<_>>().join("\n");
    Ok(match text.trim_end() {
        "" => "nothing was printed".to_owned(),
        text => text.to_owned(),
    })
}

/// The ring of printed text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ring {
    start: u64,
    end: u64,
    /// Where the next text goes.
    next: u64,
    /// Whether it was full once, so that the oldest text is behind `next`.
    is_full: bool,
}

impl Ring {
    /// A ring that makes sense.
    fn new(start: u64, bytes: u64, next: u64, is_full: bool) -> Option<Self> {
        let end = start.checked_add(bytes)?;
        let makes_sense = (1..=RING_BYTES_MAX).contains(&bytes) && (start..=end).contains(&next);
        makes_sense.then_some(Self {
            start,
            end,
            next,
            is_full,
        })
    }

    fn bytes(&self) -> u64 {
        self.end - self.start
    }

    /// Its text, oldest first.
    fn pieces(&self) -> impl Iterator<Item = (u64, u64)> + use<> {
        let oldest = self.is_full.then_some((self.next, self.end));
        oldest.into_iter().chain([(self.start, self.next)])
    }
}

fn find_ring(view: &View<'_>) -> Result<Option<Ring>, memory::Fault> {
    let (memory, known) = (&view.known.memory, view.known);
    let machine = view.machine();
    let pointer = |address: u64| {
        memory
            .number(address, machine.pointer_bytes())
            .map(|value| machine.canonical(value))
    };
    let field = |field| known.kernel_field(field);
    let (start, bytes) = match (
        field(kdbg::KD_PRINT_CIRCULAR_BUFFER_PTR),
        field(kdbg::KD_PRINT_BUFFER_SIZE),
    ) {
        (Some(start), Some(bytes)) => (pointer(start)?, memory.number(bytes, 4)?),
        // Old kernels cannot move the ring: the block has its addresses themselves.
        _ => match (
            field(kdbg::KD_PRINT_CIRCULAR_BUFFER),
            field(kdbg::KD_PRINT_CIRCULAR_BUFFER_END),
        ) {
            (Some(start), Some(end)) => (start, end.saturating_sub(start)),
            _ => return Ok(None),
        },
    };
    let Some(next) = field(kdbg::KD_PRINT_WRITE_POINTER) else {
        return Ok(None);
    };
    let next = pointer(next)?;
    let is_full = match field(kdbg::KD_PRINT_ROLLOVER_COUNT) {
        Some(count) => memory.number(count, 4)? != 0,
        None => false,
    };
    Ok(Ring::new(start, bytes, next, is_full))
}

/// `sx`: which events stop the target.
pub fn events(debugger: &Debugger<'_>) -> String {
    let word = |stops| if stops { "break" } else { "ignore" };
    format!(
        "ld - Load module - {}\nud - Unload module - {}",
        word(debugger.known.stop_on_load),
        word(debugger.known.stop_on_unload)
    )
}

/// `sxe`, `sxd`: whether an event stops the target.
pub fn stop_on_event(
    debugger: &mut Debugger<'_>,
    stops: bool,
    rest: &str,
) -> Result<String, Fault> {
    let setting = match rest {
        "ld" => &mut debugger.known.stop_on_load,
        "ud" => &mut debugger.known.stop_on_unload,
        _ if rest.starts_with("ld:") || rest.starts_with("ud:") => {
            return Err("all modules or none: sxe ld, sxe ud; a breakpoint such as bp mydrv!DriverEntry waits for one module".into());
        }
        _ => return Err("the events are ld and ud: a module is loaded, or unloaded; exceptions stop the target always".into()),
    };
    *setting = stops;
    Ok(String::new())
}

fn is_stopped(debugger: &Debugger<'_>) -> bool {
    matches!(debugger.phase, Phase::Stopped(_))
}

/// What cannot be read is not told, everything else that fails is.
fn if_readable<T>(result: Result<T, Fault>) -> Result<Option<T>, Fault> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(Fault::Memory(_)) => Ok(None),
        Err(fault) => Err(fault),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_reads_like_the_banner_of_kd() {
        let mut version = Version {
            major: 0xf,
            minor: 19041,
            flags: Version::MULTIPROCESSOR | Version::POINTERS_64,
            machine: 0x8664,
            ..Version::default()
        };
        assert_eq!(
            first_line(&version, 4),
            "Windows 10 Kernel Version 19041 MP (4 procs) Free x64"
        );
        (version.major, version.minor, version.flags) = (0xc, 2600, 0);
        version.machine = 0x14c;
        assert_eq!(
            first_line(&version, 1),
            "Windows XP Kernel Version 2600 UP Checked x86"
        );
    }

    #[test]
    fn a_ring_is_read_from_its_oldest_text() {
        let pieces = |ring: Ring| ring.pieces().collect::<Vec<_>>();
        let ring = Ring::new(0x1000, 0x100, 0x1040, false).unwrap();
        assert_eq!(pieces(ring), [(0x1000, 0x1040)]);
        let ring = Ring::new(0x1000, 0x100, 0x1040, true).unwrap();
        assert_eq!(pieces(ring), [(0x1040, 0x1100), (0x1000, 0x1040)]);
        assert_eq!(Ring::new(0x1000, 0x100, 0x2000, true), None);
        assert_eq!(Ring::new(0x1000, 0, 0x1000, false), None);
        assert_eq!(Ring::new(u64::MAX, 2, u64::MAX, false), None);
        assert_eq!(Ring::new(0, u64::MAX, 0, false), None);
    }
}
