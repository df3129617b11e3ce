//! What a peer can and can't make a connection do.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::mpsc;

use crate::begin;
use crate::connection::NewStream;
use crate::link::{Link, Outgoing};
use crate::pairing::Pairing;
use crate::spdy::{Frame, FrameDecoder, FrameEncoder, Headers, Role};
use crate::table::MAX_STREAMS;

const IDLE: Duration = Duration::from_secs(3600);
const NOTHING_MOVES: Duration = Duration::from_millis(300);

/// A server, and the frames of its client.
fn server() -> (DuplexStream, Link, mpsc::Receiver<NewStream>) {
    let (client, transport) = duplex(4096);
    let (link, new) = begin::spdy(transport, Role::Server, IDLE).unwrap();
    (client, link, new)
}

fn encode(encoder: &mut FrameEncoder, frame: &Frame) -> BytesMut {
    let mut bytes = BytesMut::new();
    encoder.encode(frame, &mut bytes).unwrap();
    bytes
}

fn open(stream: u32, pairs: [(&str, &str); 3]) -> Frame {
    Frame::SynStream { stream, fin: false, headers: Headers::new(pairs) }
}

/// The next frame that comes.
async fn receive(from: &mut (impl AsyncRead + Unpin), decoder: &mut FrameDecoder, buffer: &mut BytesMut) -> Frame {
    loop {
        if let Some(frame) = decoder.decode(buffer).unwrap() {
            return frame;
        }
        assert_ne!(from.read_buf(buffer).await.unwrap(), 0, "the connection ended");
    }
}

#[tokio::test]
async fn a_peer_that_asks_but_does_not_read_is_held_back() {
    let (mut client, _link, _new) = server();
    let mut encoder = FrameEncoder::new().unwrap();
    let ping = encode(&mut encoder, &Frame::Ping(1));
    let mut sent = 0;
    while tokio::time::timeout(NOTHING_MOVES, client.write_all(&ping)).await.is_ok() {
        sent += 1;
        assert!(sent < 100_000, "answers pile up");
    }
}

#[tokio::test]
async fn a_peer_can_open_only_so_many_streams() {
    let (client, transport) = duplex(4096);
    let (_server, mut new) = begin::spdy(transport, Role::Server, IDLE).unwrap();
    let (link, _none) = begin::spdy(client, Role::Client, IDLE).unwrap();
    let accepting = tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Some(stream) = new.recv().await {
            kept.push(stream.accept());
        }
    });
    let mut accepted = 0;
    for stream in (1..).step_by(2).take(MAX_STREAMS + 10) {
        let ends = link.open(stream);
        let answer = link.table().when_accepted(stream);
        link.try_send(Outgoing::Open { stream, headers: Headers::default() });
        accepted += usize::from(answer.await.is_ok());
        std::mem::forget(ends);
    }
    assert_eq!(accepted, MAX_STREAMS);
    link.close();
    accepting.await.unwrap();
}

#[tokio::test]
async fn a_client_that_has_to_wait_for_a_reader_gets_signs_of_life() {
    let (mut client, _link, mut new) = server();
    let (mut encoder, mut decoder, mut buffer) = (FrameEncoder::new().unwrap(), FrameDecoder::new(), BytesMut::new());
    client.write_all(&encode(&mut encoder, &open(1, [("streamtype", "stdin"), ("a", ""), ("b", "")]))).await.unwrap();
    let stalled = new.recv().await.unwrap().accept();
    assert_eq!(receive(&mut client, &mut decoder, &mut buffer).await, Frame::SynReply { stream: 1, fin: false });
    let data = Frame::Data { stream: 1, fin: false, payload: Bytes::from(vec![0; 1024 * 1024]) };
    let data = encode(&mut encoder, &data);
    let (mut read, mut write) = tokio::io::split(client);
    let writing = tokio::spawn(async move { drop(write.write_all(&data).await) });
    assert!(tokio::time::timeout(NOTHING_MOVES, receive(&mut read, &mut decoder, &mut buffer)).await.is_err());
    tokio::time::pause();
    assert_eq!(receive(&mut read, &mut decoder, &mut buffer).await, Frame::Ping(2));
    drop((stalled, read));
    writing.await.unwrap();
}

#[tokio::test]
async fn a_stream_that_nobody_reads_any_more_is_cancelled_and_the_others_go_on() {
    let (mut client, _link, mut new) = server();
    let (mut encoder, mut decoder, mut buffer) = (FrameEncoder::new().unwrap(), FrameDecoder::new(), BytesMut::new());
    for stream in [1, 3] {
        client.write_all(&encode(&mut encoder, &open(stream, [("a", ""), ("b", ""), ("c", "")]))).await.unwrap();
    }
    drop(new.recv().await.unwrap().accept());
    let (mut reader, _writer) = new.recv().await.unwrap().accept();
    let data = Frame::Data { stream: 1, fin: false, payload: Bytes::from(vec![1; 1024 * 1024]) };
    let all = encode(&mut encoder, &data);
    let last = encode(&mut encoder, &Frame::Data { stream: 3, fin: true, payload: Bytes::from_static(b"mine") });
    let (mut read, mut write) = tokio::io::split(client);
    tokio::spawn(async move {
        write.write_all(&all).await.unwrap();
        write.write_all(&last).await.unwrap();
        std::future::pending::<()>().await;
    });
    let mut received = String::new();
    reader.read_to_string(&mut received).await.unwrap();
    assert_eq!(received, "mine");
    let mut frames = Vec::new();
    while frames.len() < 4 {
        frames.push(receive(&mut read, &mut decoder, &mut buffer).await);
    }
    assert!(frames.contains(&Frame::RstStream { stream: 1, status: 5 }), "{frames:?}");
}

#[tokio::test]
async fn streams_of_a_port_forward_find_each_other_with_and_without_an_id() {
    let (mut client, _link, mut new) = server();
    let mut encoder = FrameEncoder::new().unwrap();
    for frame in [
        open(1, [("streamtype", "error"), ("port", "80"), ("requestid", "a")]),
        open(3, [("streamtype", "data"), ("port", "81"), ("requestid", "b")]),
        open(5, [("streamtype", "error"), ("port", "82"), ("requestid", "")]),
        open(7, [("streamtype", "data"), ("port", "82"), ("requestid", "")]),
        open(9, [("streamtype", "error"), ("port", "0"), ("requestid", "c")]),
        open(11, [("streamtype", "audio"), ("port", "80"), ("requestid", "a")]),
        open(13, [("streamtype", "error"), ("port", "80"), ("requestid", "a")]),
        open(15, [("streamtype", "error"), ("port", "81"), ("requestid", "b")]),
        open(17, [("streamtype", "data"), ("port", "80"), ("requestid", "a")]),
    ] {
        client.write_all(&encode(&mut encoder, &frame)).await.unwrap();
    }
    let mut pairing = Pairing::new(IDLE);
    let mut ports = Vec::new();
    while ports.len() < 3 {
        ports.push(pairing.next(&mut new).await.unwrap().port);
    }
    assert_eq!(ports, [82, 81, 80]);
    let (mut decoder, mut buffer) = (FrameDecoder::new(), BytesMut::new());
    let mut refused = Vec::new();
    while refused.len() < 3 {
        if let Frame::RstStream { stream, status: 3 } = receive(&mut client, &mut decoder, &mut buffer).await {
            refused.push(stream);
        }
    }
    assert_eq!(refused, [9, 11, 13]);
}

#[tokio::test]
async fn a_stream_whose_other_half_never_comes_is_given_up() {
    let (mut client, link, mut new) = server();
    let mut encoder = FrameEncoder::new().unwrap();
    let error = open(1, [("streamtype", "error"), ("port", "80"), ("requestid", "a")]);
    client.write_all(&encode(&mut encoder, &error)).await.unwrap();
    let pairing = async {
        let mut pairing = Pairing::new(NOTHING_MOVES);
        pairing.next(&mut new).await
    };
    let (mut decoder, mut buffer) = (FrameDecoder::new(), BytesMut::new());
    let told = async {
        loop {
            if let Frame::Data { payload, fin: false, .. } = receive(&mut client, &mut decoder, &mut buffer).await {
                link.close();
                return String::from_utf8_lossy(&payload).into_owned();
            }
        }
    };
    let (connection, told) = tokio::join!(pairing, told);
    assert!(connection.is_none());
    assert!(told.contains("port 80"), "{told}");
}
