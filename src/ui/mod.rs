//! The screen: what it offers, how it looks, and the boxes that open over it.
//!
//! Nothing here decides anything about targets: keys become [`action::Action`]s, and drawing borrows what it shows.

pub mod action;
pub mod activity;
pub mod clipboard;
pub mod complete;
pub mod console;
pub mod emulator;
pub mod entry;
pub mod fit;
pub mod frame;
pub mod glyphs;
pub mod history;
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
pub mod update;
pub mod view;
pub mod vocabulary;
