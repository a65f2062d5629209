//! The internet protocols between a machine and its host, through QEMU's own network, which needs no privileges.

use std::net::UdpSocket;
use std::process::{Command, Stdio};

use crate::machines::{MODERN, built, by_hand, command_line, said};
use crate::places;
use crate::suite::Case;

/// One case for each kind of card and way to be configured.
#[must_use]
pub fn cases() -> Vec<Case> {
    let fixed = "chiton.net=ip=10.0.2.15/24;gw=10.0.2.2 ";
    let (old, new) = (("udp", "127.0.0.1:0"), ("udp6", "[::1]:0"));
    let all = [
        ("fixed", old, fixed, ""),
        ("plain", old, fixed, ",csum=off,gso=off,guest_csum=off"),
        ("dhcp", old, "", ""),
        ("newer", new, "", ""),
    ];
    let mut cases = vec![Case::new("internet::nameserver", nameserver)];
    cases.extend(all.map(|(name, program, network, options)| {
        Case::new(format!("internet::udp_{name}"), move || udp(program, network, options))
    }));
    cases
}

/// Servers of names that the user chooses take the place of the network's own, however the machine gets its address.
fn nameserver() -> Result<(), String> {
    if places::host_only() {
        return Ok(());
    }
    for address in [&[][..], &["--ip", "10.0.2.20"]] {
        let output = Command::new(places::command()?)
            .args(["run", "--timeout", "120", "--network", "user"])
            .args(["--nameserver", "192.0.2.53", "--nameserver", "2001:db8::53"])
            .args(address)
            .args(["--", "/bin/cat", "/etc/resolv.conf"])
            .stdin(Stdio::null())
            .output()
            .map_err(|error| error.to_string())?;
        let said = String::from_utf8_lossy(&output.stdout);
        if said != "nameserver 192.0.2.53\nnameserver 2001:db8::53\n" {
            return Err(format!(
                "{address:?}: {said}{}",
                String::from_utf8_lossy(&output.stderr)
            ));
        }
    }
    Ok(())
}

/// Datagrams go to a place on the host and come from it, whole and in fragments; errors come back.
fn udp((program, place): (&str, &str), network: &str, options: &str) -> Result<(), String> {
    if places::host_only() {
        return Ok(());
    }
    let echo = UdpSocket::bind(place).map_err(|error| error.to_string())?;
    let port = echo.local_addr().map_err(|error| error.to_string())?.port();
    let program = built(program, &["-O1", "-static"])?;
    let line = command_line("microvm", 1, &program, &[&port.to_string()])?;
    let line = line.replace("-append '", &format!("-append '{network}"));
    let card = format!("-netdev user,id=n -device virtio-net-device,netdev=n{options}");
    std::thread::spawn(move || echo_until_end(&echo));
    said(&by_hand(format!("{line} {MODERN} {card}"))?, "datagrams came and went")
}

/// Sends back what comes, until "end" does.
fn echo_until_end(socket: &UdpSocket) {
    let mut bytes = [0; 65536];
    while let Ok((len, from)) = socket.recv_from(&mut bytes) {
        if &bytes[..len] == b"end" || socket.send_to(&bytes[..len], from).is_err() {
            break;
        }
    }
}
