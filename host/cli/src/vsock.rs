//! `--vsock`: the machine's way to programs of this host that is not a network.
//!
//! Another program is the other side (vhost-user): QEMU connects to its socket, and it reaches the machine's memory by itself. Which context the machine has, and where connections lead on
//! this host, is that program's business.

use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use crate::arguments::MachineChoice;
use crate::failure::Failure;

const START: &str = "Start it first: vhost-device-vsock --guest-cid 3 --socket SOCKET --uds-path PATH";

/// The socket, if there is something that can be one.
///
/// # Errors
/// It is missing, or something else; the machine has no place for the device.
pub(crate) fn socket(given: Option<&Path>, board: MachineChoice, is_dry: bool) -> Result<Option<PathBuf>, Failure> {
    let Some(path) = given else { return Ok(None) };
    if !matches!(board, MachineChoice::Microvm) {
        return Err(Failure::other(
            "--vsock needs --machine microvm: the device of the other machines is on PCI",
            "Leave out --machine",
        ));
    }
    let shown = path.display();
    match std::fs::metadata(path) {
        _ if is_dry => {}
        Ok(found) if found.file_type().is_socket() => {}
        Ok(_) => {
            let cause = format!("{shown} is not a socket, so that no program serves vsock there");
            return Err(Failure::other(cause, START));
        }
        Err(error) => {
            let cause = format!("no program serves vsock at {shown}: {}", image::in_words(&error));
            return Err(Failure::other(cause, START));
        }
    }
    Ok(Some(path.to_path_buf()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_socket_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let (missing, plain, good) = (
            directory.path().join("missing"),
            directory.path().join("plain"),
            directory.path().join("good"),
        );
        std::fs::write(&plain, "").unwrap();
        let listener = std::os::unix::net::UnixListener::bind(&good).unwrap();
        let with = |path: &Path, board| socket(Some(path), board, false).map_err(|failure| failure.to_string());
        assert!(with(&missing, MachineChoice::Microvm).is_err_and(|text| text.contains("no program serves vsock at")));
        assert!(with(&plain, MachineChoice::Microvm).is_err_and(|text| text.contains("is not a socket")));
        assert_eq!(with(&good, MachineChoice::Microvm), Ok(Some(good.clone())));
        assert!(with(&good, MachineChoice::Q35).is_err_and(|text| text.contains("PCI")));
        assert!(socket(Some(&missing), MachineChoice::Microvm, true).is_ok());
        drop(listener);
    }
}
