//! A map from disjoint ranges of numbers to values.
#![no_std]
#![forbid(unsafe_code)]
