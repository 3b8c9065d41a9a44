//! Strings of `ssh:`, with a script in the place of SSH; and what runs on the other machine.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use super::super::ssh::relay;
use super::*;

/// A machine whose SSH client is a shell script; `$@` is what SSH is called with.
fn with_ssh(script: &str) -> Machine {
    Machine::with(|_| Settings {
        ssh: ["/bin/sh", "-c", script, "ssh"].map(str::to_owned).to_vec(),
        ..Settings::default()
    })
}

#[tokio::test]
async fn a_session_goes_through_ssh_behind_what_a_shell_prints() {
    let machine = with_ssh(r"echo Welcome to lab01; printf '\nkdeck pipe 1\n'; exec cat");
    let mut channel = machine.dial("ssh:server=lab01").await.unwrap();
    assert_eq!(channel.peer.transport, "ssh");
    assert_eq!(channel.peer.address, "lab01");
    assert_eq!(channel.binding, Binding::local());
    channel.stream.write_all(b"there and back").await.unwrap();
    let mut bytes = [0; 14];
    soon(channel.stream.read_exact(&mut bytes)).await.unwrap();
    assert_eq!(&bytes, b"there and back");
}

#[tokio::test]
async fn ssh_is_called_without_a_terminal_and_its_words_are_stages() {
    let machine = with_ssh(r#"echo "$@" >&2; echo >&2; exit 1"#);
    let string = "ssh:server=alice@lab01,port=2222,pipe=lab";
    let string: ClientString = string.parse().unwrap();
    let mut stages = Vec::new();
    let mut stage = |words: &str| stages.push(words.to_owned());
    let dialled = dial(&string, &machine.trust, &machine.places, &mut stage);
    failure(soon(dialled).await);
    assert_eq!(
        stages,
        [
            "starting /bin/sh to lab01",
            "-T -o BatchMode=yes -p 2222 -l alice lab01 kdeck pipe lab"
        ]
    );
}

#[tokio::test]
async fn what_ssh_says_last_is_the_reason() {
    for (script, words) in [
        (
            "echo 'Warning: added' >&2; echo 'alice@lab01: Permission denied (publickey).' >&2; exit 255",
            "through SSH to lab01: alice@lab01: Permission denied (publickey).",
        ),
        ("exit 127", "there is no program kdeck on lab01"),
        ("exit 1", "SSH to lab01 ended without a word"),
        (
            "echo 'This account is currently not available.'; exit 1",
            "lab01 said `This account is currently not available.` instead of",
        ),
        (
            "printf 'a\\033]0;title\\007b\\n' >&2; exit 255",
            "through SSH to lab01: ab",
        ),
    ] {
        let machine = with_ssh(script);
        let refused = failure(machine.dial("ssh:server=lab01").await);
        assert!(refused.contains(words), "{refused}");
    }
    let machine = Machine::with(|_| Settings {
        ssh: vec!["/nonexistent/ssh".to_owned()],
        ..Settings::default()
    });
    let refused = failure(machine.dial("ssh:server=lab01").await);
    assert!(
        refused.contains("there is no program /nonexistent/ssh"),
        "{refused}"
    );
}

#[tokio::test]
async fn ssh_ends_with_its_channel() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("process");
    let script = format!(
        r"echo $$ > {}; printf '\nkdeck pipe 1\n'; exec sleep 600",
        file.display()
    );
    let machine = with_ssh(&script);
    let channel = machine.dial("ssh:server=lab01").await;
    let process = std::fs::read_to_string(&file).unwrap();
    let process = format!("/proc/{}/stat", process.trim());
    let runs = || std::fs::read_to_string(&process).is_ok_and(|stat| !stat.contains(") Z "));
    assert!(runs());
    drop(channel.unwrap());
    soon(async {
        while runs() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// Runs the other side; this end has its standard input and output.
fn relayed(
    machine: &Machine,
    name: Option<&'static str>,
) -> (UnixStream, tokio::task::JoinHandle<Result<(), String>>) {
    let (near, far) = UnixStream::pair().unwrap();
    let places = machine.places.clone();
    let input = far.try_clone().unwrap();
    let relaying = tokio::spawn(async move { relay(&places, name, input, far).await });
    (near, relaying)
}

#[tokio::test]
async fn standard_input_and_output_reach_the_only_server() {
    let machine = Machine::new();
    let mut listener = machine.listen("npipe:pipe=lab").await;
    let _other_kind = machine.listen("spipe:pipe=rack").await;
    let (mut near, relaying) = relayed(&machine, None);
    let mut server = accept(&mut listener).await.unwrap();
    near.write_all(b"!").unwrap();
    assert_eq!(soon(server.stream.read(&mut [0; 8])).await.unwrap(), 1);
    server.stream.write_all(b"hello").await.unwrap();
    let mut seen = vec![0; "\nkdeck pipe 1\nhello".len()];
    let seen = tokio::task::spawn_blocking(move || {
        near.read_exact(&mut seen).unwrap();
        (near, seen)
    });
    let (near, seen) = soon(seen).await.unwrap();
    assert_eq!(seen, b"\nkdeck pipe 1\nhello");
    drop(near);
    soon(async { while server.stream.read(&mut [0; 8]).await.unwrap() > 0 {} }).await;
    assert_eq!(soon(relaying).await.unwrap(), Ok(()));
}

#[tokio::test]
async fn the_other_side_ends_when_the_server_does() {
    let machine = Machine::new();
    let mut listener = machine.listen("npipe:pipe=lab").await;
    let (_near, relaying) = relayed(&machine, Some("lab"));
    drop(accept(&mut listener).await.unwrap());
    assert_eq!(soon(relaying).await.unwrap(), Ok(()));
}

#[tokio::test]
async fn several_servers_have_to_be_told_apart() {
    let machine = Machine::new();
    let (_near, none) = relayed(&machine, None);
    let none = soon(none).await.unwrap().unwrap_err();
    assert!(none.contains("no server of yours is open"), "{none}");
    let _one = machine.listen("npipe:pipe=one").await;
    let _two = machine.listen("npipe:pipe=two").await;
    let (_near, several) = relayed(&machine, None);
    let several = soon(several).await.unwrap().unwrap_err();
    assert!(several.contains("pipe=one, pipe=two"), "{several}");
    let (_near, wrong) = relayed(&machine, Some("three"));
    let wrong = soon(wrong).await.unwrap().unwrap_err();
    assert_eq!(wrong, "there is no pipe three: open here: one, two");
}
