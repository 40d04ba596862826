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

/// The dashboard. Flags and the environment come first: see `codepiper daemon --help`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
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
            ("web.tls-cert", &config.web.tls_cert),
            ("web.tls-key", &config.web.tls_key),
        ] {
            if path.as_ref().is_some_and(|path| !path.is_absolute()) {
                return Err(serde::de::Error::custom(format!("{key} must be an absolute path")));
            }
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
        assert_eq!(Config::parse("").unwrap().tmux.socket, None);
    }
}
