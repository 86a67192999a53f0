//! What a deal was, by the lines of its act: who gave which item to whom, and who paid what for it. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    items::{LedgerLine, Purse, Side, operation::GOLD, place::is_of_character},
    types::{CharacterId, ItemId, LetterId},
};

/// Something that went over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Thing {
    pub(super) item: ItemId,
    /// How many pieces.
    pub(super) pieces: i64,
    /// Its first line in the act.
    pub(super) line: i64,
    /// Who gave it; `None` when it came out of an offer: whoever laid it there.
    pub(super) giver: Option<CharacterId>,
    pub(super) taker: CharacterId,
    /// The letter that it came in.
    pub(super) letter: Option<i64>,
}

/// Gold that went over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Payment {
    pub(super) payer: CharacterId,
    /// A character's, a letter's, or the mint.
    pub(super) to: Purse,
    pub(super) amount: i64,
}

/// All of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Deal {
    pub(super) things: Vec<Thing>,
    pub(super) payments: Vec<Payment>,
}

/// Was something given for something: did things leave more than one who can give something for something?
pub(super) fn is_deal(lines: &[LedgerLine]) -> bool {
    let leaves = |line: &&LedgerLine| {
        let can_deal =
            is_of_character(&line.from.place) || ["offer", "purse:character"].contains(&line.from.place.as_str());
        can_deal && (line.to.place == Side::STACK || line.to.is_real() && line.from.holder != line.to.holder)
    };
    let givers: BTreeSet<i64> = lines.iter().filter(leaves).map(|line| line.from.holder).collect();
    givers.len() > 1
}

impl Deal {
    /// What these lines of one act say; or why it is none that can be undone.
    pub(super) fn of(lines: &[LedgerLine]) -> Result<Self, String> {
        let payments = payments(lines)?;
        let payers: BTreeSet<CharacterId> = payments.iter().map(|payment| payment.payer).collect();
        let mut ways: BTreeMap<i64, Vec<&LedgerLine>> = BTreeMap::new();
        for line in lines.iter().filter(|line| line.item != 0) {
            ways.entry(line.item).or_default().push(line);
        }
        let mut things = Vec::new();
        for (item, way) in &ways {
            things.extend(thing(ItemId::from_sql(*item), way, &payers)?);
        }
        Ok(Self { things, payments })
    }

    /// Who gave, got or paid something, as far as the act says it.
    pub(super) fn people(&self) -> BTreeSet<CharacterId> {
        let of_things = self.things.iter().flat_map(|thing| thing.giver.into_iter().chain([thing.taker]));
        let paid = |to| if let Purse::Character(character) = to { Some(character) } else { None };
        let of_payments = self.payments.iter().flat_map(|payment| [payment.payer].into_iter().chain(paid(payment.to)));
        of_things.chain(of_payments).collect()
    }
}

fn payments(lines: &[LedgerLine]) -> Result<Vec<Payment>, String> {
    let gold = lines.iter().filter(|line| line.item == 0 && line.goods == GOLD);
    let payment = |line: &LedgerLine| {
        let to = match line.to.place.as_str() {
            "purse:character" => Purse::Character(CharacterId::from_sql(line.to.holder)),
            "purse:letter" => Purse::Letter(LetterId::from_sql(line.to.holder)),
            "purse:mint" => Purse::Mint,
            _ => return Err(format!("gold went by another way, to {}", line.to)),
        };
        if line.from.place != "purse:character" {
            return Err(format!("gold went by another way, from {}", line.from));
        }
        Ok(Payment { payer: CharacterId::from_sql(line.from.holder), to, amount: line.amount })
    };
    gold.map(payment).collect()
}

/// The way of one item through an act: only its two ends count. `None` for what stayed with its own.
fn thing(item: ItemId, way: &[&LedgerLine], payers: &BTreeSet<CharacterId>) -> Result<Option<Thing>, String> {
    if let Some(line) = way.iter().find(|line| [&line.from, &line.to].iter().any(|side| side.place == Side::STACK)) {
        let other = if line.to.place == Side::STACK { line.to.holder } else { line.from.holder };
        return Err(format!("pieces of item {item} and of item {other} lie on one stack now"));
    }
    let (Some(first), Some(last)) = (way.first(), way.last()) else { return Ok(None) };
    let giver = match first.from.place.as_str() {
        place if is_of_character(place) => Some(CharacterId::from_sql(first.from.holder)),
        "offer" => None,
        _ => return Err(format!("item {item} came by another way, from {}", first.from)),
    };
    let mut letter = None;
    let taker = match last.to.place.as_str() {
        place if is_of_character(place) => CharacterId::from_sql(last.to.holder),
        // Whoever has paid for it is sent it, when there is no room.
        "letter" => {
            letter = Some(last.to.holder);
            let mut payers = payers.iter();
            let (Some(payer), None) = (payers.next(), payers.next()) else {
                return Err(format!("nobody knows to whom item {item} was sent"));
            };
            *payer
        }
        _ => return Err(format!("item {item} went by another way, to {}", last.to)),
    };
    let thing = Thing { item, pieces: last.amount, line: first.number, giver, taker, letter };
    Ok((giver != Some(taker)).then_some(thing))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(item: i64, amount: i64, from: (&str, i64), to: (&str, i64)) -> LedgerLine {
        let side = |(place, holder): (&str, i64)| Side { place: place.to_owned(), holder, cell: String::new() };
        let goods = if item == 0 { GOLD } else { "ring" };
        LedgerLine {
            number: 7,
            at_ms: 0,
            realm: "main".to_owned(),
            operation: 9,
            act: "trade".to_owned(),
            actor: "realm".to_owned(),
            goods: goods.to_owned(),
            item,
            amount,
            from: side(from),
            to: side(to),
            note: String::new(),
            birth: None,
            hash: String::new(),
        }
    }

    #[test]
    fn a_deal_has_two_who_give() {
        let (ring, gold) = (
            line(5, 1, ("inventory", 1), ("inventory", 2)),
            line(0, 9, ("purse:character", 2), ("purse:character", 1)),
        );
        assert!(is_deal(&[ring.clone(), gold.clone()]));
        let deal = Deal::of(&[ring.clone(), gold]).unwrap();
        let [one, two] = [1, 2].map(CharacterId::from_sql);
        assert_eq!((deal.things[0].giver, deal.things[0].taker), (Some(one), two));
        assert_eq!(deal.payments, [Payment { payer: two, to: Purse::Character(one), amount: 9 }]);
        assert_eq!(deal.people(), [one, two].into());
        // A gift of a ring and of gold is none; nor is what somebody takes out of a letter.
        assert!(!is_deal(&[ring, line(0, 9, ("purse:character", 1), ("purse:character", 2))]));
        assert!(!is_deal(&[
            line(5, 1, ("letter", 8), ("inventory", 2)),
            line(0, 9, ("purse:letter", 8), ("purse:character", 2))
        ]));
    }

    #[test]
    fn of_the_way_of_an_item_its_ends_count() {
        let aside = line(5, 1, ("inventory", 1), ("returned", 1));
        let over = line(5, 1, ("returned", 1), ("inventory", 2));
        let back = line(6, 1, ("inventory", 2), ("inventory", 1));
        let deal = Deal::of(&[aside, back, over]).unwrap();
        let givers: Vec<Option<i64>> = deal.things.iter().map(|thing| thing.giver.map(CharacterId::to_sql)).collect();
        assert_eq!(givers, [Some(1), Some(2)]);
    }

    #[test]
    fn a_purchase_names_its_letters() {
        let lines = [
            line(0, 2, ("purse:character", 2), ("purse:mint", 0)),
            line(0, 7, ("purse:character", 2), ("purse:letter", 80)),
            line(5, 1, ("offer", 50), ("letter", 81)),
        ];
        assert!(is_deal(&lines));
        let deal = Deal::of(&lines).unwrap();
        let buyer = CharacterId::from_sql(2);
        assert_eq!((deal.things[0].giver, deal.things[0].taker, deal.things[0].letter), (None, buyer, Some(81)));
        assert_eq!(deal.payments.iter().map(|payment| payment.amount).sum::<i64>(), 9);
        let poured = [
            lines[1].clone(),
            line(5, 3, ("offer", 50), (Side::STACK, 6)),
            line(6, 3, (Side::STACK, 5), ("inventory", 2)),
        ];
        assert!(
            is_deal(&poured) && Deal::of(&poured).unwrap_err().contains("one stack"),
            "which pieces were whose nobody can tell"
        );
    }
}
