//! The dashboard's types are made from these: `static/src/wire.ts`.
//!
//! The test fails when that file is stale; with `UPDATE_TYPES=1` in its environment it writes it.

use std::any::TypeId;
use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;

use ts_rs::{Config, TS, TypeVisitor};

use super::{auth, daemon, directory, events, input, output, problem, session, stream, timeline};
use crate::event::Event;

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
        .add::<daemon::DaemonStatus>()
        .add::<daemon::StopDaemon>()
        .add::<daemon::Provider>()
        .add::<daemon::Check>()
        .add::<directory::CheckDirectory>()
        .add::<directory::Directory>()
        .add::<events::ListEvents>()
        .add::<events::FoundEvents>()
        .add::<input::SendText>()
        .add::<input::SendKeys>()
        .add::<input::Sent>()
        .add::<input::Image>()
        .add::<output::ReadOutput>()
        .add::<output::OutputPart>()
        .add::<problem::Problem>()
        .add::<session::Session>()
        .add::<session::StartSession>()
        .add::<session::RenameSession>()
        .add::<session::EndSession>()
        .add::<session::Attach>()
        .add::<session::Explanation>()
        .add::<stream::ClientMessage>()
        .add::<stream::ServerMessage>()
        .add::<timeline::ReadTimeline>()
        .add::<timeline::Timeline>()
        .add::<Event>();
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
        ("SHORTEST_PASSWORD", auth::SHORTEST_PASSWORD as u64),
        ("MAX_EVENTS", events::MAX_EVENTS.into()),
    ];
    let constants = constants.map(|(name, value)| format!("export const {name} = {value};\n")).concat();
    let names = [("PROTOCOL_HEADER", super::PROTOCOL_HEADER), ("SECRET_HEADER", auth::SECRET_HEADER)];
    let names = names.map(|(name, value)| format!("export const {name} = \"{value}\";\n")).concat();
    let declarations: Vec<String> = found.declarations.into_values().collect();
    format!("{HEAD}\n{constants}{names}\n{}", declarations.join("\n"))
}

#[test]
fn the_dashboards_types_are_those_of_the_wire() {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../static/src/wire.ts");
    let types = types();
    if std::env::var_os("UPDATE_TYPES").is_some() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, &types).unwrap();
    }
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        committed == types,
        "static/src/wire.ts is stale: UPDATE_TYPES=1 cargo test -p codepiper-protocol typescript"
    );
}
