//! The servers, over real sockets on loopback, with other servers that answer as a test says.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use hickory_proto::op::{Message, MessageType, Query, ResponseCode};
use hickory_proto::rr::rdata::A;
use hickory_proto::rr::{Name, RData, Record, RecordType};
use k8s_openapi::api::core::v1::{Pod, Service};
use proptest::prelude::*;
use serde_json::json;
use tempfile::TempDir;
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

use super::forward::{read_message, write_message};
use super::resolve::{Begun, Transport};
use super::*;

const LIMIT: Duration = Duration::from_secs(20);
const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const WEB: &str = "web.default.svc.cluster.local.";

/// A server with one service and Pod, which passes on what it does not know to servers of the test.
struct Scene {
    address: SocketAddr,
    _folder: TempDir,
    _tasks: JoinSet<()>,
}

fn names() -> Names {
    let mut names = Names::new("cluster.local", vec![LOOPBACK]).unwrap();
    for last in 2..102 {
        let pod: Pod = serde_json::from_value(json!({
            "metadata": {"name": format!("p{last}"), "namespace": "default", "labels": {"app": "web"}},
            "status": {"podIP": format!("10.85.0.{last}"), "conditions": [{"type": "Ready", "status": "True"}]},
        }))
        .unwrap();
        names.put_pod(&pod);
    }
    for (name, spec) in [
        ("web", json!({"clusterIP": "None", "selector": {"app": "web"}})),
        ("out", json!({"type": "ExternalName", "externalName": "www.example.com"})),
    ] {
        let service: Service =
            serde_json::from_value(json!({"metadata": {"name": name, "namespace": "default"}, "spec": spec})).unwrap();
        names.put_service(&service);
    }
    names
}

/// All that was put in is all there is.
fn complete(mut names: Names) -> Names {
    let keys = |all: &[&str]| all.iter().map(|name| names::ObjectKey::of(&named(name))).collect();
    let pods: Vec<String> = (2..102).map(|last| format!("p{last}")).collect();
    names.keep_pods(&keys(&pods.iter().map(String::as_str).collect::<Vec<_>>()));
    names.keep_services(&keys(&["web", "out"]));
    names
}

fn named(name: &str) -> Pod {
    serde_json::from_value(json!({"metadata": {"name": name, "namespace": "default"}})).unwrap()
}

impl Scene {
    /// `upstreams` have one port.
    async fn start(upstreams: &[SocketAddr], clients: Vec<Network>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("resolv.conf");
        let lines: Vec<String> = upstreams.iter().map(|server| format!("nameserver {}\n", server.ip())).collect();
        std::fs::write(&path, lines.concat()).unwrap();
        let port = upstreams.first().map_or(PORT, SocketAddr::port);
        let names = Arc::new(RwLock::new(complete(names())));
        let resolver = Arc::new(Resolver::new(names, Upstreams::new(path, Vec::new(), port), clients));
        let sockets = listen::bind((LOOPBACK, 0).into(), false).await.unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(udp::serve(Arc::new(sockets.udp), resolver.clone()));
        tasks.spawn(tcp::serve(sockets.tcp, resolver));
        Self { address: sockets.address, _folder: folder, _tasks: tasks }
    }

    async fn over_udp(&self, query: &Message) -> Message {
        let socket = UdpSocket::bind((LOOPBACK, 0)).await.unwrap();
        socket.send_to(&query.to_vec().unwrap(), self.address).await.unwrap();
        let mut buffer = [0; 65535];
        let length = timeout(LIMIT, socket.recv(&mut buffer)).await.unwrap().unwrap();
        Message::from_vec(&buffer[..length]).unwrap()
    }

    async fn over_tcp(&self, query: &Message) -> Message {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        write_message(&mut stream, &query.to_vec().unwrap()).await.unwrap();
        let reply = timeout(LIMIT, read_message(&mut stream)).await.unwrap().unwrap();
        Message::from_vec(&reply).unwrap()
    }
}

fn query(name: &str) -> Message {
    let mut query = Message::query();
    query.metadata.recursion_desired = true;
    query.add_query(Query::query(Name::from_ascii(name).unwrap(), RecordType::A));
    query
}

fn addresses(reply: &Message) -> Vec<String> {
    let of = |record: &Record| record.data.ip_addr().map(|ip| ip.to_string());
    reply.answers.iter().filter_map(of).collect()
}

/// What a server of the test says to a question: several messages, or none.
type Says = fn(&Message) -> Vec<Message>;

/// A server at this address, over UDP; over TCP it adds an address to what it says.
async fn upstream(tasks: &mut JoinSet<()>, address: SocketAddr, says: Says) -> SocketAddr {
    let sockets = listen::bind(address, false).await.unwrap();
    tasks.spawn(async move {
        let mut buffer = [0; 4096];
        loop {
            let (length, client) = sockets.udp.recv_from(&mut buffer).await.unwrap();
            for reply in says(&Message::from_vec(&buffer[..length]).unwrap()) {
                sockets.udp.send_to(&reply.to_vec().unwrap(), client).await.unwrap();
            }
        }
    });
    tasks.spawn(async move {
        loop {
            let (mut stream, _) = sockets.tcp.accept().await.unwrap();
            let query = read_message(&mut stream).await.unwrap();
            let reply = says_address(&Message::from_vec(&query).unwrap(), 99);
            write_message(&mut stream, &reply.to_vec().unwrap()).await.unwrap();
        }
    });
    sockets.address
}

fn says_address(query: &Message, last: u8) -> Message {
    let mut reply = says_code(query, ResponseCode::NoError);
    let name = query.queries[0].name().clone();
    reply.add_answer(Record::from_rdata(name, 300, RData::A(A::new(192, 0, 2, last))));
    reply
}

fn says_code(query: &Message, code: ResponseCode) -> Message {
    let mut reply = query.clone();
    reply.metadata.message_type = MessageType::Response;
    reply.metadata.response_code = code;
    reply
}

/// Another address of loopback, with a port that is free there and at the first one.
fn second(first: SocketAddr) -> SocketAddr {
    (Ipv4Addr::new(127, 0, 0, 2), first.port()).into()
}

#[tokio::test]
async fn the_clusters_names_are_answered_and_large_answers_over_tcp() {
    let scene = Scene::start(&[], Vec::new()).await;
    let asked = query(WEB);
    let cut = scene.over_udp(&asked).await;
    assert!(cut.metadata.truncation && cut.metadata.authoritative && cut.metadata.recursion_available);
    assert_eq!(cut.metadata.id, asked.metadata.id);
    assert_eq!(addresses(&scene.over_tcp(&asked).await).len(), 100);
    let absent = scene.over_udp(&query(&format!("no.{WEB}"))).await;
    assert_eq!(absent.metadata.response_code, ResponseCode::NXDomain);
    // Nobody knows anything else.
    assert_eq!(scene.over_udp(&query("example.com.")).await.metadata.response_code, ResponseCode::ServFail);
}

#[tokio::test]
async fn other_names_are_asked_elsewhere_and_what_others_guess_is_not_taken() {
    let mut tasks = JoinSet::new();
    let server = upstream(&mut tasks, (LOOPBACK, 0).into(), |query| {
        let mut wrong_id = says_address(query, 1);
        wrong_id.metadata.id = query.metadata.id.wrapping_add(1);
        let mut wrong_name = says_address(query, 2);
        wrong_name.queries[0].set_name(Name::from_ascii("example.org.").unwrap());
        vec![wrong_id, wrong_name, query.clone(), says_address(query, 3)]
    })
    .await;
    let scene = Scene::start(&[server], Vec::new()).await;
    let asked = query("Example.Com.");
    let reply = scene.over_udp(&asked).await;
    assert_eq!((reply.metadata.id, addresses(&reply)), (asked.metadata.id, vec!["192.0.2.3".to_owned()]));
    assert_eq!(addresses(&scene.over_tcp(&asked).await), ["192.0.2.99"]);
    let continued = scene.over_udp(&query("out.default.svc.cluster.local.")).await;
    assert_eq!(continued.answers[0].data.to_string(), "www.example.com.");
    assert_eq!(addresses(&continued), ["192.0.2.3"]);
}

#[tokio::test]
async fn the_next_server_is_asked_if_one_fails() {
    let mut tasks = JoinSet::new();
    let first =
        upstream(&mut tasks, (LOOPBACK, 0).into(), |query| vec![says_code(query, ResponseCode::ServFail)]).await;
    let failing = Scene::start(&[first], Vec::new()).await;
    assert_eq!(failing.over_udp(&query("example.com.")).await.metadata.response_code, ResponseCode::ServFail);
    upstream(&mut tasks, second(first), |query| vec![says_address(query, 2)]).await;
    let scene = Scene::start(&[first, second(first)], Vec::new()).await;
    assert_eq!(addresses(&scene.over_udp(&query("example.com.")).await), ["192.0.2.2"]);
}

#[tokio::test]
async fn questions_that_wait_for_others_hold_up_none_of_the_cluster_and_have_a_bound() {
    let mut tasks = JoinSet::new();
    let silent = upstream(&mut tasks, (LOOPBACK, 0).into(), |_| Vec::new()).await;
    let scene = Scene::start(&[silent], Vec::new()).await;
    let socket = UdpSocket::bind((LOOPBACK, 0)).await.unwrap();
    for _ in 0..65 {
        socket.send_to(&query("example.com.").to_vec().unwrap(), scene.address).await.unwrap();
    }
    // One too many of one client.
    let mut buffer = [0; 4096];
    let length = timeout(LIMIT, socket.recv(&mut buffer)).await.unwrap().unwrap();
    assert_eq!(Message::from_vec(&buffer[..length]).unwrap().metadata.response_code, ResponseCode::ServFail);
    assert!(scene.over_udp(&query(WEB)).await.metadata.truncation);
}

#[tokio::test]
async fn strangers_are_not_answered() {
    let scene = Scene::start(&[], vec![Network::new([10, 85, 0, 1].into(), 16)]).await;
    let mut stream = TcpStream::connect(scene.address).await.unwrap();
    // It may be closed before the question is there.
    let _ = write_message(&mut stream, &query(WEB).to_vec().unwrap()).await;
    assert!(timeout(LIMIT, read_message(&mut stream)).await.unwrap().is_err());
    let (resolver, query) = (resolver(), query(WEB).to_vec().unwrap());
    let over = |client: IpAddr| resolver.begin(&query, client, Transport::Udp);
    assert!(matches!(over(LOOPBACK), Begun::Ignored) && matches!(over([10, 85, 0, 9].into()), Begun::Reply(_)));
}

#[tokio::test]
async fn an_address_can_be_had_before_it_is_there_and_only_once() {
    let absent: SocketAddr = ([198, 51, 100, 7], 0).into();
    assert!(listen::bind(absent, false).await.is_err());
    let early = listen::bind(absent, true).await.unwrap();
    let again = listen::bind(early.address, true).await;
    assert!(again.is_err_and(|error| error.is_taken()));
}

fn resolver() -> Resolver {
    let upstreams = Upstreams::new("/none".into(), Vec::new(), PORT);
    let names = Arc::new(RwLock::new(complete(names())));
    Resolver::new(names, upstreams, vec![Network::new([10, 85, 0, 1].into(), 16)])
}

proptest! {
    #[test]
    fn whatever_comes_answers_fit_and_can_be_read(
        noise in proptest::collection::vec(any::<u8>(), 0..64),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        is_noise in any::<bool>(),
    ) {
        let mut bytes = if is_noise { noise } else { query(WEB).to_vec().unwrap() };
        for (at, value) in changes {
            if !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] = value;
            }
        }
        if let Begun::Reply(reply) = resolver().begin(&bytes, [10, 85, 0, 9].into(), Transport::Udp) {
            prop_assert!(reply.len() <= 1232 && reply[..2] == bytes[..2]);
            prop_assert!(Message::from_vec(&reply).is_ok());
        }
    }
}
