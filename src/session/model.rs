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

use super::composer::Composer;
use super::{Session, Sessions};
use crate::provider::{Dialog, ModelList};
use crate::terminal::screen::Screen;
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

/// A row of the list: its number, what it is called, and the names for `--model`.
#[derive(Clone, Debug, PartialEq)]
struct Row {
    number: u32,
    label: String,
    names: Vec<String>,
}

impl Sessions {
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
        let starts = session.until(|state| state.machine.activity() != Activity::Working);
        let _ = timeout(session.start_limit(), starts).await;
        let connection = self.connected().await?;
        let _sending = session.sending.lock().await;
        let _typing = session.typing.lock().await;
        let pane = session.pane_for_input()?;
        let busy = |why: &str| {
            Problem::new(Code::Busy, format!("the model was not switched: {why}"))
                .with_next(Next::ShowOutput { session: session.id.short() })
        };
        match session.view().activity {
            Activity::Working => return Err(busy(&format!("{name} is working"))),
            Activity::Waiting => return Err(busy(&format!("{name} is waiting for an answer"))),
            Activity::Idle | Activity::Unknown => {}
        }
        let Some(mut composer) = self.composer(session).await else {
            return Err(Problem::new(Code::Internal, format!("the screen of {name} is unknown")));
        };
        composer.ready(self).await;
        composer.painted().await;
        if !composer.shows_in(KEY_LIMIT, |composer| composer.is_empty()).await {
            return Err(busy(&format!("{name} shows a draft or a dialog in place of its prompt")));
        }
        let mut walk = Walk {
            sessions: self,
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
        let closed = session.until(|state| state.machine.activity() != Activity::Waiting);
        let _ = timeout(KEY_LIMIT, closed).await;
        let chosen = chosen?;
        {
            let mut state = session.state();
            state.record.recipe.model = Some(chosen.clone());
            (state.model, state.model_said) = (Some(chosen.clone()), Some(Timestamp::now()));
        }
        self.event(Some(session.id), Body::SessionModelSwitched { model: chosen });
        self.touch(session);
        // The agent uses it, whatever the disk says.
        self.save_or_say(session).await;
        Ok(())
    }
}

/// The way through the list.
struct Walk<'a> {
    sessions: &'a Sessions,
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
        if !self.open(KEY_LIMIT.max(session.start_limit())).await? {
            return Err(Problem::new(Code::NotTaken, format!("{name} did not show its full list of models")));
        }
        let rows = self.rows().await?;
        let row = find(&rows, wanted, self.vendor).map_err(|fit| {
            let labels =
                |rows: &[&Row]| rows.iter().map(|row| row.label.as_str()).collect::<Vec<_>>().join(", ");
            let wanted = wanted.escape_debug();
            let detail = match fit.as_slice() {
                [] => format!(
                    "{name} has no model '{wanted}'; available: {}",
                    labels(&rows.iter().collect::<Vec<_>>())
                ),
                fit => format!("'{wanted}' matches several models: {}", labels(fit)),
            };
            Problem::new(Code::Invalid, detail)
        })?;
        self.walk_to(row.number).await?;
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
        if !ends(self.composer.screen(), keeps_in, list.keep_hint) {
            let detail = format!("{name} does not offer to use '{}' for this session only", row.label);
            return Err(Problem::new(Code::NotTaken, detail));
        }
        self.press(list.keep.as_bytes())?;
        if let Some(question) = list.question {
            let asks = |composer: &mut Composer| is_open(composer.screen(), question);
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
                self.sessions
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
        rows.sort_by_key(|row| row.number);
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
        Err(Problem::new(Code::NotTaken, "the list of models changed while it was being read; try again"))
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
        self.sessions.type_bytes_into(self.connection, self.pane, key)
    }

    /// Closes whatever is open, and takes back what was typed.
    async fn leave(&mut self) {
        let typed = self.list.open.as_bytes();
        let dialogs =
            [Some(self.list.list), self.list.efforts.map(|(_, efforts)| efforts), self.list.question];
        let opened = |composer: &Composer| {
            dialogs.into_iter().flatten().find(|dialog| is_open(composer.screen(), *dialog))
        };
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

impl Composer {
    /// Waits for a screen like that, for so long.
    async fn shows_in(&mut self, limit: Duration, condition: impl Fn(&mut Composer) -> bool) -> bool {
        let _ = timeout(limit, self.until(&condition)).await;
        condition(self)
    }
}

/// The rows of that dialog, if it is open.
fn open_rows(screen: &Screen, dialog: Dialog) -> Option<Vec<String>> {
    let mut rows: Vec<String> = (0..screen.size().rows()).map(|y| screen.row_text(y)).collect();
    let top = rows.iter().rposition(|row| row.trim_start().starts_with(dialog.heading))?;
    let rows = rows.split_off(top);
    one_line(&rows).ends_with(dialog.end).then_some(rows)
}

fn is_open(screen: &Screen, dialog: Dialog) -> bool {
    open_rows(screen, dialog).is_some()
}

/// Whether it is open, and ends with that.
fn ends(screen: &Screen, dialog: Dialog, end: &'static str) -> bool {
    is_open(screen, Dialog { end, ..dialog })
}

/// The row that the pointer stands at.
fn pointed(screen: &Screen, list: ModelList) -> Option<Row> {
    let rows = open_rows(screen, list.list)?;
    (0..rows.len()).find_map(|y| row(&rows[y..], list))
}

/// `  ❯ 6. Opus ✔     Opus 4.8 · Best …`, and where there is no room, more of the description in the rows below.
fn row(rows: &[String], list: ModelList) -> Option<Row> {
    let rest = rows[0].trim_start().strip_prefix(list.pointer)?.trim_start();
    let (number, rest) = rest.split_once(". ")?;
    let number = number.parse().ok()?;
    let (label, description) = rest.trim().split_once("  ").unwrap_or((rest.trim(), ""));
    let label = label.trim_end_matches(['✔', '✓', ' ']);
    let label = ["(current)", "(default)", "(recommended)"]
        .iter()
        .fold(label, |label, mark| label.trim_end_matches(mark).trim_end());
    let column = rows[0].chars().count() - description.trim_start().chars().count();
    let is_more = |row: &&String| row.chars().take_while(|letter| *letter == ' ').count() >= column;
    let more = rows[1..].iter().take_while(is_more).cloned();
    let description = one_line(&[vec![description.to_owned()], more.collect()].concat());
    Some(Row { number, label: label.to_owned(), names: (list.names)(label, &description) })
}

/// The row that is meant: the one that is called so or kept as that, else the one that has that name as well, else the
/// only one whose names begin so. Otherwise those that fit.
fn find<'a>(rows: &'a [Row], wanted: &str, vendor: &str) -> Result<&'a Row, Vec<&'a Row>> {
    let wanted = plain(wanted, vendor);
    let is = |name: &String| plain(name, vendor) == wanted;
    let begins = |name: &String| plain(name, vendor).starts_with(&wanted);
    let called = |row: &Row| is(&row.label) || is(&row.names[0]);
    let named = |row: &Row| row.names.iter().any(is);
    let may_be = |row: &Row| begins(&row.label) || row.names.iter().any(begins);
    let fitting = |fits: &dyn Fn(&Row) -> bool| rows.iter().filter(|row| fits(row)).collect::<Vec<_>>();
    let fit = [fitting(&called), fitting(&named), fitting(&may_be)].into_iter().find(|fit| !fit.is_empty());
    match fit.as_deref() {
        Some([row]) => Ok(row),
        _ => Err(fit.unwrap_or_default()),
    }
}

/// What can be compared: without case and signs, without the vendor and without the day of an API's name.
fn plain(name: &str, vendor: &str) -> String {
    let name = name.to_lowercase();
    let is_day = |part: &str| part.len() == 8 && part.bytes().all(|byte| byte.is_ascii_digit());
    let parts = name.split(|letter: char| !letter.is_alphanumeric()).filter(|part| !is_day(part));
    let plain: String = parts.collect();
    plain.strip_prefix(vendor).map(str::to_owned).unwrap_or(plain)
}

fn shows(screen: &Screen, text: &str) -> bool {
    let rows: Vec<String> = (0..screen.size().rows()).map(|y| screen.row_text(y)).collect();
    one_line(&rows).contains(text)
}

/// What the agent said last of what begins so: the rest of it. It stands in a paragraph of its own, behind a mark.
fn said(screen: &Screen, begin: &str) -> Option<String> {
    let mut rows: Vec<String> = (0..screen.size().rows()).map(|y| screen.row_text(y)).collect();
    let begins =
        |row: &String| row.trim_start_matches(|letter: char| !letter.is_alphanumeric()).starts_with(begin);
    let first = rows.iter().rposition(begins)?;
    let rows = rows.split_off(first);
    let end = rows.iter().position(String::is_empty).unwrap_or(rows.len());
    one_line(&rows[..end]).split_once(begin).map(|(_, rest)| rest.to_owned())
}

/// Rows as one, with one blank between words.
fn one_line(rows: &[String]) -> String {
    rows.iter().flat_map(|row| row.split_whitespace()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use codepiper_protocol::Size;

    use super::*;
    use crate::provider::Providers;

    fn list(provider: &str) -> ModelList {
        Providers::built_in().find(provider).unwrap().models.unwrap().list.unwrap()
    }

    fn rows(provider: &str, lines: &[&str]) -> Vec<Row> {
        lines.iter().map(|line| row(&[(*line).to_owned()], list(provider)).unwrap()).collect()
    }

    fn screen(lines: &[&str]) -> Screen {
        let mut screen = Screen::new(Size::new(110, 30).unwrap());
        screen.feed(lines.join("\r\n").as_bytes());
        screen
    }

    const CLAUDE: [&str; 6] = [
        "  ❯ 1. Default (recommended)  Use the default model (currently Opus 4.8 (1M context)) · $5/$25 per Mtok",
        "  ❯ 2. Opus                   Opus 4.8 with 1M context · Best for everyday, complex tasks",
        "  ❯ 3. Sonnet                 Sonnet 5 · Efficient for routine tasks · $3/$15 per Mtok",
        "  ❯ 4. Sonnet 5 (1M context)  Sonnet 5 for long sessions · $3/$15 per Mtok",
        "  ❯ 5. Haiku                  Haiku 4.5 · Fastest for quick answers · $1/$5 per Mtok",
        "  ❯ 6. Opus 4.8 ✔             Best for everyday, complex tasks (claude-opus-4-8)",
    ];
    const CODEX: [&str; 4] = [
        "› 3. GPT-6-Sol          Previous generation",
        "› 5. GPT-5.6-Sol        Older generation workhorse model.",
        "› 6. GPT-6.1 Terra      GPT-6.1 Terra Codex model.",
        "› 9. GPT-5.5 (current)  Legacy coding model.",
    ];

    #[test]
    fn the_row_that_is_meant_is_found() {
        let (claude, codex) = (rows("claude-code", &CLAUDE), rows("codex", &CODEX));
        for (rows, wanted, number, name) in [
            (&claude[..], "sonnet", 3, "sonnet"),
            (&claude, "Opus", 2, "opus[1m]"),
            (&claude, "claude-opus-4-8[1m]", 2, "opus[1m]"),
            (&claude, "claude-opus-4-8", 6, "claude-opus-4-8"),
            (&claude[..5], "claude-opus-4-8", 2, "opus[1m]"),
            (&claude, "claude-haiku-4-5", 5, "haiku"),
            (&claude, "claude-haiku-4-5-20251001", 5, "haiku"),
            (&claude, "claude-sonnet-5", 3, "sonnet"),
            (&claude, "Sonnet 5 (1M context)", 4, "claude-sonnet-5[1m]"),
            (&claude, "sonnet[1m]", 4, "claude-sonnet-5[1m]"),
            (&claude, "def", 1, "default"),
            (&codex, "gpt-5.5", 9, "gpt-5.5"),
            (&codex, "GPT-6-s", 3, "gpt-6-sol"),
            (&codex, "gpt-6.1-terra", 6, "gpt-6.1-terra"),
        ] {
            let row = find(rows, wanted, "claude").unwrap();
            assert_eq!((row.number, row.names[0].as_str()), (number, name), "{wanted}");
        }
        let fit = |rows, wanted| -> Vec<u32> {
            find(rows, wanted, "claude").unwrap_err().iter().map(|row| row.number).collect()
        };
        assert!(fit(&claude, "gpt").is_empty());
        assert_eq!(fit(&codex, "gpt-5"), [5, 9]);
        assert_eq!(fit(&codex, "gpt-6"), [3, 6]);
        assert_eq!(row(&["❯ Press up to edit queued messages".to_owned()], list("claude-code")), None);
    }

    #[test]
    fn a_description_goes_on_in_the_rows_below() {
        let narrow = ["  ❯ 2. Opus     Opus 4.8", "                with 1M", "    3. Sonnet   Sonnet 5"];
        let row = row(&narrow.map(str::to_owned), list("claude-code")).unwrap();
        assert_eq!(row.names, ["opus[1m]", "claude-opus-4-8[1m]"]);
    }

    /// Whatever was said before, only what is asked at the bottom counts.
    #[test]
    fn a_conversation_is_no_list() {
        let said = [
            "❯ Select model",
            "Switch model?",
            "  ❯ 1. Yes",
            "  2. No, go back",
            "  s session · esc back",
            "",
        ];
        let footer = ["──────", "❯ ", "──────", "  ? for shortcuts"];
        let open = [
            "  Select model",
            "  ❯ 3. Sonnet  Sonnet 5",
            "",
            "  Enter to set as default · s to use this session",
            "  only · Esc to cancel",
        ];
        let asks = ["  Switch model?", "", "  ❯ 1. Yes, switch to Sonnet 5", "    2. No, go back", ""];
        let claude = list("claude-code");
        let question = claude.question.unwrap();
        for (lines, number, is_asked) in [
            ([&said[..], &footer].concat(), None, false),
            ([&said[..], &open].concat(), Some(3), false),
            ([&said[..], &open, &said, &asks].concat(), None, true),
        ] {
            let screen = screen(&lines);
            assert_eq!(pointed(&screen, claude).map(|row| row.number), number, "{lines:?}");
            assert_eq!(is_open(&screen, question), is_asked, "{lines:?}");
            assert_eq!(ends(&screen, claude.list, claude.keep_hint), number.is_some(), "{lines:?}");
        }
    }

    #[test]
    fn the_last_word_of_the_agent_counts() {
        let screen = screen(&[
            "• Model changed to gpt-5.5 medium for this session only",
            "",
            "› Model changed to nothing",
            "",
            "• Model changed to gpt-6-sol medium for this",
            "session only",
            "",
            "› Ask Codex to do anything",
        ]);
        let said = said(&screen, "Model changed to ");
        assert_eq!(said.as_deref(), Some("gpt-6-sol medium for this session only"));
    }
}
