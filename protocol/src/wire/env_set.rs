//! Env sets on the wire: named secrets for the environment of sessions. Values are only ever received.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::SessionId;

/// The maximum length of a set's name, in bytes.
pub const MAX_ENV_SET_NAME: usize = 64;
/// The maximum length of a value, in bytes.
pub const MAX_ENV_VALUE: usize = 64 * 1024;

/// A value, which no message, log or answer shows.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(transparent)]
pub struct EnvValue(pub String);

impl fmt::Debug for EnvValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} bytes]", self.0.len())
    }
}

/// `GET /api/env-sets`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct EnvSets {
    /// By name.
    pub sets: Vec<EnvSet>,
    /// The file with the encryption key. Without it the values are lost.
    pub key_file: PathBuf,
}

/// One set, without its values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct EnvSet {
    pub name: String,
    /// By name.
    pub variables: Vec<EnvVariable>,
    /// Why the set cannot be used.
    pub problem: Option<String>,
    /// Sessions that use the set, including ended ones.
    pub used_by: Vec<SessionId>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct EnvVariable {
    pub name: String,
    /// The length of its value, in bytes.
    pub length: usize,
    pub changed_at: Timestamp,
}

/// `POST /api/env-sets`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct CreateEnvSet {
    /// Letters, digits, `.`, `_` and `-`, up to [`MAX_ENV_SET_NAME`], starting with a letter or digit.
    pub name: String,
    #[serde(default)]
    #[cfg_attr(test, ts(optional, as = "Option<BTreeMap<String, EnvValue>>"))]
    pub variables: BTreeMap<String, EnvValue>,
}

/// `PATCH /api/env-sets/{name}`: all of it, or nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct ChangeEnvSet {
    /// Variables to add or replace.
    #[serde(default)]
    #[cfg_attr(test, ts(optional, as = "Option<BTreeMap<String, EnvValue>>"))]
    pub set: BTreeMap<String, EnvValue>,
    /// Variables to remove.
    #[serde(default)]
    #[cfg_attr(test, ts(optional, as = "Option<Vec<String>>"))]
    pub unset: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_not_shown() {
        let request = CreateEnvSet {
            name: "npm".into(),
            variables: BTreeMap::from([("TOKEN".into(), EnvValue("hunter2".into()))]),
        };
        let shown = format!("{request:?}");
        assert!(
            shown.contains("TOKEN") && shown.contains("7 bytes") && !shown.contains("hunter2"),
            "{shown}"
        );
    }
}
