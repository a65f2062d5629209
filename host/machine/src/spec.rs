//! A virtual machine on paper, and the QEMU arguments that make it.
//!
//! Everything that depends on the choice of machine is in this file. The default is `microvm` without firmware tables,
//! option ROMs, PIT and PIC: it reaches the kernel after some 17,000 instructions of firmware. Without tables the number
//! of processors goes to the kernel as `chiton.cpus`.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use crate::network::{self, Card};

/// The emulated board.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kind {
    /// No PCI, no firmware to speak of.
    #[default]
    Microvm,
    /// A PC with PCI Express.
    Q35,
    /// A PC of 1996.
    Pc,
}

/// How guest code is executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Accel {
    /// QEMU's translator, which works everywhere.
    #[default]
    Tcg,
    /// The host kernel's virtual machines.
    Kvm,
}

/// A machine ready to be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineSpec {
    /// The QEMU program.
    pub qemu: PathBuf,
    /// The board.
    pub kind: Kind,
    /// The accelerator.
    pub accel: Accel,
    /// RAM in bytes.
    pub memory: u64,
    /// Number of processors.
    pub cpus: u32,
    /// The kernel's ELF file.
    pub kernel: PathBuf,
    /// The root image.
    pub image: PathBuf,
    /// The kernel's command line without what depends on the machine.
    pub command_line: String,
    /// Network cards, on a microvm only.
    pub cards: Vec<Card>,
    /// The socket of a program that serves a vsock device (vhost-user), on a microvm only.
    pub vsock: Option<PathBuf>,
}

/// Where the machine's ports lead.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ports {
    /// The serial port to QEMU's own standard input and output.
    Stdio,
    /// To inherited sockets.
    Sockets {
        /// Standard input, and kernel messages.
        serial: i32,
        /// The application's standard output, standard error, and the kernel's control lines.
        debug: [i32; 3],
        /// Standard output and error once more, for a device that takes much of them, and gives standard input.
        bulk: [i32; 2],
    },
}

/// I/O ports of the three output channels: standard output, standard error, control.
const DEBUG_PORTS: [&str; 3] = ["0x500", "0x501", "0x502"];
const EXIT_DEVICE: &str = "isa-debug-exit,iobase=0xf4,iosize=4";

impl MachineSpec {
    /// The command for running this machine by hand, with the console on the terminal.
    pub fn command_by_hand(&self) -> Vec<OsString> {
        let mut command = vec![self.qemu.clone().into_os_string()];
        command.extend(self.arguments(Ports::Stdio));
        command
    }

    /// Whether there is a device for much output and input.
    pub(crate) fn has_streams_device(&self) -> bool {
        self.kind == Kind::Microvm
    }

    /// QEMU's arguments.
    pub(crate) fn arguments(&self, ports: Ports) -> Vec<OsString> {
        let board = match self.kind {
            Kind::Microvm => "microvm,pit=off,pic=off,rtc=on,isa-serial=on,x-option-roms=off,acpi=off",
            Kind::Q35 => "q35,vmport=off",
            Kind::Pc => "pc,vmport=off",
        };
        let accel = match self.accel {
            Accel::Tcg => "tcg",
            Accel::Kvm => "kvm",
        };
        let cpu = match self.accel {
            Accel::Tcg => "max",
            Accel::Kvm => "host",
        };
        let memory = match self.memory % (1 << 20) {
            0 => format!("{}M", self.memory >> 20),
            _ => format!("{}K", self.memory >> 10),
        };
        let cpus = match (&self.vsock, self.accel, self.cpus) {
            // QEMU leaves out memory barriers where there can only be one processor, but here another program is at the other end of the rings.
            (Some(_), Accel::Tcg, 1) => "1,maxcpus=2".to_string(),
            (_, _, cpus) => cpus.to_string(),
        };
        // Another program reaches the memory only where it is a file that both map.
        let (backend, machine) = match self.vsock {
            Some(_) => (
                vec![
                    "-object".into(),
                    format!("memory-backend-memfd,id=ram,size={memory},share=on"),
                ],
                format!("{board},memory-backend=ram"),
            ),
            None => (Vec::new(), board.to_string()),
        };
        let mut list: Vec<OsString> = [
            "-M", &machine, "-accel", accel, "-cpu", cpu, "-m", &memory, "-smp", &cpus,
        ]
        .into_iter()
        .chain([
            "-nodefaults",
            "-no-user-config",
            "-display",
            "none",
            "-no-reboot",
            "-device",
            EXIT_DEVICE,
        ])
        .map(OsString::from)
        .chain(backend.into_iter().map(OsString::from))
        .collect();
        match ports {
            Ports::Stdio => list.extend(["-serial", "stdio"].map(OsString::from)),
            Ports::Sockets { serial, debug, .. } => socket_ports(&mut list, serial, debug),
        }
        let bulk = match ports {
            Ports::Sockets { bulk, .. } if self.has_streams_device() => bulk_ports(bulk),
            _ => Vec::new(),
        };
        if !bulk.is_empty() || !self.cards.is_empty() || self.vsock.is_some() {
            list.extend(["-global", "virtio-mmio.force-legacy=false"].map(OsString::from));
        }
        let mut line = format!("{} chiton.cpus={}", self.command_line, self.cpus);
        if !bulk.is_empty() {
            // It is the first device of all.
            line.push_str(" chiton.bulk");
        }
        list.extend(bulk);
        list.extend(network::arguments(&self.cards));
        list.extend(self.vsock.iter().flat_map(|socket| vsock_device(socket)));
        list.extend(["-kernel".into(), self.kernel.clone().into_os_string()]);
        list.extend(["-initrd".into(), self.image.clone().into_os_string()]);
        list.extend(["-append".into(), OsString::from(line.trim_start())]);
        list
    }
}

/// A virtio console, which takes more at once than a port. Number 0 would be a `virtconsole`, which loses what its host does not take at once.
fn bulk_ports(fds: [i32; 2]) -> Vec<OsString> {
    let mut words = vec!["-device".to_string(), "virtio-serial-device,max_ports=3".into()];
    for (number, fd) in (1..).zip(fds) {
        words.extend([
            "-chardev".into(),
            format!("socket,id=bulk{number},fd={fd}"),
            "-device".into(),
            format!("virtserialport,nr={number},chardev=bulk{number}"),
        ]);
    }
    words.into_iter().map(OsString::from).collect()
}

/// A device that leads to the host's side of vsock, which a program serves.
fn vsock_device(socket: &Path) -> [OsString; 4] {
    let path = network::quoted(&socket.to_string_lossy());
    [
        "-chardev".into(),
        format!("socket,id=vsock,path={path}").into(),
        "-device".into(),
        "vhost-user-vsock-device,chardev=vsock".into(),
    ]
}

fn socket_ports(list: &mut Vec<OsString>, serial: i32, debug: [i32; 3]) {
    list.extend([
        "-chardev".into(),
        OsString::from(format!("socket,id=serial,fd={serial}")),
    ]);
    list.extend(["-serial", "chardev:serial"].map(OsString::from));
    for (fd, port) in debug.into_iter().zip(DEBUG_PORTS) {
        list.extend([
            "-chardev".into(),
            OsString::from(format!("socket,id=port{port},fd={fd}")),
        ]);
        list.extend([
            "-device".into(),
            OsString::from(format!("isa-debugcon,iobase={port},chardev=port{port}")),
        ]);
    }
}

/// The words as one line for a POSIX shell.
pub fn shell_line(words: &[OsString]) -> String {
    words.iter().map(shell_word).collect::<Vec<_>>().join(" ")
}

/// One word for a POSIX shell.
pub fn shell_word(word: impl AsRef<OsStr>) -> String {
    let text = word.as_ref().to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=,:+@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.into_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_serves_vsock_shares_the_memory() {
        let mut spec = MachineSpec {
            qemu: "qemu".into(),
            kind: Kind::Microvm,
            accel: Accel::Tcg,
            memory: 64 << 20,
            cpus: 1,
            kernel: "kernel".into(),
            image: "image".into(),
            command_line: String::new(),
            cards: Vec::new(),
            vsock: None,
        };
        let plain = shell_line(&spec.command_by_hand());
        assert!(!plain.contains("memory-backend") && !plain.contains("vsock"), "{plain}");
        spec.vsock = Some("/run/a,b.socket".into());
        let line = shell_line(&spec.command_by_hand());
        for part in [
            "acpi=off,memory-backend=ram ",
            "-object memory-backend-memfd,id=ram,size=64M,share=on",
            "-chardev socket,id=vsock,path=/run/a,,b.socket -device vhost-user-vsock-device,chardev=vsock",
            "virtio-mmio.force-legacy=false",
            "-smp 1,maxcpus=2",
        ] {
            assert!(line.contains(part), "{part} in {line}");
        }
    }

    #[test]
    fn a_shell_reads_the_words_back() {
        let words: Vec<OsString> = ["a", "b c", "it's", "", "$x\ny"].map(OsString::from).to_vec();
        let script = format!("printf '%s\\0' {}", shell_line(&words));
        let output = std::process::Command::new("/bin/sh")
            .args(["-c", &script])
            .output()
            .unwrap();
        let back: Vec<&[u8]> = output.stdout.split(|byte| *byte == 0).collect();
        assert_eq!(
            back[..5],
            words.iter().map(|word| word.as_encoded_bytes()).collect::<Vec<_>>()
        );
    }
}
