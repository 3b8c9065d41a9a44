//! Frames with other people in them.

use super::lab;
use crate::deck::Role;
use crate::rack::State;
use crate::session::client::Line;
use crate::session::{Change, Permission};
use crate::ui::frame::Fresh;
use crate::ui::glyphs::ASCII;
use crate::ui::message::{Effect, Message};
use crate::ui::stage::Stage;

const PEOPLE: [&str; 3] = ["kim", "alice", "bob"];

fn of(role: Role) -> Stage {
    let mut stage = lab(20);
    stage.company(role, &PEOPLE);
    stage
}

/// The header at several widths, with Unicode and without.
fn header(stage: &mut Stage) -> String {
    let mut rows = Vec::new();
    for glyphs in [stage.model.settings.glyphs, &ASCII] {
        stage.model.settings.glyphs = glyphs;
        for width in [120, 80, 40] {
            let screen = stage.screen(width, 24);
            rows.push(screen.lines().next().unwrap_or_default().to_owned());
        }
    }
    rows.join("\n")
}

#[test]
fn headers() {
    let mut all = Vec::new();
    let mut alone = lab(20);
    all.push(header(&mut alone));
    all.push(header(&mut of(Role::Host)));
    let mut server = of(Role::Server);
    let mut company = server.model.company.clone();
    let mut open = company.servers[0].clone();
    (open.id, open.string, open.open) = (1, "npipe:Pipe=lab,Password=none".to_owned(), true);
    company.servers.push(open);
    server.message(Message::Company(Box::new(company)));
    all.push(header(&mut server));
    let mut client = of(Role::Client);
    all.push(header(&mut client));
    let mut company = client.model.company.clone();
    company.me.as_mut().unwrap().permission = Permission::Observer;
    client.message(Message::Company(Box::new(company.clone())));
    client.screen(80, 24);
    client.says(1, "bob", None, "hello");
    client.says(2, "bob", None, "kim?");
    client.model.chat.open = Some(false);
    all.push(header(&mut client));
    for line in [
        Line::Down("no answer for 5 s; trying again in 2 s".to_owned()),
        Line::Over("alice ended the session".to_owned()),
    ] {
        company.joined.as_mut().unwrap().line = line;
        client.message(Message::Company(Box::new(company.clone())));
        all.push(header(&mut client));
    }
    insta::assert_snapshot!(all.join("\n\n"));
}

/// A chat as on an ordinary day.
fn chatting() -> Stage {
    let mut stage = of(Role::Server);
    stage.screen(80, 24);
    stage.person("alice", Change::Joined);
    stage.says(1, "alice", None, "who has t002?");
    stage.says(
        2,
        "kim",
        None,
        "me, at the breakpoint; the driver frees it twice when the link goes down",
    );
    stage.wait(60_000);
    stage.person("bob", Change::Away);
    stage.says(3, "alice", None, "/me looks");
    stage.message(Message::Event(crate::deck::Event::Target {
        time: stage.now,
        id: crate::rack::TargetId(4),
        state: State::Lost,
        detail: "connection refused; next try in 3 s".to_owned(),
    }));
    stage.says(4, "alice", Some("kim"), "give me t004 when you are done");
    stage.says(5, "kim", Some("alice"), "take it");
    stage.says(6, "bob", None, "Kim: \u{6f22}\u{5b57} thanks");
    stage
}

#[test]
fn the_chat_beside_the_rack() {
    let mut stage = chatting();
    insta::assert_snapshot!("chat_120x36", stage.screen(120, 36));
    stage.keys("f4");
    stage.typed("on my way");
    insta::assert_snapshot!("chat_typing_240x70", stage.screen(240, 70));
}

#[test]
fn the_chat_folded_and_opened_on_a_small_screen() {
    let mut stage = chatting();
    stage.model.notice_until = None;
    insta::assert_snapshot!("chat_folded_80x24", stage.screen(80, 24));
    stage.keys("f4");
    insta::assert_snapshot!("chat_opened_80x24", stage.screen(80, 24));
    stage.model.settings.glyphs = &ASCII;
    insta::assert_snapshot!("chat_opened_ascii_80x24", stage.screen(80, 24));
    insta::assert_snapshot!("chat_opened_40x10", stage.screen(40, 10));
    insta::assert_snapshot!("chat_opened_20x5", stage.screen(20, 5));
}

#[test]
fn hostile_names_and_lines_stay_in_the_chat() {
    let families = [
        "\x1b[2J\x1b[1;1Hgotcha",
        "\x1b]0;t\x07\x1b]52;c;Zm9v\x07",
        "a\u{202e}b\u{2066}c\u{200f}\u{feff}",
        "\u{6f22}\u{1f468}\u{200d}\u{1f469}\u{26a0}\u{fe0f}",
        "e\u{301}\u{301}\u{301}\u{301}\u{301}",
        "\u{9b}31m\u{9d}x\u{9c}\0\r\n\t",
    ];
    let mut plain = of(Role::Server);
    let calm = plain.terminal(120, 36).backend().buffer().clone();
    let chat = plain.model.plan().chat.unwrap().area();
    for text in families {
        let mut stage = of(Role::Server);
        stage.terminal(120, 36);
        let many = text.repeat(30);
        let mut company = stage.model.company.clone();
        company.people[1].name = many.clone();
        stage.message(Message::Company(Box::new(company)));
        stage.says(1, &many, None, &many);
        stage.says(2, text, Some("kim"), text);
        stage.person(&many, Change::Left(many.clone()));
        let terminal = stage.terminal(120, 36);
        let buffer = terminal.backend().buffer();
        for position in buffer.area.positions() {
            let symbol = buffer[position].symbol();
            assert!(!symbol.chars().any(char::is_control), "{symbol:?}");
            assert!(!symbol.contains(['\u{202e}', '\u{2066}', '\u{200f}', '\u{feff}']));
            if !chat.contains(position) {
                assert_eq!(
                    buffer[position], calm[position],
                    "{position} after {text:?}"
                );
            }
        }
        // Over the rest, and in its title too.
        stage.keys("f4");
        stage.terminal(80, 24);
    }
}

#[test]
fn while_nothing_happens_nothing_is_drawn() {
    let mut stage = chatting();
    stage.keys("f4");
    let first = stage.terminal(120, 36).backend().buffer().clone();
    for fresh in [Fresh::Known, Fresh::Front, Fresh::All] {
        assert!(!stage.collect(fresh).changed);
    }
    assert_eq!(stage.terminal(120, 36).backend().buffer().diff(&first), []);
    stage.model.settings.reduced_motion = true;
    stage.model.notice_until = None;
    assert_eq!(stage.model.timer(), None);
    // What is known already is nothing new.
    let said = crate::session::Said {
        id: 6,
        time: stage.now,
        from: "bob".to_owned(),
        to: None,
        action: false,
        text: "again".to_owned(),
    };
    assert_eq!(stage.message(Message::Chat(vec![said])), [Effect::Soon]);
    assert!(!stage.collect(Fresh::All).changed);
    stage.says(7, "bob", None, "now");
    assert!(stage.collect(Fresh::All).changed, "and what is new is");
}

#[test]
fn every_size_is_drawn_with_the_chat() {
    let mut stage = chatting();
    stage.keys("f4");
    for (width, height) in [
        (0, 0),
        (1, 1),
        (19, 5),
        (20, 5),
        (21, 6),
        (44, 7),
        (62, 8),
        (63, 9),
        (109, 12),
        (110, 12),
        (300, 6),
    ] {
        stage.terminal(width, height);
    }
}

#[test]
fn who_holds_a_target_stands_in_its_title() {
    let mut stage = of(Role::Server);
    stage.target("t001").status.set_holder("alice");
    stage.target("t003").status.set_holder("kim");
    stage.line(".open t001 t003");
    let screen = stage.screen(120, 24);
    assert!(screen.contains("alice holds it"), "{screen}");
    assert!(screen.contains("you hold it"), "{screen}");
}
