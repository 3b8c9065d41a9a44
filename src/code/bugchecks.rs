//! Names of bug check codes and what their parameters mean.
//!
//! Source: Microsoft's public bug check code reference.

/// The name of a bug check code: `DRIVER_IRQL_NOT_LESS_OR_EQUAL`.
pub fn name(code: u32) -> Option<&'static str> {
    unimplemented!("{code}")
}

/// What the four parameters mean, for frequent codes.
pub fn parameters(code: u32) -> Option<[&'static str; 4]> {
    unimplemented!("{code}")
}
