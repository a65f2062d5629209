//! The rules of unsafe code, on small samples.

use std::collections::BTreeMap;

use super::{Use, check_comments, check_counts, check_forbid, uses};
use crate::tidy::config::Config;
use crate::tidy::source::Source;

fn findings(text: &str) -> usize {
    check_comments("a.rs", &Source::new(text)).len()
}

fn kinds(text: &str) -> Vec<Use> {
    uses(&Source::new(text)).into_iter().map(|(_, kind)| kind).collect()
}

#[test]
fn a_block_needs_a_comment_right_above() {
    assert_eq!(findings("fn f() {\n    unsafe { g() }\n}\n"), 1);
    assert_eq!(
        findings("fn f() {\n    // SAFETY: g has no conditions.\n    unsafe { g() }\n}\n"),
        0
    );
    assert_eq!(
        findings("// SAFETY: far away.\nfn f() {\n    let x = 1;\n    unsafe { g() }\n}\n"),
        1
    );
}

#[test]
fn a_comment_stands_above_the_whole_statement() {
    assert_eq!(
        findings("fn f() {\n    // SAFETY: 1. yes.\n    // 2. also.\n    let x =\n        unsafe { g() };\n}\n"),
        0
    );
    assert_eq!(
        findings("fn f() {\n    // SAFETY: for a.\n    a();\n    unsafe { g() }\n}\n"),
        1
    );
}

#[test]
fn one_comment_does_not_serve_two_blocks() {
    assert_eq!(
        findings("// SAFETY: yes.\nlet a = unsafe { g() };\nlet b = unsafe { g() };\n"),
        1
    );
}

#[test]
fn an_impl_needs_a_comment_and_a_function_needs_a_section() {
    assert_eq!(findings("unsafe impl Send for A {}\n"), 1);
    assert_eq!(findings("// SAFETY: no interior.\nunsafe impl Send for A {}\n"), 0);
    assert_eq!(findings("/// Reads.\npub unsafe fn read() {}\n"), 1);
    assert_eq!(
        findings("/// Reads.\n///\n/// # Safety\n/// `p` is valid.\n#[inline]\npub unsafe fn read() {}\n"),
        0
    );
}

#[test]
fn a_trait_method_is_documented_by_its_trait() {
    let text = "// SAFETY: serialised.\nunsafe impl GlobalAlloc for A {\n    unsafe fn alloc(&self) {}\n}\n";
    assert_eq!(findings(text), 0);
    assert_eq!(findings("impl A {\n    unsafe fn alloc(&self) {}\n}\n"), 1);
}

#[test]
fn types_attributes_and_words_are_not_uses() {
    assert!(kinds("type F = unsafe fn(u8);\ntype G = unsafe extern \"C\" fn(u8);\n").is_empty());
    assert!(kinds("#[unsafe(naked)]\nfn f() {}\n#![forbid(unsafe_code)]\n").is_empty());
    assert!(kinds("let not_unsafe = \"unsafe { }\"; // unsafe { }\n").is_empty());
}

#[test]
fn each_kind_of_use_is_told_apart() {
    assert_eq!(kinds("unsafe {\n}\n"), [Use::Block]);
    assert_eq!(kinds("unsafe extern \"C\" {\n    fn f();\n}\n"), [Use::Extern]);
    assert_eq!(kinds("unsafe extern \"C\" fn f() {}\n"), [Use::Function]);
    assert_eq!(kinds("pub unsafe trait T {}\n"), [Use::Trait]);
    assert_eq!(kinds("unsafe { a() }; unsafe { b() };\n"), [Use::Block, Use::Block]);
}

#[test]
fn a_rise_fails_and_a_fall_fails() {
    let mut config = Config::default();
    config.unsafe_counts.insert("a".to_owned(), 2);
    let with = |count| check_counts(&BTreeMap::from([("a".to_owned(), count)]), &config).len();
    assert_eq!((with(1), with(2), with(3)), (1, 0, 1));
    assert_eq!(
        check_counts(&BTreeMap::new(), &config).len(),
        1,
        "a crate that lost its last use"
    );
}

#[test]
fn a_crate_forbids_unsafe_code_or_is_listed() {
    let mut config = Config::default();
    config
        .unsafe_crates
        .insert("machine".to_owned(), "talks to it".to_owned());
    let check = |text: &str, package: &str| check_forbid("lib.rs", &Source::new(text), package, &config).is_some();
    assert!(check("//! A.\n", "plain"));
    assert!(!check("//! A.\n#![forbid(unsafe_code)]\n", "plain"));
    assert!(!check("//! A.\n", "machine"));
    assert!(
        check("//! A.\n#![forbid(unsafe_code)]\n", "machine"),
        "the list names only crates that need it"
    );
}
