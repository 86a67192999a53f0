//! Running other programs: what they do is said first, how long it took afterwards, and none runs for ever unnoticed, nor on when
//! whoever started it was told to end.

use std::{
    env,
    ffi::OsStr,
    io::Read,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};

/// How often a program with a deadline is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// Programs are started in groups of their own.
static OWN_GROUPS: AtomicBool = AtomicBool::new(false);
/// They are to end.
static ENDED: AtomicBool = AtomicBool::new(false);

/// From now on each program that is started gets a process group of its own: a Ctrl-C reaches this program alone, which then has to
/// end the others with [`end_children`].
pub fn answer_for_children() {
    OWN_GROUPS.store(true, Ordering::Relaxed);
}

/// Ends every program that was started, with all that it started itself, and every one that will be.
pub fn end_children() {
    ENDED.store(true, Ordering::Relaxed);
}

fn spawn(command: &mut Command, name: &str) -> Result<Child> {
    if OWN_GROUPS.load(Ordering::Relaxed) {
        std::os::unix::process::CommandExt::process_group(command, 0);
    }
    command.spawn().with_context(|| format!("`{name}` could not be started"))
}

fn kill(child: &mut Child) -> Result<()> {
    if OWN_GROUPS.load(Ordering::Relaxed) {
        // Who has ended meanwhile is no mistake.
        let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
    }
    let _ = child.kill();
    child.wait().map(drop).context("a program could not be ended")
}

/// Says what is being done now.
#[allow(clippy::print_stderr, reason = "whoever builds speaks on the terminal")]
pub fn say(what: &str) {
    eprintln!("==> {what}");
}

/// The Cargo that started this program.
#[must_use]
pub fn cargo_path() -> PathBuf {
    env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from)
}

/// The compiler that belongs to [`cargo_path`].
#[must_use]
pub fn rustc_path() -> PathBuf {
    if let Some(rustc) = env::var_os("RUSTC") {
        return PathBuf::from(rustc);
    }
    let beside = cargo_path().with_file_name(format!("rustc{}", env::consts::EXE_SUFFIX));
    if beside.is_file() { beside } else { PathBuf::from("rustc") }
}

/// A Cargo that is not told about the package which this program belongs to.
#[must_use]
pub fn cargo() -> Command {
    let mut command = Command::new(cargo_path());
    for (name, _) in env::vars_os() {
        let name_text = name.to_string_lossy();
        if ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"]
            .iter()
            .any(|head| name_text.starts_with(head))
        {
            command.env_remove(&name);
        }
    }
    command
}

/// Runs a program that shows on the terminal how far it is.
///
/// # Errors
/// When it cannot be started or fails.
pub fn run(command: &mut Command) -> Result<()> {
    let name = display(command);
    let mut child = spawn(command.stdin(Stdio::null()), &name)?;
    match wait(&mut child, Duration::MAX)? {
        Some(status) if status.success() => Ok(()),
        Some(status) => bail!("`{name}` failed ({status})"),
        None => bail!("`{name}` never ended"),
    }
}

/// Runs a program for at most `deadline` and gives what it printed.
///
/// # Errors
/// When it cannot be started, fails or takes too long; the text holds what it said.
pub fn output(command: &mut Command, deadline: Duration) -> Result<String> {
    let name = display(command);
    let mut child = spawn(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()), &name)?;
    let stdout = collect(child.stdout.take());
    let stderr = collect(child.stderr.take());
    let finished = wait(&mut child, deadline)?;
    let (stdout, stderr) = (stdout.join().unwrap_or_default(), stderr.join().unwrap_or_default());
    match finished {
        None => bail!("`{name}` did not end within {} s", deadline.as_secs()),
        Some(status) if !status.success() => bail!("`{name}` failed ({status}): {}", gist(&stderr)),
        Some(_) => Ok(stdout),
    }
}

/// Runs a program for at most `deadline` and lets it speak on the terminal.
///
/// # Errors
/// When it cannot be started, fails or takes too long.
pub fn run_within(command: &mut Command, deadline: Duration) -> Result<()> {
    let name = display(command);
    let mut child = spawn(command.stdin(Stdio::null()), &name)?;
    match wait(&mut child, deadline)? {
        None => bail!("`{name}` did not end within {} s", deadline.as_secs()),
        Some(status) if !status.success() => bail!("`{name}` failed ({status})"),
        Some(_) => Ok(()),
    }
}

/// A duration for people.
#[must_use]
pub fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

/// Waits for a program to end; ends it at the deadline.
fn wait(child: &mut Child, deadline: Duration) -> Result<Option<ExitStatus>> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().context("a program could not be waited for")? {
            return Ok(Some(status));
        }
        if ENDED.load(Ordering::Relaxed) {
            kill(child)?;
            bail!("it was told to end");
        }
        if start.elapsed() >= deadline {
            kill(child)?;
            return Ok(None);
        }
        thread::sleep(LOOK_EVERY);
    }
}

/// Reads a pipe to its end on a thread of its own, so that the program never waits for a reader.
fn collect<R: Read + Send + 'static>(pipe: Option<R>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // What was read before a failure is still worth showing.
            let _ = pipe.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

fn display(command: &Command) -> String {
    let program = PathBuf::from(command.get_program());
    let mut text = program.file_name().unwrap_or_else(|| OsStr::new("?")).to_string_lossy().into_owned();
    for argument in command.get_args().take(6) {
        text.push(' ');
        text.push_str(&argument.to_string_lossy());
    }
    text
}

/// The lines that tell why: those marked as errors, else the last ones.
fn gist(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let errors: Vec<&str> =
        lines.iter().filter(|line| line.starts_with("error") || line.starts_with("E: ")).take(3).copied().collect();
    if errors.is_empty() { lines[lines.len().saturating_sub(3)..].join(" / ") } else { errors.join(" / ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_takes_too_long_is_ended_and_named() {
        let start = Instant::now();
        let error = output(Command::new("sleep").arg("60"), Duration::from_millis(100)).unwrap_err().to_string();
        assert!(error.contains("`sleep 60` did not end"), "{error}");
        assert!(start.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn a_failure_carries_what_the_program_said() {
        let error =
            output(Command::new("sh").args(["-c", "echo why >&2; exit 3"]), Duration::from_secs(30)).unwrap_err();
        assert!(error.to_string().ends_with("why"), "{error}");
    }

    #[test]
    fn output_is_given_back() {
        assert_eq!(output(Command::new("echo").arg("yes"), Duration::from_secs(30)).unwrap(), "yes\n");
    }
}
