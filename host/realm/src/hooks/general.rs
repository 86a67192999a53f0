//! The general lane: one thread that answers every hook outside games, in the order in which it is asked.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Instant,
};

use realm_plugin_host::{
    Hook,
    bindings::{anti_cheat, chat_filter, ladder, matchmaking},
    tape::Question,
};
use tokio::sync::mpsc;

use super::{
    ApprovedText, ChatLine, ChatVerdict, HookUnavailable, Rank, Unjudged,
    commands::Book,
    events::{Happenings, Listeners},
    figures::{Function, unjudged_line},
    lane::{Lane, NoAnswer},
};

/// What the general lane is handed.
pub(super) enum Work {
    /// A question; it sends its own answer.
    Ask(Box<dyn FnOnce(&mut Lane) + Send>),
    /// The set of plugins has changed.
    Wake,
    /// The realm is stopping.
    Stop,
}

/// Answers until it is told to stop or nobody can ask any more. New versions are picked up between two questions.
pub(super) fn run(mut lane: Lane, mut work: mpsc::Receiver<Work>, happenings: Happenings) {
    let mut listeners = Listeners::new(happenings);
    while let Some(item) = work.blocking_recv() {
        lane.pick_up();
        if lane.take_news() {
            guarded(&mut lane, |lane| {
                Book::refresh(lane);
                listeners.refresh(lane);
            });
        }
        match item {
            Work::Ask(question) => {
                guarded(&mut lane, question);
            }
            Work::Wake => {}
            Work::Stop => return,
        }
        // Questions wait for one batch of events at most.
        while guarded(&mut lane, |lane| listeners.hand_over(lane)).unwrap_or(false) && work.is_empty() {}
    }
}

/// A fault of the engine in a call must not end the lane.
fn guarded<T>(lane: &mut Lane, calls: impl FnOnce(&mut Lane) -> T) -> Option<T> {
    let outcome = catch_unwind(AssertUnwindSafe(|| calls(lane)));
    if outcome.is_err() {
        tracing::error!("the engine failed during a call; every plugin outside games gets a new instance");
        lane.forget_instances();
    }
    outcome.ok()
}

/// The first plugin that blocks wins; replacements go through the plugins that follow. A line that a filter could not judge is
/// refused to its sender: else whoever finds a line that kills a filter talks past it, and with him everybody until it is
/// back. Only a filter that does not work at all is passed over, with an alarm, because then nobody could chat.
pub(super) fn filter_chat(lane: &mut Lane, line: ChatLine) -> ChatVerdict {
    let original = line.text.as_str();
    let mut asked = chat_filter::Line {
        account: line.account.raw(),
        account_name: line.account_name.as_str().to_owned(),
        destination: line.destination,
        target: line.target,
        text: original.to_owned(),
        now_ms: u64::try_from(line.now_ms).unwrap_or_default(),
    };
    let account = asked.account;
    if let Some(wait) = lane.strikes.wait(account, Instant::now()) {
        return ChatVerdict::Unjudged(Unjudged::Strikes { wait });
    }
    for place in lane.answering(Hook::ChatFilter) {
        match lane
            .try_call(place, Function::Filter, || Question::Filter(asked.clone()), |instance| instance.filter(&asked))
            .0
        {
            Ok(chat_filter::Verdict::Pass) => {}
            Ok(chat_filter::Verdict::Replace(text)) => asked.text = text,
            Ok(chat_filter::Verdict::Block(sentence)) => return ChatVerdict::Blocked(sentence),
            Err(_) if lane.is_broken(place) => {
                lane.strikes.forget();
                if lane.is_closed(Function::Filter) {
                    return ChatVerdict::Unjudged(Unjudged::Away);
                }
                unjudged_line(&lane.label(place));
            }
            Err(NoAnswer::Away) => return ChatVerdict::Unjudged(Unjudged::Away),
            Err(NoAnswer::Failed) => return ChatVerdict::Unjudged(Unjudged::Line),
            Err(NoAnswer::Died) => {
                lane.strikes.add(account, Instant::now());
                return ChatVerdict::Unjudged(Unjudged::Line);
            }
        }
    }
    let filtered = asked.text != original;
    ChatVerdict::Approved(ApprovedText { text: asked.text, filtered })
}

/// What a player is told whom nobody could admit, where the operator has closed `admit`.
pub(super) const NOBODY_ADMITS: &str = "No rule of the realm could say whether you may come in; try again in a moment.";

/// The first plugin that refuses wins.
pub(super) fn admit(lane: &mut Lane, player: &matchmaking::Player, game: &matchmaking::Game) -> Result<(), String> {
    for place in lane.answering(Hook::Matchmaking) {
        let question = || Question::Admit(player.clone(), *game);
        let answer = lane.call(place, Function::Admit, question, |instance| instance.admit(player, game)).0;
        match answer {
            Some(matchmaking::Admission::Admit) => {}
            Some(matchmaking::Admission::Refuse(sentence)) => return Err(sentence),
            None if lane.is_closed(Function::Admit) => return Err(NOBODY_ADMITS.to_owned()),
            None => {}
        }
    }
    Ok(())
}

/// The last plugin's order counts; the one before is asked only when it fails.
pub(super) fn order(lane: &mut Lane, player: &matchmaking::Player, games: &[matchmaking::Game]) -> Option<Vec<u64>> {
    let question = || Question::Order(player.clone(), games.to_vec());
    lane.answering(Hook::Matchmaking)
        .rev()
        .find_map(|place| lane.call(place, Function::Order, question, |instance| instance.order(player, games)).0)
}

/// The first plugin that scores counts; when it fails, no other may score by another rule.
pub(super) fn score(lane: &mut Lane, character: &ladder::Character) -> Result<Option<Rank>, HookUnavailable> {
    let place = lane.answering(Hook::Ladder).next().ok_or(HookUnavailable)?;
    let question = || Question::Rank(character.clone());
    lane.call(place, Function::Score, question, |instance| instance.rank(character)).0.ok_or(HookUnavailable)
}

/// What stands for the finding of a rule that gave none, where the operator has closed `check-character`.
pub(super) fn unjudged_character() -> Vec<anti_cheat::Finding> {
    let word = "no rule of the realm could judge it; try again in a moment".to_owned();
    vec![anti_cheat::Finding { index: 0, violation: anti_cheat::Violation::Other(word), refuse: true }]
}

/// What all plugins find.
pub(super) fn check_character(lane: &mut Lane, sheet: &anti_cheat::Sheet) -> Vec<anti_cheat::Finding> {
    let mut findings = Vec::new();
    for place in lane.answering(Hook::AntiCheat) {
        let question = || Question::CheckCharacter(sheet.clone());
        match lane.call(place, Function::CheckCharacter, question, |instance| instance.check_character(sheet)).0 {
            Some(found) => findings.extend(found),
            None if lane.is_closed(Function::CheckCharacter) => return unjudged_character(),
            None => {}
        }
    }
    findings
}
