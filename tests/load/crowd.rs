//! All players of the load on one thread: epoll for what arrives, a clock for what is to be sent.
//!
//! The thread never sleeps on its sockets: it looks at them at a pace of its own. Otherwise each write of the server would
//! also wake this thread on the other core, which on a virtual machine costs the *writer* microseconds, and which no server
//! pays whose clients are elsewhere.

use std::{
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use rustix::{
    buffer::spare_capacity,
    event::{Timespec, epoll},
};

use super::{
    histogram::Histogram,
    machine::{own_thread_time, pin},
    player::{INPUT_EVERY, Player, Scratch},
};

/// Events of one look.
const EVENTS_MAX: usize = 256;
/// The thread looks for what has arrived so often. Intervals are exact to this.
const LOOK_EVERY: Duration = Duration::from_micros(500);
/// Parts of the 40 ms between two inputs of a player. In each a part of the players sends, so that the inputs of all are spread evenly,
/// however they came and whatever held this thread up.
const SLOTS: u32 = 80;
/// An input that is later than this is left out: the thread has too much to do.
const BEHIND_MAX: Duration = Duration::from_millis(200);

enum Word {
    Join(Box<Player>),
    Look(Sender<Window>),
    Stop,
}

/// What all players saw between two looks.
#[derive(Debug, Clone, Default)]
pub struct Window {
    pub length: Duration,
    /// CPU time of the thread.
    pub cpu: Duration,
    /// Snapshots a second, of each player.
    pub rates: Vec<f64>,
    pub intervals: Histogram,
    /// Bytes a second to a player, as frames and on the wire with TLS around them.
    pub frame_bytes: f64,
    pub wire_bytes: f64,
    pub inputs: u64,
    /// Inputs left out because this thread was too late.
    pub inputs_missed: u64,
    /// Why players have ended, since the beginning.
    pub ended: Vec<String>,
}

impl Window {
    /// How much of its core the thread took.
    pub fn load(&self) -> f64 {
        self.cpu.as_secs_f64() / self.length.as_secs_f64()
    }
}

/// The thread with the players.
pub struct Crowd {
    words: Sender<Word>,
    thread: Option<JoinHandle<()>>,
}

impl Crowd {
    /// Starts the thread, on one core if that is said.
    pub fn start(core: Option<usize>) -> Self {
        let (words, heard) = channel();
        let thread = thread::spawn(move || {
            if let Some(core) = core {
                pin(core);
            }
            Loop::new().run(&heard);
        });
        Self { words, thread: Some(thread) }
    }

    /// The player plays from now on.
    pub fn join(&self, player: Player) {
        self.words.send(Word::Join(Box::new(player))).expect("the thread lives as long as this");
    }

    /// What was seen since the last look.
    pub fn look(&self) -> Window {
        let (reply, window) = channel();
        self.words.send(Word::Look(reply)).expect("the thread lives as long as this");
        window.recv().expect("the thread answers")
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        // It may have broken off; then it is gone as well.
        let _ = self.words.send(Word::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Loop {
    epoll: rustix::fd::OwnedFd,
    players: Vec<Player>,
    /// Start of the first slot, and the number of the next one.
    clock: Instant,
    slot: u32,
    scratch: Scratch,
    window: Window,
    began: Instant,
    began_cpu: Duration,
    wire_before: u64,
}

impl Loop {
    fn new() -> Self {
        Self {
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC).expect("the system has epoll"),
            players: Vec::new(),
            clock: Instant::now(),
            slot: 0,
            scratch: Scratch::default(),
            window: Window::default(),
            began: Instant::now(),
            began_cpu: own_thread_time(),
            wire_before: 0,
        }
    }

    fn run(mut self, words: &Receiver<Word>) {
        let mut events = Vec::with_capacity(EVENTS_MAX);
        let mut looked = Instant::now();
        loop {
            // A thread that has had much to do since its last look does not rest at all.
            looked = (looked + LOOK_EVERY).max(Instant::now());
            loop {
                match words.recv_timeout(looked.saturating_duration_since(Instant::now())) {
                    Ok(Word::Join(player)) => self.join(*player),
                    Ok(Word::Look(reply)) => {
                        // Who asked may have given up.
                        let _ = reply.send(self.look());
                    }
                    Ok(Word::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                    Err(RecvTimeoutError::Timeout) => break,
                }
            }
            events.clear();
            let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
            // An interrupted look is made again soon.
            let _ = epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&at_once));
            for event in &events {
                let index = usize::try_from(event.data.u64()).unwrap_or(usize::MAX);
                let Some(player) = self.players.get_mut(index).filter(|player| player.ended.is_none()) else {
                    continue;
                };
                player.read(Instant::now(), &mut self.window.intervals);
                if player.ended.is_some() {
                    let _ = epoll::delete(&self.epoll, &player.pipe);
                }
            }
            self.send_due();
        }
    }

    fn join(&mut self, player: Player) {
        let index = self.players.len();
        let data = epoll::EventData::new_u64(index as u64);
        epoll::add(&self.epoll, &player.pipe, data, epoll::EventFlags::IN).expect("one more file can be watched");
        self.wire_before += player.pipe.wire_bytes;
        self.players.push(player);
    }

    /// Each player belongs to a slot by its number. What is too late is left out, and the rhythm stays.
    fn send_due(&mut self) {
        loop {
            let late = self.clock.elapsed().checked_sub(INPUT_EVERY * self.slot / SLOTS);
            let Some(late) = late else { return };
            let turn = self.players.iter_mut().skip((self.slot % SLOTS) as usize).step_by(SLOTS as usize);
            for player in turn.filter(|player| player.ended.is_none()) {
                if late > BEHIND_MAX {
                    self.window.inputs_missed += 1;
                } else {
                    self.window.inputs += 1;
                    player.act(&mut self.scratch);
                }
            }
            self.slot += 1;
        }
    }

    fn look(&mut self) -> Window {
        let (now, cpu) = (Instant::now(), own_thread_time());
        let mut window = std::mem::take(&mut self.window);
        window.length = now - self.began;
        window.cpu = cpu - self.began_cpu;
        let seconds = window.length.as_secs_f64();
        let mut frame_bytes = 0;
        for player in &mut self.players {
            let seen = player.look();
            match &player.ended {
                None => window.rates.push(seen.snapshots as f64 / seconds),
                Some(why) => window.ended.push(why.clone()),
            }
            frame_bytes += seen.frame_bytes;
        }
        window.rates.sort_by(f64::total_cmp);
        let wire: u64 = self.players.iter().map(|player| player.pipe.wire_bytes).sum();
        let players = (window.rates.len().max(1)) as f64;
        window.frame_bytes = frame_bytes as f64 / seconds / players;
        window.wire_bytes = (wire - self.wire_before) as f64 / seconds / players;
        (self.began, self.began_cpu, self.wire_before) = (now, cpu, wire);
        window
    }
}
