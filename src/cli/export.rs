mod markdown;

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use clap::Args;
use codepiper_protocol::event::DescribedEvent;
use codepiper_protocol::wire::conversation::{Entry, LONGEST_TEXT, ReadConversation};
use codepiper_protocol::wire::events::{ListEvents, MAX_EVENTS};
use codepiper_protocol::wire::git::{DiffFile, ReadDiff, ReadFile};
use codepiper_protocol::wire::session::Session;
use serde::Serialize;

use super::audit::left_out;
use super::diff::why_no_lines;
use super::failure::{Failure, OF_SESSIONS, Outcome, exit_codes};
use super::{Context, failure, output};
use crate::audit::{Filter, Order, export};
use crate::client::Client;

/// Write a session's conversation, changes, events and audit records into a new directory
///
/// The directory has `session.json`, `conversation.md`, `changes.diff` (since the session was started), `events.jsonl` and
/// `audit.jsonl`, and only you can read it. What a session does not have, such as a conversation of a shell, is left out, and
/// stderr says so. The audit records stand there as in the audit; `codepiper audit verify` checks them there.
#[derive(Args)]
#[command(after_help = exit_codes(OF_SESSIONS))]
pub(super) struct Export {
    /// Session id, unique id prefix, or name
    #[arg(value_name = "ID")]
    session: String,
    /// The directory to create [default: codepiper-ID in the current directory]
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
}

/// So many entries of a conversation are asked for at once: each may be long.
const ENTRIES: u32 = 50;

impl Export {
    pub(super) fn run(self, context: Context) -> Outcome {
        let client = context.client()?;
        let audit = context.paths()?.audit();
        context.block_on(async {
            let session = client.session(&self.session).await?;
            let dir = self.output.unwrap_or_else(|| format!("codepiper-{}", session.short_id).into());
            DirBuilder::new().mode(0o700).create(&dir).map_err(|error| cannot_write(&dir, &error))?;
            Exported { client, session, dir }.write(&audit).await
        })?
    }
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Failure {
    match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            Failure::new(format_args!("{} already exists; choose another one with --output", path.display()))
        }
        _ => Failure::new(format_args!("cannot write {}: {error}", path.display())),
    }
}

struct Exported {
    client: Client,
    session: Session,
    dir: PathBuf,
}

impl Exported {
    async fn write(&self, audit: &Path) -> Outcome {
        let mut session = self.open("session.json")?;
        serde_json::to_writer_pretty(&mut session, &self.session).map_err(std::io::Error::from)?;
        session.finish("\n")?;
        self.events().await?;
        self.conversation().await?;
        self.changes().await?;
        let filter = Filter {
            session: Some(self.session.id.to_string()),
            order: Order::OldestFirst,
            ..Filter::default()
        };
        let mut records = self.open("audit.jsonl")?;
        let exported = export(audit, &filter, &mut records)
            .map_err(|error| Failure::new(format_args!("cannot read the audit: {error}")))?;
        left_out(exported.unreadable).into_iter().for_each(output::say);
        records.finish("")?;
        output::done(format_args!("session {} written to {}", self.session.short_id, self.dir.display()))
    }

    fn open(&self, name: &str) -> Result<Opened, Failure> {
        let path = self.dir.join(name);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        Ok(Opened(BufWriter::new(file.map_err(|error| cannot_write(&path, &error))?)))
    }

    fn id(&self) -> String {
        self.session.id.to_string()
    }

    async fn events(&self) -> Outcome {
        let mut wanted = ListEvents {
            session: Some(self.session.id),
            source: None,
            kind: None,
            since: None,
            before: None,
            limit: MAX_EVENTS,
        };
        // The newest come first.
        let mut pages = Vec::new();
        loop {
            let found = self.client.list_events(&wanted).await?;
            if let Some(why) = &found.unreadable {
                output::say(format_args!("events.jsonl: older events cannot be read now: {why}"));
            }
            wanted.before = found.events.first().map(|event| event.seq);
            let is_last = found.events.len() < MAX_EVENTS as usize;
            pages.push(found.events);
            if is_last {
                break;
            }
        }
        let mut file = self.open("events.jsonl")?;
        for event in pages.iter().rev().flatten() {
            file.json(&DescribedEvent::from(event))?;
        }
        file.finish("")
    }

    async fn conversation(&self) -> Outcome {
        let mut wanted =
            ReadConversation { limit: ENTRIES, longest: LONGEST_TEXT, ..ReadConversation::default() };
        let mut pages: Vec<Vec<Entry>> = Vec::new();
        loop {
            let found = match self.client.conversation(&self.id(), &wanted).await {
                Ok(found) => found,
                // Of a provider that keeps none.
                Err(error) if pages.is_empty() && error.exit_code() == failure::NOT_FOUND => {
                    output::say(format_args!("no conversation.md: {error}"));
                    return Ok(());
                }
                Err(error) => return Err(error.into()),
            };
            if found.id.is_none() {
                output::say("no conversation.md: the session has no conversation yet");
                return Ok(());
            }
            let Some(first) = found.entries.first().map(|entry| entry.number) else { break };
            pages.push(found.entries);
            wanted.before = Some(first);
        }
        let mut file = self.open("conversation.md")?;
        for entry in pages.iter().rev().flatten() {
            file.text(&markdown::entry(entry))?;
        }
        file.finish("")
    }

    async fn changes(&self) -> Outcome {
        let (base, to) = (Some("start".to_owned()), Some("work".to_owned()));
        let mut wanted = ReadDiff { base, to, from: None, limit: None };
        let mut file: Option<Opened> = None;
        loop {
            let found = match self.client.git_diff(&self.id(), &wanted).await {
                Ok(found) => found,
                Err(error) if file.is_none() && error.exit_code() != failure::NOT_RUNNING => {
                    output::say(format_args!("no changes.diff: {error}"));
                    return Ok(());
                }
                Err(error) => return Err(error.into()),
            };
            let file = match &mut file {
                Some(file) => file,
                none => none.insert(self.open("changes.diff")?),
            };
            for changed in &found.files {
                self.changed(file, changed).await?;
            }
            wanted.from = found.next;
            if wanted.from.is_none() {
                break;
            }
        }
        file.map_or(Ok(()), |mut file| file.finish(""))
    }

    async fn changed(&self, out: &mut Opened, file: &DiffFile) -> Outcome {
        let old = file.old_path.as_ref().unwrap_or(&file.path);
        out.text(&format!("diff --git a/{old} b/{}\n", file.path))?;
        match (&file.old_mode, &file.new_mode) {
            (None, Some(mode)) => out.text(&format!("new file mode {mode}\n"))?,
            (Some(mode), None) => out.text(&format!("deleted file mode {mode}\n"))?,
            (Some(old), Some(new)) if old != new => out.text(&format!("old mode {old}\nnew mode {new}\n"))?,
            _ => {}
        }
        let side =
            |mode: &Option<String>, path: String| if mode.is_some() { path } else { "/dev/null".into() };
        let sides =
            [side(&file.old_mode, format!("a/{old}")), side(&file.new_mode, format!("b/{}", file.path))];
        let mut wanted = ReadFile {
            path: file.path.clone(),
            old_path: file.old_path.clone(),
            base: Some("start".to_owned()),
            to: Some("work".to_owned()),
            from: None,
            limit: None,
        };
        loop {
            let found = self.client.git_file(&self.id(), &wanted).await?;
            if let Some(why) = found.whole.and_then(why_no_lines) {
                out.text(&format!("# {why}\n"))?;
            }
            if wanted.from.is_none() && !found.hunks.is_empty() {
                out.text(&format!("--- {}\n+++ {}\n", sides[0], sides[1]))?;
            }
            for hunk in &found.hunks {
                if hunk.skipped == 0 {
                    out.text(&format!(
                        "@@ -{},{} +{},{} @@ {}\n",
                        hunk.old_start, hunk.old_lines, hunk.new_start, hunk.new_lines, hunk.heading
                    ))?;
                }
                for line in &hunk.lines {
                    let sign = match (line.old, line.new) {
                        (Some(_), Some(_)) => ' ',
                        (Some(_), None) => '-',
                        (None, _) => '+',
                    };
                    let cut = line.bytes.map(|bytes| format!(" … ({bytes} bytes)")).unwrap_or_default();
                    let end = if line.no_newline { "\n\\ No newline at end of file" } else { "" };
                    out.text(&format!("{sign}{}{cut}{end}\n", line.text))?;
                }
            }
            let Some(next) = found.next else { return Ok(()) };
            wanted.from = Some(next);
        }
    }
}

struct Opened(BufWriter<File>);

impl Opened {
    fn text(&mut self, text: &str) -> Outcome {
        Ok(self.0.write_all(text.as_bytes())?)
    }

    fn json(&mut self, value: &impl Serialize) -> Outcome {
        let line = serde_json::to_string(value).map_err(std::io::Error::from)?;
        self.text(&line)?;
        self.text("\n")
    }

    fn finish(&mut self, end: &str) -> Outcome {
        self.text(end)?;
        Ok(self.0.flush()?)
    }
}

impl Write for Opened {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}
