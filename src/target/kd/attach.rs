//! The first look at a target: what it is, and the breakpoints that an earlier debugger left in it.

use super::breakpoints::LEFTOVERS_END;
use super::debugger::{Debugger, Phase};
use super::fault::Fault;
use crate::code::memory::Memory as _;
use crate::code::modules::{self, Module};
use crate::code::pe;
use crate::connect::Endpoint;
use crate::proto::kd::kdbg;
use crate::proto::kd::version::Kind;
use crate::proto::kd::{Answer, Architecture, Call, Request, Version};
use crate::rack::State;

/// Said when the block of addresses for debuggers is none.
const NO_BLOCK: Fault = Fault::Nonsense("no debugger data where it should be");
/// The longest text that is believed to be the name of a build, bytes.
const BUILD_LAB_BYTES: usize = 128;

impl Debugger<'_> {
    /// The link was just made.
    pub(super) fn begin(&mut self) {
        let detail = match self.link.place().clone() {
            super::Place::Net(net) => match &net.target {
                Some(target) => format!(
                    "calls {target}, waits for its answer on UDP port {}",
                    net.port
                ),
                None => format!(
                    "waits for the target to call UDP port {}; .diag tells what came",
                    net.port
                ),
            },
            super::Place::Line(line) => {
                self.look_for_target(line.resets);
                let place = match &line.endpoint {
                    Endpoint::Serial(serial) => serial.device.display().to_string(),
                    other => other.to_string(),
                };
                format!("opened {place}, nothing heard yet; .break stops a running target")
            }
        };
        self.connector.report.state(State::Waiting, &detail);
        self.connector.opened();
    }

    /// Asks a target what it is. What another debugger left in it is cleared away later.
    ///
    /// # Errors
    /// Those of [`Debugger::call`].
    pub(super) async fn identify(&mut self) -> Result<(), Fault> {
        let reply = self.call(Request::ANY_PROCESSOR, Call::GetVersion).await?;
        let Answer::Version(version) = reply.answer else {
            return Err(Fault::Nonsense(
                "no version in the answer to the question for it",
            ));
        };
        match version.architecture() {
            Some(architecture) => self.known.architecture = architecture,
            None => {
                let text = format!(
                    "a processor of kind {:#06x} is not known here; taken for amd64",
                    version.machine
                );
                self.connector.report.notice(&text);
                self.known.architecture = Architecture::Amd64;
            }
        }
        self.known.breakpoints.forget_handles();
        self.known.leftovers = 1..LEFTOVERS_END;
        self.known.version = Some(version);
        self.add_kernel(&version).await?;
        let build = self.find_debugger_data(&version).await?;
        self.resolve_breakpoints().await?;
        let machine = self.known.machine();
        let text = format!(
            "{}, {}{}; kernel base {}",
            describe(&version),
            processors(self.known.processors),
            build.map_or_else(String::new, |build| format!(", {build}")),
            machine.address(version.kernel_base),
        );
        self.connector.report.notice(&text);
        Ok(())
    }

    /// Whether the target is stopped and breakpoints may be in it that an earlier debugger left.
    pub(super) fn has_leftovers(&self) -> bool {
        matches!(self.phase, Phase::Stopped(_)) && !self.known.leftovers.is_empty()
    }

    /// Takes one breakpoint out that an earlier debugger may have left.
    ///
    /// # Errors
    /// Those of [`Debugger::call`], but for a refusal: there was none of that number.
    pub(super) async fn clear_leftover(&mut self) -> Result<(), Fault> {
        let handle = self.known.leftovers.start;
        let call = Call::RestoreBreakpoint { handle };
        match self.call(self.known.processor, call).await {
            // What was read of its memory has the breakpoint in it.
            Ok(_) => self.known.memory.clear(),
            Err(Fault::Refused(_)) => {}
            Err(fault) => return Err(fault),
        }
        self.known.leftovers.next();
        Ok(())
    }

    /// The same with all: to be done before its code is looked at, written or run.
    ///
    /// # Errors
    /// Those of [`Debugger::clear_leftover`].
    pub(super) async fn clear_leftovers(&mut self) -> Result<(), Fault> {
        while self.has_leftovers() {
            self.clear_leftover().await?;
        }
        Ok(())
    }

    /// The kernel is the first module that is known.
    async fn add_kernel(&mut self, version: &Version) -> Result<(), Fault> {
        let base = version.kernel_base;
        if base == 0 || self.known.modules.at(base).is_some() {
            return Ok(());
        }
        match self
            .glance(|view| pe::Image::read(&view.known.memory, base))
            .await
        {
            Ok(image) => {
                let mut kernel = Module::new("ntoskrnl.exe", base, image.bytes.into());
                "nt".clone_into(&mut kernel.name);
                kernel.checksum = image.checksum;
                kernel.timestamp = image.timestamp;
                self.known.modules.insert(kernel);
                Ok(())
            }
            // Too early in its boot.
            Err(Fault::Memory(_) | Fault::Image(_)) => Ok(()),
            Err(fault) => Err(fault),
        }
    }

    /// Reads the kernel's block of addresses for debuggers; the name of its build.
    async fn find_debugger_data(&mut self, version: &Version) -> Result<Option<String>, Fault> {
        if !version.has(Version::DEBUGGER_DATA) || version.debugger_data == 0 {
            return Ok(None);
        }
        let found = self.read_debugger_data(version.debugger_data).await;
        match found {
            Ok(build) => Ok(build),
            Err(Fault::Memory(_) | Fault::Nonsense(_)) => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    async fn read_debugger_data(&mut self, head: u64) -> Result<Option<String>, Fault> {
        let block = self.pointer(head).await?;
        let mut header = vec![0; kdbg::HEADER_BYTES];
        let mut read = async |bytes: &mut Vec<u8>| {
            let count = bytes.len();
            let memory = self.glance(|view| {
                let mut memory = vec![0; count];
                view.known.memory.read(block, &mut memory).map(|()| memory)
            });
            *bytes = memory.await?;
            Ok::<(), Fault>(())
        };
        read(&mut header).await?;
        let size = kdbg::size(&header).map_err(|_| NO_BLOCK)?;
        let mut whole = vec![0; usize::try_from(size).unwrap_or_default()];
        read(&mut whole).await?;
        self.known.kdbg = Some(kdbg::Block::new(whole).map_err(|_| NO_BLOCK)?);
        let Some(build_lab) = self.known.kernel_field(kdbg::NT_BUILD_LAB) else {
            return Ok(None);
        };
        let text = self
            .glance(|view| view.known.memory.read_readable(build_lab, BUILD_LAB_BYTES))
            .await?;
        let text: Vec<u8> = text
            .into_iter()
            .map_while(|byte| byte.filter(|byte| byte.is_ascii_graphic()))
            .collect();
        Ok(String::from_utf8(text).ok().filter(|text| !text.is_empty()))
    }

    /// Reads the list of modules, unless that was done since the target ran last.
    ///
    /// # Errors
    /// Those of reading the target's memory.
    pub(super) async fn read_modules(&mut self) -> Result<(), Fault> {
        let Some(head) = self
            .known
            .version
            .as_ref()
            .map(|version| version.loaded_modules)
        else {
            return Ok(());
        };
        if self.known.modules_read || head == 0 || !matches!(self.phase, Phase::Stopped(_)) {
            return Ok(());
        }
        let machine = self.known.machine();
        match self
            .glance(|view| modules::walk(&view.known.memory, machine, head))
            .await
        {
            Ok(fresh) if !fresh.is_empty() => {
                self.known.modules.replace(fresh);
                self.known.modules_read = true;
                self.known.modules_listed = true;
                self.resolve_breakpoints().await
            }
            // Early in its boot the list is not there yet.
            Ok(_) | Err(Fault::Memory(_)) => Ok(()),
            Err(fault) => Err(fault),
        }
    }
}

/// What a target is, in words.
pub fn describe(version: &Version) -> String {
    let kind = match version.kind() {
        Kind::Kernel => "Windows kernel".to_owned(),
        Kind::BootDebugger => "Windows boot loader".to_owned(),
        Kind::Firmware => "Windows firmware".to_owned(),
        Kind::Hypervisor => "Windows hypervisor".to_owned(),
        Kind::Other(kind) => format!("Windows, part {kind}"),
    };
    let build = if version.is_checked() {
        "checked"
    } else {
        "free"
    };
    let architecture = version.architecture().map_or("unknown", Architecture::name);
    format!("{kind}, build {} {build}, {architecture}", version.minor)
}

fn processors(count: u32) -> String {
    match count {
        1 => "1 processor".to_owned(),
        count => format!("{count} processors"),
    }
}
