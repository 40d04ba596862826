//! The options of tmux that we set, and our own.

use std::fmt;

use bytes::{BufMut, BytesMut};

use super::quote::quote;

/// An option of the private server, with its value. The list is closed on purpose: `window-size
/// manual`, set globally, crashes tmux before 3.7 at the next new window, and some options name
/// commands to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// Whether the server ends when it has no session.
    ExitEmpty(bool),
    /// Milliseconds to wait after an ESC from a client that is attached.
    EscapeTime(u16),
    FocusEvents(bool),
    /// `$TERM` in panes: `tmux-256color`, or `screen-256color` where the system does not know that.
    DefaultTerminal(Terminal),
    /// Clients take 24-bit colours.
    TrueColor,
    ExtendedKeys(ExtendedKeys),
    SetClipboard(Clipboard),
    /// How many messages tmux remembers; command lines are among them, so 0 keeps nothing readable.
    MessageLimit(u32),

    /// Sessions live on when nobody is attached.
    KeepUnattached,
    /// Whether a client whose session ends leaves, or moves to another session.
    DetachOnDestroy(bool),
    /// The status line takes one row.
    Status(bool),
    SetTitles(bool),
    /// The title is [`UserOption::NOTICE`].
    NoticeAsTitle,
    /// tmux knows no title of any terminal: what it sends as one is a notification, see [`Setting::TitleNotifies`].
    NoTitles,
    /// What is sent as the title of terminals of this kind is a notification to them: OSC 9, as iTerm2 brought it. tmux writes it
    /// between its own sequences, when it redraws.
    TitleNotifies(Notified),
    /// Lines, for panes created later.
    HistoryLimit(u32),
    /// Clients bring no variables into a session when they attach.
    NoUpdateEnvironment,
    /// A pane without a program runs the shell, not a command of somebody's configuration.
    NoDefaultCommand,
    /// `/bin/sh`.
    DefaultShell,
    Prefix(PrefixKey),
    NoPrefix2,
    Mouse(bool),
    /// Copy mode has the keys of Emacs, whatever `$EDITOR` says: the table whose keys we know.
    EmacsKeys,
    /// No bell, activity or silence is passed on by tmux or written over the screen.
    NoAlert(Alert),
    /// No message takes the place of the status line.
    NoVisual(Alert),

    /// Panes stay when their program has ended.
    RemainOnExit,
    /// Nothing is drawn into a dead pane: the default text would scroll its last line away.
    NoRemainOnExitText,
    AutomaticRename(bool),
    AllowRename(bool),
    MonitorActivity(bool),
    MonitorBell(bool),
    /// Since tmux 3.3.
    AllowPassthrough(bool),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Terminal {
    Tmux,
    Screen,
}

/// Terminals that take notifications, by `TERM`. Others of these names ignore them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notified {
    /// Most say that they are one: iTerm2, WezTerm; kitty and Ghostty begin with it.
    Xterm,
    Foot,
    WezTerm,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExtendedKeys {
    Off,
    /// When the program asks for them.
    On,
    Always,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clipboard {
    Off,
    /// tmux may set it, programs in panes may not.
    External,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alert {
    Bell,
    Activity,
    Silence,
}

/// Ctrl and a lower-case letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrefixKey(u8);

impl PrefixKey {
    pub fn new(letter: char) -> Option<Self> {
        letter.is_ascii_lowercase().then_some(Self(letter as u8))
    }
}

impl fmt::Display for PrefixKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "C-{}", char::from(self.0))
    }
}

impl Setting {
    pub(super) fn render(self, out: &mut BytesMut) {
        let (scope, name, value) = self.parts();
        for part in ["set-option ", scope, " ", name, " "] {
            out.put_slice(part.as_bytes());
        }
        quote(value.as_bytes(), out);
    }

    /// The flag of the scope, the name, the value.
    fn parts(self) -> (&'static str, &'static str, String) {
        const SERVER: &str = "-s";
        const SESSIONS: &str = "-g";
        const WINDOWS: &str = "-gw";
        let on = |on: bool| if on { "on" } else { "off" }.to_owned();
        match self {
            Self::ExitEmpty(yes) => (SERVER, "exit-empty", on(yes)),
            Self::EscapeTime(ms) => (SERVER, "escape-time", ms.to_string()),
            Self::FocusEvents(yes) => (SERVER, "focus-events", on(yes)),
            Self::DefaultTerminal(Terminal::Tmux) => (SERVER, "default-terminal", "tmux-256color".into()),
            Self::DefaultTerminal(Terminal::Screen) => (SERVER, "default-terminal", "screen-256color".into()),
            // An element of its own: those that tmux brings stay, and setting it again adds none.
            Self::TrueColor => (SERVER, "\"terminal-features[100]\"", "*:RGB".into()),
            Self::ExtendedKeys(ExtendedKeys::Off) => (SERVER, "extended-keys", "off".into()),
            Self::ExtendedKeys(ExtendedKeys::On) => (SERVER, "extended-keys", "on".into()),
            Self::ExtendedKeys(ExtendedKeys::Always) => (SERVER, "extended-keys", "always".into()),
            Self::SetClipboard(Clipboard::Off) => (SERVER, "set-clipboard", "off".into()),
            Self::SetClipboard(Clipboard::External) => (SERVER, "set-clipboard", "external".into()),
            Self::MessageLimit(count) => (SERVER, "message-limit", count.to_string()),

            Self::KeepUnattached => (SESSIONS, "destroy-unattached", "off".into()),
            Self::DetachOnDestroy(yes) => (SESSIONS, "detach-on-destroy", on(yes)),
            Self::Status(yes) => (SESSIONS, "status", on(yes)),
            Self::SetTitles(yes) => (SESSIONS, "set-titles", on(yes)),
            Self::NoticeAsTitle => {
                (SESSIONS, "set-titles-string", format!("#{{{}}}", UserOption::NOTICE.name()))
            }
            // Elements of their own, as above.
            Self::NoTitles => (SERVER, "\"terminal-overrides[99]\"", "*:tsl@:fsl@".into()),
            Self::TitleNotifies(Notified::Xterm) => (SERVER, "\"terminal-overrides[100]\"", osc_9("xterm*")),
            Self::TitleNotifies(Notified::Foot) => (SERVER, "\"terminal-overrides[101]\"", osc_9("foot*")),
            Self::TitleNotifies(Notified::WezTerm) => {
                (SERVER, "\"terminal-overrides[102]\"", osc_9("wezterm*"))
            }
            Self::HistoryLimit(lines) => (SESSIONS, "history-limit", lines.to_string()),
            Self::NoUpdateEnvironment => (SESSIONS, "update-environment", String::new()),
            Self::NoDefaultCommand => (SESSIONS, "default-command", String::new()),
            Self::DefaultShell => (SESSIONS, "default-shell", "/bin/sh".into()),
            Self::Prefix(key) => (SESSIONS, "prefix", key.to_string()),
            Self::NoPrefix2 => (SESSIONS, "prefix2", "None".into()),
            Self::EmacsKeys => (WINDOWS, "mode-keys", "emacs".into()),
            Self::Mouse(yes) => (SESSIONS, "mouse", on(yes)),
            Self::NoAlert(Alert::Bell) => (SESSIONS, "bell-action", "none".into()),
            Self::NoAlert(Alert::Activity) => (SESSIONS, "activity-action", "none".into()),
            Self::NoAlert(Alert::Silence) => (SESSIONS, "silence-action", "none".into()),
            Self::NoVisual(Alert::Bell) => (SESSIONS, "visual-bell", "off".into()),
            Self::NoVisual(Alert::Activity) => (SESSIONS, "visual-activity", "off".into()),
            Self::NoVisual(Alert::Silence) => (SESSIONS, "visual-silence", "off".into()),

            Self::RemainOnExit => (WINDOWS, "remain-on-exit", on(true)),
            Self::NoRemainOnExitText => (WINDOWS, "remain-on-exit-format", String::new()),
            Self::AutomaticRename(yes) => (WINDOWS, "automatic-rename", on(yes)),
            Self::AllowRename(yes) => (WINDOWS, "allow-rename", on(yes)),
            Self::MonitorActivity(yes) => (WINDOWS, "monitor-activity", on(yes)),
            Self::MonitorBell(yes) => (WINDOWS, "monitor-bell", on(yes)),
            Self::AllowPassthrough(yes) => (WINDOWS, "allow-passthrough", on(yes)),
        }
    }
}

/// What begins and ends the title of terminals whose name is such a pattern.
fn osc_9(terminals: &str) -> String {
    format!("{terminals}:tsl=\\E]9;:fsl=\\a")
}

/// An option of ours, `@cp_NAME`: tmux keeps it as long as the server, session or pane lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserOption(&'static str);

impl UserOption {
    /// The id of the session that a pane belongs to.
    pub const ID: Self = Self::new("@cp_id");
    /// The daemon that a server belongs to.
    pub const OWNER: Self = Self::new("@cp_owner");
    /// What terminals that are attached are notified of.
    pub const NOTICE: Self = Self::new("@cp_notice");

    /// Panics, at compile time for constants, when the name is not `@cp_` and some of `a-z0-9_`.
    pub const fn new(name: &'static str) -> Self {
        let bytes = name.as_bytes();
        assert!(bytes.len() > 4, "the name is @cp_ and more");
        let mut index = 0;
        while index < bytes.len() {
            let valid = match index {
                0 => bytes[0] == b'@',
                1 => bytes[1] == b'c',
                2 => bytes[2] == b'p',
                3 => bytes[3] == b'_',
                _ => matches!(bytes[index], b'a'..=b'z' | b'0'..=b'9' | b'_'),
            };
            assert!(valid, "the name is @cp_ and some of a-z, 0-9, _");
            index += 1;
        }
        Self(name)
    }

    pub fn name(self) -> &'static str {
        self.0
    }
}
