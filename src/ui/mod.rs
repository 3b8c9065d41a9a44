//! The screen: what it offers, how it looks, and the boxes that open over it.
//!
//! [`console`] is the loop: keys, answers and events become a [`message::Message`]; [`update`] changes the
//! [`model::Model`] and says in [`message::Effect`]s what is to be done; [`frame`] decides when to draw, [`picture`]
//! collects what is visible of the targets, and [`view`] draws both. Nothing here decides anything about targets.

pub mod action;
pub mod activity;
pub mod chat;
pub mod clipboard;
pub mod company;
pub mod complete;
pub mod console;
pub mod emulator;
pub mod entry;
pub mod fit;
pub mod frame;
pub mod glyphs;
pub mod history;
mod joining;
pub mod keys;
pub mod layout;
pub mod line;
pub mod look;
pub mod message;
pub mod model;
pub mod options;
pub mod overlay;
pub mod overview;
pub mod panes;
pub mod pen;
pub mod picture;
pub mod raw;
pub mod rows;
pub mod search;
#[cfg(test)]
mod stage;
pub mod terminal;
pub mod text_box;
pub mod theme;
pub mod tile;
pub mod update;
pub mod view;
pub mod vocabulary;
