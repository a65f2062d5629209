//! The host behind the same seam, for tests.
#![no_std]
