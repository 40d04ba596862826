//! The private tmux server: how it is started, whose it is, and how it is set up.

use std::ffi::OsString;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command as Process;

use codepiper_protocol::tmux::{
    Alert, Binding, ClientFacts, Clipboard, Command, ExtendedKeys, Facts, Format, KeyTable, Notified,
    PaneEnd, PrefixKey, Question, Scope, ServerFacts, SessionName, Setting, SubscriptionName, Target,
    Terminal, Text, UserOption, Version, Watched,
};

use super::connection::{CommandError, Connection};

/// The first version with flow control, subscriptions and `-B`.
pub const OLDEST: &str = "3.2";
/// Lines of history that tmux keeps for people who attach, and for healing.
pub const HISTORY: u32 = 10_000;
/// The subscription that tells of panes whose program ended, and of panes in copy mode.
pub const PANE_END: SubscriptionName = SubscriptionName::new("pane-end");
/// What the hub's own window runs; 68 years.
const KEEPER: [&str; 2] = ["sleep", "2147483647"];

/// Where a server is reached.
#[derive(Clone, Debug)]
pub struct Address {
    /// `None`: the server named `codepiper` of this user.
    socket: Option<PathBuf>,
}

impl Address {
    pub fn new(socket: Option<PathBuf>) -> Self {
        Self { socket }
    }

    /// The path of the server's socket. For a named server: where tmux puts it (`make_label` in tmux.c).
    pub fn path(&self) -> PathBuf {
        match &self.socket {
            Some(socket) => socket.clone(),
            None => {
                let dir = std::env::var_os("TMUX_TMPDIR").filter(|dir| !dir.is_empty());
                let uid = nix::unistd::getuid();
                Path::new(&dir.unwrap_or_else(|| "/tmp".into())).join(format!("tmux-{uid}/codepiper"))
            }
        }
    }

    /// The control client: attaches to the hub, and starts server and hub where they are missing. By `program`: see
    /// [`find::program`](super::find::program).
    pub fn control_client(&self, program: &Path) -> tokio::process::Command {
        // Under systemd the server gets a scope of its own, where that works, so that stopping the unit
        // cannot reach it.
        let mut command = match in_own_scope() {
            true => {
                let mut command = tokio::process::Command::new("systemd-run");
                command.args(["--user", "--scope", "--quiet", "--collect"]).arg(program);
                command
            }
            false => tokio::process::Command::new(program),
        };
        command.env_clear().envs(scrubbed_environment()).arg("-u");
        match &self.socket {
            Some(socket) => command.arg("-S").arg(socket),
            None => command.args(["-L", "codepiper"]),
        };
        command.args(["-f", "/dev/null", "-C", "new-session", "-A", "-s", "_hub", "-x", "80", "-y", "24"]);
        command.args(KEEPER).current_dir("/");
        command
    }
}

fn in_own_scope() -> bool {
    std::env::var_os("INVOCATION_ID").is_some()
        && std::env::var_os("NOTIFY_SOCKET").is_some()
        && Process::new("systemd-run")
            .args(["--user", "--scope", "--quiet", "--collect", "true"])
            .output()
            .is_ok_and(|output| output.status.success())
}

/// What the server itself needs. Programs get their environment from the shim, so nothing else has to
/// be in tmux's, where every pane and `show-environment` would show it.
fn scrubbed_environment() -> impl Iterator<Item = (&'static str, OsString)> {
    const KEPT: [&str; 9] =
        ["PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "LC_CTYPE", "TMUX_TMPDIR"];
    // systemd-run --user finds its manager by this.
    const SCOPE: [&str; 2] = ["XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"];
    KEPT.into_iter().chain(SCOPE).filter_map(|name| Some((name, std::env::var_os(name)?)))
}

/// The version of the installed tmux. Starts a process.
///
/// # Errors
/// When tmux cannot be run; the text says what to do.
pub fn installed_version() -> anyhow::Result<Version> {
    version_of("tmux".as_ref())
}

/// The version of a tmux. Starts a process.
///
/// # Errors
/// As [`installed_version`].
pub fn version_of(program: &Path) -> anyhow::Result<Version> {
    // It says its name before: that of the file, without this.
    let output =
        Process::new(program).arg0("tmux").arg("-V").output().map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                anyhow::anyhow!("tmux is not installed; install tmux {OLDEST} or newer")
            }
            _ => anyhow::anyhow!("cannot run tmux: {error}"),
        })?;
    let text = String::from_utf8_lossy(&output.stdout);
    let version = text.trim().strip_prefix("tmux ").unwrap_or(text.trim());
    version.parse().map_err(|_| anyhow::anyhow!("tmux -V printed '{}', which is not a version", text.trim()))
}

/// The mark that a daemon leaves on its server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Random, kept in the daemon's data directory.
    pub instance: String,
    /// The daemon's socket: it answers while the owner lives.
    pub socket: PathBuf,
}

impl Owner {
    fn to_text(&self) -> String {
        format!("{} {}", self.instance, self.socket.display())
    }

    fn parse(text: &str) -> Option<Self> {
        let (instance, socket) = text.split_once(' ')?;
        Some(Self { instance: instance.to_owned(), socket: socket.into() })
    }

    fn is_alive(&self) -> bool {
        UnixStream::connect(&self.socket).is_ok()
    }
}

#[derive(Debug, thiserror::Error)]
pub enum SetUpError {
    #[error(
        "tmux {found} is running at {socket}, but CodePiper needs {OLDEST} or newer; end that server or \
         install a newer tmux"
    )]
    TooOld { found: String, socket: PathBuf },
    #[error(
        "the tmux server at {server} belongs to another daemon, on {owner}; stop that daemon or choose \
         another tmux socket"
    )]
    Owned { server: PathBuf, owner: PathBuf },
    #[error(transparent)]
    Command(#[from] CommandError),
}

/// Makes the server ours: checks version and owner before it touches anything, then sets every option.
pub async fn set_up(
    connection: &Connection,
    address: &Address,
    owner: &Owner,
) -> Result<ServerFacts, SetUpError> {
    connection.attached().await?;
    let facts: ServerFacts = ask(connection, None).await?;
    let version: Version = match facts.version.lossy().parse() {
        Ok(version) if version >= oldest() => version,
        _ => {
            return Err(SetUpError::TooOld {
                found: facts.version.lossy().into_owned(),
                socket: address.path(),
            });
        }
    };
    // On our own socket nobody answers but we: there the owner was a daemon before us. One whose socket's file is gone
    // cannot be asked, but its client is in the hub.
    if let Some(other) = Owner::parse(&facts.owner.lossy())
        && other.instance != owner.instance
        && other.socket != owner.socket
        && (other.is_alive() || !other_clients(connection).await?.is_empty())
    {
        return Err(SetUpError::Owned { server: address.path(), owner: other.socket });
    }
    let text = owner.to_text();
    let value = Text::new(&text).ok_or(CommandError::Unreadable("the socket path contains NUL".into()))?;
    let mut commands = vec![Command::SetUser { scope: Scope::Server, option: UserOption::OWNER, value }];
    commands.extend(settings(&version).into_iter().map(Command::Set));
    commands.extend(keys(&version));
    let (hub, format) = (SessionName::hub(), PaneEnd::FORMAT);
    commands.push(Command::KeepInSession(&hub));
    commands.push(Command::Subscribe { name: PANE_END, watched: Watched::AllPanes, format });
    for command in &commands {
        match connection.send(command).await {
            // Without bindings tmux has no such table: a daemon before us ended in the middle of this.
            Err(CommandError::Refused { .. })
                if matches!(command, Command::UnbindAll(_) | Command::UnbindRefresh) => {}
            replies => drop(replies?),
        }
    }
    connection.set_pastes_raw(knows_raw_paste(connection).await?);
    detach_stale_clients(connection).await?;
    Ok(facts)
}

/// Since tmux 3.7 `paste-buffer` makes control characters visible (`^[`) without `-S`, which others do not know. The
/// server is asked: the tmux of OpenBSD has a version of its own.
async fn knows_raw_paste(connection: &Connection) -> Result<bool, CommandError> {
    let replies = connection.send(&Command::DescribePaste).await?;
    let usage = replies.first().and_then(|reply| reply.lines().next()).unwrap_or_default();
    let flags = memchr::memmem::find(usage, b"[-").map(|start| &usage[start..]).unwrap_or_default();
    Ok(flags.split(|byte| *byte == b']').next().is_some_and(|flags| flags.contains(&b'S')))
}

pub fn oldest() -> Version {
    OLDEST.parse().unwrap_or_else(|_| unreachable!("the constant is a version"))
}

/// One set of facts about a target, or about the server.
pub async fn ask<F: Facts>(connection: &Connection, target: Option<Target>) -> Result<F, CommandError> {
    let replies = connection.send(&Command::Show { target, format: F::FORMAT }).await?;
    let line = replies.first().and_then(|reply| reply.lines().next()).unwrap_or_default();
    F::parse(line).ok_or_else(|| CommandError::Unreadable(line.escape_ascii().to_string()))
}

/// The lines of a list. Lines that are none are passed over.
pub async fn list<F: Facts>(
    connection: &Connection,
    command: fn(Format) -> Command<'static>,
) -> Result<Vec<F>, CommandError> {
    let replies = connection.send(&command(F::FORMAT)).await?;
    Ok(replies.iter().flat_map(|reply| reply.lines()).filter_map(F::parse).collect())
}

fn settings(version: &Version) -> Vec<Setting> {
    let mut settings = vec![
        Setting::ExitEmpty(false),
        Setting::EscapeTime(0),
        // Without it Claude Code believes that it has the focus, and its empty composer looks like a draft.
        Setting::FocusEvents(true),
        Setting::DefaultTerminal(if knows_tmux_terminal() { Terminal::Tmux } else { Terminal::Screen }),
        Setting::TrueColor,
        Setting::ExtendedKeys(ExtendedKeys::On),
        Setting::SetClipboard(Clipboard::External),
        // Command lines are messages too, and texts that people send stand in them.
        Setting::MessageLimit(0),
        Setting::KeepUnattached,
        Setting::DetachOnDestroy(true),
        Setting::Status(false),
        Setting::SetTitles(false),
        Setting::NoticeAsTitle,
        Setting::NoTitles,
        Setting::HistoryLimit(HISTORY),
        Setting::NoUpdateEnvironment,
        Setting::NoDefaultCommand,
        Setting::DefaultShell,
        Setting::NoPrefix2,
        Setting::Mouse(false),
        Setting::EmacsKeys,
        Setting::RemainOnExit,
        Setting::AutomaticRename(false),
        Setting::AllowRename(false),
        Setting::MonitorActivity(false),
        Setting::MonitorBell(false),
    ];
    settings.extend([Alert::Bell, Alert::Activity, Alert::Silence].map(Setting::NoAlert));
    settings.extend([Alert::Bell, Alert::Activity, Alert::Silence].map(Setting::NoVisual));
    settings.extend([Notified::Xterm, Notified::Foot, Notified::WezTerm].map(Setting::TitleNotifies));
    settings.extend(PrefixKey::new('b').map(Setting::Prefix));
    if "3.3".parse().is_ok_and(|since: Version| *version >= since) {
        settings.extend([Setting::AllowPassthrough(false), Setting::NoRemainOnExitText]);
    }
    settings
}

/// Only harmless keys: see [`Binding`].
fn keys(version: &Version) -> Vec<Command<'static>> {
    let mut commands = vec![
        Command::UnbindAll(KeyTable::Prefix),
        Command::UnbindAll(KeyTable::Root),
        Command::UnbindRefresh,
    ];
    let mut bindings =
        vec![Binding::Detach, Binding::CopyMode, Binding::CopyModeUp, Binding::Paste, Binding::Help];
    bindings.extend(PrefixKey::new('b').map(Binding::SendPrefix));
    // Before that, `command-prompt` holds up nobody.
    if version.at_least(3, 3) {
        bindings.extend(Question::all(version.at_least(3, 6)).map(Binding::Ask));
    }
    commands.extend(bindings.into_iter().map(Command::Bind));
    commands
}

/// `tmux-256color` is missing in the terminfo of some systems.
fn knows_tmux_terminal() -> bool {
    const PLACES: [&str; 4] =
        ["/etc/terminfo", "/lib/terminfo", "/usr/share/terminfo", "/usr/local/share/terminfo"];
    PLACES
        .iter()
        .any(|place| ["t", "74"].iter().any(|dir| Path::new(place).join(dir).join("tmux-256color").exists()))
}

/// A client of ours whose daemon was killed may still hold the panes back.
async fn detach_stale_clients(connection: &Connection) -> Result<(), CommandError> {
    for client in other_clients(connection).await? {
        if let Some(name) = Text::new(client.name.as_bytes()) {
            connection.send(&Command::DetachClient(name)).await?;
        }
    }
    Ok(())
}

/// The clients in the hub beside this one: daemons'.
async fn other_clients(connection: &Connection) -> Result<Vec<ClientFacts>, CommandError> {
    let own: ClientFacts = ask(connection, None).await?;
    let mut clients = list::<ClientFacts>(connection, Command::ListClients).await?;
    clients.retain(|client| client.control_mode && client.session == own.session && client.pid != own.pid);
    Ok(clients)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_mark_is_read_back() {
        let owner = Owner { instance: "abc".into(), socket: "/tmp/with space.sock".into() };
        assert_eq!(Owner::parse(&owner.to_text()), Some(owner));
        assert_eq!(Owner::parse(""), None);
    }
}
