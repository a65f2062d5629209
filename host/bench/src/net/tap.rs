//! A TAP interface in a network namespace of its own, so that nothing of the host's network is touched.
//!
//! A thread enters the namespace, and what it starts is in there, too: the machine, the threads of a load, and their programs. The namespace lives as long as anything in it, and a child that waits for the
//! end of its input keeps it until then, however this program ends.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::Ipv4Addr;
use std::os::fd::AsFd;
use std::process::{Child, Command, Stdio};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// The guest's address, which `serve.c` gives a Linux kernel's card, and the host's.
pub(crate) const GUEST: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 15);
const HOST: &str = "10.0.2.2/24";
/// What `chiton run` is told, and the backend that it makes of that, where the interface's name is to be added.
pub(crate) const NETWORK: &str = "tap,ip=10.0.2.15/24,gateway=10.0.2.2";
const BACKEND: &str = "-netdev tap,id=n0,";
const NAME: &str = "tap0";

/// Keeps the namespace.
pub(crate) struct Namespace {
    keeper: Child,
}

impl Namespace {
    /// Makes one with an interface, and moves this thread into it.
    pub(crate) fn enter() -> Result<Self, String> {
        let failed = |error: std::io::Error| format!("no network namespace: {error}");
        let keeper = Command::new("unshare")
            .args(["--net", "sh", "-c", "echo in; exec cat"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(failed)?;
        let mut this = Self { keeper };
        let mut line = String::new();
        if let Some(output) = this.keeper.stdout.as_mut() {
            BufReader::new(output).read_line(&mut line).map_err(failed)?;
        }
        if line.trim() != "in" {
            return Err("a network namespace and a TAP interface take root".to_owned());
        }
        let space = File::open(format!("/proc/{}/ns/net", this.keeper.id())).map_err(failed)?;
        move_into_link_name_space(space.as_fd(), Some(LinkNameSpaceType::Network))
            .map_err(|error| failed(error.into()))?;
        for words in [
            "link set lo up",
            "tuntap add tap0 mode tap",
            "addr add HOST dev tap0",
            "link set tap0 up",
        ] {
            let words = words.split(' ').map(|word| if word == "HOST" { HOST } else { word });
            let status = Command::new("ip").args(words).stdin(Stdio::null()).status();
            if !status.is_ok_and(|status| status.success()) {
                return Err(
                    "the TAP interface could not be made (`apt-get install iproute2`, and the module tun)".to_owned(),
                );
            }
        }
        Ok(this)
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.keeper.kill();
        let _ = self.keeper.wait();
    }
}

/// A command line of `chiton run` with [`NETWORK`], on the interface of the namespace.
pub(crate) fn with_interface(line: &str) -> Result<String, String> {
    if !line.contains(BACKEND) {
        return Err("the command line has no TAP interface".to_owned());
    }
    Ok(line.replacen(BACKEND, &format!("{BACKEND}ifname={NAME},"), 1))
}

#[cfg(test)]
mod tests {
    use super::with_interface;

    #[test]
    fn the_interface_is_named_where_there_is_one() {
        let line = "qemu -netdev tap,id=n0,script=no -device virtio-net-device,netdev=n0";
        let named = "qemu -netdev tap,id=n0,ifname=tap0,script=no -device virtio-net-device,netdev=n0";
        assert_eq!(with_interface(line).as_deref(), Ok(named));
        assert!(with_interface("qemu -netdev user,id=n0").is_err());
    }
}
