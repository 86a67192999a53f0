//! From an accepted socket to a finished handshake: what everybody goes through, and where most attacks end.
//!
//! 1. from a load balancer: the PROXY header says who comes
//! 2. the first byte must be TLS's; until the whole ClientHello is there the connection costs a seat in a room and nothing else
//! 3. the handshake, in a smaller room, because it costs computing and memory
//! 4. a place among the connections, or, when there is none, a permit to be told so; with the place goes a seat in a room of strangers,
//!    which is given up at the log-in: whoever only connects and waits makes room for others there

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use rustls::{ServerConfig, server::Acceptor};
use socket2::SockRef;
use tokio::{
    net::TcpStream,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout_at},
};
use tokio_rustls::{LazyConfigAcceptor, StartHandshake, server::TlsStream};

use super::{
    Config,
    admission::{Admission, Place, Visitor},
    proxy::{self, Networks},
    waiting_room::{Seat, WaitingRoom},
};

/// The first byte of every TLS connection.
const TLS_HANDSHAKE_RECORD: u8 = 0x16;
/// What the kernel keeps for a client that does not read. Its own choice grows to megabytes, which no limit of ours would count; and
/// stale snapshots would pile up there, so that "would block" would tell of a slow client late.
const SEND_BUFFER_BYTES: usize = 64 * 1024;

/// What somebody from a banned address is told.
type Banned = Arc<dyn Fn(IpAddr) -> Option<String> + Send + Sync>;

/// What arriving connections share.
pub(super) struct Arrivals {
    pub(super) admission: Arc<Admission>,
    networks: Networks,
    silent: Arc<WaitingRoom>,
    shaking: Arc<WaitingRoom>,
    strangers: Arc<WaitingRoom>,
    turned_away: Arc<Semaphore>,
    banned: Banned,
    deadline: Duration,
}

/// Somebody whose handshake is finished.
pub(super) struct Guest {
    /// Boxed: it is large, and every function on its way would keep room for it as long as the connection lives.
    pub(super) stream: Box<TlsStream<TcpStream>>,
    /// Whoever is at the other end, load balancers seen through.
    pub(super) peer: SocketAddr,
    pub(super) admitted: Admitted,
}

pub(super) enum Admitted {
    Seated {
        place: Place,
        /// Until it is known who this is, or as long as it speaks HTTP.
        stranger: Seat,
    },
    /// No place is free, or the address is banned; this one may be told so, in these words when it is banned.
    TurnedAway(OwnedSemaphorePermit, Option<String>),
}

impl Arrivals {
    pub(super) fn new(config: &Config, banned: Banned) -> Self {
        Self {
            banned,
            admission: Admission::new(config),
            // The configuration was checked when it was read; without a valid list nobody is believed.
            networks: Networks::parse(&config.proxy_networks).unwrap_or_default(),
            silent: WaitingRoom::new(config.arrivals_max),
            shaking: WaitingRoom::new(config.handshakes_max),
            strangers: WaitingRoom::new(config.strangers_max),
            turned_away: Arc::new(Semaphore::new(config.turned_away_max)),
            deadline: Duration::from_millis(config.handshake_deadline_ms),
        }
    }

    /// Counts whoever comes, as far as that can be told yet: `None` is a load balancer, which comes for many.
    pub(super) fn visit(&self, peer: SocketAddr) -> Result<Option<Visitor>, &'static str> {
        if self.networks.contain(peer.ip()) { Ok(None) } else { self.admission.visit(peer.ip()).map(Some) }
    }

    /// Closes the connection that has been silent longest.
    pub(super) fn send_away_oldest(&self) {
        self.silent.send_away_oldest();
    }

    /// Connections without a finished handshake.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.silent.waiting() + self.shaking.waiting()
    }

    /// Connections of which nobody knows yet whose they are.
    #[cfg(test)]
    pub(super) fn strangers(&self) -> usize {
        self.strangers.waiting()
    }

    /// The whole way in. One deadline holds from the first byte to the last.
    pub(super) async fn receive(
        &self,
        socket: TcpStream,
        peer: SocketAddr,
        visitor: Option<Visitor>,
        tls: &Arc<ServerConfig>,
    ) -> Result<Guest, &'static str> {
        let deadline = Instant::now() + self.deadline;
        let late = |_| "handshake_deadline_ms";
        let (hello, peer, visitor) = {
            let mut seat = self.silent.enter();
            tokio::select! {
                heard = timeout_at(deadline, self.hear_out(socket, peer, visitor)) => heard.map_err(late)??,
                () = seat.lost() => return Err("arrivals_max"),
            }
        };
        let ban = (self.banned)(peer.ip());
        if (ban.is_some() || self.admission.full()) && self.turned_away.available_permits() == 0 {
            return Err(if ban.is_some() { "banned" } else { "connections_max" });
        }
        let stream = {
            let mut seat = self.shaking.enter();
            tokio::select! {
                shaken = timeout_at(deadline, hello.into_stream(Arc::clone(tls))) => {
                    shaken.map_err(late)?.map_err(|_| "handshake")?
                }
                () = seat.lost() => return Err("handshakes_max"),
            }
        };
        let turn_away = |reason| Arc::clone(&self.turned_away).try_acquire_owned().map_err(|_| reason);
        let admitted = match ban {
            Some(sentence) => Admitted::TurnedAway(turn_away("banned")?, Some(sentence)),
            None => match visitor.take_place() {
                Ok(place) => Admitted::Seated { place, stranger: self.strangers.enter() },
                Err(_) => Admitted::TurnedAway(turn_away("connections_max")?, None),
            },
        };
        Ok(Guest { stream: Box::new(stream), peer, admitted })
    }

    /// Phases 1 and 2.
    async fn hear_out(
        &self,
        mut socket: TcpStream,
        mut peer: SocketAddr,
        visitor: Option<Visitor>,
    ) -> Result<(StartHandshake<TcpStream>, SocketAddr, Visitor), &'static str> {
        socket.set_nodelay(true).map_err(|_| "lost")?;
        SockRef::from(&socket).set_send_buffer_size(SEND_BUFFER_BYTES).map_err(|_| "lost")?;
        let visitor = match visitor {
            Some(visitor) => visitor,
            None => {
                // A balancer that asks whether the door is open, or the realm's own verbs beside it, may come without a header:
                // whoever comes through a balancer cannot, because it puts one before their bytes.
                if first_byte(&socket).await? != TLS_HANDSHAKE_RECORD {
                    peer = proxy::read_header(&mut socket).await?.unwrap_or(peer);
                    peer.set_ip(peer.ip().to_canonical());
                }
                self.admission.visit(peer.ip())?
            }
        };
        if first_byte(&socket).await? != TLS_HANDSHAKE_RECORD {
            return Err("not_tls");
        }
        let hello = LazyConfigAcceptor::new(Acceptor::default(), socket).await.map_err(|_| "client_hello")?;
        Ok((hello, peer, visitor))
    }
}

/// Looks at the next byte and leaves it where it is.
async fn first_byte(socket: &TcpStream) -> Result<u8, &'static str> {
    let mut first = [0];
    match socket.peek(&mut first).await {
        Ok(1) => Ok(first[0]),
        _ => Err("lost"),
    }
}
