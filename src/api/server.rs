//! Accepting connections, on the Unix socket and on TCP. Both reach the same router.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use codepiper_protocol::hook::MAX_PAYLOAD;
use codepiper_protocol::wire::input::MAX_IMAGE;
use codepiper_protocol::wire::problem::{Code, Problem};
use futures_util::FutureExt;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Body, Incoming};
use hyper::http::{HeaderValue, request};
use hyper::service::{Service, service_fn};
use hyper::{Method, Request, header};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use nix::sys::socket::{setsockopt, sockopt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use warp::reply::Response;

use super::places::{Holder, Place};
use super::web::harden;
use super::{Api, Caller, Web, answer_problem, compress::Form, permitted, router};
use crate::lock::lock;
use crate::socket::Socket;
use crate::tasks::Tasks;

/// Somebody who connects and sends no request is not kept.
const HEADER_LIMIT: Duration = Duration::from_secs(10);
/// A request's body has this long to arrive over TCP.
const BODY_LIMIT: Duration = Duration::from_secs(60);
/// A body of somebody who has not signed in.
const STRANGERS_BODY: usize = 16 * 1024;
/// A head is at most this long.
const LONGEST_HEAD: usize = 32 * 1024;
/// Connections have this long to end when the daemon leaves.
const LEAVE_LIMIT: Duration = Duration::from_secs(3);
/// And those that are asking nothing this long, for what is still being written to them.
const LAST_WORDS: Duration = Duration::from_millis(200);
/// A fault that goes on is said again after this time.
const SAY_AGAIN: Duration = Duration::from_secs(60);
static SAID: Mutex<Option<Instant>> = Mutex::new(None);

/// Serves the API until the token in `api` is cancelled and the connections have ended.
pub async fn serve(api: Api, socket: Socket, tcp: Option<TcpListener>) {
    let connections = TaskTracker::new();
    let on_tcp = async {
        if let (Some(listener), Some(web)) = (tcp, api.web.clone()) {
            accept_tcp(&api, listener, &web, &connections).await;
        }
    };
    tokio::join!(accept_unix(&api, socket, &connections), on_tcp);
    connections.close();
    api.sockets.close();
    let ended = async { tokio::join!(connections.wait(), api.sockets.wait()) };
    let _ = timeout(LEAVE_LIMIT, ended).await;
}

async fn accept_unix(api: &Api, mut socket: Socket, connections: &TaskTracker) {
    let router = TowerToHyperService::new(warp::service(router(api.clone())));
    while let Some(accepted) = accept(api, socket.accept()).await {
        let Some(stream) = accepted else { continue };
        let Some(caller) = unix_caller(api, &stream) else { continue };
        let gone = api.tasks.shutdown.child_token();
        let place = match caller {
            // Whatever others hold, the owner gets in.
            Caller::Owner(_) => None,
            Caller::Agent { session, .. } => match api.places.take(Holder::Agent(session), gone.clone()) {
                None => continue,
                place => place,
            },
            // It is told why it is refused.
            Caller::Doubtful { .. } => match api.places.take(Holder::Agent(None), gone.clone()) {
                None => continue,
                place => place,
            },
            Caller::Login(_) | Caller::Cookie(_) | Caller::Nobody => continue,
        };
        let (router, asked) = (router.clone(), api.clone());
        let service = service_fn(move |request: Request<Incoming>| {
            let (router, api, caller, place) = (router.clone(), asked.clone(), caller.clone(), place.clone());
            let (mut parts, body) = request.into_parts();
            parts.extensions.insert(place.clone());
            let answer = do_whole(&api, router, place, caller, parts, body);
            async { Ok::<_, Infallible>(answer.await) }
        });
        let shutdown = api.tasks.shutdown.clone();
        connections.spawn(async move { serve_connection(stream, service, gone, shutdown).await });
    }
}

/// The same user's process, or `None`.
fn unix_caller(api: &Api, stream: &UnixStream) -> Option<Caller> {
    let peer = stream.peer_cred().ok()?;
    if peer.uid() != nix::unistd::getuid().as_raw() {
        tracing::warn!(uid = peer.uid(), "refused a connection of another user");
        return None;
    }
    Some(Caller::of(&api.sessions, stream, peer.pid()))
}

async fn accept_tcp(api: &Api, listener: TcpListener, web: &Arc<Web>, connections: &TaskTracker) {
    let router = TowerToHyperService::new(warp::service(router(api.clone())));
    while let Some(accepted) = accept(api, listener.accept()).await {
        let Some((stream, peer)) = accepted else { continue };
        let (gone, peer) = (api.tasks.shutdown.child_token(), peer.ip().to_canonical());
        let Some(place) = api.places.take(Holder::Stranger(source(peer)), gone.clone()) else { continue };
        let (router, asked, web, tls) = (router.clone(), api.clone(), web.clone(), web.tls.clone());
        let service = service_fn(move |request: Request<Incoming>| {
            let (router, api, web, place) = (router.clone(), asked.clone(), web.clone(), place.clone());
            let (mut parts, body) = request.into_parts();
            let form = Form::of(&parts);
            let answer = admit(&api, &web, &mut parts, peer, &place)
                .map(|caller| do_whole(&api, router, Some(place), caller, parts, body));
            async move {
                let mut response = match answer {
                    Ok(answer) => form.give(answer.await).await,
                    Err(problem) => answer_problem(&problem),
                };
                harden(&mut response);
                Ok::<_, Infallible>(response)
            }
        });
        let shutdown = api.tasks.shutdown.clone();
        connections.spawn(async move {
            prepare(&stream);
            match tls {
                None => serve_connection(stream, service, gone, shutdown).await,
                Some(tls) => {
                    let handshake = timeout(HEADER_LIMIT, TlsAcceptor::from(tls).accept(stream));
                    tokio::select! {
                        shaken = handshake => match shaken {
                            Ok(Ok(stream)) => serve_connection(stream, service, gone, shutdown).await,
                            Ok(Err(error)) => tracing::debug!(%error, "TLS handshake failed"),
                            Err(_) => {}
                        },
                        () = gone.cancelled() => {}
                    }
                }
            }
        });
    }
}

/// What counts as one place: who has one IPv6 address has 2^64.
fn source(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => Ipv6Addr::from(u128::from(address) >> 64 << 64).into(),
    }
}

/// Keys are small and must not wait for each other; a peer that vanished is noticed by the kernel.
fn prepare(stream: &TcpStream) {
    let _ = stream.set_nodelay(true);
    let _ = setsockopt(stream, sockopt::KeepAlive, &true);
    let _ = setsockopt(stream, sockopt::TcpKeepIdle, &60);
    let _ = setsockopt(stream, sockopt::TcpKeepInterval, &20);
}

/// Finds out who asks.
fn admit(
    api: &Api,
    web: &Web,
    parts: &mut request::Parts,
    peer: IpAddr,
    place: &Arc<Place>,
) -> Result<Caller, Problem> {
    let caller = web.admit(&api.auth, parts, peer)?;
    if let Caller::Login(login) = caller {
        place.is_of(login);
    }
    parts.extensions.insert(Some(place.clone()));
    parts.extensions.insert(web.guest(&parts.headers, peer));
    Ok(caller)
}

/// Reads a request, and does it. Begins at once: hyper drops the future of a request whose end and whose connection's end
/// came together, before it was polled.
fn do_whole<S>(
    api: &Api,
    router: S,
    place: Option<Arc<Place>>,
    caller: Caller,
    mut parts: request::Parts,
    body: Incoming,
) -> impl Future<Output = Response> + use<S>
where
    S: Service<Request<Full<Bytes>>, Response = Response, Error = Infallible, Future: Send> + Send + 'static,
{
    let asks = Asks {
        stranger: matches!(caller, Caller::Cookie(_) | Caller::Nobody),
        changes: !matches!(parts.method, Method::GET | Method::HEAD),
        place,
    };
    // RFC 9110 §9.3.2: what GET answers; hyper leaves the content out.
    parts.method = if parts.method == Method::HEAD { Method::GET } else { parts.method };
    let request = whole(api.clone(), caller, parts, body);
    to_the_end(&api.tasks, &api.work, router, asks, request)
}

/// The whole request, if its caller may make it: nothing begins before all of it is there.
async fn whole(
    api: Api,
    caller: Caller,
    mut parts: request::Parts,
    body: Incoming,
) -> Result<Request<Full<Bytes>>, Problem> {
    has_one_host(&parts)?;
    permitted(&api, &caller, &parts)?;
    let limit = match caller {
        Caller::Owner(_) | Caller::Agent { .. } => MAX_PAYLOAD,
        Caller::Login(_) => MAX_IMAGE,
        Caller::Doubtful { .. } | Caller::Cookie(_) | Caller::Nobody => STRANGERS_BODY,
    };
    let announced =
        parts.headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let too_large = || Problem::new(Code::TooLarge, format!("the body exceeds {limit} bytes"));
    if announced.is_some_and(|length: u64| length > limit as u64) {
        return Err(too_large());
    }
    let length = match (announced, body.is_end_stream()) {
        (Some(length), _) => usize::try_from(length).unwrap_or(limit),
        (None, true) => 0,
        (None, false) => limit,
    };
    let read = async {
        // The daemon's memory is everybody's.
        let room = match caller {
            Caller::Agent { .. } => api.places.room_for(true, length).await,
            Caller::Login(_) => api.places.room_for(false, length).await,
            _ => None,
        };
        parts.extensions.insert(Arc::new(room));
        Limited::new(body, limit).collect().await
    };
    let body = match timeout(BODY_LIMIT, read).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => return Err(too_large()),
        Ok(Err(_)) => return Err(Problem::new(Code::Invalid, "the body is incomplete")),
        Err(_) => return Err(Problem::new(Code::Timeout, "timed out waiting for the body")),
    };
    parts.extensions.insert(caller);
    Ok(Request::from_parts(parts, Full::new(body)))
}

/// RFC 9112 §3.2: a request with several `Host` lines, or for another host than it says, is refused.
fn has_one_host(parts: &request::Parts) -> Result<(), Problem> {
    let mut hosts = parts.headers.get_all(header::HOST).iter();
    let host = hosts.next();
    let named = parts.uri.authority().map(|authority| authority.as_str().as_bytes());
    if hosts.next().is_some() || named.is_some() && named != host.map(HeaderValue::as_bytes) {
        return Err(Problem::new(Code::Invalid, "the request has more than one Host header"));
    }
    Ok(())
}

/// What is known of a request before its body is there.
struct Asks {
    /// By somebody who has not signed in.
    stranger: bool,
    /// It changes something.
    changes: bool,
    place: Option<Arc<Place>>,
}

/// Begins a task that reads what is asked and does it; what is returned waits for the answer. Whoever asked may hang up
/// meanwhile: what was begun runs to its end, and the daemon waits for it before it leaves. For strangers it does not wait.
fn to_the_end<S, R>(
    tasks: &Tasks,
    work: &TaskTracker,
    router: S,
    asks: Asks,
    request: R,
) -> impl Future<Output = Response> + use<S, R>
where
    R: Future<Output = Result<Request<Full<Bytes>>, Problem>> + Send + 'static,
    S: Service<Request<Full<Bytes>>, Response = Response, Error = Infallible, Future: Send> + Send + 'static,
{
    let Asks { stranger, changes, place } = asks;
    let (shutdown, work) = (tasks.shutdown.clone(), work.clone());
    let answer = async move {
        let request = tokio::select! {
            biased;
            request = request => request?,
            () = shutdown.cancelled() => return Err(leaving()),
        };
        if changes && work.is_closed() {
            return Err(leaving());
        }
        let _working = (!stranger).then(|| work.token());
        // Half a request asks nothing. What is being done counts, also when who asked hangs up: nothing is given back
        // before it is done.
        let asking = place.as_ref().map(Place::ask);
        let held = (asking, request.extensions().get::<Arc<Option<OwnedSemaphorePermit>>>().cloned());
        let answered = router.call(request).await;
        drop(held);
        match answered {
            Ok(response) => Ok(response),
            Err(never) => match never {},
        }
    };
    let working = match stranger {
        true => tasks.spawn_until_shutdown(answer),
        false => tasks.spawn(answer.map(Some)),
    };
    async move {
        match working.await {
            Ok(answer) => {
                answer.unwrap_or_else(|| Err(leaving())).unwrap_or_else(|problem| answer_problem(&problem))
            }
            Err(error) => answer_problem(&Problem::new(Code::Internal, error.to_string())),
        }
    }
}

fn leaving() -> Problem {
    Problem::new(Code::Internal, "the daemon is stopping")
}

/// The next connection, if it can be accepted; `None` when the daemon leaves.
async fn accept<T>(api: &Api, accepting: impl Future<Output = std::io::Result<T>>) -> Option<Option<T>> {
    let accepted = tokio::select! {
        () = api.tasks.shutdown.cancelled() => return None,
        accepted = accepting => accepted,
    };
    if let Err(error) = &accepted {
        if is_due(&SAID, SAY_AGAIN) {
            let seconds = SAY_AGAIN.as_secs();
            tracing::error!(%error, "cannot accept a connection; further errors are not logged for {seconds} s");
        }
        // Out of descriptors: others must get the chance to close some.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Some(accepted.ok())
}

/// True once in so much time.
fn is_due(last: &Mutex<Option<Instant>>, every: Duration) -> bool {
    let mut last = lock(last);
    let due = last.is_none_or(|last| last.elapsed() >= every);
    if due {
        *last = Some(Instant::now());
    }
    due
}

/// `gone` ends it at once, and `shutdown` when what was asked is answered.
async fn serve_connection<I, S>(stream: I, service: S, gone: CancellationToken, shutdown: CancellationToken)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service<Request<Incoming>, Response = Response, Error = Infallible, Future: Send>,
{
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    let service = service_fn(move |request| {
        let (counted, answer) = (counted.clone(), service.call(request));
        counted.fetch_add(1, Ordering::Relaxed);
        async move {
            let answered = answer.await;
            counted.fetch_sub(1, Ordering::Relaxed);
            answered
        }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_LIMIT)
        .max_buf_size(LONGEST_HEAD)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = gone.cancelled() => {
            if !shutdown.is_cancelled() {
                return;
            }
            connection.as_mut().graceful_shutdown();
            // Half a head is waited for by nobody.
            let limit = if asked.load(Ordering::Relaxed) > 0 { LEAVE_LIMIT } else { LAST_WORDS };
            timeout(limit, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

#[cfg(test)]
mod tests;
