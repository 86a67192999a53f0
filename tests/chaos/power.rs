//! One life that ends with a cut of the power: what was not synced is lost, or not, page by page and in any order.

use std::time::Duration;

use crate::{
    bot::Bot,
    come_home,
    dice::Dice,
    report::Report,
    server::{Program, Up},
    set_out,
    traders::Traders,
};

/// One life in so many ends before the realm is up: the last cut may be what it is busy with.
const DIES_EARLY_ONE_OF: u64 = 4;
/// A start that takes longer is let come to its end.
const START_MS: u64 = 600;

/// From a start to a cut, and to the moment at which there is power again.
pub(crate) async fn life(
    program: &mut Program,
    (bots, traders): (&mut [Bot], &mut Traders),
    longest: Duration,
    dice: &mut Dice,
    report: &mut Report,
) {
    let early = Duration::from_millis(dice.below(START_MS));
    let up = if dice.below(DIES_EARLY_ONE_OF) == 0 {
        // What is not up in time is killed.
        tokio::time::timeout(early, Up::start(program, None)).await.unwrap_or(Ok(None))
    } else {
        Up::start(program, None).await
    };
    let longest = longest * u32::try_from(dice.below(1_000)).expect("a small number") / 1_000;
    let found = match up {
        Ok(Some(mut up)) => {
            let (playing, trading) = (set_out(bots, program), traders.set_out(program));
            if up.end_within(longest).await.is_some() {
                report.violations.push("the realm ended by itself".to_owned());
            }
            // While it runs: what it is told yes to from here on is nobody's word.
            let found = program.cut(dice);
            if let Err(broken) = up.kill().await {
                report.violations.push(broken);
            }
            come_home(playing, bots, report).await;
            traders.come_home(trading, report).await;
            found
        }
        Ok(None) => program.cut(dice),
        Err(broken) => {
            report.violations.push(format!("after a cut of the power: {broken}"));
            return;
        }
    };
    program.power_up(found);
    report.power_cuts += 1;
}
