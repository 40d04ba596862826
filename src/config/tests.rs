use super::*;

#[test]
fn unknown_keys_name_the_key_and_the_line() {
    let error = Config::parse("[daemon]\nsocket = '/a'\nsokcet = '/b'\n").unwrap_err().to_string();
    assert!(error.contains("line 3") && error.contains("sokcet"), "{error}");
    let error = Config::parse("[daemon]\nsocket = 'a'\n").unwrap_err().to_string();
    assert!(error.contains("daemon.socket"), "{error}");
    let error = Config::parse("[journal]\nmax_mib = 1\n").unwrap_err().to_string();
    assert!(error.contains("journal.max_mib"), "{error}");
    assert_eq!(Config::parse("[journal]\nmax_days = 7\n").unwrap().journal.max_mib, 4096);
    assert_eq!(Config::parse("").unwrap().tmux.socket, None);
}

#[test]
fn the_guide_shows_every_key_as_it_can_be_written() {
    let guide = include_str!("../../docs/sessions.md");
    let example = guide.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let config = Config::parse(example).unwrap();
    assert!(config.daemon.socket.is_some() && config.tmux.socket.is_some());
    assert!(config.web.public_url.is_some() && config.web.tls_key.is_some());
    assert!(config.providers["other"].own.is_some() && config.providers["codex"].own.is_none());
}

#[test]
fn a_provider_that_cannot_be_is_named() {
    for (text, said) in [
        ("[providers.Aider]\ncommand = ['aider']\n", "lowercase"),
        ("[providers.x]\ncommand = []\n", "command needs a program"),
        ("[providers.x]\ncommand = ['x']\nquit = ['nokey']\n", "quit"),
        ("[providers.x]\ncommand = ['x']\n[[providers.x.signals]]\nmeans = 'idle'\n", "exactly one"),
        (
            "[providers.x]\ncommand = ['x']\n[[providers.x.signals]]\nscreen = '('\nmeans = 'idle'\n",
            "invalid regular expression",
        ),
    ] {
        let error = Config::parse(text).unwrap_err().to_string();
        assert!(error.contains(said) && error.contains("providers."), "{error}");
    }
}

#[test]
fn a_key_of_no_provider_is_named_with_its_line() {
    let error = Config::parse("[providers.x]\ncommand = ['x']\ncomand = ['x']\n").unwrap_err().to_string();
    assert!(error.starts_with("line 3: providers.x: unknown key 'comand'"), "{error}");
    let error = Config::parse("[providers.x]\ncommand = 1\n").unwrap_err().to_string();
    assert!(error.starts_with("line 2: "), "{error}");
    // Whether that is a switch of a built-in provider is not known here.
    let config = Config::parse("[providers.x]\nquick = true\n").unwrap();
    assert!(config.providers["x"].own.is_none() && config.providers["x"].others[0].key == "quick");
}

#[test]
fn what_comes_from_the_caller_are_names() {
    let parse = |names: &str| Config::parse(&format!("[sessions]\nupdate_environment = [{names}]\n"));
    assert_eq!(parse("'A', 'MY_*'").unwrap().sessions.update_environment, ["A", "MY_*"]);
    for wrong in ["''", "'A=b'", "'*A'"] {
        assert!(parse(wrong).unwrap_err().to_string().contains("sessions.update_environment"), "{wrong}");
    }
}

#[test]
fn what_goes_on_after_a_reboot_is_one_of_two_words() {
    let parse = |text: &str| Config::parse(text).map(|config| config.sessions.resume_after_reboot);
    assert_eq!(parse(""), Ok(AfterReboot::Agents));
    assert_eq!(parse("[sessions]\nresume_after_reboot = 'agents'\n"), Ok(AfterReboot::Agents));
    assert_eq!(parse("[sessions]\nresume_after_reboot = 'never'\n"), Ok(AfterReboot::Never));
    let error = parse("[sessions]\nresume_after_reboot = 'all'\n").unwrap_err().to_string();
    assert!(error.contains("line 2") && error.contains("`agents` or `never`"), "{error}");
}
