//! Which command lines a rule is about: strictly for an allow, broadly for a deny or an ask.

mod anywhere;
mod broad;
mod first;
mod option;

pub use broad::program_name;

use super::glob::{Case, Glob, Piece};
use super::path::{PathPattern, Places, looks_like_path};
use super::rule::{Action, CommandText};
use super::shell::Part;
use super::warn::names;
use broad::Step;
use first::First;
use option::{Fit, OptionPattern};

#[derive(Clone, Debug)]
pub struct CommandPattern {
    pub programs: Vec<String>,
    /// Globs among the programs of a deny or an ask.
    pub wild_programs: Vec<Glob>,
    /// The first words of an allow, up to its first wildcard: nothing may stand between them.
    lead: Vec<Vec<String>>,
    /// The words after them, options left out.
    rest: Vec<Vec<WordPattern>>,
    /// What any further words have to be.
    tail: Option<Vec<WordPattern>>,
    options: Vec<OptionPattern>,
    first: First,
    /// The words of a deny or an ask.
    steps: Vec<Step>,
}

#[derive(Clone, Debug)]
pub enum WordPattern {
    Any,
    /// `<number>`
    Number,
    Text(Glob),
    Path(PathPattern),
}

/// What is wrong, and in which field.
type Wrong = (&'static str, String);

impl CommandPattern {
    pub fn new(text: &CommandText, action: Action) -> Result<Self, Wrong> {
        let mut pattern = Self {
            programs: Vec::new(),
            wild_programs: Vec::new(),
            lead: Vec::new(),
            rest: Vec::new(),
            tail: None,
            options: Vec::new(),
            first: First::Word,
            steps: Vec::new(),
        };
        if text.program.is_empty() {
            return Err(("program", "a command needs a 'program'".to_owned()));
        }
        for program in &text.program {
            pattern.add_program(program, action)?;
        }
        pattern.first = First::of(&pattern.programs);
        for option in &text.options {
            pattern.options.push(OptionPattern::new(option, action).map_err(|message| ("options", message))?);
        }
        let words = text.words.as_deref().unwrap_or_default();
        match action {
            Action::Allow => pattern.add_words(words).map_err(|message| ("words", message))?,
            _ => pattern.steps = broad::steps(words).map_err(|message| ("words", message))?,
        }
        Ok(pattern)
    }

    fn add_program(&mut self, program: &str, action: Action) -> Result<(), Wrong> {
        let wrong = |message: String| Err(("program", message));
        let plain = |letter: char| letter.is_ascii_alphanumeric() || "._+@/-".contains(letter);
        if program.is_empty() || program.starts_with('-') {
            return wrong(format!("'{program}' is not a program"));
        }
        if action != Action::Allow {
            match program.contains(['*', '?']) {
                true => self.wild_programs.push(Glob::new(program)),
                false => self.programs.push(program_name(program)),
            }
            return Ok(());
        }
        if !program.chars().all(plain) {
            return wrong(format!("'{program}': an allow rule names one program, by its plain name"));
        }
        if program.contains('/') && !program.starts_with('/') {
            return wrong(format!(
                "'{program}' is a path that depends on the directory; what lies there can be changed after the rule \
                 was written. Use a bare name or an absolute path"
            ));
        }
        self.programs.push(program.to_owned());
        Ok(())
    }

    fn add_words(&mut self, words: &[Vec<String>]) -> Result<(), String> {
        let fixed = |alternatives: &&Vec<String>| alternatives.iter().all(|word| literal(word).is_some());
        let lead: Vec<&Vec<String>> = words.iter().take_while(fixed).collect();
        // `...` repeats the word before it, also a literal one.
        let mut count = lead.len();
        if words.get(count).is_some_and(|next| next == &["..."]) {
            count = count.saturating_sub(1);
        }
        for alternatives in &words[..count] {
            self.lead.push(alternatives.iter().filter_map(|word| literal(word)).collect());
        }
        let rest = &words[count..];
        for (at, alternatives) in rest.iter().enumerate() {
            let last = at + 1 == rest.len();
            match alternatives.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
                ["..."] => {
                    self.tail = Some(
                        self.rest.pop().filter(|_| last).ok_or("'...' has to be at the end, after a word")?,
                    );
                }
                ["**"] if last => self.tail = Some(vec![WordPattern::Any]),
                alternatives if alternatives.iter().any(|word| matches!(*word, "**" | "...")) => {
                    return Err("in an allow rule '**' and '...' have to stand alone, at the end".to_owned());
                }
                alternatives => self
                    .rest
                    .push(alternatives.iter().map(|word| WordPattern::new(word)).collect::<Result<_, _>>()?),
            }
        }
        let late = rest.iter().flatten().find(|word| word.starts_with('-') && *word != "-");
        match late {
            Some(word) => Err(format!("'{word}' begins with '-' after a wildcard; list it under 'options'")),
            None => Ok(()),
        }
    }

    /// Whether it certainly covers a command; otherwise how many of its first words fit, and what does not.
    pub fn allows(&self, part: &Part, places: &Places) -> Result<(), (usize, String)> {
        if !self.programs.iter().any(|program| program == part.program()) {
            return Err((0, format!("the rule is about {}", self.programs.join(", "))));
        }
        let arguments: Vec<&str> = part.arguments().iter().map(|word| word.text.as_str()).collect();
        for (at, alternatives) in self.lead.iter().enumerate() {
            let word = arguments.get(at);
            if !word.is_some_and(|word| alternatives.iter().any(|wanted| wanted == word)) {
                let got = word.map_or("it ends".to_owned(), |word| format!("'{word}' stands"));
                return Err((at, format!("{got} where the rule has '{}'", alternatives.join("' or '"))));
            }
        }
        if let Some(word) = self.unfixed(&arguments) {
            let why = format!("'{word}' may be options of '{}'; the rule has to name it", part.program());
            return Err((self.lead.len(), why));
        }
        let words = self.sort_out(&arguments[self.lead.len()..], places);
        words.and_then(|words| self.positions(&words, places)).map_err(|why| (self.lead.len() + 1, why))
    }

    /// Takes the options out, each of which has to be listed, and returns the other words.
    fn sort_out<'w>(&self, arguments: &[&'w str], places: &Places) -> Result<Vec<&'w str>, String> {
        let (mut words, mut ended) = (Vec::new(), false);
        let mut ahead = arguments.iter();
        while let Some(&word) = ahead.next() {
            if !is_option(word) {
                words.push(word);
                continue;
            }
            let anything = ended && self.options.iter().any(OptionPattern::is_anything_after_end);
            let fit = if ended { option::fit_after_end } else { option::fit };
            match fit(&self.options, word, self.bundles(), places) {
                Fit::No if anything => words.push(word),
                Fit::No if ended => {
                    return Err(format!(
                        "'{word}' begins with '-' after '--', and is not in the rule's list"
                    ));
                }
                Fit::EndOfOptions => ended = true,
                Fit::Alone => {}
                Fit::TakesNext(value) => {
                    // `-mtime -1`: less than that.
                    let signed = |next: &str| matches!(value, WordPattern::Number) && next.len() > 1;
                    let next =
                        ahead.next().filter(|next| !next.starts_with('-') || **next == "-" || signed(next));
                    if !next.is_some_and(|next| {
                        value.allows_value(next, places)
                            && !self.may_hide_options(value, next)
                            && self.stays_inside(next, places)
                    }) {
                        return Err(format!("the option '{word}' has no value that the rule lists"));
                    }
                }
                Fit::No => return Err(format!("the option '{word}' is not in the rule's list")),
            }
        }
        Ok(words)
    }

    /// Whether single letters may stand together behind one sign.
    fn bundles(&self) -> bool {
        let known = self.programs.iter().flat_map(|program| names(program));
        !known.into_iter().any(|name| NO_BUNDLES.contains(&name))
    }

    /// Where all words are paths, a value leads no further than the agent's directory: if the program knows the option
    /// without a value, it is one of those words.
    fn stays_inside(&self, value: &str, places: &Places) -> bool {
        let mut words = self.rest.iter().chain(&self.tail).flatten().peekable();
        let only_paths =
            words.peek().is_some() && words.clone().all(|word| matches!(word, WordPattern::Path(_)));
        let path = places.certain(value);
        !only_paths || places.is_in_project(&path) || words.any(|word| word.allows(value, places))
    }

    fn positions(&self, words: &[&str], places: &Places) -> Result<(), String> {
        let anything = self.options.iter().any(OptionPattern::is_anything_after_end);
        let fits = |alternatives: &[WordPattern], word: &str| {
            let path = self.test_file(word);
            let allows = |pattern: &WordPattern| match (pattern, path) {
                (WordPattern::Path(_), Some(path)) => pattern.allows(path, places),
                _ => !self.may_hide_options(pattern, word) && pattern.allows(word, places),
            };
            (anything && is_option(word)) || alternatives.iter().any(allows)
        };
        if let Some(word) = self.command_as_path(words) {
            return Err(format!("'{word}' may be a command, and the rule has a path there"));
        }
        for (at, alternatives) in self.rest.iter().enumerate() {
            match words.get(at) {
                None => return Err("it has fewer words than the rule".to_owned()),
                Some(word) if !fits(alternatives, word) => {
                    return Err(format!("the word '{word}' does not fit"));
                }
                Some(_) => {}
            }
        }
        let more = words.get(self.rest.len()..).unwrap_or_default();
        let tail = self.tail.as_deref().unwrap_or_default();
        if let Some(word) = more.iter().find(|word| !fits(tail, word)) {
            return Err(format!("the word '{word}' is not in the rule"));
        }
        // Without a path, a search begins where the command runs.
        let is_about_paths = tail.iter().any(|pattern| matches!(pattern, WordPattern::Path(_)));
        match more.is_empty() && is_about_paths && !self.reads_its_input() && !fits(tail, ".") {
            true => Err("without a path it is about a directory that the rule does not cover".to_owned()),
            false => Ok(()),
        }
    }

    /// The file in a test's name, `tests/test_x.py::TestC::test_y[1]`, where the program is pytest.
    fn test_file<'w>(&self, word: &'w str) -> Option<&'w str> {
        let is_pytest = |name: &str| matches!(name, "pytest" | "py.test");
        let of_python =
            matches!(self.lead.as_slice(), [module, names] if module == &["-m"] && names == &["pytest"]);
        let (path, name) = word.split_once("::")?;
        let is_name = name.chars().all(|letter| letter.is_ascii_alphanumeric() || "_:-.[]".contains(letter));
        let whole = of_python || self.programs.iter().all(|program| is_pytest(name_of(program)));
        (whole && is_name).then_some(path)
    }

    /// `@file`: to many programs, the file has their options. A pattern that begins with a wildcard does not mean that.
    fn may_hide_options(&self, pattern: &WordPattern, word: &str) -> bool {
        let wild = match pattern {
            WordPattern::Any => true,
            WordPattern::Text(glob) => matches!(glob.first(), Some(Piece::Many | Piece::One)),
            WordPattern::Number | WordPattern::Path(_) => false,
        };
        let is_text = |program: &String| AT_IS_TEXT.contains(&name_of(program));
        wild && word.len() > 1 && word.starts_with('@') && !self.programs.iter().all(is_text)
    }

    /// Whether an allow fixes the first word after the program.
    pub fn lead(&self) -> &[Vec<String>] {
        &self.lead
    }

    /// Whether an allow admits words that it does not name.
    pub fn is_open(&self) -> bool {
        !self.rest.is_empty() || self.tail.is_some()
    }

    /// Whether some of them are neither paths nor numbers.
    pub fn is_open_to_text(&self) -> bool {
        self.rest
            .iter()
            .chain(&self.tail)
            .flatten()
            .any(|word| !matches!(word, WordPattern::Path(_) | WordPattern::Number))
    }

    /// Whether the first word behind those that are fixed may be nearly any.
    pub fn goes_on_with_anything(&self) -> bool {
        let is_wide = |word: &WordPattern| match word {
            WordPattern::Any | WordPattern::Path(_) => true,
            WordPattern::Text(glob) => matches!(glob.first(), Some(Piece::Many | Piece::One)),
            WordPattern::Number => false,
        };
        let next = self.rest.first().or(self.tail.as_ref());
        next.is_some_and(|next| next.iter().any(is_wide))
    }

    pub fn has_options(&self) -> bool {
        !self.options.is_empty()
    }
}

/// Programs to which `@x` is no file of options.
const AT_IS_TEXT: [&str; 10] = ["git", "npm", "pnpm", "yarn", "echo", "grep", "egrep", "fgrep", "rg", "jq"];

/// Programs to which `-ec` is an option of its own, not `-e -c`.
const NO_BUNDLES: [&str; 20] = [
    "go",
    "find",
    "java",
    "javac",
    "javaw",
    "gcc",
    "g++",
    "cc",
    "c++",
    "clang",
    "clang++",
    "rustc",
    "ffmpeg",
    "openssl",
    "convert",
    "magick",
    "terraform",
    "mvn",
    "tcc",
    "ld",
];

fn name_of(program: &str) -> &str {
    program.rsplit('/').next().unwrap_or(program)
}

fn is_option(word: &str) -> bool {
    word.len() > 1 && word.starts_with(['-', '+'])
}

/// The one text that a pattern stands for.
fn literal(pattern: &str) -> Option<String> {
    let special = looks_like_path(pattern) || matches!(pattern, "..." | "<number>");
    Glob::new(pattern).as_text().filter(|_| !special).map(str::to_owned)
}

impl WordPattern {
    pub fn new(text: &str) -> Result<Self, String> {
        Ok(match text {
            "*" | "**" => Self::Any,
            "<number>" => Self::Number,
            _ if looks_like_path(text) => Self::Path(PathPattern::new(text)?),
            _ => Self::Text(Glob::new(text)),
        })
    }

    /// Whether it certainly covers a word. A wildcard never runs over the sign of an option.
    pub fn allows(&self, word: &str, places: &Places) -> bool {
        match self {
            Self::Any => !is_option(word),
            Self::Number => {
                let digits = word.strip_prefix(['+', '-']).unwrap_or(word);
                !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
            }
            Self::Text(glob) => {
                let signed = is_option(word);
                (!signed || matches!(glob.first(), Some(Piece::Letter('-' | '+'))))
                    && glob.fits(word, Case::Exact)
            }
            Self::Path(pattern) => is_plain_path(word) && pattern.allows(&places.certain(word), places),
        }
    }
}

/// Whether a program can only take a word for a path: no address, no assignment, no pattern, no file of arguments.
fn is_plain_path(word: &str) -> bool {
    let first_is_odd = word.starts_with(['-', '+', '@', '~', '%', '#', '^']);
    !word.is_empty()
        && !first_is_odd
        && !word.contains([':', '=', '\\', '*', '?', '[', '{', '$', '`', '|', '<', '>', ';'])
}
