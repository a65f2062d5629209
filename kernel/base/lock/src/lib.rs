//! Spin locks for a kernel that runs with interrupts off.
#![no_std]
