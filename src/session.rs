//! The sessions, in parts. Each part has a handle, its own small state and its own lock; what it may use it is given.
//!
//! | part | what | sees |
//! |------|------|------|
//! | [`context`]  | what every part needs from outside, and what follows above from what happens below | life::machine, cell |
//! | [`cell`]     | one session: what every part may see, and each part's own state | life, link, typing, asks, evidence, repository, launch::shims |
//! | [`registry`] | which sessions there are, by id and by name | context, cell, life::record |
//! | [`life`]     | every change of a session's state and record: one owner | context, cell, registry |
//! | [`policy`]   | what policies are asked about a session | cell, context |
//! | [`program`]  | what a session's program is given, and where its conversation is | context, cell, registry, life::record |
//! | [`screen_source`] | the screen of a session, from the model or the journal | context, cell |
//! | [`link`]     | the one connection to tmux, and what comes over it | context, cell, registry, life, screen_source |
//! | [`typing`]   | text and keys, and what became of them | context, cell, registry, life, screen_source, link |
//! | [`asks`]     | what a session needs from a person, and the answers | context, cell, registry, life |
//! | [`files`]    | which session hears of which file that changes | |
//! | [`repository`] | what is checked out where a session works, and how much changed | context, cell, registry, life, files |
//! | [`evidence`] | hooks, reports, screens and files that prove a state | context, cell, registry, life, program, screen_source, files, asks, typing::images |
//! | [`limits`]   | what follows when a usage limit has reset | context, cell, registry, life, screen_source, typing, evidence |
//! | [`launch`]   | start, resume, fork, remove; worktrees, shims, reboots | context, cell, registry, life, program, link, typing, repository::note_head |
//! | [`answers`]  | brings an answer to who asked | all |
//! | [`halt`]     | stops what agents do | all |
//! | [`above`]    | what a part below wants done by those above it, through [`context::Above`] | all |

mod above;
mod answers;
mod asks;
mod cell;
mod context;
mod evidence;
mod files;
mod halt;
mod launch;
pub mod life;
mod limits;
mod link;
mod policy;
mod program;
mod registry;
mod repository;
mod screen_source;
mod typing;

pub use asks::Waiter;
pub use cell::Session;
pub use context::{Context, Places};
pub use launch::shims::serve as serve_shims;
pub use link::viewers::{Viewing, Window};
pub use link::{Linked, run as run_link};
pub use registry::Registry;
pub use screen_source::{ScreenSource, save_checkpoint};
pub use typing::name_of;

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use codepiper_protocol::SessionId;
use codepiper_protocol::event::Body;

use crate::bus::Bus;
use crate::env_set::EnvSets;
use crate::environment::Environment;
use crate::policy::kept::Kept;
use crate::provider::Providers;
use asks::Asks;
use context::Above;
use evidence::Evidence;
use files::Files;
use launch::Launcher;
use life::{Core, Life};
use limits::Limits;
use link::Link;
use program::Programs;
use repository::Repositories;
use typing::Typing;

/// All sessions. Clones share them.
#[derive(Clone)]
pub struct Sessions(Arc<Parts>);

/// The handles of the parts.
pub struct Parts {
    context: Arc<Context>,
    pub registry: Registry,
    pub life: Life,
    pub link: Link,
    pub screen_source: ScreenSource,
    pub typing: Typing,
    pub asks: Asks,
    pub evidence: Evidence,
    pub repositories: Repositories,
    pub limits: Limits,
    pub launcher: Launcher,
}

impl Deref for Sessions {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl Sessions {
    /// No session is there yet: see [`Registry::load_records`].
    pub fn new(context: Context, launches_at_once: usize, stalled_after: Duration) -> Self {
        let context = Arc::new(context);
        let registry = Registry::new(context.clone());
        let life = Life::new(context.clone(), registry.clone());
        let programs = Programs::new(context.clone(), registry.clone());
        let screen_source = ScreenSource::new(context.clone());
        let core = Core { context, registry, life };
        let link = Link::new(core.clone(), screen_source.clone());
        let typing = Typing::new(core.clone(), link.clone(), screen_source.clone());
        let files = Arc::new(Files::new());
        let repositories = Repositories::new(core.clone(), files.clone());
        let asks = Asks::new(core.clone(), stalled_after);
        let evidence =
            Evidence::new(core.clone(), programs.clone(), screen_source.clone(), asks.clone(), files);
        let limits = Limits::new(core.clone(), typing.clone(), evidence.clone(), screen_source.clone());
        let launcher = Launcher::new(core.clone(), link.clone(), programs, typing.clone(), launches_at_once);
        let Core { context, registry, life } = core;
        let parts = Arc::new(Parts {
            context,
            registry,
            life,
            link,
            screen_source,
            typing,
            asks,
            evidence,
            repositories,
            limits,
            launcher,
        });
        let above: std::sync::Weak<dyn Above> = Arc::<Parts>::downgrade(&parts);
        parts.context.set_above(above);
        Self(parts)
    }

    /// Those that sessions can be started with.
    pub fn providers(&self) -> &Providers {
        &self.context.providers
    }

    /// What programs inherit of the daemon.
    pub fn environment(&self) -> &Environment {
        &self.context.surroundings.inherited
    }

    /// Our own program.
    pub fn executable(&self) -> &Path {
        &self.context.places.executable
    }

    pub fn bus(&self) -> &Arc<Bus> {
        &self.context.bus
    }

    pub fn env_sets(&self) -> &EnvSets {
        &self.context.places.env_sets
    }

    /// What agents may do without asking.
    pub fn policies(&self) -> &Kept {
        &self.context.places.policies
    }

    /// The policies have changed: hooks of sessions that run decide by the new ones while no daemon answers.
    pub fn policies_changed(&self) {
        for session in self.registry.all().into_iter().filter(|session| session.is_live()) {
            self.context.write_policy_snapshot(&session);
        }
    }

    /// Where the hooks of a session wait while no daemon runs.
    pub fn spool_of(&self, id: SessionId) -> PathBuf {
        self.context.spool_of(id)
    }

    pub fn event(&self, session: Option<SessionId>, body: Body) {
        self.context.event(session, body);
    }
}
