//! Every kind of event has its golden form in `fixtures/events`, and what was once written can be read for ever.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use codepiper_protocol::event::{Body, Event};
use serde_json::Value;

/// The names and the texts of the goldens.
fn goldens() -> Vec<(String, String)> {
    let folder: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/events");
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let json = paths.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    json.map(|path| {
        (path.file_stem().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(&path).unwrap())
    })
    .collect()
}

fn kinds() -> BTreeSet<String> {
    Body::KINDS.iter().map(|&kind| kind.to_owned()).collect()
}

/// The kind that a golden is of: `session.ended` of `session.ended` and of `session.ended.0.1.0`.
fn kind_of(name: &str) -> String {
    name.splitn(3, '.').take(2).collect::<Vec<_>>().join(".")
}

#[test]
fn every_kind_has_a_golden_and_every_golden_a_kind() {
    let kinds = kinds();
    assert_eq!(kinds.len(), Body::KINDS.len(), "a kind stands twice in the table");
    assert!(kinds.iter().all(|kind| kind.matches('.').count() == 1));
    let names: BTreeSet<String> = goldens().into_iter().map(|(name, _)| name).collect();
    let missing: Vec<_> = kinds.difference(&names).collect();
    assert!(missing.is_empty(), "write fixtures/events/KIND.json for {missing:?}");
    let unknown: Vec<_> = names.iter().filter(|name| !kinds.contains(&kind_of(name))).collect();
    assert!(unknown.is_empty(), "journals hold these kinds, and nobody reads them: {unknown:?}");
}

#[test]
fn every_golden_is_read_and_todays_are_written_as_they_stand() {
    for (name, text) in goldens() {
        let golden: Value = serde_json::from_str(&text).unwrap();
        let event: Event = serde_json::from_value(golden.clone())
            .unwrap_or_else(|error| panic!("{name} cannot be read any more: {error}"));
        assert_eq!(event.kind(), kind_of(&name));
        assert_eq!(event.source, event.body.source(), "{name}");
        if kinds().contains(&name) {
            assert_eq!(serde_json::to_value(&event).unwrap(), golden, "{name} is written in another form");
        }
    }
}

#[test]
fn hooks_have_the_kinds_of_their_goldens() {
    for (name, text) in goldens() {
        let event: Event = serde_json::from_str(&text).unwrap();
        if let Some(hook) = event.body.as_hook() {
            let again = Body::hook(hook.payload.clone());
            assert_eq!(again, event.body, "{name}");
        }
    }
}

/// The places that `Body` finds are fields that the table declares.
#[test]
fn fields_that_others_look_for_are_found() {
    for (name, text) in goldens() {
        let event: Event = serde_json::from_str(&text).unwrap();
        let data = serde_json::to_value(&event.body).unwrap()["data"].clone();
        assert_eq!(event.body.cursor().is_some(), data.get("cursor").is_some(), "cursor of {name}");
        assert_eq!(event.body.place().is_some(), data.get("place").is_some(), "place of {name}");
        assert_eq!(event.body.as_hook().is_some(), data.get("payload").is_some(), "payload of {name}");
    }
}
