//! What the tests of the whole program share: kdeck without a screen, kdeck on a terminal, and peers that play a script.
//!
//! Every wait is for something that happens, and has a deadline.

#![allow(
    dead_code,
    reason = "every test program is compiled with this, and each uses a part"
)]

pub mod background;
pub mod deadline;
pub mod headless;
pub mod home;
pub mod peer;
pub mod ports;
pub mod relay;
pub mod simulator;
pub mod terminal;
pub mod windows;
