//! The least that can be done with many streams: one thread that reads what is there and writes it to a file of each.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::Command;

use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};

use super::process::Process;

/// Bytes that are read at once.
const READ_BYTES: usize = 256 << 10;
/// The first argument of a benchmark that is to be a sink.
const VERB: &str = "sink";

/// Starts this program once more, as a sink that keeps one file of each stream in the folder.
pub fn start(directory: &Path, ports: &[u16]) -> Process {
    let this = std::env::current_exe().expect("this program has a path");
    let ports = ports.iter().map(u16::to_string);
    Process::start(Command::new(this).arg(VERB).arg(directory).args(ports))
}

/// Is a sink, if this process was started as one; true when that is over.
pub fn was_asked_for() -> bool {
    let args: Vec<String> = std::env::args().collect();
    match args.as_slice() {
        [_, verb, directory, ports @ ..] if verb == VERB => {
            sink(Path::new(directory), ports);
            true
        }
        _ => false,
    }
}

fn sink(directory: &Path, ports: &[String]) {
    let epoll = epoll::create(CreateFlags::CLOEXEC).expect("epoll");
    let mut streams: Vec<(TcpStream, File)> = ports
        .iter()
        .enumerate()
        .map(|(id, port)| {
            let port = port.parse().expect("a port");
            let socket = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("a console");
            socket.set_nonblocking(true).expect("a socket");
            epoll::add(
                &epoll,
                &socket,
                EventData::new_u64(id as u64),
                EventFlags::IN,
            )
            .expect("epoll");
            let file = File::create(directory.join(format!("c{id:04}.log"))).expect("a file");
            (socket, file)
        })
        .collect();
    let mut memory = vec![0; READ_BYTES];
    let mut ready: Vec<Event> = Vec::with_capacity(256);
    loop {
        ready.clear();
        epoll::wait(&epoll, rustix::buffer::spare_capacity(&mut ready), None).expect("epoll");
        for event in &ready {
            let which = usize::try_from(event.data.u64()).expect("an index");
            let (socket, file) = &mut streams[which];
            if let Ok(count) = socket.read(&mut memory) {
                if count == 0 {
                    return;
                }
                file.write_all(&memory[..count]).expect("the disk has room");
            }
        }
    }
}
