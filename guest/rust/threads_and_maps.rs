//! A Rust program of the standard library's everyday parts: threads, channels, maps, files, environment, time, panics that are caught.

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::sync::{Arc, Condvar, Mutex, RwLock, mpsc};
use std::time::{Duration, Instant};
use std::{env, fs, panic, thread};

fn primes(limit: usize) -> Vec<usize> {
    let mut sieve = vec![true; limit];
    (2..limit)
        .filter(|&n| {
            let prime = sieve[n];
            if prime {
                (n * n..limit).step_by(n).for_each(|multiple| sieve[multiple] = false);
            }
            prime
        })
        .collect()
}

fn channels() {
    let (sender, receiver) = mpsc::channel();
    let workers: Vec<_> = (0..8_u64)
        .map(|n| {
            let sender = sender.clone();
            thread::spawn(move || (0..1000).for_each(|i| sender.send(n * 1000 + i).unwrap()))
        })
        .collect();
    drop(sender);
    let sum: u64 = receiver.iter().sum();
    workers.into_iter().for_each(|worker| worker.join().unwrap());
    println!("sum over channels {sum}");
}

fn locks() {
    let shared = Arc::new((Mutex::new(HashMap::new()), Condvar::new(), RwLock::new(0_u32)));
    let workers: Vec<_> = (0..6_u32)
        .map(|n| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                for i in 0..500 {
                    *shared.0.lock().unwrap().entry(i % 10).or_insert(0_u32) += n;
                    *shared.2.write().unwrap() += 1;
                }
                shared.1.notify_all();
            })
        })
        .collect();
    let guard = shared.1.wait_timeout_while(shared.0.lock().unwrap(), Duration::from_secs(20), |map| map.values().sum::<u32>() < 7500).unwrap();
    println!("timed out: {}", guard.1.timed_out());
    let sorted: BTreeMap<_, _> = guard.0.iter().map(|(key, value)| (*key, *value)).collect();
    println!("{sorted:?}");
    drop(guard);
    workers.into_iter().for_each(|worker| worker.join().unwrap());
    println!("writes {}", *shared.2.read().unwrap());
}

fn files() -> std::io::Result<()> {
    let dir = env::temp_dir().join(format!("chiton-rust-{}", std::process::id()));
    fs::create_dir_all(dir.join("a/b"))?;
    let path = dir.join("a/b/file");
    let mut file = fs::OpenOptions::new().read(true).write(true).create_new(true).open(&path)?;
    for n in 0..1000 {
        writeln!(file, "line {n}")?;
    }
    file.seek(SeekFrom::Start(0))?;
    let lines = BufReader::new(&file).lines().count();
    file.seek(SeekFrom::End(-9))?;
    let mut tail = String::new();
    file.read_to_string(&mut tail)?;
    println!("{lines} lines, the last is {:?}", tail.trim());
    println!("{:?}", fs::File::open(dir.join("none")).map_err(|error| error.kind()).err());
    println!("{} bytes", fs::metadata(&path)?.len());
    fs::copy(&path, dir.join("copy"))?;
    let mut names: Vec<_> = fs::read_dir(&dir)?.map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    println!("{names:?}");
    fs::remove_dir_all(&dir)?;
    println!("gone: {}", !dir.exists());
    Ok(())
}

fn main() {
    println!("arguments {:?}", env::args().skip(1).collect::<Vec<_>>());
    println!("marked {:?}", env::var("T_MARK"));
    let found = primes(200_000);
    println!("{} primes, the last is {}", found.len(), found[found.len() - 1]);
    channels();
    locks();
    files().unwrap();
    let begin = Instant::now();
    thread::sleep(Duration::from_millis(30));
    println!("slept: {}", begin.elapsed() >= Duration::from_millis(30));
    panic::set_hook(Box::new(|_| {}));
    println!("caught: {}", panic::catch_unwind(|| panic!("on purpose")).is_err());
    println!("at least one processor: {}", thread::available_parallelism().is_ok());
    std::process::exit(17);
}
