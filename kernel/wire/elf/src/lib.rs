//! ELF files as checked views over bytes.
#![no_std]
#![forbid(unsafe_code)]
