//! The launch record: everything needed to start a session again, as one small file a session.
//!
//! It is written and synced before anything is started, and rewritten when the session ends.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use codepiper_protocol::wire::ask::AskKind;
use codepiper_protocol::wire::session as wire;
use codepiper_protocol::wire::session::{Billing, Changes, Exit, SizeLease, Status};
use codepiper_protocol::wire::worktree::Worktree;
use codepiper_protocol::{SessionId, Size};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

use super::machine::Before;
use crate::bus::to_millisecond;
use crate::environment::{Environment, Surroundings};
use crate::small_file::{self, Broken, write_synced};

/// The version of the file's form.
const VERSION: u32 = 1;
/// What crashed twice within this time would crash again.
const CRASHES_WITHIN: SignedDuration = SignedDuration::from_mins(10);
const CRASHES_KEPT: usize = 2;

/// One file. Its form is flat: whose a field is does not show in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    pub version: u32,
    pub id: SessionId,
    #[serde(flatten)]
    pub recipe: Recipe,
    #[serde(flatten)]
    pub life: Life,
}

/// What is launched: the same at every resume, and for a fork.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    pub provider: String,
    pub args: Vec<String>,
    pub cwd: PathBuf,
    /// The `PATH` that the program gets, as [`codepiper_protocol::os_text`].
    pub path: Option<String>,
    /// What else whoever started or resumed it has of what comes from a caller: no secrets.
    #[serde(default)]
    pub surroundings: Option<Environment>,
    /// What he has of what the configuration adds to that; secrets may be in it.
    #[serde(skip)]
    pub given: Option<Environment>,
    #[serde(default)]
    pub umask: Option<u32>,
    pub size: Size,
    /// Who pays; `None` where it makes no difference, and in records from before there was a choice.
    #[serde(default)]
    pub billing: Option<Billing>,
    /// The names of its env sets, in order.
    #[serde(default)]
    pub env_sets: Vec<String>,
    /// Its program asks for no permission.
    #[serde(default)]
    pub dangerous: bool,
    /// The worktree that its first session was made in.
    #[serde(default)]
    pub worktree: Option<Worktree>,
    /// The model that was asked for, by the name that its provider's flag takes.
    #[serde(default)]
    pub model: Option<String>,
    /// The permission mode that its agent was in last, as that calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permission_mode: Option<String>,
}

/// What has happened to this session, and to no other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Life {
    pub name: Option<String>,
    /// The conversation that its own began as a copy of.
    #[serde(default)]
    pub forked_from: Option<String>,
    /// Who chose the size, until they give it back.
    #[serde(default)]
    pub lease: Option<SizeLease>,
    /// The provider's id of the conversation.
    pub conversation: Option<String>,
    pub created_at: Timestamp,
    /// When its program was started last.
    pub launched_at: Timestamp,
    /// Proves the shim's exit marker of the last launch.
    pub nonce: String,
    /// As last known: a session that lives here may have ended since.
    pub status: Status,
    pub exit: Option<Exit>,
    /// The program's process group.
    pub pid: Option<i32>,
    /// The tmux server of the last launch: its process and when it was started.
    #[serde(default)]
    pub server: Option<(i32, u64)>,
    /// The epoch that was written last, and where it began or ended.
    pub epoch: u32,
    pub offset: u64,
    pub updated_at: Timestamp,
    /// Since when the state is as it is.
    #[serde(default)]
    pub state_since: Option<Timestamp>,
    /// What a running one did when it was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known: Option<Before>,
    /// The daemon left in order: nobody has seen a byte behind `offset`.
    #[serde(default)]
    pub complete: bool,
    /// When it crashed the last two times.
    #[serde(default)]
    pub crashes: Vec<Timestamp>,
    /// What waits until the agent has nothing to do.
    #[serde(default)]
    pub queue: Vec<Queued>,
    /// Texts that waited and were dropped, by [`name_of`](crate::session::name_of), until somebody has
    /// taken note.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dropped: Vec<String>,
    /// Until the agent begins with something: a person interrupted it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub queue_held: bool,
    /// The usage limit behind which it was told to continue, by when it was reached: nobody does so twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continued: Option<Timestamp>,
    /// What a person should see, and has not seen.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_more")]
    pub news: Vec<News>,
    /// Asks that nobody wants to hear of until then.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_more")]
    pub snoozed: Vec<(String, Timestamp)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pinned: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub archived: bool,
    /// How much changed since it began, as counted last.
    #[serde(default)]
    pub changes: Option<Changes>,
}

/// Something that happened, and that a person should see.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct News {
    pub kind: AskKind,
    pub at: Timestamp,
    /// One line.
    pub text: String,
}

/// Earlier versions kept one.
fn one_or_more<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Kept<T> {
        More(Vec<T>),
        One(T),
    }
    Ok(match Option::<Kept<T>>::deserialize(from)? {
        None => Vec::new(),
        Some(Kept::More(all)) => all,
        Some(Kept::One(one)) => vec![one],
    })
}

/// A text that waits, with the images before it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Queued {
    pub text: String,
    pub images: Vec<Uuid>,
    /// Only as a prompt.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub plain: bool,
}

impl Recipe {
    /// From now on the program gets this from whoever starts it.
    pub fn take_surroundings(&mut self, rule: &Surroundings, theirs: wire::Surroundings) {
        let (mut known, given) = rule.divide(theirs.env);
        // Without one, a program that was found before is found again.
        self.path = known.remove("PATH").or(self.path.take());
        (self.surroundings, self.given) = (Some(known), Some(given));
        self.umask = theirs.umask.map(|mask| mask & 0o777).or(self.umask);
    }
}

impl Life {
    /// Remembers when it crashed.
    pub fn note_crash(&mut self, at: Timestamp) {
        self.crashes.push(at);
        let old = self.crashes.len().saturating_sub(CRASHES_KEPT);
        self.crashes.drain(..old);
    }

    /// Whether that is news: not only that it was counted again.
    pub fn count(&mut self, changes: Changes) -> bool {
        let counted = |changes: Changes| (changes.files, changes.added, changes.removed, changes.whole);
        self.changes.replace(changes).map(counted) != Some(counted(changes))
    }

    /// The last two crashes came close one after another: it would crash again.
    pub fn crashes_repeatedly(&self) -> bool {
        self.crashes.windows(CRASHES_KEPT).any(|pair| pair[1].duration_since(pair[0]) <= CRASHES_WITHIN)
    }
}

impl Record {
    /// Of a session that is about to be launched for the first time.
    pub fn new(id: SessionId, name: Option<String>, recipe: Recipe, conversation: Option<String>) -> Self {
        let now = to_millisecond(Timestamp::now());
        let life = Life {
            name,
            forked_from: None,
            lease: None,
            conversation,
            created_at: now,
            launched_at: now,
            nonce: String::new(),
            status: Status::Starting,
            exit: None,
            pid: None,
            server: None,
            epoch: 0,
            offset: 0,
            updated_at: now,
            state_since: None,
            known: None,
            complete: false,
            crashes: Vec::new(),
            dropped: vec![],
            queue: Vec::new(),
            queue_held: false,
            news: Vec::new(),
            snoozed: Vec::new(),
            tags: Vec::new(),
            pinned: false,
            archived: false,
            continued: None,
            changes: None,
        };
        Self { version: VERSION, id, recipe, life }
    }

    /// What a fork is launched by: the size is the one that nobody chose for a while only.
    pub fn recipe_of_fork(&self) -> Recipe {
        let size = self.life.lease.as_ref().map_or(self.recipe.size, |lease| lease.size_before);
        Recipe { size, ..self.recipe.clone() }
    }

    /// As it is while a daemon runs that may not leave in order.
    pub fn incomplete(mut self) -> Self {
        self.life.complete = false;
        self
    }

    /// Where the record of a session is kept.
    pub fn path(dir: &Path, id: SessionId) -> PathBuf {
        dir.join(format!("{id}.json"))
    }

    pub fn save(&self, dir: &Path) -> io::Result<()> {
        let json = serde_json::to_vec_pretty(self)?;
        write_synced(&Self::path(dir, self.id), &json)
    }

    pub fn remove(dir: &Path, id: SessionId) -> io::Result<()> {
        match fs::remove_file(Self::path(dir, id)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Reads all records. A record that cannot be read is returned with the reason.
    pub fn load_all(dir: &Path) -> io::Result<(Vec<Record>, Vec<Broken>)> {
        let mut records = Vec::new();
        let mut broken = Vec::new();
        for entry in fs::read_dir(dir)? {
            let path = entry?.path();
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            match Self::load(&path) {
                Ok(record) => records.push(record),
                Err(reason) => broken.push((path, reason)),
            }
        }
        records.sort_by_key(|record| record.life.created_at);
        Ok((records, broken))
    }

    fn load(path: &Path) -> Result<Record, String> {
        let record: Option<Record> = small_file::read(path, VERSION)?;
        let record = record.ok_or("the file is missing")?;
        match path.file_stem().is_some_and(|name| *name == *record.id.to_string()) {
            true => Ok(record),
            false => Err(format!("the file belongs to session {} but has another name", record.id)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        let recipe = Recipe {
            provider: "shell".into(),
            args: vec!["seq".into()],
            cwd: "/".into(),
            path: None,
            surroundings: Some(Environment::from([("LANG".into(), "C".into())])),
            given: None,
            umask: Some(0o22),
            size: Size::DEFAULT,
            billing: Some(Billing::Api),
            env_sets: vec!["one".into()],
            dangerous: true,
            worktree: None,
            model: Some("m".into()),
            permission_mode: Some("plan".into()),
        };
        let mut record = Record::new(SessionId::random(), Some("n".into()), recipe, None);
        record.life.server = Some((2, 3));
        record.life.crashes = vec![Timestamp::UNIX_EPOCH];
        record.life.queue = vec![Queued { text: "next".into(), images: vec![], plain: false }];
        record
    }

    #[test]
    fn a_fork_gets_the_size_that_was_there_before_somebody_fitted_it() {
        let mut record = record();
        let size_before = std::mem::replace(&mut record.recipe.size, Size::new(200, 60).unwrap());
        let since = Timestamp::UNIX_EPOCH;
        record.life.lease =
            Some(SizeLease { login: None, holder: "phone".into(), since, size_before, automatic: false });
        let recipe = record.recipe_of_fork();
        assert_eq!(recipe, Recipe { size: size_before, ..record.recipe });
    }

    #[test]
    fn a_record_survives_and_a_broken_one_does_no_harm() {
        let dir = tempfile::tempdir().unwrap();
        let record = record();
        record.save(dir.path()).unwrap();
        record.save(dir.path()).unwrap();
        fs::write(dir.path().join("broken.json"), "{").unwrap();
        let newer = serde_json::to_string(&Record { version: VERSION + 1, ..record.clone() }).unwrap();
        fs::write(dir.path().join("newer.json"), newer).unwrap();
        fs::copy(Record::path(dir.path(), record.id), dir.path().join("copy.json")).unwrap();
        let (records, broken) = Record::load_all(dir.path()).unwrap();
        assert_eq!(records, std::slice::from_ref(&record));
        assert_eq!(broken.len(), 3);
        Record::remove(dir.path(), record.id).unwrap();
        Record::remove(dir.path(), record.id).unwrap();
        assert_eq!(Record::load_all(dir.path()).unwrap().0, []);
    }

    #[test]
    fn a_record_of_before_there_were_several_is_read() {
        let mut record = record();
        let news = News { kind: AskKind::Attention, at: Timestamp::UNIX_EPOCH, text: "look".into() };
        let snoozed = ("ask-a".to_owned(), Timestamp::UNIX_EPOCH);
        (record.life.news, record.life.snoozed) = (vec![news.clone()], vec![snoozed.clone()]);
        let mut kept = serde_json::to_value(&record).unwrap();
        kept["news"] = serde_json::to_value(&news).unwrap();
        kept["snoozed"] = serde_json::to_value(&snoozed).unwrap();
        assert_eq!(serde_json::from_value::<Record>(kept).unwrap(), record);
    }

    #[test]
    fn two_crashes_count_when_they_are_close() {
        let at = |minute: i64| Timestamp::from_second(minute * 60).unwrap();
        let repeats = |minutes: &[i64]| {
            let mut life = record().life;
            life.crashes = vec![];
            minutes.iter().for_each(|minute| life.note_crash(at(*minute)));
            life.crashes_repeatedly()
        };
        assert!(!repeats(&[]) && !repeats(&[1]) && !repeats(&[1, 12]) && !repeats(&[1, 2, 13]));
        assert!(repeats(&[1, 11]) && repeats(&[1, 12, 13]));
    }
}
