//! A recording as a file: read call by call, written call by call.

use std::{
    fs::File,
    io::{self, BufReader, Read, Write},
    path::Path,
};

use super::RecordedCall;

/// The first bytes of a recording; the last of them tells the format.
pub const MAGIC: &[u8; 8] = b"RLMCALL5";
/// The same of recordings with other calls in them.
const MAGICS_BEFORE: [&[u8; 8]; 4] = [b"RLMCALL1", b"RLMCALL2", b"RLMCALL3", b"RLMCALL4"];
/// Longest body of one call; a list of 200 games has a tenth of it.
pub const CALL_BYTES_MAX: usize = 256 << 10;

/// Why a recording cannot be asked again.
#[derive(Debug, thiserror::Error)]
pub enum TapeError {
    /// The file cannot be read.
    #[error("{0} cannot be read: {1}")]
    Unreadable(String, io::Error),
    /// It is no recording.
    #[error(
        "{0} is no recording of calls to plugins; they lie in plugin-recordings/ in the data folder while `[plugins] record` is on"
    )]
    NoTape(String),
    /// It is one in a format that is no longer read.
    #[error("{0} was recorded by an older realm, in a format that this one does not read; record anew")]
    OldTape(String),
}

/// Reads a recording from its beginning; an iterator of its calls.
pub struct Reader<R> {
    tape: R,
    cut_off: bool,
}

impl Reader<BufReader<File>> {
    /// Opens a file.
    ///
    /// # Errors
    /// When it cannot be read or is no recording.
    pub fn open(file: &Path) -> Result<Self, TapeError> {
        let name = file.display().to_string();
        let opened = File::open(file).map_err(|error| TapeError::Unreadable(name.clone(), error))?;
        Self::new(BufReader::new(opened), &name)
    }
}

impl<R: Read> Reader<R> {
    /// Reads from anywhere; `name` is what errors call it.
    ///
    /// # Errors
    /// When it does not begin as a recording does.
    pub fn new(mut tape: R, name: &str) -> Result<Self, TapeError> {
        let mut magic = [0; MAGIC.len()];
        match tape.read_exact(&mut magic) {
            Ok(()) if magic == *MAGIC => Ok(Self { tape, cut_off: false }),
            Ok(()) if MAGICS_BEFORE.contains(&&magic) => Err(TapeError::OldTape(name.to_owned())),
            _ => Err(TapeError::NoTape(name.to_owned())),
        }
    }

    /// True when the recording ended in the middle of a call, as it does while it is being written.
    #[must_use]
    pub fn was_cut_off(&self) -> bool {
        self.cut_off
    }

    fn read(&mut self) -> io::Result<Option<RecordedCall>> {
        let mut length = [0; 4];
        match self.tape.read(&mut length[..1])? {
            0 => return Ok(None),
            _ => self.tape.read_exact(&mut length[1..])?,
        }
        let length = usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX);
        if length > CALL_BYTES_MAX {
            return Err(io::Error::other("a call is longer than any can be"));
        }
        let mut body = vec![0; length];
        self.tape.read_exact(&mut body)?;
        postcard::from_bytes(&body).map(Some).map_err(io::Error::other)
    }
}

impl<R: Read> Iterator for Reader<R> {
    type Item = RecordedCall;

    fn next(&mut self) -> Option<RecordedCall> {
        if self.cut_off {
            return None;
        }
        self.read().unwrap_or_else(|_| {
            self.cut_off = true;
            None
        })
    }
}

/// Writes one call after [`MAGIC`] and the calls before; gives the bytes that it took, 0 for a call too long to be kept.
///
/// # Errors
/// When it cannot be written.
pub fn write_call(to: &mut impl Write, call: &RecordedCall) -> io::Result<usize> {
    let body = postcard::to_allocvec(call).map_err(io::Error::other)?;
    let Some(length) = u32::try_from(body.len()).ok().filter(|_| body.len() <= CALL_BYTES_MAX) else {
        return Ok(0);
    };
    to.write_all(&length.to_le_bytes())?;
    to.write_all(&body)?;
    Ok(4 + body.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tape::Question;

    fn call(at_ms: u64) -> RecordedCall {
        let (plugin, version) = ("one".to_owned(), "1.0.0".to_owned());
        RecordedCall {
            at_ms,
            lane: 0,
            plugin,
            version,
            question: Question::ListCommands,
            host: Vec::new(),
            answer: None,
        }
    }

    #[test]
    fn what_was_written_is_read_and_a_cut_is_noticed() {
        let mut bytes = MAGIC.to_vec();
        for at_ms in 0..3 {
            assert!(write_call(&mut bytes, &call(at_ms)).unwrap() > 4);
        }
        let whole: Vec<_> = Reader::new(&bytes[..], "tape").unwrap().collect();
        assert_eq!(whole, [call(0), call(1), call(2)]);
        let mut cut = Reader::new(&bytes[..bytes.len() - 1], "tape").unwrap();
        assert_eq!(cut.by_ref().count(), 2);
        assert!(cut.was_cut_off());
    }

    #[test]
    fn what_is_no_recording_says_so() {
        let error = |bytes: &[u8]| Reader::new(bytes, "tape").err().expect("it is refused").to_string();
        assert!(error(b"RLM").contains("is no recording"));
        assert!(error(b"\0asm\x0d\0\x01\0").contains("is no recording"));
        assert!(error(b"RLMCALL1 and more").contains("an older realm"));
    }
}
