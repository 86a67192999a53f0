//! A recording, asked again: what another version decides otherwise.

use std::{
    collections::{HashMap, VecDeque},
    fs,
    io::{self, Read as _},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use realm_plugin_host::{Host, Instance, Level, Limits, LogSink, Services};

use super::{Answer, CALL_BYTES_MAX, Call, HostAnswer, MAGIC, Question};

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
    left: Mutex<VecDeque<HostAnswer>>,
}

impl AsRecorded {
    fn next<T>(&self, of_kind: impl Fn(&HostAnswer) -> Option<T>) -> Option<T> {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let place = left.iter().position(|answer| of_kind(answer).is_some())?;
        left.remove(place).as_ref().and_then(of_kind)
    }
}

impl LogSink for AsRecorded {
    fn write(&self, _plugin: &str, _level: Level, _line: &str) {}
}

impl Services for AsRecorded {
    fn now_ms(&self, _plugin: &str) -> u64 {
        let of_kind = |answer: &HostAnswer| if let HostAnswer::NowMs(now_ms) = answer { Some(*now_ms) } else { None };
        self.next(of_kind).unwrap_or_default()
    }

    fn random(&self, _plugin: &str, bytes: &mut [u8]) -> bool {
        let length = bytes.len();
        let of_kind = |answer: &HostAnswer| match answer {
            HostAnswer::Random(dice) if dice.len() == length => Some(dice.clone()),
            _ => None,
        };
        match self.next(of_kind) {
            Some(dice) => bytes.copy_from_slice(&dice),
            // It asks for more than was thrown then: the same dice each time.
            None => bytes.fill(7),
        }
        true
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
        *services.left.lock().unwrap_or_else(PoisonError::into_inner) = call.host.into();
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
    let call: Call = postcard::from_bytes(&body).map_err(io::Error::other)?;
    match &call.question {
        Question::CheckActions(actions) if !actions.is_even() => Err(io::Error::other("a batch of acts is damaged")),
        _ => Ok(Some(call)),
    }
}

fn ask(instance: &mut Instance, question: &Question) -> (Answer, Option<String>) {
    let answered = match question {
        Question::Filter(line) => instance.filter(line).map(Answer::Verdict),
        Question::Admit(player, game) => instance.admit(player, game).map(Answer::Admission),
        Question::Order(player, games) => instance.order(player, games).map(Answer::Keys),
        Question::CheckCharacter(sheet) => instance.check_character(sheet).map(Answer::Findings),
        Question::CheckActions(actions) => instance.check_actions(actions).map(Answer::Findings),
        Question::Score(character) => match instance.eligible(character) {
            Ok(super::ladder::Eligibility::Eligible) => {
                instance.score(character).map(|score| Answer::Score(Some(score)))
            }
            Ok(super::ladder::Eligibility::NotEligible(_)) => Ok(Answer::Score(None)),
            Err(error) => Err(error),
        },
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
