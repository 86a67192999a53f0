//! Random doings of several people against a model: what is carried out is what both have seen when they confirmed it; nothing is held
//! that lies on no table; everybody who was in a trade hears of its end once.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use proptest::prelude::*;

use super::machine::{account, figure, name, plain};
use crate::{
    trade::{
        book::{Book, Limits, Notice},
        deal::Stage,
        ending::{Done, Ending, Given},
        error::TradeError,
        terms::{Contract, Offered, Part},
    },
    types::{AccountId, GameId, ItemId, TradeId},
};

const PEOPLE: usize = 4;
const ITEMS_EACH: u64 = 3;
const LIMITS: Limits = Limits { invitations_per_minute: 30, invitation_ms: 20_000, idle_ms: 30_000 };

/// Keeps an item; how many are kept is counted.
struct Guard(Arc<AtomicUsize>);

impl Guard {
    fn new(kept: &Arc<AtomicUsize>) -> Self {
        kept.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(kept))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[derive(Debug, Clone, Copy)]
enum Act {
    Stand {
        who: usize,
        place: u8,
    },
    Away {
        who: usize,
        away: bool,
    },
    Invite {
        by: usize,
        whom: usize,
    },
    Accept {
        who: usize,
        late: u64,
    },
    Offer {
        who: usize,
        which: u8,
        gold: i64,
        late: u64,
    },
    Lock {
        who: usize,
        late: u64,
    },
    Confirm {
        who: usize,
        late: u64,
    },
    Cancel {
        who: usize,
    },
    Finish {
        well: bool,
    },
    Wait {
        ms: i64,
    },
    /// What leads to a trade from where somebody is.
    Next {
        who: usize,
    },
}

fn any_act() -> impl Strategy<Value = Act> {
    let who = || 0..PEOPLE;
    // Most name the version that they see.
    let late = || prop_oneof![9 => Just(0_u64), 1 => 1_u64..3];
    prop_oneof![
        1 => (who(), 0..8_u8).prop_map(|(who, place)| Act::Stand { who, place }),
        1 => (who(), prop::bool::weighted(0.2)).prop_map(|(who, away)| Act::Away { who, away }),
        4 => (who(), who()).prop_map(|(by, whom)| Act::Invite { by, whom }),
        4 => (who(), late()).prop_map(|(who, late)| Act::Accept { who, late }),
        2 => (who(), 0..8_u8, 0..20_i64, late()).prop_map(|(who, which, gold, late)| Act::Offer { who, which, gold, late }),
        6 => (who(), late()).prop_map(|(who, late)| Act::Lock { who, late }),
        6 => (who(), late()).prop_map(|(who, late)| Act::Confirm { who, late }),
        1 => who().prop_map(|who| Act::Cancel { who }),
        4 => any::<bool>().prop_map(|well| Act::Finish { well }),
        1 => (0..15_000_i64).prop_map(|ms| Act::Wait { ms }),
        30 => who().prop_map(|who| Act::Next { who }),
    ]
}

/// What a player sees on the table: what I give, what comes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Sight {
    version: u64,
    own: (Vec<ItemId>, i64),
    other: (Vec<ItemId>, i64),
}

struct Model {
    book: Book<Guard>,
    kept: Arc<AtomicUsize>,
    now_ms: i64,
    trades: u64,
    owner: BTreeMap<ItemId, AccountId>,
    gold: BTreeMap<AccountId, i64>,
    /// What each player was shown last of each trade.
    seen: BTreeMap<(AccountId, TradeId), Sight>,
    /// What each player saw when it confirmed last.
    confirmed: BTreeMap<(AccountId, TradeId), Sight>,
    carrying: BTreeMap<TradeId, Contract<Guard>>,
    /// Everybody who was shown a trade, and has not heard of its end.
    open_ends: BTreeSet<(AccountId, TradeId)>,
    over: BTreeSet<TradeId>,
    done: usize,
}

impl Model {
    fn new() -> Self {
        let mut book = Book::new(LIMITS);
        for who in 0..PEOPLE {
            book.come(0, account(who), &name(who));
            book.stand(0, account(who), Some(figure(who)), Some("market".to_owned()), None);
        }
        let everybody = || (0..PEOPLE).map(account);
        let keys = |who: AccountId| (0..ITEMS_EACH).map(move |item| (ItemId::from_raw(who.raw() * 10 + item), who));
        Self {
            book,
            kept: Arc::default(),
            now_ms: 0,
            trades: 0,
            owner: everybody().flat_map(keys).collect(),
            gold: everybody().map(|who| (who, 100)).collect(),
            seen: BTreeMap::new(),
            confirmed: BTreeMap::new(),
            carrying: BTreeMap::new(),
            open_ends: BTreeSet::new(),
            over: BTreeSet::new(),
            done: 0,
        }
    }

    fn show(&mut self, to: AccountId, trade: TradeId) {
        let deal = self.book.deal(trade).expect("what is shown is there");
        let part = deal.part_of(to).expect("it is shown to its two players");
        let table = |part: Part| {
            let stake = deal.stake(part);
            (stake.items.iter().map(|item| item.key).collect(), stake.gold)
        };
        let sight = Sight { version: deal.version, own: table(part), other: table(part.other()) };
        if let Some(before) = self.seen.get(&(to, trade)).filter(|before| before.version == sight.version) {
            assert_eq!(before, &sight, "one version, one table");
        }
        self.seen.insert((to, trade), sight);
        self.open_ends.insert((to, trade));
    }

    fn hear(&mut self, notices: Vec<Notice>) {
        for notice in notices {
            match notice {
                Notice::Invited { to, trade } | Notice::State { to, trade } => {
                    assert!(!self.over.contains(&trade));
                    self.show(to, trade);
                }
                Notice::Ended { to, trade, .. } => {
                    assert!(self.open_ends.remove(&(to, trade)), "everybody hears of an end once");
                    assert!(self.book.deal(trade).is_none());
                    self.over.insert(trade);
                }
            }
        }
    }

    /// The trade in which somebody acts: their own, or an invitation.
    fn trade_of(&self, who: AccountId) -> Option<TradeId> {
        self.book.own(who).or_else(|| self.book.invited(who).first().copied())
    }

    /// What somebody acts on, and the version that they name.
    fn seen_by(&self, who: AccountId, late: u64) -> Option<(TradeId, u64)> {
        let trade = self.trade_of(who)?;
        Some((trade, self.seen.get(&(who, trade))?.version.saturating_sub(late)))
    }

    fn tables(&self) -> Vec<(TradeId, u64, Stage)> {
        let trades = (1..=self.trades).map(TradeId::from_raw);
        trades.filter_map(|trade| self.book.deal(trade)).map(|deal| (deal.id, deal.version, deal.stage)).collect()
    }

    fn note<T>(&mut self, late: u64, before: &[(TradeId, u64, Stage)], outcome: &Result<T, TradeError>) {
        if late > 0 {
            assert!(outcome.is_err(), "an older version was named");
        }
        if outcome.is_err() {
            assert_eq!(self.tables(), before, "who is refused changes nothing");
        }
    }

    fn act(&mut self, act: Act) {
        let (now_ms, before) = (self.now_ms, self.tables());
        match act {
            Act::Stand { who, place } => {
                let channel = Some(if place == 1 { "square" } else { "market" }.to_owned());
                let game = (place == 2).then(|| (GameId::from_raw(7), figure(who).id));
                let figure = (place != 3).then(|| figure(who));
                let notices = self.book.stand(now_ms, account(who), figure, channel, game);
                self.hear(notices);
            }
            Act::Away { who, away } => {
                let notices = self.book.set_away(now_ms, account(who), away);
                self.hear(notices);
            }
            Act::Invite { by, whom } => {
                self.trades += 1;
                let outcome = self.book.invite(now_ms, TradeId::from_raw(self.trades), account(by), &name(whom));
                self.note(0, &before, &outcome);
                self.hear(outcome.unwrap_or_default());
            }
            Act::Accept { who, late } => {
                let invited = self.book.invited(account(who)).first().copied();
                let Some(trade) = invited.or_else(|| self.trade_of(account(who))) else { return };
                let Some(sight) = self.seen.get(&(account(who), trade)) else { return };
                let version = sight.version.saturating_sub(late);
                let outcome = self.book.accept(now_ms, account(who), trade, version);
                self.note(late, &before, &outcome);
                self.hear(outcome.unwrap_or_default());
            }
            Act::Offer { who, which, gold, late } => self.offer(account(who), which, gold, late),
            Act::Lock { who, late } => {
                let Some((trade, version)) = self.seen_by(account(who), late) else { return };
                let outcome = self.book.lock(now_ms, account(who), trade, version);
                self.note(late, &before, &outcome);
                self.hear(outcome.unwrap_or_default());
            }
            Act::Confirm { who, late } => self.confirm(account(who), late),
            Act::Cancel { who } => {
                let Some(trade) = self.trade_of(account(who)) else { return };
                let outcome = self.book.cancel(now_ms, account(who), trade);
                assert_eq!(
                    outcome.is_err(),
                    self.carrying.contains_key(&trade),
                    "until it is carried out, anybody may go"
                );
                self.hear(outcome.unwrap_or_default());
            }
            Act::Finish { well } => self.finish(well),
            Act::Next { who } => {
                let act = self.next_of(who);
                self.act(act);
            }
            Act::Wait { ms } => {
                self.now_ms += ms;
                let notices = self.book.expire(self.now_ms);
                self.hear(notices);
            }
        }
    }

    fn next_of(&self, who: usize) -> Act {
        let Some(deal) = self.trade_of(account(who)).and_then(|trade| self.book.deal(trade)) else {
            return Act::Invite { by: who, whom: (who + 1) % PEOPLE };
        };
        let part = deal.part_of(account(who)).expect("it is theirs");
        let stake = deal.stake(part);
        match deal.stage {
            Stage::Invited if part == Part::Guest => Act::Accept { who, late: 0 },
            Stage::Invited => Act::Accept { who: (who + 1) % PEOPLE, late: 0 },
            Stage::Carrying => Act::Finish { well: true },
            Stage::Open if stake.items.is_empty() && stake.gold == 0 => Act::Offer { who, which: 3, gold: 1, late: 0 },
            Stage::Open if !stake.locked => Act::Lock { who, late: 0 },
            Stage::Open => Act::Confirm { who, late: 0 },
        }
    }

    fn offer(&mut self, who: AccountId, which: u8, gold: i64, late: u64) {
        let (now_ms, before) = (self.now_ms, self.tables());
        let Some((trade, version)) = self.seen_by(who, late) else { return };
        let held = match self.book.before_offer(who, trade, version) {
            Ok(held) => held,
            refused => return self.note(late, &before, &refused),
        };
        let own = self.owner.iter().filter(|(_, owner)| **owner == who).map(|(item, _)| *item);
        let wished = own.enumerate().filter(|(index, _)| which & (1 << (index % 8)) != 0).map(|(_, key)| key);
        let items: Vec<Offered<Guard>> = wished
            .map(|key| match held.iter().find(|held| held.key == key) {
                Some(held) => held.clone(),
                None => Offered { key, version: 1, item: plain(), guard: Arc::new(Guard::new(&self.kept)) },
            })
            .take(10)
            .collect();
        drop(held);
        let outcome = self.book.offer(now_ms, who, (trade, version), items, gold);
        self.note(late, &before, &outcome);
        self.hear(outcome.unwrap_or_default());
    }

    fn confirm(&mut self, who: AccountId, late: u64) {
        let (now_ms, before) = (self.now_ms, self.tables());
        let Some((trade, version)) = self.seen_by(who, late) else { return };
        let outcome = self.book.confirm(now_ms, who, trade, version);
        self.note(late, &before, &outcome);
        let Ok((notices, contract)) = outcome else { return };
        self.confirmed.insert((who, trade), self.seen[&(who, trade)].clone());
        self.hear(notices);
        let Some(contract) = contract else { return };
        let [host, guest] = &contract.sides;
        let gives = |side: &crate::trade::terms::Promise<Guard>| {
            (side.items.iter().map(|item| item.key).collect::<Vec<_>>(), side.gold)
        };
        for (one, other) in [(host, guest), (guest, host)] {
            let sight = self.confirmed.get(&(one.person.account, trade)).expect("both have confirmed");
            assert_eq!((&sight.own, &sight.other), (&gives(one), &gives(other)), "as they saw it when they confirmed");
        }
        assert!(self.carrying.insert(trade, contract).is_none(), "a trade is carried out once");
    }

    /// The oldest trade that is being carried out comes to its end.
    fn finish(&mut self, well: bool) {
        let Some((trade, contract)) = self.carrying.pop_first() else { return };
        let sides = contract.sides.each_ref().map(|side| Given {
            account: side.person.account,
            character: side.person.character,
            items: side.items.iter().map(|item| item.key).collect(),
            gold: side.gold,
        });
        drop(contract);
        let ending = if well { Ending::Done(Done { sides: sides.clone() }) } else { Ending::TimedOut };
        if well {
            let [host, guest] = &sides;
            for (giver, taker) in [(host, guest), (guest, host)] {
                for item in &giver.items {
                    assert_eq!(self.owner.insert(*item, taker.account), Some(giver.account), "it was still theirs");
                }
                *self.gold.get_mut(&giver.account).unwrap() -= giver.gold;
                *self.gold.get_mut(&taker.account).unwrap() += giver.gold;
            }
            self.done += 1;
        }
        let notices = self.book.finish(self.now_ms, trade, ending);
        assert_eq!(notices.len(), 2);
        self.hear(notices);
    }

    fn check(&self) {
        let trades = (1..=self.trades).map(TradeId::from_raw).filter_map(|trade| self.book.deal(trade));
        let (mut on_tables, mut trading) = (BTreeSet::new(), BTreeSet::new());
        for deal in trades {
            for part in Part::BOTH {
                let stake = deal.stake(part);
                assert!(!stake.confirmed || stake.locked);
                for item in &stake.items {
                    assert!(on_tables.insert(item.key), "an item lies on one table");
                    assert_eq!(self.owner[&item.key], stake.person.account, "and is its owner's");
                }
                if deal.stage != Stage::Invited {
                    assert!(trading.insert(stake.person.account), "one trade at a time");
                }
            }
            assert_eq!(deal.stage == Stage::Carrying, self.carrying.contains_key(&deal.id));
        }
        assert_eq!(self.kept.load(Ordering::SeqCst), on_tables.len(), "what is kept lies on a table");
        assert_eq!(self.gold.values().sum::<i64>(), 100 * PEOPLE as i64);
        assert_eq!(self.owner.len() as u64, ITEMS_EACH * PEOPLE as u64);
    }
}

/// How many trades were carried out.
fn live(acts: Vec<Act>) -> usize {
    let mut model = Model::new();
    for act in acts {
        model.act(act);
        model.check();
    }
    while !model.carrying.is_empty() {
        model.finish(true);
    }
    for who in 0..PEOPLE {
        let notices = model.book.set_away(model.now_ms, account(who), true);
        model.hear(notices);
    }
    model.check();
    assert_eq!(model.kept.load(Ordering::SeqCst), 0, "everything is free again");
    assert!(model.open_ends.is_empty(), "everybody has heard of every end");
    model.done
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn nothing_is_traded_that_not_both_have_confirmed(acts in prop::collection::vec(any_act(), 1..250)) {
        live(acts);
    }
}

/// What is tried at random has to come to trades often enough.
#[test]
fn random_doings_lead_to_trades() {
    use proptest::{strategy::ValueTree as _, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let acts = prop::collection::vec(any_act(), 250);
    let done: usize = (0..40).map(|_| live(acts.new_tree(&mut runner).unwrap().current())).sum();
    assert!(done >= 40, "{done} trades in 40 lives");
}
