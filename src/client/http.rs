//! One request over the daemon's socket.

use std::fmt::Display;
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use codepiper_protocol::visible::visible;
use codepiper_protocol::wire::problem::{Code, Problem};
use codepiper_protocol::wire::{PROTOCOL, PROTOCOL_HEADER};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Method, Request, Response, body::Incoming, header};
use hyper_util::rt::TokioIo;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;
use tokio::time;
use tokio_util::task::AbortOnDropHandle;

use super::{ClientError, Result};
use crate::tasks::owned;

/// A daemon that needs longer to read something is not well.
pub(super) const READ_LIMIT: Duration = Duration::from_secs(15);
/// Changes (stop, resume) have limits of their own, in the daemon. When one takes longer than this, the daemon is asked
/// whether it is there at all, again and again.
const ASK_AFTER: Duration = Duration::from_secs(10);
/// And nothing takes longer than this.
const CHANGE_LIMIT: Duration = Duration::from_secs(600);
/// How long to try when the daemon's queue of connections is full.
const QUEUE_LIMIT: Duration = Duration::from_secs(5);

type Carrier = AbortOnDropHandle<hyper::Result<()>>;

pub(super) struct Body {
    pub kind: &'static str,
    pub bytes: Bytes,
}

impl Body {
    pub(super) fn json(value: &impl Serialize) -> Result<Self> {
        let bytes = serde_json::to_vec(value).map_err(ClientError::Request)?;
        Ok(Self { kind: "application/json", bytes: bytes.into() })
    }
}

/// Sends a request and reads the whole answer. An answer that is an error is a [`ClientError`].
pub(super) async fn request(socket: &Path, method: Method, path: &str, body: Option<Body>) -> Result<Bytes> {
    // It would be the path of all of them.
    let whole = path.split('?').next().unwrap_or_default();
    if whole.ends_with('/') || whole.contains("//") {
        let detail = "the name is empty; is a shell variable empty?";
        return Err(ClientError::Problem(Problem::new(Code::NotFound, detail)));
    }
    if method == Method::GET {
        return time::timeout(READ_LIMIT, exchange(socket, method, path, body))
            .await
            .unwrap_or_else(silent(path));
    }
    let what = format!("{method} {path}");
    let mut answer = std::pin::pin!(exchange(socket, method, path, body));
    let give_up = time::Instant::now() + CHANGE_LIMIT;
    loop {
        if let Ok(answer) = time::timeout(ASK_AFTER, answer.as_mut()).await {
            return answer;
        }
        let alive = exchange(socket, Method::GET, "/api/daemon", None);
        let asked = time::timeout(READ_LIMIT, async {
            tokio::select! {
                answer = answer.as_mut() => Some(answer),
                alive = alive => alive.err().map(Err),
            }
        });
        match asked.await {
            Ok(Some(answer)) => return answer,
            Ok(None) if time::Instant::now() < give_up => {
                let what = visible(&what);
                // A closed stderr is no reason to stop.
                let _ = writeln!(std::io::stderr(), "the daemon is still working on it ({what}); waiting …");
            }
            Ok(None) | Err(_) => return Err(ClientError::Silent(what)),
        }
    }
}

fn silent<T, E>(path: &str) -> impl FnOnce(E) -> Result<T> {
    let what = format!("GET {path}");
    move |_| Err(ClientError::Silent(what))
}

async fn exchange(socket: &Path, method: Method, path: &str, body: Option<Body>) -> Result<Bytes> {
    {
        let (mut sender, _carrier) = connect(socket).await?;
        let mut request = head(method, path);
        if let Some(body) = &body {
            // hyper says nothing of a body without bytes, and the daemon wants to know.
            request = request
                .header(header::CONTENT_TYPE, body.kind)
                .header(header::CONTENT_LENGTH, body.bytes.len());
        }
        let body = body.map(|body| body.bytes).unwrap_or_default();
        let response = sender.send_request(finish(request, body)?).await.map_err(|_| ClientError::Lost)?;
        whole(response).await
    }
}

/// Asks for a WebSocket at `/ws`.
pub(super) async fn upgrade(socket: &Path) -> Result<TokioIo<hyper::upgrade::Upgraded>> {
    let answer = async {
        let (mut sender, _carrier) = connect(socket).await?;
        let request = head(Method::GET, "/ws")
            .header(header::UPGRADE, "websocket")
            .header(header::CONNECTION, "upgrade")
            .header("sec-websocket-key", fastwebsockets::handshake::generate_key())
            .header("sec-websocket-version", "13");
        let request = finish(request, Bytes::new())?;
        let response = sender.send_request(request).await.map_err(|_| ClientError::Lost)?;
        if response.status() != hyper::StatusCode::SWITCHING_PROTOCOLS {
            whole(response).await?;
            return Err(ClientError::Answer("no WebSocket at /ws".into()));
        }
        hyper::upgrade::on(response).await.map_err(|_| ClientError::Lost)
    };
    let upgraded = time::timeout(READ_LIMIT, answer).await.unwrap_or_else(silent("/ws"))?;
    Ok(TokioIo::new(upgraded))
}

pub(super) fn parse<T: DeserializeOwned>(answer: &[u8]) -> Result<T> {
    serde_json::from_slice(answer).map_err(|error| ClientError::Answer(error.to_string()))
}

/// Percent-encodes everything but ASCII letters, digits, `-` and `_`. A name may hold dots, and a path
/// of dots only would mean another place.
pub(super) fn encode(text: &str) -> impl Display {
    const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');
    utf8_percent_encode(text, ESCAPED)
}

/// Where requests go, and the task that carries them.
async fn connect(socket: &Path) -> Result<(SendRequest<Full<Bytes>>, Carrier)> {
    let stream = open(socket).await?;
    let uid = nix::unistd::geteuid().as_raw();
    match stream.peer_cred() {
        Ok(peer) if peer.uid() == uid => {}
        Ok(peer) => return Err(ClientError::Foreign { socket: socket.into(), uid: peer.uid() }),
        Err(error) => {
            return Err(ClientError::Unreachable { socket: socket.into(), reason: error.to_string() });
        }
    }
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|_| ClientError::Lost)?;
    // Its errors come out at the request as well.
    Ok((sender, owned(connection.with_upgrades())))
}

async fn open(socket: &Path) -> Result<UnixStream> {
    let give_up = time::Instant::now() + QUEUE_LIMIT;
    loop {
        match UnixStream::connect(socket).await {
            Ok(stream) => return Ok(stream),
            Err(error)
                if matches!(
                    error.kind(),
                    // The last: it closed its socket before it took the connection.
                    ErrorKind::NotFound | ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset
                ) =>
            {
                return Err(ClientError::NotRunning(socket.into()));
            }
            // A Unix socket never says when its queue has room again.
            Err(error) if error.kind() == ErrorKind::WouldBlock && time::Instant::now() < give_up => {
                time::sleep(Duration::from_millis(10)).await;
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                return Err(ClientError::Silent("a connection".to_owned()));
            }
            Err(error) => {
                return Err(ClientError::Unreachable {
                    socket: socket.into(),
                    reason: error.kind().to_string(),
                });
            }
        }
    }
}

fn head(method: Method, path: &str) -> hyper::http::request::Builder {
    Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, "localhost")
        .header(PROTOCOL_HEADER, PROTOCOL)
}

fn finish(request: hyper::http::request::Builder, body: Bytes) -> Result<Request<Full<Bytes>>> {
    request.body(Full::new(body)).map_err(|error| ClientError::Answer(error.to_string()))
}

async fn whole(response: Response<Incoming>) -> Result<Bytes> {
    let status = response.status();
    let body = response.into_body().collect().await.map_err(|_| ClientError::Lost)?.to_bytes();
    if status.is_success() {
        return Ok(body);
    }
    match serde_json::from_slice::<Problem>(&body) {
        Ok(problem) => Err(ClientError::Problem(problem)),
        Err(_) => Err(ClientError::Answer(format!("HTTP status {status}"))),
    }
}
