//! The little of Starlark that rule files use: calls with named arguments, texts and lists.

/// As deep as lists go.
const DEEPEST: usize = 8;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Text(String),
    List(Vec<Value>),
    /// A number, a name or anything else that is one word.
    Other(String),
}

impl Value {
    pub fn as_text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    pub fn as_list(&self) -> Option<&[Self]> {
        if let Self::List(items) = self { Some(items) } else { None }
    }

    /// A text, or a list of texts, as alternatives.
    pub fn alternatives(&self) -> Option<Vec<String>> {
        match self {
            Self::Text(text) => Some(vec![text.clone()]),
            Self::List(items) => items.iter().map(|item| item.as_text().map(str::to_owned)).collect(),
            Self::Other(_) => None,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    pub name: String,
    pub arguments: Vec<(String, Value)>,
    pub line: usize,
    pub text: String,
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

/// All calls of a file, or the line at which something else stands.
pub fn calls(text: &str) -> Result<Vec<Call>, (usize, String)> {
    let mut reader = Reader { text, at: 0 };
    let mut calls = Vec::new();
    loop {
        reader.blanks();
        if reader.at >= text.len() {
            return Ok(calls);
        }
        let start = reader.at;
        match reader.call() {
            Some((name, arguments)) => {
                let shown = text[start..reader.at].split_whitespace().collect::<Vec<_>>().join(" ");
                calls.push(Call { name, arguments, line: reader.line(start), text: shown });
            }
            None => {
                return Err((
                    reader.line(reader.at),
                    "only calls like prefix_rule(pattern = […]) are supported".into(),
                ));
            }
        }
    }
}

impl Reader<'_> {
    fn line(&self, at: usize) -> usize {
        self.text[..at.min(self.text.len())].matches('\n').count() + 1
    }

    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn blanks(&mut self) {
        loop {
            self.at += self.rest().len() - self.rest().trim_start().len();
            if !self.rest().starts_with('#') {
                return;
            }
            self.at += self.rest().find('\n').unwrap_or(self.rest().len());
        }
    }

    fn sign(&mut self, sign: char) -> bool {
        self.blanks();
        let found = self.rest().starts_with(sign);
        self.at += if found { sign.len_utf8() } else { 0 };
        found
    }

    fn word(&mut self) -> Option<String> {
        self.blanks();
        let rest = self.rest();
        let end = rest.find(|letter: char| !(letter.is_ascii_alphanumeric() || "_.-".contains(letter)));
        let word = rest[..end.unwrap_or(rest.len())].to_owned();
        self.at += word.len();
        Some(word).filter(|word| !word.is_empty())
    }

    fn call(&mut self) -> Option<(String, Vec<(String, Value)>)> {
        let name = self.word()?;
        let mut arguments = Vec::new();
        if !self.sign('(') {
            return None;
        }
        while !self.sign(')') {
            let argument = self.word()?;
            if !self.sign('=') {
                return None;
            }
            arguments.push((argument, self.value(0)?));
            if !self.sign(',') {
                return self.sign(')').then_some((name, arguments));
            }
        }
        Some((name, arguments))
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        self.blanks();
        if self.rest().starts_with(['"', '\'']) {
            return self.quoted().map(Value::Text);
        }
        if !self.sign('[') {
            return self.word().map(Value::Other);
        }
        let mut items = Vec::new();
        while !self.sign(']') {
            if depth == DEEPEST {
                return None;
            }
            items.push(self.value(depth + 1)?);
            if !self.sign(',') {
                return self.sign(']').then_some(Value::List(items));
            }
        }
        Some(Value::List(items))
    }

    /// A text on one line, with the escapes that such files have.
    fn quoted(&mut self) -> Option<String> {
        let quote = self.rest().chars().next()?;
        let (mut text, mut escaped) = (String::new(), false);
        let start = self.at + 1;
        for (at, letter) in self.text[start..].char_indices() {
            match letter {
                _ if escaped => {
                    text.push(match letter {
                        'n' => '\n',
                        't' => '\t',
                        '\\' | '"' | '\'' => letter,
                        _ => return None,
                    });
                    escaped = false;
                }
                '\\' => escaped = true,
                '\n' => return None,
                letter if letter == quote => {
                    self.at = start + at + 1;
                    return Some(text);
                }
                letter => text.push(letter),
            }
        }
        None
    }
}
