//! What happened while the audit could not be written: counted, and put on record once it can be.

use std::collections::BTreeMap;
use std::fmt;

use codepiper_protocol::visible::{count, one_line};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::NewRecord;
use super::record::{SELF, UNRECORDED, to_the_millisecond};

/// No record names more kinds.
const MOST_KINDS: usize = 64;

/// How much it was, from when to when, and of which kinds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unrecorded {
    pub count: u64,
    #[serde(serialize_with = "to_the_millisecond")]
    pub from: Timestamp,
    #[serde(serialize_with = "to_the_millisecond")]
    pub to: Timestamp,
    pub kinds: BTreeMap<String, u64>,
}

impl Unrecorded {
    /// One of a kind, now.
    pub(super) fn one(kind: &str) -> Self {
        let now = Timestamp::now();
        Self { count: 1, from: now, to: now, kinds: BTreeMap::from([(kind.to_owned(), 1)]) }
    }

    pub(super) fn add(&mut self, other: Self) {
        self.count += other.count;
        (self.from, self.to) = (self.from.min(other.from), self.to.max(other.to));
        for (kind, count) in other.kinds {
            if self.kinds.len() < MOST_KINDS || self.kinds.contains_key(&kind) {
                *self.kinds.entry(kind).or_default() += count;
            }
        }
    }

    pub(super) fn record(&self) -> NewRecord {
        let (kind, actor) = (UNRECORDED.to_owned(), SELF.to_owned());
        NewRecord { kind, actor, session: None, data: json!(self) }
    }
}

impl fmt::Display for Unrecorded {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { count: all, from, to, kinds } = self;
        write!(out, "{} could not be recorded from {from:.0} to {to:.0}", count(*all, "action"))?;
        for (number, (kind, count)) in kinds.iter().enumerate() {
            write!(out, "{} {} {count}", if number == 0 { ":" } else { "," }, one_line(kind))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_recorded_is_told_in_sum() {
        let mut all = Unrecorded::one("halt");
        for kind in ["session.kill", "halt"] {
            all.add(Unrecorded::one(kind));
        }
        assert_eq!((all.count, all.kinds["halt"], all.kinds["session.kill"]), (3, 2, 1));
        assert!(all.from <= all.to);
        assert!(all.to_string().ends_with(": halt 2, session.kill 1"), "{all}");
        (0..100).for_each(|number| all.add(Unrecorded::one(&format!("kind-{number}"))));
        assert_eq!((all.count, all.kinds.len()), (103, MOST_KINDS));
    }
}
