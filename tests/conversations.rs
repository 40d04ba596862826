//! Conversations are read from transcripts: live, from anywhere in them, and told once.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use base64::Engine;
use codepiper_protocol::event::{Body, Event};
use codepiper_protocol::wire::conversation::{Conversation, Said};
use codepiper_protocol::wire::problem::Code;
use codepiper_protocol::wire::session::Session;
use codepiper_protocol::wire::stream::{ClientMessage, ServerMessage};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::harness::Answer;
use crate::harness::{Home, TIMEOUT, eventually, png};

/// A session of a `claude` that does nothing: the transcript is written by the test.
struct Written {
    home: Home,
    session: Session,
    transcript: PathBuf,
}

impl Written {
    fn new() -> Self {
        let mut home = Home::new();
        let bin = home.path("bin");
        fs::create_dir(&bin).unwrap();
        fs::write(bin.join("claude"), "#!/bin/sh\nexec cat\n").unwrap();
        fs::set_permissions(bin.join("claude"), fs::Permissions::from_mode(0o755)).unwrap();
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
        home.set_environment(&[("PATH", &path)]);
        home.start_daemon();
        let project = home.path("p");
        fs::create_dir(&project).unwrap();
        let start = ["start", "--json", "-p", "claude-code", "-d", project.to_str().unwrap()];
        let session: Session = serde_json::from_str(&home.ok(start)).unwrap();
        let folder: String = project
            .canonicalize()
            .unwrap()
            .to_string_lossy()
            .chars()
            .map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' })
            .collect();
        let transcript = home.path(&format!("user/.claude/projects/{folder}/{}.jsonl", session.id));
        Self { home, session, transcript }
    }

    fn write(&self, lines: &[Value]) {
        append(&self.transcript, lines);
    }

    fn get(&self, path: &str) -> Answer {
        self.home.get(&format!("/api/sessions/{}/conversation{path}", self.session.id))
    }

    fn conversation(&self) -> Conversation {
        self.get("").ok()
    }

    /// The same; a daemon that does not answer is not waited for.
    fn conversation_soon(&self) -> Conversation {
        let mut stream = UnixStream::connect(self.home.socket()).unwrap();
        stream.set_read_timeout(Some(TIMEOUT)).unwrap();
        let path = format!("/api/sessions/{}/conversation", self.session.id);
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        Answer::read(stream).ok()
    }

    /// What the events of the transcript tell.
    fn told(&self) -> Vec<String> {
        let logs = self.home.ok(["logs", &self.session.short_id, "--source", "transcript", "--json"]);
        let events = logs.lines().map(|line| serde_json::from_str::<Event>(line).unwrap().body);
        events
            .map(|body| match body {
                Body::TranscriptConversationChanged { place, .. } => {
                    format!("conversation {}", place.conversation)
                }
                Body::TranscriptTurnEnded { usage, .. } => format!("turn {}", usage.output),
                other => other.kind().to_owned(),
            })
            .collect()
    }

    fn until_told(&self, expected: &[&str]) {
        let first = format!("conversation {}", self.session.id);
        let expected: Vec<_> = std::iter::once(first.as_str()).chain(expected.iter().copied()).collect();
        let mut last = Vec::new();
        eventually("the events of the transcript", || {
            last = self.told();
            (last.len() >= expected.len()).then_some(())
        });
        assert_eq!(last, expected);
    }
}

fn append(file: &Path, lines: &[Value]) {
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    let mut file = OpenOptions::new().create(true).append(true).open(file).unwrap();
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    file.write_all(text.as_bytes()).unwrap();
}

fn now() -> String {
    jiff::Timestamp::now().to_string()
}

fn prompt(text: &str) -> Value {
    json!({"type": "user", "timestamp": now(), "message": {"role": "user", "content": text}})
}

fn answer(id: &str, block: &Value, output: u64) -> Value {
    let usage = json!({"input_tokens": 1, "output_tokens": output});
    json!({"type": "assistant", "timestamp": now(), "message": {"id": id, "model": "m", "content": [block], "usage": usage}})
}

fn says(id: &str, text: &str, output: u64) -> Value {
    answer(id, &json!({"type": "text", "text": text}), output)
}

fn turn_ended() -> Value {
    json!({"type": "system", "subtype": "turn_duration", "durationMs": 7, "timestamp": now()})
}

#[test]
fn a_conversation_is_read_while_it_is_written() {
    let written = Written::new();
    let empty = written.conversation();
    assert_eq!((empty.total, empty.entries.len()), (0, 0));
    let mut socket = written.home.websocket();
    let session = written.session.id;
    socket.tell(&ClientMessage::Conversation { session: Some(session) });
    socket.tell(&ClientMessage::Ping {});
    socket.until(|message| matches!(message, ServerMessage::Pong {}).then_some(()));
    let mut changed = || {
        socket.until(|message| {
            matches!(message, ServerMessage::ConversationChanged { session: of } if of == session)
                .then_some(())
        });
    };

    let image = base64::engine::general_purpose::STANDARD.encode(png());
    let block =
        json!({"type": "image", "source": {"type": "base64", "media_type": "text/html", "data": image}});
    let picture = json!({"type": "user", "timestamp": now(), "message": {"content": [{"type": "text", "text": "look"}, block]}});
    let call = json!({"type": "tool_use", "id": "t", "name": "Agent", "input": {"description": "d", "prompt": "find it"}});
    written.write(&[picture, says("a", "I see", 3), answer("a", &call, 5)]);
    changed();
    let known = eventually("all of it is read", || Some(written.conversation()).filter(|it| it.total == 3));
    assert_eq!((known.usage.input, known.usage.output), (1, 5), "one answer, told twice");
    let Said::Prompt { images, .. } = &known.entries[0].said else { panic!("{known:?}") };
    let answer = written.get(&format!("/images/{}", images[0]));
    assert_eq!((answer.status, answer.header("content-type")), (200, "image/png"));
    assert_eq!((answer.header("content-disposition"), &answer.body), ("attachment", &png()));
    assert_eq!(written.get("/images/7-7").code(), Code::NotFound);

    // A sub-agent works; its own file counts as a change.
    append(&written.transcript.with_extension("").join("subagents/agent-a1.jsonl"), &[prompt("find it")]);
    changed();
    let Said::Tool(call) = &written.conversation().entries[2].said else { panic!() };
    assert_eq!(call.agent.as_deref(), Some("a1"));
    let nested: Conversation = written.get("?agent=a1").ok();
    assert_eq!((nested.total, nested.id.as_deref()), (1, Some("a1")));
    assert_eq!(written.get("?agent=..%2Fx").code(), Code::NotFound);
    assert_eq!(written.get("?agent=b2").code(), Code::NotFound);

    let result = json!({"type": "user", "timestamp": now(), "toolUseResult": {"agentId": "a1"}, "message": {"content":
        [{"type": "tool_result", "tool_use_id": "t", "content": "found"}]}});
    written.write(&[result]);
    let found: Conversation = eventually("the result comes", || {
        Some(written.get(&format!("?changed_after={}", known.revision)).ok::<Conversation>())
            .filter(|it| !it.entries.is_empty())
    });
    assert_eq!((found.entries.len(), found.entries[0].number), (1, 2));
    assert_eq!(written.get("?limit=x").code(), Code::Invalid);
}

#[test]
fn what_happened_is_told_once_whenever_the_daemon_is_killed() {
    let mut written = Written::new();
    let of_before =
        json!({"type": "system", "subtype": "turn_duration", "timestamp": "2020-01-01T00:00:00Z"});
    written.write(&[of_before, prompt("one"), says("a", "first", 1), turn_ended(), prompt("two")]);
    written.until_told(&["turn 1"]);
    // In the middle of a turn, and of a line.
    written.write(&[says("b", "second", 2)]);
    let half = turn_ended().to_string();
    let mut file = OpenOptions::new().append(true).open(&written.transcript).unwrap();
    file.write_all(&half.as_bytes()[..20]).unwrap();
    eventually("it is read so far", || (written.conversation().total == 6).then_some(()));
    written.home.signal_daemon(Signal::SIGKILL);
    written.home.daemon_ended();
    file.write_all(format!("{}\n", &half[20..]).as_bytes()).unwrap();
    written.write(&[prompt("three"), says("c", "third", 3), turn_ended()]);
    written.home.start_daemon();
    written.until_told(&["turn 1", "turn 2", "turn 3"]);

    // Another file takes its place, with the same words and one more turn.
    let other = written.transcript.with_extension("new");
    fs::copy(&written.transcript, &other).unwrap();
    append(&other, &[says("d", "fourth", 4), turn_ended()]);
    fs::rename(other, &written.transcript).unwrap();
    let told = ["turn 1", "turn 2", "turn 3", "turn 4"];
    written.until_told(&told);
    written.home.stop_daemon();
    written.home.start_daemon();
    written.write(&[says("e", "fifth", 5), turn_ended()]);
    written.until_told(&[&told[..], &["turn 5"]].concat());
    assert_eq!(written.conversation().usage.output, 1 + 2 + 3 + 4 + 5);
}

#[test]
fn a_transcript_that_has_no_end_holds_nobody_up() {
    let written = Written::new();
    written.write(&[prompt("one")]);
    eventually("it is read", || (written.conversation().total == 1).then_some(()));

    // Nobody ever writes into it.
    fs::remove_file(&written.transcript).unwrap();
    nix::unistd::mkfifo(&written.transcript, nix::sys::stat::Mode::S_IRWXU).unwrap();
    for _ in 0..2 {
        assert_eq!(written.conversation_soon().total, 0);
    }
    assert_eq!(written.home.sessions().len(), 1);

    // 1 TiB without a line's end, which takes no space on the disk.
    fs::remove_file(&written.transcript).unwrap();
    written.write(&[prompt("two")]);
    let file = OpenOptions::new().append(true).open(&written.transcript).unwrap();
    let length = file.metadata().unwrap().len();
    file.set_len(1 << 40).unwrap();
    let found = written.conversation_soon();
    assert_eq!((found.total, found.skipped), (1, 1));
    assert_eq!(written.home.sessions().len(), 1);

    // What is a transcript again is read again.
    file.set_len(length).unwrap();
    written.write(&[prompt("three")]);
    eventually("it is read again", || (written.conversation().total == 2).then_some(()));
}

#[test]
fn a_shell_has_no_conversation() {
    let home = Home::running();
    let session = home.start(&["cat"]);
    let problem = home.get(&format!("/api/sessions/{}/conversation", session.id)).problem();
    assert_eq!(problem.code, Code::NotFound);
    assert!(problem.detail.contains("shell"), "{problem:?}");
}
