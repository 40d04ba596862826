//! What the writer does now and then: the database, the summary, another generation.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use codepiper_protocol::SessionId;

use super::{Active, FOLLOW_EVERY, MIN_GENERATION, SEAL_IDLE, Trouble, WORST, Writer, measure_every};
use crate::heap;
use crate::journal::disk::clock::DAY;
use crate::journal::disk::generation::Generation;
use crate::journal::disk::{query, space, summary};

impl Writer {
    /// Lets the database follow the segment. What it lacks it takes in when somebody reads.
    pub(super) fn follow_if_due(&mut self) {
        let Some(active) = &mut self.active else { return };
        let end = active.segment.end();
        if end < active.follow_at {
            return;
        }
        active.follow_at = end + FOLLOW_EVERY;
        self.shared.generations.ask(&active.generation, |_| Ok(()));
        self.shared.beat(self.ticket);
    }

    /// Notes how the files were left, so that the next daemon knows them, when nothing was written for a while.
    pub(super) fn seal_if_idle(&mut self) {
        let Some(active) = &self.active else { return };
        let written = &active.generation.written;
        if active.stale_since.is_none()
            && active.touched.elapsed() >= SEAL_IDLE
            && written.swap(false, Ordering::Relaxed)
        {
            active.generation.close();
        }
    }

    /// Deleting writes, too.
    pub(super) fn remove_sessions(&mut self) -> Result<(), Trouble> {
        while self.has_room(1 << 20)
            && let Some((session, generations)) = self.shared.next_removal(self.ticket)
        {
            for generation in generations {
                let summary = generation.summary().clone();
                summary.write(&summary::path(&generation.dir))?;
                match generation.has_segment() {
                    true => {
                        generation.segment()?.remove(session)?;
                        // It holds marks and screens of it.
                        generation.forget_index();
                    }
                    false => self.remove_rows(&generation, session),
                }
                // The one that is written to is left later.
                generation.close();
            }
        }
        Ok(())
    }

    /// Removes what is stored in a database of an older version.
    fn remove_rows(&self, generation: &Arc<Generation>, session: SessionId) {
        let generations = &self.shared.generations;
        while self.shared.beat(self.ticket)
            && generations.ask(generation, move |store| query::remove_page(&store.db, session)) == Some(true)
        {
        }
    }

    pub(super) fn write_summary_if(&mut self, due: impl Fn(Instant) -> bool) -> Result<(), Trouble> {
        let Some(active) = &mut self.active else { return Ok(()) };
        if !active.stale_since.is_some_and(due) {
            return Ok(());
        }
        // First what it speaks of.
        active.segment.sync()?;
        self.shared.beat(self.ticket);
        let summary = {
            let mut summary = active.generation.summary();
            summary.updated = (self.shared.options.probes.now)();
            summary.files.clear();
            summary.clone()
        };
        if let Err(error) = summary.write(&summary::path(&active.generation.dir)) {
            if !space::is_refusal(&error) {
                return Err(error.into());
            }
            // The generation is as whole as before: it is written when that can be done again.
            active.stale_since = Some(Instant::now());
            self.shared.set_paused(Some(space::reason(&error)));
            return Ok(());
        }
        active.stale_since = None;
        heap::give_back();
        Ok(())
    }

    pub(super) fn rotate_if_due(&mut self) -> Result<(), Trouble> {
        let options = &self.shared.options;
        let Some(active) = &mut self.active else { return Ok(()) };
        let now = (options.probes.now)();
        let another_day = active.written > 0 && active.generation.summary().created / DAY != now / DAY;
        if active.written < active.measure_at && !another_day {
            return Ok(());
        }
        let every = measure_every(options.retention_bytes);
        active.measure_at = active.written + every;
        // Pages that a database has let go lie between those that it keeps (measured: 35 % more from the second
        // megabyte of 50 sessions to their eleventh, 5 % less with this).
        heap::give_back();
        let limit = options.generation_bytes.min(options.retention_bytes / 4).max(MIN_GENERATION);
        if active.generation.measure() >= limit || another_day {
            self.end_generation()?;
        }
        let options = &self.shared.options;
        let kept = self.active.as_ref().map_or(0, |active| active.generation.number);
        let slack = 2 * WORST * measure_every(options.retention_bytes);
        self.shared.generations.retain(kept, options.retention_bytes - slack, now);
        Ok(())
    }

    /// Leaves the generation.
    pub(super) fn end_generation(&mut self) -> Result<(), Trouble> {
        self.write_summary_if(|_| true)?;
        if let Some(Active { generation, .. }) = self.active.take() {
            generation.written.store(false, Ordering::Relaxed);
            generation.close();
            generation.measure();
            heap::give_back();
        }
        if self.shared.beat(self.ticket) { Ok(()) } else { Err(Trouble::Abandoned) }
    }
}
