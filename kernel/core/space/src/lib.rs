//! Address spaces: what each page of a process means, and the page tables that say so to the machine.
#![no_std]
#![forbid(unsafe_code)]
