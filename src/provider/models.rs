//! How a program is told which model to use: when it is started, and while it runs.

/// The models that a program can be told to use. It takes `--model NAME` when it is started.
#[derive(Clone, Copy)]
pub struct Models {
    /// How the model is changed while it runs.
    pub list: Option<ModelList>,
    /// Names that its list always offers.
    pub offered: &'static [&'static str],
    /// How the name of another one looks, for whoever types it.
    pub example: &'static str,
    /// What its vendor puts in front of every name; people leave it out.
    pub vendor: &'static str,
}

/// The list in which a person chooses a model for this session alone. What it offers is what it shows.
#[derive(Clone, Copy, Debug)]
pub struct ModelList {
    /// The command that opens it.
    pub open: &'static str,
    /// What the program says instead while it starts.
    pub not_yet: Option<&'static str>,
    pub list: Dialog,
    /// What stands before the row that a key would choose.
    pub pointer: char,
    /// The names for `--model` of the row with this label and description; the first one is kept.
    pub names: fn(&str, &str) -> Vec<String>,
    /// How the list ends where Enter leads to another one, of efforts, and that one. Enter is pressed nowhere else.
    pub efforts: Option<(&'static str, Dialog)>,
    /// The key that chooses for this session alone, and how a list may end where it does so.
    pub keep: &'static str,
    pub keep_hints: &'static [&'static str],
    /// Questions that may follow; Enter says yes.
    pub questions: &'static [Dialog],
    /// How begins what the program says when it is done, and what else it says then.
    pub done: &'static str,
    pub kept: &'static str,
    /// What follows that beginning is the name for `--model`.
    pub done_names_it: bool,
}

/// What an agent asks at the bottom of its screen: from the lowest row that begins with the heading down to the end.
/// Above it stands the conversation, with any text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialog {
    pub heading: &'static str,
    /// What stands there last; only one blank in a row.
    pub end: &'static str,
}
