//! The arguments behind `--`, and which of them would collide with those that a program is given anyway.

/// What people are told of them, and what is made of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arguments {
    pub label: &'static str,
    pub hint: &'static str,
    /// Flags that name the model: it is a setting of the session.
    pub model: &'static [&'static str],
    /// Flags that name the permission mode, and modes that are never restored: only whoever starts it chooses them.
    pub mode: &'static [&'static str],
    pub risky_modes: &'static [&'static str],
    /// The mode in which its agent asks, so that a policy's allow and ask hold.
    pub asking_mode: Option<&'static str>,
    /// Flags that are refused, and what to do instead.
    pub refused: &'static [(&'static [&'static str], &'static str)],
    /// A word in the place of a flag would be a prompt or a command of the program, at every resume again.
    pub only_flags: bool,
}

impl Arguments {
    /// They are added to those that the program is given anyway.
    pub const EXTRA: Self = Self::named("Extra arguments", "passed to the agent");

    /// Whatever they are, they are passed.
    pub const fn named(label: &'static str, hint: &'static str) -> Self {
        Self {
            label,
            hint,
            model: &[],
            mode: &[],
            risky_modes: &[],
            asking_mode: None,
            refused: &[],
            only_flags: false,
        }
    }

    /// The arguments without the model and the permission mode, and these.
    ///
    /// # Errors
    /// Why one of them cannot be passed.
    pub fn take(&self, args: &[String]) -> Result<Taken, String> {
        if self.only_flags && args.first().is_some_and(|first| !first.starts_with('-')) {
            return Err(format!(
                "'{}' would be a prompt or a command at every resume; give it as the first prompt instead",
                args[0].escape_debug()
            ));
        }
        let mut taken = Taken::default();
        let mut rest = args.iter();
        while let Some(arg) = rest.next() {
            let (flag, value) = match arg.split_once('=') {
                Some((flag, value)) if arg.starts_with("--") => (flag, Some(value.to_owned())),
                _ => (arg.as_str(), None),
            };
            if self.only_flags && flag == "--" {
                return Err(
                    "what follows `--` would be a prompt at every resume; give it as the first prompt instead"
                        .to_owned(),
                );
            }
            if let Some((_, instead)) = self.refused.iter().find(|(flags, _)| flags.contains(&flag)) {
                return Err(format!("{flag} cannot be passed: {instead}"));
            }
            let (what, place) = if self.model.contains(&flag) {
                ("model", &mut taken.model)
            } else if self.mode.contains(&flag) {
                ("permission mode", &mut taken.permission_mode)
            } else {
                taken.left.push(arg.clone());
                continue;
            };
            let named = value.or_else(|| rest.next().cloned());
            let named = named.ok_or_else(|| format!("{flag} needs a {what}"))?;
            if place.replace(named).is_some() {
                return Err(format!("the {what} is given twice"));
            }
        }
        Ok(taken)
    }

    /// The permission mode to begin with: the one that the agent was in last, or that its arguments name.
    pub fn mode_to_begin_with(&self, last: Option<&str>, given: Option<String>) -> Option<String> {
        match last {
            Some(mode) if !self.risky_modes.contains(&mode) => Some(mode.to_owned()),
            _ => given,
        }
    }
}

/// What stands behind `--`, divided.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Taken {
    pub left: Vec<String>,
    pub model: Option<String>,
    pub permission_mode: Option<String>,
}

#[cfg(test)]
mod tests {
    use crate::provider::Providers;

    #[test]
    fn what_would_collide_is_merged_or_refused() {
        let take = |provider: &str, args: &str| {
            let args: Vec<String> = args.split_whitespace().map(str::to_owned).collect();
            let taken = Providers::built_in().find(provider).unwrap().arguments.take(&args);
            taken.map(|taken| (taken.left.join(" "), taken.model))
        };
        let model = |name: &str| Some(name.to_owned());
        assert_eq!(take("claude-code", "--model opus --verbose"), Ok(("--verbose".into(), model("opus"))));
        assert_eq!(
            take("claude-code", "--effort high --model=opus"),
            Ok(("--effort high".into(), model("opus")))
        );
        assert_eq!(take("codex", "-m gpt-6 -s read-only"), Ok(("-s read-only".into(), model("gpt-6"))));
        assert_eq!(take("codex", "-c model=x"), Ok(("-c model=x".into(), None)));
        assert_eq!(take("shell", "vim --model x -- y"), Ok(("vim --model x -- y".into(), None)));
        for (provider, args, said) in [
            ("claude-code", "--continue", "its own conversation"),
            ("claude-code", "--verbose -r 59d90e52", "its own conversation"),
            ("claude-code", "--settings=/tmp/x", "settings.local.json"),
            ("claude-code", "--session-id x", "--session-id cannot be passed"),
            ("claude-code", "mcp list", "'mcp' would be a prompt or a command"),
            ("claude-code", "--verbose -- do it", "give it as the first prompt"),
            ("claude-code", "--bg", "its terminal"),
            ("claude-code", "--model a --model b", "given twice"),
            ("claude-code", "--model", "needs a model"),
            ("claude-code", "--permission-mode", "needs a permission mode"),
            ("codex", "resume --last", "'resume' would be"),
        ] {
            let refused = take(provider, args).unwrap_err();
            assert!(refused.contains(said), "{args}: {refused}");
        }
    }

    #[test]
    fn the_mode_that_an_agent_was_in_is_kept_unless_it_is_a_risk() {
        let arguments = Providers::built_in().find("claude-code").unwrap().arguments;
        let begins = |last: Option<&str>, args: &[&str]| {
            let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
            let taken = arguments.take(&args).unwrap();
            assert_eq!(taken.left, Vec::<String>::new());
            arguments.mode_to_begin_with(last, taken.permission_mode)
        };
        let mode = |name: &str| Some(name.to_owned());
        assert_eq!(begins(None, &[]), None);
        assert_eq!(begins(None, &["--permission-mode=plan"]), mode("plan"));
        assert_eq!(begins(Some("acceptEdits"), &["--permission-mode", "plan"]), mode("acceptEdits"));
        assert_eq!(begins(Some("bypassPermissions"), &[]), None);
        assert_eq!(begins(Some("bypassPermissions"), &["--permission-mode", "plan"]), mode("plan"));
    }
}
