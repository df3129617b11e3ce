//! Extended header records of POSIX tar.
//!
//! Records are taken by their stated length, not by line: the value of `security.capability` is
//! binary and may hold a newline.

use super::UnpackError;

const XATTR: &[u8] = b"SCHILY.xattr.";

/// What the records say about the entry that follows.
#[derive(Debug, Default)]
pub(super) struct Overrides {
    pub path: Option<Vec<u8>>,
    pub link: Option<Vec<u8>>,
    pub size: Option<u64>,
    pub uid: Option<u64>,
    pub gid: Option<u64>,
    pub mtime: Option<(i64, i64)>,
    pub xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    pub sparse: bool,
}

impl Overrides {
    pub(super) fn parse(mut data: &[u8]) -> Result<Self, UnpackError> {
        let mut found = Self::default();
        while !data.is_empty() && data[0] != 0 {
            let (key, value, rest) = record(data).ok_or(UnpackError::Malformed { reason: "bad extended header" })?;
            found.take(key, value)?;
            data = rest;
        }
        Ok(found)
    }

    fn take(&mut self, key: &[u8], value: &[u8]) -> Result<(), UnpackError> {
        match key {
            b"path" => self.path = Some(value.to_vec()),
            b"linkpath" => self.link = Some(value.to_vec()),
            b"size" => self.size = Some(number(value)?),
            b"uid" => self.uid = Some(number(value)?),
            b"gid" => self.gid = Some(number(value)?),
            b"mtime" => self.mtime = Some(timestamp(value)?),
            _ if key.starts_with(b"GNU.sparse.") => self.sparse = true,
            _ => {
                if let Some(name) = key.strip_prefix(XATTR) {
                    self.xattrs.push((name.to_vec(), value.to_vec()));
                }
            }
        }
        Ok(())
    }
}

/// `<length> <key>=<value>\n`, where the length counts the whole record.
fn record(data: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let space = data.iter().take(20).position(|b| *b == b' ')?;
    let length: usize = std::str::from_utf8(&data[..space]).ok()?.parse().ok()?;
    if length > data.len() || length < space + 3 || data[length - 1] != b'\n' {
        return None;
    }
    let body = &data[space + 1..length - 1];
    let equals = body.iter().position(|b| *b == b'=')?;
    Some((&body[..equals], &body[equals + 1..], &data[length..]))
}

fn number(value: &[u8]) -> Result<u64, UnpackError> {
    std::str::from_utf8(value)
        .ok()
        .and_then(|text| text.parse().ok())
        .ok_or(UnpackError::Malformed { reason: "bad number in an extended header" })
}

/// Seconds with an optional fraction, as seconds and nanoseconds counted upward.
fn timestamp(value: &[u8]) -> Result<(i64, i64), UnpackError> {
    let parse = || {
        let text = std::str::from_utf8(value).ok()?;
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let seconds: i64 = whole.parse().ok()?;
        if !fraction.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let digits: String = fraction.chars().chain("000000000".chars()).take(9).collect();
        let nanos: i64 = digits.parse().ok()?;
        if text.starts_with('-') && nanos > 0 {
            return Some((seconds.checked_sub(1)?, 1_000_000_000 - nanos));
        }
        Some((seconds, nanos))
    };
    parse().ok_or(UnpackError::Malformed { reason: "bad time in an extended header" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(key: &str, value: &[u8]) -> Vec<u8> {
        let body = key.len() + value.len() + 3;
        let mut length = body + 1;
        while body + length.to_string().len() != length {
            length += 1;
        }
        let mut record = format!("{length} {key}=").into_bytes();
        record.extend_from_slice(value);
        record.push(b'\n');
        record
    }

    #[test]
    fn a_binary_value_may_hold_newlines_and_equal_signs() {
        let mut data = encode("SCHILY.xattr.security.capability", b"\x01\n=\n\x02");
        data.extend(encode("path", b"a/b"));
        let found = Overrides::parse(&data).unwrap();
        assert_eq!(found.xattrs, [(b"security.capability".to_vec(), b"\x01\n=\n\x02".to_vec())]);
        assert_eq!(found.path.as_deref(), Some(&b"a/b"[..]));
    }

    #[test]
    fn times_keep_their_fraction() {
        assert_eq!(timestamp(b"12.5").unwrap(), (12, 500_000_000));
        assert_eq!(timestamp(b"-1.25").unwrap(), (-2, 750_000_000));
        assert_eq!(timestamp(b"7").unwrap(), (7, 0));
        assert!(timestamp(b"x").is_err());
    }

    #[test]
    fn lengths_that_lie_are_refused() {
        for bad in [&b"99 path=a\n"[..], b"3 path=a\n", b"path=a\n", b"10 path=ab", b"0 a=b\n", b"5 a=b\n\n"] {
            assert!(Overrides::parse(bad).is_err(), "{:?}", String::from_utf8_lossy(bad));
        }
    }
}
