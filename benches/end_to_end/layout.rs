//! Which patterns of `src/echo.layout` match nothing in the program any more: such a function lies on a page of its own
//! again, and nobody would notice.

use std::collections::HashSet;

use crate::bed::Bed;
use crate::report::{Report, heading};
use crate::{Options, Result};

const LAYOUT: &str = include_str!("../../src/echo.layout");
/// What the linker says it did; `build.rs` asks for it.
const MAP: &str = concat!(env!("OUT_DIR"), "/echo.map");

pub fn measure(_: &Bed, _: &Options, _: &mut Report) -> Result<()> {
    heading("src/echo.layout");
    let Ok(map) = std::fs::read_to_string(MAP) else {
        println!("  the linker wrote no {MAP}: whether the patterns match is not known");
        return Ok(());
    };
    let linked = linked(&map);
    let patterns = LAYOUT.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let (matching, idle): (Vec<_>, Vec<_>) =
        patterns.partition(|pattern| linked.iter().any(|name| matches(pattern, name)));
    println!("  {} patterns match, {} match nothing", matching.len(), idle.len());
    for pattern in idle {
        println!("    {pattern}");
    }
    Ok(())
}

/// The functions that the program has, by the sections that they came in.
fn linked(map: &str) -> HashSet<&str> {
    // GNU ld names first what it left out.
    let (_, map) = map.split_once("\nLinker script and memory map\n").unwrap_or(("", map));
    // ` .text.NAME` of GNU ld, `FILE:(.text.NAME)` of lld.
    let words = map.split([' ', '\n', '(', ')']);
    let names = words.filter_map(|word| word.strip_prefix(".text.").or(word.strip_prefix(".rodata.")));
    // GNU ld repeats the patterns.
    names.filter(|name| !name.contains('*')).collect()
}

/// A pattern of the linker, in which `*` stands for anything.
fn matches(pattern: &str, name: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let mut pieces: Vec<&str> = pieces.collect();
    let Some(last) = pieces.pop() else { return rest.is_empty() };
    for piece in pieces {
        match rest.find(piece) {
            Some(place) => rest = &rest[place + piece.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}
