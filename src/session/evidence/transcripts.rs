//! The transcripts of the sessions: found, read as they grow, told once. A change of a session's activity is a reason to
//! look too.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use codepiper_protocol::event::{Body, Place, Source};
use codepiper_protocol::wire::conversation::Said;
use codepiper_protocol::wire::events::ListEvents;
use codepiper_protocol::wire::meters::Meters;
use codepiper_protocol::wire::session::{Activity, UsageLimit};
use jiff::Timestamp;
use tokio::sync::OwnedMutexGuard;

use super::Evidence;
use crate::lock::lock;
use crate::session::cell::Session;
use crate::session::files::FileKind;
use crate::session::life::machine::Input;
use crate::tasks::blocking;
use crate::transcript::{Happening, Told, Transcript, place};

/// The transcript of a session, as far as it is known.
#[derive(Default)]
pub(super) struct Followed {
    /// The provider's id of the conversation, and its transcript.
    pub current: Option<(String, Transcript)>,
    told: Option<Told>,
    last: Option<Last>,
    /// What it says last of turns.
    turn: Option<Turn>,
    /// The usage limit that it ends with.
    limit: Option<UsageLimit>,
    /// The newest folder of transcripts, and how many there were in it, when its conversation was looked for among
    /// open files.
    pub looked_at: Option<(PathBuf, usize)>,
    /// The last told place was looked for in the log of events.
    remembered: bool,
    pub agents: HashMap<String, Transcript>,
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

impl Evidence {
    /// Reads transcripts as they change.
    pub async fn follow_transcripts(&self) {
        loop {
            for id in self.files.changed(FileKind::Transcript).await {
                if let Some(session) = self.registry.get(id) {
                    // A sub-agent's own file counts too.
                    self.read_beside(&session, true);
                }
            }
        }
    }

    /// Looks for the transcript of a session, and at it.
    pub(in crate::session) fn look_at_transcript(&self, session: &Arc<Session>) {
        if session.provider.conversations.is_some() {
            self.read_beside(session, false);
        }
    }

    /// Reads it while others go on. Whoever waits to read it reads for all that came meanwhile.
    fn read_beside(&self, session: &Arc<Session>, file_changed: bool) {
        let mut due = lock(&session.evidence.due);
        let waits = due.is_some();
        *due = Some(file_changed || due.unwrap_or(false));
        drop(due);
        if waits {
            return;
        }
        let (evidence, session) = (self.clone(), session.clone());
        self.context.tasks.spawn(async move {
            let followed = session.evidence.followed().await;
            let file_changed = lock(&session.evidence.due).take() == Some(true);
            evidence.read_held(&session, followed).await;
            if file_changed {
                evidence.conversation_changed(&session);
            }
        });
    }

    pub(super) fn forget_transcript(&self, session: &Session) {
        self.files.watch(session.id, FileKind::Transcript, &[]);
    }

    /// Reads what is new in a session's transcript, and tells it.
    pub(in crate::session) async fn read_transcript(&self, session: &Arc<Session>) {
        let followed = session.evidence.followed().await;
        self.read_held(session, followed).await;
    }

    /// The same for who holds it, so that nothing is told twice, or in another order.
    async fn read_held(&self, session: &Arc<Session>, mut followed: OwnedMutexGuard<Followed>) {
        if !self.remember_told(session, &mut followed).await {
            // What was told already cannot be read now; it would be told again.
            return;
        }
        let (evidence, reading) = (self.clone(), session.clone());
        let read = blocking(move || -> io::Result<News> {
            let news = evidence.read_transcript_now(&reading, &mut followed)?;
            evidence.recall(&reading, followed.turn.as_ref());
            Ok(news)
        });
        match read.await {
            Ok(Ok(News { found, changed })) => {
                if found {
                    self.life.save_or_say(session).await;
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
        session.evidence.conversation.fetch_add(1, Ordering::Relaxed);
        self.registry.wake_watchers();
    }

    /// Finds where the events of an earlier daemon ended; false when that cannot be read.
    async fn remember_told(&self, session: &Session, followed: &mut Followed) -> bool {
        if followed.remembered {
            return true;
        }
        let (session_id, source) = (Some(session.id), Some(Source::Transcript));
        let newest =
            ListEvents { session: session_id, source, kind: None, since: None, before: None, limit: 1 };
        let found = self.context.bus.events.find(newest).await;
        if found.unreadable.is_some() {
            return false;
        }
        let created = session.life().record().life.created_at;
        followed.last = found.events.last().and_then(|event| Last::of(&event.body, event.at, created));
        followed.remembered = true;
        true
    }

    /// Blocks.
    fn read_transcript_now(&self, session: &Arc<Session>, followed: &mut Followed) -> io::Result<News> {
        let found = self.find_transcript(session, followed);
        let created = session.life().record().life.created_at;
        let Followed { current: Some((id, transcript)), told, last, turn, limit, agents, .. } = followed
        else {
            return Ok(News::default());
        };
        // What is written between reading and watching would not be noticed.
        self.watch_transcript(session, transcript);
        let news = transcript.catch_up()?;
        if let Some((model, at)) = news.model {
            self.model_named(session, model, at);
        }
        // A conversation that was resumed was begun by another program.
        let launched = session.life().record().life.launched_at;
        let own = news.version.filter(|(_, at)| at.is_some_and(|at| at >= launched));
        self.version_told(session, own.map(|(version, _)| version));
        if news.meters != Meters::default() {
            self.metered(session, news.meters);
        }
        if news.replaced {
            agents.clear();
            (*turn, *limit) = (None, None);
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
        *limit = news.limit.unwrap_or(limit.take());
        self.limit_read(session, limit.clone());
        Ok(News { found, changed: news.changed })
    }

    /// The newest word counts: one from before this daemon only if there is no other.
    fn model_named(&self, session: &Session, model: String, at: Option<Timestamp>) {
        let asked_for = session.life().record().recipe.model.is_some();
        {
            let mut shown = session.shown();
            let known = shown.model.is_some() || asked_for;
            let daemon_began = Timestamp::now() - self.context.started.elapsed();
            let said = shown.model_said.map_or(daemon_began, |said| said.max(daemon_began));
            let old = at.is_none_or(|at| at < said);
            if known && old || shown.model.as_ref() == Some(&model) {
                return;
            }
            shown.model = Some(model);
        }
        self.registry.touch(session);
    }

    /// For a program that was found running. A turn that began before its launch ended with another program.
    fn recall(&self, session: &Arc<Session>, turn: Option<&Turn>) {
        let conversations = session.provider.conversations;
        let tells = conversations.is_some_and(|kept| kept.dialect().tells_ends_of_turns);
        let Some(turn) = turn.filter(|_| tells) else { return };
        let (open, launched) = {
            let life = session.life();
            (life.machine().is_open_to_memory(), life.record().life.launched_at)
        };
        if !open {
            return;
        }
        if turn.activity == Activity::Idle || turn.at.is_some_and(|at| at >= launched) {
            self.life.apply(session, Input::Recalled { activity: turn.activity, what: turn.what.to_owned() });
        }
    }

    fn tell(&self, session: &Session, at: Timestamp, body: Body) -> Option<Last> {
        let last = Last::of(&body, at, session.life().record().life.created_at);
        self.context.bus.events.append(at, Some(session.id), body);
        last
    }
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
