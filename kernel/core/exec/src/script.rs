//! `#!` lines.

use abi::{Errno, Error, Result};
use alloc::vec::Vec;

/// What a `#!` line says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// The interpreter's path.
    pub(crate) interpreter: Vec<u8>,
    /// Everything behind it, as one argument.
    argument: Option<Vec<u8>>,
}

fn is_blank(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

fn trim(mut text: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = text
        && is_blank(first)
    {
        text = rest;
    }
    while let [rest @ .., last] = text
        && is_blank(last)
    {
        text = rest;
    }
    text
}

/// Reads the line from a file's first bytes. A line that does not end within them counts if the interpreter's name does.
///
/// # Errors
/// `ENOEXEC`.
pub(crate) fn parse(head: &[u8]) -> Result<Line> {
    const BAD: Error = Error::new(Errno::ENOEXEC, "the #! line names no interpreter");
    let text = head.get(2..).unwrap_or(&[]);
    let end = text.iter().position(|byte| matches!(byte, b'\n' | 0));
    let line = trim(&text[..end.unwrap_or(text.len())]);
    let name_end = line.iter().position(is_blank);
    let truncated = end.is_none() && head.len() >= super::HEAD;
    if line.is_empty() || (truncated && name_end.is_none()) {
        return Err(BAD);
    }
    let (name, rest) = line.split_at(name_end.unwrap_or(line.len()));
    let argument = trim(rest);
    Ok(Line {
        interpreter: name.to_vec(),
        argument: (!argument.is_empty()).then(|| argument.to_vec()),
    })
}

impl Line {
    /// The arguments that come before those of the script: the interpreter's name, its argument, the script's name.
    pub(crate) fn arguments(&self, script: &[u8]) -> Vec<Vec<u8>> {
        let mut arguments = Vec::from([self.interpreter.clone()]);
        arguments.extend(self.argument.clone());
        arguments.push(script.to_vec());
        arguments
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_behind_the_name_is_one_argument() {
        let line = parse(b"#! /usr/bin/env  -S  a b \nrest").expect("a valid line");
        assert_eq!(line.interpreter, b"/usr/bin/env");
        assert_eq!(line.arguments(b"s"), [&b"/usr/bin/env"[..], b"-S  a b", b"s"]);
    }

    #[test]
    fn a_line_without_a_name_is_not_executable() {
        for head in [&b"#!"[..], b"#!\n", b"#!  \t\nx", b"#!\0"] {
            assert!(parse(head).is_err_and(|error| error.errno == Errno::ENOEXEC));
        }
        assert!(parse(&[&b"#!/"[..], &[b'a'; 300]].concat()[..256]).is_err());
        assert_eq!(
            parse(b"#!/bin/sh")
                .expect("the file may end there")
                .arguments(b"s")
                .len(),
            2
        );
    }
}
