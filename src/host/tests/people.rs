//! People at a host: what they hold is theirs whatever they are called, and nobody puts its owner out.

use super::*;
use crate::session::people::Presence;

fn come(host: &Host, name: &str, permission: Permission) -> Presence {
    host.people().join(Arrival {
        name: name.to_owned(),
        permission,
        seated: Seated::Client,
        account: String::new(),
        origin: String::new(),
        server: None,
    })
}

async fn refusal(host: &Host, target: &Target, author: &Author) -> Option<String> {
    let asked = host.ask(target.id, author, Request::Line("ls".to_owned()));
    soon(asked.answer).await.unwrap().err()
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
