//! The HTTPS door: HTTP/1.1 for the API and the portal, and the WebSocket at `/ws`.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, DefaultBodyLimit},
};
use http_body_util::Limited;
use hyper::{
    Request, Response,
    body::{Body as _, Incoming},
    header::{CONNECTION, HeaderValue, UPGRADE},
    server::conn::http1,
    service::service_fn,
    upgrade::OnUpgrade,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::AsyncWriteExt as _,
    net::TcpStream,
    sync::{mpsc, watch},
    time::timeout,
};
use tokio_rustls::server::TlsStream;
use tower::ServiceExt as _;

use super::{
    Config, Handlers,
    conversation::Terms,
    guarded_io::{GuardedIo, Patience},
    head_guard::{HEAD_BYTES_MAX, HEADERS_MAX, HeadProblem},
    overload,
    problem::{problem, problem_with, secure},
    stage::Stage,
    upgrade,
    waiting_room::Seat,
    websocket,
    wire::Progress,
};
use crate::types::{Code, Encoding};

/// A connection that leaves HTTP: the stream comes when the answer is written.
struct Upgrade {
    /// `None`: it was refused and only has to be closed.
    protocol: Option<Encoding>,
    request: OnUpgrade,
}

/// What awaits those who come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Welcome {
    /// Their requests are served.
    Served,
    /// They are told that the realm is full.
    Full,
}

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
    stream: Box<TlsStream<TcpStream>>,
    peer: SocketAddr,
    door: Arc<HttpsDoor>,
    mut stage: watch::Receiver<Stage>,
    welcome: Welcome,
    mut stranger: Option<Seat>,
) {
    let renewal = stranger.as_ref().map(Seat::renewal);
    let (upgrades, mut upgraded) = mpsc::channel(1);
    let service = {
        let door = Arc::clone(&door);
        service_fn(move |request| {
            let (door, upgrades) = (Arc::clone(&door), upgrades.clone());
            renewal.as_ref().inspect(|renewal| renewal.renew());
            async move { Ok::<_, Infallible>(secure(answer(request, &door, peer, welcome, &upgrades).await)) }
        })
    };
    let ms = Duration::from_millis;
    let patience = Patience { head: ms(door.config.http_head_deadline_ms), idle: ms(door.config.http_idle_max_ms) };
    // In a box, so that a connection that becomes a WebSocket gives back what only HTTP needs.
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // The stream below knows better; this holds if it ever should not.
        .header_read_timeout(patience.head + patience.idle)
        .max_headers(HEADERS_MAX)
        .max_buf_size(2 * HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(GuardedIo::new(stream, patience)), service)
        .with_upgrades();
    let mut connection = Box::pin(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = Stage::closing(&mut stage) => {
            connection.as_mut().graceful_shutdown();
            connection.as_mut().await
        }
        () = Seat::lost_by(&mut stranger) => {
            tracing::debug!(%peer, "an HTTP connection makes room for others");
            connection.as_mut().graceful_shutdown();
            // A request that is being answered is answered; whoever sends nothing is cut.
            timeout(overload::TELLING_DEADLINE, connection.as_mut()).await.unwrap_or(Ok(()))
        }
    };
    drop(connection);
    if let Err(error) = ended {
        tracing::debug!(%peer, "an HTTP connection ended: {error}");
    }
    let Ok(Upgrade { protocol, request }) = upgraded.try_recv() else { return };
    let Ok(stream) = request.await else { return };
    let mut stream = TokioIo::new(stream);
    if let Some(protocol) = protocol {
        let terms = Terms {
            config: &door.config,
            handlers: &door.handlers,
            stage,
            peer,
            encoding: protocol,
            games_here: protocol == Encoding::Binary,
            progress: Progress::new(&door.config),
            stranger,
        };
        stream = Box::pin(websocket::serve(stream, terms)).await;
    }
    // hyper leaves the end of such connections to us, of refused ones too.
    let _ = stream.shutdown().await;
}

async fn answer(
    mut request: Request<Incoming>,
    door: &HttpsDoor,
    peer: SocketAddr,
    welcome: Welcome,
    upgrades: &mpsc::Sender<Upgrade>,
) -> Response<Body> {
    if let Some(head_problem) = HeadProblem::of(request.method(), request.uri().path()) {
        let (status, message) = head_problem.answer();
        return problem_with(status, Code::RequestInvalid, message);
    }
    // Bytes after a request that asks for another protocol are not watched over, so it is the last one in any case.
    let last = request.headers().contains_key(UPGRADE);
    let stream = last.then(|| hyper::upgrade::on(&mut request));
    let (mut response, protocol) = if let Some(sentence) = (door.handlers.banned)(peer.ip()) {
        // Also on a connection that was there before the ban.
        (problem(Code::AddressBanned, &sentence), None)
    } else if welcome == Welcome::Full {
        (overload::http_answer(peer), None)
    } else if request.uri().path() == "/ws" {
        match upgrade::accept(&request, &door.config.origins) {
            Ok((response, protocol)) => (response, Some(protocol)),
            Err((code, message)) => (problem(code, &message), None),
        }
    } else if let Some(name) = upgrade::secret_in(request.uri()) {
        (problem(Code::RequestInvalid, &upgrade::no_secrets(name)), None)
    } else {
        let mut response = route(request, door, peer).await;
        if last {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        (response, None)
    };
    if let Some(request) = stream
        && upgrades.try_send(Upgrade { protocol, request }).is_err()
    {
        response = problem(Code::RequestInvalid, "This connection is another protocol's already; open another one.");
    }
    response
}

async fn route(mut request: Request<Incoming>, door: &HttpsDoor, peer: SocketAddr) -> Response<Body> {
    let body_bytes_max = door.config.body_bytes_max;
    if request.body().size_hint().lower() > body_bytes_max as u64 {
        let message = format!("The body is larger than {body_bytes_max} bytes; send less.");
        return problem(Code::FrameTooLarge, &message);
    }
    request.extensions_mut().insert(ConnectInfo(peer));
    let request = request.map(|body| Body::new(Limited::new(body, body_bytes_max)));
    match timeout(Duration::from_millis(door.config.http_request_deadline_ms), door.router.clone().oneshot(request))
        .await
    {
        Ok(Ok(response)) => response,
        Ok(Err(never)) => match never {},
        Err(_) => {
            let ms = door.config.http_request_deadline_ms;
            problem(Code::Silence, &format!("The request took longer than {ms} ms; try again."))
        }
    }
}
