//! The numbered history of one target.
