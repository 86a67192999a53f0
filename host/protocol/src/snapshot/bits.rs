//! Bits in bytes: the lowest bit of a value first, into the lowest free bit of a byte.

use super::{SnapshotError, width};

/// Appends bits to bytes.
pub(super) struct BitWriter<'out> {
    out: &'out mut Vec<u8>,
    pending: u128,
    pending_bits: u32,
}

impl<'out> BitWriter<'out> {
    pub(super) fn new(out: &'out mut Vec<u8>) -> Self {
        Self { out, pending: 0, pending_bits: 0 }
    }

    /// Writes the lowest `bits` of a value, at most 64.
    pub(super) fn write(&mut self, value: impl Into<u64>, bits: u32) {
        let value = u128::from(value.into()) & ((1 << bits) - 1);
        self.pending |= value << self.pending_bits;
        self.pending_bits += bits;
        while self.pending_bits >= 8 {
            self.out.push(self.pending.to_le_bytes()[0]);
            self.pending >>= 8;
            self.pending_bits -= 8;
        }
    }

    pub(super) fn flag(&mut self, value: bool) {
        self.write(u32::from(value), 1);
    }

    /// Writes a number in as few of 4, 8, 16 or 32 bits as hold it, after two bits that say how many.
    pub(super) fn number(&mut self, value: impl Into<u64>) {
        self.sized(value.into(), width::NUMBER);
    }

    /// Writes a number in 8, 16, 32 or 64 bits, after two bits that say how many.
    pub(super) fn long_number(&mut self, value: u64) {
        self.sized(value, width::LONG_NUMBER);
    }

    fn sized(&mut self, value: u64, widths: [u32; 4]) {
        for (class, bits) in (0_u32..).zip(widths) {
            if class == 3 || value < 1 << bits {
                self.write(class, 2);
                self.write(value, bits);
                return;
            }
        }
    }

    /// Fills the last byte with zeros.
    pub(super) fn finish(self) {
        if self.pending_bits > 0 {
            self.out.push(self.pending.to_le_bytes()[0]);
        }
    }
}

/// Reads bits from bytes.
pub(super) struct BitReader<'bytes> {
    bytes: &'bytes [u8],
    position: usize,
}

impl<'bytes> BitReader<'bytes> {
    pub(super) fn new(bytes: &'bytes [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    /// Reads a value of at most 64 bits.
    pub(super) fn long(&mut self, bits: u32) -> Result<u64, SnapshotError> {
        let (mut value, mut done) = (0_u64, 0);
        while done < bits {
            let byte = self.bytes.get(self.position / 8).ok_or(SnapshotError::Truncated)?;
            let offset = self.position % 8;
            let here = (8 - offset).min((bits - done) as usize);
            let part = u64::from(byte >> offset) & ((1 << here) - 1);
            value |= part << done;
            done += u32::try_from(here).unwrap_or(bits);
            self.position += here;
        }
        Ok(value)
    }

    /// Reads a value of at most 32 bits.
    pub(super) fn value(&mut self, bits: u32) -> Result<u32, SnapshotError> {
        self.long(bits).map(|value| u32::try_from(value).unwrap_or(u32::MAX))
    }

    pub(super) fn byte(&mut self) -> Result<u8, SnapshotError> {
        self.value(width::BYTE).map(|value| u8::try_from(value).unwrap_or(u8::MAX))
    }

    pub(super) fn word(&mut self) -> Result<u16, SnapshotError> {
        self.value(width::WORD).map(|value| u16::try_from(value).unwrap_or(u16::MAX))
    }

    pub(super) fn flag(&mut self) -> Result<bool, SnapshotError> {
        self.value(1).map(|bit| bit == 1)
    }

    /// Reads what [`BitWriter::number`] wrote.
    pub(super) fn number(&mut self) -> Result<u32, SnapshotError> {
        let class = self.value(2)?;
        self.value(width::NUMBER[class as usize])
    }

    /// Reads what [`BitWriter::long_number`] wrote.
    pub(super) fn long_number(&mut self) -> Result<u64, SnapshotError> {
        let class = self.value(2)?;
        self.long(width::LONG_NUMBER[class as usize])
    }

    /// Everything was read but the zeros of the last byte.
    pub(super) fn finish(mut self) -> Result<(), SnapshotError> {
        if self.position.div_ceil(8) != self.bytes.len() {
            return Err(SnapshotError::Trailing);
        }
        while !self.position.is_multiple_of(8) {
            if self.flag()? {
                return Err(SnapshotError::Trailing);
            }
        }
        Ok(())
    }
}
