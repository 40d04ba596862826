//! What comes over the control connection, in its order: output, captures, notifications.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, MutexGuard};
use std::time::Duration;

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
use crate::terminal::heal::Held;
use crate::terminal::reports::Report;
use crate::terminal::screens::{Heal, Keyframe, Loaded, Model};
use crate::tmux::connection::{Connection, Sink};
use crate::tmux::server::{self, PANE_END};

/// Something about one pane whose place in the stream matters.
pub(super) enum Arrival {
    Output(Bytes),
    Capture(Box<Captured>),
    Dead(Option<ExitStatus>),
}

pub(super) struct Captured {
    capture: Capture,
    size: Size,
    held: Option<Held>,
    why: Why,
}

/// Why a screen was captured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Why {
    Resized,
    /// Output before it was missed. With `rows`, so many rows of history are searched for it.
    Missed {
        reason: GapReason,
        rows: Option<u32>,
    },
}

/// What becomes of what arrives.
pub(super) enum Flow {
    /// It is published.
    Open,
    /// It waits for the screen that was captured before it, so that the keyframe stands at its place.
    Held(VecDeque<Arrival>),
    /// It is covered by a capture that was asked for.
    Covered,
}

/// Rows of history that are searched for what was missed, if fewer do not show it. Each search holds
/// tmux up: about 20 ms for 1,000 rows.
const SEARCHED: [u32; 3] = [200, 2000, server::HISTORY];

/// The rest of an exit marker follows its first bytes in this time; what does not go on was printed.
const MARKER_LIMIT: Duration = Duration::from_millis(50);

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
        tokio::spawn(async move {
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
        tokio::spawn(async move {
            looking.clients.store(false, Ordering::Relaxed);
            if let Err(error) = sessions.look_at_clients(&connection).await {
                tracing::warn!(%error, "the clients cannot be listed");
            }
        });
    }
}

impl Sink for PaneSink {
    fn output(&mut self, pane: PaneId, bytes: Bytes) {
        // The hub's own window and panes that were removed have no session.
        let session = self.sessions.table().panes.get(&pane).cloned();
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
            Notification::Pause { pane } => self.sessions.paused(&self.connection, pane),
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

impl Sessions {
    /// Takes what arrived for a session, or lets it wait for the capture before it.
    pub(super) fn arrive(&self, session: &Arc<Session>, arrival: Arrival) {
        let mut state = session.state();
        if let Flow::Held(waiting) = &mut state.flow {
            waiting.push_back(arrival);
            return;
        }
        self.take(session, state, arrival);
    }

    fn take(&self, session: &Arc<Session>, mut state: MutexGuard<'_, State>, arrival: Arrival) {
        match arrival {
            Arrival::Output(bytes) => {
                let (bytes, ended) = state.marker.take_out(bytes);
                let mut reports = Vec::new();
                let base = session.log.cursor();
                self.publish(session, &state, bytes.clone());
                state.scanner.scan(&bytes, &mut |place, report| reports.push((place, report)));
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
            Arrival::Capture(captured) => {
                state.flow = Flow::Held(VecDeque::new());
                state.size = captured.size;
                drop(state);
                self.load(session, *captured);
            }
            Arrival::Dead(status) => {
                drop(state);
                self.apply(session, Input::PaneDead { status });
            }
        }
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
        tokio::spawn(async move {
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

    /// From now on everything is covered by the next capture.
    pub(super) fn cover(&self, session: &Session) {
        session.state().flow = Flow::Covered;
    }

    /// Hands a capture to the screen; goes on when the keyframe is there.
    fn load(&self, session: &Arc<Session>, captured: Captured) {
        let Captured { capture, size, held, why } = captured;
        let more = more_rows(why, held.as_ref());
        let heal = held.map(|held| Heal { held, or_nothing: more.is_some() });
        let loaded = self.0.screens.load(session.id, size, capture, heal);
        let (sessions, session) = (self.clone(), session.clone());
        tokio::spawn(async move {
            match (loaded.await.ok().flatten(), more, sessions.connection()) {
                (None, Some(why), Ok(connection)) => sessions.look_further(&connection, &session, why),
                (loaded, ..) => sessions.loaded(&session, size, why, loaded),
            }
        });
    }

    /// What was missed does not stand in the rows that were searched.
    fn look_further(&self, connection: &Connection, session: &Arc<Session>, why: Why) {
        let waiting = std::mem::replace(&mut session.state().flow, Flow::Covered);
        let pane = session.state().pane.as_ref().map(|pane| pane.id);
        if let Some(pane) = pane {
            self.capture(connection, session, pane, None, why);
        }
        // The new capture covers what waited, but reports and ends count.
        if let Flow::Held(waiting) = waiting {
            for arrival in waiting {
                self.take(session, session.state(), arrival);
            }
        }
    }

    fn loaded(&self, session: &Arc<Session>, size: Size, why: Why, loaded: Option<Loaded>) {
        let time = Timestamp::now().as_millisecond();
        let (keyframe, healed) = match loaded {
            Some(Loaded { keyframe, healed }) => (Some(keyframe), healed),
            None => (None, Err(Lost::Unknown)),
        };
        let mut reason = KeyframeReason::Resize;
        if let Why::Missed { reason: missed, .. } = why {
            reason = KeyframeReason::Discontinuity;
            match healed {
                Ok(healed) if healed.is_empty() => reason = KeyframeReason::Healed,
                Ok(healed) => {
                    reason = KeyframeReason::Healed;
                    tracing::info!(id = %session.id, bytes = healed.len(), "output that was missed was found in tmux");
                    session.log.output(time, healed);
                }
                Err(lost) => {
                    let epoch = session.log.cursor().epoch + 1;
                    session.log.mark(time, Mark::Gap { epoch, reason: missed, lost });
                    let cursor = session.log.cursor();
                    self.event(Some(session.id), Body::TerminalGapRecorded { cursor, reason: missed, lost });
                }
            }
        }
        let cursor = session.log.cursor();
        if let Some(keyframe) = keyframe {
            session.log.mark(time, Mark::Keyframe { size, screen: keyframe.screen, reason });
        }
        if why == Why::Resized {
            self.event(Some(session.id), Body::TerminalResized { size, cursor });
        }
        self.touch(session);
        self.release(session);
        self.0.screens.wake();
    }

    /// What waited goes on; another capture among it holds up the rest again.
    fn release(&self, session: &Arc<Session>) {
        let Flow::Held(mut waiting) = std::mem::replace(&mut session.state().flow, Flow::Open) else {
            return;
        };
        while let Some(arrival) = waiting.pop_front() {
            self.take(session, session.state(), arrival);
            if let Flow::Held(held) = &mut session.state().flow {
                held.extend(waiting);
                return;
            }
        }
    }

    fn reported(&self, session: &Arc<Session>, cursor: Cursor, report: Report) {
        if let Some((activity, waiting_for)) = session.provider.interpret(&report) {
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
        (file.nonce == session.state().record.nonce).then_some(file)
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
        let Some(pane) = session.state().pane.as_ref().map(|pane| pane.id) else { return };
        self.capture(connection, &session, pane, None, Why::Resized);
    }

    fn session_of_window(&self, window: WindowId) -> Option<Arc<Session>> {
        let sessions: Vec<_> = self.table().panes.values().cloned().collect();
        sessions
            .into_iter()
            .find(|session| session.state().pane.as_ref().is_some_and(|pane| pane.window == window))
    }

    fn paused(&self, connection: &Connection, pane: PaneId) {
        let Some(session) = self.table().panes.get(&pane).cloned() else { return };
        tracing::warn!(id = %session.id, "tmux discarded output, since it was not read in time");
        let why = Why::Missed { reason: GapReason::Paused, rows: Some(SEARCHED[0]) };
        self.capture(connection, &session, pane, Some(Command::ContinuePane(pane)), why);
    }

    /// Captures a screen that its model lost track of.
    pub fn recapture(&self, session: SessionId) {
        let (Some(session), Ok(connection)) = (self.get(session), self.connection()) else { return };
        let pane = session.state().pane.as_ref().map(|pane| pane.id);
        if let Some(pane) = pane.filter(|_| session.is_live()) {
            self.capture(&connection, &session, pane, None, Why::Resized);
        }
    }

    /// Captures a pane after the connection was away. What a session that was known printed meanwhile
    /// is looked for.
    pub(super) fn capture_after_absence(
        &self,
        connection: &Connection,
        session: &Arc<Session>,
        pane: PaneId,
        known: bool,
    ) {
        let rows = known.then_some(SEARCHED[0]);
        self.capture(connection, session, pane, None, Why::Missed { reason: GapReason::DaemonAway, rows });
    }

    /// Captures a pane's screen at one place of its output, after `first`. The capture takes its place
    /// in the session's stream.
    pub(super) fn capture(
        &self,
        connection: &Connection,
        session: &Arc<Session>,
        pane: PaneId,
        first: Option<Command<'_>>,
        why: Why,
    ) {
        let skip = usize::from(first.is_some());
        let searched = match why {
            Why::Missed { rows: Some(rows), .. } => {
                let rows = Rows::HistoryAndScreen(rows);
                [false, true].map(|joined| Command::CaptureText { pane, rows, joined }).to_vec()
            }
            _ => vec![],
        };
        let mut commands = first.into_iter().chain(searched).chain(capture_commands(pane));
        let Some(line) = commands.next().map(|first| CommandLine::new(&first)) else { return };
        let line = commands.fold(line, |line, command| line.and(&command));
        let (sessions, session) = (self.clone(), session.clone());
        let sent = connection.send_then(line, move |replies| {
            match read_capture(replies.get(skip..).unwrap_or_default(), why) {
                Some(captured) => sessions.arrive(&session, Arrival::Capture(Box::new(captured))),
                // The pane is gone, and something else will say so.
                None => tracing::warn!(id = %session.id, ?replies, "a capture cannot be read"),
            }
        });
        if let Err(error) = sent {
            tracing::warn!(%error, "a pane cannot be captured");
        }
    }
}

/// The same question with more rows, if there are more.
fn more_rows(why: Why, held: Option<&Held>) -> Option<Why> {
    let (Why::Missed { reason, rows: Some(rows) }, Some(held)) = (why, held) else { return None };
    let next = SEARCHED.into_iter().find(|next| *next > rows)?;
    (held.history > u64::from(rows)).then_some(Why::Missed { reason, rows: Some(next) })
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

fn read_capture(replies: &[Reply], why: Why) -> Option<Captured> {
    let rows = |reply: &Reply| reply.lines().map(|line| reply.body.slice_ref(line)).collect::<Vec<_>>();
    let searching = matches!(why, Why::Missed { rows: Some(_), .. });
    let (searched, replies) = replies.split_at_checked(if searching { 2 } else { 0 })?;
    let [screen, joined, pending, facts, saved @ ..] = replies else { return None };
    if ![screen, joined, pending, facts].iter().all(|reply| reply.ok) {
        return None;
    }
    let facts = ScreenFacts::parse(facts.lines().next()?)?;
    let size = Size::new(facts.cols, facts.rows)?;
    let held = match (searched, why) {
        ([text, text_joined], Why::Missed { rows: Some(searched), .. }) => Some(Held {
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
    Some(Captured { capture, size, held, why })
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
                    Mark::Keyframe { size, reason: KeyframeReason::Launch, .. } => {
                        model = Model::new(*size, at.offset);
                    }
                    Mark::Keyframe { size, screen, .. } => model.show(*size, screen),
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
