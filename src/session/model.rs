//! Another model for a running agent.
//!
//! Agents write the model that a person types or chooses with Enter to that person's settings, where every new session
//! finds it. But their lists have a key that keeps the choice to the session: so the list is opened, and walked
//! through like a person would.

use std::sync::Arc;
use std::time::Duration;

use codepiper_protocol::event::Body;
use codepiper_protocol::tmux::PaneId;
use codepiper_protocol::wire::problem::{Code, Problem};
use codepiper_protocol::wire::session::Activity;
use tokio::time::timeout;

use super::composer::Composer;
use super::{Session, Sessions};
use crate::provider::ModelList;
use crate::terminal::screen::Screen;
use crate::tmux::connection::Connection;

/// The agent has this long for each key.
const KEY_LIMIT: Duration = Duration::from_secs(5);
/// A screen that rests for so long is done.
const REST: Duration = Duration::from_millis(200);
/// Longer lists are none.
const MOST_ROWS: usize = 60;
const ENTER: &[u8] = b"\r";
const ESCAPE: &[u8] = b"\x1b";
const DOWN: &[u8] = b"\x1b[B";

/// A row of the list: its number and what stands in it.
#[derive(Clone, Debug, PartialEq)]
struct Row {
    number: u32,
    label: String,
    description: String,
}

impl Sessions {
    /// Lets the agent use another model from its next request on; returns when it said so.
    pub async fn switch_model(&self, session: &Arc<Session>, wanted: &str) -> Result<(), Problem> {
        let (name, id) = (session.provider.name(), session.id.short());
        let Some(list) = session.provider.model_list() else {
            return Err(Problem::new(Code::Invalid, format!("the model of {name} cannot be switched")));
        };
        if plain(wanted).is_empty() {
            return Err(Problem::new(Code::Invalid, "say which model"));
        }
        let connection = self.connection()?;
        let _sending = session.sending.lock().await;
        let _typing = session.typing.lock().await;
        let pane = session.pane_for_input()?;
        let busy = |why: &str| {
            Problem::new(
                Code::Busy,
                format!("the model was not switched: {why}; codepiper tail {id} shows it"),
            )
        };
        match session.view().activity {
            Activity::Working => return Err(busy(&format!("{name} works"))),
            Activity::Waiting => return Err(busy(&format!("{name} waits for a person"))),
            Activity::Idle | Activity::Unknown => {}
        }
        let Some(mut composer) = self.composer(session).await else {
            return Err(Problem::new(Code::Internal, format!("the screen of {name} is not known")));
        };
        composer.ready(self).await;
        if !composer.shows_in(KEY_LIMIT, |composer| composer.is_empty()).await {
            return Err(busy(&format!("a draft or a dialog stands where {name} takes commands")));
        }
        let mut walk = Walk { sessions: self, connection: &connection, pane, composer: &mut composer, list };
        let chosen = walk.choose(session, wanted).await;
        if chosen.is_err() {
            walk.leave().await;
        }
        // While the list is open the agent says that it waits.
        let closed = session.until(|state| state.machine.activity() != Activity::Waiting);
        let _ = timeout(KEY_LIMIT, closed).await;
        let chosen = chosen?;
        {
            let mut state = session.state();
            state.record.model = Some(chosen.clone());
            state.model = Some(chosen.clone());
        }
        self.save(session).await?;
        self.event(Some(session.id), Body::SessionModelSwitched { model: chosen });
        self.touch(session);
        Ok(())
    }
}

/// The way through the list.
struct Walk<'a> {
    sessions: &'a Sessions,
    connection: &'a Connection,
    pane: PaneId,
    composer: &'a mut Composer,
    list: ModelList,
}

impl Walk<'_> {
    /// Chooses the model for this session alone; the name by which the agent's `--model` knows it.
    async fn choose(&mut self, session: &Session, wanted: &str) -> Result<String, Problem> {
        let (list, name) = (self.list, session.provider.name());
        let no_list = || Problem::new(Code::NotTaken, format!("{name} does not show its list of models"));
        self.composer.expect(list.open.as_bytes());
        self.sessions.paste(self.connection, self.pane, list.open.as_bytes(), true).await?;
        if self.composer.shows_text().await != Some(true) {
            return Err(no_list());
        }
        self.press(ENTER)?;
        if !self.composer.shows_in(KEY_LIMIT, |composer| pointed(composer.screen(), list).is_some()).await {
            return Err(no_list());
        }
        let rows = self.rows().await?;
        let Some(row) = best(&rows, wanted) else {
            let offered: Vec<_> = rows.iter().map(|row| row.label.as_str()).collect();
            let detail = format!(
                "{name} offers no model '{}'; there are {}",
                wanted.escape_debug(),
                offered.join(", ")
            );
            return Err(Problem::new(Code::Invalid, detail));
        };
        self.walk_to(row.number).await?;
        if !self.keeps() {
            // A second list, of efforts: the one it points to stays.
            self.press(ENTER)?;
            if !self.composer.shows_in(KEY_LIMIT, |composer| shows(composer.screen(), list.keep_hint)).await {
                return Err(Problem::new(
                    Code::NotTaken,
                    format!("{name} does not offer to use '{}' for this session only", row.label),
                ));
            }
        }
        self.rest().await;
        let said = self.count(list.done);
        self.press(list.keep.as_bytes())?;
        let done = |composer: &mut Composer| {
            composer.is_empty() || list.question.is_some_and(|question| shows(composer.screen(), question))
        };
        self.composer.shows_in(KEY_LIMIT, done).await;
        if list.question.is_some_and(|question| shows(self.composer.screen(), question)) {
            self.press(ENTER)?;
        }
        let done = |composer: &mut Composer| count(composer.screen(), list.done) > said;
        if !self.composer.shows_in(KEY_LIMIT, done).await {
            let detail = format!("{name} does not say that it switched the model");
            return Err(Problem::new(Code::NotTaken, detail));
        }
        let says = last_row(self.composer.screen(), list.done);
        let word = row.label.split(' ').next().unwrap_or_default();
        if !plain(&says).contains(&plain(word)) {
            let detail = format!("{name} was to use '{}', and says: {}", row.label, says.trim());
            return Err(Problem::new(Code::NotTaken, detail));
        }
        Ok(model_name(row, wanted))
    }

    /// All rows, in the order in which the pointer comes to them.
    async fn rows(&mut self) -> Result<Vec<Row>, Problem> {
        let mut rows: Vec<Row> = Vec::new();
        while let Some(row) = pointed(self.composer.screen(), self.list) {
            if rows.iter().any(|known| known.number == row.number) || rows.len() == MOST_ROWS {
                break;
            }
            let number = row.number;
            rows.push(row);
            self.down(number).await?;
        }
        Ok(rows)
    }

    async fn walk_to(&mut self, number: u32) -> Result<(), Problem> {
        for _ in 0..MOST_ROWS {
            match pointed(self.composer.screen(), self.list) {
                Some(row) if row.number == number => return Ok(()),
                Some(row) => self.down(row.number).await?,
                None => break,
            }
        }
        Err(Problem::new(Code::NotTaken, "the list of models changed while it was read; try again"))
    }

    /// One row down, or to the first. A list of one row stays where it is.
    async fn down(&mut self, from: u32) -> Result<(), Problem> {
        self.press(DOWN)?;
        let list = self.list;
        let moved =
            |composer: &mut Composer| pointed(composer.screen(), list).is_some_and(|row| row.number != from);
        self.composer.shows_in(KEY_LIMIT, moved).await;
        Ok(())
    }

    /// Agents take the row that they pointed to a moment ago, when the key comes too early.
    async fn rest(&mut self) {
        for _ in 0..MOST_ROWS {
            if timeout(REST, self.composer.changed()).await.is_err() {
                return;
            }
            self.composer.catch_up();
        }
    }

    /// Whether the list that is open can keep the choice to the session.
    fn keeps(&mut self) -> bool {
        shows(self.composer.screen(), self.list.keep_hint)
    }

    fn count(&mut self, text: &str) -> usize {
        count(self.composer.screen(), text)
    }

    fn press(&mut self, key: &[u8]) -> Result<(), Problem> {
        self.sessions.type_bytes_into(self.connection, self.pane, key)
    }

    /// Closes whatever is open, and takes back what was typed.
    async fn leave(&mut self) {
        for _ in 0..3 {
            if self.composer.is_empty() || self.press(ESCAPE).is_err() {
                return;
            }
            self.composer.shows_in(Duration::from_millis(500), |composer| composer.is_empty()).await;
        }
    }
}

impl Composer {
    /// Waits for a screen like that, for so long.
    async fn shows_in(&mut self, limit: Duration, condition: impl Fn(&mut Composer) -> bool) -> bool {
        let _ = timeout(limit, self.until(&condition)).await;
        condition(self)
    }
}

/// The row that the pointer stands at.
fn pointed(screen: &Screen, list: ModelList) -> Option<Row> {
    (0..screen.size().rows()).find_map(|y| row(&screen.row_text(y), list.pointer))
}

/// `  ❯ 6. Opus ✔     Opus 4.8 · Best …`
fn row(text: &str, pointer: char) -> Option<Row> {
    let rest = text.trim_start().strip_prefix(pointer)?.trim_start();
    let (number, rest) = rest.split_once(". ")?;
    let number = number.parse().ok()?;
    let (label, description) = rest.trim().split_once("  ").unwrap_or((rest.trim(), ""));
    let label = label.trim_end_matches(['✔', '✓', ' ']);
    let label = ["(current)", "(default)", "(recommended)"]
        .iter()
        .fold(label, |label, mark| label.trim_end_matches(mark).trim_end());
    Some(Row { number, label: label.to_owned(), description: description.trim().to_owned() })
}

/// The row that is meant: by its whole name, else by what it is described as, else by how its name begins.
fn best<'a>(rows: &'a [Row], wanted: &str) -> Option<&'a Row> {
    let wanted = plain(wanted);
    let vendor = wanted.strip_prefix("claude").filter(|rest| !rest.is_empty()).unwrap_or(&wanted).to_owned();
    let called = |row: &&Row| [&wanted, &vendor].contains(&&plain(&row.label));
    let described = |row: &&Row| {
        let (head, _) = row.description.split_once('·').unwrap_or((&row.description, ""));
        plain(head) == vendor
    };
    let begins = |row: &&Row| plain(&row.label).starts_with(&vendor);
    rows.iter().find(called).or_else(|| rows.iter().find(described)).or_else(|| rows.iter().find(begins))
}

/// The name for `--model`: the one that was asked for if it is one word, else that of the row.
fn model_name(row: &Row, wanted: &str) -> String {
    let label = row.label.split(" (").next().unwrap_or(&row.label);
    let is_exact = plain(wanted) == plain(label) || plain(wanted).starts_with("claude");
    let name = if is_exact { wanted } else { label };
    name.trim().to_lowercase().split_whitespace().collect::<Vec<_>>().join("-")
}

fn plain(text: &str) -> String {
    text.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn shows(screen: &Screen, text: &str) -> bool {
    count(screen, text) > 0
}

/// The lowest row with that text.
fn last_row(screen: &Screen, text: &str) -> String {
    let mut rows = (0..screen.size().rows()).rev().map(|y| screen.row_text(y));
    rows.find(|row| row.contains(text)).unwrap_or_default()
}

fn count(screen: &Screen, text: &str) -> usize {
    (0..screen.size().rows()).map(|y| screen.row_text(y).matches(text).count()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(lines: &[&str], pointer: char) -> Vec<Row> {
        lines.iter().map(|line| row(line, pointer).unwrap()).collect()
    }

    #[test]
    fn the_row_that_is_meant_is_found() {
        let claude = list(
            &[
                "  ❯ 1. Default (recommended)  Use the default model (currently Opus 4.8 (1M context)) · $5/$25 per",
                "  ❯ 2. Opus (1M context)      Opus 4.8 with 1M context · Best for everyday, complex tasks",
                "  ❯ 3. Sonnet                 Sonnet 5 · Efficient for routine tasks · $3/$15 per Mtok",
                "  ❯ 5. Haiku                  Haiku 4.5 · Fastest for quick answers · $1/$5 per Mtok",
                "  ❯ 6. Opus ✔                 Opus 4.8 · Best for everyday, complex tasks",
            ],
            '❯',
        );
        let codex = list(
            &["› 3. GPT-6-Sol          Previous generation", "› 9. GPT-5.5 (current)  Legacy coding model."],
            '›',
        );
        for (rows, wanted, number, name) in [
            (&claude, "sonnet", 3, "sonnet"),
            (&claude, "Opus", 6, "opus"),
            (&claude, "claude-haiku-4-5", 5, "claude-haiku-4-5"),
            (&claude, "def", 1, "default"),
            (&codex, "gpt-5.5", 9, "gpt-5.5"),
            (&codex, "GPT-6-s", 3, "gpt-6-sol"),
        ] {
            let row = best(rows, wanted).unwrap();
            assert_eq!((row.number, model_name(row, wanted).as_str()), (number, name), "{wanted}");
        }
        assert_eq!(best(&claude, "gpt"), None);
        assert_eq!(row("❯ Press up to edit queued messages", '❯'), None);
    }
}
