use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::*;

const PATIENCE: Duration = Duration::from_secs(20);

pub(super) fn places(home: &Path) -> Places {
    let environment = |name: &str| {
        let name = name.strip_prefix("KDECK_")?;
        Some(home.join(name.to_ascii_lowercase()).into_os_string())
    };
    Places::find_in(environment, Some(home.to_owned()), home, None).unwrap()
}

async fn asked(question: &[u8], places: &Places) -> Vec<u8> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let client = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(question).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        answer
    };
    tokio::select! {
        () = listener::serve(&listener, places) => unreachable!("it serves for ever"),
        answer = timeout(PATIENCE, client) => answer.unwrap(),
    }
}

#[tokio::test]
async fn one_who_asks_gets_the_servers_and_nothing_else() {
    let home = tempfile::tempdir().unwrap();
    let places = places(home.path());
    let strings = [
        "tcp:Port=5005,Password=*".to_owned(),
        "npipe:Pipe=lab".to_owned(),
    ];
    let _published = Published::write(&places, &strings).unwrap();
    let answer = asked(QUESTION, &places).await;
    assert_eq!(ask::read(&answer).unwrap(), strings);
    assert_eq!(asked(b"GET / HTTP/1.1\r\n", &places).await, b"");
}

#[test]
fn what_answers_that_is_no_kdeck_is_told() {
    assert!(ask::read(b"SSH-2.0-x\r\n").is_err());
    assert!(ask::read(&[b'a'; ANSWER_BYTES_MAX + 1]).is_err());
    let hostile = b"kdeck-directory 1\ntcp:Port=1\x1b[2J\n\n";
    assert!(!ask::read(hostile).unwrap()[0].contains('\x1b'));
}

#[tokio::test]
async fn servers_of_this_machine_are_found_and_dead_ones_are_marked() {
    let home = tempfile::tempdir().unwrap();
    let places = places(home.path());
    let alive = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let alive = format!("tcp:Port={},Password=*", alive.local_addr().unwrap().port());
    // Reserved, and never listened on.
    let strings = [
        alive.clone(),
        "ssl:Port=1:9".to_owned(),
        "npipe:Pipe=lab".to_owned(),
    ];
    let _published = Published::write(&places, &strings).unwrap();
    let found = find(".", &places, 3013).await.unwrap();
    let shown = text("BOX17", &found);
    assert!(
        shown.starts_with("Servers on BOX17:\nDebugger Server - tcp:Port="),
        "{shown}"
    );
    assert!(
        shown.contains("- ssl:Port=1:9 <not responding>\n"),
        "{shown}"
    );
    assert!(shown.ends_with("- npipe:Pipe=lab\n"), "{shown}");
    let joins: Vec<_> = found.into_iter().filter_map(|found| found.join).collect();
    assert!(
        joins[0].ends_with(",Server=localhost") && !joins[0].contains("Password"),
        "{joins:?}"
    );
    for join in joins {
        join.parse::<crate::connect::ClientString>().unwrap();
    }
}

#[tokio::test]
async fn a_machine_that_does_not_answer_is_told_with_the_stage() {
    let home = tempfile::tempdir().unwrap();
    let places = places(home.path());
    let failed = |machine: &'static str| {
        let places = places.clone();
        async move { find(machine, &places, 1).await.unwrap_err() }
    };
    let error = failed("\\\\no-such-machine.invalid").await;
    assert!(
        error.starts_with("resolving no-such-machine.invalid"),
        "{error}"
    );
    assert!(failed("\\\\").await.contains("which machine"));
}

#[test]
fn a_pipe_of_another_machine_is_joined_through_ssh() {
    let join = |string| ask::join(string, "lab01", false);
    assert_eq!(
        join("npipe:Pipe=lab,Password=*").as_deref(),
        Some("ssh:Server=lab01,Pipe=lab")
    );
    assert_eq!(join("spipe:Pipe=lab"), None);
    let tcp = join("tcp:Port=5005,Password=*,IcfEnable");
    assert_eq!(tcp.as_deref(), Some("tcp:Port=5005,Server=lab01"));
}

#[tokio::test]
async fn only_servers_of_a_network_are_answered_for_and_what_is_withdrawn_stays_so() {
    let home = tempfile::tempdir().unwrap();
    let places = places(home.path());
    let directory = Directory::default();
    let mut tasks = 0;
    let mut publish = |strings: &[&str], network, port| {
        let strings: Vec<String> = strings.iter().map(|string| (*string).to_owned()).collect();
        let before = tasks;
        let spawn = |_| tasks += 1;
        directory
            .publish(&places, &strings, network, port, spawn)
            .unwrap();
        (registry::read(&places).len(), tasks - before)
    };
    assert_eq!(publish(&["npipe:Pipe=a"], false, Some(1)), (1, 0));
    assert_eq!(
        publish(&["npipe:Pipe=a", "tcp:Port=1"], true, Some(1)),
        (2, 1)
    );
    assert_eq!(publish(&["tcp:Port=1"], true, Some(1)), (1, 0));
    assert_eq!(publish(&[], false, Some(1)), (0, 0));
    assert_eq!(publish(&["tcp:Port=1"], true, None), (1, 0));
    directory.withdraw();
    assert_eq!(publish(&["tcp:Port=1"], true, Some(1)), (0, 0));
}
