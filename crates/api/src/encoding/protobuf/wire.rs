//! Protobuf's wire format.

use super::ProtobufError;

/// The value of one field as it is on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field<'b> {
    /// A number.
    Varint(u64),
    /// Text, bytes, a message, or numbers packed together.
    Bytes(&'b [u8]),
}

/// The fields of a message in their order: number and value.
pub(super) fn fields(message: &[u8]) -> impl Iterator<Item = Result<(u32, Field<'_>), ProtobufError>> {
    let mut rest = message;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let field = next(&mut rest);
        if field.is_err() {
            rest = &[];
        }
        Some(field)
    })
}

fn next<'b>(rest: &mut &'b [u8]) -> Result<(u32, Field<'b>), ProtobufError> {
    let tag = varint(rest)?;
    let number = u32::try_from(tag >> 3).map_err(|_| ProtobufError::Wire("illegal tag"))?;
    if number == 0 {
        return Err(ProtobufError::Wire("illegal tag 0"));
    }
    let field = match tag & 7 {
        0 => Field::Varint(varint(rest)?),
        2 => {
            let length = usize::try_from(varint(rest)?).unwrap_or(usize::MAX);
            let (bytes, after) = rest.split_at_checked(length).ok_or(ProtobufError::Wire("unexpected EOF"))?;
            *rest = after;
            Field::Bytes(bytes)
        }
        // No kind has numbers of fixed width or groups.
        _ => return Err(ProtobufError::Wire("illegal wireType")),
    };
    Ok((number, field))
}

/// A number of up to ten bytes, seven bits in each.
pub(super) fn varint(rest: &mut &[u8]) -> Result<u64, ProtobufError> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let Some((byte, after)) = rest.split_first() else { return Err(ProtobufError::Wire("unexpected EOF")) };
        *rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(ProtobufError::Wire("integer overflow"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(message: &[u8]) -> Result<Vec<(u32, Field<'_>)>, ProtobufError> {
        fields(message).collect()
    }

    #[test]
    fn numbers_and_bytes_are_read() {
        assert_eq!(
            read(&[0x08, 0x96, 0x01, 0x12, 0x02, b'h', b'i']),
            Ok(vec![(1, Field::Varint(150)), (2, Field::Bytes(b"hi"))])
        );
        let minus_one = [&[0x08][..], &[0xff; 9], &[0x01]].concat();
        assert_eq!(read(&minus_one), Ok(vec![(1, Field::Varint(u64::MAX))]));
    }

    #[test]
    fn what_is_cut_off_or_none_is_refused() {
        for bad in [&[0x08][..], &[0x12, 0x02, b'h'], &[0x00, 0x00], &[0x0d, 0, 0, 0, 0], &[0x0b], &[0xff; 11]] {
            assert!(read(bad).is_err(), "{bad:?}");
        }
        let long = [0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        assert!(read(&long).is_err());
    }
}
