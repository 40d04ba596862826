//! What comes over the control connection, in its order: output, captures, notifications.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant};

use bytes::Bytes;
use codepiper_protocol::event::Body;
use codepiper_protocol::shim::{ExitFile, ExitStatus};
use codepiper_protocol::tmux::{
    Command, CommandLine, Facts, Notification, PaneEnd, PaneId, Reply, Rows, ScreenFacts, Target, WindowId,
};
use codepiper_protocol::wire::session::EvidenceSource;
use codepiper_protocol::wire::stream::{GapReason, KeyframeReason, Lost};
use codepiper_protocol::{Cursor, SessionId, Size};
use jiff::Timestamp;

use super::machine::Input;
use super::{Session, Sessions, State};
use crate::journal::{Checkpoint, Content, Journal, Mark, Position};
use crate::terminal::capture::Capture;
use crate::terminal::heal::{self, Held};
use crate::terminal::reports::{Report, Scanner};
use crate::terminal::screens::{Heal, Keyframe, Loaded, Model};
use crate::tmux::connection::{Connection, Sink};
use crate::tmux::server::{self, PANE_END};

/// Something about one pane whose place in the stream matters.
pub(super) enum Arrival {
    Output(Bytes),
    Capture(Box<Captured>),
    /// What the pane prints from here on is discarded by tmux until it is told to go on.
    Paused(Connection, Missed),
    Dead(Option<ExitStatus>),
}

pub(super) struct Captured {
    capture: Capture,
    size: Size,
    held: Option<Held>,
    turn: u64,
}

/// Output was missed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Missed {
    pub reason: GapReason,
    /// So many rows of history are searched for it; none when it is not known what stands before it.
    pub rows: Option<u32>,
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

/// Rows of history that are searched for what was missed, if fewer do not show it. Each search holds
/// tmux up: about 20 ms for 1,000 rows.
const SEARCHED: [u32; 3] = [200, 2000, server::HISTORY];
/// So often a screen is captured again whose place in the output is not certain; then its pane is paused.
const CAPTURES: u32 = 20;

/// The rest of an exit marker follows its first bytes in this time; what does not go on was printed.
const MARKER_LIMIT: Duration = Duration::from_millis(50);

/// tmux gives up on a control string that is not ended in this time (`input_start_timer` in input.c), and shows what
/// follows.
const STRING_LIMIT: Duration = Duration::from_secs(5);

/// Bytes of output that are read from the journal at once.
const REPLAYED: usize = 256 * 1024;

/// The sink of one connection.
pub(super) struct PaneSink {
    sessions: Sessions,
    connection: Connection,
    /// Several notifications may mean that panes or clients changed; one look is enough.
    looking: Arc<Looking>,
}

#[derive(Default)]
struct Looking {
    panes: AtomicBool,
    clients: AtomicBool,
}

impl PaneSink {
    pub fn new(sessions: Sessions, connection: Connection) -> Self {
        Self { sessions, connection, looking: Arc::default() }
    }

    fn look_at_panes(&self) {
        if self.looking.panes.swap(true, Ordering::Relaxed) {
            return;
        }
        let (sessions, connection, looking) =
            (self.sessions.clone(), self.connection.clone(), self.looking.clone());
        self.sessions.0.tasks.spawn(async move {
            looking.panes.store(false, Ordering::Relaxed);
            if let Err(error) = sessions.look_at_panes(&connection) {
                tracing::warn!(%error, "the panes cannot be listed");
            }
        });
    }

    fn look_at_clients(&self) {
        if self.looking.clients.swap(true, Ordering::Relaxed) {
            return;
        }
        let (sessions, connection, looking) =
            (self.sessions.clone(), self.connection.clone(), self.looking.clone());
        self.sessions.0.tasks.spawn_until_shutdown(async move {
            looking.clients.store(false, Ordering::Relaxed);
            if let Err(error) = sessions.look_at_clients(&connection).await {
                tracing::warn!(%error, "the clients cannot be listed");
            }
        });
    }
}

impl Sink for PaneSink {
    fn output(&mut self, pane: PaneId, bytes: Bytes) {
        self.sessions.0.pieces.fetch_add(1, Ordering::Relaxed);
        let session = {
            let mut table = self.sessions.table();
            let session = table.panes.get(&pane).cloned();
            // The hub's own window and panes that were removed have no session.
            if session.is_none() && table.making > 0 {
                table.early.push((pane, bytes.clone()));
            }
            session
        };
        if let Some(session) = session {
            self.sessions.arrive(&session, Arrival::Output(bytes));
        }
    }

    fn notification(&mut self, notification: Notification) {
        match notification {
            Notification::SubscriptionChanged(change) if change.name == *PANE_END.as_str() => {
                if let Some(end) = PaneEnd::parse(change.value.as_bytes()) {
                    self.sessions.pane_end(end);
                }
            }
            Notification::PaneModeChanged { pane } => self.sessions.ask_mode(&self.connection, pane),
            Notification::LayoutChange { window, layout, .. } => {
                if let Some(size) = layout.size() {
                    self.sessions.layout_changed(&self.connection, window, size);
                }
            }
            Notification::Pause { pane } => self.sessions.paused_by_tmux(&self.connection, pane),
            Notification::WindowClose { .. } | Notification::SessionsChanged => self.look_at_panes(),
            Notification::ClientSessionChanged { .. } | Notification::ClientDetached { .. } => {
                self.look_at_clients();
            }
            // We were moved off the hub: a new connection goes back to it.
            Notification::SessionChanged { name, .. } if name != *"_hub" => {
                tracing::warn!(?name, "tmux moved us to another session");
                self.sessions.unlink();
            }
            _ => {}
        }
    }

    async fn room(&mut self) {
        self.sessions.0.screens.room().await;
    }

    fn has_room(&self) -> bool {
        !self.sessions.0.screens.is_full()
    }

    fn settle(&mut self) {
        self.sessions.0.screens.wake();
        self.sessions.bus().journal().wake();
    }
}

impl State {
    /// Notes when the control string began that the output is in.
    fn follow_string(&mut self) {
        let known = self.string.map(|(number, _)| number);
        let number = self.scanner.in_string();
        if known != number {
            self.string = number.map(|number| (number, Instant::now()));
        }
    }
}

impl Sessions {
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

    fn take(&self, session: &Arc<Session>, mut state: MutexGuard<'_, State>, arrival: Arrival) {
        match arrival {
            Arrival::Output(bytes) => {
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
                for (place, report) in reports {
                    let cursor = Cursor::new(base.epoch, base.offset + place as u64);
                    self.reported(session, cursor, report);
                }
                if let Some(status) = ended {
                    self.apply(session, Input::Marker(status));
                }
            }
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
                self.apply(session, Input::PaneDead { status });
            }
        }
    }

    /// Ends the control string that tmux does not wait for any more: the screen goes on without it.
    fn give_up(&self, session: &Arc<Session>, turn: u64) {
        let screen = self.0.screens.end_string(session.id);
        let (sessions, session) = (self.clone(), session.clone());
        self.0.tasks.spawn(async move {
            let screen = screen.await;
            if session.state().turn == turn
                && let Ok(Keyframe { size, screen, .. }) = screen
            {
                let mark = Mark::Keyframe { size, screen, reason: KeyframeReason::Resize };
                session.log.mark(Timestamp::now().as_millisecond(), mark);
            }
            sessions.release(&session, turn);
        });
    }

    /// Nothing is published that a capture covers.
    fn publish(&self, session: &Session, state: &State, bytes: Bytes) {
        if matches!(state.flow, Flow::Open) && !bytes.is_empty() {
            session.log.output(Timestamp::now().as_millisecond(), bytes.clone());
            self.0.screens.feed(session.id, bytes);
        }
    }

    /// When nothing has followed by then, it was no marker that began.
    fn let_go_later(&self, session: &Arc<Session>) {
        let (sessions, session) = (self.clone(), session.clone());
        self.0.tasks.spawn_until_shutdown(async move {
            tokio::time::sleep(MARKER_LIMIT).await;
            sessions.let_go(&session);
        });
    }

    /// Publishes what is held back because the exit marker begins like it.
    pub(super) fn let_go(&self, session: &Session) {
        let mut state = session.state();
        if state.marker.holds_back() {
            let bytes = state.marker.let_go();
            // No report ends with them.
            state.scanner.scan(&bytes, &mut |_, _| {});
            self.publish(session, &state, bytes);
            self.0.screens.wake();
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

    /// Hands a capture to the screen; goes on when the keyframe is there.
    fn load(&self, session: &Arc<Session>, captured: Captured, missed: Option<(Connection, Missed)>) {
        let Captured { capture, size, held, turn } = captured;
        let more = missed.as_ref().and_then(|(_, missed)| missed.further(held.as_ref()));
        let heal = held.map(|held| Heal { held, or_nothing: more.is_some() });
        let (resized, nonce) = {
            let mut state = session.state();
            (std::mem::replace(&mut state.size, size) != size, state.record.life.nonce.clone())
        };
        let loaded = self.0.screens.load(session.id, size, capture, heal);
        let (sessions, session) = (self.clone(), session.clone());
        self.0.tasks.spawn(async move {
            let loaded = loaded.await.ok().flatten();
            if session.state().record.life.nonce != nonce {
                return;
            }
            match (loaded, more, missed) {
                // What was missed does not stand in the rows that were searched.
                (None, Some(more), Some((connection, _))) => {
                    if session.state().turn == turn {
                        sessions.cover(&session);
                        sessions.recover(&connection, &session, more);
                    }
                }
                (loaded, _, missed) => {
                    sessions.loaded(&session, resized, missed.map(|(_, missed)| missed), loaded);
                    sessions.release(&session, turn);
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
                Ok(healed) if healed.is_empty() => {}
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
                self.event(Some(session.id), Body::TerminalResized { size, cursor });
            }
        }
        self.touch(session);
    }

    /// Says that output is missing here.
    pub(super) fn gap(&self, session: &Session, reason: GapReason, lost: Lost) {
        let epoch = session.log.cursor().epoch + 1;
        session.log.mark(Timestamp::now().as_millisecond(), Mark::Gap { epoch, reason, lost });
        let cursor = session.log.cursor();
        self.event(Some(session.id), Body::TerminalGapRecorded { cursor, reason, lost });
    }

    /// What waited goes on, unless it is covered meanwhile; another capture among it holds up the rest again.
    fn release(&self, session: &Arc<Session>, turn: u64) {
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
        self.0.screens.wake();
    }

    fn reported(&self, session: &Arc<Session>, cursor: Cursor, report: Report) {
        if let Some((activity, waiting_for)) = session.provider.signals.report(&report) {
            let what = format!("it reported {report}");
            let source = EvidenceSource::Report;
            self.apply(session, Input::Activity { source, activity, waiting_for, what });
        }
        match report {
            Report::Title(title) => {
                let changed = {
                    let mut state = session.state();
                    let title = Some(title.clone()).filter(|title| !title.is_empty());
                    let changed = state.title != title;
                    state.title = title;
                    changed
                };
                // Titles spin: they are no events, but everybody shows the newest.
                if changed {
                    self.touch(session);
                }
            }
            Report::Bell => self.event(Some(session.id), Body::TerminalBellRang { cursor }),
            Report::Notification { title, text } => {
                self.event(Some(session.id), Body::TerminalNotified { title, text });
            }
            Report::Progress { .. } | Report::AgentState { .. } | Report::PromptMark { .. } => {}
        }
    }

    fn pane_end(&self, end: PaneEnd) {
        let session = self.table().panes.get(&end.pane).cloned();
        let Some(session) = session else { return };
        if let Some(pane) = &mut session.state().pane {
            pane.in_mode = end.in_mode;
        }
        if end.dead {
            let status =
                self.exit_status(&session).or(status_of(end.status, end.signal.map(|signal| signal.0)));
            self.arrive(&session, Arrival::Dead(status));
        }
    }

    /// What the shim wrote before it said anything, if it belongs to the last launch.
    pub(super) fn exit_file(&self, session: &Session) -> Option<ExitFile> {
        let text = std::fs::read(self.exit_file_path(session)).ok()?;
        let file: ExitFile = serde_json::from_slice(&text).ok()?;
        (file.nonce == session.state().record.life.nonce).then_some(file)
    }

    pub(super) fn exit_status(&self, session: &Session) -> Option<ExitStatus> {
        self.exit_file(session).map(|file| file.status)
    }

    pub(super) fn exit_file_path(&self, session: &Session) -> std::path::PathBuf {
        self.0.places.run.join(format!("{}.exit", session.id))
    }

    fn ask_mode(&self, connection: &Connection, pane: PaneId) {
        let Some(session) = self.table().panes.get(&pane).cloned() else { return };
        let line =
            CommandLine::new(&Command::Show { target: Some(Target::Pane(pane)), format: PaneEnd::FORMAT });
        let asked = connection.send_then(line, move |replies| {
            let end = replies.first().and_then(|reply| PaneEnd::parse(reply.lines().next()?));
            if let (Some(end), Some(pane)) = (end, &mut session.state().pane) {
                pane.in_mode = end.in_mode;
            }
        });
        if let Err(error) = asked {
            tracing::warn!(%error, "a pane's mode cannot be asked");
        }
    }

    fn layout_changed(&self, connection: &Connection, window: WindowId, size: Size) {
        let session = self.session_of_window(window);
        let Some(session) = session.filter(|session| session.size() != size && session.is_live()) else {
            return;
        };
        self.capture_changed(connection, &session, None, 1);
    }

    fn session_of_window(&self, window: WindowId) -> Option<Arc<Session>> {
        let sessions: Vec<_> = self.table().panes.values().cloned().collect();
        sessions
            .into_iter()
            .find(|session| session.state().pane.as_ref().is_some_and(|pane| pane.window == window))
    }

    fn paused_by_tmux(&self, connection: &Connection, pane: PaneId) {
        let Some(session) = self.table().panes.get(&pane).cloned() else { return };
        // The answer to our own command says the same.
        if !session.state().pausing {
            tracing::warn!(id = %session.id, "tmux discarded output that was not read in time");
            let missed = Missed { reason: GapReason::Paused, rows: Some(SEARCHED[0]) };
            self.arrive(&session, Arrival::Paused(connection.clone(), missed));
        }
    }

    /// Captures a screen that its model lost track of.
    pub fn recapture(&self, session: SessionId) {
        let (Some(session), Ok(connection)) = (self.get(session), self.connection()) else { return };
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
        let (sessions, subject, paused) = (self.clone(), session.clone(), connection.clone());
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
                sessions.arrive(&subject, Arrival::Paused(paused, missed));
            }
        });
        if let Err(error) = sent {
            tracing::warn!(%error, "a pane cannot be paused");
        }
    }

    /// Lets a pane go on that is paused, and captures it there.
    fn capture_paused(&self, connection: &Connection, session: &Arc<Session>, missed: Missed) {
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
        let (sessions, session, asked) = (self.clone(), session.clone(), connection.clone());
        let sent = connection.send_then(line, move |replies| {
            if session.state().turn != turn {
                return;
            }
            match read_capture(replies.get(1..).unwrap_or_default(), missed.rows, turn) {
                Some(captured) => sessions.load(&session, captured, Some((asked, missed))),
                // The pane is gone, and something else will say so.
                None => {
                    sessions.loaded(&session, false, Some(missed), None);
                    sessions.release(&session, turn);
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
        let all = self.0.pieces.load(Ordering::Relaxed);
        let (own, turn) = {
            let state = session.state();
            (state.pieces, state.turn)
        };
        let (sessions, session, asked) = (self.clone(), session.clone(), connection.clone());
        let sent = connection.send_then(line, move |replies| {
            let Some(captured) = read_capture(replies.get(skip..).unwrap_or_default(), None, turn) else {
                // The pane is gone, and something else will say so.
                tracing::warn!(id = %session.id, ?replies, "a capture cannot be read");
                return;
            };
            let own = session.state().pieces - own;
            let others = sessions.0.pieces.load(Ordering::Relaxed) - all - own;
            if own == 0 || others == 0 {
                sessions.arrive(&session, Arrival::Capture(Box::new(captured)));
            } else if session.state().turn != turn {
                // A newer capture is on its way.
            } else if captures < CAPTURES {
                sessions.capture_changed(&asked, &session, None, captures + 1);
            } else {
                let missed = Missed { reason: GapReason::Paused, rows: Some(SEARCHED[0]) };
                sessions.recover(&asked, &session, missed);
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

/// tmux's word on how a pane's process ended; it does not always have one.
pub(super) fn status_of(code: Option<i32>, signal: Option<i32>) -> Option<ExitStatus> {
    match (code, signal) {
        (None, None) => None,
        // The shim ends with 128 and the signal's number when a signal ended its program.
        (Some(code), None) if code > 128 => Some(ExitStatus { code: None, signal: Some(code - 128) }),
        (code, signal) => Some(ExitStatus { code, signal }),
    }
}

/// The screen of a session where its log ends, by the journal alone. `None` when a piece of it is not
/// kept. Reads the journal.
pub(super) fn replay(journal: &dyn Journal, session: SessionId, size: Size, end: u64) -> Option<Model> {
    let start = journal.start_before(session, end);
    let mut model = match start.checkpoint {
        Some(Checkpoint { offset, size, screen, scrolled }) => {
            Model::saved(&Keyframe { offset, size, screen }, scrolled)
        }
        None if start.at == Position::default() => Model::new(size, 0),
        None => return None,
    };
    let mut at = start.at;
    loop {
        let entries = journal.read(session, at, REPLAYED);
        if entries.is_empty() {
            return (at.offset == end).then_some(model);
        }
        for entry in entries {
            if entry.at.offset != at.offset {
                return None;
            }
            at = entry.end();
            match &entry.content {
                Content::Output(bytes) => model.feed(bytes),
                Content::Mark(mark) => match &**mark {
                    Mark::Keyframe { size, screen, reason: KeyframeReason::Launch } => {
                        model = Model::new(*size, at.offset);
                        model.show(*size, screen);
                    }
                    Mark::Keyframe { size, screen, .. } => {
                        model.show(*size, screen);
                        // The checkpoint that was made with it knows what had scrolled off.
                        if at.offset != start.at.offset {
                            model.forget_history();
                        }
                    }
                    Mark::Gap { .. } | Mark::Ended { .. } => {}
                },
            }
        }
    }
}

/// What the thread of the screens does with a checkpoint.
pub fn save_checkpoint(
    journal: &dyn Journal,
    session: SessionId,
    Keyframe { offset, size, screen }: Keyframe,
    scrolled: Option<u64>,
) {
    journal.checkpoint(session, Checkpoint { offset, size, screen, scrolled });
}

#[cfg(test)]
mod tests;
