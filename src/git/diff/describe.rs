//! What is said of a file that differs, beside its lines.

use codepiper_protocol::wire::git::DiffFile;
use git2::{Delta, DiffDelta, DiffFlags, FileMode, Patch};

use super::super::error::Failure;
use super::super::name::text_of;
use super::super::status::change;
use super::path_of;

pub fn describe(delta: &DiffDelta, patch: Option<&Patch>) -> Result<Option<DiffFile>, Failure> {
    let (Some(path), Some(change)) = (path_of(delta), change(delta.status())) else { return Ok(None) };
    let flags = patch.map_or(delta.flags(), |patch| patch.delta().flags());
    let binary = flags.contains(DiffFlags::BINARY);
    let has_lines = !binary && delta.status() != Delta::Typechange;
    let counted = match patch.filter(|_| has_lines) {
        Some(patch) => Some(patch.line_stats()?),
        None => None,
    };
    let old_path = (delta.status() == Delta::Renamed).then(|| delta.old_file().path_bytes()).flatten();
    Ok(Some(DiffFile {
        path: text_of(path),
        old_path: old_path.map(text_of),
        change,
        old_mode: mode(delta.old_file().mode()),
        new_mode: mode(delta.new_file().mode()),
        added: counted.map(|(_, added, _)| added as u32),
        removed: counted.map(|(_, _, removed)| removed as u32),
        binary,
        generated: is_generated(path),
        version: None,
        conflicted: delta.status() == Delta::Conflicted,
    }))
}

pub fn mode(mode: FileMode) -> Option<String> {
    let text = match mode {
        FileMode::Unreadable => return None,
        FileMode::Tree => "040000",
        FileMode::Blob => "100644",
        FileMode::BlobGroupWritable => "100664",
        FileMode::BlobExecutable => "100755",
        FileMode::Link => "120000",
        FileMode::Commit => "160000",
    };
    Some(text.to_owned())
}

/// By the names that programs give to what they write.
pub fn is_generated(path: &[u8]) -> bool {
    const NAMES: [&[u8]; 13] = [
        b"Cargo.lock",
        b"package-lock.json",
        b"npm-shrinkwrap.json",
        b"yarn.lock",
        b"pnpm-lock.yaml",
        b"bun.lock",
        b"bun.lockb",
        b"composer.lock",
        b"Gemfile.lock",
        b"poetry.lock",
        b"uv.lock",
        b"go.sum",
        b"flake.lock",
    ];
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or(path);
    let below = |dir: &[u8]| path.split(|byte| *byte == b'/').rev().skip(1).any(|part| part == dir);
    NAMES.contains(&name)
        || [&b".min.js"[..], b".min.css", b".map"].iter().any(|end| name.ends_with(end))
        || below(b"dist")
        || below(b"node_modules")
}
