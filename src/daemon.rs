//! The recipe that starts and stops everything.

mod boot;
mod directories;
mod instance;
mod journal;
mod log;
mod signals;
mod starts;
pub mod web;

use std::io::{IsTerminal, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use codepiper_protocol::SessionId;
use codepiper_protocol::event::Body;
use codepiper_protocol::visible::visible;
use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};
use tokio_util::task::TaskTracker;

use crate::api::{self, Api, Leave, Refusals, Web};
use crate::audit::trail::Trail;
use crate::auth::{Auth, Guest};
use crate::bus::{Bus, to_millisecond};
use crate::config::{Config, OnReset};
use crate::env_set::EnvSets;
use crate::environment::{self, Surroundings};
use crate::git::review::Reviews;
use crate::heap;
use crate::hook::Intake;
use crate::journal::disk::{self, Disk};
use crate::notification::Notifier;
use crate::paths::{Flags, Paths};
use crate::policy::kept::Kept;
use crate::process;
use crate::process::inherited::Inherited;
use crate::provider::{Provider, Providers};
use crate::saved_prompts::SavedPrompts;
use crate::session::{self, Places, Sessions};
use crate::small_file::Broken;
use crate::socket::Socket;
use crate::tasks::{Tasks, blocking};
use crate::terminal::screens::{Notice, Screens};
use crate::tmux::server::{self, Address, Owner};
use boot::Boot;
use directories::create_directories;
use instance::Instance;
use signals::Signals;
use starts::Starts;

/// What the journal says of itself and nobody has taken.
const JOURNAL_NOTICES: usize = 64;
/// Screens that wait to be captured anew.
const STALE_SCREENS: usize = 1024;
/// With fewer open files it cannot begin, or cannot start a session.
const FEWEST_DESCRIPTORS: u64 = 64;
/// Requests that were begun have this long to come to their end when the daemon leaves.
const WORK_LIMIT: Duration = Duration::from_secs(5);
/// Everything has this long to end.
const LEAVE_LIMIT: Duration = Duration::from_secs(5);

/// What the command line says.
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub flags: Flags,
    pub web: web::Flags,
    /// The program `codepiper`, which runs in every pane and as the agents' hook; `None`: it is this one.
    pub program: Option<PathBuf>,
}

/// Runs the daemon until it is told to leave. Beside `built_in` there are the providers of the configuration file.
///
/// # Errors
/// When it cannot start: another daemon runs, tmux is missing or too old, a place cannot be used. The
/// text says what to do.
pub fn run(options: Options, built_in: &[&'static Provider]) -> anyhow::Result<()> {
    heap::keep_small();
    let inherited = process::inherited::lay_down();
    let (paths, config) = Paths::resolve(&options.flags)?;
    let providers =
        Providers::new(built_in, &config.providers).map_err(|invalid| invalid.of_file(&paths.config_file))?;
    create_directories(&paths)?;
    let instance = Instance::lock(&paths)?;
    log::init(&paths.log_file())?;
    process::seal();
    process::mapped::survive_cuts()?;
    process::mark::ours()?;
    if let Err(error) = process::give_way() {
        tracing::warn!(%error, "cannot lower the daemon's scheduling priority; typing will be slower");
    }
    if let Err(error) = process::raise_limits() {
        tracing::warn!(%error, "cannot raise the limits of this process");
    }
    let descriptors = process::descriptor_limit();
    anyhow::ensure!(
        descriptors >= FEWEST_DESCRIPTORS,
        "the limit of open files (`ulimit -n`) is {descriptors}, but CodePiper needs {FEWEST_DESCRIPTORS} or more"
    );
    let installed = server::installed_version()?;
    anyhow::ensure!(
        installed >= server::oldest(),
        "tmux {installed} is installed, but CodePiper needs {} or newer",
        server::OLDEST
    );
    let web = web::listen(&options.web, &config.web)?;
    // All that the command line names was read.
    inherited.close();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let leave = runtime.block_on(serve(&options, &paths, &config, providers, &instance, inherited, web));
    // What blocks (a disk) may not hold up the end.
    runtime.shutdown_timeout(Duration::from_secs(1));
    drop(instance);
    match leave? {
        Leave::Stop { .. } => Ok(()),
        Leave::Restart => Err(restart(inherited)),
    }
}

async fn serve(
    options: &Options,
    paths: &Paths,
    config: &Config,
    providers: Providers,
    instance: &Instance,
    inherited: &Inherited,
    web: Option<web::Listening>,
) -> anyhow::Result<Leave> {
    let mut signals = Signals::listen(inherited)?;
    let mut running = begin(options, paths, config, providers, instance, web).await?;
    let leave = tokio::select! {
        asked = running.leave.recv() => asked.unwrap_or(Leave::Stop { kill_sessions: false }),
        () = signals.received() => Leave::Stop { kill_sessions: false },
    };
    tracing::info!(?leave, "leaving");
    running.end(leave).await;
    Ok(leave)
}

/// A daemon that answers.
struct Running {
    sessions: Sessions,
    tasks: Tasks,
    work: TaskTracker,
    disk: Arc<Disk>,
    starts: Starts,
    /// Where requests to leave come.
    leave: mpsc::Receiver<Leave>,
}

async fn begin(
    options: &Options,
    paths: &Paths,
    config: &Config,
    providers: Providers,
    instance: &Instance,
    web: Option<web::Listening>,
) -> anyhow::Result<Running> {
    let tasks = Tasks::default();
    let socket = Socket::bind(&paths.socket).await?;
    let (noticed, journal_notices) = mpsc::channel(JOURNAL_NOTICES);
    // Nobody waits for anything yet.
    let disk = Arc::new(journal::open(paths, config, noticed));
    let (stale, stale_screens) = mpsc::channel(STALE_SCREENS);
    let sessions = open_sessions(options, paths, config, providers, &tasks, &disk, stale)?;
    let starts = Starts::count(&paths.data);
    let loaded = sessions.registry.load_records(starts.unfinished);
    loaded.with_context(|| format!("cannot read the launch records in {}", paths.sessions().display()))?;
    let boot = Boot::look(paths);
    sessions.link.restore_screens().await;
    follow(&sessions, &tasks, journal_notices, stale_screens);
    let audit = Trail::open(&paths.audit(), sessions.bus(), &tasks, config.audit.max_days);
    let hooks = Intake::new(sessions.clone(), audit.clone());
    tasks.spawn(session::serve_shims(sessions.launcher.clone(), tasks.shutdown.clone()).await?);
    let address = link(paths, instance, &sessions, &tasks).await?;
    let auth = load_auth(paths, &sessions, &tasks);
    let (web, tcp, first_visit) = web::served(web)?;
    let notifier = Notifier::start(paths.notifications(), &config.notifications, &sessions, &auth, &tasks)?;
    let (asked, leave) = mpsc::channel(1);
    let work = TaskTracker::new();
    let api = Api {
        refusals: Refusals::new(&sessions, &tasks),
        sessions: sessions.clone(),
        hooks: hooks.clone(),
        audit,
        started_at: to_millisecond(Timestamp::now()),
        socket: paths.socket.clone(),
        tmux_socket: address.path(),
        leave: asked,
        tasks: tasks.clone(),
        journal: disk.clone(),
        reviews: Arc::new(Reviews::new(paths.reviews())),
        saved_prompts: SavedPrompts::new(paths.saved_prompts()),
        broken_files: Arc::new(broken(instance, &boot, &notifier)),
        notifier,
        paths: Arc::new(paths.clone()),
        auth: auth.clone(),
        web: web.clone(),
        sockets: TaskTracker::new(),
        work: work.clone(),
        places: api::Places::by_descriptors(),
    };
    take_hooks(hooks, &tasks).await;
    tasks.spawn(api::serve(api, socket, tcp));
    sessions.event(None, Body::SystemDaemonStarted { version: env!("CARGO_PKG_VERSION").to_owned() });
    announce(&paths.socket, web.as_deref().map(|web| (web, &auth)), &first_visit);
    boot.resume_or_offer(&sessions, &tasks, config.sessions.resume_after_reboot);
    Ok(Running { sessions, tasks, work, disk, starts, leave })
}

/// What agents did while nobody listened comes before what they do now.
async fn take_hooks(hooks: Intake, tasks: &Tasks) {
    hooks.take_spool().await;
    tasks.spawn_until_shutdown(async move { hooks.follow_spool().await });
}

impl Running {
    /// Everything that is done comes to its end, in order.
    async fn end(self, leave: Leave) {
        let Self { sessions, tasks, work, disk, starts, .. } = self;
        sessions.event(None, Body::SystemDaemonStopping {});
        let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
        // What was begun comes to its end first, and what waits for its turn is undone.
        work.close();
        sessions.launcher.launch_no_more();
        if tokio::time::timeout(WORK_LIMIT, work.wait()).await.is_err() {
            tracing::warn!(requests = work.len(), "some requests did not finish in time");
        }
        if leave == (Leave::Stop { kill_sessions: true }) {
            kill_everything(&sessions).await;
        }
        // Nothing may come between: the link would start another server.
        if tokio::time::timeout(LEAVE_LIMIT, tasks.end()).await.is_err() {
            tracing::warn!("some tasks did not finish in time");
        }
        // What is stored decides where the next daemon goes on.
        if blocking(move || disk.close()).await.is_err() {
            tracing::error!("the journal was not closed");
        }
        if sessions.life.save_all().await {
            starts.forget();
        }
    }
}

/// The sessions with all that they need; none is there yet. `stale` is told of screens to be captured anew.
fn open_sessions(
    options: &Options,
    paths: &Paths,
    config: &Config,
    providers: Providers,
    tasks: &Tasks,
    disk: &Arc<Disk>,
    stale: mpsc::Sender<SessionId>,
) -> anyhow::Result<Sessions> {
    let bus = Arc::new(Bus::new(disk.clone()));
    let journal = bus.journal().clone();
    // What the screens cost.
    let screens = match environment::for_tests("CODEPIPER_WITHOUT_SCREEN") {
        Some(_) => Screens::none(),
        None => Screens::start(move |session, notice| match notice {
            Notice::Checkpoint(keyframe, scrolled) => {
                session::save_checkpoint(&*journal, session, keyframe, scrolled);
            }
            // More than so many at once do not wait: their next resize captures them.
            Notice::WantsCapture => drop(stale.try_send(session)),
        })?,
    };
    let places = Places {
        records: paths.sessions(),
        run: paths.run(),
        shim_socket: paths.shim_socket(),
        api_socket: paths.socket.clone(),
        spool: paths.spool(),
        images: paths.images(),
        env_sets: EnvSets::new(paths.env_sets(), paths.env_key()),
        policies: Kept::open(&paths.policies()),
        worktrees: paths.worktrees(),
        executable: options.program.clone().unwrap_or_else(process::executable::own),
    };
    let at_once = config.sessions.launches_at_once;
    let surroundings = Surroundings::new(std::env::vars_os(), config.sessions.update_environment.clone());
    let context =
        session::Context::new(places, providers, surroundings, tasks.clone(), bus, Arc::new(screens));
    let stalled_after = Duration::from_secs(config.sessions.stalled_after_seconds.into());
    let sessions = Sessions::new(context, at_once, stalled_after);
    let following = sessions.clone();
    tasks.spawn_until_shutdown(async move { following.evidence.follow_state_files().await });
    let following = sessions.clone();
    tasks.spawn_until_shutdown(async move { following.evidence.follow_transcripts().await });
    let following = sessions.clone();
    tasks.spawn_until_shutdown(async move { following.repositories.follow().await });
    let continues = config.limits.on_reset == OnReset::Continue;
    let delay = continues.then(|| Duration::from_secs(config.limits.delay_seconds.into()));
    let following = sessions.clone();
    tasks.spawn_until_shutdown(async move { following.limits.follow(delay).await });
    Ok(sessions)
}

/// Small files of the daemon's own that cannot be used.
fn broken(instance: &Instance, boot: &Boot, notifier: &Notifier) -> Vec<Broken> {
    instance.broken().into_iter().chain(boot.broken()).cloned().chain(notifier.broken()).collect()
}

/// Kills every session, and the tmux server as soon as the link to it ends.
async fn kill_everything(sessions: &Sessions) {
    let all = sessions.registry.all();
    futures_util::future::join_all(all.iter().map(|session| sessions.life.kill(session, true))).await;
    sessions.link.end_server_too();
}

/// What the journal and the screens say is seen to.
fn follow(
    sessions: &Sessions,
    tasks: &Tasks,
    mut journal_notices: mpsc::Receiver<disk::Notice>,
    mut stale_screens: mpsc::Receiver<SessionId>,
) {
    let noticing = sessions.clone();
    tasks.spawn_until_shutdown(async move {
        while let Some(notice) = journal_notices.recv().await {
            noticing.event(None, journal::event(notice));
        }
    });
    let recapturing = sessions.clone();
    tasks.spawn_until_shutdown(async move {
        while let Some(session) = stale_screens.recv().await {
            recapturing.link.recapture(session);
        }
    });
}

/// Connects to tmux, and stays connected.
///
/// # Errors
/// When there is no first connection.
async fn link(
    paths: &Paths,
    instance: &Instance,
    sessions: &Sessions,
    tasks: &Tasks,
) -> anyhow::Result<Address> {
    let address = Address::new(paths.tmux_socket.clone());
    let owner = Owner { instance: instance.id().to_owned(), socket: paths.socket.clone() };
    let (ready, linked) = oneshot::channel();
    let run = session::run_link(sessions.link.clone(), address.clone(), owner, ready, tasks.shutdown.clone());
    let link = tasks.spawn(run);
    match linked.await {
        Ok(()) => Ok(address),
        // Without a first connection the link ends, and says why.
        Err(_) => Err(link.await?.err().unwrap_or_else(|| anyhow::anyhow!("cannot reach tmux"))),
    }
}

fn load_auth(paths: &Paths, sessions: &Sessions, tasks: &Tasks) -> Auth {
    let recording = sessions.clone();
    Auth::load(paths.auth(), web::account(), tasks.clone(), move |guest: &Guest| {
        let (device, address) = (guest.name.clone(), guest.address.clone());
        recording.event(None, Body::AuthSignInFailed { device, address });
    })
}

/// Tells whoever started us. They may not listen any more, which is no reason to end.
fn announce(socket: &Path, web: Option<(&Web, &Auth)>, first_visit: &str) {
    let mut out = std::io::stdout();
    let mut text = format!("✓ Daemon started on {}\n", visible(&socket.display().to_string()));
    if let Some((web, auth)) = web {
        text += &web::welcome(web, auth, first_visit, out.is_terminal());
    }
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
}

/// Executes this program again, as it was started. Returns only when that fails.
fn restart(inherited: &Inherited) -> anyhow::Error {
    let arguments = || std::env::args_os().skip(1);
    let program = process::executable::own();
    let mut command = std::process::Command::new(&program);
    command.args(arguments());
    inherited.give_back(&mut command);
    let error = command.exec();
    // It could be executed a moment ago, and who is gone helps nobody: this version goes on.
    let mut same = std::process::Command::new("/proc/self/exe");
    same.args(arguments());
    inherited.give_back(&mut same);
    let _ = same.exec();
    anyhow::Error::from(error).context(format!("cannot execute {}", program.display()))
}
