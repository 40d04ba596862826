//! Accepting connections on the Unix socket.

use std::time::Duration;

use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{UnixListener, UnixStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Api, Caller, router};

/// Somebody who connects and sends no request is not kept.
const HEADER_LIMIT: Duration = Duration::from_secs(10);
/// Connections have this long to end when the daemon leaves.
const LEAVE_LIMIT: Duration = Duration::from_secs(3);

/// Serves the API until the token in `api` is cancelled and the connections have ended.
pub async fn serve(api: Api, listener: UnixListener) {
    let service = TowerToHyperService::new(warp::service(router(api.clone())));
    let connections = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            () = api.shutdown.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let (service, api) = (service.clone(), api.clone());
                connections.spawn(async move { serve_connection(&api, service, stream).await });
            }
            Err(error) => {
                // Out of descriptors: others must get the chance to close some.
                tracing::error!(%error, "a connection cannot be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    drop(listener);
    connections.close();
    let _ = tokio::time::timeout(LEAVE_LIMIT, connections.wait()).await;
}

async fn serve_connection<S>(api: &Api, service: TowerToHyperService<S>, stream: UnixStream)
where
    TowerToHyperService<S>: Service<
            hyper::Request<hyper::body::Incoming>,
            Response = warp::reply::Response,
            Error = std::convert::Infallible,
            Future: Send,
        > + Clone
        + Send
        + Sync
        + 'static,
{
    let Ok(peer) = stream.peer_cred() else { return };
    if peer.uid() != nix::unistd::getuid().as_raw() {
        tracing::warn!(uid = peer.uid(), "another user's connection was refused");
        return;
    }
    let caller = Caller::of(&api.sessions, peer.pid().unwrap_or(0));
    let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(caller.clone());
        service.call(request)
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_LIMIT)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let shutdown: &CancellationToken = &api.shutdown;
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}
