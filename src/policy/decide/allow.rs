//! Finds the allow for a request, and what kept rules from being it.

use std::collections::BTreeMap;

use super::context::Context;
use super::index::Id;
use super::{Miss, Part};

/// So many rules that nearly allowed a command are told.
const MOST_MISSES: usize = 5;
/// So many are compared for that.
const MOST_COMPARED: usize = 64;

impl Context<'_> {
    /// The allow of the highest priority that covers a command, and rules that nearly did.
    pub(super) fn allow_of(&self, part: &Part) -> (Option<Id>, Vec<Miss>) {
        let (mut found, mut misses): (Option<Id>, Vec<(usize, Miss)>) = (None, Vec::new());
        for id in self.policies.index.allows_of(part.program()).filter(|id| self.is_allow(*id)) {
            match self.allows_command(id, part) {
                Ok(())
                    if found
                        .is_none_or(|found| self.policies.priority(id) > self.policies.priority(found)) =>
                {
                    found = Some(id);
                }
                Ok(()) => {}
                Err((words, why)) if misses.len() < MOST_COMPARED => {
                    misses.push((words, Miss { rule: self.policies.refer(id), why }));
                }
                Err(_) => {}
            }
        }
        if let (None, Some((why, here))) = (found, self.elsewhere)
            && let (Some(id), _) = here.allow_of(part)
        {
            misses.push((usize::MAX, Miss { rule: self.policies.refer(id), why: why.to_owned() }));
        }
        // Those that fit the farthest come first.
        misses.sort_by_key(|(words, _)| std::cmp::Reverse(*words));
        misses.truncate(if found.is_some() { 0 } else { MOST_MISSES });
        (found, misses.into_iter().map(|(_, miss)| miss).collect())
    }

    /// Whether a rule covers a command; otherwise how much of it fits, and what does not.
    fn allows_command(&self, id: Id, part: &Part) -> Result<(), (usize, String)> {
        let Some(command) = &self.policies.rule(id).command else { return Err((0, String::new())) };
        command.allows(part, self.places)?;
        match self.elsewhere {
            Some((why, _)) if !self.names_directory(id) && !command.holds_anywhere(part, self.places) => {
                Err((usize::MAX, why.to_owned()))
            }
            _ => Ok(()),
        }
    }

    /// The same for the fields of another tool, with the rule that would allow it elsewhere.
    pub(super) fn allow_of_fields(
        &self,
        fields: &BTreeMap<String, Vec<String>>,
    ) -> (Option<Id>, Option<Miss>) {
        let rules = self.policies.index.by_tool(&self.request.tool).filter(|id| {
            let rule = self.policies.rule(*id);
            let here =
                || self.elsewhere.is_none() || self.names_directory(*id) || rule.holds_anywhere(fields);
            self.is_allow(*id) && rule.allows_fields(fields, self.places) && here()
        });
        let found = rules.max_by_key(|id| self.policies.priority(*id));
        let miss = self.elsewhere.filter(|_| found.is_none()).and_then(|(why, here)| {
            let rule = here.allow_of_fields(fields).0?;
            Some(Miss { rule: self.policies.refer(rule), why: why.to_owned() })
        });
        (found, miss)
    }
}

pub(super) fn near_miss(miss: &Miss) -> String {
    format!(" (rule {} of '{}' comes closest, but {})", miss.rule.number, miss.rule.policy, miss.why)
}
