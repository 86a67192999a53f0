//! Why a call failed, in words for the operator.

use wasmtime::{Trap, WasmBacktrace};

use crate::{error::CallError, limits::engine_size, memory::GrowthRefused, meter::Overrun, state::State};

/// Functions shown in the sentence about a trap.
const TRAP_FRAMES_SHOWN: usize = 4;

/// Turns the engine's error into ours.
pub(crate) fn explain(error: &wasmtime::Error, state: &mut State) -> CallError {
    match state.meter.overrun() {
        Some(Overrun::Cpu) => return CallError::Deadline(state.meter.deadline()),
        Some(Overrun::Wall) => return CallError::WallClock(state.meter.wall()),
        None => {}
    }
    if let Some(refused) = error.downcast_ref::<GrowthRefused>() {
        return CallError::Memory(refused.to_string());
    }
    let cause = error.root_cause().to_string();
    if cause.contains("hostcalls has been exhausted") {
        return CallError::TooMuch(engine_size(state.compiled.limits.handover_bytes_max));
    }
    let trap = error.downcast_ref::<Trap>().map_or(cause, ToString::to_string);
    let message = match state.last_words.take() {
        Some(words) => format!("{} ({trap})", shortened(&words)),
        None => shortened(&trap),
    };
    CallError::Trap { message, backtrace: error.downcast_ref::<WasmBacktrace>().and_then(innermost) }
}

/// The innermost functions of a backtrace that have names.
fn innermost(backtrace: &WasmBacktrace) -> Option<String> {
    let names = backtrace.frames().iter().filter_map(|frame| {
        let symbol = frame.symbols().first().and_then(|symbol| {
            let line = symbol.line().map(|line| format!(":{line}")).unwrap_or_default();
            symbol.file().map(|file| format!("{file}{line}"))
        });
        symbol.or_else(|| frame.func_name().map(str::to_owned))
    });
    let shown: Vec<String> = names.take(TRAP_FRAMES_SHOWN).collect();
    (!shown.is_empty()).then(|| shortened(&shown.join(", ")))
}

/// A plugin's text inside a sentence of ours: one line, not too long.
pub(crate) fn shortened(text: &str) -> String {
    const CHARACTERS_MAX: usize = 400;
    let mut shown: String = text.chars().take(CHARACTERS_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(CHARACTERS_MAX).is_some() {
        shown.push('…');
    }
    shown
}
