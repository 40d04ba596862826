//! The arrows between the rooms point one way: the table in `src/lib.rs` says which room may see which, and the one in
//! `src/session.rs` which part of that room.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Rooms that everybody may see: places, the configuration file, other processes.
fn common() -> BTreeSet<String> {
    rows().into_iter().filter(|(_, sees)| sees.is_empty()).flat_map(|(rooms, _)| rooms).collect()
}

/// The rows of the table of rooms: the rooms that a row is about, and what it says they see.
fn rows() -> Vec<(Vec<String>, String)> {
    rows_of("lib.rs")
}

fn rows_of(file: &str) -> Vec<(Vec<String>, String)> {
    let map = fs::read_to_string(source().join(file)).unwrap();
    let rows = map.lines().filter_map(|line| line.strip_prefix("//! | [`"));
    rows.map(|row| {
        let columns: Vec<&str> = row.split('|').map(str::trim).collect();
        let names = columns[0].split(',').map(|name| name.trim_matches([' ', '[', '`', ']']).to_owned());
        (names.collect(), columns[2].to_owned())
    })
    .collect()
}

/// What each room may see, by the table. A module of a room, as in `terminal::text`, means that module.
fn allowed() -> BTreeMap<String, BTreeSet<String>> {
    let common = common();
    let mut above: BTreeSet<String> = BTreeSet::new();
    let mut allowed = BTreeMap::new();
    for (rooms, sees) in rows() {
        let mut seen: BTreeSet<String> = match sees.as_str() {
            "the rooms above" | "all of these" => above.clone(),
            list => list.split(',').map(|name| name.trim().to_owned()).collect(),
        };
        seen.extend(common.iter().cloned());
        for room in rooms {
            above.insert(room.clone());
            allowed.insert(room, seen.clone());
        }
    }
    allowed
}

fn files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files(&path, found),
            false if path.extension().is_some_and(|extension| extension == "rs") => found.push(path),
            false => {}
        }
    }
}

/// The paths behind every `crate::` in a file that are no comment: `terminal::text`, `bus`, ….
fn uses(text: &str) -> Vec<String> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let pieces = code.flat_map(|line| line.split("crate::").skip(1));
    let path = |piece: &str| {
        let end = piece.find(|letter: char| !(letter.is_alphanumeric() || letter == '_' || letter == ':'));
        piece[..end.unwrap_or(piece.len())].trim_end_matches(':').to_owned()
    };
    pieces.map(path).collect()
}

#[test]
fn no_room_uses_one_that_it_may_not_see() {
    let allowed = allowed();
    let mut found = Vec::new();
    files(&source(), &mut found);
    let mut wrong = Vec::new();
    for file in found {
        let inside = file.strip_prefix(source()).unwrap();
        let room = inside.components().next().unwrap().as_os_str().to_str().unwrap().trim_end_matches(".rs");
        if ["lib", "main"].contains(&room) {
            continue;
        }
        let seen = allowed.get(room).unwrap_or_else(|| panic!("{room} is not in the table of lib.rs"));
        for used in uses(&fs::read_to_string(&file).unwrap()) {
            let target = used.split("::").next().unwrap();
            let fits = target == room
                || seen.contains(target)
                || seen.iter().any(|seen| seen.contains("::") && used.starts_with(seen));
            if !fits {
                wrong.push(format!("{} uses crate::{used}", inside.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}\nallowed: {allowed:#?}");
}

/// The parts of `session` see only what stands in their row: a handle that a part was not given cannot be called, and to be
/// given it its type has to be named.
#[test]
fn no_part_of_the_sessions_uses_one_that_it_may_not_see() {
    let parts: BTreeMap<String, String> =
        rows_of("session.rs").into_iter().map(|(names, sees)| (names[0].clone(), sees)).collect();
    assert!(parts.len() >= 10, "{parts:?}");
    let mut found = Vec::new();
    files(&source().join("session"), &mut found);
    let mut wrong = Vec::new();
    for file in found.iter().filter(|file| !file.ends_with("tests.rs")) {
        let inside = file.strip_prefix(source().join("session")).unwrap();
        let part = inside.components().next().unwrap().as_os_str().to_str().unwrap().trim_end_matches(".rs");
        let sees = parts.get(part).unwrap_or_else(|| panic!("{part} is not in the table of session.rs"));
        let text = fs::read_to_string(file).unwrap();
        let text = text.split("#[cfg(test)]").next().unwrap();
        for used in uses(text).iter().filter_map(|used| used.strip_prefix("session::")) {
            let own = used.split("::").next() == Some(part);
            let fits = |seen: &str| used == seen || used.starts_with(&format!("{seen}::"));
            if !own && sees != "all" && !sees.split(',').map(str::trim).any(fits) {
                wrong.push(format!("{} uses session::{used}", inside.display()));
            }
        }
        // The file of a part would reach any other by `super`.
        if inside.components().count() == 1 && text.contains("super::") {
            wrong.push(format!("{} uses super", inside.display()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}\nallowed: {parts:#?}");
}

#[test]
fn the_table_is_read() {
    let allowed = allowed();
    assert!(allowed["session"].contains("terminal") && !allowed["terminal"].contains("session"));
    assert!(!allowed["tmux"].contains("terminal") && allowed["tmux"].contains("process"));
}
