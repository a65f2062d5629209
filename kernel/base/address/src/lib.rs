//! Physical and virtual addresses, pages, and the arithmetic that goes with them.
#![no_std]
