//! Policies: what agents may do without asking, decided by rules, whatever becomes of the daemon.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use codepiper_protocol::wire::policy::{PolicyAction, PolicyInfo, PolicyVerdict};
use codepiper_protocol::wire::stream::{Begin, Delivery};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::agents::{Agent, Bed, CLAUDE_CODE, CODEX, NEWEST_CLAUDE_CODE, NEWEST_CODEX};
use crate::harness::{Home, Owner, eventually};

const POLICY: &str = r#"name = "work"
default = "ask"

[[rule]]
action = "allow"
command = { program = "touch", words = ["allowed"] }

[[rule]]
action = "deny"
command = { program = "touch", words = ["denied"] }
reason = "that file is not to be made"
"#;

/// A policy that is saved as a person would.
pub(crate) fn save(home: &Home, name: &str, text: &str) {
    let ran = home.run_with(["policy", "create", name, "--from", "-"], text.as_bytes());
    assert_eq!(ran.code, Some(0), "{ran:?}");
}

fn verdict(home: &Home, args: &[&str]) -> PolicyVerdict {
    serde_json::from_str(&home.ok([&["policy", "test", "--json"], args].concat())).unwrap()
}

#[test]
fn a_policy_is_kept_tested_and_removed() {
    let mut home = Home::new();
    home.start_daemon();
    assert!(home.ok(["policy", "list", "--json"]).contains("[]"));
    assert_eq!(verdict(&home, &["ls"]).action, None, "no policy, no decision");
    save(&home, "work", POLICY);
    assert_eq!(home.ok(["policy", "show", "work"]).trim(), POLICY.trim());
    for (command, action) in [
        ("touch allowed", PolicyAction::Allow),
        ("touch denied", PolicyAction::Deny),
        ("sh -c 'touch denied'", PolicyAction::Deny),
        ("touch allowed && touch allowed", PolicyAction::Allow),
        ("touch allowed; touch other", PolicyAction::Ask),
        ("touch allowed $(touch other)", PolicyAction::Ask),
    ] {
        assert_eq!(verdict(&home, &[command]).action, Some(action), "{command}");
    }
    let said = home.ok(["policy", "test", "touch denied"]);
    assert!(
        said.contains("deny: Rule 2 of 'work'") && said.contains("that file is not to be made"),
        "{said}"
    );
    // After a restart, too.
    home.stop_daemon();
    home.start_daemon();
    assert_eq!(verdict(&home, &["touch denied"]).action, Some(PolicyAction::Deny));
    // What is wrong names the file, the line and the field, and changes nothing.
    let wrong = POLICY.replace("action = \"deny\"", "acton = \"deny\"");
    let ran = home.run_with(["policy", "create", "work", "--replace", "--from", "-"], wrong.as_bytes());
    assert!(
        ran.code == Some(2) && ran.stderr.contains("work.toml:9") && ran.stderr.contains("acton"),
        "{ran:?}"
    );
    assert!(home.fails(1, ["policy", "create", "work", "--from", "read-only"]).contains("exists"));
    assert_eq!(home.ok(["policy", "show", "work"]).trim(), POLICY.trim());
    for name in ["../x", "", "a b", ".hidden"] {
        assert!(home.run(["policy", "create", "--", name]).code != Some(0), "{name}");
    }
    home.ok(["policy", "remove", "work"]);
    assert_eq!(verdict(&home, &["touch denied"]).action, None);
    assert!(home.ok(["logs"]).contains("Policy 'work' removed"));
}

#[test]
fn the_ready_made_policies_can_be_used() {
    let home = Home::running();
    for name in ["read-only", "safe-development", "deny-list"] {
        home.ok(["policy", "create", name, "--from", name]);
        let file = home.path(&format!("{name}.toml"));
        fs::write(&file, home.ok(["policy", "show", name])).unwrap();
        home.ok(["policy", "check", file.to_str().unwrap()]);
    }
    let policies: Vec<PolicyInfo> = serde_json::from_str(&home.ok(["policy", "list", "--json"])).unwrap();
    assert!(policies.iter().all(|policy| policy.rules > 0 && policy.mistakes.is_empty()), "{policies:?}");
    assert_eq!(verdict(&home, &["git push --force"]).action, Some(PolicyAction::Deny));
}

#[test]
fn a_policy_for_sessions_applies_where_it_is_attached() {
    let home = Home::running();
    save(&home, "work", &POLICY.replace("default", "sessions = []\ndefault"));
    let (one, other) = (home.start(&["cat"]), home.start(&["cat"]));
    let of = |id: &str| verdict(&home, &["touch denied", "--session", id]).action;
    assert_eq!((of(&one.short_id), of(&other.short_id)), (None, None));
    home.ok(["policy", "attach", "work", &one.short_id]);
    assert_eq!((of(&one.short_id), of(&other.short_id)), (Some(PolicyAction::Deny), None));
    home.ok(["policy", "detach", "work", &one.short_id]);
    assert_eq!(of(&one.short_id), None);
    save(&home, "everywhere", &POLICY.replace("\"work\"", "\"everywhere\""));
    assert!(home.fails(2, ["policy", "attach", "everywhere", &one.short_id]).contains("sessions = []"));
}

#[test]
fn a_set_of_policies_applies_as_one() {
    let mut home = Home::running();
    let set = "name = \"set\"\nsessions = []\ninclude = [\"deny\", \"inner\"]\n";
    let save_it = |home: &Home| home.run_with(["policy", "create", "set", "--from", "-"], set.as_bytes());
    let refused = save_it(&home);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(
        refused.stderr.contains("set.toml:3: cannot include 'inner': there is no such policy"),
        "{refused:?}"
    );
    let nowhere = POLICY.replace("default", "sessions = []\ndefault");
    // Elsewhere it would allow what it allows there.
    save(&home, "inner", "name = \"inner\"\ndirectories = [\"/tmp\"]\n");
    assert!(save_it(&home).stderr.contains("cannot include 'inner': it is not for single sessions"));
    home.ok(["policy", "remove", "inner"]);
    save(&home, "deny", &nowhere.replace("\"work\"", "\"deny\""));
    save(&home, "inner", "name = \"inner\"\nsessions = []\ninclude = \"deny\"\n");
    assert_eq!(save_it(&home).code, Some(0));
    let (one, other) = (home.start(&["cat"]), home.start(&["cat"]));
    let of = |home: &Home, id: &str| {
        let verdict = verdict(home, &["touch denied", "--session", id]);
        (verdict.action, verdict.rule.map(|rule| rule.policy))
    };
    let denied = (Some(PolicyAction::Deny), Some("deny".to_owned()));
    home.ok(["policy", "attach", "set", &one.short_id]);
    assert_eq!((of(&home, &one.short_id), of(&home, &other.short_id)), (denied.clone(), (None, None)));
    let everywhere = POLICY.replace("\"work\"", "\"deny\"");
    let ran = home.run_with(["policy", "create", "deny", "--replace", "--from", "-"], everywhere.as_bytes());
    assert!(ran.code == Some(1) && ran.stderr.contains("keep its `sessions`"), "{ran:?}");
    let said = home.fails(1, ["policy", "remove", "deny"]);
    assert!(said.contains("policy 'inner' includes 'deny'"), "{said}");
    let list = home.ok(["policy", "list"]);
    assert!(list.contains("0 + deny + inner") && list.contains("with set"), "{list}");
    home.ok(["policy", "detach", "set", &one.short_id]);
    assert_eq!(of(&home, &one.short_id), (None, None));
    // Somebody deletes its file: its rules may have denied something.
    home.ok(["policy", "attach", "set", &one.short_id]);
    home.stop_daemon();
    fs::remove_file(home.path("data/policies/deny.toml")).unwrap();
    home.start_daemon();
    let verdict = verdict(&home, &["touch allowed", "--session", &one.short_id]);
    assert_eq!(verdict.action, Some(PolicyAction::Ask));
    assert!(verdict.why.contains("'inner' cannot be read"), "{}", verdict.why);
}

/// Its rules may have denied something.
#[test]
fn while_a_policy_cannot_be_read_nothing_is_allowed() {
    let mut home = Home::new();
    home.start_daemon();
    save(&home, "work", POLICY);
    home.stop_daemon();
    fs::write(home.path("data/policies/broken.toml"), "rule = 3").unwrap();
    home.start_daemon();
    assert_eq!(verdict(&home, &["touch allowed"]).action, Some(PolicyAction::Ask));
    assert_eq!(verdict(&home, &["touch denied"]).action, Some(PolicyAction::Deny));
    assert!(verdict(&home, &["touch allowed"]).why.contains("broken"));
    assert!(home.ok(["policy", "list"]).contains("cannot be read"));
    home.ok(["policy", "remove", "broken"]);
    assert_eq!(verdict(&home, &["touch allowed"]).action, Some(PolicyAction::Allow));
}

/// What the hook of a session prints for a payload.
pub(crate) fn hook(home: &Home, id: &str, payload: &Value) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_codepiper"));
    command.arg("hook-forward").env_clear().env("CODEPIPER_SESSION", id);
    command.env("CODEPIPER_SOCKET", home.socket());
    command.env("CODEPIPER_SPOOL", home.path(&format!("spool-{id}")));
    let snapshot = fs::read_dir(home.path("data/run")).into_iter().flatten().flatten();
    let snapshot = snapshot.map(|entry| entry.path()).find(|path| path.to_string_lossy().contains("policy-"));
    command.envs(snapshot.map(|path| ("CODEPIPER_POLICY", path)));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(payload.to_string().as_bytes()).unwrap();
    let ran = child.wait_with_output().unwrap();
    assert!(ran.status.success());
    if ran.stdout.is_empty() { Value::Null } else { serde_json::from_slice(&ran.stdout).unwrap() }
}

fn before_use(command: &str, dir: &Path) -> Value {
    json!({"hook_event_name": "PreToolUse", "tool_name": "Bash", "tool_input": {"command": command}, "cwd": dir})
}

#[test]
fn a_hook_says_what_the_policies_say_and_denies_without_a_daemon() {
    let bed = Bed::new(&CLAUDE_CODE);
    save(&bed.home, "work", POLICY);
    let id = bed.start(&[]).id.to_string();
    bed.home.ok(["wait", &id, "--until", "idle", "--timeout", "60"]);
    let home = &bed.home;
    let says = |home: &Home, command: &str| {
        let told = hook(home, &id, &before_use(command, &bed.project));
        told["hookSpecificOutput"]["permissionDecision"].as_str().map(str::to_owned)
    };
    let told = |action: &str| Some(action.to_owned());
    assert_eq!(says(home, "touch allowed"), told("allow"));
    assert_eq!(says(home, "touch denied"), told("deny"));
    assert_eq!(says(home, "touch other"), told("ask"));
    // An agent that has left the session's directory.
    let elsewhere = hook(home, &id, &before_use("touch allowed", Path::new("/tmp")));
    assert_eq!(elsewhere["hookSpecificOutput"]["permissionDecision"], "ask");
    let asks = json!({"hook_event_name": "PermissionRequest", "tool_name": "AskUserQuestion",
        "tool_input": {"questions": []}, "cwd": "/tmp"});
    assert_eq!(hook(home, &id, &asks), Value::Null, "only a person answers a question");
    let logs = home.ok(["logs", &id, "--source", "policy"]);
    assert!(logs.contains("Denied by a policy: Bash touch denied"), "{logs}");
    // One that stands still, one that is dead: what is denied stays so, and nothing is allowed.
    home.signal_daemon(Signal::SIGSTOP);
    assert_eq!(says(home, "touch denied"), told("deny"));
    assert_eq!(says(home, "touch allowed"), None);
    // Everything is denied, where somebody wants it so.
    home.signal_daemon(Signal::SIGCONT);
    let closed = POLICY.replace("default = \"ask\"", "default = \"ask\"\nfail = \"deny\"");
    let ran = home.run_with(["policy", "create", "work", "--replace", "--from", "-"], closed.as_bytes());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(says(home, "touch allowed"), told("allow"));
    home.signal_daemon(Signal::SIGKILL);
    for command in ["touch denied", "touch allowed", "ls"] {
        assert_eq!(says(home, command), told("deny"), "{command}");
    }
    assert_eq!(hook(home, &id, &asks), Value::Null);
}

#[test]
fn claude_code_does_what_the_policies_say() {
    agent_does(&CLAUDE_CODE);
}

#[test]
fn newest_claude_code_does_what_the_policies_say() {
    agent_does(&NEWEST_CLAUDE_CODE);
}

fn agent_does(agent: &Agent) {
    let bed = Bed::new(agent);
    save(&bed.home, "work", POLICY);
    let id = &bed.start(&[]).id.to_string();
    bed.home.ok(["wait", id, "--until", "idle", "--timeout", "60"]);
    // In the mode in which it asks.
    eventually("the mode is known", || {
        (bed.home.session(id).permission_mode.as_deref() == Some("default")).then_some(())
    });
    let send = |file: &str, until: &str| {
        bed.home.ok(["send", id, &format!("run: touch {file}"), "--wait", until, "--timeout", "20"]);
    };
    send("allowed", "text=Tool result:");
    bed.until_idle(id);
    assert!(bed.project.join("allowed").exists(), "nobody was asked");
    bed.home.ok(["send", id, "run: touch denied", "--wait", "idle", "--timeout", "20"]);
    assert!(!bed.project.join("denied").exists());
    // The other one is asked about, and a person decides.
    send("other", "waiting");
    bed.home.ok(["wait", id, "--until", &format!("text={}", agent.asks), "--timeout", "20"]);
    assert!(!bed.project.join("other").exists());
    bed.home.ok(["keys", id, "escape"]);
    let logs = bed.home.ok(["logs", id, "--source", "policy"]);
    for said in ["Allowed by a policy: Bash touch allowed", "Denied by a policy: Bash touch denied"] {
        assert!(logs.contains(said), "{said}: {logs}");
    }
}

/// A skill's text has shell commands, which run before the model reads it.
#[test]
fn shell_commands_in_skills_are_decided_on_too() {
    let bed = Bed::new(&NEWEST_CLAUDE_CODE);
    for (name, file) in [("one", "allowed"), ("two", "denied"), ("three", "other")] {
        let dir = bed.project.join(format!(".claude/skills/{name}"));
        std::fs::create_dir_all(&dir).unwrap();
        let text = format!(
            "---\nname: {name}\ndescription: d\nallowed-tools: Bash(touch:*)\n---\n\nhello !`touch {file}` you\n"
        );
        std::fs::write(dir.join("SKILL.md"), text).unwrap();
    }
    let runs = |id: &str, skill: &str, file: &str| {
        bed.home.ok(["send", id, &format!("/{skill}"), "--wait", "idle", "--timeout", "20"]);
        bed.until_idle(id);
        bed.project.join(file).exists()
    };
    let id = &bed.start(&[]).id.to_string();
    bed.home.ok(["wait", id, "--until", "idle", "--timeout", "60"]);
    // Without a policy, the agent's own rules decide.
    assert!(runs(id, "two", "denied"));
    std::fs::remove_file(bed.project.join("denied")).unwrap();
    save(&bed.home, "work", POLICY);
    assert!(runs(id, "one", "allowed"));
    assert!(!runs(id, "two", "denied") && !runs(id, "three", "other"));
    let records = bed.home.ok(["audit", "--type", "policy.decided", "--json"]);
    let records = records.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["data"].clone());
    let decided: Vec<(Value, Value)> =
        records.map(|data| (data["what"].clone(), data["action"].clone())).collect();
    let wanted = [("touch allowed", "allow"), ("touch denied", "deny"), ("touch other", "ask")];
    assert_eq!(decided, wanted.map(|(what, action)| (json!(what), json!(action))));
}

#[test]
fn codex_does_what_the_policies_say_where_its_hooks_are_allowed() {
    codex_does(&CODEX);
}

#[test]
fn newest_codex_does_what_the_policies_say_where_its_hooks_are_allowed() {
    codex_does(&NEWEST_CODEX);
}

/// The policy is gone, so no hook denies anything: what is left are the rules that the agent was given when it started.
fn holds_without_the_hook(agent: &Agent) {
    let bed = Bed::new(agent);
    let deny = r#"name = "denies"
[[rule]]
action = "deny"
command = { program = "touch", words = ["denied"] }
[[rule]]
action = "deny"
paths = ["./secret/**", "~/keys/**"]
[[rule]]
action = "deny"
tool = ["WebSearch", "mcp__server__*", "apply_patch"]
"#;
    save(&bed.home, "denies", deny);
    fs::create_dir(bed.project.join("secret")).unwrap();
    fs::write(bed.project.join("secret/x"), "swordfish").unwrap();
    fs::write(bed.project.join("public"), "herring").unwrap();
    let id = &bed.start(&[]).id.to_string();
    bed.home.ok(["wait", id, "--until", "idle", "--timeout", "60"]);
    bed.home.ok(["policy", "remove", "denies"]);
    let tool = |step: String| {
        let marker = bed.home.ok(["send", id, &step, "--wait", "idle", "--timeout", "30"]);
        format!("{marker}{}", bed.home.ok(["tail", id, "-n", "200"]))
    };
    let project = bed.project.display();
    assert!(tool(format!("read: {project}/public")).contains("herring"));
    let read = tool(format!("read: {project}/secret/x"));
    assert!(!read.contains("swordfish"), "{read}");
    tool(format!("write: {project}/secret/new text"));
    assert!(!bed.project.join("secret/new").exists());
    tool("run: touch denied".to_owned());
    assert!(!bed.project.join("denied").exists());
}

#[test]
fn what_claude_code_can_deny_itself_holds_without_the_hook() {
    holds_without_the_hook(&CLAUDE_CODE);
}

#[test]
fn what_newest_claude_code_can_deny_itself_holds_without_the_hook() {
    holds_without_the_hook(&NEWEST_CLAUDE_CODE);
}

#[test]
fn what_is_checked_and_imported_and_shown_is_told_as_json() {
    let home = Home::new();
    let file = home.path("policy.toml");
    let path = file.to_str().unwrap();
    fs::write(&file, "name = \"x\"\n[[rule]]\naction = \"allow\"\ncommand = { program = \"xargs\" }\n")
        .unwrap();
    let checked: Value = serde_json::from_str(&home.ok(["policy", "check", path, "--json"])).unwrap();
    assert_eq!(
        (&checked["name"], &checked["rules"], &checked["mistakes"]),
        (&json!("x"), &json!(1), &json!([]))
    );
    assert_eq!(checked["warnings"][0]["line"], 2);
    fs::write(&file, "name = \"x\"\n[[rule]]\naction = \"perhaps\"\n").unwrap();
    let ran = home.run(["policy", "check", path, "--json"]);
    let checked: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((ran.code, &checked["mistakes"][0]["line"]), (Some(1), &json!(3)), "{ran:?}");
    let settings = home.path("settings.json");
    fs::write(
        &settings,
        r#"{"permissions": {"allow": ["Bash(ls)", "Bash(java:*)"], "deny": ["Read(~/.ssh/**)"]}}"#,
    )
    .unwrap();
    let imported = home.ok(["policy", "import", settings.to_str().unwrap(), "--json"]);
    let imported: Value = serde_json::from_str(&imported).unwrap();
    assert_eq!(imported["notes"][0]["rule"], "Bash(java:*)");
    assert_eq!(imported["notes"][0]["carried_over"], false);
    assert!(imported["text"].as_str().unwrap().contains("program = \"ls\""), "{imported}");
}

#[test]
fn each_rule_says_whether_it_holds_without_the_hook() {
    let mut home = Home::new();
    home.start_daemon();
    let text = r#"name = "x"
[[rule]]
action = "deny"
tool = ["WebFetch", "mcp__server__*"]
[[rule]]
action = "deny"
command = { program = "git", words = ["push"] }
[[rule]]
action = "deny"
command = { program = "rm", options = ["-rf"] }
[[rule]]
action = "allow"
command = { program = "ls" }
"#;
    save(&home, "x", text);
    let shown: Value = serde_json::from_str(&home.ok(["policy", "show", "x", "--json"])).unwrap();
    let told: Vec<&str> = shown["rules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| rule["without_hook"].as_str().unwrap())
        .collect();
    assert_eq!(told, ["yes", "partly", "no", "no"]);
    assert_eq!(shown["rules"][1]["line"], 5);
}

/// Its hooks have the command without the field `workdir`, and its transcript has the whole call.
fn codex_does(agent: &Agent) {
    let bed = Bed::configured(agent, "[providers.codex]\nhooks_without_review = true\n");
    let deny = "[[rule]]\naction = \"deny\"\ncommand = { program = \"touch\", words = [\"denied\"] }\nreason = \"no\"\n";
    save(
        &bed.home,
        "safe",
        codepiper::policy::ready::text("safe-development")
            .unwrap()
            .replace("safe-development", "safe")
            .as_str(),
    );
    save(&bed.home, "denies", &format!("name = \"denies\"\n{deny}"));
    let id = &bed.start(&[]).id.to_string();
    bed.home.ok(["wait", id, "--until", "idle", "--timeout", "60"]);
    let project = bed.project.display();
    bed.home.ok([
        "send",
        id,
        &format!("run: !touch {project}/allowed"),
        "--wait",
        "text=Tool result:",
        "--timeout",
        "20",
    ]);
    bed.until_idle(id);
    assert!(bed.project.join("allowed").exists(), "nobody was asked");
    bed.home.ok(["send", id, "run: !touch here", "--wait", "text=Next: run .touch here", "--timeout", "20"]);
    bed.until_idle(id);
    assert!(bed.project.join("here").exists(), "it runs where the agent is, and nobody was asked");
    bed.home.ok(["send", id, "run: !touch denied", "--wait", "idle", "--timeout", "20"]);
    assert!(!bed.project.join("denied").exists());
    // The same text as a command that would be allowed in the project.
    let elsewhere = bed.home.path("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let call = json!({
        "cmd": "touch evil", "workdir": elsewhere, "sandbox_permissions": "require_escalated", "justification": "why",
    });
    bed.home.ok(["send", id, &format!("tool: exec_command {call}"), "--wait", "waiting", "--timeout", "20"]);
    bed.home.ok(["wait", id, "--until", &format!("text={}", agent.asks), "--timeout", "20"]);
    assert!(!elsewhere.join("evil").exists());
    bed.home.ok(["keys", id, "escape"]);
    let tested = verdict(&bed.home, &["touch evil", "--session", id]);
    assert_eq!(tested.action, Some(PolicyAction::Ask));
    assert!(tested.why.contains("does not say in which directory this runs"), "{}", tested.why);
}

#[test]
fn codex_reads_its_project_where_everything_else_is_denied() {
    reads_its_project(&CODEX);
}

#[test]
fn newest_codex_reads_its_project_where_everything_else_is_denied() {
    reads_its_project(&NEWEST_CODEX);
}

fn reads_its_project(agent: &Agent) {
    let bed = Bed::configured(agent, "[providers.codex]\nhooks_without_review = true\n");
    save(&bed.home, "read-only", codepiper::policy::ready::text("read-only").unwrap());
    fs::write(bed.project.join("x"), "what stands in it").unwrap();
    let elsewhere = bed.home.path("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    fs::write(elsewhere.join("x"), "what nobody may read").unwrap();
    let id = &bed.start(&[]).id.to_string();
    bed.home.ok(["wait", id, "--until", "idle", "--timeout", "60"]);
    let told = |words: &str| {
        let log = fs::read_to_string(bed.home.path("requests.jsonl")).unwrap();
        log.contains(words)
    };
    bed.home.ok(["send", id, "run: cat x"]);
    eventually("it has read its file", || told("what stands in it").then_some(()));
    bed.until_idle(id);
    let call = json!({ "cmd": "cat x", "workdir": elsewhere });
    bed.home.ok(["send", id, &format!("tool: exec_command {call}")]);
    let denied = eventually("it is denied", || {
        let records = bed.home.ok(["audit", "--type", "policy.decided", "--json"]);
        records.lines().next().map(|line| serde_json::from_str::<Value>(line).unwrap())
    });
    assert_eq!((&denied["data"]["action"], &denied["data"]["what"]), (&json!("deny"), &json!("cat x")));
    bed.until_idle(id);
    assert!(!told("what nobody may read"));
}

#[test]
fn what_was_decided_is_on_record_and_proves_itself() {
    let bed = Bed::new(&CLAUDE_CODE);
    save(&bed.home, "work", POLICY);
    let id = bed.start(&[]).id.to_string();
    bed.home.ok(["wait", &id, "--until", "idle", "--timeout", "60"]);
    let home = &bed.home;
    for command in ["touch allowed", "touch denied", "touch other"] {
        hook(home, &id, &before_use(command, &bed.project));
    }
    let records = home.ok(["audit", "--type", "policy.decided", "--json"]);
    let records: Vec<Value> = records.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let actions: Vec<&str> =
        records.iter().map(|record| record["data"]["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["allow", "deny", "ask"]);
    assert_eq!(records[1]["data"]["rule"]["policy"], "work");
    assert!(home.ok(["audit"]).contains("policy.change"), "who changed the rules");
    eventually("starts are on record", || home.ok(["audit"]).contains("session.started").then_some(()));
    let whole = home.ok(["audit", "verify"]);
    let anchor = home.ok(["audit", "head"]).trim().to_owned();
    home.ok(["audit", "verify", "--head", &anchor]);
    // One byte of a record.
    let file = home.path("data/audit/audit.jsonl");
    let before = fs::read(&file).unwrap();
    let at = before.windows(12).position(|bytes| bytes == b"touch denied").unwrap();
    let mut changed = before.clone();
    changed[at] = b'T';
    fs::write(&file, &changed).unwrap();
    let ran = home.run(["audit", "verify"]);
    let seq = records[1]["seq"].to_string();
    assert!(ran.code == Some(1) && ran.stdout.contains(&seq), "{whole} {ran:?}");
    // The end is gone, and with it what says so: only the anchor knows.
    let lines: Vec<&[u8]> = before.split_inclusive(|byte| *byte == b'\n').collect();
    fs::write(&file, lines[..lines.len() - 1].concat()).unwrap();
    assert_eq!(home.run(["audit", "verify"]).code, Some(1), "the head file knows");
    assert_eq!(home.run(["audit", "verify", "--head", &anchor]).code, Some(1));
    fs::write(&file, &before).unwrap();
    home.ok(["audit", "verify", "--head", &anchor]);
}

/// Who typed, into what, how much and when: not what.
#[test]
fn what_clients_type_is_on_record_in_sum() {
    let mut home = Home::new();
    home.start_web(&[]);
    let session = home.start(&["cat"]);
    home.ok(["send", &session.short_id, "a secret word"]);
    home.ok(["keys", &session.short_id, "a", "b"]);
    let mut browser = home.browser();
    browser.set_up(&home);
    let mut socket = browser.websocket();
    socket.subscribe(&session.short_id, Begin::Live, Delivery::Latest);
    for _ in 0..3 {
        socket.type_(0, b"xyz");
    }
    home.until_printed(&session, "xyzxyzxyz");
    let inputs = || -> Vec<Value> {
        let all = home.ok(["audit", "--type", "input", "--session", &session.short_id, "--json"]);
        all.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let records = eventually("both pause", || Some(inputs()).filter(|records| records.len() == 2));
    let of = |who: &str| records.iter().find(|record| record["actor"] == who).unwrap()["data"].clone();
    assert_eq!(of("command line")["count"], 2);
    assert_eq!((&of("Firefox on Linux")["count"], &of("Firefox on Linux")["bytes"]), (&json!(3), &json!(9)));
    let said = home.ok(["audit", "--type", "input"]);
    assert!(said.contains("Typed 3 times, 9 bytes"), "{said}");
    let exported = home.ok(["audit", "export"]);
    assert_eq!(exported, std::fs::read_to_string(home.path("data/audit/audit.jsonl")).unwrap());
    assert!(!exported.contains("secret"), "{exported}");
}

/// What a client with a form does: it gets no TOML to write.
#[test]
fn a_form_changes_a_policy_and_keeps_the_rest_of_its_text() {
    let home = Home::running();
    let text = "# Of the project.\nname = \"x\"\n\n[[rule]]\naction = \"allow\"\ncommand = { program = \"ls\" } # plain\n";
    let post = |path: &str, body: &Value| Owner(&home).answer("POST", path, body).unwrap();
    let mut form: Value = post("/api/policies/form", &json!({ "text": text })).ok();
    form["rules"][0]["command"]["program"] = json!(["./run.sh"]);
    let written: Value = post("/api/policies/write", &json!({ "text": text, "form": form })).ok();
    assert_eq!(written["text"], json!(text.replace("\"ls\"", "\"./run.sh\"")));
    let mistake = &written["info"]["mistakes"][0];
    assert_eq!(
        (&mistake["line"], &mistake["rule"], &mistake["field"]),
        (&json!(6), &json!(1), &json!("program"))
    );
    form["rules"] = json!([]);
    let written: Value = post("/api/policies/write", &json!({ "text": text, "form": form })).ok();
    assert_eq!((&written["lost"][0]["line"], &written["lost"][0]["message"]), (&json!(6), &json!("# plain")));
    assert_eq!(home.ok(["policy", "list", "--json"]).trim(), "[]", "nothing is saved");
    let refused = post("/api/policies/form", &json!({ "text": "name = \"x\"\ncolour = 1\n" }));
    assert_eq!(refused.status, 400);
}
