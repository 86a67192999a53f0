//! The real program, as an operator starts it: a process, its lines, its end.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::{Duration, Instant},
};

use realm_client::{Endpoint, Trust};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::{DEADLINE, built_plugins};

/// The program that `cargo` built for these tests from the source of `realm`.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_realm-under-test");
/// The longest that a verb which ends by itself may take.
const END: Duration = Duration::from_secs(120);

/// A folder in which an operator works: `realm-data/` with the default plugins, and `realm` on the path.
pub struct Site {
    folder: TempDir,
}

/// What a verb left when it had ended.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub out: String,
    pub errors: String,
}

impl Ended {
    /// What it printed, when it ended well.
    pub fn success(self) -> String {
        assert_eq!(self.code, Some(0), "it should end well:\n{}\n{}", self.out, self.errors);
        self.out
    }

    /// The one sentence with which it refused.
    pub fn refusal(self) -> String {
        assert_eq!(self.code, Some(1), "it should be refused:\n{}\n{}", self.out, self.errors);
        let said: Vec<_> = self.errors.lines().filter(|line| line.starts_with("error: ")).collect();
        assert_eq!(said.len(), 1, "one sentence says why:\n{}", self.errors);
        assert!(!self.errors.contains("panicked"), "{}", self.errors);
        said[0]["error: ".len()..].to_owned()
    }
}

impl Site {
    /// A folder with nothing in it but the program.
    pub fn empty() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let programs = folder.path().join("bin");
        fs::create_dir(&programs).expect("a folder for the program");
        std::os::unix::fs::symlink(PROGRAM, programs.join("realm")).expect("a link to the program");
        Self { folder }
    }

    /// The same with the default plugins in the data folder.
    pub fn new() -> Self {
        let site = Self::empty();
        fs::create_dir_all(site.data().join("plugins")).expect("a plugin folder");
        for name in ["anti-cheat", "chat-filter", "ladder", "matchmaking"] {
            let file = format!("{name}.wasm");
            let copied = fs::copy(built_plugins().join(&file), site.data().join("plugins").join(&file));
            copied.expect("a built plugin");
        }
        site
    }

    /// The folder in which commands run.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("realm-data")
    }

    /// A command that runs here, with free ports, compiled plugins shared by all tests, and `realm` on the path.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        let old = std::env::var("PATH").unwrap_or_default();
        command.current_dir(self.folder()).env("PATH", format!("{}:{old}", self.folder().join("bin").display()));
        for key in ["NET__HTTPS", "NET__REALM", "NET__GAME", "TELEMETRY__LISTEN"] {
            command.env(format!("REALM__{key}"), "127.0.0.1:0");
        }
        let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("plugin-cache");
        command.env("REALM__PLUGINS__CACHE_DIR", cache).env("REALM_PLUGINS_DIR", built_plugins());
        command
    }

    /// `realm` with arguments.
    pub fn realm(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(PROGRAM);
        command.args(arguments);
        command
    }

    /// Runs `realm` with arguments until it ends.
    pub fn run(&self, arguments: &[&str]) -> Ended {
        run(&mut self.realm(arguments), "")
    }

    /// Starts `realm up` and waits until it is up.
    pub fn up(&self) -> Up {
        Up::start(&mut self.realm(&["up", "--data", "realm-data"]))
    }

    /// How clients reach the realm that runs here, by the note in its data folder.
    pub fn endpoint(&self) -> Endpoint {
        let note = fs::read_to_string(realm::Endpoint::file(&self.data())).expect("a running realm leaves a note");
        let note: realm::Endpoint = serde_json::from_str(&note).expect("the note is JSON");
        let mut endpoint = Endpoint::new("127.0.0.1", Trust::fingerprint(&note.fingerprint).expect("a fingerprint"));
        endpoint.https_port = note.https.port();
        endpoint.realm_port = note.realm.port();
        endpoint.game_port = note.game.port();
        endpoint.deadline = DEADLINE;
        endpoint
    }
}

/// Runs a command until it ends, with `input` at its standard input.
pub fn run(command: &mut Command, input: &str) -> Ended {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starting");
    // A program that does not read has closed the pipe.
    let _ = child.stdin.take().expect("a pipe").write_all(input.as_bytes());
    let (mut out, mut errors) = (child.stdout.take().expect("a pipe"), child.stderr.take().expect("a pipe"));
    let read_out = thread::spawn(move || {
        let mut text = String::new();
        let _ = out.read_to_string(&mut text);
        text
    });
    let read_errors = thread::spawn(move || {
        let mut text = String::new();
        let _ = errors.read_to_string(&mut text);
        text
    });
    let status = wait(&mut child, END);
    let (out, errors) = (read_out.join().expect("reading"), read_errors.join().expect("reading"));
    Ended { code: status.code(), out, errors }
}

fn wait(child: &mut Child, longest: Duration) -> ExitStatus {
    let begin = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("asking for the end of a child") {
            return status;
        }
        if begin.elapsed() > longest {
            let _ = child.kill();
            let _ = child.wait();
            panic!("the program did not end within {longest:?}");
        }
        thread::park_timeout(Duration::from_millis(10));
    }
}

/// A realm that runs as a process; killed when it is dropped.
pub struct Up {
    child: Child,
    lines: Receiver<String>,
    banner: String,
}

impl Up {
    /// Starts a command that is `realm up`, or becomes it, and waits for the end of its banner.
    pub fn start(command: &mut Command) -> Self {
        Self::start_until(command.stdin(Stdio::null()), "Ctrl-C saves everything", END)
    }

    /// Starts any verb that goes on, and waits for the line that says that it does. Its standard input is what the command says.
    pub fn start_until(command: &mut Command, mark: &str, longest: Duration) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starting");
        let (sender, lines) = channel();
        let out = BufReader::new(child.stdout.take().expect("a pipe"));
        let errors = BufReader::new(child.stderr.take().expect("a pipe"));
        let of_errors = sender.clone();
        thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        thread::spawn(move || errors.lines().map_while(Result::ok).try_for_each(|line| of_errors.send(line)));
        let mut up = Self { child, lines, banner: String::new() };
        up.banner = up.until_within(mark, longest);
        up
    }

    /// Everything that was printed until the realm was up.
    pub fn banner(&self) -> &str {
        &self.banner
    }

    /// The one-time token that the banner shows.
    pub fn token(&self) -> &str {
        let line = self.banner.lines().find(|line| line.contains("owner create")).expect("the banner has the line");
        line.split_once("--token ").expect("a token").1.split(' ').next().expect("a word")
    }

    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal, and waits until the program has ended: its exit code and its last lines.
    pub fn end(mut self, signal: Signal) -> (Option<i32>, String) {
        kill_process(Pid::from_child(&self.child), signal).expect("the program runs");
        let code = wait(&mut self.child, END).code();
        let lines: Vec<String> = self.lines.iter().collect();
        (code, lines.join("\n"))
    }

    /// Sends a signal, and lets the program live.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("the program runs");
    }

    /// Types a line into a standard input that is a pipe.
    pub fn type_line(&mut self, text: &str) {
        let input = self.child.stdin.as_mut().expect("its standard input is a pipe");
        writeln!(input, "{text}").expect("the program reads");
    }

    /// The lines up to one that contains `mark`.
    pub fn until(&mut self, mark: &str) -> String {
        self.until_within(mark, END)
    }

    /// The same for what takes long.
    pub fn until_within(&mut self, mark: &str, longest: Duration) -> String {
        let (begin, mut text) = (Instant::now(), String::new());
        while begin.elapsed() < longest {
            match self.lines.recv_timeout(longest) {
                Ok(line) => {
                    text.push_str(&line);
                    text.push('\n');
                    if line.contains(mark) {
                        return text;
                    }
                }
                Err(RecvTimeoutError::Disconnected) => panic!("the program ended before {mark:?}:\n{text}"),
                Err(RecvTimeoutError::Timeout) => break,
            }
        }
        panic!("{mark:?} did not come within {longest:?}:\n{text}");
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
