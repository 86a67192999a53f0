//! Who may join a game, and which games come first.

use std::cmp::Reverse;

use realm_plugin::matchmaking::{Difficulty, Game, Player};
use serde::Deserialize;

/// `[plugins.configuration.matchmaking]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How many levels a player may be away from the character that created the game.
    pub level_band: u32,
    /// Games whose creators are up to so many levels apart count as equally near; among them the fuller comes first.
    pub level_step: u32,
    /// The lowest level that nightmare games take.
    pub nightmare_level_min: u32,
    /// The lowest level that hell games take.
    pub hell_level_min: u32,
    /// How long a player who asked for a quick match waits for a full game, in milliseconds; then those who are there play.
    pub quick_wait_ms: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { level_band: 10, level_step: 3, nightmare_level_min: 20, hell_level_min: 40, quick_wait_ms: 5_000 }
    }
}

impl Settings {
    /// What is wrong with the settings, for the operator.
    pub fn check(&self) -> Result<(), String> {
        if self.level_step == 0 {
            return Err("`level_step` is 0: write 1 or more".into());
        }
        Ok(())
    }
}

/// Why the player may not come in, as a sentence for the player; `None` when the player may.
#[must_use]
pub fn refusal(settings: &Settings, player: &Player, game: &Game) -> Option<String> {
    if player.hardcore != game.hardcore {
        let kind = if game.hardcore { "hardcore" } else { "softcore" };
        return Some(format!("This game is for {kind} characters only."));
    }
    let (difficulty, level_min) = match game.difficulty {
        Difficulty::Normal => ("normal", 0),
        Difficulty::Nightmare => ("nightmare", settings.nightmare_level_min),
        Difficulty::Hell => ("hell", settings.hell_level_min),
    };
    if player.level < level_min {
        return Some(format!(
            "Games of difficulty {difficulty} take characters from level {level_min}; yours has level {}.",
            player.level
        ));
    }
    if player.level.abs_diff(game.creator_level) > settings.level_band {
        let lowest = game.creator_level.saturating_sub(settings.level_band).max(1);
        let highest = game.creator_level.saturating_add(settings.level_band);
        return Some(format!(
            "This game takes characters of level {lowest} to {highest}; yours has level {}.",
            player.level
        ));
    }
    None
}

/// Places of the games that the player may join: of nearer level first, of those the fuller, of those the newer.
#[must_use]
pub fn order(settings: &Settings, player: &Player, games: &[Game]) -> Vec<u32> {
    let mut fitting: Vec<(u32, &Game)> = (0..).zip(games).collect();
    fitting.retain(|(_, game)| refusal(settings, player, game).is_none());
    let step = settings.level_step.max(1);
    fitting.sort_unstable_by_key(|(_, game)| {
        let away = player.level.abs_diff(game.creator_level) / step;
        (away, Reverse(game.players), Reverse(game.created_ms), game.id)
    });
    fitting.into_iter().map(|(place, _)| place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn player(level: u32) -> Player {
        Player { account: 1, character: 2, class: "Paladin".into(), level, hardcore: false }
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
            created_ms: 1_000,
        }
    }

    fn sentence(player: &Player, game: &Game) -> Option<String> {
        let sentence = refusal(&Settings::default(), player, game);
        assert!(sentence.as_ref().is_none_or(|sentence| sentence.chars().count() <= 200));
        sentence
    }

    #[test]
    fn the_band_is_inclusive_in_both_directions() {
        assert_eq!(sentence(&player(30), &game(1, 20)), None);
        assert_eq!(sentence(&player(10), &game(1, 20)), None);
        assert!(sentence(&player(31), &game(1, 20)).unwrap().contains("level 10 to 30"));
        assert!(sentence(&player(1), &game(1, 12)).unwrap().contains("level 2 to 22"));
    }

    #[test]
    fn difficulties_have_lowest_levels() {
        let nightmare = Game { difficulty: Difficulty::Nightmare, ..game(1, 20) };
        let hell = Game { difficulty: Difficulty::Hell, ..game(2, 40) };
        assert!(sentence(&player(19), &nightmare).unwrap().contains("nightmare"));
        assert_eq!(sentence(&player(20), &nightmare), None);
        assert!(sentence(&player(39), &hell).unwrap().contains("hell"));
        assert_eq!(sentence(&player(40), &hell), None);
    }

    #[test]
    fn hardcore_plays_with_hardcore() {
        let hardcore_player = Player { hardcore: true, ..player(5) };
        let hardcore_game = Game { hardcore: true, ..game(1, 5) };
        assert!(sentence(&hardcore_player, &game(1, 5)).unwrap().contains("softcore"));
        assert!(sentence(&player(5), &hardcore_game).unwrap().contains("hardcore"));
        assert_eq!(sentence(&hardcore_player, &hardcore_game), None);
    }

    #[test]
    fn the_fuller_game_of_nearer_level_comes_first() {
        let games = vec![
            game(1, 20),
            Game { players: 7, ..game(2, 26) },
            Game { players: 3, ..game(3, 22) },
            Game { created_ms: 2_000, ..game(4, 20) },
            game(5, 99),
        ];
        assert_eq!(order(&Settings::default(), &player(20), &games), [2, 3, 0, 1]);
    }

    #[test]
    fn extreme_levels_are_no_trouble() {
        assert!(sentence(&player(u32::MAX), &game(1, 0)).is_some());
        assert!(sentence(&player(0), &game(1, u32::MAX)).is_some());
        assert!(Settings { level_step: 0, ..Settings::default() }.check().is_err());
    }
}
