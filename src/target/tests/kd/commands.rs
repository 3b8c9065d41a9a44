//! What people type at a stopped machine.

use super::*;

impl Lab {
    pub(super) async fn refused(&self, text: &str) -> String {
        self.ask(line(text)).await.unwrap_err()
    }

    /// Waits until it is told why the target stopped.
    pub(super) async fn told(&mut self) -> String {
        loop {
            let detail = self.rig.state(State::Broken).await;
            if !detail.starts_with("stopped; ") {
                return detail;
            }
        }
    }
}

#[tokio::test]
async fn registers_are_shown_and_set_by_name() {
    let lab = Lab::stopped().await;
    assert_eq!(lab.line("r rax=1234`5678, zf=1").await, "");
    assert_eq!(
        lab.line("r @rax, eax ,zf").await,
        "rax=0000000012345678 eax=12345678 zf=1"
    );
    assert_eq!(
        lab.line("r rax = @rax+1; R RAX").await,
        "rax=0000000012345679"
    );
    assert_eq!(lab.line("r $t1=55; r $t1").await, "$t1=0000000000000055");
    assert!(lab.line("r cr3").await.starts_with("cr3=0000"));
    assert!(lab.line("rM 80").await.contains(" cr0="));
    assert_eq!(lab.refused("r foo").await, "Bad register error at 'foo'");
    assert_eq!(
        lab.refused("r rax=foo").await,
        "Couldn't resolve error at 'foo'"
    );
    lab.rig.end().await;
}

#[tokio::test]
async fn pseudo_registers_follow_from_the_stop() {
    let lab = Lab::stopped().await;
    let ra = lab.line("r $ra").await;
    assert!(lab.line("? $thread").await.contains("= ffff"));
    lab.line("gu").await;
    let rip = lab.line("r rip").await;
    assert_eq!(ra.replace("$ra", "rip"), rip);
    assert_ne!(lab.line("r $ra").await, ra);
    assert!(lab.line("? $proc").await.contains("= ffff"));
    lab.rig.end().await;
}

#[tokio::test]
async fn another_processor_is_looked_at_for_one_command_or_until_further_notice() {
    let mut lab = Lab::stopped().await;
    let own = lab.line("r rip").await;
    let other = lab.line("1r rip").await;
    assert_ne!(own, other);
    assert_eq!(lab.line("r rip").await, own);
    assert_eq!(lab.refused("1r rax=5").await, "Syntax error at '=5'");
    assert!(lab.refused("9r").await.contains("no processor 9"));
    assert_eq!(lab.line("~0s").await, "");
    assert_eq!(lab.line("~1s").await, "");
    assert_eq!(lab.rig.target.status.read().prompt, "1: kd>");
    assert_eq!(lab.line("r rip").await, other);
    let listed = lab.line("~").await;
    assert!(
        listed.lines().nth(1).unwrap().starts_with(".  1  "),
        "{listed}"
    );
    assert_eq!(listed.lines().count(), 4);
    assert!(lab.refused("~9s").await.contains("no processor 9"));
    // The break-in's own breakpoint is behind it, whichever processor it goes on from.
    lab.line("~0s").await;
    assert_eq!(lab.line("r rip").await, own, "looking moves nothing");
    lab.line("~1s").await;
    lab.forget();
    lab.line("g").await;
    lab.rig.state(State::Running).await;
    lab.ask(Request::Break).await.unwrap();
    assert!(lab.line(".lastevent").await.contains("asked for by"));
    lab.line("g").await;
    lab.rig.state(State::Running).await;
    assert!(lab.refused("r").await.contains("needs a stopped target"));
    lab.rig.end().await;
}

#[tokio::test]
async fn ports_and_model_specific_registers_are_read_and_written() {
    let lab = Lab::stopped().await;
    assert_eq!(lab.line("wrmsr c0000082 fffff801`2a40a1c0").await, "");
    assert_eq!(
        lab.line("rdmsr c0000082").await,
        "msr[c0000082] = fffff801`2a40a1c0"
    );
    assert!(lab.refused("rdmsr 12345").await.contains("NO_SUCH_DEVICE"));
    assert!(lab.line("ib 60").await.starts_with("0060: "));
    assert_eq!(lab.line("ob 80 5").await, "");
    assert!(lab.refused("ob 80 555").await.contains("does not fit"));
    lab.rig.end().await;
}

#[tokio::test]
async fn memory_is_written_filled_copied_compared_and_searched() {
    let lab = Lab::stopped().await;
    lab.line("r $t0=@rsp-2000").await;
    lab.line("ed @$t0 12345678 9abcdef0").await;
    assert!(lab.line("? qwo(@$t0)").await.ends_with("9abcdef0`12345678"));
    lab.line("ea @$t0 \"kdeck\"").await;
    assert!(lab.line("? by(@$t0)").await.ends_with("00000000`0000006b"));
    assert!(lab.refused("eb @$t0").await.contains("wants values"));
    assert_eq!(
        lab.refused("eb 10 5").await,
        "Memory access error at '00000000`00000010': it cannot be written"
    );
    assert_eq!(lab.line("f @$t0 L1801 1 2 3").await, "Filled 0x1801 bytes");
    assert!(
        lab.line("? dwo(@$t0+17fd)")
            .await
            .ends_with("00000000`01030201")
    );
    assert_eq!(lab.line("m nt L10 @$t0").await, "");
    assert_eq!(lab.line("c nt L10 @$t0").await, "");
    lab.line("eb @$t0+1 0").await;
    assert!(lab.line("c nt L10 @$t0").await.contains("  5a - "));
    assert_eq!(
        lab.line("c 0 L1 1000").await,
        "00000000`00000000  ?? - 00000000`00001000  ??"
    );
    let found = lab.line("s -[1]b nt L1000 'MZ'").await;
    assert_eq!(lab.line("? nt").await.split(" = ").nth(1), Some(&*found));
    assert_eq!(
        lab.refused("s nt L100").await,
        "Syntax error at '', where something is missing; it goes s [-b|w|d|q|a|u] RANGE VALUE..."
    );
    lab.rig.end().await;
}

#[tokio::test]
async fn memory_goes_to_a_file_and_back() {
    let lab = Lab::stopped().await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a file.bin");
    let name = path.display();
    let said = lab.line(&format!(".writemem \"{name}\" nt L2345")).await;
    assert!(said.starts_with("Wrote 0x2345 bytes"), "{said}");
    let written = std::fs::read(&path).unwrap();
    assert_eq!(written.len(), 0x2345);
    assert!(written.starts_with(b"MZ"));
    lab.line("r $t0=@rsp-4000").await;
    let said = lab.line(&format!(".readmem \"{name}\" @$t0")).await;
    assert!(said.starts_with("Read 0x2345 bytes"), "{said}");
    assert_eq!(lab.line("c nt L2345 @$t0").await, "");
    let refused = lab
        .refused(&format!(".readmem \"{name}\" @$t0 L3000"))
        .await;
    assert!(refused.contains("nothing was written"), "{refused}");
    let refused = lab.refused(&format!(".writemem \"{name}\" 0 L10")).await;
    assert!(refused.starts_with("Memory access error at"), "{refused}");
    assert_eq!(std::fs::read(&path).unwrap(), written);
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    lab.rig.end().await;
}

#[tokio::test]
async fn a_long_command_tells_how_far_it_is_and_can_be_interrupted() {
    let mut lab = Lab::stopped().await;
    let stopped = lab.told().await;
    // A range of which nothing can be read takes requests without end.
    let search = lab.rig.control.ask(line("s -b 0 L?100000000 41 42"));
    let interrupt = async {
        let told = lab.told().await;
        lab.ask(Request::Interrupt).await.unwrap();
        told
    };
    let (found, told) = tokio::join!(search, interrupt);
    assert!(told.starts_with("searching memory: 0 %, "), "{told}");
    assert!(told.ends_with("; Ctrl+C or .break ends it"), "{told}");
    assert_eq!(found.unwrap(), Err("interrupted".to_owned()));
    assert_eq!(lab.rig.target.status.read().detail, stopped);
    assert!(lab.line("r rip").await.starts_with("rip="));
    lab.rig.end().await;
}

#[tokio::test]
async fn a_break_ends_a_long_command_and_so_does_a_disconnect() {
    let mut lab = Lab::stopped().await;
    lab.told().await;
    for long in ["s -b 0 L?100000000 41 42", "s -b 0 L?100000000 43"] {
        let search = lab.rig.control.ask(line(long));
        // It ends what is in front of it, even if it was asked for before that took long.
        assert_eq!(
            lab.ask(Request::Break).await.unwrap(),
            "it is stopped already"
        );
        assert_eq!(soon(search).await.unwrap(), Err("interrupted".to_owned()));
    }
    lab.forget();
    let steps = lab.rig.control.ask(line("t 100000"));
    let told = lab.broken("").await;
    assert!(
        told.ends_with(" steps so far; Ctrl+C or .break ends it"),
        "{told}"
    );
    lab.ask(Request::Break).await.unwrap();
    assert!(soon(steps).await.unwrap().is_ok());
    let place = lab.line("r rip").await;
    assert!(place.starts_with("rip="), "{place}");

    let search = lab.rig.control.ask(line("s -b 0 L?100000000 44"));
    lab.broken("searching memory").await;
    lab.ask(Request::Disconnect).await.unwrap();
    assert!(soon(search).await.unwrap().is_err());
    lab.rig
        .entry(Kind::Notice, "stays stopped until a debugger lets it go on")
        .await;
    lab.rig.end().await;
}

#[tokio::test]
async fn what_was_asked_before_a_break_is_done_first() {
    let lab = Lab::stopped().await;
    let asked = ["r rip", "k", "g"].map(|text| lab.rig.control.ask(line(text)));
    let broken = lab.rig.control.ask(Request::Break);
    let behind = lab.rig.control.ask(line("k"));
    for answer in asked.into_iter().chain([broken, behind]) {
        soon(answer).await.unwrap().unwrap();
    }
    lab.rig.end().await;
}

#[tokio::test]
async fn modules_and_names_are_listed() {
    let mut lab = Lab::stopped().await;
    let near = lab.line("ln nt!KeBugCheckEx+2").await;
    assert!(near.contains("nt!KeBugCheckEx+0x2   |  ("), "{near}");
    let listed = lab.line("lm").await;
    assert!(listed.starts_with("start             end                 module name\n"));
    assert!(
        listed.contains("   nt         (export symbols)"),
        "{listed}"
    );
    assert!(listed.contains("   mydrv      (deferred)"), "{listed}");
    assert_eq!(lab.line("lm 1m m my*").await, "mydrv");
    let about = lab.line("lmvm nt").await;
    assert!(about.contains("    Image name: ntoskrnl.exe"), "{about}");
    assert!(lab.line("lm a nt+10").await.contains("   nt "));
    let names = lab.line("x nt!kebug*").await;
    assert_eq!(names.lines().count(), 2, "{names}");
    assert_eq!(
        lab.refused("x nt!nothing").await,
        "Couldn't resolve 'x nt!nothing'"
    );
    lab.told().await;
    lab.line("g").await;
    lab.rig.state(State::Running).await;
    let listed = lab.line("lm").await;
    assert!(listed.starts_with("the target runs"), "{listed}");
    lab.rig.end().await;
}

#[tokio::test]
async fn the_target_tells_what_it_is_and_how_long_it_runs() {
    let lab = Lab::stopped().await;
    let target = lab.line("vertarget").await;
    assert!(
        target
            .starts_with("Windows 10 Kernel Version 19041 MP (4 procs) Free x64\nBuilt by: 19041"),
        "{target}"
    );
    assert!(target.contains("System Uptime: "), "{target}");
    assert!(lab.line("version").await.contains("Remote KD: "));
    assert!(
        lab.line(".lastevent")
            .await
            .starts_with("Last event: Break")
    );
    assert!(lab.line("!dbgprint").await.contains("KD connection"));
    lab.line("sxe ld").await;
    assert!(lab.line("sx").await.contains("ld - Load module - break"));
    assert_eq!(lab.line("n 10; ? 10").await.lines().count(), 2);
    lab.rig.end().await;
}

#[tokio::test]
async fn a_crash_by_hand_is_a_bug_check_and_a_restart_ends_it() {
    let mut lab = Lab::stopped().await;
    let none = lab.line(".bugcheck").await;
    assert!(none.starts_with("Bugcheck code 00000000\n"), "{none}");
    lab.told().await;
    lab.line(".crash").await;
    lab.told().await;
    let bugcheck = lab.line(".bugcheck").await;
    assert!(
        bugcheck.starts_with("Bugcheck code 000000E2\n"),
        "{bugcheck}"
    );
    assert!(lab.line("!analyze").await.contains("STACK_TEXT:"));
    assert!(lab.refused(".crash").await.contains("already"));
    lab.line(".reboot").await;
    assert_eq!(lab.rig.target.status.read().state, State::Lost);
    assert_eq!(lab.rig.target.status.read().alert, "");
    lab.ask(Request::Break).await.unwrap();
    assert!(
        lab.line(".bugcheck")
            .await
            .starts_with("Bugcheck code 00000000\n")
    );
    lab.rig.end().await;
}

#[tokio::test]
async fn displays_go_on_where_the_last_one_ended() {
    let lab = Lab::stopped().await;
    let address = |text: &str| text.split(' ').next().unwrap_or_default().to_owned();
    let first = lab.line("db nt L20").await;
    assert!(first.contains("  4d 5a "), "{first}");
    // An empty line repeats it.
    let second = lab.line("").await;
    let nt = lab.line("? nt+20").await;
    assert_eq!(Some(&*address(&second)), nt.split(" = ").nth(1));
    assert_eq!(second.lines().count(), 8);
    let third = lab.line("db L10").await;
    assert_eq!(third.lines().count(), 1, "{third}");
    assert_eq!(address(&third), address(&lab.line("db nt+a0 L1").await));
    assert_eq!(lab.line("u L2").await.lines().count(), 3);
    assert!(
        lab.line("!dd 1000 L4")
            .await
            .starts_with("#00000000`00001000  ")
    );
    let code = lab.line("u nt!KeBugCheckEx L2").await;
    assert_eq!(code.lines().count(), 3, "{code}");
    assert_eq!(
        lab.line("u nt!KeBugCheckEx nt!KeBugCheckEx")
            .await
            .lines()
            .count(),
        2
    );
    assert!(lab.line("uf nt!KeBugCheckEx").await.starts_with(&code));
    let stack = lab.line("k 2").await;
    assert!(stack.contains("nt!DbgBreakPointWithStatus"), "{stack}");
    assert_eq!(stack.lines().count(), 3, "{stack}");
    assert!(lab.line("kb 1").await.contains("Args to Child"));
    assert_eq!(lab.refused("kz").await, "Syntax error at 'z'");
    assert!(lab.line("1k 1").await.contains("hal!HalProcessorIdle"));
    lab.rig.end().await;
}
