//! Output that is meant to break the terminal it ends up on.
//!
//! One entry for each family of escape sequence and each trick with text known to us. Control
//! functions: ECMA-48, DEC STD 070, the xterm, kitty, iTerm2 and tmux documentation; text: the
//! Unicode Standard (annex 9 for bidirectional controls).

use fastrand::Rng;

/// How many attacks there are.
pub(super) fn count() -> usize {
    ATTACKS.len() + GENERATED.len()
}

/// Appends attack `number`, modulo their count, after its name. It is not a whole line.
pub(super) fn write(number: usize, random: &mut Rng, out: &mut Vec<u8>) {
    let number = number % count();
    if let Some((name, bytes)) = ATTACKS.get(number) {
        announce(name, out);
        out.extend_from_slice(bytes);
    } else if let Some((name, generate)) = GENERATED.get(number - ATTACKS.len()) {
        announce(name, out);
        generate(random, out);
    }
}

fn announce(name: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"hostile: ");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
}

type Generate = fn(&mut Rng, &mut Vec<u8>);

const GENERATED: &[(&str, Generate)] = &[
    ("a very long line", |random, out| {
        let letters = random.usize(LONG_LINE_BYTES / 2..LONG_LINE_BYTES);
        out.extend((b'a'..=b'z').cycle().take(letters));
    }),
    ("a long title", |_, out| {
        out.extend_from_slice(b"\x1b]0;");
        out.extend(std::iter::repeat_n(b'T', LONG_SEQUENCE_BYTES));
        out.push(0x07);
    }),
    ("a sequence of a thousand parameters", |random, out| {
        out.extend_from_slice(b"\x1b[");
        for _ in 0..1000 {
            out.extend_from_slice(random.u32(..).to_string().as_bytes());
            out.push(b';');
        }
        out.push(b'm');
    }),
    ("a letter under two hundred accents", |random, out| {
        out.push(b'e');
        for _ in 0..200 {
            let mark = char::from_u32(random.u32(0x300..0x36f)).unwrap_or('\u{301}');
            out.extend_from_slice(mark.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }),
    ("random bytes", |random, out| {
        let length = random.usize(64..512);
        out.extend(std::iter::repeat_with(|| random.u8(..)).take(length));
    }),
    ("a random sequence", |random, out| {
        out.extend_from_slice(b"\x1b[");
        let length = random.usize(1..12);
        out.extend(std::iter::repeat_with(|| random.u8(0x20..0x40)).take(length));
        out.push(random.u8(0x40..0x7f));
    }),
];

/// Longest line of letters. Bytes; longer than any line a console has to keep whole.
const LONG_LINE_BYTES: usize = 100_000;

/// Longest control string. Bytes; longer than terminals and parsers keep.
const LONG_SEQUENCE_BYTES: usize = 8192;

const ATTACKS: &[(&str, &[u8])] = &[
    // Moving and erasing.
    ("cursor home and erase all", b"\x1b[H\x1b[2Jgone?\x1b[3J"),
    ("cursor far away", b"\x1b[9999;9999Hfar\x1b[9999A\x1b[9999D\x1b[1;1fnear"),
    ("cursor saved and restored", b"\x1b7\x1b[5;5Hthere\x1b8\x1b[s\x1b[1;1H\x1b[u"),
    ("lines inserted and deleted", b"\x1b[99L\x1b[99M\x1b[99P\x1b[99@\x1b[99X\x1b[1K\x1b[1J"),
    ("scroll region", b"\x1b[3;5r\n\n\n\n\n\x1b[99S\x1b[99T\x1bM\x1bM\x1bD\x1bE"),
    ("a character repeated for ever", b"x\x1b[2147483647b"),
    ("left and right margins", b"\x1b[?69h\x1b[10;20s"),
    ("tab stops cleared", b"\x1b[3g\tone\ttwo\x1bH\x1b[99I\x1b[99Z"),
    ("rectangles filled", b"\x1b[88;1;1;99;99$x\x1b[1;1;99;99${\x1b[1;1;99;99$z"),
    // Modes.
    ("alternate screen", b"\x1b[?1049h\x1b[?47h\x1b[?1047hhello from the other screen"),
    ("mouse reports", b"\x1b[?9h\x1b[?1000h\x1b[?1002h\x1b[?1003h\x1b[?1006h\x1b[?1015h\x1b[?1016h"),
    ("focus reports and pasting", b"\x1b[?1004h\x1b[?2004h\x1b[?2031h\x1b[?2048h"),
    ("cursor hidden and blinking", b"\x1b[?25l\x1b[?12h\x1b[5 q\x1b[0 q"),
    ("origin, wrap, reverse, columns", b"\x1b[?6h\x1b[?7l\x1b[?5h\x1b[?40h\x1b[?3h\x1b[?3l"),
    ("insert, newline and keyboard modes", b"\x1b[4h\x1b[20h\x1b[2h\x1b[12l\x1b=\x1b[?1h\x1b[?66h"),
    ("VT52", b"\x1b[?2l\x1bH\x1bJ\x1bY  "),
    ("synchronised output never ended", b"\x1b[?2026h\x1bP=1s\x1b\\"),
    ("keyboard protocols", b"\x1b[>1u\x1b[=31;1u\x1b[>4;2m\x1b[?9001h"),
    ("keyboard lamps and locks", b"\x1b[1;2;3q\x1b[2h\x1b[99|"),
    // Colours and shapes.
    ("colour left on", b"\x1b[1;5;7;31;42mred on green, blinking"),
    ("text nobody sees", b"\x1b[8mhidden\x1b[30;40mblack on black"),
    ("colour with colons and holes", b"\x1b[38:2::255:0:0;48;5;m\x1b[38;2;999;-1;m\x1b[58:5:1m\x1b[4:3m"),
    ("character sets", b"\x1b(0lqqk\x0elqqk\x0f\x1b)0\x1b*0\x1bn\x1b%@\x1b%G"),
    ("double size lines", b"\x1b#3\x1b#4\x1b#6big\x1b#8"),
    // Questions the terminal would answer into somebody's shell.
    ("device attributes", b"\x1b[c\x1b[>c\x1b[=c\x1bZ\x1b[>q\x05"),
    ("status and position", b"\x1b[5n\x1b[6n\x1b[?6n\x1b[?15n\x1b[?996n\x1b[x"),
    ("modes and settings", b"\x1b[?2004$p\x1b[4$p\x1bP$qm\x1b\\\x1bP+q544e\x1b\\\x1b[?u\x1b[1$w"),
    ("title and size reports", b"\x1b]0;rm -rf ~\x07\x1b[21t\x1b[20t\x1b[18t\x1b[14t\x1b[11t"),
    ("colour reports", b"\x1b]4;1;?\x07\x1b]10;?\x07\x1b]11;?\x1b\\\x1b]12;?\x07"),
    ("clipboard read", b"\x1b]52;c;?\x07"),
    // Operating system commands.
    ("clipboard written", b"\x1b]52;c;cm0gLXJmIH4K\x07\x1b]52;p;cm0gLXJmIH4K\x1b\\"),
    ("titles", b"\x1b]0;owned\x07\x1b]1;owned\x07\x1b]2;owned\x1b\\\x1bkowned\x1b\\\x1b[22;0t"),
    ("palette", b"\x1b]4;0;#ff0000;7;#ff0000\x07\x1b]10;#000000\x07\x1b]11;#000000\x07\x1b]104\x07"),
    ("links", b"\x1b]8;id=1;https://example.com/\x1b\\click here\x1b]8;;file:///etc/passwd\x07"),
    ("directory and shell marks", b"\x1b]7;file://host/etc\x07\x1b]133;A\x07\x1b]633;P;Cwd=/\x07"),
    ("notifications", b"\x1b]9;ping\x07\x1b]777;notify;a;b\x07\x1b]99;;hello\x1b\\\x1b]9;4;1;50\x07"),
    ("files", b"\x1b]1337;File=name=YQ==;inline=1:AAAA\x07\x1b]50;12x24\x07\x1b]46;/tmp/log\x07"),
    ("a command string never ended", b"\x1b]0;this title goes on"),
    // Other control strings.
    ("sixel picture", b"\x1bPq#0;2;0;0;0#0~~@@vv@@~~@@~~$-!255~\x1b\\"),
    ("picture commands", b"\x1b_Ga=T,f=24,s=1,v=1;/wAA\x1b\\\x1b_Ga=d\x1b\\"),
    ("multiplexer passthrough", b"\x1bPtmux;\x1b\x1b]52;c;cm0=\x07\x1b\\\x1b]tmux\x07\x1bP1000p"),
    ("keys redefined", b"\x1bP1;1|17/726d202d7266207e0a\x1b\\"),
    ("private and start of string", b"\x1b^private\x1b\\\x1bXstart\x1b\\"),
    ("a device string never ended", b"\x1bP1;2;3{ this goes on"),
    ("printer", b"\x1b[5i to paper \x1b[4i\x1b[i"),
    // Windows and resets.
    ("window moved, resized, minimised", b"\x1b[3;0;0t\x1b[8;5;20t\x1b[2t\x1b[9;1t\x1b[5t"),
    ("soft and hard reset", b"\x1b[!p\x1b[61\"p\x1bc"),
    ("resets of old", b"\x1b[?1049l\x1b[?1000l\x1b[r\x1b[0m\x1b[?25h"),
    // The same in eight bits and in disguise.
    ("control sequences in eight bits", b"\x9b2J\x9b?1049h\x9d0;owned\x9c\x90q~\x9c\x9fG\x9c\x84\x85\x8d"),
    ("eight bits as UTF-8", b"\xc2\x9b2J\xc2\x9d0;owned\xc2\x9c\xc2\x90q\xc2\x9c\xc2\x85"),
    ("sequences cut short", b"\x1b[\x18x\x1b[1;\x1a\x1b[31\x1b[32m\x1b\x1b[2J\x1b"),
    ("controls inside a sequence", b"\x1b[3\r1\n\x08m\x1b[\x002J\x1b]0;a\nb\rc\x07"),
    // Single controls.
    ("every C0 control", b"\x01\x02\x03\x04\x05\x06\x07\x0b\x0c\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1c\x1d\x1e\x1f\x7f"),
    ("NULs", b"a\x00\x00\x00\x00b\x00"),
    ("bells", b"\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07"),
    ("backspaces", b"safe\x08\x08\x08\x08\x08\x08\x08\x08\x08\x08\x08\x08\x08\x08rm -rf"),
    ("carriage return over it", b"this is overwritten\rby this"),
    ("flow control and page feeds", b"\x13\x11\x0b\x0c\x0b\x0c"),
    ("telnet commands", b"\xff\xf4\xff\xfd\x06\xff\xff\xff\xfb\x01\xff\xfa\x18\x01\xff\xf0"),
    // Invalid UTF-8.
    ("lone continuation bytes", b"a\x80\xbf\x80b"),
    ("overlong forms", b"\xc0\xaf \xe0\x80\xaf \xf0\x80\x80\xaf \xc0\x9b[2J"),
    ("surrogates and beyond", b"\xed\xa0\x80\xed\xbf\xbf \xf4\x90\x80\x80 \xf8\x88\x80\x80\x80 \xfe\xff"),
    ("characters cut short", b"\xe2\x82 \xf0\x9f\x98 \xc3"),
    // Valid UTF-8 with intentions.
    ("wide characters", "漢字かなカナ한글，全角ＡＢＣ".as_bytes()),
    ("emoji and what joins them", "👩‍👩‍👧‍👦 👨🏽‍🚀 🏳️‍🌈 🇩🇪🇫🇷 1️⃣ ☎️ ☎︎".as_bytes()),
    ("no width at all", "a\u{200b}b\u{200c}c\u{200d}d\u{2060}e\u{feff}f\u{ad}g\u{34f}h".as_bytes()),
    ("marks with nothing to stand on", "\u{301}\u{20dd}\u{fe0f}\u{1f3fb}".as_bytes()),
    ("text turned around", "user\u{202e} nimda \u{202c}\u{2066}\u{2067}rtl\u{2069}\u{2068}\u{200f}\u{61c}".as_bytes()),
    ("right to left", "שלום עולם مرحبا بالعالم 123".as_bytes()),
    ("other ends of lines", "a\u{2028}b\u{2029}c\u{85}d".as_bytes()),
    ("tags and private letters", "a\u{e0041}\u{e0042}\u{e007f} \u{e000}\u{f8ff}\u{10fffd}\u{ffff}".as_bytes()),
    ("ligatures and tall scripts", "ﷺ ﷽ 𒐫 ᬀᬁ กำ้้้้ \u{102a}\u{102b}".as_bytes()),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<u8> {
        let (mut random, mut out) = (Rng::with_seed(3), Vec::new());
        for number in 0..count() {
            write(number, &mut random, &mut out);
        }
        out
    }

    #[test]
    fn every_family_of_control_is_among_the_attacks() {
        let bytes = all();
        let has = |needle: &[u8]| memchr::memmem::find(&bytes, needle).is_some();
        for introducer in [
            b"\x1b[", b"\x1b]", b"\x1bP", b"\x1b_", b"\x1b^", b"\x1bX", b"\x1b(", b"\x1b#",
        ] {
            assert!(has(introducer), "{introducer:?}");
        }
        for control in (0x00..0x20).chain([0x7f]) {
            assert!(bytes.contains(&control), "{control:#x}");
        }
        for family in [
            &b"\x1b]52;c;"[..],
            b"\x1b]0;",
            b"\x1b[?1049h",
            b"\x1b[?1003h",
            b"\x1bc",
            b"\x9b",
        ] {
            assert!(has(family), "{family:?}");
        }
    }

    #[test]
    fn all_attacks_together_fit_what_a_machine_may_hold() {
        assert!(all().len() < super::super::OUTGOING_BYTES_MAX);
        assert!(std::str::from_utf8(&all()).is_err());
    }

    #[test]
    fn a_number_beyond_the_last_attack_begins_again() {
        let (mut random, mut first, mut again) = (Rng::with_seed(3), Vec::new(), Vec::new());
        write(0, &mut random, &mut first);
        write(count(), &mut random, &mut again);
        assert_eq!(first, again);
    }
}
