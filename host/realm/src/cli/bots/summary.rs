//! What came of a run, for the person who started it.

use std::fmt::Write as _;

use serde_json::Value;

use super::{
    player::{Part, Report},
    venue::Reload,
};
use crate::games::TickFigures;

#[derive(Default)]
pub(super) struct Summary {
    pub(super) reports: Vec<Report>,
    /// Bots that could not go on, and why.
    pub(super) failures: Vec<String>,
    pub(super) reload: Option<Reload>,
    pub(super) ladder: Value,
}

impl Summary {
    /// Everything that should not have happened.
    pub(super) fn losses(&self) -> Vec<String> {
        let mut losses = self.failures.clone();
        if let Some(Reload::Failed(problem)) = &self.reload {
            losses.push(problem.clone());
        }
        let last = self.reports.iter().filter_map(|report| report.chat.lines.last().copied()).max().unwrap_or(0);
        for report in &self.reports {
            let name = &report.name;
            let (lines, chat) = (&report.chat.lines, &report.chat);
            if let (Some(first), Some(seen)) = (lines.first(), lines.last()) {
                // Who was thrown out hears no more; everybody else hears everything to the end.
                let until = if report.experience.is_none() { *seen } else { last };
                let missing = (*first..=until).filter(|line| !lines.contains(line)).count();
                if missing > 0 {
                    losses.push(format!("{name} missed {missing} lines of chat"));
                }
            }
            if report.experience.is_some() && chat.whispers_delivered < chat.whispers_sent {
                losses.push(format!("{name}: {} whispers got no answer", chat.whispers_sent - chat.whispers_delivered));
            }
            match report.experience {
                Some((seen, stored)) if stored < seen => {
                    losses.push(format!("{name} had {seen} experience in the game, and {stored} is stored"));
                }
                None if report.part != Part::Cheater => losses.push(format!("{name} was thrown out and did not cheat")),
                _ => {}
            }
            if report.part == Part::Cheater && report.experience.is_some() {
                losses.push(format!("{name} moved too fast and was not thrown out"));
            }
        }
        let swore: u64 = self.of(Part::Swearer).map(|report| report.chat.sent).sum();
        let filtered: u64 = self.of(Part::Swearer).map(|report| report.chat.filtered + report.chat.refused).sum();
        if swore > 0 && filtered == 0 {
            losses.push("the swearer was never filtered".to_owned());
        }
        losses
    }

    fn of(&self, part: Part) -> impl Iterator<Item = &Report> {
        self.reports.iter().filter(move |report| report.part == part)
    }

    pub(super) fn text(&self, figures: Option<&TickFigures>) -> String {
        let sum = |count: fn(&Report) -> u64| self.reports.iter().map(count).sum::<u64>();
        let mut out = String::new();
        let _ = writeln!(
            out,
            "\nChat     {} lines sent, {} filtered, {} refused, {} delivered; {} whispers, {} received",
            sum(|report| report.chat.sent),
            sum(|report| report.chat.filtered),
            sum(|report| report.chat.refused),
            sum(|report| report.chat.lines.len() as u64),
            sum(|report| report.chat.whispers_sent),
            sum(|report| report.chat.whispers_received),
        );
        let mut gaps: Vec<u64> = self.reports.iter().flat_map(|report| report.fight.gaps_us.iter().copied()).collect();
        gaps.sort_unstable();
        let at = |percent: usize| gaps.get(gaps.len().saturating_sub(1) * percent / 100).copied().unwrap_or(0);
        let milliseconds = |microseconds: u64| format!("{}.{}", microseconds / 1_000, microseconds % 1_000 / 100);
        let _ = writeln!(
            out,
            "Games    {} snapshots received, interval p50 {} ms, p99 {} ms; {} kills, {} deaths, {} levels",
            sum(|report| report.fight.snapshots),
            milliseconds(at(50)),
            milliseconds(at(99)),
            sum(|report| report.fight.kills),
            sum(|report| report.fight.deaths),
            sum(|report| report.fight.levels),
        );
        if let Some(figures) = figures {
            let [p50, p99, worst] = figures.lateness_us.map(milliseconds);
            let _ = writeln!(
                out,
                "Ticks    {} in all, {} skipped; late by p50 {p50} ms, p99 {p99} ms, worst {worst} ms\nCheats   {} findings, {} thrown out\nSaves    {} characters saved",
                figures.ticks,
                figures.ticks_skipped,
                figures.findings,
                self.reports.iter().filter(|report| report.experience.is_none()).count(),
                figures.saves,
            );
        }
        let whole =
            self.reports.iter().filter_map(|report| report.experience).filter(|(seen, stored)| stored >= seen).count();
        let _ = writeln!(
            out,
            "Stored   {whole} of {} characters as their players last saw them",
            self.reports.iter().filter(|report| report.experience.is_some()).count()
        );
        let _ = match &self.reload {
            Some(Reload::After(duration)) => {
                writeln!(out, "Reload   the replaced plugin decided after {} ms", duration.as_millis())
            }
            Some(Reload::NotMeasured(why)) => writeln!(out, "Reload   no plugin was replaced: {why}"),
            Some(Reload::Failed(problem)) => writeln!(out, "Reload   FAILED: {problem}"),
            None => Ok(()),
        };
        let _ = writeln!(out, "Ladder");
        for entry in self.ladder["entries"].as_array().into_iter().flatten().take(5) {
            let text = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
            let _ = writeln!(
                out,
                "  {:>2}. {:<18} {:<12} level {:<3} {:>8} experience",
                entry["rank"],
                text("name"),
                text("class"),
                entry["level"],
                entry["experience"]
            );
        }
        let losses = self.losses();
        if losses.is_empty() {
            let _ = writeln!(out, "\nNothing was lost.");
        } else {
            let _ = writeln!(out, "\nLOST:");
            for loss in losses {
                let _ = writeln!(out, "  {loss}");
            }
        }
        out
    }
}
