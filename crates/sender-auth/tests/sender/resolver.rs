//! The real resolver against a name server on loopback.

use std::net::SocketAddr;
use std::time::Duration;

use mail_auth::hickory_resolver::proto::op::{Message, MessageType, ResponseCode};
use mail_auth::hickory_resolver::proto::rr::rdata::{A, CNAME, MX, SOA, TXT};
use mail_auth::hickory_resolver::proto::rr::{Name, RData, Record as Row, RecordType};
use sender_auth::{Dns, DnsFault, Record, RecordKind, Resolver};
use tokio::net::UdpSocket;

/// Answers over UDP until the test ends.
async fn name_server() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 1500];
        while let Ok((length, peer)) = socket.recv_from(&mut buffer).await {
            let question = Message::from_vec(&buffer[..length]).unwrap();
            if let Some(answer) = answer(&question) {
                socket.send_to(&answer.to_vec().unwrap(), peer).await.unwrap();
            }
        }
    });
    address
}

fn answer(question: &Message) -> Option<Message> {
    let query = question.queries[0].clone();
    let name = query.name().clone();
    let row = |data| Row::from_rdata(name.clone(), 60, data);
    let host = |text: &str| Name::from_ascii(text).unwrap();
    let mut message = Message::response(question.metadata.id, question.metadata.op_code);
    assert_eq!(message.metadata.message_type, MessageType::Response);
    message.metadata.recursion_available = true;
    message.add_query(query.clone());
    let labels = name.to_ascii();
    let rows = match (labels.trim_end_matches('.'), query.query_type()) {
        ("sender.test", RecordType::TXT) => {
            let long = TXT::new(vec!["v=spf1 ".into(), "-all".into()]);
            vec![row(RData::TXT(long))]
        }
        ("sender.test", RecordType::MX) => {
            vec![row(RData::MX(MX::new(10, host("MX.sender.test."))))]
        }
        ("alias.test", RecordType::A) => vec![
            row(RData::CNAME(CNAME(host("target.test.")))),
            Row::from_rdata(host("target.test."), 60, RData::A(A::new(192, 0, 2, 7))),
        ],
        ("1.2.0.192.in-addr.arpa", _) => Vec::new(),
        ("sender.test", _) => Vec::new(),
        ("broken.test", _) => {
            message.metadata.response_code = ResponseCode::ServFail;
            return Some(message);
        }
        ("silent.test", _) => return None,
        _ => {
            message.metadata.response_code = ResponseCode::NXDomain;
            Vec::new()
        }
    };
    if rows.is_empty() {
        let soa = SOA::new(host("ns.test."), host("root.test."), 1, 60, 60, 60, 60);
        message.add_authority(Row::from_rdata(host("test."), 60, RData::SOA(soa)));
    }
    message.add_answers(rows);
    Some(message)
}

async fn ask(name: &str, kind: RecordKind) -> Result<Vec<Record>, DnsFault> {
    let servers = [name_server().await];
    let resolver = Resolver::new(&servers, Duration::from_secs(1), 2, 100).unwrap();
    tokio::time::timeout(Duration::from_secs(30), resolver.query(name, kind)).await.unwrap()
}

#[tokio::test]
async fn records_come_with_their_strings_put_together_and_aliases_followed() {
    let txt = ask("sender.test", RecordKind::Txt).await;
    assert_eq!(txt, Ok(vec![Record::Txt(b"v=spf1 -all".to_vec())]));
    let mx = Record::Mx { preference: 10, exchange: "mx.sender.test".into() };
    assert_eq!(ask("sender.test", RecordKind::Mx).await, Ok(vec![mx]));
    let address = Record::A("192.0.2.7".parse().unwrap());
    assert_eq!(ask("alias.test", RecordKind::A).await, Ok(vec![address]));
}

#[tokio::test]
async fn nothing_nobody_and_no_answer_are_told_apart() {
    assert_eq!(ask("sender.test", RecordKind::Aaaa).await, Ok(vec![]));
    assert_eq!(ask("nobody.test", RecordKind::Txt).await, Err(DnsFault::NoSuchName));
    assert_eq!(ask("broken.test", RecordKind::Txt).await, Err(DnsFault::Temporary));
    assert_eq!(ask("silent.test", RecordKind::Txt).await, Err(DnsFault::Temporary));
    let unwritable = format!("{}.test", "x".repeat(64));
    assert_eq!(ask(&unwritable, RecordKind::Txt).await, Err(DnsFault::NoSuchName));
}
