//! Where the items of a trade will lie, and in which order they go there.

use std::{cmp::Reverse, collections::BTreeSet};

use realm_world::items::{Grid, Size};

use super::{
    ending::Ending,
    exchange::Failure,
    terms::{Contract, Part},
};
use crate::{
    items::{Bag, Hands, ItemsError, Operation, Owned, Place, Spot},
    storage::Connection,
};

/// Numbers of the places in which items step aside for each other within the transaction; nothing ever lies there after it.
const ASIDE_FIRST: u32 = 1_000_000;

/// An item on its way.
pub(super) struct Move {
    owned: Owned,
    /// The account that gives it, by name.
    whose: String,
    to: Place,
}

impl Move {
    async fn go(&self, operation: &mut Operation, connection: &mut Connection, to: Place) -> Result<Owned, Failure> {
        operation.relocate(connection, &self.owned, to).await.map_err(|error| match error {
            ItemsError::Moved => Failure::Ends(Ending::Changed { whose: self.whose.clone() }),
            other => other.into(),
        })
    }
}

/// Finds room for everything that these parts give, where the others have some when what they give in return is gone.
pub(super) fn plan(promised: &Contract<()>, hands: &[Hands; 2], parts: &[Part]) -> Result<Vec<Move>, Failure> {
    let mut moves = Vec::new();
    for part in parts {
        let (giver, taker) = (promised.side(*part), promised.side(part.other()));
        let (from, to) = (&hands[*part as usize], &hands[part.other() as usize]);
        let leaves =
            |owned: &Owned| parts.contains(&part.other()) && taker.items.iter().any(|item| item.key == owned.key);
        let mut grid = Grid::new(Grid::INVENTORY);
        for (owned, cell) in to.in_bag(Bag::Inventory).filter(|(owned, _)| !leaves(owned)) {
            // What lies over something else takes its cells once; that it does, others find out.
            let _ = grid.put(cell, owned.size);
        }
        let mut given = Vec::with_capacity(giver.items.len());
        for item in &giver.items {
            given.push(from.get(item.key)?);
        }
        // The largest first: for them room is found the hardest.
        given.sort_by_key(|owned| (Reverse(cells(owned.size)), owned.key));
        for owned in given {
            let no_room = |_| Failure::Ends(Ending::NoRoom { whose: taker.person.account_name.to_string() });
            let cell = grid.put_anywhere(owned.size).map_err(no_room)?;
            let (whose, to) = (giver.person.account_name.to_string(), to.at(Spot::In(Bag::Inventory, cell)));
            moves.push(Move { owned: owned.clone(), whose, to });
        }
    }
    Ok(moves)
}

fn cells(size: Size) -> u32 {
    u32::from(size.width) * u32::from(size.height)
}

/// Moves them, each when its place is free: no two rows are ever in one place. `between` is called after each step.
pub(super) async fn carry_out(
    operation: &mut Operation,
    connection: &mut Connection,
    mut moves: Vec<Move>,
    between: impl Fn(),
) -> Result<(), Failure> {
    let mut aside = ASIDE_FIRST;
    while !moves.is_empty() {
        let taken: BTreeSet<Place> = moves.iter().map(|one| one.owned.at).collect();
        match moves.iter().position(|one| !taken.contains(&one.to)) {
            Some(index) => {
                let one = moves.swap_remove(index);
                one.go(operation, connection, one.to).await?;
            }
            None => {
                // Each waits for the place of another: one steps aside.
                let one = moves.first_mut().expect("there are some left");
                let owner = one.owned.at.character().expect("what is traded lies in an inventory");
                let out_of_the_way = Place::Character(owner, Spot::Returned(aside));
                aside += 1;
                one.owned = one.go(operation, connection, out_of_the_way).await?;
            }
        }
        between();
    }
    Ok(())
}
