//! What came of a run: how often and where the realm was killed, what was acknowledged, and what was broken.

use std::{collections::BTreeMap, time::Duration};

use realm::types::faults::Point;

use crate::{Stage, books, is_about_goods, ledger};

/// What came of it.
#[derive(Default)]
pub(crate) struct Report {
    /// Bots deal in goods.
    pub(crate) goods: bool,
    /// How many kills each fail point of a running realm is to have.
    pub(crate) wanted: u32,
    pub(crate) at_random: u32,
    pub(crate) power_cuts: u32,
    pub(crate) at_points: BTreeMap<&'static str, u32>,
    pub(crate) longest_wait: Duration,
    /// What was acknowledged.
    pub(crate) counts: ledger::Counts,
    pub(crate) trades: usize,
    /// How often each act stands in the ledgers.
    pub(crate) acts: BTreeMap<String, i64>,
    pub(crate) violations: Vec<String>,
}

impl Report {
    /// Adds what was acknowledged to those who came to a realm that is given up.
    pub(crate) async fn keep(&mut self, stage: &Stage) {
        self.counts = stage.bots.iter().fold(self.counts.clone(), |sum, bot| sum.plus(&bot.counts));
        self.trades += stage.traders.trades();
        // After a cut of the power the database is as it was found.
        if self.goods && self.power_cuts == 0 {
            for (act, count) in books::acts_of_all(stage.program.connect().await).await {
                *self.acts.entry(act).or_insert(0) += count;
            }
        }
    }

    pub(crate) fn kills(&self) -> u32 {
        self.at_random + self.power_cuts + self.at_points.values().sum::<u32>()
    }

    /// Points of a running realm that bots come to, each with the kills there have been.
    pub(crate) fn points(&self) -> impl Iterator<Item = (u32, Point)> {
        let elsewhere = [Point::BeforeMigration, Point::BetweenMigrations, Point::AfterMigrations];
        let comes = move |point: &&Point| !elsewhere.contains(point) && (self.goods || !is_about_goods(**point));
        let kills = |point: &Point| self.at_points.get(point.name()).copied().unwrap_or(0);
        Point::ALL.iter().filter(comes).map(move |point| (kills(point), *point))
    }

    /// The point with the fewest kills, when it has fewer than so many, and than are wanted.
    pub(crate) fn rarest(&self, below: u32) -> Option<Point> {
        let wanted = self.wanted.min(below);
        self.points().filter(|(kills, _)| *kills < wanted).min_by_key(|(kills, _)| *kills).map(|(_, point)| point)
    }

    /// Points with fewer kills than are wanted.
    pub(crate) fn too_rare(&self) -> Vec<String> {
        let wanted = self.wanted;
        let rare = self.points().filter(|(kills, _)| *kills < wanted);
        rare.map(|(kills, point)| format!("{kills} kills came at {}, and not {wanted}", point.name())).collect()
    }

    pub(crate) fn print(&self, seed: u64, took: Duration) {
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
        println!("chaos: acknowledged {}", self.counts);
        println!("chaos: acknowledged {} trades", self.trades);
        let acts: Vec<String> = self.acts.iter().map(|(act, count)| format!("{count} {act}")).collect();
        println!("chaos: acts in the ledger: {}.", acts.join(", "));
        let all = self.counts.acknowledged() + self.trades as u64;
        println!("chaos: {all} operations were acknowledged in all");
        println!("chaos: a character was playable again {} ms after the start at most", self.longest_wait.as_millis());
        for violation in &self.violations {
            println!("chaos: VIOLATION: {violation}");
        }
        println!("chaos: {} violations", self.violations.len());
    }
}
