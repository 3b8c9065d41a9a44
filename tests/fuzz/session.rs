//! Fuzzes what strangers, clients and servers can send: frames, greetings, answers, logins, messages. Nothing may panic
//! or grow, nobody may get in, and what a client keeps of a server's words is harmless.
//!
//! `tests/fuzz/run fuzz_session` runs it; built in the ordinary way it does nothing.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
mod fuzz {
    use std::sync::LazyLock;

    use kdeck::proto::session::Answer;
    use kdeck::proto::session::frame::{self, Decoder};
    use kdeck::proto::session::hello::{self, ClientHello, ServerHello, Versions};
    use kdeck::proto::session::login::{ClientLogin, Passwords, ServerLogin};
    use kdeck::proto::session::message::{
        Glance, Lines, Piece, TargetInfo, ToClient, ToServer, Welcome,
    };
    use kdeck::rack::{State, TargetId};
    use kdeck::session::client::heard;
    use kdeck::session::people::{Change, Person, PersonId, Seated};
    use kdeck::session::{Permission, Said};
    use kdeck::transcript::{Ending, Kind, Time};
    use rand_core::{CryptoRng, RngCore};
    use serde_bytes::Bytes;

    const LIMIT: usize = 1024;
    const BINDING: &[u8] = b"this channel";

    libfuzzer_sys::fuzz_target!(|data: &[u8]| {
        let [what, data @ ..] = data else { return };
        // Bytes that make sense are hard to come by: half of all is what a kdeck sends, a little damaged.
        let damaged = |real: &[u8]| match what >> 6 & 1 {
            0 => data.to_vec(),
            _ => damaged(real, data),
        };
        match what % 12 {
            0 | 1 => frames(data),
            2 => body(&damaged(&client_hello())),
            3 => body(&damaged(
                &ServerHello { open: true }.encode(&Versions::ours()),
            )),
            4 => body(&damaged(&Answer::Refused("not today".to_owned()).encode())),
            5 => request(&damaged(&LOGIN.request)),
            6 => proof(&damaged(&LOGIN.proof)),
            8 => to_server(&damaged(&submitted())),
            9 => to_client(&damaged(&told(data.len()))),
            10 | 11 => hear(data),
            // Stretches the password for what is damaged in the right places only: slow, so never on purpose.
            _ => response(data),
        }
    });

    /// `real`, in which `data` says which bytes are others, two bytes for each, and how many more there are.
    fn damaged(real: &[u8], data: &[u8]) -> Vec<u8> {
        let mut bytes = real.to_vec();
        for patch in data.chunks_exact(2) {
            let [at, value] = patch else { continue };
            match bytes.get_mut(usize::from(*at)) {
                Some(byte) => *byte = *value,
                None => bytes.push(*value),
            }
        }
        bytes
    }

    fn client_hello() -> Vec<u8> {
        let hello = ClientHello {
            person: "alice".to_owned(),
            machine: "BOX18".to_owned(),
            account: "alice".to_owned(),
            resume: Some([7; hello::RESUME_BYTES]),
            observe_only: false,
        };
        hello.encode(&Versions::ours())
    }

    /// What a client sends.
    fn submitted() -> Vec<u8> {
        let mut body = Vec::new();
        let submit = ToServer::Submit {
            call: 1,
            focus: Some(TargetId(1)),
            line: "@t hello".to_owned(),
        };
        submit.encode(&mut body);
        body
    }

    fn to_server(bytes: &[u8]) {
        if let Ok(Some(message)) = ToServer::decode(bytes) {
            let mut again = Vec::new();
            message.encode(&mut again);
            assert_eq!(ToServer::decode(&again), Ok(Some(message)));
        }
    }

    fn to_client(bytes: &[u8]) {
        if let Ok(Some(message)) = ToClient::decode(bytes) {
            let mut again = Vec::new();
            message.encode(&mut again);
            assert_eq!(ToClient::decode(&again), Ok(Some(message)));
        }
    }

    fn person(id: u32) -> Person {
        Person {
            id: PersonId(id),
            name: "alice".to_owned(),
            permission: Permission::Operator,
            seated: Seated::Client,
            account: "BOX18\\alice".to_owned(),
            origin: "tcp 10.0.0.18:51733".to_owned(),
            server: Some(0),
            since: Time(1),
            active: Time(2),
            away: false,
        }
    }

    fn entry(seq: u64, kind: Kind, ending: Ending, seen: u64) -> Piece<'static> {
        Piece::Entry {
            seq,
            time: Time(3),
            kind,
            who: Some("alice"),
            ending,
            seen,
            bytes: Bytes::new(b"login: "),
        }
    }

    fn lines(pieces: Vec<Piece<'static>>) -> ToClient<'static> {
        ToClient::Lines(Lines {
            target: TargetId(1),
            lines: 3,
            bytes: 20,
            behind: 0,
            pieces,
        })
    }

    /// What servers say.
    fn words() -> Vec<ToClient<'static>> {
        let target = |id| TargetInfo {
            id: TargetId(id),
            name: format!("t{id}"),
            address: "raw:port=1".to_owned(),
            groups: vec!["g".to_owned()],
            debugger: false,
            tags: Vec::new(),
        };
        let run = Piece::Lines {
            first: 1,
            time: Time(3),
            bytes: Bytes::new(b"one\ntwo\n"),
        };
        vec![
            ToClient::Rack(vec![target(1), target(2)]),
            lines(vec![run.clone()]),
            lines(vec![
                entry(3, Kind::Output, Ending::Open, 0),
                entry(3, Kind::Output, Ending::Open, 7),
                entry(4, Kind::Command, Ending::Whole, 0),
            ]),
            lines(vec![entry(3, Kind::Output, Ending::Whole, 14), run]),
            ToClient::Glances(vec![Glance {
                target: TargetId(2),
                lines: 9,
                bytes: 99,
                newest: Some(entry(9, Kind::Notice, Ending::Whole, 0)),
            }]),
            ToClient::People(vec![person(1), person(2)]),
            ToClient::Person {
                time: Time(4),
                person: person(3),
                change: Change::Renamed("bob".to_owned()),
            },
            ToClient::Chat(Said {
                id: 1,
                time: Time(5),
                from: "alice".to_owned(),
                to: None,
                action: false,
                text: "hello".to_owned(),
            }),
            ToClient::Target {
                time: Time(6),
                id: TargetId(1),
                state: State::Running,
                detail: "connected".to_owned(),
            },
            ToClient::Bye {
                reason: "the end".to_owned(),
                goes_on: false,
            },
        ]
    }

    /// One of them.
    fn told(which: usize) -> Vec<u8> {
        let words = words();
        let mut body = Vec::new();
        if let Some(word) = words.get(which % words.len()) {
            word.encode(&mut body);
        }
        body
    }

    /// A client hears what servers say, in any order and damaged. Each piece of `data` says which and how.
    fn hear(data: &[u8]) {
        let frames = data.chunks(5).map(|piece| {
            let (which, patch) = piece.split_first().unwrap_or((&0, &[]));
            let body = damaged(&told(usize::from(*which)), patch);
            let mut bytes = Vec::new();
            frame::encode(&body, frame::SERVER_BYTES_MAX, &mut bytes).ok();
            bytes
        });
        let mut rack = Vec::new();
        let first = told(0);
        frame::encode(&first, frame::SERVER_BYTES_MAX, &mut rack).ok();
        let pieces: Vec<Vec<u8>> = std::iter::once(rack).chain(frames).collect();
        let welcome = Welcome {
            me: person(1),
            token: [0; 16],
            run: 1,
            host: "LABHOST".to_owned(),
            warnings: Vec::new(),
        };
        let client = heard(&welcome, pieces.iter().map(Vec::as_slice));
        let shown = |text: &str| assert!(!text.contains(char::is_control), "{text:?}");
        for target in client.rack().targets() {
            shown(&target.name);
            shown(&target.address);
            target.transcript.with(|ring| {
                let entries = ring.entries(0).take(1000);
                entries.for_each(|entry| entry.who.into_iter().for_each(shown));
                assert!(ring.memory() < 4 << 20, "{} bytes", ring.memory());
            });
        }
        for person in client.people() {
            shown(&person.name);
            shown(&person.account);
        }
        for said in client.chat().since(0, "alice") {
            shown(&said.text);
            shown(&said.from);
        }
    }

    /// A stream in pieces. It has to give the same frames as in one.
    fn frames(data: &[u8]) {
        let mut pieces = Decoder::new(LIMIT);
        let mut whole = Decoder::new(LIMIT);
        let mut rest = data;
        for mut piece in data.chunks(13) {
            while let Ok(Some(found)) = pieces.next(&mut piece) {
                let found = found.to_vec();
                assert_eq!(whole.next(&mut rest), Ok(Some(found.as_slice())));
                let mut again = Vec::new();
                assert_eq!(frame::encode(&found, LIMIT, &mut again), Ok(()));
                body(&found);
            }
        }
        assert!(!matches!(whole.next(&mut rest), Ok(Some(_))));
    }

    fn body(bytes: &[u8]) {
        if let Ok((versions, hello)) = ClientHello::decode(bytes) {
            let again = ClientHello::decode(&hello.encode(&versions));
            assert_eq!(again, Ok((versions, hello)));
        }
        ServerHello::decode(bytes).ok();
        if let Ok(answer) = Answer::decode(bytes) {
            assert!(Answer::decode(&answer.encode()).is_ok());
        }
        assert!(!hello::foreign(bytes).to_string().contains(char::is_control));
    }

    fn request(bytes: &[u8]) {
        ServerLogin::start(&LOGIN.passwords, bytes, BINDING, &mut Counter(1)).ok();
    }

    fn proof(bytes: &[u8]) {
        // The server's randomness is that of the recorded login: its own proof is right, and no other.
        let (server, _) =
            ServerLogin::start(&LOGIN.passwords, &LOGIN.request, BINDING, &mut Counter(2))
                .expect("the request is a good one");
        assert_eq!(server.finish(bytes).is_ok(), bytes == LOGIN.proof);
    }

    fn response(bytes: &[u8]) {
        let (client, _) = ClientLogin::start("steer", &mut Counter(3)).expect("a good password");
        assert!(client.finish(bytes, BINDING, &mut Counter(4)).is_err());
    }

    /// A login that succeeded.
    struct Login {
        passwords: Passwords,
        request: Vec<u8>,
        proof: Vec<u8>,
    }

    static LOGIN: LazyLock<Login> = LazyLock::new(|| {
        let passwords =
            Passwords::new(Some("steer"), Some("watch"), &mut Counter(0)).expect("good passwords");
        let (client, request) = ClientLogin::start("steer", &mut Counter(3)).expect("a password");
        let (_, response) = ServerLogin::start(&passwords, &request, BINDING, &mut Counter(2))
            .expect("a good request");
        let proof = client
            .finish(&response, BINDING, &mut Counter(4))
            .expect("the right password");
        Login {
            passwords,
            request,
            proof,
        }
    });

    /// Randomness that is the same in every run.
    struct Counter(u64);

    impl RngCore for Counter {
        fn next_u32(&mut self) -> u32 {
            rand_core::impls::next_u32_via_fill(self)
        }

        fn next_u64(&mut self) -> u64 {
            rand_core::impls::next_u64_via_fill(self)
        }

        fn fill_bytes(&mut self, bytes: &mut [u8]) {
            for byte in bytes {
                self.0 = self
                    .0
                    .wrapping_mul(6364136223846793005)
                    .wrapping_add(1442695040888963407);
                *byte = (self.0 >> 56) as u8;
            }
        }

        fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand_core::Error> {
            self.fill_bytes(bytes);
            Ok(())
        }
    }

    impl CryptoRng for Counter {}
}

#[cfg(not(fuzzing))]
fn main() {}
