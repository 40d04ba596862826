//! A provider that only this file knows, and a daemon that has it: the CLI, the API and the dashboard know nothing of it
//! but what the daemon tells them.
//!
//! The daemon is this test binary: see [`daemon`].

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use codepiper::daemon::Options;
use codepiper::provider::{
    Arguments, Argv, BUILT_IN, Composer, Conversations, Dialog, Hooks, LaunchRequest, Launcher, Meaning,
    ModelList, Models, PromptDelivery, Prompts, Provider, Quit, ReadScreens, Resume, Screened, Signals,
    Switches, paste_path,
};
use codepiper::terminal::reports::Report;
use codepiper::transcript::{Dialect, Line, Piece};
use codepiper_protocol::SessionId;
use codepiper_protocol::event::{Body, Hook};
use codepiper_protocol::wire::conversation::{Conversation, Said, Usage};
use codepiper_protocol::wire::input::{Receipt, Sent};
use codepiper_protocol::wire::session::{Activity, Session, Status, WaitingFor};
use serde_json::Value;

use crate::harness::{Browser, CODEPIPER, Home, eventually};

/// The daemon's process has the home in its environment; whoever runs all ignored tests has not.
const HOME: &str = "CODEPIPER_LLAMA_HOME";

static LLAMA: Provider = llama(&Llama { shorn: false });

const fn llama(llama: &'static Llama) -> Provider {
    Provider {
        name: "llama",
        label: "Llama Tina",
        description: "A llama that answers",
        agent: true,
        launcher: llama,
        environment: &[],
        arguments: Arguments::named("Hay", "as much as you like"),
        resume: Resume { description: "remembers (llama --remember)", keeps_conversation: true },
        dangerous_flags: &["--wild"],
        accounts: None,
        checks: None,
        models: Some(Models {
            list: Some(ModelList {
                open: "/coat",
                not_yet: None,
                list: Dialog { heading: "Which coat?", end: "s wears it today · esc" },
                pointer: '»',
                names: |label, _| vec![format!("tina-{}", label.to_lowercase())],
                efforts: None,
                keep: "s",
                keep_hints: &["s wears it today · esc"],
                questions: &[],
                done: "The llama wears ",
                kept: "today",
                done_names_it: false,
            }),
            offered: &["Winter"],
            example: "a coat",
            vendor: "tina",
        }),
        prompts: Prompts {
            delivery: PromptDelivery::Argument,
            composer: Some(Composer {
                mark: "µ",
                placeholders: &[],
                image: "[Picture",
                hints: &[],
                completes: &[],
                continues: &[],
                demotes: None,
                commands: &['/'],
                command_words: &[],
            }),
            mention_image: paste_path,
        },
        quit: Quit::Keys { keys: &["ctrl+d"], pause: Duration::from_millis(300) },
        quit_limit: Duration::from_secs(5),
        conversations: Some(llama),
        hooks: llama,
        answers: None,
        state_file: None,
        signals: llama,
        prompts_for_commands: None,
        reads_screens: ReadScreens::AtStart,
        asks_on_screen: None,
        reports_count_as_hooks: false,
        question_delay: Duration::from_millis(20),
        switches: Some(Switches { names: &["shorn"], with: shorn }),
        remark: Some("it spits"),
    }
}

fn shorn(_: &[&str]) -> Provider {
    llama(&Llama { shorn: true })
}

struct Llama {
    shorn: bool,
}

impl Llama {
    fn argv(&self, launch: &LaunchRequest, first: &[&str], prompt: Option<&str>) -> Argv {
        let mut args: Vec<String> = first.iter().map(|word| (*word).to_owned()).collect();
        args.extend(["--hook".to_owned(), launch.hook.to_owned()]);
        args.extend(self.shorn.then(|| "--shorn".to_owned()));
        args.extend(launch.model.into_iter().flat_map(|model| ["--coat".to_owned(), model.to_owned()]));
        args.extend_from_slice(launch.args);
        args.extend(prompt.into_iter().flat_map(|prompt| ["--prompt".to_owned(), prompt.to_owned()]));
        Argv { program: self.program(launch.env), args }
    }
}

impl Launcher for Llama {
    fn program(&self, _: &BTreeMap<String, String>) -> String {
        "llama-cli".to_owned()
    }

    fn start(&self, launch: &LaunchRequest, conversation: Option<&str>, prompt: Option<&str>) -> Argv {
        self.argv(launch, &["--new", conversation.unwrap_or_default()], prompt)
    }

    fn resume(&self, launch: &LaunchRequest, conversation: Option<&str>) -> Argv {
        self.argv(launch, &["--remember", conversation.unwrap_or_default()], None)
    }

    fn forks(&self) -> bool {
        true
    }

    fn fork(&self, launch: &LaunchRequest, conversation: Option<&str>) -> Option<Argv> {
        Some(self.argv(launch, &["--copy", launch.forked_from?, "--new", conversation?], None))
    }
}

impl Conversations for Llama {
    fn choose(&self, session: SessionId) -> Option<String> {
        Some(format!("field-{}", session.short()))
    }

    fn dialect(&self) -> &'static Dialect {
        &Dialect { line: remembered, tells_ends_of_turns: true, sub_agents: None }
    }

    fn transcript(&self, launch: &LaunchRequest, conversation: &str) -> Option<PathBuf> {
        Some(self.transcripts(launch.env)?.join(format!("{conversation}.jsonl")))
    }

    fn transcripts(&self, env: &BTreeMap<String, String>) -> Option<PathBuf> {
        Some(Path::new(env.get("HOME")?).join(".llama"))
    }
}

fn remembered(line: &Value) -> Line {
    let said = |name: &str| line[name].as_str().map(str::to_owned);
    let piece = said("you")
        .map(|text| Said::Prompt { text, images: vec![] })
        .or_else(|| said("llama").map(|text| Said::Text { text }))
        .unwrap_or(Said::TurnEnded { usage: Usage::default(), model: None, duration_ms: None });
    Line { pieces: vec![Piece::Said(piece)], ..Line::default() }
}

impl Hooks for Llama {
    fn event(&self, payload: Value) -> Body {
        let event = payload["ear"].as_str().unwrap_or_default().to_owned();
        let hook = Hook { event, payload };
        match hook.event.as_str() {
            "forward" => Body::HookPromptSubmitted(hook),
            "back" => Body::HookPermissionRequested(hook),
            "down" => Body::HookTurnEnded(hook),
            _ => Body::HookReceived(hook),
        }
    }

    fn meaning(&self, payload: &Value) -> Option<Meaning> {
        match payload["ear"].as_str()? {
            "forward" => Some((Activity::Working, None)),
            "back" => Some((Activity::Waiting, Some(WaitingFor::Permission))),
            "down" => Some((Activity::Idle, None)),
            _ => None,
        }
    }

    fn model(&self, payload: &Value) -> Option<String> {
        Some(payload["coat"].as_str()?.to_owned())
    }
}

impl Signals for Llama {
    fn report(&self, _: &Report) -> Option<Meaning> {
        None
    }

    fn screen(&self, rows: &[String]) -> Option<Screened> {
        let asks = rows.iter().any(|row| row.contains("Is this your field?"));
        asks.then(|| (Activity::Waiting, Some(WaitingFor::Question), "it asks for its field".to_owned()))
    }
}

/// The program. Keys come one by one, with those of a terminal as several bytes.
const PROGRAM: &str = r#"#!/bin/bash
coat=tina-summer new= memory= prompt= stranger= said="arguments:"
for word; do [[ $word = *hook-forward* ]] || said+=" $word"; done
while [ $# -gt 0 ]; do
    case $1 in
        --new) new=$2; shift ;;
        --remember) memory=$2; shift ;;
        --copy) memory=$2; shift ;;
        --hook) hook=$2; shift ;;
        --coat) coat=$2; shift ;;
        --prompt) prompt=$2; shift ;;
        --stranger) stranger=1 ;;
    esac
    shift
done
mkdir -p "$HOME/.llama"
file=$HOME/.llama/${new:-$memory}.jsonl
[ -n "$new" ] && [ -n "$memory" ] && cp "$HOME/.llama/$memory.jsonl" "$file"
stty -icanon -echo -isig -icrnl
key() {
    key=$next next=
    [ -n "$key" ] || IFS= read -rsN1 key || exit 0
    [ "$key" = $'\e' ] && IFS= read -rsN1 -t 0.2 more || return 0
    # What follows Escape may be the next key.
    case $more in [[O]) key+=$more ;; *) next=$more; return 0 ;; esac
    while IFS= read -rsN1 -t 0.2 more; do
        key+=$more
        case $more in [A-Za-z~]) break ;; esac
    done
}
ear() { printf '{"ear": "%s", "coat": "%s"}' "$1" "$coat" | sh -c "$hook"; }
note() { printf '{"%s": "%s"}\n' "$1" "$2" >>"$file"; }
show() { printf '\033[2J\033[H%s\r\nµ %s' "$said" "$text"; }
turn() {
    ear forward
    note you "$1"
    if [ "$1" = spit ]; then
        printf '\033[2J\033[HMay I spit? y/n'
        ear back
        key
        ear forward
    fi
    said="the llama hums: $1"
    note llama "$said"
    note over ""
    ear down
}
coats() {
    local at=1 row
    while :; do
        printf '\033[2J\033[HWhich coat?\r\n'
        for row in '1. Summer  thin' '2. Winter  thick'; do
            [ "${row%%.*}" = $at ] && printf '  » %s\r\n' "$row" || printf '    %s\r\n' "$row"
        done
        printf 's wears it today · esc'
        key
        case $key in
            $'\e[B') at=$((at % 2 + 1)) ;;
            s) [ $at = 1 ] && coat=tina-summer || coat=tina-winter
               said="The llama wears ${coat#tina-} today"
               return ;;
            $'\e') return ;;
        esac
    done
}
if [ -n "$stranger" ]; then
    printf 'Is this your field? y/n'
    key
fi
text=
printf '\033[?2004h'
show
ear down
[ -n "$prompt" ] && turn "$prompt"
while show; do
    key
    case $key in
        $'\e'*) ;;
        $'\x04') exit 0 ;;
        $'\x7f') text=${text%?} ;;
        # While bash reads one key, the terminal makes a newline of Enter.
        $'\r' | $'\n') line=$text text=
            case $line in /coat) coats ;; ?*) turn "$line" ;; esac ;;
        *) text+=$key ;;
    esac
done
"#;

/// No test: the daemon of those below, as a process of its own. It is executed with the home in its environment.
#[test]
#[ignore = "the daemon of the other tests"]
fn daemon() {
    if std::env::var_os(HOME).is_none() {
        return;
    }
    codepiper::process::inherited::begin();
    let options = Options { program: Some(CODEPIPER.into()), ..Options::default() };
    codepiper::daemon::run(options, &[BUILT_IN, &[&LLAMA][..]].concat()).unwrap();
}

/// A home whose daemon has the provider, and serves the dashboard.
fn home(configuration: &str) -> Home {
    let mut home = Home::new();
    home.add_program("llama-cli", PROGRAM);
    let web = "[web]\nenabled = true\nport = 0\n";
    fs::write(home.path("config.toml"), format!("{web}{configuration}")).unwrap();
    let log = fs::File::create(home.path("daemon.stderr")).unwrap();
    home.set_program(&std::env::current_exe().unwrap());
    let words = ["--exact", "own_provider::daemon", "--ignored", "--nocapture", "--test-threads=1"];
    let mut command = home.command(words);
    home.set_program(CODEPIPER.as_ref());
    command.env(HOME, home.path("")).stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
    home.adopt(command.spawn().unwrap());
    home
}

fn running(configuration: &str) -> Home {
    let home = home(configuration);
    eventually("the daemon answers", || (home.run(["daemon", "status"]).code == Some(0)).then_some(()));
    home
}

fn start(home: &Home, more: &[&str]) -> Session {
    let args = [&["start", "-p", "llama", "--json"], more].concat();
    serde_json::from_str(&home.ok(args)).unwrap()
}

fn idle(home: &Home, id: &str) {
    home.ok(["wait", id, "--until", "idle", "--timeout", "30"]);
}

#[test]
fn the_command_line_drives_it() {
    let home = running("");
    assert!(home.ok(["providers"]).contains("remembers (llama --remember)"), "{}", home.ok(["providers"]));
    assert!(home.ok(["doctor"]).contains("bin/llama-cli; it spits"));
    assert!(home.fails(2, ["start"]).contains("llama"));

    let session = start(&home, &["--model", "tina-summer", "--dangerous", "--yes", "--", "more"]);
    let id = &session.id.to_string();
    home.until_printed(&session, &format!("--new field-{} --hook", session.short_id));
    home.until_printed(&session, "--coat tina-summer --wild more");
    idle(&home, id);
    home.bash("sleep 60");
    let listed: Vec<Session> =
        serde_json::from_str(&home.ok(["sessions", "--provider", "llama", "--json"])).unwrap();
    assert_eq!(listed.iter().map(|listed| listed.id).collect::<Vec<_>>(), [session.id]);

    let sent: Sent = serde_json::from_str(&home.ok(["send", id, "hello", "--plain", "--json"])).unwrap();
    assert_eq!(sent.receipt, Receipt::TurnStarted);
    home.ok(["wait", id, "--until", "text=the llama hums: hello", "--timeout", "30"]);
    idle(&home, id);
    home.ok(["send", id, "spit", "--wait", "waiting", "--timeout", "30"]);
    let waits = home.session(id);
    assert_eq!((waits.activity, waits.waiting_for), (Activity::Waiting, Some(WaitingFor::Permission)));
    assert!(home.fails(1, ["send", id, "no answer"]).contains("llama is waiting for an answer"));
    home.ok(["keys", id, "y"]);
    idle(&home, id);

    assert_eq!(home.ok(["model", id]).trim(), "tina-summer");
    assert!(home.ok(["model", id, "wint"]).contains("uses tina-winter"));
    assert!(
        home.fails(2, ["model", id, "bald"]).contains("llama has no model 'bald'; available: Summer, Winter")
    );

    let fork: Session = serde_json::from_str(&home.ok(["resume", id, "--fork", "--json"])).unwrap();
    home.until_printed(&fork, &format!("--copy field-{} --new field-{}", session.short_id, fork.short_id));

    home.ok(["stop", id]);
    let stopped = home.session(id);
    assert_eq!((stopped.status, stopped.exit.unwrap().code), (Status::Stopped, Some(0)));
    home.ok(["resume", id]);
    home.until_printed(&session, &format!("--remember field-{} --hook", session.short_id));
    home.until_printed(&session, "--coat tina-winter");
}

#[test]
fn what_it_asks_at_its_start_is_seen() {
    let home = running("[providers.llama]\nshorn = true\n");
    let session = start(&home, &["--prompt", "graze", "--", "--stranger"]);
    home.ok(["wait", &session.short_id, "--until", "waiting", "--timeout", "30"]);
    let proof = home.explain(&session.short_id).evidence.pop().unwrap();
    assert_eq!(proof.what, "it asks for its field");
    home.ok(["keys", &session.short_id, "y"]);
    home.ok(["wait", &session.short_id, "--until", "text=the llama hums: graze", "--timeout", "30"]);
    assert!(home.output(&session).contains("--shorn"), "{}", home.output(&session));
}

#[test]
fn a_configured_provider_does_not_hide_behind_it() {
    let mut home = home("[providers.llama]\ncommand = ['other-llama']\n");
    assert_ne!(home.daemon_ended(), Some(0));
    assert!(
        home.log().contains("providers.llama: this provider is built in; choose another name"),
        "{}",
        home.log()
    );
}

#[test]
fn its_conversations_are_in_the_api() {
    let home = running("");
    let session = start(&home, &["--prompt", "graze"]);
    home.ok(["wait", &session.short_id, "--until", "text=the llama hums: graze", "--timeout", "30"]);
    let mut browser = home.browser();
    browser.set_up(&home);
    let said = eventually("the conversation is there", || {
        let read: Conversation = browser.get(&format!("/api/sessions/{}/conversation", session.id)).ok();
        let said: Vec<Said> = read.entries.into_iter().map(|entry| entry.said).collect();
        (said.len() == 3).then_some(said)
    });
    assert_eq!(said[0], Said::Prompt { text: "graze".to_owned(), images: vec![] });
    assert_eq!(said[1], Said::Text { text: "the llama hums: graze".to_owned() });
}

/// What a person does in the dashboard. The page is the one of the daemon; nothing of it knows a llama.
const VISIT: &str = r##"
import { accessSync, constants } from "node:fs";
import { chromium } from "playwright-core";
const { URL, SECRET, COOKIES } = process.env;
const named = ["chromium", "chromium-browser", "google-chrome"];
const places = process.env.PATH.split(":").flatMap((folder) => named.map((name) => `${folder}/${name}`));
const runs = (path) => { try { accessSync(path, constants.X_OK); return true; } catch { return false; } };
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? places.find(runs), args: ["--no-sandbox"] });
const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
context.setDefaultTimeout(20_000);
await context.addCookies(JSON.parse(COOKIES).map(([name, value]) => ({ name, value, url: URL })));
await context.addInitScript((secret) => localStorage.setItem("codepiper.secret", secret), SECRET);
const page = await context.newPage();
const is = (found, wanted) => { if (JSON.stringify(found) !== JSON.stringify(wanted)) throw new Error(`${JSON.stringify(found)} instead of ${JSON.stringify(wanted)}`); };

// The form.
await page.goto(`${URL}/sessions`);
await page.getByRole("button", { name: /^Create Session/ }).click();
const dialog = page.getByRole("dialog");
await dialog.getByRole("radio", { name: /^Llama Tina/ }).check({ force: true });
is(await dialog.getByText("Billing mode").count(), 0);
await dialog.getByText("Hay, size").click();
await dialog.getByLabel(/^Hay/).fill("--fresh");
await dialog.getByLabel(/^First prompt/).fill("graze");
await dialog.getByLabel("Working directory").fill("/tmp/");
await dialog.getByRole("button", { name: /^Create/ }).click();
await page.waitForURL(/\/sessions\/./);
await page.locator(".head-provider", { hasText: "Llama Tina" }).waitFor();

// Its model.
await page.locator("#model-picker", { hasText: "summer" }).click();
await page.getByPlaceholder("a coat").waitFor();
await page.getByRole("button", { name: "Winter" }).click();
await page.locator("#model-picker", { hasText: /(?<!-)winter/ }).waitFor();

// What was said.
await page.getByRole("button", { name: "Conversation" }).click();
await page.getByText("the llama hums: graze").first().waitFor();

// The list: labels, filters, what can be done.
await page.goto(`${URL}/sessions`);
const row = page.locator("li.row", { hasText: "Llama Tina" });
await row.waitFor();
is(await page.locator("li.row", { hasText: "Shell" }).count(), 1);
await page.getByLabel("Provider").selectOption("llama");
await page.locator("li.row", { hasText: "Shell" }).waitFor({ state: "detached" });
await row.getByRole("button", { name: /^Actions of/ }).click();
await row.getByRole("button", { name: "Fork" }).waitFor();
console.log("visited");
await browser.close();
"##;

#[test]
fn the_dashboard_drives_it() {
    let home = running("");
    home.start(&["sleep", "60"]);
    let mut person = home.browser();
    person.set_up(&home);
    let said = visit(&person);
    assert!(said.contains("visited"), "{said}");
    let session = home.sessions().into_iter().find(|session| session.provider == "llama").unwrap();
    assert_eq!(
        (session.model.as_deref(), session.args.as_slice()),
        (Some("tina-winter"), &["--fresh".to_owned()][..])
    );
}

/// Lets Chromium visit the dashboard with a login; what was said.
fn visit(person: &Browser) -> String {
    let dashboard = Path::new(env!("CARGO_MANIFEST_DIR")).join("static");
    assert!(dashboard.join("node_modules/playwright-core").is_dir(), "run `npm ci` in static");
    let cookies: Vec<(&String, &String)> = person.cookies.iter().collect();
    let mut node = Command::new("node")
        .args(["--input-type=module", "-"])
        .current_dir(dashboard)
        .env("URL", format!("http://127.0.0.1:{}", person.port))
        .env("SECRET", person.secret.as_ref().unwrap())
        .env("COOKIES", serde_json::to_string(&cookies).unwrap())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    node.stdin.take().unwrap().write_all(VISIT.as_bytes()).unwrap();
    let done = node.wait_with_output().unwrap();
    String::from_utf8_lossy(&[done.stdout, done.stderr].concat()).into_owned()
}
