//! Row 1: a million lines, every one once and in order, through `codepiper tail --follow --raw` and a
//! pipe, beside a bare `tmux -C` reader that parses and unescapes, in one process, with the parser that
//! the daemon has.

use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use bytes::BytesMut;

use crate::bed::Bed;
use crate::daemon::Daemon;
use crate::process::Work;
use crate::report::{Report, Samples, Target, heading};
use crate::tmux::{Control, Server};
use crate::{Options, Result};

const LINES: usize = 1_000_000;
/// What the program prints when it can be told to go.
const READY: &[u8] = b"ready\r\n";

/// What the program prints, and how it is told to.
struct Program {
    go: PathBuf,
    words: Vec<String>,
    printed: Vec<u8>,
}

impl Program {
    fn new(bed: &Bed) -> Result<Self> {
        let go = bed.path("go");
        nix::unistd::mkfifo(&go, nix::sys::stat::Mode::S_IRWXU)?;
        // It stays: of a program that ends, bare tmux drops what it has not read.
        let script = format!("echo ready; read go < '{}'; seq 1 {LINES}; exec cat", go.display());
        let mut printed = READY.to_vec();
        for number in 1..=LINES {
            write!(printed, "{number}\r\n")?;
        }
        Ok(Self { go, words: ["sh", "-c", &script].map(str::to_owned).to_vec(), printed })
    }

    /// Checks what arrived first, tells the program to go, and takes the rest. `more` appends to what
    /// was received. The time is that from the word to the last byte.
    fn run(&self, mut more: impl FnMut(&mut BytesMut) -> Result<()>) -> Result<Duration> {
        let mut received = BytesMut::new();
        let (mut at, mut told) = (0, None);
        loop {
            more(&mut received)?;
            let expected = self.printed.get(at..at + received.len()).unwrap_or_default();
            ensure!(
                received == expected,
                "what was received differs from what was printed between bytes {at} and {}",
                at + received.len()
            );
            at += received.len();
            received.clear();
            if at == READY.len() && told.is_none() {
                // Opening waits for the program to read.
                OpenOptions::new().write(true).open(&self.go)?.write_all(b"\n")?;
                told = Some(Instant::now());
            }
            if at == self.printed.len() {
                return Ok(told.context("the program did not wait")?.elapsed());
            }
        }
    }
}

pub fn measure(bed: &Bed, options: &Options, report: &mut Report) -> Result<()> {
    let rounds = options.rounds(5, 1);
    let program = Program::new(bed)?;
    let with = Daemon::start(bed, "with-screen")?;
    let without = Daemon::start_without_screen(bed, "without-screen")?;
    let server = Server::new(bed, "delivery-bare", &with.tmux_socket())?;
    let mut control = Control::start(&server)?;

    let size = program.printed.len() as f64 / 1e6;
    let (mut bare, mut ours) = (Samples::default(), [Samples::default(), Samples::default()]);
    let (mut ratios, mut processor) = ([Samples::default(), Samples::default()], Samples::default());
    for _ in 0..rounds {
        let rate = size / by_control(&mut control, &program)?.as_secs_f64();
        bare.push_value(rate);
        for (index, daemon) in [&with, &without].into_iter().enumerate() {
            let before = Work::of(daemon.pid()?)?;
            let own = size / by_tail(daemon, &program)?.as_secs_f64();
            let work = Work::of(daemon.pid()?)?.since(&before);
            ours[index].push_value(own);
            ratios[index].push_value(own / rate);
            if index == 0 {
                processor.push_value(work.cpu().as_secs_f64() * 1000.0 / size);
            }
        }
    }
    heading(&format!("row 1 · {LINES} lines, complete and in order ({rounds} paired rounds, medians)"));
    for (name, samples) in [
        ("bare tmux -C, parsed and unescaped", &bare),
        ("codepiper tail --follow --raw", &ours[0]),
        ("the same without the screen model", &ours[1]),
    ] {
        println!("  {name:<40} {:>9.2}   MB/s", samples.median());
    }
    println!("  {:<40} {:>9.2}   ms a MB", "processor time of the daemon", processor.median());
    report.ratio("1  delivery: codepiper / tmux -C", ratios[0].median(), Target::AtLeast(0.8));
    report.ratio(
        "1  delivery without the screen model: codepiper / tmux -C",
        ratios[1].median(),
        Target::AtLeast(0.9),
    );
    Ok(())
}

fn by_control(control: &mut Control, program: &Program) -> Result<Duration> {
    let pane = control.start_session("lines", &program.words)?;
    let time = program.run(|received| control.read_output(pane, received))?;
    control.kill_session("lines")?;
    Ok(time)
}

fn by_tail(daemon: &Daemon<'_>, program: &Program) -> Result<Duration> {
    daemon.start_session("lines", &program.words)?;
    let tail = ["tail", "--follow", "--raw", "-n", "all", "lines"];
    let mut tail = Tail(daemon.codepiper(&tail).stdout(Stdio::piped()).spawn()?);
    let mut stdout = tail.0.stdout.take().context("tail has no stdout")?;
    let mut buffer = vec![0; 64 * 1024];
    let time = program.run(|received| {
        let length = stdout.read(&mut buffer)?;
        ensure!(length > 0, "tail ended early");
        received.extend_from_slice(&buffer[..length]);
        Ok(())
    })?;
    drop(tail);
    daemon.remove_session("lines")?;
    Ok(time)
}

struct Tail(Child);

impl Drop for Tail {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
