//! `realm bots`: players made of code, on the real sockets, and a summary of what came of it.
//!
//! They register, chat, whisper, open games, fight and leave; one swears and one moves too fast. Half-way a plugin file is replaced.
//! The exit code is not zero when a line, a whisper or a character was lost.

mod chatter;
mod fighter;
mod player;
mod summary;
mod venue;

use std::{path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use clap::Args;
use realm_client::Rest;
use tokio::{task::JoinSet, time::Instant};

use self::{
    player::{Part, Player},
    summary::Summary,
    venue::Venue,
};

/// Most bots of one run.
const PLAYERS_MAX: u32 = 500;
/// Runs that are told apart by their names.
const RUNS_MAX: u64 = 200_000;
/// How long the bots may take to get ready, beside the time they play.
const PREPARATION_DEADLINE: Duration = Duration::from_secs(120);

#[derive(Args)]
pub(super) struct Bots {
    /// How many players
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(2..=i64::from(PLAYERS_MAX)))]
    players: u32,
    /// How long they play, in seconds
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(2..=86_400))]
    seconds: u64,
    /// A running realm, for example https://127.0.0.1:8443; without it the bots start one of their own
    #[arg(long, requires = "fingerprint")]
    url: Option<String>,
    /// SHA-256 of the running realm's certificate, as its banner shows it
    #[arg(long, requires = "url")]
    fingerprint: Option<String>,
    /// Port of the running realm's frames
    #[arg(long, default_value_t = 6112, requires = "url")]
    realm_port: u16,
    /// Key or name of the realm to play in, of a server with several [default: its first]
    #[arg(long, requires = "url", value_name = "REALM", default_value = "", hide_default_value = true)]
    realm: String,
    /// Plugin folder of the running realm, when it is on this machine: then a file in it is replaced, too
    #[arg(long, requires = "url")]
    plugin_dir: Option<PathBuf>,
    /// Access token of a staff account of the running realm, to see when the replaced plugin is at work
    #[arg(long, requires = "plugin_dir")]
    staff_token: Option<String>,
    /// Folder with the default plugins for a realm of the bots' own [default: what `cargo xtask plugins` built]
    #[arg(long, conflicts_with = "url")]
    plugins: Option<PathBuf>,
}

impl Bots {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let venue = match (&self.url, &self.fingerprint) {
            (Some(url), Some(fingerprint)) => {
                let venue = Venue::running(
                    url,
                    fingerprint,
                    self.realm_port,
                    self.plugin_dir.clone(),
                    self.staff_token.clone(),
                )?;
                venue.in_realm(&self.realm)
            }
            _ => Venue::own(self.plugins.as_deref()).await?,
        };
        println!("{} bots play for {} s on {}", self.players, self.seconds, venue.describe());
        let result = self.play(&venue).await;
        let figures = venue.figures();
        venue.close().await;
        let summary = result?;
        print!("{}", summary.text(figures.as_ref()));
        Ok(if summary.losses().is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    async fn play(&self, venue: &Venue) -> anyhow::Result<Summary> {
        let stage = Arc::new(player::Stage::new(self.players, Duration::from_secs(self.seconds)));
        // Names differ between runs, so that the bots can come back to a realm that has seen them.
        let run =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_secs() % RUNS_MAX;
        let mut bots = JoinSet::new();
        for number in 0..self.players {
            let part = match number {
                1 => Part::Swearer,
                2 if self.players > 2 => Part::Cheater,
                _ => Part::Fighter,
            };
            let player = Player {
                number,
                part,
                name: player::name("Bot", number, run),
                endpoint: venue.endpoint().clone(),
                run,
            };
            bots.spawn(player.run(Arc::clone(&stage)));
        }
        let half_way = async {
            stage.wait_until_ready(PREPARATION_DEADLINE).await;
            tokio::time::sleep_until(Instant::now() + Duration::from_secs(self.seconds) / 2).await;
            venue.replace_plugin().await
        };
        let (reload, reports) = tokio::join!(half_way, async {
            let mut reports = Vec::new();
            while let Some(finished) = bots.join_next().await {
                reports.push(finished);
            }
            reports
        });
        let mut summary = Summary { reload: Some(reload), ..Summary::default() };
        for report in reports {
            match report {
                Ok(Ok(report)) => summary.reports.push(report),
                Ok(Err(error)) => summary.failures.push(format!("{error:#}")),
                Err(error) => summary.failures.push(format!("a bot panicked: {error}")),
            }
        }
        summary.ladder =
            Rest::new(venue.endpoint()).ladder(None).await.map_err(|error| anyhow::anyhow!("the ladder: {error}"))?;
        Ok(summary)
    }
}
