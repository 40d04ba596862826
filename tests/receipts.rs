//! What becomes of a text that is sent to a real agent: exactly one submission of exactly that text, or a refusal.

use std::fs;
use std::path::{Path, PathBuf};

use codepiper_protocol::event::Body;
use codepiper_protocol::wire::input::{Receipt, Sent};
use codepiper_protocol::wire::session::Activity;
use codepiper_protocol::wire::stream::{Begin, ClientMessage, Delivery, ServerMessage};
use serde_json::Value;

use crate::agents::{Agent, Bed, CLAUDE_CODE, CODEX, NEWEST_CLAUDE_CODE, NEWEST_CODEX};
use crate::harness::eventually;

#[test]
fn claude_code_gets_each_text_once_whatever_it_does() {
    each_text_once(&CLAUDE_CODE);
}

#[test]
fn codex_gets_each_text_once_whatever_it_does() {
    each_text_once(&CODEX);
}

fn each_text_once(agent: &Agent) {
    let bed = Bed::new(agent);
    let id = &bed.start(&[]).id.to_string();
    bed.home.ok(["wait", id, "--until", "idle", "--timeout", "60"]);
    let texts = |state: &str| {
        // Short to answer, long to type.
        let long = format!("slow: 1 1 {state} {}\nits second line\nand its third", "long ".repeat(20 * 1024));
        assert!(long.len() > 100_000);
        [format!("{state} one"), format!("{state} first\nsecond\nthird"), long]
    };

    // Idle: it is known that a turn began. One that has just been started may say that it works until it is ready.
    let receipt = bed.send(id, "ready", &[]).receipt;
    assert!(receipt >= Receipt::Submitted, "{receipt:?}");
    bed.until_idle(id);
    for text in texts("idle") {
        assert_eq!(bed.send(id, &text, &[]).receipt, Receipt::TurnStarted);
        bed.until_idle(id);
        bed.submitted_once(&text);
    }

    // In copy mode, as a person who scrolls left it.
    let target = format!("=codepiper-{}:", bed.home.session(id).short_id);
    for text in texts("scrolled") {
        bed.home.tmux_says(&["copy-mode", "-t", &target]);
        assert_eq!(bed.send(id, &text, &[]).receipt, Receipt::TurnStarted);
        bed.until_idle(id);
        bed.submitted_once(&text);
    }

    // Working: what was queued comes after the turn, in order.
    bed.home.ok(["send", id, "slow: 30 100", "--wait", "text=word3", "--timeout", "20"]);
    let refused = bed.home.fails(1, ["send", id, "--if-busy", "refuse", "refused"]);
    assert!(refused.contains("is working"), "{refused}");
    for text in texts("working") {
        assert_eq!(bed.send(id, &text, &[]).receipt, Receipt::Queued);
    }
    assert_eq!(bed.home.session(id).queued, 3);
    bed.until_idle(id);
    for text in texts("working") {
        bed.submitted_once(&text);
    }
    assert_eq!(bed.submissions("refused"), 0);

    // Waiting for a person: refused, unless it shall wait as well. A text is no answer.
    bed.home.ok(["send", id, &format!("{}never", agent.touch), "--wait", "waiting", "--timeout", "20"]);
    bed.home.ok(["wait", id, "--until", &format!("text={}", agent.asks), "--timeout", "20"]);
    let refused = bed.home.fails(1, ["send", id, "refused"]);
    assert!(refused.contains("is waiting for an answer"), "{refused}");
    for text in texts("waiting") {
        assert_eq!(bed.send(id, &text, &["--if-busy", "queue"]).receipt, Receipt::Queued);
    }
    let refused = bed.home.fails(1, ["send", id, "--if-busy", "now", "refused"]);
    assert!(refused.contains("Enter was not pressed"), "{refused}");
    assert!(!bed.project.join("never").exists());
    bed.home.ok(["keys", id, "escape"]);
    bed.until_idle(id);
    for text in texts("waiting") {
        bed.submitted_once(&text);
    }
    assert_eq!(bed.submissions("refused"), 0);
    assert!(!bed.project.join("never").exists());

    // What waits can be forgotten, and a daemon that is started again sends what still does.
    bed.home.ok(["send", id, "slow: 120 100", "--wait", "text=word3", "--timeout", "20"]);
    bed.send(id, "forgotten", &[]);
    bed.home.ok(["send", id, "--drop-queued"]);
    bed.send(id, "remembered", &[]);
    let mut bed = bed;
    bed.home.stop_daemon();
    bed.home.start_daemon();
    bed.until_idle(id);
    bed.submitted_once("remembered");
    assert_eq!(bed.submissions("forgotten"), 0);
}

#[test]
fn what_waits_for_claude_code_is_held_by_an_interrupt() {
    held_by_an_interrupt(&CLAUDE_CODE);
}

#[test]
fn what_waits_for_codex_is_held_by_an_interrupt() {
    held_by_an_interrupt(&CODEX);
}

/// Whoever interrupts an agent has something to say first.
fn held_by_an_interrupt(agent: &Agent) {
    let mut bed = Bed::new(agent);
    let id = &bed.start(&[]).id.to_string();
    bed.home.ok(["wait", id, "--until", "idle", "--timeout", "60"]);
    let interrupt = |bed: &Bed, queued: &str| {
        bed.home.ok(["send", id, "slow: 500 100", "--wait", "text=word3", "--timeout", "20"]);
        assert_eq!(bed.send(id, queued, &[]).receipt, Receipt::Queued);
        bed.home.ok(["keys", id, "escape"]);
        bed.home.ok(["wait", id, "--until", "idle", "--timeout", "20"]);
        // What was interrupted stands in Claude Code's composer again.
        bed.home.ok(["keys", id, "ctrl+u"]);
        bed.home.ok(["wait", id, "--until", "quiet=1", "--timeout", "20"]);
        let held = bed.home.session(id);
        assert!(held.queue_held && held.queued == 1, "{held:?}");
        assert_eq!(bed.submissions(queued), 0);
    };
    interrupt(&bed, "queued before");
    assert!(bed.send(id, "this first", &[]).receipt >= Receipt::Submitted);
    bed.until_idle(id);
    bed.submitted_once("queued before");
    let request = bed.request("queued before");
    assert!(request["earlier"].as_array().unwrap().contains(&"this first".into()), "{request}");
    // Until somebody lets it go on, whatever becomes of the daemon.
    interrupt(&bed, "queued again");
    bed.home.stop_daemon();
    bed.home.start_daemon();
    bed.home.ok(["wait", id, "--until", "quiet=1", "--timeout", "20"]);
    assert!(bed.home.session(id).queue_held);
    assert_eq!(bed.submissions("queued again"), 0);
    assert!(bed.home.ok(["send", id, "--release-queued"]).contains("released"));
    bed.until_idle(id);
    bed.submitted_once("queued again");
    assert!(bed.home.ok(["logs", id]).contains("Held 1 queued text: the agent was interrupted"));
}

/// A prompt in every script, and what is easily lost on a screen: letters of several code points, what cannot be seen,
/// emoji that are joined.
const PROMPTS: [&str; 54] = [
    "ok 👍🏽 fine",
    "👍🏽",
    "👍🏽👍🏿👍🏻",
    "family 👨‍👩‍👧‍👦 here",
    "👨‍👩‍👧‍👦",
    "👩‍❤️‍💋‍👨 x",
    "🏴󠁧󠁢󠁥󠁮󠁧󠁿 England",
    "🇪🇸 🇩🇪",
    "1️⃣ one",
    "❤️",
    "🧑🏽‍💻 dev",
    "বাংলা ভাষায় লেখা",
    "ક્ષમા કરો ગુજરાતી",
    "తెలుగు భాషలో",
    "हिन्दी में लिखिए",
    "क्षत्रिय",
    "தமிழ் மொழியில்",
    "ಕನ್ನಡ ಭಾಷೆ",
    "മലയാളം ഭാഷ",
    "සිංහල භාෂාව",
    "ภาษาไทยเขียนที่นี่",
    "ພາສາລາວ",
    "မြန်မာဘာသာ",
    "ភាសាខ្មែរ",
    "བོད་སྐད་",
    "ქართული",
    "Հայերեն",
    "שָׁלוֹם",
    "مُحَمَّد رَسُول",
    "ኣማርኛ",
    "ᏣᎳᎩ",
    "ᐃᓄᒃᑎᑐᑦ",
    "Ελληνικά ώρα",
    "Русский й",
    "日本語を書いて",
    "中文字符",
    "한국어 문장",
    "ᠮᠣᠩᠭᠣᠯ",
    "ꦗꦮ",
    "𝕳𝖊𝖑𝖑𝖔",
    "𒀀𒁀",
    "ｆｕｌｌ ｗｉｄｔｈ",
    "cafe\u{301} gro\u{308}\u{df}er",
    "Tie\u{302}\u{301}ng Vie\u{323}\u{302}t",
    "\u{1112}\u{1161}\u{11ab}\u{1100}\u{116e}\u{11a8}",
    "\u{30ab}\u{3099}\u{30ad}\u{3099}",
    "a\u{200d}b",
    "zero\u{200b}width",
    "so\u{ad}ft hy\u{ad}phen",
    "wo\u{2060}rd",
    "می\u{200c}خواهم",
    "\u{feff}begins with a mark",
    "\u{301} combining first",
    "Z\u{351}\u{36b}\u{343}\u{36a}\u{302}\u{36b}\u{33d}\u{334}\u{319}\u{324}\u{31e} stacked",
];

#[test]
fn claude_code_gets_texts_in_every_script() {
    every_script(&CLAUDE_CODE);
}

#[test]
fn codex_gets_texts_in_every_script() {
    every_script(&CODEX);
}

#[test]
fn newest_claude_code_gets_texts_in_every_script() {
    every_script(&NEWEST_CLAUDE_CODE);
}

#[test]
fn newest_codex_gets_texts_in_every_script() {
    every_script(&NEWEST_CODEX);
}

fn every_script(agent: &Agent) {
    let bed = Bed::new(agent);
    let id = &bed.start(&[]).id.to_string();
    bed.home.ok(["wait", id, "--until", "idle", "--timeout", "60"]);
    let receipt = bed.send(id, "ready", &[]).receipt;
    assert!(receipt >= Receipt::Submitted, "{receipt:?}");
    bed.until_idle(id);
    for text in PROMPTS {
        assert_eq!(bed.send(id, text, &[]).receipt, Receipt::TurnStarted, "{text}");
        bed.until_idle(id);
    }
    // What is left in the composer is a draft, in these scripts too.
    for text in ["বাংলা ভাষায়", "👍🏽", "한국어"] {
        bed.home.ok(["send", id, text, "--no-newline"]);
        bed.home.ok(["send", id, " and more"]);
        bed.until_idle(id);
    }
    bed.home.ok(["send", id, "slow: 30 100", "--wait", "text=word3", "--timeout", "20"]);
    assert_eq!(bed.send(id, "తెలుగు 👨‍👩‍👧 waits", &[]).receipt, Receipt::Queued);
    bed.until_idle(id);
    bed.submitted_once("తెలుగు 👨‍👩‍👧 waits");
}

#[test]
fn claude_code_gets_no_text_as_a_part_of_a_draft() {
    no_part_of_a_draft(&CLAUDE_CODE);
}

#[test]
fn codex_gets_no_text_as_a_part_of_a_draft() {
    no_part_of_a_draft(&CODEX);
}

fn no_part_of_a_draft(agent: &Agent) {
    let bed = Bed::new(agent);
    let id = &bed.start(&[]).id.to_string();
    bed.home.ok(["wait", id, "--until", "idle", "--timeout", "60"]);
    let receipt = bed.send(id, "ready", &[]).receipt;
    assert!(receipt >= Receipt::Submitted, "{receipt:?}");
    bed.until_idle(id);

    // What somebody has typed stays his.
    bed.home.ok(["keys", id, "d", "r", "a", "f", "t"]);
    bed.home.ok(["wait", id, "--until", "text=draft", "--timeout", "20"]);
    let refused = bed.home.fails(1, ["send", id, "refused"]);
    assert!(refused.contains("has a draft in its composer"), "{refused}");
    // Wherever he left the cursor.
    bed.home.ok(["keys", id, "home"]);
    let refused = bed.home.fails(1, ["send", id, "refused"]);
    assert!(refused.contains("has a draft in its composer"), "{refused}");
    bed.home.ok(["keys", id, "end"]);
    let queued = bed.send(id, "later", &["--if-busy", "queue"]);
    assert_eq!(queued.receipt, Receipt::Queued);
    assert_eq!(bed.home.session(id).queued, 1);
    let draft = ["backspace"; 5];
    bed.home.ok([&["keys", id], &draft[..]].concat());
    bed.until_idle(id);
    bed.submitted_once("later");

    // What was sent without Enter is gone on with, also when the terminal says where its focus is.
    bed.home.ok(["send", id, "one text ", "--no-newline"]);
    let mut terminal = bed.home.websocket();
    terminal.subscribe(id, Begin::Live, Delivery::Latest);
    let channel = terminal.until(|message| match message {
        ServerMessage::Subscribed { channel, .. } => Some(channel),
        _ => None,
    });
    terminal.type_(channel, b"\x1b[O");
    bed.send(id, "in two parts", &[]);
    bed.until_idle(id);
    bed.submitted_once("one text in two parts");

    // Whoever says so types behind a draft.
    bed.home.ok(["keys", id, "a"]);
    bed.home.ok(["wait", id, "--until", "text=a$", "--timeout", "20"]);
    bed.send(id, "ll of it", &["--if-busy", "now"]);
    bed.until_idle(id);
    bed.submitted_once("all of it");
    assert_eq!(bed.submissions("refused"), 0);
}

#[test]
fn claude_code_gets_no_key_of_a_person_with_a_sent_text() {
    no_key_with_a_text(&NEWEST_CLAUDE_CODE);
}

#[test]
fn codex_gets_no_key_of_a_person_with_a_sent_text() {
    no_key_with_a_text(&NEWEST_CODEX);
}

/// A person types as soon as Enter was pressed: what they type stays theirs.
fn no_key_with_a_text(agent: &Agent) {
    let bed = Bed::new(agent);
    let id = &bed.start(&[]).id.to_string();
    bed.home.ok(["wait", id, "--until", "idle", "--timeout", "60"]);
    bed.send(id, "ready", &[]);
    bed.until_idle(id);
    let mut person = bed.home.websocket();
    person.subscribe(id, Begin::Live, Delivery::Latest);
    let channel = person.until(|message| match message {
        ServerMessage::Subscribed { channel, .. } => Some(channel),
        _ => None,
    });
    person.tell(&ClientMessage::Events { session: None, after: None });
    for round in 0..5 {
        let text = format!("text number {round}");
        std::thread::scope(|scope| {
            scope.spawn(|| bed.send(id, &text, &[]));
            person.until(|message| match message {
                ServerMessage::Event { event } => {
                    matches!(event.body, Body::InputSent { enter: true, .. }).then_some(())
                }
                _ => None,
            });
            person.type_(channel, b"Z");
        });
        eventually("the text is submitted", || (bed.submissions(&text) == 1).then_some(()));
        bed.home.ok(["wait", id, "--until", r"text=[❯›]\sZ", "--timeout", "20"]);
        bed.home.ok(["keys", id, "backspace"]);
        bed.until_idle(id);
    }
}

impl Bed {
    fn send(&self, id: &str, text: &str, flags: &[&str]) -> Sent {
        let args = [&["send", id, "-", "--json"], flags].concat();
        let ran = self.home.run_with(args, text.as_bytes());
        assert_eq!(ran.code, Some(0), "{text:.40}: {ran:?}");
        serde_json::from_str(&ran.stdout).unwrap()
    }

    pub(crate) fn until_idle(&self, id: &str) {
        eventually("it is idle and nothing waits", || {
            let session = self.home.session(id);
            (session.activity == Activity::Idle && session.queued == 0).then_some(())
        });
    }

    /// Agents write their transcripts a little later.
    pub(crate) fn submitted_once(&self, text: &str) {
        eventually(&format!("{text:.40} stands in the transcript"), || {
            (self.submissions(text) > 0).then_some(())
        });
        assert_eq!(self.submissions(text), 1, "{text:.40}");
    }

    /// The person's own settings of the agent, but for how often Codex has shown an offer.
    fn own_settings(&self, file: &str) -> Vec<String> {
        let text = fs::read_to_string(self.home.path("user").join(file)).unwrap_or_default();
        let is_count = |line: &&str| line.ends_with(|end: char| end.is_ascii_digit());
        text.lines().filter(|line| !is_count(line)).map(str::to_owned).collect()
    }

    /// How often exactly this text stands in the agent's own transcript as a prompt.
    pub(crate) fn submissions(&self, text: &str) -> usize {
        let mut files = Vec::new();
        for folder in ["user/.claude/projects", "user/.codex/sessions"] {
            transcripts(&self.home.path(folder), &mut files);
        }
        let texts: Vec<String> = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
        let lines = texts.iter().flat_map(|text| text.lines());
        let said = lines.filter_map(|line| prompt(&serde_json::from_str(line).ok()?));
        said.filter(|said| said == text).count()
    }
}

fn transcripts(folder: &Path, found: &mut Vec<PathBuf>) {
    for path in fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            transcripts(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "jsonl") {
            found.push(path);
        }
    }
}

/// What a person said, if this line of a transcript tells it.
fn prompt(line: &Value) -> Option<String> {
    let message = match line["type"].as_str()? {
        "user" => &line["message"],
        "response_item" if line["payload"]["type"] == "message" => &line["payload"],
        _ => return None,
    };
    let said = match &message["content"] {
        Value::String(text) => text.clone(),
        content => content.as_array()?.iter().find_map(|part| part["text"].as_str())?.to_owned(),
    };
    (message["role"] == "user").then_some(said)
}

#[test]
fn claude_code_gets_texts_that_its_composer_would_change() {
    texts_that_composers_change(&CLAUDE_CODE, "/tmp");
}

#[test]
fn codex_gets_texts_that_its_composer_would_change() {
    texts_that_composers_change(&CODEX, "see /tmp");
}

#[test]
fn newest_claude_code_gets_texts_that_its_composer_would_change() {
    texts_that_composers_change(&NEWEST_CLAUDE_CODE, "/tmp");
}

#[test]
fn newest_codex_gets_texts_that_its_composer_would_change() {
    texts_that_composers_change(&NEWEST_CODEX, "see /tmp");
}

/// Composers complete words, go on in another line, and show letters in another form.
fn texts_that_composers_change(agent: &Agent, path: &str) {
    let bed = Bed::new(agent);
    fs::write(bed.project.join("a.txt"), "").unwrap();
    let id = &bed.start(&[]).id.to_string();
    bed.home.ok(["wait", id, "--until", "idle", "--timeout", "60"]);
    let receipt = bed.send(id, "ready", &[]).receipt;
    assert!(receipt >= Receipt::Submitted, "{receipt:?}");
    bed.until_idle(id);
    let texts = [
        "look at @a.txt",
        "and then\nplease look at @a",
        "use $im",
        r"in C:\dir\",
        path,
        "family \u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467} \u{2713} \u{65e5}\u{672c}\u{8a9e} here",
    ];
    for text in texts {
        assert_eq!(bed.send(id, text, &[]).receipt, Receipt::TurnStarted, "{text:?}");
        bed.until_idle(id);
        bed.submitted_once(text);
    }
    // Behind work, too: what comes after them is not held up.
    bed.home.ok(["send", id, "slow: 40 100", "--wait", "text=word3", "--timeout", "20"]);
    for text in ["now look at @a.txt", r"in D:\dir\", "the last one"] {
        assert_eq!(bed.send(id, text, &[]).receipt, Receipt::Queued);
    }
    bed.until_idle(id);
    for text in ["now look at @a.txt", r"in D:\dir\", "the last one"] {
        bed.submitted_once(text);
    }
    // Nothing at all is no prompt.
    assert_eq!(bed.send(id, "", &[]).receipt, Receipt::Written);
}

/// Enter does not send it, and the agent says so only on its screen.
#[test]
fn a_command_that_is_none_is_not_reported_as_sent() {
    let bed = Bed::new(&CODEX);
    let id = &bed.start(&[]).id.to_string();
    bed.home.ok(["wait", id, "--until", "idle", "--timeout", "60"]);
    let receipt = bed.send(id, "ready", &[]).receipt;
    assert!(receipt >= Receipt::Submitted, "{receipt:?}");
    bed.until_idle(id);
    let failed = bed.home.fails(1, ["send", id, "/nonsense"]);
    assert!(failed.contains("codex did not take the text"), "{failed}");
    assert_eq!(bed.submissions("/nonsense"), 0);
}

#[test]
fn claude_code_switches_its_model_for_one_session() {
    switches(&CLAUDE_CODE, "haiku", "Haiku", ".claude/settings.json");
    switches(&NEWEST_CLAUDE_CODE, "haiku", "Haiku", ".claude/settings.json");
}

#[test]
fn codex_switches_its_model_for_one_session() {
    switches(&CODEX, "gpt-6-sol", "gpt-6-sol", ".codex/config.toml");
    // The model that it uses stands in the tenth row or below: only nine have a number.
    switches(&NEWEST_CODEX, "gpt-6-luna", "gpt-6-luna", ".codex/config.toml");
}

fn switches(agent: &Agent, model: &str, wanted: &str, settings: &str) {
    let bed = Bed::new(agent);
    let id = &bed.start(&[]).id.to_string();
    bed.home.ok(["wait", id, "--until", "idle", "--timeout", "60"]);
    bed.send(id, "before", &[]);
    bed.until_idle(id);
    let own = || bed.own_settings(settings);
    let before = own();
    let first = bed.request("before")["model"].clone();
    assert!(!first.as_str().unwrap().contains(model), "{first}");

    let unknown = bed.home.fails(2, ["model", id, "no-such-model"]);
    assert!(unknown.contains("no-such-model") && unknown.contains(", "), "{unknown}");
    let said = bed.home.ok(["model", id, wanted]);
    assert!(said.contains(model), "{said}");
    bed.send(id, "after", &[]);
    bed.until_idle(id);
    let after = bed.request("after");
    assert!(after["model"].as_str().unwrap().contains(model), "{after}");
    // Its transcript may call it by its whole name.
    let told = bed.home.ok(["model", id]);
    assert!(told.contains(model), "{told}");

    // Nobody else uses it.
    assert_eq!(own(), before);
    let other = &bed.start(&["--prompt", "elsewhere"]).id.to_string();
    bed.home.ok(["wait", other, "--until", "text=You said: elsewhere", "--timeout", "20"]);
    assert_eq!(bed.request("elsewhere")["model"], first);

    // It holds for the next run of the session.
    bed.home.ok(["stop", id]);
    bed.home.ok(["resume", id]);
    bed.send(id, "resumed", &[]);
    bed.until_idle(id);
    assert!(bed.request("resumed")["model"].as_str().unwrap().contains(model));
    assert_eq!(own(), before);
}

/// Lists and questions of earlier switches, in the agent's own words.
const CLAUDE_CODE_SAID: &str = "Select model\n❯ 1. Sonnet\nSwitch model?\nSet model to Haiku for this session only\n\
                                s to use this session only · Esc to cancel\n2. No, go back";
const CODEX_SAID: &str = "Select Model and Effort\n› 1. GPT-6-Sol\nSelect Reasoning Level for GPT-6-Sol\n\
                          Model changed to gpt-6-sol for this session only\nenter default · s session · esc back";

#[test]
fn claude_code_switches_its_model_whatever_was_said() {
    let models = ["haiku", "sonnet", "haiku", "opus[1m]", "sonnet", "claude-sonnet-5[1m]", "haiku"];
    switches_often(&CLAUDE_CODE, CLAUDE_CODE_SAID, &models, ".claude/settings.json");
}

#[test]
fn codex_switches_its_model_whatever_was_said() {
    let models =
        ["gpt-6-luna", "gpt-6-sol", "gpt-6-sol", "gpt-6.1-terra", "gpt-5.5", "gpt-6-luna", "gpt-6-sol"];
    switches_often(&CODEX, CODEX_SAID, &models, ".codex/config.toml");
}

fn switches_often(agent: &Agent, said: &str, models: &[&str], settings: &str) {
    let bed = Bed::new(agent);
    let id = &bed.start(&[]).id.to_string();
    let says = |text: &str| {
        bed.send(id, text, &[]);
        bed.until_idle(id);
    };
    says(said);
    let before = bed.own_settings(settings);
    for (number, model) in models.iter().enumerate() {
        bed.home.ok(["model", id, model]);
        assert_eq!(bed.home.ok(["model", id]).trim(), *model);
        if number % 3 == 0 {
            says(said);
        }
    }
    says("and on");
    let request = bed.request("and on");
    let earlier = request["earlier"].as_array().unwrap().iter().map(|text| text.as_str().unwrap());
    // For another model Codex may make a summary first.
    let typed: Vec<_> = earlier.filter(|text| !text.contains("<summary>")).collect();
    assert_eq!(typed, [said; 4]);
    let last = models.last().unwrap();
    assert!(request["model"].as_str().unwrap().contains(last));
    assert_eq!(bed.own_settings(settings), before);
}

#[test]
fn claude_code_knows_the_names_that_it_prints() {
    let bed = Bed::new(&CLAUDE_CODE);
    let id = &bed.start(&[]).id.to_string();
    bed.home.ok(["wait", id, "--until", "idle", "--timeout", "60"]);
    bed.send(id, "before", &[]);
    bed.until_idle(id);
    let printed = bed.home.ok(["model", id]);
    for name in [printed.trim(), "claude-haiku-4-5-20251001", "claude-sonnet-5", "Sonnet 5 (1M context)"] {
        bed.home.ok(["model", id, name]);
    }
    // With the context that was chosen, in this run and in the next one.
    let is_long = |typed: &str| {
        let request = bed.request(typed);
        assert_eq!(request["model"], "claude-sonnet-5", "{request}");
        request["headers"]["anthropic-beta"].as_str().unwrap().contains("context-1m")
    };
    bed.send(id, "after", &[]);
    bed.until_idle(id);
    assert!(is_long("after"));
    bed.home.ok(["stop", id]);
    bed.home.ok(["resume", id]);
    bed.send(id, "resumed", &[]);
    bed.until_idle(id);
    assert!(is_long("resumed"));
}

/// Servers of tools that start slowly make it say that it works as soon as it was idle.
#[test]
fn codex_switches_its_model_as_soon_as_it_was_started() {
    let bed = Bed::new(&CODEX);
    let file = bed.home.path("user/.codex/config.toml");
    let slow = "\n[mcp_servers.slow]\ncommand = \"sleep\"\nargs = [\"2\"]\n";
    for round in 0..4 {
        let id = &bed.start(&[]).id.to_string();
        bed.home.ok(["wait", id, "--until", "idle", "--timeout", "60"]);
        bed.home.ok(["model", id, "gpt-6-sol"]);
        let several = bed.home.fails(2, ["model", id, "gpt-5"]);
        assert!(several.contains("GPT-5.6-Luna, GPT-5.5") && !several.contains("GPT-6"), "{several}");
        let text = format!("round {round}");
        bed.send(id, &text, &[]);
        bed.until_idle(id);
        assert_eq!(bed.request(&text)["model"], "gpt-6-sol");
        assert_eq!(bed.request(&text)["earlier"], serde_json::json!([]), "the command is no prompt");
        if round == 1 {
            fs::write(&file, fs::read_to_string(&file).unwrap() + slow).unwrap();
        }
    }
}

#[test]
fn claude_code_gets_plain_texts_only_as_prompts() {
    plain(&CLAUDE_CODE);
}

#[test]
fn codex_gets_plain_texts_only_as_prompts() {
    plain(&CODEX);
}

fn plain(agent: &Agent) {
    let bed = Bed::new(agent);
    let id = &bed.start(&[]).id.to_string();
    bed.home.ok(["wait", id, "--until", "idle", "--timeout", "60"]);
    for text in
        ["!touch plain", "/clear", " !touch plain", "\u{feff}/clear", "#note", "@file", "exit", "", "\x1b[A"]
    {
        let refused = bed.home.fails(2, ["send", id, "--plain", "--", text]);
        assert!(refused.contains("may not read the text as a prompt"), "{text:?}: {refused}");
    }
    assert!(bed.send(id, "a plain prompt", &["--plain"]).receipt >= Receipt::Submitted);
    bed.until_idle(id);
    bed.submitted_once("a plain prompt");
    // What stands in the composer would come before it, and what waits is looked at again.
    bed.home.ok(["send", id, "slow: 30 100", "--wait", "text=word3", "--timeout", "20"]);
    assert_eq!(bed.send(id, "plain and later", &["--plain"]).receipt, Receipt::Queued);
    bed.until_idle(id);
    bed.submitted_once("plain and later");
    bed.home.ok(["send", id, "begun ", "--no-newline"]);
    let refused = bed.home.fails(2, ["send", id, "--plain", "the rest"]);
    assert!(refused.contains("already holds a draft"), "{refused}");
    assert!(!bed.project.join("plain").exists());
    let shell = bed.home.bash("read");
    let refused = bed.home.fails(2, ["send", &shell.short_id, "--plain", "text"]);
    assert!(refused.contains("without `--plain`"), "{refused}");
}
