//! The grammar as a whole: every form read, every error as it is shown, and what holds for any string at all.

mod client;
mod errors;
mod properties;
mod server;
mod target;

use std::str::FromStr;

use super::Error;

/// Reads a valid string and checks that what is written back means the same.
fn read<T>(text: &str) -> T
where
    T: FromStr<Err = Error> + ToString + PartialEq + std::fmt::Debug,
{
    let value: T = text.parse().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(value.to_string().parse::<T>().as_ref(), Ok(&value));
    value
}
