//! What programs get of the environment: the rule, as `docs/sessions.md` has it in words.
//!
//! Names and values are text as [`codepiper_protocol::os_text`] makes it of bytes: none is lost.

use std::collections::BTreeMap;
use std::ffi::OsString;

use codepiper_protocol::os_text;

pub type Environment = BTreeMap<String, String>;

/// A variable that is for tests and benchmarks alone: without the feature `testing` it says nothing.
pub fn for_tests(name: &str) -> Option<OsString> {
    if cfg!(feature = "testing") { std::env::var_os(name) } else { None }
}

/// What comes from whoever starts or resumes a session, and not from the daemon. A name ends with `*` where it is the
/// beginning of several.
const OF_THE_CALLER: &[&str] = &[
    "PATH",
    "SSH_AUTH_SOCK",
    "SSH_AGENT_PID",
    "SSH_ASKPASS",
    "SSH_CONNECTION",
    "SSH_CLIENT",
    "KRB5CCNAME",
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "XAUTHORITY",
    "XDG_SESSION_ID",
    "LANG",
    "LANGUAGE",
    "LC_*",
];

/// Marks of the terminal, the editor, the multiplexer, the agent, the service manager and the directory that somebody else is in.
const TAKEN_AWAY: &[&str] = &[
    // Where somebody stands.
    "PWD",
    "OLDPWD",
    "INIT_CWD",
    "SHLVL",
    "_",
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_COMMON_DIR",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_QUARANTINE_PATH",
    "GIT_SHALLOW_FILE",
    "GIT_GRAFT_FILE",
    "GIT_CONFIG_PARAMETERS",
    "GIT_PREFIX",
    "GIT_NAMESPACE",
    "GIT_REFLOG_ACTION",
    "GIT_INTERNAL_SUPER_PREFIX",
    "MAKEFLAGS",
    "MAKEOVERRIDES",
    "MAKELEVEL",
    "MFLAGS",
    "MAKE_TERMOUT",
    "MAKE_TERMERR",
    "CARGO_MAKEFLAGS",
    "CARGO_MANIFEST_*",
    "CARGO_PKG_*",
    "RUST_RECURSION_COUNT",
    "npm_lifecycle_*",
    "npm_package_*",
    "npm_command",
    "npm_execpath",
    "npm_node_execpath",
    "npm_config_user_agent",
    "npm_config_local_prefix",
    "npm_config_npm_version",
    // Terminals and editors.
    "TERM",
    "TERM_PROGRAM",
    "TERM_PROGRAM_VERSION",
    "TERM_SESSION_ID",
    "TERM_FEATURES",
    "TERMCAP",
    "TERMINAL_EMULATOR",
    "TERMINATOR_UUID",
    "TERMINATOR_DBUS_NAME",
    "TERMINATOR_DBUS_PATH",
    "TERMINUS_SUBLIME",
    "COLORTERM",
    "COLORFGBG",
    "COLUMNS",
    "LINES",
    "WINDOWID",
    "WINDOWPATH",
    "SSH_TTY",
    "GPG_TTY",
    "VTE_VERSION",
    "GNOME_TERMINAL_*",
    "PTYXIS_*",
    "TILIX_ID",
    "KONSOLE_*",
    "SHELL_SESSION_ID",
    "KITTY_*",
    "ITERM_*",
    "LC_TERMINAL",
    "LC_TERMINAL_VERSION",
    "SECURITYSESSIONID",
    "__CFBundleIdentifier",
    "WEZTERM_*",
    "ALACRITTY_*",
    "GHOSTTY_*",
    "FOOT_*",
    "WT_SESSION",
    "WT_PROFILE_ID",
    "ConEmu*",
    "XTERM_VERSION",
    "XTERM_SHELL",
    "XTERM_LOCALE",
    "MLTERM",
    "RXVT_SOCKET",
    "TABBY_*",
    "HYPER_*",
    "WARP_*",
    "WAVETERM*",
    "RIO_*",
    "CONTOUR_*",
    "GUAKE_*",
    "ASCIINEMA_*",
    "VSCODE_*",
    "ELECTRON_RUN_AS_NODE",
    "CHROME_DESKTOP",
    "GIO_LAUNCHED_DESKTOP_FILE*",
    "DESKTOP_STARTUP_ID",
    "XDG_ACTIVATION_TOKEN",
    "CURSOR_TRACE_ID",
    "ZED_*",
    "INSIDE_EMACS",
    "EMACS",
    "NVIM",
    "NVIM_LISTEN_ADDRESS",
    "VIM",
    "VIMRUNTIME",
    "MYVIMRC",
    "VIM_TERMINAL",
    "VIM_SERVERNAME",
    "INTELLIJ_*",
    "_INTELLIJ_*",
    "__INTELLIJ_*",
    "JEDITERM_*",
    "PYCHARM_*",
    "RANGER_LEVEL",
    "NNNLVL",
    // Multiplexers.
    "TMUX",
    "TMUX_PANE",
    "STY",
    "WINDOW",
    "ZELLIJ",
    "ZELLIJ_*",
    "DVTM",
    "DVTM_WINDOW_ID",
    "ABDUCO_SESSION",
    "ABDUCO_SOCKET",
    "DTACH_SOCKET",
    "BYOBU_*",
    "HERDR_*",
    // Agents.
    "CLAUDECODE",
    "CLAUDE_PID",
    "CLAUDE_ENV_FILE",
    "CLAUDE_PROJECT_DIR",
    "CLAUDE_PLUGIN_ROOT",
    "CLAUDE_PLUGIN_DATA",
    "CLAUDE_AGENT_SDK_VERSION",
    "CLAUDE_CODE_ENTRYPOINT",
    "CLAUDE_CODE_CHILD_SESSION",
    "CLAUDE_CODE_SESSION_*",
    "CLAUDE_CODE_SSE_PORT",
    "CLAUDE_CODE_EXECPATH",
    "CLAUDE_CODE_TMUX_*",
    "CLAUDE_CODE_AGENT",
    "CLAUDE_CODE_SUPERVISED",
    "CLAUDE_CODE_TASK_LIST_ID",
    "CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR",
    "CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR",
    "CLAUDE_CODE_WEBSOCKET_AUTH_FILE_DESCRIPTOR",
    "CODEX_SANDBOX*",
    "CODEX_THREAD_ID",
    "CODEX_CI",
    "CODEX_MANAGED_BY_*",
    "CODEX_INTERNAL_ORIGINATOR_OVERRIDE",
    "AI_AGENT",
    "AGENT",
    "GEMINI_CLI",
    "QWEN_CODE",
    "CURSOR_AGENT",
    "COPILOT_CLI",
    "OPENCODE",
    "OPENCODE_PID",
    "CLINE_ACTIVE",
    "GOOSE_TERMINAL",
    "AUGMENT_AGENT",
    // Service managers.
    "NOTIFY_SOCKET",
    "INVOCATION_ID",
    "JOURNAL_STREAM",
    "WATCHDOG_*",
    "LISTEN_*",
    "MANAGERPID*",
    "CODEPIPER_*",
];

/// By these, programs that somebody started inside an agent know it.
const OF_AGENTS: &[&str] = &[
    "CLAUDECODE",
    "CODEX_SANDBOX*",
    "CODEX_CI",
    "CODEX_THREAD_ID",
    "GEMINI_CLI",
    "CURSOR_AGENT",
    "OPENCODE",
    "AI_AGENT",
];

type Marks = &'static [&'static str];
type Values = &'static [(&'static str, &'static str)];

/// What people set, too, and what is taken away only beside a mark and with a value that goes with it: the value itself, or
/// the last name of a path.
const TAKEN_AWAY_WITH: &[(Marks, Values)] = &[
    // Agents set these for the commands that they run, so that these ask nothing and show no colours.
    (
        OF_AGENTS,
        &[
            ("GIT_EDITOR", "true"),
            ("EDITOR", "true"),
            ("PAGER", "cat"),
            ("GIT_PAGER", "cat"),
            ("GH_PAGER", "cat"),
            ("NO_COLOR", "1"),
            ("LANG", "C.UTF-8"),
            ("LC_ALL", "C.UTF-8"),
        ],
    ),
    // Scripts of VS Code and its kin, which ask a window that may be closed by then.
    (&["VSCODE_*"], &[("GIT_ASKPASS", "askpass.sh"), ("BROWSER", "browser.sh")]),
    (&["KITTY_*", "GHOSTTY_*"], &[("TERMINFO", "terminfo")]),
];

/// What programs inherit of the daemon's environment: all but what describes the daemon's own surroundings.
pub fn inherited(daemon: impl IntoIterator<Item = (OsString, OsString)>) -> Environment {
    let all = as_text(daemon);
    let marked = |marks: &[&str]| all.keys().any(|name| fits(name, marks));
    let with: Vec<(&str, &str)> = TAKEN_AWAY_WITH
        .iter()
        .filter(|(marks, _)| marked(marks))
        .flat_map(|(_, with)| with.iter().copied())
        .collect();
    let goes_with_a_mark = |name: &str, value: &str| {
        with.iter().any(|(other, wanted)| name == *other && value.rsplit('/').next() == Some(wanted))
    };
    let stays = |name: &str, value: &str| !fits(name, TAKEN_AWAY) && !goes_with_a_mark(name, value);
    let kept = all.iter().filter(|(name, value)| stays(name, value));
    kept.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// What the daemon knows: what programs inherit of it, and the names that the configuration adds to those of the caller.
#[derive(Default)]
pub struct Surroundings {
    pub inherited: Environment,
    more: Vec<String>,
}

impl Surroundings {
    pub fn new(daemon: impl IntoIterator<Item = (OsString, OsString)>, more: Vec<String>) -> Self {
        Self { inherited: inherited(daemon), more }
    }

    /// Divides what a caller gave: what the rule takes from every caller and can be written down, and what the configuration
    /// asks for, where secrets may be. The rest is left out.
    pub fn divide(&self, given: Environment) -> (Environment, Environment) {
        let (known, rest): (Environment, Environment) =
            given.into_iter().partition(|(name, _)| is_of_caller(name));
        (known, rest.into_iter().filter(|(name, _)| is_of_more(name, &self.more)).collect())
    }

    /// What a program inherits: of the daemon, but for what a caller has given.
    pub fn of_program(&self, known: Option<&Environment>, more: Option<&Environment>) -> Environment {
        let mut environment = self.inherited.clone();
        if let Some(theirs) = known {
            update(&mut environment, theirs, is_of_caller);
        }
        if let Some(theirs) = more {
            update(&mut environment, theirs, |name| !is_of_caller(name) && is_of_more(name, &self.more));
        }
        environment
    }
}

/// What comes from whoever starts or resumes a session; `more` are names of the configuration.
pub fn of_caller(caller: impl IntoIterator<Item = (OsString, OsString)>, more: &[String]) -> Environment {
    as_text(caller).into_iter().filter(|(name, _)| is_of_caller(name) || is_of_more(name, more)).collect()
}

/// Whether a variable comes from the caller by the rule, without the configuration.
pub fn is_of_caller(name: &str) -> bool {
    fits(name, OF_THE_CALLER) && !fits(name, TAKEN_AWAY)
}

/// Puts what the caller has in the place of what he has not.
pub fn update(environment: &mut Environment, theirs: &Environment, of_caller: impl Fn(&str) -> bool) {
    // A caller without one of these says nothing with that.
    let is_locale = |name: &str| fits(name, &["LANG", "LANGUAGE", "LC_*"]);
    let speaks = theirs.keys().any(|name| is_locale(name));
    let stays = |name: &str| name == "PATH" || is_locale(name) && !speaks;
    environment.retain(|name, _| stays(name) || !of_caller(name));
    let given = theirs.iter().filter(|(name, _)| of_caller(name));
    environment.extend(given.map(|(name, value)| (name.clone(), value.clone())));
}

/// Whether the configuration takes a variable from the caller. Marks only where it names them in full.
fn is_of_more(name: &str, more: &[String]) -> bool {
    more.iter().any(|wanted| wanted == name) || fits(name, more) && !fits(name, TAKEN_AWAY)
}

/// Whether a name is one of these, or begins as one that ends with `*`.
pub fn fits<S: AsRef<str>>(name: &str, names: &[S]) -> bool {
    names.iter().any(|wanted| match wanted.as_ref().strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => name == wanted.as_ref(),
    })
}

/// Variables as text. Without those that no shell can name, such as `=x`: nobody can be given them.
pub fn as_text(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Environment {
    let texts = variables.into_iter().map(|(name, value)| (os_text::encode(name), os_text::encode(value)));
    texts.filter(|(name, _)| !name.is_empty() && !name.contains('=')).collect()
}

#[cfg(test)]
mod tests;
