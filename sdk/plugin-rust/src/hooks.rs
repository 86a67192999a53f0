//! One module per hook: its records, its trait, and the bridge from the generated functions to the trait.

/// Makes the module of one hook: records re-exported, and `Bound`, which answers the generated functions for a plugin.
/// A method with a body is what the plugin answers when it says nothing.
macro_rules! hook {
    (
        $(#[$doc:meta])*
        $module:ident, $trait:ident $(with $own:path)? {
            $(
                $(#[$method_doc:meta])*
                $method:ident($($argument:ident: $type:ty),*) $(-> $answer:ty)? $(= $default:block)?;
            )+
        }
    ) => {
        $(#[$doc])*
        pub mod $module {
            use std::marker::PhantomData;

            use crate::{
                Plugin,
                bindings::$module::exports::realm::plugin::$module as generated,
                instance::{self, Instance},
            };
            pub use generated::*;
            $(pub use $own::{Action, ActionKind};)?

            $(#[$doc])*
            pub trait $trait: Plugin {
                $(hook!(@method $(#[$method_doc])* $method($($argument: $type),*) $(-> $answer)? $(= $default)?);)+
            }

            /// Answers the generated functions for the plugin `T`.
            #[doc(hidden)]
            pub struct Bound<T>(PhantomData<T>);

            impl<T: $trait + Instance> generated::Guest for Bound<T> {
                $(fn $method($($argument: $type),*) $(-> $answer)? {
                    instance::with(|plugin: &mut T| plugin.$method($($argument),*))
                })+
            }
        }
    };
    (@method $(#[$doc:meta])* $method:ident($($argument:ident: $type:ty),*) $(-> $answer:ty)?) => {
        $(#[$doc])*
        fn $method(&mut self, $($argument: $type),*) $(-> $answer)?;
    };
    (@method $(#[$doc:meta])* $method:ident($($argument:ident: $type:ty),*) $(-> $answer:ty)? = $default:block) => {
        $(#[$doc])*
        fn $method(&mut self, $($argument: $type),*) $(-> $answer)? {
            $(let _ = $argument;)*
            $default
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
    anti_cheat, AntiCheat with crate::actions {
        /// Judges the acts of a tick (40 ms) before they are applied: those of all games that have their tick at the same
        /// moment, at most 256, the acts of one game together and in their order.
        /// Deadline 1 ms of CPU time; when the plugin fails, the acts go on as if nothing had been found.
        check_actions(actions: Actions) -> Vec<Finding> = { Vec::new() };
        /// Judges a character when it is created, loaded into a game and stored.
        /// Deadline 20 ms of CPU time; when the plugin fails, nothing is found.
        check_character(sheet: Sheet) -> Vec<Finding> = { Vec::new() };
        /// Judges an item that has just been made or is about to change hands; findings name index 0.
        /// Deadline 20 ms of CPU time; when the plugin fails, nothing is found.
        check_item(item: Item, occasion: ItemOccasion) -> Vec<Finding> = { Vec::new() };
    }
}

hook! {
    /// Decides who may join which game, and in what order a player sees the list.
    matchmaking, Matchmaking {
        /// May the player come in? Asked when a player creates or joins a game.
        /// Deadline 20 ms of CPU time; when the plugin fails, everybody is admitted.
        admit(player: Player, game: Game) -> Admission = { Admission::Admit };
        /// The keys of those games that the player shall see, best first.
        /// Deadline 20 ms of CPU time; when the plugin fails, the newest game comes first.
        order(player: Player, games: Vec<Game>) -> Vec<u32>;
        /// Forms matches from the waiting tickets, oldest first; `now_ms` is milliseconds since 1970.
        /// Deadline 20 ms of CPU time; when the plugin fails, everybody goes on waiting. Without an answer of yours: no matches.
        form(tickets: Vec<Ticket>, now_ms: u64) -> Vec<Match> = { Vec::new() };
    }
}

hook! {
    /// Ranks characters on the ladder. Deadline 20 ms of CPU time for every method; when the plugin fails, the character
    /// keeps the place it had.
    ladder, Ladder {
        /// Does the character take part? Asked first, each time a character has been stored. Everybody, if you say nothing.
        eligible(character: Character) -> Eligibility = { Eligibility::Eligible };
        /// The score of a character that takes part, higher is better, at most `i64::MAX`.
        score(character: Character) -> u64;
        /// Orders characters of the same score, higher first, at most `i64::MAX`. All alike, if you say nothing.
        tie_break(character: Character) -> u64 = { 0 };
        /// What the best of a season that has ended carry away. Nothing, if you say nothing.
        season_end(season: Season, standings: Vec<Standing>) -> Vec<Award> = { Vec::new() };
    }
}

hook! {
    /// Slash commands of the plugin's own.
    commands, Commands {
        /// The commands, at most 32. Asked once for each new instance.
        list_commands() -> Vec<Command>;
        /// Carries out the command `name`. Deadline 20 ms of CPU time; when the plugin fails, the caller is told so.
        run(caller: Caller, name: String, arguments: Vec<String>) -> Result<Vec<Effect>, CommandError>;
    }
}

hook! {
    /// Hears what has happened.
    events, Events {
        /// The kinds of events that the plugin wants to hear of. Asked once for each new instance.
        interests() -> Kinds;
        /// Hears of events, oldest first. Deadline 20 ms of CPU time; when the plugin fails, the batch is left out.
        handle(events: Vec<Event>) -> Vec<Effect>;
    }
}
