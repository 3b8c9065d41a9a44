//! Who else on this machine has what a target needs.

use std::fmt;
use std::sync::Arc;

use crate::connect::LocalPort;

/// Tells who has a port or a device that is in use, and what to do about it, in words. Cheap to clone; the default knows
/// nobody.
#[derive(Clone)]
pub struct Holders(Arc<Look>);

type Look = dyn Fn(&LocalPort) -> Option<String> + Send + Sync;

impl Holders {
    /// As `look` finds out. It may read files, and asks nobody.
    pub fn new(look: impl Fn(&LocalPort) -> Option<String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(look))
    }

    /// Who has it, if that is known.
    #[must_use]
    pub fn of(&self, port: &LocalPort) -> Option<String> {
        (self.0)(port)
    }
}

impl Default for Holders {
    fn default() -> Self {
        Self::new(|_| None)
    }
}

impl fmt::Debug for Holders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Holders")
    }
}
