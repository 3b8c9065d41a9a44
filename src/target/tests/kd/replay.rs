//! A target that tells what a recorded kernel told, and answers from what that kernel answered: its memory, registers
//! and version are the recorded ones, whatever is asked first.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Mutex;
use std::time::Instant;

use serde::Deserialize;
use tokio::net::{UnixListener, UnixStream};

use super::*;
use crate::fixtures;
use crate::proto::kd::{
    Answer as Told, Architecture, Assembler, Call, Change, Event, FromHost, FromTarget, Item,
    NtStatus, PacketType, Reply, Request as Asked, Serial, Side, Timing, context,
};

/// Memory is readable or not by the page; what nobody read of a page is zero here.
const PAGE_BYTES: u64 = 4096;
/// The structure that requests and replies share, bytes.
const MANIPULATE_BYTES: usize = 56;

/// What a recorded kernel told and answered.
#[derive(Default)]
pub struct Recording {
    /// Prints, questions and stops, in order, each once.
    told: VecDeque<FromTarget>,
    memory: BTreeMap<u64, Vec<u8>>,
    control: HashMap<(u64, u32), Told>,
    version: Option<Told>,
    context: Option<Vec<u8>>,
    breakpoints: HashMap<u32, u64>,
    /// Told whenever the host let it go on, and how.
    resumed: Option<mpsc::UnboundedSender<Call>>,
}

#[derive(Deserialize)]
struct Line {
    dir: Option<String>,
    hex: Option<String>,
}

impl Recording {
    pub fn read(name: &str) -> Option<Self> {
        let text = fixtures::read(&format!("kd-reactos/{name}.jsonl"))?;
        let (mut target, mut host) = (Assembler::default(), Assembler::default());
        let mut recording = Self::default();
        let mut asked: Option<Asked> = None;
        for line in text.lines() {
            let line: Line = serde_json::from_str(line).unwrap();
            let bytes = fixtures::unhex(&line.hex.unwrap_or_default());
            let mut bytes = bytes.as_slice();
            match line.dir.as_deref() {
                Some("h2t") => {
                    while let Some(item) = host.next_item(&mut bytes) {
                        if let Item::Packet(packet) = item
                            && !packet.kind.is_control()
                            && let Ok(FromHost::Request(request)) =
                                FromHost::decode(packet.kind, &packet.payload)
                        {
                            asked = Some(request);
                        }
                    }
                }
                Some("t2h") => {
                    while let Some(item) = target.next_item(&mut bytes) {
                        if let Item::Packet(packet) = item
                            && !packet.kind.is_control()
                            && let Ok(message) = FromTarget::decode(packet.kind, &packet.payload)
                        {
                            recording.learn(message, asked.as_ref());
                        }
                    }
                }
                _ => {}
            }
        }
        Some(recording)
    }

    fn learn(&mut self, message: FromTarget, asked: Option<&Asked>) {
        let FromTarget::Reply(reply) = message else {
            if self.told.back() != Some(&message) {
                self.told.push_back(message);
            }
            return;
        };
        if reply.status.is_failure() {
            return;
        }
        match (asked.map(|asked| &asked.call), reply.answer) {
            (Some(Call::ReadVirtual { .. }), Told::Memory { address, data, .. }) => {
                self.keep(address, &data);
            }
            (Some(Call::ReadControl { address, count }), answer @ Told::Memory { .. }) => {
                self.control.entry((*address, *count)).or_insert(answer);
            }
            (Some(Call::GetContext), Told::Context(context)) => {
                self.context.get_or_insert(context);
            }
            (Some(Call::GetVersion), answer @ Told::Version(_)) => {
                self.version.get_or_insert(answer);
            }
            _ => {}
        }
    }

    /// What was read first stays.
    fn keep(&mut self, address: u64, data: &[u8]) {
        for (at, byte) in (0..).map(|offset| address.wrapping_add(offset)).zip(data) {
            let page = self
                .memory
                .entry(at & !(PAGE_BYTES - 1))
                .or_insert_with(|| vec![0; PAGE_BYTES as usize]);
            let byte_there = &mut page[(at % PAGE_BYTES) as usize];
            if *byte_there == 0 {
                *byte_there = *byte;
            }
        }
    }

    /// Only what comes up to and with the first stop for an exception.
    pub fn up_to_the_first_exception(mut self) -> Self {
        let is_exception = |message: &FromTarget| matches!(message, FromTarget::StateChange(change) if matches!(change.change, Change::Exception(_)));
        let first = self.told.iter().position(is_exception).unwrap();
        self.told.truncate(first + 1);
        self
    }

    /// The registers were not read at each stop; where it was is known of all.
    fn stop_at(&mut self, pc: u64) {
        let Some(Told::Version(version)) = &self.version else {
            return;
        };
        let architecture = version.architecture().unwrap();
        let counter = context::program_counter(architecture);
        if let Some(registers) = &mut self.context {
            assert!(context::set(architecture, registers, counter, pc));
        }
    }

    fn answer(&mut self, asked: &Asked) -> Option<Reply> {
        let known = match &asked.call {
            Call::Continue { .. } | Call::Continue2(_) => {
                if let Some(resumed) = &self.resumed {
                    resumed.send(asked.call.clone()).ok();
                }
                return None;
            }
            Call::GetVersion => self.version.clone(),
            Call::GetContext => self.context.clone().map(Told::Context),
            Call::SetContext { context, .. } => {
                self.context = Some(context.clone());
                Some(Told::Empty)
            }
            Call::ReadControl { address, count } => self.control.get(&(*address, *count)).cloned(),
            Call::ReadVirtual { address, count } => {
                let page = self.memory.get(&(address & !(PAGE_BYTES - 1)));
                page.map(|page| Told::Memory {
                    address: *address,
                    requested: *count,
                    data: page[(address % PAGE_BYTES) as usize..][..*count as usize].to_vec(),
                })
            }
            Call::WriteBreakpoint { address } => {
                let handle = (1..)
                    .find(|handle| !self.breakpoints.contains_key(handle))
                    .unwrap();
                self.breakpoints.insert(handle, *address);
                Some(Told::Breakpoint {
                    address: *address,
                    handle,
                })
            }
            Call::RestoreBreakpoint { handle } => {
                self.breakpoints.remove(handle).map(|_| Told::Empty)
            }
            _ => None,
        };
        Some(Reply {
            api: asked.api(),
            processor: 0,
            status: if known.is_some() {
                NtStatus::SUCCESS
            } else {
                NtStatus::UNSUCCESSFUL
            },
            answer: known.unwrap_or(Told::Empty),
        })
    }
}

/// The recorded target, at its wire.
struct Replayed {
    recording: Arc<Mutex<Recording>>,
    engine: Serial,
    /// What it waits with: a stop, or a question.
    waits: Option<FromTarget>,
    /// What it tells when it is asked to stop.
    last_stop: Option<FromTarget>,
}

impl Replayed {
    fn send(&mut self, message: &FromTarget) {
        let (kind, payload) = message.encode();
        self.engine.send(Instant::now(), kind, payload).unwrap();
    }

    fn tell(&mut self, message: &FromTarget) {
        if let FromTarget::StateChange(change) = message {
            self.recording.lock().unwrap().stop_at(change.pc);
            self.last_stop = Some(message.clone());
        }
        self.send(message);
    }

    fn hear(&mut self, kind: PacketType, payload: &[u8]) {
        match FromHost::decode(kind, payload).unwrap() {
            FromHost::Request(asked) => {
                let reply = self.recording.lock().unwrap().answer(&asked);
                match reply {
                    Some(reply) => {
                        // What is not answered comes back as it was asked.
                        let asked = payload.get(..MANIPULATE_BYTES).unwrap();
                        let (kind, payload) = FromTarget::Reply(reply).encode_over(asked);
                        self.engine.send(Instant::now(), kind, payload).unwrap();
                    }
                    None => self.waits = None,
                }
            }
            FromHost::Prompt(_) => self.waits = None,
            FromHost::File(_) | FromHost::Unknown { .. } => {}
        }
    }

    async fn serve(mut self, mut stream: UnixStream) {
        let mut buffer = [0; 4096];
        loop {
            self.engine.handle_timeout(Instant::now());
            while let Some(event) = self.engine.poll_event() {
                match event {
                    Event::Packet(kind, payload) => self.hear(kind, &payload),
                    Event::Restarted => {
                        if let Some(waits) = self.waits.clone().filter(|_| self.engine.idle()) {
                            self.send(&waits);
                        }
                    }
                    Event::BreakIn if self.waits.is_none() => {
                        self.waits = self.last_stop.clone();
                        if let Some(stop) = self.waits.clone() {
                            self.tell(&stop);
                        }
                    }
                    _ => {}
                }
            }
            if self.waits.is_none() && self.engine.idle() {
                let next = self.recording.lock().unwrap().told.pop_front();
                if let Some(message) = next {
                    self.tell(&message);
                    let is_print = matches!(message, FromTarget::Print(_));
                    self.waits = Some(message).filter(|_| !is_print);
                }
            }
            while let Some(bytes) = self.engine.poll_transmit() {
                stream.write_all(&bytes).await.unwrap();
            }
            let timeout = self
                .engine
                .poll_timeout()
                .unwrap_or_else(|| Instant::now() + Duration::from_secs(60));
            tokio::select! {
                read = stream.read(&mut buffer) => match read.unwrap_or_default() {
                    0 => return,
                    bytes => self.engine.handle_bytes(Instant::now(), &buffer[..bytes]),
                },
                () = tokio::time::sleep_until(timeout.into()) => {}
            }
        }
    }
}

/// A debugger with a recorded target.
pub struct ReplayLab {
    pub rig: Rig,
    pub recording: Arc<Mutex<Recording>>,
    resumed: mpsc::UnboundedReceiver<Call>,
    _directory: tempfile::TempDir,
}

pub async fn replay(recording: Recording) -> ReplayLab {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("kernel.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let (sender, resumed) = mpsc::unbounded_channel();
    let recording = Arc::new(Mutex::new(Recording {
        resumed: Some(sender),
        ..recording
    }));
    let replayed = Replayed {
        recording: recording.clone(),
        engine: Serial::new(Side::Target, Timing::serial(None).for_target()),
        waits: None,
        last_stop: None,
    };
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        replayed.serve(stream).await;
    });
    let connect = format!("com:pipe,port={},reconnect", path.display());
    let rig = start(&connect, QUICK);
    ReplayLab {
        rig,
        recording,
        resumed,
        _directory: directory,
    }
}

impl ReplayLab {
    async fn line(&self, text: &str) -> String {
        self.rig
            .ask(line(text))
            .await
            .unwrap_or_else(|refused| format!("refused: {refused}"))
    }

    /// Waits for the next stop that people are told of; why and where.
    async fn stopped(&mut self) -> String {
        loop {
            let detail = self.rig.state(State::Broken).await;
            if !detail.starts_with("stopped; asks") {
                return detail;
            }
        }
    }
}

#[tokio::test]
async fn a_recorded_kernel_of_32_bits_is_looked_at_and_goes_on_past_its_breakpoint() {
    let Some(recording) = Recording::read("x86-inspect") else {
        return;
    };
    let mut lab = replay(recording.up_to_the_first_exception()).await;
    let stop = lab.stopped().await;
    assert_eq!(
        stop,
        "Break instruction exception - code 80000003 (first chance), at nt+0x19cece"
    );
    let registers = lab.line("r").await;
    assert!(registers.contains("eip=8059cece esp=8064aa34 ebp=8064acd0"));
    // The stop told the code itself: nobody read it while this was recorded.
    assert!(registers.ends_with("nt+0x19cece:\n8059cece cc              int     3"));
    let stack = lab.line("k").await;
    assert_eq!(stack.lines().count(), 3, "{stack}");
    assert!(
        stack.ends_with("The stack ends here: 8064aa34 cannot be read."),
        "{stack}"
    );
    let modules = lab.line("lm").await;
    assert_eq!(modules.lines().count(), 33, "{modules}");
    assert!(modules.contains("\n8090a000 80bb9000   hal        (deferred)\n"));
    assert!(lab.line("? eip").await.ends_with(" = 8059cece"));
    assert!(lab.line("rM 80").await.contains("cr3=0327a000"));
    assert!(
        lab.line("vertarget")
            .await
            .starts_with("Windows Server 2003 Kernel Version 3790 UP Checked x86\n")
    );
    assert_eq!(lab.line("~").await, ".  0  8059cece nt+0x19cece");
    let unreadable = lab.line(".cxr 1234").await;
    assert_eq!(unreadable, "refused: the memory at 00001234 cannot be read");
    assert_eq!(
        lab.line("p").await,
        "nt+0x19cecf:\n8059cecf c20400          ret     4"
    );
    lab.line("g").await;
    // A notice for each module, then the break.
    for _ in 0..33 {
        let Call::Continue2(resume) = soon(lab.resumed.recv()).await.unwrap() else {
            panic!("it was let go on in another way");
        };
        let control = resume.set(Architecture::X86);
        assert_eq!((control.trace, control.dr7 & 0xFF), (false, 0));
    }
    let context = lab.recording.lock().unwrap().context.clone().unwrap();
    let eip = context.get(0xB8..0xBC).unwrap();
    assert_eq!(eip, 0x8059_cecf_u32.to_le_bytes());
    lab.rig.end().await;
}

#[tokio::test]
async fn a_recorded_kernel_of_64_bits_is_looked_at() {
    let Some(recording) = Recording::read("x64-inspect") else {
        return;
    };
    let mut lab = replay(recording.up_to_the_first_exception()).await;
    let stop = lab.stopped().await;
    assert_eq!(
        stop,
        "Break instruction exception - code 80000003 (first chance), at nt+0x187d12"
    );
    let registers = lab.line("r").await;
    assert!(registers.contains("rip=fffff80000587d12 rsp=fffff8000063c9a8 rbp=fffff8000063c9f0"));
    assert!(registers.ends_with("nt+0x187d12:\nfffff800`00587d12 cc              int     3"));
    let stack = lab.line("k").await;
    assert!(stack.contains("00 fffff800`0063c9a8 "), "{stack}");
    let modules = lab.line("lm").await;
    assert_eq!(modules.lines().count(), 33, "{modules}");
    // This kernel has fewer special registers than others.
    assert!(lab.line("rM 80").await.contains("cr3=0000000000097000"));
    assert!(!lab.line("vertarget").await.contains("Built by"));
    lab.rig.end().await;
}

#[tokio::test]
async fn recorded_breakpoints_and_steps_are_met_as_they_were() {
    for (name, place) in [("x86-break", "8051c0f1"), ("x64-break", "fffff80000511c12")] {
        let Some(recording) = Recording::read(name) else {
            return;
        };
        let mut lab = replay(recording).await;
        lab.stopped().await;
        lab.line(&format!("bp {place}")).await;
        lab.line("g").await;
        let hit = lab.stopped().await;
        assert!(
            hit.starts_with("Breakpoint 0 hit, at nt+0x"),
            "{name}: {hit}"
        );
        let counter = if name.starts_with("x86") {
            "eip"
        } else {
            "rip"
        };
        assert_eq!(
            lab.line(&format!("r {counter}")).await,
            format!("{counter}={place}")
        );
        let stepped = lab.line("t").await;
        assert!(stepped.starts_with("nt+0x"), "{name}: {stepped}");
        assert!(!stepped.contains("Breakpoint"), "{name}: {stepped}");
        lab.rig.end().await;
    }
}

#[tokio::test]
async fn a_step_that_does_not_end_is_ended_by_a_break_or_a_disconnect() {
    let Some(recording) = Recording::read("x86-inspect") else {
        return;
    };
    let mut lab = replay(recording.up_to_the_first_exception()).await;
    lab.stopped().await;
    // Past the breakpoint without running.
    lab.line("t").await;
    let step = lab.rig.control.ask(line("t"));
    let is_step =
        |resumed| matches!(resumed, Call::Continue2(go) if go.set(Architecture::X86).trace);
    // Each notice of a module let it go on before.
    while !is_step(soon(lab.resumed.recv()).await.unwrap()) {}
    assert_eq!(
        lab.rig.ask(Request::Break).await,
        Ok("it is stopped already".to_owned())
    );
    let stepped = soon(step).await.unwrap().unwrap();
    assert!(
        stepped.starts_with("Break instruction exception"),
        "{stepped}"
    );
    lab.line("t").await;
    let step = lab.rig.control.ask(line("t"));
    soon(lab.resumed.recv()).await;
    assert_eq!(lab.rig.ask(Request::Disconnect).await, Ok(String::new()));
    assert!(soon(step).await.unwrap().is_err());
    lab.rig.end().await;
}
