//! What a function of a hook gives when no plugin answers it, and what of that the operator has tightened.

use super::figures::Function;

/// The functions that are closed: without an answer they say no. Each is open or closed by declaration (see
/// `docs/plugins/failure.md`); the operator may close an open one, and nobody may open a closed one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Policies {
    closed: u32,
}

impl Policies {
    /// Closes the functions of these names.
    ///
    /// # Errors
    /// The first name that is none, with the names that there are.
    pub fn closing<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let mut closed = 0;
        for name in names {
            let function = Function::ALL.into_iter().find(|function| function.as_str() == name);
            let function = function.ok_or_else(|| {
                let known: Vec<&str> = Function::ALL.into_iter().map(Function::as_str).collect();
                format!("\"{name}\" is no function of a hook; the functions are {}", known.join(", "))
            })?;
            closed |= 1 << function as u32;
        }
        Ok(Self { closed })
    }

    /// True when a call without an answer means no, also when no plugin is there to be asked.
    pub(super) fn is_closed(self, function: Function) -> bool {
        self.closed & 1 << function as u32 != 0
    }

    /// What happens instead of an answer, in words for the operator.
    pub(super) fn words(self, function: Function) -> &'static str {
        if self.is_closed(function) { function.closed_policy() } else { function.policy() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_closed_by_their_names() {
        let policies = Policies::closing(["admit", "check-actions"]).unwrap();
        assert!(policies.is_closed(Function::Admit) && policies.is_closed(Function::CheckActions));
        assert!(!policies.is_closed(Function::Order));
        assert_ne!(policies.words(Function::Admit), Policies::default().words(Function::Admit));
        let error = Policies::closing(["admit", "addmit"]).unwrap_err();
        assert!(error.contains("\"addmit\"") && error.contains("check-actions"), "{error}");
    }
}
