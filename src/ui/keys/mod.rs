//! Keys: how they are written, and what they ask for in each context.

pub mod defaults;
pub mod key;
pub mod map;

pub use key::Key;
pub use map::KeyMap;
