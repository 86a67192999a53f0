//! What players had laid down in a game that is over goes back to them.

use std::{sync::Weak, time::Duration};

use crate::{items::Items, types::GameId};

use super::shared::Shared;

/// Between two tries; the pause grows up to the longest.
const PAUSE_FIRST: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// Gives back what lies on the ground of a game that is over, whatever became of its keeper.
pub(super) struct Ending {
    game: GameId,
    items: Items,
    shared: Weak<Shared>,
}

impl Ending {
    pub(super) fn new(game: GameId, items: Items, shared: Weak<Shared>) -> Self {
        Self { game, items, shared }
    }

    /// Tries until it is done, or there are no games any more; then the next start does the rest.
    pub(super) async fn run(self) {
        let mut pause = PAUSE_FIRST;
        while self.shared.strong_count() > 0 {
            match self.items.end_of_game(self.game).await {
                Ok(0) => return,
                Ok(returned) => {
                    tracing::debug!(game = %self.game, returned, "items on the ground went back to who had them last");
                    return;
                }
                Err(error) => {
                    tracing::warn!(game = %self.game, %error, "items on the ground cannot go back yet; it is tried again");
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }
}
