//! Characters in games, and which of them have died there for good: known at once, before it is stored.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
};

use super::Items;
use crate::types::CharacterId;

/// So many are watched before those that are gone are looked for.
const SWEPT_FROM: usize = 64;

/// For each character in a game whether it has died for good. Its game alone writes that, without a lock.
#[derive(Debug, Default)]
pub(in crate::items) struct Lives(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    by_character: HashMap<CharacterId, Weak<AtomicBool>>,
    /// How many there were after the last sweep.
    swept: usize,
}

impl Lives {
    /// For a moment; nothing under this lock can panic half-way.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn watch(&self, character: CharacterId, is_over: &Arc<AtomicBool>) {
        let mut state = self.state();
        if state.by_character.len() >= SWEPT_FROM.max(state.swept * 2) {
            state.by_character.retain(|_, life| life.strong_count() > 0);
            state.swept = state.by_character.len();
        }
        state.by_character.insert(character, Arc::downgrade(is_over));
    }

    /// Has its game seen it die for good?
    pub(in crate::items) fn is_over(&self, character: CharacterId) -> bool {
        let life = self.state().by_character.get(&character).and_then(Weak::upgrade);
        life.is_some_and(|is_over| is_over.load(Ordering::Acquire))
    }
}

impl Items {
    /// A character plays: as soon as its game sets this, a hardcore one is dead, whatever is stored by then. Watched as long as somebody else has it.
    pub fn watch(&self, character: CharacterId, is_over: &Arc<AtomicBool>) {
        self.lives.watch(character, is_over);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_life_is_watched_as_long_as_its_game_has_it() {
        let (lives, character) = (Lives::default(), CharacterId::from_raw(5));
        let life = Arc::new(AtomicBool::new(false));
        assert!(!lives.is_over(character));
        lives.watch(character, &life);
        assert!(!lives.is_over(character));
        life.store(true, Ordering::Release);
        assert!(lives.is_over(character));
        // Another game, another life.
        let another = Arc::new(AtomicBool::new(false));
        lives.watch(character, &another);
        assert!(!lives.is_over(character));
        another.store(true, Ordering::Release);
        drop(another);
        assert!(!lives.is_over(character), "what is stored counts again");
        for number in 0..10_000 {
            lives.watch(CharacterId::from_raw(number), &Arc::new(AtomicBool::new(true)));
        }
        assert!(lives.state().by_character.len() <= SWEPT_FROM);
    }
}
