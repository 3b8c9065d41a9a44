//! Byte streams and datagrams.
