//! Messages as they are on the wire: taken in with bounds, written so that they fit.

use hickory_proto::op::{Edns, Message, MessageType, Metadata, OpCode, ResponseCode};
use hickory_proto::serialize::binary::{BinEncodable, BinEncoder};

/// A message's header.
pub(super) const HEADER: usize = 12;
/// What a client without EDNS can take over UDP (RFC 1035, 2.3.4).
const UDP_PLAIN: u16 = 512;
/// What is sent and taken over UDP at most, so that nothing is cut into fragments (DNS Flag Day 2020).
const UDP_MAX: u16 = 1232;

/// What came from a client.
#[derive(Debug)]
pub(super) enum Incoming {
    /// A question.
    Query(Message),
    /// Something that is no question, and what is to be said about it.
    Bad(Message),
    /// Something that must not be answered: an answer, or no message.
    Ignored,
}

/// Reads what came. Only what has one question is read further than its header.
pub(super) fn decode(bytes: &[u8]) -> Incoming {
    let Some(header) = bytes.get(..HEADER) else { return Incoming::Ignored };
    let (id, flags, questions) = (number(header, 0), header[2], number(header, 4));
    if flags & 0x80 != 0 {
        return Incoming::Ignored;
    }
    let op_code = OpCode::from_u8(flags >> 3 & 0xf);
    if op_code != OpCode::Query {
        return Incoming::Bad(Message::error_msg(id, op_code, ResponseCode::NotImp));
    }
    match Message::from_vec(bytes) {
        Ok(query) if questions == 1 => Incoming::Query(query),
        _ => Incoming::Bad(Message::error_msg(id, op_code, ResponseCode::FormErr)),
    }
}

/// An answer to `query` that has nothing yet.
pub(super) fn reply_to(query: &Message) -> Message {
    let mut reply = Message::new(query.metadata.id, MessageType::Response, OpCode::Query);
    reply.metadata = Metadata::response_from_request(&query.metadata);
    reply.metadata.recursion_available = true;
    reply.add_queries(query.queries.iter().cloned());
    if query.edns.is_some() {
        reply.set_edns(edns());
    }
    reply
}

/// An answer to `query` that only says how it went.
pub(super) fn refusal(query: &Message, code: ResponseCode) -> Message {
    let mut reply = reply_to(query);
    reply.metadata.response_code = code;
    reply
}

/// What we say of ourselves to those who speak EDNS.
pub(super) fn edns() -> Edns {
    let mut edns = Edns::new();
    edns.set_max_payload(UDP_MAX).set_version(0);
    edns
}

/// How large an answer over UDP may be.
pub(super) fn udp_limit(query: &Message) -> u16 {
    query.edns.as_ref().map_or(UDP_PLAIN, |edns| edns.max_payload().clamp(UDP_PLAIN, UDP_MAX))
}

/// Writes an answer in at most `limit` bytes. What does not fit is left out: first what was not asked for, then the answer
/// says that it is cut off.
pub(super) fn encode(reply: &Message, limit: u16) -> Vec<u8> {
    let whole = write(reply, limit);
    if !reply.additionals.is_empty() && whole.as_ref().is_none_or(|bytes| is_cut_off(bytes)) {
        let mut shorter = reply.clone();
        shorter.additionals.clear();
        return write(&shorter, limit).unwrap_or_else(|| failed(reply));
    }
    whole.unwrap_or_else(|| failed(reply))
}

fn write(reply: &Message, limit: u16) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(UDP_PLAIN.into());
    let mut encoder = BinEncoder::new(&mut bytes);
    encoder.set_max_size(limit);
    match reply.emit(&mut encoder) {
        Ok(()) => Some(bytes),
        Err(error) => {
            tracing::debug!("an answer can't be written: {error}");
            None
        }
    }
}

/// A header that says `SERVFAIL`.
fn failed(reply: &Message) -> Vec<u8> {
    let [high, low] = reply.metadata.id.to_be_bytes();
    vec![high, low, 0x80, 2, 0, 0, 0, 0, 0, 0, 0, 0]
}

/// Whether a message says that it is not all.
pub(super) fn is_cut_off(message: &[u8]) -> bool {
    message.get(2).is_some_and(|flags| flags & 2 != 0)
}

/// The two bytes at `at`.
pub(super) fn number(bytes: &[u8], at: usize) -> u16 {
    let byte = |at: usize| bytes.get(at).copied().unwrap_or(0);
    u16::from_be_bytes([byte(at), byte(at + 1)])
}

/// The question of a message that has one: its first is never compressed.
pub(super) fn question(message: &[u8]) -> Option<&[u8]> {
    let mut at = HEADER;
    loop {
        match usize::from(*message.get(at)?) {
            0 => return message.get(HEADER..at + 5),
            length @ 1..64 => at += length + 1,
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use hickory_proto::op::Query;
    use hickory_proto::rr::rdata::A;
    use hickory_proto::rr::{Name, RData, Record, RecordType};

    use super::*;

    fn query() -> Message {
        let mut query = Message::query();
        query.add_query(Query::query(Name::from_ascii("a.example.").unwrap(), RecordType::A));
        query
    }

    #[test]
    fn what_is_no_question_is_told_so_or_left_alone() {
        let bytes = query().to_vec().unwrap();
        assert!(matches!(decode(&bytes), Incoming::Query(_)));
        assert!(matches!(decode(&bytes[..HEADER - 1]), Incoming::Ignored));
        let mut answer = bytes.clone();
        answer[2] |= 0x80;
        assert!(matches!(decode(&answer), Incoming::Ignored));
        for (at, value, code) in
            [(2, 0x28, ResponseCode::NotImp), (5, 2, ResponseCode::FormErr), (12, 0xff, ResponseCode::FormErr)]
        {
            let mut bad = bytes.clone();
            bad[at] = value;
            let Incoming::Bad(reply) = decode(&bad) else { panic!("byte {at} as {value} was taken") };
            assert_eq!((reply.metadata.response_code, reply.metadata.id), (code, number(&bytes, 0)));
        }
    }

    #[test]
    fn an_answer_that_is_too_large_is_cut_off_and_says_so() {
        let mut reply = reply_to(&query());
        let name = Name::from_ascii("a.example.").unwrap();
        for last in 0..100 {
            reply.add_answer(Record::from_rdata(name.clone(), 5, RData::A(A::new(10, 0, 0, last))));
        }
        let bytes = encode(&reply, udp_limit(&query()));
        assert!(is_cut_off(&bytes) && bytes.len() <= 512 && Message::from_vec(&bytes).is_ok());
        let whole = encode(&reply, u16::MAX);
        assert!(!is_cut_off(&whole));
        assert_eq!(Message::from_vec(&whole).unwrap().answers.len(), 100);
    }

    #[test]
    fn what_was_not_asked_for_is_left_out_first() {
        let mut reply = reply_to(&query());
        let record =
            |last| Record::from_rdata(Name::from_ascii("a.example.").unwrap(), 5, RData::A(A::new(10, 0, 0, last)));
        reply.add_answer(record(0));
        reply.add_additionals((0..100).map(record));
        let bytes = encode(&reply, 512);
        assert!(!is_cut_off(&bytes));
        assert_eq!(Message::from_vec(&bytes).unwrap().answers.len(), 1);
    }

    #[test]
    fn a_question_ends_with_its_class() {
        let bytes = query().to_vec().unwrap();
        assert_eq!(question(&bytes), Some(&b"\x01a\x07example\0\0\x01\0\x01"[..]));
        assert_eq!((question(&bytes[..20]), question(&[])), (None, None));
    }
}
