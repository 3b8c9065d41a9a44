//! Passwords: wrong ones, guessed ones, replayed ones; and what somebody gets who shows none.

use std::time::{Duration, Instant};

use kdeck::proto::session::hello::Versions;
use kdeck::proto::session::message::{From, ToServer};
use kdeck::session::door::{KnockError, knock};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use crate::attacker::{Attacker, frame_of, framed, greeting, line, runtime};
use crate::support::deadline::{Deadline, PATIENCE};
use crate::support::headless::Headless;
use crate::support::home::Home;
use crate::{Lab, PASSWORD, VIEW_PASSWORD, pipe};

#[test]
fn a_wrong_password_ends_with_its_number_and_the_host_records_who_it_was() {
    let lab = Lab::open();
    let client = Headless::start(&["-remote", &lab.tcp("guess")]).wait_end();
    assert_eq!(client.code(), 1);
    assert!(client.complaints.contains("0x80004005"), "{client:?}");
    assert!(!client.complaints.contains("guess"), "{client:?}");
    let audit = lab.audit("why=\"wrong-password\"");
    let refused = audit.lines().find(|line| line.contains(" refused "));
    let refused = refused.expect("a line about it");
    assert!(refused.contains("from=\"tcp 127.0.0.1:"), "{refused}");
    assert!(refused.contains("said-person=\"tester\""), "{refused}");
    assert!(!audit.contains("guess"), "{audit}");

    let none = format!("tcp:Port={},Server=127.0.0.1", lab.port);
    let client = Headless::start(&["-remote", &none]).wait_end();
    assert_eq!(client.code(), 1);
    assert!(client.complaints.contains("password="), "{client:?}");
}

#[test]
fn guessing_is_slowed_and_then_refused_while_a_friend_comes_in_elsewhere() {
    let lab = Lab::open();
    let home = Home::new();
    let (string, start) = (lab.tcp(""), Instant::now());
    let guess = |number: usize| {
        let guess = format!("{string}guess-{number}");
        match Attacker::try_join(home.path(), &guess, greeting("eve")) {
            Ok(_) => panic!("it was no guess"),
            Err(error) => error,
        }
    };
    // Half a second after the first failure, then twice as long each time; more than four seconds are not waited.
    let errors: Vec<KnockError> = (0..6).map(guess).collect();
    assert_eq!(errors[..5], vec![KnockError::WrongPassword; 5]);
    let KnockError::Refused(reason) = &errors[5] else {
        panic!("{errors:?}");
    };
    assert!(reason.contains("too many wrong passwords"), "{reason}");
    assert!(start.elapsed() >= Duration::from_millis(7_400));
    // Right or wrong, it is not looked at.
    let right = Attacker::try_join(home.path(), &lab.tcp(PASSWORD), greeting("eve"));
    assert!(matches!(right.err(), Some(KnockError::Refused(_))));
    Attacker::join(lab.host.home.path(), &pipe(PASSWORD), "friend");
    lab.audit("why=\"too-many\"");
}

#[test]
fn a_recorded_login_lets_nobody_in() {
    let lab = Lab::open();
    let runtime = runtime();
    for string in [lab.tcp(PASSWORD), pipe(PASSWORD)] {
        let home = lab.host.home.path();
        let replayed = runtime.block_on(async {
            let (stream, binding) = line(home, &string).await;
            let written = stream.written.clone();
            let joined = knock(stream, &binding, greeting("alice"), Some(PASSWORD), || {
                Ok(())
            })
            .await;
            let mut stream = joined.expect("the password is right").stream;
            stream
                .write_all(&framed(&ToServer::Leave))
                .await
                .expect("the host reads");
            let recorded = written.lock().expect("nobody panics with it").clone();

            let (mut stream, _) = line(home, &string).await;
            stream.write_all(&recorded).await.expect("the host reads");
            stream.flush().await.expect("the host reads");
            let mut told = Vec::new();
            let read = timeout(PATIENCE, stream.read_to_end(&mut told)).await;
            read.expect("the host ends the line").ok();
            told
        });
        // The greeting, an answer that fits nobody, and that the password was wrong.
        assert!(replayed.len() < 1024, "{} bytes", replayed.len());
    }
    let deadline = Deadline::after(PATIENCE);
    let joined = loop {
        let audit = lab.audit("why=\"wrong-password\"");
        let refused = audit.matches("why=\"wrong-password\"").count();
        let joined = audit.matches(" joined person=\"alice\"").count();
        if refused == 2 && joined >= 2 {
            break joined;
        }
        assert!(deadline.left().is_some(), "{audit}");
        std::thread::yield_now();
    };
    assert_eq!(joined, 2, "somebody came in with a recorded login");
}

#[test]
fn a_stranger_gets_nothing_of_the_history_whatever_they_send_first() {
    let mut lab = Lab::open();
    lab.target.send("the crown jewels\n");
    lab.host.wait_output("t", "the crown jewels");
    let asks = [
        framed(&ToServer::Start { chat: 0 }),
        framed(&ToServer::Follow {
            target: kdeck::rack::TargetId(1),
            from: From::Seq(1),
        }),
        framed(&ToServer::Credit(1 << 20)),
        framed(&ToServer::Submit {
            call: 1,
            focus: None,
            line: "@all .last".to_owned(),
        }),
    ]
    .concat();
    let hello = frame_of(&greeting("eve").encode(&Versions::ours()));
    let runtime = runtime();
    for string in [lab.tcp("x"), pipe("x")] {
        for first in [Vec::new(), hello.clone()] {
            let told = runtime.block_on(async {
                let (mut stream, _) = line(lab.host.home.path(), &string).await;
                let bytes = [first.as_slice(), &asks].concat();
                stream.write_all(&bytes).await.expect("the host reads");
                stream.flush().await.expect("the host reads");
                let mut told = Vec::new();
                let read = timeout(PATIENCE, stream.read_to_end(&mut told)).await;
                read.expect("the host ends the line").ok();
                told
            });
            let text = String::from_utf8_lossy(&told);
            assert!(!text.contains("jewels") && told.len() < 256, "{text:?}");
        }
    }
    // The same is given to who was let in, so that this test shows something.
    let mut friend = Attacker::join(lab.host.home.path(), &lab.tcp(VIEW_PASSWORD), "friend");
    let (_, last) = friend.submit("@t .last");
    assert!(last.contains("jewels"), "{last}");
}
