//! All trades of a realm, and who may trade with whom. Pure: the time is an argument, what is to be told is the answer.

use std::collections::{BTreeMap, HashMap, VecDeque};

use super::{
    deal::{Confirmed, Deal, Stage},
    ending::Ending,
    error::TradeError,
    pace::Pace,
    terms::{Contract, Figure, INVITATIONS_WAITING_MAX, Offered, Part, Person, Venue},
};
use crate::types::{AccountId, AccountName, CharacterId, GameId, TradeId};

/// Endings that are remembered for who asks again …
const ENDED_MAX: usize = 4_096;
/// … and for how long.
const ENDED_MS: i64 = 600_000;

/// How long trades may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) invitations_per_minute: u32,
    pub(super) invitation_ms: i64,
    pub(super) idle_ms: i64,
}

/// Somebody connected.
#[derive(Debug)]
struct Trader {
    /// Distinguishes the presences of one account.
    serial: u64,
    name: AccountName,
    /// The connection is lost, and may come back.
    away: bool,
    figure: Option<Figure>,
    channel: Option<String>,
    /// The game that it plays in, and with which character.
    game: Option<(GameId, CharacterId)>,
    /// The trade that is open, or the invitation that was sent.
    own: Option<TradeId>,
    /// Invitations that were received; at most [`INVITATIONS_WAITING_MAX`].
    invited: Vec<TradeId>,
}

impl Trader {
    /// Who plays is in the game, whatever channel there is beside it.
    fn venue(&self) -> Option<Venue> {
        match self.game {
            // Who has selected another character than plays is in neither place.
            Some((game, plays)) => {
                self.figure.as_ref().is_some_and(|figure| figure.id == plays).then_some(Venue::Game(game))
            }
            None => self.channel.clone().map(Venue::Channel),
        }
    }
}

/// What somebody is to be told. An account stands in at most one of them for each trade.
#[derive(Debug, Clone)]
pub(super) enum Notice {
    /// An invitation has come.
    Invited { to: AccountId, trade: TradeId },
    /// How a trade stands.
    State { to: AccountId, trade: TradeId },
    /// It is over.
    Ended { to: AccountId, trade: TradeId, ending: Ending },
}

struct Ended {
    trade: TradeId,
    accounts: [AccountId; 2],
    ending: Ending,
    at_ms: i64,
}

/// All trades. `G` keeps other hands off an item as long as it lives.
pub(super) struct Book<G> {
    limits: Limits,
    pace: Pace,
    traders: BTreeMap<AccountId, Trader>,
    /// By the folded form of the name.
    names: HashMap<String, AccountId>,
    deals: BTreeMap<TradeId, Deal<G>>,
    ended: VecDeque<Ended>,
    serial_last: u64,
}

impl<G> Book<G> {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            pace: Pace::new(limits.invitations_per_minute),
            traders: BTreeMap::new(),
            names: HashMap::new(),
            deals: BTreeMap::new(),
            ended: VecDeque::new(),
            serial_last: 0,
        }
    }

    /// Somebody comes; an earlier presence of the same account is over. The number is for the going.
    pub(super) fn come(&mut self, now_ms: i64, account: AccountId, name: &AccountName) -> (u64, Vec<Notice>) {
        let notices = self.set_away(now_ms, account, true);
        // What is being carried out goes on, and is still the one trade of its players.
        let mut carried = self.deals.values().filter(|deal| deal.stage == Stage::Carrying);
        let own = carried.find(|deal| deal.part_of(account).is_some()).map(|deal| deal.id);
        self.serial_last += 1;
        self.names.insert(name.folded().to_owned(), account);
        let trader = Trader {
            serial: self.serial_last,
            name: name.clone(),
            away: false,
            figure: None,
            channel: None,
            game: None,
            own,
            invited: Vec::new(),
        };
        self.traders.insert(account, trader);
        (self.serial_last, notices)
    }

    /// Whether this is the latest presence of an account: what an earlier one still has to say does not count.
    pub(super) fn is_current(&self, account: AccountId, serial: u64) -> bool {
        self.traders.get(&account).is_some_and(|trader| trader.serial == serial)
    }

    /// Somebody goes for good; `None` when a later presence has taken the place of this one.
    pub(super) fn go(&mut self, now_ms: i64, account: AccountId, serial: u64) -> Option<Vec<Notice>> {
        self.is_current(account, serial).then_some(())?;
        let notices = self.set_away(now_ms, account, true);
        if let Some(trader) = self.traders.remove(&account) {
            self.names.remove(trader.name.folded());
        }
        Some(notices)
    }

    /// The connection of somebody is lost, or back. With it everything ends that is not being carried out.
    pub(super) fn set_away(&mut self, now_ms: i64, account: AccountId, away: bool) -> Vec<Notice> {
        let Some(trader) = self.traders.get_mut(&account) else { return Vec::new() };
        trader.away = away;
        if !away {
            return Vec::new();
        }
        let who = trader.name.to_string();
        self.end_all_of(now_ms, account, |_| Some(Ending::Disconnected { who: who.clone() }))
    }

    /// Where somebody is, and with which character. What they leave by it ends.
    pub(super) fn stand(
        &mut self,
        now_ms: i64,
        account: AccountId,
        figure: Option<Figure>,
        channel: Option<String>,
        game: Option<(GameId, CharacterId)>,
    ) -> Vec<Notice> {
        let Some(trader) = self.traders.get_mut(&account) else { return Vec::new() };
        (trader.figure, trader.channel, trader.game) = (figure, channel, game);
        self.leave_what_is_elsewhere(now_ms, account)
    }

    /// In which game somebody is, and with which character.
    pub(super) fn stand_in_game(
        &mut self,
        now_ms: i64,
        account: AccountId,
        game: Option<(GameId, CharacterId)>,
    ) -> Vec<Notice> {
        match self.traders.get_mut(&account) {
            Some(trader) if trader.game != game => {
                trader.game = game;
                self.leave_what_is_elsewhere(now_ms, account)
            }
            _ => Vec::new(),
        }
    }

    fn leave_what_is_elsewhere(&mut self, now_ms: i64, account: AccountId) -> Vec<Notice> {
        let Some(trader) = self.traders.get(&account) else { return Vec::new() };
        let (venue, who) = (trader.venue(), trader.name.to_string());
        let character = trader.figure.as_ref().map(|figure| figure.id);
        self.end_all_of(now_ms, account, |deal| {
            let own = deal.part_of(account).map(|part| deal.stake(part).person.character);
            let stays = venue.as_ref() == Some(&deal.venue) && character == own;
            (!stays).then(|| Ending::Apart { who: who.clone() })
        })
    }

    fn end_all_of(&mut self, now_ms: i64, account: AccountId, why: impl Fn(&Deal<G>) -> Option<Ending>) -> Vec<Notice> {
        let Some(trader) = self.traders.get(&account) else { return Vec::new() };
        let concerned: Vec<TradeId> = trader.own.iter().chain(&trader.invited).copied().collect();
        let mut notices = Vec::new();
        for trade in concerned {
            let ending = self.deals.get(&trade).filter(|deal| deal.stage != Stage::Carrying).and_then(&why);
            if let Some(ending) = ending {
                notices.extend(self.end(now_ms, trade, ending));
            }
        }
        notices
    }

    /// A trade is over: its guards go, and both hear why.
    fn end(&mut self, now_ms: i64, trade: TradeId, ending: Ending) -> Vec<Notice> {
        let Some(deal) = self.deals.remove(&trade) else { return Vec::new() };
        let accounts = Part::BOTH.map(|part| deal.stake(part).person.account);
        for account in accounts {
            if let Some(trader) = self.traders.get_mut(&account) {
                trader.own = trader.own.filter(|own| *own != trade);
                trader.invited.retain(|invited| *invited != trade);
            }
        }
        let notices = accounts.map(|to| Notice::Ended { to, trade, ending: ending.clone() }).into();
        self.ended.push_back(Ended { trade, accounts, ending, at_ms: now_ms });
        if self.ended.len() > ENDED_MAX {
            self.ended.pop_front();
        }
        notices
    }

    fn trader(&self, account: AccountId) -> Result<&Trader, TradeError> {
        self.traders.get(&account).filter(|trader| !trader.away).ok_or(TradeError::Nowhere)
    }

    /// The account of who is connected under this name.
    pub(super) fn account_named(&self, name: &AccountName) -> Option<AccountId> {
        self.names.get(name.folded()).copied()
    }

    /// Invites somebody who is in the same place.
    pub(super) fn invite(
        &mut self,
        now_ms: i64,
        trade: TradeId,
        by: AccountId,
        name: &AccountName,
    ) -> Result<Vec<Notice>, TradeError> {
        let host = self.trader(by)?;
        let host_figure = host.figure.as_ref().ok_or(TradeError::NoCharacter)?;
        let venue = host.venue().ok_or(TradeError::Nowhere)?;
        if host.own.is_some() {
            return Err(TradeError::Busy);
        }
        let not_here = || TradeError::NotHere(name.to_string());
        let account = self.account_named(name).ok_or_else(not_here)?;
        if account == by {
            return Err(TradeError::Oneself);
        }
        let guest = self.trader(account).map_err(|_| not_here())?;
        let guest_figure = guest.figure.as_ref().ok_or_else(not_here)?;
        if guest.venue().as_ref() != Some(&venue) {
            return Err(not_here());
        }
        if guest_figure.hardcore != host_figure.hardcore {
            return Err(TradeError::Modes);
        }
        let trades = guest.own.and_then(|own| self.deals.get(&own)).is_some_and(|deal| deal.stage != Stage::Invited);
        if trades || guest.invited.len() >= INVITATIONS_WAITING_MAX {
            return Err(TradeError::TheyAreBusy(guest.name.to_string()));
        }
        let person = |account: AccountId, trader: &Trader, figure: &Figure| Person {
            account,
            account_name: trader.name.clone(),
            character: figure.id,
            character_name: figure.name.clone(),
        };
        let (host, guest) = (person(by, host, host_figure), person(account, guest, guest_figure));
        self.pace.take(by, now_ms).map_err(|retry_after_ms| TradeError::TooOften { retry_after_ms })?;
        self.deals.insert(trade, Deal::new(trade, venue, host, guest, now_ms + self.limits.invitation_ms));
        self.trader_mut(by).own = Some(trade);
        self.trader_mut(account).invited.push(trade);
        Ok(vec![Notice::State { to: by, trade }, Notice::Invited { to: account, trade }])
    }

    fn trader_mut(&mut self, account: AccountId) -> &mut Trader {
        self.traders.get_mut(&account).expect("it was found a moment ago")
    }

    fn deal_of(&mut self, account: AccountId, trade: TradeId) -> Result<(Part, &mut Deal<G>), TradeError> {
        let deal = self.deals.get_mut(&trade).ok_or(TradeError::Unknown)?;
        deal.part_of(account).map(|part| (part, deal)).ok_or(TradeError::Unknown)
    }

    fn told(&self, trade: TradeId) -> Vec<Notice> {
        let accounts = self.deals.get(&trade).map(|deal| Part::BOTH.map(|part| deal.stake(part).person.account));
        accounts.into_iter().flatten().map(|to| Notice::State { to, trade }).collect()
    }

    fn changed(&mut self, now_ms: i64, trade: TradeId) -> Vec<Notice> {
        let idle_ms = self.limits.idle_ms;
        if let Some(deal) = self.deals.get_mut(&trade).filter(|deal| deal.stage == Stage::Open) {
            deal.until_ms = now_ms + idle_ms;
        }
        self.told(trade)
    }

    /// Takes an invitation. One that the guest has sent out is withdrawn.
    pub(super) fn accept(
        &mut self,
        now_ms: i64,
        account: AccountId,
        trade: TradeId,
        version: u64,
    ) -> Result<Vec<Notice>, TradeError> {
        let own = self.traders.get(&account).and_then(|trader| trader.own);
        let sent = own.filter(|own| *own != trade);
        if sent.and_then(|sent| self.deals.get(&sent)).is_some_and(|deal| deal.stage != Stage::Invited) {
            return Err(TradeError::Busy);
        }
        let (part, deal) = self.deal_of(account, trade)?;
        if part == Part::Host {
            return Err(if deal.stage == Stage::Invited { TradeError::NotOpen } else { TradeError::Open });
        }
        deal.accept(version)?;
        let mut notices = Vec::new();
        if let Some(sent) = sent {
            let by = self.trader_mut(account).name.to_string();
            notices = self.end(now_ms, sent, Ending::Cancelled { by });
        }
        let guest = self.trader_mut(account);
        guest.own = Some(trade);
        guest.invited.retain(|invited| *invited != trade);
        notices.extend(self.changed(now_ms, trade));
        Ok(notices)
    }

    /// What an account offers, before it offers something else: what both offers have in common keeps its guards.
    ///
    /// # Errors
    /// When nothing else can be offered now.
    pub(super) fn before_offer(
        &mut self,
        account: AccountId,
        trade: TradeId,
        version: u64,
    ) -> Result<Vec<Offered<G>>, TradeError> {
        let (part, deal) = self.deal_of(account, trade)?;
        deal.check_offer(version)?;
        Ok(deal.stake(part).items.clone())
    }

    /// Lays something else on the table.
    pub(super) fn offer(
        &mut self,
        now_ms: i64,
        account: AccountId,
        (trade, version): (TradeId, u64),
        items: Vec<Offered<G>>,
        gold: i64,
    ) -> Result<Vec<Notice>, TradeError> {
        let (part, deal) = self.deal_of(account, trade)?;
        deal.offer(part, version, items, gold)?;
        Ok(self.changed(now_ms, trade))
    }

    /// Locks what lies on the table.
    pub(super) fn lock(
        &mut self,
        now_ms: i64,
        account: AccountId,
        trade: TradeId,
        version: u64,
    ) -> Result<Vec<Notice>, TradeError> {
        let (part, deal) = self.deal_of(account, trade)?;
        if deal.lock(part, version)? {
            return Ok(self.changed(now_ms, trade));
        }
        Ok(vec![Notice::State { to: account, trade }])
    }

    /// Confirms what both have locked; the contract is there when both have confirmed.
    pub(super) fn confirm(
        &mut self,
        now_ms: i64,
        account: AccountId,
        trade: TradeId,
        version: u64,
    ) -> Result<(Vec<Notice>, Option<Contract<G>>), TradeError> {
        let (part, deal) = self.deal_of(account, trade)?;
        match deal.confirm(part, version)? {
            Confirmed::Again => Ok((vec![Notice::State { to: account, trade }], None)),
            Confirmed::First => Ok((self.changed(now_ms, trade), None)),
            Confirmed::Both(contract) => Ok((self.told(trade), Some(*contract))),
        }
    }

    /// Ends a trade, an invitation or its refusal.
    pub(super) fn cancel(
        &mut self,
        now_ms: i64,
        account: AccountId,
        trade: TradeId,
    ) -> Result<Vec<Notice>, TradeError> {
        let (part, deal) = self.deal_of(account, trade)?;
        if deal.stage == Stage::Carrying {
            return Err(TradeError::Carrying);
        }
        let by = deal.stake(part).person.account_name.to_string();
        Ok(self.end(now_ms, trade, Ending::Cancelled { by }))
    }

    /// What came of a trade that was being carried out.
    pub(super) fn finish(&mut self, now_ms: i64, trade: TradeId, ending: Ending) -> Vec<Notice> {
        self.end(now_ms, trade, ending)
    }

    /// What nobody was sure of has become known.
    pub(super) fn correct(&mut self, trade: TradeId, ending: &Ending) {
        if let Some(ended) = self.ended.iter_mut().find(|ended| ended.trade == trade) {
            ended.ending = ending.clone();
        }
    }

    /// Ends what has lasted too long, and forgets what nobody asks for any more.
    pub(super) fn expire(&mut self, now_ms: i64) -> Vec<Notice> {
        let late: Vec<TradeId> =
            self.deals.values().filter(|deal| deal.until_ms <= now_ms).map(|deal| deal.id).collect();
        let notices = late.into_iter().flat_map(|trade| self.end(now_ms, trade, Ending::TimedOut)).collect();
        self.pace.tidy(now_ms);
        while self.ended.front().is_some_and(|ended| ended.at_ms + ENDED_MS <= now_ms) {
            self.ended.pop_front();
        }
        notices
    }

    /// Accounts that trade, or have invited somebody, or were invited.
    pub(super) fn concerned(&self) -> Vec<AccountId> {
        let concerned = self.traders.iter().filter(|(_, trader)| trader.own.is_some() || !trader.invited.is_empty());
        concerned.map(|(account, _)| *account).collect()
    }

    /// A trade that is not over.
    pub(super) fn deal(&self, trade: TradeId) -> Option<&Deal<G>> {
        self.deals.get(&trade)
    }

    /// The trade that somebody has open, or the invitation that was sent.
    pub(super) fn own(&self, account: AccountId) -> Option<TradeId> {
        self.traders.get(&account).and_then(|trader| trader.own)
    }

    /// Invitations that wait for somebody.
    pub(super) fn invited(&self, account: AccountId) -> Vec<TradeId> {
        self.traders.get(&account).map(|trader| trader.invited.clone()).unwrap_or_default()
    }

    /// How a trade of an account has ended; of its last one when none is named.
    pub(super) fn ended(&self, account: AccountId, trade: Option<TradeId>) -> Option<(TradeId, &Ending)> {
        let mut newest_first = self.ended.iter().rev();
        let found = newest_first
            .find(|ended| ended.accounts.contains(&account) && trade.is_none_or(|trade| trade == ended.trade))?;
        Some((found.trade, &found.ending))
    }
}
