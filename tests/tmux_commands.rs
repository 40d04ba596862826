//! Random commands against servers of tmux that are thrown away: whatever the type can express, at panes that are dead,
//! vanish or are in copy mode, at windows that are being killed. The server survives, and answers.
//!
//! `make fuzz-tmux SEED=7 SECONDS=600` runs it for longer. With `CLIENTS=1`, people attach, type and leave, and our own
//! client loses its session and comes back: that finds the crashes which no command causes (`Command` names them). A pane
//! here ends as one with a shim does: without the mode for focus events.

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use codepiper::tasks::Tasks;
use codepiper::tmux::connection::{self, CommandError, Connection, Sink};
use codepiper::tmux::server::{self, Address, Owner};
use codepiper_protocol::Size;
use codepiper_protocol::tmux::{
    AbsolutePath, Alert, Binding, BufferName, ClientFacts, Clipboard, Command, CommandLine, ExtendedKeys,
    Facts, KeyBytes, KeyTable, Notification, Notified, PaneEnd, PaneFacts, PaneId, PrefixKey, Program,
    Question, Rows, Scope, ScreenFacts, ServerFacts, SessionName, Setting, SubscriptionName, Target,
    Terminal, Text, TmuxSessionId, UserOption, VariableName, Watched, WindowFacts, WindowId,
};
use fastrand::Rng;
use tokio_util::sync::CancellationToken;

use crate::harness::{Pty, TIMEOUT, eventually, other_tmux};

/// Steps of a round; each round has a server of its own.
const STEPS: usize = 300;
/// Panes and windows that commands name; there are more.
const PANES: u32 = 25;
/// Command lines that a failure shows.
const SHOWN: usize = 60;
const WATCH: SubscriptionName = SubscriptionName::new("fuzz");
const NAMES: [&str; 5] = ["_hub", "codepiper-1", "codepiper-2", "codepiper-3", "codepiper-4"];
const TEXTS: [&[u8]; 6] = [
    b"x",
    b"two\nlines\n",
    b"\x1b[31mred",
    "caf\u{e9} \u{1f44d}\u{1f3fd}".as_bytes(),
    b"\xff;#{pane_id}",
    &[b'y'; 3000],
];
const SCRIPTS: [&str; 9] = [
    "exec cat",
    "exit 3",
    "kill -9 $$",
    "sleep 0.01",
    "seq 1 20000; exit",
    "printf '\\033[?2004h\\033[?1049h'; exec cat",
    "trap '' INT QUIT TSTP TERM; printf '\\033[?1004h'; read x; printf '\\033[?1004l'; sleep 0.02",
    "printf '\\033]52;c;?\\007\\033[6n\\033]0;half",
    "stty raw -echo; exec head -c 20",
];
/// What people type who are attached: keys behind the prefix, and of copy mode.
const TYPED: [&[u8]; 8] =
    [b"\x02[", b"\x02]", b"\x02d", b"\x02?", b"q", b"\x13ab", b"g12\r", b"\x1b3\r\x1b[A"];

#[derive(Default, Debug)]
struct Counts {
    rounds: u64,
    lines: u64,
    connections: u64,
}

struct Ignored;

impl Sink for Ignored {
    fn output(&mut self, _: PaneId, _: Bytes) {}

    fn notification(&mut self, _: Notification) {}

    async fn room(&mut self) {}

    fn has_room(&self) -> bool {
        true
    }

    fn settle(&mut self) {}
}

/// A server, and what is known of it.
struct Round<'a> {
    random: Rng,
    tmux: Option<&'a Path>,
    dir: tempfile::TempDir,
    connection: Connection,
    drop_it: CancellationToken,
    server: i32,
    /// People come and go, and our own client too.
    clients: bool,
    people: Vec<Pty>,
    lines: VecDeque<String>,
    counts: Counts,
}

impl<'a> Round<'a> {
    async fn begin(seed: u64, tmux: Option<&'a Path>, clients: bool) -> Self {
        let dir = tempfile::Builder::new().prefix("cp-").tempdir_in("/tmp").unwrap();
        let (connection, drop_it) = connect(dir.path(), tmux);
        let server = set_up(&connection, dir.path()).await.expect("a server that was just started");
        Self {
            random: Rng::with_seed(seed),
            tmux,
            dir,
            connection,
            drop_it,
            server,
            clients,
            people: Vec::new(),
            lines: VecDeque::new(),
            counts: Counts { rounds: 1, ..Counts::default() },
        }
    }

    async fn run(mut self, end: Instant) -> Counts {
        for _ in 0..STEPS {
            if Instant::now() >= end {
                break;
            }
            match self.random.u32(0..100) {
                0..65 => self.send(),
                65..70 => self.enter_copy_mode(),
                70..85 => self.answers().await,
                _ if !self.clients => self.send(),
                85..90 => self.people_come(),
                90..97 => self.people_type(),
                _ => drop(self.people.pop()),
            }
        }
        self.answers().await;
        self.people.clear();
        self.drop_it.cancel();
        let _ = self.native(&["kill-server"]).status();
        self.counts
    }

    /// The server lives and answers: the same one as ever.
    async fn answers(&mut self) {
        let mut answer = self.ask().await;
        // A session that goes may take our client along.
        while self.clients && matches!(answer, Err(CommandError::Lost)) {
            self.counts.connections += 1;
            self.be_quiet();
            (self.connection, self.drop_it) = connect(self.dir.path(), self.tmux);
            answer = match self.limited(set_up(&self.connection, self.dir.path())).await {
                Ok(server) => Ok(server),
                Err(server::SetUpError::Command(error)) => Err(error),
                Err(error) => panic!("{error}: {}", self.story()),
            };
        }
        match answer {
            Ok(server) => assert_eq!(server, self.server, "the server died: {}", self.story()),
            Err(error) => panic!("{error}: {}", self.story()),
        }
    }

    /// A client like ours that is just coming takes every tmux along when somebody detaches in that moment
    /// (`control_write` in control.c), whatever was sent.
    fn be_quiet(&mut self) {
        self.people.clear();
        eventually("nobody is attached", || {
            let clients = self.native(&["list-clients"]).output().unwrap();
            clients.stdout.is_empty().then_some(())
        });
    }

    async fn ask(&self) -> Result<i32, CommandError> {
        Ok(self.limited(server::ask::<ServerFacts>(&self.connection, None)).await?.pid)
    }

    async fn limited<T>(&self, answer: impl Future<Output = T>) -> T {
        let answer = tokio::time::timeout(TIMEOUT, answer).await;
        answer.unwrap_or_else(|_| panic!("the server does not answer: {}", self.story()))
    }

    fn story(&self) -> String {
        Vec::from_iter(self.lines.iter().map(String::as_str)).join("")
    }

    fn send(&mut self) {
        // Our client is in the hub, which is the first of all.
        let (random, from) = (&mut self.random, usize::from(!self.clients));
        let raw = self.connection.pastes_raw();
        let (mut line, mut ended) =
            command(random, from, raw, |first| (CommandLine::new(first), first.ends_line()));
        let mut more = random.u32(0..4);
        while more > 0 && !ended {
            (line, ended) = command(random, from, raw, |next| (line.and(next), next.ends_line()));
            more -= 1;
        }
        let shown = String::from_utf8_lossy(&line.clone().into_bytes()).into_owned();
        self.lines.push_back(shown.chars().take(300).collect());
        if self.lines.len() > SHOWN {
            self.lines.pop_front();
        }
        self.counts.lines += 1;
        // A connection that was lost is made anew where it is asked.
        let _ = self.connection.send_then(line, drop);
    }

    fn native(&self, args: &[&str]) -> std::process::Command {
        let mut command = std::process::Command::new("tmux");
        command.env_clear().env("PATH", path(self.tmux)).env("TERM", "xterm-256color");
        command.arg("-u").arg("-S").arg(self.dir.path().join("tmux.sock")).args(args);
        command.stderr(std::process::Stdio::null());
        command
    }

    fn enter_copy_mode(&mut self) {
        let pane = format!("%{}", self.random.u32(0..PANES));
        self.lines.push_back(format!("{pane} enters copy mode\n"));
        let _ = self.native(&["copy-mode", "-t", &pane]).status();
    }

    fn people_come(&mut self) {
        let name = format!("={}", self.random.choice(NAMES).unwrap());
        self.lines.push_back(format!("somebody attaches to {name}\n"));
        self.people.push(Pty::run(self.native(&["attach-session", "-t", &name]), 80, 24));
    }

    fn people_type(&mut self) {
        let keys = self.random.choice(TYPED).unwrap();
        if let Some(person) = self.random.choice(&self.people) {
            self.lines.push_back(format!("somebody types {}\n", keys.escape_ascii()));
            person.type_(keys);
        }
    }
}

fn path(tmux: Option<&Path>) -> std::ffi::OsString {
    let mut path = std::env::var_os("PATH").unwrap_or_default();
    if let Some(dir) = tmux {
        path = [dir.as_os_str(), ":".as_ref(), &path].into_iter().collect();
    }
    path
}

fn connect(dir: &Path, tmux: Option<&Path>) -> (Connection, CancellationToken) {
    let mut command = Address::new(Some(dir.join("tmux.sock"))).control_client("tmux".as_ref());
    command.env("PATH", path(tmux));
    let (connection, reading) = connection::spawn(command).unwrap();
    let drop_it = CancellationToken::new();
    let dropped = drop_it.clone();
    Tasks::default().spawn(async move { reading.run(&mut Ignored, dropped).await });
    (connection, drop_it)
}

async fn set_up(connection: &Connection, dir: &Path) -> Result<i32, server::SetUpError> {
    let owner = Owner { instance: "fuzz".into(), socket: dir.join("nobody.sock") };
    let address = Address::new(Some(dir.join("tmux.sock")));
    Ok(server::set_up(connection, &address, &owner).await?.pid)
}

/// Any, but for so many of the first ones.
fn target(random: &mut Rng, from: usize) -> Target {
    let first = from as u32;
    match random.u32(0..5) {
        0 => Target::Pane(PaneId(random.u32(first..PANES))),
        1 => Target::Window(WindowId(random.u32(first..PANES))),
        2 => Target::Session(TmuxSessionId(random.u32(first..10))),
        3 => Target::Named(name(random, from)),
        _ => Target::LastWindowOf(name(random, from)),
    }
}

fn name(random: &mut Rng, from: usize) -> SessionName {
    random.choice(&NAMES[from..]).unwrap().parse().unwrap()
}

fn size(random: &mut Rng) -> Size {
    let side = [2, 3, 24, 80, 81, 200, 1000];
    Size::new(*random.choice(&side).unwrap(), *random.choice(&side).unwrap()).unwrap()
}

fn setting(random: &mut Rng) -> Setting {
    let (on, number) = (random.bool(), random.u32(0..3000));
    let alert = *random.choice(&[Alert::Bell, Alert::Activity, Alert::Silence]).unwrap();
    let settings = [
        // With it, a server without sessions ends, which is no crash.
        Setting::ExitEmpty(false),
        Setting::EscapeTime(number as u16),
        Setting::FocusEvents(false),
        Setting::DefaultTerminal(Terminal::Screen),
        Setting::TrueColor,
        Setting::ExtendedKeys(ExtendedKeys::Always),
        Setting::SetClipboard(Clipboard::External),
        Setting::MessageLimit(number),
        Setting::KeepUnattached,
        Setting::DetachOnDestroy(on),
        Setting::Status(on),
        Setting::SetTitles(on),
        Setting::NoticeAsTitle,
        Setting::NoTitles,
        Setting::TitleNotifies(Notified::Xterm),
        Setting::HistoryLimit(number),
        Setting::NoUpdateEnvironment,
        Setting::NoDefaultCommand,
        Setting::DefaultShell,
        Setting::Prefix(PrefixKey::new('b').unwrap()),
        Setting::NoPrefix2,
        Setting::Mouse(on),
        Setting::EmacsKeys,
        Setting::NoAlert(alert),
        Setting::NoVisual(alert),
        Setting::RemainOnExit,
        Setting::NoRemainOnExitText,
        Setting::AutomaticRename(on),
        Setting::AllowRename(on),
        Setting::MonitorActivity(on),
        Setting::MonitorBell(on),
        Setting::AllowPassthrough(on),
    ];
    *random.choice(&settings).unwrap()
}

fn binding(random: &mut Rng) -> Binding {
    let prefix = PrefixKey::new('b').unwrap();
    let mut bindings =
        vec![Binding::Detach, Binding::CopyMode, Binding::CopyModeUp, Binding::Paste, Binding::Help];
    bindings.push(Binding::SendPrefix(prefix));
    bindings.extend(Question::all(random.bool()).map(Binding::Ask));
    *random.choice(&bindings).unwrap()
}

/// A random command, for `take`. It ends none of the first `kept` sessions, windows and panes; pastes are `raw` where tmux
/// knows that.
fn command<T>(random: &mut Rng, kept: usize, raw: bool, take: impl FnOnce(&Command<'_>) -> T) -> T {
    let (hub, session) = (SessionName::hub(), name(random, 0));
    let (pane, target, window) = (PaneId(random.u32(0..PANES)), target(random, 0), target(random, kept));
    // Not by a window: that may be the hub's, too.
    let ended = match random.bool() {
        true => Target::Session(TmuxSessionId(random.u32(kept as u32..10))),
        false => Target::Named(name(random, kept)),
    };
    let buffer = BufferName(random.u64(0..3));
    let text = Text::new(*random.choice(&TEXTS).unwrap()).unwrap();
    let rest = [Text::new(*random.choice(&SCRIPTS).unwrap()).unwrap()];
    let (cwd, path) = (AbsolutePath::new("/").unwrap(), AbsolutePath::new("/bin/sh").unwrap());
    let program = Program { path, first: Text::new("-c").unwrap(), rest: &rest };
    let file =
        AbsolutePath::new(random.choice(&["/etc/hostname", "/bin/true", "/nonexistent", "/"]).unwrap())
            .unwrap();
    let watched = [Watched::Session, Watched::Pane(pane), Watched::AllPanes, Watched::AllWindows];
    let watched = *random.choice(&watched).unwrap();
    let scopes = [
        Scope::Server,
        Scope::Session(target.clone()),
        Scope::Window(target.clone()),
        Scope::Pane(target.clone()),
    ];
    let scope = random.choice(scopes).unwrap();
    let rows = [
        Rows::Screen,
        Rows::HistoryAndScreen(random.u32(0..3000)),
        Rows::Range { first: random.i32(-3000..3000), last: random.i32(-3000..3000) },
    ];
    let rows = *random.choice(&rows).unwrap();
    let keys = [
        "enter",
        "ctrl+c",
        "ctrl+d",
        "up",
        "pageup",
        "g",
        "alt+3",
        "ctrl+s",
        "F",
        "q",
        "escape",
        "ctrl+space",
    ];
    let key = random.choice(keys).unwrap().parse().unwrap();
    let mut bytes = vec![0; random.usize(1..40)];
    random.fill(&mut bytes);
    let bytes = KeyBytes::new(&bytes).unwrap();
    let shown = [String::from_utf8_lossy(text.as_bytes()).into_owned(), "two".to_owned(), "3".to_owned()];
    let shown = shown.map(|text| (random.u16(0..50), text));
    let shown = &shown[..random.usize(0..4)];
    let format = *random
        .choice(&[PaneFacts::FORMAT, ScreenFacts::FORMAT, WindowFacts::FORMAT, PaneEnd::FORMAT])
        .unwrap();
    let variable = VariableName::new("LANG").unwrap();
    let tables = [KeyTable::Root, KeyTable::Prefix, KeyTable::CopyMode, KeyTable::CopyModeVi];
    let table = *random.choice(&tables).unwrap();
    let client = [*random.choice(&["client-1", "/dev/pts/1"]).unwrap()];
    let client = Text::new(client[0]).unwrap();
    let option = UserOption::ID;
    let some = match random.u32(0..60) {
        // Panes go all the time: more come.
        0..8 => Command::NewSession { name: &session, size: size(random), cwd, program },
        8..14 => Command::NewWindow { session: &session, cwd, program },
        14..18 => Command::LinkWindow { window: target, session: &hub },
        18..20 => Command::KillSession(ended),
        20..22 => Command::KillWindow(window),
        22 => Command::ResizeWindow { window: target, size: size(random) },
        23 => Command::UnpinWindow(target),
        24 => Command::Set(setting(random)),
        25 => Command::SetUser { scope, option, value: text },
        26 => Command::UnsetUser { scope, option },
        27 => Command::ShowUser { scope, option },
        28 => Command::UnsetVariable(variable),
        29 => Command::RemoveVariable(variable),
        30 => Command::Bind(binding(random)),
        31 => Command::UnbindAll(table),
        32..34 => Command::SendBytes { pane, bytes },
        34..36 => Command::SendIfShown { pane, rows: shown, bytes },
        36..38 => Command::SendKey { pane, key },
        38 => Command::SetBuffer { name: buffer, text },
        39 => Command::LoadBuffer { name: buffer, path: file },
        40..45 => Command::PasteBuffer { name: buffer, pane, bracketed: random.bool(), raw },
        45 => Command::DeleteBuffer(buffer),
        46 => Command::LeaveMode(pane),
        47 => Command::CapturePane { pane, rows },
        48 => Command::CaptureText { pane, rows, joined: random.bool() },
        49 => Command::CaptureSaved(pane),
        50 => Command::CapturePending(pane),
        51 => Command::Show { target: Some(target), format },
        52 => Command::ListPanes(PaneFacts::FORMAT),
        53 => Command::ListWindows(WindowFacts::FORMAT),
        54 => Command::ListClients(ClientFacts::FORMAT),
        55 => Command::Subscribe { name: WATCH, watched, format },
        56 => Command::Unsubscribe { name: WATCH },
        57 => Command::PauseAfter(NonZeroU32::new(random.u32(0..3))),
        58 => Command::ContinuePane(pane),
        _ => match random.bool() {
            true => Command::DetachClient(client),
            false => Command::DescribePaste,
        },
    };
    take(&some)
}

/// On the tmux in PATH, and on another one where there is one.
fn fuzz(seed: u64, limit: Duration, clients: bool) {
    for tmux in [None].into_iter().chain(other_tmux().map(Some)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let end = Instant::now() + limit;
        let mut counts = Counts::default();
        while Instant::now() < end {
            let seed = seed + counts.rounds;
            let round = async { Round::begin(seed, tmux.as_deref(), clients).await.run(end).await };
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| runtime.block_on(round)));
            let round = outcome.unwrap_or_else(|_| panic!("SEED={seed} {tmux:?}"));
            counts.rounds += round.rounds;
            counts.lines += round.lines;
            counts.connections += round.connections;
        }
        println!(
            "SEED={seed} on {}: {counts:?}",
            tmux.as_deref().unwrap_or("the tmux in PATH".as_ref()).display()
        );
    }
}

/// The current window of a session, and then the session: tmux tells of the new current window in between.
#[test]
fn tmux_survives_a_session_that_ends_right_behind_its_window() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for tmux in [None].into_iter().chain(other_tmux().map(Some)) {
        runtime.block_on(async {
            let mut round = Round::begin(1, tmux.as_deref(), false).await;
            let session: SessionName = NAMES[1].parse().unwrap();
            let (cwd, path) = (AbsolutePath::new("/").unwrap(), AbsolutePath::new("/bin/sleep").unwrap());
            let program = Program { path, first: Text::new("1000").unwrap(), rest: &[] };
            let window = Target::Window(WindowId(1));
            let commands = [
                Command::NewSession { name: &session, size: Size::DEFAULT, cwd, program },
                Command::NewWindow { session: &session, cwd, program },
                Command::KillWindow(window),
                Command::KillSession(Target::Named(session.clone())),
            ];
            for command in &commands {
                round.connection.send_and_forget(command).unwrap();
            }
            round.answers().await;
            let _ = round.native(&["kill-server"]).status();
        });
    }
}

/// A daemon may have ended between unbinding and binding.
#[test]
fn a_server_without_a_key_table_is_set_up() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let round = Round::begin(1, None, false).await;
        let unbind = Command::UnbindAll(KeyTable::Prefix);
        round.connection.send(&unbind).await.unwrap();
        round.connection.send(&unbind).await.expect_err("tmux has no such table any more");
        set_up(&round.connection, round.dir.path()).await.unwrap();
        let _ = round.native(&["kill-server"]).status();
    });
}

#[test]
fn tmux_survives_random_commands() {
    fuzz(1, Duration::from_secs(5), false);
}

#[test]
#[ignore = "takes as long as it is told: make fuzz-tmux SEED= SECONDS= CLIENTS="]
fn tmux_survives_random_commands_for_long() {
    let number =
        |name: &str, otherwise| std::env::var(name).map_or(otherwise, |value| value.parse().unwrap());
    let clients = std::env::var("FUZZ_CLIENTS").is_ok_and(|value| value == "1");
    fuzz(number("FUZZ_SEED", 1), Duration::from_secs(number("FUZZ_SECONDS", 600)), clients);
}
