//! RFC 5256 §3: messages as conversations. Everything is a loop over arrays: references may be
//! 50,000 deep or circular, and the time stays in proportion to what is read.

use mail_types::{Actor, Uid};

use crate::columns::Line;
use crate::error::ServiceError;
use crate::message::OpenMailbox;
use crate::service::MailService;
use crate::snapshot::Snapshot;
use crate::thread_links::{Links, NONE};

/// How messages become conversations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threads {
    /// By base subject.
    OrderedSubject,
    /// By what they refer to.
    References,
}

/// A message of a conversation. Conversations are given as a list: each message before its
/// children, each child with everything below it before the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThreadNode {
    /// `None` for a parent that is not there.
    pub uid: Option<Uid>,
    /// How many children it has.
    pub children: usize,
}

impl MailService {
    /// Puts messages of the snapshot, given with rising UIDs, into conversations.
    ///
    /// # Errors
    /// A store failure, or that the mailbox is gone.
    pub async fn thread(
        &self,
        actor: Actor,
        mailbox: &OpenMailbox,
        snapshot: &Snapshot,
        uids: &[Uid],
        threads: Threads,
    ) -> Result<Vec<ThreadNode>, ServiceError> {
        let columns = self.columns(actor, mailbox, snapshot).await?;
        let lines: Vec<&Line> = columns.select(uids).collect();
        Ok(match threads {
            Threads::OrderedSubject => Forest::by_subject(&lines, columns.texts()),
            Threads::References => {
                let mut forest = Forest::by_references(&lines, columns.ids());
                forest.prune();
                forest.gather_subjects(columns.texts(), columns.empty_text());
                forest
            }
        }
        .list())
    }
}

/// Messages first, in UID order, then parents that are not there.
struct Forest<'a> {
    lines: &'a [&'a Line],
    parents: Vec<u32>,
    /// Filled by `prune`, sorted by date.
    children: Vec<Vec<u32>>,
    roots: Vec<u32>,
}

impl<'a> Forest<'a> {
    fn by_subject(lines: &'a [&'a Line], texts: usize) -> Self {
        let mut forest = Forest {
            lines,
            parents: Vec::new(),
            children: vec![Vec::new(); lines.len()],
            roots: Vec::new(),
        };
        let mut firsts = vec![NONE; texts];
        for node in forest.by_date() {
            let first = &mut firsts[lines[node as usize].subject as usize];
            if *first == NONE {
                *first = node;
                forest.roots.push(node);
            } else {
                forest.children[*first as usize].push(node);
            }
        }
        forest
    }

    /// RFC 5256 §3, REFERENCES step 1. What the RFC does message by message is done in two rounds,
    /// with the same outcome: a message's own last reference always wins over links that others'
    /// references suggest, so it is linked first.
    fn by_references(lines: &'a [&'a Line], ids: usize) -> Self {
        let mut nodes = vec![NONE; ids];
        for (node, line) in lines.iter().enumerate() {
            // Of messages with one id the first has it; the others are on their own.
            if let Some(place) = line.id.map(|id| &mut nodes[id as usize])
                && *place == NONE
            {
                *place = node as u32;
            }
        }
        let mut links = Links::new(lines.len());
        for id in lines.iter().flat_map(|line| line.references.iter()) {
            if nodes[*id as usize] == NONE {
                nodes[*id as usize] = links.add();
            }
        }
        for (node, line) in lines.iter().enumerate() {
            if let Some(last) = line.references.last() {
                links.link(nodes[*last as usize], node as u32);
            }
        }
        for (node, line) in lines.iter().enumerate() {
            for pair in line.references.windows(2) {
                let (parent, child) = (nodes[pair[0] as usize], nodes[pair[1] as usize]);
                // Step 1.B: a message without references is nobody's child when its turn comes,
                // and may become one afterwards.
                let is_settled = child as usize >= lines.len()
                    || !lines[child as usize].references.is_empty()
                    || (child as usize) < node;
                if is_settled {
                    links.link(parent, child);
                }
            }
        }
        let count = links.parents.len();
        Forest {
            lines,
            parents: links.parents,
            children: vec![Vec::new(); count],
            roots: Vec::new(),
        }
    }

    fn is_message(&self, node: u32) -> bool {
        (node as usize) < self.lines.len()
    }

    /// Messages by the date they were sent, then by UID.
    fn by_date(&self) -> Vec<u32> {
        let mut nodes: Vec<u32> = (0..self.lines.len() as u32).collect();
        nodes.sort_by_key(|&node| self.lines[node as usize].sent);
        nodes
    }

    /// RFC 5256 §3, REFERENCES steps 2 to 4: parents that are not there go, their children move
    /// up; at the top they stay when they hold several together.
    fn prune(&mut self) {
        let mut tops = vec![NONE; self.parents.len()];
        for node in self.by_date() {
            match self.keeper(node, &mut tops) {
                NONE => self.roots.push(node),
                keeper => self.children[keeper as usize].push(node),
            }
        }
        let in_order = self.roots.len();
        for node in self.lines.len()..self.parents.len() {
            match self.children[node].len() {
                0 => {}
                1 => self.roots.extend(self.children[node].pop()),
                _ => self.roots.push(node as u32),
            }
        }
        if self.roots.len() > in_order {
            self.sort_roots();
        }
    }

    /// The message above a node, or else the topmost parent that is not there; `NONE` at the top.
    fn keeper(&self, node: u32, tops: &mut [u32]) -> u32 {
        let mut path = Vec::new();
        let mut above = self.parents[node as usize];
        while above != NONE && !self.is_message(above) {
            if tops[above as usize] != NONE {
                above = tops[above as usize];
                break;
            }
            path.push(above);
            let next = self.parents[above as usize];
            if next == NONE {
                break;
            }
            above = next;
        }
        path.into_iter().for_each(|passed| tops[passed as usize] = above);
        above
    }

    fn sent(&self, node: u32) -> (i64, u32) {
        let first = match self.is_message(node) {
            true => Some(node),
            // Step 4: a parent that is not there counts as its first child.
            false => self.children[node as usize].first().copied(),
        };
        let message = first.filter(|first| self.is_message(*first));
        message.map_or((i64::MAX, node), |message| (self.lines[message as usize].sent, message))
    }

    fn sort_roots(&mut self) {
        let mut roots = std::mem::take(&mut self.roots);
        roots.sort_by_cached_key(|&root| self.sent(root));
        self.roots = roots;
    }

    /// RFC 5256 §3, REFERENCES step 5: threads of one subject are brought together.
    fn gather_subjects(&mut self, texts: usize, empty: Option<u32>) {
        let mut table = vec![NONE; texts];
        for &root in &self.roots {
            let Some((subject, is_reply)) = self.subject(root, empty) else { continue };
            let held = &mut table[subject as usize];
            if *held == NONE {
                *held = root;
            }
            let better = !self.is_message(root) && self.is_message(*held)
                || self.is_message(*held) && self.lines[*held as usize].is_reply && !is_reply;
            if better {
                *held = root;
            }
        }
        let mut touched = Vec::new();
        let mut places = vec![usize::MAX; texts];
        let mut roots = Vec::with_capacity(self.roots.len());
        for root in std::mem::take(&mut self.roots) {
            let subject = self.subject(root, empty);
            let Some((subject, is_reply)) = subject else {
                roots.push(root);
                continue;
            };
            let held = table[subject as usize];
            if held == root {
                places[subject as usize] = roots.len();
                roots.push(root);
                continue;
            }
            let holder = self.join(held, root, is_reply);
            touched.push(holder);
            // A new parent stands where the thread it took in stood: that one came before, or
            // this one would have become its child.
            if holder != held {
                table[subject as usize] = holder;
                if let Some(place) = roots.get_mut(places[subject as usize]) {
                    *place = holder;
                }
            }
        }
        self.roots = roots;
        touched.sort_unstable();
        touched.dedup();
        let is_unchanged = touched.is_empty();
        for holder in touched {
            let mut children = std::mem::take(&mut self.children[holder as usize]);
            children.sort_by_cached_key(|&child| self.sent(child));
            self.children[holder as usize] = children;
        }
        if !is_unchanged {
            self.sort_roots();
        }
    }

    /// Step 5.B.i: a root's subject is its own or that of its first child; `None` without any.
    fn subject(&self, root: u32, empty: Option<u32>) -> Option<(u32, bool)> {
        let message = match self.is_message(root) {
            true => root,
            false => self.children[root as usize].first().copied()?,
        };
        let line = self.lines.get(message as usize)?;
        (Some(line.subject) != empty).then_some((line.subject, line.is_reply))
    }

    /// Step 5.C: joins a root to the one of the same subject; who holds both now.
    fn join(&mut self, held: u32, root: u32, is_reply: bool) -> u32 {
        match (self.is_message(held), self.is_message(root)) {
            (false, false) => {
                let children = std::mem::take(&mut self.children[root as usize]);
                self.children[held as usize].extend(children);
                held
            }
            (false, true) => {
                self.children[held as usize].push(root);
                held
            }
            (true, _) if is_reply && !self.lines[held as usize].is_reply => {
                self.children[held as usize].push(root);
                held
            }
            (true, _) => {
                let made = self.children.len() as u32;
                self.children.push(vec![held, root]);
                self.parents.push(NONE);
                made
            }
        }
    }

    fn list(&self) -> Vec<ThreadNode> {
        let mut list = Vec::with_capacity(self.lines.len());
        let mut waiting: Vec<u32> = self.roots.iter().rev().copied().collect();
        while let Some(node) = waiting.pop() {
            let children = &self.children[node as usize];
            let uid = self.lines.get(node as usize).map(|line| line.uid);
            list.push(ThreadNode { uid, children: children.len() });
            waiting.extend(children.iter().rev());
        }
        list
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(number: u32, id: Option<u32>, references: &[u32], subject: u32) -> Line {
        Line {
            uid: Uid::new(number).unwrap(),
            sent: i64::from(number),
            subject,
            from: 0,
            to: 0,
            cc: 0,
            display_from: 0,
            display_to: 0,
            is_reply: false,
            id,
            references: references.into(),
        }
    }

    fn references(lines: &[Line], ids: usize) -> Vec<ThreadNode> {
        let lines: Vec<&Line> = lines.iter().collect();
        let mut forest = Forest::by_references(&lines, ids);
        forest.prune();
        let subjects = lines.iter().map(|line| line.subject as usize + 1).max();
        forest.gather_subjects(subjects.unwrap_or(0), Some(0));
        forest.list()
    }

    /// A recursion as deep as the thread would not fit; more than a few passes would never end.
    fn on_a_small_stack(work: impl FnOnce() + Send + 'static) {
        let thread = std::thread::Builder::new().stack_size(512 << 10).spawn(work).unwrap();
        thread.join().unwrap();
    }

    #[test]
    fn fifty_thousand_replies_in_a_row_are_one_thread() {
        on_a_small_stack(|| {
            let before: Vec<u32> = (1..=50_000).collect();
            let reply = |n: u32| {
                line(n, Some(n), if n > 1 { &before[n as usize - 2..][..1] } else { &[] }, n)
            };
            // Backwards as well: every message comes before the one it answers.
            let backwards = |n: u32| line(n, Some(50_001 - n), &[50_000 - n], n);
            for lines in
                [(1..=50_000).map(reply).collect::<Vec<_>>(), (1..=50_000).map(backwards).collect()]
            {
                let nodes = references(&lines, 50_001);
                assert_eq!(nodes.len(), 50_000);
                assert_eq!(nodes.iter().filter(|node| node.children == 1).count(), 49_999);
            }
        });
    }

    #[test]
    fn fifty_thousand_in_a_circle_or_missing_or_of_one_subject_end() {
        on_a_small_stack(|| {
            let circle = |n: u32| line(n, Some(n), &[n % 50_000 + 1], n);
            let circle: Vec<_> = (1..=50_000).map(circle).collect();
            assert_eq!(references(&circle, 50_001).len(), 50_000);
            // A chain of parents that are not there, under which one message hangs each.
            let missing = |n: u32| line(n, None, &[n, n + 1], n);
            let missing: Vec<_> = (1..=50_000).map(missing).collect();
            assert_eq!(references(&missing, 50_002).len(), 50_001);
            let same: Vec<_> = (1..=50_000).map(|n| line(n, None, &[], 1)).collect();
            assert_eq!(references(&same, 0).len(), 50_001);
        });
    }

    proptest! {
        #[test]
        fn every_message_is_told_once(messages in proptest::collection::vec((0u32..12, proptest::collection::vec(0u32..12, 0..4), 0u32..4), 0..30)) {
            let lines: Vec<_> = messages.iter().enumerate().map(|(index, (id, references, subject))| {
                line(index as u32 + 1, Some(*id), references, *subject)
            }).collect();
            let nodes = references(&lines, 12);
            let mut told: Vec<_> = nodes.iter().filter_map(|node| node.uid).collect();
            told.sort_unstable();
            prop_assert_eq!(told, lines.iter().map(|line| line.uid).collect::<Vec<_>>());
            // The counts of children close the list exactly.
            let mut open = 0i64;
            for node in &nodes {
                open += node.children as i64 - i64::from(open > 0);
                prop_assert!(open >= 0);
                prop_assert!(node.uid.is_some() || node.children > 1, "a parent for nothing");
            }
            prop_assert_eq!(open, 0);
        }
    }
}
