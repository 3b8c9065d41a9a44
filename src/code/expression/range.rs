//! Address ranges: `start end`, `start Lcount`, `start L-count`, `start L?count`.

use super::{ExpressionError, Scope, leading};

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
    let (start, rest) = leading(text, scope)?;
    let start = scope.machine().canonical(start);
    let error = |at: &str| ExpressionError::Range(at.to_owned());
    let mut found = Range {
        start,
        count: default_count,
        item_bytes: item_bytes.max(1),
        given: false,
    };
    if rest.is_empty() {
        return Ok((found, rest));
    }
    found.given = true;
    let Some(counted) = rest.strip_prefix(['L', 'l']) else {
        let (end, after) = leading(rest, scope)?;
        let end = scope.machine().canonical(end);
        let length = end.checked_sub(start).ok_or_else(|| error(rest))?;
        found.count = length / found.item_bytes + 1;
        return limited(found, RANGE_BYTES_MAX, after).ok_or_else(|| error(rest));
    };
    let (lifted, counted) = counted
        .strip_prefix('?')
        .map_or((false, counted), |after| (true, after));
    let (backwards, counted) = counted
        .strip_prefix('-')
        .map_or((false, counted), |after| (true, after));
    let (count, after) = leading(counted, scope)?;
    found.count = count;
    if backwards {
        found.start = start
            .checked_sub(found.bytes())
            .ok_or_else(|| error(rest))?;
    }
    let bytes_max = if lifted {
        COUNT_MAX * found.item_bytes
    } else {
        RANGE_BYTES_MAX
    };
    limited(found, bytes_max, after).ok_or_else(|| error(rest))
}

/// The range if it is not empty, not too long, and does not go past the end of the address space.
fn limited(range: Range, bytes_max: u64, after: &str) -> Option<(Range, &str)> {
    let last = range.start.checked_add(range.bytes().checked_sub(1)?);
    (range.bytes() <= bytes_max && last.is_some()).then_some((range, after))
}
