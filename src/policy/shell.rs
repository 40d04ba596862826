//! Reads the part of the shell's language in which the text says what will run.
//!
//! Simple commands joined by `&&`, `||`, `;`, `|` and line ends, of plain, `'…'` and `"…"` words without any
//! expansion, with redirections to and from `/dev/null` and between standard output and standard error. That part means the same to
//! bash, zsh and dash. Everything else is *unreadable*: no error, but nothing that a rule could allow. A builtin that
//! changes the shell itself is unreadable too, since what comes after it then means something else.
//!
//! Not known here, and taken for granted: that the shell's start-up files give the usual programs no other meaning
//! by aliases, functions or `PATH`.

mod builtins;

use std::ops::Range;

use serde::Serialize;

/// A longer text is not read.
pub const MAX_TEXT: usize = 64 * 1024;
/// A text with more commands is not read.
pub const MAX_PARTS: usize = 256;
/// A text with more words is not read.
pub const MAX_WORDS: usize = 4096;

/// What a text says, as far as it can be read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Script {
    pub parts: Vec<Part>,
    /// Where and why reading ended early. Nothing of such a text is ever allowed.
    pub unreadable: Option<Unreadable>,
}

/// A simple command.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Part {
    /// The program and its arguments; never empty.
    pub words: Vec<Word>,
    /// What stands between it and the part before: `&&`, `||`, `;`, `|` or a line end.
    pub joined_by: Option<&'static str>,
}

/// A word as the program gets it, and where it stands in the text, in bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Word {
    pub text: String,
    pub place: Range<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unreadable {
    /// The byte at which it was noticed.
    pub at: usize,
    /// A clause without a subject: "a variable or a substitution ('$')".
    pub why: String,
}

impl Part {
    pub fn program(&self) -> &str {
        self.words.first().map_or("", |word| &word.text)
    }

    pub fn arguments(&self) -> &[Word] {
        self.words.get(1..).unwrap_or_default()
    }
}

/// Reads a text for a shell.
pub fn read(text: &str) -> Script {
    let mut reader = Reader { text, ..Reader::default() };
    let unreadable = match text.len() {
        0..=MAX_TEXT => reader.all().err(),
        _ => Some(Unreadable { at: MAX_TEXT, why: format!("longer than {} KiB", MAX_TEXT / 1024) }),
    };
    Script { parts: reader.parts, unreadable }
}

/// A command that no shell reads: its words are what they are.
pub fn of_words(words: &[String]) -> Script {
    let mut reader = Reader::default();
    let mut at = 0;
    for text in words {
        reader.words.push(Word { text: text.clone(), place: at..at + text.len() });
        at += text.len() + 1;
    }
    let hidden = || words.iter().flat_map(|word| word.chars()).find_map(hidden_reason);
    let too_much = at > MAX_TEXT || words.len() > MAX_WORDS;
    let unreadable = match (too_much, hidden()) {
        (true, _) => Some(Unreadable { at: 0, why: "too long".to_owned() }),
        (_, Some(why)) => Some(Unreadable { at: 0, why }),
        _ if words.is_empty() => Some(Unreadable { at: 0, why: "no command".to_owned() }),
        _ => reader.end_part(";").err(),
    };
    Script { parts: reader.parts, unreadable }
}

/// Why nobody should be asked to judge a text with this character by its looks.
fn hidden_reason(letter: char) -> Option<String> {
    let number = u32::from(letter);
    let what = match letter {
        '\n' | '\t' => return None,
        '\0' => "a NUL byte".to_owned(),
        '\r' => "a carriage return".to_owned(),
        '\u{fffd}' => "a byte that is not UTF-8".to_owned(),
        _ if letter.is_control() => format!("a control character (U+{number:04X})"),
        ' ' => return None,
        _ if letter.is_whitespace() => format!("a space that is not ASCII (U+{number:04X})"),
        _ if is_invisible(letter) => format!("an invisible character (U+{number:04X})"),
        _ => return None,
    };
    Some(what)
}

/// Characters that show nothing, or turn the direction of what is shown.
fn is_invisible(letter: char) -> bool {
    matches!(letter,
        '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{115f}'..='\u{1160}'
        | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}' | '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..)
}

/// A text with everything that hides or turns written out, for people to read.
pub fn shown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        match hidden_reason(letter) {
            Some(_) => shown.extend(letter.escape_unicode()),
            None => shown.push(letter),
        }
    }
    shown
}

#[derive(Default)]
struct Reader<'t> {
    text: &'t str,
    at: usize,
    parts: Vec<Part>,
    /// The part so far.
    words: Vec<Word>,
    /// The word so far.
    word: Option<Word>,
    quoted: bool,
    redirected: bool,
    joined_by: Option<&'static str>,
    count: usize,
}

type Read = Result<(), Unreadable>;

impl Reader<'_> {
    fn all(&mut self) -> Read {
        while let Some(letter) = self.peek() {
            match letter {
                ' ' | '\t' => {
                    self.at += 1;
                    self.end_word()?;
                }
                '\n' => self.line_end()?,
                ';' => self.operator(";")?,
                '&' if self.rest().starts_with("&&") => self.operator("&&")?,
                '|' if self.rest().starts_with("||") => self.operator("||")?,
                '|' if self.rest().starts_with("|&") => return self.stop("'|&', which not every shell has"),
                '|' => self.operator("|")?,
                '>' | '<' => self.redirection(letter)?,
                '\'' => self.single_quotes()?,
                '"' => self.double_quotes()?,
                letter => self.plain(letter)?,
            }
        }
        self.end_word()?;
        if !self.words.is_empty() || self.redirected {
            return self.end_part("\n");
        }
        match self.joined_by {
            Some(operator @ ("&&" | "||" | "|")) => {
                self.stop(&format!("'{operator}' with no command after it"))
            }
            _ if self.parts.is_empty() => self.stop("no command"),
            _ => Ok(()),
        }
    }

    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn stop(&self, why: &str) -> Read {
        Err(Unreadable { at: self.at.min(self.text.len()), why: why.to_owned() })
    }

    fn push(&mut self, letter: char) {
        let at = self.at;
        self.at += letter.len_utf8();
        let word = self.word.get_or_insert_with(|| Word { text: String::new(), place: at..at });
        word.text.push(letter);
        word.place.end = self.at;
    }

    fn plain(&mut self, letter: char) -> Read {
        let first = self.word.is_none();
        let after_letter = self
            .word
            .as_ref()
            .is_some_and(|word| word.text.ends_with(|last: char| last.is_ascii_alphanumeric()));
        match letter {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '-' | '.' | '/' | ',' | ':' | '@' | '%' | '+' => {}
            '=' if first => return self.stop("a word that begins with '=', which zsh replaces"),
            '=' if self.words.is_empty() => return self.stop("an assignment ('=') before the program"),
            '=' => {}
            // `HEAD~2`: no shell expands a tilde there.
            '~' if after_letter && !self.quoted && self.tilde_is_plain() => {}
            '~' => return self.stop("a tilde ('~'), which the shell replaces"),
            '$' => return self.stop("a variable or a substitution ('$')"),
            '`' => return self.stop("a substitution ('`')"),
            '*' | '?' | '[' | ']' => return self.stop("a pattern for file names ('*', '?' or '[')"),
            '{' | '}' => return self.stop("a brace"),
            '(' | ')' => return self.stop("a parenthesis"),
            '\\' => return self.stop("a backslash outside quotes"),
            '&' => return self.stop("'&', which runs something in the background"),
            '#' => return self.stop("'#', which may begin a comment"),
            '!' => return self.stop("'!', which negates or recalls something"),
            '^' => return self.stop("'^', which some shells replace"),
            letter => {
                // In some locales a byte of such a letter is a blank.
                let why = hidden_reason(letter)
                    .unwrap_or_else(|| format!("the character '{letter}' outside quotes"));
                return self.stop(&why);
            }
        }
        self.push(letter);
        Ok(())
    }

    /// Whether nothing but digits follows the tilde in its word.
    fn tilde_is_plain(&self) -> bool {
        let tail = self.rest()[1..].trim_start_matches(|letter: char| letter.is_ascii_digit());
        tail.is_empty() || tail.starts_with([' ', '\t', '\n', ';', '|', '&'])
    }

    fn begin_quotes(&mut self) {
        let at = self.at;
        self.word.get_or_insert_with(|| Word { text: String::new(), place: at..at });
        self.quoted = true;
        self.at += 1;
    }

    fn end_quotes(&mut self) {
        self.at += 1;
        if let Some(word) = &mut self.word {
            word.place.end = self.at;
        }
    }

    fn single_quotes(&mut self) -> Read {
        let opened = self.at;
        self.begin_quotes();
        while let Some(letter) = self.peek() {
            if letter == '\'' {
                self.end_quotes();
                return Ok(());
            }
            self.quoted_letter(letter)?;
        }
        self.at = opened;
        self.stop("a quote that is never closed")
    }

    fn double_quotes(&mut self) -> Read {
        let opened = self.at;
        self.begin_quotes();
        while let Some(letter) = self.peek() {
            let next = self.rest().chars().nth(1);
            match letter {
                '"' => {
                    self.end_quotes();
                    return Ok(());
                }
                '$' => return self.stop("a variable or a substitution ('$') in double quotes"),
                '`' => return self.stop("a substitution ('`') in double quotes"),
                '!' => return self.stop("'!' in double quotes, which may recall an earlier command"),
                '\\' if next.is_none_or(|next| "$`\"\\!\n".contains(next)) => {
                    return self.stop("a backslash in double quotes that changes what follows");
                }
                letter => self.quoted_letter(letter)?,
            }
        }
        self.at = opened;
        self.stop("a quote that is never closed")
    }

    fn quoted_letter(&mut self, letter: char) -> Read {
        if let Some(why) = hidden_reason(letter) {
            return self.stop(&why);
        }
        self.push(letter);
        Ok(())
    }

    /// Only what shows nothing or shows it elsewhere: `>/dev/null`, `2>/dev/null`, `</dev/null`, `2>&1`, `>&2`.
    fn redirection(&mut self, sign: char) -> Read {
        let number = self.word.as_ref().filter(|_| !self.quoted).map_or("", |word| &word.text).to_owned();
        if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) {
            if sign == '<' || !matches!(number.as_str(), "1" | "2") {
                return self.stop("a redirection of an unusual file descriptor");
            }
            self.word = None;
        }
        self.end_word()?;
        self.redirected = true;
        let rest = &self.rest()[1..];
        let harmless = match sign {
            '>' if rest.starts_with("&1") || rest.starts_with("&2") => Some(&rest[2..]),
            _ => rest.trim_start_matches([' ', '\t']).strip_prefix("/dev/null"),
        };
        match harmless.filter(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\n', ';', '|', '&'])) {
            Some(rest) => {
                self.at = self.text.len() - rest.len();
                Ok(())
            }
            None => self.stop("a redirection to or from something other than /dev/null"),
        }
    }

    fn end_word(&mut self) -> Read {
        if let Some(word) = self.word.take() {
            self.words.push(word);
            self.count += 1;
        }
        self.quoted = false;
        if self.count > MAX_WORDS {
            return self.stop(&format!("more than {MAX_WORDS} words"));
        }
        Ok(())
    }

    fn line_end(&mut self) -> Read {
        self.end_word()?;
        if !self.words.is_empty() || self.redirected {
            self.end_part("\n")?;
        }
        self.at += 1;
        Ok(())
    }

    fn operator(&mut self, operator: &'static str) -> Read {
        self.end_word()?;
        if self.words.is_empty() && !self.redirected {
            return self.stop(&format!("'{operator}' with nothing before it"));
        }
        self.end_part(operator)?;
        self.at += operator.len();
        Ok(())
    }

    fn end_part(&mut self, operator: &'static str) -> Read {
        let Some(program) = self.words.first() else { return self.stop("a redirection without a program") };
        let place = program.place.start;
        if let Some(why) = builtins::why_unreadable(&program.text) {
            return Err(Unreadable { at: place, why });
        }
        if self.parts.len() == MAX_PARTS {
            return self.stop(&format!("more than {MAX_PARTS} commands"));
        }
        let words = std::mem::take(&mut self.words);
        self.parts.push(Part { words, joined_by: self.joined_by });
        self.joined_by = Some(operator);
        self.redirected = false;
        Ok(())
    }
}
