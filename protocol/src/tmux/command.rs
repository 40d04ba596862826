//! The commands that can be sent.
//!
//! # What is absent, and why
//!
//! | absent | because |
//! |--------|---------|
//! | `window-size manual` for all windows | crashes tmux before 3.7 at the next new window |
//! | `refresh-client -A` with `off` or `on`, `refresh-client -f no-output` | crash tmux before 3.7 |
//! | `respawn-pane`, `respawn-window` | crash all tested versions, or lose the first output |
//! | `paste-buffer` into a pane whose program has ended | crashes tmux before 3.4. It is sent with a condition that tmux decides |
//! | a binding in copy mode that waits for an answer | a key that we send to a pane in copy mode holds up our connection for ever: [`Question`](super::Question) |
//! | `refresh-from-pane` in copy mode | crashes tmux before 3.7 when the history is shorter now than what was scrolled (`window_copy_cmd_refresh_from_pane` in window-copy.c). Its key, `r`, is taken away: keys that we send reach copy mode too |
//! | `kill-window` with a command right behind it | when it was a session's current window, and the next command ends the session, all tested versions crash: they tell of the new current window when the session has none any more (`control_notify_session_window_changed` in control-notify.c). Behind it stands `run-shell -d 0`, which runs nothing and lets tmux tell first |
//! | `remain-on-exit off` | two programs that end at once are such a window and such a session |
//! | `run-shell` but for that pause, `source-file`, and `if-shell` but for that condition and for what a screen shows | replies no longer match commands |
//! | `load-buffer -` | would read the stream of commands |
//! | `wait-for` | blocks every command behind it |
//! | a subscription of a client without a session | crashes tmux before 3.7 when it looks (each second; `control_check_subs_timer` in control.c). So our client moves to another session when the hub goes ([`Command::KeepInSession`]), and unsubscribes before it ends the server. Where there is no other session, a look before it has left still crashes |
//! | empty lines, blank lines, comments | detach the client, or get no reply at all |
//!
//! Three things cannot be kept away by what is absent:
//!
//! * tmux 3.3 to 3.4 crashes when the focus of a pane changes whose program has ended while it asked for focus events
//!   (`window_pane_update_focus` in window.c). So the shim takes that mode back when its program has ended; a shim that is
//!   killed cannot.
//! * Since 3.3 (3.7c too) it crashes when a terminal tells of its focus between the end of its session and its own
//!   (`tty_keys_next` in tty-keys.c).
//! * It crashes (3.7c too) when a client detaches or a window goes in the moment in which a control client introduces itself
//!   (`control_write` without a `control_state`). The daemon does that once for each connection.
//!
//! Texts go through one quoting function, formats are those of [`format`](mod@super::format), and options
//! those of [`option`](super::option).

use std::fmt::Write;
use std::num::NonZeroU32;

use bytes::{BufMut, Bytes, BytesMut};

use super::quote::{literal_in_format, quote, quote_plain};
use super::{
    AbsolutePath, Binding, BufferName, Created, Facts, Format, KeyBytes, KeyTable, PaneId, Program,
    SessionName, Setting, SubscriptionName, Target, Text, UserOption, VariableName,
};
use crate::Size;
use crate::key::{Key, Stroke};

/// One command of tmux. Each gets one reply, but see [`Command::replies`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command<'a> {
    /// A session with one window and one pane, to which nobody is attached. Answers [`Created`].
    NewSession {
        name: &'a SessionName,
        size: Size,
        cwd: AbsolutePath<'a>,
        program: Program<'a>,
    },
    /// A window behind the last one of `session`, so that [`Target::LastWindowOf`] is it until the
    /// next; it does not become the current one. Answers [`Created`].
    NewWindow {
        session: &'a SessionName,
        cwd: AbsolutePath<'a>,
        program: Program<'a>,
    },
    /// Puts a window into `session` too, without making it the current one there.
    LinkWindow {
        window: Target,
        session: &'a SessionName,
    },
    KillSession(Target),
    /// With a pause of tmux's queue behind it: see the table above. The last command of its line.
    KillWindow(Target),

    /// Sets the size of a window and pins it: clients that attach no longer change it.
    ResizeWindow {
        window: Target,
        size: Size,
    },
    /// Lets the clients that are attached decide the size of a window again.
    UnpinWindow(Target),

    Set(Setting),
    SetUser {
        scope: Scope,
        option: UserOption,
        value: Text<'a>,
    },
    UnsetUser {
        scope: Scope,
        option: UserOption,
    },
    /// Answers the value, several lines if it has them; nothing when it is not set.
    ShowUser {
        scope: Scope,
        option: UserOption,
    },
    /// Takes a variable out of the server's environment.
    UnsetVariable(VariableName<'a>),
    /// Keeps a variable, wherever it is set, from new panes.
    RemoveVariable(VariableName<'a>),
    Bind(Binding),
    /// Fails when there is no such table: tmux forgets one without bindings.
    UnbindAll(KeyTable),
    /// Takes the key `r` out of copy mode: see the table above.
    UnbindRefresh,
    /// When its session goes, this client moves to another one: see the table above.
    KeepInSession(&'a SessionName),

    /// Types bytes. A pane in copy mode swallows them: see [`Command::LeaveMode`].
    SendBytes {
        pane: PaneId,
        bytes: KeyBytes<'a>,
    },
    /// Types bytes if the screen of the pane shows each of these rows at its place, as tmux itself sees: its number, from 0,
    /// and its text. Answers nothing then, and [`Command::NOT_SHOWN`] otherwise. The last command of its line. A pane in
    /// copy mode swallows them.
    SendIfShown {
        pane: PaneId,
        rows: &'a [(u16, String)],
        bytes: KeyBytes<'a>,
    },
    /// Presses a key. A pane in copy mode takes it for itself.
    SendKey {
        pane: PaneId,
        key: Key,
    },
    SetBuffer {
        name: BufferName,
        text: Text<'a>,
    },
    /// Reads a file as it is, on the machine of the server.
    LoadBuffer {
        name: BufferName,
        path: AbsolutePath<'a>,
    },
    /// Types the buffer and deletes it; line feeds stay what they are. Only deletes it when the pane's program has ended.
    /// The last command of its line: when it fails, tmux goes on with those behind it.
    PasteBuffer {
        name: BufferName,
        pane: PaneId,
        /// Between the marks of bracketed paste, if the program asked for it.
        bracketed: bool,
        /// With `-S`, where tmux has it (3.7): without, that one makes control characters visible (`^[`).
        raw: bool,
    },
    /// Answers how `paste-buffer` is used: the flags that this tmux knows.
    DescribePaste,
    DeleteBuffer(BufferName),
    /// Takes a pane out of copy mode, if it is in it.
    LeaveMode(PaneId),

    /// Answers rows with their colours and attributes, which carry on from one row to the next.
    CapturePane {
        pane: PaneId,
        rows: Rows,
    },
    /// Answers rows as text, without colours. Joined: rows that wrap are one line.
    CaptureText {
        pane: PaneId,
        rows: Rows,
        joined: bool,
    },
    /// Answers the main screen that waits behind the alternate one. Fails when none does.
    CaptureSaved(PaneId),
    /// Answers the beginning of an escape sequence whose end has not come yet, escaped as output is:
    /// see [`unescape_into`](super::unescape_into). One empty line when there is none.
    CapturePending(PaneId),

    /// Answers one set of facts about `target`, or about the server.
    Show {
        target: Option<Target>,
        format: Format,
    },
    /// Answers one line for each pane of the server, and each session it is in.
    ListPanes(Format),
    /// Answers one line for each window of the server, and each session it is in.
    ListWindows(Format),
    ListClients(Format),

    /// From now on, changes of `format` come as notifications, at most one a second for each thing.
    Subscribe {
        name: SubscriptionName,
        watched: Watched,
        format: Format,
    },
    Unsubscribe {
        name: SubscriptionName,
    },
    /// From now on, a pane whose output waits for us for longer is paused: tmux discards what it
    /// prints. `None`: never, tmux makes the program wait.
    PauseAfter(Option<NonZeroU32>),
    /// tmux discards what it holds of a pane's output for us, and what the pane prints from now on.
    PausePane(PaneId),
    /// Ends the pause of a pane; its output flows from now on.
    ContinuePane(PaneId),
    DetachClient(Text<'a>),
}

/// Which rows of a pane to capture. Row 0 is the first on the screen; negative ones are history. tmux
/// moves both ends to where there are rows: without history, -5 to -1 answers row 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    Screen,
    /// So many rows of history, and the screen.
    HistoryAndScreen(u32),
    Range {
        first: i32,
        last: i32,
    },
}

impl Rows {
    fn render(self, out: &mut BytesMut) {
        match self {
            Self::Screen => {}
            Self::HistoryAndScreen(0) => put(out, format_args!(" -S 0")),
            Self::HistoryAndScreen(rows) => put(out, format_args!(" -S -{rows}")),
            Self::Range { first, last } => put(out, format_args!(" -S {first} -E {last}")),
        }
    }
}

/// What a user option belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    Server,
    Session(Target),
    Window(Target),
    Pane(Target),
}

/// What a subscription looks at, among what is in the session of this client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watched {
    Session,
    Pane(PaneId),
    AllPanes,
    AllWindows,
}

impl Command<'_> {
    /// The answer of [`Command::SendIfShown`] where nothing was typed.
    pub const NOT_SHOWN: &'static str = "not-shown";

    /// How many replies come when all goes well. tmux answers a condition, and then the command that it chose; a window's
    /// end, and then the pause.
    pub fn replies(&self) -> usize {
        if self.ends_line() { 2 } else { 1 }
    }

    /// Whether it has to be the last one of its line.
    pub fn ends_line(&self) -> bool {
        matches!(self, Self::PasteBuffer { .. } | Self::SendIfShown { .. } | Self::KillWindow(_))
    }

    /// Appends the command as a line of its own: the way without an allocation.
    pub fn write_line(&self, out: &mut BytesMut) {
        self.render(out);
        out.put_u8(b'\n');
    }

    fn render(&self, out: &mut BytesMut) {
        match self {
            Self::NewSession { name, size, cwd, program } => {
                put(out, format_args!("new-session -d -P -x {} -y {} -F ", size.cols(), size.rows()));
                quote(Created::FORMAT.as_str().as_bytes(), out);
                out.put_slice(b" -s ");
                quote(name.as_str().as_bytes(), out);
                render_program(*cwd, program, out);
            }
            Self::NewWindow { session, cwd, program } => {
                out.put_slice(b"new-window -a -d -P -F ");
                quote(Created::FORMAT.as_str().as_bytes(), out);
                out.put_slice(b" -t ");
                Target::LastWindowOf((*session).clone()).render(out);
                render_program(*cwd, program, out);
            }
            Self::LinkWindow { window, session } => {
                render_at("link-window -d -s ", window, out);
                render_at(" -t ", &Target::Named((*session).clone()), out);
            }
            Self::KillSession(session) => render_at("kill-session -t ", session, out),
            Self::KillWindow(window) => {
                render_at("kill-window -t ", window, out);
                out.put_slice(b" ; run-shell -d 0");
            }

            Self::ResizeWindow { window, size } => {
                render_at("resize-window -t ", window, out);
                put(out, format_args!(" -x {} -y {}", size.cols(), size.rows()));
            }
            Self::UnpinWindow(window) => {
                render_at("set-option -wu -t ", window, out);
                out.put_slice(b" window-size");
            }

            Self::Set(setting) => setting.render(out),
            Self::SetUser { scope, option, value } => {
                scope.render("set-option", "", out);
                put(out, format_args!(" {} ", option.name()));
                quote(value.as_bytes(), out);
            }
            Self::UnsetUser { scope, option } => {
                scope.render("set-option", "u", out);
                put(out, format_args!(" {}", option.name()));
            }
            Self::ShowUser { scope, option } => {
                scope.render("show-options", "qv", out);
                put(out, format_args!(" {}", option.name()));
            }
            Self::UnsetVariable(name) => put(out, format_args!("set-environment -gu {}", name.as_str())),
            Self::RemoveVariable(name) => put(out, format_args!("set-environment -gr {}", name.as_str())),
            Self::Bind(binding) => binding.render(out),
            Self::KeepInSession(session) => {
                render_at("set-option -t ", &Target::Named((*session).clone()), out);
                out.put_slice(b" detach-on-destroy off");
            }
            Self::UnbindRefresh => out.put_slice(b"unbind-key -q -T copy-mode r"),
            Self::UnbindAll(table) => put(out, format_args!("unbind-key -a -q -T {}", table.name())),

            Self::SendBytes { pane, bytes } => render_bytes(*pane, bytes.as_bytes(), out),
            Self::SendIfShown { pane, rows, bytes } => {
                render_at("if-shell -F -t ", &Target::Pane(*pane), out);
                out.put_u8(b' ');
                quote(shows(rows).as_bytes(), out);
                put(out, format_args!(" \"send-keys -t '{pane}' -H"));
                bytes.as_bytes().iter().for_each(|byte| put(out, format_args!(" {byte:02x}")));
                put(out, format_args!("\" \"display-message -p -t '{pane}' {}\"", Self::NOT_SHOWN));
            }
            Self::SendKey { pane, key } => match key.stroke() {
                Stroke::Bytes(bytes) => render_bytes(*pane, &bytes, out),
                Stroke::TmuxName(name) => {
                    render_at("send-keys -t ", &Target::Pane(*pane), out);
                    out.put_u8(b' ');
                    quote(name.as_bytes(), out);
                }
            },
            Self::SetBuffer { name, text } => {
                put(out, format_args!("set-buffer -b {name} -- "));
                quote(text.as_bytes(), out);
            }
            Self::LoadBuffer { name, path } => {
                put(out, format_args!("load-buffer -b {name} "));
                quote(&literal_in_format(path.as_bytes()), out);
            }
            Self::PasteBuffer { name, pane, bracketed, raw } => {
                let bracketed = if *bracketed { " -p" } else { "" };
                let raw = if *raw { " -S" } else { "" };
                render_at("if-shell -F -t ", &Target::Pane(*pane), out);
                // Nothing happens between the condition and the command: one run of tmux's queue.
                put(out, format_args!(" \"#{{pane_dead}}\" \"delete-buffer -b {name}\""));
                put(out, format_args!(" \"paste-buffer{bracketed}{raw} -r -d -b {name} -t '{pane}'\""));
            }
            Self::DescribePaste => out.put_slice(b"list-commands paste-buffer"),
            Self::DeleteBuffer(name) => put(out, format_args!("delete-buffer -b {name}")),
            Self::LeaveMode(pane) => render_at("copy-mode -q -t ", &Target::Pane(*pane), out),

            Self::CapturePane { pane, rows } => {
                render_at("capture-pane -p -e -N -t ", &Target::Pane(*pane), out);
                rows.render(out);
            }
            Self::CaptureText { pane, rows, joined } => {
                let how = if *joined { "J" } else { "N" };
                render_at(&format!("capture-pane -p -{how} -t "), &Target::Pane(*pane), out);
                rows.render(out);
            }
            Self::CaptureSaved(pane) => render_at("capture-pane -p -e -N -a -t ", &Target::Pane(*pane), out),
            Self::CapturePending(pane) => render_at("capture-pane -p -P -C -t ", &Target::Pane(*pane), out),

            Self::Show { target, format } => {
                out.put_slice(b"display-message -p ");
                if let Some(target) = target {
                    render_at("-t ", target, out);
                    out.put_u8(b' ');
                }
                quote(format.as_str().as_bytes(), out);
            }
            Self::ListPanes(format) => render_list("list-panes -a", *format, out),
            Self::ListWindows(format) => render_list("list-windows -a", *format, out),
            Self::ListClients(format) => render_list("list-clients", *format, out),

            Self::Subscribe { name, watched, format } => {
                out.put_slice(b"refresh-client -B ");
                let format = format.as_str();
                match watched {
                    Watched::Session => quote_plain(format_args!("{name}::{format}"), out),
                    Watched::Pane(pane) => quote_plain(format_args!("{name}:{pane}:{format}"), out),
                    Watched::AllPanes => quote_plain(format_args!("{name}:%*:{format}"), out),
                    Watched::AllWindows => quote_plain(format_args!("{name}:@*:{format}"), out),
                }
            }
            Self::Unsubscribe { name } => {
                out.put_slice(b"refresh-client -B ");
                quote_plain(name, out);
            }
            Self::PauseAfter(Some(seconds)) => {
                put(out, format_args!("refresh-client -f pause-after={seconds}"))
            }
            Self::PauseAfter(None) => out.put_slice(b"refresh-client -f \"!pause-after\""),
            Self::PausePane(pane) => {
                out.put_slice(b"refresh-client -A ");
                quote_plain(format_args!("{pane}:pause"), out);
            }
            Self::ContinuePane(pane) => {
                out.put_slice(b"refresh-client -A ");
                quote_plain(format_args!("{pane}:continue"), out);
            }
            Self::DetachClient(client) => {
                out.put_slice(b"detach-client -t ");
                quote(client.as_bytes(), out);
            }
        }
    }
}

/// Commands on one line: tmux reads them as a unit and lets nothing come between them, not one byte
/// of output. When one fails, those behind it are not executed and get no reply; when the line cannot
/// be read, there is one reply in all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandLine {
    text: BytesMut,
    replies: usize,
    /// Nothing can follow.
    ended: bool,
}

impl CommandLine {
    pub fn new(first: &Command<'_>) -> Self {
        let mut text = BytesMut::new();
        first.render(&mut text);
        Self { text, replies: first.replies(), ended: first.ends_line() }
    }

    /// Panics behind a command that has to be the last one.
    pub fn and(mut self, next: &Command<'_>) -> Self {
        assert!(!self.ended, "a command that has to be the last one of its line");
        self.ended = next.ends_line();
        self.text.put_slice(b" ; ");
        next.render(&mut self.text);
        self.replies += next.replies();
        self
    }

    /// How many replies come when all goes well.
    pub fn replies(&self) -> usize {
        self.replies
    }

    /// With the LF.
    pub fn into_bytes(mut self) -> Bytes {
        self.text.put_u8(b'\n');
        self.text.freeze()
    }
}

impl From<&Command<'_>> for CommandLine {
    fn from(command: &Command<'_>) -> Self {
        Self::new(command)
    }
}

impl Scope {
    fn render(&self, command: &str, flags: &str, out: &mut BytesMut) {
        let (scope, target) = match self {
            Self::Server => ("s", None),
            Self::Session(target) => ("", Some(target)),
            Self::Window(target) => ("w", Some(target)),
            Self::Pane(target) => ("p", Some(target)),
        };
        out.put_slice(command.as_bytes());
        if !(scope.is_empty() && flags.is_empty()) {
            put(out, format_args!(" -{scope}{flags}"));
        }
        if let Some(target) = target {
            render_at(" -t ", target, out);
        }
    }
}

fn render_at(command: &str, target: &Target, out: &mut BytesMut) {
    out.put_slice(command.as_bytes());
    target.render(out);
}

fn render_list(command: &str, format: Format, out: &mut BytesMut) {
    out.put_slice(command.as_bytes());
    out.put_slice(b" -F ");
    quote(format.as_str().as_bytes(), out);
}

fn render_program(cwd: AbsolutePath<'_>, program: &Program<'_>, out: &mut BytesMut) {
    out.put_slice(b" -c ");
    quote(&literal_in_format(cwd.as_bytes()), out);
    out.put_slice(b" -- ");
    program.render(out);
}

/// The condition that a pane shows each of these rows at its place: `C` with `r` searches the screen for a regular expression
/// and answers the first row that fits, counted from 1 (`window_pane_search` in window.c).
fn shows(rows: &[(u16, String)]) -> String {
    match rows {
        [] => "1".to_owned(),
        [(row, text)] => format!("#{{==:#{{C/r:^ *{} *$}},{}}}", expression(text.trim()), row + 1),
        rows => {
            // In halves: formats in formats are few levels deep.
            let (first, second) = rows.split_at(rows.len() / 2);
            format!("#{{&&:{},{}}}", shows(first), shows(second))
        }
    }
}

/// An extended regular expression for this text. What a format would read stands for any character.
fn expression(text: &str) -> String {
    let mut expression = String::new();
    for letter in text.chars() {
        match letter {
            '#' | '{' | '}' | '%' | '^' | '[' | ']' | '\\' | '`' => expression.push('.'),
            '.' | '*' | '(' | ')' | '+' | '?' | '|' | '$' => expression.extend(['[', letter, ']']),
            letter if letter.is_control() => expression.push('.'),
            letter => expression.push(letter),
        }
    }
    expression
}

fn render_bytes(pane: PaneId, bytes: &[u8], out: &mut BytesMut) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.reserve(32 + 3 * bytes.len());
    // On the way of every key, so without `fmt`: that costs 500 instructions.
    out.put_slice(b"send-keys -t \"%");
    out.put_slice(itoa::Buffer::new().format(pane.0).as_bytes());
    out.put_slice(b"\" -H");
    for &byte in bytes {
        out.put_slice(&[b' ', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
    }
}

fn put(out: &mut BytesMut, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("memory is the only limit");
}

#[cfg(test)]
mod tests;
