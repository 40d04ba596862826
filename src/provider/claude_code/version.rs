//! Which version is installed, by the names of its files: nothing is run for that.

use std::path::Path;

use crate::plain_file::{self, LONGEST_SETTINGS};
use crate::provider::checks::numbers;
use crate::provider::{LaunchRequest, Launcher, look_up};

use super::ClaudeCode;

/// How npm calls it.
const PACKAGE: &str = "@anthropic-ai/claude-code";

/// Whether the version that will be started is this one or a later one. False when it is not known.
pub(super) fn is_since(launch: &LaunchRequest, since: &str) -> bool {
    let path = launch.env.get("PATH").map(String::as_str);
    let program = look_up(&ClaudeCode.program(launch.env), path, launch.cwd);
    let version = program.and_then(|program| of(&program)).and_then(|version| numbers(&version));
    version.is_some_and(|version| numbers(since).is_some_and(|since| version >= since))
}

fn of(program: &Path) -> Option<String> {
    // A script in front of an installation of its own.
    let beside = program.parent()?.join("node_modules").join(PACKAGE);
    let program = program.canonicalize().ok()?;
    let package = program.ancestors().skip(1).take(3).find_map(package_version);
    package.or_else(|| package_version(&beside)).or_else(|| by_name(&program))
}

fn package_version(dir: &Path) -> Option<String> {
    let package = plain_file::json(&dir.join("package.json"), LONGEST_SETTINGS)?;
    (package["name"] == PACKAGE).then(|| package["version"].as_str().map(str::to_owned))?
}

/// `…/claude/versions/2.1.332`, `…/claude-code/2.1.332/claude`, `…-claude-code-2.1.332/bin/claude`
fn by_name(program: &Path) -> Option<String> {
    let names = program.iter().rev().take(3).filter_map(|name| name.to_str());
    let is_version = |word: &str| word.split('.').count() == 3 && numbers(word).is_some();
    names.filter_map(|name| name.rsplit('-').next()).find(|word| is_version(word)).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ways_of_installing_it_tell_its_version() {
        let dir = tempfile::tempdir().unwrap();
        let put = |path: &str, text: &str| {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, text).unwrap();
            path
        };
        let package = r#"{"name": "@anthropic-ai/claude-code", "version": "2.1.332"}"#;
        put("npm/claude-code/package.json", package);
        put("local/node_modules/@anthropic-ai/claude-code/package.json", package);
        put("other/package.json", r#"{"name": "other", "version": "2.1.332"}"#);
        for (path, version) in [
            ("npm/claude-code/bin/claude.exe", Some("2.1.332")),
            ("local/claude", Some("2.1.332")),
            ("share/claude/versions/2.1.197", Some("2.1.197")),
            ("cask/claude-code/2.1.332/claude", Some("2.1.332")),
            ("store/x-claude-code-2.1.332/bin/claude", Some("2.1.332")),
            ("other/bin/claude", None),
        ] {
            assert_eq!(of(&put(path, "")).as_deref(), version, "{path}");
        }
        let link = dir.path().join("claude");
        std::os::unix::fs::symlink(dir.path().join("share/claude/versions/2.1.197"), &link).unwrap();
        assert_eq!(of(&link).as_deref(), Some("2.1.197"));
    }
}
