//! `realm plugin keygen` and `realm plugin sign`: detached signatures that `minisign` understands.

use std::{
    fs,
    io::{Cursor, IsTerminal as _, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, anyhow, bail};
use clap::Args;
use minisign::{KeyPair, PublicKey, SecretKey, SecretKeyBox};
use realm_plugin_build::component::describe;

use super::sources::{component, replace};

#[derive(Args)]
pub(in crate::cli) struct Keygen {
    /// Name of the two files, `NAME.key` (keep it) and `NAME.pub` (give it away)
    #[arg(default_value = "plugin-signing")]
    name: PathBuf,
    /// Protect the key by nothing but the file's permissions
    #[arg(long)]
    no_password: bool,
}

#[derive(Args)]
pub(in crate::cli) struct Sign {
    /// The component
    file: PathBuf,
    /// The secret key, made by `realm plugin keygen` or by `minisign -G`
    #[arg(long, value_name = "FILE", default_value = "plugin-signing.key")]
    key: PathBuf,
}

impl Keygen {
    pub(in crate::cli) fn run(self) -> anyhow::Result<ExitCode> {
        let (secret, public) = (self.name.with_extension("key"), self.name.with_extension("pub"));
        for file in [&secret, &public] {
            if file.exists() {
                bail!("{} exists already; name another, or remove it", file.display());
            }
        }
        let pair = if self.no_password {
            KeyPair::generate_unencrypted_keypair()
        } else {
            KeyPair::generate_encrypted_keypair(Some(password(true)?))
        };
        let pair = pair.map_err(|error| anyhow!("no key could be made: {error}"))?;
        let text =
            |boxed: Result<String, minisign::PError>| boxed.map_err(|error| anyhow!("the key has no text: {error}"));
        write_private(&secret, &text(pair.sk.to_box(None).map(|boxed| boxed.to_string()))?)?;
        fs::write(&public, text(pair.pk.to_box().map(|boxed| boxed.to_string()))?)
            .with_context(|| format!("{} cannot be written", public.display()))?;
        println!(
            "Made {} (keep it secret) and {}. In realm.toml:\n\n  [plugins]\n  keys = [\"{}\"]\n  require_signed = true",
            secret.display(),
            public.display(),
            pair.pk.to_base64()
        );
        Ok(ExitCode::SUCCESS)
    }
}

impl Sign {
    pub(in crate::cli) fn run(self) -> anyhow::Result<ExitCode> {
        let bytes = component(&self.file)?;
        let plugin = describe(&bytes).with_context(|| {
            format!("{}: only a plugin is signed, for its version stands inside", self.file.display())
        })?;
        let secret = read_secret(&self.key)?;
        let public = PublicKey::from_secret_key(&secret).map_err(|error| anyhow!("the key is damaged: {error}"))?;
        let comment = format!("{} {}", plugin.name, plugin.version);
        let signed = minisign::sign(Some(&public), &secret, Cursor::new(&bytes), Some(&comment), None)
            .map_err(|error| anyhow!("{} cannot be signed: {error}", self.file.display()))?;
        let mut name = self.file.into_os_string();
        name.push(".minisig");
        let file = PathBuf::from(name);
        replace(&file, signed.to_string().as_bytes())?;
        println!("Signed {comment} for the public key {}\n  {}", public.to_base64(), file.display());
        Ok(ExitCode::SUCCESS)
    }
}

fn read_secret(file: &Path) -> anyhow::Result<SecretKey> {
    let text = fs::read_to_string(file)
        .with_context(|| format!("the key {} cannot be read; make one with `realm plugin keygen`", file.display()))?;
    let boxed = || {
        SecretKeyBox::from_string(&text).map_err(|error| anyhow!("{} is no key of minisign: {error}", file.display()))
    };
    if let Ok(secret) = boxed()?.into_unencrypted_secret_key() {
        return Ok(secret);
    }
    let secret = boxed()?.into_secret_key(Some(password(false)?));
    secret.map_err(|_| anyhow!("the password does not open {}", file.display()))
}

/// Asks at a terminal, or reads one line from a pipe.
fn password(new: bool) -> anyhow::Result<String> {
    if !std::io::stdin().is_terminal() {
        let mut line = String::new();
        std::io::stdin().read_line(&mut line)?;
        return Ok(line.trim_end_matches(['\r', '\n']).to_owned());
    }
    let first = rpassword::prompt_password("Password of the signing key: ")?;
    if new && first != rpassword::prompt_password("The same again: ")? {
        bail!("the two passwords differ; try again");
    }
    Ok(first)
}

/// Writes a file that only its owner may read.
fn write_private(file: &Path, text: &str) -> anyhow::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut open = options.open(file).with_context(|| format!("{} cannot be written", file.display()))?;
    open.write_all(text.as_bytes()).with_context(|| format!("{} cannot be written", file.display()))
}
