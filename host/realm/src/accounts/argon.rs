//! Argon2id and the text that holds its outcome.

use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::{
        Error, Result,
        phc::{Output, ParamsString, PasswordHash, Salt},
    },
};

const LANES: u32 = 1;

/// What one computation costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cost {
    pub(super) memory_kib: u32,
    pub(super) passes: u32,
}

impl Cost {
    /// Was a password hashed for less than this? Such a hash is made anew when the password is at hand.
    pub(super) fn exceeds(self, phc: &str) -> bool {
        let parsed = PasswordHash::new(phc).ok();
        let made = parsed.filter(|phc| phc.algorithm == Algorithm::Argon2id.ident());
        let made = made.and_then(|phc| Params::try_from(&phc).ok());
        made.is_none_or(|made| made.m_cost() < self.memory_kib || made.t_cost() < self.passes)
    }
}

/// Computes on memory that it keeps from one password to the next: taken and given back each time, the allocator would in the end
/// hold it several times over.
pub(super) struct Computer {
    cost: Cost,
    memory: Vec<Block>,
}

impl Computer {
    pub(super) fn new(cost: Cost) -> Self {
        Self { cost, memory: Vec::new() }
    }

    /// The PHC string of a password.
    pub(super) fn hash(&mut self, password: &str) -> Result<String> {
        let Cost { memory_kib, passes } = self.cost;
        let parameters = Params::new(memory_kib, passes, LANES, None).map_err(|_| Error::ParamsInvalid)?;
        let params = ParamsString::try_from(&parameters)?;
        let salt = Salt::generate();
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters);
        let hash = self.compute(&argon2, password, &salt)?;
        let (algorithm, version) = (Algorithm::Argon2id.ident(), Some(Version::V0x13.into()));
        Ok(PasswordHash { algorithm, version, params, salt: Some(salt), hash: Some(hash) }.to_string())
    }

    /// Is this the password of a PHC string, with the parameters that stand there?
    pub(super) fn verify(&mut self, password: &str, phc: &str) -> Result<bool> {
        let phc = PasswordHash::new(phc).map_err(|_| Error::EncodingInvalid)?;
        let (Some(salt), Some(expected)) = (&phc.salt, &phc.hash) else { return Err(Error::EncodingInvalid) };
        let algorithm = Algorithm::try_from(phc.algorithm.as_str())?;
        let version = phc.version.map(Version::try_from).transpose()?.unwrap_or_default();
        let argon2 = Argon2::new(algorithm, version, Params::try_from(&phc)?);
        // Outputs are compared in constant time.
        Ok(self.compute(&argon2, password, salt)? == *expected)
    }

    fn compute(&mut self, argon2: &Argon2<'_>, password: &str, salt: &Salt) -> Result<Output> {
        let mut bytes = [0; Output::MAX_LENGTH];
        let length = argon2.params().output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN);
        let out = bytes.get_mut(..length).ok_or(Error::OutputSize)?;
        self.memory.resize(argon2.params().block_count(), Block::new());
        argon2.hash_password_into_with_memory(password.as_bytes(), salt, out, self.memory.as_mut_slice())?;
        Ok(Output::new(out)?)
    }
}

#[cfg(test)]
mod tests {
    use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};

    use super::*;

    #[test]
    fn texts_are_those_of_the_library_and_memory_is_used_again() {
        let mut computer = Computer::new(Cost { memory_kib: 19 * 1_024, passes: 2 });
        let first = computer.hash("ninety-nine levels").unwrap();
        let memory = computer.memory.as_ptr();
        assert_ne!(first, computer.hash("ninety-nine levels").unwrap(), "each has a salt of its own");
        let parsed = PasswordHash::new(&first).unwrap();
        assert_eq!(Argon2::default().verify_password(b"ninety-nine levels", &parsed), Ok(()));
        let theirs: PasswordHash = Argon2::default().hash_password(b"a hundred levels").unwrap();
        assert_eq!(computer.verify("a hundred levels", &theirs.to_string()), Ok(true));
        assert_eq!(computer.verify("ninety-nine levels", &theirs.to_string()), Ok(false));
        assert_eq!(computer.memory.as_ptr(), memory);
        for damaged in ["", "$argon2id$v=19$m=19456,t=2,p=1", "$argon9$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$AAAA"] {
            assert!(computer.verify("ninety-nine levels", damaged).is_err(), "{damaged}");
        }
    }
}
