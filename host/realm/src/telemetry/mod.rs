//! What the operator sees from outside: logs, metrics, health. Listens on loopback only, without TLS.

mod server;

use std::{
    io::IsTerminal as _,
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::{net::TcpListener, sync::watch};
use tracing_subscriber::EnvFilter;

/// `[telemetry]`: logs, metrics and health.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Loopback address of `/metrics`, `/healthz` and `/readyz`; empty turns them off. Port 0 takes a free one.
    pub listen: String,
    /// Which log lines are written, for example `info` or `realm=debug,warn`.
    pub log: String,
    /// How log lines are written.
    pub log_format: LogFormat,
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line, for machines.
    Json,
}

impl Default for Config {
    fn default() -> Self {
        Self { listen: "127.0.0.1:9090".to_owned(), log: "info".to_owned(), log_format: LogFormat::Text }
    }
}

/// Why telemetry cannot start.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The address is wrong, not loopback, or taken.
    #[error("[telemetry] listen = \"{address}\": {problem}")]
    Listen {
        /// The configured address.
        address: String,
        /// What is wrong and what to do.
        problem: String,
    },
    /// The log filter cannot be read.
    #[error("[telemetry] log = \"{filter}\": {problem}; write for example \"info\" or \"realm=debug,warn\"")]
    Filter {
        /// The configured filter.
        filter: String,
        /// What is wrong.
        problem: String,
    },
}

impl Config {
    /// Checks what a range cannot express.
    ///
    /// # Errors
    /// When the log filter cannot be read.
    pub fn check(&self) -> Result<(), TelemetryError> {
        self.filter().map(drop)
    }

    /// Listens where it is told to, if anywhere.
    ///
    /// # Errors
    /// When the address is malformed, not on loopback or cannot be listened on; the text names the remedy.
    pub async fn bind(&self) -> Result<Option<TcpListener>, TelemetryError> {
        if self.listen.is_empty() {
            return Ok(None);
        }
        let failed = |problem: String| TelemetryError::Listen { address: self.listen.clone(), problem };
        let address: SocketAddr = self.listen.parse().map_err(|_| {
            failed("is not an address; write for example \"127.0.0.1:9090\", or \"\" to turn it off".to_owned())
        })?;
        if !address.ip().is_loopback() {
            return Err(failed(
                "is not on loopback; metrics and health have no TLS and no log-in, so choose 127.0.0.1 or [::1]"
                    .to_owned(),
            ));
        }
        let listener = TcpListener::bind(address).await.map_err(|error| {
            failed(format!(
                "cannot be listened on ({error}); choose another port, 0 for a free one, or \"\" to turn it off"
            ))
        })?;
        Ok(Some(listener))
    }

    fn filter(&self) -> Result<EnvFilter, TelemetryError> {
        EnvFilter::try_new(&self.log)
            .map_err(|error| TelemetryError::Filter { filter: self.log.clone(), problem: error.to_string() })
    }
}

/// Starts writing log lines to standard error; the first call of the process decides.
///
/// # Errors
/// When the filter cannot be read.
pub fn start_log(config: &Config) -> Result<(), TelemetryError> {
    // A terminal that was closed takes no lines; that must not keep the realm from saving.
    let lines = tracing_subscriber::fmt()
        .log_internal_errors(false)
        .with_ansi(std::io::stderr().is_terminal())
        .with_env_filter(config.filter()?)
        .with_writer(std::io::stderr);
    // A second realm in one process (tests) writes to the log of the first.
    let _ = match config.log_format {
        LogFormat::Text => lines.with_target(false).try_init(),
        LogFormat::Json => lines.json().try_init(),
    };
    Ok(())
}

/// Histogram limits for times in seconds: 1 µs to 5 s.
const TIME_BUCKETS_S: &[f64] = &[
    0.000_001, 0.000_005, 0.000_02, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.04, 0.1, 0.25, 1.0,
    5.0,
];

/// The recorder of this process; every realm in the process shares it.
fn metrics() -> &'static PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE.get_or_init(|| {
        let builder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), TIME_BUCKETS_S)
            .expect("the list of buckets is not empty");
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        // Somebody who embeds the realm may have a recorder already; then theirs counts.
        let _ = metrics::set_global_recorder(recorder);
        handle
    })
}

/// Between two times that what was recorded is sorted into its buckets.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// Histograms keep each value until somebody reads them or this comes by: without it a realm that nobody watches would grow.
async fn keep_up(handle: PrometheusHandle, mut stopped: watch::Receiver<bool>) {
    while tokio::time::timeout(UPKEEP_EVERY, stopped.wait_for(|stopped| *stopped)).await.is_err() {
        handle.run_upkeep();
    }
}

/// Starts counting. Comes before any part of a realm: a counter that is made earlier counts for nobody.
pub fn start_counting() {
    metrics();
}

/// What `/readyz` asks.
pub type Readiness = Arc<dyn Fn() -> Result<(), String> + Send + Sync>;

/// The loopback listener of metrics and health.
pub struct Telemetry {
    address: Option<SocketAddr>,
    stop: watch::Sender<bool>,
}

impl Telemetry {
    /// Starts counting and, unless turned off, listening.
    ///
    /// # Errors
    /// When the address is not on loopback or cannot be listened on.
    pub async fn start(config: &Config, readiness: Readiness) -> Result<Self, TelemetryError> {
        let handle = metrics().clone();
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(keep_up(handle.clone(), stop.subscribe()));
        let Some(listener) = config.bind().await? else { return Ok(Self { address: None, stop }) };
        let failed = |problem: String| TelemetryError::Listen { address: config.listen.clone(), problem };
        let address = listener.local_addr().map_err(|error| failed(error.to_string()))?;
        tokio::spawn(server::serve(listener, handle, readiness, stopped));
        Ok(Self { address: Some(address), stop })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Stops listening.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }
}
