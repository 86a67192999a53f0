//! Who has which command, and the name that may have been meant.

use std::collections::HashSet;

use realm_plugin_host::{Hook, Instance, bindings::commands::Command};

use super::OWN_COMMANDS;
use crate::hooks::{figures::Function, lane::Lane, tape::Question};

/// How far a name may be from one that exists to be taken for a slip, in letters.
const SLIP_MAX: usize = 2;

/// A command and who has it.
pub(super) struct Entry {
    pub(super) installation: u64,
    pub(super) command: Command,
}

/// The commands of the plugins on the general lane.
#[derive(Default)]
pub(in crate::hooks) struct Book {
    pub(super) entries: Vec<Entry>,
    /// Names that were not given, by installation: said once.
    told: HashSet<(u64, String)>,
}

impl Book {
    /// Asks every plugin for its commands; who cannot say now keeps those that it had.
    pub(in crate::hooks) fn refresh(lane: &mut Lane) {
        let mut before = std::mem::take(&mut lane.book.entries);
        let mut entries: Vec<Entry> = Vec::new();
        let mut installations = HashSet::new();
        for place in lane.answering(Hook::Commands) {
            let installation = lane.installed(place).id;
            installations.insert(installation);
            let listed = lane.call(place, Function::ListCommands, || Question::ListCommands, Instance::list_commands).0;
            let commands = listed.unwrap_or_else(|| {
                let kept = before.extract_if(.., |entry| entry.installation == installation);
                kept.map(|entry| entry.command).collect()
            });
            for command in commands {
                let own = OWN_COMMANDS.iter().any(|own| own.name == command.name);
                let taken = own.then(|| "the realm".to_owned()).or_else(|| {
                    let entry = entries.iter().find(|entry| entry.command.name == command.name)?;
                    let owner = lane.answering(Hook::Commands).find(|at| lane.installed(*at).id == entry.installation);
                    Some(owner.map_or_else(String::new, |at| format!("plugin {}", lane.label(at))))
                });
                match taken {
                    None => entries.push(Entry { installation, command }),
                    Some(owner) => {
                        if lane.book.told.insert((installation, command.name.clone())) {
                            let label = lane.label(place);
                            tracing::warn!("plugin {label} is not given the command /{}: {owner} has it", command.name);
                        }
                    }
                }
            }
        }
        lane.book.told.retain(|(installation, _)| installations.contains(installation));
        lane.book.entries = entries;
    }

    pub(super) fn find(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.command.name == name)
    }

    pub(super) fn nearest(&self, name: &str) -> Option<String> {
        nearest(name, self.entries.iter().map(|entry| entry.command.name.as_str()))
    }
}

/// The name that may have been meant, of the realm's own and these.
pub(super) fn nearest<'a>(name: &str, others: impl Iterator<Item = &'a str>) -> Option<String> {
    let names = OWN_COMMANDS.iter().map(|own| own.name).chain(others);
    let near = names.map(|known| (strsim::damerau_levenshtein(known, name), known)).min();
    near.filter(|(slips, known)| *slips <= SLIP_MAX && *slips < known.len()).map(|(_, known)| known.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised() {
        assert_eq!(nearest("hlep", std::iter::empty()).as_deref(), Some("help"));
        assert_eq!(nearest("rol", ["roll", "trade"].into_iter()).as_deref(), Some("roll"));
        assert_eq!(nearest("zzzzzz", ["roll"].into_iter()), None);
    }
}
