//! Names of exception codes as stop banners say them.

/// What KD calls an exception: `Break instruction exception`, `Access violation`.
pub fn exception(code: u32) -> Option<&'static str> {
    unimplemented!("{code}")
}

/// The symbolic name of a status: `STATUS_ACCESS_VIOLATION`.
pub fn name(code: u32) -> Option<&'static str> {
    unimplemented!("{code}")
}

/// The line a stop begins with: `Access violation - code c0000005 (!!! second chance !!!)`.
pub fn banner(code: u32, first_chance: bool) -> String {
    unimplemented!("{code}{first_chance}")
}
