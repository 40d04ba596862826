//! The policies of a daemon: one file each, and the sessions that they are attached to.

mod checks;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use codepiper_protocol::SessionId;
use codepiper_protocol::wire::policy::{PolicyFile, PolicyInfo, PolicyScope};
use codepiper_protocol::wire::problem::{Code, Problem};

use super::decide::{Decision, Policies};
use super::input::Request;
use super::native;
use super::read::{Mistake, read};
use super::rule::{Action, Policy, Scope};
use super::wire::{info_of, note};
use crate::lock::lock;
use crate::plain_file;
use crate::small_file::{Synced, replace};

const ATTACHED: &str = "attached.json";
const LONGEST_NAME: usize = 64;

/// See the module. Clones share it.
#[derive(Clone)]
pub struct Kept(Arc<Inner>);

struct Inner {
    dir: PathBuf,
    /// Whoever changes a file holds it.
    changing: Mutex<()>,
    state: Mutex<State>,
}

#[derive(Clone, Default)]
struct State {
    files: BTreeMap<String, File>,
    attached: Attached,
    /// Those of the files that can be read, where they apply.
    policies: Arc<Policies>,
    /// One that cannot be read, or cannot include what it names.
    broken: Option<String>,
}

#[derive(Clone)]
struct File {
    text: String,
    read: Result<Policy, Vec<Mistake>>,
}

type Attached = BTreeMap<String, BTreeSet<SessionId>>;

impl Kept {
    /// Reads the files of a directory, which need not be there.
    pub fn open(dir: &Path) -> Self {
        let mut state = State::default();
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
            if path.extension().is_some_and(|extension| extension == "toml") && check_name(&name).is_ok() {
                state.files.insert(name.clone(), File::open(&path, &name));
            }
        }
        let attached = plain_file::open(&dir.join(ATTACHED)).ok();
        state.attached = attached.and_then(|file| serde_json::from_reader(file).ok()).unwrap_or_default();
        state.apply();
        let inner = Inner { dir: dir.to_owned(), changing: Mutex::default(), state: Mutex::new(state) };
        Self(Arc::new(inner))
    }

    /// There is none.
    pub fn is_empty(&self) -> bool {
        lock(&self.0.state).files.is_empty()
    }

    /// What the policies say; `None` if none applies. While a file cannot be read, nothing is allowed.
    pub fn decide(&self, request: &Request) -> Option<Decision> {
        let (policies, broken) = {
            let state = lock(&self.0.state);
            (state.policies.clone(), state.broken.clone())
        };
        let decision = policies.decide(request);
        let Some(broken) = broken else { return decision };
        match decision {
            Some(decision) if decision.action == Action::Deny => Some(decision),
            decision => Some(Decision {
                action: Action::Ask,
                rule: None,
                why: format!("The policy '{broken}' cannot be read, so no rule allows anything."),
                parts: decision.map(|decision| decision.parts).unwrap_or_default(),
                unreadable: None,
            }),
        }
    }

    /// Whether a policy speaks about this session, so that its agent has to ask.
    pub fn applies(&self, request: &Request) -> bool {
        self.decide(request).is_some()
    }

    /// The policies that speak about this session.
    pub fn applying(&self, request: &Request) -> Vec<Policy> {
        let policies = lock(&self.0.state).policies.clone();
        let applies = |policy: &&Policy| Policies::new(vec![(*policy).clone()]).decide(request).is_some();
        policies.policies().iter().filter(applies).cloned().collect()
    }

    pub fn list(&self) -> Vec<PolicyInfo> {
        let state = lock(&self.0.state);
        state.files.iter().map(|(name, file)| state.info(name, file)).collect()
    }

    pub fn show(&self, name: &str) -> Result<PolicyFile, Problem> {
        let state = lock(&self.0.state);
        let file = state.files.get(name).ok_or_else(|| no_policy(name))?;
        let rules = file.read.as_ref().map(native::rules).unwrap_or_default();
        Ok(PolicyFile { text: file.text.clone(), info: state.info(name, file), rules })
    }

    /// The policies as one that only reads files can decide by them.
    pub fn texts(&self) -> Vec<String> {
        let state = lock(&self.0.state);
        let applied = state.policies.policies().iter();
        applied.map(super::write::write).collect()
    }

    /// Reads a policy; what it includes has to be there.
    pub fn read(&self, text: &str) -> Result<Policy, Vec<Mistake>> {
        let policy = read(text)?;
        let missing = lock(&self.0.state).lacks(&policy, text);
        missing.map_or(Ok(policy), |mistake| Err(vec![mistake]))
    }

    /// A policy, saved or not, with those that it includes.
    pub fn whole(&self, policy: Policy) -> Policies {
        let mut policies = lock(&self.0.state).included(&policy);
        policies.push(policy);
        Policies::new(policies)
    }

    /// Writes a policy, new or changed.
    pub fn put(&self, name: &str, text: &str) -> Result<PolicyFile, Problem> {
        let policy = self.check_put(name, text)?;
        self.change(
            |state| state.check_put(&policy, text),
            |state, dir| {
                fs::create_dir_all(dir)?;
                replace(&dir.join(format!("{name}.toml")), text.as_bytes(), Synced::Yes)?;
                state.files.insert(name.to_owned(), File { text: text.to_owned(), read: Ok(policy.clone()) });
                Ok(())
            },
        )?;
        self.show(name)
    }

    pub fn remove(&self, name: &str) -> Result<(), Problem> {
        self.show(name)?;
        self.change(
            |state| state.check_remove(name),
            |state, dir| {
                fs::remove_file(dir.join(format!("{name}.toml")))?;
                state.files.remove(name);
                if state.attached.remove(name).is_some() {
                    write_attached(dir, &state.attached)?;
                }
                Ok(())
            },
        )
    }

    /// Lets a policy for sessions apply to one more, or not any more.
    pub fn attach(&self, name: &str, session: SessionId, attached: bool) -> Result<PolicyFile, Problem> {
        self.check_attach(name)?;
        self.change(
            |_| Ok(()),
            |state, dir| {
                let sessions = state.attached.entry(name.to_owned()).or_default();
                match attached {
                    true => sessions.insert(session),
                    false => sessions.remove(&session),
                };
                write_attached(dir, &state.attached)
            },
        )?;
        self.show(name)
    }

    /// First on the disk, then here, if nothing is against it.
    fn change(
        &self,
        check: impl FnOnce(&State) -> Result<(), Problem>,
        change: impl FnOnce(&mut State, &Path) -> io::Result<()>,
    ) -> Result<(), Problem> {
        let _changing = lock(&self.0.changing);
        let mut state = lock(&self.0.state).clone();
        check(&state)?;
        change(&mut state, &self.0.dir).map_err(|error| {
            Problem::new(Code::Internal, format!("cannot write {}: {error}", self.0.dir.display()))
        })?;
        state.apply();
        *lock(&self.0.state) = state;
        Ok(())
    }
}

impl File {
    fn open(path: &Path, name: &str) -> Self {
        let mistake = |message: String| vec![Mistake { line: 1, rule: None, field: String::new(), message }];
        let text = match plain_file::open(path).and_then(io::read_to_string) {
            Ok(text) => text,
            Err(error) => return Self { text: String::new(), read: Err(mistake(error.to_string())) },
        };
        let policy = read(&text).and_then(|policy| match policy.name == name {
            true => Ok(policy),
            false => Err(mistake(format!("it is called '{}' in its text", policy.name))),
        });
        Self { text, read: policy }
    }
}

impl State {
    fn apply(&mut self) {
        let policies = self.files.iter().filter_map(|(name, file)| {
            let mut policy = file.read.clone().ok()?;
            if let (Scope::Sessions(sessions), Some(attached)) = (&policy.scope, self.attached.get(name)) {
                let all = sessions.iter().cloned().chain(attached.iter().map(SessionId::to_string)).collect();
                policy.set_scope(Scope::Sessions(all)).ok()?;
            }
            let mut whole = self.included(&policy);
            whole.push(policy);
            Some(whole)
        });
        self.policies = Arc::new(Policies::new(policies.flatten().collect()));
        let mut broken = self.files.iter().filter(|(_, file)| !self.mistakes(file).is_empty());
        self.broken = broken.next().map(|(name, _)| name.clone());
    }

    /// The names of what a policy includes, and of what that includes, whether it is there or not.
    fn names_included<'a>(&'a self, policy: &'a Policy) -> Vec<&'a str> {
        let mut left: Vec<&str> = policy.includes.iter().map(String::as_str).collect();
        let mut names = Vec::new();
        while let Some(name) = left.pop() {
            if name == policy.name || names.contains(&name) {
                continue;
            }
            names.push(name);
            if let Some(Ok(one)) = self.files.get(name).map(|file| &file.read) {
                left.extend(one.includes.iter().map(String::as_str));
            }
        }
        names
    }

    /// What a policy includes, where the policy applies.
    fn included(&self, policy: &Policy) -> Vec<Policy> {
        let read = |name: &str| self.files.get(name)?.read.clone().ok();
        let included = self.names_included(policy).into_iter().filter_map(read);
        included.map(|one| one.within(policy)).collect()
    }

    /// The policy that includes this one.
    fn includer(&self, name: &str) -> Option<&str> {
        let includes = |file: &File| file.read.as_ref().is_ok_and(|policy| policy.includes_name(name));
        let mut others = self.files.iter().filter(|(other, _)| *other != name);
        others.find(|(_, file)| includes(file)).map(|(other, _)| other.as_str())
    }

    /// What it cannot include, or what that cannot. A policy for directories would allow elsewhere what it allows there.
    fn lacks(&self, policy: &Policy, text: &str) -> Option<Mistake> {
        let mut names = self.names_included(policy).into_iter();
        let (name, why) = names.find_map(|name| {
            let why = match self.files.get(name).map(|file| &file.read) {
                None => "there is no such policy",
                Some(Err(_)) => "it cannot be read",
                Some(Ok(one)) if one.is_for_sessions() => return None,
                Some(Ok(_)) => "it is not for single sessions; add `sessions = []` to it",
            };
            Some((name, why))
        })?;
        let line = text.lines().position(|line| {
            let rest = line.trim_start().strip_prefix("include");
            rest.is_some_and(|rest| rest.trim_start().starts_with('='))
        });
        let message = format!("cannot include '{}': {why}", name.escape_debug());
        let line = line.unwrap_or(0) + 1;
        Some(Mistake { line, rule: None, field: "include".to_owned(), message })
    }

    fn mistakes(&self, file: &File) -> Vec<Mistake> {
        match &file.read {
            Ok(policy) => self.lacks(policy, &file.text).into_iter().collect(),
            Err(mistakes) => mistakes.clone(),
        }
    }

    fn info(&self, name: &str, file: &File) -> PolicyInfo {
        let mut info = match &file.read {
            Ok(policy) => info_of(policy),
            Err(_) => info_of(&Policy::new(name)),
        };
        info.mistakes = self.mistakes(file).iter().map(note).collect();
        if let (PolicyScope::Sessions(sessions), Some(attached)) = (&mut info.scope, self.attached.get(name))
        {
            sessions.extend(attached.iter().map(SessionId::to_string));
        }
        info
    }
}

fn mistaken(name: &str, mistakes: &[Mistake]) -> Problem {
    let told: Vec<String> = mistakes.iter().map(|mistake| mistake.in_file(&format!("{name}.toml"))).collect();
    Problem::new(Code::Invalid, told.join("\n"))
}

fn in_use(detail: &str) -> Problem {
    Problem::new(Code::InUse, detail)
}

fn no_policy(name: &str) -> Problem {
    Problem::new(Code::NotFound, format!("no policy '{}'", name.escape_debug()))
}

/// It is the name of a file.
fn check_name(name: &str) -> Result<(), Problem> {
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    let fits = (1..=LONGEST_NAME).contains(&name.len()) && name.chars().all(is_word);
    if fits && name.starts_with(|letter: char| letter.is_ascii_alphanumeric()) {
        return Ok(());
    }
    let detail = format!(
        "invalid policy name '{}'; use 1 to {LONGEST_NAME} letters, digits, '-', '_' and '.', starting with a letter \
         or digit",
        name.escape_debug()
    );
    Err(Problem::new(Code::Invalid, detail))
}

fn write_attached(dir: &Path, attached: &Attached) -> io::Result<()> {
    let json = serde_json::to_vec(attached).map_err(io::Error::other)?;
    replace(&dir.join(ATTACHED), &json, Synced::Yes)
}
