use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use anstyle::{AnsiColor, Style};
use clap::Args;
use codepiper_protocol::wire::daemon::{Check, Verdict};

use super::failure::{Failure, Outcome, exit_codes, reason};
use super::table::{Cell, Table};
use super::{Context, output};
use crate::paths::Paths;

/// Check what CodePiper needs; works without a daemon too
#[derive(Args)]
#[command(after_help = exit_codes(&[0, 1, 2, 5, 6, 8]))]
pub(super) struct Doctor {
    /// Print one JSON array: [{"name", "verdict", "detail"}]
    #[arg(long)]
    json: bool,
}

impl Doctor {
    pub(super) fn run(self, context: Context) -> Outcome {
        let paths = context.paths()?;
        let client = context.client()?;
        let checks = match context.block_on(client.doctor())? {
            Err(error) if error.is_absence() => local(&paths, error.to_string()),
            checks => checks?,
        };
        if self.json {
            output::json(&checks)?;
        } else {
            let mut table = Table::new(["CHECK", "VERDICT", "DETAIL"], 2);
            for check in &checks {
                table.row([check.name.as_str().into(), verdict(check.verdict), check.detail.as_str().into()]);
            }
            table.lines(None).into_iter().try_for_each(output::line)?;
        }
        match checks.iter().any(|check| check.verdict == Verdict::Broken) {
            true => Err(Failure::Silent { code: 1 }),
            false => Ok(()),
        }
    }
}

fn verdict(verdict: Verdict) -> Cell {
    let (word, color) = match verdict {
        Verdict::Fine => ("fine", AnsiColor::Green),
        Verdict::Warning => ("warning", AnsiColor::Yellow),
        Verdict::Broken => ("broken", AnsiColor::Red),
    };
    Cell::styled(word, Style::new().fg_color(Some(color.into())))
}

/// What can be seen without a daemon.
fn local(paths: &Paths, absence: String) -> Vec<Check> {
    let check = |name: &str, (verdict, detail)| Check { name: name.to_owned(), verdict, detail };
    vec![
        check("daemon", (Verdict::Warning, absence)),
        check("tmux", tmux()),
        check("data", private(&paths.data)),
        check("state", private(&paths.state)),
    ]
}

/// The daemon needs tmux 3.2.
fn tmux() -> (Verdict, String) {
    let said = match Command::new("tmux").arg("-V").stdin(Stdio::null()).output() {
        Ok(output) => String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        Err(error) => {
            let detail = format!("cannot run tmux: {}; install tmux 3.2 or later", reason(&error));
            return (Verdict::Broken, detail);
        }
    };
    match version(&said) {
        Some(version) if version >= (3, 2) => (Verdict::Fine, said),
        Some(_) => (Verdict::Broken, format!("{said} is too old; install tmux 3.2 or later")),
        None => (Verdict::Warning, format!("'{said}' does not name a version; 3.2 or later is needed")),
    }
}

/// Reads `tmux 3.3a`, `tmux next-3.5` and the like.
fn version(said: &str) -> Option<(u32, u32)> {
    let numbers = said.trim_start_matches(|char: char| !char.is_ascii_digit());
    let (major, rest) = numbers.split_once('.')?;
    let minor = rest.split(|char: char| !char.is_ascii_digit()).next()?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// A directory that nobody else may read.
fn private(dir: &Path) -> (Verdict, String) {
    let path = dir.display();
    match dir.metadata() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            (Verdict::Fine, format!("{path} will be created"))
        }
        Err(error) => (Verdict::Broken, format!("cannot look at {path}: {}", reason(&error))),
        Ok(meta) if !meta.is_dir() => (Verdict::Broken, format!("{path} is not a directory")),
        Ok(meta) if meta.permissions().mode() & 0o077 != 0 => {
            (Verdict::Warning, format!("{path} is open to other users; `chmod 700 {path}` closes it"))
        }
        Ok(_) => (Verdict::Fine, path.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_tmux_are_read() {
        assert_eq!(version("tmux 3.3a"), Some((3, 3)));
        assert_eq!(version("tmux next-3.5"), Some((3, 5)));
        assert_eq!(version("tmux 2.9"), Some((2, 9)));
        assert_eq!(version("tmux master"), None);
    }

    #[test]
    fn an_open_directory_is_a_warning() {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("data");
        assert_eq!(private(&dir).0, Verdict::Fine);
        std::fs::create_dir(&dir).unwrap();
        for (mode, verdict) in [(0o755, Verdict::Warning), (0o700, Verdict::Fine)] {
            std::fs::set_permissions(&dir, PermissionsExt::from_mode(mode)).unwrap();
            assert_eq!(private(&dir).0, verdict);
        }
    }
}
