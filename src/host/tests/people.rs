//! People at a host: what they hold is theirs whatever they are called, and nobody puts its owner out.

use super::*;
use crate::session::people::Presence;

fn come(host: &Host, name: &str, permission: Permission) -> Presence {
    host.people()
        .join(Arrival::named(name, Seated::Client, permission))
}

async fn refusal(host: &Host, target: &Target, author: &Author) -> Option<String> {
    let asked = host.ask(target.id, author, Request::Line("ls".to_owned()));
    soon(asked.answer).await.unwrap().err()
}

/// Waits until the target asks for a secret, or does not any more.
async fn prompts(rig: &Rig, target: &Target, asks: bool) {
    let watch = rig.host.news().pulse().watch();
    soon(async {
        loop {
            watch.arm();
            if target.transcript.asks_for_secret() == asks {
                return;
            }
            watch.rung().await;
        }
    })
    .await;
}

/// A host with one target that is connected.
async fn rack() -> (Rig, Arc<Target>, TcpStream) {
    let (listener, port) = listener();
    let connect = format!("raw:server=127.0.0.1,port={port}");
    let rig = start(&target("a", &connect));
    let wire = accept(&listener).await;
    rig.state("a", State::Running).await;
    let target = rig.target("a");
    (rig, target, wire)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_holds_stays_theirs_whoever_takes_their_name() {
    let (rig, target, _wire) = rack().await;
    let alice = come(&rig.host, "alice", Permission::Operator);
    let author = || alice.person().author();
    rig.host.take(&target, &author(), false).unwrap();
    assert_eq!(refusal(&rig.host, &target, &author()).await, None);
    alice.rename("ally");
    let mallory = come(&rig.host, "alice", Permission::Operator).person();
    assert_eq!(mallory.name, "alice");
    let refused = refusal(&rig.host, &target, &mallory.author()).await;
    assert!(refused.is_some_and(|reason| reason.contains("holds a since")));
    assert_eq!(refusal(&rig.host, &target, &author()).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_began_who_left_is_not_done_as_the_next_of_that_name() {
    let (rig, target, _wire) = rack().await;
    let alice = come(&rig.host, "alice", Permission::Operator);
    let late = alice.person().author();
    alice.leave("");
    let next = come(&rig.host, "alice", Permission::Operator);
    assert_eq!(next.person().name, "alice");
    let taken = rig.host.take(&target, &next.person().author(), false);
    assert!(taken.is_ok(), "{taken:?}");
    assert!(rig.host.release(&target, &late).is_err());
    assert!(rig.host.take(&target, &late, false).is_err());
    assert!(refusal(&rig.host, &target, &late).await.is_some());
    assert_eq!(target.status.read().holder, "alice");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_holds_what_they_took_also_under_a_name_that_was_cleaned() {
    let (rig, target, _wire) = rack().await;
    rig.host.sit("John Doe");
    let _guest = come(&rig.host, "John Doe", Permission::Operator);
    let owner = Author::owner("John Doe");
    rig.host.take(&target, &owner, false).unwrap();
    assert_eq!(rig.host.me().map(|me| me.name).as_deref(), Some("John-Doe"));
    assert_eq!(target.status.read().holder, "John-Doe");
    assert_eq!(refusal(&rig.host, &target, &owner).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_does_something_was_active_then_the_one_at_the_host_too() {
    let (rig, target, _wire) = rack().await;
    rig.host.sit("owner");
    let alice = come(&rig.host, "alice", Permission::Operator);
    let deck = Deck::Host(rig.host.clone());
    let active = || rig.host.people().all().into_iter().map(|it| it.active);
    let came: Vec<Time> = active().collect();
    soon(crate::command::submit(
        &deck,
        &Author::owner("owner"),
        None,
        ".who",
    ))
    .await;
    assert!(
        active()
            .zip(&came)
            .map(|(now, came)| now > *came)
            .eq([true, false])
    );
    let keys = Request::Keys(b"x".to_vec());
    let asked = rig.host.ask(target.id, &alice.person().author(), keys);
    soon(asked.answer).await.unwrap().unwrap();
    assert!(active().zip(&came).all(|(now, came)| now > *came));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_does_not_put_the_owner_out_who_came_back_by_attaching() {
    let rig = start("");
    let owner = come(&rig.host, "owner", Permission::Owner);
    let operator = come(&rig.host, "alice", Permission::Operator);
    let refused = rig.host.kick(&operator.person().author(), "owner", "");
    assert!(refused.unwrap_err().contains("owner of this host"));
    let kicked = rig.host.kick(&owner.person().author(), "alice", "enough");
    assert_eq!(kicked.as_deref(), Ok("alice is put out"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_ends_while_a_server_opens_has_no_server() {
    let rig = start("");
    let string = "npipe:pipe=late,password=Lab12".parse().unwrap();
    let mut opening = std::pin::pin!(rig.host.open_server(string));
    assert!(futures_util::poll!(opening.as_mut()).is_pending());
    rig.host.end();
    let opened = soon(opening).await;
    assert!(opened.unwrap_err().contains("this host is ending"));
    assert!(rig.host.servers().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_typed_key_by_key_is_recorded_with_its_author_and_secrets_are_not() {
    let (rig, target, mut wire) = rack().await;
    let (alice, bob) = (
        come(&rig.host, "alice", Permission::Operator),
        come(&rig.host, "bob", Permission::Operator),
    );
    let state_dir = rig.host.places().state_dir.clone();
    rig.host.open_audit().unwrap();
    let ask = |who: &Presence, request: Request| {
        let asked = rig.host.ask(target.id, &who.person().author(), request);
        soon(asked.answer)
    };
    let keys = |keys: &str| Request::Keys(keys.as_bytes().to_vec());
    for (who, typed) in [
        (&alice, "l"),
        (&bob, "ps"),
        (&alice, "s"),
        (&alice, "\r"),
        (&bob, "\r"),
    ] {
        ask(who, keys(typed)).await.unwrap().unwrap();
    }
    let escaped = Request::Escaped(r"top\rq".to_owned());
    ask(&alice, escaped.clone()).await.unwrap().unwrap();
    let mut sent = [0; 11];
    wire.set_read_timeout(Some(PATIENCE)).unwrap();
    wire.read_exact(&mut sent).unwrap();
    assert_eq!(&sent, b"lpss\r\rtop\rq");
    wire.write_all(b"Password: ").unwrap();
    prompts(&rig, &target, true).await;
    for typed in ["hunter", "2", "\r"] {
        ask(&alice, keys(typed)).await.unwrap().unwrap();
    }
    ask(&bob, escaped).await.unwrap().unwrap();
    wire.write_all(b"\n").unwrap();
    prompts(&rig, &target, false).await;
    ask(&bob, keys("q")).await.unwrap().unwrap();
    rig.host.stop().await.unwrap();
    let typed = target.transcript.with(|ring| {
        let commands = ring.entries(1).filter(|entry| entry.kind == Kind::Command);
        let told = commands.map(|entry| {
            let text = String::from_utf8_lossy(entry.bytes);
            format!("{}: {text}", entry.who.unwrap_or_default())
        });
        told.collect::<Vec<_>>()
    });
    let expected = [
        ("alice", "ls"),
        ("bob", "ps"),
        ("alice", r".keys top\rq"),
        ("alice", "(not shown)"),
        ("bob", "(not shown)"),
        ("bob", ".keys q"),
    ];
    assert_eq!(typed, expected.map(|(who, text)| format!("{who}: {text}")));
    let audit = std::fs::read_to_string(state_dir.join("audit.log")).unwrap();
    for (who, text) in expected {
        let told =
            |line: &&str| line.contains(who) && line.contains("command") && line.contains(text);
        let found = audit
            .lines()
            .any(|line| told(&line.replace(r"\\", r"\").as_str()));
        assert!(found, "{who} {text}: {audit}");
    }
    assert!(!audit.contains("hunter"), "{audit}");
}
