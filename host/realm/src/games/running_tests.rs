//! The whole of games over a real database, with clients whose connections are queues in memory.

use realm_protocol::proto;
use realm_world::Difficulty;

use crate::{
    characters::{self, Character, Characters},
    ladder::Ladder,
    storage::{
        StorageError,
        testing::{FakeClock, Home, open},
    },
    types::{AccountId, AccountName, GameName},
};

use super::{
    super::{GameReference, GameSettings, Ground, Player, RealmGames, referee::Suspicion, testing::Client},
    *,
};

struct Realm {
    games: Games,
    here: RealmGames,
    characters: Characters,
    moderation: Moderation,
    storage: Storage,
    _home: Home,
}

impl Realm {
    async fn start(config: Config) -> Self {
        let home = Home::sqlite();
        let storage = open(&home, &FakeClock::new()).await;
        let hooks = Hooks::without_plugins();
        let config_of_characters = characters::Config::default();
        let characters =
            Characters::start(&config_of_characters, &[("main", "")], storage.clone(), hooks.clone()).await.unwrap();
        let ladder = Ladder::new("main", storage.clone(), hooks.clone());
        let moderation = Moderation::new(storage.clone());
        let grounds = vec![Ground::new(characters.clone(), Some(ladder), Difficulty::Hell)];
        let (own, sanctions) = (storage.clone(), moderation.clone());
        let games = Games::start(&config, home.path(), "", 4_000, own, hooks, grounds, sanctions).unwrap();
        let here = games.in_realm("main").unwrap();
        Self { games, here, characters, moderation, storage, _home: home }
    }

    async fn player(&self, name: &str) -> (Player, Character) {
        let account: AccountId = self.storage.ids().next(self.storage.now_ms());
        let typed = name.to_owned();
        let stored: Result<(), StorageError> = self
            .storage
            .write(move |connection| {
                Box::pin(async move {
                    sqlx::query(
                        "INSERT INTO accounts (id, name, folded, password, role, created_ms, version)
                         VALUES ($1, $2, $2, '', 'player', 0, 1)",
                    )
                    .bind(account.to_sql())
                    .bind(typed)
                    .execute(connection)
                    .await?;
                    Ok(())
                })
            })
            .await;
        stored.unwrap();
        let character = self.characters.create(account, name, "Barbarian", false).await.unwrap();
        let account_name = AccountName::new(name).unwrap();
        (Player { account, account_name, staff: false, events: None }, character)
    }

    async fn create(&self, player: &Player, character: &Character, name: &str) -> Result<proto::GameTicket, Code> {
        let settings = GameSettings {
            name: GameName::new(name).unwrap(),
            password: None,
            difficulty: Difficulty::Normal,
            players_max: 8,
        };
        self.here.create(player.clone(), character.id, settings).await.map_err(|refusal| refusal.code)
    }

    async fn join(&self, player: &Player, character: &Character, name: &str) -> Result<proto::GameTicket, Code> {
        let reference = GameReference::Name(GameName::new(name).unwrap());
        self.here.join(player.clone(), character.id, reference, "").await.map_err(|refusal| refusal.code)
    }

    /// Enters and waits until the character is in the world.
    async fn enter(&self, ticket: &proto::GameTicket) -> Client {
        let mut client = Client::new();
        assert!(self.games.enter(&ticket.ticket, Box::new(client.link.clone())).is_ok(), "the ticket is good");
        tokio::task::spawn_blocking(move || {
            client.entered();
            client.until(|now| now.tick > 3);
            client
        })
        .await
        .unwrap()
    }

    /// Resolves when nobody has a seat any more.
    async fn empty(&self) {
        let mut changes = self.here.list_changes();
        while self.games.figures().players > 0 {
            tokio::time::timeout(STOP_DEADLINE, changes.changed()).await.expect("the last seat is given up").unwrap();
        }
    }

    async fn is_free(&self, character: &Character) -> bool {
        self.characters.take(character.account, character.id).await.is_ok()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn from_creation_to_a_saved_departure() {
    let realm = Realm::start(Config::default()).await;
    let (host, hero) = realm.player("Host").await;
    let (guest, second) = realm.player("Guest").await;
    let ticket = realm.create(&host, &hero, "Duel").await.unwrap();
    assert_eq!((ticket.port, ticket.players.len()), (4_000, 1));
    assert_eq!(realm.create(&guest, &second, "DUEL").await, Err(Code::GameNameTaken));
    assert_eq!(realm.create(&host, &hero, "Other").await, Err(Code::GameJoinedAlready));
    let client = realm.enter(&ticket).await;
    let joined = realm.join(&guest, &second, "Duel").await.unwrap();
    assert_eq!(joined.players.len(), 2);
    let listed = realm.here.list(guest.account, Some(second.id), None).await.unwrap();
    assert_eq!(listed.len(), 1);
    let left = realm.games.leave(host.account).await.unwrap();
    assert_eq!(left.raw(), ticket.game.unwrap().id);
    assert_eq!(client.closed_with(), "GAME_LEFT");
    let saved = realm.characters.get(host.account, hero.id).await.unwrap();
    assert!(saved.play_time_ms >= 3 * 40 && saved.version > hero.version);
    assert!(realm.is_free(&hero).await);
    let (game, players) = realm.here.get(left).await.unwrap();
    assert_eq!((game.host.as_str(), players.len()), ("Guest", 1));
    assert_eq!(realm.games.leave(guest.account).await, Ok(left), "a ticket that was never used is given back");
    assert!(realm.here.get(left).await.is_err() && realm.is_free(&second).await);
    assert_eq!(realm.games.leave(guest.account).await.unwrap_err().code, Code::GameNotJoined);
    realm.games.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_game_and_a_stopped_realm_save_everybody() {
    let realm = Realm::start(Config { tick_threads: 2, ..Config::default() }).await;
    let (host, hero) = realm.player("Host").await;
    let (guest, second) = realm.player("Guest").await;
    let ticket = realm.create(&host, &hero, "Duel").await.unwrap();
    let id = crate::types::GameId::from_raw(ticket.game.as_ref().unwrap().id);
    let clients = [realm.enter(&ticket).await, realm.enter(&realm.join(&guest, &second, "Duel").await.unwrap()).await];
    assert_eq!(realm.games.close(&guest, id).await.unwrap_err().code, Code::GameNotHost);
    realm.games.close(&host, id).await.unwrap();
    assert!(clients.iter().all(|client| client.closed_with() == "GAME_CLOSED"));
    assert_eq!(realm.games.figures().saves, 2);

    let client = realm.enter(&realm.create(&host, &hero, "Second").await.unwrap()).await;
    let unused = realm.create(&guest, &second, "Third").await.unwrap();
    realm.games.stop().await;
    assert_eq!(client.closed_with(), "REALM_STOPPING");
    assert!(realm.is_free(&hero).await && realm.is_free(&second).await);
    assert_eq!(realm.games.figures().saves, 3);
    assert!(realm.games.enter(&unused.ticket, Box::new(Client::new().link)).is_err());
    assert_eq!(realm.create(&host, &hero, "Fourth").await, Err(Code::RealmStopping));
    realm.games.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unused_ticket_frees_its_seat_and_its_character() {
    let realm = Realm::start(Config { ticket_seconds: 0, ..Config::default() }).await;
    let (host, hero) = realm.player("Host").await;
    let ticket = realm.create(&host, &hero, "Duel").await.unwrap();
    let refusal = realm.games.enter(&ticket.ticket, Box::new(Client::new().link)).err().unwrap().refusal;
    assert_eq!(refusal.code, Code::TicketInvalid);
    realm.empty().await;
    assert!(realm.is_free(&hero).await);
    realm.games.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn enough_findings_ban_the_account_and_put_it_out_of_its_game() {
    let realm = Realm::start(Config::default()).await;
    let (host, hero) = realm.player("Host").await;
    let client = realm.enter(&realm.create(&host, &hero, "Duel").await.unwrap()).await;
    let mut bans = realm.games.bans();
    let lobby = realm.games.running.lobby();
    let referee = Referee {
        moderation: realm.moderation.clone(),
        storage: realm.storage.clone(),
        shared: Arc::downgrade(&lobby.shared),
        bans: lobby.bans.clone(),
        measures: Measures::of(&Config::default()),
        ban_hours: 24,
    };
    let (sender, receiver) = mpsc::channel(4);
    let serving = tokio::spawn(referee.run(receiver));
    for _ in 0..2 {
        let suspicion = Suspicion { account: host.account, findings: 5, violation: "too fast".into() };
        sender.send(suspicion).await.unwrap();
    }
    assert_eq!(bans.recv().await.unwrap().account, host.account);
    assert_eq!(client.closed_with(), "ACCOUNT_BANNED");
    let ban = realm.moderation.ban_in_force(host.account).await.unwrap().unwrap();
    assert_eq!(ban.until_ms, Some(realm.storage.now_ms() + 24 * 3_600_000));
    drop(sender);
    serving.await.unwrap();
    realm.games.stop().await;
    assert!(realm.is_free(&hero).await);
}
