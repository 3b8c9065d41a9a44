//! Address ranges: `start end`, `start Lcount`, `start L-count`, `start L?count`.

use super::{ExpressionError, Scope};

/// A range of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// The first address.
    pub start: u64,
    /// How many items; with an end address, as many as begin before or at it.
    pub count: u64,
    /// Bytes of one item.
    pub item_bytes: u64,
    /// Whether an end or count was typed.
    pub given: bool,
}

impl Range {
    /// Its length in bytes.
    pub fn bytes(&self) -> u64 {
        self.count.saturating_mul(self.item_bytes)
    }
}

/// The longest range without `L?`, in bytes: 256 MiB.
pub const RANGE_BYTES_MAX: u64 = 256 << 20;

/// The longest range with `L?`, in items.
pub const COUNT_MAX: u64 = 1 << 40;

/// The range that begins the text and what is left after it. Without an end, `default_count` items.
///
/// # Errors
/// [`ExpressionError`].
pub fn range<'t>(
    text: &'t str,
    item_bytes: u64,
    default_count: u64,
    scope: &dyn Scope,
) -> Result<(Range, &'t str), ExpressionError> {
    let _ = (text, item_bytes, default_count, scope);
    unimplemented!()
}
