mod json;
mod raw;
mod text;

use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use codepiper_protocol::event::Event;
use codepiper_protocol::wire::session::Exit;
use codepiper_protocol::wire::stream::{Begin, Delivery, GapReason, KeyframeReason, Lost};
use codepiper_protocol::{Cursor, Size};

use super::failure::{Failure, OF_SESSIONS, Outcome, exit_codes};
use super::follow::Follow;
use super::time::Since;
use super::view::View;
use super::{Context, output};
use crate::client::{Client, Item};

/// Lines shown when nothing else is said.
const LINES: u32 = 50;
/// What a shell reports for Ctrl+C.
const INTERRUPTED: u8 = 130;
/// An unfinished line is shown when nothing was printed for this long.
const QUIET: Duration = Duration::from_millis(200);

/// Print the output of a session
///
/// As text: what a terminal would show in its scrollback and on its screen. With --raw, and when following on a
/// terminal: the bytes with their escape sequences.
#[derive(Args)]
#[command(after_help = exit_codes(OF_SESSIONS))]
pub(super) struct Tail {
    /// Session id, unique id prefix, or name
    #[arg(value_name = "ID")]
    session: String,
    /// Number of last lines [default: 50, or all with --from and --since]
    #[arg(short = 'n', value_name = "N|all")]
    lines: Option<Lines>,
    /// Keep printing new output until the session ends
    #[arg(short, long)]
    follow: bool,
    /// Print the raw bytes
    #[arg(long, conflicts_with = "json")]
    raw: bool,
    /// Print one JSON object per line: {"type": "output", "cursor", "text"}, with the cursor after the text,
    /// and "base64" instead of "text" for what is not UTF-8; {"type": "event", "cursor", "event"} for what
    /// happened there, including input and resizes; types "keyframe", "gap", "ended"
    #[arg(long)]
    json: bool,
    /// Start right after this cursor
    #[arg(long, value_name = "CURSOR", conflicts_with = "since")]
    from: Option<Cursor>,
    /// Start at a time like 2026-11-22T10:00:00Z, or an age like 10m
    #[arg(long, value_name = "TIME")]
    since: Option<Since>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Lines {
    Last(u32),
    All,
}

impl FromStr for Lines {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse() {
            Ok(lines) => Ok(Lines::Last(lines)),
            Err(_) if text == "all" => Ok(Lines::All),
            Err(_) => Err("use a number of lines, or all".to_owned()),
        }
    }
}

impl Tail {
    pub(super) fn run(self, context: Context) -> Outcome {
        let client = context.client()?;
        context.follow(self.print(client))
    }

    async fn print(self, client: Client) -> Outcome {
        let from = self.begin();
        let follow = Follow::begin(client, &self.session, from, Delivery::Every, self.json).await?;
        let kept = match self.kept() {
            Lines::Last(lines) => Some(lines as usize),
            Lines::All => None,
        };
        let on_terminal = output::is_terminal();
        if self.json {
            print(follow, json::Json::default(), from, self.follow).await
        } else if on_terminal && self.follow {
            watch(follow).await
        } else if self.raw && on_terminal {
            let (view, mut leave) = View::enter()?;
            tokio::select! {
                printed = print(follow, raw::Raw::new(kept, Some(view))?, from, false) => printed,
                () = leave.wanted() => Err(Failure::Silent { code: INTERRUPTED }),
            }
        } else if self.raw {
            print(follow, raw::Raw::new(kept, None)?, from, self.follow).await
        } else {
            let text = text::Text::new(follow.stream.size, kept, self.follow);
            print(follow, text, from, self.follow).await
        }
    }

    fn begin(&self) -> Begin {
        match (self.from, self.since, self.kept()) {
            (Some(cursor), ..) => Begin::Cursor(cursor),
            (_, Some(Since(time)), _) => Begin::Since(time.as_millisecond()),
            (.., Lines::Last(lines)) => Begin::Lines(lines),
            (.., Lines::All) => Begin::Start,
        }
    }

    fn kept(&self) -> Lines {
        let all = self.from.is_some() || self.since.is_some();
        self.lines.unwrap_or(if all { Lines::All } else { Lines::Last(LINES) })
    }
}

/// A way to write a session's output to stdout. What was kept is history until `caught_up`.
trait Printer {
    fn output(&mut self, bytes: &[u8], end: Cursor) -> Outcome;

    fn keyframe(&mut self, cursor: Cursor, size: Size, reason: KeyframeReason, screen: &[u8]) -> Outcome;

    fn gap(&mut self, cursor: Cursor, reason: GapReason, lost: Lost) -> Outcome;

    /// Something happened to the session; only asked for as JSON.
    fn event(&mut self, _: Cursor, _: &Event) -> Outcome {
        Ok(())
    }

    fn caught_up(&mut self) -> Outcome;

    /// Nothing was printed for a while.
    fn quiet(&mut self) -> Outcome;

    /// Nothing more will come, or more is not wanted.
    fn finish(&mut self) -> Outcome;

    fn ended(&mut self, cursor: Cursor, exit: Option<Exit>) -> Outcome;
}

async fn print(mut follow: Follow, mut printer: impl Printer, from: Begin, live: bool) -> Outcome {
    let (mut caught_up, mut ended, mut unsettled) = (false, false, false);
    let (mut gap, mut unreadable) = (None, false);
    let first = follow.stream.cursor;
    if from == Begin::Start && first.offset > 0 {
        printer.gap(first, GapReason::Evicted, Lost::Bytes(first.offset))?;
    }
    loop {
        let item = tokio::select! {
            biased;
            item = follow.next() => item?,
            () = tokio::time::sleep(QUIET), if unsettled => {
                printer.quiet()?;
                unsettled = false;
                continue;
            }
        };
        match item {
            Item::Output(bytes) => {
                printer.output(&bytes, follow.stream.cursor)?;
                (ended, unsettled) = (false, caught_up);
            }
            Item::Keyframe { cursor, size, reason, bytes } => {
                // Most often a gap has just said more about it.
                if reason == KeyframeReason::Discontinuity && gap != Some(cursor) {
                    printer.gap(cursor, GapReason::DaemonAway, Lost::Unknown)?;
                }
                printer.keyframe(cursor, size, reason, &bytes)?;
                ended &= reason != KeyframeReason::Launch;
            }
            Item::Gap { cursor, reason, lost } => {
                printer.gap(cursor, reason, lost)?;
                gap = Some(cursor);
                unreadable |= reason == GapReason::Unreadable;
            }
            Item::Ended { cursor, exit } => {
                printer.ended(cursor, exit)?;
                ended = true;
            }
            Item::CaughtUp { .. } => {
                printer.caught_up()?;
                (caught_up, unsettled) = (true, true);
            }
            Item::Event(event) => printer.event(follow.stream.cursor, &event)?,
            Item::Session => {}
        }
        if caught_up && (ended || !live) {
            printer.finish()?;
            return match unreadable {
                true => {
                    Err(Failure::new("some of the stored output cannot be read now; see `codepiper doctor`"))
                }
                false => Ok(()),
            };
        }
    }
}

/// Follows on a terminal: the same bytes, and the terminal is left as it was.
async fn watch(mut follow: Follow) -> Outcome {
    let (mut caught_up, mut ended) = (false, false);
    let (mut view, mut leave) = View::enter()?;
    loop {
        let item = tokio::select! {
            item = follow.next() => item?,
            () = leave.wanted() => return Err(Failure::Silent { code: INTERRUPTED }),
        };
        match item {
            Item::Output(bytes) => {
                view.output(&bytes)?;
                ended = false;
            }
            Item::Keyframe { bytes, reason, .. } => {
                view.keyframe(&bytes)?;
                ended &= reason != KeyframeReason::Launch;
            }
            Item::Gap { reason, lost, .. } => {
                if let Some(marker) = gap_marker(reason, lost) {
                    view.say(&marker);
                }
            }
            Item::Ended { .. } => ended = true,
            Item::CaughtUp { .. } => caught_up = true,
            Item::Session | Item::Event(_) => {}
        }
        if caught_up && ended {
            return Ok(());
        }
    }
}

/// What a person reads where output is missing.
fn gap_marker(reason: GapReason, lost: Lost) -> Option<String> {
    let what = match lost {
        Lost::Nothing => return None,
        Lost::Bytes(1) => "1 byte of output".to_owned(),
        Lost::Bytes(bytes) => format!("{} bytes of output", grouped(bytes)),
        Lost::Lines(1) => "1 line of output".to_owned(),
        Lost::Lines(lines) => format!("{} lines of output", grouped(lines)),
        Lost::Unknown => "an unknown amount of output".to_owned(),
    };
    Some(match reason {
        GapReason::Evicted => format!("… missing: {what}, no longer kept …"),
        GapReason::Unreadable => format!("… missing: {what}, which cannot be read now …"),
        GapReason::DaemonAway => format!("… missing: {what}, printed while the daemon was away …"),
        GapReason::Paused => format!("… missing: {what}, discarded by tmux …"),
        GapReason::Behind => format!("… missing: {what}, skipped …"),
    })
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_say_how_much_is_missing() {
        assert_eq!(
            gap_marker(GapReason::Evicted, Lost::Bytes(12_345)).as_deref(),
            Some("… missing: 12,345 bytes of output, no longer kept …")
        );
        assert_eq!(
            ["0", "999", "1,000", "1,234,567"],
            [0, 999, 1000, 1_234_567].map(grouped).each_ref().map(String::as_str)
        );
    }

    #[test]
    fn lines_are_a_number_or_all() {
        assert_eq!("all".parse(), Ok(Lines::All));
        assert_eq!("0".parse(), Ok(Lines::Last(0)));
        for bad in ["", "-1", "some"] {
            assert!(bad.parse::<Lines>().is_err(), "{bad}");
        }
    }
}
