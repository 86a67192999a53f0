//! One trade: what lies on the table, who has locked it, who has confirmed it. Pure: the time is an argument.
//!
//! A trade has a version. Whatever changes what lies on the table, and so takes locks and confirmations away, makes a new one; within a
//! version, locks and confirmations are only added. Every verb names the version that its player saw: what two have confirmed is the same.

use super::{
    error::TradeError,
    terms::{Contract, OFFER_ITEMS_MAX, Offered, Part, Person, Promise, Venue},
};
use crate::types::TradeId;

/// How far a trade has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// One has invited, the other has not answered.
    Invited,
    /// They lay things on the table.
    Open,
    /// Both have confirmed; it is being carried out, and nobody can change it any more.
    Carrying,
}

/// What one side has on the table.
#[derive(Debug)]
pub(super) struct Stake<G> {
    pub(super) person: Person,
    pub(super) items: Vec<Offered<G>>,
    pub(super) gold: i64,
    pub(super) locked: bool,
    pub(super) confirmed: bool,
}

impl<G> Stake<G> {
    fn new(person: Person) -> Self {
        Self { person, items: Vec::new(), gold: 0, locked: false, confirmed: false }
    }

    fn is_empty(&self) -> bool {
        self.items.is_empty() && self.gold == 0
    }

    fn promise(&self) -> Promise<G> {
        Promise { person: self.person.clone(), items: self.items.clone(), gold: self.gold }
    }
}

/// What a confirmation led to.
#[derive(Debug)]
pub(super) enum Confirmed<G> {
    /// It was confirmed before.
    Again,
    /// The other one has not confirmed yet.
    First,
    /// Both have confirmed this.
    Both(Box<Contract<G>>),
}

/// A trade between two.
#[derive(Debug)]
pub(super) struct Deal<G> {
    pub(super) id: TradeId,
    pub(super) venue: Venue,
    /// From 1.
    pub(super) version: u64,
    pub(super) stage: Stage,
    /// When it ends by itself.
    pub(super) until_ms: i64,
    stakes: [Stake<G>; 2],
}

impl<G> Deal<G> {
    /// An invitation.
    pub(super) fn new(id: TradeId, venue: Venue, host: Person, guest: Person, until_ms: i64) -> Self {
        let stakes = [Stake::new(host), Stake::new(guest)];
        Self { id, venue, version: 1, stage: Stage::Invited, until_ms, stakes }
    }

    /// What one of them has on the table.
    pub(super) fn stake(&self, part: Part) -> &Stake<G> {
        &self.stakes[part as usize]
    }

    fn stake_mut(&mut self, part: Part) -> &mut Stake<G> {
        &mut self.stakes[part as usize]
    }

    /// Which of the two an account is.
    pub(super) fn part_of(&self, account: crate::types::AccountId) -> Option<Part> {
        Part::BOTH.into_iter().find(|part| self.stake(*part).person.account == account)
    }

    fn check(&self, version: u64, stage: Stage) -> Result<(), TradeError> {
        if version != self.version {
            return Err(TradeError::Stale { newest: self.version });
        }
        match self.stage {
            now if now == stage => Ok(()),
            Stage::Invited => Err(TradeError::NotOpen),
            Stage::Open => Err(TradeError::Open),
            Stage::Carrying => Err(TradeError::Carrying),
        }
    }

    /// The guest takes the invitation.
    ///
    /// # Errors
    /// When another version was seen, or it is open already.
    pub(super) fn accept(&mut self, version: u64) -> Result<(), TradeError> {
        self.check(version, Stage::Invited)?;
        self.stage = Stage::Open;
        self.version += 1;
        Ok(())
    }

    /// Whether one of them may now lay something else on the table.
    ///
    /// # Errors
    /// When another version was seen, or it is not open.
    pub(super) fn check_offer(&self, version: u64) -> Result<(), TradeError> {
        self.check(version, Stage::Open)
    }

    /// Lays this on the table in the place of what lay there, which unlocks both.
    ///
    /// # Errors
    /// As [`Self::check_offer`], and when it is more than one may offer.
    pub(super) fn offer(
        &mut self,
        part: Part,
        version: u64,
        items: Vec<Offered<G>>,
        gold: i64,
    ) -> Result<(), TradeError> {
        self.check_offer(version)?;
        let twice = |(index, one): (usize, &Offered<G>)| items[..index].iter().any(|other| other.key == one.key);
        if items.len() > OFFER_ITEMS_MAX || gold < 0 || items.iter().enumerate().any(twice) {
            return Err(TradeError::OfferInvalid);
        }
        let stake = self.stake_mut(part);
        (stake.items, stake.gold) = (items, gold);
        for stake in &mut self.stakes {
            (stake.locked, stake.confirmed) = (false, false);
        }
        self.version += 1;
        Ok(())
    }

    /// One of them is content with what lies on the table. False when that was so before.
    ///
    /// # Errors
    /// When another version was seen, it is not open, or nothing lies there.
    pub(super) fn lock(&mut self, part: Part, version: u64) -> Result<bool, TradeError> {
        self.check(version, Stage::Open)?;
        if self.stakes.iter().all(Stake::is_empty) {
            return Err(TradeError::Empty);
        }
        Ok(!std::mem::replace(&mut self.stake_mut(part).locked, true))
    }

    /// One of them wants it carried out.
    ///
    /// # Errors
    /// When another version was seen, it is not open, or not both have locked it.
    pub(super) fn confirm(&mut self, part: Part, version: u64) -> Result<Confirmed<G>, TradeError> {
        if version == self.version && self.stake(part).confirmed {
            return Ok(Confirmed::Again);
        }
        self.check(version, Stage::Open)?;
        if !self.stakes.iter().all(|stake| stake.locked) {
            return Err(TradeError::NotLocked);
        }
        self.stake_mut(part).confirmed = true;
        if !self.stake(part.other()).confirmed {
            return Ok(Confirmed::First);
        }
        self.stage = Stage::Carrying;
        self.until_ms = i64::MAX;
        let sides = Part::BOTH.map(|part| self.stake(part).promise());
        Ok(Confirmed::Both(Box::new(Contract { sides })))
    }
}
