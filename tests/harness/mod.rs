//! The one harness: a real realm on free ports over a temporary folder, and players with real connections.

#![allow(unreachable_pub, reason = "what every test may use is public among them")]

pub mod fault_proxy;
pub mod pilot;
pub mod program;
pub mod raw;

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use realm::{Realm, config::Config};
use realm_client::{ClientError, Door, Endpoint, GameConnection, Lobby, Login, Rest, Trust, proto};
use tempfile::TempDir;

/// How long anything that must happen may take. Generous: the machine may be busy.
pub const DEADLINE: Duration = Duration::from_secs(20);
/// A password that no rule refuses.
pub const PASSWORD: &str = "four lanterns by the sea";

/// With the value `postgresql` all realms of the tests are over PostgreSQL, each over a database of its own.
const DATABASE_VARIABLE: &str = "REALM_TEST_DATABASE";

/// A running realm over a temporary folder.
pub struct TestRealm {
    realm: Realm,
    config: Config,
    folder: TempDir,
    _database: Option<realm_postgres::Database>,
}

impl TestRealm {
    /// A realm with the four default plugins.
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// A realm with the four default plugins and a changed configuration.
    pub async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let plugin_dir = folder.path().join("plugins");
        fs::create_dir_all(&plugin_dir).expect("a plugin folder");
        for name in ["anti-cheat", "chat-filter", "ladder", "matchmaking"] {
            let file = format!("{name}.wasm");
            fs::copy(built_plugins().join(&file), plugin_dir.join(&file)).expect("a built plugin");
        }
        let mut config = config();
        // On a machine that stands still a test may leave a connection unread for a minute; tests of silence say how long it may last.
        config.net.silence_max_ms = 600_000;
        change(&mut config);
        let over_server = std::env::var(DATABASE_VARIABLE).is_ok_and(|database| database == "postgresql");
        let database = (over_server && config.storage.url.is_empty()).then(realm_postgres::database);
        if let Some(database) = &database {
            config.storage.url = database.url();
        }
        let realm = Realm::start(config.clone(), folder.path()).await.expect("the realm starts");
        Self { realm, config, folder, _database: database }
    }

    /// Stops the realm and starts it again over the same folder, on other ports.
    pub async fn restart(self) -> Self {
        self.realm.stop().await;
        let realm = Realm::start(self.config.clone(), self.folder.path()).await.expect("the realm starts again");
        Self { realm, ..self }
    }

    /// Stops the realm, does something to what it has stored, and starts it again over the same folder.
    pub async fn restart_after(self, meanwhile: impl AsyncFnOnce()) -> Self {
        self.realm.stop().await;
        meanwhile().await;
        let realm = Realm::start(self.config.clone(), self.folder.path()).await.expect("the realm starts again");
        Self { realm, ..self }
    }

    /// Stops the realm and starts it again over the same folder with a changed configuration.
    pub async fn restart_with(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(&mut self.config);
        self.restart().await
    }

    /// Stops the realm; the folder is removed.
    pub async fn stop(self) {
        self.realm.stop().await;
    }

    /// The realm itself.
    pub fn realm(&self) -> &Realm {
        &self.realm
    }

    /// What it was started with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Its data folder.
    pub fn data(&self) -> &Path {
        self.folder.path()
    }

    /// The folder from which it takes its plugins.
    pub fn plugin_dir(&self) -> PathBuf {
        self.folder.path().join("plugins")
    }

    /// How clients reach it: its certificate is pinned.
    pub fn endpoint(&self) -> Endpoint {
        let addresses = self.realm.addresses();
        let trust = Trust::fingerprint(&self.realm.fingerprint()).expect("the realm's own fingerprint");
        let mut endpoint = Endpoint::new("127.0.0.1", trust);
        endpoint.https_port = addresses.https.port();
        endpoint.realm_port = addresses.realm.port();
        endpoint.game_port = addresses.game.port();
        endpoint.deadline = DEADLINE;
        endpoint
    }

    /// Registers an account and logs it in over REST.
    pub async fn player(&self, name: &str) -> Player {
        let mut rest = Rest::new(&self.endpoint());
        rest.register(name, PASSWORD).await.expect("registering");
        let tokens = rest.login(name, PASSWORD).await.expect("logging in");
        Player { name: name.to_owned(), token: tokens.access_token, rest, endpoint: self.endpoint() }
    }

    /// An account with a character, connected and ready to play.
    pub async fn hero(&self, name: &str, door: Door) -> Hero {
        let player = self.player(name).await;
        let mut lobby = player.lobby(door).await;
        let character = lobby.create_character(&format!("{name}-hero"), "Barbarian", false).await.expect("a character");
        lobby.select_character(character.id).await.expect("selecting it");
        Hero { player, lobby, character }
    }
}

/// The configuration of a test: free ports, and compiled plugins shared by all tests.
pub fn config() -> Config {
    let mut config = Config::default();
    for door in [&mut config.net.https, &mut config.net.realm, &mut config.net.game, &mut config.telemetry.listen] {
        *door = "127.0.0.1:0".to_owned();
    }
    // All clients of a test come from one address.
    config.net.connections_per_address_burst = 1_000_000;
    config.accounts.password_queue_per_network_max = config.accounts.password_queue_max;
    config.accounts.login_burst = 1_000_000;
    config.accounts.registrations_per_hour = 1_000_000;
    config.accounts.anonymous_burst = 1_000_000;
    // Tests ask REST again and again until something is so.
    config.session.request_burst = 10_000;
    config.plugins.cache_dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("plugin-cache").display().to_string();
    config
}

/// Where `cargo xtask plugins` left the components.
pub fn built_plugins() -> PathBuf {
    let folder = std::env::var_os("REALM_PLUGINS_DIR").map_or_else(
        || Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("it lies in the target folder").join("plugins"),
        PathBuf::from,
    );
    assert!(
        folder.join("chat-filter.wasm").is_file(),
        "there are no built plugins in {}: run `cargo xtask plugins`, or the tests with `cargo xtask test`",
        folder.display()
    );
    folder
}

/// An account that is logged in over REST.
pub struct Player {
    pub name: String,
    pub token: String,
    pub rest: Rest,
    pub endpoint: Endpoint,
}

impl Player {
    /// A connection to the lobby, logged in.
    pub async fn lobby(&self, door: Door) -> Lobby {
        let mut lobby = Lobby::connect(&self.endpoint, door).await.expect("connecting");
        lobby.login(Login::Token(self.token.clone())).await.expect("saying hello");
        lobby
    }
}

/// An account with a selected character in the lobby.
pub struct Hero {
    pub player: Player,
    pub lobby: Lobby,
    pub character: proto::Character,
}

impl Hero {
    /// Creates a game and enters it.
    pub async fn open_game(&mut self, name: &str) -> (proto::GameTicket, GameConnection) {
        let game = proto::GameCreate { name: name.to_owned(), ..Default::default() };
        let ticket = self.lobby.create_game(game).await.expect("creating a game");
        let game = GameConnection::enter(&self.player.endpoint, &ticket).await.expect("entering the game");
        (ticket, game)
    }

    /// Joins a game by name and enters it.
    pub async fn join_game(&mut self, name: &str) -> (proto::GameTicket, GameConnection) {
        let game = proto::GameJoin { name: name.to_owned(), ..Default::default() };
        let ticket = self.lobby.join_game(game).await.expect("joining the game");
        let game = GameConnection::enter(&self.player.endpoint, &ticket).await.expect("entering the game");
        (ticket, game)
    }
}

/// Asks again and again until there is an answer; fails after [`DEADLINE`].
pub async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let mut pause = tokio::time::interval(Duration::from_millis(10));
    let asking = async {
        loop {
            pause.tick().await;
            if let Some(answer) = ask().await {
                return answer;
            }
        }
    };
    tokio::time::timeout(DEADLINE, asking).await.unwrap_or_else(|_| panic!("{what} did not happen within {DEADLINE:?}"))
}

impl TestRealm {
    /// Stops the realm and starts it again over the same folder with a clock of the test's.
    pub async fn restart_with_clock(self, clock: std::sync::Arc<dyn realm::types::Clock>) -> Self {
        self.realm.stop().await;
        let started = Realm::start_with_clock(self.config.clone(), self.folder.path(), clock).await;
        Self { realm: started.expect("the realm starts again"), ..self }
    }
}

/// The status and the code with which the realm said no; fails when it said yes.
pub fn refused<T: std::fmt::Debug>(result: Result<T, realm_client::ClientError>) -> (u16, String) {
    match result.expect_err("the realm should refuse this") {
        realm_client::ClientError::Refused { status, code, message, .. } => {
            assert!(message.ends_with('.') && message.contains(' '), "{code} says no sentence: {message:?}");
            (status, code)
        }
        other => panic!("the realm should refuse this with a code, and not so: {other}"),
    }
}

/// The code with which a call was refused.
pub fn code<T>(outcome: Result<T, ClientError>) -> String {
    match outcome {
        Ok(_) => "no refusal".to_owned(),
        Err(error) => error.code().map_or_else(|| error.to_string(), str::to_owned),
    }
}

/// The wish for a game of this name, without a password.
pub fn named(name: &str) -> proto::GameCreate {
    proto::GameCreate { name: name.to_owned(), ..Default::default() }
}

/// The wish to join it.
pub fn join(name: &str, password: &str) -> proto::GameJoin {
    proto::GameJoin { name: name.to_owned(), password: password.to_owned(), ..Default::default() }
}
