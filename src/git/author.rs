//! Who makes a commit, and whether git itself has to make it.

use git2::{Config, Repository, Signature};

use super::error::{Failure, invalid};

/// How settings are named that include a file if a remote has a certain URL.
const BY_REMOTE: &[u8] = b"includeif.hasconfig:";

pub struct Identity {
    pub author: Signature<'static>,
    pub committer: Signature<'static>,
}

impl Identity {
    /// # Errors
    /// When git does not know who commits, or would do more than its library does.
    pub fn of(git: &Repository) -> Result<Self, Failure> {
        let config = git.config()?.snapshot()?;
        if includes_by_remote(&config)? {
            return Err(invalid(
                "this repository's configuration includes files by 'hasconfig', which CodePiper cannot follow: use git \
                 itself in the terminal",
            ));
        }
        if config.get_bool("commit.gpgsign").unwrap_or(false) {
            return Err(invalid("commits in this repository must be signed: use git itself in the terminal"));
        }
        let unknown =
            || invalid("git does not know who you are; set user.name and user.email in its configuration");
        let author = signature(&config, "author").ok_or_else(unknown)?;
        let committer = signature(&config, "committer").ok_or_else(unknown)?;
        Ok(Self { author, committer })
    }
}

/// Git's library ignores such a file. It may say who commits here, and that commits are signed.
fn includes_by_remote(config: &Config) -> Result<bool, git2::Error> {
    let mut found = false;
    config.entries(None)?.for_each(|entry| found |= entry.name_bytes().starts_with(BY_REMOTE))?;
    Ok(found)
}

/// `author.name` or `committer.name` goes before `user.name`. Git's library knows only that.
fn signature(config: &Config, role: &str) -> Option<Signature<'static>> {
    let value = |key: &str| {
        let of = |section: &str| config.get_string(&format!("{section}.{key}")).ok();
        of(role).filter(|value| !value.is_empty()).or_else(|| of("user"))
    };
    Signature::now(&value("name")?, &value("email")?).ok()
}
