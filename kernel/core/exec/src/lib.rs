//! From an ELF file to a program that is about to run.
#![no_std]
#![forbid(unsafe_code)]
