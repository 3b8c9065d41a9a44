//! Ports for tests that must name one before anybody listens there.
//!
//! They are below those that the system gives to sockets which name none (`ip_local_port_range`), so that no other
//! connection of the machine is given one meanwhile. Each test program takes blocks of its own.

use std::fs::File;
use std::net::{TcpListener, UdpSocket};
use std::sync::Mutex;

/// Where the blocks begin.
const FIRST: u16 = 10_000;
/// How many ports are in a block: a rack and more.
const BLOCK: u16 = 500;
/// How many blocks there are, up to 32,000.
const BLOCKS: u16 = 44;

/// Ports of this test program that are still to be given out.
#[derive(Debug)]
struct Block {
    next: u16,
    end: u16,
    /// Locked until the program ends.
    _lock: File,
}

static BLOCKS_TAKEN: Mutex<Vec<Block>> = Mutex::new(Vec::new());

/// A port, TCP and UDP, that nobody has.
pub fn free_port() -> u16 {
    free_ports(1)
}

/// The first of so many ports next to each other, TCP and UDP, that nobody has.
pub fn free_ports(count: u16) -> u16 {
    assert!(count <= BLOCK, "{count} ports are more than a block");
    let mut blocks = BLOCKS_TAKEN.lock().expect("nobody panics with it");
    loop {
        if let Some(first) = blocks.last_mut().and_then(|block| block.take(count)) {
            return first;
        }
        let block = (0..BLOCKS).find_map(Block::reserve);
        blocks.push(block.expect("no block of ports is left for this test program"));
    }
}

impl Block {
    /// This block, if no test program has it.
    fn reserve(number: u16) -> Option<Self> {
        let path = std::env::temp_dir().join(format!("kdeck-test-ports-{number}"));
        let lock = File::options().append(true).create(true).open(path).ok()?;
        lock.try_lock().ok()?;
        let next = FIRST + number * BLOCK;
        Some(Self {
            next,
            end: next + BLOCK,
            _lock: lock,
        })
    }

    fn take(&mut self, count: u16) -> Option<u16> {
        while self.next + count <= self.end {
            let first = self.next;
            match (first..first + count).rev().find(|port| !is_free(*port)) {
                Some(taken) => self.next = taken + 1,
                None => {
                    self.next = first + count;
                    return Some(first);
                }
            }
        }
        None
    }
}

fn is_free(port: u16) -> bool {
    TcpListener::bind(("0.0.0.0", port)).is_ok() && UdpSocket::bind(("0.0.0.0", port)).is_ok()
}
