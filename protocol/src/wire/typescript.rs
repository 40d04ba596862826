//! The dashboard's types are made from these: `static/src/wire.ts`.
//!
//! The test fails when that file is stale; with `UPDATE_TYPES=1` in its environment it writes it.

use std::any::TypeId;
use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;

use ts_rs::{Config, TS, TypeVisitor};

use super::{
    ask, audit, auth, conversation, daemon, directory, env_set, events, git, input, notification, output,
    policy, problem, review, saved_prompt, session, status, stream, timeline, worktree,
};
use crate::event::{Body, DescribedEvent, Event};

const HEAD: &str = "// Made from the types of the daemon (protocol/src/wire): do not edit.\n\
    // `UPDATE_TYPES=1 cargo test -p codepiper-protocol typescript` makes it anew.\n";

/// Every type that a type needs, by name.
struct Found {
    config: Config,
    seen: HashSet<TypeId>,
    declarations: BTreeMap<String, String>,
}

impl Found {
    fn add<T: TS + 'static>(&mut self) -> &mut Self {
        self.visit::<T>();
        self
    }
}

impl TypeVisitor for Found {
    fn visit<T: TS + 'static + ?Sized>(&mut self) {
        if !self.seen.insert(TypeId::of::<T>()) {
            return;
        }
        // What has no file of its own is part of the language.
        if T::output_path().is_some() {
            let docs = T::docs().unwrap_or_default();
            let declaration = format!("{docs}export {}\n", T::decl(&self.config));
            let before = self.declarations.insert(T::ident(&self.config), declaration);
            assert_eq!(before, None, "two types of one name");
        }
        T::visit_dependencies(self);
        T::visit_generics(self);
    }
}

fn types() -> String {
    let config = Config::new().with_large_int("number");
    let mut found = Found { config, seen: HashSet::new(), declarations: BTreeMap::new() };
    found
        .add::<ask::Ask>()
        .add::<ask::AnswerAsk>()
        .add::<ask::Answered>()
        .add::<ask::SnoozeAsk>()
        .add::<ask::Halt>()
        .add::<ask::Halted>()
        .add::<ask::Notify>()
        .add::<audit::ReadAudit>()
        .add::<audit::AuditPage>()
        .add::<audit::AuditVerified>()
        .add::<auth::Factors>()
        .add::<auth::AuthStatus>()
        .add::<auth::BeginSetup>()
        .add::<auth::SetupBegun>()
        .add::<auth::ConfirmTotp>()
        .add::<auth::RecoveryCodes>()
        .add::<auth::FinishSetup>()
        .add::<auth::SignIn>()
        .add::<auth::SignedIn>()
        .add::<auth::ChangePassword>()
        .add::<auth::Reauthenticate>()
        .add::<auth::TotpChange>()
        .add::<conversation::ReadConversation>()
        .add::<conversation::Conversation>()
        .add::<daemon::DaemonStatus>()
        .add::<daemon::StopDaemon>()
        .add::<daemon::Provider>()
        .add::<daemon::Check>()
        .add::<directory::RecentDirectory>()
        .add::<directory::CheckDirectory>()
        .add::<directory::Directory>()
        .add::<env_set::EnvSets>()
        .add::<env_set::CreateEnvSet>()
        .add::<env_set::ChangeEnvSet>()
        .add::<events::ListEvents>()
        .add::<events::FoundEvents>()
        .add::<input::SendText>()
        .add::<input::SendKeys>()
        .add::<input::Sent>()
        .add::<input::Image>()
        .add::<input::UploadFile>()
        .add::<input::UploadedFile>()
        .add::<notification::Notifications>()
        .add::<notification::SetDevice>()
        .add::<notification::TestNotification>()
        .add::<notification::NotificationReceipt>()
        .add::<output::ReadOutput>()
        .add::<output::OutputPart>()
        .add::<output::SearchOutput>()
        .add::<output::FoundOutput>()
        .add::<problem::Problem>()
        .add::<saved_prompt::SavedPrompt>()
        .add::<saved_prompt::SavePrompt>()
        .add::<saved_prompt::RenamePrompt>()
        .add::<session::Session>()
        .add::<session::StartSession>()
        .add::<session::RenameSession>()
        .add::<session::LabelSession>()
        .add::<policy::PolicyFile>()
        .add::<policy::PolicyRule>()
        .add::<policy::WithoutHook>()
        .add::<policy::PutPolicy>()
        .add::<policy::PolicyForm>()
        .add::<policy::WritePolicy>()
        .add::<policy::WrittenPolicy>()
        .add::<policy::AttachPolicy>()
        .add::<policy::TestPolicy>()
        .add::<policy::SessionPolicy>()
        .add::<policy::PolicyVerdict>()
        .add::<policy::ReadyPolicy>()
        .add::<session::SwitchModel>()
        .add::<session::EndSession>()
        .add::<session::ResumeSession>()
        .add::<session::Attach>()
        .add::<session::Explanation>()
        .add::<status::StatusReport>()
        .add::<stream::ClientMessage>()
        .add::<stream::ServerMessage>()
        .add::<session::ForkSession>()
        .add::<git::GitStatus>()
        .add::<git::ReadPage>()
        .add::<git::GitBranches>()
        .add::<git::ReadLog>()
        .add::<git::GitLog>()
        .add::<git::GitCommitDetails>()
        .add::<git::ReadDiff>()
        .add::<git::GitDiff>()
        .add::<git::ReadFile>()
        .add::<git::FileDiff>()
        .add::<git::ReadLines>()
        .add::<git::FileLines>()
        .add::<git::ReadImage>()
        .add::<git::ChangeFiles>()
        .add::<git::Discarded>()
        .add::<git::MakeCommit>()
        .add::<git::ChooseMarks>()
        .add::<git::MarkSeen>()
        .add::<git::Snapshot>()
        .add::<review::Review>()
        .add::<review::AddComment>()
        .add::<review::EditComment>()
        .add::<worktree::WorktreeState>()
        .add::<worktree::MergeWorktree>()
        .add::<worktree::WorktreeMerged>()
        .add::<worktree::RemoveWorktree>()
        .add::<worktree::WorktreeRemoved>()
        .add::<timeline::ReadTimeline>()
        .add::<timeline::Timeline>()
        .add::<DescribedEvent>();
    let constants = [
        ("PROTOCOL", u64::from(super::PROTOCOL)),
        ("KEYFRAME_BIT", stream::KEYFRAME_BIT.into()),
        ("WINDOW", stream::WINDOW),
        ("ACK_EVERY", stream::ACK_EVERY),
        ("MAX_CHANNELS", stream::MAX_CHANNELS as u64),
        ("OUTPUT_RECORD_PART", output::PART.into()),
        ("OUTPUT_RECORD_OUTPUT", output::OUTPUT.into()),
        ("OUTPUT_RECORD_SCREEN", output::SCREEN.into()),
        ("MAX_OUTPUT", output::MAX_OUTPUT.into()),
        ("MAX_TEXT", input::MAX_TEXT as u64),
        ("MAX_IMAGE", input::MAX_IMAGE as u64),
        ("MAX_FILE", input::MAX_FILE as u64),
        ("SHORTEST_PASSWORD", auth::SHORTEST_PASSWORD as u64),
        ("MAX_EVENTS", events::MAX_EVENTS.into()),
        ("MAX_ENV_VALUE", env_set::MAX_ENV_VALUE as u64),
        ("MAX_ENTRIES", conversation::MAX_ENTRIES.into()),
        ("MAX_LINES", git::MAX_LINES.into()),
        ("LONGEST_TEXT", conversation::LONGEST_TEXT.into()),
    ];
    let constants = constants.map(|(name, value)| format!("export const {name} = {value};\n")).concat();
    let names = [("PROTOCOL_HEADER", super::PROTOCOL_HEADER), ("SECRET_HEADER", auth::SECRET_HEADER)];
    let names = names.map(|(name, value)| format!("export const {name} = \"{value}\";\n")).concat();
    let declarations: Vec<String> = found.declarations.into_values().collect();
    format!("{HEAD}\n{constants}{names}\n{}", declarations.join("\n"))
}

/// A committed file as it is, and as it shall be. `UPDATE_TYPES=1` makes them the same.
fn committed(path: &str, wanted: impl Fn(&str) -> String) -> (String, String) {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    let is = std::fs::read_to_string(&file).unwrap_or_default();
    let wanted = wanted(&is);
    if std::env::var_os("UPDATE_TYPES").is_some() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, &wanted).unwrap();
        return (wanted.clone(), wanted);
    }
    (is, wanted)
}

#[test]
fn the_dashboards_types_are_those_of_the_wire() {
    let (is, wanted) = committed("static/src/wire.ts", |_| types());
    assert!(is == wanted, "static/src/wire.ts is stale; its first lines say what to do");
}

/// A page in which what stands between two of its lines is made from the code.
fn made_between(page: &str, begin: &str, end: &str, made: &str) -> String {
    let (before, rest) = page.split_once(begin).expect("a place for what is made");
    let (_, after) = rest.split_once(end).expect("an end of what is made");
    format!("{before}{begin}{made}{end}{after}")
}

#[test]
fn the_documented_types_are_those_of_the_wire() {
    let (is, wanted) = committed("docs/api.md", |is| {
        let types = types();
        let declarations = types.split_once("\n\n").unwrap().1.trim_end();
        let page = made_between(
            is,
            "typescript -->\n",
            "<!-- end of types -->",
            &format!("```ts\n{declarations}\n```\n"),
        );
        made_between(&page, "<!-- events: made with the types -->\n", "<!-- end of events -->", &events())
    });
    assert!(is == wanted, "docs/api.md is stale; the comment above its types says what to do");
}

/// The table of events, with the golden form of each as its example.
fn events() -> String {
    let mut table = "| kind | source | fields | in words, for example |\n|---|---|---|---|\n".to_owned();
    for kind in Body::KINDS {
        let golden = format!("{}/../fixtures/events/{kind}.json", env!("CARGO_MANIFEST_DIR"));
        let golden = std::fs::read_to_string(&golden).unwrap_or_else(|error| panic!("{golden}: {error}"));
        let event: Event = serde_json::from_str(&golden).unwrap();
        let golden: serde_json::Value = serde_json::from_str(&golden).unwrap();
        let fields = golden["data"].as_object().unwrap().keys().map(|field| format!("`{field}`"));
        let described = event.body.describe().to_string().replace('|', "\\|");
        table += &format!(
            "| `{kind}` | {} | {} | {described} |\n",
            event.source.name(),
            fields.collect::<Vec<_>>().join(", ")
        );
    }
    table
}

/// A type that the routes' tables name is one that is documented.
#[test]
fn the_documented_routes_use_documented_types() {
    let docs = include_str!("../../../docs/api.md");
    let types = types();
    let mut found = 0;
    for row in docs.lines().filter(|line| line.starts_with("| `")) {
        for word in row.split('`').skip(1).step_by(2).map(|word| word.trim_end_matches("[]")) {
            if word.starts_with(char::is_uppercase) && word.chars().all(char::is_alphanumeric) {
                assert!(types.contains(&format!("export type {word} ")), "{word} in {row}");
                found += 1;
            }
        }
    }
    assert!(found > 30, "{found}");
}

#[test]
fn every_error_is_documented() {
    let docs = include_str!("../../../docs/api.md");
    let codes = problem::Code::ALL;
    for code in codes {
        let name = serde_json::to_value(code).unwrap();
        let row = format!("| `{}` | {} | {} |", name.as_str().unwrap(), code.status(), code.exit_code());
        assert!(docs.contains(&row), "{row}");
    }
    let section = docs.split("## Errors").nth(1).unwrap().split("## Types").next().unwrap();
    assert_eq!(section.matches("\n| `").count(), codes.len());
}
