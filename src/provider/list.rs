//! The providers that a daemon has: those that it was given, and those of the configuration file.

use std::sync::Arc;

use super::custom::Custom;
use super::{BUILT_IN, Provider};
use crate::config::{self, Invalid};

/// Every provider, as they are listed. Clones share the list.
#[derive(Clone)]
pub struct Providers {
    all: Arc<[&'static Provider]>,
    /// Those that it was given.
    built_in: Arc<[&'static Provider]>,
}

impl Providers {
    /// `built_in`, with what the configuration file says of them, and its own behind them. They live as long as the
    /// process: there are few, and sessions point to them.
    ///
    /// # Errors
    /// A name is taken, there is no such provider, or it has no such switch. The text says which.
    pub fn new(built_in: &[&'static Provider], configured: &config::Providers) -> Result<Self, Invalid> {
        let mut all = built_in.to_vec();
        for (name, table) in configured {
            let taken = all.iter_mut().find(|provider| provider.name == name);
            let wrong = |reason: &str| Err(table.invalid(name, reason.to_owned()));
            match (taken, &table.own) {
                (Some(_), Some(_)) => return wrong("this provider is built in; choose another name"),
                (Some(provider), None) => *provider = switched(provider, table)?,
                (None, Some(own)) => all.push(Box::leak(Box::new(Custom::provider(name, own)))),
                (None, None) => {
                    return wrong("no built-in provider has this name, and one of your own needs a command");
                }
            }
        }
        Ok(Self { all: all.into(), built_in: built_in.into() })
    }

    /// Those that come with the program, without a configuration file.
    pub fn built_in() -> Self {
        Self { all: BUILT_IN.into(), built_in: BUILT_IN.into() }
    }

    /// Whether a daemon that was given the same can begin with this configuration file.
    ///
    /// # Errors
    /// As [`Providers::new`].
    pub fn fit(&self, configured: &config::Providers) -> Result<(), Invalid> {
        Self::new(&self.built_in, configured).map(drop)
    }

    pub fn iter(&self) -> impl Iterator<Item = &'static Provider> {
        self.all.iter().copied()
    }

    /// The provider with this name.
    pub fn find(&self, name: &str) -> Option<&'static Provider> {
        self.iter().find(|provider| provider.name == name)
    }

    /// Their names in one line, for whoever named none of them.
    pub fn names(&self) -> String {
        self.iter().map(|provider| provider.name).collect::<Vec<_>>().join(", ")
    }
}

/// The provider, as the table says.
fn switched(provider: &'static Provider, table: &config::Table) -> Result<&'static Provider, Invalid> {
    let name = provider.name;
    let known = provider.switches.map_or(&[][..], |switches| switches.names);
    let mut on = Vec::new();
    for other in &table.others {
        let key = other.key.as_str();
        match (known.contains(&key), other.value.as_bool()) {
            (true, Some(true)) => on.push(key),
            (true, Some(false)) => {}
            (true, None) => return Err(other.invalid(name, format!("{key} must be true or false"))),
            (false, _) if known.is_empty() => {
                return Err(
                    other.invalid(name, format!("unknown key '{key}'; {name} is built in and has no keys"))
                );
            }
            (false, _) => {
                let known = known.join(", ");
                return Err(other
                    .invalid(name, format!("unknown key '{key}'; {name} is built in; available: {known}")));
            }
        }
    }
    match provider.switches.filter(|_| !on.is_empty()) {
        Some(switches) => Ok(Box::leak(Box::new((switches.with)(&on)))),
        None => Ok(provider),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(text: &str) -> Result<Providers, String> {
        #[derive(serde::Deserialize)]
        struct File {
            providers: config::Providers,
        }
        let file: File = toml::from_str(text).unwrap();
        Providers::new(BUILT_IN, &file.providers).map_err(|invalid| invalid.to_string())
    }

    #[test]
    fn names_are_unique_and_a_configured_one_never_loses() {
        let mut names: Vec<_> = Providers::built_in().iter().map(|provider| provider.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), BUILT_IN.len());
        for name in names {
            let said = with(&format!("[providers.{name}]\ncommand = ['other']\n")).err().unwrap();
            assert!(
                said.ends_with(&format!("providers.{name}: this provider is built in; choose another name")),
                "{said}"
            );
        }
        let all = with("[providers.other]\ncommand = ['other', '--tui']\n").unwrap();
        assert_eq!(all.find("other").unwrap().launcher.program(&Default::default()), "other");
        assert_eq!(all.iter().count(), BUILT_IN.len() + 1);
    }

    #[test]
    fn a_switch_belongs_to_its_provider() {
        let remark = |text: &str| with(text).map(|all| all.find("codex").unwrap().remark);
        assert_eq!(remark("[providers.codex]\n"), Ok(None));
        assert_eq!(remark("[providers.codex]\nhooks_without_review = false\n"), Ok(None));
        assert!(remark("[providers.codex]\nhooks_without_review = true\n").unwrap().is_some());
        for (text, said) in [
            (
                "[providers.codex]\nhooks = true\n",
                "unknown key 'hooks'; codex is built in; available: hooks_without_review, fullscreen",
            ),
            ("[providers.codex]\nhooks_without_review = 1\n", "hooks_without_review must be true or false"),
            ("[providers.shell]\nhooks = true\n", "shell is built in and has no keys"),
            ("[providers.other]\nhooks = true\n", "one of your own needs a command"),
        ] {
            let error = remark(text).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }
}
