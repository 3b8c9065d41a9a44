use std::sync::{Arc, Mutex};

use super::*;
use crate::rack::TargetId;

/// Memory to print into.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is printed of one event of each kind.
fn printed(json: bool, only: &[String]) -> String {
    let paper = Paper::default();
    let mut out = Out::new(json, only, Box::new(paper.clone()));
    let time = Time(1_795_000_000_000_042);
    out.state(time, "web01", State::Lost, "gone; next try in 1 s");
    out.state(time, "web01", State::Closed, "");
    out.output(
        time,
        "web01",
        12,
        b"\x1b[31mred\x1b[0m \"\xff\" \xc3\xbc\x07\r",
        false,
    );
    out.output(time, "web01", 13, b"login: ", true);
    out.command(time, "web01", 14, Some("alice"), b"r rip");
    let reply = Reply {
        target: Some(TargetId(1)),
        seq: Some(14),
        ok: true,
        text: "one\ntwo".into(),
    };
    out.reply(time, 7, Some("web01"), &reply);
    out.reply(time, 8, None, &Reply::new(Err("no".into())));
    out.reply(time, 9, None, &Reply::new(Ok(String::new())));
    out.notice(time, "web01", 15, b"connected");
    out.missed(time, "web01", 120);
    out.chat(&Said {
        id: 1,
        time,
        from: "alice".into(),
        to: None,
        action: false,
        text: "hi\x1b]0;title\x07".into(),
    });
    out.news(time, "alice typed .endsrv 0");
    out.error(time, None, "it failed");
    out.error(time, Some("t1"), "it failed");
    out.flush().unwrap();
    let bytes = paper.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn events_are_json_objects_with_their_fields_in_the_order_of_the_contract() {
    insta::assert_snapshot!(printed(true, &[]));
}

#[test]
fn people_read_the_same_in_lines() {
    insta::assert_snapshot!(printed(false, &[]));
}

#[test]
fn only_the_types_asked_for_are_printed() {
    let text = printed(true, &["chat".into(), "missed".into()]);
    let types: Vec<_> = text.lines().map(|line| &line[..14]).collect();
    assert_eq!(
        types,
        ["{\"type\":\"missed", "{\"type\":\"chat\","].map(|text| &text[..14])
    );
}

#[test]
fn the_role_names_the_servers() {
    let paper = Paper::default();
    let mut out = Out::new(true, &[], Box::new(paper.clone()));
    out.role(Role::Server, &["tcp:Port=5005".into()]);
    out.flush().unwrap();
    let text = String::from_utf8(paper.0.lock().unwrap().clone()).unwrap();
    let (head, rest) = text.split_once("\"time\":\"").unwrap();
    assert_eq!(head, "{\"type\":\"role\",");
    let (_, rest) = rest.split_once('"').unwrap();
    assert_eq!(
        rest,
        ",\"role\":\"server\",\"servers\":[\"tcp:Port=5005\"]}\n"
    );
}
