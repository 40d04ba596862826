//! Tables of a TOML file with the lines of what is in them.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Mistake;

/// Finds lines by bytes.
pub struct Lines(Vec<usize>);

impl Lines {
    pub fn of(text: &str) -> Self {
        Self(text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at).collect())
    }

    fn at(&self, byte: usize) -> usize {
        self.0.partition_point(|end| *end < byte) + 1
    }
}

#[derive(Clone, Copy)]
pub struct Table<'t> {
    table: &'t DeTable<'t>,
    pub line: usize,
    rule: Option<usize>,
    lines: &'t Lines,
}

/// A value and its line.
#[derive(Clone, Copy)]
pub struct Value<'t> {
    value: &'t DeValue<'t>,
    pub line: usize,
    rule: Option<usize>,
    lines: &'t Lines,
}

impl<'t> Table<'t> {
    pub fn new(table: &'t DeTable<'t>, line: usize, rule: Option<usize>, lines: &'t Lines) -> Self {
        Self { table, line, rule, lines }
    }

    pub fn of_rule(&self, number: usize) -> Self {
        Self { rule: Some(number), ..*self }
    }

    /// Tells of fields that do not exist.
    pub fn only(&self, known: &[&str], what: &str, mistakes: &mut Vec<Mistake>) {
        for key in self.table.keys() {
            let name: &str = key.get_ref();
            if known.contains(&name) {
                continue;
            }
            let near = known
                .iter()
                .map(|known| (distance(known, name), known))
                .min()
                .filter(|(steps, _)| *steps <= 2);
            let hint = near.map_or_else(String::new, |(_, known)| format!("; did you mean '{known}'?"));
            let message = format!("'{}' is not a field of {what}{hint}", name.escape_debug());
            self.mistake(self.lines.at(key.span().start), name, &message, mistakes);
        }
    }

    pub fn has(&self, field: &str) -> bool {
        self.table.contains_key(field)
    }

    pub fn value(&self, field: &str) -> Option<Value<'t>> {
        let value = self.table.get(field)?;
        Some(self.of_value(value))
    }

    fn of_value(&self, value: &'t Spanned<DeValue<'t>>) -> Value<'t> {
        let line = self.lines.at(value.span().start);
        Value { value: value.get_ref(), line, rule: self.rule, lines: self.lines }
    }

    pub fn entries(&self) -> Vec<(String, Value<'t>)> {
        self.table.iter().map(|(key, value)| (key.get_ref().to_string(), self.of_value(value))).collect()
    }

    pub fn text(&self, field: &str, mistakes: &mut Vec<Mistake>) -> Option<String> {
        let value = self.value(field)?;
        let text = value.text();
        if text.is_none() {
            value.wrong(field, &format!("'{field}' has to be a string in quotes"), mistakes);
        }
        text
    }

    pub fn required(&self, field: &str, mistakes: &mut Vec<Mistake>) -> Option<String> {
        if !self.has(field) {
            self.wrong(field, &format!("'{field}' is missing"), mistakes);
        }
        self.text(field, mistakes)
    }

    pub fn integer(&self, field: &str, mistakes: &mut Vec<Mistake>) -> Option<i64> {
        let value = self.value(field)?;
        let number = value
            .value
            .as_integer()
            .and_then(|number| i64::from_str_radix(number.as_str(), number.radix()).ok());
        if number.is_none() {
            value.wrong(field, &format!("'{field}' has to be a whole number"), mistakes);
        }
        number
    }

    /// A text or a list of texts; nothing if there is no such field.
    pub fn texts(&self, field: &str, mistakes: &mut Vec<Mistake>) -> Vec<String> {
        let Some(value) = self.value(field) else { return Vec::new() };
        value.texts().unwrap_or_else(|| {
            value.wrong(field, &format!("'{field}' has to be a string or a list of strings"), mistakes);
            Vec::new()
        })
    }

    pub fn table(&self, field: &str, mistakes: &mut Vec<Mistake>) -> Option<Self> {
        let value = self.value(field)?;
        let table = value.value.as_table();
        if table.is_none() {
            value.wrong(field, &format!("'{field}' has to be a table, like {{ … }}"), mistakes);
        }
        table.map(|table| Self { table, line: value.line, ..*self })
    }

    /// The tables of `[[field]]`.
    pub fn tables(&self, field: &str, mistakes: &mut Vec<Mistake>) -> Vec<Self> {
        let Some(value) = self.value(field) else { return Vec::new() };
        let items = value.value.as_array();
        let tables = items.map(|items| {
            items.iter().map(|item| (self.of_value(item), item.get_ref().as_table())).collect::<Vec<_>>()
        });
        match tables {
            Some(tables) if tables.iter().all(|(_, table)| table.is_some()) => tables
                .into_iter()
                .filter_map(|(value, table)| Some(Self { table: table?, line: value.line, ..*self }))
                .collect(),
            _ => {
                value.wrong(field, &format!("rules begin with [[{field}]]"), mistakes);
                Vec::new()
            }
        }
    }

    /// Notes what is wrong with a field, at its line.
    pub fn wrong(&self, field: &str, message: &str, mistakes: &mut Vec<Mistake>) {
        let inner = || self.value("command").and_then(|value| value.line_of(field));
        let line = self.value(field).map(|value| value.line).or_else(inner).unwrap_or(self.line);
        self.mistake(line, field, message, mistakes);
    }

    pub fn mistake(&self, line: usize, field: &str, message: &str, mistakes: &mut Vec<Mistake>) {
        mistakes.push(Mistake {
            line,
            rule: self.rule,
            field: field.to_owned(),
            message: message.to_owned(),
        });
    }
}

impl<'t> Value<'t> {
    pub fn text(&self) -> Option<String> {
        self.value.as_str().map(str::to_owned)
    }

    pub fn texts(&self) -> Option<Vec<String>> {
        match self.value {
            DeValue::String(text) => Some(vec![text.to_string()]),
            _ => self.items()?.iter().map(Self::text).collect(),
        }
    }

    pub fn items(&self) -> Option<Vec<Self>> {
        let items = self.value.as_array()?;
        let item = |value: &'t Spanned<DeValue<'t>>| Self {
            value: value.get_ref(),
            line: self.lines.at(value.span().start),
            ..*self
        };
        Some(items.iter().map(item).collect())
    }

    pub fn fields(&self) -> Option<BTreeMap<String, String>> {
        let table = self.value.as_table()?;
        table
            .iter()
            .map(|(key, value)| Some((key.get_ref().to_string(), value.get_ref().as_str()?.to_owned())))
            .collect()
    }

    fn line_of(&self, field: &str) -> Option<usize> {
        Some(self.lines.at(self.value.as_table()?.get(field)?.span().start))
    }

    pub fn wrong(&self, field: &str, message: &str, mistakes: &mut Vec<Mistake>) {
        let (field, message) = (field.to_owned(), message.to_owned());
        mistakes.push(Mistake { line: self.line, rule: self.rule, field, message });
    }
}

/// How many letters have to be changed, added or left out; of long words nobody asks.
fn distance(one: &str, two: &str) -> usize {
    if two.len() > 20 {
        return usize::MAX;
    }
    let two: Vec<char> = two.chars().collect();
    let mut line: Vec<usize> = (0..=two.len()).collect();
    for (row, letter) in one.chars().enumerate() {
        let mut corner = row;
        line[0] = row + 1;
        for (column, other) in two.iter().enumerate() {
            let changed = corner + usize::from(letter != *other);
            corner = line[column + 1];
            line[column + 1] = changed.min(corner + 1).min(line[column] + 1);
        }
    }
    line[two.len()]
}
