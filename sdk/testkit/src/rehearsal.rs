//! What every plugin has to bear before players meet it: each of its hooks is asked what realms ask, and what only a hostile
//! client would make them ask.

use realm_plugin_host::{
    CallError, Hook,
    bindings::{
        anti_cheat::ACTIONS_MAX,
        commands::ArgumentKind,
        events::{Fight, Find, Occurrence, Place},
    },
};

use crate::{Answer, Call, Failure, Subject, samples};

/// How often a call is made anew when the clock on the wall, not the processor's, ended it.
const ASKED_MAX: u32 = 5;

/// What came of a rehearsal.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// How many calls were made.
    pub calls: usize,
    /// Where the plugin failed, a sentence each.
    pub failures: Vec<String>,
}

/// Asks every hook of the plugin, hands its state over and lets it end.
///
/// A failed instance is replaced, as a realm does it.
pub fn run(subject: &mut Subject) -> Outcome {
    let mut outcome = Outcome::default();
    let hooks: Vec<Hook> = subject.plugin().hooks().to_vec();
    for hook in hooks {
        for (what, call) in calls(hook) {
            rehearse(subject, hook, &what, &call, &mut outcome);
        }
        if hook == Hook::Commands
            && let Ok(Answer::Commands(list)) = subject.call_quietly(&Call::ListCommands)
        {
            for command in list {
                let arguments: Vec<String> =
                    command.arguments.iter().filter(|it| it.required).map(|it| argument(it.kind)).collect();
                let call = Call::RunCommand(samples::caller("Anna"), command.name.clone(), arguments);
                rehearse(subject, hook, &format!("the command `{}`", command.name), &call, &mut outcome);
            }
        }
    }
    let heir = subject.another().and_then(|mut heir| subject.hand_over_to(&mut heir));
    outcome.calls += 2;
    if let Err(failure) = heir {
        outcome.failures.push(format!("its state, handed over to another instance: {failure}"));
    }
    outcome
}

fn rehearse(subject: &mut Subject, hook: Hook, what: &str, call: &Call, outcome: &mut Outcome) {
    outcome.calls += 1;
    for asked_before in 0..ASKED_MAX {
        let Err(failure) = subject.call_quietly(call) else { return };
        // A machine that stood still for a moment is no fault of the plugin; one that always does is worth a word.
        let machine = matches!(failure, Failure::Call(CallError::WallClock(_)));
        if !machine || asked_before + 1 == ASKED_MAX {
            outcome.failures.push(format!("{hook}, asked about {what}: {failure}"));
        }
        if let Ok(fresh) = subject.another() {
            *subject = fresh;
        }
        if !machine {
            return;
        }
    }
}

/// What an argument of this kind may look like.
fn argument(kind: ArgumentKind) -> String {
    match kind {
        ArgumentKind::Number => "20".to_owned(),
        ArgumentKind::Player => "Bob".to_owned(),
        ArgumentKind::Text => "word".to_owned(),
        ArgumentKind::Rest => "some words".to_owned(),
    }
}

/// An ordinary call of a hook, for measurements: what most of its calls look like.
#[must_use]
pub fn ordinary(hook: Hook) -> Vec<(&'static str, Call)> {
    let character = || samples::ranked(30, 1_000_000);
    match hook {
        Hook::ChatFilter => {
            let text = "anyone for the old tower? we are three, from level twelve, and have a spare shield";
            vec![("filter, 82 characters", Call::Filter(samples::line("Anna", text)))]
        }
        Hook::AntiCheat => vec![
            ("check-actions, 8 acts", Call::CheckActions([samples::step(4, 3); 8].into())),
            ("check-actions, 64 acts", Call::CheckActions([samples::step(4, 3); 64].into())),
            ("check-character", Call::CheckCharacter(samples::sheet(30))),
        ],
        Hook::Matchmaking => vec![
            ("admit", Call::Admit(samples::player(30), samples::game(1, 28))),
            (
                "order, 200 games",
                Call::Order(
                    samples::player(30),
                    (1..=200_u32).map(|id| samples::game(id.into(), id % 99 + 1)).collect(),
                ),
            ),
        ],
        Hook::Ladder => vec![("eligible", Call::Eligible(character())), ("score", Call::Score(character()))],
        Hook::Commands => vec![("list-commands", Call::ListCommands)],
        Hook::Events => {
            vec![("handle, 8 events", Call::Handle(vec![samples::event(Occurrence::LevelUp(11)); 8]))]
        }
    }
}

/// Ordinary calls, and the extremes that the contract allows.
fn calls(hook: Hook) -> Vec<(String, Call)> {
    let mut calls: Vec<(String, Call)> =
        ordinary(hook).into_iter().map(|(what, call)| (what.to_owned(), call)).collect();
    let mut add = |what: &str, call: Call| calls.push((what.to_owned(), call));
    match hook {
        Hook::ChatFilter => {
            for (what, text) in [
                ("one letter", "a".to_owned()),
                ("256 letters", "x".repeat(256)),
                ("256 capitals", "Ä".repeat(256)),
                ("256 symbols of four bytes", "🗡".repeat(256)),
                ("letters with many accents", "e\u{301}\u{302}\u{303}".repeat(64)),
                ("words of two scripts", "привет hello ".repeat(19)),
                ("signs of formats", "%s %n {} \\ \" ' ; -- <b>".to_owned()),
            ] {
                add(&format!("a line of {what}"), Call::Filter(samples::line("Anna", &text)));
            }
        }
        Hook::AntiCheat => {
            let extreme = |number: i32| {
                let mut step = samples::step(number, number);
                (step.x, step.y, step.step_max, step.vision) = (number, number, number, number);
                (step.tick, step.life, step.mana_left, step.cooldown) = (u32::MAX, number, number, u32::MAX);
                step
            };
            add("a batch without acts", Call::CheckActions([].into()));
            add("the largest numbers", Call::CheckActions([extreme(i32::MAX); 8].into()));
            add("the largest batch", Call::CheckActions([samples::step(4, 3); ACTIONS_MAX].into()));
            add("the smallest numbers", Call::CheckActions([extreme(i32::MIN); 8].into()));
            let mut sheet = samples::sheet(99);
            (sheet.strength, sheet.dexterity, sheet.vitality, sheet.energy) = (u32::MAX, u32::MAX, u32::MAX, u32::MAX);
            (sheet.experience, sheet.skill_levels, sheet.items) = (u64::MAX, u32::MAX, vec![samples::ring(40); 40]);
            add("a sheet of the largest numbers", Call::CheckCharacter(sheet));
            let occasion = realm_plugin_host::bindings::anti_cheat::ItemOccasion::Creation;
            add("an item of forty affixes", Call::CheckItem(samples::ring(40), occasion));
        }
        Hook::Matchmaking => {
            let mut last = samples::game(u64::MAX - samples::NOW_MS, u32::MAX);
            last.created_ms = u64::MAX;
            add("the largest numbers", Call::Admit(samples::player(u32::MAX), last));
            add("no games", Call::Order(samples::player(1), Vec::new()));
            add("nobody who waits", Call::Form(Vec::new(), samples::NOW_MS));
            let waiting = (1..=200_u32).map(|id| samples::ticket(id.into(), id % 99 + 1)).collect();
            add("200 who wait", Call::Form(waiting, samples::NOW_MS));
        }
        Hook::Ladder => {
            let mut most = samples::ranked(99, u64::MAX);
            most.play_time_ms = u64::MAX;
            add("the ties of a character", Call::TieBreak(samples::ranked(30, 1)));
            add("the play time of ages", Call::TieBreak(most));
            add("the end of an empty season", Call::SeasonEnd(samples::season(), Vec::new()));
        }
        Hook::Commands => {}
        Hook::Events => {
            add("its interests", Call::Interests);
            let (game, name) = (1, "Cellar".to_owned());
            let place = Place { game, game_name: name };
            let fight = Fight { game, opponent: "goblin".to_owned() };
            let find = Find { game, base_type: "ring".to_owned(), quality: "unique".to_owned() };
            let all = [
                Occurrence::LogIn,
                Occurrence::LogOut,
                Occurrence::Join(place.clone()),
                Occurrence::Leave(place),
                Occurrence::Kill(fight.clone()),
                Occurrence::Death(fight),
                Occurrence::Drop(find),
                Occurrence::LevelUp(99),
            ];
            add("every kind of event", Call::Handle(all.into_iter().map(samples::event).collect()));
            add("64 great levels", Call::Handle(vec![samples::event(Occurrence::LevelUp(50)); 64]));
            add("no events", Call::Handle(Vec::new()));
        }
    }
    calls
}
