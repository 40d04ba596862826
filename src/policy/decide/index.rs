//! Finds the rules that can matter by program and by tool.

use std::collections::{HashMap, HashSet};

use crate::policy::rule::{Action, Policy, Rule};

/// A rule's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Id {
    pub policy: usize,
    pub rule: usize,
}

#[derive(Clone, Debug, Default)]
pub struct Index {
    /// Allows by the program as it is written.
    allows: HashMap<String, Vec<Id>>,
    /// Denies and asks by the program's name in lower case.
    pub restricting: HashMap<String, Vec<Id>>,
    /// Denies and asks whose program is a pattern.
    pub wild_programs: Vec<Id>,
    /// Denies and asks about paths.
    pub paths: Vec<Id>,
    /// All others, by tool.
    tools: HashMap<String, Vec<Id>>,
    wild_tools: Vec<Id>,
    /// The policies that deny something.
    pub denying: HashSet<usize>,
}

impl Index {
    pub fn new(policies: &[Policy]) -> Self {
        let mut index = Self::default();
        for (policy, content) in policies.iter().enumerate() {
            for (rule, content) in content.rules.iter().enumerate() {
                index.add(Id { policy, rule }, content);
            }
        }
        index
    }

    fn add(&mut self, id: Id, rule: &Rule) {
        if rule.text.action == Action::Deny {
            self.denying.insert(id.policy);
        }
        if let Some(command) = &rule.command {
            let programs = match rule.text.action {
                Action::Allow => &mut self.allows,
                _ => &mut self.restricting,
            };
            for program in &command.programs {
                programs.entry(program.clone()).or_default().push(id);
            }
            if !command.wild_programs.is_empty() {
                self.wild_programs.push(id);
            }
        } else if !rule.paths.is_empty() {
            self.paths.push(id);
        } else if rule.tools.is_empty() || rule.tools.iter().any(|tool| tool.as_text().is_none()) {
            self.wild_tools.push(id);
        } else {
            for tool in rule.tools.iter().filter_map(|tool| tool.as_text()) {
                self.tools.entry(tool.to_owned()).or_default().push(id);
            }
        }
    }

    pub fn allows_of(&self, program: &str) -> impl Iterator<Item = Id> {
        self.allows.get(program).into_iter().flatten().copied()
    }

    pub fn by_tool(&self, tool: &str) -> impl Iterator<Item = Id> {
        self.tools.get(tool).into_iter().flatten().chain(&self.wild_tools).copied()
    }
}
