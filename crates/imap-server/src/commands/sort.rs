//! SORT and THREAD (RFC 5256).

use imap_session::{Numbering, Search, Threading, respond};
use mail_service::{ThreadNode, Threads};
use mail_types::{SortKey, Uid};

use crate::connection::Connection;

impl Connection {
    pub(crate) async fn sort(
        &mut self,
        tag: &str,
        numbering: Numbering,
        order: &[SortKey],
        key: Search,
    ) {
        let Some((actor, _)) = self.owner() else { return };
        let Some(found) = self.find(tag, key).await else { return };
        let Some(opened) = &self.opened else { return };
        let sorted = self.mail().sort(actor, &opened.mailbox, &opened.seen, &found, order).await;
        let sorted = match sorted {
            Ok(sorted) => sorted,
            Err(error) => return self.lost(tag, &error),
        };
        self.out.extend_from_slice(b"* SORT");
        for uid in sorted {
            let Some(number) = opened.selected.shown(uid, numbering) else { continue };
            self.out.push(b' ');
            respond::number(&mut self.out, number.into());
        }
        self.out.extend_from_slice(b"\r\n");
        self.tell(Self::expunges(numbering));
        self.tagged(tag, "OK SORT completed");
    }

    pub(crate) async fn thread(
        &mut self,
        tag: &str,
        numbering: Numbering,
        threading: Threading,
        key: Search,
    ) {
        let Some((actor, _)) = self.owner() else { return };
        let Some(found) = self.find(tag, key).await else { return };
        let Some(opened) = &self.opened else { return };
        let threads = match threading {
            Threading::OrderedSubject => Threads::OrderedSubject,
            Threading::References => Threads::References,
        };
        let nodes = self.mail().thread(actor, &opened.mailbox, &opened.seen, &found, threads).await;
        let nodes = match nodes {
            Ok(nodes) => nodes,
            Err(error) => return self.lost(tag, &error),
        };
        write_threads(&mut self.out, &nodes, |uid| opened.selected.shown(uid, numbering));
        self.tell(Self::expunges(numbering));
        self.tagged(tag, "OK THREAD completed");
    }
}

/// RFC 5256 §4: `* THREAD (2)(3 6 (4 23)(44 7 96))`. A child alone follows its parent, several
/// get parentheses each. A loop with a stack of its own: a thread may be as deep as a mailbox is
/// large.
fn write_threads(out: &mut Vec<u8>, nodes: &[ThreadNode], shown: impl Fn(Uid) -> Option<u32>) {
    struct Open {
        children: usize,
        left: usize,
        is_wrapped: bool,
        is_named: bool,
    }
    out.extend_from_slice(b"* THREAD");
    if !nodes.is_empty() {
        out.push(b' ');
    }
    let mut open: Vec<Open> = Vec::new();
    for node in nodes {
        let is_wrapped = match open.last_mut() {
            Some(parent) => {
                let is_first = parent.left == parent.children;
                parent.left -= 1;
                if parent.is_named && is_first {
                    out.push(b' ');
                }
                parent.children > 1
            }
            None => true,
        };
        if is_wrapped {
            out.push(b'(');
        }
        let number = node.uid.and_then(&shown);
        if let Some(number) = number {
            respond::number(out, number.into());
        }
        let (children, is_named) = (node.children, number.is_some());
        open.push(Open { children, left: children, is_wrapped, is_named });
        while open.last().is_some_and(|node| node.left == 0) {
            if open.pop().is_some_and(|node| node.is_wrapped) {
                out.push(b')');
            }
        }
    }
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(nodes: &[(u32, usize)]) -> String {
        let node = |&(uid, children): &(u32, usize)| ThreadNode { uid: Uid::new(uid), children };
        let nodes: Vec<_> = nodes.iter().map(node).collect();
        let mut out = Vec::new();
        write_threads(&mut out, &nodes, |uid| Some(uid.get()));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn threads_are_written_as_the_examples_of_rfc_5256_4_are() {
        let nodes = [(2, 0), (3, 1), (6, 2), (4, 1), (23, 0), (44, 1), (7, 1), (96, 0)];
        assert_eq!(written(&nodes), "* THREAD (2)(3 6 (4 23)(44 7 96))\r\n");
        // A parent that is not there: 0 stands for no UID.
        assert_eq!(written(&[(0, 2), (3, 0), (5, 0)]), "* THREAD ((3)(5))\r\n");
        assert_eq!(written(&[]), "* THREAD\r\n");
    }
}
