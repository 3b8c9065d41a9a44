//! The debugger against a simulated Windows machine over a Unix socket.

mod breakpoints;
mod commands;
mod replay;

use super::*;
use crate::sim::kd::behaviour::Behaviour;
use crate::sim::kd::com::{Listening, Place};
use crate::sim::kd::faults::Faults;
use crate::sim::kd::machine::Settings;

/// A target with a machine that does what it is told.
struct Lab {
    rig: Rig,
    _directory: tempfile::TempDir,
}

async fn lab(behaviour: Behaviour) -> Lab {
    let directory = tempfile::tempdir().unwrap();
    let place = Place::Unix(directory.path().join("vm.sock"));
    let settings = Settings {
        seed: 7,
        behaviour,
        processors: 4,
        clock: 0x01DC_0000_0000_0000,
    };
    let listening = Listening::open(&place).unwrap();
    let machine = listening.serve(settings, Faults::default(), CancellationToken::new());
    tokio::spawn(machine);
    let mut rig = start(&place.to_string(), QUICK);
    rig.state(State::Waiting).await;
    Lab {
        rig,
        _directory: directory,
    }
}

impl Lab {
    async fn stopped() -> Self {
        let lab = lab(Behaviour {
            rate: 0.0,
            ..Behaviour::default()
        })
        .await;
        lab.ask(Request::Break).await.unwrap();
        lab
    }

    /// Waits until it is stopped for that reason; the whole of it.
    async fn broken(&mut self, reason: &str) -> String {
        loop {
            let detail = self.rig.state(State::Broken).await;
            if detail.starts_with(reason) {
                return detail;
            }
        }
    }

    /// What was told so far is not waited for any more.
    fn forget(&mut self) {
        while self.rig.events.try_recv().is_ok() {}
    }

    async fn ask(&self, request: Request) -> Answer {
        self.rig.ask(request).await
    }

    async fn line(&self, text: &str) -> String {
        self.ask(line(text)).await.unwrap()
    }
}

#[tokio::test]
async fn a_break_in_stops_the_target_and_g_lets_it_go_on() {
    let mut lab = lab(Behaviour::default()).await;
    let text = lab.ask(Request::Break).await.unwrap();
    assert!(
        text.contains("Break instruction exception - code 80000003"),
        "{text}"
    );
    lab.rig.state(State::Broken).await;
    assert_eq!(lab.rig.target.status.read().prompt, "0: kd>");
    assert_eq!(lab.line("g").await, "");
    lab.rig.state(State::Running).await;
    lab.rig.entry(Kind::Output, "").await;
    lab.rig.end().await;
}

#[tokio::test]
async fn stepping_goes_into_calls_or_over_them() {
    let lab = Lab::stopped().await;
    // A break-in stops in a function of three instructions, called with others around it.
    let stepped = lab.line("p").await;
    assert!(
        stepped.starts_with("nt!DbgBreakPointWithStatus+0x1:"),
        "{stepped}"
    );
    let caller = lab.line("gu").await;
    assert!(caller.starts_with("nt!KeClockInterruptNotify+"), "{caller}");
    let call = lab.line("pc").await;
    let last = |text: &str| text.lines().next_back().unwrap().to_owned();
    assert!(last(&call).contains("call"), "{call}");
    let before = lab.line("r rsp").await;
    let over = lab.line("p").await;
    assert!(!over.contains("call"), "{over}");
    assert_eq!(lab.line("r rsp").await, before);
    lab.line("tc").await;
    lab.line("t").await;
    assert_ne!(lab.line("r rsp").await, before);
    lab.rig.end().await;
}

#[tokio::test]
async fn a_breakpoint_stops_the_target_again_and_again() {
    let mut lab = Lab::stopped().await;
    lab.line("bp nt!KeWaitForSingleObject").await;
    assert!(lab.line("bl").await.contains("nt!KeWaitForSingleObject"));
    for _ in 0..3 {
        lab.line("g").await;
        lab.broken("Breakpoint 0 hit, at nt!KeWaitForSingleObject")
            .await;
    }
    let code = lab.line("db nt!KeWaitForSingleObject L1").await;
    assert!(
        !code.contains(" cc "),
        "what lies under it is shown: {code}"
    );
    lab.line("bd 0").await;
    lab.line("g").await;
    lab.ask(Request::Break).await.unwrap();
    lab.rig.end().await;
}

#[tokio::test]
async fn a_breakpoint_counts_its_passes_and_does_what_it_is_told() {
    let mut lab = Lab::stopped().await;
    lab.line(r#"bp nt!KeWaitForSingleObject 3 "? 1+1; bc 0; g""#)
        .await;
    assert!(lab.line("bl").await.contains("0003 (0003)"));
    lab.line("g").await;
    lab.broken("Breakpoint 0 hit").await;
    lab.rig
        .entry(Kind::Notice, "Evaluate expression: 2 = ")
        .await;
    lab.rig.state(State::Running).await;
    lab.ask(Request::Break).await.unwrap();
    assert_eq!(lab.line("bl").await, "");
    lab.rig.end().await;
}

#[tokio::test]
async fn the_processor_watches_memory_and_code() {
    let mut lab = Lab::stopped().await;
    lab.line("ba e1 nt!KeWaitForSingleObject").await;
    for _ in 0..2 {
        lab.line("g").await;
        lab.broken("Breakpoint 0 hit, at nt!KeWaitForSingleObject")
            .await;
    }
    let refused = lab.ask(line("ba w4 nt!KeWaitForSingleObject+1")).await;
    assert!(refused.unwrap_err().contains("multiple of 4"));
    lab.line("bc *").await;
    lab.line("ba w8 @rsp-8").await;
    lab.line("g").await;
    lab.broken("Breakpoint 0 hit").await;
    lab.rig.end().await;
}

#[tokio::test]
async fn what_the_target_asks_is_answered_by_the_next_line() {
    let mut lab = lab(Behaviour {
        rate: 0.0,
        prompts: Some(Duration::from_millis(50)),
        ..Behaviour::default()
    })
    .await;
    lab.ask(Request::Break).await.unwrap();
    lab.line("g").await;
    let question = lab.broken("asks: ").await;
    assert_eq!(lab.rig.target.status.read().prompt, "answer>", "{question}");
    let key = lab.ask(Request::Debugger("g".into())).await;
    assert!(
        key.unwrap_err().contains("waits for an answer"),
        "a key is no answer"
    );
    assert_eq!(lab.line("y").await, "");
    lab.rig.state(State::Running).await;
    lab.broken("asks: ").await;
    assert_eq!(
        lab.ask(Request::Debugger(".prompt n".into())).await,
        Ok(String::new())
    );
    lab.rig.end().await;
}

#[tokio::test]
async fn a_restarted_target_has_its_breakpoints_again() {
    let mut lab = Lab::stopped().await;
    lab.line("bp nt!KeWaitForSingleObject").await;
    let before = lab.line("? nt").await;
    lab.ask(Request::Debugger(".reboot".into())).await.unwrap();
    lab.broken("Breakpoint 0 hit, at nt!KeWaitForSingleObject")
        .await;
    assert_ne!(lab.line("? nt").await, before, "it lies elsewhere");
    lab.rig.entry(Kind::Notice, "ModLoad: ").await;
    lab.rig.end().await;
}

#[tokio::test]
async fn an_interrupt_ends_what_is_done_and_stops_what_runs() {
    let mut lab = Lab::stopped().await;
    let search = lab
        .rig
        .control
        .ask(line("s -a nt L?20000000 \"no such text\""));
    let behind = lab.rig.control.ask(line("r"));
    lab.ask(Request::Interrupt).await.unwrap();
    assert_eq!(soon(search).await.unwrap(), Err("interrupted".to_owned()));
    assert_eq!(soon(behind).await.unwrap(), Err("interrupted".to_owned()));
    lab.line("g").await;
    lab.rig.state(State::Running).await;
    lab.ask(Request::Interrupt).await.unwrap();
    lab.broken("Break instruction exception").await;
    lab.rig.end().await;
}

#[tokio::test]
async fn commands_that_need_a_stopped_target_say_so() {
    let lab = lab(Behaviour::default()).await;
    for command in ["k", "r", "db 0", "g", "t", "u"] {
        let refused = lab.ask(line(command)).await.unwrap_err();
        assert_eq!(
            refused,
            format!("{command} needs a stopped target; .break stops it").replace("db 0", "db")
        );
    }
    assert!(
        lab.ask(line("frobnicate"))
            .await
            .unwrap_err()
            .contains("no debugger's command")
    );
    assert_eq!(
        lab.line("? 1+0n9").await,
        "Evaluate expression: 10 = 00000000`0000000a"
    );
    lab.rig.end().await;
}
