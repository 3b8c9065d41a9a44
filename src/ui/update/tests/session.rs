use std::sync::Arc;

use crate::deck::{Event, Role};
use crate::rack::{Rack, State, TargetId};
use crate::session::client::Line;
use crate::transcript::Time;
use crate::ui::message::{Effect, FoundServer, JoinAnswer, JoinQuestion, Message, Targets};
use crate::ui::model::{Overlay, View};
use crate::ui::stage::Stage;

fn gives(line: &str) -> Effect {
    Effect::Submit {
        focus: None,
        line: line.to_owned(),
    }
}

fn keep(line: &str) -> Effect {
    Effect::Remember(line.to_owned())
}

fn of(role: Role) -> Stage {
    let mut stage = Stage::new(2);
    stage.company(role, &["kim", "alice", "bob"]);
    stage
}

fn told(stage: &Stage) -> String {
    let notice = stage.model.notices.last();
    notice.map(|notice| notice.text.clone()).unwrap_or_default()
}

#[test]
fn a_client_leaves_with_ctrl_b_and_a_host_has_nothing_to_leave() {
    let mut client = of(Role::Client);
    assert_eq!(client.keys("ctrl+b"), [Effect::Leave]);
    client.keys("enter");
    client.typed("r");
    assert_eq!(client.keys("ctrl+b"), [], "the cursor moves");
    assert_eq!(client.keys("ctrl+e ctrl+u ctrl+b"), [Effect::Leave]);
    assert_eq!(
        client.line(".remote_exit"),
        [keep(".remote_exit"), Effect::Leave]
    );
    client.keys("f4");
    assert_eq!(client.keys("ctrl+b"), [Effect::Leave]);
    let mut host = of(Role::Host);
    assert_eq!(host.keys("ctrl+b"), []);
    assert!(told(&host).contains("joined no session"));
}

#[test]
fn q_in_a_client_ends_nothing_and_qq_asks() {
    let mut stage = of(Role::Client);
    for line in ["q", ".quit"] {
        assert_eq!(stage.line(line), [keep(line)]);
        assert!(told(&stage).contains("^B leaves"), "{}", told(&stage));
        assert!(stage.model.overlay.is_none());
    }
    assert_eq!(stage.line("qq"), [keep("qq")]);
    assert_eq!(stage.keys("enter"), [], "no, unless yes is said");
    stage.line("qq");
    assert_eq!(stage.keys("y"), [gives(".qq")]);
    // To a target on purpose.
    let sent = stage.line("@t001 q");
    assert!(matches!(sent.last(), Some(Effect::Submit { line, .. }) if line == "@t001 q"));
    stage.line("qd");
    assert!(told(&stage).contains(".disconnect"), "{}", told(&stage));
}

#[test]
fn the_session_is_ended_for_others_only_after_a_question_whoever_types_it_and_however() {
    for role in [Role::Client, Role::Server] {
        let mut stage = of(role);
        for line in ["qq", ".qq", ".qq now", "@t001 .qq"] {
            // A console in front of a host takes the word as its input.
            if role == Role::Server && line == "qq" {
                continue;
            }
            assert_eq!(stage.line(line), [keep(line)], "{line}");
            let screen = stage.screen(80, 24);
            assert!(screen.contains("End the session for everybody?"), "{line}");
            assert_eq!(stage.keys("y"), [gives(".qq")], "{line}");
        }
        stage.keys("esc");
        stage.message(Message::Paste(
            ".qq
uptime
"
            .to_owned(),
        ));
        let sent = stage.keys("y");
        assert!(!sent.contains(&gives(".qq")), "{sent:?}");
        assert!(
            stage
                .screen(80, 24)
                .contains("End the session for everybody?")
        );
    }
}

#[test]
fn at_a_host_q_ends_the_session_from_a_debugger_and_is_a_console_s_input() {
    let mut host = Stage::with_debuggers(2, &[0]);
    host.company(Role::Server, &["kim", "alice"]);
    for line in ["q", "qq"] {
        assert_eq!(host.line(line), [keep(line)]);
        let screen = host.screen(80, 24);
        assert!(
            screen.contains("One person is here, and is put out."),
            "{screen}"
        );
        assert_eq!(host.keys("y"), [gives(".qq")]);
    }
    host.line("qd");
    assert!(
        told(&host).contains("qd lets go of a process"),
        "{}",
        told(&host)
    );
    let mut console = of(Role::Host);
    for line in ["q", "qq", "qd"] {
        let sent = console.line(line);
        assert!(matches!(sent.last(), Some(Effect::Submit { line: sent, .. }) if sent == line));
    }
    let mut empty = Stage::new(0);
    assert_eq!(
        empty.line("q"),
        [keep("q"), gives(".qq")],
        "nothing is lost"
    );
}

#[test]
fn quitting_a_host_where_people_are_says_how_many() {
    let mut stage = of(Role::Server);
    stage.state("t000", State::Lost, "");
    stage.state("t001", State::Lost, "");
    assert_eq!(stage.keys("q"), []);
    let screen = stage.screen(80, 24);
    assert!(
        screen.contains("2 people are here, and are put out."),
        "{screen}"
    );
    assert_eq!(stage.keys("y"), [Effect::Quit]);
    let mut client = of(Role::Client);
    assert_eq!(client.keys("q"), []);
    assert!(client.screen(80, 24).contains("which goes on"));
    assert_eq!(client.keys("y"), [Effect::Quit]);
}

#[test]
fn the_switcher_opens_and_ends_servers_and_clears_the_way() {
    let mut stage = of(Role::Server);
    stage.keys("f2 n ctrl+u");
    stage.typed("npipe:pipe=lab");
    assert_eq!(stage.keys("enter"), [gives(".server npipe:pipe=lab")]);
    stage.line(".role");
    assert!(matches!(stage.model.overlay, Some(Overlay::Role(_))));
    assert_eq!(stage.keys("x enter"), [], "no, unless yes is said");
    assert_eq!(stage.keys("f2 x y"), [gives(".endsrv 0")]);
    assert_eq!(stage.keys("f2 X y"), [gives(".endsrv 0 /disconnect")]);
    stage.keys("f2 e");
    let screen = stage.screen(80, 24);
    assert!(screen.contains("End 2 targets and server 0?"), "{screen}");
    assert!(screen.contains("Cut off: 2 clients."), "{screen}");
    assert_eq!(
        stage.keys("y"),
        [gives(".endsrv 0 /disconnect"), gives("@all .remove")]
    );
    assert_eq!(
        stage.keys("f2 home enter y"),
        [gives(".endsrv 0 /disconnect")]
    );
}

#[test]
fn a_host_with_targets_is_told_what_has_to_end_instead_of_joining() {
    let mut stage = of(Role::Host);
    assert_eq!(
        stage.line(".remote tcp:server=lab01,port=5005"),
        [keep(".remote tcp:server=lab01,port=5005")]
    );
    let screen = stage.screen(80, 24);
    assert!(screen.contains("End 2 targets?"), "{screen}");
    assert_eq!(stage.keys("n"), [], "and what was typed is still there");
    let screen = stage.screen(80, 24);
    assert!(screen.contains("end 2 targets first"), "{screen}");
    assert!(screen.contains("tcp:server=lab01,port=5005"), "{screen}");
    assert_eq!(stage.keys("enter y"), [gives("@all .remove")]);
    stage.message(Message::Rack(Targets(Arc::new(Rack::new(Vec::new())))));
    assert!(matches!(stage.keys("enter").as_slice(), [Effect::Join(_)]));
    let mut client = of(Role::Client);
    client.keys("ctrl+r");
    assert!(client.screen(80, 24).contains("joined to lab01 already"));
}

#[test]
fn a_role_that_is_asked_for_is_gone_to_and_what_is_in_its_way_asked_about() {
    let mut stage = of(Role::Server);
    stage.line(".role client");
    assert_eq!(stage.keys("enter"), []);
    let screen = stage.screen(80, 24);
    assert!(screen.contains("End 2 targets and server 0?"), "{screen}");
    assert_eq!(
        stage.keys("y"),
        [gives(".endsrv 0 /disconnect"), gives("@all .remove")]
    );
    assert!(matches!(stage.model.overlay, Some(Overlay::Connect(_))));
    stage.keys("esc esc ctrl+r enter");
    assert!(stage.screen(80, 24).contains("End 2 targets and server 0?"));
    stage.keys("n");
    assert!(stage.model.overlay.is_none());
    stage.line(".role host");
    stage.keys("enter");
    assert!(stage.screen(80, 24).contains("End server 0?"));
    stage.keys("n");
    let mut host = of(Role::Host);
    host.line(".role server");
    assert_eq!(host.keys("enter enter"), [gives(".server tcp:port=5005")]);
    let unknown = host.line(".role king");
    assert!(
        matches!(unknown.last(), Some(Effect::Submit { .. })),
        "{unknown:?}"
    );
}

#[test]
fn joining_goes_through_stages_and_questions() {
    let mut stage = Stage::new(0);
    stage.keys("ctrl+r");
    stage.typed("tcp:server=lab01,port=5005");
    let effects = stage.keys("enter");
    let [Effect::Join(client)] = effects.as_slice() else {
        panic!("{effects:?}");
    };
    assert_eq!(client.to_string(), "tcp:port=5005,server=lab01");
    stage.message(Message::JoinStage("greeting".to_owned()));
    assert!(stage.screen(80, 24).contains("greeting"));
    stage.message(Message::JoinAsks(JoinQuestion::Password { wrong: false }));
    stage.typed("sesame");
    let answer = stage.keys("enter");
    assert!(
        matches!(
            answer.as_slice(),
            [Effect::JoinAnswer(JoinAnswer::Password(_))]
        ),
        "{answer:?}"
    );
    assert!(!format!("{answer:?}").contains("sesame"), "{answer:?}");
    stage.message(Message::Joined(Err(
        "refused:\nversion 2, here is 1".to_owned()
    )));
    assert!(stage.screen(80, 24).contains("version 2, here is 1"));
    stage.keys("enter");
    let after = stage.message(Message::Joined(Ok(())));
    assert_eq!(after, [Effect::Refresh, Effect::Chat]);
    assert!(stage.model.overlay.is_none());
}

#[test]
fn joining_is_given_up_with_one_key() {
    let mut stage = Stage::new(0);
    stage.line(".remote tcp:server=lab01,port=5005");
    let cancel = Effect::JoinAnswer(JoinAnswer::Cancel);
    assert_eq!(stage.keys("esc"), [cancel]);
    assert!(stage.screen(80, 24).contains("given up"));
    // What comes late changes nothing.
    stage.message(Message::JoinStage("greeting".to_owned()));
    assert!(!stage.screen(80, 24).contains("greeting"));
    assert_eq!(stage.keys("esc"), []);
    assert!(stage.model.overlay.is_none());
    // A question that nobody is in front of opens the box.
    stage.message(Message::JoinAsks(JoinQuestion::UnknownCertificate {
        server: "lab01".to_owned(),
        fingerprint: "SHA256:abc".to_owned(),
    }));
    assert!(stage.screen(80, 24).contains("SHA256:abc"));
}

#[test]
fn servers_are_looked_for_where_one_says() {
    let mut stage = Stage::new(0);
    stage.keys("ctrl+r up");
    assert!(matches!(stage.model.overlay, Some(Overlay::Connect(_))));
    let effects = stage.keys("down down down down down enter");
    assert_eq!(effects, [Effect::Browse(String::new())]);
    stage.message(Message::Found(Ok(vec![FoundServer {
        string: "npipe:Pipe=lab".to_owned(),
        note: "1 client".to_owned(),
    }])));
    stage.keys("down enter");
    assert!(matches!(stage.keys("enter").as_slice(), [Effect::Join(_)]));
}

#[test]
fn another_session_leaves_nothing_of_the_one_before_but_what_is_one_s_own() {
    let mut stage = Stage::new(4);
    stage.output("t001", "of the host\n");
    stage.line(".open t001 t002");
    stage.line(".theme dark");
    stage.line(".layout rows");
    stage.keys("ctrl+]");
    stage.says(1, "kim", None, "to myself");
    assert!(stage.screen(80, 24).contains("RAW"));
    let history = stage.model.line.history.clone();
    stage.company(Role::Client, &["kim", "alice"]);
    assert_eq!(stage.model.view, View::Rack);
    assert!(stage.model.panes.list.is_empty());
    assert!(stage.model.chat.is_silent());
    assert_eq!(stage.model.look().theme.name(), "dark");
    assert_eq!(stage.model.panes.arrangement.word(), "rows");
    assert_eq!(stage.model.line.history, history);
    // The numbers of targets mean others now, whatever was drawn before.
    stage.keys("down");
    assert_eq!(stage.model.looks_at(), [TargetId(1)]);
    let back = stage.model.session;
    stage.company(Role::Client, &["kim", "alice", "bob"]);
    assert_eq!(stage.model.session, back, "it is the same one");
}

#[test]
fn a_change_of_role_asks_for_everything_anew() {
    let mut stage = Stage::new(1);
    let event = Event::Role { time: Time(0) };
    assert_eq!(
        stage.message(Message::Event(event)),
        [Effect::Refresh, Effect::Chat]
    );
}

#[test]
fn what_is_looked_at_is_what_is_on_the_screen() {
    let mut stage = Stage::new(12);
    stage.screen(80, 24);
    assert_eq!(stage.model.looks_at(), [TargetId(0)]);
    stage.line(".open t005 t003");
    assert_eq!(stage.model.looks_at(), [TargetId(3), TargetId(5)]);
    stage.keys("esc z");
    assert_eq!(stage.model.looks_at(), [TargetId(3)]);
    stage.screen(10, 2);
    assert_eq!(stage.model.looks_at(), []);
}

#[test]
fn a_line_that_is_lost_cannot_be_overlooked() {
    let mut stage = of(Role::Client);
    let mut company = stage.model.company.clone();
    let joined = company.joined.as_mut().unwrap();
    joined.line = Line::Down("no answer for 5 s; trying again".to_owned());
    stage.message(Message::Company(Box::new(company)));
    let screen = stage.screen(80, 24);
    let first = screen.lines().next().unwrap();
    assert!(
        first.contains("reconnecting... no answer for 5 s"),
        "{first}"
    );
}
