use proptest::prelude::*;

use super::*;
use crate::transcript::{Reader, Step};

fn ring(bytes: usize, line: usize) -> Ring {
    Ring::new(Limits { bytes, line })
}

fn lines(ring: &Ring) -> Vec<(Seq, String, Ending)> {
    ring.entries(1)
        .map(|e| {
            (
                e.seq,
                String::from_utf8_lossy(e.bytes).into_owned(),
                e.ending,
            )
        })
        .collect()
}

#[test]
fn a_prompt_shows_at_once_and_is_completed_in_place() {
    let mut ring = ring(1 << 20, 1024);
    ring.output(Time(1), b"boot\nlogin: ");
    assert_eq!(
        lines(&ring).last(),
        Some(&(2, "login: ".into(), Ending::Open))
    );
    ring.note(Time(2), Kind::Command, Some("alice"), "root");
    ring.output(Time(3), b"root\r\nPassword: ");
    let rows = lines(&ring);
    assert_eq!(rows[1], (2, "login: root\r".into(), Ending::Whole));
    assert_eq!(rows[2], (3, "root".into(), Ending::Whole));
    assert_eq!(rows[3], (4, "Password: ".into(), Ending::Open));
    assert_eq!(ring.entry(3).unwrap().who, Some("alice"));
    assert_eq!(
        ring.entry(2).unwrap().time,
        Time(1),
        "a line has the time at which it began"
    );
}

#[test]
fn a_long_line_is_folded_and_stays_whole_in_sum() {
    let mut ring = ring(1 << 20, 10);
    ring.output(Time(1), b"0123456789");
    assert_eq!(lines(&ring), [(1, "0123456789".into(), Ending::Open)]);
    ring.output(Time(1), b"ab\n0123456789\n0123456789x\n");
    let want = [
        ("0123456789", Ending::Folded),
        ("ab", Ending::Whole),
        ("0123456789", Ending::Whole),
    ];
    let rows = lines(&ring);
    for (row, (text, ending)) in rows.iter().zip(want) {
        assert_eq!((row.1.as_str(), row.2), (text, ending));
    }
    assert_eq!(
        rows[3..].iter().map(|r| r.1.as_str()).collect::<Vec<_>>(),
        ["0123456789", "x"]
    );
    assert_eq!(ring.output_lines(), 3);
}

#[test]
fn a_lost_line_is_marked() {
    let mut ring = ring(1 << 20, 100);
    ring.output(Time(1), b"half a li");
    ring.note(Time(2), Kind::Notice, None, "lost");
    ring.end_line();
    ring.output(Time(3), b"next\n");
    let rows = lines(&ring);
    assert_eq!(rows[0], (1, "half a li".into(), Ending::Lost));
    assert_eq!(rows[1].1, "lost");
    assert_eq!(rows[2], (3, "next".into(), Ending::Whole));
}

#[test]
fn memory_stays_within_its_bounds_whatever_the_lines_are() {
    for line in [
        &b"\n"[..],
        b"x\n",
        b"a line of some forty bytes or thereabouts\n",
    ] {
        let mut ring = ring(1 << 20, 4096);
        let block = line.repeat(20_000);
        for time in 0..40 {
            ring.output(Time(time), &block);
            assert!(
                ring.memory() <= (1 << 20) + 2 * CHUNK_BYTES,
                "{} bytes",
                ring.memory()
            );
        }
        assert!(ring.first() > 1);
        assert_eq!(ring.next() - 1, 40 * 20_000);
        let last = ring.last().unwrap();
        assert_eq!(last.bytes, line.strip_suffix(b"\n").unwrap());
    }
}

#[test]
fn smaller_bounds_free_memory_at_once() {
    let mut ring = ring(8 << 20, 4096);
    ring.output(Time(1), &b"some text\n".repeat(500_000));
    assert!(ring.memory() > 4 << 20);
    ring.set_limits(Limits {
        bytes: 1 << 20,
        line: 4096,
    });
    assert!(ring.memory() <= 1 << 20);
    assert_eq!(ring.last().unwrap().bytes, b"some text");
}

#[test]
fn a_gigabyte_without_a_newline_costs_no_more_than_the_bounds() {
    let mut ring = ring(1 << 20, 16 << 10);
    let block = vec![b'x'; 1 << 20];
    for _ in 0..64 {
        ring.output(Time(1), &block);
    }
    assert!(ring.memory() <= (1 << 20) + 2 * CHUNK_BYTES);
    assert_eq!(ring.output_lines(), 1);
}

#[test]
fn a_reader_that_falls_behind_learns_how_much_it_missed() {
    let mut ring = ring(CHUNK_BYTES, 4096);
    let mut reader = Reader::default();
    ring.output(Time(1), &b"0123456789abcde\n".repeat(20_000));
    let (mut missed, mut read) = (0, 0);
    reader.read(&ring, true, |step| {
        match step {
            Step::Missed(count) => missed += count,
            Step::Entry(..) => read += 1,
        }
        true
    });
    assert!(missed > 0);
    assert_eq!(missed + read, 20_000);
}

#[test]
fn a_reader_past_an_open_line_meets_each_entry_once() {
    let mut ring = ring(1 << 20, 4096);
    let mut reader = Reader::default();
    let mut seen = Vec::new();
    let mut read = |ring: &Ring, seen: &mut Vec<String>| {
        reader.read(ring, true, |step| {
            if let Step::Entry(entry, before) = step {
                seen.push(String::from_utf8_lossy(&entry.bytes[before..]).into_owned());
            }
            true
        });
    };
    ring.output(Time(1), b"# ");
    read(&ring, &mut seen);
    ring.note(Time(2), Kind::Command, None, "ls");
    read(&ring, &mut seen);
    read(&ring, &mut seen);
    ring.output(Time(3), b"ls\nfile\n");
    read(&ring, &mut seen);
    assert_eq!(seen, ["# ", "ls", "ls", "file"]);
}

/// What happens to a transcript.
#[derive(Debug, Clone)]
enum Event {
    Output(Vec<u8>),
    Note(String),
    End,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        8 => prop::collection::vec(prop_oneof![3 => Just(b'a'), 1 => Just(b'\n'), 1 => any::<u8>()], 0..300).prop_map(Event::Output),
        1 => "[a-z]{0,8}".prop_map(Event::Note),
        1 => Just(Event::End),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Everything that was printed can be read again, once and in order, whichever way it was cut.
    #[test]
    fn nothing_is_lost_or_repeated(events in prop::collection::vec(event(), 0..60), limit in 1usize..64, stop in 1usize..5) {
        let mut ring = ring(64 << 20, limit);
        let mut reader = Reader::default();
        let (mut printed, mut read) = (Vec::new(), Vec::new());
        let (mut notes, mut notes_read) = (Vec::new(), Vec::new());
        let mut look = |ring: &Ring, past: bool| {
            let mut steps = 0;
            reader.read(ring, past, |step| {
                match step {
                    Step::Missed(_) => panic!("nothing is dropped here"),
                    Step::Entry(entry, seen) if entry.kind == Kind::Output => {
                        read.extend_from_slice(&entry.bytes[seen..]);
                        if entry.ending == Ending::Whole { read.push(b'\n') }
                    }
                    Step::Entry(entry, _) => notes_read.push(entry.bytes.to_vec()),
                }
                steps += 1;
                steps < stop * 7
            });
        };
        for (turn, event) in events.iter().enumerate() {
            match event {
                Event::Output(bytes) => { ring.output(Time(turn as i64), bytes); printed.extend_from_slice(bytes) }
                Event::Note(text) => {
                    let seq = ring.note(Time(turn as i64), Kind::Command, None, text);
                    prop_assert_eq!(seq + 1, ring.next());
                    notes.push(clip(text, limit).as_bytes().to_vec());
                }
                Event::End => ring.end_line(),
            }
            prop_assert_eq!(ring.entries(1).count() as u64, ring.next() - 1);
            if turn % stop == 0 { look(&ring, turn % 2 == 0) }
        }
        for _ in 0..printed.len() + notes.len() + 2 { look(&ring, true) }
        prop_assert_eq!(read, printed);
        prop_assert_eq!(notes_read, notes);
        for (want, entry) in (1u64..).zip(ring.entries(1)) {
            prop_assert_eq!(entry.seq, want);
            prop_assert_eq!(ring.entry(want), Some(entry));
        }
    }
}
