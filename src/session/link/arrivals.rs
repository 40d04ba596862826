//! What comes of one pane, in its order: output, captures, the end.

use std::collections::VecDeque;
use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant};

use bytes::Bytes;
use codepiper_protocol::Cursor;
use codepiper_protocol::shim::ExitStatus;
use codepiper_protocol::wire::stream::KeyframeReason;
use jiff::Timestamp;

use super::capture::{Captured, Missed};
use super::{Link, LinkState};
use crate::journal::Mark;
use crate::session::cell::Session;
use crate::session::life::machine::Input;
use crate::terminal::reports::Scanner;
use crate::terminal::screens::Keyframe;
use crate::tmux::connection::Connection;

/// Something about one pane whose place in the stream matters.
pub(super) enum Arrival {
    Output(Bytes),
    Capture(Box<Captured>),
    /// What the pane prints from here on is discarded by tmux until it is told to go on.
    Paused(Connection, Missed),
    Dead(Option<ExitStatus>),
}

/// What becomes of what arrives.
pub(super) enum Flow {
    /// It is published.
    Open,
    /// It waits for the screen that was captured before it, so that the keyframe stands at its place.
    Held(VecDeque<Arrival>),
    /// It is covered by the capture that comes when its pane was paused. The end of the program waits for that.
    Covered(VecDeque<Arrival>),
}

/// The rest of an exit marker follows its first bytes in this time; what does not go on was printed.
const MARKER_LIMIT: Duration = Duration::from_millis(50);

/// tmux gives up on a control string that is not ended in this time (`input_start_timer` in input.c), and shows what
/// follows.
const STRING_LIMIT: Duration = Duration::from_secs(5);

impl LinkState {
    /// Notes when the control string began that the output is in.
    fn follow_string(&mut self) {
        let known = self.string.map(|(number, _)| number);
        let number = self.scanner.in_string();
        if known != number {
            self.string = number.map(|number| (number, Instant::now()));
        }
    }
}

impl Link {
    /// Takes what arrived for a session, or lets it wait for the capture before it.
    pub(super) fn arrive(&self, session: &Arc<Session>, arrival: Arrival) {
        let mut state = session.state();
        state.pieces += u64::from(matches!(arrival, Arrival::Output(_)));
        if let Flow::Held(waiting) = &mut state.flow {
            waiting.push_back(arrival);
            return;
        }
        self.take(session, state, arrival);
    }

    fn take(&self, session: &Arc<Session>, mut state: MutexGuard<'_, LinkState>, arrival: Arrival) {
        match arrival {
            Arrival::Output(bytes) => self.take_output(session, state, bytes),
            // Otherwise another one is on its way that is newer.
            Arrival::Capture(captured) if captured.turn == state.turn => {
                state.flow = Flow::Held(VecDeque::new());
                // It may stand in a string of which nobody heard yet.
                if state.string.is_none() {
                    let pending = captured.capture.pending_bytes();
                    state.scanner.scan(&pending, &mut |_, _| {});
                    state.follow_string();
                }
                drop(state);
                self.load(session, *captured, None);
            }
            Arrival::Capture(_) => {}
            Arrival::Paused(connection, missed) => {
                let waiting = match std::mem::replace(&mut state.flow, Flow::Open) {
                    Flow::Covered(waiting) => waiting,
                    Flow::Open | Flow::Held(_) => VecDeque::new(),
                };
                state.flow = Flow::Held(waiting);
                state.turn += 1;
                drop(state);
                self.capture_paused(&connection, session, missed);
            }
            Arrival::Dead(status) => {
                if let Flow::Covered(waiting) = &mut state.flow {
                    waiting.push_back(arrival);
                    return;
                }
                drop(state);
                self.life.apply(session, Input::PaneDead { status });
            }
        }
    }

    fn take_output(&self, session: &Arc<Session>, mut state: MutexGuard<'_, LinkState>, bytes: Bytes) {
        if state.string.is_some_and(|(_, since)| since.elapsed() >= STRING_LIMIT) {
            (state.scanner, state.string) = (Scanner::default(), None);
            if matches!(state.flow, Flow::Open) {
                state.flow = Flow::Held(VecDeque::from([Arrival::Output(bytes)]));
                let turn = state.turn;
                drop(state);
                return self.give_up(session, turn);
            }
        }
        let (bytes, ended) = state.marker.take_out(bytes);
        let mut reports = Vec::new();
        let base = session.log.cursor();
        self.publish(session, &state, bytes.clone());
        state.scanner.scan(&bytes, &mut |place, report| reports.push((place, report)));
        state.follow_string();
        let holds_back = state.marker.holds_back();
        drop(state);
        if holds_back {
            self.let_go_later(session);
        }
        if let Some(above) = self.context.above().filter(|_| !reports.is_empty()) {
            for (place, report) in reports {
                let cursor = Cursor::new(base.epoch, base.offset + place as u64);
                above.reported(session, cursor, report);
            }
        }
        if let Some(status) = ended {
            self.life.apply(session, Input::Marker(status));
        }
    }

    /// Ends the control string that tmux does not wait for any more: the screen goes on without it.
    fn give_up(&self, session: &Arc<Session>, turn: u64) {
        let screen = self.context.screens.end_string(session.id);
        let (link, session) = (self.clone(), session.clone());
        self.context.tasks.spawn(async move {
            let screen = screen.await;
            if session.state().turn == turn
                && let Ok(Keyframe { size, screen, .. }) = screen
            {
                let mark = Mark::Keyframe { size, screen, reason: KeyframeReason::Resize };
                session.log.mark(Timestamp::now().as_millisecond(), mark);
            }
            link.release(&session, turn);
        });
    }

    /// Nothing is published that a capture covers.
    fn publish(&self, session: &Session, state: &LinkState, bytes: Bytes) {
        if matches!(state.flow, Flow::Open) && !bytes.is_empty() {
            session.log.output(Timestamp::now().as_millisecond(), bytes.clone());
            self.context.screens.feed(session.id, bytes);
        }
    }

    /// When nothing has followed by then, it was no marker that began.
    fn let_go_later(&self, session: &Arc<Session>) {
        let (link, session) = (self.clone(), session.clone());
        self.context.tasks.spawn_until_shutdown(async move {
            tokio::time::sleep(MARKER_LIMIT).await;
            link.let_go(&session);
        });
    }

    /// Publishes what is held back because the exit marker begins like it.
    pub(in crate::session) fn let_go(&self, session: &Session) {
        let mut state = session.state();
        if state.marker.holds_back() {
            let bytes = state.marker.let_go();
            // No report ends with them.
            state.scanner.scan(&bytes, &mut |_, _| {});
            self.publish(session, &state, bytes);
            self.context.screens.wake();
        }
    }

    /// From now on everything is covered by the next capture, and so is what waits. Reports and ends count.
    pub(super) fn cover(&self, session: &Arc<Session>) {
        let waiting = {
            let mut state = session.state();
            state.turn += 1;
            match std::mem::replace(&mut state.flow, Flow::Covered(VecDeque::new())) {
                Flow::Open => return,
                Flow::Held(waiting) | Flow::Covered(waiting) => waiting,
            }
        };
        for arrival in waiting {
            if matches!(arrival, Arrival::Output(_) | Arrival::Dead(_)) {
                self.take(session, session.state(), arrival);
            }
        }
    }

    /// What waited goes on, unless it is covered meanwhile; another capture among it holds up the rest again.
    pub(super) fn release(&self, session: &Arc<Session>, turn: u64) {
        let waiting = {
            let mut state = session.state();
            if state.turn != turn {
                return;
            }
            std::mem::replace(&mut state.flow, Flow::Open)
        };
        let Flow::Held(mut waiting) = waiting else { return };
        while let Some(arrival) = waiting.pop_front() {
            self.take(session, session.state(), arrival);
            if let Flow::Held(held) = &mut session.state().flow {
                held.extend(waiting);
                break;
            }
        }
        self.context.screens.wake();
    }
}
