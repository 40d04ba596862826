//! Row 1: a million lines, every one once and in order, through `codepiper tail --follow --raw` and a
//! pipe, beside a bare `tmux -C` reader that parses and unescapes, in one process, with the parser that
//! the daemon has. Then the same lines by `codepiper tail -n all`, from the daemon that took them, and
//! from the next one.

use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use bytes::BytesMut;

use crate::bed::Bed;
use crate::daemon::{Daemon, Form};
use crate::process::Work;
use crate::report::{Report, Samples, Target, heading};
use crate::tmux::{Control, Server};
use crate::{Options, Result};

const LINES: usize = 1_000_000;
/// The forms of the daemon, and what the ratio to bare tmux shall be at least.
const FORMS: [(Form, &str, f64); 3] = [
    (Form::Whole, "", 0.7),
    (Form::Screens, " without the journal", 0.8),
    (Form::Bare, " without journal and screens", 0.9),
];
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
            at = self.check(at, &received)?;
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

    /// Compares what was received with what was printed from `at` on; where that ends.
    fn check(&self, at: usize, received: &[u8]) -> Result<usize> {
        let end = at + received.len();
        let printed = self.printed.get(at..end);
        ensure!(
            printed == Some(received),
            "what was received differs from what was printed between bytes {at} and {end}"
        );
        Ok(end)
    }
}

pub fn measure(bed: &Bed, options: &Options, report: &mut Report) -> Result<()> {
    let rounds = options.rounds(5, 1);
    let program = Program::new(bed)?;
    let mut daemons = Vec::new();
    for (form, what, _) in FORMS {
        daemons.push(Daemon::start_as(bed, &format!("delivery{what}").replace(' ', "-"), form)?);
    }
    let server = Server::new(bed, "delivery-bare", &daemons[0].tmux_socket())?;
    let mut control = Control::start(&server)?;

    let size = program.printed.len() as f64 / 1e6;
    let (mut bare, mut processor) = (Samples::default(), Samples::default());
    let (mut ours, mut ratios) = (FORMS.map(|_| Samples::default()), FORMS.map(|_| Samples::default()));
    let mut later = [Samples::default(), Samples::default()];
    for _ in 0..rounds {
        let rate = size / by_control(&mut control, &program)?.as_secs_f64();
        bare.push_value(rate);
        for (index, daemon) in daemons.iter_mut().enumerate() {
            let before = Work::of(daemon.pid()?)?;
            let own = size / by_tail(daemon, &program)?.as_secs_f64();
            let work = Work::of(daemon.pid()?)?.since(&before);
            ours[index].push_value(own);
            ratios[index].push_value(own / rate);
            if FORMS[index].0 == Form::Whole {
                processor.push_value(work.cpu().as_secs_f64() * 1000.0 / size);
                later[0].push_value(size / from_the_journal(daemon, &program)?.as_secs_f64());
                daemon.stop()?;
                daemon.run()?;
                later[1].push_value(size / from_the_journal(daemon, &program)?.as_secs_f64());
            }
            daemon.remove_session("lines")?;
        }
    }
    heading(&format!("row 1 · {LINES} lines, complete and in order ({rounds} paired rounds, medians)"));
    let rate = |name: &str, samples: &Samples| {
        println!("  {name:<52} {:>9.2}   MB/s", samples.median());
    };
    rate("bare tmux -C, parsed and unescaped", &bare);
    for ((_, what, _), samples) in FORMS.iter().zip(&ours) {
        rate(&format!("codepiper tail --follow --raw{what}"), samples);
    }
    rate("codepiper tail -n all --raw, later", &later[0]);
    rate("codepiper tail -n all --raw, after a restart", &later[1]);
    println!("  {:<52} {:>9.2}   ms a MB", "processor time of the daemon", processor.median());
    for ((_, what, limit), samples) in FORMS.iter().zip(&ratios) {
        let name = format!("1  delivery{what}: codepiper / tmux -C");
        report.ratio(name, samples.median(), Target::AtLeast(*limit));
    }
    let slower = later[0].median().min(later[1].median()) / bare.median();
    report.ratio("1  tail -n all, later: codepiper / tmux -C", slower, Target::AtLeast(0.7));
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
    Ok(time)
}

/// Everything that was printed, by a reader that comes later. The time is that of the whole process.
fn from_the_journal(daemon: &Daemon<'_>, program: &Program) -> Result<Duration> {
    let begun = Instant::now();
    let tail = ["tail", "--raw", "-n", "all", "lines"];
    let mut tail = Tail(daemon.codepiper(&tail).stdout(Stdio::piped()).spawn()?);
    let mut stdout = tail.0.stdout.take().context("tail has no stdout")?;
    let (mut buffer, mut at) = (vec![0; 64 * 1024], 0);
    loop {
        match stdout.read(&mut buffer)? {
            0 => break,
            length => at = program.check(at, &buffer[..length])?,
        }
    }
    ensure!(at == program.printed.len(), "{at} of {} bytes are remembered", program.printed.len());
    ensure!(tail.0.wait()?.success(), "tail failed");
    Ok(begun.elapsed())
}

struct Tail(Child);

impl Drop for Tail {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
