//! Is everything as it should be? What is not says what to do.

mod audit;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use codepiper_protocol::tmux::Version;
use codepiper_protocol::visible::count;
use codepiper_protocol::wire::daemon::{Check, Verdict};
use codepiper_protocol::wire::problem::Next;

use crate::audit::trail::Trail;
use crate::config::Config;
use crate::git::kept::{self, Kept};
use crate::journal::Disk;
use crate::journal::disk::Usage;
use crate::notification::Outlets;
use crate::paths::Paths;
use crate::provider::{self, Providers};
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
    pub audit: &'a Trail,
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
pub fn obstacle(paths: &Paths, providers: &Providers) -> Option<String> {
    let file = &paths.config_file;
    let read = Config::load(file).and_then(|config| {
        Outlets::new(&config.notifications)?;
        providers.fit(&config.providers).map_err(|invalid| invalid.of_file(file))
    });
    if let Err(error) = read {
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
        Some(format!("cannot create a file in {}: {error}", dir.display()))
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
    let next = (verdict == Verdict::Warning).then_some(Next::EndTmuxServer);
    Some(Check { name: "tmux server".into(), verdict, detail, next })
}

/// What to say of a server that is of another version than the installed tmux.
fn replaced(server: i32) -> Option<String> {
    let (_, version, installed) = find::replaced(server)?;
    Some(format!(
        "process {server} is tmux {version}, but tmux {installed} is installed now; the two may be incompatible, so the \
         server's own program is used until it ends"
    ))
}

/// What the daemon can say.
pub fn checks(daemon: &Daemon) -> Vec<Check> {
    let mut checks = checks_of_places(daemon.paths);
    checks.push(connection(daemon));
    checks.push(records(&daemon.sessions.registry.broken_records()));
    checks.push(files(daemon.broken_files));
    checks.push(env_sets(daemon.broken_env_sets));
    checks.extend(versions(daemon.sessions));
    checks.extend(lost(daemon.sessions));
    checks.extend(kept_states(daemon.sessions));
    let usage = daemon.journal.usage();
    checks.push(journal(&usage, &daemon.paths.journal()));
    checks.push(audit::check(&daemon.audit.standing(), &daemon.paths.audit()));
    checks.push(clock(usage.clock.clone(), daemon.code_from_the_future.clone()));
    checks.push(web(daemon.web_damage.clone()));
    let env = daemon.sessions.environment();
    let path = env.get("PATH").map(String::as_str);
    for provider in daemon.sessions.providers().iter() {
        let program = provider.launcher.program(env);
        let (verdict, detail) = match provider::look_up(&program, path, "/".as_ref()) {
            Some(found) => {
                let remark = provider.remark.map(|remark| format!("; {remark}")).unwrap_or_default();
                (Verdict::Fine, format!("{}{remark}", found.display()))
            }
            None => (
                Verdict::Warning,
                format!(
                    "'{program}' is not in the daemon's PATH; install it, or start the session from a shell \
                     that finds it"
                ),
            ),
        };
        checks.push(Check { name: format!("provider {}", provider.name), verdict, detail, next: None });
    }
    checks
}

fn tmux_installed() -> Check {
    let (verdict, detail) = match server::installed_version() {
        Err(error) => (Verdict::Broken, error.to_string()),
        Ok(version) if version < server::oldest() => (
            Verdict::Broken,
            format!("tmux {version} is installed, but {} or newer is required", server::OLDEST),
        ),
        Ok(version) => match known_bugs(&version) {
            "" => (Verdict::Fine, version.to_string()),
            bugs => (Verdict::Fine, format!("{version}; known bugs, which CodePiper avoids: {bugs}")),
        },
    };
    Check { name: "tmux".into(), verdict, detail, next: None }
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
    let linked = daemon.sessions.link.linked();
    let (verdict, detail) = match linked.as_ref().map(|linked| (linked, replaced(linked.server.pid))) {
        Some((linked, _)) if !daemon.tmux_answers => (
            Verdict::Broken,
            format!(
                "process {} does not answer: it is stopped or overloaded; if it is stopped, continue it with \
                 kill -CONT {0}",
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
                daemon.sessions.link.why_not_linked().unwrap_or_else(|| "it was just lost".to_owned()),
                daemon.paths.log_file().display()
            ),
        ),
    };
    let next = (verdict == Verdict::Warning).then_some(Next::EndTmuxServer);
    Check { name: "tmux server".into(), verdict, detail, next }
}

fn records(broken: &[Broken]) -> Check {
    let (verdict, detail) = match broken {
        [] => (Verdict::Fine, "all readable".to_owned()),
        broken => (
            Verdict::Broken,
            format!(
                "{}; running programs of these sessions are left alone; repair the file, or delete it to forget the \
                 session, and restart the daemon",
                each(broken)
            ),
        ),
    };
    let next = (!broken.is_empty()).then_some(Next::RestartDaemon);
    Check { name: "launch records".into(), verdict, detail, next }
}

fn web(damage: Option<String>) -> Check {
    let (verdict, detail) = match damage {
        None => (Verdict::Fine, "passwords and logins are readable".to_owned()),
        Some(damage) => (Verdict::Broken, damage),
    };
    Check { name: "web sign-in".into(), verdict, detail, next: None }
}

fn journal(usage: &Usage, dir: &Path) -> Check {
    let (verdict, detail) = if let Some(reason) = &usage.failing {
        let what = format!("cannot be written, so output stays in memory: {reason}");
        (Verdict::Broken, format!("{what}; make {} writable; the daemon keeps trying", dir.display()))
    } else if let Some(why) = usage.paused.as_ref().or(usage.unreadable.as_ref()) {
        let what = match usage.paused {
            Some(_) => "nothing is stored, and output stays in memory",
            None => "only a part of the stored output can be read",
        };
        let cure = "free space or make it writable; no restart is needed";
        (Verdict::Broken, format!("{why}: {what}, {}; {cure}", dir.display()))
    } else if let Some(damage) = usage.damage.last() {
        let lost: u64 = usage.damage.iter().map(|damage| damage.lost_bytes).sum();
        let lost = match lost {
            0 => "some stored output".to_owned(),
            bytes => format!("{bytes} bytes of stored output"),
        };
        let what = format!("{lost} can no longer be read; latest damage: {damage}");
        (Verdict::Warning, what)
    } else if usage.dropped_bytes > 0 {
        let dropped = usage.dropped_bytes;
        (Verdict::Warning, format!("{dropped} bytes were not stored because the disk was full or too slow"))
    } else {
        let (used, limit) = (mib(usage.disk_bytes), mib(usage.limit_bytes));
        let (count, dir) = (usage.generations, dir.display());
        let waits = match usage.unwritten_bytes {
            0 => String::new(),
            bytes => format!("; {bytes} bytes not written yet"),
        };
        (Verdict::Fine, format!("{used} of at most {limit} MiB in {count} generations, {dir}{waits}"))
    };
    let next = (verdict == Verdict::Warning && !usage.damage.is_empty()).then_some(Next::ShowJournalEvents);
    Check { name: "journal".into(), verdict, detail, next }
}

fn clock(doubt: Option<String>, code_from_the_future: Option<String>) -> Check {
    let cure = "correct this machine's clock if it is wrong (timedatectl); until then nothing is deleted because of \
         its age";
    let (verdict, detail) = match (doubt, code_from_the_future) {
        (Some(doubt), _) => (Verdict::Warning, format!("{doubt}; {cure}")),
        (None, Some(code)) => (Verdict::Warning, code),
        (None, None) => (Verdict::Fine, "consistent with stored entries".to_owned()),
    };
    Check { name: "clock".into(), verdict, detail, next: None }
}

fn mib(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 20)
}

fn files(broken: &[Broken]) -> Check {
    let (verdict, detail) = match broken {
        [] => (Verdict::Fine, "all readable".to_owned()),
        broken => (
            Verdict::Broken,
            format!(
                "{}; delete files that cannot be read, free space for those that cannot be written, and restart the \
                 daemon, which writes them again",
                each(broken)
            ),
        ),
    };
    let next = (!broken.is_empty()).then_some(Next::RestartDaemon);
    Check { name: "state files".into(), verdict, detail, next }
}

fn env_sets(broken: &[Broken]) -> Check {
    let (verdict, detail) = match broken {
        [] => (Verdict::Fine, "all readable".to_owned()),
        broken => (Verdict::Broken, format!("{}; sessions that use the set cannot start", each(broken))),
    };
    let next = (!broken.is_empty()).then_some(Next::RemoveEnvSets);
    Check { name: "env sets".into(), verdict, detail, next }
}

fn each(broken: &[Broken]) -> String {
    let each: Vec<_> = broken.iter().map(|(path, reason)| format!("{}: {reason}", path.display())).collect();
    each.join("; ")
}

/// Which version of its agent a session runs: one that was installed since is used from its next start on.
fn versions(sessions: &Sessions) -> Option<Check> {
    let mut by_version: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for session in sessions.registry.all().iter().filter(|session| session.is_live()) {
        let view = session.view();
        if let Some(version) = view.program_version {
            by_version.entry((view.provider, version)).or_default().push(view.short_id);
        }
    }
    let each = by_version
        .iter()
        .map(|((provider, version), sessions)| format!("{provider} {version}: {}", sessions.join(", ")));
    let detail = each.collect::<Vec<_>>().join("; ");
    (!detail.is_empty()).then(|| Check {
        name: "agent versions".into(),
        verdict: Verdict::Fine,
        detail,
        next: None,
    })
}

/// Sessions that could go on.
fn lost(sessions: &Sessions) -> Option<Check> {
    let lost: Vec<_> = sessions.launcher.lost().iter().map(|session| session.id.short()).collect();
    (!lost.is_empty()).then(|| Check {
        name: "ended sessions".into(),
        verdict: Verdict::Warning,
        detail: format!("ended with their tmux server: {}", lost.join(", ")),
        next: Some(Next::ResumeAll),
    })
}

/// What is kept of sessions in people's repositories.
fn kept_states(sessions: &Sessions) -> Option<Check> {
    let found = kept::kept(sessions.registry.all().into_iter().map(|session| session.cwd()));
    let each = found.iter().map(|Kept { root, references, bytes }| {
        let size =
            bytes.map_or("size unknown".to_owned(), |bytes| format!("at most {} on the disk", size(bytes)));
        format!("{}: {}, {size}", root.display(), count(*references, "reference"))
    });
    let each = each.collect::<Vec<_>>().join("; ");
    (!found.is_empty()).then(|| Check {
        name: "git states".into(),
        verdict: Verdict::Fine,
        detail: format!("kept below refs/codepiper/, to compare with and to undo discards: {each}"),
        next: None,
    })
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1_048_576 => format!("{} KiB", bytes.div_ceil(1024)),
        _ => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
    }
}

fn private(name: &str, dir: &Path) -> Check {
    let (verdict, detail) = match fs::metadata(dir) {
        Ok(meta) if meta.permissions().mode() & 0o077 != 0 => {
            (Verdict::Warning, format!("{} is readable by other users; run chmod 700 on it", dir.display()))
        }
        Ok(_) => (Verdict::Fine, dir.display().to_string()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            (Verdict::Fine, format!("{} will be created by the daemon", dir.display()))
        }
        Err(error) => (Verdict::Broken, format!("cannot use {}: {error}", dir.display())),
    };
    Check { name: name.to_owned(), verdict, detail, next: None }
}
