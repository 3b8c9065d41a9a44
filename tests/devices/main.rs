//! The debug-and-chat port of the whole program, over plain TCP connections as `nc` makes them.

#[path = "../support/mod.rs"]
mod support;

mod chat;
mod flood;
mod guest;
mod logs;
mod person;
mod records;
