//! A player of the load: walks about, acknowledges every snapshot and decodes nothing that it does not need.

use std::{
    io,
    time::{Duration, Instant},
};

use bytes::BytesMut;
use prost::Message as _;
use realm_protocol::{
    Encoder,
    frame::{HEADER_BYTES, SIZE_MAX_AFTER_LOGIN, SIZE_MIN},
    proto,
};

use super::{histogram::Histogram, pipe::Pipe};

const PLAYER_MOVE: u8 = 0x41;
const GAME_ENTER: u8 = 0x45;
const RESPAWN: u8 = 0x48;
const GOODBYE: u8 = 0x07;
const PLAYER_STATE: u8 = 0x40;
const GAME_ENTERED: u8 = 0x46;
/// Snapshots whose life points are remembered: as many as the server may take for a baseline.
pub const RING: usize = 32;
/// The eight ways of a compass; the diagonal ones are shorter along each axis.
const WAYS: [(i32, i32); 8] = [(1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1)];

/// What a player counted since the last look.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    pub snapshots: u64,
    pub frame_bytes: u64,
}

/// A connection in a game.
pub struct Player {
    pub pipe: Pipe,
    encoder: Encoder,
    opened: Instant,
    inbox: Vec<u8>,
    step: i32,
    tick: u32,
    input: u32,
    lives: [u16; RING],
    arrived: Option<Instant>,
    chance: u32,
    way: usize,
    way_inputs: u32,
    pub seen: Seen,
    /// Why it ended.
    pub ended: Option<String>,
}

/// Memory for what is written, shared by all players of a thread.
#[derive(Default)]
pub struct Scratch {
    payload: Vec<u8>,
    frame: BytesMut,
}

impl Player {
    /// Presents the ticket and waits until the player is in the game.
    pub fn enter(mut pipe: Pipe, ticket: &str, chance: u32) -> io::Result<Self> {
        let (mut encoder, opened) = (Encoder::new(), Instant::now());
        let (mut frame, mut inbox) = (BytesMut::new(), Vec::new());
        let ticket = proto::GameEnter { ticket: ticket.to_owned() }.encode_to_vec();
        encoder.encode(GAME_ENTER, 0, &[&ticket], &mut frame).map_err(io::Error::other)?;
        pipe.write(&frame)?;
        let entered = loop {
            if let Some((identifier, payload, size)) = frame_at(&inbox)? {
                if identifier != GAME_ENTERED {
                    return Err(io::Error::other(format!("0x{identifier:02x} came instead of GAME_ENTERED")));
                }
                let entered = proto::GameEntered::decode(payload).map_err(io::Error::other)?;
                inbox.drain(..size);
                break entered;
            }
            if !pipe.read(&mut inbox)? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        };
        pipe.stop_waiting()?;
        Ok(Self {
            pipe,
            encoder,
            opened,
            inbox,
            step: i32::try_from(entered.step_max).unwrap_or(1),
            tick: entered.tick,
            input: 0,
            lives: [1; RING],
            arrived: None,
            chance: chance.wrapping_mul(0x9E37_79B9) | 1,
            way: 0,
            way_inputs: 0,
            seen: Seen::default(),
            ended: None,
        })
    }

    /// Reads what is there.
    pub fn read(&mut self, now: Instant, intervals: &mut Histogram) {
        let read = self.pipe.read(&mut self.inbox);
        let mut begin = 0;
        loop {
            match frame_at(&self.inbox[begin..]) {
                Ok(Some((identifier, payload, size))) => {
                    self.seen.frame_bytes += size as u64;
                    if identifier == PLAYER_STATE {
                        if let Some((tick, life)) = head(payload, &self.lives) {
                            (self.tick, self.lives[tick as usize % RING]) = (tick, life);
                        }
                        self.seen.snapshots += 1;
                        if let Some(before) = self.arrived.replace(now) {
                            intervals.record(now.saturating_duration_since(before));
                        }
                    } else if identifier == GOODBYE {
                        let goodbye = proto::Goodbye::decode(payload).unwrap_or_default();
                        self.end(&format!("{}: {}", goodbye.code, goodbye.message));
                    }
                    begin += size;
                }
                Ok(None) => break,
                Err(error) => {
                    self.end(&error.to_string());
                    break;
                }
            }
        }
        self.inbox.drain(..begin);
        // A reason that came with the last bytes has the first word.
        match read {
            Ok(true) => {}
            Ok(false) => self.end("closed by the server"),
            Err(error) => self.end(&error.to_string()),
        }
    }

    /// Sends the next input: a step, now and then into another direction, or back to life.
    pub fn act(&mut self, scratch: &mut Scratch) {
        self.input += 1;
        let (input, acknowledged_tick) = (self.input, self.tick);
        scratch.payload.clear();
        let dead = self.lives[self.tick as usize % RING] == 0;
        let (identifier, encoded) = if dead {
            (RESPAWN, proto::Respawn { input, acknowledged_tick }.encode(&mut scratch.payload))
        } else {
            let (dx, dy) = self.wish();
            (PLAYER_MOVE, proto::PlayerMove { input, acknowledged_tick, dx, dy }.encode(&mut scratch.payload))
        };
        encoded.expect("a list of bytes grows");
        scratch.frame.clear();
        let now_ms = u32::try_from(self.opened.elapsed().as_millis()).unwrap_or(u32::MAX);
        self.encoder.encode(identifier, now_ms, &[&scratch.payload], &mut scratch.frame).expect("a small frame");
        if let Err(error) = self.pipe.write(&scratch.frame) {
            self.end(&error.to_string());
        }
    }

    fn wish(&mut self) -> (i32, i32) {
        if self.way_inputs == 0 {
            // Xorshift: cheap, and every player goes its own way.
            self.chance ^= self.chance << 13;
            self.chance ^= self.chance >> 17;
            self.chance ^= self.chance << 5;
            self.way = self.chance as usize % WAYS.len();
            self.way_inputs = 25 + self.chance / 8 % 100;
        }
        self.way_inputs -= 1;
        let (x, y) = WAYS[self.way];
        let length = if x != 0 && y != 0 { self.step * 7 / 10 } else { self.step };
        (x * length, y * length)
    }

    fn end(&mut self, why: &str) {
        self.ended.get_or_insert_with(|| why.to_owned());
    }

    /// A new window begins: what was counted, and no interval reaches over from the old one.
    pub fn look(&mut self) -> Seen {
        std::mem::take(&mut self.seen)
    }
}

/// The first whole frame: identifier, payload, size of the frame. TLS has checked the bytes; the checksum is the server's matter.
fn frame_at(bytes: &[u8]) -> io::Result<Option<(u8, &[u8], usize)>> {
    if bytes.len() < HEADER_BYTES {
        return Ok(None);
    }
    let size = usize::from(u16::from_le_bytes([bytes[1], bytes[2]]));
    if !(SIZE_MIN..=SIZE_MAX_AFTER_LOGIN).contains(&size) {
        return Err(io::Error::other("the frame has no legal size"));
    }
    if bytes.len() < size {
        return Ok(None);
    }
    Ok(Some((bytes[0], &bytes[HEADER_BYTES..size - (SIZE_MIN - HEADER_BYTES)], size)))
}

/// The tick of a snapshot and the own life points, which are those of its baseline when they do not stand there.
pub fn head(body: &[u8], lives: &[u16; RING]) -> Option<(u32, u16)> {
    let tick = u32::from_le_bytes(body.get(..4)?.try_into().ok()?);
    let distance = u32::from(*body.get(4)?);
    let mut bits = Bits { bytes: body, at: 40 };
    let before = if distance == 0 { 0 } else { lives[tick.wrapping_sub(distance) as usize % RING] };
    if bits.take(1)? == 1 {
        let width = 4 << bits.take(2)?;
        bits.take(width)?;
    }
    if bits.take(1)? == 0 {
        return Some((tick, before));
    }
    if bits.take(1)? == 1 {
        bits.take(16)?;
    }
    let life = if bits.take(1)? == 1 { u16::try_from(bits.take(16)?).ok()? } else { before };
    Some((tick, life))
}

struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    /// At most 32 bits, the lowest first.
    fn take(&mut self, count: usize) -> Option<u32> {
        let mut value = 0;
        for place in 0..count {
            let bit = self.bytes.get(self.at / 8)? >> (self.at % 8) & 1;
            value |= u32::from(bit) << place;
            self.at += 1;
        }
        Some(value)
    }
}

/// How long after the one before an input is sent.
pub const INPUT_EVERY: Duration = Duration::from_millis(40);
