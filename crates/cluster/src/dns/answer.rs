//! What is answered, as a function of the names and the question.

use std::net::IpAddr;

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::{CNAME, NS, PTR, SOA, SRV, TXT};
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType};

use super::message::{refusal, reply_to};
use super::names::{Data, Entry, Names};

/// For how long answers may be kept, in seconds: as CoreDNS has it for Kubernetes.
const TTL: u32 = 5;
/// How many names that stand for other names are followed.
const ALIASES: usize = 8;

/// What to do about a question.
#[derive(Debug)]
pub(super) enum Answer {
    /// This is the answer.
    Reply(Message),
    /// This is its beginning, and the records of a name that is not the cluster's are missing.
    Continued(Message, Name),
    /// Others are to be asked.
    Elsewhere,
}

/// The answer to `query`, which has one question.
pub(super) fn answer(names: &Names, query: &Message) -> Answer {
    let Some(question) = query.queries.first() else { return refused(query, ResponseCode::FormErr) };
    if query.edns.as_ref().is_some_and(|edns| edns.version() > 0) {
        return refused(query, ResponseCode::BADVERS);
    }
    let is_class = matches!(question.query_class(), DNSClass::IN | DNSClass::ANY);
    if !is_class || matches!(question.query_type(), RecordType::AXFR | RecordType::IXFR) {
        return refused(query, ResponseCode::Refused);
    }
    match names.lookup(question.name()) {
        Entry::Elsewhere => Answer::Elsewhere,
        _ if !names.is_complete() => refused(query, ResponseCode::ServFail),
        entry => of_cluster(names, query, question.query_type(), (question.name().clone(), entry)),
    }
}

fn refused(query: &Message, code: ResponseCode) -> Answer {
    Answer::Reply(refusal(query, code))
}

/// The records of a name, and of those that it stands for.
fn of_cluster(names: &Names, query: &Message, wanted: RecordType, first: (Name, Entry)) -> Answer {
    let mut reply = reply_to(query);
    reply.metadata.authoritative = true;
    let (mut owner, mut entry) = first;
    for _ in 0..ALIASES {
        let all = match entry {
            Entry::Elsewhere => return Answer::Continued(reply, owner),
            Entry::Absent => {
                reply.metadata.response_code = ResponseCode::NXDomain;
                Vec::new()
            }
            Entry::Present(all) => all,
        };
        match all.as_slice() {
            [Data::Alias(target)] if wanted != RecordType::CNAME && wanted != RecordType::ANY => {
                reply.add_answer(record(names, &owner, &all[0]));
                owner = target.clone();
                entry = names.lookup(&owner);
            }
            all => {
                add(names, &mut reply, &owner, wanted, all);
                return Answer::Reply(reply);
            }
        }
    }
    // They go in a circle.
    refused(query, ResponseCode::ServFail)
}

fn add(names: &Names, reply: &mut Message, owner: &Name, wanted: RecordType, all: &[Data]) {
    let is_wanted = |record: &Record| wanted == RecordType::ANY || record.record_type() == wanted;
    let mut records: Vec<Record> = all.iter().map(|data| record(names, owner, data)).filter(is_wanted).collect();
    if records.is_empty() {
        // Whoever keeps it that there is nothing needs to know for how long.
        reply.add_authority(record(names, names.zone(), &Data::Authority));
        return;
    }
    // Clients that take the first are spread, and the same question has the same answer.
    let first = usize::from(reply.metadata.id) % records.len();
    records.rotate_left(first);
    reply.add_answers(records);
    for data in all {
        if let Data::Service { target, addresses, .. } = data
            && matches!(wanted, RecordType::SRV | RecordType::ANY)
        {
            let known = addresses.iter().map(|address| record(names, target, &Data::Address(*address)));
            reply.add_additionals(known.collect::<Vec<_>>());
        }
    }
}

fn record(names: &Names, owner: &Name, data: &Data) -> Record {
    let data = match data {
        Data::Address(IpAddr::V4(address)) => RData::A((*address).into()),
        Data::Address(IpAddr::V6(address)) => RData::AAAA((*address).into()),
        Data::Service { port, target, .. } => RData::SRV(SRV::new(0, 100, *port, target.clone())),
        Data::Alias(target) => RData::CNAME(CNAME(target.clone())),
        Data::Pointer(name) => RData::PTR(PTR(name.clone())),
        Data::Text(text) => RData::TXT(TXT::new(vec![(*text).to_owned()])),
        Data::NameServer(name) => RData::NS(NS(name.clone())),
        Data::Authority => RData::SOA(authority(names)),
    };
    Record::from_rdata(owner.clone(), TTL, data)
}

/// Nobody copies this zone: the times are what CoreDNS says too.
fn authority(names: &Names) -> SOA {
    let (server, person) = (names.below(&["ns", "dns"]), names.below(&["hostmaster"]));
    SOA::new(server, person, names.serial(), 7200, 1800, 86400, TTL)
}
