//! The screen: what it offers, how it looks, and the boxes that open over it.
//!
//! Nothing here decides anything about targets: keys become [`action::Action`]s, and drawing borrows what it shows.

pub mod action;
pub mod emulator;
pub mod entry;
pub mod fit;
pub mod glyphs;
pub mod keys;
pub mod look;
pub mod overlay;
pub mod pen;
pub mod theme;
pub mod vocabulary;
