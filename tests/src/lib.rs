//! End-to-end tests: programs that run on Linux and in Chiton, with the same result.
//!
//! Linux is the specification: a test's expectation is what the host's Linux answers in the same run. Each test is a named case of one test binary
//! (`cargo test -p chiton-tests NAME` runs those whose name contains NAME), built on `libtest-mimic` because the cases are found at run time.
//!
//! | module | what |
//! |---|---|
//! | [`panics`] | the end of a kernel that is broken |
//! | [`places`] | where the repository, the command and the built programs lie |
//! | [`source`] | guest programs: what their head lines ask for, and building them |
//! | [`execute`] | running something on the host and in Chiton |
//! | [`terminal`] | the same on a pseudo-terminal, with somebody typing |
//! | [`stops`] | signals to the command |
//! | [`streams`] | much through the standard streams |
//! | [`suite`] | cases, expected failures, and making trials of both |
//! | [`guest`] | every program of `guest/tests`, differential |
//! | [`apps`] | programs that nobody here wrote, differential |
//! | [`programs`] | shells, runtimes and tools at their everyday work, differential |
//! | [`processes`] | `ps`, `top`, `lsof` and their kin, differential |
//! | [`cpython`] | the own suite of Python's interpreter, compared test by test |
//! | [`internet`] | the internet protocols between a machine and its host |
//! | [`machines`] | many CPUs, ACPI, another boot protocol |
//! | [`network`] | tools that show the network, differential |
//! | [`tcp`] | connections through a card, with clients and servers on the host |
//! | [`interactive`] | shells with somebody at the terminal |
//! | [`packages`] | images from packages and whole roots, cards and published ports |
//! | [`servers`] | servers of packages, with real clients on the host |
//! | [`clients`] | clients of packages, with real servers on the host |
//! | [`bridges`] | networks that several machines share |
//! | [`cards`] | what programs see of a card and change of it |
//! | [`two_cards`] | sockets of a machine with two cards, differential |
//! | [`leases`] | a server of addresses that does everything wrong |
//! | [`refusals`] | networks that cannot be had |
//! | [`rules`] | what a machine may connect to |
//! | [`farewells`] | what is sent just before the machine ends |
//! | [`settings`] | settings of the kernel, and what they change on the wire |
//! | [`soak`] | nginx and redis under load for a long time |
//! | [`unplugged`] | a card whose cable is pulled |
//! | [`vsock`] | connections between a machine and its host without a network |
//! | [`storms`] | floods, clients that do not behave, very many connections |
//! | [`hostile`] | input that must be refused, and the fuzzer |
//!
//! A test that is known to fail stands in `expected-failures.txt` with the reason; one that passes although it stands there fails the run.
//!
//! Environment: `CHITON_BIN` names a command to test instead of the one that is built; `CHITON_HOST_ONLY=1` skips the guest, to try out new programs.
#![forbid(unsafe_code)]

pub mod apps;
pub mod bridges;
pub mod cards;
pub mod clients;
pub mod cpython;
pub mod execute;
pub mod farewells;
pub mod guest;
pub mod hostile;
pub mod interactive;
pub mod internet;
pub mod leases;
pub mod machines;
pub mod network;
pub mod packages;
pub mod panics;
pub mod places;
pub mod processes;
pub mod programs;
pub mod refusals;
pub mod rules;
pub mod servers;
pub mod settings;
pub mod soak;
pub mod source;
pub mod stops;
pub mod storms;
pub mod streams;
pub mod suite;
pub mod tcp;
pub mod terminal;
pub mod two_cards;
pub mod unplugged;
pub mod vsock;
