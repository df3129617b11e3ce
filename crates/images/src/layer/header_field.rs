//! Fields of a tar header block.
//!
//! Read here and not by the `tar` crate because writers leave fields blank that do not matter to
//! them, which is an error there, and because times before 1970 are negative.

use std::ops::Range;

use tar::Header;

use super::UnpackError;

/// A numeric field holds something else.
pub(super) const BAD_NUMBER: UnpackError = UnpackError::Malformed { reason: "bad number in a header" };

/// A numeric field: octal digits, or if the first bit is set a binary number. Blank means 0.
pub(super) fn number(header: &Header, field: Range<usize>) -> Result<i64, UnpackError> {
    let field = &header.as_bytes()[field];
    if field[0] & 0x80 != 0 {
        // Two's complement without the marker bit.
        let negative = field[0] & 0x40 != 0;
        let first = if negative { field[0] } else { field[0] & 0x7f };
        let start = if negative { -1i128 } else { 0 };
        let value =
            std::iter::once(&first).chain(&field[1..]).fold(start, |value, byte| (value << 8) | i128::from(*byte));
        return i64::try_from(value).map_err(|_| BAD_NUMBER);
    }
    let digits = field.split(|b| *b == 0).next().unwrap_or_default();
    match digits.trim_ascii() {
        b"" => Ok(0),
        digits => {
            let text = std::str::from_utf8(digits).map_err(|_| BAD_NUMBER)?;
            i64::from_str_radix(text, 8).map_err(|_| BAD_NUMBER)
        }
    }
}

/// For fields that must fit the kernel's types.
pub(super) fn small(value: i64) -> Result<u32, UnpackError> {
    u32::try_from(value).map_err(|_| BAD_NUMBER)
}

/// A user or group id. The largest one means "leave it as it is" to the kernel.
pub(super) fn owner(extended: Option<u64>, plain: i64) -> Result<u32, UnpackError> {
    let id = match extended {
        Some(id) => u32::try_from(id).ok(),
        None => u32::try_from(plain).ok(),
    };
    id.filter(|id| *id != u32::MAX).ok_or(UnpackError::Malformed { reason: "owner out of range" })
}

/// Whether the header is what its writer wrote.
pub(super) fn check_sum(header: &Header) -> Result<(), UnpackError> {
    let bytes = header.as_bytes();
    let sum: u32 = bytes[..148].iter().chain(&bytes[156..]).map(|b| u32::from(*b)).sum::<u32>() + 8 * 32;
    if header.cksum().is_ok_and(|stated| stated == sum) {
        Ok(())
    } else {
        Err(UnpackError::Malformed { reason: "a header's checksum is wrong" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_may_be_octal_binary_negative_or_blank() {
        let mut header = Header::new_gnu();
        let mut read = |field: &[u8; 12]| {
            header.as_mut_bytes()[136..148].copy_from_slice(field);
            number(&header, 136..148)
        };
        assert_eq!(read(b"00000000017\0").unwrap(), 15);
        assert_eq!(read(b"         17 ").unwrap(), 15);
        assert_eq!(read(&[0; 12]).unwrap(), 0);
        assert_eq!(read(b"\x80\0\0\0\0\0\0\0\0\0\x01\x02").unwrap(), 0x102);
        assert_eq!(read(&[0xff; 12]).unwrap(), -1);
        assert!(read(b"00000000018\0").is_err());
        assert!(read(b"\xbf\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff").is_err());
    }
}
