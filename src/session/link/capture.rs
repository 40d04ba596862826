//! Screens are captured in tmux where their model cannot know them, and what was missed is found again there.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use codepiper_protocol::event::Body;
use codepiper_protocol::tmux::{Command, CommandLine, Facts, PaneId, Reply, Rows, ScreenFacts, Target};
use codepiper_protocol::wire::stream::{GapReason, KeyframeReason, Lost};
use codepiper_protocol::{SessionId, Size};
use jiff::Timestamp;

use super::Link;
use super::arrivals::Arrival;
use crate::journal::Mark;
use crate::session::cell::Session;
use crate::session::life::machine::Input;
use crate::terminal::capture::Capture;
use crate::terminal::heal::{self, Held};
use crate::terminal::screens::{Heal, Keyframe, Loaded};
use crate::tmux::connection::Connection;
use crate::tmux::server;

/// Rows of history that are searched for what was missed, if fewer do not show it. Each search holds
/// tmux up: about 20 ms for 1,000 rows.
pub(super) const SEARCHED: [u32; 3] = [200, 2000, server::HISTORY];
/// So often a screen is captured again whose place in the output is not certain; then its pane is paused.
pub(super) const CAPTURES: u32 = 20;

pub(super) struct Captured {
    pub capture: Capture,
    size: Size,
    held: Option<Held>,
    pub turn: u64,
}

/// Output was missed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Missed {
    pub reason: GapReason,
    /// So many rows of history are searched for it; none when it is not known what stands before it.
    pub rows: Option<u32>,
}

impl Link {
    /// Hands a capture to the screen; goes on when the keyframe is there.
    pub(super) fn load(
        &self,
        session: &Arc<Session>,
        captured: Captured,
        missed: Option<(Connection, Missed)>,
    ) {
        let Captured { capture, size, held, turn } = captured;
        let more = missed.as_ref().and_then(|(_, missed)| missed.further(held.as_ref()));
        let heal = held.map(|held| Heal { held, or_nothing: more.is_some() });
        let (resized, launches) = {
            let mut state = session.state();
            (std::mem::replace(&mut state.size, size) != size, state.launches)
        };
        let loaded = self.context.screens.load(session.id, size, capture, heal);
        let (link, session) = (self.clone(), session.clone());
        self.context.tasks.spawn(async move {
            let loaded = loaded.await.ok().flatten();
            if session.state().launches != launches {
                return;
            }
            match (loaded, more, missed) {
                // What was missed does not stand in the rows that were searched.
                (None, Some(more), Some((connection, _))) => {
                    if session.state().turn == turn {
                        link.cover(&session);
                        link.recover(&connection, &session, more);
                    }
                }
                (loaded, _, missed) => {
                    link.loaded(&session, resized, missed.map(|(_, missed)| missed), loaded);
                    link.release(&session, turn);
                    link.registry.touch(&session);
                }
            }
        });
    }

    fn loaded(&self, session: &Arc<Session>, resized: bool, missed: Option<Missed>, loaded: Option<Loaded>) {
        let time = Timestamp::now().as_millisecond();
        let (keyframe, healed) = match loaded {
            Some(Loaded { keyframe, healed }) => (Some(keyframe), healed),
            None => (None, Err(Lost::Unknown)),
        };
        let mut reason = KeyframeReason::Resize;
        if let Some(missed) = missed {
            reason = KeyframeReason::Healed;
            match healed {
                Ok(healed) if healed.is_empty() => self.life.apply(session, Input::PrintedNothing),
                Ok(healed) => {
                    tracing::info!(id = %session.id, bytes = healed.len(), "output that was missed was found in tmux");
                    session.log.output(time, healed);
                }
                Err(lost) => {
                    reason = KeyframeReason::Discontinuity;
                    self.gap(session, missed.reason, lost);
                }
            }
        }
        let cursor = session.log.cursor();
        if let Some(Keyframe { size, screen, .. }) = keyframe {
            session.log.mark(time, Mark::Keyframe { size, screen, reason });
            if resized {
                self.context.event(Some(session.id), Body::TerminalResized { size, cursor });
            }
        }
    }

    /// Says that output is missing here.
    pub(super) fn gap(&self, session: &Session, reason: GapReason, lost: Lost) {
        let epoch = session.log.cursor().epoch + 1;
        session.log.mark(Timestamp::now().as_millisecond(), Mark::Gap { epoch, reason, lost });
        let cursor = session.log.cursor();
        self.context.event(Some(session.id), Body::TerminalGapRecorded { cursor, reason, lost });
    }

    /// Captures a screen that its model lost track of.
    pub fn recapture(&self, session: SessionId) {
        let (Some(session), Ok(connection)) = (self.registry.get(session), self.connection()) else { return };
        if session.is_live() {
            self.capture_changed(&connection, &session, None, 1);
        }
    }

    /// Finds what a pane printed after the connection was away. What a session that was known printed meanwhile
    /// is looked for.
    pub(super) fn recover_after_absence(&self, connection: &Connection, session: &Arc<Session>, known: bool) {
        let rows = known.then_some(SEARCHED[0]);
        self.recover(connection, session, Missed { reason: GapReason::DaemonAway, rows });
    }

    /// Captures a pane whose output was missed, at a place in the output that is certain.
    ///
    /// tmux may write what a pane printed after a capture before the reply of the capture, when the reply waits
    /// behind what other panes printed (`control_write_pending` in control.c, 3.2 to 3.7). A pane that is paused
    /// has no output: all that comes before the answer to the pause is older than the capture that is asked for
    /// then, and all that comes after it is newer.
    fn recover(&self, connection: &Connection, session: &Arc<Session>, missed: Missed) {
        let Some(pane) = session.pane() else { return };
        let turn = {
            let mut state = session.state();
            state.pausing = true;
            state.turn
        };
        let (link, subject, paused) = (self.clone(), session.clone(), connection.clone());
        let facts = Command::Show { target: Some(Target::Pane(pane)), format: ScreenFacts::FORMAT };
        let line = CommandLine::new(&Command::PausePane(pane)).and(&facts);
        let sent = connection.send_then(line, move |replies| {
            let current = {
                let mut state = subject.state();
                state.pausing = false;
                state.turn == turn
            };
            if current {
                let facts = replies.get(1).and_then(|reply| ScreenFacts::parse(reply.lines().next()?));
                let missed = missed.in_history(facts.map_or(0, |facts| facts.history_size.into()));
                link.arrive(&subject, Arrival::Paused(paused, missed));
            }
        });
        if let Err(error) = sent {
            tracing::warn!(%error, "a pane cannot be paused");
        }
    }

    /// Lets a pane go on that is paused, and captures it there.
    pub(super) fn capture_paused(&self, connection: &Connection, session: &Arc<Session>, missed: Missed) {
        let Some(pane) = session.pane() else { return };
        let mut line = CommandLine::new(&Command::ContinuePane(pane));
        if let Some(rows) = missed.rows {
            let rows = Rows::HistoryAndScreen(rows);
            for joined in [false, true] {
                line = line.and(&Command::CaptureText { pane, rows, joined });
            }
        }
        let line = capture_commands(pane).iter().fold(line, |line, command| line.and(command));
        let turn = session.state().turn;
        let (link, session, asked) = (self.clone(), session.clone(), connection.clone());
        let sent = connection.send_then(line, move |replies| {
            if session.state().turn != turn {
                return;
            }
            match read_capture(replies.get(1..).unwrap_or_default(), missed.rows, turn) {
                Some(captured) => link.load(&session, captured, Some((asked, missed))),
                // The pane is gone, and something else will say so.
                None => {
                    link.loaded(&session, false, Some(missed), None);
                    link.release(&session, turn);
                }
            }
        });
        if let Err(error) = sent {
            tracing::warn!(%error, "a pane cannot be captured");
        }
    }

    /// Captures a screen that has changed in a way that its model does not follow, after `first`. Nothing is missing
    /// in the output. The keyframe stands where the capture was made: that is here when the pane printed nothing
    /// since this was asked for, or no other one did (see [`Sessions::recover`]). Otherwise it is asked for again.
    pub(super) fn capture_changed(
        &self,
        connection: &Connection,
        session: &Arc<Session>,
        first: Option<Command<'_>>,
        captures: u32,
    ) {
        let Some(pane) = session.pane() else { return };
        let skip = usize::from(first.is_some());
        let commands = capture_commands(pane);
        let mut commands = first.iter().chain(&commands);
        let Some(line) = commands.next().map(CommandLine::new) else { return };
        let line = commands.fold(line, |line, command| line.and(command));
        // In this order: what comes between the two looks counts as another pane's.
        let all = self.inner.pieces.load(Ordering::Relaxed);
        let (own, turn) = {
            let state = session.state();
            (state.pieces, state.turn)
        };
        let (link, session, asked) = (self.clone(), session.clone(), connection.clone());
        let sent = connection.send_then(line, move |replies| {
            let Some(captured) = read_capture(replies.get(skip..).unwrap_or_default(), None, turn) else {
                // The pane is gone, and something else will say so.
                tracing::warn!(id = %session.id, ?replies, "a capture cannot be read");
                return;
            };
            let own = session.state().pieces - own;
            let others = link.inner.pieces.load(Ordering::Relaxed) - all - own;
            if own == 0 || others == 0 {
                link.arrive(&session, Arrival::Capture(Box::new(captured)));
            } else if session.state().turn != turn {
                // A newer capture is on its way.
            } else if captures < CAPTURES {
                link.capture_changed(&asked, &session, None, captures + 1);
            } else {
                let missed = Missed { reason: GapReason::Paused, rows: Some(SEARCHED[0]) };
                link.recover(&asked, &session, missed);
            }
        });
        if let Err(error) = sent {
            tracing::warn!(%error, "a pane cannot be captured");
        }
    }
}

impl Missed {
    /// With the rows that have to be searched in a history of this length. Where rows cannot be counted, only the
    /// whole history tells whether a place is the only one.
    fn in_history(self, history: u64) -> Self {
        let rows = self
            .rows
            .map(|rows| if heal::counts(history, server::HISTORY.into()) { rows } else { server::HISTORY });
        Self { rows, ..self }
    }

    /// The same question with more rows, if there are more.
    fn further(self, held: Option<&Held>) -> Option<Self> {
        let (Some(rows), Some(held)) = (self.rows, held) else { return None };
        let next = SEARCHED.into_iter().find(|next| *next > rows)?;
        (held.history > u64::from(rows)).then_some(Self { rows: Some(next), ..self }.in_history(held.history))
    }
}

/// What makes a capture, for one line. The last one fails unless the alternate screen is on.
fn capture_commands(pane: PaneId) -> [Command<'static>; 5] {
    [
        Command::CapturePane { pane, rows: Rows::Screen },
        Command::CaptureText { pane, rows: Rows::Screen, joined: true },
        Command::CapturePending(pane),
        Command::Show { target: Some(Target::Pane(pane)), format: ScreenFacts::FORMAT },
        Command::CaptureSaved(pane),
    ]
}

/// With the rows of history that were asked for first.
fn read_capture(replies: &[Reply], history: Option<u32>, turn: u64) -> Option<Captured> {
    let rows = |reply: &Reply| reply.lines().map(|line| reply.body.slice_ref(line)).collect::<Vec<_>>();
    let (searched, replies) = replies.split_at_checked(if history.is_some() { 2 } else { 0 })?;
    let [screen, joined, pending, facts, saved @ ..] = replies else { return None };
    if ![screen, joined, pending, facts].iter().all(|reply| reply.ok) {
        return None;
    }
    let facts = ScreenFacts::parse(facts.lines().next()?)?;
    let size = Size::new(facts.cols, facts.rows)?;
    let held = match (searched, history) {
        ([text, text_joined], Some(searched)) => Some(Held {
            cols: facts.cols,
            history: facts.history_size.into(),
            limit: server::HISTORY.into(),
            history_rows: searched.min(facts.history_size) as usize,
            rows: rows(text),
            joined: rows(text_joined),
            cursor_y: facts.cursor_y,
        }),
        _ => None,
    };
    // The main screen cannot be compared while the alternate one is on.
    let held = held.filter(|_| !facts.alternate_on);
    let saved_lines = saved.first().filter(|saved| saved.ok && facts.alternate_on).map(rows);
    let pending = pending.lines().next().map(|line| pending.body.slice_ref(line)).unwrap_or_default();
    let capture = Capture {
        lines: rows(screen),
        joined_lines: Some(rows(joined)),
        saved_lines,
        pending,
        history: facts.history_size.into(),
        facts: facts.into(),
    };
    Some(Captured { capture, size, held, turn })
}
