//! What headers of the internet protocols may have besides what all have: options of IPv4 ([`older`]), and headers of IPv6 behind the first one ([`newer`]). Checked, filled and turned round as Linux
//! does; pure, without a heap of their own but for the bytes.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod newer;
pub mod older;
