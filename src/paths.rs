//! Where things are. Precedence: flag, environment, configuration file, default.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;

use crate::config::Config;

/// The longest path of a Unix socket in bytes (`sun_path` of 108 with its NUL on Linux).
const SOCKET_PATH_MAX: usize = 107;

/// Every place the daemon and its clients use.
#[derive(Clone, Debug)]
pub struct Paths {
    /// Set when everything lies under one directory.
    pub home: Option<PathBuf>,
    pub config_file: PathBuf,
    /// Launch records, exit files, keys. 0700.
    pub data: PathBuf,
    /// The daemon's log. 0700.
    pub state: PathBuf,
    /// The API's Unix socket.
    pub socket: PathBuf,
    /// The tmux server's socket. `None`: the server named `codepiper` of this user (`tmux -L codepiper`).
    pub tmux_socket: Option<PathBuf>,
}

/// What the command line says about places.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    pub socket: Option<PathBuf>,
    pub tmux_socket: Option<PathBuf>,
}

impl Paths {
    /// Resolves every place and reads the configuration file. Creates nothing.
    ///
    /// # Errors
    /// When no home directory is known, the configuration file is invalid, or a socket's path is
    /// longer than the system allows.
    pub fn resolve(flags: &Flags) -> anyhow::Result<(Paths, Config)> {
        let env = |name: &str| std::env::var_os(name).filter(|value: &OsString| !value.is_empty());
        let home = env("CODEPIPER_HOME").map(|home| absolute(Path::new(&home))).transpose()?;
        let (config_file, data, state) = match &home {
            Some(home) => (home.join("config.toml"), home.join("data"), home.join("state")),
            None => {
                let base = etcetera::choose_base_strategy()
                    .map_err(|_| anyhow::anyhow!("no home directory found; set HOME or CODEPIPER_HOME"))?;
                let data = base.data_dir().join("codepiper");
                let state = base.state_dir().unwrap_or_else(|| base.data_dir()).join("codepiper");
                (base.config_dir().join("codepiper/config.toml"), data, state)
            }
        };
        let config = Config::load(&config_file)?;
        let socket = match flags.socket.clone().or_else(|| env("CODEPIPER_SOCKET").map(PathBuf::from)) {
            Some(socket) => absolute(&socket)?,
            None => match (&config.daemon.socket, &home) {
                (Some(socket), _) => socket.clone(),
                (None, Some(home)) => home.join("codepiper.sock"),
                (None, None) => default_socket(),
            },
        };
        let tmux_socket = match &flags.tmux_socket {
            Some(socket) => Some(absolute(socket)?),
            None => config.tmux.socket.clone().or_else(|| home.as_ref().map(|home| home.join("tmux.sock"))),
        };
        let paths = Paths { home, config_file, data, state, socket, tmux_socket };
        for socket in [Some(&paths.socket), paths.tmux_socket.as_ref(), Some(&paths.shim_socket())]
            .into_iter()
            .flatten()
        {
            let length = socket.as_os_str().len();
            anyhow::ensure!(
                length <= SOCKET_PATH_MAX,
                "socket path {} has {length} bytes, and the system allows {SOCKET_PATH_MAX}; choose a \
                 shorter path or CODEPIPER_HOME",
                socket.display(),
            );
        }
        Ok((paths, config))
    }

    /// Locked by the daemon as long as it lives; its pid stands in it.
    pub fn lock_file(&self) -> PathBuf {
        self.data.join("daemon.lock")
    }

    /// The process of the daemon that uses these places, whether it can be reached or not.
    pub fn daemon_pid(&self) -> Option<i32> {
        use nix::fcntl::{Flock, FlockArg};
        let mut file = std::fs::File::open(self.lock_file()).ok()?;
        let mut text = String::new();
        std::io::Read::read_to_string(&mut file, &mut text).ok()?;
        match Flock::lock(file, FlockArg::LockSharedNonblock) {
            Err((_, nix::errno::Errno::EWOULDBLOCK)) => text.lines().next()?.parse().ok(),
            _ => None,
        }
    }

    /// Where shims meet the daemon.
    pub fn shim_socket(&self) -> PathBuf {
        self.run().join("shim.sock")
    }

    /// Short-lived state: exit files, buffers on their way to tmux, the shims' socket.
    pub fn run(&self) -> PathBuf {
        self.data.join("run")
    }

    /// Images that people gave to agents.
    pub fn images(&self) -> PathBuf {
        self.data.join("images")
    }

    /// Comments on sessions' changes, one file a session.
    pub fn reviews(&self) -> PathBuf {
        self.data.join("reviews")
    }

    /// The way in through the web.
    pub fn auth(&self) -> PathBuf {
        self.data.join("auth.json")
    }

    /// One file an env set.
    pub fn env_sets(&self) -> PathBuf {
        self.data.join("env-sets")
    }

    /// Who decided and did what.
    /// Devices that get notifications.
    pub fn notifications(&self) -> PathBuf {
        self.data.join("notifications.json")
    }

    pub fn audit(&self) -> PathBuf {
        self.data.join("audit")
    }

    /// One file a policy.
    pub fn policies(&self) -> PathBuf {
        self.data.join("policies")
    }

    /// Prompts that a person keeps.
    pub fn saved_prompts(&self) -> PathBuf {
        self.data.join("prompts.json")
    }

    /// Worktrees that are made for sessions.
    pub fn worktrees(&self) -> PathBuf {
        self.data.join("worktrees")
    }

    /// What the env sets are encrypted with.
    pub fn env_key(&self) -> PathBuf {
        self.data.join("env.key")
    }

    /// Hooks that came while no daemon ran.
    pub fn spool(&self) -> PathBuf {
        self.data.join("spool")
    }

    /// One launch record a session.
    pub fn sessions(&self) -> PathBuf {
        self.data.join("sessions")
    }

    /// The journal's generations.
    pub fn journal(&self) -> PathBuf {
        self.data.join("journal")
    }

    pub fn log_file(&self) -> PathBuf {
        self.state.join("daemon.log")
    }
}

/// `/tmp/codepiper.sock`, unless that belongs to somebody else.
fn default_socket() -> PathBuf {
    use std::os::unix::fs::MetadataExt;
    let uid = nix::unistd::getuid().as_raw();
    let shared = PathBuf::from("/tmp/codepiper.sock");
    match std::fs::symlink_metadata(&shared) {
        Ok(meta) if meta.uid() != uid => PathBuf::from(format!("/tmp/codepiper-{uid}.sock")),
        _ => shared,
    }
}

fn absolute(path: &Path) -> anyhow::Result<PathBuf> {
    Ok(std::path::absolute(path)?)
}
