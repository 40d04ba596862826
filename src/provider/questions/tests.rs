use std::path::PathBuf;

use super::*;
use crate::provider::decisions::Moment;

fn asked(tool: &str, input: Value) -> Asked {
    let cwd = PathBuf::from("/work");
    Asked { moment: Moment::BeforeQuestion, tool: tool.to_owned(), input, cwd, by_subagent: false }
}

fn allow() -> AnswerAsk {
    AnswerAsk {
        decision: AskDecision::Allow,
        reason: None,
        answers: Vec::new(),
        command: None,
        always: false,
    }
}

fn decision(asked: &Asked, answer: &AnswerAsk) -> Value {
    reply(asked, answer).unwrap()["hookSpecificOutput"]["decision"].clone()
}

fn questions_asked() -> Asked {
    asked(
        ASKS,
        json!({"questions": [
            {"question": "Which ones?", "header": "H", "multiSelect": true,
             "options": [{"label": "A", "description": "a"}, {"label": "B"}]},
            {"question": "Which\u{202e} one?", "multiSelect": false, "options": [{"label": "C"}, {"label": "D"}]},
        ]}),
    )
}

#[test]
fn a_command_is_shown_whole_with_what_hides() {
    let asked = asked("Bash", json!({"command": "echo \u{1b}[2Jx\n\tb", "description": "d"}));
    let shown = shown(&asked);
    assert_eq!((shown.kind, shown.text.as_str()), (AskKind::Permission, "echo <U+001B>[2Jx\n\tb"));
    assert_eq!(shown.title, "echo <U+001B>[2Jx");
    assert!(shown.changes_allowed && shown.can_be_answered);
    assert_eq!(shown.always, None, "of two lines");
}

#[test]
fn an_edit_a_plan_and_anything_else_can_be_read() {
    let edit = asked("Edit", json!({"file_path": "/a", "old_string": "x\ny", "new_string": "z"}));
    assert_eq!(shown(&edit).text, "/a\n\n- x\n- y\n+ z");
    let plan = asked(PLANS, json!({"plan": "do\nit", "planFilePath": "/p"}));
    assert_eq!((shown(&plan).kind, shown(&plan).text.as_str()), (AskKind::Plan, "do\nit"));
    assert!(!shown(&asked(PLANS, json!({}))).can_be_answered, "a plan that nobody has seen");
    let other = asked("WebFetch", json!({"url": "http://x"}));
    assert_eq!(shown(&other).text, "{\n  \"url\": \"http://x\"\n}");
    for (tool, input, title) in [
        ("WebFetch", json!({"prompt": "p", "url": "http://x"}), "http://x"),
        ("Skill", json!({"args": "prod", "skill": "deploy"}), "deploy"),
        ("mcp__a__b", json!({"force": true, "owner": {"name": " \n\u{1b}me"}, "number": 7}), "7"),
        ("mcp__a__b", json!({"owner": [{"name": " \n\u{1b}me"}]}), "<U+001B>me"),
        ("mcp__a__b", json!({}), "mcp__a__b"),
    ] {
        assert_eq!(shown(&asked(tool, input.clone())).title, title, "{input}");
    }
}

#[test]
fn nothing_that_matters_is_hidden() {
    let loose = json!({
        "command": "touch x", "description": "d", "dangerouslyDisableSandbox": true, "run_in_background": false,
        "timeout": 1000, "env": "A=\n1",
    });
    let loose = asked("Bash", loose);
    let all = "touch x\n\ndangerouslyDisableSandbox: true\nenv: \"A=\\n1\"\ntimeout: 1000";
    assert_eq!((shown(&loose).text.as_str(), shown(&loose).title.as_str()), (all, "touch x"));
    assert_eq!(
        shown(&loose).always,
        None,
        "the rule would allow it without the sandbox, and whatever is with it"
    );
    let edit = json!({"file_path": "/a", "old_string": "x", "new_string": "z", "replace_all": true});
    assert_eq!(shown(&asked("Edit", edit)).text, "/a\n\n- x\n+ z\n\nreplace_all: true");
    let plan =
        json!({"plan": "do it", "planFilePath": "/p", "allowedPrompts": [{"tool": "Bash", "prompt": "all"}]});
    let text = shown(&asked(PLANS, plan)).text;
    assert!(text.starts_with("do it\n\nallowedPrompts: ") && text.contains("Bash"), "{text}");
    let mut asks = questions_asked();
    asks.input["metadata"] = json!({"source": "x"});
    assert!(shown(&asks).text.ends_with("metadata: {\"source\":\"x\"}"));
}

#[test]
fn a_command_is_allowed_changed_remembered_or_denied() {
    let bash = asked("Bash", json!({"command": "touch x", "description": "d"}));
    assert_eq!(decision(&bash, &allow()), json!({"behavior": "allow"}));
    let changed = AnswerAsk { command: Some("touch y".into()), ..allow() };
    assert_eq!(decision(&bash, &changed)["updatedInput"], json!({"command": "touch y", "description": "d"}));
    let always = AnswerAsk { always: true, ..allow() };
    assert_eq!(decision(&bash, &always)["updatedPermissions"][0]["rules"][0]["ruleContent"], "touch x");
    assert_eq!(shown(&bash).always.as_deref(), Some("Bash(touch x)"));
    // A rule for one command means no others.
    for command in ["touch *", "touch x\nrm y", "npm run:"] {
        let wide = asked("Bash", json!({ "command": command }));
        assert_eq!((shown(&wide).always, reply(&wide, &always).is_err()), (None, true), "{command}");
    }
    let deny = AnswerAsk { decision: AskDecision::Deny, reason: Some("no".into()), ..allow() };
    assert_eq!(decision(&bash, &deny), json!({"behavior": "deny", "message": "no"}));
    let deny = AnswerAsk { reason: None, ..deny };
    assert_eq!(decision(&bash, &deny)["message"], DENIED);
    for wrong in [
        AnswerAsk { reason: Some("no".into()), ..allow() },
        AnswerAsk { command: Some(" ".into()), ..allow() },
        AnswerAsk { always: true, command: Some("touch y".into()), ..allow() },
        AnswerAsk { answers: vec![QuestionAnswer::default()], ..allow() },
        AnswerAsk { always: true, ..deny.clone() },
        AnswerAsk { reason: Some("x".repeat(LONGEST_ANSWER + 1)), ..deny.clone() },
    ] {
        assert!(reply(&bash, &wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn questions_are_answered_with_the_words_of_the_agent() {
    let asked = questions_asked();
    let shown = shown(&asked);
    assert_eq!((shown.kind, shown.questions.len()), (AskKind::Question, 2));
    assert_eq!(shown.questions[1].question, "Which<U+202E> one?");
    let answer = |first: &[u32], text: Option<&str>, second: &[u32]| AnswerAsk {
        answers: vec![
            QuestionAnswer { options: first.to_vec(), text: text.map(str::to_owned) },
            QuestionAnswer { options: second.to_vec(), text: None },
        ],
        ..allow()
    };
    let given = decision(&asked, &answer(&[1, 2], Some("mine"), &[2]))["updatedInput"].clone();
    assert_eq!(given["answers"], json!({"Which ones?": "A, B, mine", "Which\u{202e} one?": "D"}));
    assert_eq!(given["questions"], asked.input["questions"]);
    for wrong in [
        answer(&[], None, &[1]),
        answer(&[3], None, &[1]),
        answer(&[0], None, &[1]),
        answer(&[1, 1], None, &[1]),
        answer(&[1], None, &[1, 2]),
    ] {
        assert!(reply(&asked, &wrong).is_err(), "{wrong:?}");
    }
    assert!(reply(&asked, &allow()).is_err(), "without answers");
}

#[test]
fn questions_of_an_unknown_form_are_not_answered_here() {
    for input in [json!({}), json!({"questions": []}), json!({"questions": [{"question": "x"}]})] {
        assert!(!shown(&asked(ASKS, input)).can_be_answered);
    }
}

#[test]
fn a_plan_goes_on_where_the_agent_asks_before_it_edits() {
    let plan = asked(PLANS, json!({"plan": "do it"}));
    let decision = decision(&plan, &allow());
    assert_eq!(decision["updatedInput"], plan.input);
    assert_eq!(decision["updatedPermissions"][0]["mode"], "default");
}

#[test]
fn what_was_used_or_refused_was_answered() {
    let bash = asked("Bash", json!({"command": "touch x"}));
    let used = |event: &str, command: &str| json!({"hook_event_name": event, "tool_name": "Bash", "tool_input": {"command": command}});
    assert!(is_answered_by(&bash, &used("PostToolUse", "touch x")));
    assert!(!is_answered_by(&bash, &used("PostToolUse", "touch y")));
    assert!(!is_answered_by(&bash, &used("PreToolUse", "touch x")));
    let answered =
        json!({"hook_event_name": "PostToolUse", "tool_name": ASKS, "tool_input": {"answers": {}}});
    assert!(is_answered_by(&questions_asked(), &answered));
}
