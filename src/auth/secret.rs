//! Random words that prove something, and what is kept of them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use codepiper_protocol::wire::problem::{Code, Problem};
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};

/// Letters that cannot be mistaken for each other, 5 bits each.
const LETTERS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz023456789";

/// SHA-256 of a secret that is too long to be guessed: this may be kept, and compared as it is, since
/// nobody chooses its bytes.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digest(String);

impl Digest {
    pub fn of(secret: &str) -> Self {
        let digest = ring::digest::digest(&ring::digest::SHA256, secret.as_bytes());
        Self(URL_SAFE_NO_PAD.encode(digest))
    }
}

/// 256 random bits, for machines.
pub fn token() -> Result<String, Problem> {
    Ok(URL_SAFE_NO_PAD.encode(random::<32>()?))
}

/// A word of `groups` times 4 letters, for people: 20 bits a group.
pub fn word(groups: usize) -> Result<String, Problem> {
    let mut letters = Vec::with_capacity(groups);
    for _ in 0..groups {
        let group = random::<4>()?.map(|byte| char::from(LETTERS[usize::from(byte % 32)]));
        letters.push(group.iter().collect::<String>());
    }
    Ok(letters.join("-"))
}

/// A word as people type it: without blanks and hyphens, in small letters.
pub fn typed(word: &str) -> String {
    let letters = word.chars().filter(|letter| !letter.is_whitespace() && *letter != '-');
    letters.flat_map(char::to_lowercase).collect()
}

pub fn random<const N: usize>() -> Result<[u8; N], Problem> {
    let mut bytes = [0; N];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| Problem::new(Code::Internal, "the system provides no random numbers"))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_what_people_type() {
        let word = word(5).unwrap();
        assert_eq!(word.len(), 24);
        assert_eq!(typed(&word.to_uppercase()), typed(&format!(" {} ", word.replace('-', " "))));
        let letters: std::collections::HashSet<_> = LETTERS.iter().collect();
        assert_eq!(letters.len(), 32);
    }
}
