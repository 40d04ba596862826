//! Comments on differences. They live in a small file of the session, so that no reload loses them, and are found
//! again by the lines that they quote, so that none points at other code.

mod prompt;

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard};

use codepiper_protocol::SessionId;
use codepiper_protocol::wire::git::MAX_FILE;
use codepiper_protocol::wire::problem::{Code, Problem};
use codepiper_protocol::wire::review::{
    AddComment, Comment, CommentState, MAX_COMMENT, MAX_COMMENTS, MAX_QUOTED, Review, Side,
};
use git2::{ObjectType, Oid};
use jiff::{Timestamp, Unit};
use serde::{Deserialize, Serialize};

use self::prompt::prompt;
use super::anchor::Quoted;
use super::base::{Reader, State};
use super::content::content;
use super::error::{Failure, invalid, not_found};
use super::hunk::texts;
use super::name::TreePath;
use super::repo::Repo;
use crate::lock::lock;
use crate::small_file;

const VERSION: u32 = 1;

/// The comments of all sessions: a file each.
pub struct Reviews {
    dir: PathBuf,
    /// Whoever changes a file holds it.
    lock: Mutex<()>,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    version: u32,
    next: u32,
    comments: Vec<Kept>,
}

/// A comment as it was made, and what tells its place apart.
#[derive(Serialize, Deserialize)]
struct Kept {
    comment: Comment,
    #[serde(flatten)]
    quoted: Quoted,
    /// The name of the prompt that it was sent with.
    #[serde(default)]
    sent_with: Option<String>,
}

impl Reviews {
    pub fn new(dir: PathBuf) -> Self {
        Self { dir, lock: Mutex::default() }
    }

    /// The comments, each where its lines are now.
    pub fn list(&self, reader: impl Into<Reader>, repo: Result<&Repo, Failure>) -> Result<Review, Failure> {
        let reader = reader.into();
        let session = reader.session;
        let stored = self.load(session)?;
        let repo = repo.ok();
        let comments: Vec<Comment> =
            stored.comments.into_iter().map(|kept| anchored(kept, repo, reader)).collect();
        let prompt = prompt(session, &comments);
        Ok(Review { comments, prompt })
    }

    pub fn add(
        &self,
        reader: impl Into<Reader>,
        repo: &Repo,
        wanted: &AddComment,
        author: &str,
    ) -> Result<Comment, Failure> {
        let reader = reader.into();
        let text = checked(&wanted.text)?;
        let path = TreePath::parse(&wanted.path)?;
        let side = wanted.side.unwrap_or(Side::New);
        let default = if side == Side::Old { "index" } else { "work" };
        let of = wanted.of.clone().unwrap_or_else(|| default.to_owned());
        let missing = || not_found(format!("there is no file {} in {of}", path.text()));
        let content =
            content(repo, &State::parse(repo, reader, &of)?, &path, MAX_FILE)?.ok_or_else(missing)?;
        let lines: Vec<&[u8]> = content.split_inclusive(|byte| *byte == b'\n').collect();
        let (from, to) = (wanted.from, wanted.to.unwrap_or(wanted.from));
        if from == 0 || to < from || to as usize > lines.len() {
            let detail = format!("{} has lines 1 to {}, not {from} to {to}", path.text(), lines.len());
            return Err(invalid(detail));
        }
        if to - from >= MAX_QUOTED {
            return Err(invalid(format!("a comment can be about at most {MAX_QUOTED} lines")));
        }
        let (first, end) = (from as usize - 1, to as usize);
        let comment = Comment {
            id: 0,
            path: path.text(),
            side,
            of,
            from,
            to,
            quote: texts(lines[first..end].iter().copied(), None),
            blob: Oid::hash_object(ObjectType::Blob, &content)?.to_string(),
            text,
            author: author.to_owned(),
            state: CommentState::Draft,
            stale: false,
            at: now(),
            sent_at: None,
            addressed_at: None,
        };
        let quoted = Quoted::of(&lines, first, &comment.quote);
        self.change(reader.session, |stored| {
            if stored.comments.len() >= MAX_COMMENTS {
                let detail = format!("there are {MAX_COMMENTS} comments already; delete those that are done");
                return Err(invalid(detail));
            }
            let comment = Comment { id: stored.next, ..comment };
            stored.next += 1;
            stored.comments.push(Kept { comment: comment.clone(), quoted, sent_with: None });
            Ok(comment)
        })
    }

    /// Another text for a draft.
    pub fn edit(&self, session: SessionId, id: u32, text: &str) -> Result<Comment, Failure> {
        let text = checked(text)?;
        self.change(session, |stored| {
            let comment = &mut find(stored, id)?.comment;
            if comment.state != CommentState::Draft {
                return Err(invalid(format!("comment {id} was already sent; write a new one")));
            }
            comment.text = text;
            Ok(comment.clone())
        })
    }

    pub fn remove(&self, session: SessionId, id: u32) -> Result<(), Failure> {
        self.change(session, |stored| {
            find(stored, id)?;
            stored.comments.retain(|kept| kept.comment.id != id);
            Ok(())
        })
    }

    /// It is done.
    pub fn address(&self, session: SessionId, id: u32) -> Result<Comment, Failure> {
        self.change(session, |stored| {
            let comment = &mut find(stored, id)?.comment;
            if comment.state == CommentState::Draft {
                return Err(invalid(format!("comment {id} is a draft, and was not sent to the agent")));
            }
            comment.state = CommentState::Addressed;
            comment.addressed_at = comment.addressed_at.or(Some(now()));
            Ok(comment.clone())
        })
    }

    /// These drafts are with the agent, as they were then. One that was edited meanwhile is still a draft.
    pub fn sent(&self, session: SessionId, drafts: &[Comment], prompt: &str) -> Result<(), Failure> {
        self.change(session, |stored| {
            for Kept { comment, sent_with, .. } in &mut stored.comments {
                let is_sent = |draft: &Comment| (draft.id, &draft.text) == (comment.id, &comment.text);
                if comment.state == CommentState::Draft && drafts.iter().any(is_sent) {
                    (comment.state, comment.sent_at) = (CommentState::Sent, Some(now()));
                    *sent_with = Some(prompt.to_owned());
                }
            }
            Ok(())
        })
    }

    /// These prompts were dropped before the agent had them: their comments are drafts again.
    pub fn dropped(&self, session: SessionId, prompts: &[String]) -> Result<(), Failure> {
        self.change(session, |stored| {
            for Kept { comment, sent_with, .. } in &mut stored.comments {
                if comment.state == CommentState::Sent
                    && sent_with.as_ref().is_some_and(|name| prompts.contains(name))
                {
                    (comment.state, comment.sent_at, *sent_with) = (CommentState::Draft, None, None);
                }
            }
            Ok(())
        })
    }

    /// The session is forgotten, and its comments with it.
    pub fn forget(&self, session: SessionId) {
        let _held = self.held();
        if let Err(error) = fs::remove_file(self.path(session))
            && error.kind() != ErrorKind::NotFound
        {
            tracing::warn!(%session, %error, "the comments of a session stay");
        }
    }

    fn change<T>(
        &self,
        session: SessionId,
        change: impl FnOnce(&mut Stored) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let _held = self.held();
        let mut stored = self.load(session)?;
        let done = change(&mut stored)?;
        let json = serde_json::to_vec(&stored).map_err(|error| internal(&error))?;
        fs::create_dir_all(&self.dir).map_err(|error| internal(&error))?;
        small_file::write_synced(&self.path(session), &json).map_err(|error| internal(&error))?;
        Ok(done)
    }

    fn load(&self, session: SessionId) -> Result<Stored, Failure> {
        let path = self.path(session);
        let found = small_file::read(&path, VERSION).map_err(|why| {
            Failure::Said(Problem::new(Code::Internal, format!("{}: {why}", path.display())))
        })?;
        Ok(found.unwrap_or(Stored { version: VERSION, next: 1, comments: vec![] }))
    }

    fn path(&self, session: SessionId) -> PathBuf {
        self.dir.join(format!("{session}.json"))
    }

    fn held(&self) -> MutexGuard<'_, ()> {
        lock(&self.lock)
    }
}

fn internal(error: &dyn std::fmt::Display) -> Failure {
    Failure::Said(Problem::new(Code::Internal, format!("the comment cannot be saved: {error}")))
}

fn now() -> Timestamp {
    Timestamp::now().round(Unit::Millisecond).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn checked(text: &str) -> Result<String, Failure> {
    match text.trim() {
        "" => Err(invalid("a comment needs some text")),
        text if text.len() > MAX_COMMENT => {
            Err(invalid(format!("the comment has more than {MAX_COMMENT} bytes")))
        }
        text => Ok(text.to_owned()),
    }
}

fn find(stored: &mut Stored, id: u32) -> Result<&mut Kept, Failure> {
    let found = stored.comments.iter_mut().find(|kept| kept.comment.id == id);
    found.ok_or_else(|| not_found(format!("there is no comment {id}")))
}

/// The comment where its lines are now.
fn anchored(kept: Kept, repo: Option<&Repo>, reader: Reader) -> Comment {
    let place = repo.and_then(|repo| {
        let path = TreePath::parse(&kept.comment.path).ok()?;
        let state = State::parse(repo, reader, &kept.comment.of).ok()?;
        let content = content(repo, &state, &path, MAX_FILE).ok()??;
        if Oid::hash_object(ObjectType::Blob, &content).ok()?.to_string() == kept.comment.blob {
            return Some(kept.comment.from);
        }
        let lines: Vec<&[u8]> = content.split_inclusive(|byte| *byte == b'\n').collect();
        kept.quoted.place(&lines, &kept.comment.quote)
    });
    let comment = kept.comment;
    match place {
        Some(from) => Comment { to: from + (comment.to - comment.from), from, ..comment },
        None => Comment { stale: true, ..comment },
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::Sandbox;
    use super::*;

    fn comment(path: &str, from: u32, to: u32) -> AddComment {
        AddComment { path: path.into(), side: None, of: None, from, to: Some(to), text: "why?".into() }
    }

    #[test]
    fn comments_follow_their_lines_or_say_that_these_are_gone() {
        let (sandbox, dir) = (Sandbox::new(), tempfile::tempdir().unwrap());
        let (reviews, session) = (Reviews::new(dir.path().join("reviews")), SessionId::random());
        sandbox.write("f", "a\nsame\nb\nc\nsame\nd\n");
        let repo = sandbox.repo();
        reviews.add(session, &repo, &comment("f", 3, 4), "here").unwrap();
        reviews.add(session, &repo, &comment("f", 5, 5), "here").unwrap();
        let places = || {
            let list = reviews.list(session, Ok(&repo)).unwrap().comments;
            list.iter().map(|comment| (comment.from, comment.to, comment.stale)).collect::<Vec<_>>()
        };
        assert_eq!(places(), [(3, 4, false), (5, 5, false)]);
        // Lines above are new, and one of the two that look the same is meant.
        sandbox.write("f", "new\nnew\na\nsame\nb\nc\nsame\nd\n");
        assert_eq!(places(), [(5, 6, false), (7, 7, false)]);
        // The quoted lines changed; of the two others it cannot be told which is which.
        sandbox.write("f", "same\nx\nsame\n");
        assert_eq!(places(), [(3, 4, true), (5, 5, true)]);
        std::fs::remove_file(sandbox.path("f")).unwrap();
        assert_eq!(places(), [(3, 4, true), (5, 5, true)]);
        // One line that looks the same is another one when nothing around it is the same.
        sandbox.write("f", "x\nsame\ny\n");
        assert_eq!(places(), [(3, 4, true), (5, 5, true)]);
        // They come back with their lines, also for a daemon that begins anew.
        sandbox.write("f", "b\nc\nsame\nd\n");
        let again = Reviews::new(dir.path().join("reviews")).list(session, Ok(&repo)).unwrap();
        assert_eq!(again.comments[0].from, 1);
        assert_eq!(again.comments[0].quote, ["b", "c"]);
    }

    #[test]
    fn drafts_are_sent_once_and_then_addressed() {
        let (sandbox, dir) = (Sandbox::new(), tempfile::tempdir().unwrap());
        let (reviews, session) = (Reviews::new(dir.path().to_owned()), SessionId::random());
        sandbox.write("f", "one\ntwo\n");
        sandbox.git(["add", "f"]);
        sandbox.write("f", "one\n");
        let repo = sandbox.repo();
        for bad in [
            comment("f", 0, 0),
            comment("f", 1, 2),
            comment("f", 2, 1),
            comment("g", 1, 1),
            comment("../f", 1, 1),
        ] {
            assert!(reviews.add(session, &repo, &bad, "x").is_err(), "{bad:?}");
        }
        let old = AddComment { side: Some(Side::Old), ..comment("f", 2, 2) };
        let first = reviews.add(session, &repo, &old, "phone").unwrap();
        assert_eq!((first.id, first.quote.as_slice()), (1, &["two".to_owned()][..]));
        assert!(reviews.address(session, 1).is_err());
        reviews.edit(session, 1, " keep this line ").unwrap();
        let prompt = reviews.list(session, Ok(&repo)).unwrap().prompt;
        for part in ["Comment 1: f, line 2 (before your change)\n> two\nkeep this line", &session.short()] {
            assert!(prompt.contains(part), "{prompt}");
        }
        // What is edited while it is sent is still a draft.
        let sent = reviews.list(session, Ok(&repo)).unwrap().comments;
        reviews.edit(session, 1, "keep it, please").unwrap();
        reviews.sent(session, &sent, "p").unwrap();
        assert_ne!(reviews.list(session, Ok(&repo)).unwrap().prompt, "");
        let drafts = || reviews.list(session, Ok(&repo)).unwrap().comments;
        reviews.sent(session, &drafts(), "p").unwrap();
        reviews.dropped(session, &["another".to_owned()]).unwrap();
        assert_eq!(drafts()[0].state, CommentState::Sent);
        reviews.dropped(session, &["p".to_owned()]).unwrap();
        assert_eq!(drafts()[0].state, CommentState::Draft);
        reviews.sent(session, &drafts(), "p").unwrap();
        assert!(reviews.edit(session, 1, "again").is_err());
        assert_eq!(reviews.list(session, Ok(&repo)).unwrap().prompt, "");
        assert_eq!(reviews.address(session, 1).unwrap().state, CommentState::Addressed);
        assert_eq!(reviews.add(session, &repo, &comment("f", 1, 1), "x").unwrap().id, 2);
        reviews.remove(session, 1).unwrap();
        assert!(reviews.remove(session, 1).is_err());
        reviews.forget(session);
        assert_eq!(reviews.list(session, Ok(&repo)).unwrap(), Review::default());
    }
}
