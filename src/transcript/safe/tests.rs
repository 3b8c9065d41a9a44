//! Hostile lines and well-behaved ones, and what is shown of them.

use super::*;

pub(super) const WIDE_ENOUGH: usize = 4_000;

fn shown(bytes: impl AsRef<[u8]>) -> String {
    Safe::new().line(bytes.as_ref(), WIDE_ENOUGH).text()
}

fn spans(bytes: impl AsRef<[u8]>) -> Vec<(String, Pen)> {
    let line = Safe::new().line(bytes.as_ref(), WIDE_ENOUGH);
    line.into_spans()
        .into_iter()
        .map(|span| (span.text, span.style))
        .collect()
}

fn fg(fg: Colour) -> Pen {
    Pen {
        fg,
        ..Pen::default()
    }
}

/// Lines that have broken terminals, pagers and consoles, and what is left of them.
pub(super) const CORPUS: &[(&[u8], &str)] = &[
    (b"\x1b]0;owned\x07title by bell", "title by bell"),
    (b"\x1b]2;owned\x1b\\title by string terminator", "title by string terminator"),
    (b"\x1b]52;c;cm0gLXJmIC8=\x07clipboard", "clipboard"),
    (b"\x1b]8;;http://evil/\x1b\\link\x1b]8;;\x1b\\", "link"),
    (b"\x1b]1337;File=inline=1:AAAA\x07picture", "picture"),
    (b"\x1bP1;2qsixel\x1b\\picture", "picture"),
    (b"\x1bP$q\"p\x1b\\setting query", "setting query"),
    (b"\x1b_Gi=1;AAAA\x1b\\application", "application"),
    (b"\x1b^private\x1b\\privacy message", "privacy message"),
    (b"\x1bXstart of string\x1b\\string", "string"),
    (b"\x1b[2J\x1b[H\x1b[?1049hscreen", "screen"),
    (b"\x1b[?1000;1006;2004hmodes", "modes"),
    (b"\x1b[6n\x1b[c\x1b[5n\x1b[>q\x1b[21treports", "reports"),
    (b"\x1b[1;1r\x1b[10;10Hregion", "region"),
    (b"\x1b[5Aup\x1b[5Bdown", "updown"),
    (b"\x1bcreset\x1b#8align\x1b(0charset\x1b%Gutf\x1b=keypad", "resetaligncharsetutfkeypad"),
    (b"\x1b7save\x1b8restore\x1bMreverse\x1bDindex\x1bEnext", "saverestorereverseindexnext"),
    (b"\x1b[!psoft\x1b[1$rreset\x1b[ qcursor", "softresetcursor"),
    (b"\x1b[65535;65535;65535;65535Zhuge", "huge"),
    (b"\x1b[1:2:3:4:5:6:7:8:9:10:11:12:13:14:15:16:17:18:19:20:21:22:23:24:25:26:27:28:29:30:31:32:33mmany", "many"),
    (b"\x1b[99999999999999999999Yoverflow", "overflow"),
    (b"\x1b[3<1mnonsense\x1b[0m after", "nonsense after"),
    (b"\x1b[12\x18cancelled\x1b[12\x1asubstituted", "cancelledsubstituted"),
    (b"\x1b\x1b\x1b[31mescapes\x1b", "escapes"),
    (b"\x1b[1\nm\x0b\x0cfeeds", "feeds"),
    (b"unfinished\x1b[31", "unfinished"),
    (b"unfinished\x1b]0;title", "unfinished"),
    (b"unfinished\x1bPdata", "unfinished"),
    (b"nul\0bell\x07shift\x0e\x0fdel\x7fdevice\x11\x13", "nulbellshiftdeldevice"),
    (b"\x9b31m\x9d0;t\x9c\x90q", "\u{fffd}31m\u{fffd}0;t\u{fffd}\u{fffd}q"),
    (b"\xc2\x9b31m\xc2\x9d0;t\xc2\x9c\xc2\x85next", "31m0;tnext"),
    (b"\xc0\x80\xed\xa0\x80\xf4\x90\x80\x80\xff", "\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}"),
    (b"cut \xe6\xbc", "cut \u{fffd}"),
    (b"cut \xe6\xbc\x1b[31mred", "cut \u{fffd}red"),
    ("safe\u{202e}gpj.exe\u{202c} \u{2066}a\u{2069}\u{200f}\u{61c}".as_bytes(), "safegpj.exe a"),
    ("zero\u{200b}\u{200c}\u{200d}\u{2060}\u{feff}width".as_bytes(), "zerowidth"),
    ("tags\u{e0041}\u{e007f}\u{e0100} notes\u{fff9}a\u{fffa}b\u{fffb}".as_bytes(), "tags notesab"),
    ("one\u{2028}line\u{2029}only".as_bytes(), "one line only"),
    ("family \u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}".as_bytes(), "family \u{1f468}\u{1f469}\u{1f467}"),
    ("warning \u{26a0}\u{fe0f} key 1\u{fe0f}\u{20e3}".as_bytes(), "warning \u{26a0} key 1"),
    ("flag \u{1f1e9}\u{1f1ea}, hand \u{1f44b}\u{1f3fd}".as_bytes(), "flag DE, hand \u{1f44b}"),
    ("\u{301}orphan e\u{301}\u{302}\u{303}\u{304}\u{305}".as_bytes(), "orphan e\u{301}\u{302}\u{303}"),
    ("ｶﾞ \u{1f9d1} \u{1fae8} \u{e000}".as_bytes(), "ｶ゛ \u{1f9d1} \u{fffd} \u{e000}"),
    ("ก\u{e33} \u{915}\u{94d}\u{937}\u{93f}".as_bytes(), "ก\u{e33} \u{915}\u{fffd}\u{937}\u{fffd}"),
    ("soft\u{ad}hyphen no\u{a0}break \u{3164}filler".as_bytes(), "soft-hyphen no break filler"),
];

#[test]
fn hostile_lines_lose_their_sting_and_keep_their_text() {
    for (line, expected) in CORPUS {
        assert_eq!(shown(line), *expected, "{}", line.escape_ascii());
        assert_eq!(plain(line), *expected, "{}", line.escape_ascii());
    }
}

#[test]
fn a_sequence_cut_anywhere_does_not_reach_into_the_next_line() {
    for (line, _) in CORPUS {
        for end in 0..line.len() {
            let mut safe = Safe::new();
            safe.line(&line[..end], WIDE_ENOUGH);
            let next = safe.line("next 漢字 line".as_bytes(), WIDE_ENOUGH);
            assert_eq!(
                next.text(),
                "next 漢字 line",
                "after {}",
                line[..end].escape_ascii()
            );
        }
    }
}

#[test]
fn colours_and_attributes_are_kept() {
    use Colour::{Default, Indexed, Rgb};
    let cases: &[(&str, Pen)] = &[
        ("31", fg(Indexed(1))),
        ("97", fg(Indexed(15))),
        ("38;5;200", fg(Indexed(200))),
        ("38:5:200", fg(Indexed(200))),
        ("38;2;1;2;3", fg(Rgb(1, 2, 3))),
        ("38:2:1:2:3", fg(Rgb(1, 2, 3))),
        ("38:2::1:2:3", fg(Rgb(1, 2, 3))),
        ("38;5;999", fg(Default)),
        ("38;5", fg(Default)),
        ("38;9;31", fg(Indexed(1))),
        (
            "44",
            Pen {
                bg: Indexed(4),
                ..Pen::default()
            },
        ),
        (
            "104",
            Pen {
                bg: Indexed(12),
                ..Pen::default()
            },
        ),
        (
            "48;2;9;8;7;1",
            Pen {
                bg: Rgb(9, 8, 7),
                bold: true,
                ..Pen::default()
            },
        ),
        (
            "58;5;31;3",
            Pen {
                italic: true,
                ..Pen::default()
            },
        ),
        (
            "1;2;3;4;5;6;7;8;9",
            Pen {
                bold: true,
                dim: true,
                italic: true,
                underline: true,
                reverse: true,
                strike: true,
                ..Pen::default()
            },
        ),
        ("1;2;22", Pen::default()),
        ("3;4;7;9;23;24;27;29", Pen::default()),
        (
            "4:3",
            Pen {
                underline: true,
                ..Pen::default()
            },
        ),
        ("4;4:0", Pen::default()),
        ("31;41;39;49", Pen::default()),
        ("31;1;", Pen::default()),
        (">4;31", Pen::default()),
    ];
    for (parameters, pen) in cases {
        assert_eq!(
            spans(format!("\x1b[{parameters}mx")),
            [("x".to_owned(), *pen)],
            "{parameters}"
        );
    }
}

#[test]
fn a_pen_lasts_over_lines_until_it_is_reset() {
    let mut safe = Safe::new();
    let lines: Vec<_> = safe
        .lines(
            b"plain\n\x1b[31mred\r\nstill red\x1b[m\nplain\n",
            WIDE_ENOUGH,
        )
        .collect();
    let pens: Vec<_> = lines.iter().map(|line| line.spans()[0].style.fg).collect();
    assert_eq!(
        pens,
        [
            Colour::Default,
            Colour::Indexed(1),
            Colour::Indexed(1),
            Colour::Default
        ]
    );
    safe.line(b"\x1b[32m", 80);
    assert_eq!(safe.pen(), fg(Colour::Indexed(2)));
    safe.reset();
    assert_eq!(safe.line(b"x", 80).spans()[0].style, Pen::default());
}

#[test]
fn a_pen_chosen_past_the_limit_still_counts() {
    let mut safe = Safe::new();
    let line = [b"\x1b[31m".as_slice(), &[b'x'; 500], b"\x1b[32m"].concat();
    assert_eq!(safe.line(&line, 80).width(), 80);
    assert_eq!(safe.pen(), fg(Colour::Indexed(2)));
}

#[test]
fn tabs_go_to_the_next_eighth_column() {
    assert_eq!(shown("a\tb\t\tc"), "a       b               c");
    assert_eq!(shown("漢\tb"), "漢      b");
    assert_eq!(shown("1234567\tx"), "1234567 x");
}

#[test]
fn returns_and_backspaces_show_what_was_written_last() {
    let cases: &[(&str, &str)] = &[
        ("text\r", "text"),
        ("text\r\r\n", "text"),
        ("\rtext", "text"),
        (" 10%\r 20%\r100%", "100%"),
        ("longer\rshort", "shortr"),
        ("longer\r\x1b[Kshort", "short"),
        ("longer\x1b[2K\rshort", "short"),
        ("longer\x1b[1Gshort\x1b[K", "short"),
        ("longer\x1b[3D\x1b[1K", "    er"),
        ("pass\x08\x08\x08\x08    \x08\x08\x08\x08word", "word"),
        ("abc\x08 \x08", "ab"),
        ("$ ls\x08\x08  \x08\x08", "$ "),
        ("abc\x1b[2D\x1b[Pd", "ad"),
        ("abc\x1b[2D\x1b[2@xy", "axybc"),
        ("abcdef\x1b[4D\x1b[2X", "ab  ef"),
        ("a\x1b[3Cb", "a   b"),
        ("\x08\x08a", "a"),
        ("\x1b[9999Cx\r", ""),
        ("漢字\rx", "x 字"),
        ("漢字\x1b[2Gx", " x字"),
        ("abcd\r漢", "漢cd"),
        ("ab\x1b[1G漢\x1b[1D\x1b[Kx", " x"),
        ("\x1b[31m\x1b[Kgrep\x1b[m\x1b[K:", "grep:"),
        ("ae\r\u{301}be\u{301}", "be\u{301}"),
        ("e\u{301}x\x08y", "e\u{301}y"),
    ];
    for (line, expected) in cases {
        let got = shown(line);
        let got = if line.contains("9999C") {
            got.trim().trim_matches('x').to_owned()
        } else {
            got
        };
        assert_eq!(got, *expected, "{}", line.escape_debug());
    }
}

#[test]
fn written_over_text_has_the_pen_of_the_last_writer() {
    let red = fg(Colour::Indexed(1));
    assert_eq!(
        spans("abcd\r\x1b[31mxy"),
        [("xy".to_owned(), red), ("cd".to_owned(), Pen::default())]
    );
}

#[test]
fn few_bytes_cannot_ask_for_many_columns() {
    let line = b"\x1b[65535C\x1b[65535@\x1b[65535Gx".repeat(1_000);
    assert!(Safe::new().line(&line, usize::MAX).width() <= EDIT_COLUMNS_MAX + 1);
    let line = [
        vec![b'x'; 100_000],
        b"\x08y\x1b[@\x1b[1K\x1b[P".repeat(5_000),
    ]
    .concat();
    assert!(Safe::new().line(&line, usize::MAX).width() <= 100_000);
}

#[test]
fn lines_longer_than_the_limit_are_cut_and_say_so() {
    let line = Safe::new().line(&[b'x'; 100], 80);
    assert_eq!((line.width(), line.is_cut()), (80, true));
    let line = Safe::new().line(&[b'x'; 80], 80);
    assert_eq!((line.width(), line.is_cut()), (80, false));
    let line = Safe::new().line("abc漢d".as_bytes(), 4);
    assert_eq!(
        (line.text().as_str(), line.is_cut()),
        ("abc", true),
        "half a character is none"
    );
    let line = Safe::new().line(
        [b"first".as_slice(), &[b'x'; 100], b"\rlast"]
            .concat()
            .as_slice(),
        8,
    );
    assert_eq!((line.text().as_str(), line.is_cut()), ("lasttxxx", true));
    let line = Safe::new().line(&vec![b'x'; LINE_BYTES_MAX + 1], usize::MAX);
    assert_eq!((line.width(), line.is_cut()), (LINE_BYTES_MAX, true));
}

#[test]
fn controls_can_be_spelled_out() {
    let mut safe = Safe::new().showing_controls(true);
    let line = safe.line(
        b"a\t\x1b[31mred\x9b\0\x7f\xc2\x9b\xe2\x80\xaex\r\n",
        WIDE_ENOUGH,
    );
    assert_eq!(line.text(), "a^I^[[31mred<9b>^@^?<U+009B><U+202E>x^M");
    assert_eq!(
        line.spans()[0],
        Span {
            text: "a".to_owned(),
            style: Pen::default()
        }
    );
    assert_eq!(
        line.spans()[1],
        Span {
            text: "^I^[".to_owned(),
            style: Pen {
                dim: true,
                ..Pen::default()
            }
        }
    );
    assert_eq!(safe.pen(), Pen::default(), "nothing is obeyed");
}

#[test]
fn cutting_and_wrapping_never_split_a_wide_character() {
    let line = Safe::new().line("ab漢字\x1b[31mcd漢e\u{301}".as_bytes(), WIDE_ENOUGH);
    assert_eq!(line.width(), 11);
    assert_eq!(line.cut(1, 4).text(), "b漢 ");
    assert_eq!(line.cut(3, 4).text(), " 字c");
    assert_eq!(line.cut(10, 99).text(), "e\u{301}");
    assert!(line.cut(0, 10).is_cut() && !line.cut(0, 11).is_cut());
    let rows: Vec<_> = line.wrap(3).iter().map(Line::text).collect();
    assert_eq!(rows, ["ab", "漢", "字c", "d漢", "e\u{301}"]);
    let rows: Vec<_> = line.wrap(1).iter().map(Line::text).collect();
    assert_eq!(
        rows,
        [
            "a", "b", "\u{fffd}", "\u{fffd}", "c", "d", "\u{fffd}", "e\u{301}"
        ]
    );
    assert_eq!(Line::default().wrap(0), [Line::default()]);
}

#[test]
fn restyling_changes_the_given_columns_only() {
    let mut line = Safe::new().line("ab\x1b[31mcdef".as_bytes(), 5);
    line.restyle(1..3, |pen| pen.reverse = true);
    let red = fg(Colour::Indexed(1));
    let expected = [
        ("a", Pen::default()),
        (
            "b",
            Pen {
                reverse: true,
                ..Pen::default()
            },
        ),
        (
            "c",
            Pen {
                reverse: true,
                ..red
            },
        ),
        ("de", red),
    ];
    let got: Vec<_> = line
        .spans()
        .iter()
        .map(|span| (span.text.as_str(), span.style))
        .collect();
    assert_eq!(got, expected);
    assert_eq!((line.width(), line.is_cut()), (5, true));
}

#[test]
fn clean_text_is_borrowed() {
    assert!(matches!(
        plain(b"clean [ascii] ~\r\n"),
        Cow::Borrowed("clean [ascii] ~")
    ));
    assert!(matches!(plain(b"a\tb"), Cow::Owned(text) if text == "a       b"));
}

#[test]
fn a_text_of_several_lines_keeps_them() {
    assert_eq!(plain_lines(b"a\n\x1b[31mb\r\n\nc\n"), "a\nb\n\nc");
    assert!(matches!(plain_lines(b"one\n"), Cow::Borrowed("one")));
}
