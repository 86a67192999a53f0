//! A TLS connection without a runtime: reads what is there, writes what the socket takes, never waits.

use std::{
    io::{self, BufRead as _, ErrorKind, IoSlice, Write as _},
    net::{Shutdown, TcpStream},
};

use rustls::ServerConnection;
use tokio::io::AsyncWriteExt as _;

use super::conversation::linger;

/// Calls of `read` on the socket at once: a client that sends without end does not hold up its tick.
const READS_MAX: usize = 16;
/// What `read_tls` takes from the socket at a time.
const READ_BYTES: usize = 4_096;
/// Plaintext of one TLS record.
const RECORD_BYTES: usize = 16 * 1024;

/// What reading found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrived {
    /// More can come.
    Open,
    /// The client has closed.
    End,
}

/// Socket and TLS state, driven by their caller.
pub(super) struct TlsPump {
    socket: TcpStream,
    session: ServerConnection,
    /// Written by our side; what is before `begun` has been given to TLS.
    waiting: Vec<u8>,
    begun: usize,
    /// Plaintext of the record that TLS is writing.
    record_bytes: usize,
}

/// Gives the socket a single record as one piece: gathering pieces costs the system more than a record of a snapshot is worth.
struct OnePiece<'a>(&'a TcpStream);

impl io::Write for OnePiece<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        match pieces {
            [piece] => self.0.write(piece),
            _ => self.0.write_vectored(pieces),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl TlsPump {
    /// `socket` must be non-blocking.
    pub(super) fn new(socket: TcpStream, session: ServerConnection) -> Self {
        Self { socket, session, waiting: Vec::new(), begun: 0, record_bytes: 0 }
    }

    /// Appends what has arrived to `out`, as long as that is shorter than `enough`.
    pub(super) fn read(&mut self, out: &mut Vec<u8>, enough: usize) -> io::Result<Arrived> {
        for _ in 0..READS_MAX {
            // What TLS has decrypted already comes first: the handshake may have left some.
            if self.drain(out)? == Arrived::End {
                return Ok(Arrived::End);
            }
            if out.len() >= enough {
                break;
            }
            match self.session.read_tls(&mut self.socket) {
                Ok(0) => return Ok(Arrived::End),
                Ok(count) => {
                    self.session.process_new_packets().map_err(io::Error::other)?;
                    // Less than could be had: the socket is empty, and asking it again would only cost a system call.
                    if count < READ_BYTES {
                        break;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.drain(out)
    }

    fn drain(&mut self, out: &mut Vec<u8>) -> io::Result<Arrived> {
        let mut reader = self.session.reader();
        loop {
            match reader.fill_buf() {
                Ok([]) => return Ok(Arrived::End),
                Ok(plain) => {
                    out.extend_from_slice(plain);
                    let count = plain.len();
                    reader.consume(count);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Arrived::Open),
                Err(error) => return Err(error),
            }
        }
    }

    /// Where bytes to be written are appended; see [`Self::push`].
    pub(super) fn outgoing(&mut self) -> &mut Vec<u8> {
        self.waiting.drain(..std::mem::take(&mut self.begun));
        &mut self.waiting
    }

    /// Bytes that the socket has not taken yet.
    pub(super) fn waiting_bytes(&self) -> usize {
        self.waiting.len() - self.begun + self.record_bytes
    }

    /// Writes as far as the socket takes it. A record is finished before the next is begun.
    pub(super) fn push(&mut self) -> io::Result<()> {
        loop {
            while self.session.wants_write() {
                match self.session.write_tls(&mut OnePiece(&self.socket)) {
                    Ok(0) => return Err(ErrorKind::WriteZero.into()),
                    Ok(_) => {}
                    Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            self.record_bytes = 0;
            if !self.seal()? {
                return Ok(());
            }
        }
    }

    /// Makes the next record of what waits, unless the one before it is not written yet. False when nothing is left to write.
    pub(super) fn seal(&mut self) -> io::Result<bool> {
        if self.session.wants_write() {
            return Ok(true);
        }
        let left = &self.waiting[self.begun..];
        if left.is_empty() {
            self.waiting.clear();
            self.begun = 0;
            return Ok(false);
        }
        self.record_bytes = self.session.writer().write(&left[..left.len().min(RECORD_BYTES)])?;
        self.begun += self.record_bytes;
        Ok(true)
    }

    /// Says that nothing more comes and cuts the socket, without any wait.
    pub(super) fn cut(&mut self) {
        self.session.send_close_notify();
        // The connection is given up; there is nobody to tell.
        let _ = self.push();
        let _ = self.socket.shutdown(Shutdown::Both);
    }

    /// Writes what is still waiting, then close_notify, and reads on for a moment lest a reset overtakes it.
    /// Only on a runtime.
    pub(super) async fn finish(mut self) -> io::Result<()> {
        self.session.set_buffer_limit(None);
        self.session.writer().write_all(&self.waiting[self.begun..])?;
        self.session.send_close_notify();
        let mut socket = tokio::net::TcpStream::from_std(self.socket)?;
        let mut bytes = Vec::new();
        while self.session.wants_write() {
            self.session.write_tls(&mut bytes)?;
        }
        socket.write_all(&bytes).await?;
        socket.shutdown().await?;
        linger(socket).await;
        Ok(())
    }
}
