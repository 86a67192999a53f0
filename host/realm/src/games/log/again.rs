//! Another rule over a game that is over: where its verdicts differ from those that held.

use std::{path::Path, sync::Arc};

use realm_plugin_host::bindings::anti_cheat::Action;
use realm_world::{
    Content, Input, PLAYERS_MAX, World,
    log::{Entry, LogError, LogReader, Verdict},
};

use crate::hooks::TickLane;

use super::{
    super::{acts, judge},
    reading::{LogFileError, read_log},
};

/// Differences that are kept; the rest is counted.
const DIFFERENCES_MAX: usize = 20;

/// One act that the two rules see differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// When.
    pub tick: u32,
    /// Whose act.
    pub character: u64,
    /// What it was.
    pub act: String,
    /// What was found then; empty when nothing was.
    pub then: String,
    /// What is found now.
    pub now: String,
}

/// What another rule says of a game.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Again {
    /// Acts that it was asked about.
    pub asked: u64,
    /// Ticks in which it gave no answer.
    pub unanswered: u64,
    /// Acts that it sees differently.
    pub different: u64,
    /// The first of them.
    pub differences: Vec<Difference>,
}

/// Asks a rule about every act of a logged game, in the world as it was; the game itself goes on as it went.
pub(in super::super) fn ask_again(
    path: &Path,
    content: Arc<Content>,
    lane: &mut TickLane,
) -> Result<Again, LogFileError> {
    let log = read_log(path)?;
    let told = |error| LogFileError::of_log(path, error);
    let (header, mut reader) = LogReader::new(&log).map_err(told)?;
    let mut world = World::new(content, header.difficulty, header.seed);
    let (mut inputs, mut verdicts, mut characters) = (Vec::new(), Vec::new(), [0; PLAYERS_MAX]);
    let mut again = Again::default();
    loop {
        match reader.next(&mut inputs) {
            Ok(Some(Entry::Tick)) => {
                again.tick(&world, &characters, &inputs, &verdicts, lane);
                verdicts.clear();
                world.step(&inputs, &mut Vec::new());
            }
            Ok(Some(Entry::Verdict(verdict))) => verdicts.push(verdict),
            Ok(Some(Entry::Newcomer(newcomer))) => {
                if let Some(character) = characters.get_mut(usize::from(newcomer.slot.0)) {
                    *character = newcomer.character;
                }
            }
            Ok(Some(Entry::Rule(_) | Entry::Check(_) | Entry::End(_))) => {}
            Ok(None) | Err(LogError::Truncated { .. }) => return Ok(again),
            Err(error) => return Err(told(error)),
        }
    }
}

/// The wishes of a tick in their order, the refused ones among them.
fn wishes<'tick>(inputs: &'tick [Input], verdicts: &'tick [Verdict]) -> Vec<&'tick Input> {
    let mut wishes = Vec::with_capacity(inputs.len() + verdicts.len());
    for place in 0..=inputs.len() {
        let mut last = None;
        for verdict in verdicts.iter().filter(|verdict| verdict.refused && verdict.place as usize == place) {
            // Several rules may have found something in one wish.
            if last != Some(&verdict.input) {
                wishes.push(&verdict.input);
            }
            last = Some(&verdict.input);
        }
        wishes.extend(inputs.get(place));
    }
    wishes
}

/// What was found, in words.
fn in_words(found: impl Iterator<Item = (bool, String)>) -> String {
    let one = |(refused, word): (bool, String)| if refused { format!("{word}, refused") } else { word };
    found.map(one).collect::<Vec<_>>().join("; ")
}

impl Again {
    fn tick(
        &mut self,
        world: &World,
        characters: &[u64; PLAYERS_MAX],
        inputs: &[Input],
        verdicts: &[Verdict],
        lane: &mut TickLane,
    ) {
        let character = |input: &Input| characters.get(usize::from(input.slot().0)).copied().unwrap_or_default();
        let tick = world.tick().wrapping_add(1);
        let ask = |input| acts::asked(world, character(input), input).map(|action| (input, action));
        let (asked, actions): (Vec<&Input>, Vec<Action>) = wishes(inputs, verdicts).into_iter().filter_map(ask).unzip();
        if actions.is_empty() {
            return;
        }
        lane.begin_tick();
        let verdicts_now = lane.check_actions(&actions.iter().collect());
        self.asked += actions.len() as u64;
        self.unanswered += u64::from(verdicts_now.rule.is_none());
        for (index, input) in (0_u32..).zip(asked) {
            let of_this = |verdict: &&Verdict| verdict.input == *input;
            let then = verdicts.iter().filter(of_this).map(|verdict| (verdict.refused, verdict.violation.clone()));
            let now = verdicts_now.of(index..index + 1).iter();
            let now = now.map(|finding| (finding.refuse, judge::word(finding).to_owned()));
            let (then, now) = (in_words(then), in_words(now));
            if then != now {
                self.different += 1;
                if self.differences.len() < DIFFERENCES_MAX {
                    let (character, act) = (character(input), format!("{input:?}"));
                    self.differences.push(Difference { tick, character, act, then, now });
                }
            }
        }
    }
}
