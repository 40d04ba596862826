//! Where a file of settings belongs.

use std::path::{Path, PathBuf, absolute};

const SETTINGS: &str = ".claude";

/// Where the rules of a `settings.json` with a single leading slash begin, as far as its place tells: `~/.claude` for the
/// user's own file, and the project for `.claude/settings.json` in it. The directories are looked up, the file is not: it may
/// be a link to one that is kept elsewhere.
pub fn directory_of(file: &Path, home: Option<&Path>) -> Option<PathBuf> {
    if file == Path::new("-") {
        return None;
    }
    let place = absolute(file).ok()?.parent()?.to_owned();
    let canonical = place.canonicalize().ok()?;
    let home = home.and_then(|home| home.canonicalize().ok());
    let is_settings = place.file_name().is_some_and(|name| name == SETTINGS);
    let above = place.parent().filter(|_| is_settings).and_then(|above| above.canonicalize().ok());
    match above {
        Some(above) if Some(&above) == home.as_ref() => Some(canonical),
        Some(above) => Some(above),
        None => {
            let own = home.and_then(|home| home.join(SETTINGS).canonicalize().ok());
            Some(canonical).filter(|place| own.as_ref() == Some(place))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    use super::*;

    #[test]
    fn settings_belong_to_the_project_or_to_the_user() {
        let temporary = TempDir::new().unwrap();
        let top = temporary.path().canonicalize().unwrap();
        for directory in ["home/.claude", "home/shop/.claude", "shared/.claude", "dotfiles"] {
            fs::create_dir_all(top.join(directory)).unwrap();
        }
        fs::create_dir_all(top.join("home/linked")).unwrap();
        symlink(top.join("home"), top.join("link")).unwrap();
        symlink(top.join("shared/.claude"), top.join("home/linked/.claude")).unwrap();
        for file in
            ["home/.claude/own.json", "home/shop/.claude/x.json", "home/x.json", "shared/.claude/x.json"]
        {
            fs::write(top.join(file), "{}").unwrap();
        }
        symlink(top.join("shared/.claude/x.json"), top.join("home/.claude/settings.json")).unwrap();
        for (file, home, belongs) in [
            ("home/.claude/own.json", "home", Some("home/.claude")),
            ("home/.claude/own.json", "link", Some("home/.claude")),
            ("link/.claude/own.json", "link", Some("home/.claude")),
            ("home/.claude/settings.json", "home", Some("home/.claude")),
            ("home/shop/.claude/x.json", "home", Some("home/shop")),
            ("link/shop/.claude/x.json", "home", Some("home/shop")),
            ("home/linked/.claude/x.json", "home", Some("home/linked")),
            ("home/x.json", "home", None),
            ("home/shop/.claude/../x.json", "home", None),
            ("missing/.claude/x.json", "home", None),
        ] {
            let found = directory_of(&top.join(file), Some(&top.join(home)));
            assert_eq!(found, belongs.map(|place| top.join(place)), "{file}");
        }
        assert_eq!(directory_of(Path::new("-"), None), None);
    }
}
