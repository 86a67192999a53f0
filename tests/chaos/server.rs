//! The realm as a process: how it is started, watched and killed.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::process::ExitStatusExt as _,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use realm::{
    storage::Config,
    types::faults::{Bug, Point},
};
use realm_client::{Endpoint, Trust};
use realm_disk::{Disk, Platter};
use realm_postgres::Database;
use sqlx::AnyConnection;
use tempfile::TempDir;

use crate::{DEADLINE, dice::Dice, look, pilot};

/// The realm dies when it comes to a point for the nth time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fault {
    pub(crate) point: Point,
    pub(crate) nth: u64,
}

/// The program, and the folder over which it runs.
pub(crate) struct Program {
    path: PathBuf,
    bug: Option<Bug>,
    /// Under the data folder, when the power may be cut; unmounted before the folder is removed.
    disk: Option<Disk>,
    /// Of a server that goes on when the realm is killed; without one the database is a file.
    database: Option<Database>,
    folder: TempDir,
}

/// Over what the realm runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ground {
    /// A file on the disk of the machine.
    File,
    /// A file on a disk of its own, of which the power may be cut.
    OwnDisk,
    /// A database of a private PostgreSQL.
    Server,
}

impl Program {
    /// Name of the data folder.
    pub(crate) const DATA: &str = "realm-data";

    pub(crate) fn new(path: PathBuf, ground: Ground) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        // One hall, in which monsters are near, harmless and soon dead.
        let changes = [
            ("world.toml", "begin", "\"dungeon\""),
            ("world.toml", "rooms", "0"),
            ("world.toml", "entrance_distance", "1"),
            ("world.toml", "width", "32"),
            ("world.toml", "height", "32"),
            ("world.toml", "count", "60"),
            // What is worn wears out with each blow, so that there is something to repair.
            ("world.toml", "blows_dealt", "1"),
            ("world.toml", "blows_suffered", "1"),
            ("monsters.toml", "life", "1"),
            ("monsters.toml", "defence", "0"),
            ("monsters.toml", "sight", "640"),
            ("monsters.toml", "experience", "400"),
        ];
        pilot::content(&folder.path().join("content"), &changes);
        let database = (ground == Ground::Server).then(realm_postgres::database);
        let mut program = Self { path, bug: None, disk: None, database, folder };
        if ground == Ground::OwnDisk {
            fs::create_dir(program.data()).expect("a folder for the disk");
            program.mount(Platter::default());
        }
        program
    }

    /// The same program over nothing yet.
    pub(crate) fn another(&self) -> Self {
        let ground = if self.database.is_some() { Ground::Server } else { Ground::File };
        Self::new(self.path.clone(), ground)
    }

    fn mount(&mut self, platter: Platter) {
        let mounted = Disk::mount(&self.data(), platter);
        self.disk = Some(mounted.unwrap_or_else(|problem| panic!("{problem}")));
    }

    /// Cuts the power of its disk; gives what will be found on it.
    pub(crate) fn cut(&self, dice: &mut Dice) -> Platter {
        self.disk.as_ref().expect("it has a disk of its own").cut(&mut |limit| dice.below(limit))
    }

    /// Where the realm finds its database.
    pub(crate) fn config(&self) -> Config {
        Config { url: self.database.as_ref().map(Database::url).unwrap_or_default() }
    }

    /// A connection to the database while nobody runs over it.
    pub(crate) async fn connect(&self) -> AnyConnection {
        match &self.database {
            Some(database) => look::server(&database.url()).await,
            None => look::file(&self.data().join("realm.sqlite")).await,
        }
    }

    /// The database as it is found, with its log, in a folder of its own.
    pub(crate) fn copy_of_database(&self) -> TempDir {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for file in ["realm.sqlite", "realm.sqlite-wal"] {
            if self.data().join(file).exists() {
                fs::copy(self.data().join(file), folder.path().join(file)).expect("it can be read");
            }
        }
        folder
    }

    /// Power again: what is found is what is there. The realm is dead.
    pub(crate) fn power_up(&mut self, found: Platter) {
        drop(self.disk.take());
        self.mount(found);
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join(Self::DATA)
    }

    /// A verb of the program over a data folder of this name.
    pub(crate) fn command(&self, verb: &str, data: &str, fault: Option<&Fault>) -> Command {
        let data = self.folder.path().join(data);
        fs::create_dir_all(&data).expect("a data folder");
        let mut command = Command::new(&self.path);
        command.args([verb, "--data"]).arg(data).current_dir(self.folder.path());
        for door in ["NET__HTTPS", "NET__REALM", "NET__GAME"] {
            command.env(format!("REALM__{door}"), "127.0.0.1:0");
        }
        for (key, value) in [
            ("TELEMETRY__LISTEN", ""),
            ("TELEMETRY__LOG", "error"),
            ("GAMES__AUTOSAVE_SECONDS", "1"),
            ("GAMES__LOGS", "false"),
            ("GAMES__CONTENT", "content"),
            ("CHARACTERS__CHARACTERS_MAX", "50"),
            ("SESSION__REQUEST_BURST", "10000"),
            ("ACCOUNTS__LOGIN_BURST", "10000"),
            ("ACCOUNTS__REGISTRATIONS_PER_HOUR", "10000"),
            ("ACCOUNTS__ANONYMOUS_BURST", "100000"),
            ("ACCOUNTS__PASSWORD_QUEUE_MAX", "1000"),
            ("ACCOUNTS__PASSWORD_QUEUE_PER_NETWORK_MAX", "900"),
            ("NET__CONNECTIONS_PER_ADDRESS_BURST", "100000"),
            ("NET__CONNECTIONS_PER_ADDRESS_MAX", "1000"),
            ("TRADE__INVITATIONS_PER_MINUTE", "600"),
        ] {
            command.env(format!("REALM__{key}"), value);
        }
        if let Some(database) = &self.database {
            command.env("REALM__STORAGE__URL", database.url());
        }
        if let Some(Fault { point, nth }) = fault {
            command.env("REALM_FAULT_POINT", format!("{}=kill@{nth}", point.name()));
        }
        if let Some(bug) = self.bug {
            command.env("REALM_FAULT_BUGS", bug.name());
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        command
    }

    /// From now on the realm makes this mistake at each start.
    pub(crate) fn err(&mut self, bug: Option<Bug>) {
        self.bug = bug;
    }

    /// Makes the database.
    pub(crate) fn migrate(&self) {
        let done = self.command("migrate", Self::DATA, None).stdout(Stdio::null()).status();
        assert!(done.expect("the program starts").success(), "the database is made");
    }

    /// What lets staff in that sits at the machine.
    pub(crate) fn operator_token(&self) -> String {
        fs::read_to_string(self.data().join("operator.token")).expect("a running realm leaves a token")
    }

    /// Where the realm listens that runs here.
    pub(crate) fn endpoint(&self) -> Endpoint {
        let note = fs::read_to_string(realm::Endpoint::file(&self.data())).expect("a running realm leaves a note");
        let note: realm::Endpoint = serde_json::from_str(&note).expect("the note is JSON");
        let mut endpoint = Endpoint::new("127.0.0.1", Trust::fingerprint(&note.fingerprint).expect("a fingerprint"));
        (endpoint.https_port, endpoint.realm_port) = (note.https.port(), note.realm.port());
        endpoint.game_port = note.game.port();
        endpoint.deadline = DEADLINE;
        endpoint
    }
}

/// A realm that is up.
pub(crate) struct Up(Child);

impl Up {
    /// Starts it; `None` when it died at its fail point before it was up.
    pub(crate) async fn start(program: &Program, fault: Option<&Fault>) -> Result<Option<Self>, String> {
        let mut child = program.command("up", Program::DATA, fault).spawn().expect("the program starts");
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let mut lines = lines.map_while(Result::ok);
        let (is_up, ready) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || {
            let _ = is_up.send(lines.any(|line| line.contains("Ctrl-C saves everything")));
            // Whoever prints needs somebody who reads.
            lines.for_each(drop);
        });
        let mut up = Self(child);
        let came = tokio::time::timeout(DEADLINE * 3, ready).await.expect("a start comes to its end");
        if came.expect("the thread answers") {
            return Ok(Some(up));
        }
        let end = up.end_within(DEADLINE).await.ok_or("the realm closed its output, and did not end")?;
        at_its_point(end, fault)?;
        Ok(None)
    }

    /// How it ended by itself, if it does within a time.
    pub(crate) async fn end_within(&mut self, longest: Duration) -> Option<ExitStatus> {
        let mut looks = tokio::time::interval(Duration::from_millis(2));
        let ending = async {
            loop {
                if let Some(end) = self.0.try_wait().expect("asking for the end of a child") {
                    return end;
                }
                looks.tick().await;
            }
        };
        tokio::time::timeout(longest, ending).await.ok()
    }

    /// Lets it live for a time, and then kills it; true when it died at its fail point before.
    pub(crate) async fn live(&mut self, longest: Duration, fault: Option<&Fault>) -> Result<bool, String> {
        if let Some(end) = self.end_within(longest).await {
            at_its_point(end, fault)?;
            return Ok(true);
        }
        // It may be dead this very moment.
        let _ = self.0.kill();
        let end = self.end_within(DEADLINE).await.ok_or("a killed process did not end")?;
        if end.signal() == Some(KILL) { Ok(false) } else { Err(format!("the realm ended by itself: {end}")) }
    }
}

impl Up {
    /// Kills what may be dead already: without power it ends as it can.
    pub(crate) async fn kill(mut self) -> Result<(), String> {
        let _ = self.0.kill();
        self.end_within(DEADLINE).await.map(drop).ok_or_else(|| "a killed process did not end".to_owned())
    }
}

/// SIGKILL.
const KILL: i32 = 9;

/// Whoever ends without being told to has a fault of its own.
fn at_its_point(end: ExitStatus, fault: Option<&Fault>) -> Result<(), String> {
    match fault {
        Some(_) if end.signal() == Some(KILL) => Ok(()),
        _ => Err(format!("the realm ended by itself: {end}")),
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
