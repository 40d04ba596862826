//! What is against a change of the policies, before it is made.

use codepiper_protocol::wire::policy::{PolicyFile, PolicyScope};
use codepiper_protocol::wire::problem::{Code, Problem};

use super::{Kept, State, check_name, in_use, mistaken};
use crate::lock::lock;
use crate::policy::read::read;
use crate::policy::rule::Policy;

impl Kept {
    /// The policy of a text that can be saved under a name.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check_put(&self, name: &str, text: &str) -> Result<Policy, Problem> {
        check_name(name)?;
        let policy = read(text).map_err(|mistakes| mistaken(name, &mistakes))?;
        if policy.name != name {
            let detail = format!("the policy is called '{}' in its text, but '{name}' here", policy.name);
            return Err(Problem::new(Code::Invalid, detail));
        }
        lock(&self.0.state).check_put(&policy, text)?;
        Ok(policy)
    }

    /// # Errors
    /// It is not there, or another one includes it.
    pub fn check_remove(&self, name: &str) -> Result<(), Problem> {
        self.show(name)?;
        lock(&self.0.state).check_remove(name)
    }

    /// # Errors
    /// It is not there, or not for single sessions.
    pub fn check_attach(&self, name: &str) -> Result<PolicyFile, Problem> {
        let file = self.show(name)?;
        if matches!(file.info.scope, PolicyScope::Sessions(_)) {
            return Ok(file);
        }
        let detail = format!(
            "policy '{name}' is not for single sessions; add `sessions = []` to it before you attach it"
        );
        Err(Problem::new(Code::Invalid, detail))
    }
}

impl State {
    pub(super) fn check_put(&self, policy: &Policy, text: &str) -> Result<(), Problem> {
        if let Some(mistake) = self.lacks(policy, text) {
            return Err(mistaken(&policy.name, &[mistake]));
        }
        match self.includer(&policy.name).filter(|_| !policy.is_for_sessions()) {
            Some(other) => Err(in_use(&format!(
                "policy '{other}' includes '{}', which has to be for single sessions: keep its `sessions`",
                policy.name
            ))),
            None => Ok(()),
        }
    }

    pub(super) fn check_remove(&self, name: &str) -> Result<(), Problem> {
        match self.includer(name) {
            Some(other) => Err(in_use(&format!(
                "policy '{other}' includes '{name}'; remove '{name}' from its `include` first"
            ))),
            None => Ok(()),
        }
    }
}
