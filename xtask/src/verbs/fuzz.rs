//! `fuzz`: libFuzzer over the decoders, on the stable compiler. The corpus lies in the tree as one file of text, one input a line.

use std::{
    fs,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, bail};

use crate::{
    layout::Layout,
    process::{cargo, output, run, rustc_path, say},
};

/// Tells the target which decoder alone is fuzzed.
const DECODER_VARIABLE: &str = "REALM_FUZZ_DECODER";
/// The decoders, each of which a long campaign fuzzes alone.
pub(super) const DECODERS: [&str; 6] = ["frame", "message", "snapshot", "websocket", "head", "proxy"];
/// Runs of each decoder in a long campaign, unless the variable says otherwise.
const LONG_RUNS: u64 = 100_000_000;
const LONG_RUNS_VARIABLE: &str = "REALM_FUZZ_RUNS";
/// What the target may hold in memory.
const MEMORY_MB_MAX: u32 = 512;
/// No frame and no text is larger; see `SIZE_MAX_AFTER_LOGIN` of the protocol.
const INPUT_BYTES_MAX: u32 = 16 * 1024 + 64;
/// One input takes at most this long.
const INPUT_SECONDS_MAX: u32 = 10;
/// Longer inputs are not kept in the tree.
const KEPT_BYTES_MAX: u64 = 48;
const COMPILER_DEADLINE: Duration = Duration::from_secs(60);
/// Coverage as libFuzzer reads it: counters of edges, their table, and the operands of comparisons.
const INSTRUMENTATION: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 --cfg fuzzing";

/// Fuzzes one decoder, or all, for so many seconds.
pub(crate) fn fuzz(layout: &Layout, decoder: Option<&str>, seconds: u64, keep: bool) -> Result<()> {
    if let Some(decoder) = decoder.filter(|decoder| !DECODERS.contains(decoder)) {
        bail!("there is no decoder `{decoder}`; there are {}", DECODERS.join(", "));
    }
    let target = Target::build(layout)?;
    target.fuzz(decoder, &format!("-max_total_time={seconds}"))?;
    if keep { target.keep() } else { Ok(()) }
}

/// Runs one input again.
pub(crate) fn fuzz_again(layout: &Layout, input: &Path) -> Result<()> {
    let target = Target::build(layout)?;
    run(Command::new(&target.program).arg(input).env("RUST_BACKTRACE", "1"))
}

/// Each decoder alone, for so long that a night is filled.
pub(super) fn campaign(layout: &Layout) -> Result<()> {
    let runs = match std::env::var(LONG_RUNS_VARIABLE) {
        Ok(text) => text.parse().with_context(|| format!("{LONG_RUNS_VARIABLE} is no number"))?,
        Err(_) => LONG_RUNS,
    };
    let target = Target::build(layout)?;
    DECODERS.iter().try_for_each(|decoder| target.fuzz(Some(decoder), &format!("-runs={runs}")))
}

struct Target {
    program: PathBuf,
    /// Inputs as the fuzzer wants them, one a file.
    inputs: PathBuf,
    /// The corpus in the tree.
    corpus: PathBuf,
    crashes: PathBuf,
}

impl Target {
    fn build(layout: &Layout) -> Result<Self> {
        let (source, folder) = (layout.root.join("tests/fuzz"), layout.target.join("fuzz"));
        let version = output(Command::new(rustc_path()).arg("-vV"), COMPILER_DEADLINE)?;
        let triple =
            version.lines().find_map(|line| line.strip_prefix("host: ")).context("the compiler names its host")?;
        say("building the fuzz target (with coverage; the first time takes about two minutes on two cores)");
        let mut command = cargo();
        // With a target named, build scripts and macros are built without coverage.
        command.args(["build", "--release", "--target", triple, "--manifest-path"]).arg(source.join("Cargo.toml"));
        command.env("CARGO_TARGET_DIR", &folder).env("RUSTFLAGS", INSTRUMENTATION);
        run(&mut command)
            .context("the fuzz target needs a C++ compiler for libFuzzer (Debian: apt-get install g++)")?;
        let this = Self {
            program: folder.join(triple).join("release/decoders"),
            inputs: folder.join("inputs"),
            corpus: source.join("corpus.hex"),
            crashes: folder.join("crashes"),
        };
        this.unpack()?;
        Ok(this)
    }

    /// Writes the corpus as files beside what earlier runs found.
    fn unpack(&self) -> Result<()> {
        for folder in [&self.inputs, &self.crashes] {
            fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        }
        let text = fs::read_to_string(&self.corpus).with_context(|| format!("{} is missing", self.corpus.display()))?;
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.starts_with('#')) {
            let bytes = from_hex(line).with_context(|| format!("{}: line {}", self.corpus.display(), number + 1))?;
            fs::write(self.inputs.join(file_name(&bytes)), &bytes).context("an input cannot be written")?;
        }
        Ok(())
    }

    fn fuzz(&self, decoder: Option<&str>, until: &str) -> Result<()> {
        say(&format!("fuzzing {} ({until})", decoder.unwrap_or("all decoders")));
        let mut command = Command::new(&self.program);
        command.arg(&self.inputs).arg(until).args([
            format!("-max_len={INPUT_BYTES_MAX}"),
            format!("-rss_limit_mb={MEMORY_MB_MAX}"),
            format!("-timeout={INPUT_SECONDS_MAX}"),
            format!("-artifact_prefix={}/", self.crashes.display()),
            "-print_final_stats=1".to_owned(),
            "-verbosity=0".to_owned(),
        ]);
        if let Some(decoder) = decoder {
            command.env(DECODER_VARIABLE, decoder);
        }
        let before = self.crashes()?;
        if run(&mut command).is_ok() {
            return Ok(());
        }
        match self.crashes()?.into_iter().find(|file| !before.contains(file)) {
            Some(input) => bail!(
                "the decoders broke over an input; it is {0}; repeat with `cargo xtask fuzz --input {0}`",
                input.display()
            ),
            None => bail!("the fuzz target ended badly without naming an input; read its last lines above"),
        }
    }

    fn crashes(&self) -> Result<Vec<PathBuf>> {
        let entries = fs::read_dir(&self.crashes).context("the folder of crashes cannot be read")?;
        Ok(entries.flatten().map(|entry| entry.path()).collect())
    }

    /// Writes the smallest set of inputs that reaches as much as all of them into the tree.
    fn keep(&self) -> Result<()> {
        let merged = self.inputs.with_file_name("merged");
        if merged.exists() {
            fs::remove_dir_all(&merged).context("the folder of merged inputs cannot be emptied")?;
        }
        fs::create_dir(&merged).context("the folder of merged inputs cannot be made")?;
        let length = format!("-max_len={KEPT_BYTES_MAX}");
        run(Command::new(&self.program)
            .args(["-set_cover_merge=1", "-verbosity=0", &length])
            .arg(&merged)
            .arg(&self.inputs))?;
        let mut lines = Vec::new();
        for entry in fs::read_dir(&merged).context("the merged inputs cannot be read")?.flatten() {
            let bytes = fs::read(entry.path()).context("a merged input cannot be read")?;
            lines.push(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
        }
        lines.sort();
        let head = "# Inputs of the fuzz target in hex, one a line; `cargo xtask fuzz --keep` writes this file.";
        fs::write(&self.corpus, format!("{head}\n{}\n", lines.join("\n"))).context("the corpus cannot be written")?;
        say(&format!("the corpus has {} inputs", lines.len()));
        Ok(())
    }
}

fn from_hex(line: &str) -> Result<Vec<u8>> {
    if !line.is_ascii() || !line.len().is_multiple_of(2) {
        bail!("is not hex");
    }
    (0..line.len() / 2).map(|at| u8::from_str_radix(&line[2 * at..2 * at + 2], 16).context("is not hex")).collect()
}

/// Names differ as inputs do.
fn file_name(bytes: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_is_read_and_anything_else_refused() {
        assert_eq!(from_hex("00ff7a").unwrap(), [0, 0xFF, 0x7A]);
        assert!(from_hex("0").is_err() && from_hex("zz").is_err() && from_hex("é").is_err());
    }
}
