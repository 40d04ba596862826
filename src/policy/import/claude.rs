//! `permissions` of Claude Code's `settings.json`, as <https://code.claude.com/docs/en/permissions> describes them.

use serde_json::Value;
use url::Url;

use super::{Import, OPTIONS_LEFT_OUT, allowed, has_operators, plain_words, restricted, rule};
use crate::policy::input::{SHELL, is_shell};
use crate::policy::rule::{Action, RuleText};
use crate::policy::shell;

/// Tools that write files, all of which a rule for `Edit` is about.
const EDITORS: [&str; 3] = ["Edit", "MultiEdit", "Write"];
const ALL_EDITORS: [&str; 5] = ["Edit", "MultiEdit", "Write", "NotebookEdit", "apply_patch"];

/// Tools whose rules name files.
const FILE_TOOLS: [&str; 8] = ["Read", "Edit", "Write", "MultiEdit", "NotebookEdit", "Glob", "Grep", "LS"];

/// Reads the rules of a `settings.json`. `directory` is where its rules with a single leading slash begin: the
/// project's directory, or `~/.claude` for the user's own file.
pub fn claude(text: &str, name: &str, directory: Option<&str>) -> Result<Import, String> {
    let settings: Value =
        serde_json::from_str(text).map_err(|error| format!("this is not valid JSON: {error}"))?;
    let mut import = Import::new(name, "Imported from Claude Code's settings.json.");
    let permissions = match settings.get("permissions") {
        None => return Ok(import),
        Some(Value::Object(permissions)) => permissions,
        Some(_) => return Err("'permissions' is not an object".to_owned()),
    };
    for (field, value) in permissions {
        let action = match field.as_str() {
            "allow" => Action::Allow,
            "ask" => Action::Ask,
            "deny" => Action::Deny,
            field => {
                import.note(&format!("permissions.{field}"), false, "A policy has no such setting.");
                continue;
            }
        };
        let rules = value.as_array().ok_or_else(|| format!("'permissions.{field}' is not a list"))?;
        for rule in rules {
            match rule.as_str() {
                Some(text) => one(&mut import, action, text, directory),
                None => import.note(&rule.to_string(), false, "It is not a string."),
            }
        }
    }
    Ok(import)
}

fn one(import: &mut Import, action: Action, original: &str, directory: Option<&str>) {
    let text = original.trim();
    let (tool, detail) = match text.split_once('(') {
        Some((tool, rest)) => match rest.strip_suffix(')') {
            Some(detail) => (tool.trim(), Some(detail)),
            None => return import.note(original, false, "Its parenthesis is never closed."),
        },
        None => (text, None),
    };
    let everything = |detail: &&str| matches!(detail.trim(), "" | "*" | "**" | ":*");
    // Of a tool for files, `**` is everything below the directory of the settings.
    let below = detail.filter(|detail| FILE_TOOLS.contains(&tool) && matches!(detail.trim(), "*" | "**"));
    if let Some(detail) = below {
        paths(import, action, original, tool, detail, directory);
        if action == Action::Allow {
            return;
        }
    }
    let detail = detail.filter(|detail| !everything(detail));
    match (tool, detail) {
        ("", _) => import.note(original, false, "It names no tool."),
        (tool, None) => whole_tool(import, action, original, tool),
        (tool, Some(detail)) if is_shell(tool) => command(import, action, original, detail),
        (tool, Some(detail)) if FILE_TOOLS.contains(&tool) => {
            paths(import, action, original, tool, detail, directory);
        }
        ("WebFetch", Some(detail)) => domain(import, action, original, detail),
        ("Agent" | "Task", Some(detail)) => {
            let mut rule = rule(action, &["Agent", "Task"]);
            rule.args.insert("subagent_type".to_owned(), vec![detail.to_owned()]);
            import.add(original, rule);
        }
        (tool, Some(_)) => {
            if action == Action::Allow {
                return import.note(
                    original,
                    false,
                    &format!("CodePiper does not know what the parentheses of '{tool}' mean."),
                );
            }
            if import.add(original, rule(Action::Ask, &[tool])) {
                import.note(
                    original,
                    true,
                    "CodePiper does not know what the parentheses mean, so every use is asked about.",
                );
            }
        }
    }
}

fn whole_tool(import: &mut Import, action: Action, original: &str, tool: &str) {
    let server = tool.strip_prefix("mcp__").filter(|rest| !rest.contains("__"));
    match (server, action) {
        (Some(server), _) => {
            import.add(original, rule(action, &[tool, &format!("mcp__{server}__*")]));
        }
        (None, Action::Allow) if tool.contains('*') && !tool.starts_with("mcp__") => {
            import.note(original, false, "It would allow tools that do not exist yet.");
        }
        _ => {
            import.add(original, rule(action, &[if is_shell(tool) { SHELL } else { tool }]));
        }
    }
}

/// `Bash(…)`: exact, with `:*` or ` *` at the end a prefix, with other stars a pattern.
fn command(import: &mut Import, action: Action, original: &str, detail: &str) {
    let detail = detail.trim();
    let prefix = detail.strip_suffix(":*").or_else(|| detail.strip_suffix(" *"));
    let stem = prefix.unwrap_or(detail).trim_end();
    if has_operators(stem) {
        if action == Action::Allow {
            return import.note(
                original,
                false,
                "It is about more than one command; commands are decided one by one.",
            );
        }
        let mut rule = rule(action, &[SHELL]);
        rule.args.insert("command".to_owned(), vec![format!("*{}*", stem.trim_matches('*'))]);
        if import.add(original, rule) {
            import.note(
                original,
                true,
                "It is about more than one command, so only texts that look like it are matched.",
            );
        }
        return;
    }
    if action != Action::Allow {
        return restricted_command(import, action, original, stem);
    }
    let words = if stem.contains('*') {
        plain_words(stem)
    } else {
        let script = shell::read(stem);
        match (script.unreadable, script.parts.as_slice()) {
            (None, [part]) => part.words.iter().map(|word| escape(&word.text)).collect(),
            (unreadable, _) => {
                let why = unreadable.map_or("more than one command".to_owned(), |unreadable| unreadable.why);
                return import.note(
                    original,
                    false,
                    &format!("It cannot be read as one plain command: {why}."),
                );
            }
        }
    };
    // A star glued to the last word also lets more words follow.
    let open = prefix.is_some() || stem.ends_with('*');
    let words: Vec<Vec<String>> = words.into_iter().map(|word| vec![word]).collect();
    match allowed(&words, open) {
        Ok((command, told)) => {
            let mut rule = rule(action, &[SHELL]);
            rule.command = Some(command);
            if import.add(original, rule) && (open || stem.contains('*')) {
                told.into_iter().for_each(|why| import.note(original, true, why));
                import.note(original, true, OPTIONS_LEFT_OUT);
            }
        }
        Err(why) => import.note(original, false, &format!("{why}.")),
    }
}

fn restricted_command(import: &mut Import, action: Action, original: &str, stem: &str) {
    let words: Vec<Vec<String>> = plain_words(stem).into_iter().map(|word| vec![word]).collect();
    match restricted(&words) {
        Ok(command) => {
            let mut rule = rule(action, &[SHELL]);
            rule.command = Some(command);
            import.add(original, rule);
        }
        Err(why) => import.note(original, false, &format!("{why}.")),
    }
}

/// A word as a pattern that only it fits.
fn escape(word: &str) -> String {
    word.replace('\\', "\\\\").replace('*', "\\*").replace('?', "\\?")
}

fn paths(
    import: &mut Import,
    action: Action,
    original: &str,
    tool: &str,
    detail: &str,
    directory: Option<&str>,
) {
    let consulted = matches!(tool, "Read" | "Edit");
    if !consulted && action == Action::Allow {
        let why =
            format!("Claude Code never consults a path rule for '{tool}'; it only does for Read and Edit.");
        return import.note(original, false, &why);
    }
    let patterns = match path_patterns(detail.trim(), action, directory) {
        Ok(patterns) => patterns,
        Err(why) => return import.note(original, false, &why),
    };
    let reads = matches!(tool, "Read" | "Glob" | "Grep" | "LS");
    if action == Action::Allow {
        let mut rule = if reads { rule(action, &["Read"]) } else { rule(action, &EDITORS) };
        rule.args.insert("file_path".to_owned(), patterns.clone());
        if import.add(original, rule) && !reads {
            protect(import, original, &patterns);
        }
        return;
    }
    let with_paths = |mut rule: RuleText| {
        rule.paths.clone_from(&patterns);
        rule
    };
    let carried = if reads {
        import.add(original, with_paths(RuleText::new(action)))
    } else {
        import.add(original, with_paths(rule(action, &ALL_EDITORS)))
            && import.add(original, with_paths(rule(action, &[SHELL])))
    };
    if carried && !consulted {
        let why = format!("Claude Code never consults a path rule for '{tool}'. Here it holds.");
        import.note(original, true, &why);
    } else if carried {
        let why = "It holds for every tool, and for shell commands that name such a path. A program that \
                   finds the file by itself is not stopped.";
        import.note(original, true, why);
    }
}

/// Directories and files that Claude Code's own rules never let it write without a question.
const PROTECTED: [&str; 20] = [
    ".git/**",
    ".claude/**",
    ".vscode/**",
    ".idea/**",
    ".husky/**",
    ".githooks/**",
    ".github/**",
    ".mcp.json",
    ".claude.json",
    ".gitmodules",
    ".gitconfig",
    ".envrc",
    ".npmrc",
    ".yarnrc*",
    ".bashrc",
    ".bash_profile",
    ".profile",
    ".ripgreprc",
    ".zprofile",
    ".zshrc",
];

/// Asks about those, once: in the project, or everywhere if what may be edited lies elsewhere. A project may itself lie
/// in such a directory, as a worktree in `.claude` does.
fn protect(import: &mut Import, original: &str, edited: &[String]) {
    let inside = edited.iter().all(|pattern| pattern.starts_with("./"));
    let mut ask = rule(Action::Ask, &ALL_EDITORS);
    ask.paths = PROTECTED.map(|name| format!("{}/**/{name}", if inside { "." } else { "" })).to_vec();
    ask.reason = Some("such a file makes other programs run something later".to_owned());
    if import.policy.rules.iter().all(|known| known.text != ask) && import.add(original, ask) {
        let why = "Files that make other programs run something, such as those in .git and .claude, are asked about.";
        import.note(original, true, why);
    }
}

/// Their patterns are gitignore's: `//x` from the root, `/x` from the settings' directory, without a slash at any depth.
fn path_patterns(detail: &str, action: Action, directory: Option<&str>) -> Result<Vec<String>, String> {
    let deny = action != Action::Allow;
    if detail.starts_with('!') || detail.contains('[') && !deny {
        return Err("Negated patterns and character sets are not supported here.".to_owned());
    }
    let detail = classes_as_one(detail);
    let detail = if detail.ends_with('/') { format!("{detail}**") } else { detail };
    let mut found = Vec::new();
    if let Some(rest) = detail.strip_prefix("//") {
        found.push(format!("/{rest}"));
    } else if matches!(detail.as_str(), "*" | "**") {
        found.push(format!("./{detail}"));
    } else if detail.starts_with("~/") {
        found.push(detail.clone());
    } else if let Some(rest) = detail.strip_prefix('/') {
        found.extend(directory.map(|directory| format!("{}/{rest}", directory.trim_end_matches('/'))));
        if deny {
            found.extend([format!("/{rest}"), format!("./{rest}")]);
        } else if found.is_empty() {
            return Err("It begins at the directory of the settings, which is not known.".to_owned());
        }
    } else {
        let rest = detail.strip_prefix("./").unwrap_or(&detail);
        let anchored = rest.trim_end_matches("/**").contains('/');
        match rest.strip_prefix("**/") {
            Some(tail) if deny => found.push(format!("/**/{tail}")),
            _ if anchored || detail.starts_with("./") || rest.ends_with("/**") => {
                found.push(format!("./{rest}"))
            }
            _ => found.push(format!("./**/{rest}")),
        }
    }
    if deny {
        // What matches a directory matches what is in it.
        let below: Vec<String> = found
            .iter()
            .filter(|pattern| !pattern.ends_with("**"))
            .map(|pattern| format!("{pattern}/**"))
            .collect();
        found.extend(below);
    }
    Ok(found)
}

fn classes_as_one(pattern: &str) -> String {
    let mut simple = String::new();
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once('[') {
        simple.push_str(before);
        let Some((_, tail)) = after.split_once(']') else {
            rest = after;
            continue;
        };
        simple.push('?');
        rest = tail;
    }
    simple + rest
}

fn domain(import: &mut Import, action: Action, original: &str, detail: &str) {
    let Some(domain) = detail.strip_prefix("domain:").map(str::trim) else {
        return import.note(original, false, "Only 'domain:' is supported here.");
    };
    let plain = domain.chars().all(|letter| letter.is_ascii_alphanumeric() || ".-".contains(letter));
    let patterns = match (action, plain && !domain.is_empty()) {
        (Action::Allow, true) => vec![format!("https://{domain}"), format!("https://{domain}/*")],
        (Action::Allow, false) => {
            return import.note(original, false, "Only a plain host name can be allowed.");
        }
        // An address may spell it in letters of another alphabet or in those of the network.
        _ => match Url::parse(&format!("https://{domain}/")) {
            Ok(url) => [domain, url.host_str().unwrap_or(domain)].map(|name| format!("*{name}*")).to_vec(),
            Err(_) => vec![format!("*{domain}*")],
        },
    };
    let mut rule = rule(action, &["WebFetch"]);
    rule.args.insert("url".to_owned(), patterns);
    if import.add(original, rule) && action == Action::Allow {
        import.note(original, true, "Only https:// and exactly this host, without a port.");
    }
}
