//! What can be found out about the program that is installed, in its own words.

use serde_json::Value;

/// What is asked of an installed program, and what is known of its versions.
#[derive(Clone, Copy)]
pub struct Checks {
    /// The arguments that print its version.
    pub version: &'static [&'static str],
    /// The arguments that say whether somebody is signed in, and what its answer means.
    pub sign_in: &'static [&'static str],
    pub signed_in: fn(printed: &str) -> Option<SignIn>,
    /// The versions that it was tested with, oldest first.
    pub tested: &'static [&'static str],
    /// What works, and from which of these on.
    pub works: &'static [(&'static str, &'static str)],
}

/// Whether somebody is signed in, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignIn {
    pub signed_in: bool,
    pub how: String,
}

impl Checks {
    /// The version in what it printed: `2.1.332 (Claude Code)`, `codex-cli 0.171.0`.
    pub fn version_in(printed: &str) -> Option<String> {
        let is_version = |word: &&str| word.contains('.') && numbers(word).is_some();
        printed.split_whitespace().find(is_version).map(str::to_owned)
    }

    /// Whether this works with that version; `None` when nobody knows.
    pub fn works_with(&self, since: &str, version: &str) -> Option<bool> {
        let (version, since) = (numbers(version)?, numbers(since)?);
        let oldest = self.tested.first().and_then(|oldest| numbers(oldest))?;
        match version >= since {
            true => Some(true),
            false => (version >= oldest).then_some(false),
        }
    }
}

/// A version to compare; a suffix such as `-beta` does not count.
pub(super) fn numbers(version: &str) -> Option<Vec<u32>> {
    let plain = version.split(['-', '+']).next().unwrap_or_default();
    plain.split('.').map(|number| number.parse().ok()).collect()
}

/// `claude auth status` prints JSON: of it nothing is passed on that names a person.
pub fn claude_sign_in(printed: &str) -> Option<SignIn> {
    let status: Value = serde_json::from_str(printed.trim()).ok()?;
    let signed_in = status["loggedIn"].as_bool()?;
    let how = match (signed_in, status["authMethod"].as_str().unwrap_or_default()) {
        (false, _) => "not signed in".to_owned(),
        (true, "api_key") => "API key".to_owned(),
        (true, "oauth_token") => "token of a plan".to_owned(),
        (true, "claude.ai") => "Claude account".to_owned(),
        (true, _) => "signed in".to_owned(),
    };
    Some(SignIn { signed_in, how })
}

/// `codex login status` says it in words. Those that follow a dash may be a part of a key.
pub fn codex_sign_in(printed: &str) -> Option<SignIn> {
    printed.lines().find_map(|line| {
        let words = line.split(" - ").next().unwrap_or_default().trim();
        let signed_in = match words {
            "Not logged in" => false,
            _ if words.starts_with("Logged in") || words.starts_with("API key configured") => true,
            _ => return None,
        };
        Some(SignIn { signed_in, how: words.chars().take(60).collect() })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::Providers;

    #[test]
    fn versions_are_found_and_compared() {
        for (printed, version) in [
            ("2.1.332 (Claude Code)\n", Some("2.1.332")),
            ("WARNING: proceeding, even though we could not. create\ncodex-cli 0.171.0\n", Some("0.171.0")),
            ("1.2.3-beta.1\n", Some("1.2.3-beta.1")),
            ("command not found", None),
        ] {
            assert_eq!(Checks::version_in(printed).as_deref(), version, "{printed}");
        }
        let checks = Providers::built_in().find("claude-code").unwrap().checks.unwrap();
        assert_eq!(checks.works_with("2.1.332", "2.1.332"), Some(true));
        assert_eq!(checks.works_with("2.1.332", "2.2.0"), Some(true));
        assert_eq!(checks.works_with("2.1.332", "2.1.197"), Some(false));
        assert_eq!(checks.works_with("2.1.332", "1.0.9"), None);
        assert_eq!(checks.works_with("2.1.332", "odd"), None);
    }

    /// What both versions print.
    #[test]
    fn a_sign_in_is_told_without_what_names_a_person() {
        let claude = |method: &str, logged_in: bool| {
            let printed = format!(
                r#"{{"loggedIn": {logged_in}, "authMethod": "{method}", "email": "me@example.org", "apiProvider": "firstParty"}}"#
            );
            claude_sign_in(&printed).map(|sign_in| (sign_in.signed_in, sign_in.how))
        };
        assert_eq!(claude("none", false), Some((false, "not signed in".into())));
        assert_eq!(claude("api_key", true), Some((true, "API key".into())));
        assert_eq!(claude("something new", true), Some((true, "signed in".into())));
        assert_eq!(claude_sign_in("Unknown command"), None);
        let codex = |printed: &str| codex_sign_in(printed).map(|sign_in| (sign_in.signed_in, sign_in.how));
        assert_eq!(codex("WARNING: x\nNot logged in\n"), Some((false, "Not logged in".into())));
        assert_eq!(codex("Logged in using ChatGPT"), Some((true, "Logged in using ChatGPT".into())));
        assert_eq!(codex("API key configured - sk-***1\nmore"), Some((true, "API key configured".into())));
        assert_eq!(codex("error: unrecognized subcommand"), None);
    }
}
