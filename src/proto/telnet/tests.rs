//! The telnet engine against recorded openings and a server's answers.

use super::*;
use crate::connect;

/// What QEMU's `telnet=on` sends on connect: WILL ECHO, WILL SGA, WILL BINARY, DO BINARY.
const QEMU: &[u8] = b"\xff\xfb\x01\xff\xfb\x03\xff\xfb\x00\xff\xfd\x00";
/// What ser2net 4.3 sends with `telnet(rfc2217)`.
const SER2NET: &[u8] =
    b"\xff\xfb\x03\xff\xfd\x03\xff\xfb\x01\xff\xfe\x01\xff\xfd\x00\xff\xfb\x00\xff\xfd\x2c";
const ASK_SIGNATURE: &[u8] = b"\xff\xfa\x2c\x00\xff\xf0";

pub(super) struct Outcome {
    pub(super) text: Vec<u8>,
    pub(super) sent: Vec<u8>,
    pub(super) events: Vec<Event>,
}

pub(super) fn run(engine: &mut Telnet, now: Instant, pieces: &[&[u8]]) -> Outcome {
    let mut text = Vec::new();
    for piece in pieces {
        engine.handle_bytes(now, piece, &mut text);
    }
    Outcome {
        text,
        sent: sent(engine),
        events: std::iter::from_fn(|| engine.poll_event()).collect(),
    }
}

fn sent(engine: &mut Telnet) -> Vec<u8> {
    std::iter::from_fn(|| engine.poll_transmit())
        .flatten()
        .collect()
}

pub(super) fn feed(engine: &mut Telnet, now: Instant, bytes: &[u8]) -> Outcome {
    run(engine, now, &[bytes])
}

/// An engine past the opening of a ser2net with RFC 2217, its events and answers taken.
fn agreed(now: Instant) -> Telnet {
    let mut engine = Telnet::new(Options::default());
    feed(&mut engine, now, SER2NET);
    engine
}

pub(super) fn after(now: Instant, ms: u64) -> Instant {
    now + Duration::from_millis(ms)
}

#[test]
fn nothing_is_sent_to_a_peer_that_never_spoke_telnet() {
    let now = Instant::now();
    let mut engine = Telnet::new(Options {
        window: Some((80, 24)),
        line: LineSettings {
            baud: Some(115_200),
            ..LineSettings::default()
        },
        ..Options::default()
    });
    let seen = feed(&mut engine, now, b"login: ");
    engine.handle_timeout(after(now, 60_000));
    engine.resize(132, 50);
    assert_eq!(seen.text, b"login: ");
    assert_eq!(sent(&mut engine), b"");
    assert_eq!(engine.poll_event(), None);
    assert!(!engine.heard());
}

#[test]
fn qemus_opening_is_answered_once_and_wherever_it_is_cut() {
    let now = Instant::now();
    let stream = [QEMU, b"SeaBIOS\r\n", QEMU].concat();
    for cut in 0..=stream.len() {
        let (head, tail) = stream.split_at(cut);
        let mut engine = Telnet::new(Options::default());
        let seen = run(&mut engine, now, &[head, tail]);
        assert_eq!(seen.text, b"SeaBIOS\r\n");
        assert_eq!(
            seen.sent,
            b"\xff\xfd\x01\xff\xfd\x03\xff\xfd\x00\xff\xfb\x00"
        );
        assert_eq!(seen.events, [Event::Telnet, Event::Echo(true)]);
        assert!(engine.peer_echoes());
    }
}

#[test]
fn ser2nets_opening_is_answered_once_and_wherever_it_is_cut() {
    let now = Instant::now();
    let answers = [
        b"\xff\xfd\x03\xff\xfb\x03\xff\xfd\x01\xff\xfb\x00\xff\xfd\x00\xff\xfb\x2c".as_slice(),
        ASK_SIGNATURE,
    ]
    .concat();
    let stream = [SER2NET, b"\xff\xfa\x2c\x6b\x00\xff\xf0$ "].concat();
    for cut in 0..=stream.len() {
        let (head, tail) = stream.split_at(cut);
        let mut engine = Telnet::new(Options::default());
        let seen = run(&mut engine, now, &[head, tail]);
        assert_eq!(seen.text, b"$ ");
        assert_eq!(seen.sent, answers);
        assert_eq!(
            seen.events,
            [
                Event::Telnet,
                Event::Echo(true),
                Event::ComPort(true),
                Event::Modem(ModemState(0)),
            ]
        );
    }
}

#[test]
fn unknown_options_are_refused_once() {
    let now = Instant::now();
    let mut engine = Telnet::new(Options::default());
    let asked = b"\xff\xfd\x22\xff\xfd\x22\xff\xfb\x26\xff\xfb\x26\xff\xfc\x05\xff\xfe\x05";
    let seen = feed(&mut engine, now, asked);
    assert_eq!(seen.sent, b"\xff\xfc\x22\xff\xfe\x26");
}

#[test]
fn an_option_taken_back_is_confirmed_and_can_be_offered_anew() {
    let now = Instant::now();
    let mut engine = Telnet::new(Options::default());
    let seen = feed(&mut engine, now, b"\xff\xfb\x01\xff\xfc\x01\xff\xfb\x01");
    assert_eq!(seen.sent, b"\xff\xfd\x01\xff\xfe\x01\xff\xfd\x01");
    assert_eq!(
        seen.events[1..],
        [Event::Echo(true), Event::Echo(false), Event::Echo(true)]
    );
}

#[test]
fn the_terminal_type_and_window_size_are_told_when_asked() {
    let now = Instant::now();
    let mut engine = Telnet::new(Options {
        window: Some((255, 24)),
        ..Options::default()
    });
    let asked = b"\xff\xfd\x18\xff\xfa\x18\x01\xff\xf0\xff\xfd\x1f";
    let answers = b"\xff\xfb\x18\xff\xfa\x18\x00XTERM-256COLOR\xff\xf0\
        \xff\xfb\x1f\xff\xfa\x1f\x00\xff\xff\x00\x18\xff\xf0";
    assert_eq!(feed(&mut engine, now, asked).sent, answers);
    engine.resize(255, 24);
    assert_eq!(sent(&mut engine), b"");
    engine.resize(132, 50);
    assert_eq!(sent(&mut engine), b"\xff\xfa\x1f\x00\x84\x00\x32\xff\xf0");
}

#[test]
fn a_window_size_learnt_after_the_server_asked_is_offered() {
    let now = Instant::now();
    let mut engine = Telnet::new(Options::default());
    assert_eq!(
        feed(&mut engine, now, b"\xff\xfd\x1f").sent,
        b"\xff\xfc\x1f"
    );
    engine.resize(80, 24);
    assert_eq!(sent(&mut engine), b"\xff\xfb\x1f");
    assert_eq!(
        feed(&mut engine, now, b"\xff\xfd\x1f").sent,
        b"\xff\xfa\x1f\x00\x50\x00\x18\xff\xf0"
    );
}

#[test]
fn configured_line_settings_are_made_as_soon_as_com_port_is_agreed() {
    let now = Instant::now();
    let line = LineSettings::from(connect::LineSettings {
        baud: Some(0xff00),
        bits: Some(connect::DataBits::Seven),
        parity: Some(connect::Parity::Even),
        stop: Some(connect::StopBits::Two),
        flow: Some(connect::FlowControl::RtsCts),
    });
    let mut engine = Telnet::new(Options {
        line,
        ..Options::default()
    });
    // The wish is told at the first sign of telnet, before the answer to it.
    assert_eq!(
        feed(&mut engine, now, b"\xff\xfb\x03").sent,
        b"\xff\xfb\x2c\xff\xfd\x03"
    );
    let expected = [
        ASK_SIGNATURE,
        b"\xff\xfa\x2c\x01\x00\x00\xff\xff\x00\xff\xf0",
        b"\xff\xfa\x2c\x02\x07\xff\xf0",
        b"\xff\xfa\x2c\x03\x03\xff\xf0",
        b"\xff\xfa\x2c\x04\x02\xff\xf0",
        b"\xff\xfa\x2c\x05\x03\xff\xf0",
    ]
    .concat();
    assert_eq!(feed(&mut engine, now, b"\xff\xfd\x2c").sent, expected);
}

#[test]
fn what_the_device_chose_is_told_beside_what_was_asked() {
    let now = Instant::now();
    let mut engine = agreed(now);
    engine.set_line(
        now,
        &LineSettings {
            baud: Some(31_250),
            data_bits: Some(8),
            ..LineSettings::default()
        },
    );
    let answers = b"\xff\xfa\x2c\x65\x00\x00\x96\x00\xff\xf0\xff\xfa\x2c\x66\x00\xff\xf0\
        \xff\xfa\x2c\x64ser2net\xff\xf0";
    let seen = feed(&mut engine, now, answers);
    assert_eq!(
        seen.events,
        [
            Event::Set {
                setting: Setting::Baud(38_400),
                asked: Some(Setting::Baud(31_250)),
            },
            Event::Refused(Setting::DataBits(8)),
            Event::Signature(b"ser2net".to_vec()),
        ]
    );
    assert_eq!(engine.poll_timeout(), None);
}

#[test]
fn a_request_nobody_answers_is_reported_after_three_seconds() {
    let now = Instant::now();
    let mut engine = agreed(now);
    engine.set_control(now, Some(true), Some(false));
    assert_eq!(
        sent(&mut engine),
        b"\xff\xfa\x2c\x05\x08\xff\xf0\xff\xfa\x2c\x05\x0c\xff\xf0"
    );
    feed(
        &mut engine,
        after(now, 2000),
        b"\xff\xfa\x2c\x69\x0c\xff\xf0",
    );
    engine.handle_timeout(after(now, 2999));
    assert_eq!(engine.poll_event(), None);
    assert_eq!(engine.poll_timeout(), Some(after(now, 3000)));
    engine.handle_timeout(after(now, 3000));
    assert_eq!(
        engine.poll_event(),
        Some(Event::NoAnswer(Setting::Dtr(true)))
    );
    assert_eq!(engine.poll_timeout(), None);
}

#[test]
fn a_server_that_ignores_the_com_port_offer_is_reported() {
    let now = Instant::now();
    let mut engine = Telnet::new(Options::default());
    let line = LineSettings {
        baud: Some(9600),
        ..LineSettings::default()
    };
    engine.set_line(now, &line);
    assert_eq!(sent(&mut engine), b"\xff\xfb\x2c");
    engine.handle_timeout(after(now, ANSWER_WAIT_MS));
    assert_eq!(engine.poll_event(), Some(Event::NoComPort));
    // A late agreement still serves.
    let seen = feed(&mut engine, after(now, 5000), b"\xff\xfd\x2c");
    let set_baud = b"\xff\xfa\x2c\x01\x00\x00\x25\x80\xff\xf0";
    assert_eq!(seen.sent, [ASK_SIGNATURE, set_baud].concat());
}

#[test]
fn a_refused_com_port_offer_is_reported() {
    let now = Instant::now();
    let mut engine = Telnet::new(Options::default());
    engine.set_control(now, Some(true), None);
    sent(&mut engine);
    let seen = feed(&mut engine, now, b"\xff\xfe\x2c");
    assert_eq!(seen.sent, b"");
    assert_eq!(seen.events, [Event::Telnet, Event::ComPort(false)]);
    assert_eq!(engine.poll_timeout(), None);
}

#[test]
fn a_break_is_telnets_own_until_com_port_is_agreed() {
    let now = Instant::now();
    let mut engine = Telnet::new(Options::default());
    assert_eq!(engine.send_break(now), Break::Telnet);
    assert_eq!(sent(&mut engine), b"\xff\xf3");
    assert_eq!(engine.poll_timeout(), None);
}

#[test]
fn a_com_port_break_is_switched_on_and_off_after_300_ms() {
    let now = Instant::now();
    let mut engine = agreed(now);
    assert_eq!(engine.send_break(now), Break::ComPort);
    assert_eq!(engine.send_break(after(now, 100)), Break::ComPort);
    assert_eq!(sent(&mut engine), b"\xff\xfa\x2c\x05\x05\xff\xf0");
    let seen = feed(&mut engine, now, b"\xff\xfa\x2c\x69\x05\xff\xf0");
    assert_eq!(seen.events, [Event::BreakAcknowledged]);
    assert_eq!(engine.poll_timeout(), Some(after(now, BREAK_MS)));
    engine.handle_timeout(after(now, BREAK_MS - 1));
    assert_eq!(sent(&mut engine), b"");
    engine.handle_timeout(after(now, BREAK_MS));
    assert_eq!(sent(&mut engine), b"\xff\xfa\x2c\x05\x06\xff\xf0");
    let seen = feed(&mut engine, now, b"\xff\xfa\x2c\x69\x06\xff\xf0");
    assert_eq!(seen.events, []);
    assert_eq!(engine.poll_timeout(), None);
}

#[test]
fn suspend_and_resume_and_the_state_of_the_line_are_told() {
    let now = Instant::now();
    let mut engine = agreed(now);
    let stream = b"\xff\xfa\x2c\x6c\xff\xf0\xff\xfa\x2c\x6c\xff\xf0\
        \xff\xfa\x2c\x6a\x1a\xff\xf0\xff\xfa\x2c\x6b\x90\xff\xf0\xff\xfa\x2c\x6d\xff\xf0";
    let seen = feed(&mut engine, now, stream);
    let [
        Event::Suspend,
        Event::Line(line),
        Event::Modem(modem),
        Event::Resume,
    ] = seen.events[..]
    else {
        panic!("{:?}", seen.events);
    };
    assert!(line.break_seen() && line.framing_error() && line.overrun() && !line.parity_error());
    assert!(modem.carrier() && modem.clear_to_send() && !modem.ring());
    assert!(!modem.data_set_ready());
}

#[test]
fn a_server_that_asks_gets_our_signature_once() {
    let now = Instant::now();
    let mut engine = agreed(now);
    let asked = b"\xff\xfa\x2c\x64\xff\xf0\xff\xfa\x2c\x64\xff\xf0";
    assert_eq!(
        feed(&mut engine, now, asked).sent,
        b"\xff\xfa\x2c\x00kdeck\xff\xf0"
    );
}

#[test]
fn carriage_returns_follow_rfc_854_until_binary_is_agreed() {
    let now = Instant::now();
    let mut engine = Telnet::new(Options::default());
    let mut out = Vec::new();
    engine.encode(b"ls\r\xff\r\n", &mut out);
    assert_eq!(out, b"ls\r\0\xff\xff\r\n");
    assert_eq!(
        feed(&mut engine, now, b"a\r\0b\0\r\nc").text,
        b"a\rb\0\r\nc"
    );
    feed(&mut engine, now, QEMU);
    out.clear();
    engine.encode(b"ls\r\xff", &mut out);
    assert_eq!(out, b"ls\r\xff\xff");
    assert_eq!(feed(&mut engine, now, b"\r\0").text, b"\r\0");
}

#[test]
fn what_is_no_telnet_command_stays_text() {
    let now = Instant::now();
    let mut engine = Telnet::new(Options::default());
    let seen = feed(&mut engine, now, b"a\xffAb\xff\xffc\xff\xf1d");
    assert_eq!(seen.text, b"a\xffAb\xffcd");
    assert_eq!(seen.sent, b"");
}

#[test]
fn an_endless_subnegotiation_is_given_up_and_the_rest_shows() {
    let now = Instant::now();
    let mut engine = Telnet::new(Options::default());
    let stream = [
        b"\xff\xfa\x2c".as_slice(),
        &[b'x'; SUBNEGOTIATION_BYTES_MAX],
        b"ok",
    ]
    .concat();
    let seen = feed(&mut engine, now, &stream);
    assert_eq!(seen.text, b"ok");
    assert_eq!(seen.events, [Event::Overlong]);
}

#[test]
fn a_peer_that_asks_without_end_gets_no_endless_answers() {
    let now = Instant::now();
    let mut engine = Telnet::new(Options::default());
    let stream = b"\xff\xfb\x01\xff\xfc\x01".repeat(OUTGOING_BYTES_MAX);
    let mut text = Vec::new();
    engine.handle_bytes(now, &stream, &mut text);
    assert_eq!(sent(&mut engine).len(), 3 * ANSWERS_PER_SECOND_MAX as usize);
    let events: Vec<Event> = std::iter::from_fn(|| engine.poll_event()).collect();
    assert_eq!(events.len(), EVENTS_MAX + 1);
    assert!(matches!(events.last(), Some(Event::Missed(_))));
}

#[test]
fn two_engines_that_both_want_something_agree_and_fall_silent() {
    let now = Instant::now();
    let mut left = agreed(now);
    let mut right = Telnet::new(Options::default());
    left.set_control(now, Some(true), None);
    right.set_control(now, Some(true), None);
    let mut rounds = 0;
    loop {
        let to_right = sent(&mut left);
        let answers = feed(&mut right, now, &to_right).sent;
        if answers.is_empty() {
            break;
        }
        let mut text = Vec::new();
        left.handle_bytes(now, &answers, &mut text);
        rounds += 1;
        assert!(rounds < 5);
    }
}
