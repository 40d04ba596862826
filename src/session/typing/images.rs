//! Images that people give to an agent: kept under our names, in files that only their user reads.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use codepiper_protocol::SessionId;
use codepiper_protocol::wire::input::{Image, ImageKind, MAX_IMAGE, MAX_IMAGES};
use codepiper_protocol::wire::problem::{Code, Problem};
use uuid::Uuid;

use super::Typing;
use crate::session::cell::Session;
use crate::tasks::blocking;

const KINDS: [(ImageKind, &str); 4] =
    [(ImageKind::Png, "png"), (ImageKind::Jpeg, "jpg"), (ImageKind::Gif, "gif"), (ImageKind::Webp, "webp")];

impl Typing {
    /// Keeps an image for a session; what it is, its content says.
    pub async fn keep_image(&self, session: &Arc<Session>, content: Bytes) -> Result<Image, Problem> {
        if content.len() > MAX_IMAGE {
            let detail = format!("the image has {} bytes; the limit is {MAX_IMAGE}", content.len());
            return Err(Problem::new(Code::TooLarge, detail));
        }
        let (kind, extension) = kind_of(&content).ok_or_else(no_image)?;
        let (id, bytes) = (Uuid::new_v4().to_string(), content.len() as u64);
        let path = self.keep(session, format!("{id}.{extension}"), content).await?;
        Ok(Image { id, kind, bytes, path })
    }

    /// Keeps content for a session under a name of ours; where it is.
    pub(super) async fn keep(
        &self,
        session: &Arc<Session>,
        name: String,
        content: Bytes,
    ) -> Result<PathBuf, Problem> {
        let dir = self.context.images_of(session.id);
        let path = dir.join(name);
        let to = path.clone();
        match blocking(move || write(&dir, &to, &content)).await? {
            Ok(true) => Ok(path),
            Ok(false) => Err(Problem::new(
                Code::TooLarge,
                format!(
                    "the images and files of session {} would exceed {MAX_IMAGES} bytes",
                    session.id.short()
                ),
            )),
            Err(error) => {
                let detail = format!("cannot write {}: {error}", path.display());
                Err(Problem::new(Code::Internal, detail))
            }
        }
    }

    /// Where the images with these ids lie.
    pub(super) fn find_images(&self, session: SessionId, ids: &[Uuid]) -> Result<Vec<PathBuf>, Problem> {
        let dir = self.context.images_of(session);
        let find = |id: &Uuid| {
            let paths = KINDS.map(|(_, extension)| dir.join(format!("{id}.{extension}")));
            paths.into_iter().find(|path| path.is_file()).ok_or_else(|| {
                let detail = format!("session {} has no image {id}; upload it first", session.short());
                Problem::new(Code::NotFound, detail)
            })
        };
        ids.iter().map(find).collect()
    }
}

pub fn no_image() -> Problem {
    Problem::new(Code::NoImage, "the image is not PNG, JPEG, GIF or WebP")
}

pub fn kind_of(content: &[u8]) -> Option<(ImageKind, &'static str)> {
    let extension = infer::get(content)?.extension();
    KINDS.into_iter().find(|(_, known)| *known == extension)
}

/// False when there would be too much.
fn write(dir: &Path, path: &Path, content: &[u8]) -> io::Result<bool> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    let mut used = content.len() as u64;
    for entry in fs::read_dir(dir)? {
        used += entry?.metadata()?.len();
    }
    if used > MAX_IMAGES {
        return Ok(false);
    }
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    // Half an image is none, and would count.
    file.write_all(content).inspect_err(|_| drop(fs::remove_file(path)))?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_decides_what_an_image_is() {
        let webp = [b"RIFF".as_slice(), &[4, 0, 0, 0], b"WEBPVP8 "].concat();
        for (content, kind) in [
            (b"\x89PNG\r\n\x1a\n rest".as_slice(), Some(ImageKind::Png)),
            (b"\xff\xd8\xff\xe0 rest", Some(ImageKind::Jpeg)),
            (b"GIF89a rest", Some(ImageKind::Gif)),
            (&webp, Some(ImageKind::Webp)),
            (b"<svg xmlns='http://www.w3.org/2000/svg'/>", None),
            (b"<html><script>alert(1)</script>", None),
            (b"%PDF-1.7", None),
            (b"BM rest of a bitmap", None),
            (b"", None),
        ] {
            assert_eq!(
                kind_of(content).map(|(kind, _)| kind),
                kind,
                "{:?}",
                String::from_utf8_lossy(content)
            );
        }
    }

    #[test]
    fn a_session_keeps_so_much_and_no_more() {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("images");
        assert!(write(&dir, &dir.join("a.png"), b"x").unwrap());
        let large = fs::File::create(dir.join("large.png")).unwrap();
        large.set_len(MAX_IMAGES - 2).unwrap();
        assert!(write(&dir, &dir.join("b.png"), b"x").unwrap());
        assert!(!write(&dir, &dir.join("c.png"), b"x").unwrap());
        let mode =
            std::os::unix::fs::PermissionsExt::mode(&fs::metadata(dir.join("a.png")).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
    }
}
