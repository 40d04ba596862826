//! The launch record is written before what is asked for is done, and after what happened.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use codepiper_protocol::wire::problem::{Code, Problem};

use super::record::Record;
use super::{Life, LifeState};
use crate::bus::to_millisecond;
use crate::session::cell::Session;
use crate::tasks::blocking;

/// What could not be written down is tried again so often: no event tells when a disk takes it.
pub const SAVE_RETRY: Duration = Duration::from_secs(2);

impl LifeState {
    /// The record's object changed.
    pub fn note_update(&self) {
        self.note(|record| record.life.updated_at = to_millisecond(jiff::Timestamp::now()));
    }
}

impl Life {
    /// Changes a session's record, first on the disk and then here: what fails is not done, and what is done is so after a
    /// crash, too. `change` is called for both; what it says of the first counts.
    pub(in crate::session) async fn change<T>(
        &self,
        session: &Session,
        change: impl Fn(&mut Record) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        let _saving = session.life.saving.lock().await;
        if self.registry.get(session.id).is_none() {
            return Err(Problem::new(Code::NotFound, format!("session {} was removed", session.id.short())));
        }
        let mut record = record_now(session);
        let changed = change(&mut record)?;
        self.write(record).await?;
        // The rest of the record went on meanwhile.
        session.life.note(change)?;
        self.registry.touch(session);
        Ok(changed)
    }

    /// Writes down what has happened already, and tries again until that is done.
    pub(in crate::session) async fn save_or_say(&self, session: &Arc<Session>) {
        let Err(problem) = self.save(session).await else { return };
        tracing::error!(id = %session.id, %problem, "a launch record was not written");
        if session.life.unsaved.swap(true, Ordering::Relaxed) {
            return;
        }
        let (life, session) = (self.clone(), session.clone());
        self.context.tasks.spawn(async move {
            let shutdown = &life.context.tasks.shutdown;
            while session.life.unsaved.load(Ordering::Relaxed) {
                // When the daemon leaves, it is written with all others.
                if shutdown.run_until_cancelled(tokio::time::sleep(SAVE_RETRY)).await.is_none() {
                    return;
                }
                let saved = life.save(&session).await.is_ok();
                session.life.unsaved.store(!saved, Ordering::Relaxed);
            }
        });
    }

    /// The same in the background.
    pub(in crate::session) fn save_soon(&self, session: &Arc<Session>) {
        let (life, session) = (self.clone(), session.clone());
        self.context.tasks.spawn(async move { life.save_or_say(&session).await });
    }

    /// Writes the record, without holding anybody up. A session that was removed has none.
    pub(in crate::session) async fn save(&self, session: &Session) -> Result<(), Problem> {
        let _saving = session.life.saving.lock().await;
        match self.registry.get(session.id) {
            Some(_) => self.write(record_now(session)).await,
            None => Ok(()),
        }
    }

    async fn write(&self, record: Record) -> Result<(), Problem> {
        let dir = self.context.places.records.clone();
        blocking(move || record.save(&dir)).await?.map_err(|error| {
            let records = self.context.places.records.display();
            Problem::new(Code::Internal, format!("cannot write the launch record in {records}: {error}"))
        })
    }

    /// Writes the records of all sessions, when nothing is published any more. False when one was not written.
    pub async fn save_all(&self) -> bool {
        let mut all = true;
        for session in self.registry.all() {
            session.life.note(|record| record.life.complete = true);
            if let Err(problem) = self.save(&session).await {
                tracing::error!(id = %session.id, %problem, "a launch record was not written");
                all = false;
            }
        }
        all
    }

    /// Removes what is written down of a session that is in the registry no more.
    ///
    /// # Errors
    /// When its record cannot be removed: it stays.
    pub(in crate::session) async fn remove_files(&self, session: &Session) -> Result<(), Problem> {
        let _saving = session.life.saving.lock().await;
        let (context, id) = (self.context.clone(), session.id);
        let removed = blocking(move || {
            Record::remove(&context.places.records, id)?;
            let _ = std::fs::remove_file(context.exit_file_of(id));
            for dir in [context.images_of(id), context.spool_of(id)] {
                let _ = std::fs::remove_dir_all(dir);
            }
            std::io::Result::Ok(())
        });
        removed.await?.map_err(|error| {
            let path = Record::path(&self.context.places.records, id);
            Problem::new(Code::Internal, format!("cannot remove {}: {error}", path.display()))
        })
    }
}

/// The record with what is known of the session now.
fn record_now(session: &Session) -> Record {
    let cursor = session.log.cursor();
    let mut present = session.life();
    let (status, exit, pid) = (present.machine.status(), present.machine.exit(), present.machine.pid());
    let since = present.machine.since();
    let known = present.machine.to_hand_on();
    let life = &mut present.record.life;
    life.known = known;
    (life.status, life.exit, life.pid, life.state_since) = (status, exit, pid, Some(since));
    (life.epoch, life.offset) = (cursor.epoch, cursor.offset);
    present.record.clone()
}
