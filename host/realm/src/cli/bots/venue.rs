//! Where the bots play: a running realm, or one of their own in a temporary folder.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use realm_client::{Endpoint, Rest, Trust};

use crate::{Realm, config::Config, games::TickFigures};

/// The plugin file that is replaced half-way.
const REPLACED: &str = "chat-filter.wasm";
/// A replaced plugin decides within this time, or the run has failed.
const RELOAD_DEADLINE: Duration = Duration::from_secs(10);

pub(super) struct Venue {
    endpoint: Endpoint,
    own: Option<(Realm, tempfile::TempDir)>,
    plugin_dir: Option<PathBuf>,
    staff_token: Option<String>,
}

/// What came of replacing a plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reload {
    /// The new file decides, so long after it was renamed into place.
    After(Duration),
    /// There was no folder to replace one in, or no way to see when it was at work.
    NotMeasured(&'static str),
    /// The new file was not at work in time.
    Failed(String),
}

impl Venue {
    pub(super) fn running(
        url: &str,
        fingerprint: &str,
        realm_port: u16,
        plugin_dir: Option<PathBuf>,
        staff_token: Option<String>,
    ) -> anyhow::Result<Self> {
        let address = url.strip_prefix("https://").context("the URL begins with https://")?.trim_end_matches('/');
        let (host, port) = match address.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().with_context(|| format!("{port:?} is no port"))?),
            None => (address, 443),
        };
        let mut endpoint = Endpoint::new(host.trim_matches(['[', ']']), Trust::fingerprint(fingerprint)?);
        endpoint.https_port = port;
        endpoint.realm_port = realm_port;
        endpoint.deadline = Duration::from_secs(30);
        Ok(Self { endpoint, own: None, plugin_dir, staff_token })
    }

    /// The same server, in this realm of it.
    pub(super) fn in_realm(self, realm: &str) -> Self {
        Self { endpoint: self.endpoint.in_realm(realm), ..self }
    }

    pub(super) async fn own(plugins: Option<&Path>) -> anyhow::Result<Self> {
        let built = built_plugins(plugins)?;
        let folder = tempfile::Builder::new().prefix("realm-bots-").tempdir()?;
        let plugin_dir = folder.path().join("plugins");
        fs::create_dir_all(&plugin_dir)?;
        for entry in fs::read_dir(&built)? {
            let path = entry?.path();
            if path.extension().is_some_and(|kind| kind == "wasm") {
                fs::copy(&path, plugin_dir.join(path.file_name().expect("a file has a name")))?;
            }
        }
        let mut config = Config::default();
        for door in [&mut config.net.https, &mut config.net.realm, &mut config.net.game, &mut config.telemetry.listen] {
            *door = "127.0.0.1:0".to_owned();
        }
        // All bots come from one address.
        config.net.connections_per_address_max = config.net.connections_max;
        config.net.connections_per_address_burst = 1_000_000;
        config.accounts.password_threads = 2;
        config.accounts.password_queue_max = 1_024;
        config.accounts.password_queue_per_network_max = 1_024;
        config.accounts.login_burst = 1_000_000;
        config.accounts.registrations_per_hour = 1_000_000;
        config.accounts.anonymous_burst = 1_000_000;
        config.session.request_burst = 10_000;
        config.telemetry.log = "warn".to_owned();
        crate::telemetry::start_log(&config.telemetry)?;
        let realm = Realm::start(config, folder.path()).await?;
        let endpoint = super::super::client_endpoint_of(realm.addresses(), &realm.fingerprint())?;
        let staff_token = staff_token(&realm, &endpoint).await?;
        Ok(Self { endpoint, own: Some((realm, folder)), plugin_dir: Some(plugin_dir), staff_token: Some(staff_token) })
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(super) fn describe(&self) -> String {
        let address = format!("https://{}:{}", self.endpoint.host, self.endpoint.https_port);
        match (self.own.is_some(), self.endpoint.realm.as_str()) {
            (true, _) => format!("a realm of their own at {address}"),
            (false, "") => address,
            (false, realm) => format!("the realm {realm} at {address}"),
        }
    }

    /// What the realm itself counted, if it is the bots' own.
    pub(super) fn figures(&self) -> Option<TickFigures> {
        self.own.as_ref().map(|(realm, _)| realm.games().figures())
    }

    pub(super) async fn close(self) {
        if let Some((realm, _folder)) = self.own {
            realm.stop().await;
        }
    }

    /// Renames a new file over the chat filter and waits until it is the one that decides.
    pub(super) async fn replace_plugin(&self) -> Reload {
        let Some(folder) = &self.plugin_dir else {
            return Reload::NotMeasured("name the realm's plugin folder with --plugin-dir");
        };
        let Some(token) = &self.staff_token else {
            return Reload::NotMeasured("name a staff account's token with --staff-token");
        };
        // A realm that is not the bots' own answers so many questions of an account and no more.
        let look_every = if self.own.is_some() { Duration::from_millis(5) } else { Duration::from_millis(100) };
        match replace(folder, &self.endpoint, token, look_every).await {
            Ok(duration) => Reload::After(duration),
            Err(error) => Reload::Failed(format!("{error:#}")),
        }
    }
}

async fn replace(folder: &Path, endpoint: &Endpoint, token: &str, look_every: Duration) -> anyhow::Result<Duration> {
    let path = folder.join(REPLACED);
    let mut bytes = fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))?;
    let before = at_work(endpoint, token).await?;
    // The same rule in a file of another content: a custom section at its end, which changes nothing but the hash.
    bytes.extend_from_slice(&[0, 6, 4, b'b', b'o', b't', b's', 0]);
    let new = folder.join(format!(".{REPLACED}.tmp"));
    fs::write(&new, &bytes)?;
    fs::rename(&new, &path)?;
    let begin = Instant::now();
    while begin.elapsed() < RELOAD_DEADLINE {
        let now = at_work(endpoint, token).await?;
        if now != before {
            return Ok(begin.elapsed());
        }
        tokio::time::sleep(look_every).await;
    }
    bail!("the realm still works by the old {REPLACED} after {} s", RELOAD_DEADLINE.as_secs())
}

/// SHA-256 of the chat filter at work.
async fn at_work(endpoint: &Endpoint, token: &str) -> anyhow::Result<String> {
    let mut rest = Rest::new(endpoint);
    rest.set_access_token(Some(token.to_owned()));
    let status = rest.plugins().await?;
    let plugins = status["plugins"].as_array().context("the realm lists its plugins")?;
    let chat_filter =
        plugins.iter().find(|plugin| plugin["file"] == REPLACED).context("the realm has no chat filter")?;
    Ok(chat_filter["sha256"].as_str().unwrap_or_default().to_owned())
}

async fn staff_token(realm: &Realm, endpoint: &Endpoint) -> anyhow::Result<String> {
    const PASSWORD: &str = "bots keep their own counsel";
    let token = realm.owner_token().context("a new realm has an owner token")?;
    let mut rest = Rest::new(endpoint);
    rest.create_owner(token, "Director", PASSWORD).await?;
    Ok(rest.login("Director", PASSWORD).await?.access_token)
}

/// The folder of built plugins: named, from the environment, or beside this program's own folder.
fn built_plugins(named: Option<&Path>) -> anyhow::Result<PathBuf> {
    let beside = || std::env::current_exe().ok().and_then(|program| Some(program.parent()?.parent()?.join("plugins")));
    let folder = named
        .map(Path::to_owned)
        .or_else(|| std::env::var_os("REALM_PLUGINS_DIR").map(PathBuf::from))
        .or_else(beside)
        .unwrap_or_default();
    if !folder.join(REPLACED).is_file() {
        bail!(
            "there is no {REPLACED} in {}: build the default plugins with `cargo xtask plugins`, or name their folder with --plugins",
            folder.display()
        );
    }
    Ok(folder)
}
