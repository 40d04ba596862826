//! Which sessions there are, by id and by name, and who is told when one changes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use codepiper_protocol::SessionId;
use codepiper_protocol::event::Body;
use codepiper_protocol::visible::visible;
use codepiper_protocol::wire::daemon::SessionCounts;
use codepiper_protocol::wire::problem::{Code, Next, Problem};
use codepiper_protocol::wire::stream::{GapReason, Lost};
use jiff::Timestamp;
use tokio::sync::Notify;

use crate::bus::{Log, Watchers};
use crate::journal::{Mark, Position};
use crate::lock::lock;
use crate::session::cell::Session;
use crate::session::context::Context;
use crate::session::life::record::Record;
use crate::small_file::Broken;

/// See the module. Clones share it.
#[derive(Clone)]
pub struct Registry(Arc<Inner>);

struct Inner {
    context: Arc<Context>,
    table: Mutex<Table>,
    /// Whoever gives a session a conversation holds it.
    taking: Mutex<()>,
    /// Who is told of every change of any session.
    watchers: Mutex<Watchers>,
    /// Whoever shows the list has a copy.
    listing: Arc<()>,
}

#[derive(Default)]
struct Table {
    sessions: HashMap<SessionId, Arc<Session>>,
    /// Launch records that could not be read, and why.
    broken: Vec<Broken>,
}

impl Registry {
    pub(super) fn new(context: Arc<Context>) -> Self {
        let (table, taking, watchers, listing) = Default::default();
        Self(Arc::new(Inner { context, table, taking, watchers, listing }))
    }

    /// Reads the launch records. What cannot be read is reported and left alone, its pane too. `unfinished`: so many
    /// daemons were started, one after another, and did not leave in order.
    pub fn load_records(&self, unfinished: u32) -> std::io::Result<()> {
        let context = &self.0.context;
        let (records, mut broken) = Record::load_all(&context.places.records)?;
        for mut record in records {
            // Otherwise it went on after that was written.
            if !left_in_order(&record, unfinished) {
                record.life.known = None;
            }
            match context.providers.find(&record.recipe.provider) {
                Some(provider) => {
                    let log = self.open_log(&record, unfinished);
                    self.insert(Arc::new(Session::new(record.incomplete(), provider, log)));
                }
                None => {
                    let reason = format!("unknown provider '{}'", record.recipe.provider);
                    broken.push((Record::path(&context.places.records, record.id), reason));
                }
            }
        }
        for (path, reason) in &broken {
            tracing::error!(path = %path.display(), reason, "a launch record cannot be read");
        }
        self.table().broken = broken;
        Ok(())
    }

    fn open_log(&self, record: &Record, unfinished: u32) -> Arc<Log> {
        let bus = &self.0.context.bus;
        let stored = bus.journal().last(record.id).unwrap_or_default();
        let end = stored.end.max(Position::at(record.life.offset));
        let epoch = record.life.epoch.max(stored.epoch);
        let log = bus.open(record.id, epoch, end);
        // After an end without warning, readers may have seen bytes that are not stored.
        let whole = left_in_order(record, unfinished)
            || !record.life.status.is_live() && stored.end.offset >= record.life.offset;
        if !whole {
            // Each of those may have begun one that was not stored.
            let epoch = epoch + unfinished.max(1);
            let (reason, lost) = (GapReason::DaemonAway, Lost::Nothing);
            log.mark(Timestamp::now().as_millisecond(), Mark::Gap { epoch, reason, lost });
        }
        log
    }

    /// Launch records that could not be read, and why.
    pub fn broken_records(&self) -> Vec<Broken> {
        self.table().broken.clone()
    }

    /// All sessions, oldest first.
    pub fn all(&self) -> Vec<Arc<Session>> {
        let mut all: Vec<_> = self.table().sessions.values().cloned().collect();
        all.sort_by_key(|session| (session.life().record().life.created_at, session.id));
        all
    }

    pub fn get(&self, id: SessionId) -> Option<Arc<Session>> {
        self.table().sessions.get(&id).cloned()
    }

    /// The session that a person means: its whole id; otherwise its name, or the beginning of its id, if that fits no
    /// other.
    pub fn find(&self, reference: &str) -> Result<Arc<Session>, Problem> {
        let wanted = reference.to_ascii_lowercase();
        let all = self.all();
        if let Some(one) = all.iter().find(|session| session.id.to_string() == wanted) {
            return Ok(one.clone());
        }
        let begins = |session: &Session| !wanted.is_empty() && session.id.to_string().starts_with(&wanted);
        let named = |session: &Session| session.name().as_deref() == Some(reference);
        let fits: Vec<_> = all.iter().filter(|session| named(session) || begins(session)).collect();
        match fits.as_slice() {
            [one] => Ok((*one).clone()),
            [] => Err(match self.unreadable(reference) {
                Some(why) => Problem::new(Code::NotFound, why).with_next(Next::RunChecks),
                None => Problem::new(Code::NotFound, format!("no session '{reference}'"))
                    .with_next(Next::ListSessions),
            }),
            several => {
                let candidates = several.iter().map(|session| match session.name() {
                    Some(name) => format!("{} ('{name}')", session.id),
                    None => session.id.to_string(),
                });
                let candidates = candidates.collect::<Vec<_>>().join(", ");
                Err(Problem::new(
                    Code::Ambiguous,
                    format!(
                        "'{reference}' matches several sessions: {candidates}; use a longer prefix of the id"
                    ),
                ))
            }
        }
    }

    /// Why the session that is meant cannot be used, if its launch record cannot.
    pub fn unreadable(&self, reference: &str) -> Option<String> {
        let wanted = reference.to_ascii_lowercase();
        let named = |(path, _): &&Broken| {
            let name = path.file_stem().and_then(|name| name.to_str());
            !wanted.is_empty() && name.is_some_and(|name| name.starts_with(&wanted))
        };
        let table = self.table();
        let (path, reason) = table.broken.iter().find(named)?;
        Some(format!(
            "cannot use the launch record of session '{reference}', so its program is left alone: {}: {reason}",
            path.display()
        ))
    }

    pub fn counts(&self) -> SessionCounts {
        let all = self.all();
        let live = all.iter().filter(|session| session.is_live()).count();
        SessionCounts { live, ended: all.len() - live, unreadable: self.table().broken.len() }
    }

    /// The sessions whose launch record names this env set, oldest first.
    pub fn users_of_env_set(&self, name: &str) -> Vec<SessionId> {
        let uses =
            |session: &Arc<Session>| session.life().record().recipe.env_sets.iter().any(|set| set == name);
        self.all().into_iter().filter(uses).map(|session| session.id).collect()
    }

    /// # Errors
    /// When no session may have that name, or another one has it.
    pub(super) fn check_name(&self, name: &str, own: Option<SessionId>) -> Result<(), Problem> {
        const LONGEST: usize = 64;
        // A blank of another kind would make two names that look alike.
        let seen =
            visible(name) == name && !name.contains(|letter: char| letter != ' ' && letter.is_whitespace());
        let fits = (1..=LONGEST).contains(&name.chars().count());
        if !fits || !seen || name.starts_with('-') || name.trim() != name {
            return Err(Problem::new(
                Code::Invalid,
                format!(
                    "invalid session name '{}'; use 1 to {LONGEST} visible characters, not starting with \
                     '-', without spaces at either end",
                    visible(name)
                ),
            ));
        }
        if looks_like_an_id(name) {
            return Err(Problem::new(
                Code::Invalid,
                format!(
                    "invalid session name '{name}': it looks like the start of a session id; add a letter \
                     from g to z, or use fewer than 4 characters"
                ),
            ));
        }
        match self.all().iter().find(|other| Some(other.id) != own && other.life().takes_name(name)) {
            Some(other) => Err(Problem::new(
                Code::NameTaken,
                format!("session {} is already named '{name}'; choose another name", other.id.short()),
            )),
            None => Ok(()),
        }
    }

    /// An id whose short form no other session has, and, if such a one is found, that begins with no session's name.
    pub fn unused_id(&self) -> SessionId {
        const TRIES: u32 = 100;
        let all = self.all();
        for tries in 0.. {
            let id = SessionId::random();
            let whole = id.to_string();
            let begins = |name: String| whole.starts_with(&name.to_ascii_lowercase());
            let unnamed = tries >= TRIES || !all.iter().filter_map(|other| other.name()).any(begins);
            if unnamed && all.iter().all(|other| other.id.short() != id.short()) {
                return id;
            }
        }
        unreachable!("ids do not run out")
    }

    /// Makes it the session's conversation, unless it is another session's: any program can claim one, and would read
    /// and continue what is not its own. False when it stays what it was.
    pub(super) fn take_conversation(&self, session: &Session, conversation: String) -> bool {
        // Two that come at once do not get the same one.
        let _taking = lock(&self.0.taking);
        let has_it = |other: &Arc<Session>| {
            other.id != session.id && other.life().record().life.conversation.as_ref() == Some(&conversation)
        };
        let Some(owner) = self.all().into_iter().find(has_it) else {
            session.life.note(|record| record.life.conversation = Some(conversation));
            return true;
        };
        let pid = session.life().machine().pid().unwrap_or_default();
        let request = format!("to resume conversation {conversation} of session {}", owner.id.short());
        tracing::warn!(id = %session.id, request, "the conversation is not followed");
        self.0.context.event(Some(session.id), Body::AuthAgentRefused { pid, request });
        false
    }

    /// The conversations that sessions have.
    pub(super) fn conversations(&self) -> Vec<String> {
        self.all().iter().filter_map(|session| session.life().record().life.conversation.clone()).collect()
    }

    /// Wakes the watcher when a session begins, changes or is removed.
    pub fn watch(&self, watcher: &Arc<Notify>) {
        lock(&self.0.watchers).add(watcher);
    }

    /// As long as this is kept, somebody shows the list: what shells print is looked at.
    pub fn listing(&self) -> Arc<()> {
        self.0.listing.clone()
    }

    pub(super) fn is_listed(&self) -> bool {
        Arc::strong_count(&self.0.listing) > 1
    }

    pub(super) fn wake_watchers(&self) {
        lock(&self.0.watchers).wake();
    }

    /// The session's object changed: whoever shows it is told.
    pub(super) fn touch(&self, session: &Session) {
        session.life.note_update();
        session.note_change();
        self.wake_watchers();
    }

    pub(super) fn insert(&self, session: Arc<Session>) {
        self.table().sessions.insert(session.id, session);
    }

    pub(super) fn remove(&self, session: &Session) {
        self.table().sessions.remove(&session.id);
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        lock(&self.0.table)
    }
}

/// Whether somebody could mean an id by that: at least 4 digits of one. Fewer are no name's fault; a reference that fits
/// several is refused.
fn looks_like_an_id(text: &str) -> bool {
    const SHORTEST: usize = 4;
    let begins = text.char_indices().all(|(place, letter)| match place {
        8 | 13 | 18 | 23 => letter == '-',
        _ => letter.is_ascii_hexdigit(),
    });
    text.len() >= SHORTEST && begins && text.len() <= 36 || uuid::Uuid::try_parse(text).is_ok()
}

/// The daemon that wrote the record left in order, and it was the last one.
fn left_in_order(record: &Record, unfinished: u32) -> bool {
    record.life.complete && unfinished == 0
}
