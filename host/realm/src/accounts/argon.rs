//! Argon2id and the text that holds its outcome.

use std::{sync::Arc, time::Duration};

use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::{
        Error, Result,
        phc::{Output, ParamsString, PasswordHash, Salt},
    },
};

use super::pace::{Pace, thread_cpu};

const LANES: u32 = 1;
/// What is computed to pass time, a piece at a time: a few hundredths of a millisecond.
const PIECE: Cost = Cost { memory_kib: 64, passes: 1 };
/// No more pieces than this, whatever the clock says.
const PIECES_MAX: u32 = 1_000_000;

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

impl Cost {
    /// Was a password hashed for exactly this?
    fn is_that_of(self, phc: &str) -> bool {
        let parameters = PasswordHash::new(phc).ok().and_then(|phc| Params::try_from(&phc).ok());
        parameters.is_some_and(|made| made.m_cost() == self.memory_kib && made.t_cost() == self.passes)
    }
}

/// Computes on memory that it keeps from one password to the next: taken and given back each time, the allocator would in the end
/// hold it several times over.
pub(super) struct Computer {
    cost: Cost,
    memory: Vec<Block>,
    /// How long the full cost takes, of all that compute side by side.
    pace: Arc<Pace>,
}

impl Computer {
    pub(super) fn new(cost: Cost, pace: Arc<Pace>) -> Self {
        Self { cost, memory: Vec::new(), pace }
    }

    /// The PHC string of a password.
    pub(super) fn hash(&mut self, password: &str) -> Result<String> {
        let Cost { memory_kib, passes } = self.cost;
        let parameters = Params::new(memory_kib, passes, LANES, None).map_err(|_| Error::ParamsInvalid)?;
        let params = ParamsString::try_from(&parameters)?;
        let salt = Salt::generate();
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters);
        let began = thread_cpu();
        let hash = self.compute(&argon2, password, &salt)?;
        self.pace.took(thread_cpu().saturating_sub(began));
        let (algorithm, version) = (Algorithm::Argon2id.ident(), Some(Version::V0x13.into()));
        Ok(PasswordHash { algorithm, version, params, salt: Some(salt), hash: Some(hash) }.to_string())
    }

    /// Is this the password of a PHC string, with the parameters that stand there? When they ask for less than is asked for now, the rest
    /// of the time is spent as well: how long an answer takes tells nobody whether it is about an account that there is, also while
    /// passwords of before the costs were raised wait to be hashed anew.
    pub(super) fn verify(&mut self, password: &str, phc: &str) -> Result<bool> {
        let began = thread_cpu();
        let verdict = self.compare(password, phc);
        if self.cost.exceeds(phc) {
            self.spend_until(began.saturating_add(self.pace.full()));
        } else if self.cost.is_that_of(phc) {
            self.pace.took(thread_cpu().saturating_sub(began));
        }
        verdict
    }

    /// Computes what nobody needs until this thread has used so much.
    fn spend_until(&mut self, until: Duration) {
        let Ok(parameters) = Params::new(PIECE.memory_kib, PIECE.passes, LANES, None) else { return };
        let (argon2, salt) = (Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters), Salt::generate());
        for _ in 0..PIECES_MAX {
            if thread_cpu() >= until || self.compute(&argon2, "", &salt).is_err() {
                return;
            }
        }
    }

    fn compare(&mut self, password: &str, phc: &str) -> Result<bool> {
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
        // It never shrinks: to fill it up again would take time that depends on what was computed before.
        let blocks = argon2.params().block_count();
        if self.memory.len() < blocks {
            self.memory.resize(blocks, Block::new());
        }
        argon2.hash_password_into_with_memory(password.as_bytes(), salt, out, &mut self.memory[..blocks])?;
        Ok(Output::new(out)?)
    }
}

#[cfg(test)]
mod tests {
    use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};

    use super::*;

    #[test]
    fn texts_are_those_of_the_library_and_memory_is_used_again() {
        let mut computer = Computer::new(Cost { memory_kib: 19 * 1_024, passes: 2 }, Arc::default());
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
    #[test]
    fn a_password_that_was_hashed_for_less_takes_no_less_than_one_that_was_not() {
        let (less, more) = (Cost { memory_kib: 64, passes: 1 }, Cost { memory_kib: 128, passes: 2 });
        let (cheaper, pace) = (Cost { memory_kib: 8, passes: 1 }, Arc::<Pace>::default());
        let old = Computer::new(less, Arc::default()).hash("ninety-nine levels").unwrap();
        assert!(more.exceeds(&old) && !cheaper.exceeds(&old));
        // What others took is the measure, however fast this machine is.
        let usual = Duration::from_millis(300);
        pace.took(usual);
        for (password, right) in [("ninety-nine levels", true), ("a hundred levels", false)] {
            let mut computer = Computer::new(more, Arc::clone(&pace));
            let began = thread_cpu();
            assert_eq!(computer.verify(password, &old), Ok(right));
            assert!(thread_cpu().saturating_sub(began) >= usual, "the rest was spent as well");
        }
        // Neither what was stretched nor what was dearer is a measure for others.
        assert_eq!(Computer::new(cheaper, Arc::clone(&pace)).verify("ninety-nine levels", &old), Ok(true));
        assert_eq!(pace.full(), usual);
    }
}
