//! A browser, as far as the daemon can tell: it keeps cookies and says its origin.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use codepiper_protocol::wire::auth::{AuthStatus, RecoveryCodes, SetupBegun, SignedIn};
use codepiper_protocol::wire::problem::{Code, Problem};
use codepiper_protocol::wire::stream::ClientMessage;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Home, TIMEOUT, WebSocket};

pub const PASSWORD: &str = "correct horse battery";

pub struct Browser {
    pub port: u16,
    pub cookies: BTreeMap<String, String>,
    pub secret: Option<String>,
    /// Said instead of the own ones.
    pub headers: Vec<(String, String)>,
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// What the owner of a dashboard that was set up knows.
pub struct Login {
    pub totp: String,
    pub recovery: Vec<String>,
}

impl Browser {
    pub fn new(port: u16) -> Self {
        Self { port, cookies: BTreeMap::new(), secret: None, headers: Vec::new() }
    }

    /// The same browser with other headers.
    pub fn saying(&self, headers: &[(&str, &str)]) -> Self {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { port: self.port, cookies: self.cookies.clone(), secret: self.secret.clone(), headers }
    }

    pub fn get(&mut self, path: &str) -> Answer {
        self.request("GET", path, None)
    }

    pub fn post(&mut self, path: &str, body: &Value) -> Answer {
        self.request("POST", path, Some(serde_json::to_vec(body).unwrap()))
    }

    pub fn delete(&mut self, path: &str) -> Answer {
        self.request("DELETE", path, None)
    }

    pub fn request(&mut self, method: &str, path: &str, body: Option<Vec<u8>>) -> Answer {
        let mut stream = self.connect();
        let body = body.unwrap_or_default();
        let head =
            format!("{method} {path} HTTP/1.1\r\n{}Content-Length: {}\r\n\r\n", self.head(), body.len());
        stream.write_all(head.as_bytes()).unwrap();
        // A body that is refused may not be read to its end.
        let _ = stream.write_all(&body);
        let answer = Answer::read(stream);
        for (_, cookie) in answer.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let pair = cookie.split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            match value {
                "" => self.cookies.remove(name),
                value => self.cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
        answer
    }

    /// Asks without a body, and leaves the answer where it is; the daemon closes behind it.
    pub fn raw(&self, method: &str, path: &str) -> TcpStream {
        let mut stream = self.connect();
        let head = format!("{method} {path} HTTP/1.1\r\n{}Connection: close\r\n\r\n", self.head());
        stream.write_all(head.as_bytes()).unwrap();
        stream
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(TIMEOUT)).unwrap();
        stream.set_write_timeout(Some(TIMEOUT)).unwrap();
        stream
    }

    fn head(&self) -> String {
        let port = self.port;
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut headers: Vec<(String, String)> = [
            ("Host", format!("127.0.0.1:{port}")),
            ("Origin", format!("http://127.0.0.1:{port}")),
            ("Sec-Fetch-Site", "same-origin".to_owned()),
            (
                "User-Agent",
                "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0".to_owned(),
            ),
            ("Cookie", cookies.join("; ")),
            ("codepiper-secret", self.secret.clone().unwrap_or_default()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        for (name, value) in &self.headers {
            headers.retain(|(own, _)| !own.eq_ignore_ascii_case(name));
            headers.push((name.clone(), value.clone()));
        }
        let said = headers.into_iter().filter(|(_, value)| !value.is_empty());
        said.map(|(name, value)| format!("{name}: {value}\r\n")).collect()
    }

    pub fn status(&mut self) -> AuthStatus {
        self.get("/api/auth").ok()
    }

    /// The whole set-up, from the one-time password on.
    pub fn set_up(&mut self, home: &Home) -> Login {
        let begun: SetupBegun =
            self.post("/api/auth/setup", &json!({"bootstrap": bootstrap(home), "password": PASSWORD})).ok();
        let code = code(&begun.totp.secret, 0);
        let codes: RecoveryCodes =
            self.post("/api/auth/setup/totp", &json!({"token": begun.token, "code": code})).ok();
        let signed_in: SignedIn = self.post("/api/auth/setup/finish", &json!({"token": begun.token})).ok();
        self.secret = Some(signed_in.secret);
        Login { totp: begun.totp.secret, recovery: codes.codes }
    }

    pub fn sign_in(&mut self, code: &str) -> Answer {
        let answer = self.post("/api/auth/sign-in", &json!({"password": PASSWORD, "code": code}));
        if answer.status == 200 {
            let signed_in: SignedIn = serde_json::from_slice(&answer.body).unwrap();
            self.secret = Some(signed_in.secret);
        }
        answer
    }

    /// The WebSocket of a page, before it has said who it is; the status when it is refused.
    pub fn open(&self) -> Result<WebSocket, u16> {
        // A page cannot add headers to a WebSocket.
        let page = Self { secret: None, ..self.saying(&[]) };
        let page = Self { headers: self.headers.clone(), ..page };
        WebSocket::of_browser(self.connect(), &page.head())
    }

    /// The WebSocket of a page that has signed in.
    pub fn websocket(&self) -> WebSocket {
        let mut socket = self.open().unwrap();
        socket.tell(&ClientMessage::Authenticate { secret: self.secret.clone().unwrap() });
        socket.hello();
        socket
    }
}

impl Answer {
    pub fn read(stream: impl Read) -> Self {
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        let status =
            line.split(' ').nth(1).unwrap_or_else(|| panic!("no status in {line:?}")).parse().unwrap();
        let mut headers = Vec::new();
        loop {
            line.clear();
            stream.read_line(&mut line).unwrap();
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        let length = headers.iter().find(|(name, _)| name == "content-length");
        let length = length.map_or(0, |(_, length)| length.parse().unwrap());
        let mut body = vec![0; length];
        stream.read_exact(&mut body).unwrap();
        Self { status, headers, body }
    }

    #[track_caller]
    pub fn ok<T: DeserializeOwned>(&self) -> T {
        assert_eq!(self.status, 200, "{}", self.text());
        serde_json::from_slice(&self.body).unwrap()
    }

    #[track_caller]
    pub fn problem(&self) -> Problem {
        let problem = serde_json::from_slice(&self.body);
        problem.unwrap_or_else(|error| panic!("{} {} is no problem: {error}", self.status, self.text()))
    }

    #[track_caller]
    pub fn code(&self) -> Code {
        self.problem().code
    }

    pub fn header(&self, wanted: &str) -> &str {
        self.headers.iter().find(|(name, _)| name == wanted).map_or("", |(_, value)| value)
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// The one-time password.
pub fn bootstrap(home: &Home) -> String {
    home.ok(["auth", "bootstrap"]).trim().to_owned()
}

/// The code of an authenticator, so many steps from now.
pub fn code(secret: &str, steps: i64) -> String {
    let secret = totp_rs::Secret::try_from_base32(secret).unwrap();
    let totp = totp_rs::Builder::new().with_secret(secret).with_account_name("x").build().unwrap();
    let now = jiff::Timestamp::now().as_second() + steps * 30;
    totp.generate(u64::try_from(now).unwrap()).to_string()
}
