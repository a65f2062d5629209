//! Linux as data: numbers, structures, flags and errno; no behaviour.
#![no_std]
