//! The keys that people who attach natively can use.

use bytes::{BufMut, BytesMut};

use super::option::PrefixKey;
use super::quote::quote;

/// A key and what it does, behind the prefix where nothing else is said. The list is closed on purpose: tmux's own bindings
/// create panes that nobody supervises, and open a prompt that reaches every command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    /// `d`
    Detach,
    /// `[`
    CopyMode,
    /// Page Up: copy mode, one page up.
    CopyModeUp,
    /// `]`: not into a pane whose program has ended, which crashes tmux before 3.4.
    Paste,
    /// The prefix itself: goes to the program.
    SendPrefix(PrefixKey),
    /// `?`: lists these keys.
    Help,
    /// In copy mode, without the prefix. Since tmux 3.3.
    Ask(Question),
}

/// What a key of copy mode asks for. tmux's own bindings hold up whoever pressed the key until there is an answer:
/// a key that we send to a pane in copy mode would hold up our connection for ever. These do not (`-b`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    what: What,
    /// Since tmux 3.6 `--` stands before the answer, so that one that begins with `-` is none of its flags.
    separated: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Search { key: &'static str, back: bool },
    Jump { key: &'static str, command: &'static str, prompt: &'static str },
    Line,
    Repeat(u8),
}

impl Question {
    /// All keys of the table `copy-mode` that ask (key-bindings.c).
    pub fn all(separated: bool) -> impl Iterator<Item = Self> {
        let searches = [What::Search { key: "C-r", back: true }, What::Search { key: "C-s", back: false }];
        let jumps = [
            ("F", "jump-backward", "jump backward"),
            ("T", "jump-to-backward", "jump to backward"),
            ("f", "jump-forward", "jump forward"),
            ("t", "jump-to-forward", "jump to forward"),
        ]
        .map(|(key, command, prompt)| What::Jump { key, command, prompt });
        let whats = searches.into_iter().chain(jumps).chain([What::Line]).chain((1..=9).map(What::Repeat));
        whats.map(move |what| Self { what, separated })
    }

    fn render(self, out: &mut BytesMut) {
        let (key, flags, prompt, command) = match self.what {
            What::Search { key, back } => {
                let (prompt, way) = if back { ("search up", "backward") } else { ("search down", "forward") };
                (key.to_owned(), "-i -T search", prompt, format!("-X search-{way}-incremental"))
            }
            What::Jump { key, command, prompt } => (key.to_owned(), "-1", prompt, format!("-X {command}")),
            What::Line => ("g".to_owned(), "", "goto line", "-X goto-line".to_owned()),
            What::Repeat(count) => (format!("M-{count}"), "-N", "repeat", "-N".to_owned()),
        };
        let initial = match self.what {
            What::Search { .. } => "#{pane_search_string}".to_owned(),
            What::Repeat(count) => count.to_string(),
            What::Jump { .. } | What::Line => String::new(),
        };
        let dashes =
            if self.separated && matches!(self.what, What::Search { .. } | What::Jump { .. } | What::Line) {
                "-- "
            } else {
                ""
            };
        out.put_slice(b"bind-key -T copy-mode ");
        quote(key.as_bytes(), out);
        for part in [" command-prompt -b ", flags, " -I "] {
            out.put_slice(part.as_bytes());
        }
        quote(initial.as_bytes(), out);
        out.put_slice(b" -p ");
        quote(format!("({prompt})").as_bytes(), out);
        out.put_u8(b' ');
        // Three of them: the answer is quoted.
        quote(format!("send-keys {command} {dashes}\"%%%\"").as_bytes(), out);
    }
}

impl Binding {
    pub(super) fn render(self, out: &mut BytesMut) {
        let prefix;
        let (key, command, note) = match self {
            Self::Detach => ("d", "detach-client", "Detach"),
            Self::CopyMode => ("[", "copy-mode", "Copy mode"),
            Self::CopyModeUp => ("PPage", "copy-mode -u", "Copy mode, one page up"),
            Self::Paste => ("]", r##"if-shell -F "#{?pane_dead,0,1}" "paste-buffer -p""##, "Paste"),
            Self::SendPrefix(key) => {
                prefix = key.to_string();
                (prefix.as_str(), "send-prefix", "Send the prefix key")
            }
            Self::Help => ("?", "list-keys -N", "List these keys"),
            Self::Ask(question) => return question.render(out),
        };
        out.put_slice(b"bind-key -N ");
        quote(note.as_bytes(), out);
        out.put_slice(b" -T prefix ");
        quote(key.as_bytes(), out);
        out.put_u8(b' ');
        out.put_slice(command.as_bytes());
    }
}

/// A table of key bindings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyTable {
    Root,
    Prefix,
    CopyMode,
    CopyModeVi,
}

impl KeyTable {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Prefix => "prefix",
            Self::CopyMode => "copy-mode",
            Self::CopyModeVi => "copy-mode-vi",
        }
    }
}
