//! Rules about the fields of tools.

use std::collections::BTreeMap;

use super::glob::{Case, Glob};
use super::input::{self, Shell};
use super::loose;
use super::path::Places;
use super::rule::{Pattern, Rule};

type Fields = BTreeMap<String, Vec<String>>;

impl Rule {
    /// Whether every field that the rule names is there and is certainly covered. A rule that allows commands does
    /// not get here.
    pub(super) fn allows_fields(&self, fields: &Fields, places: &Places) -> bool {
        self.command.is_none()
            && self.paths.is_empty()
            && !self.names_another_file(fields)
            && self.args.iter().all(|(field, patterns)| {
                let missing = [String::new()];
                let values = fields.get(field).map_or(missing.as_slice(), Vec::as_slice);
                let is_file = is_file(field);
                let covers = |value: &str| patterns.iter().any(|pattern| pattern.allows(value, places));
                // Where a path is missing, the tool begins in the directory in which it runs.
                let is_path = patterns.iter().any(|pattern| matches!(pattern, Pattern::Path(_)));
                !values.is_empty()
                    && values.iter().all(|value| {
                        !(is_file && has_blank_end(value))
                            && covers(value)
                            && (!value.is_empty() || !is_path || covers("."))
                    })
            })
    }

    /// Whether the input has a field for a file beside the one that the rule names: nobody knows which the tool uses.
    fn names_another_file(&self, fields: &Fields) -> bool {
        let named = |field: &str| self.args.iter().any(|(name, _)| name == field);
        let names_file = FILES.iter().any(|field| named(field));
        names_file && FILES.iter().any(|field| fields.contains_key(*field) && !named(field))
    }

    /// Whether what it allows is the same in every directory: the names of files begin at the root.
    pub(super) fn holds_anywhere(&self, fields: &Fields) -> bool {
        let is_path = |field: &str, patterns: &[Pattern]| {
            is_file(field) || patterns.iter().any(|pattern| matches!(pattern, Pattern::Path(_)))
        };
        self.args.iter().filter(|(field, patterns)| is_path(field, patterns)).all(|(field, _)| {
            fields.get(field).is_some_and(|values| values.iter().all(|value| value.starts_with('/')))
        })
    }

    /// Whether every field that the rule names may be what it is about.
    pub(super) fn restricts_fields(&self, fields: &Fields, places: &Places) -> bool {
        self.args.iter().all(|(field, patterns)| restricts_field(field, patterns, fields, places))
    }

    /// The same for a shell. Its command is a text, whatever the field is called and the pattern looks like.
    pub(super) fn restricts_shell(&self, shell: &Shell, places: &Places) -> bool {
        self.args.iter().all(|(field, patterns)| {
            if !input::is_command(field) {
                return restricts_field(field, patterns, &shell.fields, places);
            }
            let written = self.text.args.get(field).into_iter().flatten();
            patterns.iter().zip(written).any(|(pattern, written)| {
                let fits = |glob: &Glob| shell.texts.iter().any(|text| glob.fits(text, Case::Ignored));
                match pattern {
                    Pattern::Text(glob) => fits(glob),
                    Pattern::Path(_) => fits(&Glob::new(written)),
                }
            })
        })
    }

    /// Whether it is about the commands of shells.
    pub fn is_for_shell(&self) -> bool {
        self.command.is_some() || self.text.tool.iter().any(|tool| input::is_shell(tool))
    }
}

fn restricts_field(field: &str, patterns: &[Pattern], fields: &Fields, places: &Places) -> bool {
    let Some(values) = fields.get(field) else {
        return patterns
            .iter()
            .any(|pattern| matches!(pattern, Pattern::Text(glob) if glob.as_text() == Some("")));
    };
    // A relative one is where the tool runs, not below it.
    let runs_there = |pattern: &Pattern| match pattern {
        Pattern::Path(pattern) => input::is_workdir(field) && pattern.denies(&places.cwd, places),
        Pattern::Text(_) => false,
    };
    values.iter().any(|value| patterns.iter().any(|pattern| pattern.denies(value, places)))
        || patterns.iter().any(runs_there)
}

/// Fields that name a file, whatever a rule says of them.
const FILES: [&str; 3] = ["file_path", "notebook_path", "path"];

fn is_file(field: &str) -> bool {
    FILES.contains(&field)
}

/// Tools cut blanks off a path: it leads elsewhere then.
fn has_blank_end(value: &str) -> bool {
    value.trim_matches(loose::is_blank) != value
}

impl Pattern {
    fn allows(&self, value: &str, places: &Places) -> bool {
        match self {
            Self::Path(pattern) => {
                // Nobody knows whether the tool replaces a tilde, or decodes what it is given.
                let fits =
                    |path: &String| !path.starts_with('~') && pattern.allows(&places.certain(path), places);
                !value.is_empty() && !has_blank_end(value) && loose::forms(value).iter().all(fits)
            }
            // Nothing but an empty pattern stands for a field that is missing.
            Self::Text(glob) => {
                value.is_empty() == (glob.as_text() == Some("")) && glob.fits(value, Case::Exact)
            }
        }
    }

    fn denies(&self, value: &str, places: &Places) -> bool {
        let forms = loose::forms(value);
        match self {
            Self::Path(pattern) => {
                let ways = forms.iter().flat_map(|form| places.ways(&places.cwd, form));
                ways.into_iter().any(|path| pattern.denies(&path, places))
            }
            Self::Text(glob) => {
                let fits = |form: &String| glob.fits(form, Case::Ignored);
                forms.iter().any(fits) || loose::urls(value).iter().any(fits)
            }
        }
    }
}
