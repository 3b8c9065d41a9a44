//! Connection strings.
