//! What the kernel was told: tokens `chiton.key=value` on the command line or, where that names no program, in `/.chiton/cmdline` of the image.
//!
//! Tokens that nobody knows are left alone, since hypervisors add their own; `virtio_mmio.device=` among those says where devices are.

use abi::Result;
use alloc::sync::Arc;
use alloc::vec::Vec;
use cmdline::{Token, VirtioMmio};
use core::net::IpAddr;
use trace::Level;
use usermem::Sink;
use vfs::{Context, Credentials, Path};

/// Everything that can be said.
pub(crate) struct Config {
    pub(crate) arguments: Vec<Vec<u8>>,
    pub(crate) environment: Vec<Vec<u8>>,
    pub(crate) directory: Option<Vec<u8>>,
    /// User, group, further groups.
    pub(crate) user: Vec<u32>,
    pub(crate) host_name: Option<Vec<u8>>,
    pub(crate) split_console: bool,
    /// Whether the first device takes much output.
    pub(crate) bulk_output: bool,
    pub(crate) terminals: [bool; 3],
    pub(crate) size: (u16, u16),
    pub(crate) log_level: Option<Level>,
    pub(crate) strace: bool,
    pub(crate) boot_chart: bool,
    pub(crate) cpus: Option<usize>,
    /// The devices that the hypervisor names.
    pub(crate) devices: Vec<VirtioMmio>,
    /// How each network card is configured, in their order.
    pub(crate) networks: Vec<Vec<u8>>,
    /// Whom to ask for names.
    pub(crate) name_servers: Vec<IpAddr>,
    /// What the machine may connect to, and what not.
    pub(crate) allowed: Vec<ip::Rule>,
    pub(crate) denied: Vec<ip::Rule>,
    /// Settings of the kernel, each as `NAME=VALUE`.
    pub(crate) settings: Vec<Vec<u8>>,
}

const IMAGE_FILE: &[u8] = b"/.chiton/cmdline";
const LONGEST: usize = 1 << 20;

impl Config {
    /// Reads tokens.
    pub(crate) fn parse(line: &[u8]) -> Self {
        let mut config = Self {
            arguments: Vec::new(),
            environment: Vec::new(),
            directory: None,
            user: Vec::new(),
            host_name: None,
            split_console: false,
            bulk_output: false,
            terminals: [true; 3],
            size: (0, 0),
            log_level: None,
            strace: false,
            boot_chart: false,
            cpus: None,
            devices: Vec::new(),
            networks: Vec::new(),
            name_servers: Vec::new(),
            allowed: Vec::new(),
            denied: Vec::new(),
            settings: Vec::new(),
        };
        config.extend(line);
        config
    }

    fn extend(&mut self, line: &[u8]) {
        for token in cmdline::tokens(line) {
            match token {
                Token::Chiton(key, value) => self.set(key, value),
                Token::Virtio(device) => self.devices.push(device),
            }
        }
    }

    fn set(&mut self, key: &[u8], value: Vec<u8>) {
        match key {
            b"arg" => self.arguments.push(value),
            b"env" => self.environment.push(value),
            b"cwd" => self.directory = Some(value),
            b"user" => self.user = value.split(|&byte| byte == b':').filter_map(number).collect(),
            b"hostname" => self.host_name = Some(value),
            b"console" => self.split_console = value == b"split",
            b"bulk" => self.bulk_output = true,
            b"tty" => self.terminals = [b'i', b'o', b'e'].map(|letter| value.contains(&letter)),
            b"size" => self.size = size(&value).unwrap_or((0, 0)),
            b"log" => self.log_level = Level::parse(&value),
            b"strace" => self.strace = true,
            b"bootchart" => self.boot_chart = true,
            // What cannot be read lets nothing through.
            b"net-allow" => self.allowed.push(ip::Rule::parse(&value).unwrap_or(ip::Rule::NOTHING)),
            b"net-deny" => match ip::Rule::parse(&value) {
                Some(rule) => self.denied.push(rule),
                None => self.denied.extend(ip::Rule::EVERYTHING),
            },
            b"net" => self.networks.push(value),
            b"nameserver" => {
                let server = core::str::from_utf8(&value).ok().and_then(|text| text.parse().ok());
                self.name_servers.extend::<Option<IpAddr>>(server);
            }
            b"sysctl" => self.settings.push(value),
            b"cpus" => self.cpus = number(&value).map(|count| count as usize),
            _ => {}
        }
    }

    /// Adds what the image says.
    pub(crate) fn extend_from_image(&mut self, root: &Path) {
        let view = Context::new(root.clone(), Arc::new(Credentials::root()));
        let Ok(place) = view.resolve(&view.root, IMAGE_FILE, true) else {
            return;
        };
        let Ok(inode) = place.inode() else { return };
        let mut text = alloc::vec![0; (inode.length() as usize).min(LONGEST)];
        let mut done = 0;
        while done < text.len() {
            match inode.read_at(done as u64, &mut Sink::kernel(&mut text[done..])) {
                Ok(got) if got > 0 => done += got,
                _ => break,
            }
        }
        text.truncate(done);
        self.extend(&text);
    }

    /// The application's view of files.
    pub(crate) fn view(&self, root: Path) -> Result<Context> {
        let credentials = match self.user.as_slice() {
            [] => Credentials::root(),
            [uid] => Credentials::user(*uid, *uid, Vec::new()),
            [uid, gid, groups @ ..] => Credentials::user(*uid, *gid, groups.to_vec()),
        };
        let mut view = Context::new(root, Arc::new(credentials));
        if let Some(directory) = &self.directory {
            view.cwd = view.resolve(&view.root, directory, true)?;
            if !view.cwd.dentry.is_directory() {
                return Err(abi::Error::new(
                    abi::Errno::ENOTDIR,
                    "the working directory is not a directory",
                ));
            }
        }
        Ok(view)
    }
}

fn number(text: &[u8]) -> Option<u32> {
    core::str::from_utf8(text).ok()?.parse().ok()
}

/// `24x80`.
fn size(text: &[u8]) -> Option<(u16, u16)> {
    let (rows, columns) = core::str::from_utf8(text).ok()?.split_once('x')?;
    Some((rows.parse().ok()?, columns.parse().ok()?))
}
