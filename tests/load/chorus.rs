//! Connections to the lobby that say the same thing again and again and forget what they hear: heartbeats, or a flood of chat.

use std::{
    collections::VecDeque,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use bytes::BytesMut;
use realm_protocol::{
    ClientMessage, Encoder, ServerMessage,
    frame::{HEADER_BYTES, SIZE_MIN},
    proto,
};
use rustix::{
    buffer::spare_capacity,
    event::{Timespec, epoll},
};
use rustls::ClientConfig;

use super::{
    machine::pin,
    pipe::{Pipe, connect},
};

const EVENTS_MAX: usize = 256;
const WAIT_MAX: Duration = Duration::from_millis(50);
const AUTH_SUCCESS: u8 = 0x02;
const QUEUE_POSITION: u8 = 0x09;

/// A connection to the lobby, logged in by an access token.
pub struct Voice {
    pub pipe: Pipe,
    encoder: Encoder,
    websocket: bool,
    /// What arrived and was not looked at.
    pub inbox: Vec<u8>,
}

impl Voice {
    /// By frames to port 6112, or by a WebSocket with one frame in each message.
    pub fn log_in(
        config: &Arc<ClientConfig>,
        to: SocketAddr,
        from: Ipv4Addr,
        websocket: bool,
        token: &str,
    ) -> io::Result<Self> {
        Self::over(Pipe::open(config, to, from)?, websocket, token)
    }

    /// The same over a connection that is there.
    pub fn over(mut pipe: Pipe, websocket: bool, token: &str) -> io::Result<Self> {
        if websocket {
            upgrade(&mut pipe)?;
        }
        let mut voice = Self { pipe, encoder: Encoder::new(), websocket, inbox: Vec::new() };
        voice.say(&proto::AuthRequest { access_token: token.to_owned(), ..Default::default() }.into())?;
        loop {
            match voice.next_frame()? {
                (AUTH_SUCCESS, _) => return Ok(voice),
                // Many come at once: one waits for one's turn.
                (QUEUE_POSITION, _) => {}
                (identifier, payload) => {
                    let answer = ServerMessage::decode(identifier, &payload);
                    return Err(io::Error::other(format!("not let in: {answer:?}")));
                }
            }
        }
    }

    /// Sends a message.
    pub fn say(&mut self, message: &ClientMessage) -> io::Result<()> {
        let mut frame = BytesMut::new();
        self.encoder.encode(message.identifier(), 0, &[&message.to_payload()], &mut frame).map_err(io::Error::other)?;
        if !self.websocket {
            return self.pipe.write(&frame);
        }
        self.pipe.write(&websocket_message(&frame))
    }

    /// The next frame of what has arrived.
    pub fn take_frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let skip = if self.websocket { websocket_head(&self.inbox)? } else { 0 };
        let frame = self.inbox.get(skip..).filter(|frame| frame.len() >= HEADER_BYTES)?;
        let size = usize::from(u16::from_le_bytes([frame[1], frame[2]]));
        let found = (*frame.first()?, frame.get(HEADER_BYTES..size)?.get(..size - SIZE_MIN)?.to_vec());
        self.inbox.drain(..skip + size);
        Some(found)
    }

    /// Waits for the next frame; only while the pipe waits.
    pub fn next_frame(&mut self) -> io::Result<(u8, Vec<u8>)> {
        loop {
            if let Some(frame) = self.take_frame() {
                return Ok(frame);
            }
            if !self.pipe.read(&mut self.inbox)? && self.inbox.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Reads to the end: the code of the goodbye.
    pub fn goodbye(&mut self) -> Option<String> {
        let mut goodbye = None;
        while let Ok((identifier, payload)) = self.next_frame() {
            if let Ok(ServerMessage::Goodbye(said)) = ServerMessage::decode(identifier, &payload) {
                goodbye = Some(said.code);
            }
        }
        goodbye
    }
}

fn upgrade(pipe: &mut Pipe) -> io::Result<()> {
    pipe.write(
        b"GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
          Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: realm.v1.bin\r\n\r\n",
    )?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        if !pipe.read(&mut answer)? {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    if answer.starts_with(b"HTTP/1.1 101") {
        return Ok(());
    }
    Err(io::Error::other(String::from_utf8_lossy(&answer).into_owned()))
}

/// A binary message with a mask of zeros, which changes nothing.
fn websocket_message(payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x82];
    match u8::try_from(payload.len()) {
        Ok(length @ 0..126) => bytes.push(0x80 | length),
        _ => {
            bytes.push(0x80 | 126);
            bytes.extend_from_slice(&u16::try_from(payload.len()).expect("a small frame").to_be_bytes());
        }
    }
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(payload);
    bytes
}

/// Bytes before the payload of a server's message.
fn websocket_head(bytes: &[u8]) -> Option<usize> {
    match bytes.get(1)? {
        0..126 => Some(2),
        _ => Some(4),
    }
}

/// What the voice of this number says at its so-manieth turn.
pub type Line = Arc<dyn Fn(usize, u64) -> ClientMessage + Send + Sync>;

/// The thread with the voices.
pub struct Chorus {
    stop: Arc<AtomicBool>,
    /// Connections that the server has closed.
    closed: Arc<AtomicU64>,
    /// Bytes heard.
    heard: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Chorus {
    /// Each voice says its line once in `every`, the turns spread evenly over that time.
    pub fn start(voices: Vec<Voice>, every: Duration, line: Line, core: Option<usize>) -> Self {
        let (stop, closed, heard) =
            (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
        let (flag, closed_count, heard_count) = (Arc::clone(&stop), Arc::clone(&closed), Arc::clone(&heard));
        let thread = thread::spawn(move || {
            if let Some(core) = core {
                pin(core);
            }
            sing(voices, every, &line, &flag, &closed_count, &heard_count);
        });
        Self { stop, closed, heard, thread: Some(thread) }
    }

    pub fn closed(&self) -> u64 {
        self.closed.load(Ordering::Relaxed)
    }

    pub fn heard_bytes(&self) -> u64 {
        self.heard.load(Ordering::Relaxed)
    }
}

impl Drop for Chorus {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // It may have broken off; then it is gone as well.
            let _ = thread.join();
        }
    }
}

fn sing(
    mut voices: Vec<Voice>,
    every: Duration,
    line: &Line,
    stop: &AtomicBool,
    closed: &AtomicU64,
    heard: &AtomicU64,
) {
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC).expect("the system has epoll");
    let (begin, count) = (Instant::now(), u32::try_from(voices.len().max(1)).unwrap_or(u32::MAX));
    let mut due = VecDeque::new();
    for (index, voice) in voices.iter().enumerate() {
        voice.pipe.stop_waiting().expect("a socket can be told not to wait");
        let data = epoll::EventData::new_u64(index as u64);
        epoll::add(&poll, &voice.pipe, data, epoll::EventFlags::IN).expect("one more file can be watched");
        due.push_back((begin + every / count * u32::try_from(index).unwrap_or(0), index));
    }
    let (mut events, mut bytes, mut turns) = (Vec::with_capacity(EVENTS_MAX), Vec::new(), 0);
    while !stop.load(Ordering::Relaxed) {
        let now = Instant::now();
        let wait = due
            .front()
            .map_or(WAIT_MAX, |(due, _): &(Instant, usize)| due.saturating_duration_since(now).min(WAIT_MAX));
        let wait = Timespec { tv_sec: 0, tv_nsec: i64::try_from(wait.as_nanos()).unwrap_or(0) };
        events.clear();
        // An interrupted wait is a short one.
        let _ = epoll::wait(&poll, spare_capacity(&mut events), Some(&wait));
        for event in &events {
            let Some(voice) = usize::try_from(event.data.u64()).ok().and_then(|index| voices.get_mut(index)) else {
                continue;
            };
            bytes.clear();
            let open = voice.pipe.read(&mut bytes).unwrap_or(false);
            heard.fetch_add(bytes.len() as u64, Ordering::Relaxed);
            if !open {
                closed.fetch_add(1, Ordering::Relaxed);
                let _ = epoll::delete(&poll, &voice.pipe);
            }
        }
        let now = Instant::now();
        while let Some((turn, index)) = due.front().copied().filter(|(turn, _)| *turn <= now) {
            due.pop_front();
            turns += 1;
            // One that is closed stays silent; that it is closed is counted above.
            let _ = voices[index].say(&line(index, turns / u64::from(count)));
            due.push_back((turn + every, index));
        }
    }
}

/// Opens a connection and never says a word, or but the first bytes of one.
pub fn mute(to: SocketAddr, from: Ipv4Addr, first: &[u8]) -> io::Result<std::net::TcpStream> {
    use std::io::Write as _;
    let mut socket = connect(to, from)?;
    socket.write_all(first)?;
    Ok(socket)
}
