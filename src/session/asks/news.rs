//! What only wants to be seen: crashes, finished turns, calls for attention.

use std::sync::Arc;
use std::time::Duration;

use codepiper_protocol::wire::ask::{AnsweredIn, Ask, AskKind};
use codepiper_protocol::wire::problem::{Code, Problem};
use codepiper_protocol::wire::session::{Activity, Status};
use jiff::Timestamp;
use tokio::time::Instant;

use super::{Asks, Open, view};
use crate::bus::to_millisecond;
use crate::session::cell::Session;
use crate::session::life::record::News;

/// A session's programs may ask for attention so often.
const BETWEEN_CALLS: Duration = Duration::from_secs(10);
/// Of a kind, a session keeps so many.
const MOST: usize = 8;
/// Whoever typed into a session within this time is there, and bells that answer keys mean nothing.
pub(in crate::session) const THERE: Duration = Duration::from_secs(5);
/// Bells in a row are one.
const BETWEEN_BELLS: Duration = Duration::from_secs(1);
/// What a bell says.
const BELL: &str = "The bell rang";

impl Asks {
    /// The session has ended; a crash is news. What a program wanted to be seen stays until it was.
    pub(in crate::session) fn ended(&self, session: &Arc<Session>) {
        self.forget_news(session, "the session ended", |news| {
            matches!(news.kind, AskKind::Finished | AskKind::Stalled)
        });
        let crashed = {
            let life = session.life();
            let machine = life.machine();
            (machine.status() == Status::Crashed).then(|| (machine.exit(), machine.since()))
        };
        if let Some((exit, since)) = crashed {
            let text = exit.map(|exit| exit.to_string()).unwrap_or_default();
            self.tell(session, News { kind: AskKind::Crashed, at: to_millisecond(since), text });
        }
    }

    /// What the session does says that some of it is over.
    pub(super) fn outdate(&self, session: &Arc<Session>, live: bool, activity: Activity) {
        if !live {
            return;
        }
        self.forget_news(session, "the session was started again", |news| news.kind == AskKind::Crashed);
        if matches!(activity, Activity::Working | Activity::Waiting) {
            self.forget_news(session, "the agent went on", |news| news.kind == AskKind::Finished);
        }
        if activity == Activity::Waiting {
            self.forget_news(session, "the agent asks something", |news| news.kind == AskKind::Stalled);
        }
    }

    /// Something happened that a person should hear of. It takes the place of the same that they have not seen yet.
    pub(super) fn tell(&self, session: &Arc<Session>, news: News) {
        let over = session.life.note(|record| {
            let all = &mut record.life.news;
            let same = |other: &News| {
                other.kind == news.kind && (news.kind != AskKind::Attention || other.text == news.text)
            };
            let mut over: Vec<News> = all.extract_if(.., |other| same(other)).collect();
            let of_kind = all.iter().filter(|other| other.kind == news.kind).count();
            let oldest = all.iter().position(|other| other.kind == news.kind);
            over.extend(oldest.filter(|_| of_kind >= MOST).map(|oldest| all.remove(oldest)));
            all.push(news);
            over
        });
        self.are_over(session, over, "a later one took its place");
        self.registry.touch(session);
        self.life.save_soon(session);
    }

    pub(super) fn forget_news(&self, session: &Arc<Session>, why: &str, which: impl Fn(&News) -> bool) {
        let over: Vec<News> =
            session.life.note(|record| record.life.news.extract_if(.., |news| which(news)).collect());
        if !over.is_empty() {
            self.are_over(session, over, why);
            self.life.save_soon(session);
        }
    }

    fn are_over(&self, session: &Session, news: Vec<News>, why: &str) {
        for News { kind, at, text } in news {
            self.withdrawn(session, view::plain(session.id, kind, at, text), why);
        }
    }

    /// A program of the session asks for attention, in its own words.
    ///
    /// # Errors
    /// It has just done so: an agent cannot call all the time.
    pub fn note(&self, session: &Arc<Session>, text: &str) -> Result<(), Problem> {
        if session.asks.open().calls().is_some() {
            let detail = format!("a session may ask for attention once every {} s", BETWEEN_CALLS.as_secs());
            let seconds = Some(BETWEEN_CALLS.as_secs() as u32);
            return Err(Problem { retry_after: seconds, ..Problem::new(Code::TooManyTries, detail) });
        }
        self.call(session, text);
        Ok(())
    }

    /// The same from its output, where nobody can be told to wait: of several that come too fast, the last one is told
    /// when it may be.
    pub(in crate::session) fn note_printed(&self, session: &Arc<Session>, text: &str) {
        let again = {
            let mut open = session.asks.open();
            match open.calls() {
                None => None,
                Some(again) if open.unsaid.replace(text.to_owned()).is_none() => Some(again),
                Some(_) => return,
            }
        };
        let Some(again) = again else { return self.call(session, text) };
        let (asks, session) = (self.clone(), session.clone());
        self.context.tasks.spawn_until_shutdown(async move {
            tokio::time::sleep_until(again).await;
            let unsaid = session.asks.open().unsaid.take();
            unsaid.into_iter().for_each(|text| asks.note_printed(&session, &text));
        });
    }

    fn call(&self, session: &Arc<Session>, text: &str) {
        let text = view::first_line(text);
        // Words say more than the bell.
        self.forget_news(session, "a later one took its place", rang);
        self.tell(session, News { kind: AskKind::Attention, at: to_millisecond(Timestamp::now()), text });
    }

    /// Whether the terminal's bell is a call. It is none while somebody types: the line editors of shells ring it for keys.
    /// After one that was looked at, and beside words, it says nothing more.
    pub(in crate::session) fn bell_counts(&self, session: &Session) -> bool {
        let rang_before = session.life().record().life.news.iter().any(rang);
        let mut open = session.asks.open();
        let is_recent = |at: Option<Instant>, within| at.is_some_and(|at| at.elapsed() < within);
        let counts = !rang_before
            && !is_recent(open.called, BETWEEN_CALLS)
            && !is_recent(open.rang, BETWEEN_BELLS)
            && !session.typing.was_typed_into(THERE);
        if counts {
            open.rang = Some(Instant::now());
        }
        counts
    }

    /// It is one.
    pub(in crate::session) fn bell(&self, session: &Arc<Session>) {
        let at = to_millisecond(Timestamp::now());
        self.tell(session, News { kind: AskKind::Attention, at, text: BELL.to_owned() });
    }

    /// A person has seen it.
    ///
    /// # Errors
    /// It waits for an answer.
    pub async fn acknowledge(&self, reference: &str, by: &str) -> Result<Ask, Problem> {
        self.recall(reference).await;
        let (session, ask) = self.find_of(reference, |ask| ask.answered_in == AnsweredIn::Nothing)?;
        if ask.answered_in != AnsweredIn::Nothing {
            let detail = format!("{} waits for an answer: {}", ask.id, ask.kind);
            return Err(Problem::new(Code::Invalid, detail));
        }
        let seen = self.life.change(&session, |record| {
            let all = &mut record.life.news;
            let before = all.len();
            all.retain(|news| news.kind != ask.kind || news.at != ask.asked_at);
            Ok(before - all.len())
        });
        // Others may have been first.
        if seen.await? == 0 {
            let how =
                self.how_it_ended(&ask.id).unwrap_or_else(|| "somebody else has just seen it".to_owned());
            let detail = format!("{} is no longer open: {how}", ask.id);
            return Err(Problem::new(Code::AlreadyAnswered, detail));
        }
        self.seen(&session, &ask, by);
        Ok(ask)
    }

    /// Nobody wants to hear of it until then.
    pub async fn snooze(&self, reference: &str, until: Option<Timestamp>) -> Result<Ask, Problem> {
        self.recall(reference).await;
        let (session, ask) = self.find(reference)?;
        let open: Vec<String> = view::open(&session, true).into_iter().map(|ask| ask.id).collect();
        self.life
            .change(&session, |record| {
                let snoozed = &mut record.life.snoozed;
                snoozed.retain(|(id, _)| *id != ask.id && open.contains(id));
                snoozed.extend(until.map(|until| (ask.id.clone(), until)));
                Ok(())
            })
            .await?;
        Ok(Ask { snoozed_until: until, ..ask })
    }
}

impl Open {
    /// A program calls now; when it may, if it has just done so.
    fn calls(&mut self) -> Option<Instant> {
        let now = Instant::now();
        let again = self.called.map(|called| called + BETWEEN_CALLS).filter(|again| now < *again);
        if again.is_none() {
            self.called = Some(now);
        }
        again
    }
}

fn rang(news: &News) -> bool {
    news.kind == AskKind::Attention && news.text == BELL
}
