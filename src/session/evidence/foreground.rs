//! What a shell does: whether it prompts for a command, or which one runs. The foreground of its terminal proves that, and
//! better than that the marks that some shells print around commands (OSC 133). It is looked at after something was
//! printed, and after the process that was found there has ended.

use std::sync::Arc;
use std::time::Duration;

use codepiper_protocol::Cursor;
use codepiper_protocol::visible::one_line;
use codepiper_protocol::wire::session::{self as wire, Activity, EvidenceSource, WaitingFor};
use codepiper_protocol::wire::status::StatusRecord;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::Evidence;
use super::status::in_words;
use crate::process::Process;
use crate::process::foreground::{Foreground, foreground_group};
use crate::provider::status_meaning;
use crate::session::cell::Session;
use crate::session::life::machine::Input;
use crate::terminal::status::Table;

/// When it is looked after the last output. A shell prints the end of the line before it starts the command, and a
/// command that is started late prints nothing.
const LOOKS: [Duration; 3] = [Duration::from_millis(20), Duration::from_millis(200), Duration::from_secs(1)];
/// From this look on, what was submitted has begun.
const SETTLED: Duration = LOOKS[1];
/// Between two looks while output goes on: longer and longer, up to this.
const MEANWHILE: Duration = Duration::from_millis(250);
/// Between two looks at the last line; the last look always is one.
const BETWEEN_LINES: Duration = Duration::from_secs(1);
const LONGEST_COMMAND: usize = 200;

/// What is known of the terminal of a shell.
#[derive(Default)]
pub(super) struct Seat {
    watched: bool,
    /// Whether the last mark was that of a prompt, and the process group that was in the foreground then, if that is known:
    /// the shell that printed it.
    mark: Option<(bool, Option<i32>)>,
    foreground: Option<Foreground>,
    prompts: bool,
}

/// What is known of the output of a shell.
#[derive(Default)]
struct Output {
    /// Where it was looked at last what is in the foreground.
    cursor: Option<Cursor>,
    /// When its last line was looked at.
    read: Option<Instant>,
}

/// A command that was found in the foreground.
struct Running {
    foreground: Foreground,
    /// To be told of its end; `None` for one that had ended by then.
    process: Option<Process>,
    /// Its end was followed by a look already.
    over: bool,
}

impl Running {
    fn of(foreground: Foreground) -> Self {
        Self { process: foreground.process(), foreground, over: false }
    }

    async fn ended(running: Option<&Self>) {
        match running.filter(|running| !running.over).map(|running| &running.process) {
            None => std::future::pending().await,
            Some(None) => {}
            Some(Some(process)) => process.ended().await,
        }
    }
}

impl Seat {
    /// What it proves, together with what programs say about themselves.
    fn judge(&self, table: &Table) -> Option<(EvidenceSource, Activity, Option<WaitingFor>, String)> {
        let goes_on = |record: &&StatusRecord| record.state.is_transient();
        let stated = table.stated(|_| true);
        if let Some(record) = stated.filter(goes_on) {
            let (activity, waiting_for) = status_meaning(Some(record));
            return Some((EvidenceSource::Report, activity, waiting_for, in_words(record)));
        }
        let group = self.foreground.as_ref().map(|foreground| foreground.group);
        let mark = self.mark.filter(|(_, by)| group.is_none_or(|group| Some(group) == *by));
        if let Some((prompts, _)) = mark {
            let (activity, mark) = if prompts { (Activity::Idle, "A") } else { (Activity::Working, "C") };
            return Some((
                EvidenceSource::Report,
                activity,
                None,
                format!("it reported the prompt mark {mark}"),
            ));
        }
        let foreground = self.foreground.as_ref()?;
        let source = EvidenceSource::Foreground;
        match self.prompts {
            true => Some((source, Activity::Idle, None, "its shell is in the foreground".to_owned())),
            false => {
                // A program that says that it is at rest knows better; another one's result proves nothing.
                let own = |record: &&StatusRecord| record.id.is_none() && record.at >= foreground.started;
                Some(match stated.filter(own) {
                    Some(record) => {
                        let (activity, waiting_for) = status_meaning(Some(record));
                        (EvidenceSource::Report, activity, waiting_for, in_words(record))
                    }
                    None => {
                        let what = format!("'{}' is in the foreground", command(&foreground.words));
                        (source, Activity::Working, None, what)
                    }
                })
            }
        }
    }

    /// A shell is in the foreground, and prompts for a command.
    pub(super) fn prompts(&self) -> bool {
        self.prompts
    }

    fn shown(&self) -> Option<wire::Foreground> {
        let foreground = self.foreground.as_ref()?;
        let command = (!self.prompts).then(|| command(&foreground.words));
        Some(wire::Foreground { command, pid: foreground.group, since: foreground.started })
    }
}

impl Evidence {
    /// Looks at the terminal of a shell as long as its program runs.
    pub(super) fn watch_foreground(&self, session: &Arc<Session>) {
        if session.provider.prompts_for_commands.is_none() {
            return;
        }
        let watched = {
            let mut seen = session.evidence.seen();
            std::mem::replace(&mut seen.seat, Seat { watched: true, ..Seat::default() }).watched
        };
        if watched {
            return;
        }
        let changed = Arc::new(Notify::new());
        session.log.watch(&changed);
        changed.notify_one();
        let (evidence, session) = (self.clone(), session.clone());
        let looking = async move { evidence.follow_foreground(&session, &changed).await };
        self.context.tasks.spawn_until_shutdown(looking);
    }

    async fn follow_foreground(&self, session: &Arc<Session>, changed: &Notify) {
        let mut output = Output::default();
        let mut running: Option<Running> = None;
        loop {
            // What comes after it in the same line of commands may print nothing.
            let ended = tokio::select! {
                () = changed.notified() => false,
                () = Running::ended(running.as_ref()) => true,
            };
            {
                let mut seen = session.evidence.seen();
                if !session.is_live() {
                    seen.seat = Seat::default();
                    session.shown().foreground = None;
                    return;
                }
            }
            // Otherwise what we show of it changed, and nothing was printed.
            if ended || output.cursor.replace(session.cursor()) != Some(session.cursor()) {
                self.look_until_rest(session, &mut output).await;
            }
            let command = {
                let seen = session.evidence.seen();
                seen.seat.foreground.clone().filter(|_| !seen.seat.prompts)
            };
            running = match (command, running) {
                // Nobody was found in its place: only output tells more.
                (Some(command), Some(known)) if command.is_same_program(&known.foreground) => {
                    Some(Running { over: known.over || ended, ..known })
                }
                (command, _) => command.map(Running::of),
            };
        }
    }

    /// Sleeps between the looks instead of being woken by every piece of output.
    async fn look_until_rest(&self, session: &Arc<Session>, output: &mut Output) {
        let (mut printed, mut pause) = (Instant::now(), LOOKS[0]);
        let mut looks = LOOKS.into_iter().peekable();
        while let Some(after) = looks.peek() {
            sleep_until((printed + *after).max(Instant::now() + pause)).await;
            let now = session.cursor();
            if output.cursor.replace(now) == Some(now) {
                let rested = printed.elapsed();
                self.look_at_foreground(session, rested >= SETTLED);
                while looks.next_if(|after| rested >= *after).is_some() {}
                pause = Duration::ZERO;
            } else {
                self.look_at_foreground(session, false);
                (printed, looks) = (Instant::now(), LOOKS.into_iter().peekable());
                pause = (pause * 2).clamp(LOOKS[0], MEANWHILE);
            }
            let again = output.read.is_none_or(|read| read.elapsed() >= BETWEEN_LINES);
            if again || looks.peek().is_none() {
                output.read = Some(Instant::now());
                self.look_at_printed(session).await;
            }
        }
    }

    fn look_at_foreground(&self, session: &Arc<Session>, settled: bool) {
        let Some(prompts_for_commands) = session.provider.prompts_for_commands else { return };
        let (live, pid) = {
            let life = session.life();
            (life.machine().status().is_live(), life.machine().pid())
        };
        let Some(pid) = pid.filter(|_| live) else { return };
        // Most looks, while somebody types, find what was there before.
        let known = session.evidence.seen().seat.foreground.clone();
        if !settled && known.is_some_and(|known| known.is_still_beside(pid)) {
            return;
        }
        // Between two commands there may be nobody.
        let Some(mut found) = Foreground::beside(pid) else { return };
        let prompts = prompts_for_commands(&found.words);
        {
            let mut seen = session.evidence.seen();
            // One that came before it was known who was in the foreground.
            if let Some((true, by @ None)) = &mut seen.seat.mark
                && prompts
            {
                *by = Some(found.group);
            }
            // When a process was started is known to some milliseconds: another value is no news.
            if let Some(known) = seen.seat.foreground.as_ref().filter(|known| known.is_same_program(&found)) {
                found.started = known.started;
            }
            seen.seat.foreground = Some(found);
            seen.seat.prompts = prompts;
        }
        if prompts && settled {
            self.end_status(session);
        }
        if settled && session.life().machine().activity() == Activity::Unknown {
            self.life.apply(session, Input::Settled);
        }
        self.judge_terminal(session);
    }

    /// A shell marks its prompt, or that it begins with a command.
    pub(super) fn marked(&self, session: &Arc<Session>, prompts: bool) {
        if session.provider.prompts_for_commands.is_none() {
            return;
        }
        let has_room = session.evidence.seen().reported.has_room(Instant::now());
        let pid = session.life().machine().pid();
        let now = pid.filter(|_| has_room).and_then(foreground_group);
        {
            let mut seen = session.evidence.seen();
            // When a command begins, it may be in the foreground already: the shell is the one that prompted for it.
            let prompted = seen.seat.mark.filter(|(prompt, _)| *prompt && !prompts).and_then(|(_, by)| by);
            let known = seen.seat.foreground.as_ref().map(|foreground| foreground.group);
            seen.seat.mark = Some((prompts, prompted.or(now).or(known)));
        }
        self.tell_in_turn(session);
    }

    pub(super) fn judge_terminal(&self, session: &Arc<Session>) {
        let (proved, shown) = {
            let seen = session.evidence.seen();
            (seen.seat.judge(&seen.reported.table), seen.seat.shown())
        };
        let changed = {
            let mut present = session.shown();
            let changed = present.foreground != shown;
            present.foreground = shown;
            changed
        };
        let news = proved.filter(|(_, activity, waiting_for, _)| {
            let life = session.life();
            (life.machine().activity(), life.machine().waiting_for()) != (*activity, *waiting_for)
        });
        if let Some((source, activity, waiting_for, what)) = news {
            self.life.apply(session, Input::Activity { source, activity, waiting_for, what });
        } else if changed {
            self.registry.touch(session);
        }
    }
}

/// A command line as people are shown it.
fn command(words: &[String]) -> String {
    let (program, args) = words.split_first().map_or(("", &[][..]), |(program, args)| (program, args));
    let name = program.rsplit('/').next().unwrap_or_default();
    let line = std::iter::once(name).chain(args.iter().map(String::as_str)).collect::<Vec<_>>().join(" ");
    let line = one_line(&line);
    match line.char_indices().nth(LONGEST_COMMAND) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
