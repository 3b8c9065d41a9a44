//! kdeck: a full-screen console for one host and a rack of debug targets.

pub mod cli;
pub mod command;
pub mod config;
pub mod connect;
pub mod deck;
#[cfg(test)]
mod fixtures;
pub mod headless;
pub mod host;
pub mod link;
pub mod proto;
pub mod rack;
pub mod signals;
pub mod sim;
pub mod target;
pub mod transcript;
pub mod ui;
