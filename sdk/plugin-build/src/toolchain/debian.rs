//! Debian's newer Rust, `rustc-web`, unpacked into a folder of ours: needs no root and leaves the system as it is.
//!
//! 1. ask the package lists for the versions; lists that do not know the packages are fetched into a folder of our own
//! 2. download the packages          3. unpack them, keep what compiling needs          4. ask the compiler for its version

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, bail};

use crate::process::{output, run_within, say};

const ASK_DEADLINE: Duration = Duration::from_secs(60);
const LISTS_DEADLINE: Duration = Duration::from_secs(300);
/// The packages are some 140 MB.
const DOWNLOAD_DEADLINE: Duration = Duration::from_secs(1_200);
const UNPACK_DEADLINE: Duration = Duration::from_secs(300);

/// The compiler and the sources of its standard library.
#[derive(Debug)]
pub struct Unpacked {
    /// The package's version.
    pub version: String,
    /// Where the packages were unpacked.
    pub folder: PathBuf,
}

impl Unpacked {
    /// What an earlier run has unpacked, if it still works.
    pub(super) fn reuse(base: &Path) -> Option<Self> {
        let mut found: Vec<Self> = fs::read_dir(base)
            .ok()?
            .flatten()
            .filter_map(|entry| {
                let version = entry.file_name().to_str()?.strip_prefix("debian-")?.to_owned();
                Some(Self { version, folder: entry.path() })
            })
            .collect();
        found.sort_by(|left, right| left.version.cmp(&right.version));
        found.into_iter().rev().find(|unpacked| unpacked.check().is_ok())
    }

    /// Downloads and unpacks.
    pub(super) fn fetch(base: &Path) -> Result<Self> {
        fs::create_dir_all(base).with_context(|| format!("{} cannot be made", base.display()))?;
        let apt = Apt::with_lists(base)?;
        let version = apt.version("rustc-web")?;
        let standard_library = apt.dependency("libstd-rust-web-dev", "libstd-rust-web-")?;
        let llvm = apt.dependency(&standard_library, "libllvm")?;
        let mut packages = vec![
            "rustc-web".into(),
            "libstd-rust-web-dev".into(),
            standard_library,
            "rust-web-src".into(),
            llvm.clone(),
        ];

        // Unpacked under another name first: an interrupted download leaves nothing that looks finished.
        let partial = base.join("partial");
        if partial.exists() {
            fs::remove_dir_all(&partial).with_context(|| format!("{} cannot be removed", partial.display()))?;
        }
        let unpacked = Self { version: version.clone(), folder: partial.clone() };
        apt.unpack(&packages, &partial)?;
        if let Err(error) = unpacked.check() {
            // A lean system lacks libraries that LLVM links: they are unpacked beside it.
            say(&format!("the compiler does not start yet ({error:#}); fetching what LLVM depends on"));
            packages = apt.dependencies(&llvm)?;
            packages.retain(|name| name.starts_with("lib") && name != "libc6");
            apt.unpack(&packages, &partial)?;
            unpacked.check()?;
        }

        let folder = base.join(format!("debian-{version}"));
        fs::rename(&partial, &folder).with_context(|| format!("{} cannot be renamed", partial.display()))?;
        Ok(Self { version, folder })
    }

    /// The compiler.
    pub(super) fn rustc(&self) -> PathBuf {
        self.folder.join("usr/bin/rustc")
    }

    /// Where the compiler finds its shared libraries.
    pub(super) fn library_path(&self) -> String {
        let triple = format!("{}-linux-gnu", env::consts::ARCH);
        format!("{0}/usr/lib/{triple}:{0}/lib/{triple}", self.folder.display())
    }

    /// Does the compiler start, and are the sources of its standard library there?
    fn check(&self) -> Result<()> {
        output(Command::new(self.rustc()).arg("-vV").env("LD_LIBRARY_PATH", self.library_path()), ASK_DEADLINE)?;
        let sources = self.folder.join("usr/lib/rustlib/src/rust/library/Cargo.lock");
        if !sources.is_file() {
            bail!("the package rust-web-src does not hold library/Cargo.lock");
        }
        Ok(())
    }
}

/// apt, with the system's package lists or with lists of our own.
struct Apt {
    options: Vec<String>,
}

impl Apt {
    /// Uses the system's lists when they know the packages, else fetches lists into `base`.
    fn with_lists(base: &Path) -> Result<Self> {
        let system = Self { options: Vec::new() };
        output(system.command("apt-cache").arg("--version"), ASK_DEADLINE)
            .context("this system has no apt: this way needs Debian")?;
        if system.version("rustc-web").is_ok() {
            return Ok(system);
        }
        let (state, cache) = (base.join("apt/state"), base.join("apt/cache"));
        for folder in [state.join("lists/partial"), cache.join("archives/partial")] {
            fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        }
        let own = Self {
            options: vec![
                format!("Dir::State={}", state.display()),
                format!("Dir::State::lists={}", state.join("lists").display()),
                "Dir::State::status=/var/lib/dpkg/status".into(),
                format!("Dir::Cache={}", cache.display()),
            ],
        };
        say("fetching Debian's package lists (the system's do not know rustc-web)");
        run_within(own.command("apt-get").arg("update"), LISTS_DEADLINE)
            .context("the package lists cannot be fetched: check the network and /etc/apt/sources.list")?;
        own.version("rustc-web").context("the package lists hold no rustc-web: this way needs Debian 12 or newer")?;
        Ok(own)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("LC_ALL", "C");
        for option in &self.options {
            command.args(["-o", option]);
        }
        command
    }

    /// The version that would be installed.
    fn version(&self, package: &str) -> Result<String> {
        let text = output(self.command("apt-cache").args(["policy", package]), ASK_DEADLINE)?;
        candidate(&text).with_context(|| format!("the package lists do not know {package}"))
    }

    fn dependencies(&self, package: &str) -> Result<Vec<String>> {
        let text = output(self.command("apt-cache").args(["depends", package]), ASK_DEADLINE)?;
        Ok(depends(&text))
    }

    /// The package that `package` depends on and whose name starts with `head`.
    fn dependency(&self, package: &str, head: &str) -> Result<String> {
        let all = self.dependencies(package)?;
        all.into_iter()
            .find(|name| name.starts_with(head))
            .with_context(|| format!("the package {package} depends on no {head}…"))
    }

    /// Downloads packages and unpacks them into `folder`.
    fn unpack(&self, packages: &[String], folder: &Path) -> Result<()> {
        let archives = folder.join("archives");
        fs::create_dir_all(&archives).with_context(|| format!("{} cannot be made", archives.display()))?;
        say(&format!("downloading {} Debian packages: {}", packages.len(), packages.join(" ")));
        // Root would hand the download to a user who may not write here.
        let mut download = self.command("apt-get");
        download.args(["-o", "APT::Sandbox::User=root", "download"]).args(packages).current_dir(&archives);
        run_within(&mut download, DOWNLOAD_DEADLINE).context("the packages cannot be downloaded: check the network")?;

        let mut files: Vec<PathBuf> = fs::read_dir(&archives)?.flatten().map(|entry| entry.path()).collect();
        files.retain(|file| file.extension().is_some_and(|extension| extension == "deb"));
        files.sort();
        for (index, file) in files.iter().enumerate() {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            say(&format!("unpacking {} of {}: {name}", index + 1, files.len()));
            run_within(Command::new("dpkg").arg("-x").arg(file).arg(folder), UNPACK_DEADLINE)?;
        }
        fs::remove_dir_all(&archives)?;
        drop_unneeded_sources(folder)
    }
}

/// Of the compiler's sources only the standard library is needed; the rest is 600 MB.
fn drop_unneeded_sources(folder: &Path) -> Result<()> {
    for tree in fs::read_dir(folder.join("usr/src")).into_iter().flatten().flatten() {
        for entry in fs::read_dir(tree.path())?.flatten() {
            if entry.file_name() != "library" && entry.file_type()?.is_dir() {
                fs::remove_dir_all(entry.path())?;
            }
        }
    }
    Ok(())
}

/// The candidate in what `apt-cache policy` prints.
fn candidate(text: &str) -> Option<String> {
    let version = text.lines().find_map(|line| line.trim().strip_prefix("Candidate: "))?;
    (version != "(none)").then(|| version.to_owned())
}

/// The packages in what `apt-cache depends` prints.
fn depends(text: &str) -> Vec<String> {
    text.lines().filter_map(|line| line.trim().strip_prefix("Depends: ")).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apt_is_understood() {
        let policy = "rustc-web:\n  Installed: (none)\n  Candidate: 1.96.0+dfsg1-1~deb12u2\n  Version table:\n";
        assert_eq!(candidate(policy).as_deref(), Some("1.96.0+dfsg1-1~deb12u2"));
        assert_eq!(candidate("rustc-web:\n  Installed: (none)\n  Candidate: (none)\n"), None);
        assert_eq!(candidate(""), None);
        let text = "libstd-rust-web-1.96\n  Depends: libc6\n  Depends: libllvm22\n  Conflicts: <rustup>\n";
        assert_eq!(depends(text), ["libc6", "libllvm22"]);
    }

    #[test]
    fn only_the_standard_library_is_kept_of_the_sources() {
        let folder = tempfile::tempdir().unwrap();
        let tree = folder.path().join("usr/src/rustc-1.96.0");
        fs::create_dir_all(tree.join("library/std")).unwrap();
        fs::create_dir_all(tree.join("compiler/rustc")).unwrap();
        drop_unneeded_sources(folder.path()).unwrap();
        assert!(tree.join("library/std").is_dir());
        assert!(!tree.join("compiler").exists());
    }
}
