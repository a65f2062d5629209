//! Segments that nobody should send.
