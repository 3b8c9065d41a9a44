use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::*;
use crate::ui::glyphs::{ASCII, Glyphs, UNICODE};
use crate::ui::look::Look;
use crate::ui::theme::{Depth, Theme};

/// Presses keys written with blanks between them, and returns what the last one did.
fn press(connect: &mut Connect, names: &str) -> Outcome {
    let keys = KeyMap::default();
    let press = |name: &str| connect.key(name.parse().unwrap(), &keys, false);
    names.split(' ').map(press).last().unwrap()
}

fn typed(connect: &mut Connect, text: &str) {
    connect.paste(text);
}

fn joins(outcome: Outcome) -> String {
    match outcome {
        Outcome::Wish(Wish::Join(client)) => client.to_string(),
        other => panic!("{other:?}"),
    }
}

fn screen(
    connect: &Connect,
    glyphs: &Glyphs,
    width: u16,
    height: u16,
    blocked: Option<&str>,
) -> String {
    let theme = Theme::built_in(Depth::Mono);
    let mut buf = Buffer::empty(Rect::new(0, 0, width, height));
    let look = Look {
        theme: &theme,
        glyphs,
    };
    connect.draw(buf.area, &mut buf, look, blocked);
    let rows = buf.content.chunks(width.into());
    let row = |row: &[ratatui::buffer::Cell]| {
        let text: String = row.iter().map(|cell| cell.symbol()).collect();
        text.trim_end().to_owned()
    };
    let rows: Vec<String> = rows.map(row).collect();
    rows.join("\n").trim_matches('\n').to_owned()
}

macro_rules! snapshot {
    ($connect:expr, $blocked:expr) => {
        let shown = [(&UNICODE, 80, 24), (&ASCII, 80, 24), (&UNICODE, 30, 8)]
            .map(|(glyphs, width, height)| screen($connect, glyphs, width, height, $blocked));
        insta::assert_snapshot!(shown.join("\n\n"));
    };
}

fn lab() -> Connect {
    let mut connect = Connect::new("");
    press(&mut connect, "tab right tab");
    typed(&mut connect, "lab01");
    press(&mut connect, "tab");
    typed(&mut connect, "5443");
    press(&mut connect, "tab");
    typed(&mut connect, "sesame");
    connect
}

#[test]
fn filled_in_by_fields() {
    snapshot!(&lab(), None);
}

#[test]
fn with_servers_that_were_found() {
    let mut connect = lab();
    assert_eq!(
        press(&mut connect, "tab enter"),
        Outcome::Wish(Wish::Browse("lab01".to_owned()))
    );
    connect.look_for();
    assert!(screen(&connect, &ASCII, 80, 24, None).contains("looking..."));
    let server = |string: &str, note: &str| FoundServer {
        string: string.to_owned(),
        note: note.to_owned(),
    };
    connect.found(Ok(vec![
        server("tcp:Port=5005,Server=lab01,Password=*", "2 clients"),
        server("npipe:Pipe=lab,Server=lab01", "does not answer"),
    ]));
    press(&mut connect, "down");
    snapshot!(&connect, None);
    // It goes into the string, and what is missing comes next.
    press(&mut connect, "enter");
    assert_eq!(connect.written(), "tcp:Port=5005,Server=lab01");
    assert_eq!(connect.field(), Some(Field::Password));
}

#[test]
fn while_there_is_something_in_the_way() {
    snapshot!(
        &Connect::new(""),
        Some("not now: end 2 targets and server 0 first")
    );
}

#[test]
fn enter_asks_for_what_is_in_the_way_where_nothing_is_said_yet() {
    let enter =
        |connect: &mut Connect| connect.key("enter".parse().unwrap(), &KeyMap::default(), true);
    assert_eq!(enter(&mut Connect::new("")), Outcome::Wish(Wish::ClearWay));
    let mut connect = Connect::new("tcp:port");
    assert_eq!(enter(&mut connect), Outcome::Taken, "it is wrong");
}

#[test]
fn with_a_kernel_string_and_the_line_that_is_meant() {
    let mut connect = Connect::new("-remote net:port=50000,key=1.2.3.4");
    assert_eq!(press(&mut connect, "enter"), Outcome::Taken);
    let shown = screen(&connect, &ASCII, 100, 24, None);
    assert!(shown.contains("corrected: kdeck -k"), "{shown}");
    snapshot!(&connect, None);
}

#[test]
fn with_a_password_in_the_string() {
    let mut connect = Connect::new("tcp:server=lab01,port=5005,password=Lab12");
    for keys in ["left", "home", "end"] {
        press(&mut connect, keys);
        let shown = screen(&connect, &UNICODE, 80, 24, None);
        assert!(
            shown.contains("port=5005,password=*****") && !shown.contains("Lab12"),
            "{shown}"
        );
    }
    snapshot!(&connect, None);
    assert!(joins(press(&mut connect, "enter")).contains("password=Lab12"));
    connect.begin();
    connect.fail("lab01 does not answer");
    let shown = screen(&connect, &UNICODE, 80, 24, None);
    assert!(!shown.contains("Lab12"), "{shown}");
    assert!(
        joins(press(&mut connect, "enter")).contains("password=Lab12"),
        "it need not be typed again"
    );
}

#[test]
fn while_joining() {
    let mut connect = Connect::new("tcp:server=lab01,port=5005,password=sesame");
    connect.begin();
    connect.stage("waiting for 10.0.0.18 to answer".to_owned());
    let shown = screen(&connect, &UNICODE, 80, 24, None);
    assert!(!shown.contains("sesame"), "{shown}");
    snapshot!(&connect, None);
    assert_eq!(press(&mut connect, "x"), Outcome::Ignored);
    assert_eq!(
        press(&mut connect, "esc"),
        Outcome::Wish(Wish::Answer(JoinAnswer::Cancel))
    );
    connect.fail("lab01 does not answer\nis the server open?");
    assert!(screen(&connect, &UNICODE, 80, 24, None).contains("is the server open?"));
}

fn asked(question: JoinQuestion) -> Connect {
    let mut connect = Connect::new("tcp:server=lab01,port=5005");
    connect.begin();
    connect.ask(question);
    connect
}

#[test]
fn asking_for_a_password() {
    let mut connect = asked(JoinQuestion::Password { wrong: true });
    typed(&mut connect, "open sesame");
    assert_eq!(press(&mut connect, "enter"), Outcome::Taken);
    snapshot!(&connect, None);
    press(&mut connect, "ctrl+u");
    typed(&mut connect, "sesame");
    let password = Password::new("sesame").unwrap();
    assert_eq!(
        press(&mut connect, "enter"),
        Outcome::Wish(Wish::Answer(JoinAnswer::Password(password)))
    );
}

#[test]
fn asking_about_an_unknown_certificate() {
    let question = || {
        asked(JoinQuestion::UnknownCertificate {
            server: "lab01:5443".to_owned(),
            fingerprint: "SHA256:mYp1FzC9p2kFiS8uCwJhHk0w1r7a5nV3o6xTqQdLbE4".to_owned(),
        })
    };
    snapshot!(&question(), None);
    let answer = |keys: &str| press(&mut question(), keys);
    let cancel = Outcome::Wish(Wish::Answer(JoinAnswer::Cancel));
    assert_eq!(answer("y"), Outcome::Wish(Wish::Answer(JoinAnswer::Trust)));
    for key in ["enter", "n", "esc"] {
        assert_eq!(answer(key), cancel, "{key}");
    }
}

#[test]
fn asking_about_a_changed_certificate() {
    let question = || {
        asked(JoinQuestion::ChangedCertificate {
            server: "lab01:5443".to_owned(),
            known: "SHA256:mYp1FzC9p2kFiS8uCwJhHk0w1r7a5nV3o6xTqQdLbE4".to_owned(),
            shown: "SHA256:3o6xTqQdLbE4mYp1FzC9p2kFiS8uCwJhHk0w1r7a5nV".to_owned(),
        })
    };
    snapshot!(&question(), None);
    let cancel = Outcome::Wish(Wish::Answer(JoinAnswer::Cancel));
    for keys in ["enter", "esc", "y enter", "t r u s t enter"] {
        assert_eq!(press(&mut question(), keys), cancel, "{keys}");
    }
    let mut pasted = question();
    typed(&mut pasted, "trust it");
    assert_eq!(press(&mut pasted, "enter"), cancel, "it has to be typed");
    assert_eq!(
        press(&mut question(), "t r u s t space i t enter"),
        Outcome::Wish(Wish::Answer(JoinAnswer::Trust))
    );
}

#[test]
fn a_string_is_taken_with_or_without_what_stands_around_it() {
    for text in [
        "tcp:server=lab01,port=5005",
        "  -remote tcp:Port=5005,Server=lab01",
        r"kdeck -remote tcp:server=\\lab01,port=5005",
        "kdeck --remote \"tcp:server=lab01,port=5005\"",
        ".remote remdbgeng://tcp:server=lab01,port=5005",
    ] {
        let client = Connect::new(text).wanted().unwrap();
        assert_eq!(client.to_string(), "tcp:port=5005,server=lab01", "{text}");
    }
}

#[test]
fn fields_make_a_string_and_the_password_is_in_it() {
    let mut connect = lab();
    assert_eq!(
        joins(press(&mut connect, "enter")),
        "ssl:port=5443,password=sesame,server=lab01"
    );
    assert!(!screen(&connect, &UNICODE, 80, 24, None).contains("sesame"));
    press(&mut connect, "up up up left");
    assert_eq!(
        joins(press(&mut connect, "enter")),
        "tcp:port=5443,password=sesame,server=lab01"
    );
}

#[test]
fn a_hostile_list_is_drawn_harmless() {
    let mut connect = Connect::new("");
    connect.found(Ok(vec![FoundServer {
        string: "tcp:\x1b[2J\u{202e}".repeat(40),
        note: "\x07\n\u{9b}31m".to_owned(),
    }]));
    let shown = screen(&connect, &UNICODE, 80, 24, None);
    let bad = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
    assert!(!shown.contains(bad), "{shown}");
}
