//! What the kernel was told: tokens `chiton.key=value` on the command line or, where that names no program, in `/.chiton/cmdline` of the image.
//!
//! Values are percent-encoded; tokens that nobody knows are left alone, since hypervisors add their own.

use abi::Result;
use alloc::sync::Arc;
use alloc::vec::Vec;
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
    pub(crate) terminals: [bool; 3],
    pub(crate) size: (u16, u16),
    pub(crate) log_level: Option<Level>,
    pub(crate) strace: bool,
    pub(crate) boot_chart: bool,
    pub(crate) cpus: Option<usize>,
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
            terminals: [true; 3],
            size: (0, 0),
            log_level: None,
            strace: false,
            boot_chart: false,
            cpus: None,
        };
        config.extend(line);
        config
    }

    fn extend(&mut self, line: &[u8]) {
        for token in line.split(|byte| byte.is_ascii_whitespace()) {
            if let Some(token) = token.strip_prefix(b"chiton.") {
                let mut parts = token.splitn(2, |&byte| byte == b'=');
                let key = parts.next().unwrap_or(b"");
                self.set(key, decode(parts.next().unwrap_or(b"")));
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
            b"tty" => self.terminals = [b'i', b'o', b'e'].map(|letter| value.contains(&letter)),
            b"size" => self.size = size(&value).unwrap_or((0, 0)),
            b"log" => self.log_level = Level::parse(&value),
            b"strace" => self.strace = true,
            b"bootchart" => self.boot_chart = true,
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

/// Puts bytes in the place of `%XX`.
fn decode(text: &[u8]) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte == b'%'
            && let [high, low, after @ ..] = rest
            && let (Some(high), Some(low)) = (digit(*high), digit(*low))
        {
            decoded.push(high << 4 | low);
            rest = after;
        } else {
            decoded.push(byte);
        }
    }
    decoded
}
