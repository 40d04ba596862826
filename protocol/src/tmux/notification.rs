//! What tmux tells without being asked.

use super::{PaneId, RawText, TmuxSessionId, WindowId};
use crate::Size;

/// Everything but output, replies and the end. Most are reasons to list again, not facts: for
/// example `%window-close` arrives when a window loses one of several links.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notification {
    /// tmux discards what `pane` prints, because this client is too slow (`pause-after`).
    Pause {
        pane: PaneId,
    },
    /// The output of `pane` flows again, from now on.
    Continue {
        pane: PaneId,
    },
    SubscriptionChanged(SubscriptionChange),
    /// This client looks at another session now.
    SessionChanged {
        session: TmuxSessionId,
        name: RawText,
    },
    /// Another client attached to a session, or moved to it.
    ClientSessionChanged {
        client: RawText,
        session: TmuxSessionId,
        name: RawText,
    },
    ClientDetached {
        client: RawText,
    },
    SessionRenamed {
        session: TmuxSessionId,
        name: RawText,
    },
    /// A session was created or destroyed.
    SessionsChanged,
    SessionWindowChanged {
        session: TmuxSessionId,
        window: WindowId,
    },
    WindowAdd {
        window: WindowId,
        link: Link,
    },
    WindowClose {
        window: WindowId,
        link: Link,
    },
    WindowRenamed {
        window: WindowId,
        name: RawText,
        link: Link,
    },
    WindowPaneChanged {
        window: WindowId,
        pane: PaneId,
    },
    /// The pane entered or left a mode, for example copy mode.
    PaneModeChanged {
        pane: PaneId,
    },
    LayoutChange {
        window: WindowId,
        layout: Layout,
        visible: Layout,
        flags: RawText,
    },
    /// Since tmux 3.4.
    ConfigError {
        text: RawText,
    },
    /// Since tmux 3.4: `display-message` without `-p`.
    Message {
        text: RawText,
    },
    /// Since tmux 3.4.
    PasteBufferChanged {
        name: RawText,
    },
    /// Since tmux 3.4.
    PasteBufferDeleted {
        name: RawText,
    },
}

/// Whether the window is linked to the session of this client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    Linked,
    /// The `%unlinked-window-…` form.
    Unlinked,
}

/// A subscribed format has a new value for one session, window or pane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionChange {
    pub name: RawText,
    pub session: TmuxSessionId,
    /// Set for windows and panes.
    pub window: Option<WindowId>,
    /// The window's index in the session. Set together with `window`.
    pub index: Option<u32>,
    /// Set for panes.
    pub pane: Option<PaneId>,
    pub value: RawText,
}

/// How the panes of a window are arranged, in tmux's notation: `CHECKSUM,COLSxROWS,X,Y…`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout(pub RawText);

impl Layout {
    /// The size of the whole window. `None` when it is none that we take.
    pub fn size(&self) -> Option<Size> {
        std::str::from_utf8(self.0.as_bytes()).ok()?.split(',').nth(1)?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layout_tells_the_size_of_the_window() {
        let layout = |text: &str| Layout(RawText::from(text.as_bytes())).size();
        assert_eq!(layout("419a,80x24,0,0[80x12,0,0,1,80x11,0,13,2]"), Size::new(80, 24));
        assert_eq!(layout(""), None);
        assert_eq!(layout("419a"), None);
    }
}
