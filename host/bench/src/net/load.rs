//! Load from outside: a fixed number of operations, from threads that each wait for their answer before they ask again.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::net::BUSY;
use crate::net::server::Ports;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long one to a datagram may take before it is sent again, and how often that is done.
const RESEND: Duration = Duration::from_secs(2);
const TRIES: usize = 10;
/// Bytes of a value, and of a datagram.
const VALUE: usize = 64;

/// What a server is put under.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Load {
    /// A file from nginx, over and over.
    File {
        path: &'static str,
        len: usize,
        connections: usize,
        /// Whether one connection serves more than one request.
        keeps: bool,
    },
    /// `GET` or `SET` to redis, so many at once on each connection.
    Redis { sets: bool, batch: usize },
    /// `iperf3` to the guest or from it; an operation is a KiB.
    Stream { reverse: bool },
    /// `iperf3` inside of the guest.
    Loopback,
    /// Datagrams that are answered.
    Echo,
}

/// Puts a server under `count` operations of a load, and returns when all are answered.
pub(crate) fn run(load: &Load, ports: &Ports, count: usize) -> Result<(), String> {
    match *load {
        Load::File {
            path,
            len,
            connections,
            keeps,
        } => share(connections, count, |count| {
            get_files(ports.http, path, len, count, keeps).map(drop)
        }),
        Load::Redis { sets, batch } => share(BUSY, count, |count| talk_to_redis(ports.redis, sets, batch, count)),
        Load::Stream { reverse } => stream(ports.iperf, reverse, count),
        Load::Loopback => Err("only the guest itself can do that".to_owned()),
        Load::Echo => share(BUSY, count, |count| call_out(ports.echo, count)),
    }
}

/// Opens connections to nginx, each of which has had an answer, and says nothing more on them.
pub(crate) fn idle(port: SocketAddr, count: usize) -> Result<Vec<TcpStream>, String> {
    let own = |error: String| format!("{error} (each of {count} idle connections takes an open file: `ulimit -n`)");
    let mut held = Vec::new();
    std::thread::scope(|scope| {
        let threads = [(); BUSY].map(|()| {
            scope.spawn(|| -> Result<Vec<TcpStream>, String> {
                (0..count / BUSY)
                    .map(|_| get_files(port, "/small", crate::net::SMALL, 1, true))
                    .collect()
            })
        });
        threads.into_iter().try_for_each(|thread| {
            held.extend(thread.join().map_err(|_| "a thread died".to_owned())??);
            Ok(())
        })
    })
    .map_err(own)?;
    Ok(held)
}

/// Divides operations among threads.
fn share(threads: usize, count: usize, work: impl Fn(usize) -> Result<(), String> + Sync) -> Result<(), String> {
    std::thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> = (0..threads)
            .map(|index| {
                let own = count / threads + usize::from(index < count % threads);
                scope.spawn(move || work(own))
            })
            .collect();
        threads
            .into_iter()
            .try_for_each(|thread| thread.join().map_err(|_| "a thread of the load died".to_owned())?)
    })
}

fn connect(port: SocketAddr) -> Result<TcpStream, String> {
    let stream = TcpStream::connect(port).and_then(|stream| {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(stream)
    });
    stream.map_err(|error| format!("no connection: {error}"))
}

/// Asks for a file again and again; the last connection.
fn get_files(port: SocketAddr, path: &str, len: usize, count: usize, keeps: bool) -> Result<TcpStream, String> {
    let failed = |error: std::io::Error| format!("nginx did not answer: {error}");
    let word = if keeps { "keep-alive" } else { "close" };
    let request = format!("GET {path} HTTP/1.1\r\nHost: bench\r\nConnection: {word}\r\n\r\n");
    let mut reader = BufReader::with_capacity(1 << 16, connect(port)?);
    for number in 0..count {
        if number > 0 && !keeps {
            reader = BufReader::with_capacity(1 << 12, connect(port)?);
        }
        reader.get_mut().write_all(request.as_bytes()).map_err(failed)?;
        let stated = read_head(&mut reader)?;
        if stated != len {
            return Err(format!("nginx answered with {stated} bytes, not {len}"));
        }
        let body = (&mut reader).take(len as u64);
        let came = std::io::copy(&mut { body }, &mut std::io::sink()).map_err(failed)?;
        if came != len as u64 {
            return Err(format!("nginx sent {came} bytes of {len}"));
        }
        if !keeps {
            // The server closes; wait for that.
            reader.read_to_end(&mut Vec::new()).map_err(failed)?;
        }
    }
    Ok(reader.into_inner())
}

/// Reads the head of an answer; the length of what follows.
fn read_head(reader: &mut impl BufRead) -> Result<usize, String> {
    let mut stated = None;
    let mut line = String::new();
    let mut is_first = true;
    loop {
        line.clear();
        let count = reader
            .read_line(&mut line)
            .map_err(|error| format!("nginx did not answer: {error}"))?;
        let text = line.trim();
        if is_first && !text.starts_with("HTTP/1.1 200") {
            return Err(format!("nginx answered: {text}"));
        }
        is_first = false;
        if let Some(length) = text.strip_prefix("Content-Length: ") {
            stated = length.parse().ok();
        }
        if text.is_empty() || count == 0 {
            return stated.ok_or_else(|| "nginx stated no length".to_owned());
        }
    }
}

/// `SET` or `GET` of one key, several before their answers are read.
fn talk_to_redis(port: SocketAddr, sets: bool, batch: usize, count: usize) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("redis did not answer: {error}");
    let value = "x".repeat(VALUE);
    let set = format!("*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n${VALUE}\r\n{value}\r\n");
    let get = "*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n".to_owned();
    let reply = if sets {
        "+OK\r\n".to_owned()
    } else {
        format!("${VALUE}\r\n{value}\r\n")
    };
    let mut stream = connect(port)?;
    let mut answer = vec![0; 5];
    stream.write_all(set.as_bytes()).map_err(failed)?;
    stream.read_exact(&mut answer).map_err(failed)?;
    let mut left = count;
    while left > 0 {
        let now = left.min(batch);
        left -= now;
        let question = if sets { &set } else { &get }.repeat(now);
        stream.write_all(question.as_bytes()).map_err(failed)?;
        answer.resize(reply.len() * now, 0);
        stream.read_exact(&mut answer).map_err(failed)?;
        if answer != reply.repeat(now).as_bytes() {
            return Err("redis answered something else".to_owned());
        }
    }
    Ok(())
}

/// `iperf3` with a number of KiB.
fn stream(port: SocketAddr, reverse: bool, kibibytes: usize) -> Result<(), String> {
    let mut why = String::new();
    for _ in 0..TRIES {
        // Its server listens anew after each client.
        std::thread::sleep(Duration::from_millis(300));
        let output = Command::new("iperf3")
            .args([
                "-c",
                &port.ip().to_string(),
                "-p",
                &port.port().to_string(),
                "-n",
                &format!("{kibibytes}K"),
            ])
            .args(reverse.then_some("-R"))
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("iperf3 could not be started ({error}); `apt-get install iperf3` installs it"))?;
        if output.status.success() {
            return Ok(());
        }
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        why = format!("iperf3 failed: {}", errors.trim());
    }
    Err(why)
}

/// Sends datagrams and waits for their answers.
fn call_out(port: SocketAddr, count: usize) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("the echo: {error}");
    let own = match port.ip() {
        loopback if loopback.is_loopback() => loopback,
        _ => IpAddr::from([0; 4]),
    };
    let socket = UdpSocket::bind((own, 0)).map_err(failed)?;
    socket.connect(port).map_err(failed)?;
    socket.set_read_timeout(Some(RESEND)).map_err(failed)?;
    let mut answer = [0; VALUE];
    for number in 0..count as u64 {
        let mut bytes = [b'x'; VALUE];
        bytes[..8].copy_from_slice(&number.to_le_bytes());
        let mut tries = 0;
        while answer != bytes {
            if tries == TRIES {
                return Err("datagrams are not answered".to_owned());
            }
            tries += 1;
            socket.send(&bytes).map_err(failed)?;
            // One that does not come is lost, as datagrams may be, and sent again.
            let _ = socket.recv(&mut answer);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::{read_head, share};

    #[test]
    fn operations_are_divided_without_a_rest() {
        let done = AtomicUsize::new(0);
        let work = |count| {
            done.fetch_add(count, Ordering::Relaxed);
            Ok(())
        };
        assert_eq!(share(16, 1003, work), Ok(()));
        assert_eq!(done.into_inner(), 1003);
        assert!(share(2, 10, |_| Err("no".to_owned())).is_err());
    }

    #[test]
    fn the_length_is_read_and_other_answers_are_errors() {
        let head = |text: &str| read_head(&mut Cursor::new(text.to_owned()));
        assert_eq!(
            head("HTTP/1.1 200 OK\r\nContent-Length: 612\r\nX: y\r\n\r\nbody"),
            Ok(612)
        );
        assert!(head("HTTP/1.1 404 Not Found\r\nContent-Length: 612\r\n\r\n").is_err());
        assert!(head("HTTP/1.1 200 OK\r\n\r\n").is_err());
        assert!(head("").is_err());
    }
}
