//! From the bytes of a question to those of its answer, over whichever transport they come.

use std::net::IpAddr;

use hickory_proto::op::{Message, Query, ResponseCode};
use hickory_proto::rr::Name;

use super::answer::{Answer, answer};
use super::message::{Incoming, decode, edns, encode, is_cut_off, refusal, udp_limit};
use super::options::Network;
use super::seats::{Seat, Seats};
use super::upstream::Upstreams;
use super::{SharedNames, forward};

/// How many questions are with other servers at once, in all and for each client.
const PASSED_ON: usize = 256;
const PASSED_ON_OF_ONE: usize = 64;

/// How a message comes and goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transport {
    Udp,
    Tcp,
}

/// Answers questions.
#[derive(Debug)]
pub(super) struct Resolver {
    names: SharedNames,
    upstreams: Upstreams,
    clients: Vec<Network>,
    passed_on: Seats,
}

/// What becomes of a question.
#[derive(Debug)]
pub(super) enum Begun {
    /// It has this answer.
    Reply(Vec<u8>),
    /// Others must be asked ([`Resolver::finish`]).
    Pending(Box<Pending>),
    /// Nothing is said.
    Ignored,
}

/// A question that others must be asked about.
#[derive(Debug)]
pub(super) struct Pending {
    bytes: Vec<u8>,
    query: Message,
    /// An answer that has begun, and the name that is missing.
    continued: Option<(Message, Name)>,
    over: Transport,
    /// Free again when this is over.
    _seat: Seat,
}

impl Resolver {
    pub(super) fn new(names: SharedNames, upstreams: Upstreams, clients: Vec<Network>) -> Self {
        Self { names, upstreams, clients, passed_on: Seats::new(PASSED_ON, PASSED_ON_OF_ONE) }
    }

    /// Whether somebody with this address is answered: others must not use us to hide who they are, or look around.
    pub(super) fn admits(&self, client: IpAddr) -> bool {
        self.clients.is_empty() || self.clients.iter().any(|network| network.contains(client))
    }

    /// Takes in a question. Waits for nothing.
    pub(super) fn begin(&self, bytes: &[u8], client: IpAddr, over: Transport) -> Begun {
        if !self.admits(client) {
            return Begun::Ignored;
        }
        let query = match decode(bytes) {
            Incoming::Query(query) => query,
            Incoming::Bad(reply) => return Begun::Reply(encode(&reply, u16::MAX)),
            Incoming::Ignored => return Begun::Ignored,
        };
        let answer = answer(&super::read(&self.names), &query);
        let continued = match answer {
            Answer::Reply(reply) => return Begun::Reply(write(&query, &reply, over)),
            Answer::Continued(reply, name) => Some((reply, name)),
            Answer::Elsewhere => None,
        };
        match self.passed_on.take(client) {
            Some(_seat) => {
                let pending = Pending { bytes: bytes.to_vec(), query, continued, over, _seat };
                Begun::Pending(Box::new(pending))
            }
            None => Begun::Reply(write(&query, &refusal(&query, ResponseCode::ServFail), over)),
        }
    }

    /// Asks others.
    pub(super) async fn finish(&self, pending: Box<Pending>) -> Vec<u8> {
        let servers = self.upstreams.servers();
        let Pending { bytes, query, continued, over, .. } = &*pending;
        let Some((reply, name)) = continued else {
            let answer = forward::ask(&servers, bytes, *over).await;
            return answer.unwrap_or_else(|| write(query, &refusal(query, ResponseCode::ServFail), *over));
        };
        let mut reply = reply.clone();
        match ask_for(&servers, query, name).await {
            Some(rest) => {
                reply.metadata.response_code = rest.metadata.response_code;
                reply.add_answers(rest.answers);
                reply.add_authorities(rest.authorities);
            }
            None => reply.metadata.response_code = ResponseCode::ServFail,
        }
        write(query, &reply, *over)
    }
}

/// The records of another name that were asked for, whole.
async fn ask_for(servers: &[std::net::SocketAddr], query: &Message, name: &Name) -> Option<Message> {
    let mut other = Message::query();
    other.metadata.recursion_desired = true;
    let wanted = query.queries.first()?.query_type();
    other.add_query(Query::query(name.clone(), wanted)).set_edns(edns());
    let bytes = encode(&other, u16::MAX);
    let mut answer = forward::ask(servers, &bytes, Transport::Udp).await?;
    if is_cut_off(&answer) {
        answer = forward::ask(servers, &bytes, Transport::Tcp).await?;
    }
    match Message::from_vec(&answer) {
        Ok(answer) => Some(answer),
        Err(error) => {
            tracing::debug!("an answer about {name} can't be read: {error}");
            None
        }
    }
}

fn write(query: &Message, reply: &Message, over: Transport) -> Vec<u8> {
    let limit = match over {
        Transport::Udp => udp_limit(query),
        Transport::Tcp => u16::MAX,
    };
    encode(reply, limit)
}
