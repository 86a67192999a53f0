//! The stream below hyper: every head passes the guard first, a client that does not read is cut off, and the last answer is not
//! overtaken by a reset because something was left unread.

use std::{
    future::Future as _,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Buf as _, BytesMut};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep},
};

use super::head_guard::HeadScanner;

/// Room made before each read of a head.
const READ_BYTES: usize = 2_048;
/// A client takes something of what is written within this time.
const WRITE_DEADLINE: Duration = Duration::from_secs(10);
/// How long and how much is still read after the last answer.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES_MAX: usize = 1024 * 1024;

enum Part {
    /// A head is due.
    Head(HeadScanner),
    /// So many bytes of a body are due.
    Body(u64),
    /// Another protocol was asked for; the service grants it or closes.
    Raw,
    /// A head was refused; nothing of this client is read any more.
    Refused,
}

/// How long a client may take for the head of a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// From its first byte to its last.
    pub(super) head: Duration,
    /// From one request to the first byte of the next.
    pub(super) idle: Duration,
}

/// See the module.
pub(super) struct GuardedIo<S> {
    stream: S,
    part: Part,
    /// Bytes that arrived with a head.
    inbound: BytesMut,
    /// So many of them may pass.
    cleared: usize,
    stuck: Option<Pin<Box<Sleep>>>,
    patience: Patience,
    /// When the head that is due must be whole, or the next one begun.
    due: Pin<Box<Sleep>>,
    /// The client waits for us, and not we for it.
    answering: bool,
    /// Set when our side is shut.
    linger: Option<Pin<Box<Sleep>>>,
    lingered_bytes: usize,
}

impl<S> GuardedIo<S> {
    pub(super) fn new(stream: S, patience: Patience) -> Self {
        Self {
            patience,
            due: Box::pin(sleep(patience.head)),
            answering: false,
            stream,
            part: Part::Head(HeadScanner::default()),
            inbound: BytesMut::new(),
            cleared: 0,
            stuck: None,
            linger: None,
            lingered_bytes: 0,
        }
    }

    /// Looks at `inbound` as far as it is not cleared; false when more bytes are needed.
    fn clear_more(&mut self) -> bool {
        match &mut self.part {
            Part::Head(scanner) => match scanner.scan(&self.inbound) {
                Ok(None) => return false,
                Ok(Some(head)) => {
                    self.cleared = head.bytes;
                    self.part = match head {
                        head if head.upgrade => Part::Raw,
                        head if head.body_bytes > 0 => Part::Body(head.body_bytes),
                        _ => Part::Head(HeadScanner::default()),
                    };
                    self.answering = true;
                }
                Err(problem) => {
                    self.inbound = problem.substitute().as_bytes().into();
                    self.cleared = self.inbound.len();
                    self.part = Part::Refused;
                }
            },
            Part::Body(left) => {
                self.cleared = usize::try_from(*left).unwrap_or(usize::MAX).min(self.inbound.len());
                self.body_passed(self.cleared);
            }
            Part::Raw => self.cleared = self.inbound.len(),
            Part::Refused => {}
        }
        self.cleared > 0
    }

    fn body_passed(&mut self, bytes: usize) {
        if let Part::Body(left) = &mut self.part {
            *left -= bytes as u64;
            if *left == 0 {
                self.part = Part::Head(HeadScanner::default());
            }
        }
    }

    /// From the last byte of an answer on the client may be quiet for so long, unless it has begun the next head already.
    fn answered(&mut self) {
        self.answering = false;
        let patience = if self.inbound.is_empty() { self.patience.idle } else { self.patience.head };
        self.due.as_mut().reset(Instant::now() + patience);
    }

    /// `result` of a write, or the end of a client that takes nothing.
    fn watched<T>(&mut self, context: &mut Context<'_>, result: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if result.is_ready() {
            self.stuck = None;
            return result;
        }
        let stuck = self.stuck.get_or_insert_with(|| Box::pin(sleep(WRITE_DEADLINE)));
        ready!(stuck.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for GuardedIo<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            if this.cleared > 0 || (!this.inbound.is_empty() && this.clear_more()) {
                let count = this.cleared.min(out.remaining());
                out.put_slice(&this.inbound[..count]);
                this.inbound.advance(count);
                this.cleared -= count;
                return Poll::Ready(Ok(()));
            }
            match this.part {
                // The answer closes the connection; what else arrives is nobody's concern.
                Part::Refused => return Poll::Pending,
                Part::Raw => return Pin::new(&mut this.stream).poll_read(context, out),
                Part::Head(_) if !this.answering && this.due.as_mut().poll(context).is_ready() => {
                    return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                }
                Part::Head(_) | Part::Body(_) => {}
            }
            let mut room = [0; READ_BYTES];
            let mut read = ReadBuf::new(&mut room);
            ready!(Pin::new(&mut this.stream).poll_read(context, &mut read))?;
            if read.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            if this.inbound.is_empty() && matches!(this.part, Part::Head(_)) {
                // The first bytes of a head; how long the client was quiet before does not count.
                let begun = Instant::now() + this.patience.head;
                if this.answering || begun < this.due.deadline() {
                    this.due.as_mut().reset(begun);
                }
            }
            this.inbound.extend_from_slice(read.filled());
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for GuardedIo<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.answered();
        let result = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.watched(context, result)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.answered();
        let result = Pin::new(&mut this.stream).poll_write_vectored(context, slices);
        this.watched(context, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.stream).poll_flush(context);
        this.watched(context, result)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.linger.is_none() {
            let result = Pin::new(&mut this.stream).poll_shutdown(context);
            ready!(this.watched(context, result))?;
        }
        let linger = this.linger.get_or_insert_with(|| Box::pin(sleep(LINGER)));
        while linger.as_mut().poll(context).is_pending() && this.lingered_bytes < LINGER_BYTES_MAX {
            let mut room = [0; READ_BYTES];
            let mut read = ReadBuf::new(&mut room);
            match ready!(Pin::new(&mut this.stream).poll_read(context, &mut read)) {
                Ok(()) if !read.filled().is_empty() => this.lingered_bytes += read.filled().len(),
                _ => break,
            }
        }
        Poll::Ready(Ok(()))
    }
}
