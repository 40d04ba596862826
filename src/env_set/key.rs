//! The key of the env sets, and what is encrypted with it: AES-256-GCM.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use codepiper_protocol::wire::problem::{Code, Problem};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, MAX_TAG_LEN, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};

use crate::small_file::{self, write_synced};

/// The version of the file's form, and of what is encrypted.
const VERSION: u32 = 1;
/// In bytes.
const KEY_LENGTH: usize = 32;

#[derive(Serialize, Deserialize)]
struct KeyFile {
    version: u32,
    /// Base64.
    key: String,
}

pub struct Key {
    bytes: [u8; KEY_LENGTH],
}

/// A nonce, the encrypted value and its tag, base64.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sealed(String);

impl Sealed {
    /// The bytes of the value.
    pub fn length(&self) -> usize {
        let sealed = STANDARD.decode(&self.0).unwrap_or_default();
        sealed.len().saturating_sub(NONCE_LEN + MAX_TAG_LEN)
    }
}

impl Key {
    pub fn random() -> Result<Self, Problem> {
        Ok(Self { bytes: random()? })
    }

    /// `None`: there is no such file.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub fn load(path: &Path) -> Result<Option<Self>, String> {
        let Some(file) = small_file::read::<KeyFile>(path, VERSION)? else { return Ok(None) };
        let meta = std::fs::metadata(path).map_err(|error| format!("cannot be read: {error}"))?;
        if meta.permissions().mode() & 0o077 != 0 {
            return Err(
                "readable by other users; run chmod 600 on it and consider replacing the secrets it protects"
                    .to_owned(),
            );
        }
        let bytes = STANDARD.decode(&file.key).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(|bytes| Some(Self { bytes })).ok_or_else(|| "damaged: not a key".to_owned())
    }

    pub fn save(&self, path: &Path) -> io::Result<()> {
        let file = KeyFile { version: VERSION, key: STANDARD.encode(self.bytes) };
        write_synced(path, &serde_json::to_vec_pretty(&file)?)
    }

    pub fn seal(&self, set: &str, variable: &str, value: &str) -> Result<Sealed, Problem> {
        let nonce: [u8; NONCE_LEN] = random()?;
        let mut sealed = value.as_bytes().to_vec();
        self.cipher()
            .and_then(|cipher| {
                cipher.seal_in_place_append_tag(
                    Nonce::assume_unique_for_key(nonce),
                    place(set, variable),
                    &mut sealed,
                )
            })
            .map_err(|_| Problem::new(Code::Internal, "cannot encrypt the value"))?;
        Ok(Sealed(STANDARD.encode([&nonce[..], &sealed].concat())))
    }

    /// # Errors
    /// It was encrypted with another key or for another place, or is damaged.
    pub fn open(&self, set: &str, variable: &str, Sealed(sealed): &Sealed) -> Result<String, String> {
        let wrong = || "encrypted with another key, or damaged".to_owned();
        let sealed = STANDARD.decode(sealed).map_err(|_| wrong())?;
        let (nonce, value) = sealed.split_first_chunk::<NONCE_LEN>().ok_or_else(wrong)?;
        let mut value = value.to_vec();
        let cipher = self.cipher().map_err(|_| wrong())?;
        let opened = cipher
            .open_in_place(Nonce::assume_unique_for_key(*nonce), place(set, variable), &mut value)
            .map_err(|_| wrong())?;
        String::from_utf8(opened.to_vec()).map_err(|_| wrong())
    }

    fn cipher(&self) -> Result<LessSafeKey, ring::error::Unspecified> {
        Ok(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &self.bytes)?))
    }
}

/// Binds a value to its place: what stands elsewhere cannot be opened there. No name holds a NUL.
fn place(set: &str, variable: &str) -> Aad<Vec<u8>> {
    Aad::from(format!("codepiper env set\0{VERSION}\0{set}\0{variable}").into_bytes())
}

fn random<const N: usize>() -> Result<[u8; N], Problem> {
    let mut bytes = [0; N];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| Problem::new(Code::Internal, "the system provides no random numbers"))?;
    Ok(bytes)
}
