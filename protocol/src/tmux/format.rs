//! What tmux is asked about things, and how its answers are read.
//!
//! Each set of facts is one line: the fields stand in a fixed order with one space between them,
//! empty ones stay empty. The last may be free text with anything in it; the others are numbers, ids,
//! flags and names of ours. A printable separator is chosen because tmux versions differ in what they
//! do with control characters.

use super::{PaneId, RawText, TmuxSessionId, WindowId};

/// A format of tmux. Only those of this module exist: a free one could run shell commands (`#(…)`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format(&'static str);

impl Format {
    pub fn as_str(self) -> &'static str {
        self.0
    }
}

/// A set of facts: the format that asks for them, and the reader of the answer.
pub trait Facts: Sized {
    const FORMAT: Format;

    /// `None` when `line` is not an answer to [`Facts::FORMAT`].
    fn parse(line: &[u8]) -> Option<Self>;
}

macro_rules! facts {
    (
        $(#[$doc:meta])*
        $name:ident {
            $(#[$first_doc:meta])* $first:ident: $first_type:ty = $first_variable:literal,
            $( $(#[$field_doc:meta])* $field:ident: $type:ty = $variable:literal, )*
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name {
            $(#[$first_doc])* pub $first: $first_type,
            $( $(#[$field_doc])* pub $field: $type, )*
        }

        impl Facts for $name {
            const FORMAT: Format =
                Format(concat!("#{", $first_variable, "}", $(" #{", $variable, "}",)*));

            fn parse(line: &[u8]) -> Option<Self> {
                let count = [$first_variable, $($variable,)*].len();
                let mut fields = line.splitn(count, |&byte| byte == b' ');
                Some(Self {
                    $first: Field::parse(fields.next()?)?,
                    $( $field: Field::parse(fields.next()?)?, )*
                })
            }
        }
    };
}

facts! {
    /// A pane and where it is: `list-panes -a`. A window that is linked twice has its panes in the
    /// list twice, once for each session.
    PaneFacts {
        session: TmuxSessionId = "session_id",
        window: WindowId = "window_id",
        pane: PaneId = "pane_id",
        /// The process that tmux started in the pane. It stays when the process has ended.
        pid: i32 = "pane_pid",
        dead: bool = "pane_dead",
        /// tmux forgets it at times: the shim's word counts.
        dead_status: Option<i32> = "pane_dead_status",
        dead_signal: Option<Signal> = "pane_dead_signal",
        in_mode: bool = "pane_in_mode",
        tty: RawText = "pane_tty",
        cols: u16 = "pane_width",
        rows: u16 = "pane_height",
        alternate_on: bool = "alternate_on",
        /// Lines.
        history_size: u32 = "history_size",
        /// Lines.
        history_limit: u32 = "history_limit",
        /// [`UserOption::ID`](super::UserOption::ID); empty when the pane is not ours.
        id: RawText = "@cp_id",
        session_name: RawText = "session_name",
    }
}

facts! {
    /// Cursor and modes of a pane: with a capture taken in the same line, its whole visible state as
    /// far as tmux tells it.
    ScreenFacts {
        cols: u16 = "pane_width",
        rows: u16 = "pane_height",
        /// From 0. Equal to `cols` when the next character goes to the next line.
        cursor_x: u16 = "cursor_x",
        /// From 0.
        cursor_y: u16 = "cursor_y",
        cursor_visible: bool = "cursor_flag",
        insert: bool = "insert_flag",
        wrap: bool = "wrap_flag",
        origin: bool = "origin_flag",
        keypad: bool = "keypad_flag",
        /// Application cursor keys (DECCKM).
        cursor_keys: bool = "keypad_cursor_flag",
        scroll_upper: u16 = "scroll_region_upper",
        scroll_lower: u16 = "scroll_region_lower",
        /// Any kind of mouse reporting.
        mouse_any: bool = "mouse_any_flag",
        /// 1000.
        mouse_standard: bool = "mouse_standard_flag",
        /// 1002.
        mouse_button: bool = "mouse_button_flag",
        /// 1003.
        mouse_all: bool = "mouse_all_flag",
        /// 1006.
        mouse_sgr: bool = "mouse_sgr_flag",
        /// 1005.
        mouse_utf8: bool = "mouse_utf8_flag",
        alternate_on: bool = "alternate_on",
        /// The cursor of the main screen while the alternate one is on; `u32::MAX` when none is saved.
        saved_x: u32 = "alternate_saved_x",
        saved_y: u32 = "alternate_saved_y",
        /// Lines.
        history_size: u32 = "history_size",
        in_mode: bool = "pane_in_mode",
        tabs: Tabs = "pane_tabs",
    }
}

facts! {
    /// Whether a pane's program has ended, for a subscription.
    PaneEnd {
        dead: bool = "pane_dead",
        status: Option<i32> = "pane_dead_status",
        signal: Option<Signal> = "pane_dead_signal",
        in_mode: bool = "pane_in_mode",
        pane: PaneId = "pane_id",
    }
}

facts! {
    /// A window in a session: `list-windows -a`.
    WindowFacts {
        session: TmuxSessionId = "session_id",
        window: WindowId = "window_id",
        index: u32 = "window_index",
        cols: u16 = "window_width",
        rows: u16 = "window_height",
        panes: u32 = "window_panes",
        /// In how many sessions the window is.
        linked_sessions: u32 = "window_linked_sessions",
        session_name: RawText = "session_name",
    }
}

facts! {
    /// A client of the server: `list-clients`.
    ClientFacts {
        pid: i32 = "client_pid",
        /// A connection like ours.
        control_mode: bool = "client_control_mode",
        session: Option<TmuxSessionId> = "session_id",
        /// Unknown for connections like ours, which have no screen.
        cols: Option<u16> = "client_width",
        rows: Option<u16> = "client_height",
        /// When a key was pressed there last: Unix time, seconds.
        activity: u64 = "client_activity",
        /// `/dev/pts/7`, or `client-1234`.
        name: RawText = "client_name",
        session_name: RawText = "session_name",
    }
}

facts! {
    /// A server. `pid` and `start_time` together tell two servers apart, which give out the same ids.
    ServerFacts {
        version: RawText = "version",
        pid: i32 = "pid",
        /// Unix time, seconds.
        start_time: u64 = "start_time",
        /// [`UserOption::OWNER`](super::UserOption::OWNER); empty when nobody owns the server.
        owner: RawText = "@cp_owner",
    }
}

facts! {
    /// What `new-session` and `new-window` made.
    Created {
        session: TmuxSessionId = "session_id",
        window: WindowId = "window_id",
        pane: PaneId = "pane_id",
        pid: i32 = "pane_pid",
    }
}

/// The number of a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signal(pub i32);

/// The columns of the tab stops, from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tabs(pub Vec<u16>);

trait Field: Sized {
    fn parse(text: &[u8]) -> Option<Self>;
}

macro_rules! number_fields {
    ($($type:ty),*) => {$(
        impl Field for $type {
            fn parse(text: &[u8]) -> Option<Self> {
                std::str::from_utf8(text).ok()?.parse().ok()
            }
        }
    )*};
}

number_fields!(u16, u32, u64, i32);

macro_rules! id_fields {
    ($($type:ty),*) => {$(
        impl Field for $type {
            fn parse(text: &[u8]) -> Option<Self> {
                <$type>::parse(text)
            }
        }
    )*};
}

id_fields!(PaneId, WindowId, TmuxSessionId);

/// A flag that a version of tmux does not know is empty: off.
impl Field for bool {
    fn parse(text: &[u8]) -> Option<Self> {
        match text {
            b"1" => Some(true),
            b"0" | b"" => Some(false),
            _ => None,
        }
    }
}

impl<T: Field> Field for Option<T> {
    fn parse(text: &[u8]) -> Option<Self> {
        if text.is_empty() { Some(None) } else { T::parse(text).map(Some) }
    }
}

impl Field for RawText {
    fn parse(text: &[u8]) -> Option<Self> {
        Some(Self::from(text))
    }
}

/// A number on Linux; a name where the C library knows names (macOS, the BSDs).
impl Field for Signal {
    fn parse(text: &[u8]) -> Option<Self> {
        let number = match text.to_ascii_lowercase().as_slice() {
            b"hup" => 1,
            b"int" => 2,
            b"quit" => 3,
            b"ill" => 4,
            b"trap" => 5,
            b"abrt" => 6,
            b"fpe" => 8,
            b"kill" => 9,
            b"segv" => 11,
            b"pipe" => 13,
            b"alrm" => 14,
            b"term" => 15,
            other => i32::parse(other)?,
        };
        Some(Self(number))
    }
}

impl Field for Tabs {
    fn parse(text: &[u8]) -> Option<Self> {
        if text.is_empty() {
            return Some(Self(Vec::new()));
        }
        text.split(|&byte| byte == b',').map(u16::parse).collect::<Option<_>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_names_its_variables_in_order() {
        assert_eq!(Created::FORMAT.as_str(), "#{session_id} #{window_id} #{pane_id} #{pane_pid}");
        assert_eq!(
            Created::parse(b"$1 @2 %3 44"),
            Some(Created { session: TmuxSessionId(1), window: WindowId(2), pane: PaneId(3), pid: 44 })
        );
        for bad in [&b""[..], b"$1 @2 %3", b"$1 @2 %3 44 5", b"@2 $1 %3 44", b"$1  @2 %3 44"] {
            assert_eq!(Created::parse(bad), None, "{}", bad.escape_ascii());
        }
    }

    #[test]
    fn empty_fields_stay_in_their_place() {
        let pane = PaneFacts::parse(b"$1 @1 %1 4711 1  9 0 /dev/pts/3 80 24 0 12 2000 0b6e7a3e-1 two words")
            .unwrap();
        assert_eq!((pane.dead_status, pane.dead_signal), (None, Some(Signal(9))));
        assert_eq!(&pane.session_name, "two words");
        let foreign = PaneFacts::parse(b"$1 @1 %1 4711 0   0 /dev/pts/3 80 24 0 12 2000  hub").unwrap();
        assert_eq!((&foreign.id, &foreign.session_name), (&RawText::default(), &RawText::from(&b"hub"[..])));
        assert_eq!(ServerFacts::parse(b"3.3a 12 34 ").unwrap().owner, RawText::default());
    }

    #[test]
    fn a_screen_is_read() {
        let screen =
            ScreenFacts::parse(b"80 24 3 4 1 0 1 0 0 0 0 23 0 0 0 0 0 0 0 4294967295 4294967295 0 0 8,16,24")
                .unwrap();
        assert_eq!((screen.cursor_x, screen.cursor_y, screen.scroll_lower), (3, 4, 23));
        assert_eq!(screen.tabs, Tabs(vec![8, 16, 24]));
        assert_eq!(screen.saved_x, u32::MAX);
    }

    #[test]
    fn signals_have_numbers_or_names() {
        assert_eq!(Signal::parse(b"9"), Some(Signal(9)));
        assert_eq!(Signal::parse(b"Kill"), Some(Signal(9)));
        assert_eq!(Signal::parse(b"?"), None);
    }
}
