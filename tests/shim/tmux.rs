//! A real tmux around a shim.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A private tmux server with one pane, and a control client that reads it.
pub struct Tmux {
    socket: PathBuf,
    client: Child,
    lines: BufReader<std::process::ChildStdout>,
}

impl Tmux {
    pub fn start(dir: &Path, pane: &[String]) -> Self {
        let socket = dir.join("tmux.sock");
        let mut client = Self::command(&socket)
            .args(["-C", "new-session", "-x", "80", "-y", "24", "--"])
            .args(pane)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("tmux is needed");
        let lines = BufReader::new(client.stdout.take().unwrap());
        Self { socket, client, lines }
    }

    fn command(socket: &Path) -> Command {
        let mut command = Command::new("tmux");
        command.env_remove("TMUX").args(["-f", "/dev/null", "-S"]).arg(socket);
        command
    }

    /// What the pane printed, to the end of `text`. The shim ends by itself after 5 s, and the client
    /// with it: so this does too.
    pub fn output_until(&mut self, text: &str) -> String {
        let mut output = Vec::new();
        let mut line = Vec::new();
        while !output.ends_with(text.as_bytes()) {
            line.clear();
            if self.lines.read_until(b'\n', &mut line).unwrap() == 0 {
                break;
            }
            if let Some(rest) = line.strip_prefix(b"%output %0 ") {
                unescape(rest.strip_suffix(b"\n").unwrap_or(rest), &mut output);
            }
        }
        String::from_utf8(output).unwrap()
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        let _ = Self::command(&self.socket).arg("kill-server").stderr(Stdio::null()).status();
        let _ = self.client.kill();
        let _ = self.client.wait();
    }
}

/// `\ooo` in control mode is one byte.
fn unescape(mut text: &[u8], output: &mut Vec<u8>) {
    while let Some((&byte, rest)) = text.split_first() {
        text = rest;
        if byte == b'\\' {
            let (digits, rest) = text.split_at(3);
            output.push(digits.iter().fold(0, |value, digit| value * 8 + (digit - b'0')));
            text = rest;
        } else {
            output.push(byte);
        }
    }
}
