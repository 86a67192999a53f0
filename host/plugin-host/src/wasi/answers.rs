//! The functions of WASI that have an answer.

use wasmtime::{
    Result, StoreContextMut,
    component::{LinkerInstance, Resource},
};

use super::handle::{Datetime, ERROR, Handle, OTHER, OUTPUT, StreamError, give};
use crate::{log::Level, state::State};

/// Bytes that a stream takes at once.
const WRITE_BYTES_MAX: u64 = 4_096;

type Context<'a> = StoreContextMut<'a, State>;
type Offered<'a> = LinkerInstance<'a, State>;
type Handles = Vec<Resource<Handle>>;

/// Defines a function. False when it is none of those that have an answer.
pub(super) fn define(offered: &mut Offered<'_>, interface: &str, name: &str) -> Result<bool> {
    match interface {
        "wasi:cli/environment" | "wasi:filesystem/preopens" => surroundings(offered, name),
        "wasi:cli/stdin" | "wasi:cli/stdout" | "wasi:cli/stderr" => standard_streams(offered, name),
        "wasi:cli/terminal-stdin" | "wasi:cli/terminal-stdout" | "wasi:cli/terminal-stderr" => terminals(offered, name),
        "wasi:clocks/wall-clock" => wall_clock(offered, name),
        "wasi:clocks/monotonic-clock" => monotonic_clock(offered, name),
        "wasi:io/poll" => waiting(offered, name),
        "wasi:io/streams" => Ok(reading(offered, name)? || writing(offered, name)?),
        "wasi:random/random" | "wasi:random/insecure" | "wasi:random/insecure-seed" => dice(offered, name),
        _ => Ok(false),
    }
}

/// Nothing is around a plugin.
fn surroundings(offered: &mut Offered<'_>, name: &str) -> Result<bool> {
    match name {
        "get-environment" => offered.func_wrap(name, |_: Context<'_>, ()| Ok((Vec::<(String, String)>::new(),)))?,
        "get-arguments" => offered.func_wrap(name, |_: Context<'_>, ()| Ok((Vec::<String>::new(),)))?,
        "initial-cwd" => offered.func_wrap(name, |_: Context<'_>, ()| Ok((None::<String>,)))?,
        "get-directories" => {
            offered.func_wrap(name, |_: Context<'_>, ()| Ok((Vec::<(Resource<Handle>, String)>::new(),)))?;
        }
        _ => return Ok(false),
    }
    Ok(true)
}

fn standard_streams(offered: &mut Offered<'_>, name: &str) -> Result<bool> {
    let of = match name {
        "get-stdin" => OTHER,
        "get-stdout" => OUTPUT,
        "get-stderr" => ERROR,
        _ => return Ok(false),
    };
    offered.func_wrap(name, move |_: Context<'_>, ()| Ok((give(of),)))?;
    Ok(true)
}

fn terminals(offered: &mut Offered<'_>, name: &str) -> Result<bool> {
    offered.func_wrap(name, |_: Context<'_>, ()| Ok((None::<Resource<Handle>>,)))?;
    Ok(true)
}

/// The host's clock, which stands still during a call.
fn wall_clock(offered: &mut Offered<'_>, name: &str) -> Result<bool> {
    match name {
        "now" => {
            offered.func_wrap(name, |mut context: Context<'_>, ()| Ok((datetime(context.data_mut().now_ms()),)))?
        }
        "resolution" => offered.func_wrap(name, |_: Context<'_>, ()| Ok((datetime(1),)))?,
        _ => return Ok(false),
    }
    Ok(true)
}

fn datetime(ms: u64) -> Datetime {
    let nanoseconds = u32::try_from(ms % 1_000).unwrap_or_default() * 1_000_000;
    Datetime { seconds: ms / 1_000, nanoseconds }
}

fn monotonic_clock(offered: &mut Offered<'_>, name: &str) -> Result<bool> {
    match name {
        "now" => offered.func_wrap(name, |mut context: Context<'_>, ()| {
            Ok((context.data_mut().now_ms().saturating_mul(1_000_000),))
        })?,
        "resolution" => offered.func_wrap(name, |_: Context<'_>, ()| Ok((1_000_000_u64,)))?,
        "subscribe-instant" | "subscribe-duration" => {
            offered.func_wrap(name, |_: Context<'_>, (_ns,): (u64,)| Ok((give(OTHER),)))?;
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// Everything is always ready: who waits for time to pass uses up its deadline.
fn waiting(offered: &mut Offered<'_>, name: &str) -> Result<bool> {
    match name {
        "[method]pollable.ready" => {
            offered.func_wrap(name, |_: Context<'_>, (_of,): (Resource<Handle>,)| Ok((true,)))?
        }
        "[method]pollable.block" => offered.func_wrap(name, |_: Context<'_>, (_of,): (Resource<Handle>,)| Ok(()))?,
        "poll" => offered.func_wrap(name, |_: Context<'_>, (of,): (Handles,)| {
            let count = u32::try_from(of.len()).unwrap_or(u32::MAX);
            Ok(((0..count).collect::<Vec<u32>>(),))
        })?,
        _ => return Ok(false),
    }
    Ok(true)
}

/// Every stream that could be read has come to its end.
fn reading(offered: &mut Offered<'_>, name: &str) -> Result<bool> {
    type Length = (Resource<Handle>, u64);
    match name {
        "[method]input-stream.read" | "[method]input-stream.blocking-read" => {
            offered.func_wrap(name, |_: Context<'_>, _: Length| Ok((Err::<Vec<u8>, _>(StreamError::Closed),)))?;
        }
        "[method]input-stream.skip" | "[method]input-stream.blocking-skip" => {
            offered.func_wrap(name, |_: Context<'_>, _: Length| Ok((Err::<u64, _>(StreamError::Closed),)))?;
        }
        "[method]input-stream.subscribe" | "[method]output-stream.subscribe" => {
            offered.func_wrap(name, |_: Context<'_>, (_of,): (Resource<Handle>,)| Ok((give(OTHER),)))?;
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// What is written goes to the plugin's log.
fn writing(offered: &mut Offered<'_>, name: &str) -> Result<bool> {
    match name {
        "[method]output-stream.check-write" => offered
            .func_wrap(name, |_: Context<'_>, (_of,): (Resource<Handle>,)| {
                Ok((Ok::<_, StreamError>(WRITE_BYTES_MAX),))
            })?,
        "[method]output-stream.write" | "[method]output-stream.blocking-write-and-flush" => {
            offered.func_wrap(name, |mut context: Context<'_>, (of, bytes): (Resource<Handle>, Vec<u8>)| {
                let level = if of.rep() == ERROR { Level::Error } else { Level::Info };
                context.data_mut().print(level, &bytes);
                Ok((Ok::<(), StreamError>(()),))
            })?;
        }
        "[method]output-stream.flush" | "[method]output-stream.blocking-flush" => {
            offered.func_wrap(name, |_: Context<'_>, (_of,): (Resource<Handle>,)| Ok((Ok::<(), StreamError>(()),)))?;
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// The host's dice.
fn dice(offered: &mut Offered<'_>, name: &str) -> Result<bool> {
    match name {
        "get-random-bytes" | "get-insecure-random-bytes" => {
            offered.func_wrap(name, |context: Context<'_>, (length,): (u64,)| {
                Ok((context.data().random(u32::try_from(length).unwrap_or(u32::MAX))?,))
            })?;
        }
        "get-random-u64" | "get-insecure-random-u64" => {
            offered.func_wrap(name, |context: Context<'_>, ()| Ok((context.data().random_u64()?,)))?;
        }
        // Renamed in the later versions of 0.2.
        "insecure-seed" | "get-insecure-seed" => offered.func_wrap(name, |context: Context<'_>, ()| {
            let state = context.data();
            Ok(((state.random_u64()?, state.random_u64()?),))
        })?,
        _ => return Ok(false),
    }
    Ok(true)
}
