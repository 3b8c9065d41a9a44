use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::*;
use crate::transcript::safe;
use crate::ui::glyphs::ASCII;

static ZONE: TimeZone = TimeZone::UTC;

fn said(id: u64, from: &str, text: &str) -> Said {
    Said {
        id,
        time: Time(i64::try_from(id).unwrap() * 1_000_000),
        from: from.to_owned(),
        to: None,
        action: false,
        text: text.to_owned(),
    }
}

fn reader(watches: bool) -> Reader {
    Reader {
        name: "kim".to_owned(),
        since: Some(Time(0)),
        watches,
    }
}

fn writer(width: usize) -> Writer<'static> {
    Writer {
        width,
        me: "kim",
        zone: &ZONE,
        glyphs: &ASCII,
    }
}

fn texts(rows: &[Row]) -> Vec<String> {
    let text = |row: &Row| row.iter().map(|(_, part)| part.as_str()).collect();
    rows.iter().map(text).collect()
}

/// What is visible, as text.
fn visible(chat: &Chat, width: usize, height: usize) -> Vec<String> {
    texts(&chat.view(&writer(width), height).rows)
}

fn with(count: u64) -> Chat {
    let mut chat = Chat::default();
    (1..=count).for_each(|id| chat.hear(said(id, "bob", &format!("line {id}")), &reader(true)));
    chat
}

#[test]
fn who_said_what_to_whom_is_told_without_colours() {
    let mut chat = Chat::default();
    let to = |to: &str, said: Said| Said {
        to: Some(to.to_owned()),
        ..said
    };
    chat.hear(said(1, "bob", "hello all"), &reader(true));
    chat.hear(said(2, "kim", "hello bob"), &reader(true));
    chat.hear(said(3, "bob", "Kim, look at t002."), &reader(true));
    chat.hear(to("kim", said(4, "bob", "psst")), &reader(true));
    chat.hear(to("bob", said(5, "kim", "what?")), &reader(true));
    chat.hear(to("eve", said(6, "bob", "not for kim")), &reader(true));
    let waves = Said {
        action: true,
        ..said(7, "bob", "waves")
    };
    chat.hear(waves, &reader(true));
    chat.event(Time(8), About::Person, "eve left".to_owned());
    chat.event(Time(9), About::Alert, "t004: bugcheck D1".to_owned());
    assert_eq!(
        visible(&chat, 60, 20),
        [
            "00:00 bob: hello all",
            "00:00>kim: hello bob",
            "00:00@bob: Kim, look at t002.",
            "00:00@bob (to you): psst",
            "00:00>kim (to bob): what?",
            "00:00 * bob waves",
            "00:00- eve left",
            "00:00! t004: bugcheck D1",
        ]
    );
}

#[test]
fn long_lines_wrap_at_blanks_and_never_leave_their_width() {
    let mut chat = Chat::default();
    chat.hear(
        said(1, "bob", "one two three four incomprehensibilities"),
        &reader(true),
    );
    assert_eq!(
        visible(&chat, 20, 20),
        [" bob: one two three", "  four incomprehensi", "  bilities"]
    );
    assert_eq!(visible(&chat, 44, 20)[1], "      incomprehensibilities");
}

#[test]
fn a_name_in_the_text_is_meant_only_as_a_word() {
    let meant = |text: &str| is_meant_for(&said(1, "bob", text), "kim");
    for text in ["kim", "@kim: yes", "ask KIM.", "(kim)", "kim, bob"] {
        assert!(meant(text), "{text}");
    }
    for text in ["kimono", "kim-2 is it", "akim", ""] {
        assert!(!meant(text), "{text}");
    }
    assert!(!is_meant_for(&said(1, "kim", "kim"), "kim"));
}

#[test]
fn what_was_not_seen_is_counted_and_marked_until_it_is_read() {
    let mut chat = with(2);
    assert_eq!((chat.unread(), chat.mentions()), (0, 0));
    chat.hear(said(3, "bob", "kim?"), &reader(false));
    chat.hear(said(4, "kim", "yes"), &reader(false));
    chat.hear(said(5, "bob", "good"), &reader(false));
    assert_eq!((chat.unread(), chat.mentions()), (2, 1));
    chat.read();
    assert_eq!(chat.unread(), 0);
    let shown = visible(&chat, 40, 20);
    assert!(shown[2].contains("- new -"), "{shown:?}");
    chat.unmark();
    assert!(!visible(&chat, 40, 20)[2].contains("new"));
}

#[test]
fn what_was_said_before_one_came_is_nothing_new() {
    let mut chat = Chat::default();
    let late = Reader {
        since: Some(Time(10_000_000)),
        ..reader(false)
    };
    (1..20).for_each(|id| chat.hear(said(id, "bob", "x"), &late));
    assert_eq!(chat.unread(), 10);
}

#[test]
fn a_view_that_was_moved_holds_still_and_the_end_follows_again() {
    let mut chat = with(50);
    let writer = writer(40);
    assert_eq!(visible(&chat, 40, 3)[2], "00:00 bob: line 50");
    chat.scroll(-5, &writer, 3);
    let held = visible(&chat, 40, 3);
    assert_eq!(held[2], "00:00 bob: line 45");
    chat.hear(said(51, "bob", "line 51"), &reader(true));
    assert_eq!(visible(&chat, 40, 3), held);
    assert_eq!((chat.unread(), chat.view(&writer, 3).below), (1, 6));
    chat.scroll(-1000, &writer, 3);
    assert_eq!(visible(&chat, 40, 3)[0], "00:00 bob: line 1");
    chat.scroll(1000, &writer, 3);
    assert_eq!(visible(&chat, 40, 3)[2], "00:00 bob: line 51");
}

#[test]
fn a_line_longer_than_the_view_is_read_row_by_row() {
    let mut chat = Chat::default();
    chat.hear(said(1, "bob", &"word ".repeat(100)), &reader(true));
    let writer = writer(30);
    chat.scroll(-1000, &writer, 4);
    assert!(visible(&chat, 30, 4)[0].contains("bob:"));
    chat.scroll(2, &writer, 4);
    assert!(!visible(&chat, 30, 4)[0].contains("bob:"));
}

#[test]
fn a_target_has_one_line_between_two_things_said() {
    let mut chat = Chat::default();
    let lost = |chat: &mut Chat, id: u32, n: i64| {
        let about = About::Target(TargetId(id), State::Lost);
        chat.event(Time(n), about, format!("t{id} lost {n}"));
    };
    (0..500).for_each(|n| lost(&mut chat, u32::try_from(n % 3).unwrap(), n));
    assert_eq!(visible(&chat, 40, 20).len(), 3);
    let version = chat.version();
    lost(&mut chat, 1, 500);
    lost(&mut chat, 1, 500);
    assert_eq!(chat.version(), version + 1, "the same again is no change");
    chat.hear(said(1, "bob", "hm"), &reader(true));
    lost(&mut chat, 1, 501);
    assert_eq!(visible(&chat, 40, 20).len(), 5);
}

#[test]
fn reading_all_again_adds_what_was_missed_in_its_place() {
    let mut chat = with(3);
    chat.event(Time(9_000_000), About::Person, "eve left".to_owned());
    chat.reread(
        (1..6)
            .map(|id| said(id, "bob", &format!("line {id}")))
            .collect(),
        &reader(true),
    );
    let shown = visible(&chat, 40, 20);
    assert_eq!(shown.len(), 6, "{shown:?}");
    assert!(shown[5].contains("eve left"), "{shown:?}");
    chat.forget();
    assert!(chat.is_silent() && visible(&chat, 40, 20).is_empty());
}

#[test]
fn only_so_many_lines_are_kept_and_events_push_out_nothing_that_was_said() {
    let mut chat = Chat::default();
    chat.hear(said(1, "bob", "first"), &reader(true));
    for n in 0..3 * EVENTS_MAX as i64 {
        chat.event(Time(n), About::Person, format!("device {n} joined"));
    }
    assert_eq!(chat.lines.len(), 1 + EVENTS_MAX);
    chat.scroll(-10_000, &writer(40), 1);
    assert_eq!(visible(&chat, 40, 1), ["00:00 bob: first"]);
    for id in 2..2 * SAID_MAX as u64 {
        chat.hear(said(id, "bob", "x"), &reader(true));
    }
    assert_eq!(chat.lines.len(), SAID_MAX + EVENTS_MAX);
    assert!(visible(&chat, 40, 1)[0].contains("joined"));
}

#[test]
fn a_line_that_comes_and_goes_is_told_of_once() {
    let mut chat = Chat::default();
    for n in 0..9 {
        let text = if n % 2 == 0 {
            "bob is away"
        } else {
            "bob is back"
        };
        chat.event(Time(n), About::Line(PersonId(2)), text.to_owned());
    }
    chat.event(Time(9), About::Line(PersonId(3)), "eve is away".to_owned());
    assert_eq!(
        visible(&chat, 40, 9),
        ["00:00- bob is away", "00:00- eve is away"]
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_said_stays_in_its_columns(from in any::<String>(), text in any::<String>(), width in 4usize..60) {
        let mut chat = Chat::default();
        chat.hear(said(1, &from, &text), &reader(true));
        for row in visible(&chat, width, 100) {
            let columns: usize = safe::clusters(&row).map(|(_, columns)| columns).sum();
            prop_assert!(columns <= width, "{row:?}");
            prop_assert!(!row.chars().any(char::is_control), "{row:?}");
        }
    }
}
