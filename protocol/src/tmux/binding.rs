//! The keys that people who attach natively can use.

use bytes::{BufMut, BytesMut};

use super::option::PrefixKey;
use super::quote::quote;

/// A key behind the prefix, and what it does. The list is closed on purpose: tmux's own bindings
/// create panes that nobody supervises, and open a prompt that reaches every command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    /// `d`
    Detach,
    /// `[`
    CopyMode,
    /// Page Up: copy mode, one page up.
    CopyModeUp,
    /// `]`
    Paste,
    /// The prefix itself: goes to the program.
    SendPrefix(PrefixKey),
    /// `?`: lists these keys.
    Help,
}

impl Binding {
    pub(super) fn render(self, out: &mut BytesMut) {
        let prefix;
        let (key, command, note) = match self {
            Self::Detach => ("d", "detach-client", "Detach"),
            Self::CopyMode => ("[", "copy-mode", "Copy mode"),
            Self::CopyModeUp => ("PPage", "copy-mode -u", "Copy mode, one page up"),
            Self::Paste => ("]", "paste-buffer -p", "Paste"),
            Self::SendPrefix(key) => {
                prefix = key.to_string();
                (prefix.as_str(), "send-prefix", "Send the prefix key")
            }
            Self::Help => ("?", "list-keys -N", "List these keys"),
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
