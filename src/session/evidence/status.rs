//! What programs say about themselves: in the output (OSC 7501, OSC 9;4) and by a command. A flood of reports costs
//! what a few do; the last one counts.

use std::sync::Arc;
use std::time::Duration;

use codepiper_protocol::wire::problem::{Code, Problem};
use codepiper_protocol::wire::session::{Activity, EvidenceSource};
use codepiper_protocol::wire::status::{ProgramState, StatusRecord, StatusReport, StatusSource};
use jiff::Timestamp;
use tokio::time::Instant;

use super::Evidence;
use crate::session::cell::{Session, ended_problem};
use crate::session::life::machine::Input;
use crate::terminal::status::Table;

/// So many reports are told at once; those that come later in this time are told together at its end.
const AT_ONCE: u32 = 20;
const PERIOD: Duration = Duration::from_secs(1);

/// What was reported, and how often that was told lately.
#[derive(Default)]
pub(super) struct Reported {
    pub table: Table,
    period: Option<Instant>,
    told: u32,
    /// At the end of the period it is told.
    later: bool,
    /// What was not told yet proves something.
    proves: bool,
    /// A program said meanwhile that it works: a turn has begun, even if it is over when that is told.
    began: Option<StatusRecord>,
}

/// What to do about a report.
#[derive(Debug, PartialEq)]
enum Turn {
    Now,
    At(Instant),
    /// Somebody will anyway.
    Never,
}

impl Reported {
    /// A report would be told at once.
    pub fn has_room(&self, now: Instant) -> bool {
        self.told < AT_ONCE || self.period.is_none_or(|since| now >= since + PERIOD)
    }

    fn turn(&mut self, now: Instant) -> Turn {
        match self.period {
            Some(since) if now < since + PERIOD => {}
            _ => (self.period, self.told) = (Some(now), 0),
        }
        if self.has_room(now) {
            self.told += 1;
            return Turn::Now;
        }
        match std::mem::replace(&mut self.later, true) {
            true => Turn::Never,
            false => Turn::At(self.period.map_or(now, |since| since + PERIOD)),
        }
    }
}

impl Evidence {
    /// A command in the session reported.
    ///
    /// # Errors
    /// It is not within the limits, or the session has ended.
    pub fn program_reported(&self, session: &Arc<Session>, report: StatusReport) -> Result<(), Problem> {
        report.check().map_err(|wrong| Problem::new(Code::Invalid, wrong))?;
        if !session.is_live() {
            return Err(ended_problem(session));
        }
        // What a tool of an agent reports is not the agent's word.
        let proves = !session.provider.agent;
        let now = Timestamp::now();
        self.change_status(session, proves, |table| table.apply(StatusSource::Command, report, now));
        Ok(())
    }

    /// All that the programs of a session say about themselves, by id.
    pub fn program_status(&self, session: &Session) -> Vec<StatusRecord> {
        session.evidence.seen().reported.table.list()
    }

    /// `proves`: what changes says what the session's program does.
    pub(super) fn change_status(
        &self,
        session: &Arc<Session>,
        proves: bool,
        change: impl FnOnce(&mut Table),
    ) {
        {
            let mut seen = session.evidence.seen();
            change(&mut seen.reported.table);
            let reported = &mut seen.reported;
            reported.proves |= proves;
            if proves && reported.began.is_none() {
                let works = |record: &&StatusRecord| record.state == ProgramState::Working;
                reported.began = reported.table.stated(|_| true).filter(works).cloned();
            }
        }
        self.tell_in_turn(session);
    }

    /// Tells what was reported, at once or together with what comes soon.
    pub(super) fn tell_in_turn(&self, session: &Arc<Session>) {
        let turn = session.evidence.seen().reported.turn(Instant::now());
        match turn {
            Turn::Now => self.tell_status(session),
            Turn::Never => {}
            Turn::At(at) => {
                let (evidence, session) = (self.clone(), session.clone());
                self.context.tasks.spawn_until_shutdown(async move {
                    tokio::time::sleep_until(at).await;
                    session.evidence.seen().reported.later = false;
                    evidence.tell_status(&session);
                });
            }
        }
    }

    /// Its program has ended, or its shell prompts again: only results stay.
    pub(super) fn end_status(&self, session: &Arc<Session>) {
        if session.evidence.seen().reported.table.end() {
            self.show_status(session);
        }
    }

    /// Shows what is said now, and what it proves.
    fn tell_status(&self, session: &Arc<Session>) {
        self.show_status(session);
        if session.provider.prompts_for_commands.is_some() {
            self.judge_terminal(session);
            return;
        }
        let (began, stated) = {
            let mut seen = session.evidence.seen();
            if !std::mem::take(&mut seen.reported.proves) {
                return;
            }
            let counts = |source| source == StatusSource::Terminal || !session.provider.agent;
            let stated = seen.reported.table.stated(counts).cloned();
            (seen.reported.began.take().filter(|record| counts(record.source)), stated)
        };
        if let Some(began) = began.filter(|began| Some(began) != stated.as_ref()) {
            self.prove_by_status(session, Some(&began));
        }
        self.prove_by_status(session, stated.as_ref());
    }

    fn prove_by_status(&self, session: &Arc<Session>, stated: Option<&StatusRecord>) {
        if let Some((activity, waiting_for)) = session.provider.signals.status(stated) {
            // What it does by itself when it starts is no turn (Codex 0.169 works for a moment).
            let starts = session.provider.reports_count_as_hooks && is_unasked(session);
            if activity == Activity::Working && starts {
                return;
            }
            let what = stated.map_or_else(|| "it no longer reports a state".to_owned(), in_words);
            let source = EvidenceSource::Report;
            self.life.apply(session, Input::Activity { source, activity, waiting_for, what });
        }
    }

    fn show_status(&self, session: &Arc<Session>) {
        let shown = session.evidence.seen().reported.table.shown();
        let changed = {
            let mut present = session.shown();
            let changed = present.program_status != shown;
            present.program_status = shown;
            changed
        };
        if changed {
            self.registry.touch(session);
        }
    }
}

/// Nobody can have asked it for anything since its program was launched.
fn is_unasked(session: &Session) -> bool {
    let launched = session.life().record().life.launched_at;
    let age = Timestamp::now().duration_since(launched).unsigned_abs();
    let mut seen = session.evidence.seen();
    let prompted = seen.prompted.is_some_and(|prompted| prompted >= launched);
    seen.unasked &= !(session.is_attached() || prompted || session.typing.was_typed_into(age));
    seen.unasked
}

/// As evidence.
pub(super) fn in_words(record: &StatusRecord) -> String {
    let how = match record.source {
        StatusSource::Terminal => "it reported",
        StatusSource::Command => "a command in it reported",
    };
    let part = record.id.as_ref().map(|id| format!(" of '{id}'")).unwrap_or_default();
    let kind = record.kind.map(|kind| format!(" ({kind})")).unwrap_or_default();
    format!("{how} the state '{}'{kind}{part}", record.state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_told_twenty_times_and_once_more() {
        let mut reported = Reported::default();
        let start = Instant::now();
        let turns: Vec<Turn> = (0..1000).map(|_| reported.turn(start)).collect();
        assert!(turns[..20].iter().all(|turn| *turn == Turn::Now));
        assert_eq!(turns[20], Turn::At(start + PERIOD));
        assert!(turns[21..].iter().all(|turn| *turn == Turn::Never));
        reported.later = false;
        assert_eq!(reported.turn(start + PERIOD), Turn::Now);
    }
}
