//! Bare tmux: a server of its own with the options of the daemon's, a control client that every window
//! is linked to, or a client on a terminal.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, bail, ensure};
use bytes::BytesMut;
use codepiper_protocol::tmux::{Item, PaneId, Parser, Reply};

use crate::Result;
use crate::bed::{Bed, COLS, ROWS, output};
use crate::echo::Echo;
use crate::terminal::Terminal;

/// Bytes read at once: as many as a pipe holds.
const READ: usize = 64 * 1024;

/// A tmux server. It ends with this value.
pub struct Server<'a> {
    bed: &'a Bed,
    socket: PathBuf,
    options: PathBuf,
}

impl<'a> Server<'a> {
    /// A server with the same options as the one at `like`.
    pub fn new(bed: &'a Bed, name: &str, like: &Path) -> Result<Self> {
        let options = bed.path(&format!("{name}.conf"));
        std::fs::write(&options, options_of(bed, like)?)?;
        Ok(Self { bed, socket: bed.path(&format!("{name}.sock")), options })
    }

    pub fn command(&self) -> Command {
        let mut command = self.bed.command("tmux");
        command.arg("-u").arg("-S").arg(&self.socket).arg("-f").arg(&self.options);
        command
    }

    /// Starts a session by a command of its own.
    pub fn start(&self, name: &str, program: &[String]) -> Result<()> {
        let (cols, rows) = (COLS.to_string(), ROWS.to_string());
        let size = ["-x", &cols, "-y", &rows];
        output(self.command().args(["new-session", "-d", "-s", name]).args(size).arg("--").args(program))?;
        Ok(())
    }

    /// A client on a terminal.
    pub fn attach(&self, name: &str) -> Result<Terminal> {
        let mut command = self.command();
        command.args(["attach", "-t", name]);
        Terminal::start(command)
    }
}

impl Drop for Server<'_> {
    fn drop(&mut self) {
        let _ = self.command().arg("kill-server").stderr(Stdio::null()).status();
    }
}

pub fn pid(bed: &Bed, socket: &Path) -> Result<i32> {
    let mut command = bed.command("tmux");
    let printed = output(command.arg("-S").arg(socket).args(["display-message", "-p", "#{pid}"]))?;
    printed.trim().parse().context("tmux does not know its pid")
}

/// The options of a server, as commands.
fn options_of(bed: &Bed, socket: &Path) -> Result<String> {
    let mut commands = String::new();
    for scope in ["-s", "-g", "-gw"] {
        let shown = output(bed.command("tmux").arg("-S").arg(socket).args(["show-options", scope]))?;
        // "none" is how tmux shows a colour that nobody set, and not a colour that can be set.
        for option in shown.lines().filter(|line| !line.starts_with('@') && !line.ends_with("-colour none")) {
            let empty = if option.contains(' ') { "" } else { " ''" };
            commands.push_str(&format!("set-option {scope} {option}{empty}\n"));
        }
    }
    Ok(commands)
}

/// One control client; the windows of all sessions are linked to its own.
pub struct Control {
    process: Child,
    stdin: File,
    stdout: File,
    parser: Parser,
    buffer: Vec<u8>,
    /// What panes printed while a reply was waited for.
    early: Vec<(PaneId, BytesMut)>,
}

impl Control {
    pub fn start(server: &Server<'_>) -> Result<Self> {
        let mut command = server.command();
        command.args([
            "-C",
            "new-session",
            "-s",
            "_hub",
            "-x",
            "80",
            "-y",
            "24",
            "--",
            "sleep",
            "2147483647",
        ]);
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (stdin, stdout) = process.stdin.take().zip(process.stdout.take()).context("tmux has no pipes")?;
        let (stdin, stdout) = (OwnedFd::from(stdin).into(), OwnedFd::from(stdout).into());
        let mut control =
            Self { process, stdin, stdout, parser: Parser::new(), buffer: vec![0; READ], early: Vec::new() };
        control.ask("display-message -p ready")?;
        Ok(control)
    }

    /// Starts a session and links its window.
    pub fn start_session(&mut self, name: &str, program: &[String]) -> Result<PaneId> {
        let program: Vec<_> = program.iter().map(|word| quoted(word)).collect();
        let line = format!(
            "new-session -d -s {name} -x {COLS} -y {ROWS} -P -F '#{{pane_id}}' -- {} ; \
             link-window -d -s {name}: -t _hub:",
            program.join(" ")
        );
        let replies = self.ask_for(&line, 2)?;
        let pane = replies[0].lines().next().and_then(PaneId::parse);
        pane.context("tmux does not say which pane it made")
    }

    pub fn kill_session(&mut self, name: &str) -> Result<()> {
        self.ask(&format!("kill-window -t {name}:"))
    }

    /// Sends a command and waits for its reply.
    pub fn ask(&mut self, command: &str) -> Result<()> {
        self.ask_for(command, 1).map(drop)
    }

    fn ask_for(&mut self, line: &str, count: usize) -> Result<Vec<Reply>> {
        self.stdin.write_all(format!("{line}\n").as_bytes())?;
        let (mut replies, mut early) = (Vec::new(), Vec::new());
        while replies.len() < count {
            self.read_items(|item| match item {
                Item::Reply(reply) if reply.from_client() => replies.push(reply),
                Item::Output { pane, data, .. } => {
                    let mut output = BytesMut::new();
                    data.unescape_into(&mut output);
                    early.push((pane, output));
                }
                _ => {}
            })?;
            if let Some(failed) = replies.iter().find(|reply| !reply.ok) {
                bail!("tmux refused '{line}': {}", failed.message());
            }
        }
        self.early = early;
        Ok(replies)
    }

    pub fn read_items(&mut self, mut on: impl FnMut(Item<'_>)) -> Result<()> {
        let length = self.stdout.read(&mut self.buffer)?;
        ensure!(length > 0, "the tmux client is gone");
        self.parser.feed(&self.buffer[..length], &mut on);
        Ok(())
    }

    /// Appends what a pane prints next.
    pub fn read_output(&mut self, wanted: PaneId, out: &mut BytesMut) -> Result<()> {
        for (_, output) in self.early.drain(..).filter(|(pane, _)| *pane == wanted) {
            out.extend_from_slice(&output);
        }
        if !out.is_empty() {
            return Ok(());
        }
        self.read_items(|item| {
            if let Item::Output { pane, data, .. } = item
                && pane == wanted
            {
                data.unescape_into(out);
            }
        })
    }

    pub fn echo(&mut self, pane: PaneId) -> ControlEcho<'_> {
        ControlEcho { control: self, pane }
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Types into one pane.
pub struct ControlEcho<'a> {
    control: &'a mut Control,
    pane: PaneId,
}

impl Echo for ControlEcho<'_> {
    fn press(&mut self, key: u8) -> Result<()> {
        let command = format!("send-keys -t {} -H {key:02x}\n", self.pane);
        Ok(self.control.stdin.write_all(command.as_bytes())?)
    }

    fn read(&mut self, key: u8) -> Result<bool> {
        let (mut seen, wanted) = (false, self.pane);
        self.control.read_items(|item| {
            if let Item::Output { pane, data, .. } = item {
                seen |= pane == wanted && data.raw().contains(&key);
            }
        })?;
        Ok(seen)
    }

    fn descriptor(&self) -> BorrowedFd<'_> {
        self.control.stdout.as_fd()
    }
}
