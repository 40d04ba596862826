//! How fast transcripts are read: lines to what they say, and a whole file to its index. Bytes of the
//! file a second.

use std::fs;
use std::hint::black_box;
use std::path::Path;

use codepiper::provider::Providers;
use codepiper::transcript::{Dialect, Transcript, parse};
use divan::Bencher;
use divan::counter::BytesCount;

/// Real lines, often enough.
const REPEATED: usize = 32;

#[derive(Clone, Copy, Debug)]
enum Kind {
    ClaudeCode,
    Codex,
}

impl Kind {
    fn lines(self) -> (&'static Dialect, Vec<u8>) {
        let name = match self {
            Self::ClaudeCode => "claude-code",
            Self::Codex => "codex",
        };
        let provider = Providers::built_in().find(name).expect("it is built in");
        let dialect = provider.conversations.expect("it has conversations").dialect();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/transcripts");
        (dialect, fs::read(folder.join(name).join("long.jsonl")).expect("a fixture").repeat(REPEATED))
    }
}

#[divan::bench(args = [Kind::ClaudeCode, Kind::Codex])]
fn parse_lines(bencher: Bencher<'_, '_>, kind: Kind) {
    let (dialect, bytes) = kind.lines();
    bencher.counter(BytesCount::of_slice(&bytes)).bench_local(|| {
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            black_box(parse(dialect, line));
        }
    });
}

#[divan::bench(args = [Kind::ClaudeCode, Kind::Codex])]
fn index_file(bencher: Bencher<'_, '_>, kind: Kind) {
    let (dialect, bytes) = kind.lines();
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("transcript.jsonl");
    fs::write(&path, &bytes).expect("a file");
    bencher.counter(BytesCount::of_slice(&bytes)).bench_local(|| {
        let mut transcript = Transcript::new(dialect, path.clone());
        black_box(transcript.catch_up().expect("it is read"));
    });
}
