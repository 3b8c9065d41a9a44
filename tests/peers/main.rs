//! kdeck against real peers: a Linux kernel in QEMU, console servers, a debugger of Windows kernels, `openssl`,
//! an SSH server, the programs that people chat with, networks apart from each other, and a hundred streams at full speed.
//!
//! They take minutes, so they run only when asked to: `KDECK_PEERS=1 cargo test --release --test peers`. Most peers are
//! started by the scripts of the rig, a directory named by `KDECK_RIG`, else `../shared/rig` beside this checkout; the
//! others are programs in `PATH`. What cannot be run here is skipped, and said to be; where `CI` is set it fails
//! instead.

#[path = "../support/mod.rs"]
mod support;

mod ciphertext;
mod console_servers;
mod devices;
mod flood;
mod linux;
mod namespaces;
mod ntoseye;
mod openssl;
mod pdb;
mod rig;
mod ssh;
mod tls;
