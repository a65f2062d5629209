//! What servers cost under load from outside: `chiton bench net`.
//!
//! `guest/bench/serve.c` starts nginx, redis, iperf3 and an echo in the guest; [`load`] is the other side, on the host, through QEMU's user network and ports of the loopback address. Linux gets the same
//! image, as a disk, the same card and the same load, one guest after the other, so that they do not take each other's time.
//!
//! The counting plugin says how many instructions the guest has executed when a load begins and when it has ended: idle time counts nothing, so that it does not matter how fast the host answers. What does
//! matter a little is how many packets arrive at once; figures repeat within a few hundredths. Time in the guest is that of its instructions while it works and the host's while it waits (`-icount shift=0`).
//! Every load is a fixed number of operations, and every wait has an end.

mod load;
mod server;

use std::path::PathBuf;

use crate::figures::{Figure, Measured, NET, PACKETS, Values};
use crate::linux;
use crate::options::Options;
use crate::ours::Ours;
use crate::programs::Programs;
use load::Load;
use server::{Ports, Server};

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
    match id {
        "nginx_small" | "nginx_small_idle" => (file("/small", SMALL, BUSY, true), 500, 4000),
        "nginx_large" => (file("/large", LARGE, 4, true), 4, 24),
        "nginx_connect" | "nginx_connect_idle" => (file("/small", SMALL, BUSY, false), 200, 2000),
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

/// The rows that are asked for: without idle connections, and with.
fn rows(options: &Options) -> (Vec<&'static Figure>, Vec<&'static Figure>) {
    let wanted = |figure: &&Figure| options.only.as_deref().is_none_or(|text| figure.id.contains(text));
    NET.iter()
        .filter(wanted)
        .partition(|figure| !figure.id.ends_with("_idle"))
}

/// Measures both kernels, as `options` ask for.
pub(crate) fn measure(ours: &Ours<'_>, programs: &Programs, options: &Options, values: &mut Values) {
    let content = match content(programs) {
        Ok(content) => content,
        Err(why) => return values.notes.push(why),
    };
    let began = |kernel| eprintln!("chiton: measuring servers on {kernel}");
    if options.chiton {
        began("Chiton");
        "Chiton".clone_into(&mut values.ours.name);
        let ports = Ports::free();
        let server = ports.and_then(|ports| {
            let line = ours.command_line_with(&content_words(&content, &ports), &programs.serve)?;
            Server::start_line(&line, ports, programs, options)
        });
        let measured = server.and_then(|server| measure_one(server, options, &mut values.notes));
        match measured {
            Ok(figures) => values.ours.figures.extend(figures.figures),
            Err(why) => values.notes.push(format!("Chiton's servers: {why}")),
        }
    }
    if options.linux {
        began("Linux");
        let server = Ports::free().and_then(|ports| {
            let line = ours.command_line_with(&content_words(&content, &ports), &programs.serve)?;
            let (kernel, command) = linux::served(programs, options, &line, MEMORY)?;
            values.linux.name = kernel;
            Server::start(command, ports, programs, options)
        });
        let measured = server.and_then(|server| measure_one(server, options, &mut values.notes));
        match measured {
            Ok(figures) => values.linux.figures.extend(figures.figures),
            Err(why) => values.notes.push(format!("Linux's servers: {why}")),
        }
    }
}

/// What `chiton run` is given for the image and the card.
fn content_words(content: &[(PathBuf, &str)], ports: &Ports) -> Vec<String> {
    let mut words = vec!["-m".to_owned(), MEMORY.to_owned()];
    words.extend(ports.published().into_iter().flat_map(|port| ["-p".to_owned(), port]));
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

/// The rows on one server. A row that fails leaves a note, and the others are measured all the same.
fn measure_one(mut server: Server, options: &Options, notes: &mut Vec<String>) -> Result<Measured, String> {
    let mut measured = Measured::default();
    let (busy, idle) = rows(options);
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
    use super::{row, rows};
    use crate::figures::{NET, PACKETS};
    use crate::options::Options;

    #[test]
    fn rows_are_chosen_by_a_part_of_their_name() {
        let chosen = |text: &str| {
            let only = Some(text.to_owned());
            let (busy, idle) = rows(&Options {
                only,
                ..Options::default()
            });
            (busy.len(), idle.len())
        };
        assert_eq!(chosen("nginx_small"), (1, 1));
        assert_eq!(chosen("stream"), (3, 0));
        assert_eq!(chosen("nobody"), (0, 0));
        let (busy, idle) = rows(&Options::default());
        assert_eq!(busy.len() + idle.len(), NET.len());
    }

    #[test]
    fn every_row_is_bounded_and_every_row_of_packets_belongs_to_one() {
        for figure in &NET {
            let (_, before, count) = row(figure.id);
            assert!((1..=count).contains(&before) && count <= 1 << 20, "{}", figure.id);
        }
        for figure in &PACKETS {
            let of = figure.id.strip_suffix("_packet").expect("the name of a row");
            assert!(NET.iter().any(|row| row.id == of), "{}", figure.id);
        }
    }
}
