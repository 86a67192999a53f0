//! A private PostgreSQL for tests: a cluster in a temporary folder on a free port, and databases in it.
//!
//! The server is watched by a shell that waits for the end of a pipe: when the process that started it ends, in whatever way, the
//! pipe ends, the server is stopped and its folder removed. A server refuses to run as root: then it runs as another user.

use std::{
    env, fs,
    io::{self, Write as _},
    net::TcpListener,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// Names a cluster that runs already, by the address of its database `postgres` for a superuser.
pub const VARIABLE: &str = "REALM_TEST_POSTGRES";

/// How long a server may take to answer for the first time.
const START_WAIT: Duration = Duration::from_secs(120);
/// How often a start is tried, when somebody else was faster to take the port.
const STARTS_MAX: usize = 5;

/// For tests: nobody needs these data after a fall of the machine.
const QUICK: &[&str] = &["fsync=off", "max_connections=300", "shared_buffers=32MB"];

/// Ends the server and removes its folder, when standard input ends.
const KEEPER: &str = r#"
trap '' INT TERM HUP
folder=$1; shift
"$@" >"$folder/log" 2>&1 </dev/null &
server=$!
read -r _
kill -QUIT "$server"
wait "$server"
rm -rf "$folder"
"#;

/// A server that runs.
#[derive(Debug)]
pub struct Cluster {
    /// Holds the pipe.
    keeper: Option<Child>,
    /// With user and password, up to the name of a database.
    address: String,
    databases: AtomicU64,
}

/// A database of its own for one test; removed when this is dropped.
#[derive(Debug)]
pub struct Database {
    cluster: &'static Cluster,
    name: String,
}

impl Database {
    /// Its address, with user and password.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}/{}", self.cluster.address, self.name)
    }

    /// Looks at all tables and clears them up, as a server does by itself some time after much was written.
    ///
    /// # Panics
    /// When the server does not.
    pub fn vacuum(&self) {
        let done = self.cluster.sql_in(&self.name, "VACUUM ANALYZE");
        done.unwrap_or_else(|problem| panic!("the tables are not cleared up: {problem}"));
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // A database that stays goes with the cluster.
        let _ = self.cluster.sql(&format!("DROP DATABASE IF EXISTS \"{}\" WITH (FORCE)", self.name));
    }
}

/// An empty database for a test: in the cluster that [`VARIABLE`] names, or in one that this process starts and keeps.
///
/// # Panics
/// When PostgreSQL is not installed, or does not start: the test cannot hold.
#[must_use]
pub fn database() -> Database {
    static SHARED: OnceLock<Cluster> = OnceLock::new();
    let start = || env::var(VARIABLE).map_or_else(|_| Cluster::start(), |url| Ok(Cluster::running(&url)));
    SHARED.get_or_init(|| or_panic(start())).database()
}

/// The same for what is measured, in a cluster with the settings that a server is delivered with: a commit waits for the disk, when the folder for
/// temporary files lies on one. This process always starts and keeps it.
///
/// # Panics
/// As [`database`].
#[must_use]
pub fn durable_database() -> Database {
    static DURABLE: OnceLock<Cluster> = OnceLock::new();
    DURABLE.get_or_init(|| or_panic(Cluster::start_with(None, &[]))).database()
}

fn or_panic(cluster: io::Result<Cluster>) -> Cluster {
    cluster.unwrap_or_else(|problem| panic!("no PostgreSQL for the tests: {problem}"))
}

/// What a server shows to clients that want TLS, as PEM.
#[derive(Debug, Clone, Copy)]
pub struct Certificate<'a> {
    /// The certificate of the server.
    pub chain: &'a str,
    /// Its key.
    pub key: &'a str,
}

impl Cluster {
    fn running(url: &str) -> Self {
        let address = url.rsplit_once('/').map_or(url, |(address, _)| address).to_owned();
        Self { keeper: None, address, databases: AtomicU64::new(0) }
    }

    /// Makes a cluster and starts its server; both go with this process.
    ///
    /// # Errors
    /// When PostgreSQL is not installed, or does not start.
    pub fn start() -> io::Result<Self> {
        Self::start_with(None, QUICK)
    }

    /// The same with TLS turned on.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_with_tls(certificate: Certificate<'_>) -> io::Result<Self> {
        Self::start_with(Some(certificate), QUICK)
    }

    /// An empty database of it.
    fn database(&'static self) -> Database {
        let name = format!("test_{}_{}", std::process::id(), self.databases.fetch_add(1, Ordering::Relaxed));
        if let Err(problem) = self.sql(&format!("CREATE DATABASE \"{name}\"")) {
            panic!("no database for this test: {problem}");
        }
        Database { cluster: self, name }
    }

    fn start_with(certificate: Option<Certificate<'_>>, settings: &[&str]) -> io::Result<Self> {
        static STARTED: AtomicU64 = AtomicU64::new(0);
        let mut attempt = 0;
        loop {
            attempt += 1;
            let number = STARTED.fetch_add(1, Ordering::Relaxed);
            let folder = env::temp_dir().join(format!("realm-postgres-{}-{number}", std::process::id()));
            // What a process of the same number left.
            let _ = fs::remove_dir_all(&folder);
            match Self::start_in(&folder, certificate, settings) {
                // Somebody may have been quicker at the port.
                Err(error) if error.kind() == io::ErrorKind::AddrInUse && attempt < STARTS_MAX => {}
                other => {
                    if other.is_err() {
                        let _ = fs::remove_dir_all(&folder);
                    }
                    return other;
                }
            }
        }
    }

    /// A server that does not come to answer counts as one whose port was taken.
    fn start_in(folder: &Path, certificate: Option<Certificate<'_>>, settings: &[&str]) -> io::Result<Self> {
        let programs = programs()?;
        fs::DirBuilder::new().mode(0o700).create(folder)?;
        let password = password()?;
        let mut files = vec![folder.join("password")];
        fs::write(&files[0], &password)?;
        for (name, text) in certificate.iter().flat_map(|tls| [("tls.pem", tls.chain), ("tls.key", tls.key)]) {
            let file = folder.join(name);
            fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&file)?.write_all(text.as_bytes())?;
            files.push(file);
        }
        let user = user_beside_root()?;
        let as_user = |program: &str| {
            let program = programs.join(program);
            match user {
                None => Command::new(program),
                Some((user, group)) => {
                    let mut command = Command::new("setpriv");
                    command.arg(format!("--reuid={user}")).arg(format!("--regid={group}")).arg("--clear-groups");
                    command.arg(program);
                    command
                }
            }
        };
        if let Some((user, group)) = user {
            for path in files.iter().map(PathBuf::as_path).chain([folder]) {
                std::os::unix::fs::chown(path, Some(user), Some(group))?;
            }
        }
        let data = folder.join("data");
        let mut make = as_user("initdb");
        make.args(["--username=realm", "--auth=scram-sha-256", "--encoding=UTF8", "--no-sync"]);
        // Not the order of bytes that SQLite has: what relies on it shall fail here.
        make.args(["--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US"]);
        make.arg("--pwfile").arg(folder.join("password")).arg("--pgdata").arg(&data).current_dir(folder);
        output(&mut make)?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut server = as_user("postgres");
        server.arg("-D").arg(&data).args(["-k", ""]).args(["-h", "127.0.0.1", "-p", &port.to_string()]);
        server.args(["-c", "log_min_messages=fatal"]);
        for setting in settings {
            server.args(["-c", setting]);
        }
        if certificate.is_some() {
            server.args(["-c", "ssl=on"]);
            for (setting, name) in [("ssl_cert_file", "tls.pem"), ("ssl_key_file", "tls.key")] {
                server.arg("-c").arg(format!("{setting}={}", folder.join(name).display()));
            }
        }
        let mut keeper = Command::new("sh");
        keeper.args(["-c", KEEPER, "keeper"]).arg(folder).arg(server.get_program()).args(server.get_args());
        let keeper = keeper.current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
        let address = format!("postgres://realm:{password}@127.0.0.1:{port}");
        let cluster = Self { keeper: Some(keeper), address, databases: AtomicU64::new(0) };
        if cluster.answers(folder) {
            return Ok(cluster);
        }
        // The keeper removes the folder with the server.
        let log = fs::read_to_string(folder.join("log")).unwrap_or_default();
        Err(io::Error::new(io::ErrorKind::AddrInUse, format!("it does not start:\n{log}")))
    }

    /// For [`VARIABLE`].
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}/postgres", self.address)
    }

    /// Waits until the server answers; false when it has ended.
    fn answers(&self, folder: &Path) -> bool {
        let begin = Instant::now();
        while begin.elapsed() < START_WAIT {
            if self.sql("SELECT 1").is_ok() {
                return true;
            }
            if fs::read_to_string(folder.join("log"))
                .is_ok_and(|log| log.contains("could not create any TCP/IP sockets"))
            {
                return false;
            }
            thread::park_timeout(Duration::from_millis(50));
        }
        false
    }

    /// Has the server carry out one statement.
    ///
    /// # Errors
    /// When it does not.
    pub fn sql(&self, statement: &str) -> io::Result<String> {
        self.sql_in("postgres", statement)
    }

    fn sql_in(&self, database: &str, statement: &str) -> io::Result<String> {
        let mut psql = Command::new(programs()?.join("psql"));
        psql.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align"]);
        psql.arg("--dbname").arg(format!("{}/{database}", self.address));
        output(psql.arg("--command").arg(statement))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(mut keeper) = self.keeper.take() {
            drop(keeper.stdin.take());
            let _ = keeper.wait();
        }
    }
}

/// The folder of the newest server's programs.
fn programs() -> io::Result<PathBuf> {
    // What is not there yet may be installed in a moment: only what was found is remembered.
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    if let Some(found) = FOUND.get() {
        return Ok(found.clone());
    }
    let find = || {
        let version = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
        let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
        let mut versions: Vec<(u32, PathBuf)> =
            debian.filter_map(|entry| Some((version(&entry.path())?, entry.path().join("bin")))).collect();
        versions.sort();
        let on_path = env::var_os("PATH").into_iter().flat_map(|path| env::split_paths(&path).collect::<Vec<_>>());
        let folders = versions.into_iter().rev().map(|(_, folder)| folder).chain(on_path);
        folders.into_iter().find(|folder| ["initdb", "postgres", "psql"].iter().all(|name| folder.join(name).is_file()))
    };
    let missing = "PostgreSQL is not installed; `cargo xtask test` installs it, as does `apt-get install postgresql`";
    let found = find().ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, missing))?;
    Ok(FOUND.get_or_init(|| found).clone())
}

/// Is there a server to be started?
#[must_use]
pub fn is_installed() -> bool {
    programs().is_ok()
}

/// User and group for the server when this process is root: Debian's `postgres`, or `nobody`.
fn user_beside_root() -> io::Result<Option<(u32, u32)>> {
    if output(Command::new("id").arg("-u"))?.trim() != "0" {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd")?;
    let entry = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut numbers = line.split(':').skip(2).map(|number| number.parse().ok());
        Some((numbers.next()??, numbers.next()??))
    };
    let found = entry("postgres").or_else(|| entry("nobody"));
    found.map(Some).ok_or_else(|| io::Error::other("PostgreSQL does not run as root, and there is no user `nobody`"))
}

fn password() -> io::Result<String> {
    let mut bytes = [0; 16];
    io::Read::read_exact(&mut fs::File::open("/dev/urandom")?, &mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// What a program printed; its errors when it failed.
fn output(command: &mut Command) -> io::Result<String> {
    let done = command.stdin(Stdio::null()).output()?;
    if !done.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&done.stderr).trim().to_owned()));
    }
    Ok(String::from_utf8_lossy(&done.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_answers_and_goes_with_its_owner() {
        let cluster = Cluster::start().unwrap();
        assert_eq!(cluster.sql("SELECT 40 + 2").unwrap().trim(), "42");
        let folder = env::temp_dir().join(format!("realm-postgres-{}-0", std::process::id()));
        assert!(folder.join("data").is_dir());
        drop(cluster);
        assert!(!folder.exists());
    }
}
