//! Recipes: what lies in the cube is combined.
//!
//! What comes of it is thrown and shown to the rules before the transaction, which takes it only if exactly the same still lies there.

use realm_world::{
    Dice,
    items::{Combined, Item},
};

use super::{Bag, Hands, Holder, Items, ItemsError, Operation, Owned, Spot, judging::Occasion, store};
use crate::{
    storage::{Connection, StorageError},
    types::{
        ItemId,
        faults::{Point, point},
    },
};

/// What will come of a combination.
#[derive(Debug)]
pub(in crate::items) struct Planned {
    /// What lay in the cube, in the order in which it was handed in, each with its version.
    inputs: Vec<(ItemId, i64)>,
    combined: Combined,
    rules: Vec<String>,
}

impl Items {
    /// Throws the dice, and asks the rules about what comes of it.
    pub(in crate::items) async fn plan_combination(&self, holder: &Holder) -> Result<Planned, ItemsError> {
        // Nobody learns by it what lies in somebody else's.
        if !store::is_of(self.storage.reader(), &self.realm, holder).await? {
            return Err(ItemsError::CharacterUnknown);
        }
        let seed = getrandom::u64().map_err(|error| StorageError::Unavailable(format!("no dice: {error}")))?;
        let inputs = in_cube(self.of(holder.character).await?.items);
        let goods: Vec<Item> = inputs.iter().map(|owned| owned.item.clone()).collect();
        let combined = self.catalogue().combine(&goods, &mut Dice::new(seed, 0))?;
        let mut rules = Vec::new();
        if let Some((place, changed)) = &combined.changed {
            rules = self.judge(Some(inputs[*place].key), changed, Occasion::Creation).await?;
        }
        if let Some(made) = &combined.made {
            rules = self.judge(None, made, Occasion::Creation).await?;
        }
        let inputs = inputs.iter().map(|owned| (owned.key, owned.version)).collect();
        Ok(Planned { inputs, combined, rules })
    }
}

/// What lies in the cube, by its cells: row after row.
fn in_cube(items: Vec<Owned>) -> Vec<Owned> {
    let cell = |owned: &Owned| match owned.at.spot() {
        Some(Spot::In(Bag::Cube, cell)) => Some((cell.y, cell.x)),
        _ => None,
    };
    let mut inputs: Vec<Owned> = items.into_iter().filter(|owned| cell(owned).is_some()).collect();
    inputs.sort_by_key(cell);
    inputs
}

/// Does what was planned: the inputs are used up, but the one that is changed, and what is made lies in the cube, or in the inventory.
pub(in crate::items) async fn carry_out(
    operation: &mut Operation,
    connection: &mut Connection,
    hands: &mut Hands,
    planned: Planned,
    items: &Items,
) -> Result<(), ItemsError> {
    let inputs = in_cube(hands.items.clone());
    if !inputs.iter().map(|owned| (owned.key, owned.version)).eq(planned.inputs.iter().copied()) {
        return Err(ItemsError::Moved);
    }
    let Combined { recipe, changed, made } = planned.combined;
    for (place, owned) in inputs.iter().enumerate() {
        match &changed {
            Some((subject, new)) if *subject == place => {
                let new = operation.change(connection, owned, new.clone(), &recipe).await?;
                hands.put(new);
            }
            _ => {
                operation.end(connection, owned, &recipe).await?;
                hands.forget(owned.key);
            }
        }
    }
    point(Point::WithinCombine);
    if let Some(made) = made {
        let size = items.catalogue().base_of(&made)?.size;
        let spot = hands.room_in(Bag::Cube, size).or_else(|| hands.room_for(size));
        let spot = spot.ok_or(realm_world::items::ItemProblem::NoRoom)?;
        let birth = operation.certificate(planned.rules);
        let owned = operation.create(connection, made, hands.at(spot), birth).await?;
        hands.put(owned);
    }
    Ok(())
}
