//! Checksums of tar headers, set right after an input was changed.

use std::borrow::Cow;
use std::ops::Range;

const BLOCK: usize = 512;
const SIZE: Range<usize> = 124..136;
const SUM: Range<usize> = 148..156;

/// The archive with the sums that its headers should have. One that is compressed stays as it is.
pub fn corrected(archive: &[u8]) -> Cow<'_, [u8]> {
    if archive.starts_with(&[0x1f, 0x8b]) || archive.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        return Cow::Borrowed(archive);
    }
    let mut archive = archive.to_vec();
    let mut at = 0;
    while let Some(header) = archive.get_mut(at..at + BLOCK).filter(|header| header.iter().any(|b| *b != 0)) {
        header[SUM].fill(b' ');
        let sum: u32 = header.iter().map(|b| u32::from(*b)).sum();
        header[SUM].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        let data = octal(&header[SIZE]).div_ceil(BLOCK).saturating_mul(BLOCK);
        at = at.saturating_add(BLOCK).saturating_add(data).min(archive.len());
    }
    Cow::Owned(archive)
}

/// A size in octal digits; 0 for anything else, so that the next block is taken for a header.
fn octal(field: &[u8]) -> usize {
    let text = field.split(|b| *b == 0).next().unwrap_or_default().trim_ascii();
    std::str::from_utf8(text).ok().and_then(|digits| usize::from_str_radix(digits, 8).ok()).unwrap_or_default()
}
