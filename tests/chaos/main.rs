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
mod look;
#[allow(dead_code, unreachable_pub, reason = "the tests use the rest")]
#[path = "../harness/pilot.rs"]
mod pilot;
mod power;
mod report;
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
use report::Report;
use server::{Fault, Ground, Program, Up};
use traders::Traders;

/// How long anything may take that must happen; for the pilot, too.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);
/// How long a life is, and how much longer for each bot that has to come in.
const LIFE_MS: u64 = 600;
const LIFE_OF_BOT_MS: u64 = 50;
/// With goods there is a pair that trades for so many bots.
const BOTS_PER_PAIR: usize = 5;
/// After so many kills it goes on with a new realm, when `--world` does not say otherwise: after each kill the whole history of a realm is gone
/// through, which takes the longer the longer that is.
const KILLS_PER_WORLD: u32 = 100;
/// More bots than these are many: then so many lives have no fault, and are long.
const FEW_BOTS: usize = 6;
const SETTLING_LIVES: u32 = 2;
/// With goods a mistake is not made in so many lives.
const HONEST_LIVES: u32 = 3;
/// From so many kills on each fail point has to have so many of them.
const KILLS_OF_LONG_RUN: u32 = 1_000;
const POINT_KILLS_OF_LONG_RUN: u32 = 20;
/// So many kills there are however long they take, so that each fail point has its turn.
const KILLS_MIN: u32 = 20;
/// A run of fewer kills than so many for each point need not come to all.
const KILLS_PER_POINT: u32 = 2;
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
    /// A life ends after so many milliseconds at the latest, when its fail point has not come; one in sixteen may be four times as long. More
    /// when there are many bots.
    #[arg(long)]
    life_ms: Option<u64>,
    /// After so many kills everybody begins anew, with a new realm.
    #[arg(long, default_value_t = KILLS_PER_WORLD, value_parser = clap::value_parser!(u32).range(1..))]
    world: u32,
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
    /// Over a private PostgreSQL, which goes on when the realm is killed.
    #[arg(long, conflicts_with = "power")]
    postgres: bool,
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
    let ground = match (arguments.power, arguments.postgres) {
        (true, _) => Ground::OwnDisk,
        (_, true) => Ground::Server,
        _ => Ground::File,
    };
    let mut dice = Dice::new(arguments.seed);
    let mut stage = Stage::new(&arguments, ground, &mut dice).await;
    if ground != Ground::OwnDisk && bug.is_none() {
        let times = if arguments.kills < KILLS_OF_LONG_RUN { 2 } else { POINT_KILLS_OF_LONG_RUN };
        check::kill_migrations(&stage.program, times.into());
        println!("chaos: migrations were killed {times} times at each of their fail points");
    }
    let usual = LIFE_MS + LIFE_OF_BOT_MS * arguments.bots as u64;
    let life = Duration::from_millis(arguments.life_ms.unwrap_or(usual));

    let begin = Instant::now();
    let wanted = match arguments.kills {
        _ if point.is_some() || bug.is_some() || arguments.power => 0,
        KILLS_OF_LONG_RUN.. => POINT_KILLS_OF_LONG_RUN,
        _ => 1,
    };
    let mut report = Report { goods: arguments.goods, wanted, ..Report::default() };
    let is_time = |report: &Report| {
        let unseen = || report.rarest(1).is_some();
        begin.elapsed().as_secs() < arguments.seconds || report.kills() < KILLS_MIN || unseen()
    };
    // With goods everybody comes in first, so that goods are what the mistake is made with.
    let honest_lives = if arguments.goods { HONEST_LIVES } else { 0 };
    let only = point;
    while report.kills() < arguments.kills && is_time(&report) {
        if report.kills() - stage.kills_before >= arguments.world {
            report.keep(&stage).await;
            println!("chaos: {} kills so far, after {} s", report.kills(), begin.elapsed().as_secs());
            stage = Stage::new(&arguments, ground, &mut dice).await;
            stage.kills_before = report.kills();
        }
        let Stage { program, bots, traders, kills_before } = &mut stage;
        let is_honest = report.kills() - *kills_before < honest_lives && bug.is_some();
        program.err(bug.filter(|_| !is_honest));
        let point = only.filter(|_| !is_honest);
        if arguments.power {
            power::life(program, (bots, traders), life, &mut dice, &mut report).await;
            if report.violations.is_empty() {
                report.violations = traders.endow(program).await;
            }
            if report.violations.is_empty() {
                // A copy: what was torn is for the realm to mend at its next start.
                let copy = program.copy_of_database();
                let connection = look::file(&copy.path().join("realm.sqlite")).await;
                report.violations = check::all(connection, bots).await;
                report.violations.extend(traders.check(program, Some(copy.path())).await);
            }
            if report.violations.is_empty() {
                continue;
            }
            break;
        }
        // Two of three kills are at the point that has been seen least, as long as one is to be seen more.
        let rarest = if !report.kills().is_multiple_of(3) { report.rarest(u32::MAX) } else { None };
        // When there are many, all come in first: that takes as long as their passwords do.
        let settles = report.kills() - *kills_before < SETTLING_LIVES && arguments.bots > FEW_BOTS;
        let fault = choose(&mut dice, point.or(rarest), &arguments).filter(|_| !settles);
        let longest = if is_honest { DEADLINE.min(life * 2) } else { life };
        let longest = longest * if dice.below(16) == 0 { 4 } else { 1 };
        let longest = if rarest.is_some() { DEADLINE.max(longest) } else { longest };
        let longest = if settles { DEADLINE.min(Duration::from_millis(2 * usual)) } else { longest };
        let killed = life_of(program, bots, traders, (fault, longest), &mut dice, &mut report).await;
        match killed {
            Some(point) => *report.at_points.entry(point.name()).or_insert(0) += 1,
            None => report.at_random += 1,
        }
        if report.violations.is_empty() {
            report.violations = check::all(program.connect().await, bots).await;
            report.violations.extend(traders.endow(program).await);
            report.violations.extend(traders.check(program, None).await);
        }
        if !report.violations.is_empty() {
            break;
        }
    }
    report.keep(&stage).await;
    if report.violations.is_empty()
        && report.kills()
            >= KILLS_MIN.max(KILLS_PER_POINT * u32::try_from(report.points().count()).expect("there are few"))
    {
        report.violations = report.too_rare();
    }
    report.print(arguments.seed, begin.elapsed());
    if report.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A realm, and those who come to it.
struct Stage {
    program: Program,
    bots: Vec<Bot>,
    traders: Traders,
    /// Kills before it began.
    kills_before: u32,
}

impl Stage {
    async fn new(arguments: &Arguments, ground: Ground, dice: &mut Dice) -> Self {
        let beside = || std::env::current_exe().expect("this program has a path").with_file_name("realm-under-test");
        let program = Program::new(arguments.program.clone().unwrap_or_else(beside), ground);
        program.migrate();
        check::watch(program.connect().await).await;
        let peers = if arguments.goods { arguments.bots } else { 0 };
        let bots = (0..arguments.bots).map(|number| Bot::new(number, dice.split(), peers)).collect();
        let pairs = if arguments.goods { arguments.bots.div_ceil(BOTS_PER_PAIR) } else { 1 };
        Self { program, bots, traders: Traders::new(pairs, dice), kills_before: 0 }
    }
}

/// Where the realm shall die next; `None` is at any moment.
fn choose(dice: &mut Dice, only: Option<Point>, arguments: &Arguments) -> Option<Fault> {
    let at = |point: Point, nth: u64| Some(Fault { point, nth });
    // The more there are, the sooner somebody comes there.
    let crowd = arguments.bots.div_ceil(FEW_BOTS).max(1) as u64;
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
        // Without goods nobody comes there.
        point if is_about_goods(point) && !arguments.goods => None,
        // It comes a few times in each trade.
        Point::WithinTrade => at(point, 1 + dice.below(6)),
        // What somebody has to come to in one life.
        Point::MarketBetweenLegs
        | Point::WithinCombine
        | Point::WithinSale
        | Point::WithinStack
        | Point::WithinReturn
        | Point::WithinEmptying
        | Point::WithinOffer => at(point, 1 + dice.below(2)),
        point if is_about_goods(point) => at(point, 1 + dice.below(6 * crowd)),
        // Some transactions of the start come first.
        _ => at(point, 5 + dice.below(20 * crowd)),
    }
}

/// Do only bots that deal in goods come there?
fn is_about_goods(point: Point) -> bool {
    match point {
        Point::MarketBetweenLegs
        | Point::WithinBirth
        | Point::WithinMove
        | Point::WithinStack
        | Point::WithinPayment
        | Point::WithinCombine
        | Point::WithinSale
        | Point::WithinLetter
        | Point::WithinEmptying
        | Point::WithinOffer
        | Point::WithinDrop
        | Point::WithinPickUp
        | Point::BeforeTaken
        | Point::WithinReturn
        | Point::BeforeLedger
        | Point::WithinLedger
        | Point::AfterLedger => true,
        Point::BeforeBegin
        | Point::AfterBegin
        | Point::BetweenStatements
        | Point::BeforeCommit
        | Point::AfterCommit
        | Point::AfterAcknowledgement
        | Point::BeforeTakeOver
        | Point::AfterTakeOver
        | Point::BeforeMigration
        | Point::BetweenMigrations
        | Point::AfterMigrations
        | Point::WithinTrade => false,
    }
}

/// One life of the realm, from its start to its kill; at which point it died by itself.
async fn life_of(
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
    let trading = traders.set_out(program);
    let end = match fault {
        Some(_) => longest,
        None => longest * u32::try_from(dice.below(1_000)).expect("a small number") / 1_000,
    };
    let died = up.live(end, fault.as_ref()).await.unwrap_or_else(|broken| {
        report.violations.push(broken);
        false
    });
    come_home(playing, bots, report).await;
    traders.come_home(trading, report).await;
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
