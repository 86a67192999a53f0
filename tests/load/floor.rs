//! What the sockets alone cost: as many plain connections, as many messages of the same size each way, and nothing else. The cost of a
//! realm stands beside it, because that of a system call differs from machine to machine and from hour to hour.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use socket2::SockRef;

use super::{
    machine::{Cores, own_thread_time, pause, pin},
    pipe::CONGESTION_CONTROL,
    rooms::ROOM,
};

/// An input with TLS around it.
const INPUT_BYTES: usize = 56;
/// A snapshot of eight walking players with TLS around it.
const SNAPSHOT_BYTES: usize = 52;
/// How often a connection says something in each direction.
const EVERY: Duration = Duration::from_millis(40);
/// Moments within that time at which the server looks at a part of its connections.
const PHASES: usize = 32;
/// The same for the clients, who are finer spread.
const LOOKS: usize = 80;

/// CPU time of one room and second in milliseconds, of a thread that only receives and sends.
pub fn cpu_ms(cores: Option<Cores>, rooms: usize, settle: Duration, window: Duration) -> f64 {
    let (mut clients, mut served) = (Vec::new(), Vec::new());
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    for _ in 0..rooms * ROOM {
        let client = TcpStream::connect(address).expect("somebody listens");
        let (server, _) = listener.accept().expect("somebody came");
        for socket in [&client, &server] {
            socket
                .set_nodelay(true)
                .and_then(|()| socket.set_nonblocking(true))
                .and_then(|()| SockRef::from(socket).set_tcp_congestion(CONGESTION_CONTROL))
                .expect("a socket takes its settings");
        }
        clients.push(client);
        served.push(server);
    }
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            cores.inspect(|cores| pin(cores.load));
            in_turn(&mut clients, LOOKS, INPUT_BYTES, &over);
        });
        let server = scope.spawn(|| {
            cores.inspect(|cores| pin(cores.server));
            let (before, begun) = (own_thread_time(), Instant::now());
            in_turn(&mut served, PHASES, SNAPSHOT_BYTES, &over);
            (own_thread_time() - before, begun.elapsed())
        });
        pause(settle + window);
        over.store(true, Ordering::Relaxed);
        let (cpu, elapsed) = server.join().expect("it only reads and writes");
        cpu.as_secs_f64() * 1e3 / elapsed.as_secs_f64() / rooms as f64
    })
}

/// Reads from and writes to each socket once in 40 ms, a part of them at a time.
fn in_turn(sockets: &mut [TcpStream], parts: usize, bytes: usize, over: &AtomicBool) {
    let (message, mut arrived) = (vec![7; bytes], [0; 4_096]);
    let (begun, count) = (Instant::now(), sockets.len());
    for turn in 0.. {
        if over.load(Ordering::Relaxed) {
            return;
        }
        let due = begun + EVERY * turn / u32::try_from(parts).expect("a few parts");
        pause(due.saturating_duration_since(Instant::now()));
        let part = turn as usize % parts;
        for socket in &mut sockets[part * count / parts..(part + 1) * count / parts] {
            // Nothing there, or no room, is as good as any answer.
            let _ = socket.read(&mut arrived);
            let _ = socket.write(&message);
        }
    }
}
