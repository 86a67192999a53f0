//! `chaos`: bots create, level, save, delete and restore characters while the real realm is killed with SIGKILL, at random moments and at
//! its named fail points; after each kill it is looked whether every promise was kept. With `--power` its disk loses the power instead, and
//! with it what was not synced.
//!
//! `cargo run -p realm-tests --bin chaos -- --kills 1000 --seed 7`. Ends with 0 when nothing was broken, with 1 when something was.

#![allow(clippy::print_stdout, reason = "it speaks on its terminal")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "it stands among the tests, which fail by panicking")]

mod books;
mod bot;
mod check;
mod dice;
mod ledger;
#[allow(dead_code, unreachable_pub, reason = "the tests use the rest")]
#[path = "../harness/pilot.rs"]
mod pilot;
mod power;
mod server;
mod traders;

use std::{
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};

use clap::Parser;
use realm::types::faults::{Bug, Point};
use tokio::task::JoinSet;

use bot::Bot;
use dice::Dice;
use server::{Fault, Program, Up};
use traders::Traders;

/// How long anything may take that must happen; for the pilot, too.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);
/// So many kills there are however long they take, so that each fail point has its turn.
const KILLS_MIN: u32 = 20;
/// The promise: so long after a kill every character can be played again.
const PLAYABLE_WITHIN: Duration = Duration::from_secs(20);

/// What is done.
#[derive(Parser)]
struct Arguments {
    /// How often the realm is killed, or its power cut.
    #[arg(long, default_value_t = 100)]
    kills: u32,
    /// No further kill after so many seconds.
    #[arg(long, default_value_t = u64::MAX)]
    seconds: u64,
    /// The same seed throws the same dice.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many play at the same time.
    #[arg(long, default_value_t = 6)]
    bots: usize,
    /// A life ends after so many milliseconds at the latest, when its fail point has not come; one in sixteen may be four times as long.
    #[arg(long, default_value_t = 900)]
    life_ms: u64,
    /// The bots deal in goods, too: they send, offer, buy, wear, combine.
    #[arg(long)]
    goods: bool,
    /// A mistake that the realm makes on purpose.
    #[arg(long)]
    bug: Option<String>,
    /// Kills only at this fail point.
    #[arg(long)]
    point: Option<String>,
    /// Cuts the power of its disk, at any moment, instead of killing it.
    #[arg(long)]
    power: bool,
    /// The realm's program, built with its faults; by default the one beside this.
    #[arg(long)]
    program: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let named =
        |name: &String| *Point::ALL.iter().find(|point| point.name() == name).expect("a fail point of that name");
    let point = arguments.point.as_ref().map(named);
    let bug = arguments.bug.as_ref();
    let bug = bug.map(|name| *Bug::ALL.iter().find(|bug| bug.name() == name).expect("a bug of that name"));
    let beside = || std::env::current_exe().expect("this program has a path").with_file_name("realm-under-test");
    let mut program = Program::new(arguments.program.clone().unwrap_or_else(beside), bug, arguments.power);
    let mut dice = Dice::new(arguments.seed);
    if !arguments.power {
        check::kill_migrations(&program);
    }
    program.migrate();
    check::watch(&program.database()).await;

    let begin = Instant::now();
    let mut bots: Vec<Bot> = {
        let peers = if arguments.goods { arguments.bots } else { 0 };
        (0..arguments.bots).map(|number| Bot::new(number, dice.split(), peers)).collect()
    };
    let mut traders = Traders::new(dice.split());
    let mut report = Report { goods: arguments.goods, ..Report::default() };
    let is_time = |report: &Report| begin.elapsed().as_secs() < arguments.seconds || report.kills() < KILLS_MIN;
    while report.kills() < arguments.kills && is_time(&report) {
        if arguments.power {
            let longest = Duration::from_millis(arguments.life_ms);
            power::life(&mut program, &mut bots, longest, &mut dice, &mut report).await;
            if report.violations.is_empty() {
                // A copy: what was torn is for the realm to mend at its next start.
                let copy = program.copy_of_database();
                report.violations = check::all(&copy.path().join("realm.sqlite"), &mut bots).await;
            }
            if report.violations.is_empty() {
                continue;
            }
            break;
        }
        // Every second kill is at a point that has not been seen, as long as there is one.
        let unseen = if report.kills().is_multiple_of(2) { report.unseen(point).next() } else { None };
        let fault = choose(&mut dice, point.or(unseen), arguments.goods);
        let longest = Duration::from_millis(arguments.life_ms) * if dice.below(16) == 0 { 4 } else { 1 };
        let longest = if unseen.is_some() { DEADLINE } else { longest };
        let killed = life(&program, &mut bots, &mut traders, (fault, longest), &mut dice, &mut report).await;
        match killed {
            Some(point) => *report.at_points.entry(point.name()).or_insert(0) += 1,
            None => report.at_random += 1,
        }
        if report.violations.is_empty() {
            report.violations = check::all(&program.database(), &mut bots).await;
            report.violations.extend(traders.check(&program).await);
        }
        if !report.violations.is_empty() {
            break;
        }
    }
    if report.violations.is_empty() && report.kills() >= KILLS_MIN && !arguments.power {
        let unseen: Vec<String> = report.unseen(point).map(|point| format!("no kill came {}", point.name())).collect();
        report.violations = unseen;
    }
    report.print(&bots, arguments.seed, begin.elapsed());
    println!("chaos: acknowledged {} trades", traders.trades());
    if report.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Where the realm shall die next; `None` is at any moment.
fn choose(dice: &mut Dice, only: Option<Point>, goods: bool) -> Option<Fault> {
    let at = |point: Point, nth: u64| Some(Fault { point, nth });
    let point = match only {
        Some(point) => point,
        None if dice.below(2) == 0 => return None,
        None => Point::ALL[dice.index(Point::ALL.len())],
    };
    match point {
        // At a start, when what the last kill left is freed.
        Point::BeforeTakeOver | Point::AfterTakeOver => at(point, 1),
        // They have their own test: nothing is migrated here.
        Point::BeforeMigration | Point::BetweenMigrations | Point::AfterMigrations => None,
        // It comes a few times in each trade.
        Point::WithinTrade => at(point, 1 + dice.below(6)),
        // Without goods nobody buys.
        Point::MarketBetweenLegs if !goods => None,
        Point::MarketBetweenLegs => at(point, 1),
        // Some transactions of the start come first.
        _ => at(point, 5 + dice.below(20)),
    }
}

/// One life of the realm, from its start to its kill; at which point it died by itself.
async fn life(
    program: &Program,
    bots: &mut [Bot],
    traders: &mut Traders,
    (fault, longest): (Option<Fault>, Duration),
    dice: &mut Dice,
    report: &mut Report,
) -> Option<Point> {
    let mut up = match Up::start(program, fault.as_ref()).await {
        Ok(Some(up)) => up,
        Ok(None) => return fault.map(|fault| fault.point),
        Err(broken) => {
            report.violations.push(broken);
            return None;
        }
    };
    let playing = set_out(bots, program);
    let (endpoint, mut trading) = (program.endpoint(), std::mem::take(traders));
    let trading = tokio::spawn(async move {
        trading.play(&endpoint).await;
        trading
    });
    let end = match fault {
        Some(_) => longest,
        None => longest * u32::try_from(dice.below(1_000)).expect("a small number") / 1_000,
    };
    let died = up.live(end, fault.as_ref()).await.unwrap_or_else(|broken| {
        report.violations.push(broken);
        false
    });
    come_home(playing, bots, report).await;
    match trading.await {
        Ok(home) => *traders = home,
        Err(broken) => report.violations.push(format!("the traders broke off: {broken}")),
    }
    fault.filter(|_| died).map(|fault| fault.point)
}

/// Bots at play, by their numbers.
type Playing = JoinSet<(usize, Bot)>;

/// Lets all bots play until the realm is gone.
fn set_out(bots: &mut [Bot], program: &Program) -> Playing {
    let (endpoint, token) = (program.endpoint(), program.operator_token());
    let (started, mut playing) = (Instant::now(), Playing::new());
    for (number, bot) in bots.iter_mut().enumerate() {
        let mut bot = std::mem::take(bot);
        let (endpoint, token) = (endpoint.clone(), token.clone());
        playing.spawn(async move {
            bot.play(&endpoint, &token, started).await;
            (number, bot)
        });
    }
    playing
}

/// Waits until all bots have noticed that the realm is gone.
async fn come_home(mut playing: Playing, bots: &mut [Bot], report: &mut Report) {
    while let Some(ended) = playing.join_next().await {
        let (number, bot) = match ended {
            Ok(ended) => ended,
            Err(broken) => {
                let said = broken.try_into_panic().ok().and_then(|said| said.downcast::<String>().ok());
                report.violations.push(said.map_or_else(|| "a bot broke off".to_owned(), |said| *said));
                continue;
            }
        };
        if let Some(waited) = bot.waited {
            report.longest_wait = report.longest_wait.max(waited);
            if waited > PLAYABLE_WITHIN {
                report.violations.push(format!("a character was playable again only after {waited:?}"));
            }
        }
        bots[number] = bot;
    }
}

/// What came of it.
#[derive(Default)]
struct Report {
    /// Bots deal in goods.
    goods: bool,
    at_random: u32,
    power_cuts: u32,
    at_points: std::collections::BTreeMap<&'static str, u32>,
    longest_wait: Duration,
    violations: Vec<String>,
}

impl Report {
    fn kills(&self) -> u32 {
        self.at_random + self.power_cuts + self.at_points.values().sum::<u32>()
    }

    /// Points of a running realm at which it has not been killed yet, unless there is but one.
    fn unseen(&self, only: Option<Point>) -> impl Iterator<Item = Point> {
        let elsewhere = [Point::BeforeMigration, Point::BetweenMigrations, Point::AfterMigrations];
        let goods = self.goods;
        let comes = move |point: &Point| !elsewhere.contains(point) && (goods || *point != Point::MarketBetweenLegs);
        let points = Point::ALL.iter().copied().filter(move |point| only.is_none() && comes(point));
        points.filter(|point| !self.at_points.contains_key(point.name()))
    }

    fn print(&self, bots: &[Bot], seed: u64, took: Duration) {
        let points: Vec<String> = self.at_points.iter().map(|(name, kills)| format!("{kills} {name}")).collect();
        let took = took.as_secs_f64();
        if self.power_cuts > 0 {
            println!("chaos: {} power cuts in {took:.1} s with seed {seed}", self.power_cuts);
        } else {
            println!(
                "chaos: {} kills in {took:.1} s with seed {seed}: {} at random moments, at fail points {}",
                self.kills(),
                self.at_random,
                if points.is_empty() { "none".to_owned() } else { points.join(", ") }
            );
        }
        let acknowledged = bots.iter().fold(ledger::Counts::default(), |sum, bot| sum.plus(&bot.counts));
        println!("chaos: acknowledged {acknowledged}");
        println!("chaos: a character was playable again {} ms after the start at most", self.longest_wait.as_millis());
        for violation in &self.violations {
            println!("chaos: VIOLATION: {violation}");
        }
        println!("chaos: {} violations", self.violations.len());
    }
}
