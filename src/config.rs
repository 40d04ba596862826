//! The configuration file, `config.toml`. An unknown key is an error that names the key and the line.

use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    pub daemon: Daemon,
    pub tmux: Tmux,
    pub journal: Journal,
    pub sessions: Sessions,
    pub web: Web,
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

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sessions {
    pub resume_after_reboot: AfterReboot,
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
            Ok(text) => Self::parse(&text).map_err(|error| {
                anyhow::anyhow!("the configuration file {} is not valid: {error}", path.display())
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => {
                Err(anyhow::anyhow!("cannot read the configuration file {}: {error}", path.display()))
            }
        }
    }

    fn parse(text: &str) -> Result<Self, toml::de::Error> {
        let config: Self = toml::from_str(text)?;
        for (key, path) in [
            ("daemon.socket", &config.daemon.socket),
            ("tmux.socket", &config.tmux.socket),
            ("web.tls_cert", &config.web.tls_cert),
            ("web.tls_key", &config.web.tls_key),
        ] {
            if path.as_ref().is_some_and(|path| !path.is_absolute()) {
                return Err(serde::de::Error::custom(format!("{key} must be an absolute path")));
            }
        }
        if config.journal.max_mib < Journal::MIN_MIB || config.journal.max_days == 0 {
            return Err(serde::de::Error::custom(format!(
                "journal.max_mib must be at least {}, and journal.max_days at least 1",
                Journal::MIN_MIB
            )));
        }
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_keys_name_the_key_and_the_line() {
        let error = Config::parse("[daemon]\nsocket = '/a'\nsokcet = '/b'\n").unwrap_err().to_string();
        assert!(error.contains("line 3") && error.contains("sokcet"), "{error}");
        let error = Config::parse("[daemon]\nsocket = 'a'\n").unwrap_err().to_string();
        assert!(error.contains("daemon.socket"), "{error}");
        let error = Config::parse("[journal]\nmax_mib = 1\n").unwrap_err().to_string();
        assert!(error.contains("journal.max_mib"), "{error}");
        assert_eq!(Config::parse("[journal]\nmax_days = 7\n").unwrap().journal.max_mib, 4096);
        assert_eq!(Config::parse("").unwrap().tmux.socket, None);
    }

    #[test]
    fn the_guide_shows_every_key_as_it_can_be_written() {
        let guide = include_str!("../docs/sessions.md");
        let example = guide.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
        let config = Config::parse(example).unwrap();
        assert!(config.daemon.socket.is_some() && config.tmux.socket.is_some());
        assert!(config.web.public_url.is_some() && config.web.tls_key.is_some());
    }

    #[test]
    fn what_goes_on_after_a_reboot_is_one_of_two_words() {
        let parse = |text: &str| Config::parse(text).map(|config| config.sessions.resume_after_reboot);
        assert_eq!(parse(""), Ok(AfterReboot::Agents));
        assert_eq!(parse("[sessions]\nresume_after_reboot = 'agents'\n"), Ok(AfterReboot::Agents));
        assert_eq!(parse("[sessions]\nresume_after_reboot = 'never'\n"), Ok(AfterReboot::Never));
        let error = parse("[sessions]\nresume_after_reboot = 'all'\n").unwrap_err().to_string();
        assert!(error.contains("line 2") && error.contains("`agents` or `never`"), "{error}");
    }
}
