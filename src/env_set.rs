//! Env sets: named secrets for the environment of sessions.
//!
//! One small file a set, with names in the clear and values encrypted. Values leave this room only for
//! the launch of a program.

mod key;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use codepiper_protocol::wire::env_set::{
    ChangeEnvSet, EnvSet, EnvValue, EnvVariable, MAX_ENV_SET_NAME, MAX_ENV_VALUE,
};
use codepiper_protocol::wire::problem::{Code, Next, Problem};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::lock::lock;
use crate::small_file::{self, Broken, write_synced};
use key::{Key, Sealed};

/// The version of the file's form.
const VERSION: u32 = 1;

/// What stands in the file of a set.
#[derive(Serialize, Deserialize)]
struct Stored {
    version: u32,
    name: String,
    variables: BTreeMap<String, Variable>,
}

#[derive(Serialize, Deserialize)]
struct Variable {
    value: Sealed,
    changed_at: Timestamp,
}

/// All sets. Clones share them. Every method reads files.
#[derive(Clone)]
pub struct EnvSets(Arc<Inner>);

struct Inner {
    dir: PathBuf,
    key_file: PathBuf,
    /// One change at a time.
    turn: Mutex<()>,
}

impl EnvSets {
    /// Sets in the files of `dir`, which need not be there yet.
    pub fn new(dir: PathBuf, key_file: PathBuf) -> Self {
        Self(Arc::new(Inner { dir, key_file, turn: Mutex::default() }))
    }

    /// What the values are encrypted with.
    pub fn key_file(&self) -> &Path {
        &self.0.key_file
    }

    /// Every set, by name. `used_by` is left empty.
    pub fn list(&self) -> Vec<EnvSet> {
        self.names().into_iter().filter_map(|name| self.show(&name).ok()).collect()
    }

    /// One set. `used_by` is left empty.
    pub fn show(&self, name: &str) -> Result<EnvSet, Problem> {
        let path = self.existing(name)?;
        let stored = match read(&path, name) {
            Ok(stored) => stored,
            Err(reason) => {
                let problem = Some(unusable(name, &path, &reason));
                return Ok(EnvSet { name: name.to_owned(), variables: vec![], problem, used_by: vec![] });
            }
        };
        let problem = self.open(&stored, &path).err().map(|problem| problem.detail);
        let describe = |(name, variable): (&String, &Variable)| EnvVariable {
            name: name.clone(),
            length: variable.value.length(),
            changed_at: variable.changed_at,
        };
        let variables = stored.variables.iter().map(describe).collect();
        Ok(EnvSet { name: stored.name, variables, problem, used_by: vec![] })
    }

    /// # Errors
    /// What is against a set with that name and these variables.
    pub fn check_create(&self, name: &str, variables: &BTreeMap<String, EnvValue>) -> Result<(), Problem> {
        check_set_name(name)?;
        if self.path(name).exists() {
            let problem = Problem::new(Code::NameTaken, format!("env set '{name}' already exists"));
            return Err(problem.with_next(Next::ChangeEnvSet { name: name.to_owned() }));
        }
        variables.iter().try_for_each(|(name, value)| check_variable(name, value))
    }

    pub fn create(&self, name: &str, variables: BTreeMap<String, EnvValue>) -> Result<EnvSet, Problem> {
        let _turn = self.turn();
        self.check_create(name, &variables)?;
        let path = self.path(name);
        let mut stored = Stored { version: VERSION, name: name.to_owned(), variables: BTreeMap::new() };
        self.seal(&mut stored, variables)?;
        self.save(&path, &stored)?;
        self.show(name)
    }

    /// # Errors
    /// What is against that change.
    pub fn check_change(&self, name: &str, change: &ChangeEnvSet) -> Result<(), Problem> {
        self.without(name, &change.unset)?;
        change.set.iter().try_for_each(|(name, value)| check_variable(name, value))
    }

    /// A set without these variables of it, and its file.
    fn without(&self, name: &str, unset: &[String]) -> Result<(PathBuf, Stored), Problem> {
        let path = self.existing(name)?;
        let mut stored = read(&path, name)
            .map_err(|reason| Problem::new(Code::Internal, unusable(name, &path, &reason)))?;
        for variable in unset {
            if stored.variables.remove(variable).is_none() {
                let detail = format!("env set '{name}' has no variable '{}'", variable.escape_debug());
                return Err(Problem::new(Code::NotFound, detail));
            }
        }
        Ok((path, stored))
    }

    /// Adds, replaces and takes away variables: all of it, or nothing.
    pub fn change(&self, name: &str, change: ChangeEnvSet) -> Result<EnvSet, Problem> {
        let _turn = self.turn();
        let (path, mut stored) = self.without(name, &change.unset)?;
        self.seal(&mut stored, change.set)?;
        self.save(&path, &stored)?;
        self.show(name)
    }

    /// # Errors
    /// There is no such set.
    pub fn check_remove(&self, name: &str) -> Result<(), Problem> {
        self.existing(name).map(drop)
    }

    /// Forgets a set, whether it can be read or not.
    pub fn remove(&self, name: &str) -> Result<(), Problem> {
        let _turn = self.turn();
        let path = self.existing(name)?;
        fs::remove_file(&path).map_err(|error| {
            Problem::new(Code::Internal, format!("cannot remove {}: {error}", path.display()))
        })
    }

    /// The variables of these sets with their values; a later set counts before an earlier one.
    ///
    /// # Errors
    /// The set that is not there or cannot be read, with its file.
    pub fn values(&self, names: &[String]) -> Result<BTreeMap<String, String>, Problem> {
        let mut values = BTreeMap::new();
        for name in names {
            let path = self.existing(name)?;
            let stored = read(&path, name)
                .map_err(|reason| Problem::new(Code::LaunchFailed, unusable(name, &path, &reason)))?;
            values.extend(self.open(&stored, &path)?);
        }
        Ok(values)
    }

    /// Files of sets that cannot be used, and why.
    pub fn broken(&self) -> Vec<Broken> {
        let broken = |set: EnvSet| Some((self.path(&set.name), set.problem?));
        self.list().into_iter().filter_map(broken).collect()
    }

    fn open(&self, stored: &Stored, path: &Path) -> Result<BTreeMap<String, String>, Problem> {
        if stored.variables.is_empty() {
            return Ok(BTreeMap::new());
        }
        let set = stored.name.as_str();
        let failed = |reason: String| Problem::new(Code::LaunchFailed, unusable(set, path, &reason));
        let key =
            Key::load(&self.0.key_file).and_then(|key| key.ok_or_else(|| "the file is missing".to_owned()));
        let key = key.map_err(|reason| {
            failed(format!("its key {}: {reason}; restore the key", self.0.key_file.display()))
        })?;
        let opened = stored.variables.iter().map(|(name, variable)| {
            let value = key.open(set, name, &variable.value);
            Ok((name.clone(), value.map_err(|reason| failed(format!("{name}: {reason}")))?))
        });
        opened.collect()
    }

    fn seal(&self, stored: &mut Stored, values: BTreeMap<String, EnvValue>) -> Result<(), Problem> {
        for (name, value) in &values {
            check_variable(name, value)?;
        }
        if values.is_empty() {
            return Ok(());
        }
        let key = self.key()?;
        let changed_at = Timestamp::now();
        for (name, EnvValue(value)) in values {
            let value = key.seal(&stored.name, &name, &value)?;
            stored.variables.insert(name, Variable { value, changed_at });
        }
        Ok(())
    }

    /// The key; makes one when there are no values that another one was for.
    fn key(&self) -> Result<Key, Problem> {
        let path = self.0.key_file.display();
        let unusable =
            |what: String| Problem::new(Code::Internal, format!("the key file of the env sets {what}"));
        if let Some(key) = Key::load(&self.0.key_file)
            .map_err(|reason| unusable(format!("cannot be used: {path}: {reason}")))?
        {
            return Ok(key);
        }
        if self.list().iter().any(|set| set.problem.is_some() || !set.variables.is_empty()) {
            return Err(unusable(format!("is missing: {path}")).with_next(Next::RemoveEnvSets));
        }
        let key = Key::random()?;
        key.save(&self.0.key_file)
            .map_err(|error| unusable(format!("cannot be written: {path}: {error}")))?;
        Ok(key)
    }

    fn save(&self, path: &Path, stored: &Stored) -> Result<(), Problem> {
        use std::os::unix::fs::DirBuilderExt;
        let written = fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.0.dir)
            .and_then(|()| Ok(serde_json::to_vec_pretty(stored)?))
            .and_then(|json| write_synced(path, &json));
        written.map_err(|error| {
            Problem::new(Code::Internal, format!("cannot write {}: {error}", path.display()))
        })
    }

    /// By the names of the files.
    fn names(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(&self.0.dir) else { return vec![] };
        let name = |entry: fs::DirEntry| {
            let name = entry.file_name().into_string().ok()?.strip_suffix(".json")?.to_owned();
            check_set_name(&name).is_ok().then_some(name)
        };
        let mut names: Vec<String> = entries.filter_map(|entry| name(entry.ok()?)).collect();
        names.sort_unstable();
        names
    }

    /// The file of a set that is there.
    fn existing(&self, name: &str) -> Result<PathBuf, Problem> {
        let path = self.path(name);
        match check_set_name(name).is_ok() && path.exists() {
            true => Ok(path),
            false => Err(Problem::new(Code::NotFound, format!("no env set '{}'", name.escape_debug()))
                .with_next(Next::ListEnvSets)),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.dir.join(format!("{name}.json"))
    }

    fn turn(&self) -> MutexGuard<'_, ()> {
        lock(&self.0.turn)
    }
}

fn read(path: &Path, name: &str) -> Result<Stored, String> {
    let stored: Option<Stored> = small_file::read(path, VERSION)?;
    let stored = stored.ok_or("the file is missing")?;
    match stored.name == name {
        true => Ok(stored),
        false => Err(format!("the file belongs to set '{}'", stored.name.escape_debug())),
    }
}

fn unusable(name: &str, path: &Path, reason: &str) -> String {
    format!("env set '{name}' cannot be used: {}: {reason}", path.display())
}

fn check_set_name(name: &str) -> Result<(), Problem> {
    let fits = name.len() <= MAX_ENV_SET_NAME
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || "._-".contains(letter));
    if fits {
        return Ok(());
    }
    let detail = format!(
        "invalid env set name '{}'; use up to {MAX_ENV_SET_NAME} letters, digits, '.', '_' and '-', starting \
         with a letter or digit",
        name.escape_debug()
    );
    Err(Problem::new(Code::Invalid, detail))
}

/// The value is never said.
fn check_variable(name: &str, EnvValue(value): &EnvValue) -> Result<(), Problem> {
    let shown = name.escape_debug();
    let invalid = |what: String| Err(Problem::new(Code::Invalid, what));
    let begins = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    if !begins
        || name.len() > 255
        || !name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
    {
        return invalid(format!(
            "invalid variable name '{shown}'; use letters, digits and '_', not starting with a digit"
        ));
    }
    if name.starts_with("CODEPIPER_") || ["TMUX", "TMUX_PANE", "TERM"].contains(&name) {
        return invalid(format!("{shown} cannot be in an env set: it is set by CodePiper or the terminal"));
    }
    if value.contains('\0') {
        return invalid(format!("the value of {shown} contains NUL, which an environment cannot hold"));
    }
    if value.len() > MAX_ENV_VALUE {
        return invalid(format!("the value of {shown} exceeds {MAX_ENV_VALUE} bytes"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
