//! `/ws`: subscriptions, terminals, events. See [`codepiper_protocol::wire::stream`].
//!
//! A connection is two tasks: one parses what the client sends, and types what it types; the other owns
//! everything else and writes. It writes all that is pending at once, waits until something changes, and
//! never makes anybody else wait: a slow client only stops its own connection. While it waits, short output takes
//! the [short way](short_way).

mod connection;
mod frame;
mod input;
mod requests;
mod short_way;

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::BytesMut;
use codepiper_protocol::wire::problem::{Code, Problem};
use codepiper_protocol::wire::stream::ClientMessage;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::{HeaderMap, HeaderName, HeaderValue, Response as HttpResponse, StatusCode, header};
use warp::reply::{Reply, Response};

use self::connection::Connection;
use self::frame::{NORMAL, put_close_frame};
use self::input::{Incoming, Keyboard, parse};
use super::places::Place;
use super::{Api, Caller, answer_problem, with};
use crate::tasks::owned;

/// Of the protocol: RFC 6455 §4.1.
const VERSION: &str = "13";
/// Messages of the client that wait to be handled.
const INCOMING: usize = 16;
/// What a client typed before it went is typed; it has this long to arrive.
const LAST_KEYS: Duration = Duration::from_secs(1);
/// A browser has this long to say its second secret.
const AUTHENTICATE_LIMIT: Duration = Duration::from_secs(10);
/// A browser that says nothing for this long is asked for a sign of life, and has as long to give it: a machine that was
/// closed or a network that is gone tells nobody. A page that is seen says something more often, and what is hidden or
/// slow is answered for by its browser. Whoever comes through the Unix socket is known to be there.
const SILENT: Duration = Duration::from_secs(30);
/// The code that a WebSocket is closed with when its login has ended, or was none.
const SIGNED_OUT: u16 = 4401;

pub fn route(api: Api) -> BoxedFilter<(Response,)> {
    warp::path!("ws")
        .and(warp::get())
        .and(warp::header::headers_cloned())
        .and(warp::ext::optional::<OnUpgrade>())
        .and(warp::ext::get::<Caller>())
        .and(warp::ext::get::<Option<Arc<Place>>>())
        .and(with(api))
        .map(|headers: HeaderMap, upgrade: Option<OnUpgrade>, caller, place, api| {
            match (handshake(&headers), upgrade) {
                (Ok(key), Some(upgrade)) => accept(key, upgrade, Client { caller, place, api }),
                (Ok(_), None) => answer_problem(&Problem::new(Code::Invalid, "a WebSocket needs HTTP/1.1")),
                (Err(problem), _) => {
                    let mut answer = answer_problem(&problem);
                    if problem.code == Code::ProtocolMismatch {
                        let version = HeaderValue::from_static(VERSION);
                        answer.headers_mut().insert(header::SEC_WEBSOCKET_VERSION, version);
                    }
                    answer
                }
            }
        })
        .boxed()
}

/// The client's key, if it asks for a WebSocket as RFC 6455 §4.2.1 says.
fn handshake(headers: &HeaderMap) -> Result<&HeaderValue, Problem> {
    let has = |name: HeaderName, token: &str| {
        let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).any(|word| word.trim().eq_ignore_ascii_case(token))
    };
    if !has(header::UPGRADE, "websocket") || !has(header::CONNECTION, "upgrade") {
        return Err(Problem::new(Code::Invalid, "this route only accepts WebSocket connections"));
    }
    if !has(header::SEC_WEBSOCKET_VERSION, VERSION) {
        let detail = format!("the daemon only speaks version {VERSION} of the WebSocket protocol");
        return Err(Problem::new(Code::ProtocolMismatch, detail));
    }
    let mut keys = headers.get_all(header::SEC_WEBSOCKET_KEY).iter();
    let is_key = |key: &&HeaderValue| STANDARD.decode(key).is_ok_and(|nonce| nonce.len() == 16);
    match (keys.next().filter(is_key), keys.next()) {
        (Some(key), None) => Ok(key),
        _ => Err(Problem::new(
            Code::Invalid,
            "invalid Sec-WebSocket-Key: it must be 16 bytes in Base64, given once",
        )),
    }
}

/// Who is at the other end.
struct Client {
    caller: Caller,
    /// Its place among connections, if it needs one.
    place: Option<Arc<Place>>,
    api: Api,
}

fn accept(key: &HeaderValue, upgrade: OnUpgrade, client: Client) -> Response {
    let sockets = client.api.sockets.clone();
    sockets.spawn(async move {
        match upgrade.await {
            Ok(upgraded) => serve(upgraded, client).await,
            Err(error) => tracing::debug!(%error, "a WebSocket was not opened"),
        }
    });
    HttpResponse::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(header::CONNECTION, "upgrade")
        .header(header::UPGRADE, "websocket")
        .header(header::SEC_WEBSOCKET_ACCEPT, accept_key(key.as_bytes()))
        .body("")
        .map_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response(), Reply::into_response)
}

/// RFC 6455 §4.2.2.
fn accept_key(key: &[u8]) -> String {
    const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    let mut digest = ring::digest::Context::new(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY);
    digest.update(key);
    digest.update(GUID);
    STANDARD.encode(digest.finish())
}

async fn serve(upgraded: Upgraded, client: Client) {
    // A socket's own halves do not have to lock each other out.
    let upgraded = match upgraded.downcast::<TokioIo<UnixStream>>() {
        Ok(parts) => {
            let stream = parts.io.into_inner();
            let socket = stream.as_fd().try_clone_to_owned().ok();
            let (read, write) = stream.into_split();
            let read = std::io::Cursor::new(parts.read_buf).chain(read);
            return serve_halves(read, write, socket, client).await;
        }
        Err(upgraded) => upgraded,
    };
    match upgraded.downcast::<TokioIo<TcpStream>>() {
        Ok(parts) => {
            let stream = parts.io.into_inner();
            let socket = stream.as_fd().try_clone_to_owned().ok();
            let (read, write) = stream.into_split();
            let read = std::io::Cursor::new(parts.read_buf).chain(read);
            serve_halves(read, write, socket, client).await;
        }
        Err(upgraded) => {
            // What TLS writes is not what the socket takes.
            let (read, write) = tokio::io::split(TokioIo::new(upgraded));
            serve_halves(read, write, None, client).await;
        }
    }
}

/// `socket` is what `write` writes to, if it does so without a change.
async fn serve_halves<R, W>(read: R, mut write: W, socket: Option<OwnedFd>, client: Client)
where
    R: AsyncRead + Unpin + Send + 'static,
    W: AsyncWrite + Unpin,
{
    let Client { caller, place, api } = client;
    let gone = place.as_ref().map(|place| place.gone.clone()).unwrap_or_default();
    let displaced = async {
        gone.cancelled().await;
        // With the daemon it ends in order.
        if api.tasks.shutdown.is_cancelled() {
            std::future::pending::<()>().await;
        }
    };
    let (sender, mut incoming) = mpsc::channel(INCOMING);
    // Before the second secret was said no channel is open: nothing can be typed.
    let keyboard = Keyboard::new(caller.clone(), api.clone());
    let close_code = Arc::new(AtomicU16::new(NORMAL));
    let silent = CancellationToken::new();
    let browser = matches!(caller, Caller::Login(_) | Caller::Cookie(_));
    let patience = browser.then(|| (SILENT, silent.clone()));
    let mut parsing = owned(parse(read, keyboard.clone(), sender, close_code.clone(), patience));
    let serving = async {
        let known = authenticated(caller, place.as_deref(), &mut incoming, &api).await;
        let (caller, login) = match known {
            Ok(known) => known,
            Err(reason) => {
                // They may be gone already.
                let mut goodbye = BytesMut::new();
                let (code, reason) = match close_code.load(Ordering::Relaxed) {
                    NORMAL => (SIGNED_OUT, reason),
                    code => (code, ""),
                };
                put_close_frame(&mut goodbye, code, reason);
                let _ = write.write_all(&goodbye).await;
                let _ = write.shutdown().await;
                return false;
            }
        };
        let signed_in = login.as_deref().cloned();
        let mut connection = Connection::new(api.clone(), caller, login, keyboard, socket, close_code);
        if let Err(error) = connection.run(write, &mut incoming).await {
            tracing::debug!(%error, "a WebSocket ended early");
        }
        !signed_in.is_some_and(|login| login.is_cancelled()) && !api.tasks.shutdown.is_cancelled()
    };
    let may_type = tokio::select! {
        may_type = serving => may_type,
        () = displaced => false,
        () = silent.cancelled() => false,
    };
    if may_type {
        // What else they say is passed over, so that the keys behind it are seen.
        let typing = async {
            while incoming.recv().await.is_some() {}
            (&mut parsing).await
        };
        let _ = timeout(LAST_KEYS, typing).await;
    }
}

/// Waits for the second secret of a browser, which proves its login. What is returned with the caller is
/// cancelled when the login ends.
async fn authenticated(
    caller: Caller,
    place: Option<&Place>,
    incoming: &mut mpsc::Receiver<Incoming>,
    api: &Api,
) -> Result<(Caller, Option<Arc<CancellationToken>>), &'static str> {
    let id = match caller {
        Caller::Login(id) => id,
        Caller::Cookie(id) => {
            let first = timeout(AUTHENTICATE_LIMIT, incoming.recv()).await;
            let Ok(Some(Incoming::Message(ClientMessage::Authenticate { secret }))) = first else {
                return Err("the first message must authenticate");
            };
            if !api.auth.proves(id, &secret, None, Timestamp::now()) {
                return Err("sign in again");
            }
            if let Some(place) = place {
                place.is_of(id);
            }
            id
        }
        Caller::Owner(_) | Caller::Agent { .. } => return Ok((caller, None)),
        Caller::Doubtful { .. } | Caller::Nobody => return Err("sign in first"),
    };
    match api.auth.open(id) {
        Some(login) => Ok((Caller::Login(id), Some(login))),
        None => Err("sign in again"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_handshake_answer_is_that_of_the_rfc() {
        assert_eq!(accept_key(b"dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }
}
