//! What a program says of itself in its output: control strings and bells.
//!
//! A report proves only what the program *says*.
//!
//! The screen's parser sees the same strings, and is not asked for them: it runs in a thread of its own that is woken late
//! on purpose ([`Screens::feed`](super::screens::Screens::feed)), so a state would come when that thread does. Here they are
//! found while the output is published, by a search for ESC and BEL that passes over everything else.
//! Measured on output with titles and colours: 344 MB/s, where `vte` alone, without any work for what it finds, has 55.

use std::fmt;

use codepiper_protocol::wire::status::StatusReport;
use memchr::memchr2;

use super::status::{self, Sequence};

/// Longer control strings are passed over.
const MAX_STRING: usize = 16 * 1024;

const BEL: u8 = 0x07;
const CAN: u8 = 0x18;
const SUB: u8 = 0x1a;
const ESC: u8 = 0x1b;

/// One thing a program reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// OSC 0 or 2.
    Title(String),
    Bell,
    /// OSC 9, 99 or 777.
    Notification {
        title: Option<String>,
        text: String,
    },
    /// OSC 9;4: `state` is 0 (off) to 4, `percent` up to 100.
    Progress {
        state: u8,
        percent: Option<u8>,
    },
    /// OSC 7501: what the program says about itself.
    Status(StatusReport),
    /// It asks whether OSC 7501 is understood.
    StatusQuery,
    /// It resets the terminal (`ESC c`).
    Reset,
    /// OSC 133: `A` prompt, `B` command line, `C` output, `D` end with the exit status if it has one.
    PromptMark {
        mark: char,
        status: Option<i32>,
    },
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Report::Title(title) => write!(f, "the title '{}'", title.escape_debug()),
            Report::Bell => f.write_str("a bell"),
            Report::Notification { text, .. } => write!(f, "'{}'", text.escape_debug()),
            Report::Progress { state: 0, .. } => f.write_str("no progress"),
            Report::Progress { percent: Some(percent), .. } => write!(f, "progress of {percent} %"),
            Report::Progress { .. } => f.write_str("progress"),
            Report::Status(StatusReport { state: None, .. }) => f.write_str("that it no longer has a state"),
            Report::Status(StatusReport { state: Some(state), kind: Some(kind), .. }) => {
                write!(f, "the state '{state}' ({kind})")
            }
            Report::Status(StatusReport { state: Some(state), .. }) => write!(f, "the state '{state}'"),
            Report::StatusQuery => f.write_str("a query"),
            Report::Reset => f.write_str("a reset"),
            Report::PromptMark { mark, .. } => write!(f, "the prompt mark {mark}"),
        }
    }
}

/// Finds reports in a stream that may be cut anywhere, also inside tmux's passthrough wrapping
/// (`ESC P tmux; … ESC \` with every inner ESC doubled).
#[derive(Default)]
pub struct Scanner {
    state: State,
    string: Vec<u8>,
    /// How many strings have begun.
    begun: u64,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum State {
    #[default]
    Ground,
    Escape,
    String(Kind),
    /// An ESC inside a string: `\` ends it.
    StringEscape(Kind),
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Osc,
    Dcs,
    /// SOS, PM, APC, and tmux's `ESC k`: nothing in them is a report.
    Other,
}

impl Scanner {
    /// Calls `on` for each report with the index right behind its last byte.
    pub fn scan(&mut self, bytes: &[u8], on: &mut dyn FnMut(usize, Report)) {
        let mut index = 0;
        while index < bytes.len() {
            let rest = &bytes[index..];
            match self.state {
                State::Ground => match memchr2(ESC, BEL, rest) {
                    None => return,
                    Some(found) => {
                        index += found + 1;
                        if rest[found] == BEL {
                            on(index, Report::Bell);
                        } else {
                            self.state = State::Escape;
                        }
                    }
                },
                State::Escape => {
                    index += 1;
                    self.string.clear();
                    if rest[0] == b'c' {
                        on(index, Report::Reset);
                    }
                    self.state = behind_escape(rest[0]);
                    self.begun += u64::from(self.state != State::Escape && self.state != State::Ground);
                }
                State::String(kind) => {
                    let end = string_end(kind, rest);
                    self.keep(kind, &rest[..end.unwrap_or(rest.len())]);
                    let Some(end) = end else { return };
                    index += end + 1;
                    self.state = match rest[end] {
                        ESC => State::StringEscape(kind),
                        BEL => {
                            self.finish(kind, index, on);
                            State::Ground
                        }
                        _ => State::Ground,
                    };
                }
                State::StringEscape(kind) => match rest[0] {
                    b'\\' => {
                        index += 1;
                        self.state = State::Ground;
                        self.finish(kind, index, on);
                    }
                    ESC if kind == Kind::Dcs => {
                        index += 1;
                        self.keep(kind, &[ESC]);
                        self.state = State::String(kind);
                    }
                    // An ESC that does not end the string aborts it and begins something else.
                    _ => self.state = State::Escape,
                },
            }
        }
    }

    /// The number of the control string that it is in.
    pub fn in_string(&self) -> Option<u64> {
        let is_in = matches!(self.state, State::String(_) | State::StringEscape(Kind::Dcs));
        is_in.then_some(self.begun)
    }

    fn keep(&mut self, kind: Kind, bytes: &[u8]) {
        // One byte beyond the limit marks the string as too long.
        let room = (MAX_STRING + 1).saturating_sub(self.string.len());
        if kind != Kind::Other {
            self.string.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
    }

    fn finish(&mut self, kind: Kind, index: usize, on: &mut dyn FnMut(usize, Report)) {
        let string = std::mem::take(&mut self.string);
        if string.len() > MAX_STRING {
            return;
        }
        match kind {
            Kind::Osc => {
                if let Some(report) = osc(&string) {
                    on(index, report);
                }
            }
            Kind::Dcs => {
                if let Some(inner) = string.strip_prefix(b"tmux;") {
                    // What is wrapped ends where the wrapping ends.
                    Scanner::default().scan(inner, &mut |_, report| on(index, report));
                }
            }
            Kind::Other => {}
        }
        self.string = string;
    }
}

/// What begins with ESC and this byte.
fn behind_escape(byte: u8) -> State {
    match byte {
        b']' => State::String(Kind::Osc),
        b'P' => State::String(Kind::Dcs),
        b'X' | b'^' | b'_' | b'k' => State::String(Kind::Other),
        ESC => State::Escape,
        _ => State::Ground,
    }
}

/// Where a byte ends the string or may do so. BEL ends only an OSC.
fn string_end(kind: Kind, bytes: &[u8]) -> Option<usize> {
    let escape = match kind {
        Kind::Osc => memchr2(ESC, BEL, bytes),
        Kind::Dcs | Kind::Other => memchr::memchr(ESC, bytes),
    };
    let until = escape.unwrap_or(bytes.len());
    memchr2(CAN, SUB, &bytes[..until]).or(escape)
}

fn osc(body: &[u8]) -> Option<Report> {
    let body = String::from_utf8_lossy(body);
    let (number, rest) = body.split_once(';').unwrap_or((&body, ""));
    match number {
        "0" | "2" => Some(Report::Title(rest.to_owned())),
        "9" => match rest.strip_prefix("4;") {
            Some(progress) => {
                let (state, percent) = progress.split_once(';').unwrap_or((progress, ""));
                let percent = percent.parse().ok().filter(|percent| *percent <= 100);
                Some(Report::Progress { state: state.parse().ok().filter(|state| *state <= 4)?, percent })
            }
            None => Some(Report::Notification { title: None, text: rest.to_owned() }),
        },
        // Kitty: metadata, then the text; only plain, whole notifications are understood.
        "99" => {
            let (_, text) = rest.split_once(';')?;
            (!text.is_empty()).then(|| Report::Notification { title: None, text: text.to_owned() })
        }
        "777" => {
            let (title, text) = rest.strip_prefix("notify;")?.split_once(';')?;
            Some(Report::Notification { title: Some(title.to_owned()), text: text.to_owned() })
        }
        "133" => {
            let mut parts = rest.split(';');
            let mark = parts.next()?.chars().next()?;
            let status = parts.next().and_then(|status| status.parse().ok());
            Some(Report::PromptMark { mark, status })
        }
        "7501" => Some(match status::parse(rest)? {
            Sequence::Query => Report::StatusQuery,
            Sequence::Report(report) => Report::Status(report),
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use codepiper_protocol::wire::status::{BlockedKind, ProgramState};

    use super::*;

    #[test]
    fn it_is_known_in_which_string_the_stream_is() {
        let mut scanner = Scanner::default();
        let mut after = |bytes: &[u8]| {
            scanner.scan(bytes, &mut |_, _| {});
            scanner.in_string()
        };
        assert_eq!(after(b"text\x1b[1m"), None);
        let first = after(b"\x1b]0;ti");
        assert!(first.is_some());
        assert_eq!(after(b"tle"), first, "it goes on");
        let next = after(b"\x07\x1bPq\x1b");
        assert!(next.is_some() && next != first, "another one");
        assert_eq!(after(b"\\"), None);
        assert!(after(b"\x1b_x").is_some());
        assert_eq!(after(b"\x1b"), None, "an escape aborts it");
    }

    fn scan_in(pieces: &[&[u8]]) -> Vec<Report> {
        let mut scanner = Scanner::default();
        let mut found = Vec::new();
        for piece in pieces {
            scanner.scan(piece, &mut |_, report| found.push(report));
        }
        found
    }

    const SAMPLE: &[u8] = b"a\x1b]0;one\x07b\x07\x1b]2;two\x1b\\c\x1b[31mred\x1b]9;hello\x07\
        \x1bPtmux;\x1b\x1b]777;notify;Title;text\x07\x1b\\\x1b]9;4;3;50\x07\x1b]7501;state=blocked:kind=permission:app=codex\x1b\\\
        \x1b]7501;?\x1b\\\x1bc\x1b]133;D;7\x07\x1b_apc \x07 text\x1b\\\x1bktitle\x1b\\\x1b]99;i=1;kitty\x07\x1b]5379;x\x07";

    fn expected() -> Vec<Report> {
        let notification = |title: Option<&str>, text: &str| Report::Notification {
            title: title.map(str::to_owned),
            text: text.to_owned(),
        };
        vec![
            Report::Title("one".into()),
            Report::Bell,
            Report::Title("two".into()),
            notification(None, "hello"),
            notification(Some("Title"), "text"),
            Report::Progress { state: 3, percent: Some(50) },
            Report::Status(StatusReport {
                kind: Some(BlockedKind::Permission),
                app: Some("codex".into()),
                ..StatusReport::new(Some(ProgramState::Blocked))
            }),
            Report::StatusQuery,
            Report::Reset,
            Report::PromptMark { mark: 'D', status: Some(7) },
            notification(None, "kitty"),
        ]
    }

    #[test]
    fn every_report_is_found_wherever_the_stream_is_cut() {
        assert_eq!(scan_in(&[SAMPLE]), expected());
        for cut in 0..SAMPLE.len() {
            assert_eq!(scan_in(&[&SAMPLE[..cut], &SAMPLE[cut..]]), expected(), "cut at {cut}");
        }
        let bytes: Vec<&[u8]> = SAMPLE.chunks(1).collect();
        assert_eq!(scan_in(&bytes), expected());
    }

    #[test]
    fn broken_and_huge_strings_report_nothing_and_do_no_harm() {
        let huge = [b"\x1b]0;".as_slice(), &vec![b'x'; 1 << 20], b"\x07\x1b]2;after\x07"].concat();
        assert_eq!(scan_in(&[&huge]), [Report::Title("after".into())]);
        assert_eq!(scan_in(&[b"\x1b]0;cut\x18\x1b]2;x\x07"]), [Report::Title("x".into())]);
        assert_eq!(scan_in(&[b"\x1b]0;cut\x1b]2;x\x07"]), [Report::Title("x".into())]);
        assert_eq!(scan_in(&[b"\x1b]9;4;9;1\x07\x1b]777;x\x07\x1b]7501;app=x\x07"]), []);
    }

    #[test]
    fn a_report_names_the_place_behind_it() {
        let mut places = Vec::new();
        Scanner::default().scan(b"ab\x07\x1b]0;t\x07cd", &mut |index, _| places.push(index));
        assert_eq!(places, [3, 9]);
    }
}
