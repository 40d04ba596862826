//! Accepting connections, on the Unix socket and on TCP. Both reach the same router.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use codepiper_protocol::hook::MAX_PAYLOAD;
use codepiper_protocol::wire::input::MAX_IMAGE;
use codepiper_protocol::wire::problem::{Code, Problem};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::http::request;
use hyper::service::{Service, service_fn};
use hyper::{Method, Request, header};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use nix::sys::socket::{setsockopt, sockopt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use warp::reply::Response;

use super::web::harden;
use super::{Api, Caller, Web, answer_problem, permitted, router};

/// Somebody who connects and sends no request is not kept.
const HEADER_LIMIT: Duration = Duration::from_secs(10);
/// A request's body has this long to arrive over TCP.
const BODY_LIMIT: Duration = Duration::from_secs(60);
/// A body of somebody who has not signed in.
const STRANGERS_BODY: usize = 16 * 1024;
/// A head is at most this long.
const LONGEST_HEAD: usize = 32 * 1024;
/// So many connections of people who have not signed in, at once; the oldest gives way.
const STRANGERS: usize = 128;
/// Connections have this long to end when the daemon leaves.
const LEAVE_LIMIT: Duration = Duration::from_secs(3);

/// Serves the API until the token in `api` is cancelled and the connections have ended.
pub async fn serve(api: Api, socket: UnixListener, tcp: Option<TcpListener>) {
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

async fn accept_unix(api: &Api, listener: UnixListener, connections: &TaskTracker) {
    let router = TowerToHyperService::new(warp::service(router(api.clone())));
    while let Some(accepted) = accept(api, listener.accept()).await {
        let Some((stream, _)) = accepted else { continue };
        let Some(caller) = unix_caller(api, &stream) else { continue };
        let (router, asked) = (router.clone(), api.clone());
        let service = service_fn(move |request: Request<Incoming>| {
            let (router, api, caller) = (router.clone(), asked.clone(), caller.clone());
            async move {
                let (parts, body) = request.into_parts();
                Ok::<_, Infallible>(match whole(&api, caller, parts, body).await {
                    Ok(request) => to_the_end(&api.work, router, request).await,
                    Err(problem) => answer_problem(&problem),
                })
            }
        });
        let shutdown = api.shutdown.clone();
        connections.spawn(async move { serve_connection(stream, service, shutdown).await });
    }
}

/// The same user's process, or `None`.
fn unix_caller(api: &Api, stream: &UnixStream) -> Option<Caller> {
    let peer = stream.peer_cred().ok()?;
    if peer.uid() != nix::unistd::getuid().as_raw() {
        tracing::warn!(uid = peer.uid(), "another user's connection was refused");
        return None;
    }
    Some(Caller::of(&api.sessions, peer.pid().unwrap_or(0)))
}

async fn accept_tcp(api: &Api, listener: TcpListener, web: &Arc<Web>, connections: &TaskTracker) {
    let router = TowerToHyperService::new(warp::service(router(api.clone())));
    let strangers = Arc::new(Strangers::default());
    while let Some(accepted) = accept(api, listener.accept()).await {
        let Some((stream, peer)) = accepted else { continue };
        let stranger = strangers.enter(api.shutdown.child_token());
        let (gone, peer) = (stranger.gone.clone(), peer.ip().to_canonical());
        let (router, api, web, stranger) = (router.clone(), api.clone(), web.clone(), Arc::new(stranger));
        let tls = web.tls.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let (router, api, web, stranger) = (router.clone(), api.clone(), web.clone(), stranger.clone());
            async move {
                let mut response = match admit(&api, &web, request, peer, &stranger).await {
                    Ok(request) => to_the_end(&api.work, router, request).await,
                    Err(problem) => answer_problem(&problem),
                };
                harden(&mut response);
                Ok::<_, Infallible>(response)
            }
        });
        connections.spawn(async move {
            prepare(&stream);
            match tls {
                None => serve_connection(stream, service, gone).await,
                Some(tls) => {
                    let handshake = tokio_rustls::TlsAcceptor::from(tls).accept(stream);
                    match timeout(HEADER_LIMIT, handshake).await {
                        Ok(Ok(stream)) => serve_connection(stream, service, gone).await,
                        Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
                        Err(_) => {}
                    }
                }
            }
        });
    }
}

/// Keys are small and must not wait for each other; a peer that vanished is noticed by the kernel.
fn prepare(stream: &TcpStream) {
    let _ = stream.set_nodelay(true);
    let _ = setsockopt(stream, sockopt::KeepAlive, &true);
    let _ = setsockopt(stream, sockopt::TcpKeepIdle, &60);
    let _ = setsockopt(stream, sockopt::TcpKeepInterval, &20);
}

/// Finds out who asks, and reads the body as far as they may send one.
async fn admit(
    api: &Api,
    web: &Web,
    request: Request<Incoming>,
    peer: IpAddr,
    stranger: &Stranger,
) -> Result<Request<Full<Bytes>>, Problem> {
    let (mut parts, body) = request.into_parts();
    let caller = web.admit(&api.auth, &parts, peer)?;
    if matches!(caller, Caller::Login(_)) {
        stranger.is_known();
    }
    parts.extensions.insert(web.guest(&parts.headers, peer));
    whole(api, caller, parts, body).await
}

/// The whole request, if its caller may make it: nothing begins before all of it is there.
async fn whole(
    api: &Api,
    caller: Caller,
    mut parts: request::Parts,
    body: Incoming,
) -> Result<Request<Full<Bytes>>, Problem> {
    permitted(api, &caller, &parts)?;
    let limit = match caller {
        Caller::Owner | Caller::Agent { .. } => MAX_PAYLOAD,
        Caller::Login(_) => MAX_IMAGE,
        Caller::Cookie(_) | Caller::Nobody => STRANGERS_BODY,
    };
    let announced =
        parts.headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let too_large = || Problem::new(Code::TooLarge, format!("the body is larger than {limit} bytes"));
    if announced.is_some_and(|length: u64| length > limit as u64) {
        return Err(too_large());
    }
    let body = match timeout(BODY_LIMIT, Limited::new(body, limit).collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => return Err(too_large()),
        Ok(Err(_)) => return Err(Problem::new(Code::Invalid, "the body did not come to its end")),
        Err(_) => return Err(Problem::new(Code::Timeout, "the body did not come in time")),
    };
    parts.extensions.insert(caller);
    Ok(Request::from_parts(parts, Full::new(body)))
}

/// Does what is asked in a task of its own, and waits for the answer. Whoever asked may hang up meanwhile: what was
/// begun runs to its end, and the daemon waits for it before it leaves. For strangers it does not wait.
async fn to_the_end<S>(work: &TaskTracker, router: S, request: Request<Full<Bytes>>) -> Response
where
    S: Service<Request<Full<Bytes>>, Response = Response, Error = Infallible, Future: Send + 'static>,
{
    let stranger = matches!(request.extensions().get(), None | Some(Caller::Cookie(_) | Caller::Nobody));
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD);
    if changes && work.is_closed() {
        return answer_problem(&Problem::new(
            Code::Internal,
            "the daemon is leaving, and begins nothing new",
        ));
    }
    let answer = router.call(request);
    let answer = if stranger { tokio::spawn(answer) } else { work.spawn(answer) };
    match answer.await {
        Ok(Ok(response)) => response,
        Ok(Err(never)) => match never {},
        Err(error) => answer_problem(&Problem::new(Code::Internal, error.to_string())),
    }
}

/// The next connection, if it can be accepted; `None` when the daemon leaves.
async fn accept<T>(api: &Api, accepting: impl Future<Output = std::io::Result<T>>) -> Option<Option<T>> {
    let accepted = tokio::select! {
        () = api.shutdown.cancelled() => return None,
        accepted = accepting => accepted,
    };
    if let Err(error) = &accepted {
        // Out of descriptors: others must get the chance to close some.
        tracing::error!(%error, "a connection cannot be accepted");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Some(accepted.ok())
}

async fn serve_connection<I, S>(stream: I, service: S, leave: CancellationToken)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service<Request<Incoming>, Response = Response, Error = Infallible, Future: Send>,
{
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_LIMIT)
        .max_buf_size(LONGEST_HEAD)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = leave.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// Connections over TCP whose people have not signed in. When there are too many, the oldest gives way:
/// idle ones cannot keep others out.
#[derive(Default)]
struct Strangers {
    numbers: AtomicU64,
    /// By number, the oldest first.
    all: Mutex<VecDeque<(u64, CancellationToken)>>,
}

/// One of them. It counts until it is known, or gone.
struct Stranger {
    number: u64,
    /// Cancelled when it has to give way, and when the daemon leaves.
    gone: CancellationToken,
    all: Arc<Strangers>,
}

impl Strangers {
    fn enter(self: &Arc<Self>, gone: CancellationToken) -> Stranger {
        let mut all = self.all();
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        all.push_back((number, gone.clone()));
        if all.len() > STRANGERS
            && let Some((_, oldest)) = all.pop_front()
        {
            oldest.cancel();
        }
        Stranger { number, gone, all: self.clone() }
    }

    fn all(&self) -> MutexGuard<'_, VecDeque<(u64, CancellationToken)>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stranger {
    fn is_known(&self) {
        let mut all = self.all.all();
        if let Ok(index) = all.binary_search_by_key(&self.number, |(number, _)| *number) {
            all.remove(index);
        }
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        self.is_known();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use futures_util::FutureExt;
    use tokio::task::yield_now;

    use super::*;

    #[tokio::test]
    async fn what_was_begun_runs_to_its_end_at_whichever_await_the_connection_is_cut() {
        const STEPS: usize = 6;
        for cut_after in 1..=STEPS {
            let (work, steps) = (TaskTracker::new(), Arc::new(AtomicUsize::new(0)));
            let counted = steps.clone();
            let router = service_fn(move |_: Request<Full<Bytes>>| {
                let counted = counted.clone();
                async move {
                    for _ in 0..STEPS {
                        yield_now().await;
                        counted.fetch_add(1, Ordering::Relaxed);
                    }
                    Ok::<_, Infallible>(Response::default())
                }
            });
            let request = Request::post("/").extension(Caller::Owner).body(Full::default()).unwrap();
            let mut answer = Box::pin(to_the_end(&work, router, request));
            for _ in 0..cut_after {
                assert!((&mut answer).now_or_never().is_none());
                yield_now().await;
            }
            drop(answer);
            work.close();
            work.wait().await;
            assert_eq!(steps.load(Ordering::Relaxed), STEPS, "cut after {cut_after}");
        }
    }

    #[tokio::test]
    async fn a_daemon_that_leaves_begins_nothing_new_and_still_tells() {
        let work = TaskTracker::new();
        work.close();
        for (method, status) in [("POST", 500), ("DELETE", 500), ("PATCH", 500), ("GET", 200)] {
            let router =
                service_fn(|_: Request<Full<Bytes>>| async { Ok::<_, Infallible>(Response::default()) });
            let request = Request::builder().method(method).extension(Caller::Owner);
            let answer = to_the_end(&work, router, request.body(Full::default()).unwrap()).await;
            assert_eq!(answer.status(), status, "{method}");
        }
    }

    #[test]
    fn the_oldest_stranger_gives_way_and_the_known_stay() {
        let all = Arc::new(Strangers::default());
        let known = all.enter(CancellationToken::new());
        known.is_known();
        let mut strangers: Vec<_> = (0..STRANGERS).map(|_| all.enter(CancellationToken::new())).collect();
        drop(strangers.remove(3));
        strangers.push(all.enter(CancellationToken::new()));
        assert!(strangers.iter().all(|stranger| !stranger.gone.is_cancelled()));
        strangers.push(all.enter(CancellationToken::new()));
        let gone: Vec<_> = strangers.iter().map(|stranger| stranger.gone.is_cancelled()).collect();
        assert_eq!(gone.iter().position(|gone| *gone), Some(0));
        assert_eq!(gone.iter().filter(|gone| **gone).count(), 1);
        assert!(!known.gone.is_cancelled());
    }
}
