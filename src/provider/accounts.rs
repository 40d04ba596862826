//! Who pays for what an agent uses: the user's plan, or an API credential.

use std::collections::BTreeMap;
use std::path::PathBuf;

use codepiper_protocol::wire::session::Billing;

/// What decides who pays for a provider: environment variables, and files where its program may keep a
/// key of its own.
#[derive(Clone, Copy, Debug)]
pub struct Accounts {
    /// API credentials, and switches to other vendors that bring theirs: one of them means API.
    pub api: &'static [&'static str],
    /// Addresses and settings that go with those.
    pub api_settings: &'static [&'static str],
    /// Credentials of the plan.
    pub subscription: &'static [&'static str],
    /// Where its program keeps whom it is signed in as.
    pub home: fn(env: &BTreeMap<String, String>) -> Option<PathBuf>,
    /// Where its program may keep an API key of its own. Reads files.
    pub stored_keys: fn(env: &BTreeMap<String, String>) -> Vec<StoredKey>,
}

impl Accounts {
    /// A variable of the env sets that belongs to the other way of paying. A set is a person's word, and
    /// nothing of it is taken out silently.
    pub fn contradiction(
        &self,
        billing: Billing,
        of_sets: &BTreeMap<String, String>,
    ) -> Option<&'static str> {
        let others = match billing {
            Billing::Subscription => self.api,
            Billing::Api => self.subscription,
        };
        others.iter().copied().find(|name| of_sets.contains_key(*name))
    }

    /// Leaves in the environment only what belongs to that way of paying, and what the env sets brought.
    ///
    /// # Errors
    /// For `api`, when nothing pays: where it was looked for.
    pub fn choose(
        &self,
        billing: Billing,
        env: &mut BTreeMap<String, String>,
        of_sets: &BTreeMap<String, String>,
        stored: &[StoredKey],
    ) -> Result<(), String> {
        let chosen = |name: &String| of_sets.contains_key(name);
        match billing {
            Billing::Subscription => {
                env.retain(|name, _| {
                    let of_api =
                        self.api.contains(&name.as_str()) || self.api_settings.contains(&name.as_str());
                    chosen(name) || !of_api
                });
                Ok(())
            }
            Billing::Api => {
                env.retain(|name, _| chosen(name) || !self.subscription.contains(&name.as_str()));
                let given = |name: &&str| env.get(*name).is_some_and(|value| !value.is_empty());
                if self.api.iter().any(given) || stored.iter().any(|key| key.found) {
                    return Ok(());
                }
                let files: Vec<_> = stored.iter().map(|key| key.file.display().to_string()).collect();
                Err(format!(
                    "none of {} is set in an env set or in the daemon's environment, and {} contains no key",
                    self.api.join(", "),
                    files.join(" or ")
                ))
            }
        }
    }
}

/// A file where a program may keep an API key, and whether it does.
#[derive(Clone, Debug)]
pub struct StoredKey {
    pub file: PathBuf,
    pub found: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::Providers;

    fn accounts(provider: &str) -> Accounts {
        Providers::built_in().find(provider).unwrap().accounts.unwrap()
    }

    #[test]
    fn who_pays_is_decided_by_the_environment() {
        let env = || -> BTreeMap<String, String> {
            let names = [
                "ANTHROPIC_API_KEY",
                "ANTHROPIC_BASE_URL",
                "CLAUDE_CODE_USE_BEDROCK",
                "CLAUDE_CODE_OAUTH_TOKEN",
                "OPENAI_API_KEY",
                "PATH",
            ];
            names.iter().map(|name| ((*name).to_owned(), "x".to_owned())).collect()
        };
        let left = |provider: &str, billing| -> Result<Vec<String>, String> {
            let mut env = env();
            accounts(provider).choose(billing, &mut env, &BTreeMap::new(), &[])?;
            Ok(env.into_keys().collect())
        };
        assert_eq!(
            left("claude-code", Billing::Subscription).unwrap(),
            ["CLAUDE_CODE_OAUTH_TOKEN", "OPENAI_API_KEY", "PATH"]
        );
        assert_eq!(
            left("claude-code", Billing::Api).unwrap(),
            ["ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "CLAUDE_CODE_USE_BEDROCK", "OPENAI_API_KEY", "PATH"]
        );
        let codex = left("codex", Billing::Subscription).unwrap();
        assert!(!codex.contains(&"OPENAI_API_KEY".to_owned()) && codex.len() == 5);
        assert!(Providers::built_in().find("shell").unwrap().accounts.is_none());
    }

    #[test]
    fn what_an_env_set_brings_is_never_taken_out_silently() {
        let accounts = accounts("claude-code");
        let set = |name: &str| BTreeMap::from([(name.to_owned(), "x".to_owned())]);
        for (billing, name, wrong) in [
            (Billing::Subscription, "ANTHROPIC_API_KEY", true),
            (Billing::Subscription, "CLAUDE_CODE_USE_BEDROCK", true),
            (Billing::Subscription, "CLAUDE_CODE_OAUTH_TOKEN", false),
            (Billing::Subscription, "ANTHROPIC_BASE_URL", false),
            (Billing::Subscription, "NPM_TOKEN", false),
            (Billing::Api, "ANTHROPIC_API_KEY", false),
            (Billing::Api, "CLAUDE_CODE_OAUTH_TOKEN", true),
        ] {
            let set = set(name);
            assert_eq!(accounts.contradiction(billing, &set), wrong.then_some(name), "{name}");
            let mut env = set.clone();
            let _ = accounts.choose(billing, &mut env, &set, &[]);
            assert_eq!(env, set, "{name}");
        }
        let key = set("ANTHROPIC_API_KEY");
        accounts.choose(Billing::Api, &mut key.clone(), &key, &[]).unwrap();
    }

    #[test]
    fn api_needs_a_key_and_says_where_it_looked() {
        let home = tempfile::tempdir().unwrap();
        let env = || {
            BTreeMap::from([
                ("HOME".to_owned(), home.path().display().to_string()),
                ("OPENAI_API_KEY".to_owned(), String::new()),
            ])
        };
        for (provider, variable, file, content) in [
            ("claude-code", "ANTHROPIC_API_KEY", ".claude/settings.json", r#"{"apiKeyHelper": "x"}"#),
            (
                "claude-code",
                "ANTHROPIC_API_KEY",
                ".claude/settings.json",
                r#"{"env": {"ANTHROPIC_API_KEY": "x"}}"#,
            ),
            ("codex", "OPENAI_API_KEY", ".codex/auth.json", r#"{"OPENAI_API_KEY": "x"}"#),
        ] {
            let accounts = accounts(provider);
            let choose = || {
                let mut env = env();
                let stored = (accounts.stored_keys)(&env);
                accounts.choose(Billing::Api, &mut env, &BTreeMap::new(), &stored)
            };
            let path = home.path().join(file);
            let _ = std::fs::remove_file(&path);
            let said = choose().unwrap_err();
            assert!(said.contains(variable) && said.contains(file), "{said}");
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, content).unwrap();
            choose().unwrap();
        }
    }
}
