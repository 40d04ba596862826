//! `[providers]`: programs of the user's own, and switches of those that are built in. Which these are, and what can be
//! switched, is not known here: see `provider::Providers::new`.

use std::collections::BTreeMap;

use codepiper_protocol::key::Key;
use regex::Regex;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use toml::{Spanned, Value};

use super::Invalid;

/// The tables, by the provider's name.
pub type Providers = BTreeMap<String, Table>;

/// What stands below `[providers.NAME]`.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// A program of the user's own: at least one of its keys is there.
    pub own: Option<Provider>,
    /// The other keys. Who knows them knows whether they are right.
    pub others: Vec<Other>,
    /// Where the first key stands.
    line: Option<usize>,
}

/// A key that no program of the user's own has.
#[derive(Clone, Debug)]
pub struct Other {
    pub key: String,
    pub value: Value,
    /// In bytes, and from 1, when the whole file is known.
    at: usize,
    line: Option<usize>,
}

impl<'de> Deserialize<'de> for Table {
    /// By hand: `serde(flatten)` would forget the lines of what is wrong.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;
        impl<'de> Visitor<'de> for Keys {
            type Value = Table;

            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("a table")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Table, A::Error> {
                let (mut own, mut others, mut known) = (Provider::default(), Vec::new(), false);
                let mut first = None;
                while let Some(key) = map.next_key::<Spanned<String>>()? {
                    let (at, key) = (key.span().start, key.into_inner());
                    first = first.or(Some(at));
                    match own.take(&key, &mut map)? {
                        true => known = true,
                        false => others.push(Other { key, value: map.next_value()?, at, line: None }),
                    }
                }
                Ok(Table { own: known.then_some(own), others, line: first })
            }
        }
        deserializer.deserialize_map(Keys)
    }
}

impl Table {
    /// What is wrong with it, whoever knows that.
    pub fn invalid(&self, name: &str, reason: String) -> Invalid {
        Invalid { line: self.line, message: format!("providers.{name}: {reason}") }
    }

    /// Checks what can be known without the other providers, and finds the lines.
    pub(super) fn check(&mut self, name: &str, line_of: impl Fn(usize) -> usize) -> Result<(), Invalid> {
        self.line = self.line.map(&line_of);
        for other in &mut self.others {
            other.line = Some(line_of(other.at));
        }
        let Some(own) = &self.own else { return Ok(()) };
        if let Some(other) = self.others.first() {
            let keys = Provider::KEYS.join(", ");
            return Err(other.invalid(name, format!("unknown key '{}'; available: {keys}", other.key)));
        }
        own.check(name).map_err(|reason| self.invalid(name, reason))
    }
}

impl Other {
    /// What is wrong with it.
    pub fn invalid(&self, name: &str, reason: String) -> Invalid {
        Invalid { line: self.line, message: format!("providers.{name}: {reason}") }
    }
}

/// A program that `start -p NAME` starts.
#[derive(Clone, Debug, PartialEq)]
pub struct Provider {
    /// The program and its first arguments.
    pub command: Vec<String>,
    pub description: Option<String>,
    /// How it continues; without it, the command is run again.
    pub resume: Vec<String>,
    /// What follows for `--model`; `{model}` stands for the name.
    pub model: Vec<String>,
    /// How a first prompt reaches it.
    pub prompt: Prompt,
    /// Keys that make it quit; without them it gets SIGHUP.
    pub quit: Vec<String>,
    /// So many seconds that may take.
    pub quit_seconds: u64,
    /// Where its prompts are written.
    pub composer: Option<Composer>,
    /// The first that fits counts.
    pub signals: Vec<Signal>,
}

impl Default for Provider {
    fn default() -> Self {
        Self {
            command: Vec::new(),
            description: None,
            resume: Vec::new(),
            model: Vec::new(),
            prompt: Prompt::default(),
            quit: Vec::new(),
            quit_seconds: 5,
            composer: None,
            signals: Vec::new(),
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Prompt {
    /// Typed into it.
    #[default]
    Typed,
    /// Its last argument.
    Argument,
}

/// Enter is pressed when the text is on the screen, and `send` says what became of it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Composer {
    /// What stands left of the cursor when it is empty, without blanks around.
    pub mark: String,
    /// How what stands for a long text begins.
    #[serde(default)]
    pub placeholders: Vec<String>,
    /// How what stands for an image begins.
    pub image: Option<String>,
    /// How begins what it shows behind the cursor while it is empty, if that is not drawn faintly.
    #[serde(default)]
    pub hints: Vec<String>,
}

/// What proves a state: exactly one of the first five.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signal {
    /// A regular expression that the window's title fits.
    pub title: Option<String>,
    /// One that a notification fits (OSC 9, 99 or 777).
    pub notification: Option<String>,
    /// A state that it reports with OSC 7501.
    pub osc_7501: Option<String>,
    pub bell: Option<bool>,
    /// A regular expression that a row of the screen fits: weaker than what a program reports.
    pub screen: Option<String>,
    pub means: Means,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Means {
    Working,
    #[default]
    Idle,
    Waiting,
    Permission,
    Question,
}

impl Provider {
    /// What may stand in its table.
    const KEYS: [&str; 9] = [
        "command",
        "description",
        "resume",
        "model",
        "prompt",
        "quit",
        "quit_seconds",
        "composer",
        "signals",
    ];

    /// Takes the value of one of its keys; false when it has no such key.
    fn take<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
        match key {
            "command" => self.command = map.next_value()?,
            "description" => self.description = Some(map.next_value()?),
            "resume" => self.resume = map.next_value()?,
            "model" => self.model = map.next_value()?,
            "prompt" => self.prompt = map.next_value()?,
            "quit" => self.quit = map.next_value()?,
            "quit_seconds" => self.quit_seconds = map.next_value()?,
            "composer" => self.composer = Some(map.next_value()?),
            "signals" => self.signals = map.next_value()?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn check(&self, name: &str) -> Result<(), String> {
        let word = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
        if !name.starts_with(|letter: char| letter.is_ascii_lowercase()) || !name.chars().all(word) {
            return Err(
                "invalid name; use lowercase letters, digits and '-', starting with a letter".to_owned()
            );
        }
        if self.command.first().is_none_or(String::is_empty) {
            return Err("command needs a program".to_owned());
        }
        if self.resume.first().is_some_and(String::is_empty) {
            return Err("resume needs a program".to_owned());
        }
        for key in &self.quit {
            key.parse::<Key>().map_err(|error| format!("quit: {error}"))?;
        }
        for (number, signal) in (1..).zip(&self.signals) {
            signal.check().map_err(|reason| format!("signal {number}: {reason}"))?;
        }
        Ok(())
    }
}

impl Signal {
    fn check(&self) -> Result<(), String> {
        let patterns = [&self.title, &self.notification, &self.screen];
        let kinds = patterns.iter().filter(|pattern| pattern.is_some()).count()
            + usize::from(self.osc_7501.is_some())
            + usize::from(self.bell == Some(true));
        if kinds != 1 {
            return Err("use exactly one of title, notification, osc_7501, bell = true and screen".to_owned());
        }
        for pattern in patterns.into_iter().flatten() {
            Regex::new(pattern)
                .map_err(|error| format!("invalid regular expression '{pattern}': {error}"))?;
        }
        Ok(())
    }
}
