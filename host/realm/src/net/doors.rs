//! Accepting on the three doors, up to the finished handshake, and closing them.

use std::{
    io::{self, ErrorKind},
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rustls::{ServerConfig, server::Acceptor};
use socket2::SockRef;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    time::{sleep, timeout},
};
use tokio_rustls::{LazyConfigAcceptor, server::TlsStream};

use super::{
    Config, Handlers, Listeners, Tls,
    admission::{Admission, Place},
    conversation::Terms,
    frames, game_door,
    https::{self, HttpsDoor},
    stage::Stage,
    wire::Progress,
};
use crate::types::Encoding;

/// The first byte of every TLS connection.
const TLS_HANDSHAKE_RECORD: u8 = 0x16;
/// What the kernel keeps for a client that does not read. Its own choice grows to megabytes, which no limit of ours would count; and
/// stale snapshots would pile up there, so that "would block" tells of a slow client late.
const SEND_BUFFER_BYTES: usize = 64 * 1024;
/// How long accepting pauses when the system has no file or memory for one more connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long connections that were cut may take to be gone.
const CUT_DEADLINE: Duration = Duration::from_secs(1);

#[derive(Clone, Copy)]
enum Door {
    Https,
    Realm,
    Game,
}

pub(super) struct Shared {
    config: Config,
    handlers: Handlers,
    tls: Tls,
    https: Arc<HttpsDoor>,
    pub(super) admission: Arc<Admission>,
    handshakes: Semaphore,
    stage: watch::Sender<Stage>,
    /// The same as `Stage::Cut`, for those who must not lock.
    cut: Arc<AtomicBool>,
}

/// The open doors. Dropping them cuts every connection.
pub struct Doors {
    pub(super) shared: Arc<Shared>,
}

impl Doors {
    /// Starts accepting. Must be called on a runtime.
    #[must_use]
    pub fn open(config: Config, listeners: Listeners, tls: Tls, handlers: Handlers) -> Self {
        let shared = Arc::new(Shared {
            https: HttpsDoor::new(&config, &handlers),
            admission: Admission::new(config.connections_max, config.connections_per_address_max),
            handshakes: Semaphore::new(config.handshakes_max.clamp(1, Semaphore::MAX_PERMITS)),
            stage: watch::Sender::new(Stage::Open),
            cut: Arc::new(AtomicBool::new(false)),
            config,
            handlers,
            tls,
        });
        for (door, listener) in
            [(Door::Https, listeners.https), (Door::Realm, listeners.realm), (Door::Game, listeners.game)]
        {
            tokio::spawn(accept(door, listener, Arc::clone(&shared)));
        }
        Self { shared }
    }

    /// How many connections are open.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.admission.open()
    }

    /// Stops accepting, waits until the connections have ended, at most `deadline_ms`, then cuts the rest.
    pub async fn close(self, deadline_ms: u64) {
        self.shared.stage.send_replace(Stage::Closing);
        let patient = timeout(Duration::from_millis(deadline_ms), self.shared.admission.empty()).await;
        if patient.is_err() {
            tracing::info!(connections = self.connections(), "connections are cut");
            self.cut();
            // Links are let go by the games that hold them.
            let _ = timeout(CUT_DEADLINE, self.shared.admission.empty()).await;
        }
    }

    fn cut(&self) {
        self.shared.cut.store(true, Ordering::Relaxed);
        self.shared.stage.send_replace(Stage::Cut);
    }
}

impl Drop for Doors {
    fn drop(&mut self) {
        self.cut();
    }
}

/// Runs until the doors close; no error of one connection ends it.
async fn accept(door: Door, listener: TcpListener, shared: Arc<Shared>) {
    let mut stage = shared.stage.subscribe();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = Stage::closing(&mut stage) => return,
        };
        match accepted {
            Ok((socket, peer)) => match shared.admission.admit(peer.ip()) {
                Ok(place) => {
                    tokio::spawn(attend(door, socket, peer, place, Arc::clone(&shared)));
                }
                Err(limit) => refused(peer, limit),
            },
            Err(error) if one_connection_only(&error) => {}
            Err(error) => {
                tracing::warn!("no connection can be accepted for the moment: {error}; raise the limit of open files");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Errors of the connection that was to be accepted, not of the listener.
fn one_connection_only(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionRefused
            | ErrorKind::Interrupted
    )
}

fn refused(peer: SocketAddr, reason: &'static str) {
    metrics::counter!("realm_net_refused_total", "reason" => reason).increment(1);
    tracing::debug!(%peer, reason, "a connection is refused");
}

async fn attend(door: Door, socket: TcpStream, peer: SocketAddr, place: Place, shared: Arc<Shared>) {
    let mut stage = shared.stage.subscribe();
    let serving = async {
        let closing = &mut shared.stage.subscribe();
        let stream = tokio::select! {
            stream = handshake(door, socket, &shared) => stream,
            () = Stage::closing(closing) => return,
        };
        match stream {
            Ok(stream) => serve(door, stream, peer, place, &shared).await,
            Err(reason) => refused(peer, reason),
        }
    };
    tokio::select! {
        () = serving => {}
        () = Stage::cut(&mut stage) => {}
    }
}

/// The one deadline counts from the first byte to the last.
async fn handshake(door: Door, socket: TcpStream, shared: &Shared) -> Result<TlsStream<TcpStream>, &'static str> {
    let deadline = Duration::from_millis(shared.config.handshake_deadline_ms);
    let config = match door {
        Door::Https => &shared.tls.https,
        Door::Realm | Door::Game => &shared.tls.frames,
    };
    timeout(deadline, shake_hands(socket, config, &shared.handshakes)).await.unwrap_or(Err("handshake_deadline_ms"))
}

async fn shake_hands(
    socket: TcpStream,
    config: &Arc<ServerConfig>,
    handshakes: &Semaphore,
) -> Result<TlsStream<TcpStream>, &'static str> {
    socket.set_nodelay(true).map_err(|_| "lost")?;
    SockRef::from(&socket).set_send_buffer_size(SEND_BUFFER_BYTES).map_err(|_| "lost")?;
    let mut first = [0];
    match socket.peek(&mut first).await {
        Ok(1) if first[0] == TLS_HANDSHAKE_RECORD => {}
        Ok(1) => return Err("not_tls"),
        _ => return Err("lost"),
    }
    // Whoever has not yet said what he wants occupies no permit, only a place.
    let hello = LazyConfigAcceptor::new(Acceptor::default(), socket).await.map_err(|_| "client_hello")?;
    let _permit = handshakes.acquire().await.map_err(|_| "closing")?;
    hello.into_stream(Arc::clone(config)).await.map_err(|_| "handshake")
}

async fn serve(door: Door, stream: TlsStream<TcpStream>, peer: SocketAddr, place: Place, shared: &Shared) {
    match door {
        Door::Https => {
            https::serve(stream, peer, Arc::clone(&shared.https), shared.stage.subscribe()).await;
            drop(place);
        }
        Door::Realm => {
            let terms = Terms {
                config: &shared.config,
                handlers: &shared.handlers,
                stage: shared.stage.subscribe(),
                peer,
                encoding: Encoding::Binary,
                games_here: false,
                progress: Progress::new(),
            };
            frames::serve(stream, terms).await;
            drop(place);
        }
        Door::Game => {
            let (stage, cut) = (shared.stage.subscribe(), Arc::clone(&shared.cut));
            game_door::serve(stream, &shared.config, &shared.handlers, stage, cut, place).await;
        }
    }
}
