//! What git says about a session's directory, staging, comments: by the command line and the API.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use codepiper_protocol::wire::git::{FileDiff, GitDiff, GitLog, GitStatus};
use codepiper_protocol::wire::review::{CommentState, Review};
use codepiper_protocol::wire::session::Session;
use serde_json::{Value, json};

use crate::agents::{Bed, CLAUDE_CODE};
use crate::harness::{CODEPIPER, Home, eventually};
use crate::worktrees::git;

pub(crate) fn numbers(change: impl Fn(u32) -> Option<&'static str>) -> String {
    (1..=40)
        .map(|number| change(number).map_or(format!("line {number}\n"), |text| format!("{text}\n")))
        .collect()
}

/// A repository with one commit, and a session in it.
pub(crate) fn repository(home: &Home) -> (PathBuf, Session) {
    let dir = home.path("repo");
    fs::create_dir(&dir).unwrap();
    git(&dir, &["init", "-q", "-b", "main"]);
    git(&dir, &["config", "user.name", "x"]);
    git(&dir, &["config", "user.email", "x@example.org"]);
    fs::write(dir.join("f"), numbers(|_| None)).unwrap();
    git(&dir, &["add", "-A"]);
    git(&dir, &["commit", "-qm", "first"]);
    let session = home.start_with(&["-d", dir.to_str().unwrap(), "--name", "work"], &["sleep", "1000"]);
    // What is there when it begins is recorded beside it.
    eventually("the beginning is known", || {
        git(&dir, &["for-each-ref", "refs/codepiper/start"]).contains(&session.id.to_string()).then_some(())
    });
    (dir, session)
}

/// A request; its status and its answer.
pub(crate) fn api(home: &Home, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "-w", "\n%{http_code}", "-X", method, "--unix-socket"]);
    command.arg(home.socket()).arg(format!("http://localhost/api/sessions/work/{path}"));
    if let Some(body) = body {
        command.args(["--json", &body.to_string()]);
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let (body, status) = text.rsplit_once('\n').unwrap();
    (status.parse().unwrap(), serde_json::from_str(body).unwrap_or(Value::Null))
}

fn file(home: &Home, base: &str, to: &str) -> FileDiff {
    let (status, found) = api(home, "GET", &format!("git/file?path=f&base={base}&to={to}"), None);
    assert_eq!(status, 200, "{found}");
    serde_json::from_value(found).unwrap()
}

#[test]
fn the_command_line_says_what_git_says() {
    let home = Home::running();
    let (dir, _) = repository(&home);
    let clean = home.ok(["git", "status", "work"]);
    assert!(clean.starts_with("On branch main\nNo changes"), "{clean}");
    fs::write(dir.join("f"), numbers(|number| (number == 3).then_some("changed"))).unwrap();
    fs::write(dir.join("staged"), "a\n").unwrap();
    git(&dir, &["add", "staged"]);
    fs::write(dir.join("new\x1b[2J"), "b\nc\n").unwrap();
    let said = home.ok(["git", "status", "work"]);
    for line in
        ["Staged 1\n  new         staged", "Changed 1\n  modified    f", "Untracked 1\n  new         new"]
    {
        assert!(said.contains(line), "{said}");
    }
    assert!(!said.contains('\x1b'), "{said:?}");
    let status: GitStatus = serde_json::from_str(&home.ok(["git", "status", "work", "--json"])).unwrap();
    assert_eq!((status.staged, status.changed, status.untracked, status.files.len()), (1, 1, 1, 3));

    let diff = home.ok(["diff", "work"]);
    for line in ["f (modified)", "@@ -1,6 +1,6 @@", "-line 3\n+changed\n line 4", "+b\n+c"] {
        assert!(diff.contains(line), "{diff}");
    }
    assert!(!diff.contains("staged (new)"), "{diff}");
    let staged = home.ok(["diff", "work", "--staged"]);
    assert!(staged.starts_with("staged (new)\n@@ -0,0 +1,1 @@ \n+a"), "{staged}");
    let stat = home.ok(["diff", "work", "--stat", "--base", "start"]);
    assert!(stat.contains("3 files changed, 4 lines added, 1 removed"), "{stat}");
    let found: GitDiff =
        serde_json::from_str(&home.ok(["diff", "work", "--base", "HEAD", "--json"])).unwrap();
    assert_eq!(found.total, 3);

    git(&dir, &["commit", "-qm", "second"]);
    git(&dir, &["branch", "other"]);
    let log = home.ok(["git", "log", "work", "-n", "1"]);
    assert!(log.contains("(main, other) second") && !log.contains("first"), "{log}");
    let log: GitLog =
        serde_json::from_str(&home.ok(["git", "log", "work", "--json", "--of", "other"])).unwrap();
    assert_eq!(
        log.commits.iter().map(|commit| commit.summary.as_str()).collect::<Vec<_>>(),
        ["second", "first"]
    );
    assert_eq!(log.commits[0].parents, [log.commits[1].id.clone()]);
    let branches = home.ok(["git", "branches", "work"]);
    assert!(branches.contains("*  main") && branches.contains("   other"), "{branches}");

    fs::remove_file(dir.join("f")).unwrap();
    std::os::unix::fs::symlink("staged", dir.join("f")).unwrap();
    assert!(home.ok(["git", "status", "work"]).contains("Changed 1\n  type changed  f\n"));

    for (code, args) in [
        (2, &["diff", "work", "--base", "nothing"][..]),
        (2, &["diff", "work", "--base=--output=x"]),
        (3, &["diff", "work", "--base", "seen"]),
        (2, &["git", "log", "work", "--of", "HEAD:f"]),
        (3, &["git", "status", "none"]),
    ] {
        home.fails(code, args);
    }
    for commits in ["0", "201"] {
        let ran = home.run(["git", "log", "work", "-n", commits]);
        assert!(ran.code == Some(2) && ran.stderr.contains("1..=200"), "{ran:?}");
    }
    let plain = home.start(&["sleep", "1000"]);
    let refused = home.fails(1, ["git", "status", &plain.short_id]);
    assert!(refused.contains("is not in a git repository"), "{refused}");
}

#[test]
fn hunks_and_lines_are_staged_by_the_api_or_refused() {
    let home = Home::running();
    let (dir, session) = repository(&home);
    let edited = |number| match number {
        3 => Some("new 3"),
        20 => Some("new 20"),
        38 => Some("new 38"),
        _ => None,
    };
    fs::write(dir.join("f"), numbers(edited)).unwrap();
    let found = file(&home, "index", "work");
    let name = |number: usize| found.hunks[number].name.clone();
    let stage = json!({"files": [{"path": "f", "version": found.version, "hunks": [
        {"name": name(0)},
        {"name": name(2), "lines": {"removed": [], "added": [38]}},
    ]}]});
    assert_eq!(api(&home, "POST", "git/stage", Some(&stage)).0, 204);
    let staged = git(&dir, &["show", ":f"]);
    assert!(
        staged.contains("line 2\nnew 3\nline 4") && staged.contains("line 38\nnew 38\nline 39"),
        "{staged}"
    );
    assert!(staged.contains("line 20"));
    assert_eq!(fs::read_to_string(dir.join("f")).unwrap(), numbers(edited), "the file is as it was");

    // Hunks of then are not hunks of now.
    let (status, problem) = api(&home, "POST", "git/stage", Some(&stage));
    assert_eq!((status, problem["code"].as_str()), (409, Some("changed")));
    assert_eq!(git(&dir, &["show", ":f"]), staged);
    let index = file(&home, "head", "index");
    let unstage = json!({"files": [{"path": "f", "hunks": [{"name": index.hunks[1].name}]}]});
    assert_eq!(api(&home, "POST", "git/unstage", Some(&unstage)).0, 204);
    assert!(!git(&dir, &["show", ":f"]).contains("new 38"));

    let (status, commit) = api(&home, "POST", "git/commit", Some(&json!({"message": "by lines"})));
    assert_eq!((status, commit["commit"]["summary"].as_str()), (200, Some("by lines")));
    let now = file(&home, "index", "work");
    let discard = json!({"files": [{"path": "f", "hunks": [{"name": now.hunks[0].name}]}]});
    let (status, discarded) = api(&home, "POST", "git/discard", Some(&discard));
    assert_eq!(status, 200, "{discarded}");
    let has = |text: &str| fs::read_to_string(dir.join("f")).unwrap().contains(text);
    assert!(!has("new 20") && has("new 38"));
    let restore = format!("git/discarded/{}/restore", discarded["id"].as_str().unwrap());
    assert_eq!(api(&home, "POST", &restore, None).0, 200);
    assert_eq!(fs::read_to_string(dir.join("f")).unwrap(), numbers(edited));

    for (status, path) in [
        (400, "git/file?path=../f"),
        (400, "git/file?path=.git/config"),
        (400, "git/file?path=%00"),
        (400, "git/diff?base=--output=x"),
        (400, "git/lines?path=/etc/passwd&from=1"),
        (404, "git/file?path=none"),
        (404, "git/image?path=none"),
        (400, "git/log?of=@%7B-1%7D"),
    ] {
        assert_eq!(api(&home, "GET", path, None).0, status, "{path}");
    }
    fs::write(dir.join(".git/index.lock"), "").unwrap();
    let (status, problem) = api(&home, "POST", "git/stage", Some(&json!({"files": [{"path": "f"}]})));
    assert_eq!((status, problem["code"].as_str()), (409, Some("git_in_use")));
    fs::remove_file(dir.join(".git/index.lock")).unwrap();

    // What was kept for the session goes with it; what it discarded stays its time.
    assert_eq!(api(&home, "POST", "git/seen", None).0, 200);
    assert_eq!(api(&home, "POST", "git/discard", Some(&json!({"files": [{"path": "f"}]}))).0, 200);
    home.ok(["kill", "work"]);
    home.ok(["sessions", "remove", "work"]);
    eventually("its states go", || {
        let left = git(&dir, &["for-each-ref", "--format=%(refname)", "refs/codepiper"]);
        (left.lines().count() == 1 && left.starts_with("refs/codepiper/discarded/")).then_some(())
    });
    drop(session);
}

#[test]
fn many_large_files_are_discarded_one_after_the_other() {
    const FILES: u64 = 8;
    const SIZE: u64 = 20 * 1024 * 1024;
    let home = Home::running();
    let (dir, _) = repository(&home);
    let most = || {
        let status = fs::read_to_string(format!("/proc/{}/status", home.daemon_pid())).unwrap();
        let row = status.lines().find_map(|row| row.strip_prefix("VmHWM:")).unwrap();
        row.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    };
    let names: Vec<String> = (0..FILES).map(|number| format!("large{number}")).collect();
    for name in &names {
        fs::File::create(dir.join(name)).unwrap().set_len(SIZE).unwrap();
    }
    let before = most();
    let files: Vec<Value> = names.iter().map(|name| json!({ "path": name })).collect();
    let (status, said) = api(&home, "POST", "git/discard", Some(&json!({ "files": files })));
    assert_eq!(status, 200, "{said}");
    assert!(names.iter().all(|name| !dir.join(name).exists()));
    let (status, said) =
        api(&home, "POST", &format!("git/discarded/{}/restore", said["id"].as_str().unwrap()), None);
    assert_eq!(status, 200, "{said}");
    assert!(names.iter().all(|name| dir.join(name).metadata().unwrap().len() == SIZE));
    let grown = most() - before;
    assert!(grown < (FILES - 1) * SIZE, "{grown}");
}

#[test]
fn what_changed_since_somebody_looked() {
    let home = Home::running();
    let (dir, _) = repository(&home);
    for number in 0..50 {
        fs::write(dir.join(format!("file{number:02}")), "before\n").unwrap();
    }
    let shown = || {
        let (_, found) = api(&home, "GET", "git", None);
        (found["state"].clone(), found["seen"].clone())
    };
    let mark = |state: &Value| api(&home, "POST", "git/seen", Some(&json!({"state": state})));
    let (state, seen) = shown();
    assert_eq!(seen, false);
    // What changed after it was shown was seen by nobody.
    fs::write(dir.join("file00"), "unseen\n").unwrap();
    let (status, problem) = mark(&state);
    assert_eq!((status, &problem["code"]), (409, &json!("changed")));
    assert_eq!(shown().1, false);
    let (status, snapshot) = mark(&shown().0);
    assert_eq!((status, &snapshot["left_out"]), (200, &json!([])));
    assert_eq!(shown().1, true);
    assert_eq!(home.ok(["diff", "work", "--base", "seen"]), "");
    for number in [7, 21, 49] {
        fs::write(dir.join(format!("file{number:02}")), "after\n").unwrap();
    }
    let stat = home.ok(["diff", "work", "--base", "seen", "--stat"]);
    assert!(stat.contains("3 files changed, 3 lines added, 3 removed"), "{stat}");
    // The user's own index and history are as they were.
    assert_eq!(git(&dir, &["diff", "--cached", "--name-only"]), "");
    assert_eq!(git(&dir, &["log", "--all", "--format=%s"]), "first");
}

#[test]
fn a_turn_that_was_not_recorded_says_so() {
    let home = Home::running();
    let (dir, _) = repository(&home);
    let prompt = || api(&home, "POST", "hooks", Some(&json!({"hook_event_name": "UserPromptSubmit"})));
    let turns = |many: usize| {
        eventually("the turn is known", || {
            let (_, found) = api(&home, "GET", "git", None);
            (found["turns"].as_array()?.len() == many).then_some(found)
        })
    };
    prompt();
    assert_eq!(turns(1)["unrecorded"], json!([]));
    fs::write(dir.join("f"), "changed\n").unwrap();
    assert!(home.ok(["diff", "work", "--base", "turn", "--stat"]).contains("1 file changed"));
    // Such an index cannot be read.
    git(&dir, &["update-index", "--split-index"]);
    prompt();
    eventually("it is given up", || {
        (git(&dir, &["for-each-ref", "refs/codepiper"]).matches("/turn-").count() == 2).then_some(())
    });
    git(&dir, &["update-index", "--no-split-index"]);
    let found = turns(2);
    let at: jiff::Timestamp = found["turns"][0].as_str().unwrap().parse().unwrap();
    assert_eq!(found["unrecorded"].as_array().unwrap().len(), 1, "{found}");
    assert_eq!(found["unrecorded"][0]["base"], format!("turn-{}", at.as_millisecond()));
    let why = found["unrecorded"][0]["why"].as_str().unwrap();
    assert!(why.contains("split or a sparse index"), "{why}");
    // It is not taken for the turn before it.
    let said = home.fails(3, ["diff", "work", "--base", "turn"]);
    assert!(said.contains("the files at that turn were not recorded") && said.contains(why), "{said}");
    assert!(home.ok(["diff", "work", "--base", "turn~1", "--stat"]).contains("1 file changed"));
}

#[test]
fn no_comments_are_typed_into_a_shell() {
    let home = Home::running();
    repository(&home);
    home.ok(["review", "add", "work", "f:2", "why two?"]);
    assert!(home.fails(2, ["review", "send", "work"]).contains("no agent runs in this session"));
    assert!(home.ok(["review", "list", "work"]).contains("draft"));
}

/// The agent finds the comments, does something about them, and says so; it writes none.
#[test]
fn comments_go_to_the_agent_as_one_prompt() {
    let bed = Bed::new(&CLAUDE_CODE);
    git(&bed.project, &["init", "-q"]);
    fs::write(bed.project.join("f"), "one\ntwo\nthree\n").unwrap();
    let session = bed.start(&[]);
    let id = &session.id.to_string();
    bed.home.ok(["wait", id, "--until", "idle", "--timeout", "60"]);
    assert!(bed.home.fails(2, ["review", "send", id]).contains("no drafts"));
    bed.home.ok(["review", "add", id, "f:2", "why two?"]);
    bed.home.ok(["review", "add", id, "f:1-3", "all of it"]);
    bed.home.fails(2, ["review", "add", id, "f:9", "x"]);
    bed.home.fails(2, ["review", "add", id, "../f:1", "x"]);
    fs::write(bed.project.join("f"), "zero\none\ntwo\n").unwrap();
    let review = || serde_json::from_str::<Review>(&bed.home.ok(["review", "list", id, "--json"])).unwrap();
    let places: Vec<_> = review().comments.iter().map(|comment| (comment.from, comment.stale)).collect();
    assert_eq!(places, [(3, false), (1, true)]);
    let prompt = review().prompt;
    // From two devices at once: one sends them, the other finds none.
    let codes = std::thread::scope(|scope| {
        let sends = || bed.home.command(["review", "send", id]).output().unwrap().status.code();
        [scope.spawn(sends), scope.spawn(sends)].map(|sends| sends.join().unwrap())
    });
    assert!(codes.contains(&Some(0)) && codes.contains(&Some(2)), "{codes:?}");
    bed.until_idle(id);
    bed.submitted_once(&prompt);
    assert!(review().comments.iter().all(|comment| comment.state == CommentState::Sent));
    bed.home.ok(["review", "address", id, "1"]);
    assert_eq!(review().comments[0].state, CommentState::Addressed);
    // What waits and is dropped was never with the agent.
    bed.home.ok(["send", id, "slow: 500 100", "--wait", "text=word3", "--timeout", "20"]);
    bed.home.ok(["review", "add", id, "f:1", "why zero?"]);
    bed.home.ok(["review", "send", id]);
    assert_eq!(review().comments[2].state, CommentState::Sent);
    bed.home.ok(["send", id, "--drop-queued"]);
    assert_eq!(review().comments[2].state, CommentState::Draft);
    bed.home.ok(["stop", id]);
}

#[test]
fn a_program_in_the_session_reads_and_addresses_its_own_comments_only() {
    let home = Home::running();
    let (dir, other) = repository(&home);
    let session = home.start_with(
        &["-d", dir.to_str().unwrap(), "--name", "mine"],
        &["bash", "-c", "stty -echo; echo ready; while read -r line; do eval \"$line\"; done"],
    );
    home.until_printed(&session, "ready");
    home.ok(["review", "add", "mine", "f:1", "a"]);
    let run = |args: &str, number: u32| {
        let file = home.path(&format!("code{number}"));
        let path = file.display();
        let command =
            format!("{CODEPIPER} {args} >{path}.out 2>&1; echo $? >{path}.new; mv {path}.new {path}");
        home.ok(["send", "mine", "--", &command]);
        let code = eventually(args, || fs::read_to_string(&file).ok());
        (
            code.trim().parse::<i32>().unwrap(),
            fs::read_to_string(home.path(&format!("code{number}.out"))).unwrap(),
        )
    };
    let (id, other) = (session.short_id.clone(), other.short_id);
    let (code, said) = run(&format!("review list {id} --json"), 1);
    assert!(code == 0 && said.contains("\"draft\""), "{said}");
    for (number, args) in [
        format!("review list {other}"),
        format!("review add {id} f:1 'in your name'"),
        format!("review send {id}"),
        format!("git status {id}"),
        format!("diff {id}"),
    ]
    .iter()
    .enumerate()
    {
        assert_eq!(run(args, 10 + number as u32).0, 6, "{args}");
    }
    // A draft was not given to anybody yet.
    assert_eq!(run(&format!("review address {id} 1"), 2).0, 2);
}
