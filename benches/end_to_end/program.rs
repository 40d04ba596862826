//! What runs in the terminals: this executable, called with `--program`.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use codepiper::journal::Disk;
use codepiper::journal::disk::Options;

use crate::Result;
use crate::bed::{Bed, LIMIT};
use crate::screenful::Screenful;

/// Between two writes of a paced flood.
pub const TICK: Duration = Duration::from_millis(2);

pub fn run(args: &[String]) -> ExitCode {
    let ended = match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["flood", socket, rate] => flood(Path::new(socket), rate.parse().unwrap_or(0)),
        ["hop", address] => hop(address),
        ["print", socket, seed] => print(Path::new(socket), seed.parse().unwrap_or(0)),
        ["store", dir] => store(Path::new(dir)),
        ["drip", socket, kind, rate, seed] => {
            drip(Path::new(socket), kind, rate.parse().unwrap_or(0), seed.parse().unwrap_or(0))
        }
        _ => return ExitCode::from(2),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// A shell command that echoes in raw mode; `ready` appears when it does.
pub fn echo(ready: &Path) -> Vec<String> {
    let script = format!("stty raw -echo; : > '{}'; exec cat", ready.display());
    ["sh", "-c", &script].map(str::to_owned).to_vec()
}

fn own(words: &[&str]) -> Result<Vec<String>> {
    let own = std::env::current_exe()?;
    let own = own.to_str().context("the path of this program is not UTF-8")?;
    Ok([own, "--program"].iter().chain(words).map(|word| (*word).to_owned()).collect())
}

/// The command of [`hop`].
pub fn hop_command(address: &str) -> Result<Vec<String>> {
    own(&["hop", address])
}

/// The command of [`print`], in a terminal that changes nothing of it.
pub fn print_command(socket: &Path, seed: u64) -> Result<Vec<String>> {
    let words = own(&["print", &socket.display().to_string(), &seed.to_string()])?;
    let script = format!("stty raw -echo; exec '{}'", words.join("' '"));
    Ok(["sh", "-c", &script].map(str::to_owned).to_vec())
}

/// Prints as many bytes as it is told to, again and again.
fn print(socket: &Path, seed: u64) -> std::io::Result<()> {
    let mut control = UnixStream::connect(socket)?;
    let (mut screenful, mut text) = (Screenful::new(seed), Vec::new());
    let mut stdout = std::io::stdout().lock();
    let mut amount = [0; 8];
    while control.read_exact(&mut amount).is_ok() {
        let mut left = u64::from_be_bytes(amount) as usize;
        while left > 0 {
            text.clear();
            screenful.print(&mut text, 4096);
            text.truncate(left);
            stdout.write_all(&text)?;
            left -= text.len();
        }
        stdout.flush()?;
    }
    Ok(())
}

/// What a session prints.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// What agents draw.
    Screens,
    /// Lines that are alike.
    Text,
    /// What does not compress.
    Base64,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Screens => "screens",
            Self::Text => "text",
            Self::Base64 => "base64",
        }
    }
}

/// The command of [`drip`].
pub fn drip_command(socket: &Path, kind: Kind, rate: u64, seed: u64) -> Result<Vec<String>> {
    let (socket, rate, seed) = (socket.display().to_string(), rate.to_string(), seed.to_string());
    let words = own(&["drip", &socket, kind.name(), &rate, &seed])?;
    let script = format!("stty raw -echo; exec '{}'", words.join("' '"));
    Ok(["sh", "-c", &script].map(str::to_owned).to_vec())
}

/// Prints so many bytes a second, ten times a second, as long as somebody listens.
fn drip(socket: &Path, kind: &str, rate: u64, seed: u64) -> std::io::Result<()> {
    let control = UnixStream::connect(socket)?;
    control.set_read_timeout(Some(Duration::from_millis(1)))?;
    let (mut screenful, text, mut at) = (Screenful::new(seed), log(), 0);
    let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let (mut stdout, mut pending) = (std::io::stdout().lock(), Vec::new());
    let begun = Instant::now();
    for tick in 1u32.. {
        sleep((begun + tick * DRIP).saturating_duration_since(Instant::now()));
        if matches!((&control).read(&mut [0]), Ok(0)) {
            break;
        }
        let amount = (rate * DRIP.as_millis() as u64 / 1000) as usize;
        while pending.len() < amount {
            match kind {
                "screens" => screenful.print(&mut pending, 256),
                "text" => {
                    pending.extend_from_slice(&text[at..at + 50]);
                    at = (at + 50) % (text.len() - 50);
                }
                _ => base64_line(&mut pending, &mut random),
            }
        }
        stdout.write_all(&pending[..amount])?;
        stdout.flush()?;
        pending.drain(..amount);
    }
    Ok(())
}

/// Between two writes of a program that prints at a rate.
const DRIP: Duration = Duration::from_millis(100);

fn base64_line(out: &mut Vec<u8>, random: &mut u64) {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for _ in 0..76 {
        *random ^= *random << 13;
        *random ^= *random >> 7;
        *random ^= *random << 17;
        out.push(LETTERS[(*random >> 40) as usize % 64]);
    }
    out.extend_from_slice(b"\r\n");
}

/// The command of [`store`].
pub fn store_command(dir: &Path) -> Result<Vec<String>> {
    own(&["store", &dir.display().to_string()])
}

/// Opens a journal and does nothing with it until nobody wants it any more.
fn store(dir: &Path) -> std::io::Result<()> {
    let (disk, report) = Disk::open(Options::new(dir));
    if let Some(reason) = report.unusable {
        return Err(std::io::Error::other(reason));
    }
    println!("ready");
    std::io::stdin().read_to_end(&mut Vec::new())?;
    disk.close();
    Ok(())
}

/// Something to talk over.
pub trait Stream: Read + Write + AsFd + Send {}

impl<T: Read + Write + AsFd + Send> Stream for T {}

/// Sends back what it gets. The address is a socket's path, or a TCP address.
fn hop(address: &str) -> std::io::Result<()> {
    let mut stream: Box<dyn Stream> = if address.starts_with('/') {
        Box::new(UnixStream::connect(address)?)
    } else {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Box::new(stream)
    };
    let mut buffer = [0; 4096];
    loop {
        let length = stream.read(&mut buffer)?;
        if length == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..length])?;
    }
}

/// A program in some terminal that prints while it is told to.
pub struct Flood {
    socket: PathBuf,
    listener: UnixListener,
    control: Option<UnixStream>,
}

impl Flood {
    pub fn new(bed: &Bed, name: &str) -> Result<Self> {
        let socket = bed.path(&format!("{name}.sock"));
        let listener = UnixListener::bind(&socket)?;
        Ok(Self { socket, listener, control: None })
    }

    /// The program to start, printing so many bytes a second; 0: as many as it can.
    pub fn command(&self, rate: u64) -> Result<Vec<String>> {
        own(&["flood", &self.socket.display().to_string(), &rate.to_string()])
    }

    fn control(&mut self) -> Result<&mut UnixStream> {
        let stream = match self.control.take() {
            Some(stream) => stream,
            None => accept(&self.listener)?,
        };
        Ok(self.control.insert(stream))
    }

    /// Begins or stops.
    pub fn toggle(&mut self) -> Result<()> {
        self.control()?.write_all(b"!")?;
        Ok(())
    }
}

/// The next connection, in good time.
pub fn accept(listener: &UnixListener) -> Result<UnixStream> {
    listener.set_nonblocking(true)?;
    let stream = in_time(|| listener.accept())?.0;
    stream.set_nonblocking(false)?;
    Ok(stream)
}

pub fn accept_tcp(listener: &TcpListener) -> Result<TcpStream> {
    listener.set_nonblocking(true)?;
    let stream = in_time(|| listener.accept())?.0;
    stream.set_nonblocking(false)?;
    Ok(stream)
}

fn in_time<T>(mut accept: impl FnMut() -> std::io::Result<T>) -> Result<T> {
    let give_up = Instant::now() + LIMIT;
    loop {
        match accept() {
            Ok(accepted) => return Ok(accepted),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                ensure!(Instant::now() < give_up, "a program of the benchmark does not start");
                sleep(Duration::from_millis(2));
            }
            Err(error) => return Err(error.into()),
        }
    }
}

fn flood(socket: &Path, rate: u64) -> std::io::Result<()> {
    let mut control = UnixStream::connect(socket)?;
    let text = log();
    let mut stdout = std::io::stdout().lock();
    let mut at = 0;
    loop {
        control.set_nonblocking(false)?;
        if control.read(&mut [0])? == 0 {
            return Ok(());
        }
        control.set_nonblocking(true)?;
        let mut next = Instant::now();
        while control.read(&mut [0]).is_err_and(|error| error.kind() == ErrorKind::WouldBlock) {
            let length = match rate {
                0 => 4096,
                rate => {
                    next += TICK;
                    sleep(next.saturating_duration_since(Instant::now()));
                    (rate * TICK.as_millis() as u64 / 1000) as usize
                }
            };
            if at + length > text.len() {
                at = 0;
            }
            stdout.write_all(&text[at..at + length])?;
            stdout.flush()?;
            at += length;
        }
    }
}

/// Lines as a build or a server prints them.
fn log() -> Vec<u8> {
    (0..2000)
        .map(|number| {
            let (second, took) = (number % 60, number * 7 % 997);
            format!("12:00:{second:02} \x1b[32mINFO\x1b[m request {number} to /api/things took {took} ms\n")
        })
        .collect::<String>()
        .into_bytes()
}
