//! Real transcripts of the built-in agents, and how their files are followed.

use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use codepiper_protocol::event::Place;
use codepiper_protocol::wire::conversation::{
    Conversation, LONGEST_TEXT, MAX_ENTRIES, ReadConversation, Said, Usage,
};
use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::provider::Providers;
use crate::transcript::{Dialect, Happening, LONGEST_LINE, News, Told, Transcript, place};

fn dialect(provider: &str) -> &'static Dialect {
    Providers::built_in().find(provider).unwrap().conversations.unwrap().dialect()
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/transcripts").join(name)
}

const FIXTURES: [&str; 7] = [
    "claude-code/short",
    "claude-code/long",
    "claude-code/forked",
    "claude-code/subagent",
    "codex/short",
    "codex/long",
    "codex/forked",
];

/// A file that is written bit by bit.
struct Growing {
    dir: TempDir,
    transcript: Transcript,
    happenings: Vec<Happening>,
}

impl Growing {
    fn new(dialect: &'static Dialect) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let transcript = Transcript::new(dialect, dir.path().join("t.jsonl"));
        Self { dir, transcript, happenings: vec![] }
    }

    fn write(&mut self, bytes: &[u8]) -> News {
        let mut file = OpenOptions::new().create(true).append(true).open(self.transcript.path()).unwrap();
        file.write_all(bytes).unwrap();
        self.read()
    }

    fn read(&mut self) -> News {
        let news = self.transcript.catch_up().unwrap();
        self.happenings.extend(news.happenings.clone());
        news
    }

    /// Another file takes its place.
    fn replace(&mut self, bytes: &[u8]) -> News {
        let other = self.dir.path().join("other");
        fs::write(&other, bytes).unwrap();
        fs::rename(other, self.transcript.path()).unwrap();
        self.read()
    }

    fn all(&self) -> Conversation {
        all(&self.transcript)
    }
}

/// Every entry, whole.
fn all(transcript: &Transcript) -> Conversation {
    let page = |before| {
        let wanted =
            ReadConversation { before, limit: MAX_ENTRIES, longest: LONGEST_TEXT, ..Default::default() };
        transcript.read(None, &wanted).unwrap()
    };
    let mut conversation = page(None);
    while let Some(first) = conversation.entries.first().filter(|first| first.number > 0) {
        let older = page(Some(first.number)).entries;
        conversation.entries.splice(0..0, older);
    }
    conversation
}

/// What does not depend on when it was read.
fn content(conversation: &Conversation) -> (Vec<Said>, Usage) {
    let said = conversation.entries.iter().map(|entry| entry.said.clone()).collect();
    (said, conversation.usage)
}

fn whole(dialect: &'static Dialect, bytes: &[u8]) -> Growing {
    let mut growing = Growing::new(dialect);
    growing.write(bytes);
    growing
}

/// An entry in a line.
fn outline(said: &Said) -> String {
    let usage = |usage: &Usage| {
        format!(
            "{} in ({} cached, {} written), {} out",
            usage.input, usage.cached, usage.cache_written, usage.output
        )
    };
    match said {
        Said::Prompt { text, images } => format!("you: {text:?} {} images", images.len()),
        Said::Text { text } => format!("agent: {text:?}"),
        Said::Thinking { text } => format!("thinks: {text:?}"),
        Said::Note { text } => format!("note: {text:?}"),
        Said::Compacted { automatic } => format!("compacted: {automatic:?}"),
        Said::Interrupted { usage: spent } => format!("interrupted: {}", usage(spent)),
        Said::Failed { text } => format!("failed: {text:?}"),
        Said::ModelChanged { model } => format!("model: {model}"),
        Said::TurnEnded { usage: spent, model, .. } => format!("turn: {} by {model:?}", usage(spent)),
        Said::Tool(call) => {
            let edits =
                call.edits.iter().map(|edit| format!(" {} +{} -{}", edit.path, edit.added, edit.removed));
            let result = call.result.as_ref().map(|result| (result.failed, result.text.as_str()));
            format!(
                "tool: {} {:?}{} agent {:?} -> {result:?}",
                call.name,
                call.target,
                edits.collect::<String>(),
                call.agent
            )
        }
    }
}

/// `UPDATE_OUTLINES=1` writes them anew.
#[test]
fn real_transcripts_say_what_was_said() {
    for name in FIXTURES {
        let dialect = dialect(name.split('/').next().unwrap());
        let mut transcript = Transcript::new(dialect, fixture(&format!("{name}.jsonl")));
        transcript.catch_up().unwrap();
        let conversation = all(&transcript);
        assert_eq!(conversation.skipped, 0, "{name}");
        let lines = conversation.entries.iter().map(|entry| outline(&entry.said) + "\n");
        let text =
            lines.collect::<String>() + &format!("{:?} {:?}\n", conversation.usage, conversation.model);
        let file = fixture(&format!("{name}.outline"));
        if std::env::var_os("UPDATE_OUTLINES").is_some() {
            fs::write(&file, &text).unwrap();
        }
        assert_eq!(text, fs::read_to_string(&file).unwrap(), "{name}");
    }
}

#[test]
fn tokens_of_an_answer_count_once() {
    let mut answers: HashMap<String, (u64, u64)> = HashMap::new();
    for line in fs::read_to_string(fixture("claude-code/long.jsonl")).unwrap().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let (message, usage) = (&line["message"], &line["message"]["usage"]);
        if line["type"] == "assistant" && message["model"] != "<synthetic>" {
            let number = |name: &str| usage[name].as_u64().unwrap();
            let input = number("input_tokens")
                + number("cache_creation_input_tokens")
                + number("cache_read_input_tokens");
            answers.insert(message["id"].as_str().unwrap().into(), (input, number("output_tokens")));
        }
    }
    let mut transcript = Transcript::new(dialect("claude-code"), fixture("claude-code/long.jsonl"));
    transcript.catch_up().unwrap();
    let usage = transcript.usage();
    assert!(answers.len() > 20);
    assert_eq!(usage.input, answers.values().map(|(input, _)| input).sum::<u64>());
    assert_eq!(usage.output, answers.values().map(|(_, output)| output).sum::<u64>());
    // The turns' shares are the whole, up to the turn that has no end.
    let shares = all(&transcript).entries.into_iter().map(|entry| match entry.said {
        Said::TurnEnded { usage, .. } | Said::Interrupted { usage } => usage,
        _ => Usage::default(),
    });
    assert_eq!(shares.fold(Usage::default(), Usage::plus), usage);
}

/// Byte by byte: at each of them the file ends in the middle of a line, or at its end.
#[test]
fn a_file_may_end_anywhere() {
    for name in FIXTURES {
        let dialect = dialect(name.split('/').next().unwrap());
        let bytes = fs::read(fixture(&format!("{name}.jsonl"))).unwrap();
        let expected = whole(dialect, &bytes);
        let (body, tail) = bytes.split_at(bytes.len() - 1500.min(bytes.len()));
        let mut growing = whole(dialect, body);
        for byte in tail {
            let news = growing.write(&[*byte]);
            assert!(!news.replaced && (!news.changed || *byte == b'\n'), "{name}");
        }
        assert_eq!(content(&growing.all()), content(&expected.all()), "{name}");
        assert_eq!(growing.happenings, expected.happenings, "{name}");
    }
}

fn line(text: &str, second: u32) -> String {
    let message = json!({"role": "user", "content": text});
    let at = format!("2026-11-22T10:00:{second:02}.000Z");
    format!("{}\n", json!({"type": "user", "timestamp": at, "message": message}))
}

fn ended(second: u32) -> String {
    let at = format!("2026-11-22T10:00:{second:02}.500Z");
    format!("{}\n", json!({"type": "system", "subtype": "turn_duration", "durationMs": 5, "timestamp": at}))
}

fn prompts(growing: &Growing) -> Vec<String> {
    let said = growing.all().entries.into_iter().map(|entry| entry.said);
    said.filter_map(|said| match said {
        Said::Prompt { text, .. } => Some(text),
        _ => None,
    })
    .collect()
}

#[test]
fn another_file_is_read_from_its_beginning() {
    let mut growing = Growing::new(dialect("claude-code"));
    assert!(growing.write(line("one", 1).as_bytes()).replaced);
    let first = growing.all();
    assert!(!growing.write(line("two", 2).as_bytes()).replaced);
    assert_eq!(prompts(&growing), ["one", "two"]);
    assert_eq!(growing.all().generation, first.generation);
    // Nothing new is nothing new.
    assert!(!growing.read().changed);

    assert!(growing.replace((line("one", 1) + &line("two", 2) + &line("three", 3)).as_bytes()).replaced);
    assert_eq!(prompts(&growing), ["one", "two", "three"]);
    assert_ne!(growing.all().generation, first.generation);
    // Shorter, in its place.
    fs::write(growing.transcript.path(), line("new", 4)).unwrap();
    assert!(growing.read().replaced);
    assert_eq!(prompts(&growing), ["new"]);
    // Longer, in its place, with another beginning.
    fs::write(growing.transcript.path(), line("other", 5) + &line("longer", 6)).unwrap();
    assert!(growing.read().replaced);
    assert_eq!(prompts(&growing), ["other", "longer"]);
    fs::remove_file(growing.transcript.path()).unwrap();
    assert_eq!(growing.transcript.catch_up().unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn every_happening_is_told_once_whoever_reads() {
    let mut growing = Growing::new(dialect("claude-code"));
    let since = "2026-11-22T10:00:02Z".parse().unwrap();
    let told = |growing: &mut Growing, told: &mut Told| -> Vec<u64> {
        let new = growing.happenings.drain(..).filter(|happening| told.take(happening));
        let ends = new.filter(|happening| matches!(happening.said, Said::TurnEnded { .. }));
        ends.map(|end| end.offset).collect()
    };
    let mut first = Told::nothing(since);
    growing.write((line("of before", 1) + &ended(1) + &line("own", 3) + &ended(3)).as_bytes());
    let last = growing.happenings.last().unwrap().clone();
    assert_eq!(told(&mut growing, &mut first), [last.offset], "a fork's copy is not its own");

    // The daemon was killed, and a turn ended meanwhile.
    growing.write((line("more", 5) + &ended(5)).as_bytes());
    let mut again = whole(dialect("claude-code"), &fs::read(growing.transcript.path()).unwrap());
    assert!(again.transcript.begins_as_before(&place("c", None)).unwrap());
    let place = place("c", Some(&last));
    assert!(again.transcript.begins_as_before(&place).unwrap());
    assert!(!again.transcript.begins_as_before(&Place { offset: 3, ..place.clone() }).unwrap());
    let mut second = Told::up_to(place.offset, since);
    assert_eq!(told(&mut again, &mut second).len(), 1);
    assert_eq!(told(&mut again, &mut second), [0; 0]);

    // Its file was written anew, with other bytes before.
    again.replace((line("summary", 1) + &ended(5) + &line("last", 6) + &ended(6)).as_bytes());
    assert!(!again.transcript.begins_as_before(&place).unwrap());
    let mut third = Told::until("2026-11-22T10:00:05.5Z".parse().unwrap());
    assert_eq!(told(&mut again, &mut third).len(), 1);
}

#[test]
fn changed_entries_are_found_by_their_revision() {
    let mut growing = Growing::new(dialect("claude-code"));
    let message = |content: Value| json!({"id": "m", "model": "x", "content": [content]});
    let call = json!({"type": "assistant", "message":
        message(json!({"type": "tool_use", "id": "t", "name": "Bash", "input": {"command": "ls"}}))});
    let result = json!({"type": "user", "message": {"content":
        [{"type": "tool_result", "tool_use_id": "t", "content": "a\nb", "is_error": false}]}});
    growing.write(format!("{}{call}\n{}", line("do it", 1), line("meanwhile", 2)).as_bytes());
    let known = growing.all().revision;
    assert!(growing.write(format!("{result}\n").as_bytes()).changed);
    let wanted = ReadConversation { changed_after: Some(known), ..Default::default() };
    let changed = growing.transcript.read(None, &wanted).unwrap();
    assert_eq!((changed.entries.len(), changed.entries[0].number, changed.total), (1, 1, 3));
    let Said::Tool(call) = &changed.entries[0].said else { panic!("{changed:?}") };
    assert_eq!(call.result.as_ref().map(|result| (result.text.as_str(), result.lines)), Some(("a\nb", 2)));
    let page = |before, after| {
        let wanted = ReadConversation { before, after, limit: 1, ..Default::default() };
        growing.transcript.read(None, &wanted).unwrap().entries.iter().map(|entry| entry.number).collect()
    };
    let (newest, older, newer): (Vec<_>, Vec<_>, Vec<_>) =
        (page(None, None), page(Some(2), None), page(None, Some(0)));
    assert_eq!((newest, older, newer), (vec![2], vec![1], vec![1]));
}

#[test]
fn edits_are_hunks() {
    let edit = json!({"type": "tool_use", "id": "t", "name": "Edit", "input":
        {"file_path": "/x/a.rs", "old_string": "let a = 1;\nlet b = 2;", "new_string": "let a = 1;\nlet b = 3;"}});
    let patch = json!([{"oldStart": 19, "oldLines": 2, "newStart": 19, "newLines": 2,
        "lines": [" let a = 1;", "-let b = 2;", "+let b = 3;", "\\ No newline at end of file"]}]);
    let call = json!({"type": "assistant", "message": {"id": "m", "model": "x", "content": [edit]}});
    let result = json!({"type": "user", "toolUseResult": {"filePath": "/x/a.rs", "structuredPatch": patch},
        "message": {"content": [{"type": "tool_result", "tool_use_id": "t", "content": "done"}]}});
    let mut growing = whole(dialect("claude-code"), format!("{call}\n").as_bytes());
    let edits = |growing: &Growing| match growing.all().entries.remove(0).said {
        Said::Tool(call) => call.edits,
        said => panic!("{said:?}"),
    };
    let lines = ["-let b = 2;", "+let b = 3;"];
    let before = edits(&growing);
    assert_eq!((before[0].added, before[0].removed, before[0].hunks[0].old_start), (1, 1, None));
    assert_eq!(before[0].hunks[0].lines[1..], lines);
    growing.write(format!("{result}\n").as_bytes());
    let after = edits(&growing);
    assert_eq!(
        (after[0].hunks[0].old_start, &after[0].hunks[0].lines[1..]),
        (Some(19), &lines.map(str::to_owned)[..])
    );
}

#[test]
fn images_are_read_when_asked_for() {
    let block = |data: &str| json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}});
    let prompt = json!({"type": "user", "message": {"content":
        [{"type": "text", "text": "look"}, block("Zmlyc3Q="), block("c2Vjb25k")]}});
    let codex = json!({"type": "event_msg", "payload": {"type": "item_completed", "item": {"type": "UserMessage",
        "content": [{"type": "image", "image_url": "data:image/png;base64,c2Vjb25k"}, {"type": "text", "text": "look"}]}}});
    for (dialect, value, images) in [(dialect("claude-code"), prompt, 2), (dialect("codex"), codex, 1)] {
        let growing = whole(dialect, format!("{{}}\n{value}\n").as_bytes());
        let Said::Prompt { text, images: named } = growing.all().entries.remove(0).said else { panic!() };
        assert_eq!((text.as_str(), named.len()), ("look", images));
        let last = growing.transcript.image(named.last().unwrap()).unwrap();
        assert_eq!(last.as_deref(), Some(&b"second"[..]));
        for none in ["0-0", "3-9", "", "x", "99999999-0", "../x"] {
            assert_eq!(growing.transcript.image(none).unwrap(), None, "{none}");
        }
    }
}

#[test]
fn sub_agents_are_found_while_they_work_and_afterwards() {
    let mut growing = Growing::new(dialect("claude-code"));
    let call = |id: &str, prompt: &str| {
        json!({"type": "assistant", "message": {"id": "m", "model": "x", "content":
            [{"type": "tool_use", "id": id, "name": "Agent", "input": {"description": "d", "prompt": prompt}}]}})
    };
    growing.write(format!("{}\n{}\n", call("a", "find it"), call("b", "mend it")).as_bytes());
    let folder = growing.transcript.agents().unwrap();
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("agent-a1.jsonl"), line("find it", 1)).unwrap();
    fs::write(folder.join("agent-b2.jsonl"), line("mend it", 1) + &line("x", 2)).unwrap();
    let agents: Vec<_> = growing
        .all()
        .entries
        .into_iter()
        .filter_map(|entry| if let Said::Tool(call) = entry.said { call.agent } else { None })
        .collect();
    assert_eq!(agents, ["a1", "b2"]);
    let mut agent = growing.transcript.agent("b2").unwrap();
    agent.catch_up().unwrap();
    assert_eq!(all(&agent).total, 2);
    for bad in ["", "../a1", "a/b", "a.b"] {
        assert!(growing.transcript.agent(bad).is_none(), "{bad}");
    }
}

/// 50 MB, a line of 20 MB among them and one that is longer than what is read.
#[test]
fn what_is_held_does_not_grow_with_the_file() {
    let mut growing = Growing::new(dialect("claude-code"));
    let text = "x".repeat(2000);
    let mut expected = 0;
    let ordinary: String = (0..1000).map(|second| line(&text, second % 60)).collect();
    for _ in 0..5 {
        growing.write(ordinary.as_bytes());
        expected += 1000;
    }
    growing.write(line(&"y".repeat(20_000_000), 1).as_bytes());
    growing.write(line(&"z".repeat(LONGEST_LINE), 1).as_bytes());
    growing.write(line("the end", 1).as_bytes());
    let file = fs::metadata(growing.transcript.path()).unwrap().len();
    assert!(file > 50_000_000, "{file}");
    let held = growing.transcript.held();
    assert!(held < 1_000_000, "{held} bytes");
    let newest = growing.transcript.read(None, &ReadConversation { limit: 2, ..Default::default() }).unwrap();
    assert_eq!((newest.total, newest.skipped), (expected + 2, 1));
    let Said::Prompt { text, .. } = &newest.entries[0].said else { panic!() };
    assert_eq!((text.len(), newest.entries[0].cut), (16 * 1024, true));
    assert!(!newest.entries[1].cut);
}

/// Sparse files cost nobody a disk.
#[test]
fn a_line_without_an_end_is_passed_over_and_not_read_again() {
    let growing = Growing::new(dialect("claude-code"));
    let path = growing.transcript.path().to_owned();
    fs::write(&path, line("before", 1)).unwrap();
    let file = OpenOptions::new().append(true).open(&path).unwrap();
    let begin = file.metadata().unwrap().len();
    file.set_len(1 << 40).unwrap();
    let (done, ends) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut growing = growing;
        growing.read();
        growing.read();
        let _ = done.send(growing);
    });
    let mut growing = ends.recv_timeout(std::time::Duration::from_secs(60)).expect("it reads on and on");
    assert_eq!((growing.all().total, growing.all().skipped), (1, 1));

    // What follows it is found, though it is a new line that is read in pieces.
    file.set_len(begin).unwrap();
    growing.read();
    file.set_len(begin + 100_000_000).unwrap();
    growing.read();
    growing.write(format!("\n{}", line("behind", 1)).as_bytes());
    for _ in 0..2 {
        growing.read();
    }
    assert_eq!(
        (growing.all().skipped, prompts(&growing)),
        (1, vec!["before".to_owned(), "behind".to_owned()])
    );
}

#[test]
fn a_transcript_that_is_no_file_is_not_waited_for() {
    let mut growing = Growing::new(dialect("claude-code"));
    nix::unistd::mkfifo(growing.transcript.path(), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let (done, ends) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let kinds = [
            growing.transcript.catch_up().err().map(|error| error.kind()),
            growing.transcript.read(None, &ReadConversation::default()).err().map(|error| error.kind()),
        ];
        let _ = done.send((kinds, growing));
    });
    let (kinds, _growing) = ends.recv_timeout(std::time::Duration::from_secs(60)).expect("it waits");
    assert_eq!(kinds, [Some(ErrorKind::InvalidInput); 2]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Any bytes, in any pieces, with real lines among them: the real ones are all there, once.
    #[test]
    fn nothing_is_lost_or_doubled(
        junk in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..12),
        cuts in prop::collection::vec(0usize..4000, 0..10),
    ) {
        let mut bytes = Vec::new();
        for (number, junk) in junk.iter().enumerate() {
            bytes.extend(junk.iter().filter(|byte| **byte != b'\n'));
            bytes.push(b'\n');
            bytes.extend(line(&format!("prompt {number}"), 1).as_bytes());
        }
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
        cuts.sort_unstable();
        let mut growing = Growing::new(dialect("claude-code"));
        let mut from = 0;
        for cut in cuts.into_iter().chain([bytes.len()]) {
            growing.write(&bytes[from..cut]);
            from = cut;
        }
        let expected: Vec<String> = (0..junk.len()).map(|number| format!("prompt {number}")).collect();
        prop_assert_eq!(prompts(&growing), expected);
    }
}
