use std::time::Duration;

use clap::Args;
use codepiper_protocol::wire::session::{Activity, Session};
use codepiper_protocol::wire::stream::{Begin, Delivery, KeyframeReason};
use codepiper_protocol::{Cursor, Size};
use jiff::Timestamp;
use regex::Regex;
use serde::Serialize;
use tokio::time::Instant;

use super::condition::Condition;
use super::failure::{Failure, OF_LIVE_SESSIONS, Outcome, exit_codes};
use super::follow::Follow;
use super::{Context, output, time};
use crate::client::{Client, Item};
use crate::terminal::text::{Continues, Line, TextLines};

/// A question that is still being drawn cannot be answered: keys that come too early are lost. It is there when
/// nothing was printed for so long,
const DRAWN: Duration = Duration::from_millis(250);
/// or the program has waited for so long: some go on drawing.
const DRAWN_LIMIT: Duration = Duration::from_secs(3);
/// An agent that says that it is idle may still paint the end of its answer. It has when nothing was printed for so long,
const PAINTED: Duration = Duration::from_millis(100);
/// or it has been idle for so long.
const PAINTED_LIMIT: Duration = Duration::from_secs(1);

/// Wait for a condition in a session
///
/// With --from, everything since the cursor counts; `send --json` and `sessions show --json` print cursors. Without it,
/// the present state and screen count, and what follows.
#[derive(Args)]
#[command(after_help = exit_codes(OF_LIVE_SESSIONS))]
pub(super) struct Wait {
    /// Session id, unique id prefix, or name
    #[arg(value_name = "ID")]
    session: String,
    /// exit, quiet=SECONDS (no output), text=REGEX (a line of the rendered output matches), idle, idle! (the turn
    /// is over, whatever it left running), or waiting (for an answer, with its question on the screen)
    #[arg(long, value_name = "CONDITION")]
    until: Condition,
    /// Count from this cursor
    #[arg(long, value_name = "CURSOR")]
    from: Option<Cursor>,
    /// Maximum time to wait
    #[arg(long, value_name = "SECONDS", value_parser = time::seconds)]
    timeout: Option<Duration>,
    /// Print one JSON object: {"cursor", "line", "session"}, with the line that matched
    #[arg(long)]
    json: bool,
}

/// Where it happened.
#[derive(Debug, Serialize)]
pub(super) struct Happened {
    cursor: Cursor,
    line: Option<String>,
    session: Session,
}

impl Wait {
    pub(super) fn run(self, context: Context) -> Outcome {
        let client = context.client()?;
        let happened = until(client, &self.session, &self.until, self.from, self.timeout);
        let happened = context.block_on(happened)??;
        if self.json { output::json(&happened) } else { Ok(()) }
    }
}

/// Waits until the condition holds, counted from the cursor, or from now.
pub(super) async fn until(
    client: Client,
    session: &str,
    condition: &Condition,
    from: Option<Cursor>,
    timeout: Option<Duration>,
) -> Result<Happened, Failure> {
    let watch = async {
        let begin = from.map_or(Begin::Live, Begin::Cursor);
        let asked = client.clone();
        let follow = Follow::begin(client, session, begin, Delivery::Every, false).await?;
        let delay = match condition {
            Condition::Waiting => question_delay(&asked, &follow.stream.session.provider).await,
            _ => Duration::ZERO,
        };
        Watch::new(follow, condition, from, delay).run().await
    };
    // What was waited for did not happen when nobody listens any more.
    let watch = async {
        output::while_read(watch).await.map_err(|failure| match failure {
            Failure::OutputClosed => Failure::Silent { code: 1 },
            failure => failure,
        })
    };
    let limit = timeout.unwrap_or(Duration::MAX);
    tokio::time::timeout(limit, watch).await.unwrap_or_else(|_| {
        let (expected, limit) = (condition.expected(), limit.as_secs_f64());
        Err(Failure::timeout(format_args!(
            "timed out: session {session} did not {expected} within {limit} s"
        )))
    })
}

/// How long after it has said that it waits the question of such a program comes to the screen. Programs of a session,
/// which may not ask that, do without.
async fn question_delay(client: &Client, provider: &str) -> Duration {
    let providers = client.providers().await.unwrap_or_default();
    let found = providers.into_iter().find(|known| known.name == provider);
    found.map_or(Duration::ZERO, |provider| Duration::from_millis(provider.question_delay_ms.into()))
}

struct Watch<'a> {
    follow: Follow,
    condition: &'a Condition,
    from: Option<Cursor>,
    /// See [`question_delay`].
    question_delay: Duration,
    /// Everything from before this command began was seen.
    caught_up: bool,
    /// When the last output came, or this wait began.
    printed: Instant,
    lines: TextLines,
}

impl<'a> Watch<'a> {
    fn new(follow: Follow, condition: &'a Condition, from: Option<Cursor>, question_delay: Duration) -> Self {
        let mut lines = TextLines::new(follow.stream.size);
        // From the first byte on: a line that is overwritten before it scrolls off counts too.
        lines.follow(&mut |_| {});
        Self { follow, condition, from, question_delay, caught_up: false, printed: Instant::now(), lines }
    }

    async fn run(mut self) -> Result<Happened, Failure> {
        loop {
            let holds_at = self.holds_at();
            if holds_at.is_some_and(|at| at <= Instant::now()) {
                return Ok(self.happened(None));
            }
            let item = tokio::select! {
                item = self.follow.next() => item?,
                () = reach(holds_at) => return Ok(self.happened(None)),
            };
            let line = match item {
                Item::Output(bytes) => {
                    self.printed = Instant::now();
                    self.line_in(&bytes)
                }
                Item::Keyframe { size, reason, bytes, .. } => self.line_on_screen(size, reason, &bytes),
                Item::CaughtUp { .. } => {
                    self.caught_up = true;
                    if !self.is_live() {
                        return self.ended();
                    }
                    None
                }
                // At the cursor itself, it is the end of an earlier run of a session that was resumed.
                Item::Ended { cursor, .. } if self.caught_up || self.from != Some(cursor) => {
                    return self.ended();
                }
                Item::Session if self.caught_up && self.at_anchor() && !self.is_live() => {
                    return self.ended();
                }
                Item::Ended { .. } | Item::Session | Item::Event(_) | Item::Gap { .. } => None,
            };
            if line.is_some() {
                return Ok(self.happened(line));
            }
        }
    }

    /// The first line that fits among those that the bytes changed.
    fn line_in(&mut self, bytes: &[u8]) -> Option<String> {
        let Condition::Text(pattern) = self.condition else { return None };
        let mut first = First { pattern, line: None };
        self.lines.feed(bytes, &mut |line| first.look(line));
        // What stands on the screen counts too: a prompt, or a program that never leaves its screen.
        self.lines.finish(&mut |line| first.look(line));
        first.line
    }

    /// What a resize shows again is not new; any other keyframe may show what was never told.
    fn line_on_screen(&mut self, size: Size, reason: KeyframeReason, screen: &[u8]) -> Option<String> {
        let Condition::Text(pattern) = self.condition else { return None };
        let mut first = First { pattern, line: None };
        // Behind a gap, a text that was there before it is not new.
        let continues = match reason {
            KeyframeReason::Discontinuity | KeyframeReason::Behind => Continues::InPlaces,
            _ => Continues::Wholly,
        };
        self.lines.load_keyframe(size, screen, continues, &mut |line| first.look(line));
        self.lines.finish(&mut |line| first.look(line));
        first.line.filter(|_| reason != KeyframeReason::Resize)
    }

    fn is_live(&self) -> bool {
        self.follow.stream.session.status.is_live()
    }

    /// Nothing was printed since the cursor that was named.
    fn at_anchor(&self) -> bool {
        self.from == Some(self.follow.stream.cursor)
    }

    /// When the condition holds, if nothing comes until then.
    fn holds_at(&self) -> Option<Instant> {
        let session = &self.follow.stream.session;
        match self.condition {
            Condition::Quiet(quiet) if self.caught_up => self.printed.checked_add(*quiet),
            Condition::Idle | Condition::TurnOver if self.state_counts() => {
                let left = matches!(self.condition, Condition::TurnOver) && !session.background.is_empty();
                let over = session.activity == Activity::Idle || left;
                (over && (session.queued == 0 || session.queue_held)).then(|| self.settled_at(session))
            }
            Condition::Waiting if self.state_counts() => {
                (session.activity == Activity::Waiting).then(|| self.question_shown_at(session))
            }
            _ => None,
        }
    }

    /// A state from before anything was printed after the cursor is older than what was sent there.
    fn state_counts(&self) -> bool {
        self.caught_up && self.is_live() && !self.at_anchor()
    }

    /// What is still being painted belongs to the answer.
    fn settled_at(&self, session: &Session) -> Instant {
        (self.printed + PAINTED).min(self.since(session) + PAINTED_LIMIT).max(Instant::now())
    }

    fn question_shown_at(&self, session: &Session) -> Instant {
        let since = self.since(session);
        (since + self.question_delay).max(self.printed + DRAWN).min(since + DRAWN_LIMIT)
    }

    /// When the session's state changed last.
    fn since(&self, session: &Session) -> Instant {
        let now = Instant::now();
        let passed = Timestamp::now().duration_since(session.state_since);
        Duration::try_from(passed).ok().and_then(|passed| now.checked_sub(passed)).unwrap_or(now)
    }

    fn happened(self, line: Option<String>) -> Happened {
        let stream = self.follow.stream;
        Happened { cursor: stream.cursor, line, session: stream.session }
    }

    fn ended(self) -> Result<Happened, Failure> {
        match self.condition {
            Condition::Exit => Ok(self.happened(None)),
            condition => {
                let (id, expected) = (&self.follow.stream.session.short_id, condition.expected());
                Err(Failure::ended(format_args!("session {id} ended and did not {expected}")))
            }
        }
    }
}

/// The first line that fits.
struct First<'a> {
    pattern: &'a Regex,
    line: Option<String>,
}

impl First<'_> {
    fn look(&mut self, line: Line<'_>) {
        if self.line.is_none() && self.pattern.is_match(line.text) {
            self.line = Some(line.text.to_owned());
        }
    }
}

/// Waits for the moment, or for ever.
async fn reach(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
