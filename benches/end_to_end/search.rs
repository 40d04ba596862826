//! A text among 100,000 lines of older output: the newest line, the oldest one, and one that is not there; from the daemon
//! that took them, and from the next one, which has to read the disk.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Instant;

use anyhow::{Context, ensure};
use codepiper_protocol::wire::output::FoundOutput;

use crate::bed::{Bed, wait_for_file};
use crate::daemon::Daemon;
use crate::report::{Report, Samples, Target, heading, percentiles};
use crate::{Options, Result};

const LINES: usize = 100_000;

pub fn measure(bed: &Bed, options: &Options, report: &mut Report) -> Result<()> {
    let mut daemon = Daemon::start(bed, "search")?;
    let printed = bed.path("printed");
    let text = "of a build that says what it compiles and links";
    let script = format!("seq -f 'line %.0f {text}' 1 {LINES}; touch '{}'; exec cat", printed.display());
    daemon.start_session("much", &["sh", "-c", &script].map(str::to_owned))?;
    wait_for_file(&printed)?;
    let texts = [
        ("the newest line", format!("line {LINES} of"), 1),
        ("the oldest line", "line 1 of".to_owned(), 1),
        ("a text that is not there", "no such line".to_owned(), 0),
    ];
    heading(&format!("search · {LINES} lines"));
    let mut slowest: f64 = 0.0;
    for whose in ["", ", after a restart"] {
        let mut samples = Vec::new();
        for (what, text, found) in &texts {
            let mut took = Samples::default();
            for _ in 0..options.rounds(20, 3) {
                let begun = Instant::now();
                let hits = search(&daemon, text)?.hits.len();
                took.push(begun.elapsed());
                ensure!(hits == *found, "'{text}' was found {hits} times");
            }
            slowest = slowest.max(took.median());
            samples.push((format!("{what}{whose}"), took));
        }
        percentiles(&samples.iter().map(|(what, took)| (what.as_str(), took)).collect::<Vec<_>>());
        daemon.stop()?;
        daemon.run()?;
    }
    report.ratio("search: the slowest of these (ms) / 300 ms", slowest / 300.0, Target::AtMost(1.0));
    Ok(())
}

fn search(daemon: &Daemon, text: &str) -> Result<FoundOutput> {
    let mut stream = UnixStream::connect(daemon.socket())?;
    let text = text.replace(' ', "+");
    let path = format!("/api/sessions/much/search?text={text}&limit=1");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let body = answer.split("\r\n\r\n").nth(1).context("no answer")?;
    // It may come in chunks.
    let json = body.get(body.find('{').context("no JSON")?..=body.rfind('}').context("no JSON")?);
    serde_json::from_str(json.unwrap_or_default()).with_context(|| answer.clone())
}
