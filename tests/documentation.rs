//! What the documentation shows can be typed, what it names is there, and its numbers are those of the code.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use codepiper_protocol::wire::session::WaitingFor;
use regex::Regex;

use crate::agents::{Bed, CLAUDE_CODE};
use crate::harness::{CODEPIPER, Home};

/// The commands of the shell blocks in a page; a line that ends with `\\` goes on.
fn commands(page: &str) -> Vec<String> {
    let blocks = page.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let joined = blocks.map(|block| block.replace("\\\n", " ")).collect::<Vec<_>>().concat();
    joined.lines().map(str::to_owned).collect()
}

#[test]
fn the_examples_of_the_api_run() {
    let home = Home::running();
    let commands = commands(include_str!("../docs/api.md"));
    assert!(commands.len() > 10, "{commands:?}");
    for command in commands {
        assert!(command.starts_with("curl --unix-socket /tmp/codepiper.sock "), "{command}");
        let script = command
            .replace("/tmp/codepiper.sock", home.socket().to_str().unwrap())
            .replace("curl ", "curl --silent --show-error --fail-with-body ");
        let done = Command::new("bash").args(["-c", &script]).output().unwrap();
        let said = String::from_utf8_lossy(&done.stdout);
        assert!(done.status.success(), "{command}\n{said}{}", String::from_utf8_lossy(&done.stderr));
    }
    assert!(home.sessions().is_empty(), "the last example forgets the session of the first");
}

/// The commands of a section's blocks, each with what it is said to print.
fn transcript(section: &str) -> Vec<(String, String)> {
    let mut said: Vec<(String, String)> = Vec::new();
    let mut inside = false;
    for line in section.lines() {
        let block = line.strip_prefix("    ");
        match block.and_then(|line| line.strip_prefix("$ ")) {
            Some(command) => {
                let command = command.split("  #").next().unwrap();
                said.push((command.trim_end().to_owned(), String::new()));
                inside = true;
            }
            None if inside && (block.is_some() || line.is_empty()) => {
                let output = &mut said.last_mut().unwrap().1;
                *output += block.unwrap_or_default();
                output.push('\n');
            }
            None => inside = false,
        }
    }
    said
}

/// Without what differs from run to run: ids, ages, how far columns are apart.
fn masked(text: &str) -> String {
    let id = Regex::new(r"\b[0-9a-f]{8}\b").unwrap();
    let age = Regex::new(r"\b\d+s\b").unwrap();
    let text = age.replace_all(&id.replace_all(text, "ID"), "AGE").into_owned();
    let lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

/// With the real Claude Code; only the prompt is one that the scripted model knows.
#[test]
fn the_first_session_of_the_readme_is_what_is_printed() {
    let readme = include_str!("../README.md");
    let section = readme.split("## A first session\n").nth(1).unwrap().split("\n##").next().unwrap();
    let bed = Bed::new(&CLAUDE_CODE);
    let run = |script: &str| {
        let ours = Path::new(CODEPIPER).parent().unwrap().display();
        let script = format!("exec 2>&1; PATH={ours}:$PATH; {script}");
        let mut bash = Command::new("bash");
        let environment = bed.home.command(["sessions"]);
        let environment = environment.get_envs().filter_map(|(name, value)| Some((name, value?)));
        let done = bash.args(["-c", &script]).env_clear().envs(environment).output().unwrap();
        let printed = String::from_utf8_lossy(&done.stdout).into_owned();
        assert!(done.status.success(), "{script}: {printed}");
        printed
    };
    let project = bed.project.to_str().unwrap();
    let short_id = Regex::new(r"\b[0-9a-f]{8}\b").unwrap();
    let (mut id, mut compared) = (String::new(), 0);
    for (command, shown) in transcript(section) {
        // The daemon runs already; what follows never ends.
        if command.contains("daemon --detach") || command.contains("attach ") || command.contains("--follow")
        {
            continue;
        }
        if command == "codepiper sessions" {
            // The state file may say that it waits before a hook says for what.
            bed.home.until(&bed.home.session(&id), "it waits for a permission", |session| {
                session.waiting_for == Some(WaitingFor::Permission)
            });
        }
        let script = command
            .replace("a4af9d64", &id)
            .replace("~/projects/my-app", project)
            .replace("start -p claude-code", "start -p claude-code --billing api")
            .replace("write the release notes", "run: touch notes.txt");
        let printed = run(&script)
            .replace(project, "~/projects/my-app")
            .replace("access to project/", "access to my-app/")
            .replace("Scripted command", "Make a file for the notes")
            .replace("master", "main");
        if command.starts_with("codepiper start ") {
            id = short_id.find(&printed).unwrap().as_str().to_owned();
        }
        if !shown.trim().is_empty() {
            assert_eq!(masked(&printed), masked(&shown), "{command}");
            compared += 1;
        }
    }
    assert!(compared >= 6, "{compared} outputs were compared");
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The pages, by their names.
fn pages() -> Vec<(PathBuf, String)> {
    let docs = fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let pages = docs.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    let above = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(|name| root().join(name));
    pages.chain(above).map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

#[test]
fn what_the_pages_link_to_is_there() {
    let link = Regex::new(r"\]\(([^)]+)\)").unwrap();
    let heading = Regex::new(r"(?m)^#+ (.*)$").unwrap();
    let mut broken = Vec::new();
    for (path, page) in pages() {
        for (_, [target]) in link.captures_iter(&page).map(|found| found.extract()) {
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let file = if file.is_empty() { path.clone() } else { path.parent().unwrap().join(file) };
            let is_anchor = |text: &str| heading.captures_iter(text).any(|found| slug(&found[1]) == anchor);
            let there = match anchor {
                "" => file.exists(),
                _ => fs::read_to_string(&file).is_ok_and(|text| is_anchor(&text)),
            };
            if !target.starts_with("http") && !there {
                broken.push(format!("{}: {target}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

/// How a heading is named in a link.
fn slug(heading: &str) -> String {
    let kept = |letter: &char| letter.is_alphanumeric() || "-_ ".contains(*letter);
    heading.to_lowercase().chars().filter(kept).collect::<String>().replace(' ', "-")
}

#[test]
fn what_the_pages_name_is_there() {
    const FOLDERS: [&str; 8] =
        ["src/", "protocol/", "tests/", "fixtures/", "benches/", "docs/", "static/", ".ci/"];
    let span = Regex::new(r"`([^`\n]+)`").unwrap();
    let path = Regex::new(r"^[\w./-]+$").unwrap();
    let inside = Regex::new(r"`(\w+)`(?: \w+)? in `([\w./-]+\.\w+)`").unwrap();
    let mut missing = Vec::new();
    for (page, text) in pages() {
        for (_, [name]) in span.captures_iter(&text).map(|found| found.extract()) {
            let is_ours = FOLDERS.iter().any(|folder| name.starts_with(folder)) || name.ends_with(".rs");
            let bases = ["", "src", "protocol/src", "static"].map(|base| root().join(base).join(name));
            if is_ours && path.is_match(name) && !bases.iter().any(|path| path.exists()) {
                missing.push(format!("{}: {name}", page.display()));
            }
        }
        for (_, [word, file]) in inside.captures_iter(&text).map(|found| found.extract()) {
            if !fs::read_to_string(root().join(file)).is_ok_and(|source| source.contains(word)) {
                missing.push(format!("{}: {word} in {file}", page.display()));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

/// The value of a constant of plain numbers, in its own unit: `4 << 20`, `64 * 1024`, `Duration::from_secs(5)`.
fn constant(file: &str, name: &str) -> u64 {
    let source = fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    let found = Regex::new(&format!(r"const {name}: [^=]+ = ([^;]+);")).unwrap();
    let found = found.captures(&source).unwrap_or_else(|| panic!("no {name} in {file}"));
    let value = found[1].replace('_', "");
    let value = value.rsplit_once('(').map_or(value.as_str(), |(_, rest)| rest.trim_end_matches(')'));
    let number = |text: &str| text.trim().parse::<u64>().unwrap_or_else(|_| panic!("{name} is {text}"));
    match value.split_once("<<") {
        Some((left, right)) => number(left) << number(right),
        None => value.split('*').map(number).product(),
    }
}

/// As a page writes it: with commas, or in the largest unit that fits.
fn written(value: u64, unit: &str) -> String {
    match unit {
        "bytes" if value.is_multiple_of(1 << 20) => format!("{} MiB", value >> 20),
        "bytes" if value.is_multiple_of(1 << 10) => format!("{} KiB", value >> 10),
        _ if value >= 1000 => format!("{},{:03}", value / 1000, value % 1000),
        _ => format!("{value}{}{unit}", if unit.is_empty() { "" } else { " " }),
    }
}

/// Where a number stands: in a line of the page that has these words, too.
const NUMBERS: [(&str, &str, &str, &str, &str); 31] = [
    (
        "docs/architecture.md",
        "a checkpoint in the journal",
        "src/terminal/screens/model.rs",
        "CHECKPOINT_EVERY",
        "bytes",
    ),
    (
        "docs/architecture.md",
        "from the last checkpoint",
        "src/terminal/screens/model.rs",
        "CHECKPOINT_EVERY",
        "bytes",
    ),
    ("docs/architecture.md", "| the screens |", "src/terminal/screens.rs", "QUEUE_LIMIT", "bytes"),
    ("docs/architecture.md", "short_way.rs", "src/api/stream/short_way.rs", "LONGEST", "bytes"),
    ("docs/architecture.md", "with few processors", "src/tmux/connection/reading.rs", "SETTLE_AT", "bytes"),
    ("docs/architecture.md", "| a viewer |", "protocol/src/wire/stream.rs", "WINDOW", "bytes"),
    (
        "docs/architecture.md",
        "It follows the segment when",
        "src/journal/disk/writer.rs",
        "FOLLOW_EVERY",
        "bytes",
    ),
    ("docs/architecture.md", "**One writer.**", "src/journal/disk/writer.rs", "ENOUGH", "bytes"),
    ("docs/architecture.md", "**Synced.**", "src/journal/disk/writer.rs", "SUMMARY_EVERY", "s"),
    ("docs/architecture.md", "**Idle.**", "src/journal/disk/generation.rs", "READ_IDLE", "s"),
    ("docs/architecture.md", "No needless opening", "src/journal/disk/space.rs", "OPENING", "bytes"),
    ("docs/architecture.md", "recent output in memory", "src/bus.rs", "RING_PER_SESSION", "bytes"),
    ("docs/architecture.md", "recent output in memory", "src/bus.rs", "RING_TOTAL", "bytes"),
    ("docs/architecture.md", "sent at once", "protocol/src/wire/input.rs", "MAX_TEXT", "bytes"),
    ("docs/architecture.md", "| hook payload |", "protocol/src/hook.rs", "MAX_PAYLOAD", "bytes"),
    ("docs/architecture.md", "known to be shims", "src/session/launch/visitors.rs", "STRANGERS", ""),
    ("docs/architecture.md", "there, one process", "src/session/launch/visitors.rs", "OF_PROCESS", ""),
    ("docs/architecture.md", "there, one process", "src/session/launch/shims.rs", "MESSAGE_LIMIT", "s"),
    ("docs/architecture.md", "spool of hooks |", "src/hook/spool.rs", "MOST_HOOKS", ""),
    ("docs/architecture.md", "spool of hooks |", "src/hook/spool.rs", "MOST_BYTES", "bytes"),
    ("docs/architecture.md", "| transcript line |", "src/transcript/file.rs", "LONGEST_LINE", "bytes"),
    ("docs/architecture.md", "| socket path |", "src/paths.rs", "SOCKET_PATH_MAX", "bytes"),
    ("docs/api.md", "Request headers must arrive", "src/api/server.rs", "HEADER_LIMIT", "s"),
    ("docs/api.md", "Request headers must arrive", "src/api/server.rs", "LONGEST_HEAD", "bytes"),
    ("docs/api.md", "Request headers must arrive", "src/api/server.rs", "BODY_LIMIT", "s"),
    ("docs/api.md", "Request headers must arrive", "src/api/server.rs", "STRANGERS_BODY", "bytes"),
    ("docs/api.md", "Request headers must arrive", "protocol/src/wire/input.rs", "MAX_IMAGE", "bytes"),
    ("docs/api.md", "A message may have up to", "src/api/stream/input.rs", "LONGEST_TEXT", "bytes"),
    ("docs/api.md", "A message may have up to", "src/api/stream/input.rs", "LONGEST_BINARY", "bytes"),
    ("docs/api.md", "POST /api/sessions/{ref}/images", "protocol/src/wire/input.rs", "MAX_IMAGE", "bytes"),
    ("docs/dashboard.md", "PNG, JPEG, GIF and WebP", "protocol/src/wire/input.rs", "MAX_IMAGE", "bytes"),
];

#[test]
fn the_numbers_of_the_pages_are_those_of_the_code() {
    let mut wrong = Vec::new();
    for (page, near, file, name, unit) in NUMBERS {
        let text = fs::read_to_string(root().join(page)).unwrap();
        let value = written(constant(file, name), unit);
        // A sentence may go on in the next line.
        let lines: Vec<&str> = text.lines().chain([""]).collect();
        let mut places = lines.windows(2).filter(|pair| pair[0].contains(near));
        if !places.any(|pair| pair[0].contains(&value) || pair[1].contains(&value)) {
            wrong.push(format!("{page}, where it says '{near}': {name} in {file} is {value}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_limits_in_help_texts_are_those_of_the_code() {
    let home = Home::new();
    for (verb, near, file, name) in [
        ("send", "stdin", "protocol/src/wire/input.rs", "MAX_TEXT"),
        ("send", "PNG, JPEG, GIF", "protocol/src/wire/input.rs", "MAX_IMAGE"),
    ] {
        let help = home.ok([verb, "--help"]).split_whitespace().collect::<Vec<_>>().join(" ");
        let value = written(constant(file, name), "bytes");
        assert!(help.contains(near) && help.contains(&value), "{verb}: {value}: {help}");
    }
}
