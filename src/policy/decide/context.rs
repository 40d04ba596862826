//! What is looked at while one request is decided: where it would run, and which rules apply there.

use std::cell::Cell;

use super::index::Id;
use super::{Policies, restrict};
use crate::policy::glob::{Case, Glob};
use crate::policy::input::{self, Request};
use crate::policy::path::{Entry, PathPattern, Places};
use crate::policy::rule::{Action, Policy, Scope};

const UNKNOWN: &str = "the agent does not say in which directory this runs";
const OUTSIDE: &str = "this runs outside the session's directory";

/// Where the agent is, and where what it asks for would run.
pub(super) struct Whereabouts<'a> {
    agent: Places<'a>,
    tool: Places<'a>,
    /// Why the second is not certainly in the first, or the first not in the session's directory. Then nothing is allowed that
    /// depends on a directory which no rule names.
    pub(super) elsewhere: Option<&'static str>,
    /// It may run anywhere.
    unknown: bool,
}

impl<'a> Whereabouts<'a> {
    pub(super) fn new(request: &'a Request, look: &'a dyn Fn(&str) -> Entry) -> Self {
        let started = request.directory.as_deref().map(|path| path.to_string_lossy());
        let places = || {
            let mut places = Places::new(&request.cwd, &request.home, look);
            places.started = started.as_ref().map(|path| places.resolve(path));
            places
        };
        let (agent, mut tool) = (places(), places());
        let workdir = input::workdir(&request.input);
        if let Some(workdir) = workdir {
            tool.cwd = agent.certain(workdir);
        }
        let in_session = agent.started.as_ref().is_none_or(|started| agent.cwd.is_in(started));
        let unknown = request.may_run_elsewhere && workdir.is_none();
        let outside = !in_session || !agent.is_in_project(&tool.cwd);
        let elsewhere = if unknown { Some(UNKNOWN) } else { Some(OUTSIDE).filter(|_| outside) };
        tool.cwd.proven &= !unknown;
        tool.project.proven &= in_session;
        Self { agent, tool, elsewhere, unknown }
    }
}

pub(super) struct Context<'a> {
    pub(super) policies: &'a Policies,
    pub(super) request: &'a Request,
    pub(super) places: &'a Places<'a>,
    /// Why the request may run outside of the session's directory, and how it would be decided inside.
    pub(super) elsewhere: Option<(&'static str, &'a Context<'a>)>,
    /// Which policies apply, to allow and to restrict.
    allowing: Vec<bool>,
    pub(super) restricting: Vec<bool>,
    /// How much may still be looked at.
    pub(super) steps: Cell<u64>,
}

impl<'a> Context<'a> {
    /// As if the request ran where the agent is.
    pub(super) fn here(policies: &'a Policies, request: &'a Request, at: &'a Whereabouts<'a>) -> Self {
        Self::at(policies, request, &at.agent, at, None)
    }

    /// `here`: as if it ran where the agent is.
    pub(super) fn new(
        policies: &'a Policies,
        request: &'a Request,
        at: &'a Whereabouts<'a>,
        here: Option<&'a Context<'a>>,
    ) -> Self {
        Self::at(policies, request, &at.tool, at, at.elsewhere.zip(here))
    }

    fn at(
        policies: &'a Policies,
        request: &'a Request,
        places: &'a Places<'a>,
        at: &'a Whereabouts<'a>,
        elsewhere: Option<(&'static str, &'a Context<'a>)>,
    ) -> Self {
        let agent = &at.agent;
        let inside = |policy: &Policy, strictly: bool| match &policy.scope {
            Scope::Global => true,
            Scope::Sessions(sessions) => sessions.iter().any(|session| request.session.contains(session)),
            Scope::Directories(_) if strictly => policy.directories.iter().any(|directory| {
                directory.covers_directory(&agent.cwd, agent)
                    && (directory.covers_directory(&places.cwd, agent) || at.unknown)
            }),
            Scope::Directories(_) => policy.directories.iter().any(|directory| {
                [Some(&agent.cwd), Some(&places.cwd), agent.started.as_ref()]
                    .into_iter()
                    .flatten()
                    .any(|path| directory.denies(path, agent))
            }),
        };
        let of = |strictly| policies.policies.iter().map(|policy| inside(policy, strictly)).collect();
        let (allowing, restricting) = (of(true), of(false));
        let steps = Cell::new(restrict::MOST_STEPS);
        Self { policies, request, places, elsewhere, allowing, restricting, steps }
    }

    /// Whether a rule applies here, whatever it says.
    pub(super) fn applies(&self, id: Id) -> bool {
        let rule = self.policies.rule(id);
        let (request, tool) = (self.request, &self.request.tool);
        let scope = if rule.text.action == Action::Allow { &self.allowing } else { &self.restricting };
        let named = |patterns: &[Glob], names: &[String]| {
            let fits = |name: &String| patterns.iter().any(|pattern| pattern.fits(name, Case::Exact));
            patterns.is_empty() || names.iter().any(fits)
        };
        let in_directory = rule.cwd.is_empty()
            || rule.cwd.iter().any(|pattern| match rule.text.action {
                Action::Allow => pattern.allows(&self.places.cwd, self.places),
                _ => self.may_run_in(pattern),
            });
        let of_tool = rule.has_tool(tool) || input::is_shell(tool) && rule.has_tool(input::SHELL);
        scope[id.policy]
            && of_tool
            && in_directory
            && named(&rule.session, &request.session)
            && named(&rule.provider, std::slice::from_ref(&request.provider))
    }

    pub(super) fn is_allow(&self, id: Id) -> bool {
        self.policies.rule(id).text.action == Action::Allow && self.applies(id)
    }

    /// What may run anywhere may run there.
    fn may_run_in(&self, pattern: &PathPattern) -> bool {
        !self.places.cwd.proven || pattern.denies(&self.places.cwd, self.places)
    }

    /// Whether a rule, or its policy, names the directory in which this runs.
    pub(super) fn names_directory(&self, id: Id) -> bool {
        let policy = &self.policies.policies[id.policy];
        let names = !self.policies.rule(id).cwd.is_empty() || matches!(policy.scope, Scope::Directories(_));
        names && self.places.cwd.proven
    }
}
