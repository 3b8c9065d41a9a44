//! One number in many spellings: `.formats` and `?`.

/// The line `?` prints: `Evaluate expression: 4660 = 00000000`00001234`.
pub fn evaluated(machine: super::Machine, value: u64) -> String {
    unimplemented!("{machine:?}{value}")
}

/// The lines `.formats` prints. Times are in UTC.
pub fn formats(machine: super::Machine, value: u64) -> Vec<String> {
    unimplemented!("{machine:?}{value}")
}
