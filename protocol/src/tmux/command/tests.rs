use proptest::prelude::*;

use super::super::quote::tests::read_commands;
use super::super::{
    Alert, Clipboard, ExtendedKeys, Notified, PaneEnd, PaneFacts, PrefixKey, Question, ScreenFacts, Terminal,
    TmuxSessionId, WindowId,
};
use super::*;

fn rendered(command: Command<'_>) -> String {
    let mut out = BytesMut::new();
    command.write_line(&mut out);
    String::from_utf8(out.to_vec()).unwrap()
}

fn name(name: &str) -> SessionName {
    name.parse().unwrap()
}

const WATCH: SubscriptionName = SubscriptionName::new("cp-end");

#[test]
fn commands_read_as_one_would_type_them() {
    let rest = [Text::new("--session").unwrap(), Text::new("a b").unwrap()];
    let program = Program {
        path: AbsolutePath::new("/usr/bin/codepiper").unwrap(),
        first: Text::new("shim").unwrap(),
        rest: &rest,
    };
    let cwd = AbsolutePath::new("/src/#1 $HOME").unwrap();
    let agent = name("codepiper-1a2b3c4d");
    let pane = PaneId(3);
    for (command, line) in [
        (
            Command::NewSession { name: &agent, size: Size::DEFAULT, cwd, program },
            concat!(
                r##"new-session -d -P -x 120 -y 32 -F "#{session_id} #{window_id} #{pane_id} #{pane_pid}""##,
                r###" -s "codepiper-1a2b3c4d" -c "/src/##1 \$HOME" -- "/usr/bin/codepiper" "shim" "--session" "a b""###,
            ),
        ),
        (
            Command::NewWindow { session: &agent, cwd, program: Program { rest: &[], ..program } },
            concat!(
                r##"new-window -a -d -P -F "#{session_id} #{window_id} #{pane_id} #{pane_pid}""##,
                r###" -t "=codepiper-1a2b3c4d:{end}" -c "/src/##1 \$HOME" -- "/usr/bin/codepiper" "shim""###,
            ),
        ),
        (
            Command::LinkWindow { window: Target::Named(agent.clone()), session: &SessionName::hub() },
            r#"link-window -d -s "=codepiper-1a2b3c4d:" -t "=_hub:""#,
        ),
        (Command::KillSession(TmuxSessionId(4).into()), r#"kill-session -t "\$4""#),
        (Command::UnbindRefresh, "unbind-key -q -T copy-mode r"),
        (Command::KillWindow(WindowId(2).into()), r#"kill-window -t "@2" ; run-shell -d 0"#),
        (Command::UnpinWindow(WindowId(2).into()), r#"set-option -wu -t "@2" window-size"#),
        (Command::Set(Setting::MessageLimit(0)), r#"set-option -s message-limit "0""#),
        (Command::Set(Setting::RemainOnExit), r#"set-option -gw remain-on-exit "on""#),
        (
            Command::SetUser {
                scope: Scope::Pane(pane.into()),
                option: UserOption::ID,
                value: Text::new("x;\n").unwrap(),
            },
            r#"set-option -p -t "%3" @cp_id "x;\012""#,
        ),
        (
            Command::ShowUser { scope: Scope::Server, option: UserOption::OWNER },
            "show-options -sqv @cp_owner",
        ),
        (
            Command::UnsetUser {
                scope: Scope::Session(Target::Named(agent.clone())),
                option: UserOption::ID,
            },
            r#"set-option -u -t "=codepiper-1a2b3c4d:" @cp_id"#,
        ),
        (
            Command::SendBytes { pane, bytes: KeyBytes::new(b"\x1b[A\xff").unwrap() },
            r#"send-keys -t "%3" -H 1b 5b 41 ff"#,
        ),
        (Command::SendKey { pane, key: "ctrl+c".parse().unwrap() }, r#"send-keys -t "%3" "C-c""#),
        (Command::SendKey { pane, key: ";".parse().unwrap() }, r#"send-keys -t "%3" -H 3b"#),
        (
            Command::SendIfShown {
                pane,
                rows: &[
                    (0, "  Run it? ".into()),
                    (3, "$ \"tou#{ch} 'x', *".into()),
                    (5, "1. Yes (y)".into()),
                ],
                bytes: KeyBytes::new(b"y\x1b").unwrap(),
            },
            concat!(
                r##"if-shell -F -t "%3" "#{&&:#{==:#{C/r:^ *Run it[?] *\$},1},"##,
                r##"#{&&:#{==:#{C/r:^ *[\$] \"tou..ch. 'x', [*] *\$},4},#{==:#{C/r:^ *1[.] Yes [(]y[)] *\$},6}}}""##,
                r##" "send-keys -t '%3' -H 79 1b" "display-message -p -t '%3' not-shown""##,
            ),
        ),
        (
            Command::PasteBuffer { name: BufferName(7), pane, bracketed: true, raw: false },
            r##"if-shell -F -t "%3" "#{pane_dead}" "delete-buffer -b cp-7" "paste-buffer -p -r -d -b cp-7 -t '%3'""##,
        ),
        (
            Command::PasteBuffer { name: BufferName(7), pane, bracketed: false, raw: true },
            r##"if-shell -F -t "%3" "#{pane_dead}" "delete-buffer -b cp-7" "paste-buffer -S -r -d -b cp-7 -t '%3'""##,
        ),
        (
            Command::CapturePane { pane, rows: Rows::Range { first: -1000, last: -1 } },
            r#"capture-pane -p -e -N -t "%3" -S -1000 -E -1"#,
        ),
        (
            Command::Subscribe { name: WATCH, watched: Watched::AllPanes, format: PaneEnd::FORMAT },
            r##"refresh-client -B "cp-end:%*:#{pane_dead} #{pane_dead_status} #{pane_dead_signal} #{pane_in_mode} #{pane_id}""##,
        ),
        (Command::PauseAfter(NonZeroU32::new(30)), "refresh-client -f pause-after=30"),
        (Command::PauseAfter(None), r#"refresh-client -f "!pause-after""#),
        (Command::PausePane(pane), r#"refresh-client -A "%3:pause""#),
        (Command::ContinuePane(pane), r#"refresh-client -A "%3:continue""#),
    ] {
        assert_eq!(rendered(command), format!("{line}\n"));
    }
}

#[test]
fn a_line_of_several_commands_is_one_line() {
    let pane = PaneId(3);
    let line = CommandLine::new(&Command::ContinuePane(pane))
        .and(&Command::CapturePane { pane, rows: Rows::Screen })
        .and(&Command::CapturePending(pane));
    assert_eq!(line.replies(), 3);
    let paste = Command::PasteBuffer { name: BufferName(7), pane, bracketed: true, raw: false };
    assert_eq!(line.clone().and(&paste).replies(), 5);
    assert_eq!(
        line.into_bytes(),
        "refresh-client -A \"%3:continue\" ; capture-pane -p -e -N -t \"%3\" ; capture-pane -p -P -C -t \"%3\"\n"
    );
}

/// What a command is made of: everything that a caller can choose.
#[derive(Clone, Debug)]
struct Parts {
    number: u32,
    text: Vec<u8>,
    more: Vec<u8>,
    session: String,
    variable: String,
    key: char,
    on: bool,
    row: i32,
    cols: u16,
}

fn parts() -> impl Strategy<Value = Parts> {
    // Texts that would be commands, if they got out of their quotes, and any bytes.
    let text = || {
        prop_oneof![
            prop::collection::vec(1..=255u8, 0..40),
            r#"([;"\\$~#{}%\n -]|respawn-pane|run-shell|wait-for|source-file|window-size manual){0,8}"#
                .prop_map(String::into_bytes),
        ]
    };
    (
        any::<u32>(),
        text(),
        text(),
        "[A-Za-z0-9_][A-Za-z0-9_-]{0,20}",
        "[A-Za-z_][A-Za-z0-9_]{0,20}",
        any::<char>().prop_filter("control characters are no keys", |c| !c.is_control()),
        any::<bool>(),
        any::<i32>(),
        Size::MIN..=Size::MAX,
    )
        .prop_map(|(number, text, more, session, variable, key, on, row, cols)| Parts {
            number,
            text,
            more,
            session,
            variable,
            key,
            on,
            row,
            cols,
        })
}

impl Parts {
    /// Hands one command of each kind to `check`.
    fn commands(&self, mut check: impl FnMut(Command<'_>)) {
        let session: SessionName = self.session.parse().unwrap();
        let text = Text::new(&self.text).unwrap();
        let path = [b"/", self.text.as_slice()].concat();
        let path = AbsolutePath::new(&path).unwrap();
        let rest = [Text::new(&self.more).unwrap()];
        let program = Program { path, first: text, rest: &rest };
        let (pane, number, on) = (PaneId(self.number), self.number, self.on);
        let size = Size::new(self.cols, 50).unwrap();
        let buffer = BufferName(number.into());
        let targets = [
            Target::Pane(pane),
            Target::Window(WindowId(number)),
            Target::Session(TmuxSessionId(number)),
            Target::Named(session.clone()),
            Target::LastWindowOf(session.clone()),
        ];
        for target in &targets {
            check(Command::LinkWindow { window: target.clone(), session: &session });
            check(Command::KillSession(target.clone()));
            check(Command::KillWindow(target.clone()));
            check(Command::ResizeWindow { window: target.clone(), size });
            check(Command::UnpinWindow(target.clone()));
            check(Command::Show { target: Some(target.clone()), format: ScreenFacts::FORMAT });
            for scope in [
                Scope::Server,
                Scope::Session(target.clone()),
                Scope::Window(target.clone()),
                Scope::Pane(target.clone()),
            ] {
                check(Command::SetUser { scope: scope.clone(), option: UserOption::ID, value: text });
                check(Command::UnsetUser { scope: scope.clone(), option: UserOption::ID });
                check(Command::ShowUser { scope, option: UserOption::ID });
            }
        }
        for setting in settings(number, on) {
            check(Command::Set(setting));
        }
        let prefix = PrefixKey::new('b').unwrap();
        for binding in [
            Binding::Detach,
            Binding::CopyMode,
            Binding::CopyModeUp,
            Binding::Paste,
            Binding::SendPrefix(prefix),
            Binding::Help,
        ] {
            check(Command::Bind(binding));
        }
        for question in Question::all(on) {
            check(Command::Bind(Binding::Ask(question)));
        }
        for watched in [Watched::Session, Watched::Pane(pane), Watched::AllPanes, Watched::AllWindows] {
            check(Command::Subscribe { name: WATCH, watched, format: PaneEnd::FORMAT });
        }
        for modifiers in ["", "ctrl+", "alt+", "shift+", "ctrl+alt+", "ctrl+shift+"] {
            for base in [self.key.to_string().as_str(), "enter", "tab", "up", "f5", "backspace"] {
                check(Command::SendKey { pane, key: format!("{modifiers}{base}").parse().unwrap() });
            }
        }
        for bytes in KeyBytes::split(&self.text) {
            check(Command::SendBytes { pane, bytes });
        }
        let row = |row: &Vec<u8>| (self.cols, String::from_utf8_lossy(row).into_owned());
        let rows = [row(&self.text), row(&self.more), row(&self.text)];
        for rows in [&rows[..], &rows[1..], &rows[2..]] {
            check(Command::SendIfShown { pane, rows, bytes: KeyBytes::ENTER });
        }
        for command in [
            Command::NewSession { name: &session, size, cwd: path, program },
            Command::NewWindow { session: &session, cwd: path, program },
            Command::UnsetVariable(VariableName::new(&self.variable).unwrap()),
            Command::RemoveVariable(VariableName::new(&self.variable).unwrap()),
            Command::UnbindAll(KeyTable::Prefix),
            Command::UnbindRefresh,
            Command::SetBuffer { name: buffer, text },
            Command::LoadBuffer { name: buffer, path },
            Command::PasteBuffer { name: buffer, pane, bracketed: on, raw: !on },
            Command::DescribePaste,
            Command::KeepInSession(&session),
            Command::DeleteBuffer(buffer),
            Command::LeaveMode(pane),
            Command::CapturePane { pane, rows: Rows::Screen },
            Command::CapturePane { pane, rows: Rows::Range { first: self.row, last: self.row } },
            Command::CaptureSaved(pane),
            Command::CapturePending(pane),
            Command::Show { target: None, format: ScreenFacts::FORMAT },
            Command::ListPanes(PaneFacts::FORMAT),
            Command::ListWindows(PaneFacts::FORMAT),
            Command::ListClients(PaneFacts::FORMAT),
            Command::Unsubscribe { name: WATCH },
            Command::PauseAfter(NonZeroU32::new(number)),
            Command::PausePane(pane),
            Command::ContinuePane(pane),
            Command::DetachClient(text),
        ] {
            check(command);
        }
    }
}

fn settings(number: u32, on: bool) -> Vec<Setting> {
    let mut settings = vec![
        Setting::EscapeTime(number as u16),
        Setting::TrueColor,
        Setting::MessageLimit(number),
        Setting::KeepUnattached,
        Setting::HistoryLimit(number),
        Setting::NoUpdateEnvironment,
        Setting::NoDefaultCommand,
        Setting::DefaultShell,
        Setting::Prefix(PrefixKey::new('b').unwrap()),
        Setting::NoPrefix2,
        Setting::NoticeAsTitle,
        Setting::NoTitles,
        Setting::RemainOnExit,
        Setting::NoRemainOnExitText,
    ];
    settings.extend([Terminal::Tmux, Terminal::Screen].map(Setting::DefaultTerminal));
    settings.extend([ExtendedKeys::Off, ExtendedKeys::On, ExtendedKeys::Always].map(Setting::ExtendedKeys));
    settings.extend([Notified::Xterm, Notified::Foot, Notified::WezTerm].map(Setting::TitleNotifies));
    settings.extend([Clipboard::Off, Clipboard::External].map(Setting::SetClipboard));
    for alert in [Alert::Bell, Alert::Activity, Alert::Silence] {
        settings.extend([Setting::NoAlert(alert), Setting::NoVisual(alert)]);
    }
    let switches: [fn(bool) -> Setting; 11] = [
        Setting::ExitEmpty,
        Setting::FocusEvents,
        Setting::DetachOnDestroy,
        Setting::Status,
        Setting::SetTitles,
        Setting::Mouse,
        Setting::AutomaticRename,
        Setting::AllowRename,
        Setting::MonitorActivity,
        Setting::MonitorBell,
        Setting::AllowPassthrough,
    ];
    settings.extend(switches.map(|setting| setting(on)));
    settings
}

/// Fails when the words of a command, as tmux reads them, are something that must never be sent.
fn assert_harmless(words: &[Vec<u8>]) {
    let words: Vec<_> = words.iter().map(|word| String::from_utf8_lossy(word)).collect();
    let words: Vec<&str> = words.iter().map(|word| &**word).collect();
    const KNOWN: &[&str] = &[
        "bind-key",
        "capture-pane",
        "copy-mode",
        "delete-buffer",
        "detach-client",
        "display-message",
        "if-shell",
        "kill-session",
        "kill-window",
        "link-window",
        "list-clients",
        "list-commands",
        "list-panes",
        "list-windows",
        "load-buffer",
        "new-session",
        "new-window",
        "refresh-client",
        "resize-window",
        "run-shell",
        "send-keys",
        "set-buffer",
        "set-environment",
        "set-option",
        "show-options",
        "unbind-key",
    ];
    assert!(KNOWN.contains(&words[0]), "{words:?}");
    match words[..] {
        ["set-option", flags, "-t", _, "window-size"] => assert_eq!(flags, "-wu"),
        ["set-option", ..] => assert!(!words[..words.len() - 1].contains(&"window-size"), "{words:?}"),
        ["refresh-client", "-A", what] => {
            assert!(what.ends_with(":continue") || what.ends_with(":pause"), "{words:?}")
        }
        ["refresh-client", "-f", flag] => {
            assert!(flag == "!pause-after" || flag.starts_with("pause-after="), "{words:?}")
        }
        ["refresh-client", flag, _] => assert_eq!(flag, "-B"),
        ["refresh-client", ..] => panic!("{words:?}"),
        ["load-buffer", "-b", _, path] => assert!(path.starts_with('/'), "{words:?}"),
        ["load-buffer", ..] => panic!("{words:?}"),
        ["if-shell", "-F", "-t", pane, "#{pane_dead}", dead, alive] => {
            assert!(dead.starts_with("delete-buffer -b cp-"), "{words:?}");
            assert!(
                alive.starts_with("paste-buffer ") && alive.ends_with(&format!(" -t '{pane}'")),
                "{words:?}"
            );
        }
        ["if-shell", "-F", "-t", pane, shown, send, not] if not.ends_with("not-shown") => {
            // Formats for the condition alone.
            let formats = shown.matches("#{").count();
            let own = ["#{&&:", "#{==:", "#{C/r:^"].map(|own| shown.matches(own).count());
            assert_eq!(formats, own.iter().sum::<usize>(), "{words:?}");
            assert!(!shown.contains("#(") && shown.matches('}').count() == formats, "{words:?}");
            assert!(send.starts_with(&format!("send-keys -t '{pane}' -H")), "{words:?}");
        }
        ["if-shell", ..] => panic!("{words:?}"),
        ["run-shell", ref rest @ ..] => assert_eq!(rest, ["-d", "0"]),
        ["bind-key", "-N", _, "-T", "prefix", _, "if-shell", "-F", alive, "paste-buffer -p"] => {
            assert_eq!(alive, "#{?pane_dead,0,1}");
        }
        ["bind-key", "-N", _, "-T", "prefix", _, command, ..] => {
            let known = ["detach-client", "copy-mode", "send-prefix", "list-keys"];
            assert!(known.contains(&command), "{words:?}");
        }
        ["bind-key", "-T", "copy-mode", _, "command-prompt", "-b", ref rest @ ..] => {
            assert!(rest.last().unwrap().starts_with("send-keys -"), "{words:?}");
        }
        ["bind-key", ..] => panic!("{words:?}"),
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_command_is_one_that_crashes_tmux(parts in parts()) {
        parts.commands(|command| {
            let mut line = BytesMut::new();
            command.write_line(&mut line);
            assert_eq!(memchr::memchr_iter(b'\n', &line).count(), 1, "one line: {command:?}");
            assert!(line.is_ascii() && !line.contains(&0), "{command:?}");
            let commands = read_commands(line.strip_suffix(b"\n").unwrap());
            let pause = matches!(command, Command::KillWindow(_));
            assert_eq!(commands.len(), 1 + usize::from(pause), "{command:?}");
            commands.iter().for_each(|words| assert_harmless(words));
        });
    }

    #[test]
    fn texts_arrive_as_they_are(parts in parts()) {
        let text = Text::new(&parts.text).unwrap();
        let line = CommandLine::new(&Command::SetBuffer { name: BufferName(1), text })
            .and(&Command::SetUser { scope: Scope::Server, option: UserOption::OWNER, value: text });
        let line = line.into_bytes();
        let commands = read_commands(line.strip_suffix(b"\n").unwrap());
        prop_assert_eq!(commands.len(), 2);
        for words in commands {
            prop_assert_eq!(words.last().unwrap(), &parts.text);
        }
    }
}
