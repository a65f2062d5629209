//! What servers cost under load from outside: `chiton bench net`.
//!
//! `guest/bench/serve.c` starts nginx, redis, iperf3 and an echo in the guest; [`load`] is the other side, on the host, through QEMU's user network and ports of the loopback address, and again through a TAP interface in a
//! network namespace ([`tap`]), where the card takes work off the guest. Linux gets the same
//! image, as a disk, the same card and the same load, one guest after the other, so that they do not take each other's time.
//!
//! The counting plugin says how many instructions the guest has executed when a load begins and when it has ended: idle time counts nothing, so that it does not matter how fast the host answers. What does
//! matter a little is how many packets arrive at once; figures repeat within a few hundredths. Time in the guest is that of its instructions while it works and the host's while it waits (`-icount shift=0`).
//! Connections that are opened beside 10,000 idle ones are no row: with the Linux guest behind QEMU's user network, one of them is not answered within a minute, so that there is nothing to compare with; `bench network` has that row on 127.0.0.1.
//! Every load is a fixed number of operations, and every wait has an end.

mod load;
mod server;
mod tap;

use std::path::PathBuf;

use crate::figures::{Figure, Measured, NET, PACKETS, TAP, Values};
use crate::linux;
use crate::options::Options;
use crate::ours::Ours;
use crate::programs::Programs;
use load::Load;
use server::{Ports, Server};
use tap::Namespace;

/// Connections that are open and say nothing in the rows that have them.
const IDLE: usize = 10_000;
/// Connections that load a server at the same time.
const BUSY: usize = 16;
/// The length of the small file, which is that of nginx's own first page.
pub(crate) const SMALL: usize = 612;
/// The length of the large file.
pub(crate) const LARGE: usize = 1 << 20;
const MEMORY: &str = "512M";

/// How a row is measured: the load, operations before the meter is on, and with it.
type Row = (Load, usize, usize);

/// The row with an id.
fn row(id: &str) -> Row {
    let file = |path, len, connections, keeps| Load::File {
        path,
        len,
        connections,
        keeps,
    };
    match id.strip_prefix("tap_").unwrap_or(id) {
        "nginx_small" | "nginx_small_idle" => (file("/small", SMALL, BUSY, true), 500, 4000),
        "nginx_large" => (file("/large", LARGE, 4, true), 4, 24),
        "nginx_connect" => (file("/small", SMALL, BUSY, false), 200, 2000),
        "redis_get" | "redis_get_idle" => (Load::Redis { sets: false, batch: 1 }, 500, 8000),
        "redis_set" => (Load::Redis { sets: true, batch: 1 }, 500, 8000),
        "redis_get_batch" => (Load::Redis { sets: false, batch: 16 }, 1600, 32_000),
        "redis_set_batch" => (Load::Redis { sets: true, batch: 16 }, 1600, 32_000),
        "stream_in" => (Load::Stream { reverse: false }, 1 << 10, 64 << 10),
        "stream_out" => (Load::Stream { reverse: true }, 1 << 10, 64 << 10),
        "stream_loopback" => (Load::Loopback, 1 << 10, 64 << 10),
        _ => (Load::Echo, 200, 4000),
    }
}

/// Those of some rows that are asked for: the one that is called like that, or all whose names contain it.
fn wanted<'a>(all: &'a [Figure], options: &Options) -> Vec<&'a Figure> {
    let only = options.only.as_deref();
    let is_name = NET.iter().chain(&TAP).any(|figure| Some(figure.id) == only);
    let wanted = |figure: &&Figure| only.is_none_or(|text| figure.id == text || !is_name && figure.id.contains(text));
    all.iter().filter(wanted).collect()
}

/// The way to the guest.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// QEMU's user network, with ports of the host.
    User,
    /// A TAP interface of the namespace that this thread is in.
    Tap,
}

/// Measures both kernels, as `options` ask for.
pub(crate) fn measure(ours: &Ours<'_>, programs: &Programs, options: &Options, values: &mut Values) {
    let content = match content(programs) {
        Ok(content) => content,
        Err(why) => return values.notes.push(why),
    };
    let rows = wanted(&NET, options);
    if !rows.is_empty() {
        measure_way(Way::User, &rows, ours, programs, &content, options, values);
    }
    let rows = wanted(&TAP, options);
    if rows.is_empty() {
        return;
    }
    // A thread that has entered a namespace does not come back.
    let thread = || match Namespace::enter() {
        Ok(_namespace) => measure_way(Way::Tap, &rows, ours, programs, &content, options, values),
        Err(why) => values.notes.push(format!("without rows on a TAP interface: {why}")),
    };
    std::thread::scope(|scope| {
        // It leaves a note where it fails.
        let _ = scope.spawn(thread).join();
    });
}

/// Measures some rows on both kernels.
fn measure_way(
    way: Way,
    rows: &[&Figure],
    ours: &Ours<'_>,
    programs: &Programs,
    content: &Content,
    options: &Options,
    values: &mut Values,
) {
    let place = || -> Result<(Ports, String), String> {
        let ports = match way {
            Way::User => Ports::free()?,
            Way::Tap => Ports::at(tap::GUEST),
        };
        let line = ours.command_line_with(&words(way, content, &ports), &programs.serve)?;
        match way {
            Way::User => Ok((ports, line)),
            Way::Tap => Ok((ports, tap::with_interface(&line)?)),
        }
    };
    let began = |kernel| eprintln!("chiton: measuring servers on {kernel}");
    if options.chiton {
        began("Chiton");
        "Chiton".clone_into(&mut values.ours.name);
        let server = place().and_then(|(ports, line)| Server::start_line(&line, ports, programs, options));
        let measured = server.and_then(|server| measure_one(server, rows, &mut values.notes));
        match measured {
            Ok(figures) => values.ours.figures.extend(figures.figures),
            Err(why) => values.notes.push(format!("Chiton's servers: {why}")),
        }
    }
    if options.linux {
        began("Linux");
        let server = place().and_then(|(ports, line)| {
            let (kernel, command) = linux::served(programs, options, &line, MEMORY)?;
            values.linux.name = kernel;
            Server::start(command, ports, programs, options)
        });
        let measured = server.and_then(|server| measure_one(server, rows, &mut values.notes));
        match measured {
            Ok(figures) => values.linux.figures.extend(figures.figures),
            Err(why) => values.notes.push(format!("Linux's servers: {why}")),
        }
    }
}

/// What `chiton run` is given for the image and the card.
fn words(way: Way, content: &Content, ports: &Ports) -> Vec<String> {
    let mut words = vec!["-m".to_owned(), MEMORY.to_owned()];
    match way {
        Way::User => words.extend(ports.published().into_iter().flat_map(|port| ["-p".to_owned(), port])),
        Way::Tap => words.extend(["--network".to_owned(), tap::NETWORK.to_owned()]),
    }
    for package in ["nginx-light", "redis-server", "iperf3"] {
        words.extend(["--package".to_owned(), package.to_owned()]);
    }
    words.extend(
        content
            .iter()
            .map(|(here, there)| format!("--file={}:{there}", here.display())),
    );
    words
}

/// Files, and where they are in the image.
type Content = [(PathBuf, &'static str)];

/// The files that the servers need besides their packages, written into the cache.
fn content(programs: &Programs) -> Result<Vec<(PathBuf, &'static str)>, String> {
    let files = [
        ("nginx.conf", "/bench/nginx.conf", NGINX.as_bytes().to_vec()),
        ("small", "/bench/www/small", vec![b'x'; SMALL]),
        ("large", "/bench/www/large", vec![b'x'; LARGE]),
    ];
    let folder = programs.cache.join("served");
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    std::fs::create_dir_all(&folder).map_err(failed)?;
    let mut content = Vec::new();
    for (name, there, bytes) in files {
        let here = folder.join(name);
        // A file that stays as it is leaves the image in the cache good.
        if !std::fs::read(&here).is_ok_and(|old| old == bytes) {
            std::fs::write(&here, bytes).map_err(failed)?;
        }
        content.push((here, there));
    }
    Ok(content)
}

const NGINX: &str = "user root;
worker_processes 1;
worker_rlimit_nofile 20000;
daemon off;
error_log /dev/null;
pid /run/nginx.pid;
events { worker_connections 16000; }
http {
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_timeout 3600;
    keepalive_requests 1000000;
    server { listen 80; root /bench/www; }
}
";

/// Rows without idle connections, and with.
fn parted<'a>(rows: &[&'a Figure]) -> (Vec<&'a Figure>, Vec<&'a Figure>) {
    rows.iter().partition(|figure| !figure.id.ends_with("_idle"))
}

/// The rows on one server. A row that fails leaves a note, and the others are measured all the same.
fn measure_one(mut server: Server, rows: &[&Figure], notes: &mut Vec<String>) -> Result<Measured, String> {
    let mut measured = Measured::default();
    let (busy, idle) = parted(rows);
    server.await_ready()?;
    let mut measure = |server: &mut Server, figure: &Figure| match measure_row(server, figure) {
        Ok((each, packet)) => {
            measured.figures.insert(figure.id.to_owned(), each);
            if let Some(packet) = packet {
                let id = PACKETS
                    .iter()
                    .find(|row| row.id.strip_suffix("_packet") == Some(figure.id));
                measured.figures.extend(id.map(|row| (row.id.to_owned(), packet)));
            }
        }
        Err(why) => notes.push(format!("{}: {why}", figure.id)),
    };
    busy.into_iter().for_each(|figure| measure(&mut server, figure));
    if !idle.is_empty() {
        let _held = load::idle(server.ports.http, IDLE)?;
        idle.into_iter().for_each(|figure| measure(&mut server, figure));
    }
    server.end();
    Ok(measured)
}

/// Instructions for each operation, and for each packet where there are any.
fn measure_row(server: &mut Server, figure: &Figure) -> Result<(f64, Option<f64>), String> {
    eprintln!("chiton: {}", figure.title);
    let (load, before, count) = row(figure.id);
    server.put_under(&load, before)?;
    let packets = server.packets()?;
    let began = server.count()?;
    server.put_under(&load, count)?;
    let spent = server.count()?.saturating_sub(began) as f64;
    let packets = server.packets()?.saturating_sub(packets);
    // A few are those of who asks.
    let per_packet = (packets > 100).then(|| spent / packets as f64);
    Ok((spent / count as f64, per_packet))
}

#[cfg(test)]
mod tests {
    use super::{parted, row, wanted};
    use crate::figures::{NET, PACKETS, TAP};
    use crate::options::Options;

    #[test]
    fn rows_are_chosen_by_their_name_or_a_part_of_it() {
        let chosen = |text: &str| {
            let only = Some(text.to_owned());
            let options = Options {
                only,
                ..Options::default()
            };
            let (busy, idle) = parted(&wanted(&NET, &options));
            (busy.len(), idle.len(), wanted(&TAP, &options).len())
        };
        assert_eq!(chosen("nginx_small"), (1, 0, 0));
        assert_eq!(chosen("stream"), (3, 0, 2));
        assert_eq!(chosen("idle"), (0, 2, 0));
        assert_eq!(chosen("tap_"), (0, 0, TAP.len()));
        assert_eq!(chosen("nobody"), (0, 0, 0));
        assert_eq!(wanted(&NET, &Options::default()).len(), NET.len());
    }

    #[test]
    fn every_row_is_bounded_and_every_row_of_packets_belongs_to_one() {
        for figure in NET.iter().chain(&TAP) {
            let (_, before, count) = row(figure.id);
            assert!((1..=count).contains(&before) && count <= 1 << 20, "{}", figure.id);
        }
        for figure in &TAP {
            let of = figure.id.strip_prefix("tap_").expect("the name of a row");
            assert!(NET.iter().any(|row| row.id == of), "{}", figure.id);
        }
        for figure in &PACKETS {
            let of = figure.id.strip_suffix("_packet").expect("the name of a row");
            assert!(NET.iter().chain(&TAP).any(|row| row.id == of), "{}", figure.id);
        }
    }
}
