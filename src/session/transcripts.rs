//! The transcripts of the sessions: found, read as they grow, told once. A change of a session's activity is a reason to
//! look too.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard};

use codepiper_protocol::event::{Body, Place, Source};
use codepiper_protocol::wire::conversation::{Conversation, ReadConversation, Said, Usage};
use codepiper_protocol::wire::events::ListEvents;
use codepiper_protocol::wire::input::ImageKind;
use codepiper_protocol::wire::problem::{Code, Problem};
use codepiper_protocol::wire::session::Activity;
use jiff::Timestamp;

use super::files::{Kind, Wanted};
use super::images::{self, kind_of};
use super::machine::Input;
use super::{Session, Sessions};
use crate::lock::lock;
use crate::process;
use crate::tasks::blocking;
use crate::transcript::{Happening, Told, Transcript, place};

/// The transcript of a session, as far as it is known.
#[derive(Default)]
pub(super) struct Followed {
    /// The provider's id of the conversation, and its transcript.
    current: Option<(String, Transcript)>,
    told: Option<Told>,
    last: Option<Last>,
    /// What it says last of turns.
    turn: Option<Turn>,
    /// The newest folder of transcripts, and how many there were in it, when its conversation was looked for among
    /// open files.
    looked_at: Option<(PathBuf, usize)>,
    /// The last told place was looked for in the log of events.
    remembered: bool,
    agents: HashMap<String, Transcript>,
}

/// What a reading brought.
#[derive(Default)]
struct News {
    /// The conversation was not known before.
    found: bool,
    changed: bool,
}

/// The beginning or the end of a turn.
struct Turn {
    activity: Activity,
    what: &'static str,
    at: Option<Timestamp>,
}

/// What was told last.
struct Last {
    place: Place,
    at: Timestamp,
    /// From when on its conversation is the session's own.
    since: Timestamp,
}

impl Last {
    /// An event, if it is one of a transcript.
    fn of(body: &Body, at: Timestamp, created: Timestamp) -> Option<Self> {
        let since = match body {
            Body::TranscriptConversationChanged { since, .. } => *since,
            _ => created,
        };
        Some(Self { place: body.place()?.clone(), at, since })
    }
}

impl Sessions {
    /// Reads transcripts as they change.
    pub async fn follow_transcripts(&self) {
        loop {
            for id in self.0.files.changed(Kind::Transcript).await {
                if let Some(session) = self.get(id) {
                    self.read_transcript(&session).await;
                    // A sub-agent's own file counts too.
                    self.conversation_changed(&session);
                }
            }
        }
    }

    /// Looks for the transcript of a session, and at it.
    pub(super) fn look_at_transcript(&self, session: &Arc<Session>) {
        if session.provider.conversations.is_some() {
            let (sessions, session) = (self.clone(), session.clone());
            self.0.tasks.spawn(async move { sessions.read_transcript(&session).await });
        }
    }

    pub(super) fn activity_changed(&self, session: &Arc<Session>, activity: Activity) {
        if matches!(activity, Activity::Working | Activity::Waiting) {
            session.state().drafted = false;
        }
        self.look_at_transcript(session);
    }

    pub(super) fn forget_transcript(&self, session: &Session) {
        self.0.files.watch(session.id, Kind::Transcript, &[]);
    }

    /// Reads what is new in a session's transcript, and tells it.
    async fn read_transcript(&self, session: &Arc<Session>) {
        self.remember_told(session).await;
        if !session.followed().remembered {
            // What was told already cannot be read now; it would be told again.
            return;
        }
        let (sessions, reading) = (self.clone(), session.clone());
        let read = blocking(move || -> io::Result<News> {
            // It is held so that nothing is told twice, or in another order.
            let mut followed = reading.followed();
            let news = sessions.read_transcript_now(&reading, &mut followed)?;
            sessions.recall(&reading, followed.turn.as_ref());
            Ok(news)
        });
        match read.await {
            Ok(Ok(News { found, changed })) => {
                if found {
                    self.save_or_say(session).await;
                }
                if changed {
                    self.conversation_changed(session);
                }
            }
            // It is written with the first words.
            Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => {}
            Ok(Err(error)) => tracing::warn!(id = %session.id, %error, "a transcript cannot be read"),
            Err(error) => tracing::error!(id = %session.id, %error, "a transcript was not read"),
        }
    }

    fn conversation_changed(&self, session: &Session) {
        session.conversation.fetch_add(1, Ordering::Relaxed);
        self.wake_watchers();
    }

    /// Where the events of an earlier daemon ended.
    async fn remember_told(&self, session: &Session) {
        if session.followed().remembered {
            return;
        }
        let (session_id, source) = (Some(session.id), Some(Source::Transcript));
        let newest =
            ListEvents { session: session_id, source, kind: None, since: None, before: None, limit: 1 };
        let found = self.0.bus.events.find(newest).await;
        if found.unreadable.is_some() {
            return;
        }
        let mut followed = session.followed();
        if !std::mem::replace(&mut followed.remembered, true) {
            let created = session.state().record.life.created_at;
            followed.last = found.events.last().and_then(|event| Last::of(&event.body, event.at, created));
        }
    }

    /// Blocks.
    fn read_transcript_now(&self, session: &Session, followed: &mut Followed) -> io::Result<News> {
        let found = self.find_transcript(session, followed);
        let created = session.state().record.life.created_at;
        let Followed { current: Some((id, transcript)), told, last, turn, agents, .. } = followed else {
            return Ok(News::default());
        };
        // What is written between reading and watching would not be noticed.
        self.watch_transcript(session, transcript);
        let news = transcript.catch_up()?;
        if let Some((model, at)) = news.model {
            self.model_named(session, model, at);
        }
        if news.replaced {
            agents.clear();
            *turn = None;
            *told = Some(match last.as_ref() {
                Some(last) if last.place.conversation == *id => {
                    match transcript.begins_as_before(&last.place)? {
                        true => Told::up_to(last.place.offset, last.since),
                        false => Told::until(last.at),
                    }
                }
                before => {
                    let since = before.map_or(created, |last| last.at.max(created));
                    let body = Body::TranscriptConversationChanged { place: place(id, None), since };
                    *last = self.tell(session, Timestamp::now(), body);
                    Told::nothing(since)
                }
            });
        }
        for happening in news.happenings {
            *turn = turn_of(&happening).or(turn.take());
            let new = told.as_mut().is_some_and(|told| told.take(&happening));
            let at = happening.at.unwrap_or_else(Timestamp::now);
            if let Some(body) = event_of(id, happening).filter(|_| new) {
                *last = self.tell(session, at, body);
            }
        }
        Ok(News { found, changed: news.changed })
    }

    /// The newest word counts: one from before this daemon only if there is no other.
    fn model_named(&self, session: &Session, model: String, at: Option<Timestamp>) {
        {
            let mut state = session.state();
            let known = state.model.is_some() || state.record.recipe.model.is_some();
            let daemon_began = Timestamp::now() - self.0.started.elapsed();
            let said = state.model_said.map_or(daemon_began, |said| said.max(daemon_began));
            let old = at.is_none_or(|at| at < said);
            if known && old || state.model.as_ref() == Some(&model) {
                return;
            }
            state.model = Some(model);
        }
        self.touch(session);
    }

    /// For a program that was found running. A turn that began before its launch ended with another program.
    fn recall(&self, session: &Arc<Session>, turn: Option<&Turn>) {
        let conversations = session.provider.conversations;
        let tells = conversations.is_some_and(|kept| kept.dialect().tells_ends_of_turns);
        let Some(turn) = turn.filter(|_| tells) else { return };
        let (open, launched) = {
            let state = session.state();
            (state.machine.is_open_to_memory(), state.record.life.launched_at)
        };
        if !open {
            return;
        }
        if turn.activity == Activity::Idle || turn.at.is_some_and(|at| at >= launched) {
            self.apply(session, Input::Recalled { activity: turn.activity, what: turn.what.to_owned() });
        }
    }

    fn tell(&self, session: &Session, at: Timestamp, body: Body) -> Option<Last> {
        let last = Last::of(&body, at, session.state().record.life.created_at);
        self.0.bus.events.append(at, Some(session.id), body);
        last
    }

    /// Makes `followed` be about the session's present conversation; true when that was not known before.
    /// Reads directories.
    fn find_transcript(&self, session: &Session, followed: &mut Followed) -> bool {
        let Some(conversations) = session.provider.conversations else { return false };
        let begun = self.conversation_of_files(session, followed);
        let known = session.state().record.life.conversation.clone();
        if known.is_some() && followed.current.as_ref().map(|(id, _)| id) == known.as_ref() {
            return begun;
        }
        let found = begun || known.is_none();
        let id = known.or_else(|| self.find_conversation(session));
        let path = id.as_ref().and_then(|id| self.transcript_path(session, id));
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
            let state = session.state();
            (state.machine.pid(), state.prompts > 0)
        };
        let conversations = session.provider.conversations.filter(|kept| kept.begin_in_files());
        let (Some(pid), Some(conversations), false) = (pid, conversations, hooks_tell) else { return false };
        let Some(place) = self.transcripts_place(session) else { return false };
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
            let record = &session.state().record;
            (record.life.conversation.clone(), record.life.forked_from.clone())
        };
        // A fork may read what it was made from.
        let another = found.filter(|found| ![origin.as_ref(), known.as_ref()].contains(&Some(found)));
        another.is_some_and(|conversation| self.take_conversation(session, conversation))
    }

    /// Watches the directory where transcripts appear, with the newest folder of each kind (year, month,
    /// day) below it, or the nearest one that is there. True when what is there has to be looked at again.
    fn expect_transcript(&self, session: &Session) -> bool {
        session.is_live()
            && self.0.files.watch(session.id, Kind::Transcript, &self.where_new_ones_appear(session))
    }

    fn where_new_ones_appear(&self, session: &Session) -> Vec<(PathBuf, Wanted)> {
        let Some(place) = self.transcripts_place(session) else { return Vec::new() };
        let mut wanted = Vec::new();
        let mut next = place.ancestors().find(|dir| dir.is_dir()).map(Path::to_owned);
        while let Some(dir) = next {
            next = newest_folder(&dir).filter(|_| dir.starts_with(&place));
            wanted.push((dir, Wanted::New));
        }
        wanted
    }

    fn watch_transcript(&self, session: &Session, transcript: &Transcript) {
        // In a directory that was not watched yet, the next one may have appeared unnoticed.
        while session.is_live()
            && self.0.files.watch(session.id, Kind::Transcript, &self.where_it_changes(session, transcript))
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

    /// What was said in a session.
    ///
    /// # Errors
    /// Its provider has no transcripts, the transcript cannot be read, or there is no such sub-agent.
    pub async fn conversation(
        &self,
        session: &Arc<Session>,
        wanted: ReadConversation,
    ) -> Result<Conversation, Problem> {
        self.with_transcript(session, wanted.agent.clone(), move |id, transcript| match transcript {
            Some(transcript) => transcript.read(id, &wanted),
            None => Ok(nothing_said(id)),
        })
        .await
    }

    /// An image of a conversation, by the name that entries give it, and what its content says it is.
    ///
    /// # Errors
    /// As [`Sessions::conversation`], and when there is no such image.
    pub async fn conversation_image(
        &self,
        session: &Arc<Session>,
        name: String,
        agent: Option<String>,
    ) -> Result<(ImageKind, Vec<u8>), Problem> {
        let missing = format!(
            "the conversation of session {} has no image '{}'",
            session.id.short(),
            name.escape_debug()
        );
        let image = self
            .with_transcript(session, agent, move |_, transcript| match transcript {
                Some(transcript) => transcript.image(&name),
                None => Ok(None),
            })
            .await?;
        let image = image.ok_or_else(|| Problem::new(Code::NotFound, missing))?;
        let (kind, _) = kind_of(&image).ok_or_else(images::no_image)?;
        Ok((kind, image))
    }

    async fn with_transcript<T: Send + 'static>(
        &self,
        session: &Arc<Session>,
        agent: Option<String>,
        read: impl FnOnce(Option<String>, Option<&Transcript>) -> io::Result<T> + Send + 'static,
    ) -> Result<T, Problem> {
        if session.provider.conversations.is_none() {
            let detail = format!("{} keeps no transcript", session.provider.name);
            return Err(Problem::new(Code::NotFound, detail));
        }
        self.read_transcript(session).await;
        let reading = session.clone();
        let done = blocking(move || {
            let mut followed = reading.followed();
            let Followed { current, agents, .. } = &mut *followed;
            let Some((id, transcript)) = current else { return read(None, None) };
            if !transcript.path().is_file() {
                return read(Some(id.clone()), None);
            }
            let Some(name) = agent else { return read(Some(id.clone()), Some(transcript)) };
            let no_agent =
                || io::Error::new(io::ErrorKind::NotFound, format!("no subagent '{}'", name.escape_debug()));
            let agent = match agents.remove(&name) {
                Some(known) => Some(known),
                None => transcript.agent(&name),
            };
            let mut agent = agent.ok_or_else(no_agent)?;
            agent.catch_up().map_err(|_| no_agent())?;
            let answer = read(Some(name.clone()), Some(&agent));
            agents.insert(name, agent);
            answer
        });
        done.await?.map_err(|error| {
            let code = if error.kind() == io::ErrorKind::NotFound { Code::NotFound } else { Code::Internal };
            let detail = format!("cannot read the conversation of session {}: {error}", session.id.short());
            Problem::new(code, detail)
        })
    }
}

impl Session {
    fn followed(&self) -> MutexGuard<'_, Followed> {
        lock(&self.followed)
    }

    /// Changes with every change of its conversation, or of one of a sub-agent.
    pub fn conversation_version(&self) -> u64 {
        self.conversation.load(Ordering::Relaxed)
    }
}

fn nothing_said(id: Option<String>) -> Conversation {
    Conversation {
        id,
        generation: 0,
        revision: 0,
        total: 0,
        usage: Usage::default(),
        model: None,
        skipped: 0,
        entries: vec![],
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

fn turn_of(happening: &Happening) -> Option<Turn> {
    let (activity, what) = match happening.said {
        Said::Prompt { .. } => (Activity::Working, "its transcript ends in the middle of a turn"),
        Said::TurnEnded { .. } => (Activity::Idle, "its transcript ends with a finished turn"),
        Said::Interrupted { .. } => (Activity::Idle, "its transcript ends with an interrupted turn"),
        _ => return None,
    };
    Some(Turn { activity, what, at: happening.at })
}

/// The event that tells of it; `None` for what no event tells of: a prompt.
fn event_of(conversation: &str, happening: Happening) -> Option<Body> {
    let place = place(conversation, Some(&happening));
    Some(match happening.said {
        Said::TurnEnded { usage, model, duration_ms } => {
            Body::TranscriptTurnEnded { place, usage, model, duration_ms }
        }
        Said::Interrupted { usage } => Body::TranscriptInterrupted { place, usage },
        Said::Failed { text } => Body::TranscriptApiFailed { place, text },
        Said::Compacted { automatic } => Body::TranscriptCompacted { place, automatic },
        _ => return None,
    })
}
