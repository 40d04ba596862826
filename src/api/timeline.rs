//! `/api/timelines` and `/api/sessions/{ref}/timeline`: states and markers, made from the events.

use codepiper_protocol::SessionId;
use codepiper_protocol::event::{Body, Event, Source};
use codepiper_protocol::wire::events::{ListEvents, MAX_EVENTS};
use codepiper_protocol::wire::session::{Activity, Exit, ExitReason, Session as View, Status, WaitingFor};
use codepiper_protocol::wire::timeline::{
    Density, Marker, MarkerKind, ReadTimeline, SpanState, StateSpan, Timeline,
};
use jiff::Timestamp;

use crate::bus::Slices;
use crate::session::{Session, Sessions};

/// The states of every session.
pub async fn of_all(sessions: &Sessions, wanted: ReadTimeline) -> Vec<Timeline> {
    let events = find(sessions, None, Some(Source::Session)).await;
    let all = sessions.registry.all().into_iter();
    all.map(|session| Timeline { markers: vec![], ..whole(&session, &events, wanted.since) }).collect()
}

/// The states of one session, and what happened meanwhile.
pub async fn of_one(sessions: &Sessions, session: &Session, wanted: ReadTimeline) -> Timeline {
    whole(session, &find(sessions, Some(session.id), None).await, wanted.since)
}

fn whole(session: &Session, events: &[Event], since: Option<i64>) -> Timeline {
    let counted = session.provider.prompts_for_commands.is_some();
    let printed = counted.then(|| {
        let (slices, cursor) = session.log.slices();
        let (first, bytes) = slices.until(Timestamp::now().as_millisecond());
        Density { slice_ms: Slices::MS, first, bytes, cursor }
    });
    Timeline { printed, ..timeline(&session.view(), events, since) }
}

/// Events of sessions, and those of the daemon itself, in order.
async fn find(sessions: &Sessions, session: Option<SessionId>, source: Option<Source>) -> Vec<Event> {
    let all = ListEvents { session, source, kind: None, since: None, before: None, limit: MAX_EVENTS };
    let daemons = ListEvents { session: None, source: Some(Source::System), ..all.clone() };
    let log = &sessions.bus().events;
    let mut events = log.find(all).await.events;
    events.extend(log.find(daemons).await.events);
    events.sort_by_key(|event| event.seq);
    events
}

fn timeline(view: &View, events: &[Event], since: Option<i64>) -> Timeline {
    let mut story = Story::default();
    for event in events {
        if event.session.is_none_or(|session| session == view.id) {
            story.follow(event);
        }
    }
    let Story { mut states, mut markers, .. } = story.end(view);
    if let Some(since) = since.and_then(|since| Timestamp::from_millisecond(since).ok()) {
        states.retain(|span| span.to.is_none_or(|to| to > since));
        markers.retain(|marker| marker.at >= since);
    }
    Timeline { session: view.id, states, markers, printed: None }
}

#[derive(Default)]
struct Story {
    states: Vec<StateSpan>,
    markers: Vec<Marker>,
    /// What the last hook asked for.
    asked: Option<String>,
    /// The last marker is a text that was typed, and no hook has said yet which.
    typed: bool,
    /// When the session was heard of last.
    heard: Option<Timestamp>,
}

impl Story {
    fn follow(&mut self, event: &Event) {
        let at = event.at;
        match &event.body {
            Body::SessionCreated { .. } => self.is(at, SpanState::Starting, None),
            Body::SessionStarted { .. } => {
                self.is(at, SpanState::Unknown, None);
                self.mark(event, MarkerKind::Started);
            }
            Body::SessionAdopted { .. } => {
                // A daemon that was killed did not say when.
                if let (true, Some(heard)) = (self.is_open(), self.heard) {
                    self.is(heard, SpanState::Away, None);
                }
                self.is(at, SpanState::Unknown, None);
            }
            Body::SessionActivityChanged { activity, waiting_for, .. } => {
                self.turn(event, *activity, *waiting_for)
            }
            Body::SessionEnded { exit, .. } => {
                self.close(at);
                let crashed = exit.is_some_and(is_crash);
                self.mark(event, if crashed { MarkerKind::Crashed } else { MarkerKind::Stopped });
            }
            Body::HookPromptSubmitted(_) => self.prompt(event),
            Body::HookPermissionRequested(_) => self.asked = Some(event.body.describe().to_string()),
            Body::InputSent { enter: true, .. } => self.mark(event, MarkerKind::Prompt),
            Body::TerminalNotified { .. } => self.mark(event, MarkerKind::Notification),
            Body::TerminalResized { .. } => self.mark(event, MarkerKind::Resized),
            Body::TerminalGapRecorded { .. } => self.mark(event, MarkerKind::Gap),
            Body::SystemDaemonStopping {} if self.is_open() => self.is(at, SpanState::Away, None),
            _ => {}
        }
        if event.session.is_some() {
            self.heard = Some(at);
        }
    }

    fn turn(&mut self, event: &Event, activity: Activity, waiting_for: Option<WaitingFor>) {
        let before = self.states.last().filter(|span| span.to.is_none()).map(|span| span.state);
        let state = state_of(activity);
        self.is(event.at, state, waiting_for);
        match (before, activity, waiting_for) {
            (_, Activity::Waiting, waiting_for) => {
                let kind = match waiting_for {
                    None | Some(WaitingFor::Permission) => MarkerKind::Permission,
                    Some(_) => MarkerKind::Question,
                };
                let asked = self.asked.take().unwrap_or_else(|| event.body.describe().to_string());
                self.mark_as(event, kind, asked);
            }
            (Some(SpanState::Working), Activity::Idle, _) => {
                self.mark_as(event, MarkerKind::TurnEnded, "Turn ended".to_owned());
            }
            _ => {}
        }
    }

    /// The hook knows the text, and the input that went before it the place.
    fn prompt(&mut self, event: &Event) {
        match self.markers.last_mut() {
            Some(last) if last.kind == MarkerKind::Prompt && self.typed => {
                last.text = event.body.describe().to_string();
                self.typed = false;
            }
            _ => self.mark(event, MarkerKind::Prompt),
        }
    }

    fn mark(&mut self, event: &Event, kind: MarkerKind) {
        self.mark_as(event, kind, event.body.describe().to_string());
    }

    fn mark_as(&mut self, event: &Event, kind: MarkerKind, text: String) {
        self.typed = matches!(event.body, Body::InputSent { .. });
        self.markers.push(Marker { at: event.at, kind, text, seq: event.seq, cursor: event.body.cursor() });
    }

    fn is(&mut self, from: Timestamp, state: SpanState, waiting_for: Option<WaitingFor>) {
        let same =
            |span: &StateSpan| span.to.is_none() && (span.state, span.waiting_for) == (state, waiting_for);
        if !self.states.last().is_some_and(same) {
            self.close(from);
            self.states.push(StateSpan { from, to: None, state, waiting_for });
        }
    }

    fn close(&mut self, at: Timestamp) {
        if let Some(span) = self.states.last_mut().filter(|span| span.to.is_none()) {
            span.to = Some(at.max(span.from));
        }
    }

    fn is_open(&self) -> bool {
        self.states.last().is_some_and(|span| span.to.is_none())
    }

    /// The present is what the session says; older events may be gone.
    fn end(mut self, view: &View) -> Self {
        let now = match view.status {
            Status::Starting => Some(SpanState::Starting),
            Status::Running => Some(state_of(view.activity)),
            Status::Stopped | Status::Crashed => None,
        };
        match now {
            Some(state) => self.is(view.state_since, state, view.waiting_for),
            None => self.close(view.state_since),
        }
        self
    }
}

fn state_of(activity: Activity) -> SpanState {
    match activity {
        Activity::Working => SpanState::Working,
        Activity::Idle => SpanState::Idle,
        Activity::Waiting => SpanState::Waiting,
        Activity::Unknown => SpanState::Unknown,
    }
}

fn is_crash(exit: Exit) -> bool {
    exit.reason == ExitReason::Exited && (exit.signal.is_some() || exit.code.is_some_and(|code| code != 0))
}

#[cfg(test)]
mod tests {
    use codepiper_protocol::Cursor;
    use serde_json::json;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn events(bodies: Vec<(i64, Body)>) -> Vec<Event> {
        let numbered = bodies.into_iter().enumerate();
        numbered
            .map(|(index, (second, body))| {
                let source = body.source();
                let session = (source != Source::System).then(|| ID.parse().unwrap());
                Event { seq: index as u64 + 1, at: at(second), session, source, body }
            })
            .collect()
    }

    const ID: &str = "a1b2c3d4-0000-4000-8000-000000000000";

    fn view(status: &str, activity: &str, since: i64) -> View {
        let since = at(since).to_string();
        serde_json::from_value(json!({
            "id": ID, "short_id": "a1b2c3d4", "name": null, "provider": "claude-code", "args": [], "cwd": "/",
            "branch": null, "status": status, "activity": activity, "waiting_for": null, "exit": null,
            "queued": 0, "model": null, "size": {"cols": 80, "rows": 24}, "lease": null, "billing": null,
            "env_sets": [], "dangerous": false, "worktree": null, "title": null, "pid": 1,
            "attached": 0, "cursor": "0:0", "created_at": since, "started_at": since, "state_since": since,
            "updated_at": since,
        }))
        .unwrap()
    }

    fn changed(activity: Activity, waiting_for: Option<WaitingFor>) -> Body {
        Body::SessionActivityChanged { activity, waiting_for, background: vec![], proof: None }
    }

    fn spans(timeline: &Timeline) -> Vec<(i64, Option<i64>, SpanState)> {
        let spans = timeline.states.iter();
        spans.map(|span| (span.from.as_second(), span.to.map(Timestamp::as_second), span.state)).collect()
    }

    #[test]
    fn a_turn_with_a_permission_is_told() {
        let created = Body::SessionCreated { provider: "claude-code".into(), name: None, cwd: "/".into() };
        let cursor = Cursor::new(0, 7);
        let hook = |payload| Body::hook(payload);
        let told = timeline(
            &view("stopped", "unknown", 60),
            &events(vec![
                (0, created),
                (1, Body::SessionStarted { pid: 1, resumed: false }),
                (2, changed(Activity::Idle, None)),
                (10, Body::InputSent { bytes: 5, enter: true, cursor }),
                (11, hook(json!({"hook_event_name": "UserPromptSubmit", "prompt": "fix it\nnow"}))),
                (11, changed(Activity::Working, None)),
                (
                    20,
                    hook(json!({"hook_event_name": "PermissionRequest", "tool_name": "Bash",
                    "tool_input": {"command": "npm i\nnpm t"}})),
                ),
                (20, changed(Activity::Waiting, Some(WaitingFor::Permission))),
                (30, changed(Activity::Working, None)),
                (40, changed(Activity::Idle, None)),
                (60, Body::SessionEnded { exit: None, cursor }),
            ]),
            None,
        );
        assert_eq!(
            spans(&told),
            [
                (0, Some(1), SpanState::Starting),
                (1, Some(2), SpanState::Unknown),
                (2, Some(11), SpanState::Idle),
                (11, Some(20), SpanState::Working),
                (20, Some(30), SpanState::Waiting),
                (30, Some(40), SpanState::Working),
                (40, Some(60), SpanState::Idle),
            ]
        );
        let markers: Vec<_> = told.markers.iter().map(|marker| (marker.kind, marker.text.as_str())).collect();
        assert_eq!(
            markers,
            [
                (MarkerKind::Started, "Started as process 1"),
                (MarkerKind::Prompt, "Prompt: fix it now"),
                (MarkerKind::Permission, "Asks to run npm i npm t"),
                (MarkerKind::TurnEnded, "Turn ended"),
                (MarkerKind::Stopped, "Ended"),
            ]
        );
        assert_eq!(told.markers[1].cursor, Some(cursor));
        let recent = timeline(&view("stopped", "unknown", 60), &events(vec![]), Some(0));
        assert_eq!(spans(&recent), []);
    }

    #[test]
    fn while_the_daemon_was_away_nothing_is_claimed() {
        let started = || Body::SystemDaemonStarted { version: "1".into() };
        let told = timeline(
            &view("running", "unknown", 31),
            &events(vec![
                (0, Body::SessionStarted { pid: 1, resumed: false }),
                (5, changed(Activity::Working, None)),
                (10, Body::SystemDaemonStopping {}),
                (21, Body::SessionAdopted { pid: Some(1) }),
                (22, started()),
                (25, changed(Activity::Idle, None)),
                // Killed at some time, without a word.
                (31, Body::SessionAdopted { pid: Some(1) }),
                (32, started()),
            ]),
            Some(9_000),
        );
        assert_eq!(
            spans(&told),
            [
                (5, Some(10), SpanState::Working),
                (10, Some(21), SpanState::Away),
                (21, Some(25), SpanState::Unknown),
                (25, Some(25), SpanState::Idle),
                (25, Some(31), SpanState::Away),
                (31, None, SpanState::Unknown),
            ]
        );
        let idle_for_long = timeline(&view("running", "idle", 3), &events(vec![]), Some(9_000));
        assert_eq!(spans(&idle_for_long), [(3, None, SpanState::Idle)]);
    }
}
