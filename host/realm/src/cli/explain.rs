//! `realm explain`: what the codes of the realm mean; and the page of the documentation that lists them.

use std::{fmt::Write as _, process::ExitCode};

use clap::Args;

use crate::types::Code;

/// Names that are offered when a code is unknown.
const NEAR_MAX: usize = 3;
/// Names less alike than this are not meant.
const NEAR_MIN: f64 = 0.75;

#[derive(Args)]
pub(super) struct Explain {
    /// The code, for example INVALID_CREDENTIALS; all of them when none is named
    code: Option<String>,
}

impl Explain {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        match &self.code {
            None => {
                for (code, status, meaning) in Code::ALL {
                    println!("{:<26}  {status}  {}", code.as_str(), meaning.trim());
                }
            }
            Some(code) => println!("{}", explained(code)?),
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn explained(code: &str) -> anyhow::Result<String> {
    let wanted = code.trim().trim_start_matches("urn:realm:error:").to_uppercase().replace('-', "_");
    let known = Code::ALL.iter().find(|(code, ..)| code.as_str() == wanted);
    let Some((code, status, meaning)) = known else {
        let mut near: Vec<(f64, &str)> =
            Code::ALL.iter().map(|(code, ..)| (strsim::jaro_winkler(code.as_str(), &wanted), code.as_str())).collect();
        near.retain(|(alike, _)| *alike >= NEAR_MIN);
        near.sort_by(|one, other| other.0.total_cmp(&one.0));
        let near: Vec<&str> = near.into_iter().take(NEAR_MAX).map(|(_, name)| name).collect();
        let hint = if near.is_empty() { String::new() } else { format!("; the nearest are {}", near.join(", ")) };
        anyhow::bail!("there is no code {wanted}{hint}; `realm explain` lists all");
    };
    Ok(format!("{}\n\n{}\n\nHTTP status {status}. {}", code.as_str(), meaning.trim(), advice(*status)))
}

/// What a client does about a refusal of this status.
fn advice(status: u16) -> &'static str {
    match status {
        400 | 405 | 413 | 422 => {
            "The request has to be another one: the sentence of the refusal says what is wrong with it."
        }
        401 => "Prove who you are: log in, or refresh the access token.",
        403 => "It is not allowed; sending it again does not help.",
        404 => "It is not there, or not for this account.",
        408 => "It took too long; send it again.",
        409 => "It does not fit what is so now; look, and decide anew.",
        412 | 428 => "Read the newest version, and send its ETag in If-Match.",
        426 => "Update the client program.",
        429 | 503 | 507 => "It may pass: wait as long as Retry-After or retry_after_ms says, then send it again.",
        _ => "It is the realm's fault; the operator's log says more.",
    }
}

/// The page that lists all codes.
#[must_use]
pub(super) fn page() -> String {
    let mut page = String::from(
        "# Codes\n\nEvery refusal of the realm carries one of these codes, over REST, frames and WebSocket alike; clients match on the code, \
         never on\nthe sentence. `realm explain CODE` says the same at a terminal. Written by `cargo xtask docs`.\n\n\
         | Code | HTTP | Meaning | What a client does |\n|---|---|---|---|\n",
    );
    for (code, status, meaning) in Code::ALL {
        let (code, meaning) = (code.as_str(), meaning.trim());
        // Writing into a text cannot fail.
        let _ = writeln!(page, "| `{code}` | {status} | {meaning} | {} |", advice(*status));
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_explained_and_a_wrong_one_is_told_its_nearest() {
        for (code, status, _) in Code::ALL {
            let text = explained(code.as_str()).unwrap();
            assert!(text.starts_with(code.as_str()) && text.contains(&status.to_string()), "{text}");
            assert!(page().contains(&format!("| `{}` | {status} |", code.as_str())));
        }
        assert!(explained("urn:realm:error:muted").unwrap().starts_with("MUTED"));
        let wrong = explained("INVALID_CREDENTIAL").unwrap_err().to_string();
        assert!(wrong.contains("the nearest are INVALID_CREDENTIALS"), "{wrong}");
        assert!(explained("zzz").unwrap_err().to_string().contains("lists all"));
    }
}
