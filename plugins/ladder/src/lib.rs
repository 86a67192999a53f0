//! The default rule for the ladder: level, then experience.

pub mod rule;

use realm_plugin::{
    InitError, Plugin,
    ladder::{Character, Eligibility, Ladder},
};

/// Has nothing to remember.
pub struct ExperienceLadder;

impl Plugin for ExperienceLadder {
    fn init(configuration: &str) -> Result<Self, InitError> {
        realm_plugin::read_configuration::<rule::Settings>(configuration).map(|_| Self)
    }
}

impl Ladder for ExperienceLadder {
    fn eligible(&mut self, character: Character) -> Eligibility {
        rule::eligible(&character)
    }

    fn score(&mut self, character: Character) -> u64 {
        rule::score(&character)
    }
}

realm_plugin::plugin! {
    rule: ExperienceLadder,
    name: "ladder",
    description: "Ranks characters by level, then by experience.",
    permissions: ["log"],
}
realm_plugin::export_ladder!(ExperienceLadder);
