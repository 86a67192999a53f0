//! What players do in a game with what they own: deals with vendors, scrolls, and what a fight wears down.

use realm_protocol::proto::{self, game_event::Kind};
use realm_world::Deal;

use super::{Finder, Keeper, code, confirmed};
use crate::{
    games::{command::Command, shared::Shared},
    items::{Act, Dealt, ItemsError},
    types::{AccountId, CharacterId, ItemId},
};

impl Keeper {
    /// What a deal is, of things that are owned.
    pub(super) fn act_of(&self, vendor: u8, deal: Deal) -> Option<Act> {
        let content = self.items.content();
        Some(match deal {
            Deal::Buy { base, count } => {
                let base = content.items().bases().get(usize::from(base))?.key.clone();
                Act::Buy { base, count, to: None, vendor: Some(content.npc_name(vendor)?.to_owned()) }
            }
            Deal::Sell { item, count } => {
                Act::Sell { item: ItemId::from_raw(item), count: (count > 0).then_some(count) }
            }
            Deal::Repair { item } => Act::Repair { item: ItemId::from_raw(item) },
        })
    }

    /// Somebody deals with a vendor or uses something. What is worn then counts, and who has read the way home goes there.
    pub(super) async fn deal(&mut self, finder: &Finder, input: u32, act: Act) {
        self.deals = self.deals.wrapping_add(1);
        let number = self.deals;
        let dealt = confirmed(|| self.items.deal(finder.holder(), act.clone(), self.game, number)).await;
        let Dealt { item, belongings } = match dealt {
            Ok(dealt) => dealt,
            Err(error) => {
                self.look_again_after(&error, (finder.account, finder.character));
                return self.refuse(finder, input, code(error), None).await;
            }
        };
        let told = proto::ItemDealt {
            input,
            act: act.name().to_owned(),
            item_id: item.raw(),
            count: belongings.get(item).map_or(0, |owned| owned.item.count),
            gold: u64::try_from(belongings.gold).unwrap_or_default(),
        };
        let Some(shared) = self.shared.upgrade() else { return };
        let content = self.items.content();
        shared.belongings_changed(content, (finder.account, finder.character), &belongings).await;
        if act.leads_home() {
            let (game, character, epoch) = (self.game, finder.character, finder.epoch);
            shared.command(self.thread, Command::Recall { game, character, epoch }).await;
        }
        self.say(None, Some((finder, Kind::ItemDealt(told)))).await;
    }

    /// What a player wears is worn down. It is asked for once: what nobody confirms may not be worn, and is never worn twice.
    pub(super) async fn wear(&self, account: AccountId, character: CharacterId, worn: Vec<(ItemId, u32)>) {
        match self.items.wear_out(character, worn).await {
            Ok(Some(belongings)) => {
                if let Some(shared) = self.shared.upgrade() {
                    shared.belongings_changed(self.items.content(), (account, character), &belongings).await;
                }
            }
            Ok(None) => {}
            Err(error) => {
                self.look_again_after(&error, (account, character));
                metrics::counter!("realm_wear_lost_total").increment(1);
                tracing::debug!(game = %self.game, %character, %error, "what a fight wore down stays as it was");
            }
        }
    }

    /// When nobody knows what was written, the game is told what a player wears as soon as it can be read.
    fn look_again_after(&self, error: &ItemsError, who: (AccountId, CharacterId)) {
        if matches!(error, ItemsError::Storage(_)) {
            drop(tokio::spawn(Shared::look_again(self.shared.clone(), self.items.clone(), who)));
        }
    }
}
