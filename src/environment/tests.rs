use std::os::unix::ffi::OsStringExt;

use super::*;

fn variables(text: &str) -> Vec<(OsString, OsString)> {
    let pairs = text.split_whitespace().filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name.into(), value.into())).collect()
}

fn names(environment: &Environment) -> Vec<&str> {
    environment.keys().map(String::as_str).collect()
}

#[test]
fn settings_stay_and_marks_go() {
    let daemon = "HOME=/h PATH=/bin CLAUDE_CONFIG_DIR=/c CLAUDE_CODE_OAUTH_TOKEN=t CLAUDE_CODE_USE_BEDROCK=1 \
                  CODEX_HOME=/x TMUX_TMPDIR=/t NO_COLOR=1 EDITOR=vi PWD=/d OLDPWD=/e CLAUDECODE=1 \
                  CLAUDE_CODE_ENTRYPOINT=cli CLAUDE_CODE_SESSION_ID=s CODEX_SANDBOX_NETWORK_DISABLED=1 TMUX=/t,1,0 \
                  KITTY_WINDOW_ID=3 VSCODE_IPC_HOOK_CLI=/s GIT_DIR=/g LC_TERMINAL=iTerm2 CODEPIPER_SOCKET=/s LANG=de";
    let left = inherited(variables(daemon));
    let stays = [
        "CLAUDE_CODE_OAUTH_TOKEN",
        "CLAUDE_CODE_USE_BEDROCK",
        "CLAUDE_CONFIG_DIR",
        "CODEX_HOME",
        "EDITOR",
        "HOME",
        "LANG",
        "PATH",
        "TMUX_TMPDIR",
    ];
    assert_eq!(names(&left), stays);
}

#[test]
fn what_an_agent_sets_for_its_commands_goes_only_with_it() {
    let set = "GIT_EDITOR=true PAGER=cat NO_COLOR=1 GIT_PAGER=less";
    assert_eq!(inherited(variables(set)).len(), 4);
    assert_eq!(names(&inherited(variables(&format!("{set} CLAUDECODE=1")))), ["GIT_PAGER"]);
    assert_eq!(inherited(variables(&format!("{set} CODEX_HOME=/x"))).len(), 5);
}

#[test]
fn what_a_terminal_an_editor_or_make_sets_goes_with_it() {
    let marks = [
        "VSCODE_INJECTION=1 GIT_ASKPASS=/usr/share/code/resources/app/extensions/git/dist/askpass.sh \
         BROWSER=/home/me/.vscode-server/bin/helpers/browser.sh",
        "TERMINAL_EMULATOR=JetBrains-JediTerm __INTELLIJ_COMMAND_HISTFILE__=/x _INTELLIJ_FORCE_PREPEND_PATH=/x: \
         INTELLIJ_TERMINAL_COMMAND_BLOCKS=1 PYCHARM_HOSTED=1",
        "KITTY_PID=1 TERMINFO=/usr/lib/kitty/terminfo",
        "GHOSTTY_BIN_DIR=/usr/bin GHOSTTY_RESOURCES_DIR=/usr/share/ghostty TERMINFO=/usr/share/terminfo",
        "WEZTERM_PANE=0 WEZTERM_UNIX_SOCKET=/x WEZTERM_EXECUTABLE=/x",
        "STY=1.x WINDOW=0 TERMCAP=x ZELLIJ=0 ZELLIJ_PANE_ID=1 TMUX=x TMUX_PANE=%1",
        "MAKEFLAGS=PORT=8080 MAKEOVERRIDES=x MAKELEVEL=1 MFLAGS=-w",
        "CARGO_MANIFEST_DIR=/x CARGO_PKG_NAME=x npm_config_local_prefix=/x npm_command=run-script",
    ];
    for marks in marks {
        assert_eq!(names(&inherited(variables(marks))), [""; 0], "{marks}");
    }
    let own = "BROWSER=firefox EDITOR=vi GIT_ASKPASS=/own/ask TERMINFO=/own TERMINFO_DIRS=/own/terminfo CARGO_HOME=/own";
    assert_eq!(inherited(variables(&format!("{own} VSCODE_PID=1 KITTY_PID=1"))), as_text(variables(own)));
    let alone = "BROWSER=/own/browser.sh GIT_ASKPASS=/own/askpass.sh TERMINFO=/own/terminfo";
    assert_eq!(inherited(variables(alone)), as_text(variables(alone)));
}

#[test]
fn a_name_that_cannot_be_is_left_out() {
    let pairs = [("=x", "1"), ("", "1"), ("A", "=1"), ("BASH_FUNC_f%%", "() { :; }")];
    let left = inherited(pairs.map(|(name, value)| (name.into(), value.into())));
    assert_eq!(names(&left), ["A", "BASH_FUNC_f%%"]);
}

#[test]
fn the_caller_counts_with_what_he_has_and_what_he_has_not() {
    let mut environment =
        inherited(variables("PATH=/bin SSH_AUTH_SOCK=/dead DISPLAY=:0 LC_ALL=C HOME=/h A=1 TOKEN=d"));
    let more = ["TOKEN".to_owned(), "MY_*".to_owned()];
    let theirs = of_caller(
        variables("PATH=/own SSH_AUTH_SOCK=/new LANG=de_DE.UTF-8 LC_TERMINAL=iTerm2 A=2 TOKEN=t MY_ONE=1"),
        &more,
    );
    assert_eq!(names(&theirs), ["LANG", "MY_ONE", "PATH", "SSH_AUTH_SOCK", "TOKEN"]);
    update(&mut environment, &theirs, |name| is_of_caller(name) || is_of_more(name, &more));
    let wanted = variables("A=1 HOME=/h LANG=de_DE.UTF-8 MY_ONE=1 PATH=/own SSH_AUTH_SOCK=/new TOKEN=t");
    assert_eq!(environment, as_text(wanted));
    assert!(is_of_more("GPG_TTY", &["GPG_TTY".to_owned()]) && !is_of_more("PWD", &["*".to_owned()]));
    update(&mut environment, &Environment::new(), is_of_caller);
    assert_eq!(names(&environment), ["A", "HOME", "LANG", "MY_ONE", "PATH", "TOKEN"]);
}

#[test]
fn bytes_stay_bytes_in_names_and_values() {
    let pair = (OsString::from_vec(b"N\xff".into()), OsString::from_vec(b"/srv/caf\xe9".into()));
    let left = inherited([pair.clone()]);
    let back: Vec<_> =
        left.iter().map(|(name, value)| (os_text::decode(name), os_text::decode(value))).collect();
    assert_eq!(back, [pair]);
}
