//! Physical memory: who owns which frame, and the kernel heap.
#![no_std]
#![forbid(unsafe_code)]
