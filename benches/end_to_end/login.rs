//! Signing in to the dashboard, as a browser does on its first visit.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use anyhow::{Context, ensure};
use codepiper_protocol::wire::auth::{RecoveryCodes, SetupBegun, SignedIn};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::Result;
use crate::bed::{LIMIT, output};
use crate::daemon::Daemon;

pub struct Login {
    port: u16,
    cookies: Vec<String>,
    /// What goes with every request beside the cookie.
    pub secret: String,
}

impl Login {
    /// Sets the dashboard up.
    pub fn sign_up(daemon: &Daemon<'_>) -> Result<Self> {
        let bootstrap = output(&mut daemon.codepiper(&["auth", "bootstrap"]))?;
        let mut login = Self { port: daemon.web_port()?, cookies: Vec::new(), secret: String::new() };
        let words = json!({"bootstrap": bootstrap.trim(), "password": "correct horse battery"});
        let begun: SetupBegun = login.post("/api/auth/setup", &words)?;
        let words = json!({"token": begun.token, "code": code(&begun.totp.secret)?});
        let _: RecoveryCodes = login.post("/api/auth/setup/totp", &words)?;
        let signed_in: SignedIn = login.post("/api/auth/setup/finish", &json!({"token": begun.token}))?;
        login.secret = signed_in.secret;
        Ok(login)
    }

    pub fn connect(&self) -> Result<TcpStream> {
        let stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(LIMIT))?;
        Ok(stream)
    }

    /// What a page of the dashboard says with each request, a line each.
    pub fn headers(&self) -> String {
        let (port, cookies) = (self.port, self.cookies.join("; "));
        format!(
            "Host: 127.0.0.1:{port}\r\nOrigin: http://127.0.0.1:{port}\r\nSec-Fetch-Site: same-origin\r\n\
             Cookie: {cookies}\r\n"
        )
    }

    fn post<T: DeserializeOwned>(&mut self, path: &str, body: &Value) -> Result<T> {
        let mut stream = self.connect()?;
        let body = serde_json::to_string(body)?;
        let (headers, length) = (self.headers(), body.len());
        write!(stream, "POST {path} HTTP/1.1\r\n{headers}Content-Length: {length}\r\n\r\n{body}")?;
        let mut stream = BufReader::new(stream);
        let (mut status, mut length) = (String::new(), 0);
        stream.read_line(&mut status)?;
        loop {
            let mut line = String::new();
            stream.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.parse()?,
                "set-cookie" => self.cookies.extend(value.split(';').next().map(str::to_owned)),
                _ => {}
            }
        }
        let mut answer = vec![0; length];
        stream.read_exact(&mut answer)?;
        ensure!(status.contains(" 200 "), "{path}: {status}{}", String::from_utf8_lossy(&answer));
        serde_json::from_slice(&answer).context("an answer that cannot be read")
    }
}

/// What an authenticator shows now.
fn code(secret: &str) -> Result<String> {
    let secret = totp_rs::Secret::try_from_base32(secret)?;
    let totp = totp_rs::Builder::new().with_secret(secret).with_account_name("bench").build()?;
    Ok(totp.generate(u64::try_from(jiff::Timestamp::now().as_second())?).to_string())
}
