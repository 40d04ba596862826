//! Transcripts of sub-agents, which lie beside the agent's own.

use std::path::PathBuf;

use super::{LONGEST_LINE, SubAgents, Transcript};
use crate::plain_file;

impl Transcript {
    /// Where the transcripts of sub-agents lie.
    pub fn agents(&self) -> Option<PathBuf> {
        Some(self.folder_of(&self.dialect.sub_agents?))
    }

    fn folder_of(&self, kept: &SubAgents) -> PathBuf {
        self.path.with_extension("").join(kept.folder)
    }

    /// The transcript of a sub-agent; `None` when nothing can have that id.
    pub fn agent(&self, id: &str) -> Option<Transcript> {
        let kept = self.dialect.sub_agents?;
        let named = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_';
        let fits = !id.is_empty() && id.len() <= 64 && id.chars().all(named);
        let name = format!("{}{id}.jsonl", kept.prefix);
        fits.then(|| Self::new(self.dialect, self.folder_of(&kept).join(name)))
    }

    /// The sub-agent that was given this prompt: only its result names it.
    pub(super) fn working_agent(&self, kept: &SubAgents, prompt: &str) -> Option<String> {
        let names = std::fs::read_dir(self.folder_of(kept)).ok()?;
        let files = names.filter_map(|entry| Some(entry.ok()?.path()));
        let mut newest: Vec<(std::time::SystemTime, PathBuf)> =
            files.filter_map(|path| Some((path.metadata().ok()?.modified().ok()?, path))).collect();
        newest.sort();
        newest.into_iter().rev().find_map(|(_, path)| {
            let id = path.file_stem()?.to_str()?.strip_prefix(kept.prefix)?.to_owned();
            let line = plain_file::first_line(&path, LONGEST_LINE as u64).ok()?;
            (kept.begins_with)(&line, prompt).then_some(id)
        })
    }
}
