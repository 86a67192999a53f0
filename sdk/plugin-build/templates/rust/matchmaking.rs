//! {{what}}

use realm_plugin::{
    InitError, Plugin,
    matchmaking::{Admission, Difficulty, Game, Match, Matchmaking, Player, Ticket},
};
use serde::Deserialize;

/// `[plugins.configuration.{{name}}]` in `realm.toml`.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How many levels may lie between a player and the creator of a game.
    pub levels_apart_max: u32,
    /// Players of a match.
    pub match_players: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { levels_apart_max: 20, match_players: 4 }
    }
}

/// The plugin and what it remembers while it lives.
pub struct {{Type}} {
    settings: Settings,
}

impl Plugin for {{Type}} {
    fn init(configuration: &str) -> Result<Self, InitError> {
        let settings: Settings = realm_plugin::read_configuration(configuration)?;
        if !(1..=8).contains(&settings.match_players) {
            return Err(InitError::Configuration("match_players: write 1 to 8".into()));
        }
        Ok(Self { settings })
    }
}

impl Matchmaking for {{Type}} {
    fn admit(&mut self, player: Player, game: Game) -> Admission {
        if player.level.abs_diff(game.creator_level) > self.settings.levels_apart_max {
            Admission::Refuse("This game is for players of another level.".into())
        } else {
            Admission::Admit
        }
    }

    fn order(&mut self, player: Player, games: Vec<Game>) -> Vec<u32> {
        let mut order: Vec<(u32, Game)> = (0..).zip(games).collect();
        order.sort_by_key(|(_, game)| (player.level.abs_diff(game.creator_level), std::cmp::Reverse(game.created_ms)));
        order.into_iter().map(|(place, _)| place).collect()
    }

    fn form(&mut self, tickets: Vec<Ticket>, _now_ms: u64) -> Vec<Match> {
        let mut matches = Vec::new();
        for difficulty in [Difficulty::Normal, Difficulty::Nightmare, Difficulty::Hell] {
            let tickets = (0..).zip(&tickets);
            let waiting: Vec<u32> =
                tickets.filter(|(_, ticket)| ticket.difficulty == difficulty).map(|(place, _)| place).collect();
            for group in waiting.chunks_exact(self.settings.match_players) {
                matches.push(Match { tickets: group.to_vec(), difficulty });
            }
        }
        matches
    }
}

realm_plugin::plugin! {
    rule: {{Type}},
    name: "{{name}}",
    description: "{{what}}",
    permissions: ["log"],
}
realm_plugin::export_matchmaking!({{Type}});

#[cfg(test)]
mod tests {
    use super::*;

    fn player(level: u32) -> Player {
        Player { account: 1, character: 2, class: "Druid".into(), level, hardcore: false }
    }

    fn game(id: u64, creator_level: u32) -> Game {
        Game {
            id,
            difficulty: Difficulty::Normal,
            players: 1,
            players_max: 8,
            creator_level,
            hardcore: false,
            password_required: false,
            created_ms: id,
        }
    }

    #[test]
    fn players_find_games_of_their_level() {
        let mut rule = {{Type}}::init("{}").unwrap();
        assert_eq!(rule.admit(player(10), game(1, 30)), Admission::Admit);
        assert!(matches!(rule.admit(player(10), game(1, 31)), Admission::Refuse(_)));
        assert_eq!(rule.order(player(10), vec![game(1, 40), game(2, 11), game(3, 10)]), [2, 1, 0]);
    }

    #[test]
    fn four_who_wait_make_a_match() {
        let mut rule = {{Type}}::init("{}").unwrap();
        let ticket = |id| Ticket { id, player: player(5), difficulty: Difficulty::Normal, waited_ms: 0 };
        assert!(rule.form((1..=3).map(ticket).collect(), 0).is_empty());
        assert_eq!(rule.form((1..=5).map(ticket).collect(), 0)[0].tickets, [0, 1, 2, 3]);
    }
}
