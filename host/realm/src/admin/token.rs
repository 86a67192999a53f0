//! The operator's token: made at each start, left in the data folder for whoever may read there.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use subtle::ConstantTimeEq as _;

/// Bytes of the token.
const TOKEN_BYTES: usize = 32;

/// Proves that who asks may read the data folder; cheap to clone.
#[derive(Clone)]
pub struct OperatorToken {
    token: Arc<str>,
}

impl OperatorToken {
    /// Makes a token and leaves it in the data folder, readable for the owner of the folder alone.
    pub(super) fn leave(data: &Path) -> io::Result<Self> {
        let mut random = [0; TOKEN_BYTES];
        getrandom::fill(&mut random).map_err(io::Error::other)?;
        let digits: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let token = format!("operator-{digits}");
        let beside = data.join("operator.token.new");
        match fs::remove_file(&beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
        file.write_all(token.as_bytes())?;
        fs::rename(&beside, Self::file(data))?;
        Ok(Self { token: token.into() })
    }

    /// Where the token lies.
    #[must_use]
    pub fn file(data: &Path) -> PathBuf {
        data.join("operator.token")
    }

    /// Is it this one?
    pub(super) fn is(&self, other: &str) -> bool {
        self.token.as_bytes().ct_eq(other.as_bytes()).into()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_token_is_for_the_owner_of_the_folder_alone_and_new_at_each_start() {
        let place = tempfile::tempdir().unwrap();
        let token = OperatorToken::leave(place.path()).unwrap();
        let read = || fs::read_to_string(OperatorToken::file(place.path())).unwrap();
        let first = read();
        assert!(token.is(&first) && !token.is("") && !token.is(&first[1..]));
        let mode = fs::metadata(OperatorToken::file(place.path())).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let next = OperatorToken::leave(place.path()).unwrap();
        assert!(!next.is(&first) && next.is(&read()));
    }
}
