//! What a connection writes next: what its subscriptions have not been told yet.

use std::collections::HashSet;

use bytes::Bytes;
use codepiper_protocol::SessionId;
use codepiper_protocol::event::{Event, Source};
use codepiper_protocol::wire::stream::{GapReason, KEYFRAME_BIT, KeyframeReason, Lost, ServerMessage};
use fastwebsockets::OpCode;

use super::{Channel, Connection, EVENTS, GATHER};
use crate::api::Caller;
use crate::api::stream::frame::put_frame;
use crate::bus::Next;
use crate::journal::{Mark, Position};
use crate::notification::Page;

/// Output in one frame, in bytes.
const FRAME: usize = 64 * 1024;

impl Connection {
    /// Gathers what is to be written. True when there is more.
    pub(super) async fn gather(&mut self) -> bool {
        self.gather_sessions();
        self.gather_conversation();
        self.gather_git();
        self.gather_notifications();
        let mut more = self.gather_events().await;
        for index in 0..self.channels.len() {
            if let Some(mut channel) = self.channels[index].take() {
                more |= self.gather_channel(index as u8, &mut channel).await;
                self.channels[index] = Some(channel);
            }
        }
        more
    }

    fn gather_notifications(&mut self) {
        for (notification, pushed) in self.page.as_ref().map(Page::take).unwrap_or_default() {
            self.tell(&ServerMessage::Notification { notification, pushed });
        }
    }

    pub(super) async fn gather_channel(&mut self, number: u8, channel: &mut Channel) -> bool {
        self.tell_session(number, channel);
        loop {
            if self.out.len() >= GATHER {
                return true;
            }
            if channel.keyframe.is_none() && channel.is_too_far_behind() {
                channel.keyframe = Some(KeyframeReason::Behind);
            }
            let room = channel.room();
            if room == 0 {
                return false;
            }
            if let Some(reason) = channel.keyframe.take() {
                self.send_keyframe(number, channel, reason).await;
                continue;
            }
            let until_event = self.gather_events_at(channel).await;
            let next = channel.reader.next(FRAME.min(room.min(until_event) as usize));
            self.gather_events_before(&next, channel).await;
            match next {
                Next::Output(bytes) => {
                    channel.sent += bytes.len() as u64;
                    channel.ended = false;
                    put_frame(&mut self.out, OpCode::Binary, Some(number), &bytes);
                }
                Next::Mark(mark) => self.send_mark(number, channel, &mark),
                Next::Gap { lost, reason } => {
                    let cursor = channel.reader.cursor();
                    self.jump(channel);
                    // Only marks are missing, and what they would have said.
                    let lost = if lost == 0 { Lost::Unknown } else { Lost::Bytes(lost) };
                    self.tell(&ServerMessage::Gap { channel: number, cursor, reason, lost });
                }
                Next::Fetching => return false,
                Next::Pending => {
                    self.at_end(number, channel);
                    return false;
                }
            }
        }
    }

    /// Gathers the events whose place a channel has reached; how many bytes come before the next one.
    pub(super) async fn gather_events_at(&mut self, channel: &mut Channel) -> u64 {
        let Some(events) = channel.events.as_mut().filter(|events| events.placed) else { return u64::MAX };
        let all = &self.api.sessions.bus().events;
        let at = channel.reader.cursor().offset;
        let (reached, until_next) = events.reached(all, channel.session.id, at).await;
        for event in reached {
            self.tell(&ServerMessage::Event { event });
        }
        until_next
    }

    /// Gathers the events without a place that a channel wants before it gets this; at the end, all.
    pub(super) async fn gather_events_before(&mut self, next: &Next, channel: &mut Channel) {
        let Some(events) = &mut channel.events else { return };
        let time = match next {
            Next::Fetching | Next::Gap { .. } => return,
            Next::Pending => i64::MAX,
            Next::Output(_) | Next::Mark(_) => channel.reader.time(),
        };
        let all = &self.api.sessions.bus().events;
        if !std::mem::replace(&mut events.placed, true) {
            let first = if time == i64::MAX { all.last() } else { all.before(time).await };
            events.after = events.after.max(first);
        }
        let mut found = Vec::new();
        let before = |event: &Event| {
            *next == Next::Pending || event.body.cursor().is_none() && event.at.as_millisecond() <= time
        };
        while let Some(event) = events.next_if(all, channel.session.id, before).await {
            found.push(event);
        }
        for event in found {
            self.tell(&ServerMessage::Event { event });
        }
    }

    pub(super) fn at_end(&mut self, number: u8, channel: &mut Channel) {
        let cursor = channel.reader.cursor();
        if !channel.caught_up {
            channel.caught_up = true;
            self.tell(&ServerMessage::CaughtUp { channel: number, cursor });
        }
        // A session that ended before this daemon started has no mark in the log.
        if !channel.ended && !channel.session.is_live() && channel.reader.behind() == 0 {
            channel.ended = true;
            let exit = channel.session.exit();
            self.tell(&ServerMessage::Ended { channel: number, cursor, exit });
        }
    }

    pub(super) fn send_mark(&mut self, number: u8, channel: &mut Channel, mark: &Mark) {
        let cursor = channel.reader.cursor();
        match mark {
            Mark::Keyframe { size, screen, reason } => {
                let (size, reason) = (*size, *reason);
                channel.ended &= reason != KeyframeReason::Launch;
                self.tell(&ServerMessage::Keyframe { channel: number, cursor, size, reason });
                put_frame(&mut self.out, OpCode::Binary, Some(number | KEYFRAME_BIT), screen);
            }
            Mark::Gap { reason, lost, .. } => {
                let (reason, lost) = (*reason, *lost);
                self.tell(&ServerMessage::Gap { channel: number, cursor, reason, lost });
            }
            Mark::Ended { exit } => {
                channel.ended = true;
                // The object says so too: whoever follows decides by it.
                self.tell_session(number, channel);
                self.tell(&ServerMessage::Ended { channel: number, cursor, exit: *exit });
            }
        }
    }

    pub(super) async fn send_keyframe(&mut self, number: u8, channel: &mut Channel, reason: KeyframeReason) {
        let before = channel.reader.cursor().offset;
        let (size, screen) = match self.api.sessions.screen_source.keyframe(&channel.session).await {
            Some(keyframe) => {
                channel.reader.seek(keyframe.offset);
                (keyframe.size, keyframe.screen)
            }
            // Nothing of it ran since the daemon started.
            None => {
                let end = channel.session.cursor();
                channel.reader.seek(end.offset);
                let journal = self.api.sessions.bus().journal();
                let (first, last) = (Position::default(), Position::at(end.offset));
                if journal.unreadable(channel.session.id, first, last).is_some() {
                    let (reason, lost) = (GapReason::Unreadable, Lost::Bytes(end.offset));
                    self.tell(&ServerMessage::Gap { channel: number, cursor: end, reason, lost });
                }
                (channel.session.size(), Bytes::new())
            }
        };
        let cursor = channel.reader.cursor();
        self.jump(channel);
        if reason == KeyframeReason::Behind {
            channel.skipped_at = Some(cursor.offset);
            let lost = Lost::Bytes(cursor.offset.saturating_sub(before));
            self.tell(&ServerMessage::Gap { channel: number, cursor, reason: GapReason::Behind, lost });
        }
        self.tell(&ServerMessage::Keyframe { channel: number, cursor, size, reason });
        put_frame(&mut self.out, OpCode::Binary, Some(number | KEYFRAME_BIT), &screen);
    }

    /// The reader moved: what lies behind it counts as acknowledged.
    pub(super) fn jump(&self, channel: &mut Channel) {
        channel.sent = channel.reader.cursor().offset;
        channel.acknowledged = channel.sent;
    }

    pub(super) fn tell_session(&mut self, number: u8, channel: &mut Channel) {
        let version = channel.session.version();
        if version != channel.told {
            channel.told = version;
            let session = Box::new(channel.session.view());
            self.tell(&ServerMessage::Session { channel: number, session });
        }
    }

    pub(super) fn gather_sessions(&mut self) {
        let Some(mut listed) = self.listed.take() else { return };
        let all = self.api.sessions.registry.all();
        for session in &all {
            let version = session.version();
            if listed.versions.insert(session.id, version) != Some(version) {
                self.tell(&ServerMessage::SessionChanged { session: Box::new(session.view()) });
            }
            if let Some(printed) = session.printed()
                && listed.printed.insert(session.id, printed.clone()).as_ref() != Some(&printed)
            {
                self.tell(&ServerMessage::SessionPrinted { id: session.id, printed });
            }
        }
        if listed.versions.len() > all.len() {
            let there: HashSet<SessionId> = all.iter().map(|session| session.id).collect();
            listed.printed.retain(|id, _| there.contains(id));
            listed.versions.retain(|id, _| {
                let stays = there.contains(id);
                if !stays {
                    self.tell(&ServerMessage::SessionRemoved { id: *id });
                }
                stays
            });
        }
        self.listed = Some(listed);
    }

    pub(super) fn gather_conversation(&mut self) {
        let Some((session, told)) = &mut self.conversation else { return };
        let version = session.conversation_version();
        if std::mem::replace(told, version) != version {
            let session = session.id;
            self.tell(&ServerMessage::ConversationChanged { session });
        }
    }

    pub(super) fn gather_git(&mut self) {
        let Some(git) = &mut self.git else { return };
        let version = git.changes.version();
        if std::mem::replace(&mut git.told, version) != version {
            let (session, partial) = (git.session, git.changes.is_partial());
            self.tell(&ServerMessage::GitChanged { session, partial });
        }
    }

    pub(super) async fn gather_events(&mut self) -> bool {
        let Some((session, after)) = self.after_events else { return false };
        let events = self.api.sessions.bus().events.after(after, EVENTS).await;
        let Some(last) = events.last().map(|event| event.seq) else { return false };
        let more = last < self.api.sessions.bus().events.last();
        self.after_events = Some((session, last));
        let agent = matches!(self.caller, Caller::Agent { .. });
        for event in events {
            // Which devices people have, and when they look, is nothing to an agent.
            let hidden = agent && event.source == Source::Notification;
            if (session.is_none() || event.session == session) && !hidden {
                self.tell(&ServerMessage::Event { event });
            }
        }
        more
    }
}
