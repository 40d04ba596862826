//! Is everything as it should be? What is not says what to do.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use codepiper_protocol::tmux::Version;
use codepiper_protocol::wire::daemon::{Check, Verdict};

use crate::config::Config;
use crate::journal::Disk;
use crate::journal::disk::Usage;
use crate::paths::Paths;
use crate::provider;
use crate::session::Sessions;
use crate::small_file::Broken;
use crate::tmux::find;
use crate::tmux::server::{self, Address};

/// A daemon, as far as it is looked at.
pub struct Daemon<'a> {
    pub sessions: &'a Sessions,
    pub paths: &'a Paths,
    pub tmux_socket: &'a Path,
    pub journal: &'a Disk,
    /// Small files of the daemon's own that cannot be used, and why.
    pub broken_files: &'a [Broken],
    /// Env sets that cannot be used, and why.
    pub broken_env_sets: &'a [Broken],
    /// Why codes of the authenticator are refused, if the clock was ahead when one was taken.
    pub code_from_the_future: Option<String>,
    /// Whether the tmux server answers.
    pub tmux_answers: bool,
    /// Why nobody can sign in to the dashboard.
    pub web_damage: Option<String>,
}

/// What can be said without a daemon.
pub fn local_checks(paths: &Paths) -> Vec<Check> {
    let mut checks = checks_of_places(paths);
    checks.extend(server_without_daemon(&Address::new(paths.tmux_socket.clone()).path()));
    checks
}

fn checks_of_places(paths: &Paths) -> Vec<Check> {
    vec![tmux_installed(), private("data directory", &paths.data), private("state directory", &paths.state)]
}

/// Why a daemon that ends here could not begin again, if so: it would be gone for good.
pub fn obstacle(paths: &Paths) -> Option<String> {
    if let Err(error) = Config::load(&paths.config_file) {
        return Some(error.to_string());
    }
    let tmux = tmux_installed();
    if tmux.verdict == Verdict::Broken {
        return Some(tmux.detail);
    }
    let sockets = paths.socket.parent().map(Path::to_owned);
    let dirs = [paths.data.clone(), paths.run(), paths.state.clone()];
    dirs.into_iter().chain(sockets).find_map(|dir| {
        let probe = dir.join("probe.new");
        let error = File::create(&probe).and_then(|_| fs::remove_file(&probe)).err()?;
        Some(format!("no file can be made in {}: {error}", dir.display()))
    })
}

/// A server whose daemon is gone: whether the next one can go on with it.
fn server_without_daemon(socket: &Path) -> Option<Check> {
    let (verdict, detail) = match find::look(socket) {
        Ok(None) => return None,
        Ok(Some(pid)) => match replaced(pid) {
            Some(detail) => (Verdict::Warning, detail),
            None => (Verdict::Fine, format!("process {pid}, {}", socket.display())),
        },
        Err(error) => (Verdict::Broken, error.to_string()),
    };
    Some(Check { name: "tmux server".into(), verdict, detail })
}

/// What to say of a server that is of another version than the installed tmux.
fn replaced(server: i32) -> Option<String> {
    let (_, version, installed) = find::replaced(server)?;
    Some(format!(
        "process {server} is tmux {version}, and tmux {installed} is installed now; the two may not talk, so the daemon and \
         attach use the server's own program. Sessions go on; the next server is {installed}: codepiper daemon stop \
         --kill-sessions ends this one"
    ))
}

/// What the daemon can say.
pub fn checks(daemon: &Daemon) -> Vec<Check> {
    let mut checks = checks_of_places(daemon.paths);
    checks.push(connection(daemon));
    checks.push(records(&daemon.sessions.broken_records()));
    checks.push(files(daemon.broken_files));
    checks.push(env_sets(daemon.broken_env_sets));
    checks.extend(lost(daemon.sessions));
    let usage = daemon.journal.usage();
    checks.push(journal(&usage, &daemon.paths.journal()));
    checks.push(clock(usage.clock.clone(), daemon.code_from_the_future.clone()));
    checks.push(web(daemon.web_damage.clone()));
    let env = daemon.sessions.environment();
    let path = env.get("PATH").map(String::as_str);
    for provider in provider::all() {
        let program = provider.program(env);
        let (verdict, detail) = match provider::look_up(&program, path, "/".as_ref()) {
            Some(found) if provider.name() == "codex" && provider::codex_hooks_without_review() => {
                (Verdict::Fine, format!("{}; all its hooks run without review", found.display()))
            }
            Some(found) => (Verdict::Fine, found.display().to_string()),
            None => (
                Verdict::Warning,
                format!(
                    "'{program}' is not in the daemon's PATH; install it, or start the session from a shell that finds it"
                ),
            ),
        };
        checks.push(Check { name: format!("provider {}", provider.name()), verdict, detail });
    }
    checks
}

fn tmux_installed() -> Check {
    let (verdict, detail) = match server::installed_version() {
        Err(error) => (Verdict::Broken, error.to_string()),
        Ok(version) if version < server::oldest() => (
            Verdict::Broken,
            format!("tmux {version} is installed, and {} or newer is needed", server::OLDEST),
        ),
        Ok(version) => match known_bugs(&version) {
            "" => (Verdict::Fine, version.to_string()),
            bugs => (Verdict::Fine, format!("{version}; codepiper keeps clear of its bugs: {bugs}")),
        },
    };
    Check { name: "tmux".into(), verdict, detail }
}

/// Bugs of tmux that end the server or lose output, and that the daemon avoids.
fn known_bugs(version: &Version) -> &'static str {
    let before = |fixed: &str| fixed.parse().is_ok_and(|fixed: Version| *version < fixed);
    if before("3.7") {
        "crashes on a global 'window-size manual', on 'refresh-client -A %N:off' and on respawn-pane; \
         drops the last output of a program that exits"
    } else {
        "crashes on respawn-pane"
    }
}

fn connection(daemon: &Daemon) -> Check {
    let linked = daemon.sessions.linked();
    let (verdict, detail) = match linked.as_ref().map(|linked| (linked, replaced(linked.server.pid))) {
        Some((linked, _)) if !daemon.tmux_answers => (
            Verdict::Broken,
            format!(
                "process {} does not answer: it stands still, or has too much to do; if it is stopped, \
                 kill -CONT {0} lets it go on",
                linked.server.pid
            ),
        ),
        Some((_, Some(detail))) => (Verdict::Warning, detail),
        Some((linked, None)) => (
            Verdict::Fine,
            format!(
                "version {}, process {}, {}",
                linked.server.version.lossy(),
                linked.server.pid,
                daemon.tmux_socket.display()
            ),
        ),
        None => (
            Verdict::Broken,
            format!(
                "no connection to the server at {}: {}; see {}",
                daemon.tmux_socket.display(),
                daemon.sessions.link_trouble().unwrap_or_else(|| "it was lost just now".to_owned()),
                daemon.paths.log_file().display()
            ),
        ),
    };
    Check { name: "tmux server".into(), verdict, detail }
}

fn records(broken: &[Broken]) -> Check {
    let (verdict, detail) = match broken {
        [] => (Verdict::Fine, "all can be read".to_owned()),
        broken => (
            Verdict::Broken,
            format!(
                "{}; what runs of these sessions is left alone: repair the file, or remove it to forget the session, \
                 then codepiper daemon restart",
                each(broken)
            ),
        ),
    };
    Check { name: "launch records".into(), verdict, detail }
}

fn web(damage: Option<String>) -> Check {
    let (verdict, detail) = match damage {
        None => (Verdict::Fine, "passwords and logins can be read".to_owned()),
        Some(damage) => (Verdict::Broken, damage),
    };
    Check { name: "web sign-in".into(), verdict, detail }
}

fn journal(usage: &Usage, dir: &Path) -> Check {
    let (verdict, detail) = if let Some(reason) = &usage.failing {
        let what = format!("cannot be written, and what is printed stays in memory: {reason}");
        (Verdict::Broken, format!("{what}; make {} writable, it is tried again", dir.display()))
    } else if let Some(why) = usage.paused.as_ref().or(usage.unreadable.as_ref()) {
        let what = match usage.paused {
            Some(_) => "nothing is stored, and what is printed stays in memory",
            None => "what is stored can be read in part only",
        };
        let cure = "make room there, or make it writable; nothing has to be restarted";
        (Verdict::Broken, format!("{why}: {what}, {}; {cure}", dir.display()))
    } else if let Some(damage) = usage.damage.last() {
        let lost: u64 = usage.damage.iter().map(|damage| damage.lost_bytes).sum();
        let lost = match lost {
            0 => "output that was".to_owned(),
            bytes => format!("{bytes} bytes that were"),
        };
        let what = format!("{lost} stored cannot be read any more; the latest: {damage}");
        (Verdict::Warning, format!("{what}; codepiper logs --type journal tells all"))
    } else if usage.dropped_bytes > 0 {
        let dropped = usage.dropped_bytes;
        (Verdict::Warning, format!("{dropped} bytes were not stored, since the disk was full or too slow"))
    } else {
        let (used, limit) = (mib(usage.disk_bytes), mib(usage.limit_bytes));
        let (count, dir) = (usage.generations, dir.display());
        let waits = match usage.unwritten_bytes {
            0 => String::new(),
            bytes => format!("; {bytes} bytes wait to be written"),
        };
        (Verdict::Fine, format!("{used} of at most {limit} MiB in {count} generations, {dir}{waits}"))
    };
    Check { name: "journal".into(), verdict, detail }
}

fn clock(doubt: Option<String>, code_from_the_future: Option<String>) -> Check {
    let cure = "set the clock of this machine if it is wrong (timedatectl); nothing that is stored is deleted for its age meanwhile";
    let (verdict, detail) = match (doubt, code_from_the_future) {
        (Some(doubt), _) => (Verdict::Warning, format!("{doubt}; {cure}")),
        (None, Some(code)) => (Verdict::Warning, code),
        (None, None) => (Verdict::Fine, "it agrees with what was stored before".to_owned()),
    };
    Check { name: "clock".into(), verdict, detail }
}

fn mib(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 20)
}

fn files(broken: &[Broken]) -> Check {
    let (verdict, detail) = match broken {
        [] => (Verdict::Fine, "all can be read".to_owned()),
        broken => (
            Verdict::Broken,
            format!(
                "{}; remove what cannot be read, make room for what cannot be written, then codepiper daemon restart \
                 writes it anew",
                each(broken)
            ),
        ),
    };
    Check { name: "state files".into(), verdict, detail }
}

fn env_sets(broken: &[Broken]) -> Check {
    let (verdict, detail) = match broken {
        [] => (Verdict::Fine, "all can be read".to_owned()),
        broken => (
            Verdict::Broken,
            format!(
                "{}; put the file back from a backup, or give up its values with codepiper env-set remove NAME; sessions \
                 that use the set do not start meanwhile",
                each(broken)
            ),
        ),
    };
    Check { name: "env sets".into(), verdict, detail }
}

fn each(broken: &[Broken]) -> String {
    let each: Vec<_> = broken.iter().map(|(path, reason)| format!("{}: {reason}", path.display())).collect();
    each.join("; ")
}

/// Sessions that could go on.
fn lost(sessions: &Sessions) -> Option<Check> {
    let lost: Vec<_> = sessions.lost().iter().map(|session| session.id.short()).collect();
    (!lost.is_empty()).then(|| Check {
        name: "ended sessions".into(),
        verdict: Verdict::Warning,
        detail: format!(
            "ended with their tmux server: {}; codepiper resume --all starts them again",
            lost.join(", ")
        ),
    })
}

fn private(name: &str, dir: &Path) -> Check {
    let (verdict, detail) = match fs::metadata(dir) {
        Ok(meta) if meta.permissions().mode() & 0o077 != 0 => {
            (Verdict::Warning, format!("{} can be read by others; chmod 700 it", dir.display()))
        }
        Ok(_) => (Verdict::Fine, dir.display().to_string()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            (Verdict::Fine, format!("{} will be made by the daemon", dir.display()))
        }
        Err(error) => (Verdict::Broken, format!("{} cannot be used: {error}", dir.display())),
    };
    Check { name: name.to_owned(), verdict, detail }
}
