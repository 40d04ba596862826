//! The options of a rule.
//!
//! ```text
//! -s  --short      this option, without a value       -m *      this one with the next word, or glued to it
//! --color=*        with a value behind '='            -C ./**   the value is a path
//! -n <number>       with a number                      +*  -j*   anything that begins like this
//! -<number>         -5, -20
//! --               the end of the options             -- **     and whatever comes after it
//! -- --nocapture   this option after the end
//! ```

use super::super::glob::{Case, Glob, Piece};
use super::super::path::Places;
use super::super::rule::Action;
use super::WordPattern;

#[derive(Clone, Debug)]
pub enum OptionPattern {
    Flag(String),
    Glob(Glob),
    /// `--name=VALUE`
    Attached(String, WordPattern),
    /// `--name VALUE` or `-n VALUE`
    Separate(String, WordPattern),
    Number,
    End,
    EndAndAnything,
    /// An option for what comes after the end: programs hand that on to others.
    AfterEnd(Box<OptionPattern>),
}

/// How a word fits the options.
pub enum Fit<'o> {
    No,
    Alone,
    TakesNext(&'o WordPattern),
    EndOfOptions,
}

impl OptionPattern {
    pub fn new(text: &str, action: Action) -> Result<Self, String> {
        if !text.starts_with(['-', '+']) || text.len() < 2 {
            return Err(format!("'{text}' is not an option; an option begins with '-'"));
        }
        if action == Action::Allow && matches!(text, "-*" | "--*" | "-**" | "--**") {
            return Err(format!("'{text}' would allow every option; list the options that you mean"));
        }
        if let Some((name, value)) = text.split_once(' ') {
            return match (name, value) {
                ("--", "**") => Ok(Self::EndAndAnything),
                ("--", after) => Ok(Self::AfterEnd(Box::new(Self::new(after, action)?))),
                (name, _) if name.contains(['*', '=']) => Err(format!("'{text}' cannot be read")),
                (name, value) => Ok(Self::Separate(name.to_owned(), WordPattern::new(value)?)),
            };
        }
        if let Some((name, value)) = text.split_once('=').filter(|(name, _)| !name.contains('*')) {
            return Ok(Self::Attached(name.to_owned(), WordPattern::new(value)?));
        }
        let glob = Glob::new(text);
        Ok(match text {
            "--" => Self::End,
            "-<number>" => Self::Number,
            _ => match glob.as_text() {
                Some(name) => Self::Flag(name.to_owned()),
                None => Self::Glob(glob),
            },
        })
    }

    pub fn is_anything_after_end(&self) -> bool {
        matches!(self, Self::EndAndAnything)
    }

    /// The pattern of its value, if it has one.
    pub fn value(&self) -> Option<&WordPattern> {
        match self {
            Self::Attached(_, value) | Self::Separate(_, value) => Some(value),
            Self::AfterEnd(option) => option.value(),
            _ => None,
        }
    }

    /// How it is written in a deny: the name and whether a value matters.
    pub fn name(&self) -> String {
        match self {
            Self::Flag(name) | Self::Attached(name, _) | Self::Separate(name, _) => name.clone(),
            Self::Glob(glob) => glob.first_letters(),
            Self::Number => "-<number>".to_owned(),
            Self::AfterEnd(option) => option.name(),
            Self::End | Self::EndAndAnything => "--".to_owned(),
        }
    }

    fn fit(&self, word: &str, places: &Places) -> Fit<'_> {
        let alone = |fits: bool| if fits { Fit::Alone } else { Fit::No };
        match self {
            Self::Flag(name) => alone(name == word),
            Self::Glob(glob) => alone(glob.fits(word, Case::Exact)),
            Self::Attached(name, value) => alone(
                word.split_once('=')
                    .is_some_and(|(given, text)| given == name && value.allows_value(text, places)),
            ),
            Self::Separate(name, value) => {
                if word == name {
                    return Fit::TakesNext(value);
                }
                let glued = match name.strip_prefix("--") {
                    Some(_) => word.strip_prefix(name.as_str()).and_then(|rest| rest.strip_prefix('=')),
                    None if name.chars().count() == 2 => word.strip_prefix(name.as_str()),
                    None => None,
                };
                alone(glued.is_some_and(|text| value.allows_value(text, places)))
            }
            Self::Number => alone(
                word.len() > 1
                    && word[1..].bytes().all(|byte| byte.is_ascii_digit())
                    && word.starts_with('-'),
            ),
            Self::End | Self::EndAndAnything | Self::AfterEnd(_) => {
                if word == "--" {
                    Fit::EndOfOptions
                } else {
                    Fit::No
                }
            }
        }
    }

    /// Whether it is the flag `-x`, or the option `-x` with a value.
    fn letter(&self, letter: char) -> Option<Fit<'_>> {
        let is = |name: &str| name.strip_prefix('-').is_some_and(|rest| rest.chars().eq([letter]));
        match self {
            Self::Flag(name) if is(name) => Some(Fit::Alone),
            Self::Separate(name, value) if is(name) => Some(Fit::TakesNext(value)),
            _ => None,
        }
    }
}

/// How a word that begins with `-` or `+` fits the options of an allow. Abbreviations do not.
pub fn fit<'o>(options: &'o [OptionPattern], word: &str, bundles: bool, places: &Places) -> Fit<'o> {
    fit_one(options.iter(), word, bundles, places)
}

/// The same for what comes after `--`.
pub fn fit_after_end<'o>(
    options: &'o [OptionPattern],
    word: &str,
    bundles: bool,
    places: &Places,
) -> Fit<'o> {
    let after = options.iter().filter_map(|option| match option {
        OptionPattern::AfterEnd(option) => Some(&**option),
        _ => None,
    });
    fit_one(after, word, bundles, places)
}

fn fit_one<'o>(
    options: impl Iterator<Item = &'o OptionPattern> + Clone,
    word: &str,
    bundles: bool,
    places: &Places,
) -> Fit<'o> {
    let mut fits = options.clone().map(|option| option.fit(word, places));
    let alone = fits.find(|fit| !matches!(fit, Fit::No));
    alone.unwrap_or_else(|| if bundles { bundle(options, word) } else { Fit::No })
}

/// `-la`: every letter is listed; the last one may take the next word.
fn bundle<'o>(options: impl Iterator<Item = &'o OptionPattern> + Clone, word: &str) -> Fit<'o> {
    let Some(letters) = word.strip_prefix('-').filter(|rest| rest.len() > 1 && !rest.starts_with('-')) else {
        return Fit::No;
    };
    let last = letters.chars().count() - 1;
    for (at, letter) in letters.chars().enumerate() {
        match options.clone().find_map(|option| option.letter(letter)) {
            Some(Fit::Alone) if at == last => return Fit::Alone,
            Some(Fit::Alone) => {}
            Some(fit @ Fit::TakesNext(_)) if at == last => return fit,
            _ => return Fit::No,
        }
    }
    Fit::No
}

impl WordPattern {
    /// The value of an option may begin with any sign.
    pub fn allows_value(&self, text: &str, places: &Places) -> bool {
        match self {
            Self::Any => true,
            Self::Text(glob) => glob.fits(text, Case::Exact),
            Self::Number | Self::Path(_) => self.allows(text, places),
        }
    }
}

impl Glob {
    fn first_letters(&self) -> String {
        self.pieces()
            .iter()
            .map_while(|piece| if let Piece::Letter(letter) = piece { Some(*letter) } else { None })
            .collect()
    }
}
