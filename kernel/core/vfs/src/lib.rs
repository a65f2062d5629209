//! Files: inodes, directory entries, mounts, open files and paths.
#![no_std]
#![forbid(unsafe_code)]
