//! tmux is played step by step: it may write what a pane printed after a capture before the capture's reply.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use codepiper_protocol::tmux::{TmuxSessionId, WindowId};
use codepiper_protocol::wire::session::{ExitReason, Status};
use codepiper_protocol::wire::stream::Begin;
use jiff::Timestamp;
use tempfile::TempDir;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::arrivals::Arrival;
use super::capture::CAPTURES;
use super::sink::PaneSink;
use super::*;
use crate::bus::{Bus, Next, Reader};
use crate::env_set::EnvSets;
use crate::journal::{Mark, Memory, Position};
use crate::session::life::record::Record;
use crate::session::{Context, Places, Sessions};
use crate::tasks::Tasks;
use crate::terminal::screens::{Model, Screens};
use crate::tmux::connection;

const TIMEOUT: Duration = Duration::from_secs(20);
const ROWS: usize = 4;
const PANE: PaneId = PaneId(1);

struct Stage {
    sessions: Sessions,
    session: Arc<Session>,
    connection: Connection,
    /// What tmux writes.
    tmux: File,
    answers: u32,
    commands: PathBuf,
    /// Lines of commands that were seen.
    seen: usize,
    reader: Reader,
    watcher: Arc<Notify>,
    log: String,
    _dir: TempDir,
}

impl Stage {
    /// A session that has printed `printed` in a pane of 20 columns and 4 rows.
    async fn new(printed: &str) -> Self {
        let dir = TempDir::new().unwrap();
        let (pipe, commands) = (dir.path().join("pipe"), dir.path().join("commands"));
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        File::create(&commands).unwrap();
        let mut client = tokio::process::Command::new("sh");
        client.args(["-c", "exec 3<&0; cat <&3 >\"$1\" & exec cat \"$0\""]).arg(&pipe).arg(&commands);
        let (connection, reading) = connection::spawn(client).unwrap();
        let tmux = OpenOptions::new().read(true).write(true).open(&pipe).unwrap();

        let at = |name: &str| dir.path().join(name);
        let places = Places {
            records: at("records"),
            run: at("run"),
            shim_socket: at("shim.sock"),
            api_socket: at("api.sock"),
            spool: at("spool"),
            images: at("images"),
            env_sets: EnvSets::new(at("env-sets"), at("env.key")),
            policies: crate::policy::kept::Kept::open(&at("policies")),
            worktrees: at("worktrees"),
            executable: at("codepiper"),
        };
        let providers = crate::provider::Providers::built_in();
        let bus = Arc::new(Bus::new(Arc::new(Memory::new(1 << 20, 1 << 20))));
        let screens = Arc::new(Screens::start(|_, _| {}).unwrap());
        let context =
            Context::new(places, providers.clone(), Default::default(), Tasks::default(), bus, screens);
        let sessions = Sessions::new(context, 1, Duration::ZERO);
        let record = record();
        let shell = providers.find(&record.recipe.provider).unwrap();
        let log = sessions.bus().open(record.id, 0, Position::default());
        let session = Arc::new(Session::new(record, shell, log));
        sessions.registry.insert(session.clone());
        session.state().pane = Some(Pane {
            id: PANE,
            window: WindowId(1),
            tmux_session: TmuxSessionId(1),
            in_mode: false,
            shim_pid: 0,
            shim: None,
        });
        sessions.link.table().panes.insert(PANE, session.clone());
        sessions.link.context.screens.open(session.id, Model::new(session.size(), 0));
        let mut sink = PaneSink::new(sessions.link.clone(), connection.clone());
        let run = async move { reading.run(&mut sink, CancellationToken::new()).await };
        sessions.link.context.tasks.spawn(run);

        let watcher = Arc::new(Notify::new());
        let (reader, _) = session.log.reader(Begin::Start, &watcher).await;
        let (answers, seen, log) = (0, 0, String::new());
        let mut stage = Self {
            sessions,
            session,
            connection,
            tmux,
            answers,
            commands,
            seen,
            reader,
            watcher,
            log,
            _dir: dir,
        };
        stage.prints(PANE, printed);
        stage.logs(printed).await;
        stage
    }

    fn prints(&mut self, pane: PaneId, text: &str) {
        let text = text.replace('\r', "\\015").replace('\n', "\\012");
        writeln!(self.tmux, "%output {pane} {text}").unwrap();
    }

    /// Waits for the next line of commands.
    async fn asked(&mut self, what: &str) {
        let deadline = tokio::time::Instant::now() + TIMEOUT;
        loop {
            let commands = std::fs::read_to_string(&self.commands).unwrap();
            if let Some(line) =
                commands.split_inclusive('\n').nth(self.seen).filter(|line| line.ends_with('\n'))
            {
                assert!(line.starts_with(what), "{line}");
                self.seen += 1;
                return;
            }
            assert!(tokio::time::Instant::now() < deadline, "nobody asked: {what}");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    fn answers(&mut self, ok: bool, lines: &[&str]) {
        self.answers += 1;
        let number = self.answers;
        writeln!(self.tmux, "%begin 1 {number} 1").unwrap();
        lines.iter().for_each(|line| writeln!(self.tmux, "{line}").unwrap());
        writeln!(self.tmux, "{} 1 {number} 1", if ok { "%end" } else { "%error" }).unwrap();
    }

    /// Answers a pause of the pane.
    fn paused(&mut self) {
        self.answers(true, &["%pause %1"]);
        let never = u32::MAX;
        let facts = format!("20 {ROWS} 0 0 1 0 1 0 0 0 0 3 0 0 0 0 0 0 0 {never} {never} 0 0 8,16");
        self.answers(true, &[&facts]);
    }

    /// Answers a capture of all `lines`, the last of which the cursor is in; so many rows have scrolled off.
    fn captured(&mut self, lines: &[&str], searched: bool) {
        let history = lines.len().saturating_sub(ROWS);
        let mut screen = lines[history..].to_vec();
        let cursor = screen.len() - 1;
        screen.resize(ROWS, "");
        let all = [&lines[..history], &screen[..]].concat();
        for _ in 0..if searched { 2 } else { 0 } {
            self.answers(true, &all);
        }
        self.answers(true, &screen);
        self.answers(true, &screen);
        self.answers(true, &[""]);
        let cursor_x = lines.last().map_or(0, |line| line.len());
        let never = u32::MAX;
        let facts = format!(
            "20 {ROWS} {cursor_x} {cursor} 1 0 1 0 0 0 0 3 0 0 0 0 0 0 0 {never} {never} {history} 0 8,16"
        );
        self.answers(true, &[&facts]);
        self.answers(false, &["no alternate screen"]);
    }

    /// Waits until this is in the log since the last time. Output in pieces is joined.
    async fn logs(&mut self, wanted: &str) {
        let wait = async {
            loop {
                match self.reader.next(1 << 20) {
                    Next::Output(bytes) => self.log.push_str(std::str::from_utf8(&bytes).unwrap()),
                    Next::Mark(mark) => self.log.push_str(&match &*mark {
                        Mark::Keyframe { reason, .. } => format!("[{reason:?}]"),
                        Mark::Gap { lost, .. } => format!("[gap: {lost:?}]"),
                        Mark::Ended { .. } => "[ended]".to_owned(),
                    }),
                    _ if self.log.len() >= wanted.len() => return,
                    _ => self.watcher.notified().await,
                }
            }
        };
        // Then what came so far is shown.
        let _ = tokio::time::timeout(TIMEOUT, wait).await;
        assert_eq!(std::mem::take(&mut self.log), wanted);
    }
}

fn record() -> Record {
    let time = Timestamp::UNIX_EPOCH;
    let record = serde_json::json!({
        "version": 1, "id": SessionId::random(), "name": null, "provider": "shell", "args": [], "cwd": "/",
        "path": null, "size": { "cols": 20, "rows": ROWS }, "conversation": null, "created_at": time,
        "launched_at": time, "nonce": "ab", "status": Status::Running, "exit": null, "pid": 1, "epoch": 0,
        "offset": 0, "updated_at": time,
    });
    serde_json::from_value(record).unwrap()
}

/// The daemon was away after this.
async fn returned(printed: &str) -> Stage {
    let mut stage = Stage::new(printed).await;
    stage.sessions.link.cover(&stage.session);
    stage.sessions.link.recover_after_absence(&stage.connection, &stage.session, true);
    stage.asked("refresh-client -A \"%1:pause\"").await;
    stage
}

#[tokio::test]
async fn what_comes_before_the_reply_and_is_newer_than_the_capture_comes_once_after_an_absence() {
    // With lines that can be told apart, and with some that cannot.
    for [one, two, three, four, five, six] in [["1", "2", "3", "4", "5", "6"], ["x"; 6]] {
        let mut stage = returned(&format!("{one}\r\n{two}\r\n")).await;
        stage.prints(PANE, &format!("{four}\r\n"));
        stage.prints(PaneId(2), "another\r\n");
        stage.paused();
        stage.asked("refresh-client -A \"%1:continue\" ; capture-pane").await;
        stage.prints(PANE, &format!("{five}\r\n"));
        stage.prints(PaneId(2), "another\r\n");
        stage.answers(true, &["%continue %1"]);
        stage.captured(&[one, two, three, four, ""], true);
        stage.prints(PANE, &format!("{six}\r\n"));
        stage.logs(&format!("{three}\r\n{four}\r\n[Healed]{five}\r\n{six}\r\n")).await;
    }
}

#[tokio::test]
async fn what_cannot_be_found_after_an_absence_is_one_gap() {
    let mut stage = returned("1\r\n2\r\n").await;
    stage.paused();
    stage.asked("refresh-client -A \"%1:continue\"").await;
    stage.prints(PANE, "7\r\n");
    stage.answers(true, &[]);
    stage.captured(&["4", "5", "6", ""], true);
    stage.logs("[gap: Lines(1)][Discontinuity]7\r\n").await;
}

#[tokio::test]
async fn a_pane_that_tmux_paused_goes_on_behind_what_it_discarded() {
    let mut stage = Stage::new("1\r\n").await;
    stage.prints(PANE, "2\r\n");
    writeln!(stage.tmux, "%pause %1").unwrap();
    stage.asked("refresh-client -A \"%1:continue\" ; capture-pane").await;
    stage.prints(PANE, "4\r\n");
    stage.prints(PaneId(2), "another\r\n");
    stage.answers(true, &["%continue %1"]);
    stage.captured(&["1", "2", "3", ""], true);
    stage.logs("2\r\n3\r\n[Healed]4\r\n").await;
}

#[tokio::test]
async fn a_program_that_ended_while_nobody_listened_has_ended_after_what_it_printed() {
    let mut stage = returned("1\r\n").await;
    let exit = ExitStatus { code: Some(3), signal: None };
    stage.sessions.link.arrive(&stage.session, Arrival::Dead(Some(exit)));
    assert!(stage.session.is_live());
    stage.paused();
    stage.asked("refresh-client -A \"%1:continue\"").await;
    stage.answers(true, &[]);
    stage.captured(&["1", "2", ""], true);
    stage.logs("2\r\n[Healed][ended]").await;
    let exit = stage.session.exit().unwrap();
    assert_eq!((exit.code, exit.reason), (Some(3), ExitReason::Exited));
}

#[tokio::test]
async fn a_pane_that_vanishes_meanwhile_leaves_a_gap() {
    let mut stage = returned("1\r\n").await;
    stage.paused();
    stage.asked("refresh-client -A \"%1:continue\"").await;
    stage.answers(true, &[]);
    stage.answers(false, &["can't find pane: %1"]);
    stage.logs("[gap: Unknown]").await;
}

#[tokio::test]
async fn a_capture_whose_place_is_not_certain_is_asked_for_again() {
    let mut stage = Stage::new("1\r\n").await;
    let asks = |stage: &Stage| {
        stage.sessions.link.capture_changed(&stage.connection, &stage.session, None, 1);
    };
    asks(&stage);
    for line in ["2", "3"] {
        stage.asked("capture-pane -p -e").await;
        stage.prints(PANE, &format!("{line}\r\n"));
        stage.prints(PaneId(2), "another\r\n");
        // It may be from before the line, or from behind it.
        stage.captured(&["1", ""], false);
    }
    stage.asked("capture-pane -p -e").await;
    stage.captured(&["1", "2", "3", ""], false);
    stage.prints(PANE, "4\r\n");
    stage.logs("2\r\n3\r\n[Resize]4\r\n").await;

    // No other pane printed anything: then nothing overtakes the reply.
    asks(&stage);
    stage.asked("capture-pane -p -e").await;
    stage.prints(PANE, "5\r\n");
    stage.captured(&["1", "2", "3", "4", "5", ""], false);
    stage.prints(PANE, "6\r\n");
    stage.logs("5\r\n[Resize]6\r\n").await;
}

#[tokio::test]
async fn a_pane_among_others_that_never_rest_is_paused_to_be_captured() {
    let mut stage = Stage::new("1\r\n").await;
    stage.sessions.link.capture_changed(&stage.connection, &stage.session, None, 1);
    let mut printed = vec!["1".to_owned()];
    for number in 2..2 + CAPTURES {
        stage.asked("capture-pane -p -e").await;
        printed.push(number.to_string());
        stage.prints(PANE, &format!("{number}\r\n"));
        stage.prints(PaneId(2), "another\r\n");
        stage.captured(&["1", ""], false);
    }
    let wanted: String = printed[1..].iter().map(|line| format!("{line}\r\n")).collect();
    stage.asked("refresh-client -A \"%1:pause\"").await;
    stage.paused();
    stage.asked("refresh-client -A \"%1:continue\"").await;
    stage.prints(PANE, "new\r\n");
    printed.extend(["discarded".to_owned(), String::new()]);
    stage.answers(true, &[]);
    let lines: Vec<&str> = printed.iter().map(String::as_str).collect();
    stage.captured(&lines, true);
    stage.logs(&format!("{wanted}discarded\r\n[Healed]new\r\n")).await;
}
