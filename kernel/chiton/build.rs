//! Gives the linker the kernel's layout.

fn main() {
    println!("cargo:rerun-if-changed=x86_64.ld");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("none") {
        let here = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
        println!("cargo:rustc-link-arg-bins=-T{here}/x86_64.ld");
        // Those who load it read it, they do not map it: parts need not begin on pages of the file.
        println!("cargo:rustc-link-arg-bins=--nmagic");
        println!("cargo:rustc-link-arg-bins=--build-id=none");
        // What the same generic code became for two types is often the same: kept once. No address of a function means anything here.
        println!("cargo:rustc-link-arg-bins=--icf=all");
    }
}
