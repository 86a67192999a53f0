//! The doors, opened on free ports, seen by real clients over TLS.

mod client;
mod frames;
mod game;
mod http;
mod limits;
mod websocket;

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::{Router, extract::ConnectInfo, routing};
use realm_protocol::{ClientMessage, Encoded, ServerMessage, proto};
use tempfile::TempDir;
use tokio::sync::mpsc;

use super::{Addresses, Config, Doors, Handlers, Listeners, Tls, TlsConfig};
use crate::types::{Arrivals, CloseReason, Code, Connection, Incoming, Link, LinkFrame, Outbox, Outgoing};

/// Longer than anything here takes; a test that waits for it has failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// Doors with a small session behind them.
struct House {
    doors: Doors,
    addresses: Addresses,
    games: mpsc::Receiver<(LinkFrame, Box<dyn Link>)>,
    data: TempDir,
}

fn config() -> Config {
    let any = || "127.0.0.1:0".to_owned();
    Config { https: any(), realm: any(), game: any(), ..Config::default() }
}

async fn house(config: Config) -> House {
    house_with(config, |_| None).await
}

/// Doors before which some addresses are banned.
async fn house_with(config: Config, banned: impl Fn(IpAddr) -> Option<String> + Send + Sync + 'static) -> House {
    let data = tempfile::tempdir().unwrap();
    let tls = Tls::load(&TlsConfig::default(), data.path()).unwrap();
    let listeners = Listeners::bind(&config).await.unwrap();
    let addresses = listeners.addresses();
    let (sender, games) = mpsc::channel(8);
    let http = Router::new()
        .route("/peer", routing::get(|ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.ip().to_string() }))
        .route("/echo", routing::post(|body: String| async move { body }))
        .route("/slow", routing::get(slow));
    let handlers = Handlers {
        banned: Arc::new(banned),
        http,
        connection: Arc::new(|connection| Box::pin(session(connection))),
        game: Arc::new(move |frame, link| sender.try_send((frame, link)).map_err(|_| ()).unwrap()),
    };
    let doors = Doors::open(config, listeners, tls, handlers);
    House { doors, addresses, games, data }
}

/// An answer that takes its time.
async fn slow() -> &'static str {
    let _ = tokio::time::timeout(Duration::from_millis(600), std::future::pending::<()>()).await;
    "at last"
}

impl House {
    async fn game(&mut self) -> (LinkFrame, Box<dyn Link>) {
        tokio::time::timeout(PATIENCE, self.games.recv()).await.unwrap().unwrap()
    }
}

/// Logs everybody in, echoes lines as numbered events, pings as pongs, and game frames through the game's side.
async fn session(mut connection: Connection) {
    let mut events = 0;
    let mut game = connection.games.as_ref().map(|open| open());
    while let Some(incoming) = connection.incoming.recv().await {
        let outbox = &connection.outbox;
        match *incoming {
            Incoming::Message { message: ClientMessage::AuthRequest(request), .. } => {
                answer(outbox, proto::AuthSuccess { nonce: request.nonce, ..Default::default() });
            }
            Incoming::Message { message: ClientMessage::Ping(ping), .. } => {
                answer(outbox, proto::Pong { token: ping.token })
            }
            Incoming::Message { message: ClientMessage::ChatSend(line), .. } => {
                events += 1;
                let line = ServerMessage::from(proto::ChatMessage { text: line.text, ..Default::default() });
                let encoded = Arc::new(Encoded::from(&line));
                let _ = outbox.try_send(Outgoing::Message { encoded, event: Some(events) });
            }
            Incoming::Message { message: ClientMessage::Logout(_), .. } => outbox.close(CloseReason {
                code: Code::LoggedOut,
                message: "Good night.".to_owned(),
                reconnect_after_ms: 0,
            }),
            Incoming::Message { sequence, message } => {
                let Some(game) = &mut game else { continue };
                let frame = LinkFrame { identifier: message.identifier(), sequence, payload: message.to_payload() };
                game.frames.try_send(frame).unwrap();
                let (mut arrived, now) = (Arrivals::default(), std::time::Instant::now());
                game.link.take(&mut arrived, 8, now).unwrap();
                for frame in arrived.iter() {
                    game.link.offer(0x40, frame.payload, crate::types::Delivery::Skippable, now).unwrap();
                }
                game.link.flush().unwrap();
            }
            Incoming::Unreadable { sequence, problem } => {
                let code = Code::MessageInvalid.as_str().to_owned();
                answer(outbox, proto::Error { code, message: problem, sequence, retry_after_ms: 0 });
            }
        }
    }
}

fn answer(outbox: &Outbox, message: impl Into<ServerMessage>) {
    // A connection that closes meanwhile is the point of some tests.
    let _ = outbox.try_send(Outgoing::answer(message));
}
