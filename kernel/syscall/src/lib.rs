//! The Linux personality: one file per call or tight family.
#![no_std]
