//! A DNS server on loopback, UDP and TCP on one port, that answers as a function says.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

pub(crate) const A: u16 = 1;
pub(crate) const CNAME: u16 = 5;
pub(crate) const MX: u16 = 15;

/// What a question gets.
#[derive(Clone)]
pub(crate) enum Answer {
    Records(Vec<Record>),
    NxDomain,
    ServFail,
    Silence,
    /// Over UDP cut short, over TCP these.
    Large(Vec<Record>),
}

/// A record of the name that was asked for, or of another.
#[derive(Clone)]
pub(crate) enum Record {
    Mx(u16, String),
    Address(IpAddr),
    Alias(&'static str),
    AddressOf(&'static str, IpAddr),
}

type Zone = dyn Fn(&str, u16) -> Answer + Send + Sync;

pub(crate) struct DnsStub {
    pub(crate) address: SocketAddr,
    /// Questions, as `udp ecole.test 15`.
    pub(crate) asked: Arc<Mutex<Vec<String>>>,
}

impl DnsStub {
    pub(crate) async fn new(zone: impl Fn(&str, u16) -> Answer + Send + Sync + 'static) -> Self {
        let (udp, tcp) = sockets().await;
        let address = udp.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let zone: Arc<Zone> = Arc::new(zone);
        tokio::spawn(serve_udp(udp, Arc::clone(&zone), Arc::clone(&asked)));
        let ears = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((stream, _)) = tcp.accept().await {
                tokio::spawn(serve_tcp(stream, Arc::clone(&zone), Arc::clone(&ears)));
            }
        });
        Self { address, asked }
    }
}

/// One port for both.
async fn sockets() -> (UdpSocket, TcpListener) {
    loop {
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        if let Ok(udp) = UdpSocket::bind(tcp.local_addr().unwrap()).await {
            return (udp, tcp);
        }
    }
}

async fn serve_udp(socket: UdpSocket, zone: Arc<Zone>, asked: Arc<Mutex<Vec<String>>>) {
    let mut query = [0; 512];
    while let Ok((count, peer)) = socket.recv_from(&mut query).await {
        let question = Question::read(&query[..count]);
        asked.lock().unwrap().push(format!("udp {} {}", question.name, question.kind));
        if let Some(reply) = question.reply(&zone(&question.name, question.kind), true) {
            socket.send_to(&reply, peer).await.unwrap();
        }
    }
}

async fn serve_tcp(mut stream: TcpStream, zone: Arc<Zone>, asked: Arc<Mutex<Vec<String>>>) {
    while let Ok(count) = stream.read_u16().await {
        let mut query = vec![0; usize::from(count)];
        stream.read_exact(&mut query).await.unwrap();
        let question = Question::read(&query);
        asked.lock().unwrap().push(format!("tcp {} {}", question.name, question.kind));
        if let Some(reply) = question.reply(&zone(&question.name, question.kind), false) {
            let length = u16::try_from(reply.len()).unwrap().to_be_bytes();
            stream.write_all(&[&length[..], &reply].concat()).await.unwrap();
        }
    }
}

struct Question {
    id: [u8; 2],
    name: String,
    kind: u16,
    /// As it came, to be sent back.
    bytes: Vec<u8>,
}

impl Question {
    fn read(query: &[u8]) -> Self {
        let mut labels = Vec::new();
        let mut place = 12;
        while query[place] != 0 {
            let length = usize::from(query[place]);
            labels.push(String::from_utf8_lossy(&query[place + 1..=place + length]).into_owned());
            place += 1 + length;
        }
        let kind = u16::from_be_bytes([query[place + 1], query[place + 2]]);
        Self {
            id: [query[0], query[1]],
            name: labels.join(".").to_ascii_lowercase(),
            kind,
            bytes: query[12..place + 5].to_vec(),
        }
    }

    fn reply(&self, answer: &Answer, udp: bool) -> Option<Vec<u8>> {
        let none = Vec::new();
        let (records, code, cut) = match answer {
            Answer::Silence => return None,
            Answer::NxDomain => (&none, 3, false),
            Answer::ServFail => (&none, 2, false),
            Answer::Records(records) => (records, 0, false),
            Answer::Large(_) if udp => (&none, 0, true),
            Answer::Large(records) => (records, 0, false),
        };
        let flags = [0x81 | u8::from(cut) << 1, 0x80 | code];
        let count = u16::try_from(records.len()).unwrap().to_be_bytes();
        let mut reply =
            [&self.id[..], &flags, &[0, 1], &count, &[0, 0, 0, 0], &self.bytes].concat();
        records.iter().for_each(|record| reply.extend(record.bytes(&self.name)));
        Some(reply)
    }
}

impl Record {
    fn bytes(&self, asked: &str) -> Vec<u8> {
        let (owner, kind, data) = match self {
            Record::Mx(preference, exchange) => {
                (asked, MX, [&preference.to_be_bytes()[..], &name(exchange)].concat())
            }
            Record::Alias(target) => (asked, CNAME, name(target)),
            Record::Address(address) => (asked, kind(*address), octets(*address)),
            Record::AddressOf(owner, address) => (*owner, kind(*address), octets(*address)),
        };
        let length = u16::try_from(data.len()).unwrap().to_be_bytes();
        let seconds_to_live = 60u32.to_be_bytes();
        [&name(owner)[..], &kind.to_be_bytes(), &[0, 1], &seconds_to_live, &length, &data].concat()
    }
}

fn kind(address: IpAddr) -> u16 {
    if address.is_ipv4() { A } else { 28 }
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

fn name(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in text.split('.').filter(|label| !label.is_empty()) {
        bytes.push(u8::try_from(label.len()).unwrap());
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
    bytes
}
