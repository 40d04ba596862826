//! The configuration file, `config.toml`. An unknown key is an error that names the key and the line.

mod providers;

pub use providers::{Composer, Means, Prompt, Provider, Providers, Signal, Table};

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use codepiper_protocol::wire::ask::AskKind;
use serde::Deserialize;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    pub daemon: Daemon,
    pub tmux: Tmux,
    pub journal: Journal,
    pub sessions: Sessions,
    pub limits: Limits,
    pub notifications: Notifications,
    pub audit: Audit,
    pub web: Web,
    pub providers: Providers,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Daemon {
    /// The API's Unix socket.
    pub socket: Option<PathBuf>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tmux {
    /// The tmux server's socket.
    pub socket: Option<PathBuf>,
}

/// How much of what sessions print is kept.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Journal {
    /// All of it takes at most so many MiB on the disk, and is kept for at most so many days.
    pub max_mib: u64,
    pub max_days: u32,
    /// So many MiB are left free on the disk.
    pub reserve_mib: u64,
}

impl Default for Journal {
    fn default() -> Self {
        Self { max_mib: 4096, max_days: 30, reserve_mib: 64 }
    }
}

impl Journal {
    /// The least that is of any use.
    const MIN_MIB: u64 = 16;
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sessions {
    pub resume_after_reboot: AfterReboot,
    /// So many programs may be starting at once; more wait for their turn.
    pub launches_at_once: usize,
    /// An agent that works and prints nothing for so long has stalled; 0: nobody is told.
    pub stalled_after_seconds: u32,
    /// More variables that come from whoever starts or resumes a session; one that ends with `*` is the beginning of several.
    pub update_environment: Vec<String>,
}

impl Default for Sessions {
    fn default() -> Self {
        Self {
            resume_after_reboot: AfterReboot::default(),
            launches_at_once: 4,
            stalled_after_seconds: 600,
            update_environment: Vec::new(),
        }
    }
}

/// What goes on by itself when the machine was started again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AfterReboot {
    /// Agents with a conversation.
    #[default]
    Agents,
    Never,
}

/// What is done when a usage limit has reset.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    pub on_reset: OnReset,
    /// So long after the reset an agent is told to continue, and up to half as long again: not all at once.
    pub delay_seconds: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { on_reset: OnReset::default(), delay_seconds: 120 }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnReset {
    /// Tells it by an event.
    #[default]
    Notify,
    /// And tells the agent to continue.
    Continue,
}

/// How long the audit is kept.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Audit {
    /// Records of so many days; without it, for ever.
    pub max_days: Option<u32>,
}

/// Who is told of asks besides the devices that are set up in the dashboard.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Notifications {
    /// A program and its arguments.
    pub command: Option<Vec<String>>,
    pub webhook: Option<String>,
    /// What the webhook's requests are signed with.
    pub webhook_secret: Option<String>,
    /// Terminals that are attached get them too.
    pub terminals: bool,
    /// Of the command, the webhook and the terminals.
    pub kinds: Vec<AskKind>,
    pub quiet: Option<Quiet>,
    /// Devices may name push services in the machine's own network.
    pub private_endpoints: bool,
    /// Whom push services may turn to.
    pub contact: Option<String>,
}

impl Default for Notifications {
    fn default() -> Self {
        let kinds = AskKind::ALL.into_iter().filter(|kind| *kind != AskKind::Finished).collect();
        let (command, webhook, webhook_secret, quiet, private_endpoints, contact) = Default::default();
        let terminals = true;
        Self { command, webhook, webhook_secret, terminals, kinds, quiet, private_endpoints, contact }
    }
}

/// A time of day, such as 22:00 to 07:00.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quiet {
    pub from: String,
    pub to: String,
    /// An IANA name; without one, this machine's.
    pub time_zone: Option<String>,
}

/// The dashboard. Flags and the environment come first: see `codepiper daemon --help`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Web {
    /// Serve it without being asked.
    pub enabled: bool,
    pub port: Option<u16>,
    pub host: Option<IpAddr>,
    /// Own certificates and their key, in PEM form.
    pub tls_cert: Option<PathBuf>,
    pub tls_key: Option<PathBuf>,
    /// Somebody else does TLS in front of the daemon.
    pub behind_proxy: bool,
    /// `https://host[:port]`: what people open.
    pub public_url: Option<String>,
}

impl Config {
    /// Reads the file; a missing file is the default.
    pub fn load(path: &Path) -> anyhow::Result<Self> {
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&text).map_err(|invalid| invalid.of_file(path)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => {
                Err(anyhow::anyhow!("cannot read the configuration file {}: {error}", path.display()))
            }
        }
    }

    fn parse(text: &str) -> Result<Self, Invalid> {
        let line_of = |at: usize| text.get(..at).map_or(0, |before| before.matches('\n').count()) + 1;
        let mut config: Self = toml::from_str(text).map_err(|error| Invalid {
            line: error.span().map(|span| line_of(span.start)),
            message: error.message().to_owned(),
        })?;
        config.check().map_err(|message| Invalid { line: None, message })?;
        for (name, table) in &mut config.providers {
            table.check(name, line_of)?;
        }
        Ok(config)
    }

    fn check(&self) -> Result<(), String> {
        for (key, path) in [
            ("daemon.socket", &self.daemon.socket),
            ("tmux.socket", &self.tmux.socket),
            ("web.tls_cert", &self.web.tls_cert),
            ("web.tls_key", &self.web.tls_key),
        ] {
            if path.as_ref().is_some_and(|path| !path.is_absolute()) {
                return Err(format!("{key} must be an absolute path"));
            }
        }
        if self.journal.max_mib < Journal::MIN_MIB || self.journal.max_days == 0 {
            return Err(format!(
                "journal.max_mib must be at least {}, and journal.max_days at least 1",
                Journal::MIN_MIB
            ));
        }
        if self.sessions.launches_at_once == 0 {
            return Err("sessions.launches_at_once must be at least 1".to_owned());
        }
        if self.limits.delay_seconds > 86_400 {
            return Err("limits.delay_seconds must be at most 86400".to_owned());
        }
        self.notifications.check()?;
        if self.audit.max_days == Some(0) {
            return Err("audit.max_days must be at least 1".to_owned());
        }
        for name in &self.sessions.update_environment {
            if name.is_empty() || name.trim_end_matches('*').contains(['=', '*', '\0']) {
                return Err(format!(
                    "sessions.update_environment: invalid variable name '{}'",
                    name.escape_debug()
                ));
            }
        }
        Ok(())
    }
}

impl Notifications {
    /// A shorter one can be guessed.
    const SHORTEST_SECRET: usize = 16;

    fn check(&self) -> Result<(), String> {
        if self.command.as_ref().is_some_and(Vec::is_empty) {
            return Err("notifications.command must name a program".to_owned());
        }
        let url = |contact: &String| ["mailto:", "https://"].iter().any(|scheme| contact.starts_with(scheme));
        if !self.contact.as_ref().is_none_or(url) {
            return Err("notifications.contact must begin with mailto: or https://".to_owned());
        }
        let secret = self.webhook_secret.as_ref().map_or(0, String::len);
        if self.webhook.is_some() && secret < Self::SHORTEST_SECRET {
            let shortest = Self::SHORTEST_SECRET;
            return Err(format!(
                "notifications.webhook needs a notifications.webhook_secret of at least {shortest} bytes"
            ));
        }
        Ok(())
    }
}

/// What is wrong with the configuration file, and in which line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    line: Option<usize>,
    message: String,
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl Invalid {
    /// The same as an error that names the file.
    pub fn of_file(&self, path: &Path) -> anyhow::Error {
        anyhow::anyhow!("invalid configuration file {}: {self}", path.display())
    }
}

#[cfg(test)]
mod tests;
