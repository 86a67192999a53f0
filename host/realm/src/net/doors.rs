//! Accepting on the three doors, up to the finished handshake, and closing them.

use std::{
    io::{self, ErrorKind},
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use rustls::ServerConfig;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    time::{sleep, timeout},
};
use tokio_rustls::server::TlsStream;

use super::{
    Config, Handlers, Listeners, Tls,
    admission::{Place, Visitor},
    arrival::{Admitted, Arrivals, Guest},
    conversation::Terms,
    frames, game_door,
    https::{self, HttpsDoor, Welcome},
    open_files,
    overload::{self, Refused},
    stage::Stage,
    waiting_room::Seat,
    wire::Progress,
};
use crate::types::Encoding;

/// How long accepting pauses when the system has no file or memory for one more connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How often that is said.
const ACCEPT_WARNING_EVERY: Duration = Duration::from_secs(10);
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
    pub(super) arrivals: Arrivals,
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
        open_files::make_room(&config);
        let shared = Arc::new(Shared {
            https: HttpsDoor::new(&config, &handlers),
            arrivals: Arrivals::new(&config, Arc::clone(&handlers.banned)),
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

    /// How many connections have a place.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.arrivals.admission.open()
    }

    /// Accepts no more connections, from now on; those there go on.
    pub fn stop_accepting(&self) {
        self.shared.stage.send_if_modified(|stage| {
            let open = *stage == Stage::Open;
            *stage = (*stage).max(Stage::Shut);
            open
        });
    }

    /// Stops accepting, waits until the connections have ended, at most `deadline_ms`, then cuts the rest.
    pub async fn close(self, deadline_ms: u64) {
        self.shared.stage.send_replace(Stage::Closing);
        let patient = timeout(Duration::from_millis(deadline_ms), self.shared.arrivals.admission.empty()).await;
        if patient.is_err() {
            tracing::info!(connections = self.connections(), "connections are cut");
            self.cut();
            // Links are let go by the games that hold them.
            let _ = timeout(CUT_DEADLINE, self.shared.arrivals.admission.empty()).await;
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
    let mut warned: Option<Instant> = None;
    loop {
        let accepted = tokio::select! {
            biased;
            () = Stage::shut(&mut stage) => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((socket, mut peer)) => {
                peer.set_ip(peer.ip().to_canonical());
                match shared.arrivals.visit(peer) {
                    Ok(visitor) => {
                        tokio::spawn(attend(door, socket, peer, visitor, Arc::clone(&shared)));
                    }
                    Err(limit) => refused(peer, limit),
                }
            }
            Err(error) if one_connection_only(&error) => {}
            Err(error) => {
                // Whoever is silent gives way to whoever knocks.
                shared.arrivals.send_away_oldest();
                if warned.is_none_or(|at| at.elapsed() >= ACCEPT_WARNING_EVERY) {
                    warned = Some(Instant::now());
                    tracing::warn!(
                        "connections cannot be accepted for the moment: {error}; raise the limit of open files"
                    );
                }
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

async fn attend(door: Door, socket: TcpStream, peer: SocketAddr, visitor: Option<Visitor>, shared: Arc<Shared>) {
    let mut stage = shared.stage.subscribe();
    let arrived = tokio::select! {
        arrived = shared.arrivals.receive(socket, peer, visitor, shared.tls_of(door)) => arrived,
        () = Stage::closing(&mut stage) => return,
    };
    match arrived {
        // What a served connection needs is taken only now: a silent one shall cost next to nothing.
        Ok(guest) => tokio::select! {
            () = Box::pin(shared.receive(door, guest)) => {}
            () = Stage::cut(&mut stage) => {}
        },
        Err(reason) => refused(peer, reason),
    }
}

impl Shared {
    fn tls_of(&self, door: Door) -> &Arc<ServerConfig> {
        match door {
            Door::Https => &self.tls.https,
            Door::Realm | Door::Game => &self.tls.frames,
        }
    }

    async fn receive(&self, door: Door, guest: Guest) {
        let Guest { stream, peer, admitted } = guest;
        match (admitted, door) {
            (Admitted::Seated { place, stranger }, door) => self.serve(door, stream, peer, (place, stranger)).await,
            (Admitted::TurnedAway(_permit, ban), door) => {
                refused(peer, if ban.is_some() { "banned" } else { "connections_max" });
                match door {
                    Door::Https => {
                        let stage = self.stage.subscribe();
                        let serving = https::serve(stream, peer, Arc::clone(&self.https), stage, Welcome::Full, None);
                        // Whoever does not listen is let go.
                        let _ = timeout(overload::TELLING_DEADLINE, serving).await;
                    }
                    Door::Realm => overload::tell_in_frames(stream, peer, Refused::Login, ban).await,
                    Door::Game => overload::tell_in_frames(stream, peer, Refused::Ticket, ban).await,
                }
            }
        }
    }

    async fn serve(
        &self,
        door: Door,
        stream: Box<TlsStream<TcpStream>>,
        peer: SocketAddr,
        (place, stranger): (Place, Seat),
    ) {
        let stage = self.stage.subscribe();
        match door {
            Door::Https => {
                https::serve(stream, peer, Arc::clone(&self.https), stage, Welcome::Served, Some(stranger)).await;
                drop(place);
            }
            Door::Realm => {
                let terms = Terms {
                    config: &self.config,
                    handlers: &self.handlers,
                    stage,
                    peer,
                    encoding: Encoding::Binary,
                    games_here: false,
                    progress: Progress::new(&self.config),
                    stranger: Some(stranger),
                };
                frames::serve(stream, terms).await;
                drop(place);
            }
            Door::Game => {
                let cut = Arc::clone(&self.cut);
                game_door::serve(stream, &self.config, &self.handlers, stage, cut, (place, stranger)).await;
            }
        }
    }
}
