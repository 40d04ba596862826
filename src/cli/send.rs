use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use clap::{ArgGroup, Args};
use codepiper_protocol::wire::input::{IfBusy, MAX_IMAGE, MAX_TEXT, Receipt, SendText};
use codepiper_protocol::wire::problem::Code;

use super::condition::Condition;
use super::failure::{Failure, OF_LIVE_SESSIONS, Outcome, exit_codes, reason};
use super::{Context, output, time, wait};
use crate::client::ClientError;

/// The most that is taken off the end of stdin or a file.
const LINE_END: usize = 2;

/// Type text into a session and press Enter
#[derive(Args)]
#[command(
    after_help = exit_codes(OF_LIVE_SESSIONS),
    override_usage = "codepiper send [OPTIONS] [--image FILE]... <ID> <TEXT|-|--file FILE|-- TEXT...>\n       codepiper send <ID> --drop-queued | --release-queued",
    group = ArgGroup::new("what").args(["text", "file", "words", "image", "drop_queued", "release_queued"]).required(true).multiple(true),
    group = ArgGroup::new("source").args(["text", "file", "words"])
)]
pub(super) struct Send {
    /// Session id, unique id prefix, or name
    #[arg(value_name = "ID")]
    session: String,
    /// Text, up to 1 MiB; - reads stdin. A final line end in stdin or a file counts as the Enter
    text: Option<OsString>,
    /// Send the contents of a file
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Attach an image before the text: PNG, JPEG, GIF or WebP, up to 10 MiB; can be repeated
    #[arg(long, value_name = "FILE")]
    image: Vec<PathBuf>,
    /// Do not press Enter; send stdin and files to the last byte
    #[arg(long)]
    no_newline: bool,
    /// What to do while the agent is working, waiting for an answer or has a draft in its composer: `queue` sends
    /// the text later, `refuse` exits with 1, `now` types it at once [default: queue while it is working, otherwise
    /// refuse]
    #[arg(long, value_name = "WHAT", value_parser = if_busy, conflicts_with = "no_newline")]
    if_busy: Option<IfBusy>,
    /// Send the text only if the agent is certain to read it as a prompt: not as a command (starting with `!`, `/`,
    /// `#` or `@`), and not added to a draft; for untrusted text
    #[arg(long, conflicts_with = "no_newline")]
    plain: bool,
    /// Drop the queued texts
    #[arg(long, conflicts_with_all = ["text", "file", "image", "words", "wait", "json", "plain"])]
    drop_queued: bool,
    /// Send the texts held since the agent was interrupted, once it is idle
    #[arg(long, conflicts_with_all = ["text", "file", "words", "image", "drop_queued"])]
    release_queued: bool,
    /// Print one JSON object: {"cursor", "receipt"}; the cursor is from before the text
    #[arg(long)]
    json: bool,
    /// Then wait, as `codepiper wait` does: exit, quiet=SECONDS, text=REGEX, idle, idle! or waiting
    #[arg(long, value_name = "CONDITION")]
    wait: Option<Condition>,
    /// Maximum time to wait
    #[arg(long, value_name = "SECONDS", value_parser = time::seconds, requires = "wait")]
    timeout: Option<Duration>,
    /// Text, whatever it starts with
    #[arg(last = true, value_name = "TEXT")]
    words: Vec<OsString>,
}

impl Send {
    pub(super) fn run(self, context: Context) -> Outcome {
        if self.drop_queued {
            let client = context.client()?;
            context.block_on(client.drop_queued(&self.session))??;
            return output::done("Queued texts dropped");
        }
        if self.release_queued {
            let client = context.client()?;
            context.block_on(client.release_queued(&self.session))??;
            return output::done("Queued texts released");
        }
        let text = self.bytes()?;
        let images: Vec<Bytes> = self.image.iter().map(|file| image(file)).collect::<Result<_, _>>()?;
        let client = context.client()?;
        let enter = !self.no_newline;
        context.block_on(async {
            let mut ids = Vec::new();
            for image in images {
                ids.push(client.keep_image(&self.session, image).await?.id);
            }
            let images = (!ids.is_empty()).then(|| ids.join(","));
            let how = SendText { enter, images, if_busy: self.if_busy, plain: self.plain, raw: false };
            let sent = client.send(&self.session, text, &how).await.map_err(not_sent)?;
            if let Some(warning) = sent.warning.as_ref().filter(|_| sent.receipt != Receipt::Queued) {
                output::say(format_args!("warning: {warning}"));
            }
            match (self.json, sent.receipt) {
                (true, _) => output::json(&sent)?,
                (false, Receipt::Queued) => {
                    output::done(format_args!("Queued: {}", sent.warning.as_deref().unwrap_or_default()))?
                }
                (false, Receipt::Written) => output::done("Sent")?,
                (false, Receipt::Echoed) => output::done("Sent; shown in the agent's composer")?,
                (false, Receipt::Submitted) => output::done("Sent; accepted by the agent")?,
                (false, Receipt::TurnStarted) => output::done("Sent; the agent is working on it")?,
            }
            if let Some(condition) = &self.wait {
                wait::until(client, &self.session, condition, Some(sent.cursor), self.timeout).await?;
            }
            Ok(())
        })?
    }

    /// The last line end of stdin or a file is the Enter that is pressed, if one is; an argument is taken as it is.
    fn bytes(&self) -> Result<Bytes, Failure> {
        let read = |source: &mut dyn Read| {
            let mut bytes = read(source, MAX_TEXT + LINE_END)?;
            if !self.no_newline && bytes.ends_with(b"\n") {
                bytes.truncate(bytes.len() - if bytes.ends_with(b"\r\n") { 2 } else { 1 });
            }
            Ok(bytes)
        };
        let bytes = match (&self.text, &self.file) {
            (_, Some(file)) => {
                let cannot = |error: io::Error| {
                    Failure::usage(format_args!("cannot read {}: {}", file.display(), reason(&error)))
                };
                read(&mut File::open(file).map_err(cannot)?).map_err(cannot)?
            }
            (Some(text), None) if text == "-" => read(&mut io::stdin().lock())
                .map_err(|error| Failure::new(format_args!("cannot read stdin: {}", reason(&error))))?,
            (Some(text), None) => text.as_bytes().to_vec(),
            (None, None) => self.words.join(OsStr::new(" ")).into_vec(),
        };
        if bytes.len() > MAX_TEXT {
            return Err(Failure::usage(format_args!(
                "the text exceeds 1 MiB ({MAX_TEXT} bytes); send it in parts, or refer to a file that the \
                 agent can read"
            )));
        }
        Ok(bytes.into())
    }
}

/// Why an agent is busy says nothing of the text by itself.
fn not_sent(error: ClientError) -> Failure {
    let busy = matches!(&error, ClientError::Problem(problem) if problem.code == Code::Busy);
    match (busy, Failure::from(error)) {
        (true, Failure::Said { code, message, hint }) => {
            Failure::Said { code, message: format!("not sent: {message}"), hint }
        }
        (_, failure) => failure,
    }
}

fn if_busy(text: &str) -> Result<IfBusy, String> {
    match text {
        "queue" => Ok(IfBusy::Queue),
        "refuse" => Ok(IfBusy::Refuse),
        "now" => Ok(IfBusy::Now),
        _ => Err("use queue, refuse or now".to_owned()),
    }
}

fn image(file: &Path) -> Result<Bytes, Failure> {
    let cannot =
        |error: io::Error| Failure::usage(format_args!("cannot read {}: {}", file.display(), reason(&error)));
    let bytes = read(File::open(file).map_err(cannot)?, MAX_IMAGE).map_err(cannot)?;
    if bytes.len() > MAX_IMAGE {
        return Err(Failure::usage(format_args!("image {} exceeds 10 MiB", file.display())));
    }
    Ok(bytes.into())
}

/// At most one byte more than may be sent.
fn read(source: impl Read, most: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(most as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        send: Send,
    }

    fn bytes(words: &[&[u8]]) -> Result<Bytes, Failure> {
        let words = [b"send".as_slice(), b"a1"].into_iter().chain(words.iter().copied());
        let line = Line::try_parse_from(words.map(OsStr::from_bytes)).map_err(Failure::usage)?;
        line.send.bytes()
    }

    #[test]
    fn any_bytes_are_text() {
        assert_eq!(bytes(&[b"\xff\xfe"]).unwrap(), b"\xff\xfe".as_slice());
        assert_eq!(bytes(&[b""]).unwrap(), b"".as_slice());
        assert_eq!(bytes(&[b"--", b"-", b"--file", b"x"]).unwrap(), b"- --file x".as_slice());
    }

    #[test]
    fn the_last_line_end_of_a_file_is_the_enter() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        for (content, sent) in
            [("y\n", "y"), ("y\r\n", "y"), ("y\n\n", "y\n"), ("\n", ""), ("y", "y"), ("y\r", "y\r"), ("", "")]
        {
            file.as_file_mut().set_len(0).unwrap();
            io::Seek::rewind(&mut file).unwrap();
            io::Write::write_all(&mut file, content.as_bytes()).unwrap();
            let path = file.path().as_os_str().as_bytes();
            assert_eq!(bytes(&[b"--file", path]).unwrap(), sent.as_bytes(), "{content:?}");
            assert_eq!(bytes(&[b"--no-newline", b"--file", path]).unwrap(), content.as_bytes());
        }
        assert_eq!(bytes(&[b"y\n"]).unwrap(), b"y\n".as_slice());
    }

    #[test]
    fn a_text_has_at_most_a_mebibyte() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().as_os_str().as_bytes().to_owned();
        for (length, fits) in [(MAX_TEXT, true), (MAX_TEXT + 1, false)] {
            file.as_file().set_len(length as u64).unwrap();
            io::Write::flush(&mut file).unwrap();
            assert_eq!(bytes(&[b"--file", &path]).is_ok(), fits);
        }
        assert!(matches!(bytes(&[b"--file", b"/nowhere/x"]), Err(Failure::Said { code: 2, .. })));
    }
}
