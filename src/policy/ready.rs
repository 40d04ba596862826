//! Policies that come with the product.

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
