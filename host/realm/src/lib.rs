//! The realm server as a library: the binary, the tests and anybody who embeds it start a [`Realm`].
//!
//! # The code map
//!
//! `types` are the words everybody uses; `storage` is the database; `hooks` is the only door to plugins, `rules` their operator's
//! side. The features are nouns: `accounts`, `characters`, `items`, `chat`, `games`, `ladder`, `moderation`; `realms` are those of them
//! that several realms of a server have each for themselves; `audit` is what staff did, `once` what was answered to requests that may come
//! again. `session` is a connected player,
//! `admin` are the operator's verbs, `api` is REST, `net` are the sockets, `telemetry` is what the operator sees from outside, `cli` the verbs of the binary.
//! `ARCHITECTURE.md` says who may import whom; a test holds it.

pub mod accounts;
pub mod admin;
pub mod api;
pub mod audit;
pub mod characters;
pub mod chat;
pub mod cli;
pub mod config;
pub mod games;
pub mod hooks;
pub mod items;
pub mod ladder;
pub mod mail;
pub mod market;
pub mod moderation;
pub mod net;
pub mod once;
pub mod realms;
pub mod rules;
pub mod session;
pub mod storage;
pub mod telemetry;
pub mod trade;
pub mod types;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use realm_world::Content;

use crate::{
    accounts::Accounts,
    admin::Admin,
    audit::Audit,
    characters::Characters,
    chat::Chat,
    config::Config,
    games::{EntryRefused, Games, GamesStartError, Ground},
    hooks::Hooks,
    items::Items,
    ladder::Ladder,
    mail::{Mail, News},
    market::Market,
    moderation::Moderation,
    net::{Addresses, Doors, Handlers, Listeners, NetError, Renewal, Tls},
    realms::{Home, RealmConfig, Realms},
    rules::{Rules, RulesError},
    session::Sessions,
    storage::{Storage, StorageError},
    telemetry::{Telemetry, TelemetryError},
    trade::Trades,
    types::{Clock, SystemClock, in_task},
};

/// What the `realm` binary allocates with (`#[global_allocator]`); whoever embeds a realm may choose it, too.
///
/// A tick touches the memory of thousands of connections and games in turn. In pages of 4 KiB a good part of its time goes by in looking
/// up where they are; this allocator asks the system for pages of 2 MiB, as `.cargo/config.toml` tells it to.
pub use tikv_jemallocator::Jemalloc as Allocator;

/// Why a realm cannot start. Every message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data folder cannot be made or written.
    #[error(
        "the data folder {folder} cannot be used: {problem}; choose another with --data, or make it writable for this user"
    )]
    DataFolder {
        /// The folder.
        folder: String,
        /// What the system says.
        problem: String,
    },
    /// The database.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The doors.
    #[error(transparent)]
    Net(#[from] NetError),
    /// The plugin folder.
    #[error(transparent)]
    Rules(#[from] RulesError),
    /// The games.
    #[error(transparent)]
    Games(#[from] GamesStartError),
    /// Metrics and health.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
}

/// How long connections may take to end when the realm stops, in milliseconds.
const CLOSE_DEADLINE_MS: u64 = 3_000;
/// How long games may take to end and characters to be saved.
const GAMES_DEADLINE: Duration = Duration::from_secs(11);

/// A running realm.
pub struct Realm {
    data: PathBuf,
    addresses: Addresses,
    tls: Tls,
    renewal: Renewal,
    owner_token: Option<String>,
    storage: Storage,
    rules: Rules,
    characters: Characters,
    realms: Realms,
    games: Games,
    sessions: Sessions,
    telemetry: Telemetry,
    doors: Doors,
    /// Said to health checks and requests over HTTP.
    stopping: Arc<AtomicBool>,
}

impl Realm {
    /// Starts a realm over a data folder, which is created when it does not exist.
    ///
    /// # Errors
    /// When the folder, the database, a door, the content or the plugin folder cannot be used. Broken plugins are reported, not fatal.
    pub async fn start(config: Config, data: &Path) -> Result<Self, StartError> {
        Self::start_with_clock(config, data, Arc::new(SystemClock)).await
    }

    /// Like [`Self::start`], with a clock of the caller's.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn start_with_clock(config: Config, data: &Path, clock: Arc<dyn Clock>) -> Result<Self, StartError> {
        telemetry::start_counting();
        storage::create_data_folder(data).map_err(|error| folder_error(data, &error))?;
        let tls = Tls::load(&config.tls, data)?;
        let listeners = Listeners::bind(&config.net).await?;
        let addresses = listeners.addresses();
        if let Some(problem) = tls.validity_problem() {
            tracing::error!("clients that check the certificate will not connect: {problem}");
        }

        // From a thread of the runtime: those that the database library starts inherit its urgency, and not that of a tick.
        let storage = {
            let (storage, data, node) = (config.storage.clone(), data.to_owned(), config.node.id);
            let clock = Arc::clone(&clock);
            in_task(async move { Storage::open(&storage, &data, node, clock).await }).await?
        };
        for realm in config.realm.iter() {
            storage.claim_realm(&realm.key, realm.shared).await?;
        }
        let (realm, name) = (&config.realm.home().key, &config.realm.home().name);
        let (rules, hooks) = Rules::start_in(&config.plugins, data, (realm, name), storage.clone()).await?;
        let audit = Audit::new(realm, storage.clone());
        let moderation = Moderation::new(storage.clone());
        moderation.load().await?;
        let accounts = Accounts::start(&config.accounts, data, realm, storage.clone(), moderation.clone()).await?;
        let content = games::load_content(&config.games)?;
        let grounds = Grounds::lay(&config, &storage, &hooks, &clock, &content).await?;
        let characters = grounds.first_characters().clone();
        let games = Games::start(
            &config.games,
            data,
            &config.net.public_host,
            addresses.game.port(),
            storage.clone(),
            hooks.clone(),
            grounds.of_games(),
            moderation.clone(),
        )?;
        let (news, told) = News::channel();
        let post = Post {
            mail: config.mail.clone(),
            market: config.market.clone(),
            storage: storage.clone(),
            hooks: hooks.clone(),
            moderation: moderation.clone(),
            news,
        };
        let realms = grounds.with_games(&games, &post, (&config.trade, &storage));
        let sessions = Sessions::new(
            config.session.clone(),
            session::Features {
                realms: realms.clone(),
                accounts: accounts.clone(),
                audit: audit.clone(),
                games: games.clone(),
                hooks,
                moderation: moderation.clone(),
                silence_max_ms: u32::try_from(config.net.silence_max_ms).unwrap_or(u32::MAX),
            },
        );
        let owner_token = accounts.owner_token().await?;
        let stopping = Arc::new(AtomicBool::new(false));
        let admin = Admin::start(data, rules.clone(), games.clone(), accounts.clone(), moderation.clone(), audit)
            .map_err(|error| folder_error(data, &error))?;
        let features = api::Features {
            realms: realms.clone(),
            accounts,
            games: games.clone(),
            rules: rules.clone(),
            admin,
            sessions: sessions.clone(),
            stopping: Arc::clone(&stopping),
            gate: api::Gate::new(&config.accounts, &config.session),
        };
        once::sweep_regularly(&storage, &stopping);
        for home in realms.all() {
            mail::sweep_regularly(&home.mail, &stopping);
            market::sweep_regularly(&home.market, &stopping);
        }
        sessions.follow_news(told);
        // Whoever resumes finds the session of the last run.
        sessions.restore().await;
        let (ready, stops) = (storage.clone(), Arc::clone(&stopping));
        let readiness = move || {
            if stops.load(Ordering::Relaxed) { Err("the realm is stopping".to_owned()) } else { ready.ready() }
        };
        let telemetry = Telemetry::start(&config.telemetry, Arc::new(readiness)).await?;
        let handlers = handlers(features, &sessions, &games, moderation, config.net.body_bytes_max);
        let doors = Doors::open(config.net, listeners, tls.clone(), handlers);

        Endpoint::new(addresses, tls.fingerprint()).write(data)?;
        let renewal = {
            let data = data.to_owned();
            tls.watch(move |fingerprint| {
                if let Err(error) = Endpoint::new(addresses, fingerprint.to_owned()).write(&data) {
                    tracing::warn!("the realm's own verbs do not know the new certificate: {error}");
                }
            })
        };
        Ok(Self {
            data: data.to_owned(),
            addresses,
            tls,
            renewal,
            owner_token,
            storage,
            rules,
            characters,
            realms,
            games,
            sessions,
            telemetry,
            doors,
            stopping,
        })
    }

    /// Where the doors listen.
    #[must_use]
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Where metrics and health listen.
    #[must_use]
    pub fn telemetry_address(&self) -> Option<SocketAddr> {
        self.telemetry.address()
    }

    /// SHA-256 of the certificate that is at work.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.tls.fingerprint()
    }

    /// Looks at the files of the certificate at once, instead of within the second; the log says what came of it.
    pub fn renew_certificate(&self) {
        self.renewal.look_now();
    }

    /// True when the realm made its certificate itself.
    #[must_use]
    pub fn self_signed(&self) -> bool {
        self.tls.self_signed()
    }

    /// The one-time token for the owner's account; `None` when there is an owner.
    #[must_use]
    pub fn owner_token(&self) -> Option<&str> {
        self.owner_token.as_deref()
    }

    /// The plugins.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The realms that this server has.
    #[must_use]
    pub fn realms(&self) -> &Realms {
        &self.realms
    }

    /// The games.
    #[must_use]
    pub fn games(&self) -> &Games {
        &self.games
    }

    /// The connected players.
    #[must_use]
    pub fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// Tells everybody, saves everything, closes everything; takes at most half a minute.
    pub async fn stop(self) {
        // 1. No connection is accepted any more, health checks fail, and requests over HTTP are answered with 503.
        self.stopping.store(true, Ordering::Relaxed);
        self.doors.stop_accepting();
        // 2. Players are told when to come back, and their sessions end.
        Box::pin(self.sessions.stop()).await;
        drop(self.renewal);
        // 3. Games end, characters are saved.
        if tokio::time::timeout(GAMES_DEADLINE, Box::pin(self.games.stop())).await.is_err() {
            tracing::error!("the games did not end in time; characters in them may miss their last seconds");
        }
        // 4. Sockets close.
        Box::pin(self.doors.close(CLOSE_DEADLINE_MS)).await;
        // 5. What nobody asks any more ends, the database last.
        self.characters.stop().await;
        self.rules.stop().await;
        Box::pin(self.storage.close()).await;
        self.telemetry.stop();
        let _ = std::fs::remove_file(Endpoint::file(&self.data));
    }
}

/// What mailboxes and markets are made of, beside the items of their realms.
struct Post {
    mail: mail::Config,
    market: market::Config,
    storage: Storage,
    hooks: Hooks,
    moderation: Moderation,
    news: News,
}

impl Post {
    /// The mailboxes of a realm.
    fn mail(&self, realm: &str, items: &Items) -> Mail {
        let Self { mail, storage, hooks, moderation, news, .. } = self;
        let (storage, hooks, moderation) = (storage.clone(), hooks.clone(), moderation.clone());
        Mail::new(mail.clone(), realm, storage, items.clone(), hooks, moderation, news.clone())
    }

    /// Its market.
    fn market(&self, realm: &str, items: &Items, mail: &Mail) -> Market {
        Market::new(self.market.clone(), realm, self.storage.clone(), items.clone(), mail.clone())
    }
}

/// The parts of each realm before it has games: those need the parts of all.
struct Grounds(Vec<(RealmConfig, Characters, Items, Chat, Ladder)>);

impl Grounds {
    async fn lay(
        config: &Config,
        storage: &Storage,
        hooks: &Hooks,
        clock: &Arc<dyn Clock>,
        content: &Arc<Content>,
    ) -> Result<Self, StorageError> {
        let served: Vec<(&str, &str)> =
            config.realm.iter().map(|realm| (realm.key.as_str(), realm.name.as_str())).collect();
        let first = Characters::start(&config.characters, &served, storage.clone(), hooks.clone()).await?;
        let chat = Chat::start(config.chat.clone(), hooks.clone(), Arc::clone(clock));
        let mut parts = Vec::with_capacity(config.realm.len());
        for (index, realm) in config.realm.iter().enumerate() {
            let characters = if index == 0 { first.clone() } else { first.beside(&realm.key) };
            let chat = if index == 0 { chat.clone() } else { chat.beside() };
            let ladder = Ladder::new(&realm.key, storage.clone(), hooks.clone());
            ladder.follow_characters().await?;
            let items = Items::start(&realm.key, storage.clone(), Arc::clone(content), hooks.clone());
            parts.push((realm.clone(), characters.hardcore_only(realm.hardcore_only), items, chat, ladder));
        }
        Ok(Self(parts))
    }

    fn first_characters(&self) -> &Characters {
        &self.0.first().expect("a configuration has at least one realm").1
    }

    fn of_games(&self) -> Vec<Ground> {
        let ground = |(realm, characters, items, _, ladder): &(RealmConfig, Characters, Items, Chat, Ladder)| {
            Ground::new(characters.clone(), realm.ladder.then(|| ladder.clone()), realm.difficulty_max)
                .with_items(items.clone())
        };
        self.0.iter().map(ground).collect()
    }

    fn with_games(self, games: &Games, post: &Post, (trade, storage): (&trade::Config, &Storage)) -> Realms {
        let home = |(settings, characters, items, chat, ladder): (RealmConfig, Characters, Items, Chat, Ladder)| {
            let games = games.in_realm(&settings.key).expect("games were started in every realm");
            let mail = post.mail(&settings.key, &items);
            let market = post.market(&settings.key, &items, &mail);
            let whereabouts = Arc::new(games.clone());
            let trades = Trades::start(trade, &settings.key, storage.clone(), items.clone(), whereabouts);
            Home { settings, characters, items, mail, market, chat, games, ladder, trades }
        };
        Realms::new(self.0.into_iter().map(home).collect())
    }
}

/// How the verbs of the binary reach a running realm: written into its data folder as `endpoint.json`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Endpoint {
    /// HTTPS.
    pub https: SocketAddr,
    /// Realm frames.
    pub realm: SocketAddr,
    /// Game sessions.
    pub game: SocketAddr,
    /// SHA-256 of the certificate.
    pub fingerprint: String,
    /// Process of the realm.
    pub process: u32,
}

impl Endpoint {
    fn new(addresses: Addresses, fingerprint: String) -> Self {
        Self {
            https: reachable(addresses.https),
            realm: reachable(addresses.realm),
            game: reachable(addresses.game),
            fingerprint,
            process: std::process::id(),
        }
    }

    /// Leaves the note in the data folder. Renamed into place: whoever reads it reads the old one or the new one.
    fn write(&self, data: &Path) -> Result<(), StartError> {
        let text = serde_json::to_string_pretty(self).expect("an endpoint is plain JSON");
        let (file, beside) = (Self::file(data), data.join("endpoint.json.new"));
        std::fs::write(&beside, text)
            .and_then(|()| std::fs::rename(&beside, &file))
            .map_err(|error| folder_error(data, &error))
    }

    /// Where the note lies.
    #[must_use]
    pub fn file(data: &Path) -> PathBuf {
        data.join("endpoint.json")
    }
}

/// An address that listens everywhere is reached on loopback.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        let loopback: std::net::IpAddr =
            if address.is_ipv4() { std::net::Ipv4Addr::LOCALHOST.into() } else { std::net::Ipv6Addr::LOCALHOST.into() };
        address.set_ip(loopback);
    }
    address
}

fn handlers(
    features: api::Features,
    sessions: &Sessions,
    games: &Games,
    moderation: Moderation,
    body_bytes_max: usize,
) -> Handlers {
    let (sessions, games) = (sessions.clone(), games.clone());
    Handlers {
        banned: Arc::new(move |address| moderation.network_ban(address).map(|ban| ban.sentence())),
        http: api::router(features, body_bytes_max),
        connection: Arc::new(move |connection| {
            let sessions = sessions.clone();
            Box::pin(async move { sessions.serve(connection).await })
        }),
        game: Arc::new(move |frame, mut link| {
            use realm_protocol::ClientMessage;
            match ClientMessage::decode(frame.identifier, &frame.payload) {
                Ok(ClientMessage::GameEnter(enter)) => {
                    if let Err(EntryRefused { refusal, mut link }) = games.enter(&enter.ticket, link) {
                        link.close(refusal.code.as_str(), &refusal.message);
                    }
                }
                _ => link.close(
                    types::Code::MessageInvalid.as_str(),
                    "The first frame on this port is GAME_ENTER with a ticket; create or join a game to get one.",
                ),
            }
        }),
    }
}

fn folder_error(data: &Path, error: &std::io::Error) -> StartError {
    StartError::DataFolder { folder: data.display().to_string(), problem: error.to_string() }
}
