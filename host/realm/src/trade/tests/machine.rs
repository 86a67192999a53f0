//! The state machine, verb by verb.

use std::sync::Arc;

use crate::{
    trade::{
        book::{Book, Limits, Notice},
        ending::Ending,
        error::TradeError,
        terms::{Contract, Figure, INVITATIONS_WAITING_MAX, OFFER_ITEMS_MAX, Offered},
    },
    types::{AccountId, AccountName, CharacterId, CharacterName, Code, GameId, ItemId, Refusal, TradeId},
};

const LIMITS: Limits = Limits { invitations_per_minute: 10, invitation_ms: 60_000, idle_ms: 300_000 };
const NAMES: [&str; 12] = ["Ann", "Bob", "Cem", "Dora", "Edda", "Falk", "Gerd", "Hanna", "Ina", "Jost", "Karl", "Lene"];

/// Some people in one channel.
pub(super) struct Room {
    pub(super) book: Book<()>,
    serials: Vec<u64>,
    trades: u64,
}

pub(super) fn account(number: usize) -> AccountId {
    AccountId::from_raw(number as u64 + 1)
}

pub(super) fn name(number: usize) -> AccountName {
    AccountName::new(NAMES[number]).unwrap()
}

pub(super) fn figure(number: usize) -> Figure {
    let name = CharacterName::new(format!("{}-hero", NAMES[number])).unwrap();
    Figure { id: CharacterId::from_raw(number as u64 + 100), name, hardcore: false }
}

pub(super) fn item(key: u64) -> Offered<()> {
    Offered { key: ItemId::from_raw(key), version: 1, item: plain(), guard: Arc::new(()) }
}

/// Some item; the machine never looks at it.
pub(super) fn plain() -> realm_world::items::Item {
    realm_world::items::Item {
        base: "ring".to_owned(),
        quality: realm_world::items::Quality::Normal,
        level: 1,
        origin: String::new(),
        name: String::new(),
        rolls: Vec::new(),
        sockets: 0,
        gems: Vec::new(),
        identified: true,
        count: 1,
        durability: 0,
    }
}

const MARKET: &str = "market";

impl Room {
    fn of(people: usize) -> Self {
        let mut book = Book::new(LIMITS);
        let mut serials = Vec::new();
        for number in 0..people {
            serials.push(book.come(0, account(number), &name(number)).0);
            assert!(book.stand(0, account(number), Some(figure(number)), Some(MARKET.to_owned()), None).is_empty());
        }
        Self { book, serials, trades: 0 }
    }

    fn invite(&mut self, now_ms: i64, by: usize, whom: usize) -> Result<TradeId, TradeError> {
        self.trades += 1;
        let trade = TradeId::from_raw(self.trades);
        self.book.invite(now_ms, trade, account(by), &name(whom)).map(|_| trade)
    }

    /// A trade that is open, in version 2.
    fn open(&mut self, host: usize, guest: usize) -> TradeId {
        let trade = self.invite(0, host, guest).unwrap();
        self.book.accept(0, account(guest), trade, 1).unwrap();
        trade
    }

    fn version(&self, trade: TradeId) -> u64 {
        self.book.deal(trade).unwrap().version
    }

    fn offer(&mut self, who: usize, trade: TradeId, items: &[u64], gold: i64) -> Result<u64, TradeError> {
        let items = items.iter().map(|key| item(*key)).collect();
        let version = self.version(trade);
        self.book.offer(0, account(who), (trade, version), items, gold)?;
        Ok(self.version(trade))
    }

    fn lock(&mut self, who: usize, trade: TradeId, version: u64) -> Result<(), TradeError> {
        self.book.lock(0, account(who), trade, version).map(drop)
    }

    fn confirm(&mut self, who: usize, trade: TradeId, version: u64) -> Result<Option<Contract<()>>, TradeError> {
        self.book.confirm(0, account(who), trade, version).map(|(_, contract)| contract)
    }
}

fn code<T>(outcome: Result<T, TradeError>) -> Code {
    Refusal::from(outcome.map(drop).unwrap_err()).code
}

/// Who hears of which code that a trade has ended.
fn endings(notices: &[Notice]) -> Vec<(AccountId, Option<Code>)> {
    let ended = notices.iter().filter_map(|notice| match notice {
        Notice::Ended { to, ending, .. } => Some((*to, ending.code())),
        _ => None,
    });
    ended.collect()
}

#[test]
fn a_trade_is_carried_out_when_both_have_locked_and_confirmed_the_same_version() {
    let mut room = Room::of(2);
    let trade = room.open(0, 1);
    room.offer(0, trade, &[1, 2], 0).unwrap();
    let version = room.offer(1, trade, &[], 50).unwrap();
    assert_eq!(code(room.confirm(0, trade, version)), Code::TradeNotReady, "nobody has locked it");
    room.lock(0, trade, version).unwrap();
    assert_eq!(code(room.confirm(0, trade, version)), Code::TradeNotReady, "the other has not");
    room.lock(1, trade, version).unwrap();
    assert!(room.confirm(0, trade, version).unwrap().is_none());
    assert!(room.confirm(0, trade, version).unwrap().is_none(), "it may come again");
    let contract = room.confirm(1, trade, version).unwrap().expect("both have confirmed");
    let [host, guest] = contract.sides;
    assert_eq!(host.items.iter().map(|item| item.key.raw()).collect::<Vec<_>>(), [1, 2]);
    assert_eq!((guest.gold, guest.person.account), (50, account(1)));
    assert!(room.confirm(1, trade, version).unwrap().is_none(), "one contract, however often it is confirmed");
    for who in [0, 1] {
        assert_eq!(code(room.book.cancel(0, account(who), trade)), Code::TradeNotReady, "it is too late");
        assert_eq!(code(room.offer(who, trade, &[], 1)), Code::TradeNotReady);
    }
}

#[test]
fn whatever_changes_the_table_unlocks_both_and_older_versions_are_refused() {
    let mut room = Room::of(2);
    let trade = room.open(0, 1);
    let version = room.offer(0, trade, &[1], 0).unwrap();
    room.lock(0, trade, version).unwrap();
    room.lock(1, trade, version).unwrap();
    room.confirm(1, trade, version).unwrap();
    // Something cheaper lies there now.
    let newer = room.offer(0, trade, &[2], 0).unwrap();
    assert_eq!(newer, version + 1);
    for outcome in [room.lock(1, trade, version), room.confirm(1, trade, version).map(drop)] {
        let Err(TradeError::Stale { newest }) = outcome else { panic!("it should be refused: {outcome:?}") };
        assert_eq!(newest, newer);
    }
    assert_eq!(code(room.lock(1, trade, newer + 1)), Code::TradeStale, "what nobody has seen");
    assert_eq!(code(room.confirm(1, trade, newer)), Code::TradeNotReady, "nothing of the older version holds");
    let deal = room.book.deal(trade).unwrap();
    for part in super::super::terms::Part::BOTH {
        assert!(!deal.stake(part).locked && !deal.stake(part).confirmed);
    }
}

#[test]
fn an_offer_has_its_limits() {
    let mut room = Room::of(2);
    let trade = room.open(0, 1);
    assert_eq!(code(room.lock(0, trade, 2)), Code::TradeNotReady, "nothing lies there");
    let many: Vec<u64> = (1..=OFFER_ITEMS_MAX as u64 + 1).collect();
    assert_eq!(code(room.offer(0, trade, &many, 0)), Code::TradeOfferInvalid);
    assert_eq!(code(room.offer(0, trade, &[1, 1], 0)), Code::TradeOfferInvalid);
    assert_eq!(code(room.offer(0, trade, &[], -1)), Code::TradeOfferInvalid);
    assert_eq!(room.version(trade), 2, "nothing has changed");
    room.offer(0, trade, &many[1..], i64::MAX).unwrap();
}

#[test]
fn one_trade_at_a_time_and_invitations_do_not_hold_anybody_up() {
    let mut room = Room::of(12);
    let first = room.invite(0, 0, 1).unwrap();
    assert_eq!(code(room.invite(0, 0, 2)), Code::TradeBusy, "one invitation at a time");
    // Who was invited may invite somebody else, and trade with them.
    let other = room.invite(0, 1, 2).unwrap();
    room.book.accept(0, account(2), other, 1).unwrap();
    assert_eq!(code(room.book.accept(0, account(1), first, 1)), Code::TradeBusy, "one trade at a time");
    assert_eq!(code(room.invite(0, 3, 2)), Code::TradeBusy, "who trades is not asked");
    // Two who invite each other find each other: the one that is accepted counts.
    let there = room.invite(0, 3, 4).unwrap();
    let back = room.invite(0, 4, 3).unwrap();
    let notices = room.book.accept(0, account(3), back, 1).unwrap();
    assert_eq!(endings(&notices).len(), 2, "the invitation that was sent is withdrawn");
    assert!(room.book.deal(there).is_none());
    // So many invitations may wait for one.
    let waiting = (5..12).filter(|by| room.invite(0, *by, 0).is_ok()).count();
    assert_eq!(waiting, INVITATIONS_WAITING_MAX - 1, "as many as there are people here");
}

#[test]
fn who_is_elsewhere_gone_or_of_the_other_mode_is_not_invited() {
    let mut room = Room::of(4);
    assert_eq!(code(room.invite(0, 0, 0)), Code::TradePartner, "with oneself");
    let nobody = AccountName::new("Nobody").unwrap();
    let trade = TradeId::from_raw(99);
    assert_eq!(code(room.book.invite(0, trade, account(0), &nobody)), Code::TradeApart);
    room.book.stand(0, account(1), Some(figure(1)), Some("elsewhere".to_owned()), None);
    room.book.stand(0, account(2), Some(Figure { hardcore: true, ..figure(2) }), Some(MARKET.to_owned()), None);
    room.book.set_away(0, account(3), true);
    assert_eq!(code(room.invite(0, 0, 1)), Code::TradeApart);
    assert_eq!(code(room.invite(0, 0, 2)), Code::OtherMode);
    assert_eq!(code(room.invite(0, 0, 3)), Code::TradeApart);
    room.book.set_away(0, account(3), false);
    room.invite(0, 0, 3).unwrap();
    // Who plays is in the game, and not in the channel beside it.
    let plays = |who: usize| Some((GameId::from_raw(7), figure(who).id));
    room.book.stand_in_game(0, account(1), plays(1));
    assert_eq!(code(room.invite(0, 1, 2)), Code::TradeApart);
    // With another character selected than plays, one is in neither place.
    room.book.stand_in_game(0, account(0), plays(3));
    assert_eq!(code(room.invite(0, 1, 0)), Code::TradeApart);
    assert_eq!(code(room.invite(0, 0, 1)), Code::TradeApart);
    room.book.stand_in_game(0, account(0), plays(0));
    room.invite(0, 1, 0).unwrap();
}

#[test]
fn invitations_have_a_pace() {
    let mut room = Room::of(2);
    for _ in 0..LIMITS.invitations_per_minute {
        let trade = room.invite(1_000, 0, 1).unwrap();
        room.book.cancel(1_000, account(1), trade).unwrap();
    }
    let Err(TradeError::TooOften { retry_after_ms }) = room.invite(1_000, 0, 1) else { panic!("too many") };
    assert_eq!(retry_after_ms, 6_000);
    assert!(room.invite(7_000, 0, 1).is_ok());
}

#[test]
fn every_way_out_tells_both_why() {
    type Leave = fn(&mut Room, TradeId) -> Vec<Notice>;
    let ways: [(Code, Leave); 7] = [
        (Code::TradeCancelled, |room, trade| room.book.cancel(0, account(1), trade).unwrap()),
        (Code::TradeDisconnected, |room, _| room.book.set_away(0, account(0), true)),
        (Code::TradeDisconnected, |room, _| {
            let serial = room.serials[1];
            room.book.go(0, account(1), serial).unwrap()
        }),
        (Code::TradeApart, |room, _| {
            room.book.stand(0, account(1), Some(figure(1)), Some("elsewhere".to_owned()), None)
        }),
        (Code::TradeApart, |room, _| room.book.stand(0, account(1), Some(figure(2)), Some(MARKET.to_owned()), None)),
        (Code::TradeApart, |room, _| room.book.stand_in_game(0, account(0), Some((GameId::from_raw(3), figure(0).id)))),
        (Code::TradeTimedOut, |room, _| room.book.expire(LIMITS.idle_ms)),
    ];
    for (expected, leave) in ways {
        let mut room = Room::of(3);
        let trade = room.open(0, 1);
        room.offer(0, trade, &[1], 5).unwrap();
        let told = endings(&leave(&mut room, trade));
        assert_eq!(told, [(account(0), Some(expected)), (account(1), Some(expected))]);
        assert!(room.book.deal(trade).is_none());
        assert_eq!(code(room.lock(0, trade, 3)), Code::TradeUnknown);
        assert_eq!(room.book.ended(account(0), Some(trade)).unwrap().1.code(), Some(expected), "it is remembered");
        assert!(room.book.ended(account(2), Some(trade)).is_none(), "for the two alone");
        assert!(room.book.own(account(0)).is_none() && room.book.own(account(1)).is_none());
    }
}

#[test]
fn what_is_being_carried_out_is_not_broken_off() {
    let mut room = Room::of(2);
    let trade = room.open(0, 1);
    let version = room.offer(0, trade, &[1], 0).unwrap();
    for who in [0, 1] {
        room.lock(who, trade, version).unwrap();
    }
    for who in [0, 1] {
        room.confirm(who, trade, version).unwrap();
    }
    let elsewhere = Some("elsewhere".to_owned());
    assert!(room.book.stand(0, account(0), Some(figure(0)), elsewhere, None).is_empty());
    assert!(room.book.set_away(0, account(1), true).is_empty());
    assert!(room.book.expire(i64::MAX - 1).is_empty());
    assert_eq!(code(room.invite(0, 0, 1)), Code::TradeBusy);
    // Nor by who comes anew: it is still their one trade.
    let (later, told) = room.book.come(0, account(0), &name(0));
    assert!(told.is_empty() && room.book.own(account(0)) == Some(trade) && room.book.is_current(account(0), later));
    assert!(!room.book.is_current(account(0), room.serials[0]), "what the earlier still says does not count");
    let serial = room.serials[1];
    assert!(room.book.go(0, account(1), serial).unwrap().is_empty());
    let told = room.book.finish(0, trade, Ending::NoRoom { whose: "Bob".to_owned() });
    assert_eq!(endings(&told).len(), 2);
}

#[test]
fn an_invitation_lapses_and_is_not_taken_twice() {
    let mut room = Room::of(3);
    let trade = room.invite(0, 0, 1).unwrap();
    assert_eq!(code(room.lock(0, trade, 1)), Code::TradeNotReady);
    assert_eq!(code(room.book.accept(0, account(0), trade, 1)), Code::TradeNotReady, "by who has sent it");
    assert_eq!(code(room.book.accept(0, account(2), trade, 1)), Code::TradeUnknown, "by a third");
    assert!(room.book.expire(LIMITS.invitation_ms - 1).is_empty());
    assert_eq!(endings(&room.book.expire(LIMITS.invitation_ms)).len(), 2);
    let trade = room.open(0, 1);
    assert_eq!(code(room.book.accept(0, account(1), trade, 1)), Code::TradeStale);
    assert_eq!(code(room.book.accept(0, account(1), trade, 2)), Code::TradeNotReady);
}

#[test]
fn a_later_presence_of_an_account_is_not_ended_by_the_going_of_the_earlier() {
    let mut room = Room::of(2);
    let trade = room.open(0, 1);
    let (later, told) = room.book.come(0, account(0), &name(0));
    assert_eq!(endings(&told).len(), 2, "what the earlier had open is over");
    assert!(room.book.deal(trade).is_none());
    let earlier = room.serials[0];
    assert!(room.book.go(0, account(0), earlier).is_none());
    assert!(room.book.go(0, account(0), later).is_some());
}
