//! The netconsole engine against recorded kernels and the cases the protocol is known for.

use super::*;
use crate::fixtures;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn events(engine: &mut Netconsole) -> Vec<Event> {
    std::iter::from_fn(|| engine.poll_event()).collect()
}

/// Events as text: a line as it is rendered, a notice in angle brackets.
fn shown(events: &[Event]) -> String {
    let mut out = Vec::new();
    for event in events {
        match event {
            Event::Line(line) => line.render(&mut out),
            Event::Late(line) => {
                out.extend_from_slice(b"<late> ");
                line.render(&mut out);
            }
            other => out.extend_from_slice(format!("<{other:?}>\n").as_bytes()),
        }
    }
    String::from_utf8(out).unwrap()
}

fn feed(engine: &mut Netconsole, now: Instant, datagrams: &[&str]) {
    for datagram in datagrams {
        engine.handle_datagram(now, datagram.as_bytes());
    }
}

/// Everything that shows after the datagrams and enough time for all of them.
fn shown_after(datagrams: &[&str]) -> String {
    let now = Instant::now();
    let mut engine = Netconsole::new();
    feed(&mut engine, now, datagrams);
    settle(&mut engine);
    shown(&events(&mut engine))
}

/// Plays every due timeout until none is left.
fn settle(engine: &mut Netconsole) {
    for _ in 0..1000 {
        let Some(at) = engine.poll_timeout() else {
            return;
        };
        engine.handle_timeout(at);
    }
    panic!("timeouts without end");
}

/// Plays a recording at its own pace.
fn replay(name: &str) -> Option<Vec<Event>> {
    let start = Instant::now();
    let mut engine = Netconsole::new();
    for datagram in fixtures::datagrams(name)? {
        let now = start + ms(datagram.ms);
        while let Some(at) = engine.poll_timeout().filter(|&at| at <= now) {
            engine.handle_timeout(at);
        }
        engine.handle_datagram(now, &datagram.bytes);
    }
    settle(&mut engine);
    Some(events(&mut engine))
}

#[test]
fn a_recorded_kernel_reads_the_same_in_both_formats() {
    let (Some(plain), Some(extended)) = (
        replay("console/netconsole-plain.json"),
        replay("console/netconsole-extended.json"),
    ) else {
        return;
    };
    let plain = shown(&plain);
    let extended = shown(&extended);
    assert!(plain.starts_with("[    2.300970] printk: console [netcon_ext0] enabled\n"));
    // The extended console was enabled a moment later.
    let shared = plain.find("[    2.357091] rig0: READY").unwrap();
    assert_eq!(extended, plain[shared..]);
    assert!(extended.contains("[    3.204782] tab\there \\ esc\x1b[31m\n"));
    assert!(extended.contains(&"\u{fc}".repeat(440)));
}

#[test]
fn a_recorded_kernel_tells_levels_facilities_and_no_loss() {
    let Some(events) = replay("console/netconsole-extended.json") else {
        return;
    };
    let lines: Vec<&Line> = events
        .iter()
        .map(|event| match event {
            Event::Line(line) => line,
            other => panic!("{other:?}"),
        })
        .collect();
    let read: Vec<_> = lines
        .iter()
        .take(6)
        .map(|line| (line.sequence, line.level, line.facility))
        .collect();
    let expected = [
        (Some(348), Some(5), Some(1)),
        (Some(349), Some(6), Some(0)),
        (Some(350), Some(4), Some(1)),
        (Some(351), Some(3), Some(1)),
        (Some(352), Some(2), Some(1)),
        (Some(353), Some(6), Some(0)),
    ];
    assert_eq!(read, expected);
}

#[test]
fn a_plain_line_is_joined_across_datagrams_and_closed_by_silence() {
    let now = Instant::now();
    let mut engine = Netconsole::new();
    feed(
        &mut engine,
        now,
        &["[    1.0] one", " two\n[    1.1] three\nrest"],
    );
    assert_eq!(
        shown(&events(&mut engine)),
        "[    1.0] one two\n[    1.1] three\n"
    );
    assert_eq!(engine.poll_timeout(), Some(now + ms(PARTIAL_LINE_WAIT_MS)));
    engine.handle_timeout(now + ms(PARTIAL_LINE_WAIT_MS - 1));
    assert_eq!(shown(&events(&mut engine)), "");
    engine.handle_timeout(now + ms(PARTIAL_LINE_WAIT_MS));
    assert_eq!(shown(&events(&mut engine)), "rest\n");
    assert_eq!(engine.poll_timeout(), None);
}

#[test]
fn a_plain_line_without_end_is_folded() {
    let now = Instant::now();
    let mut engine = Netconsole::new();
    for _ in 0..40 {
        engine.handle_datagram(now, &[b'x'; 1000]);
        assert!(engine.partial.len() <= LINE_BYTES_MAX);
    }
    engine.finish();
    let lengths: Vec<usize> = events(&mut engine)
        .iter()
        .map(|event| match event {
            Event::Line(line) => line.text.len(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        lengths,
        [LINE_BYTES_MAX, LINE_BYTES_MAX, 40_000 - 2 * LINE_BYTES_MAX]
    );
}

#[test]
fn what_only_resembles_a_header_is_plain_text() {
    let lines = [
        "6,1,2;too few\n",
        "+6,1,2,-;a sign\n",
        "6,1,99999999999999999999,-;too large\n",
        "6,1,2,- no end\n",
        "a,1,2,-;not a number\n",
        ";\n",
    ];
    for line in lines {
        assert_eq!(shown_after(&[line]), line);
    }
}

#[test]
fn release_caller_and_unknown_fields_are_read_over() {
    let shown = shown_after(&[
        "6.6.1-rc2,4,7,1500000,-,caller=T1;first\n",
        "6,8,2500000,c,caller=C0,new=1;second\n",
    ]);
    assert_eq!(shown, "[    1.500000] first\n[    2.500000] second\n");
}

#[test]
fn properties_are_kept_and_not_shown() {
    let now = Instant::now();
    let mut engine = Netconsole::new();
    let datagram = "4,7,1,-;link \\x41\\xzz\\\n SUBSYSTEM=pci\n DEVICE=+pci:0000\\x3a00\n";
    feed(&mut engine, now, &[datagram]);
    engine.finish();
    let Some(Event::Line(line)) = engine.poll_event() else {
        panic!("no line");
    };
    assert_eq!(line.text, b"link A\\xzz\\");
    let property = |key: &[u8], value: &[u8]| Property {
        key: key.to_vec(),
        value: value.to_vec(),
    };
    assert_eq!(
        line.properties,
        [
            property(b"SUBSYSTEM", b"pci"),
            property(b"DEVICE", b"+pci:0000:00")
        ]
    );
    let mut out = Vec::new();
    line.render(&mut out);
    assert_eq!(out, b"[    0.000001] link A\\xzz\\\n");
}

#[test]
fn every_line_of_a_record_shows_its_time() {
    let shown = shown_after(&["6,1,12345678,-;one\\x0atwo\n"]);
    assert_eq!(shown, "[   12.345678] one\n[   12.345678] two\n");
}

#[test]
fn fragments_are_joined_before_escapes_are_read() {
    let shown = shown_after(&[
        "6,416,1758426,-,ncfrag=6/13;3\\xbc!\n",
        "6,416,1758426,-,ncfrag=0/13;see\\xc",
        "6,416,1758426,-,ncfrag=0/13;see\\xc",
    ]);
    assert_eq!(shown, "[    1.758426] see\u{fc}!\n");
}

#[test]
fn a_lost_fragment_is_waited_for_and_then_marked() {
    let now = Instant::now();
    let mut engine = Netconsole::new();
    feed(&mut engine, now, &["6,1,1,-;first\n"]);
    engine.handle_timeout(now + ms(REORDER_WAIT_MS));
    feed(
        &mut engine,
        now + ms(200),
        &["6,2,2,-,ncfrag=10/14;end\n", "6,3,3,-;third\n"],
    );
    engine.handle_timeout(now + ms(199 + FRAGMENT_WAIT_MS));
    assert_eq!(shown(&events(&mut engine)), "[    0.000001] first\n");
    engine.handle_timeout(now + ms(200 + FRAGMENT_WAIT_MS));
    assert_eq!(
        shown(&events(&mut engine)),
        "[    0.000002]  <10 bytes not received> end\n[    0.000003] third\n"
    );
}

#[test]
fn a_lost_fragment_does_not_hold_up_more_than_64_records() {
    let now = Instant::now();
    let mut engine = Netconsole::new();
    feed(&mut engine, now, &["6,100,1,-,ncfrag=0/9;half"]);
    for sequence in 101..=100 + HELD_RECORDS_MAX {
        assert_eq!(events(&mut engine), []);
        feed(&mut engine, now, &[&format!("6,{sequence},1,-;x\n")]);
    }
    assert_eq!(events(&mut engine).len(), 1 + HELD_RECORDS_MAX);
}

#[test]
fn impossible_fragments_are_refused_and_counted() {
    let shown = shown_after(&[
        "6,1,1,-,ncfrag=0/16385;x",
        "6,1,1,-,ncfrag=0/0;",
        "6,1,1,-,ncfrag=8/9;xx",
        "6,1,1,-,ncfrag=18446744073709551615/9;xx",
        "6,1,1,-,ncfrag=0;x",
        "6,1,1,-,ncfrag=0/3;o",
        "6,1,1,-,ncfrag=1/4;xxx",
        "6,1,1,-,ncfrag=1/3;k\n",
    ]);
    assert_eq!(shown, "<Refused(6)>\n[    0.000001] ok\n");
}

#[test]
fn swapped_records_are_put_in_order() {
    let shown = shown_after(&[
        "6,11,2,-;b\n",
        "6,10,1,-;a\n",
        "6,13,4,-;d\n",
        "6,12,3,-;c\n",
    ]);
    assert_eq!(
        shown,
        "[    0.000001] a\n[    0.000002] b\n[    0.000003] c\n[    0.000004] d\n"
    );
}

#[test]
fn missing_records_are_counted_once_the_window_has_passed() {
    let now = Instant::now();
    let mut engine = Netconsole::new();
    feed(&mut engine, now, &["6,10,1,-;a\n"]);
    settle(&mut engine);
    feed(&mut engine, now, &["6,14,2,-;e\n"]);
    assert_eq!(shown(&events(&mut engine)), "[    0.000001] a\n");
    engine.handle_timeout(now + ms(REORDER_WAIT_MS));
    assert_eq!(shown(&events(&mut engine)), "<Gap(3)>\n[    0.000002] e\n");
}

#[test]
fn duplicates_are_dropped_and_what_comes_after_its_gap_is_shown_once() {
    let now = Instant::now();
    let mut engine = Netconsole::new();
    feed(&mut engine, now, &["6,10,1,-;a\n", "6,10,1,-;a\n"]);
    settle(&mut engine);
    feed(&mut engine, now, &["6,14,5,-;e\n"]);
    settle(&mut engine);
    let late = [
        "6,12,3,-;c\n",
        "6,12,3,-;c\n",
        "6,11,2,-;b\n",
        "6,10,1,-;a\n",
    ];
    feed(&mut engine, now, &late);
    assert_eq!(
        shown(&events(&mut engine)),
        "[    0.000001] a\n<Gap(3)>\n[    0.000005] e\n\
         <late> [    0.000003] c\n<late> [    0.000002] b\n"
    );
}

#[test]
fn a_reboot_is_noticed_whether_the_new_log_is_shorter_or_longer() {
    for sequence in [348, 5000] {
        let now = Instant::now();
        let mut engine = Netconsole::new();
        feed(&mut engine, now, &["6,1000,90000000,-;old\n"]);
        settle(&mut engine);
        let first = format!("6,{sequence},2300000,-;new\n");
        let now = now + ms(20_000);
        feed(&mut engine, now, &[&first]);
        settle(&mut engine);
        assert_eq!(
            shown(&events(&mut engine)),
            "[   90.000000] old\n<Reboot>\n[    2.300000] new\n"
        );
    }
}

#[test]
fn a_reboot_loop_that_dies_at_once_is_noticed_too() {
    let now = Instant::now();
    let mut engine = Netconsole::new();
    feed(&mut engine, now, &["6,350,2300000,-;old\n"]);
    settle(&mut engine);
    // The second boot was slower by its clock, so only the time between tells.
    feed(&mut engine, now + ms(9000), &["6,349,2400000,-;new\n"]);
    settle(&mut engine);
    assert_eq!(
        shown(&events(&mut engine)),
        "[    2.300000] old\n<Reboot>\n[    2.400000] new\n"
    );
}

#[test]
fn a_forged_number_does_not_silence_the_source() {
    let now = Instant::now();
    let mut engine = Netconsole::new();
    feed(&mut engine, now, &["6,10,1,-;a\n"]);
    settle(&mut engine);
    feed(&mut engine, now, &["6,18446744073709551615,2,-;forged\n"]);
    settle(&mut engine);
    events(&mut engine);
    for sequence in 11..100 {
        feed(&mut engine, now, &[&format!("6,{sequence},3,-;x\n")]);
        assert_eq!(shown(&events(&mut engine)), "<late> [    0.000003] x\n");
    }
}
