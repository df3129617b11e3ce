//! Base64 as Go reads it: line ends may stand anywhere, and the bits that the last symbol has too many do not count.

/// The text as every reader takes it; else the byte at which Go stops.
pub(super) fn canonical(text: &str) -> Result<String, usize> {
    let (mut symbols, mut padding) = (Vec::with_capacity(text.len()), 0);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'\r' | b'\n' => {}
            b'=' if symbols.len() % 4 + padding < 2 || symbols.len() % 4 + padding > 3 => return Err(at),
            b'=' => padding += 1,
            _ if padding > 0 => return Err(at),
            byte => symbols.push(value(byte).ok_or(at)?),
        }
    }
    let over = symbols.len() % 4;
    match (over, padding) {
        (0, 0) | (2, 2) | (3, 1) => {}
        (_, 0) => return Err(text.len() - over),
        _ => return Err(text.len()),
    }
    if let Some(last) = symbols.last_mut() {
        *last &= [0x3f, 0x3f, 0x30, 0x3c][over];
    }
    let symbols = symbols.into_iter().map(|value| char::from(ALPHABET[usize::from(value)]));
    Ok(symbols.chain(std::iter::repeat_n('=', padding)).collect())
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn value(byte: u8) -> Option<u8> {
    let position = ALPHABET.iter().position(|symbol| *symbol == byte)?;
    u8::try_from(position).ok()
}

#[cfg(test)]
mod tests {
    use super::canonical;

    #[test]
    fn line_ends_and_spare_bits_are_taken_and_the_rest_is_refused_at_its_place() {
        let good = [("", ""), ("eHl6", "eHl6"), ("eH\nl6\r\n", "eHl6"), ("eR==", "eQ=="), ("eHm=", "eHk=")];
        for (text, expected) in good {
            assert_eq!(canonical(text).as_deref(), Ok(expected), "{text:?}");
        }
        let bad = [
            ("e$==", 1),
            ("e", 0),
            ("eH", 0),
            ("eQ=", 3),
            ("=", 0),
            ("eHl6=", 4),
            ("eQ==eQ==", 4),
            ("eHk=x", 4),
            ("eQ===", 4),
        ];
        for (text, at) in bad {
            assert_eq!(canonical(text), Err(at), "{text:?}");
        }
    }
}
