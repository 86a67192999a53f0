//! A network that fails: a proxy before one door of a realm, which hands bytes on as it is told to.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use socket2::SockRef;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinHandle,
    time::{Instant, sleep_until},
};

/// Bytes handed on at once.
const CHUNK_BYTES: usize = 4_096;

/// What the network does from now on, to all connections through it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is wrong.
    #[default]
    None,
    /// Each chunk arrives so much later.
    Delay(Duration),
    /// Bytes come one at a time, so far apart.
    Drip(Duration),
    /// Nothing that the server says arrives; the connection stays.
    ServerSilent,
    /// Nothing that the client says arrives; the connection stays.
    ClientSilent,
    /// Neither hears the other any more, and neither is told: half open.
    BothSilent,
    /// What the client says is handed on for so many bytes more, then the connection is cut.
    CutAfter(usize),
    /// Both ends get a reset.
    Cut,
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Speaker {
    Client,
    Server,
}

impl Fault {
    fn silences(self, speaker: Speaker) -> bool {
        match self {
            Self::BothSilent => true,
            Self::ServerSilent => speaker == Speaker::Server,
            Self::ClientSilent => speaker == Speaker::Client,
            _ => false,
        }
    }
}

/// The proxy. Dropping it cuts everything.
pub struct FaultProxy {
    address: SocketAddr,
    fault: watch::Sender<Fault>,
    connections: Arc<AtomicU64>,
    accepting: JoinHandle<()>,
}

impl FaultProxy {
    /// Listens on a free port before a door.
    pub async fn before(door: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it listens");
        let fault = watch::Sender::new(Fault::None);
        let faults = fault.clone();
        let connections = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&connections);
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(relay(client, door, faults.subscribe()));
            }
        });
        Self { address, fault, connections, accepting }
    }

    /// Where clients connect instead.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// How often somebody has connected.
    pub fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }

    /// From now on the network behaves like this.
    pub fn set(&self, fault: Fault) {
        self.fault.send_replace(fault);
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.set(Fault::Cut);
        self.accepting.abort();
    }
}

async fn relay(client: TcpStream, door: SocketAddr, faults: watch::Receiver<Fault>) {
    let Ok(server) = TcpStream::connect(door).await else { return };
    for socket in [&client, &server] {
        // With nothing to linger for, dropping a socket is a reset.
        let reset_at_drop = SockRef::from(socket).set_linger(Some(Duration::ZERO));
        reset_at_drop.and_then(|()| socket.set_nodelay(true)).expect("a socket takes its options");
    }
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    // Whichever direction ends first ends both.
    tokio::select! {
        () = pump(from_client, to_server, Speaker::Client, faults.clone()) => {}
        () = pump(from_server, to_client, Speaker::Server, faults) => {}
    }
}

async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, speaker: Speaker, mut faults: watch::Receiver<Fault>) {
    let mut bytes = [0; CHUNK_BYTES];
    loop {
        let fault = *faults.borrow_and_update();
        if fault == Fault::Cut {
            return;
        }
        if fault.silences(speaker) {
            // Nothing is read either: what is said stays with the speaker.
            if faults.changed().await.is_err() {
                return;
            }
            continue;
        }
        let count = tokio::select! {
            read = from.read(&mut bytes) => match read {
                Ok(count) if count > 0 => count,
                _ => return,
            },
            changed = faults.changed() => match changed {
                Ok(()) => continue,
                Err(_) => return,
            },
        };
        if hand_on(&bytes[..count], &mut to, speaker, &mut faults).await.is_none() {
            return;
        }
    }
}

/// `None` when the connection ends here.
async fn hand_on(
    bytes: &[u8],
    to: &mut OwnedWriteHalf,
    speaker: Speaker,
    faults: &mut watch::Receiver<Fault>,
) -> Option<()> {
    let mut rest = bytes;
    while !rest.is_empty() {
        let fault = *faults.borrow_and_update();
        let now = match fault {
            Fault::Cut => return None,
            Fault::CutAfter(count) if speaker == Speaker::Client => {
                to.write_all(&rest[..count.min(rest.len())]).await.ok()?;
                return None;
            }
            Fault::Delay(delay) => {
                sleep_until(Instant::now() + delay).await;
                rest.len()
            }
            Fault::Drip(pause) => {
                sleep_until(Instant::now() + pause).await;
                1
            }
            silent if silent.silences(speaker) => {
                faults.changed().await.ok()?;
                continue;
            }
            _ => rest.len(),
        };
        to.write_all(&rest[..now]).await.ok()?;
        rest = &rest[now..];
    }
    Some(())
}
