//! A client of the realm over its real sockets: REST, WebSocket, realm frames and game frames.
//!
//! The end-to-end tests, the bots and the command line speak to a realm through it, and so can a game client.
//! `docs/client.md` is the guide, `docs/protocol.md` the description of the wire.
//!
//! - [`Endpoint`]: where the realm is, and why its certificate is trusted.
//! - [`Rest`]: accounts, characters, lists, over HTTPS.
//! - [`Lobby`]: chat, characters and games, over frames or WebSocket.
//! - [`GameConnection`]: inputs and snapshots inside a game.
//!
//! Nothing runs in the background: a connection reads, answers pings and sends signs of life while it is polled by one of its
//! methods, so poll it ([`Lobby::next`], [`GameConnection::next`]) when there is nothing else to do. Every method that waits has a
//! deadline, and may be cancelled without losing a byte.
//!
//! ```no_run
//! use realm_client::{Door, Endpoint, GameConnection, GameUpdate, Lobby, Login, Rest, Trust, proto};
//!
//! # async fn play() -> Result<(), realm_client::ClientError> {
//! // The fingerprint that the realm prints when it starts.
//! let trust = Trust::fingerprint("AB:CD:…")?;
//! let endpoint = Endpoint::new("localhost", trust);
//!
//! let mut rest = Rest::new(&endpoint);
//! rest.register("Ann", "correct horse battery").await?;
//! let tokens = rest.login("Ann", "correct horse battery").await?;
//! let character = rest.create_character("Isa", "Sorceress", false).await?;
//!
//! let mut lobby = Lobby::connect(&endpoint, Door::Frames).await?;
//! lobby.login(Login::Token(tokens.access_token)).await?;
//! lobby.select_character(character.id).await?;
//! let town = lobby.join_channel("Town").await?;
//! lobby.say("Hello!").await?;
//! println!("{} people are here", town.users.len());
//!
//! let wish = proto::GameCreate { name: "Crypt".to_owned(), ..Default::default() };
//! let ticket = lobby.create_game(wish).await?;
//! let mut game = GameConnection::enter(&endpoint, &ticket).await?;
//! game.walk(8, 0).await?;
//! while let GameUpdate::Snapshot(snapshot) = game.next().await? {
//!     println!("{} entities in view", snapshot.entities.len());
//! }
//! # Ok(())
//! # }
//! ```

mod connection;
mod endpoint;
mod error;
mod game;
mod lobby;
mod rest;
mod trust;
mod wire;

pub use connection::{Arrival, Connection};
pub use endpoint::Endpoint;
pub use error::ClientError;
pub use game::{GameConnection, GameUpdate, GameWorld};
pub use lobby::{ComeBack, Lobby, Login, Lost, TradeNews};
pub use realm_protocol::{
    ClientMessage, ServerMessage, proto,
    snapshot::{Action, EntityKind, EntityState, OwnState, Snapshot},
};
pub use rest::{
    Account, Attributes, Bought, Character, Characters, GameDetails, Goods, HeaderMap, Letter, LetterDraft, Letters,
    Listed, Method, Offer, Offers, Registered, Response, Rest, Taken, Tokens,
};
pub use trust::Trust;
pub use wire::Door;

/// Compiles the code of `docs/client.md`.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/client.md")]
pub struct Guide;
