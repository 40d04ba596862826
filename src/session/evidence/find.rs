//! Which transcript is a session's, and where it changes.

use std::path::{Path, PathBuf};

use super::Evidence;
use super::transcripts::Followed;
use crate::process;
use crate::session::cell::Session;
use crate::session::files::{FileKind, Wanted};
use crate::transcript::Transcript;

impl Evidence {
    /// Makes `followed` be about the session's present conversation; true when that was not known before.
    /// Reads directories.
    pub(super) fn find_transcript(&self, session: &Session, followed: &mut Followed) -> bool {
        let Some(conversations) = session.provider.conversations else { return false };
        let begun = self.conversation_of_files(session, followed);
        let known = session.life().record().life.conversation.clone();
        if known.is_some() && followed.current.as_ref().map(|(id, _)| id) == known.as_ref() {
            return begun;
        }
        let found = begun || known.is_none();
        let id = known.or_else(|| self.programs.find_conversation(session));
        let path = id.as_ref().and_then(|id| self.programs.transcript_path(session, id));
        let (Some(id), Some(path)) = (id, path) else {
            return self.expect_transcript(session) && self.find_transcript(session, followed);
        };
        followed.current = Some((id, Transcript::new(conversations.dialect(), path)));
        found
    }

    /// Takes the conversation that the program's open files prove, where hooks tell nothing; true when it is another
    /// one than before. They are looked at when there is a new file among the transcripts.
    fn conversation_of_files(&self, session: &Session, followed: &mut Followed) -> bool {
        let (pid, hooks_tell) = {
            let life = session.life();
            (life.machine().pid(), session.prompts() > 0)
        };
        let conversations = session.provider.conversations.filter(|kept| kept.begin_in_files());
        let (Some(pid), Some(conversations), false) = (pid, conversations, hooks_tell) else { return false };
        let Some(place) = self.programs.transcripts_place(session) else { return false };
        let there = newest_files(&place);
        if there.is_none() || there == followed.looked_at {
            return false;
        }
        let open = process::open_files(pid);
        let found = conversations.of_files(&open);
        // A file of its own that does not tell yet is looked at again.
        if found.is_some() || !open.iter().any(|file| file.starts_with(&place)) {
            followed.looked_at = there;
        }
        let (known, origin) = {
            let life = session.life();
            let life = &life.record().life;
            (life.conversation.clone(), life.forked_from.clone())
        };
        // A fork may read what it was made from.
        let another = found.filter(|found| ![origin.as_ref(), known.as_ref()].contains(&Some(found)));
        another.is_some_and(|conversation| self.registry.take_conversation(session, conversation))
    }

    /// Watches the directory where transcripts appear, with the newest folder of each kind (year, month,
    /// day) below it, or the nearest one that is there. True when what is there has to be looked at again.
    fn expect_transcript(&self, session: &Session) -> bool {
        session.is_live()
            && self.files.watch(session.id, FileKind::Transcript, &self.where_new_ones_appear(session))
    }

    fn where_new_ones_appear(&self, session: &Session) -> Vec<(PathBuf, Wanted)> {
        let Some(place) = self.programs.transcripts_place(session) else { return Vec::new() };
        let mut wanted = Vec::new();
        let mut next = place.ancestors().find(|dir| dir.is_dir()).map(Path::to_owned);
        while let Some(dir) = next {
            next = newest_folder(&dir).filter(|_| dir.starts_with(&place));
            wanted.push((dir, Wanted::New));
        }
        wanted
    }

    pub(super) fn watch_transcript(&self, session: &Session, transcript: &Transcript) {
        // In a directory that was not watched yet, the next one may have appeared unnoticed.
        while session.is_live()
            && self.files.watch(session.id, FileKind::Transcript, &self.where_it_changes(session, transcript))
        {
        }
    }

    /// The directories of a transcript that are there, or the nearest one above.
    fn where_it_changes(&self, session: &Session, transcript: &Transcript) -> Vec<(PathBuf, Wanted)> {
        let path = transcript.path();
        let begin = path.with_extension("");
        let dirs = [path.parent().map(Path::to_owned), Some(begin.clone()), transcript.agents()];
        let there = dirs.into_iter().flatten().filter(|dir| dir.is_dir());
        let mut wanted: Vec<_> = there.map(|dir| (dir, Wanted::Begins(begin.clone()))).collect();
        if wanted.is_empty() {
            let nearest = path.ancestors().find(|dir| dir.is_dir());
            wanted.extend(nearest.map(|dir| (dir.to_owned(), Wanted::New)));
        }
        if session.provider.conversations.is_some_and(|kept| kept.begin_in_files()) {
            wanted.extend(self.where_new_ones_appear(session));
        }
        wanted
    }
}

/// The newest folder of each kind (year, month, day), and how many files are in it.
fn newest_files(place: &Path) -> Option<(PathBuf, usize)> {
    let day = std::iter::successors(Some(place.to_owned()), |dir| newest_folder(dir)).last()?;
    let files = std::fs::read_dir(&day).ok()?.count();
    Some((day, files))
}

/// The last folder by its name.
fn newest_folder(dir: &Path) -> Option<PathBuf> {
    let entries = std::fs::read_dir(dir).ok()?;
    entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_dir()).max()
}
