//! `chiton inspect`: what an image holds, as a list or as JSON.

use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::Path;

use image::{Entry, EntryKind, Image};
use machine::KernelLine;
use serde_json::{Value, json};

use crate::arguments::InspectArgs;
use crate::build::COMMAND_FILE;
use crate::failure::{Failure, Outcome};
use crate::time;

pub(crate) fn inspect(options: &InspectArgs) -> Outcome {
    let image = Image::open(&options.image)?;
    let entries = image.entries()?;
    let text = image
        .read(Path::new(COMMAND_FILE))?
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let line = text.map(|text| KernelLine::parse(&text));

    let out = BufWriter::new(io::stdout().lock());
    let printed = if options.json {
        print_json(out, &image, &entries, line.as_ref())
    } else {
        print_list(out, &image, &entries, line.as_ref())
    };
    match printed {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::other(
            format!("cannot print the list: {}", image::in_words(&error)),
            "Check where the output goes",
        )),
        _ => Ok(0),
    }
}

fn print_list(mut out: impl Write, image: &Image, entries: &[Entry], line: Option<&KernelLine>) -> io::Result<()> {
    for entry in entries {
        let size = match entry.kind {
            EntryKind::Special(device) => {
                format!("{},{}", device >> 8 & 0xfff, device & 0xff | device >> 12 & 0xf_ff00)
            }
            _ => entry.size.to_string(),
        };
        let owner = format!("{}/{}", entry.uid, entry.gid);
        let time = time::minutes(entry.mtime);
        write!(
            out,
            "{} {owner:>7} {size:>10} {time} {}",
            mode_letters(entry.mode),
            entry.path.display()
        )?;
        match &entry.kind {
            EntryKind::Symlink(target) => writeln!(out, " -> {}", target.display())?,
            _ => writeln!(out)?,
        }
    }
    let total = files_total(entries);
    writeln!(
        out,
        "\n{} entries, {total} bytes in files, image of {} bytes",
        entries.len(),
        image.size()
    )?;
    if let Some(line) = line {
        writeln!(
            out,
            "command: {}",
            line.args.iter().map(machine::shell_word).collect::<Vec<_>>().join(" ")
        )?;
        for pair in &line.env {
            writeln!(out, "env: {pair}")?;
        }
        let settings = [
            ("workdir", &line.cwd),
            ("user", &line.user),
            ("hostname", &line.hostname),
        ];
        for (name, value) in settings
            .into_iter()
            .filter_map(|(name, value)| Some((name, value.as_ref()?)))
        {
            writeln!(out, "{name}: {value}")?;
        }
    }
    out.flush()
}

fn print_json(mut out: impl Write, image: &Image, entries: &[Entry], line: Option<&KernelLine>) -> io::Result<()> {
    let list: Vec<Value> = entries.iter().map(json_entry).collect();
    let mut all = json!({ "size": image.size(), "bytes_in_files": files_total(entries), "entries": list });
    if let Some(line) = line {
        all["command"] = json!(line.args);
        all["env"] = json!(line.env);
        all["workdir"] = json!(line.cwd);
        all["user"] = json!(line.user);
        all["hostname"] = json!(line.hostname);
    }
    writeln!(out, "{all:#}")?;
    out.flush()
}

fn json_entry(entry: &Entry) -> Value {
    let (kind, target) = match &entry.kind {
        EntryKind::Directory => ("directory", None),
        EntryKind::File => ("file", None),
        EntryKind::Symlink(target) => ("symlink", Some(target.to_string_lossy())),
        EntryKind::Special(_) => ("special", None),
    };
    let mut value = json!({
        "path": entry.path.to_string_lossy(),
        "type": kind,
        "mode": format!("{:04o}", entry.mode & 0o7777),
        "uid": entry.uid,
        "gid": entry.gid,
        "size": entry.size,
        "mtime": entry.mtime,
    });
    if let Some(target) = target {
        value["target"] = json!(target);
    }
    value
}

fn files_total(entries: &[Entry]) -> u64 {
    entries
        .iter()
        .filter(|entry| entry.kind == EntryKind::File)
        .map(|entry| entry.size)
        .sum()
}

/// `drwxr-xr-x`, as `ls -l` prints it.
fn mode_letters(mode: u16) -> String {
    let kind = match mode >> 12 {
        0o14 => 's',
        0o12 => 'l',
        0o10 => '-',
        0o06 => 'b',
        0o04 => 'd',
        0o02 => 'c',
        0o01 => 'p',
        _ => '?',
    };
    let triple = |shift: u16, special: u16, set: char| {
        let bits = mode >> shift;
        let last = match (bits & 1 != 0, mode & special != 0) {
            (true, false) => 'x',
            (false, false) => '-',
            (true, true) => set,
            (false, true) => set.to_ascii_uppercase(),
        };
        [
            if bits & 4 != 0 { 'r' } else { '-' },
            if bits & 2 != 0 { 'w' } else { '-' },
            last,
        ]
    };
    let rights = [triple(6, 0o4000, 's'), triple(3, 0o2000, 's'), triple(0, 0o1000, 't')];
    std::iter::once(kind).chain(rights.into_iter().flatten()).collect()
}

#[cfg(test)]
mod tests {
    use super::mode_letters;

    #[test]
    fn modes_look_as_in_ls() {
        assert_eq!(mode_letters(0o100_644), "-rw-r--r--");
        assert_eq!(mode_letters(0o041_777), "drwxrwxrwt");
        assert_eq!(mode_letters(0o104_750), "-rwsr-x---");
        assert_eq!(mode_letters(0o120_777), "lrwxrwxrwx");
    }
}
