//! The messages between the daemon and the shim that runs inside every pane.
//!
//! One JSON object a line over the shim's Unix socket. The shim speaks first. It connects twice in
//! its life:
//!
//! 1. at the start: [`FromShim::Hello`] → [`ToShim::Launch`] → [`FromShim::Started`] or
//!    [`FromShim::Failed`];
//! 2. when the program has ended: [`FromShim::Exited`] → [`ToShim::Release`], once the daemon has
//!    stored the tail of the output.
//!
//! Every message from the shim carries the protocol number of the shim's own build: a shim outlives
//! the daemon that started it, so a newer daemon must understand older shims. And a program that was
//! replaced starts newer shims until the older daemon is restarted. So a message keeps its name and its
//! fields for ever, a new field may be missing, and nobody minds fields that he does not know; the number
//! is there for what cannot be said that way.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::SessionId;

/// The protocol number of this build.
pub const PROTOCOL: u32 = 1;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FromShim {
    /// The process whose peer pid this connection has stands in a pane and waits for its program.
    Hello { protocol: u32, session: SessionId },
    /// The program was executed; its process group has the number `pid`.
    Started { pid: i32 },
    /// The program could not be executed. `errno` is 0 when the reason was not a system call.
    Failed { errno: i32, message: String },
    /// The program has ended; the exit file and the marker are written, the pty is held.
    Exited { protocol: u32, session: SessionId, status: ExitStatus },
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToShim {
    Launch(Launch),
    Refused { message: String },
    Release,
}

/// What the shim executes. Secrets may stand in `env`: it has no `Debug`.
#[derive(Clone, Serialize, Deserialize)]
pub struct Launch {
    /// Program and arguments, as [`crate::os_text`]; the program is an absolute path.
    pub argv: Vec<String>,
    pub cwd: PathBuf,
    /// The whole environment of the program, as [`crate::os_text`].
    pub env: BTreeMap<String, String>,
    /// Proves that an exit marker comes from this shim and not from the program's output. Hex.
    pub nonce: String,
    /// Where the exit status is written before the marker is printed (written beside, renamed).
    pub exit_file: PathBuf,
    /// What the program is known by, whatever becomes of its parents: a hard limit (`RLIMIT_LOCKS`). The shim inherits it
    /// from a tmux server that a daemon of this version has started.
    #[serde(default)]
    pub mark: Option<u64>,
    /// The program's umask. Default: the shim's.
    #[serde(default)]
    pub umask: Option<u32>,
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExitStatus {
    /// Set when the program ended by itself.
    pub code: Option<i32>,
    /// Set when a signal ended it.
    pub signal: Option<i32>,
}

/// What stands in the exit file, as JSON.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct ExitFile {
    pub protocol: u32,
    pub session: SessionId,
    pub nonce: String,
    pub status: ExitStatus,
    /// The pane was gone before the program.
    #[serde(default)]
    pub pane_gone: bool,
}

/// The body of the private OSC that the shim prints when the program has ended; the whole marker is
/// `ESC ]` body `BEL`. `5379` is not used by any terminal known to us.
pub fn exit_marker(nonce: &str, status: ExitStatus) -> String {
    let part = |number: Option<i32>| number.map(|n| n.to_string()).unwrap_or_default();
    format!("5379;exit;{nonce};{};{}", part(status.code), part(status.signal))
}

/// What the shim prints behind the marker: no more focus events. tmux 3.3 to 3.4 crashes when it has one for a pane whose
/// program has ended (`window_pane_update_focus` in window.c), and who attaches, detaches or looks away makes one.
pub const BEHIND_MARKER: &str = "\x1b[?1004l";

/// How every marker of a launch begins: `ESC ]` and the body up to its numbers.
pub fn exit_marker_head(nonce: &str) -> String {
    format!("\x1b]5379;exit;{nonce};")
}

/// Reads the body of an exit marker. `None` when it is something else or carries another nonce:
/// then it is ordinary output.
pub fn parse_exit_marker(body: &[u8], nonce: &str) -> Option<ExitStatus> {
    let rest = std::str::from_utf8(body).ok()?.strip_prefix("5379;exit;")?.strip_prefix(nonce)?;
    let (code, signal) = rest.strip_prefix(';')?.split_once(';')?;
    let part = |text: &str| if text.is_empty() { Some(None) } else { text.parse().ok().map(Some) };
    Some(ExitStatus { code: part(code)?, signal: part(signal)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As protocol 1 has always written them, and with a field of another time.
    #[test]
    fn the_messages_of_every_protocol_are_read() {
        let id = "a1b2c3d4-0000-4000-8000-00000000000a";
        let session: SessionId = id.parse().unwrap();
        let status = ExitStatus { code: None, signal: Some(9) };
        for more in ["", r#","of_another_time":[1]"#] {
            let from_shim = |text: String| serde_json::from_str::<FromShim>(&text).unwrap();
            for protocol in [0, 1, 2] {
                assert_eq!(
                    from_shim(format!(r#"{{"type":"hello","protocol":{protocol},"session":"{id}"{more}}}"#)),
                    FromShim::Hello { protocol, session }
                );
                assert_eq!(
                    from_shim(format!(
                        r#"{{"type":"exited","protocol":{protocol},"session":"{id}","status":{{"code":null,"signal":9}}{more}}}"#
                    )),
                    FromShim::Exited { protocol, session, status }
                );
            }
            assert_eq!(
                from_shim(format!(r#"{{"type":"started","pid":7{more}}}"#)),
                FromShim::Started { pid: 7 }
            );
            assert_eq!(
                from_shim(format!(r#"{{"type":"failed","errno":2,"message":"no"{more}}}"#)),
                FromShim::Failed { errno: 2, message: "no".into() }
            );
            let launch = format!(
                r#"{{"type":"launch","argv":["/bin/sh"],"cwd":"/","env":{{"A":"b"}},"nonce":"c0ffee","exit_file":"/e"{more}}}"#
            );
            let ToShim::Launch(launch) = serde_json::from_str(&launch).unwrap() else {
                panic!("another message")
            };
            assert_eq!((launch.argv, launch.nonce.as_str()), (vec!["/bin/sh".to_owned()], "c0ffee"));
            let answer = |text: String| serde_json::from_str::<ToShim>(&text).unwrap();
            assert!(matches!(answer(format!(r#"{{"type":"release"{more}}}"#)), ToShim::Release));
            let refused = answer(format!(r#"{{"type":"refused","message":"no"{more}}}"#));
            assert!(matches!(refused, ToShim::Refused { message } if message == "no"));
            let file = format!(
                r#"{{"protocol":1,"session":"{id}","nonce":"c0ffee","status":{{"code":null,"signal":9}}{more}}}"#
            );
            let file: ExitFile = serde_json::from_str(&file).unwrap();
            assert_eq!(
                file,
                ExitFile { protocol: 1, session, nonce: "c0ffee".into(), status, pane_gone: false }
            );
        }
    }

    #[test]
    fn a_marker_is_read_back_only_with_its_nonce() {
        for status in [ExitStatus { code: Some(7), signal: None }, ExitStatus { code: None, signal: Some(9) }]
        {
            let marker = exit_marker("c0ffee", status);
            assert_eq!(parse_exit_marker(marker.as_bytes(), "c0ffee"), Some(status));
            assert_eq!(parse_exit_marker(marker.as_bytes(), "c0ffe"), None);
            assert_eq!(parse_exit_marker(marker.as_bytes(), "beef"), None);
        }
        assert_eq!(parse_exit_marker(b"5379;exit;c0ffee;x;", "c0ffee"), None);
    }
}
