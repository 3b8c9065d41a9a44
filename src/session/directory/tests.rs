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
        // Who is hung up on before everything was read is told so by an error.
        stream.read_to_end(&mut answer).await.ok();
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
    let nobody = crate::ports::free_port();
    let found = find(".", &places, nobody).await.unwrap();
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
async fn a_server_is_found_on_its_own_machine_without_being_visited() {
    let home = tempfile::tempdir().unwrap();
    let places = places(home.path());
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = server.local_addr().unwrap().port();
    let _published = Published::write(&places, &[format!("tcp:Port={port}")]).unwrap();
    let found = find(".", &places, crate::ports::free_port()).await.unwrap();
    assert!(found[0].responds, "{found:?}");
    let server = server.into_std().unwrap();
    let visited = server.accept().map(drop).map_err(|error| error.kind());
    assert_eq!(visited, Err(std::io::ErrorKind::WouldBlock));
}

#[tokio::test]
async fn servers_of_another_account_are_found_as_long_as_it_tells_of_them() {
    let (harry, zed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (harry, zed) = (places(harry.path()), places(zed.path()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let strings = |list: &[&str]| -> Vec<String> { list.iter().map(|s| (*s).to_owned()).collect() };
    let harrys = strings(&["tcp:Port=1,Password=*", "npipe:Pipe=lab"]);
    let zeds = strings(&["npipe:Pipe=lab", "tcp:Port=2,Password=*"]);
    let _harry = Published::write(&harry, &harrys).unwrap();
    let _zed = Published::write(&zed, &zeds).unwrap();
    let answering = tokio::spawn({
        let harry = harry.clone();
        async move { listener::serve(&listener, &harry).await }
    });
    let (telling, mut told) = tokio::sync::watch::channel(zeds.clone());
    let registered = tokio::spawn(async move { register::register(port, &mut told).await });
    let seen = |places: Places| async move {
        let found = find(".", &places, port).await.unwrap();
        found
            .into_iter()
            .map(|found| found.string)
            .collect::<Vec<_>>()
    };
    let wait_for = |places: Places, wanted: Vec<String>| async move {
        let look = async {
            while seen(places.clone()).await != wanted {
                tokio::task::yield_now().await;
            }
        };
        let late = timeout(PATIENCE, look).await.is_err();
        assert!(
            !late,
            "{:?} instead of {wanted:?}",
            seen(places.clone()).await
        );
    };
    let all = strings(&[
        "tcp:Port=1,Password=*",
        "npipe:Pipe=lab",
        "tcp:Port=2,Password=*",
    ]);
    wait_for(harry.clone(), all.clone()).await;
    // One's own come first, and nothing twice.
    let all = strings(&[
        "npipe:Pipe=lab",
        "tcp:Port=2,Password=*",
        "tcp:Port=1,Password=*",
    ]);
    wait_for(zed.clone(), all).await;
    telling.send_replace(strings(&["ssl:Port=3,Password=*"]));
    let changed = [harrys.clone(), strings(&["ssl:Port=3,Password=*"])].concat();
    wait_for(harry.clone(), changed).await;
    drop(telling);
    assert_eq!(
        timeout(PATIENCE, registered).await.unwrap().unwrap(),
        Ok(())
    );
    wait_for(harry, harrys).await;
    answering.abort();
}

#[tokio::test]
async fn who_registered_learns_when_the_answers_end() {
    let home = tempfile::tempdir().unwrap();
    let places = places(home.path());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let answering = tokio::spawn({
        let places = places.clone();
        async move { listener::serve(&listener, &places).await }
    });
    let (_telling, mut told) = tokio::sync::watch::channel(vec!["tcp:Port=2".to_owned()]);
    let registered = tokio::spawn(async move { register::register(port, &mut told).await });
    let taken = async {
        while find(".", &places, port).await.unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, taken).await.unwrap();
    answering.abort();
    let ended = timeout(PATIENCE, registered).await.unwrap().unwrap();
    assert_eq!(ended, Ok(()));
}

#[tokio::test]
async fn a_list_that_no_host_has_is_not_taken() {
    let home = tempfile::tempdir().unwrap();
    let places = places(home.path());
    let endless = [REGISTRATION, "tcp:Port=1\n".repeat(100).as_bytes()].concat();
    assert_eq!(asked(&endless, &places).await, b"");
    let wide = [REGISTRATION, &[b'a'; 4096][..]].concat();
    assert_eq!(asked(&wide, &places).await, b"");
}

#[tokio::test]
async fn a_port_that_takes_no_list_is_told_of() {
    let home = tempfile::tempdir().unwrap();
    let places = places(home.path());
    let foreign = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = foreign.local_addr().unwrap().port();
    let hang_up = async {
        loop {
            drop(foreign.accept().await);
        }
    };
    let (_telling, strings) = tokio::sync::watch::channel(Vec::new());
    let (complaints, mut told) = tokio::sync::mpsc::unbounded_channel();
    let complain = move |text: String| complaints.send(text).unwrap();
    let complaint = tokio::select! {
        () = hang_up => unreachable!("it hangs up for ever"),
        () = listener::answer(places, port, strings, complain) => unreachable!("it tries for ever"),
        told = timeout(PATIENCE, told.recv()) => told.unwrap().unwrap(),
    };
    assert!(
        complaint.contains(&format!("another program holds TCP port {port}")),
        "{complaint}"
    );
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
    let join = |string| ask::join(string, "lab01", ask::Whose::Elsewhere);
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
            .publish(&places, &strings, network, port, spawn, |_| {})
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
