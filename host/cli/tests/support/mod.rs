//! A stand-in for the kernel: a few instructions that speak the contract between guest and command, so that the command
//! is tested without a kernel.

#![allow(dead_code, reason = "each test file uses some of it")]

use std::path::{Path, PathBuf};
use std::process::Command;

/// Ports of the contract.
pub(crate) const OUT: u16 = 0x500;
pub(crate) const ERR: u16 = 0x501;
pub(crate) const CONTROL: u16 = 0x502;
pub(crate) const SERIAL: u16 = 0x3f8;

const LOAD: u32 = 0x0010_0000;
const HEADERS: u32 = 64 + 2 * 56;
const NOTE: u32 = 24;

/// A guest under construction: 32-bit code that runs from the PVH entry.
#[derive(Default)]
pub(crate) struct Guest {
    code: Vec<u8>,
}

impl Guest {
    /// Writes the text to a port.
    pub(crate) fn say(mut self, port: u16, text: &str) -> Guest {
        self.dx(port);
        for byte in text.bytes() {
            // mov al, byte; out dx, al
            self.code.extend([0xb0, byte, 0xee]);
        }
        self
    }

    /// Copies framed input to the output until its end; window sizes go to the error port as five bytes, `W` first.
    pub(crate) fn copy_input(mut self) -> Guest {
        self.code.extend([0xb0, 0x07, 0x66, 0xba, 0xfa, 0x03, 0xee]); // FIFO on and empty
        self = self.say(CONTROL, "ready\n");
        let next = self.code.len();
        self.read();
        let to_escape = self.compare(0x10);
        self.dx(OUT);
        self.code.push(0xee);
        self.jump_back(next);
        self.land(to_escape);
        self.read();
        let to_end = self.compare(b'E');
        let to_window = self.compare(b'W');
        self.code.extend([0xb0, 0x10]);
        self.dx(OUT);
        self.code.push(0xee);
        self.jump_back(next);
        self.land(to_window);
        self.dx(ERR);
        self.code.push(0xee);
        for _ in 0..4 {
            self.read();
            self.dx(ERR);
            self.code.push(0xee);
        }
        self.jump_back(next);
        self.land(to_end);
        self
    }

    /// Ends through the exit device.
    pub(crate) fn exit(mut self, code: u8) -> Guest {
        self.dx(0xf4);
        self.code.extend([0xb8, code, 0, 0, 0, 0xef]); // mov eax, code; out dx, eax
        self.sleep()
    }

    /// Resets the machine.
    pub(crate) fn triple_fault(mut self) -> Guest {
        self.code.extend([0x0f, 0x0b]); // ud2 without an interrupt table
        self
    }

    /// Does nothing for ever.
    pub(crate) fn sleep(mut self) -> Guest {
        self.code.extend([0xf4, 0xeb, 0xfd]); // hlt; jmp back
        self
    }

    /// Writes the guest as a kernel file into `directory`.
    pub(crate) fn write(self, directory: &Path) -> PathBuf {
        let path = directory.join("kernel");
        std::fs::write(&path, self.elf()).unwrap();
        path
    }

    fn elf(self) -> Vec<u8> {
        let entry = LOAD + HEADERS + NOTE;
        let size = u64::from(HEADERS + NOTE) + self.code.len() as u64;
        let mut elf = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
        elf.extend([2, 0, 62, 0, 1, 0, 0, 0]);
        [u64::from(entry), 64, 0]
            .iter()
            .for_each(|word| elf.extend(word.to_le_bytes()));
        elf.extend([0, 0, 0, 0, 64, 0, 56, 0, 2, 0, 64, 0, 0, 0, 0, 0]);
        let segment = |kind: u32, offset: u32, size: u64, align: u64| {
            let mut bytes = [kind, 7].map(u32::to_le_bytes).concat();
            let address = u64::from(LOAD + offset);
            [u64::from(offset), address, address, size, size, align]
                .iter()
                .for_each(|word| bytes.extend(word.to_le_bytes()));
            bytes
        };
        elf.extend(segment(1, 0, size, 4096));
        elf.extend(segment(4, HEADERS, u64::from(NOTE), 4));
        [4_u32, 8, 18].iter().for_each(|word| elf.extend(word.to_le_bytes()));
        elf.extend(b"Xen\0");
        elf.extend(u64::from(entry).to_le_bytes());
        elf.extend(self.code);
        elf
    }

    fn dx(&mut self, port: u16) {
        self.code.extend([0x66, 0xba]);
        self.code.extend(port.to_le_bytes());
    }

    /// Waits for a byte and leaves it in al.
    fn read(&mut self) {
        // mov dx, status; in al, dx; test al, 1; jz back; mov dx, data; in al, dx
        self.code.extend([
            0x66, 0xba, 0xfd, 0x03, 0xec, 0xa8, 0x01, 0x74, 0xfb, 0x66, 0xba, 0xf8, 0x03, 0xec,
        ]);
    }

    /// Jumps if al is this byte; returns the jump for [`Guest::land`].
    fn compare(&mut self, byte: u8) -> usize {
        self.code.extend([0x3c, byte, 0x74, 0]);
        self.code.len()
    }

    fn land(&mut self, jump: usize) {
        self.code[jump - 1] = u8::try_from(self.code.len() - jump).unwrap();
    }

    fn jump_back(&mut self, to: usize) {
        let from = self.code.len() + 5;
        self.code.push(0xe9);
        self.code.extend(
            i32::try_from(to)
                .unwrap()
                .wrapping_sub(i32::try_from(from).unwrap())
                .to_le_bytes(),
        );
    }
}

/// A scratch directory that also is the cache.
pub(crate) struct Scratch(pub(crate) tempfile::TempDir);

impl Scratch {
    pub(crate) fn new() -> Scratch {
        Scratch(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// The command, with its cache here and no kernel from outside.
    pub(crate) fn chiton(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chiton"));
        command
            .env("XDG_CACHE_HOME", self.path())
            .env_remove("CHITON_KERNEL")
            .current_dir(self.path());
        command
    }

    /// `chiton run` with this guest as the kernel.
    pub(crate) fn run(&self, guest: Guest) -> Command {
        let mut command = self.chiton();
        command.arg("run").arg("--kernel").arg(guest.write(self.path()));
        command
    }
}

/// Whether the tests that start machines can run here.
pub(crate) fn has_qemu() -> bool {
    Command::new("qemu-system-x86_64")
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success())
}
