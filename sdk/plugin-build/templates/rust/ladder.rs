//! {{what}}

use realm_plugin::{
    InitError, Plugin,
    ladder::{Award, Character, Eligibility, Ladder, Season, Standing},
};
use serde::Deserialize;

/// `[plugins.configuration.{{name}}]` in `realm.toml`.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// From which level a character takes part.
    pub level_least: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { level_least: 2 }
    }
}

/// The plugin and what it remembers while it lives.
pub struct {{Type}} {
    settings: Settings,
}

impl Plugin for {{Type}} {
    fn init(configuration: &str) -> Result<Self, InitError> {
        Ok(Self { settings: realm_plugin::read_configuration(configuration)? })
    }
}

impl Ladder for {{Type}} {
    fn eligible(&mut self, character: Character) -> Eligibility {
        if character.level < self.settings.level_least {
            Eligibility::NotEligible(format!("The ladder begins at level {}.", self.settings.level_least))
        } else {
            Eligibility::Eligible
        }
    }

    fn score(&mut self, character: Character) -> u64 {
        character.experience
    }

    fn tie_break(&mut self, character: Character) -> u64 {
        // Who needed less time stands higher.
        let score_max = u64::MAX >> 1;
        score_max - character.play_time_ms.min(score_max)
    }

    fn season_end(&mut self, season: Season, standings: Vec<Standing>) -> Vec<Award> {
        let first = (0..).zip(standings).filter(|(_, standing)| standing.rank == 1);
        first.map(|(place, _)| Award { standing: place, title: format!("Best of season {}", season.number) }).collect()
    }
}

realm_plugin::plugin! {
    rule: {{Type}},
    name: "{{name}}",
    description: "{{what}}",
    permissions: ["log"],
}
realm_plugin::export_ladder!({{Type}});

#[cfg(test)]
mod tests {
    use super::*;

    fn character(level: u32, experience: u64, play_time_ms: u64) -> Character {
        Character { id: 1, class: "Paladin".into(), level, experience, hardcore: false, dead: false, play_time_ms }
    }

    #[test]
    fn experience_counts_and_then_time() {
        let mut rule = {{Type}}::init("{}").unwrap();
        assert!(matches!(rule.eligible(character(1, 0, 0)), Eligibility::NotEligible(_)));
        assert!(rule.score(character(9, 200, 0)) > rule.score(character(9, 100, 0)));
        assert!(rule.tie_break(character(9, 100, 5)) > rule.tie_break(character(9, 100, 6)));
    }
}
