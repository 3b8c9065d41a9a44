//! One rack and many people: a host with servers on every transport, clients and raw devices, each a program of its own.
//!
//! Nobody prints a line that can be compared word for word with what others print at the same moment, so what is
//! compared are digests: every program that prints events is read to the end of what it prints, and of each entry of
//! each target the number and a hash of the text are kept ([`told`]).

#[path = "../support/mod.rs"]
mod support;

mod device;
mod everybody;
mod idle;
mod lost_lines;
mod rack;
mod relay;
mod seat;
mod slow_people;
mod told;
