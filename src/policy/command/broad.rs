//! A deny or an ask looks at any sequence of words in which its program occurs.

use super::super::glob::{Case, Glob};
use super::super::path::Places;
use super::{CommandPattern, OptionPattern, WordPattern};
use crate::policy::loose;

const MOST_STEPS: usize = 64;
/// In so many paths of a long word a rule's path is looked for.
const MOST_LONG_PATHS: usize = 64;

/// One word of a deny.
#[derive(Clone, Debug)]
pub enum Step {
    Word(Vec<WordPattern>),
    /// `**`
    Skip,
}

pub fn steps(words: &[Vec<String>]) -> Result<Vec<Step>, String> {
    let mut steps = Vec::new();
    if words.len() > MOST_STEPS {
        return Err(format!("more than {MOST_STEPS} words"));
    }
    for alternatives in words {
        if alternatives.iter().any(|word| word == "**") {
            steps.push(Step::Skip);
            continue;
        }
        if let Some(word) = alternatives.iter().find(|word| *word == "..." || word.starts_with('-')) {
            return Err(format!(
                "'{word}' cannot be among the words of a deny or ask; options have a list of their own"
            ));
        }
        let patterns = alternatives.iter().map(|word| WordPattern::new(word)).collect::<Result<_, _>>()?;
        steps.push(Step::Word(patterns));
    }
    Ok(steps)
}

/// The name that a deny compares: without directories and in lower case.
pub fn program_name(word: &str) -> String {
    word.rsplit('/').next().unwrap_or(word).to_lowercase()
}

impl CommandPattern {
    /// Whether a deny or an ask is about more than its program and options.
    pub fn has_steps(&self) -> bool {
        !self.steps.is_empty()
    }

    /// Whether the words behind its program may be what it is about, and how many words were compared. `signed`: those
    /// that begin with `-`.
    pub fn may_cover(&self, arguments: &[String], signed: &[&str], places: &Places) -> (bool, usize) {
        let has_option = |option: &OptionPattern| has_option(&option.name(), signed);
        let compared = self.options.len() * signed.len();
        if !self.options.is_empty() && !self.options.iter().any(has_option) {
            return (false, compared);
        }
        let (follows, words) = follow(&self.steps, arguments, places);
        (follows, compared + words)
    }
}

/// Whether the words follow each other, with options and at most one value for each between them. A path may stand
/// anywhere behind the word before it. Also how many words were compared.
fn follow(steps: &[Step], arguments: &[String], places: &Places) -> (bool, usize) {
    if steps.is_empty() {
        return (true, 0);
    }
    // Where the next step may begin, and the last such place.
    let mut begins = vec![false; arguments.len() + 1];
    begins[0] = true;
    let (mut last, mut compared) = (0, 0);
    for step in steps {
        let patterns = match step {
            Step::Skip => {
                let first = begins.iter().position(|begins| *begins).unwrap_or(begins.len());
                begins[first..].fill(true);
                last = arguments.len();
                compared += arguments.len();
                continue;
            }
            Step::Word(patterns) => patterns,
        };
        let is_path = patterns.iter().any(|pattern| matches!(pattern, WordPattern::Path(_)));
        let mut next = vec![false; arguments.len() + 1];
        let (mut here, mut after_option, mut found) = (false, false, None);
        for (at, word) in arguments.iter().enumerate() {
            here |= begins[at];
            if !here && !after_option {
                if at >= last {
                    break;
                }
                continue;
            }
            compared += patterns.len() * if is_path { word.len() / 64 + 1 } else { 1 };
            if patterns.iter().any(|pattern| may_be(pattern, word, places)) {
                next[at + 1] = true;
                found = Some(at + 1);
            }
            let option = word.starts_with('-');
            (here, after_option) = (is_path || after_option && !option, option);
        }
        let Some(end) = found else { return (false, compared) };
        (begins, last) = (next, end);
    }
    (true, compared)
}

fn may_be(pattern: &WordPattern, word: &str, places: &Places) -> bool {
    match pattern {
        WordPattern::Any => !word.starts_with('-'),
        WordPattern::Number => pattern.allows(word, places),
        WordPattern::Text(glob) if word.contains(['*', '?', '[']) => {
            glob.overlaps(&Glob::of_shell_word(word), Case::Ignored)
        }
        WordPattern::Text(glob) => {
            glob.fits(word, Case::Ignored)
                || glued_value(word).is_some_and(|value| glob.fits(value, Case::Ignored))
        }
        // Nobody looks into that much.
        WordPattern::Path(_)
            if word.len() > loose::LONGEST_PATH && loose::paths_in(word).nth(MOST_LONG_PATHS).is_some() =>
        {
            true
        }
        WordPattern::Path(pattern) => loose::paths_in(word).any(|path| {
            let mut ways = places.ways(&places.cwd, path).into_iter();
            ways.any(|way| loose::is_too_long(&way.path) || pattern.denies(&way, places))
        }),
    }
}

/// `-mVALUE`, `--name=VALUE`
fn glued_value(word: &str) -> Option<&str> {
    match word.strip_prefix("--") {
        Some(long) => long.split_once('=').map(|(_, value)| value),
        None => {
            let mut letters = word.strip_prefix('-')?.chars();
            letters.next()?;
            Some(letters.as_str()).filter(|value| !value.is_empty())
        }
    }
}

/// Whether an option occurs in some spelling: alone, bundled, long, abbreviated, with a value.
fn has_option(wanted: &str, signed: &[&str]) -> bool {
    match wanted.strip_prefix("--") {
        Some(name) if !name.is_empty() => signed.iter().any(|word| is_long(name, word)),
        Some(_) => signed.contains(&"--"),
        None => wanted[1..].chars().all(|letter| signed.iter().any(|word| is_short(letter, word))),
    }
}

fn is_long(name: &str, word: &str) -> bool {
    let Some(given) = word.strip_prefix('-') else { return false };
    match given.strip_prefix('-') {
        Some(given) => {
            let given = given.split('=').next().unwrap_or(given);
            !given.is_empty() && (name.starts_with(given) || given.starts_with(name))
        }
        // A single dash: the long name of some programs, or letters of which the first letter may be one.
        None => given.starts_with(name) || name.chars().next().is_some_and(|first| given.contains(first)),
    }
}

fn is_short(letter: char, word: &str) -> bool {
    let same = |other: char| other.eq_ignore_ascii_case(&letter);
    match word.strip_prefix("--") {
        Some(long) => long.chars().next().is_some_and(same),
        None => word.strip_prefix('-').is_some_and(|letters| letters.chars().any(same)),
    }
}
