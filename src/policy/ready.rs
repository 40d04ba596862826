//! Policies that come with the product.

use std::sync::LazyLock;

use super::decide::Policies;
use super::input::Request;
use super::read::read;
use super::rule::Action;

/// Their names and texts.
pub const ALL: [(&str, &str); 3] = [
    ("read-only", include_str!("ready/read-only.toml")),
    ("safe-development", include_str!("ready/safe-development.toml")),
    ("deny-list", include_str!("ready/deny-list.toml")),
];

/// The text of a ready-made policy.
pub fn text(name: &str) -> Option<&'static str> {
    ALL.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// What speaks against a tool's use, in a few words, as far as the deny list and the reader of the shell see it; that they
/// see nothing is no promise. Looks at the disk.
pub fn risk(request: &Request) -> Option<String> {
    static DENY_LIST: LazyLock<Policies> = LazyLock::new(|| {
        let policy = text("deny-list").and_then(|text| read(text).ok());
        Policies::new(policy.into_iter().collect())
    });
    let decision = DENY_LIST.decide(request)?;
    match decision.action {
        Action::Deny => decision.rule?.reason,
        _ => decision.unreadable.map(|unreadable| format!("cannot be read whole: {}", unreadable.why)),
    }
}
