//! Tests of the directory: every time is an argument, nothing waits.

use std::time::Duration;

use realm_world::Class;

use crate::types::{AccountName, CharacterId, CharacterName, Code, OutboxLimits, Outgoing, RingLimits, outbox};

use super::{super::Player, *};

const VALID: Duration = Duration::from_secs(30);

fn account(raw: u64) -> AccountId {
    AccountId::from_raw(raw)
}

fn id(raw: u64) -> GameId {
    GameId::from_raw(raw)
}

fn named(name: &str) -> GameReference {
    GameReference::Name(GameName::new(name).unwrap())
}

fn character(raw: u64) -> Character {
    Character {
        id: CharacterId::from_raw(raw + 100),
        account: account(raw),
        name: CharacterName::new(format!("Hero{raw}")).unwrap(),
        sheet: Sheet::newborn(Class::Amazon, false),
        created_ms: 0,
        played_last_ms: None,
        play_time_ms: 0,
        version: 1,
    }
}

fn seat(raw: u64) -> Seat {
    let account_name = AccountName::new(format!("Account{raw}")).unwrap();
    Seat::reserved(Player { account: account(raw), account_name, staff: false, events: None }, &character(raw))
}

fn game(raw: u64, name: &str, host: u64, players_max: usize, password: &str) -> OpenGame {
    OpenGame {
        id: id(raw),
        realm: "main".into(),
        name: GameName::new(name).unwrap(),
        password: Password::new(password).unwrap(),
        difficulty: Difficulty::Normal,
        players_max,
        creator_level: 1,
        hardcore: false,
        created_ms: 0,
        host: account(host),
        thread: 0,
        listed: false,
        closing: false,
        seats: Vec::new(),
    }
}

struct Realm {
    directory: Directory,
    now: Instant,
}

impl Realm {
    fn new() -> Self {
        Self { directory: Directory::new(3, Tickets::new(24, VALID)), now: Instant::now() }
    }

    fn create(&mut self, raw: u64, name: &str, host: u64, players_max: usize, password: &str) -> Result<String, Code> {
        self.directory.open(game(raw, name, host, players_max, password), seat(host)).map_err(|r| r.code)?;
        self.confirm(host)
    }

    fn join(&mut self, raw: u64, reference: &GameReference, password: &str) -> Result<String, Code> {
        match self.directory.reserve(&"main".into(), reference, password, seat(raw)).map_err(|r| r.code)? {
            Reservation::Kept(_) => self.confirm(raw),
            Reservation::Again => {
                self.directory.renew(account(raw), format!("again-{raw}"), self.now).unwrap();
                Ok(format!("again-{raw}"))
            }
        }
    }

    fn confirm(&mut self, raw: u64) -> Result<String, Code> {
        let text = format!("ticket-{raw}");
        let confirmed = self.directory.confirm(account(raw), &character(raw), text, self.now);
        confirmed.map(|ticket| ticket.ticket).map_err(|r| r.code)
    }

    fn enter(&mut self, ticket: &str) -> Result<Entry, Code> {
        self.directory.enter(ticket, self.now).map_err(|r| r.code)
    }
}

#[test]
fn names_are_unique_by_their_folded_form_and_games_have_an_end() {
    let mut realm = Realm::new();
    realm.create(1, "Duel", 1, 8, "").unwrap();
    assert_eq!(realm.create(2, "dUEL", 2, 8, ""), Err(Code::GameNameTaken));
    realm.create(2, "Duel two", 2, 8, "").unwrap();
    assert_eq!(realm.create(3, "Other", 1, 8, ""), Err(Code::GameJoinedAlready));
    realm.create(3, "Other", 3, 8, "").unwrap();
    assert_eq!(realm.create(4, "Fourth", 4, 8, ""), Err(Code::GameLimit));
    assert!(realm.directory.depart(account(1), &Ok(())).unwrap().ended);
    realm.create(5, "DUEL", 5, 8, "").unwrap();
}

#[test]
fn games_of_two_realms_share_no_name_and_no_list_and_an_account_has_one_seat_in_all() {
    let mut realm = Realm::new();
    let (main, hard): (Arc<str>, Arc<str>) = ("main".into(), "hard".into());
    realm.create(1, "Duel", 1, 8, "").unwrap();
    let elsewhere = |raw, host| OpenGame { realm: "hard".into(), ..game(raw, "Duel", host, 8, "") };
    realm.directory.open(elsewhere(2, 2), seat(2)).expect("the name is free in the other realm");
    realm.confirm(2).unwrap();
    let taken = realm.directory.open(elsewhere(3, 3), seat(3)).map_err(|refusal| refusal.code);
    assert_eq!(taken, Err(Code::GameNameTaken));
    assert_eq!(realm.directory.open(elsewhere(3, 1), seat(1)).unwrap_err().code, Code::GameJoinedAlready);
    let listed = |realm: &Realm, of: &str| realm.directory.joinable(of, None).map(|game| game.id).collect::<Vec<_>>();
    assert_eq!((listed(&realm, "main"), listed(&realm, "hard")), (vec![id(1)], vec![id(2)]));
    assert_eq!(
        (realm.directory.listed("main"), realm.directory.listed("hard"), realm.directory.listed("other")),
        (1, 1, 0)
    );
    // By its key, too, a game is found in its own realm alone.
    for (of, reference) in [(&main, GameReference::Id(id(2))), (&hard, GameReference::Id(id(1)))] {
        let refused = realm.directory.reserve(of, &reference, "", seat(4)).map(|_| ()).map_err(|refusal| refusal.code);
        assert_eq!(refused, Err(Code::GameUnknown));
    }
    let kept = realm.directory.reserve(&hard, &named("duel"), "", seat(4)).map_err(|refusal| refusal.code).unwrap();
    assert!(matches!(kept, Reservation::Kept(game) if game == id(2)), "each name means the game of its realm");
}

#[test]
fn a_game_takes_as_many_as_it_has_seats_and_asks_for_its_password() {
    let mut realm = Realm::new();
    realm.create(1, "Duel", 1, 2, "secret").unwrap();
    assert_eq!(realm.join(2, &named("duel"), ""), Err(Code::GamePasswordRequired));
    assert_eq!(realm.join(2, &named("duel"), "guess"), Err(Code::GamePasswordWrong));
    assert_eq!(realm.join(2, &named("dual"), ""), Err(Code::GameUnknown));
    realm.join(2, &named("duel"), "secret").unwrap();
    assert_eq!(realm.join(3, &GameReference::Id(id(1)), "secret"), Err(Code::GameFull));
    assert_eq!(realm.directory.joinable("main", None).count(), 0, "a full game is not listed");
    realm.directory.depart(account(2), &Ok(()));
    assert_eq!(realm.directory.joinable("main", None).count(), 1);
    assert_eq!(realm.directory.joinable("main", Some(Difficulty::Hell)).count(), 0);
    realm.join(3, &GameReference::Id(id(1)), "secret").unwrap();
}

#[test]
fn a_ticket_lets_one_in_once_and_a_lost_connection_gets_another() {
    let mut realm = Realm::new();
    let ticket = realm.create(1, "Duel", 1, 2, "").unwrap();
    let entry = realm.enter(&ticket).unwrap();
    assert!(entry.sheet.is_some());
    assert_eq!(realm.enter(&ticket).err(), Some(Code::TicketInvalid));
    let again = realm.join(1, &named("Duel"), "").unwrap();
    assert!(realm.enter(&again).unwrap().sheet.is_none(), "the character is in the world already");
    entry.presence.lost();
    let again = realm.join(1, &named("Duel"), "").unwrap();
    assert!(realm.enter(&again).unwrap().sheet.is_none());
    realm.create(2, "Other", 2, 8, "").unwrap();
    assert_eq!(realm.join(1, &named("Other"), ""), Err(Code::GameJoinedAlready), "one game at a time");
}

#[test]
fn a_seat_whose_ticket_ran_out_is_freed() {
    let mut realm = Realm::new();
    let host = realm.create(1, "Duel", 1, 8, "").unwrap();
    realm.enter(&host).unwrap();
    let late = realm.join(2, &named("Duel"), "").unwrap();
    assert!(realm.directory.expired(realm.now).is_empty());
    realm.now += VALID;
    assert_eq!(realm.enter(&late).err(), Some(Code::TicketInvalid));
    assert_eq!(realm.directory.expired(realm.now), [account(2)]);
    assert_eq!(realm.directory.leave_unentered(account(2)), Some(CharacterId::from_raw(102)));
    assert_eq!(realm.directory.leave_unentered(account(1)), None, "it is playing");
    assert!(!realm.directory.depart(account(2), &Ok(())).unwrap().ended);
    assert_eq!(realm.directory.count(), (1, 1));
}

#[test]
fn who_leaves_is_waited_for_and_the_host_passes_on() {
    let mut realm = Realm::new();
    let limits = OutboxLimits { messages_max: 16, bytes_max: 1 << 16 };
    let (sender, mut reader) = outbox(limits);
    let events = EventStream::new(RingLimits { events_max: 8, bytes_max: 1 << 16 });
    events.attach(sender, None);
    let host = realm.create(1, "Duel", 1, 8, "").unwrap();
    realm.enter(&host).unwrap();
    realm.join(2, &named("Duel"), "").unwrap();
    realm.directory.attach_events(account(2), Some(events));
    realm.join(3, &named("Duel"), "").unwrap();
    let (game, leaving, mut saved) = realm.directory.leave(account(1)).unwrap();
    assert!(game == id(1) && matches!(leaving, Leaving::Playing { thread: 0 }));
    assert!(matches!(realm.directory.leave(account(1)).unwrap().1, Leaving::Already));
    assert!(saved.try_recv().is_err(), "not saved yet");
    realm.directory.depart(account(1), &Ok(()));
    assert_eq!(saved.try_recv(), Ok(Ok(())));
    let open = realm.directory.game(id(1)).unwrap();
    assert_eq!(listing::game(open).host, "Account2");
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let told: Vec<u8> = runtime.block_on(async {
        let mut told = Vec::new();
        for _ in 0..3 {
            if let Some(Outgoing::Message { encoded, .. }) = reader.next().await {
                told.push(encoded.identifier);
            }
        }
        told
    });
    assert_eq!(told, [0x36, 0x37, 0x38], "joined, left, host changed");
}

#[test]
fn only_host_or_staff_may_close_and_nobody_comes_in_afterwards() {
    let mut realm = Realm::new();
    realm.create(1, "Duel", 1, 8, "").unwrap();
    realm.join(2, &named("Duel"), "").unwrap();
    let mut close =
        |raw, staff| realm.directory.close(account(raw), staff, id(1)).map(|(_, seated)| seated).map_err(|r| r.code);
    assert_eq!(close(2, false), Err(Code::GameNotHost));
    assert_eq!(close(9, true).unwrap().len(), 2);
    assert_eq!(close(1, false).unwrap().len(), 2);
    assert_eq!(realm.join(3, &named("Duel"), ""), Err(Code::GameUnknown));
    realm.directory.stop();
    assert_eq!(realm.create(2, "New", 3, 8, ""), Err(Code::RealmStopping));
}

#[test]
fn a_kept_seat_is_given_back_without_a_word() {
    let mut realm = Realm::new();
    realm.directory.open(game(1, "Duel", 1, 8, ""), seat(1)).unwrap();
    assert_eq!(realm.join(2, &named("Duel"), ""), Err(Code::GameUnknown), "not open before its creator is seated");
    assert_eq!(realm.directory.leave(account(1)).err().map(|r| r.code), Some(Code::GameNotJoined));
    assert!(realm.directory.depart(account(1), &Err(refusals::fault())).unwrap().ended);
    realm.create(2, "Duel", 2, 8, "").unwrap();
}
