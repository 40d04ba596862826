//! Another model for a running agent.
//!
//! Agents write the model that a person types or chooses with Enter to that person's settings, where every new session
//! finds it. But their lists have a key that keeps the choice to the session: so the list is opened, and walked
//! through like a person would.

use std::sync::Arc;
use std::time::Duration;

use codepiper_protocol::event::Body;
use codepiper_protocol::tmux::PaneId;
use codepiper_protocol::wire::problem::{Code, Next, Problem};
use codepiper_protocol::wire::session::Activity;
use jiff::Timestamp;
use tokio::time::{Instant, timeout};

use super::Typing;
use super::composer::{Composer, start_limit};
use super::model_list::{ModelRow, ends, find, is_open, keeps, open_rows, plain, pointed, said, shows};
use crate::provider::{Dialog, ModelList};
use crate::session::cell::Session;
use crate::session::link::pane_for_input;
use crate::tmux::connection::Connection;

/// The agent has this long for each key.
const KEY_LIMIT: Duration = Duration::from_secs(5);
/// What did not come within this time is typed again, or closed again.
const AGAIN: Duration = Duration::from_secs(1);
/// A screen that rests for so long is done.
const REST: Duration = Duration::from_millis(200);
/// Longer lists are none.
const MOST_ROWS: usize = 60;
const ENTER: &[u8] = b"\r";
const ESCAPE: &[u8] = b"\x1b";
const DOWN: &[u8] = b"\x1b[B";
const BACKSPACE: u8 = 0x7f;

impl Typing {
    /// Lets the agent use another model from its next request on; returns when it said so.
    pub async fn switch_model(&self, session: &Arc<Session>, wanted: &str) -> Result<(), Problem> {
        let name = session.provider.name;
        let Some((models, list)) = session.provider.models.and_then(|models| Some((models, models.list?)))
        else {
            return Err(Problem::new(Code::Invalid, format!("{name} cannot switch models")));
        };
        if plain(wanted, models.vendor).is_empty() {
            return Err(Problem::new(Code::Invalid, "no model given"));
        }
        // One that has just been started may say that it works until it is ready.
        let starts = session.until(|session| session.turn() != Activity::Working);
        let _ = timeout(start_limit(session), starts).await;
        let connection = self.link.connected().await?;
        let _sending = session.typing.sending.lock().await;
        let _typing = session.typing.keyboard.lock().await;
        let pane = pane_for_input(session)?;
        let busy = |why: &str| {
            Problem::new(Code::Busy, format!("the model was not switched: {why}"))
                .with_next(Next::ShowOutput { session: session.id.short() })
        };
        match session.turn() {
            Activity::Working => return Err(busy(&format!("{name} is working"))),
            Activity::Waiting => return Err(busy(&format!("{name} is waiting for an answer"))),
            Activity::Idle | Activity::Unknown => {}
        }
        let Some(mut composer) = Composer::open(&self.source, session).await else {
            return Err(Problem::new(Code::Internal, format!("the screen of {name} is unknown")));
        };
        composer.ready(&self.link).await;
        composer.painted().await;
        if !composer.shows_in(KEY_LIMIT, |composer| composer.is_empty()).await {
            return Err(busy(&format!("{name} shows a draft or a dialog in place of its prompt")));
        }
        let mut walk = Walk {
            typing: self,
            connection: &connection,
            session,
            pane,
            composer: &mut composer,
            list,
            vendor: models.vendor,
        };
        let chosen = walk.choose(session, wanted).await;
        if chosen.is_err() {
            walk.leave().await;
        }
        // While the list is open the agent says that it waits.
        let closed = session.until(|session| session.turn() != Activity::Waiting);
        let _ = timeout(KEY_LIMIT, closed).await;
        let chosen = chosen?;
        session.life.note(|record| record.recipe.model = Some(chosen.clone()));
        session.shown().says_model(chosen.clone(), Timestamp::now());
        self.context.event(Some(session.id), Body::SessionModelSwitched { model: chosen });
        self.registry.touch(session);
        // The agent uses it, whatever the disk says.
        self.life.save_or_say(session).await;
        Ok(())
    }
}

/// The way through the list.
struct Walk<'a> {
    typing: &'a Typing,
    connection: &'a Connection,
    session: &'a Session,
    pane: PaneId,
    composer: &'a mut Composer,
    list: ModelList,
    vendor: &'static str,
}

impl Walk<'_> {
    /// Chooses the model for this session alone; the name by which the agent's `--model` knows it.
    async fn choose(&mut self, session: &Session, wanted: &str) -> Result<String, Problem> {
        let (list, name) = (self.list, session.provider.name);
        if !self.open(KEY_LIMIT.max(start_limit(session))).await? {
            return Err(Problem::new(Code::NotTaken, format!("{name} did not show its full list of models")));
        }
        let rows = self.rows().await?;
        let row = find(&rows, wanted, self.vendor).map_err(|fit| not_found(name, wanted, &rows, &fit))?;
        self.walk_to(row).await?;
        self.rest(list.list).await;
        let mut keeps_in = list.list;
        if let Some((leads_on, efforts)) = list.efforts
            && ends(self.composer.screen(), list.list, leads_on)
        {
            // The effort that it points to stays.
            self.press(ENTER)?;
            self.composer.shows_in(KEY_LIMIT, |composer| is_open(composer.screen(), efforts)).await;
            self.rest(efforts).await;
            keeps_in = efforts;
        }
        if !keeps(self.composer.screen(), keeps_in, list) {
            let detail = format!("{name} does not offer to use '{}' for this session only", row.label);
            return Err(Problem::new(Code::NotTaken, detail));
        }
        self.press(list.keep.as_bytes())?;
        if !list.questions.is_empty() {
            let asks = |composer: &mut Composer| {
                list.questions.iter().any(|asked| is_open(composer.screen(), *asked))
            };
            self.composer.shows_in(KEY_LIMIT, |composer| composer.is_empty() || asks(composer)).await;
            if asks(self.composer) {
                self.press(ENTER)?;
            }
        }
        // What it said of an earlier choice may still be there.
        let word = plain(row.label.split(' ').next().unwrap_or_default(), self.vendor);
        let fits = |said: &str| plain(said, self.vendor).contains(&word) && said.contains(list.kept);
        let done = |composer: &mut Composer| {
            composer.is_empty() && said(composer.screen(), list.done).is_some_and(|said| fits(&said))
        };
        if !self.composer.shows_in(KEY_LIMIT, done).await {
            let detail = match said(self.composer.screen(), list.done) {
                Some(said) => {
                    format!("{name} was asked for '{}' but reports: {}{said}", row.label, list.done)
                }
                None => format!("{name} did not confirm the switch"),
            };
            return Err(Problem::new(Code::NotTaken, detail));
        }
        let said = said(self.composer.screen(), list.done).unwrap_or_default();
        let said = said.split(' ').next().filter(|_| list.done_names_it);
        Ok(said.unwrap_or(&row.names[0]).to_owned())
    }

    /// Opens the list; false when it does not come. One that has just been started may lose the command, or say that
    /// it is not ready. Enter is pressed once for each command that is seen: another one might choose in the list.
    async fn open(&mut self, limit: Duration) -> Result<bool, Problem> {
        let list = self.list;
        let end = Instant::now() + limit;
        let opens = |composer: &mut Composer| pointed(composer.screen(), list).is_some();
        let refuses = |composer: &mut Composer| {
            composer.is_empty() && list.not_yet.is_some_and(|text| shows(composer.screen(), text))
        };
        let takes = |composer: &mut Composer| composer.holds_only(list.open);
        self.composer.expect(list.open.as_bytes());
        while Instant::now() < end {
            if self.composer.is_empty() {
                self.typing
                    .paste(self.connection, self.session, self.pane, list.open.as_bytes(), true)
                    .await?;
            }
            if self.composer.shows_in(AGAIN, takes).await {
                self.press(ENTER)?;
                self.composer.shows_in(limit, |composer| opens(composer) || refuses(composer)).await;
                if self.composer.shows_in(AGAIN, opens).await {
                    return Ok(true);
                }
                if !refuses(self.composer) {
                    return Ok(false);
                }
            }
        }
        Ok(false)
    }

    /// All rows, as the pointer comes to them.
    async fn rows(&mut self) -> Result<Vec<ModelRow>, Problem> {
        let mut rows: Vec<ModelRow> = Vec::new();
        while let Some(row) = pointed(self.composer.screen(), self.list) {
            if rows.iter().any(|known| known.is(&row)) || rows.len() == MOST_ROWS {
                break;
            }
            self.down(&row).await?;
            rows.push(row);
        }
        rows.sort_by_key(|row| row.number.unwrap_or(u32::MAX));
        Ok(rows)
    }

    async fn walk_to(&mut self, wanted: &ModelRow) -> Result<(), Problem> {
        for _ in 0..MOST_ROWS {
            match pointed(self.composer.screen(), self.list) {
                Some(row) if row.is(wanted) => return Ok(()),
                Some(row) => self.down(&row).await?,
                None => break,
            }
        }
        Err(Problem::new(Code::NotTaken, "the list of models changed while it was being read; try again"))
    }

    /// One row down, or to the first. A list of one row stays where it is.
    async fn down(&mut self, from: &ModelRow) -> Result<(), Problem> {
        self.press(DOWN)?;
        let list = self.list;
        let moved =
            |composer: &mut Composer| pointed(composer.screen(), list).is_some_and(|row| !row.is(from));
        self.composer.shows_in(KEY_LIMIT, moved).await;
        Ok(())
    }

    /// Agents take the row that they pointed to a moment ago, when the key comes too early.
    async fn rest(&mut self, dialog: Dialog) {
        for _ in 0..MOST_ROWS {
            let before = open_rows(self.composer.screen(), dialog);
            let moved = |composer: &mut Composer| open_rows(composer.screen(), dialog) != before;
            if !self.composer.shows_in(REST, moved).await {
                return;
            }
        }
    }

    fn press(&mut self, key: &[u8]) -> Result<(), Problem> {
        self.typing.type_bytes_into(self.connection, self.pane, key)
    }

    /// Closes whatever is open, and takes back what was typed.
    async fn leave(&mut self) {
        let typed = self.list.open.as_bytes();
        let efforts = self.list.efforts.map(|(_, efforts)| efforts);
        let dialogs: Vec<Dialog> =
            [self.list.list].into_iter().chain(efforts).chain(self.list.questions.iter().copied()).collect();
        let opened =
            |composer: &Composer| dialogs.iter().copied().find(|dialog| is_open(composer.screen(), *dialog));
        let mut escaped = false;
        for _ in 0..4 {
            self.composer.catch_up();
            if self.composer.is_empty() {
                return;
            }
            let before = opened(self.composer);
            let keys = match escaped && self.composer.holds_text() {
                true => vec![BACKSPACE; typed.len()],
                false => ESCAPE.to_vec(),
            };
            escaped = true;
            if self.press(&keys).is_err() {
                return;
            }
            let left = |composer: &mut Composer| composer.is_empty() || opened(composer) != before;
            self.composer.shows_in(AGAIN, left).await;
        }
    }
}

fn not_found(name: &str, wanted: &str, rows: &[ModelRow], fit: &[&ModelRow]) -> Problem {
    let labels =
        |rows: &[&ModelRow]| rows.iter().map(|row| row.label.as_str()).collect::<Vec<_>>().join(", ");
    let wanted = wanted.escape_debug();
    let detail = match fit {
        [] => {
            let all = labels(&rows.iter().collect::<Vec<_>>());
            format!("{name} has no model '{wanted}'; available: {all}")
        }
        fit => format!("'{wanted}' matches several models: {}", labels(fit)),
    };
    Problem::new(Code::Invalid, detail)
}

impl Composer {
    /// Waits for a screen like that, for so long.
    async fn shows_in(&mut self, limit: Duration, condition: impl Fn(&mut Composer) -> bool) -> bool {
        let _ = timeout(limit, self.until(&condition)).await;
        condition(self)
    }
}
