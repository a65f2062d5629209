//! Compiles and links the image that programs see, whatever this crate itself is compiled for.
#![forbid(unsafe_code)]

use std::env;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;

const SOURCE: &str = "image/vdso.rs";
const LAYOUT: &str = "image/vdso.ld";
/// The image is mapped as one page.
const PAGE: usize = 4096;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={SOURCE}");
    println!("cargo:rerun-if-changed={LAYOUT}");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let compiler = env::var("RUSTC")?;
    let (object, image) = (out.join("vdso.o"), out.join("vdso.so"));
    compile(&compiler, &object)?;
    link(&linker(&compiler)?, &object, &image)?;
    let mut bytes = std::fs::read(&image)?;
    if bytes.len() > PAGE {
        return Err("the image does not fit in a page".into());
    }
    bytes.resize(PAGE, 0);
    std::fs::write(&image, bytes)?;
    Ok(())
}

fn compile(compiler: &str, object: &Path) -> Result<(), Box<dyn Error>> {
    let options = "--edition 2024 --crate-type lib --crate-name vdso_image --emit obj --target x86_64-unknown-none -O \
        -C relocation-model=pic -C panic=abort -C force-unwind-tables=yes -C codegen-units=1";
    let mut command = Command::new(compiler);
    run(command
        .args(options.split_whitespace())
        .arg("-o")
        .arg(object)
        .arg(SOURCE))
}

fn link(linker: &Path, object: &Path, image: &Path) -> Result<(), Box<dyn Error>> {
    let options = "-flavor gnu -shared -Bsymbolic -soname linux-vdso.so.1 --hash-style=both --eh-frame-hdr --build-id=none --strip-all \
        -z max-page-size=4096";
    let mut command = Command::new(linker);
    run(command
        .args(options.split_whitespace())
        .args(["-T", LAYOUT, "-o"])
        .args([image, object]))
}

/// The linker that comes with the compiler, as the bare machine's target uses it.
fn linker(compiler: &str) -> Result<PathBuf, Box<dyn Error>> {
    let root = Command::new(compiler).args(["--print", "sysroot"]).output()?.stdout;
    let root = PathBuf::from(String::from_utf8(root)?.trim());
    let host = env::var("HOST")?;
    Ok(root.join("lib/rustlib").join(host).join("bin/rust-lld"))
}

fn run(command: &mut Command) -> Result<(), Box<dyn Error>> {
    if command.status()?.success() {
        return Ok(());
    }
    Err(format!("{command:?} failed").into())
}
