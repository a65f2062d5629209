//! The seam: what the kernel asks of a machine.
#![no_std]
