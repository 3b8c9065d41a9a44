//! A wire between a client and a server of this machine, which can be cut.

use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// A TCP port that leads to another one. It goes on until the test program ends.
#[derive(Debug)]
pub struct Relay {
    port: u16,
    wire: Arc<Mutex<Wire>>,
}

#[derive(Debug, Default)]
struct Wire {
    is_cut: bool,
    ends: Vec<TcpStream>,
}

impl Relay {
    /// One to that port of 127.0.0.1.
    pub fn to(server: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port of 127.0.0.1");
        let port = listener.local_addr().expect("it is bound").port();
        let wire: Arc<Mutex<Wire>> = Arc::default();
        thread::spawn({
            let wire = wire.clone();
            move || {
                for client in listener.incoming() {
                    let client = client.expect("somebody calls");
                    let mut wire = wire.lock().expect("nobody panics with it");
                    // Who comes while it is cut is hung up on.
                    if !wire.is_cut {
                        wire.join(client, server).expect("the server is there");
                    }
                }
            }
        });
        Self { port, wire }
    }

    /// The port that leads there.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Ends all connections, and lets none through until it is mended.
    pub fn cut(&self) {
        let mut wire = self.wire.lock().expect("nobody panics with it");
        wire.is_cut = true;
        for end in wire.ends.drain(..) {
            // It may have ended by itself.
            end.shutdown(Shutdown::Both).ok();
        }
    }

    /// Lets connections through again.
    pub fn mend(&self) {
        self.wire.lock().expect("nobody panics with it").is_cut = false;
    }
}

impl Wire {
    fn join(&mut self, client: TcpStream, server: u16) -> io::Result<()> {
        let server = TcpStream::connect(("127.0.0.1", server))?;
        for (mut from, mut to) in [
            (client.try_clone()?, server.try_clone()?),
            (server.try_clone()?, client.try_clone()?),
        ] {
            thread::spawn(move || {
                // An end of either is an end of both.
                io::copy(&mut from, &mut to).ok();
                to.shutdown(Shutdown::Both).ok();
            });
        }
        self.ends.extend([client, server]);
        Ok(())
    }
}
