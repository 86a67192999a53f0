//! What players are told of trades, in the words of the protocol.

use realm_protocol::proto;
use realm_world::items::{Catalogue, Item, Roll};

use super::{
    deal::{Deal, Stage, Stake},
    ending::Ending,
    terms::{Offered, Part},
};
use crate::types::{AccountId, TradeId};

/// Milliseconds that are left, as messages carry them.
fn left_ms(until_ms: i64, now_ms: i64) -> u32 {
    u32::try_from(until_ms.saturating_sub(now_ms).max(0)).unwrap_or(0)
}

/// An invitation, to who was invited.
pub(super) fn invited<G>(deal: &Deal<G>, now_ms: i64) -> proto::TradeInvited {
    let host = &deal.stake(Part::Host).person;
    proto::TradeInvited {
        trade_id: deal.id.raw(),
        version: deal.version,
        account: host.account_name.to_string(),
        character: host.character_name.to_string(),
        valid_ms: left_ms(deal.until_ms, now_ms),
        event: 0,
    }
}

/// How a trade stands, to one of the two.
pub(super) fn state<G>(catalogue: &Catalogue, deal: &Deal<G>, part: Part, now_ms: i64) -> proto::TradeState {
    let stage = match deal.stage {
        Stage::Invited => "invited",
        Stage::Open => "open",
        Stage::Carrying => "carrying",
    };
    // Of what is one's own the key says everything; so there is room in a message for what is the other's.
    let own_item = |offered: &Offered<G>| proto::TradeItem { item_id: offered.key.raw(), ..Default::default() };
    proto::TradeState {
        trade_id: deal.id.raw(),
        version: deal.version,
        stage: stage.to_owned(),
        own: Some(side(deal.stake(part), own_item)),
        other: Some(side(deal.stake(part.other()), |offered| shown(catalogue, offered))),
        valid_ms: left_ms(deal.until_ms, now_ms),
        event: 0,
    }
}

fn side<G>(stake: &Stake<G>, item: impl Fn(&Offered<G>) -> proto::TradeItem) -> proto::TradeSide {
    proto::TradeSide {
        account: stake.person.account_name.to_string(),
        character: stake.person.character_name.to_string(),
        items: stake.items.iter().map(item).collect(),
        gold: u64::try_from(stake.gold).unwrap_or(0),
        locked: stake.locked,
        confirmed: stake.confirmed,
    }
}

fn shown<G>(catalogue: &Catalogue, offered: &Offered<G>) -> proto::TradeItem {
    let Item { base, quality, level, sockets, gems, identified, count, durability, .. } = offered.item.clone();
    let quality = quality.name().to_owned();
    let mut told = proto::TradeItem {
        item_id: offered.key.raw(),
        base,
        quality,
        level,
        sockets,
        gems,
        identified,
        count,
        durability,
        ..Default::default()
    };
    // What nobody has identified, nobody knows: neither who sells it nor who buys it.
    if identified {
        told.origin.clone_from(&offered.item.origin);
        told.name.clone_from(&offered.item.name);
        told.rolls = offered.item.rolls.iter().map(|one| roll(catalogue, one)).collect();
    }
    told
}

fn roll(catalogue: &Catalogue, roll: &Roll) -> proto::TradeItemRoll {
    let (property, affix) = match roll {
        // What the pack does not know any more gives nothing.
        Roll::Affix { key, .. } => {
            let property = catalogue.affix(key).map_or("", |affix| affix.line.property.name());
            (property, key.clone())
        }
        Roll::Own { property, .. } => (property.name(), String::new()),
    };
    proto::TradeItemRoll { property: property.to_owned(), affix, value: roll.value() }
}

/// The end of a trade, to one of the two.
pub(super) fn ended(trade: TradeId, to: AccountId, ending: &Ending) -> proto::TradeEnded {
    let received = match ending {
        Ending::Done(done) => done.received_by(to),
        _ => None,
    };
    proto::TradeEnded {
        trade_id: trade.raw(),
        done: matches!(ending, Ending::Done(_)),
        code: ending.code().map_or("", |code| code.as_str()).to_owned(),
        message: ending.sentence(),
        item_ids: received.map(|given| given.items.iter().map(|item| item.raw()).collect()).unwrap_or_default(),
        gold: received.map_or(0, |given| u64::try_from(given.gold).unwrap_or(0)),
        event: 0,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use realm_world::items::{Property, Quality};

    use super::*;
    use crate::types::ItemId;

    #[test]
    fn of_what_is_not_identified_nothing_is_told_that_nobody_knows() {
        let content = realm_world::Content::builtin();
        let mut item = content.items().plain("ring", 30).unwrap();
        (item.quality, item.origin, item.name) = (Quality::Rare, "origin".to_owned(), "Ash Vow".to_owned());
        item.rolls = vec![Roll::Own { property: Property::Life, value: 7 }];
        let told = |identified| {
            let item = Item { identified, ..item.clone() };
            shown(content.items(), &Offered { key: ItemId::from_raw(5), version: 1, item, guard: Arc::new(()) })
        };
        let (known, hidden) = (told(true), told(false));
        assert_eq!((known.name.as_str(), known.rolls[0].property.as_str()), ("Ash Vow", "life"));
        assert_eq!((hidden.base.as_str(), hidden.quality.as_str(), hidden.level), ("ring", "rare", 30));
        assert!(hidden.rolls.is_empty() && hidden.name.is_empty() && hidden.origin.is_empty());
    }
}
