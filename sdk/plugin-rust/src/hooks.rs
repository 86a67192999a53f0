//! One module per hook: its records, its trait, and the bridge from the generated functions to the trait.

/// Makes the module of one hook: records re-exported, and `Bound`, which answers the generated functions for a plugin.
macro_rules! hook {
    ($(#[$doc:meta])* $module:ident, $trait:ident { $($(#[$method_doc:meta])* $method:ident($($argument:ident: $type:ty),*) -> $answer:ty;)+ }) => {
        $(#[$doc])*
        pub mod $module {
            use std::marker::PhantomData;

            use crate::{Plugin, bindings::$module::exports::realm::plugin::$module as generated, instance::{self, Instance}};
            pub use generated::*;

            $(#[$doc])*
            pub trait $trait: Plugin {
                $($(#[$method_doc])* fn $method(&mut self, $($argument: $type),*) -> $answer;)+
            }

            /// Answers the generated functions for the plugin `T`.
            #[doc(hidden)]
            pub struct Bound<T>(PhantomData<T>);

            impl<T: $trait + Instance> generated::Guest for Bound<T> {
                $(fn $method($($argument: $type),*) -> $answer {
                    instance::with(|plugin: &mut T| plugin.$method($($argument),*))
                })+
            }
        }
    };
}

hook! {
    /// Decides about every line of chat before anybody sees it.
    chat_filter, ChatFilter {
        /// Judges one line. Deadline 20 ms of CPU time; when the plugin fails, the line is refused to its sender.
        filter(line: Line) -> Verdict;
    }
}

hook! {
    /// Looks for players who do what the game does not allow.
    anti_cheat, AntiCheat {
        /// Judges all acts of one game in one tick (40 ms), in the order in which they are applied.
        /// Deadline 1 ms of CPU time; when the plugin fails, the acts go on as if nothing had been found.
        check_actions(tick: u32, actions: Vec<Action>) -> Vec<Finding>;
        /// Judges a character when it is created, loaded into a game and stored.
        /// Deadline 20 ms of CPU time; when the plugin fails, nothing is found.
        check_character(sheet: Sheet) -> Vec<Finding>;
    }
}

hook! {
    /// Decides who may join which game, and in what order a player sees the list.
    matchmaking, Matchmaking {
        /// May the player come in? Asked when a player creates or joins a game.
        /// Deadline 20 ms of CPU time; when the plugin fails, everybody is admitted.
        admit(player: Player, game: Game) -> Admission;
        /// The keys of those games that the player shall see, best first.
        /// Deadline 20 ms of CPU time; when the plugin fails, the newest game comes first.
        order(player: Player, games: Vec<Game>) -> Vec<u64>;
    }
}

hook! {
    /// Scores characters for the ladder.
    ladder, Ladder {
        /// The score, higher is better, at most `i64::MAX`; `None` when the character does not take part.
        /// Deadline 20 ms of CPU time; when the plugin fails, the character keeps the score it had.
        score(character: Character) -> Option<u64>;
    }
}
