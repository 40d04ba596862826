//! Files that people give to a program: kept beside its images, under names like their own.

use std::sync::Arc;

use bytes::Bytes;
use codepiper_protocol::wire::input::{MAX_FILE, UploadedFile};
use codepiper_protocol::wire::problem::{Code, Problem};
use uuid::Uuid;

use super::Typing;
use crate::session::cell::Session;

/// As much is kept of a name, in bytes.
const LONGEST_NAME: usize = 100;

impl Typing {
    /// Keeps a file for a session. Nobody is told of it: who uploads it types its path.
    pub async fn keep_file(
        &self,
        session: &Arc<Session>,
        name: &str,
        content: Bytes,
    ) -> Result<UploadedFile, Problem> {
        if content.len() > MAX_FILE {
            let detail = format!("the file has {} bytes; the limit is {MAX_FILE}", content.len());
            return Err(Problem::new(Code::TooLarge, detail));
        }
        let bytes = content.len() as u64;
        // Others may have the same name.
        let begin = Uuid::new_v4().simple().to_string();
        let path = self.keep(session, format!("{}-{}", &begin[..8], harmless(name)), content).await?;
        Ok(UploadedFile { bytes, path })
    }
}

/// A name without what a shell, a terminal or a file system gives a meaning to; of a long one its end.
fn harmless(name: &str) -> String {
    let name: String = name
        .chars()
        .map(|letter| if letter.is_alphanumeric() || "._-".contains(letter) { letter } else { '_' })
        .collect();
    let end = &name[name.ceil_char_boundary(name.len().saturating_sub(LONGEST_NAME))..];
    if end.is_empty() { "file".to_owned() } else { end.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_no_meaning_but_its_own() {
        for (name, kept) in [
            ("report.pdf", "report.pdf"),
            ("größer 日本.tar.gz", "größer_日本.tar.gz"),
            ("../../etc/passwd", ".._.._etc_passwd"),
            ("a'; rm -rf $HOME #\n\x1b[201~\0", "a___rm_-rf__HOME_____201__"),
            ("\u{202e}fdp.exe", "_fdp.exe"),
            ("", "file"),
        ] {
            assert_eq!(harmless(name), kept, "{name:?}");
        }
    }

    #[test]
    fn a_long_name_keeps_its_end() {
        let kept = harmless(&format!("{}.log", "日".repeat(100)));
        assert!(kept.len() <= LONGEST_NAME && kept.ends_with("日.log"), "{kept}");
    }
}
