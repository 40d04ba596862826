//! What the writer does now and then: packing, the summary, another generation.

use std::time::{Instant, SystemTime};

use sled::Batch;

use super::{
    Active, CLOCK_GRAIN, MIN_GENERATION, PACK_IDLE, PACK_MIN, PARK_IDLE, Parked, Trouble, WORST, Writer,
    measure_every,
};
use crate::heap;
use crate::journal::disk::chunk::OpenChunk;
use crate::journal::disk::clock::DAY;
use crate::journal::disk::generation::{self, Failure};
use crate::journal::disk::{query, space, summary};

impl Writer {
    pub(super) fn park_if_idle(&mut self) {
        let idle =
            |active: &mut Active| active.stale_since.is_none() && active.touched.elapsed() >= PARK_IDLE;
        if let Some(Active { generation, db, open, .. }) = self.active.take_if(idle) {
            drop(db);
            generation.close();
            self.parked = Some(Parked { generation, open });
        }
    }

    /// Goes on with the generation whose database was closed, if there is one that can be used.
    pub(super) fn open_parked(&mut self) -> bool {
        let Some(Parked { generation, open }) = self.parked.take() else { return false };
        if !self.shared.generations.contains(&generation) {
            return false;
        }
        match generation.open_again() {
            Ok(db) => {
                self.active = Some(Active { open, ..Active::new(generation, db) });
                true
            }
            Err(Failure::Refused(why)) => {
                self.shared.set_paused(Some(why));
                self.parked = Some(Parked { generation, open });
                false
            }
            Err(failure) => {
                // What it holds is counted when it is opened for reading.
                tracing::error!(?failure, generation = generation.number, "cannot be written to any more");
                false
            }
        }
    }

    /// Deleting writes, too.
    pub(super) fn remove_sessions(&mut self) -> Result<(), Trouble> {
        while self.has_room(1 << 20)
            && let Some((session, generations)) = self.shared.next_removal(self.ticket)
        {
            for generation in generations {
                let path = summary::path(&generation.dir);
                if let Some(active) =
                    self.active.as_mut().filter(|active| active.generation.number == generation.number)
                {
                    active.open.remove(&session);
                }
                if let Some(parked) = &mut self.parked {
                    parked.open.remove(&session);
                }
                let summary = generation.summary().clone();
                summary.write(&path)?;
                while self.shared.beat(self.ticket)
                    && self.shared.generations.ask(&generation, move |db| query::remove_page(db, session))
                        == Some(true)
                {}
                self.shared.generations.ask(&generation, |db| db.flush());
            }
        }
        Ok(())
    }

    pub(super) fn pack_idle(&mut self) -> Result<(), Trouble> {
        self.pack_those(|chunk| chunk.len() >= PACK_MIN && chunk.touched.elapsed() >= PACK_IDLE)?;
        if let Some(active) = &mut self.active {
            active.open.retain(|_, chunk| chunk.len() > 0);
        }
        Ok(())
    }

    pub(super) fn pack_those(&mut self, which: impl Fn(&OpenChunk) -> bool) -> Result<(), Trouble> {
        let Some(active) = &mut self.active else { return Ok(()) };
        let mut due: Vec<_> = active.open.values_mut().filter(|chunk| which(chunk)).collect();
        while !due.is_empty() {
            let space = due.iter().map(|chunk| chunk.len() as u64).sum::<u64>();
            if self.shared.generations.no_room(space).is_some() {
                return Ok(());
            }
            let mut batch = Batch::default();
            for chunk in due.drain(..due.len().min(64)) {
                chunk.pack(&mut batch, &mut self.zstd);
            }
            active.db.apply_batch(batch)?;
            self.shared.beat(self.ticket);
        }
        active.db.flush()?;
        Ok(())
    }

    pub(super) fn write_summary_if(&mut self, due: impl Fn(Instant) -> bool) -> Result<(), Trouble> {
        let Some(active) = &mut self.active else { return Ok(()) };
        if !active.stale_since.is_some_and(due) {
            return Ok(());
        }
        // First what it speaks of.
        let now = SystemTime::now();
        generation::sync(&active.generation.dir, active.synced, || {
            self.shared.beat(self.ticket);
        })?;
        active.synced = now - CLOCK_GRAIN;
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

    /// Packs, flushes and closes the generation.
    pub(super) fn end_generation(&mut self) -> Result<(), Trouble> {
        self.pack_those(|_| true)?;
        self.write_summary_if(|_| true)?;
        if let Some(active) = self.active.take() {
            drop(active.db);
            active.generation.close();
            active.generation.measure();
            heap::give_back();
        }
        if self.shared.beat(self.ticket) { Ok(()) } else { Err(Trouble::Abandoned) }
    }
}
