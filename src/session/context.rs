//! What every part needs from outside, and what follows above when something happens below.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Instant;

use codepiper_protocol::event::Body;
use codepiper_protocol::{Cursor, SessionId};
use jiff::Timestamp;

use crate::bus::Bus;
use crate::env_set::EnvSets;
use crate::environment::Surroundings;
use crate::policy::kept::Kept;
use crate::provider::Providers;
use crate::session::cell::Session;
use crate::session::life::machine::{Action, Now};
use crate::tasks::Tasks;
use crate::terminal::reports::Report;
use crate::terminal::screens::Screens;

/// Where things lie.
pub struct Places {
    /// Launch records.
    pub records: PathBuf,
    /// Exit files, and texts on their way to tmux.
    pub run: PathBuf,
    /// Where shims meet us.
    pub shim_socket: PathBuf,
    /// Where the API is; programs are told.
    pub api_socket: PathBuf,
    /// Where hooks wait while the daemon is away.
    pub spool: PathBuf,
    /// Images that people gave to agents.
    pub images: PathBuf,
    /// Where programs get variables from beside what they inherit.
    pub env_sets: EnvSets,
    /// What agents may do without asking.
    pub policies: Kept,
    /// Worktrees that are made for sessions.
    pub worktrees: PathBuf,
    /// Our own executable, for the shim and the hooks.
    pub executable: PathBuf,
}

/// What follows, in the parts above, from what happens in a part below them: [`crate::session::Sessions`] does it, at once and in
/// order.
pub trait Above: Send + Sync {
    /// The session's machine wants that done.
    fn perform(&self, session: &Arc<Session>, action: Action);
    /// The session's program was found running, or executed.
    fn runs(&self, session: &Arc<Session>);
    /// Enter is about to be pressed after a text.
    fn submitted(&self, session: &Arc<Session>);
    /// The session's state may have changed.
    fn changed(&self, session: &Arc<Session>);
    /// A session's usage limit is another one than before.
    fn limited(&self);
    /// The session's program reported something in its output.
    fn reported(&self, session: &Arc<Session>, cursor: Cursor, report: Report);
}

/// See the module. Every part has it.
pub struct Context {
    pub places: Places,
    pub providers: Providers,
    pub surroundings: Surroundings,
    pub tasks: Tasks,
    pub bus: Arc<Bus>,
    pub screens: Arc<Screens>,
    /// When the daemon started.
    pub started: Instant,
    above: OnceLock<Weak<dyn Above>>,
}

impl Context {
    pub fn new(
        places: Places,
        providers: Providers,
        surroundings: Surroundings,
        tasks: Tasks,
        bus: Arc<Bus>,
        screens: Arc<Screens>,
    ) -> Self {
        let (started, above) = (Instant::now(), OnceLock::new());
        Self { places, providers, surroundings, tasks, bus, screens, started, above }
    }

    /// To be called once, when all parts are there.
    pub fn set_above(&self, above: Weak<dyn Above>) {
        let _ = self.above.set(above);
    }

    /// `None` when the sessions are no more.
    pub fn above(&self) -> Option<Arc<dyn Above>> {
        self.above.get()?.upgrade()
    }

    pub fn now(&self) -> Now {
        Now { wall: Timestamp::now(), since_start: self.started.elapsed() }
    }

    pub fn event(&self, session: Option<SessionId>, body: Body) {
        self.bus.events.append(Timestamp::now(), session, body);
    }

    /// Where the hooks of a session wait while no daemon runs.
    pub fn spool_of(&self, id: SessionId) -> PathBuf {
        self.places.spool.join(id.to_string())
    }

    /// What the shim of a session writes when its program has ended.
    pub fn exit_file_of(&self, id: SessionId) -> PathBuf {
        self.places.run.join(format!("{id}.exit"))
    }

    /// Where the images and files of a session are kept.
    pub fn images_of(&self, id: SessionId) -> PathBuf {
        self.places.images.join(id.to_string())
    }
}
