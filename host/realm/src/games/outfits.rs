//! What characters bring into games beside their sheets: the lease under which they play, their skills, and what they wear.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use realm_world::{Content, Outfit, SKILLS_PER_CLASS, items::Worn};

use crate::{
    characters::Details,
    items::{Act, Belongings, Hold, Holder, Items, ItemsError},
    once::{Answered, Once},
    types::{AccountId, CharacterId, Refusal, in_task},
};

use super::{
    RealmGames,
    command::Command,
    ground::Ground,
    refusals,
    seat::Seat,
    shared::Shared,
    wearing::{Gear, gear},
};

/// What a character brings into a game beside its sheet.
#[derive(Debug, Clone, Default)]
pub(super) struct Brought {
    /// Of the lease under which it plays.
    pub(super) epoch: i64,
    /// Levels of the skills of its class.
    pub(super) skills: [u32; SKILLS_PER_CLASS],
    /// What its game is told.
    pub(super) outfit: Arc<Outfit>,
    /// What it wears that wears out.
    pub(super) gear: Gear,
    /// Of its belongings, when this was what it wore.
    pub(super) version: i64,
}

impl Ground {
    /// What a character brings into a game, that was just taken under a lease of this epoch.
    pub(super) async fn brought(
        &self,
        content: &Content,
        (account, character): (AccountId, CharacterId),
        epoch: i64,
    ) -> Result<Brought, Refusal> {
        let details = self.characters.details(account, character).await?;
        let (sheet, skills) = (details.character.sheet, skills(content, &details));
        let (worn, gear, version) = match &self.items {
            Some(items) => {
                let belongings = items.of(character).await?;
                (belongings.worn(), gear(content.items(), &belongings), belongings.version)
            }
            None => (Worn::default(), Gear::default(), 0),
        };
        let outfit = Arc::new(Outfit::new(content, &sheet, skills, &worn));
        Ok(Brought { epoch, skills, outfit, gear, version })
    }
}

/// Levels of the skills of its class, in their order.
fn skills(content: &Content, details: &Details) -> [u32; SKILLS_PER_CLASS] {
    let mut levels = [0; SKILLS_PER_CLASS];
    let class = details.character.sheet.class;
    for (level, skill) in levels.iter_mut().zip(content.skills(class)) {
        *level = details.skills.get(skill.name).copied().unwrap_or_default();
    }
    levels
}

impl Seat {
    /// Another outfit, unless a newer one is known; true when it is another.
    pub(super) fn wear(&mut self, content: &Content, belongings: &Belongings) -> bool {
        if belongings.version <= self.brought.version {
            return false;
        }
        let outfit = Outfit::new(content, &self.sheet, self.brought.skills, &belongings.worn());
        self.brought.version = belongings.version;
        let gear = gear(content.items(), belongings);
        let is_other = outfit != *self.brought.outfit || gear != self.brought.gear;
        if is_other {
            self.brought.outfit = Arc::new(outfit);
            self.brought.gear = gear;
        }
        is_other
    }
}

/// How often it is read what a character has, when nobody knows what was written.
const LOOKS_MAX: u32 = 60;
/// Between two such tries.
const LOOK_PAUSE: Duration = Duration::from_secs(1);

impl RealmGames {
    /// Does something with what the account's character has, in a game and outside; when it plays, its game is told what it wears. All of
    /// it is done also when whoever waits for it goes away.
    ///
    /// # Errors
    /// As [`Items::act`].
    pub async fn act(
        &self,
        account: AccountId,
        character: CharacterId,
        act: Act,
        once: Option<Once<Belongings>>,
    ) -> Result<Answered<Belongings>, Refusal> {
        let (games, items) = (self.clone(), self.ground.items.clone());
        in_task(async move {
            let items = items.ok_or_else(refusals::fault)?;
            let (holder, leads_home) = (games.holder(account, character), act.leads_home());
            let done = items.act(holder, act, once).await;
            match &done {
                Ok(Answered::Now(belongings)) => {
                    games.belongings_changed(account, character, belongings).await;
                    // Of one answer that is given again nobody is taken home again.
                    if leads_home {
                        games.lead_home(&holder).await;
                    }
                }
                // What was answered before may have been told to nobody, and what nobody confirmed may be written.
                Ok(Answered::Before(_)) => games.look_again(items, account, character).await,
                Err(ItemsError::Storage(_)) => drop(tokio::spawn(async move {
                    games.look_again(items, account, character).await;
                })),
                Err(_) => {}
            }
            Ok(done?)
        })
        .await
    }

    /// Reads what a character has, until it can be read, and tells its game.
    async fn look_again(&self, items: Items, account: AccountId, character: CharacterId) {
        Shared::look_again(Arc::downgrade(&self.games.running.lobby().shared), items, (account, character)).await;
    }

    /// By which right the account does something with what this character has: under the lease of the game that it plays in, or as one that
    /// nobody plays.
    #[must_use]
    pub fn holder(&self, account: AccountId, character: CharacterId) -> Holder {
        let lobby = self.games.running.lobby();
        let directory = lobby.shared.directory();
        let seat = directory.seat(account).filter(|seat| seat.character == character && seat.holds_lease());
        match seat {
            Some(seat) => Holder::playing(account, character, seat.brought.epoch, Some(seat.sheet)),
            None => Holder::resting(account, character),
        }
    }

    /// What the account's character has now: when it plays, its game is told what it wears.
    pub async fn belongings_changed(&self, account: AccountId, character: CharacterId, belongings: &Belongings) {
        let lobby = self.games.running.lobby();
        lobby.shared.belongings_changed(&lobby.content, (account, character), belongings).await;
    }

    /// Tells the game that somebody plays in that it goes home.
    async fn lead_home(&self, holder: &Holder) {
        let Hold::Leased(epoch) = holder.hold else { return };
        let shared = Arc::clone(&self.games.running.lobby().shared);
        let whereabouts = shared.directory().whereabouts(holder.account);
        if let Some((game, thread)) = whereabouts {
            shared.command(thread, Command::Recall { game, character: holder.character, epoch }).await;
        }
    }
}

impl Shared {
    /// Reads what a character has, until it can be read or there are no games any more, and tells its game: nobody knows what was written.
    pub(super) async fn look_again(shared: Weak<Self>, items: Items, (account, character): (AccountId, CharacterId)) {
        for _ in 0..LOOKS_MAX {
            if let Ok(belongings) = items.of(character).await {
                if let Some(shared) = shared.upgrade() {
                    shared.belongings_changed(items.content(), (account, character), &belongings).await;
                }
                return;
            }
            tokio::time::sleep(LOOK_PAUSE).await;
        }
    }

    /// What the account's character has now: when it plays, its game is told what it wears.
    pub(super) async fn belongings_changed(
        &self,
        content: &Content,
        (account, character): (AccountId, CharacterId),
        belongings: &Belongings,
    ) {
        let told = {
            let mut directory = self.directory();
            let whereabouts = directory.whereabouts(account);
            let seat = directory.seat_mut(account).filter(|seat| seat.character == character && seat.holds_lease());
            let changed = seat.and_then(|seat| seat.wear(content, belongings).then(|| seat.brought.clone()));
            whereabouts.zip(changed)
        };
        if let Some(((game, thread), brought)) = told {
            // Who has not come in yet brings it along.
            self.command(thread, Command::Wear { game, character, brought }).await;
        }
    }
}
