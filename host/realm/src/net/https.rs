//! The HTTPS door: HTTP/1.1 for the API and the portal, and the WebSocket at `/ws`.

use std::{convert::Infallible, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, DefaultBodyLimit},
};
use http_body_util::{BodyExt as _, Limited};
use hyper::{
    Request, Response,
    body::{Body as _, Incoming},
    header::{CONNECTION, HeaderValue, UPGRADE},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::TcpStream,
    sync::{mpsc, watch},
    time::timeout,
};
use tokio_rustls::server::TlsStream;
use tower::ServiceExt as _;

use super::{
    Config, Handlers,
    guarded_io::GuardedIo,
    head_guard::{HEAD_BYTES_MAX, HeadProblem},
    problem::{problem, problem_with},
    stage::Stage,
    upgrade::{self, Upgrade},
    websocket,
};
use crate::types::Code;

/// A head of a request arrives within this time, and a quiet connection is kept for as long.
const HEAD_DEADLINE: Duration = Duration::from_secs(10);
/// A request is read and answered within this time.
const REQUEST_DEADLINE: Duration = Duration::from_secs(30);
const HEADERS_MAX: usize = 64;
/// A refused body is read for this long and this far, lest the client never sees the refusal.
const DISCARD: Duration = Duration::from_secs(2);
const DISCARD_BYTES_MAX: usize = 1024 * 1024;

/// What every request of the door meets.
pub(super) struct HttpsDoor {
    router: Router,
    config: Config,
    handlers: Handlers,
}

impl HttpsDoor {
    pub(super) fn new(config: &Config, handlers: &Handlers) -> Arc<Self> {
        let router = handlers.http.clone().layer(DefaultBodyLimit::max(config.body_bytes_max));
        Arc::new(Self { router, config: config.clone(), handlers: handlers.clone() })
    }
}

/// Serves a connection until it ends, as HTTP and perhaps then as a WebSocket.
pub(super) async fn serve(
    stream: TlsStream<TcpStream>,
    peer: SocketAddr,
    door: Arc<HttpsDoor>,
    mut stage: watch::Receiver<Stage>,
) {
    let (upgrades, mut upgraded) = mpsc::channel(1);
    let service = {
        let door = Arc::clone(&door);
        service_fn(move |request| {
            let (door, upgrades) = (Arc::clone(&door), upgrades.clone());
            async move { Ok::<_, Infallible>(answer(request, &door, peer, &upgrades).await) }
        })
    };
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_DEADLINE)
        .max_headers(HEADERS_MAX)
        .max_buf_size(2 * HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(GuardedIo::new(stream)), service)
        .with_upgrades();
    let ended = {
        let mut connection = pin!(connection);
        tokio::select! {
            ended = connection.as_mut() => ended,
            () = Stage::closing(&mut stage) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, "an HTTP connection ended: {error}");
    }
    if let Ok(Upgrade { protocol, request }) = upgraded.try_recv()
        && let Ok(stream) = request.await
    {
        websocket::serve(TokioIo::new(stream), protocol, &door.config, &door.handlers, peer, stage).await;
    }
}

async fn answer(
    mut request: Request<Incoming>,
    door: &HttpsDoor,
    peer: SocketAddr,
    upgrades: &mpsc::Sender<Upgrade>,
) -> Response<Body> {
    if let Some(head_problem) = HeadProblem::of(request.method(), request.uri().path()) {
        let (status, message) = head_problem.answer();
        return problem_with(status, Code::RequestInvalid, message);
    }
    if request.uri().path() == "/ws" {
        return match upgrade::accept(&mut request, &door.config.origins) {
            Ok((response, upgrade)) if upgrades.try_send(upgrade).is_ok() => response,
            Ok(_) => problem(Code::RequestInvalid, "This connection has been upgraded already; open another one."),
            Err((code, message)) => problem(code, &message),
        };
    }
    let body_bytes_max = door.config.body_bytes_max;
    if request.body().size_hint().lower() > body_bytes_max as u64 {
        // Whether it all came or not, the answer is the same.
        let _ = timeout(DISCARD, Limited::new(request.into_body(), DISCARD_BYTES_MAX).collect()).await;
        let message = format!("The body is larger than {body_bytes_max} bytes; send less.");
        return problem(Code::FrameTooLarge, &message);
    }
    // Bytes after a request that asks for another protocol are not watched over, so it is the last one.
    let last = request.headers().contains_key(UPGRADE);
    request.extensions_mut().insert(ConnectInfo(peer));
    let request = request.map(|body| Body::new(Limited::new(body, body_bytes_max)));
    let Ok(answered) = timeout(REQUEST_DEADLINE, door.router.clone().oneshot(request)).await else {
        let seconds = REQUEST_DEADLINE.as_secs();
        return problem(Code::Silence, &format!("The request took longer than {seconds} s; try again."));
    };
    let mut response = match answered {
        Ok(response) => response,
        Err(never) => match never {},
    };
    if last {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
