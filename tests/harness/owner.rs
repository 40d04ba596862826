//! Requests of the owner over the daemon's socket, as the command line makes them.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Answer, Home};

pub struct Owner<'a>(pub &'a Home);

impl Owner<'_> {
    /// Sends a request, and leaves the answer where it is.
    pub fn ask(&self, method: &str, path: &str, body: &Value) -> UnixStream {
        self.try_to_ask(method, path, body).unwrap()
    }

    fn try_to_ask(&self, method: &str, path: &str, body: &Value) -> std::io::Result<UnixStream> {
        let mut stream = UnixStream::connect(self.0.socket())?;
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let length = body.len();
        let head = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n");
        write!(stream, "{head}Content-Length: {length}\r\n\r\n{body}")?;
        Ok(stream)
    }

    /// Sends a request and waits for the answer; `None` when the daemon is not there, or ends before it has answered.
    pub fn answer(&self, method: &str, path: &str, body: &Value) -> Option<Answer> {
        let mut answer = Vec::new();
        self.try_to_ask(method, path, body).ok()?.read_to_end(&mut answer).ok()?;
        // The head comes whole, and says how long the rest is.
        (!answer.is_empty()).then(|| Answer::read(&answer[..]))
    }

    /// Hangs up after the daemon has answered so many other requests.
    pub fn ask_and_hang_up(&self, method: &str, path: &str, body: &Value, after: usize) {
        let stream = self.ask(method, path, body);
        for _ in 0..after {
            assert_eq!(Answer::read(self.ask("GET", "/api/daemon", &Value::Null)).status, 200);
        }
        drop(stream);
    }

    pub fn get<T: DeserializeOwned>(&self, path: &str) -> T {
        Answer::read(self.ask("GET", path, &Value::Null)).ok()
    }
}
