//! The game door: the first frame is read here, then socket and TLS state go to the game.

use std::{
    io,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use bytes::BytesMut;
use realm_protocol::frame::{Decoder, Frame, FrameError, SIZE_MAX_BEFORE_LOGIN};
use socket2::SockRef;
use tokio::{
    io::AsyncReadExt as _,
    net::TcpStream,
    runtime::Handle,
    sync::watch,
    time::{Instant, timeout_at},
};
use tokio_rustls::server::TlsStream;

use super::{
    Config, Handlers,
    admission::Place,
    stage::Stage,
    tls_link::{LinkParts, TlsLink},
    tls_pump::TlsPump,
    waiting_room::Seat,
    wire::frame_refusal,
};
use crate::types::{Code, Link as _, LinkFrame};

/// A control that paces what it sends sets a timer for every packet, and may hold one back. A game sends some dozen bytes every
/// 40 ms, far less than any window, so that nothing is gained by it. This one is part of every kernel and open to everybody.
const CONGESTION_CONTROL: &[u8] = b"reno";

/// Reads the first frame and hands the connection to the game.
pub(super) async fn serve(
    mut stream: Box<TlsStream<TcpStream>>,
    config: &Config,
    handlers: &Handlers,
    mut stage: watch::Receiver<Stage>,
    cut: Arc<AtomicBool>,
    (place, mut stranger): (Place, Seat),
) {
    let opened = Instant::now();
    let deadline = opened + Duration::from_millis(config.login_deadline_ms);
    let (mut decoder, mut buffer) = (Decoder::new(SIZE_MAX_BEFORE_LOGIN), BytesMut::new());
    let first = tokio::select! {
        first = timeout_at(deadline, first_frame(&mut stream, &mut decoder, &mut buffer)) => Some(first),
        () = Stage::closing(&mut stage) => None,
        // It makes room for others, at once.
        () = stranger.lost() => return,
    };
    drop(stranger);
    let Ok(pump) = into_pump(*stream) else { return };
    let silence_max = Duration::from_millis(config.silence_max_ms);
    let runtime = Handle::current();
    let mut link =
        TlsLink::new(pump, LinkParts { decoder, buffer, opened: opened.into_std(), silence_max, cut, place, runtime });
    match first {
        Some(Ok(Ok(Some(frame)))) => {
            let Frame { identifier, sequence, payload, .. } = frame;
            (handlers.game)(LinkFrame { identifier, sequence, payload }, Box::new(link));
        }
        Some(Ok(Ok(None))) => link.close("", ""),
        Some(Ok(Err(error))) => {
            let (code, message) = frame_refusal(&error);
            link.close(code.as_str(), &message);
        }
        None => link.close(Code::RealmStopping.as_str(), "The realm is shutting down; come back in a while."),
        Some(Err(_)) => {
            let message = "No ticket was presented in time; ask for one with GAME_JOIN and send GAME_ENTER at once.";
            link.close(Code::NotLoggedIn.as_str(), message);
        }
    }
}

/// `None` when the client went away.
async fn first_frame(
    stream: &mut TlsStream<TcpStream>,
    decoder: &mut Decoder,
    buffer: &mut BytesMut,
) -> Result<Option<Frame>, FrameError> {
    loop {
        if let Some(frame) = decoder.decode(buffer)? {
            return Ok(Some(frame));
        }
        match stream.read_buf(buffer).await {
            Ok(count) if count > 0 => {}
            _ => return Ok(None),
        }
    }
}

fn into_pump(stream: TlsStream<TcpStream>) -> io::Result<TlsPump> {
    let (socket, session) = stream.into_inner();
    // Leaves the runtime's poller; the socket stays non-blocking.
    let socket = socket.into_std()?;
    if let Err(error) = SockRef::from(&socket).set_tcp_congestion(CONGESTION_CONTROL) {
        tracing::debug!("a game connection keeps the system's congestion control: {error}");
    }
    Ok(TlsPump::new(socket, session))
}
