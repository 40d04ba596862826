//! Prompts that a person keeps, to send them again: all in one small file.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use codepiper_protocol::visible::{is_hidden, visible};
use codepiper_protocol::wire::problem::{Code, Problem};
use codepiper_protocol::wire::saved_prompt::{MAX_PROMPT_NAME, MAX_PROMPT_TEXT, MAX_PROMPTS, SavedPrompt};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::lock::lock;
use crate::small_file::{self, write_synced};

/// The version of the file's form.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Stored {
    version: u32,
    /// By name.
    prompts: Vec<SavedPrompt>,
}

/// See the module. Clones share it; every method reads the file.
#[derive(Clone)]
pub struct SavedPrompts(Arc<Inner>);

struct Inner {
    path: PathBuf,
    /// One change at a time.
    turn: Mutex<()>,
}

impl SavedPrompts {
    /// Those in a file, which need not be there yet.
    pub fn new(path: PathBuf) -> Self {
        Self(Arc::new(Inner { path, turn: Mutex::default() }))
    }

    /// All, by name.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn list(&self) -> Result<Vec<SavedPrompt>, Problem> {
        let path = &self.0.path;
        let stored = small_file::read::<Stored>(path, VERSION).map_err(|reason| {
            let detail = format!(
                "saved prompts cannot be used: {}: {reason}; repair the file, or delete it",
                path.display()
            );
            Problem::new(Code::Internal, detail)
        })?;
        Ok(stored.map(|stored| stored.prompts).unwrap_or_default())
    }

    /// Saves one, or replaces its text.
    ///
    /// # Errors
    /// When the name or the text is none, there are too many, or the file cannot be written.
    pub fn save(&self, name: &str, text: String, now: Timestamp) -> Result<SavedPrompt, Problem> {
        check_name(name)?;
        if text.trim().is_empty() {
            return Err(Problem::new(Code::Invalid, "the prompt is empty"));
        }
        if text.len() > MAX_PROMPT_TEXT {
            let detail = format!("the prompt exceeds {MAX_PROMPT_TEXT} bytes");
            return Err(Problem::new(Code::TooLarge, detail));
        }
        let saved = SavedPrompt { name: name.to_owned(), text, changed_at: now };
        self.change(|prompts| {
            prompts.retain(|prompt| prompt.name != name);
            if prompts.len() >= MAX_PROMPTS {
                let detail = format!("there are {MAX_PROMPTS} saved prompts already; delete one first");
                return Err(Problem::new(Code::Invalid, detail));
            }
            prompts.push(saved.clone());
            Ok(saved)
        })
    }

    /// Gives one another name.
    ///
    /// # Errors
    /// When there is no such prompt, the new name is none or taken, or the file cannot be written.
    pub fn rename(&self, name: &str, to: &str) -> Result<SavedPrompt, Problem> {
        check_name(to)?;
        self.change(|prompts| {
            if name != to && prompts.iter().any(|prompt| prompt.name == to) {
                let detail = format!("a prompt is already named '{to}'; choose another name");
                return Err(Problem::new(Code::NameTaken, detail));
            }
            let prompt = prompts.iter_mut().find(|prompt| prompt.name == name);
            let prompt = prompt.ok_or_else(|| no_such(name))?;
            prompt.name = to.to_owned();
            Ok(prompt.clone())
        })
    }

    /// Deletes one.
    ///
    /// # Errors
    /// When there is no such prompt, or the file cannot be written.
    pub fn remove(&self, name: &str) -> Result<(), Problem> {
        self.change(|prompts| {
            let before = prompts.len();
            prompts.retain(|prompt| prompt.name != name);
            if prompts.len() == before { Err(no_such(name)) } else { Ok(()) }
        })
    }

    /// What was written counts; on an error everything is as it was.
    fn change<T>(
        &self,
        change: impl FnOnce(&mut Vec<SavedPrompt>) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        let _turn = self.turn();
        let mut prompts = self.list()?;
        let changed = change(&mut prompts)?;
        prompts.sort_by(|a, b| a.name.cmp(&b.name));
        write(&self.0.path, &Stored { version: VERSION, prompts })?;
        Ok(changed)
    }

    fn turn(&self) -> MutexGuard<'_, ()> {
        lock(&self.0.turn)
    }
}

fn write(path: &Path, stored: &Stored) -> Result<(), Problem> {
    let written = serde_json::to_vec_pretty(stored)
        .map_err(std::io::Error::from)
        .and_then(|json| write_synced(path, &json));
    written.map_err(|error: std::io::Error| {
        Problem::new(Code::Internal, format!("cannot write {}: {error}", path.display()))
    })
}

fn check_name(name: &str) -> Result<(), Problem> {
    let fits = (1..=MAX_PROMPT_NAME).contains(&name.chars().count());
    if fits && !name.chars().any(is_hidden) && name.trim() == name {
        return Ok(());
    }
    let detail = format!(
        "invalid prompt name '{}'; use 1 to {MAX_PROMPT_NAME} visible characters, without spaces at either end",
        visible(name)
    );
    Err(Problem::new(Code::Invalid, detail))
}

fn no_such(name: &str) -> Problem {
    Problem::new(Code::NotFound, format!("no saved prompt '{}'", visible(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn names(prompts: &SavedPrompts) -> Vec<String> {
        prompts.list().unwrap().into_iter().map(|prompt| prompt.name).collect()
    }

    fn code<T>(result: Result<T, Problem>) -> Option<Code> {
        result.err().map(|problem| problem.code)
    }

    #[test]
    fn prompts_are_kept_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("prompts.json");
        let prompts = SavedPrompts::new(path.clone());
        assert_eq!(names(&prompts), [""; 0]);
        prompts.save("review", "Review\nthis".into(), at(1)).unwrap();
        prompts.save("fix tests", "Fix them".into(), at(2)).unwrap();
        assert_eq!(names(&prompts), ["fix tests", "review"]);
        let replaced = prompts.save("review", "Review all".into(), at(3)).unwrap();
        assert_eq!(SavedPrompts::new(path.clone()).list().unwrap()[1], replaced);
        assert_eq!(prompts.rename("review", "a review").unwrap().changed_at, at(3));
        assert_eq!(names(&prompts), ["a review", "fix tests"]);
        assert_eq!(code(prompts.rename("a review", "fix tests")), Some(Code::NameTaken));
        assert_eq!(code(prompts.rename("none", "x")), Some(Code::NotFound));
        prompts.remove("a review").unwrap();
        assert_eq!(code(prompts.remove("a review")), Some(Code::NotFound));
        assert_eq!(names(&prompts), ["fix tests"]);

        for name in ["", " x", "a\nb", "\u{202e}x", &"x".repeat(65)] {
            assert_eq!(code(prompts.save(name, "text".into(), at(4))), Some(Code::Invalid), "{name:?}");
        }
        assert_eq!(code(prompts.save("x", " \n".into(), at(4))), Some(Code::Invalid));
        let long = "x".repeat(MAX_PROMPT_TEXT + 1);
        assert_eq!(code(prompts.save("x", long, at(4))), Some(Code::TooLarge));
        // What cannot be read is left as it is.
        std::fs::write(&path, "{\"version\": 9}").unwrap();
        assert_eq!(code(prompts.save("x", "y".into(), at(5))), Some(Code::Internal));
        assert_eq!(std::fs::read(&path).unwrap(), b"{\"version\": 9}");
    }
}
