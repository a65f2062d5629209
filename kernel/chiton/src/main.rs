//! The linked kernel.
//!
//! [`start`] reads like a table of contents of the boot; [`config`] is what the kernel was told, [`devices`] what it drives, [`root`] the file systems, [`processes`] what `/proc` shows, [`settings`] what of it was set, [`panic`](mod@panic) the end by a
//! broken invariant.
#![cfg_attr(target_os = "none", no_std)]
#![cfg_attr(target_os = "none", no_main)]
#![cfg_attr(
    target_os = "none",
    expect(unsafe_code, reason = "the entry point's symbol is the machine's to find")
)]

#[cfg(target_os = "none")]
extern crate alloc;

#[cfg(target_os = "none")]
mod config;
#[cfg(target_os = "none")]
mod devices;
#[cfg(target_os = "none")]
mod panic;
#[cfg(target_os = "none")]
mod processes;
#[cfg(target_os = "none")]
mod root;
#[cfg(target_os = "none")]
mod settings;
#[cfg(target_os = "none")]
mod start;

/// The kernel is for machines without an operating system.
#[cfg(not(target_os = "none"))]
fn main() {}
