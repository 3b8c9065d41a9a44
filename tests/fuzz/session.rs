//! Fuzzes what strangers, clients and servers can send: frames, greetings, answers, logins. Nothing may panic or grow,
//! and nobody may get in.
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
    use rand_core::{CryptoRng, RngCore};

    const LIMIT: usize = 1024;
    const BINDING: &[u8] = b"this channel";

    libfuzzer_sys::fuzz_target!(|data: &[u8]| {
        let [what, data @ ..] = data else { return };
        // Bytes that make sense are hard to come by: half of all is what a kdeck sends, a little damaged.
        let damaged = |real: &[u8]| match what >> 6 & 1 {
            0 => data.to_vec(),
            _ => damaged(real, data),
        };
        match what % 8 {
            0 | 1 => frames(data),
            2 => body(&damaged(&client_hello())),
            3 => body(&damaged(
                &ServerHello { open: true }.encode(&Versions::ours()),
            )),
            4 => body(&damaged(&Answer::Refused("not today".to_owned()).encode())),
            5 => request(&damaged(&LOGIN.request)),
            6 => proof(&damaged(&LOGIN.proof)),
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
