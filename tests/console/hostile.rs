//! Output that is meant to break the terminal: the frame stays, nothing of it gets through.

use super::support::background::Background;
use super::support::home::KDECK;
use super::support::terminal::Terminal;
use super::{Desk, press, row, wire};

/// Bytes without a newline, at once.
const LONG_LINE_BYTES: usize = 32 << 20;

/// Ends whatever was begun: strings, alternate screen, margins, character sets, attributes.
const CALM: &[u8] = b"\x18\x1b\\\x1b[?1049l\x1b[?69l\x1b[r\x1b[?6l\x1b[4l\x1b(B\x0f\x1b[0m";

/// One of each family: ECMA-48, the xterm control sequence list, DEC STD 070; UAX #9 for text.
const CORPUS: &[&[u8]] = &[
    // Operating system commands: title, clipboard, palette, links, and ends of every kind.
    b"\x1b]0;owned\x07",
    b"\x1b]2;owned\x1b\\",
    b"\x1b]52;c;b3duZWQ=\x07",
    b"\x1b]52;c;?\x07",
    b"\x1b]4;1;rgb:ff/00/00\x1b\\",
    b"\x1b]10;?\x07\x1b]11;#ffffff\x07\x1b]104\x07",
    b"\x1b]8;;http://example.com\x1b\\link\x1b]8;;\x1b\\",
    b"\x1b]9;note\x07\x1b]777;notify;a;b\x07\x1b]1337;x=y\x07",
    b"\x9d0;owned\x9c",
    "\u{9d}0;owned\u{9c}".as_bytes(),
    b"\x1b]0;never ended",
    // Strings.
    b"\x1bPq#0;2;0;0;0~-\x1b\\",
    b"\x1bP$qm\x1b\\\x1bP+q544e\x1b\\",
    b"\x1bPtmux;\x1b\x1b]0;owned\x07\x1b\\",
    b"\x1b_Gf=32,s=1,v=1;AAAA\x1b\\",
    b"\x1b^private\x1b\\",
    b"\x1bXstart of string\x1b\\",
    b"\x1bkowned\x1b\\",
    b"\x90q\x9c\x9fx\x9c\x9ex\x9c\x98x\x9c",
    b"\x1bPnever ended",
    b"\x1b_never ended",
    // Modes.
    b"\x1b[?1049h\x1b[?47h\x1b[?1047h",
    b"\x1b[?9h\x1b[?1000h\x1b[?1001h\x1b[?1002h\x1b[?1003h\x1b[?1005h\x1b[?1006h\x1b[?1015h",
    b"\x1b[?2004h\x1b[?2004l\x1b[?1004h\x1b[?2026h\x1b[?2031h\x1b[?2048h",
    b"\x1b[?1000l\x1b[?1002l\x1b[?1006l\x1b[?1049l",
    b"\x1b[?1h\x1b=\x1b[?66h\x1b[?5h\x1b[?3h\x1b[?40h\x1b[?7l\x1b[?25l\x1b[?12h",
    b"\x1b[4h\x1b[20h\x1b[2h\x1b[12l\x1b[!p\x1b[61\"p",
    b"\x1b[?6h\x1b[5;10r\x1b[?69h\x1b[10;20s",
    b"\x1b[>1u\x1b[=31;1u\x1b[>4;2m\x1b[5 q\x1b[8;10;10t\x1b[3;0;0t\x1b[2t",
    // Resets, shapes, sets.
    b"\x1bc",
    b"\x1b#8\x1b#3\x1b#6",
    b"\x1b(0lqqk\x1b)0\x0elqqk\x0f\x1b*0\x1bn\x1bo\x1b|\x1b}\x1b~\x1bN\x1bO",
    b"\x1b%@\x1b%G\x1b F\x1b G",
    b"\x1b[?2l\x1bY  \x1bH\x1bJ\x1b<",
    // Moving and erasing.
    b"\x1b[H\x1b[2J\x1b[3J\x1b[1;1Hhome",
    b"\x1b[999;999Hcorner\x1b[999A\x1b[999D",
    b"\x1b[99L\x1b[99M\x1b[99P\x1b[99@\x1b[99X\x1b[99S\x1b[99T\x1b[2147483647b",
    b"\x1bM\x1bM\x1bM\x1bD\x1bE\x1b7\x1b8\x1b[s\x1b[u",
    b"\x9bH\x9b2J\x84\x85\x8d\x8e\x8f",
    "\u{9b}H\u{9b}2J\u{84}\u{85}\u{8d}".as_bytes(),
    b"\r\x1b[K\x08\x08\x08\x08\x08\x0b\x0c",
    // Questions.
    b"\x1b[c\x1b[>c\x1b[=c\x1bZ\x1b[>q\x05",
    b"\x1b[5n\x1b[6n\x1b[?6n\x1b[?15n\x1b[x\x1b[21t\x1b[18t\x1b[?u\x1b[?2004$p",
    // Attributes left on.
    b"\x1b[1;2;3;4;5;7;8;9;31;42mleft on",
    b"\x1b[38:2::1:2:3;48;5;m\x1b[38;2;999m\x1b[58;5;1m\x1b[4:3m\x1b[;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;m",
    // Controls and bytes that are no text.
    b"\x00\x01\x02\x03\x04\x05\x06\x07\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x19\x1a\x1c\x1d\x1e\x1f\x7f",
    b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
    b"\x80\xbf\xc0\xaf\xe0\x80\xaf\xed\xa0\x80\xf4\x90\x80\x80\xf8\xfe\xff\xe2\x82",
    b"\x1b\x1b\x1b\x1b[\x1b[\x1b[3\x18\x1b[\x1a\x1b",
    // Text.
    "漢字かなカナ한글，全角ＡＢＣ ﷽ 𒐫 ᬀᬁ".as_bytes(),
    "👩‍👩‍👧‍👦 👨🏽‍🚀 🏳️‍🌈 🇩🇪🇫🇷 1️⃣ ☎️ ☎︎ 🏴󠁧󠁢󠁥󠁮󠁧󠁿".as_bytes(),
    "e\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{20dd}\u{fe0f} \u{301}alone กำ้้้้".as_bytes(),
    "a\u{200b}b\u{200c}c\u{200d}d\u{2060}e\u{feff}f\u{ad}g\u{34f}h\u{180e}i\u{3164}j".as_bytes(),
    "\u{202e}abc\u{202c}\u{2066}\u{2067}x\u{2069}\u{200f}\u{61c} שלום مرحبا".as_bytes(),
    "a\u{2028}b\u{2029}c\u{85}d\u{e0041}\u{e000}\u{10ffff}\u{fff9}\u{fffb}".as_bytes(),
];

/// A console where `alpha` is hostile and `beta` is not.
struct Siege {
    desk: Desk,
    /// What must not change, as it was before.
    frame: Vec<String>,
    /// Takes it from the screen.
    take: fn(&vt100::Screen) -> Vec<String>,
}

impl Siege {
    fn begin(desk: Desk, take: fn(&vt100::Screen) -> Vec<String>) -> Self {
        let frame = desk.screen.see(take);
        Self { desk, frame, take }
    }

    /// Sends it and compares everything but the hostile target's own place.
    fn attack(&mut self, number: usize, bytes: &[u8]) {
        let mark = format!("mark-{number}-");
        let line = &mut self.desk.lines[0];
        line.send(bytes);
        line.send(CALM);
        line.send(format!("\r\n{mark}\r\n"));
        self.desk.screen.wait_text(&mark);
        self.desk.screen.see(|screen| {
            let frame = (self.take)(screen);
            let shown = screen.contents();
            assert_eq!(frame, self.frame, "{}:\n{shown}", bytes.escape_ascii());
            assert!(screen.alternate_screen() && screen.bracketed_paste());
            assert!(!screen.application_cursor() && !screen.application_keypad());
            let mouse = screen.mouse_protocol_mode();
            assert_eq!(mouse, vt100::MouseProtocolMode::ButtonMotion);
        });
    }

    /// Sends every attack, so many at a time, and then all at once.
    fn all(mut self, at_a_time: usize) {
        for (number, attacks) in CORPUS.chunks(at_a_time).enumerate() {
            self.attack(number, &attacks.concat());
        }
        self.attack(CORPUS.len(), &CORPUS.concat());
        wire::check(&self.desk.screen.bytes());
    }
}

/// The header without the clock.
fn header(screen: &vt100::Screen) -> String {
    row(screen, 0).chars().take(110).collect()
}

/// All but the text of the left pane, of two at 120x40.
fn beside_the_left_pane(screen: &vt100::Screen) -> Vec<String> {
    let mut frame = vec![header(screen), row(screen, 1)];
    frame.extend(screen.rows(60, 60).skip(1).take(37));
    frame.extend([row(screen, 38), row(screen, 39)]);
    frame
}

/// A console of 120x40 with the hostile target in the left pane, and a neighbour that has said something.
fn two_panes() -> Desk {
    let mut desk = Desk::new(120, 40, 2);
    desk.lines[1].send("a quiet neighbour\nwith two lines\n");
    desk.open("alpha beta");
    desk.screen.wait_text("with two lines");
    desk
}

#[test]
fn the_frame_stands_while_a_pane_shows_hostile_output() {
    let mut desk = two_panes();
    desk.screen.keys("typed so far");
    desk.screen.wait_text("@beta typed so far");
    Siege::begin(desk, beside_the_left_pane).all(1);
}

#[test]
fn the_frame_stands_while_raw_mode_shows_hostile_output() {
    let mut desk = two_panes();
    desk.open("alpha");
    desk.screen.keys(press::LEAVE_RAW);
    desk.screen.wait_text("RAW, ctrl+] leaves");
    // The notice that tells the way out goes by itself.
    desk.screen.wait_text("leaves raw mode");
    Siege::begin(desk, beside_the_left_pane).all(1);
}

#[test]
fn the_frame_stands_while_the_overview_shows_hostile_output() {
    let mut desk = Desk::new(120, 40, 4);
    for (line, name) in desk.lines.iter_mut().zip(super::NAMES) {
        line.send(format!("a line of {name}\n"));
    }
    for name in super::NAMES {
        desk.screen.wait_text(&format!("a line of {name}"));
    }
    // The preview below shows a quiet one.
    desk.screen.keys("G");
    desk.screen.wait_text("@delta");
    let take = |screen: &vt100::Screen| {
        let tiles: Vec<String> = screen
            .rows(0, 120)
            .skip(1)
            .map(|row| {
                let is_hostile = row.contains("R alpha");
                // The bar of what was printed lately sinks by itself.
                let bars = '▁'..='█';
                let row = row.chars().filter(|c| !bars.contains(c) && *c != ' ');
                row.take(if is_hostile { 6 } else { 120 }).collect()
            })
            .collect();
        std::iter::once(header(screen)).chain(tiles).collect()
    };
    // Tiles are drawn more rarely than what is in front.
    Siege::begin(desk, take).all(8);
}

#[test]
fn a_line_without_an_end_is_folded_and_its_neighbour_stands() {
    let mut desk = two_panes();
    let frame = desk.screen.see(beside_the_left_pane);
    let chunk = b"0123456789abcdef".repeat(4096);
    for _ in 0..LONG_LINE_BYTES / chunk.len() {
        desk.lines[0].send(&chunk);
    }
    desk.lines[0].send("the end at last\n");
    desk.screen.wait("the end is shown", |screen| {
        let text: String = screen.rows(0, 60).collect();
        text.contains("the end at last")
    });
    assert_eq!(desk.screen.see(beside_the_left_pane), frame);
    desk.screen.keys("still heard\r");
    assert_eq!(desk.lines[1].line(), "still heard");
    wire::check(&desk.quit().bytes);
}

#[test]
fn simulated_hostile_targets_do_no_harm_in_any_view() {
    let mut command = std::process::Command::new(KDECK);
    command.args([
        "sim",
        "text",
        "--behaviour",
        "hostile",
        "--count",
        "3",
        "--port",
        "0",
    ]);
    command.args(["--rate", "500", "--booted"]);
    let mut machines = Background::start(&mut command);
    let output = machines.0.stdout.take().expect("its output is a pipe");
    let targets: Vec<String> = std::io::BufRead::lines(std::io::BufReader::new(output))
        .take(3)
        .map(|line| line.expect("it prints text"))
        .filter_map(|line| Some(line.split('\t').next()?.to_owned()))
        .collect();
    let arguments: Vec<&str> = targets.iter().flat_map(|t| ["-k", t.as_str()]).collect();
    let mut screen = Terminal::start(120, 40, &arguments);
    screen.wait_text("R 3");
    let seen = |screen: &Terminal, what: &str| {
        // Every attack has its name before it.
        screen.wait_text("hostile: ");
        let header = screen.see(header);
        assert!(header.starts_with(" kdeck  HOST"), "{what}: {header}");
        assert!(screen.see(vt100::Screen::alternate_screen), "{what}");
    };
    seen(&screen, "overview");
    screen.keys(".open *\r");
    screen.wait_text("│");
    seen(&screen, "panes");
    screen.keys(press::LEAVE_RAW);
    screen.wait_text("RAW, ctrl+] leaves");
    seen(&screen, "raw mode");
    screen.keys(press::LEAVE_RAW);
    screen.keys(press::CTRL_X);
    screen.wait_text("Quit kdeck?");
    screen.keys("y");
    let left = screen.wait_end();
    assert_eq!(left.left_on, [""; 0]);
    wire::check(&left.bytes);
}
