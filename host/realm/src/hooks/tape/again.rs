//! A recording, asked again: what another version decides otherwise.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    io::{self, Read as _},
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use realm_plugin_host::{
    Host, Instance, Level, Limits, LogSink, Services,
    bindings::{
        kv::KvError,
        realm_info::{Account, Character},
    },
};

use super::{Answer, CALL_BYTES_MAX, Call, HostAnswer, MAGIC, Question, Told};
use crate::hooks::decision::Decision as _;

/// Keys of the new version's own that are remembered from call to call.
const WRITTEN_MAX: usize = 4_096;
/// Differences that are shown; the rest is counted.
const SHOWN_MAX: usize = 50;

/// Why a recording cannot be asked again.
#[derive(Debug, thiserror::Error)]
pub enum TapeError {
    /// The file cannot be read.
    #[error("{0}: {1}")]
    Unreadable(String, io::Error),
    /// It is no recording.
    #[error(
        "{0} is no recording of calls to plugins; they lie in plugin-recordings/ in the data folder while `[plugins] record` is on"
    )]
    NoTape(String),
    /// The plugin cannot be used.
    #[error("{0}: {1}")]
    Plugin(String, String),
}

/// A call that the new version answers otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallAgain {
    /// When it was, in milliseconds since 1970.
    pub at_ms: u64,
    /// The question, in words.
    pub question: String,
    /// What was decided, by which version.
    pub before: String,
    /// What the new version decides.
    pub now: String,
}

/// What came of asking again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TapeReport {
    /// Name and version of the new plugin.
    pub plugin: String,
    /// Calls of the plugin of this name.
    pub calls: u64,
    /// Calls of other plugins, which were passed over.
    pub others: u64,
    /// Calls that are answered otherwise.
    pub different: u64,
    /// The first of them.
    pub shown: Vec<CallAgain>,
    /// The recording ends in the middle of a call, as it does while it is being written.
    pub cut_off: bool,
}

/// Answers a plugin as the host did when it was recorded.
#[derive(Default)]
struct AsRecorded {
    told: Mutex<Told>,
    /// What it has written in earlier calls, for keys that were not read then.
    written: Mutex<BTreeMap<String, Option<Vec<u8>>>>,
}

impl AsRecorded {
    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn written(&self) -> MutexGuard<'_, BTreeMap<String, Option<Vec<u8>>>> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next call, with what the host answered in it.
    fn begin(&self, answers: Vec<HostAnswer>) {
        *self.told() = Told::new(answers);
    }

    fn change(&self, key: &str, value: Option<Vec<u8>>, bytes_max: u64) -> Result<(), KvError> {
        self.told().change(key, value.clone(), bytes_max)?;
        let mut written = self.written();
        if written.len() < WRITTEN_MAX || written.contains_key(key) {
            written.insert(key.to_owned(), value);
        }
        Ok(())
    }
}

impl LogSink for AsRecorded {
    fn write(&self, _plugin: &str, _level: Level, _line: &str) {}
}

impl Services for AsRecorded {
    fn now_ms(&self, _plugin: &str) -> u64 {
        self.told().now_ms().unwrap_or_default()
    }

    fn random(&self, _plugin: &str, bytes: &mut [u8]) -> bool {
        match self.told().random(bytes.len()) {
            Some(dice) => bytes.copy_from_slice(&dice),
            // It asks for more than was thrown then: the same dice each time.
            None => bytes.fill(7),
        }
        true
    }

    fn kv_get(&self, _plugin: &str, key: &str) -> Result<Option<Vec<u8>>, KvError> {
        let then = self.told().value(key);
        then.unwrap_or_else(|| Ok(self.written().get(key).cloned().flatten()))
    }

    fn kv_set(&self, _plugin: &str, key: &str, value: Vec<u8>, bytes_max: u64) -> Result<(), KvError> {
        self.change(key, Some(value), bytes_max)
    }

    fn kv_delete(&self, _plugin: &str, key: &str) -> Result<(), KvError> {
        self.change(key, None, u64::MAX)
    }

    fn kv_list(&self, _plugin: &str, prefix: &str, after: &str, _keys_max: usize) -> Result<Vec<String>, KvError> {
        self.told().keys(prefix, after).unwrap_or_else(|| Ok(Vec::new()))
    }

    fn realm_name(&self) -> String {
        self.told().realm_name().unwrap_or_default()
    }

    fn players_online(&self) -> u32 {
        self.told().players_online().unwrap_or_default()
    }

    fn find_account(&self, id: u64) -> Option<Account> {
        self.told().account(id).flatten()
    }

    fn find_character(&self, id: u64) -> Option<Character> {
        self.told().character(id).flatten()
    }
}

/// Asks the plugin in `with` everything that the plugin of its name was asked in a recording. `settings` gives the configuration of a
/// plugin by its name, as JSON.
///
/// # Errors
/// When the file is no recording or the plugin cannot be used.
pub fn replay_calls(file: &Path, with: &Path, settings: impl Fn(&str) -> String) -> Result<TapeReport, TapeError> {
    let shown = |path: &Path| path.display().to_string();
    let opened = fs::File::open(file).map_err(|error| TapeError::Unreadable(shown(file), error))?;
    let mut tape = io::BufReader::new(opened);
    let mut magic = [0; MAGIC.len()];
    if tape.read_exact(&mut magic).is_err() || magic != *MAGIC {
        return Err(TapeError::NoTape(shown(file)));
    }
    let refused = |error: &dyn std::fmt::Display| TapeError::Plugin(shown(with), error.to_string());
    let bytes = fs::read(with).map_err(|error| refused(&error))?;
    let host = Host::new(Limits::default(), None).map_err(|error| refused(&error))?;
    let services = Arc::new(AsRecorded::default());
    let plugin = host.load(&bytes, Arc::clone(&services) as Arc<dyn Services>).map_err(|error| refused(&error))?;
    let manifest = plugin.manifest();
    let settings = settings(&manifest.name);
    let mut report = TapeReport { plugin: format!("{} {}", manifest.name, manifest.version), ..TapeReport::default() };
    let mut instances: HashMap<u32, Instance> = HashMap::new();
    loop {
        let call = match read_call(&mut tape) {
            Ok(Some(call)) => call,
            Ok(None) => break,
            Err(_) => {
                report.cut_off = true;
                break;
            }
        };
        if call.plugin != manifest.name {
            report.others += 1;
            continue;
        }
        report.calls += 1;
        if instances.get(&call.lane).is_none_or(Instance::is_dead) {
            let made = plugin.instantiate(&settings).map_err(|error| refused(&error))?;
            instances.insert(call.lane, made);
        }
        let instance = instances.get_mut(&call.lane).expect("it was put there just now");
        services.begin(call.host);
        let (now, failure) = ask(instance, &call.question);
        if now == call.answer {
            continue;
        }
        report.different += 1;
        if report.shown.len() < SHOWN_MAX {
            report.shown.push(CallAgain {
                at_ms: call.at_ms,
                question: short(&call.question),
                before: format!("{} {}", call.version, short(&call.answer)),
                now: failure.unwrap_or_else(|| short(&now)),
            });
        }
    }
    Ok(report)
}

/// The next call; `None` at the end of the file.
fn read_call(tape: &mut impl io::Read) -> io::Result<Option<Call>> {
    let mut length = [0; 4];
    match tape.read(&mut length[..1])? {
        0 => return Ok(None),
        _ => tape.read_exact(&mut length[1..])?,
    }
    let length = usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX);
    if length > CALL_BYTES_MAX {
        return Err(io::Error::other("a call is longer than any can be"));
    }
    let mut body = vec![0; length];
    tape.read_exact(&mut body)?;
    postcard::from_bytes(&body).map(Some).map_err(io::Error::other)
}

fn ask(instance: &mut Instance, question: &Question) -> (Answer, Option<String>) {
    let answered = match question {
        Question::Filter(line) => instance.filter(line).map(Answer::Verdict),
        Question::Admit(player, game) => instance.admit(player, game).map(Answer::Admission),
        Question::Order(player, games) => instance.order(player, games).map(Answer::Keys),
        Question::CheckCharacter(sheet) => instance.check_character(sheet).map(Answer::Findings),
        Question::CheckActions(tick, actions) => instance.check_actions(*tick, actions).map(Answer::Findings),
        Question::Score(character) => match instance.eligible(character) {
            Ok(super::ladder::Eligibility::Eligible) => {
                instance.score(character).map(|score| Answer::Score(Some(score)))
            }
            Ok(super::ladder::Eligibility::NotEligible(_)) => Ok(Answer::Score(None)),
            Err(error) => Err(error),
        },
        Question::CheckItem(item, occasion) => instance.check_item(item, *occasion).map(Answer::Findings),
        Question::Form(tickets, now_ms) => instance.form(tickets, *now_ms).map(Answer::Matches),
        Question::SeasonEnd(season, standings) => instance.season_end(season, standings).map(Answer::Awards),
        Question::ListCommands => instance.list_commands().map(Answer::Commands),
        Question::Run(caller, name, arguments) => instance.run_command(caller, name, arguments).map(Answer::Ran),
        Question::Interests => instance.interests().map(|kinds| kinds.answer()),
        Question::Handle(events) => instance.handle(events).map(Answer::Effects),
    };
    match answered {
        Ok(answer) => (answer, None),
        Err(error) => (Answer::None, Some(format!("no answer: {error}"))),
    }
}

/// A value in a line that fits a terminal.
fn short(value: &impl std::fmt::Debug) -> String {
    const CHARACTERS_MAX: usize = 160;
    let text = format!("{value:?}");
    match text.char_indices().nth(CHARACTERS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
