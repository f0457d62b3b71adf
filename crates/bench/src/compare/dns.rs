//! DNS on loopback for the sender's domain, so that what a server asks is answered at once.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::UdpSocket;

use crate::error::Error;

/// What there is: names in lower case, and one TXT record each.
const RECORDS: [(&str, &str); 3] = [
    ("ac-example.test", "v=spf1 ip4:127.0.0.1 -all"),
    ("_dmarc.ac-example.test", "v=DMARC1; p=reject"),
    ("bench.test", "v=spf1 ip4:127.0.0.1 -all"),
];

const HEADER_BYTES: usize = 12;
const TXT: u16 = 16;
/// RFC 1035 §4.1.1: a response, recursion desired and available; with RCODE 3, no such name.
const FOUND: [u8; 2] = [0x81, 0x80];
const NO_SUCH_NAME: [u8; 2] = [0x81, 0x83];

/// Answers until it is dropped.
pub(crate) struct Dns(tokio::task::JoinHandle<()>);

impl Dns {
    pub(crate) async fn serve(port: u16) -> Result<Self, Error> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let bound = UdpSocket::bind(address).await;
        let socket = bound.map_err(Error::io(format!("answer DNS on {address}")))?;
        Ok(Self(tokio::spawn(answer_all(socket))))
    }
}

impl Drop for Dns {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn answer_all(socket: UdpSocket) {
    let mut buffer = [0; 512];
    while let Ok((size, from)) = socket.recv_from(&mut buffer).await {
        if let Some(answer) = answer(&buffer[..size]) {
            // Who does not get it asks again.
            let _ = socket.send_to(&answer, from).await;
        }
    }
}

/// RFC 1035 §4: the answer to one question; `None` for what is none.
fn answer(query: &[u8]) -> Option<Vec<u8>> {
    let (name, name_end) = name(query)?;
    let question_end = name_end + 4;
    let question = query.get(HEADER_BYTES..question_end)?;
    let kind = u16::from_be_bytes([query[name_end], query[name_end + 1]]);
    let known = RECORDS.iter().find(|(known, _)| *known == name);
    let text = known.map(|(_, text)| *text).filter(|_| kind == TXT);
    let mut answer = query[..2].to_vec();
    answer.extend(if known.is_some() { FOUND } else { NO_SUCH_NAME });
    answer.extend([0, 1, 0, u8::from(text.is_some()), 0, 0, 0, 0]);
    answer.extend(question);
    if let Some(text) = text {
        let length = u8::try_from(text.len()).ok()?;
        // The name of the question, TXT, IN, an hour.
        answer.extend([0xC0, 12, 0, 16, 0, 1, 0, 0, 0x0E, 0x10, 0, length + 1, length]);
        answer.extend(text.as_bytes());
    }
    Some(answer)
}

/// The name that is asked for, in lower case, and where it ends.
fn name(query: &[u8]) -> Option<(String, usize)> {
    let (mut name, mut at) = (String::new(), HEADER_BYTES);
    loop {
        let length = usize::from(*query.get(at)?);
        at += 1;
        if length == 0 {
            return Some((name, at));
        }
        let label = query.get(at..at + length)?;
        if !name.is_empty() {
            name.push('.');
        }
        name.push_str(&String::from_utf8_lossy(label).to_ascii_lowercase());
        at += length;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(name: &str, kind: u8) -> Vec<u8> {
        let mut query = vec![7, 9, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in name.split('.') {
            query.push(label.len() as u8);
            query.extend(label.as_bytes());
        }
        query.extend([0, 0, kind, 0, 1]);
        query
    }

    #[test]
    fn known_names_have_their_record_and_others_do_not_exist() {
        let found = answer(&query("_DMARC.ac-example.test", 16)).unwrap();
        assert_eq!((found[0], found[1], found[3] & 15, found[7]), (7, 9, 0, 1));
        assert!(found.ends_with(b"v=DMARC1; p=reject"));
        let other_kind = answer(&query("ac-example.test", 1)).unwrap();
        assert_eq!((other_kind[3] & 15, other_kind[7]), (0, 0));
        assert_eq!(answer(&query("nowhere.test", 16)).unwrap()[3] & 15, 3);
    }

    #[test]
    fn what_is_no_question_has_no_answer() {
        let whole = query("ac-example.test", 16);
        for length in 0..whole.len() {
            assert_eq!(answer(&whole[..length]), None, "{length}");
        }
    }
}
