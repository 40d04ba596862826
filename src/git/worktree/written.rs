//! Whether the files of a new worktree are as git itself would have written them.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::{env, fs};

use codepiper_protocol::wire::problem::Problem;
use git2::{AttrCheckFlags, AttrValue, Config, ConfigEntry, Index, Repository};
use memchr::memmem;

use super::super::name::text_of;
use super::super::repo::FILTERS;
use super::{failed, invalid};

/// Its pointers stay pointers when they are added again.
const HARMLESS: &str = "lfs";

/// Git's library converts no encoding and runs no filter. A file that it wrote otherwise than git would differs from
/// the start, and `git add` converts it once more.
///
/// # Errors
/// When there is such a file: which, and what to do.
pub fn as_git_would(made: &Repository) -> Result<(), Problem> {
    let cannot = |error: git2::Error| failed("check the new files", &error);
    let config = made.config().and_then(|mut config| config.snapshot()).map_err(cannot)?;
    let index = made.index().map_err(cannot)?;
    if !any_named(made, &index, &config) {
        return Ok(());
    }
    let needed = |path: &[u8]| {
        let [filter, encoding] = FILTERS.map(|name| attribute(made, path, name));
        let encoding = encoding.filter(|name| !is_utf8(name)).map(|name| format!("the encoding {name}"));
        let filter = filter.filter(|name| rewrites(&config, name));
        encoding.or_else(|| filter.map(|name| format!("the filter {name}")))
    };
    match index.iter().find_map(|entry| Some((needed(&entry.path)?, entry.path))) {
        Some((needed, path)) => Err(invalid(format!(
            "{} needs {needed}, which CodePiper does not apply: create the worktree with git worktree add, and start the session in it",
            text_of(&path)
        ))),
        None => Ok(()),
    }
}

/// Whether a file may be set to be written otherwise: asking for each of 50,000 files takes seconds.
fn any_named(made: &Repository, index: &Index, config: &Config) -> bool {
    let [_, encoding] = FILTERS;
    let names_it = |content: &[u8]| memmem::find(content, encoding.as_bytes()).is_some();
    let filters = config.entries(Some("filter\\..*\\.(smudge|process)")).map(|mut entries| {
        let filter = |entry: &ConfigEntry<'_>| entry.name().ok()?.split('.').nth(1).map(str::to_owned);
        while let Some(Ok(entry)) = entries.next() {
            if filter(entry).is_none_or(|name| name != HARMLESS) {
                return true;
            }
        }
        false
    });
    let own = config.get_path("core.attributesFile").ok();
    let of_user = env::home_dir().map(|home| home.join(".config/git/attributes"));
    let xdg = env::var_os("XDG_CONFIG_HOME").map(|dir| Path::new(&dir).join("git/attributes"));
    let of_all = Path::new("/etc/gitattributes").to_owned();
    let outside = [Some(made.commondir().join("info/attributes")), own, of_user, xdg, Some(of_all)];
    let committed = index
        .iter()
        .filter(|entry| entry.path == b".gitattributes" || entry.path.ends_with(b"/.gitattributes"));
    filters.unwrap_or(true)
        || outside.iter().flatten().any(|path| fs::read(path).is_ok_and(|content| names_it(&content)))
        || committed
            .into_iter()
            .any(|entry| made.find_blob(entry.id).map_or(true, |blob| names_it(blob.content())))
}

/// The name that an attribute is set to.
fn attribute(made: &Repository, path: &[u8], name: &str) -> Option<String> {
    let path = Path::new(OsStr::from_bytes(path));
    let value = made.get_attr_bytes(path, name, AttrCheckFlags::FILE_THEN_INDEX).ok()?;
    match AttrValue::always_bytes(value) {
        AttrValue::Bytes(name) if !name.is_empty() => Some(text_of(name)),
        _ => None,
    }
}

fn is_utf8(encoding: &str) -> bool {
    ["UTF-8", "UTF8"].iter().any(|name| encoding.eq_ignore_ascii_case(name))
}

/// Whether git would write something else than what is committed.
fn rewrites(config: &Config, filter: &str) -> bool {
    let value = |what: &str| config.get_string(&format!("filter.{filter}.{what}")).ok();
    let runs = |program: String| !["", "cat"].contains(&program.trim());
    filter != HARMLESS && ["smudge", "process"].into_iter().filter_map(value).any(runs)
}
