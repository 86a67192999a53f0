//! {{what}}

use realm_plugin::{
    InitError, Plugin,
    commands::{Argument, ArgumentKind, Caller, Command, CommandError, Commands},
    effects::{Effect, Whisper},
    random,
};

/// The plugin and what it remembers while it lives.
pub struct {{Type}};

impl Plugin for {{Type}} {
    fn init(_configuration: &str) -> Result<Self, InitError> {
        Ok(Self)
    }
}

impl Commands for {{Type}} {
    fn list_commands(&mut self) -> Vec<Command> {
        vec![Command {
            name: "roll".into(),
            help: "Throws a die.".into(),
            arguments: vec![Argument {
                name: "sides".into(),
                kind: ArgumentKind::Number,
                required: false,
                help: "How many sides the die has, 2 to 1000; 6 when nothing is said.".into(),
            }],
        }]
    }

    fn run(&mut self, caller: Caller, _name: String, arguments: Vec<String>) -> Result<Vec<Effect>, CommandError> {
        let sides = arguments.first().map_or(Ok(6), |text| text.parse::<u64>());
        match sides {
            Ok(sides) if (2..=1_000).contains(&sides) => {
                let thrown = random::get_u64() % sides + 1;
                let text = format!("You throw a {thrown}, of {sides}.");
                Ok(vec![Effect::Whisper(Whisper { account: caller.account_name, text })])
            }
            _ => Err(CommandError::Usage("Write /roll, or /roll 20 for a die of 20 sides.".into())),
        }
    }
}

realm_plugin::plugin! {
    rule: {{Type}},
    name: "{{name}}",
    description: "{{what}}",
    permissions: ["log", "random"],
}
realm_plugin::export_commands!({{Type}});

#[cfg(test)]
mod tests {
    use realm_plugin::commands::Role;

    use super::*;

    #[test]
    fn a_die_without_sides_is_refused() {
        let caller =
            Caller { account: 1, account_name: "Anna".into(), role: Role::Player, character: None, now_ms: 0 };
        let mut rule = {{Type}}::init("{}").unwrap();
        assert_eq!(rule.list_commands()[0].name, "roll");
        assert!(matches!(rule.run(caller, "roll".into(), vec!["1".into()]), Err(CommandError::Usage(_))));
    }
}
