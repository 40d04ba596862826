//! What is newest of every session, in memory. Nothing leaves it before it was written, unless too
//! much waits to be written.

use std::collections::{BTreeMap, HashMap, VecDeque};

use codepiper_protocol::SessionId;

use crate::journal::memory::{Log, OVERHEAD};
use crate::journal::{Checkpoint, Content, Entry, Last, Mark};

/// At most this is taken of one session at once, so that all have their turn.
const TAKE: usize = 256 * 1024;

pub struct Limits {
    pub per_session: usize,
    pub total: usize,
    pub unwritten: usize,
}

pub struct Cache {
    limits: Limits,
    sessions: HashMap<SessionId, Cached>,
    /// Sessions with something to write.
    dirty: VecDeque<SessionId>,
    used: usize,
    /// Bytes that wait to be written.
    pub unwritten: usize,
    /// Something waits that somebody may act on: an event, a gap, an end.
    pub urgent: bool,
    /// What was dropped although it was not written.
    pub dropped_bytes: u64,
    pub dropped_entries: u64,
    next_life: u64,
}

struct Cached {
    /// A session that was removed and is there again is another one.
    life: u64,
    log: Log,
    /// The end of the log as it was appended, as the writer has taken it, as it is stored.
    last: Last,
    taken: Last,
    stored: Last,
    checkpoints: Vec<Checkpoint>,
    unwritten: usize,
    dirty: bool,
}

/// What the writer has to write of one session.
pub struct Taken {
    pub session: SessionId,
    pub entries: Vec<Entry>,
    pub checkpoints: Vec<Checkpoint>,
    /// The end of the log with these entries.
    pub last: Last,
    life: u64,
}

impl Cache {
    pub fn new(limits: Limits, lasts: BTreeMap<SessionId, Last>) -> Self {
        let mut cache = Self {
            limits,
            sessions: HashMap::new(),
            dirty: VecDeque::new(),
            used: 0,
            unwritten: 0,
            urgent: false,
            dropped_bytes: 0,
            dropped_entries: 0,
            next_life: 0,
        };
        for (session, last) in lasts {
            let cached = cache.session(session);
            (cached.last, cached.taken, cached.stored) = (last, last, last);
        }
        cache
    }

    pub fn append(&mut self, session: SessionId, entry: &Entry) {
        let cached = self.session(session);
        if entry.at < cached.last.end {
            // Who goes on earlier than we know overrules us.
            for last in [&mut cached.taken, &mut cached.stored] {
                last.end = last.end.min(entry.at);
            }
            let unwritten = std::mem::take(&mut cached.unwritten);
            let used = std::mem::take(&mut cached.log).used;
            self.unwritten = self.unwritten.saturating_sub(unwritten);
            self.used = self.used.saturating_sub(used);
        }
        let cached = self.session(session);
        let used = cached.log.used;
        cached.log.append(entry);
        cached.last.follow(entry);
        let cost = match &entry.content {
            Content::Output(bytes) => bytes.len(),
            Content::Mark(mark) => match &**mark {
                Mark::Keyframe { screen, .. } => OVERHEAD + screen.len(),
                _ => OVERHEAD,
            },
        };
        cached.unwritten += cost;
        self.used = self.used + self.sessions[&session].log.used - used;
        self.unwritten += cost;
        self.urgent |= matches!(entry.content, Content::Mark(_));
        self.mark_dirty(session);
        self.evict(session);
        while self.unwritten > self.limits.unwritten && self.drop_unwritten() {}
    }

    pub fn hurry(&mut self) {
        self.urgent = !self.is_clean();
    }

    pub fn checkpoint(&mut self, session: SessionId, checkpoint: Checkpoint) {
        let cost = checkpoint.screen.len() + OVERHEAD;
        if self.unwritten + cost > self.limits.unwritten {
            return;
        }
        let cached = self.session(session);
        let used = cached.log.used;
        cached.checkpoints.push(checkpoint.clone());
        cached.unwritten += cost;
        cached.log.save(checkpoint);
        self.used = self.used + self.sessions[&session].log.used - used;
        self.unwritten += cost;
        self.mark_dirty(session);
        self.evict(session);
    }

    pub fn remove(&mut self, session: SessionId) {
        if let Some(cached) = self.sessions.remove(&session) {
            self.used = self.used.saturating_sub(cached.log.used);
            self.unwritten = self.unwritten.saturating_sub(cached.unwritten);
            self.dirty.retain(|other| *other != session);
        }
    }

    pub fn log(&self, session: SessionId) -> Option<&Log> {
        self.sessions.get(&session).map(|cached| &cached.log)
    }

    pub fn last(&self, session: SessionId) -> Option<Last> {
        self.sessions.get(&session).map(|cached| cached.last)
    }

    pub fn stored(&self, session: SessionId) -> Option<Last> {
        self.sessions.get(&session).map(|cached| cached.stored)
    }

    /// The ends of all logs, as far as they are stored.
    pub fn all_stored(&self) -> Vec<(SessionId, Last)> {
        self.sessions.iter().map(|(session, cached)| (*session, cached.stored)).collect()
    }

    pub fn dirty_sessions(&self) -> usize {
        self.dirty.len()
    }

    pub fn is_clean(&self) -> bool {
        self.dirty.is_empty()
    }

    /// Takes about `max` bytes for the writer, who gives them back to [`Cache::written`].
    pub fn take(&mut self, max: usize) -> Vec<Taken> {
        let mut taken = Vec::new();
        let mut bytes = 0;
        while bytes < max
            && let Some(session) = self.dirty.pop_front()
        {
            let Some(cached) = self.sessions.get_mut(&session) else { continue };
            let piece = cached.take(session);
            bytes += piece.entries.iter().map(cost).sum::<usize>();
            cached.dirty = cached.taken.end < cached.last.end && !piece.entries.is_empty();
            if cached.dirty {
                self.dirty.push_back(session);
            }
            taken.push(piece);
        }
        self.urgent &= !self.is_clean();
        taken
    }

    /// It is on the disk. Those that were removed meanwhile are not among the result.
    pub fn written(&mut self, taken: Vec<Taken>) {
        for piece in taken {
            let Some(cached) = self.sessions.get_mut(&piece.session) else { continue };
            if cached.life != piece.life {
                continue;
            }
            let end = cached.stored.end.max(piece.last.end);
            cached.stored = Last { end, ..piece.last };
            self.unwritten = self.unwritten.saturating_sub(cached.unwritten);
            cached.unwritten = cached.count_unwritten();
            self.unwritten += cached.unwritten;
            self.evict(piece.session);
        }
    }

    /// The session is the one that this was taken of.
    pub fn is_current(&self, taken: &Taken) -> bool {
        self.sessions.get(&taken.session).is_some_and(|cached| cached.life == taken.life)
    }

    /// Who took something will not write it.
    pub fn give_back(&mut self) {
        let mut dirty = Vec::new();
        for (session, cached) in &mut self.sessions {
            cached.taken = cached.stored;
            let behind = cached.taken.end < cached.last.end;
            if behind || !cached.checkpoints.is_empty() {
                dirty.push(*session);
            }
        }
        for session in dirty {
            self.mark_dirty(session);
        }
    }

    fn session(&mut self, session: SessionId) -> &mut Cached {
        let next = &mut self.next_life;
        self.sessions.entry(session).or_insert_with(|| {
            *next += 1;
            let none = Last::default();
            Cached {
                life: *next,
                log: Log::default(),
                last: none,
                taken: none,
                stored: none,
                checkpoints: Vec::new(),
                unwritten: 0,
                dirty: false,
            }
        })
    }

    fn mark_dirty(&mut self, session: SessionId) {
        if let Some(cached) = self.sessions.get_mut(&session)
            && !cached.dirty
        {
            cached.dirty = true;
            self.dirty.push_back(session);
        }
    }

    fn evict(&mut self, session: SessionId) {
        let (per_session, total) = (self.limits.per_session, self.limits.total);
        while let Some(cached) = self.sessions.get_mut(&session)
            && cached.log.used > per_session
            && cached.may_evict()
        {
            self.used -= cached.evict();
        }
        while self.used > total {
            let evictable = self.sessions.values_mut().filter(|cached| cached.may_evict());
            let Some(largest) = evictable.max_by_key(|cached| cached.log.used) else { return };
            self.used -= largest.evict();
        }
    }

    /// Drops the oldest of the session with most to write; `false` when there is nothing.
    fn drop_unwritten(&mut self) -> bool {
        let Some(cached) = self.sessions.values_mut().max_by_key(|cached| cached.unwritten) else {
            return false;
        };
        let Some((first, end)) = cached.log.first().zip(cached.log.first_end()) else { return false };
        self.used -= cached.evict();
        if end > cached.stored.end {
            self.dropped_entries += 1;
            self.dropped_bytes += end.offset.saturating_sub(first.max(cached.stored.end).offset);
            cached.stored.end = end;
            cached.taken.end = cached.taken.end.max(end);
            // A new epoch may have begun in what was dropped.
            cached.taken.epoch = cached.last.epoch;
            self.unwritten = self.unwritten.saturating_sub(cached.unwritten);
            cached.unwritten = cached.count_unwritten();
            self.unwritten += cached.unwritten;
        }
        true
    }
}

impl Cached {
    fn may_evict(&self) -> bool {
        self.log.first_end().is_some_and(|end| end <= self.stored.end)
    }

    /// Evicts the oldest; what that frees.
    fn evict(&mut self) -> usize {
        let used = self.log.used;
        self.log.evict_oldest();
        used - self.log.used
    }

    fn count_unwritten(&self) -> usize {
        let checkpoints = self.checkpoints.iter().map(|saved| saved.screen.len() + OVERHEAD);
        self.log.cost_from(self.stored.end) + checkpoints.sum::<usize>()
    }

    fn take(&mut self, session: SessionId) -> Taken {
        let entries = self.log.read(self.taken.end, TAKE);
        for entry in &entries {
            self.taken.follow(entry);
        }
        // One of output that gets lost would be one of whatever comes in its place.
        let stored = |saved: &mut Checkpoint| saved.offset <= self.taken.end.offset;
        let checkpoints = self.checkpoints.extract_if(.., stored).collect();
        Taken { session, entries, checkpoints, last: self.taken, life: self.life }
    }
}

fn cost(entry: &Entry) -> usize {
    match &entry.content {
        Content::Output(bytes) => bytes.len(),
        Content::Mark(_) => OVERHEAD,
    }
}
