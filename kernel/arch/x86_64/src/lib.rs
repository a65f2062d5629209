//! The bare x86-64 machine behind the seam.
#![no_std]
