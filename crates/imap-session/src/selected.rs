//! The selected mailbox as this client knows it: which UID has which sequence number.
//!
//! RFC 3501 §7.4.1: an EXPUNGE changes the numbers of all messages after it, so it is told only
//! when no command is in progress that names messages by number.

use std::sync::Arc;

use mail_types::{Flag, FlagSet, ModSeq, Uid, UidSet};

use crate::command::Numbering;
use crate::lex::SequenceSet;
use crate::respond;

/// What the client has been told of. Four bytes a message.
#[derive(Clone, Debug, Default)]
pub struct Selected {
    /// UIDs by sequence number, rising.
    uids: Vec<u32>,
    /// Expunged and not told yet.
    withheld: UidSet,
    /// Flags the client was told exist here.
    known_flags: Vec<Flag>,
    /// Whether the client may change none of them.
    is_read_only: bool,
}

/// What happened in the mailbox since the client was last told.
#[derive(Clone, Debug, Default)]
pub struct Update {
    /// UIDs that are gone.
    pub expunged: UidSet,
    /// UIDs that came, rising.
    pub arrived: Vec<Uid>,
    /// UIDs whose flags are others now, which, and since when.
    pub flags: Vec<(Uid, Arc<FlagSet>, ModSeq)>,
}

/// Whether EXPUNGE may be told now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expunges {
    /// Between commands, and in answer to those that name no messages by number.
    Told,
    /// In answer to FETCH, STORE and SEARCH (RFC 3501 §7.4.1).
    Withheld,
}

impl Selected {
    /// A mailbox just selected.
    pub fn new(uids: Vec<u32>, flags: Vec<Flag>) -> Self {
        Self { uids, withheld: UidSet::new(), known_flags: flags, is_read_only: false }
    }

    /// A mailbox just opened in which this client changes nothing: with EXAMINE, or because its owner
    /// leaves.
    pub fn read_only(uids: Vec<u32>, flags: Vec<Flag>) -> Self {
        Self { is_read_only: true, ..Self::new(uids, flags) }
    }

    /// How many messages the client believes there are.
    pub fn exists(&self) -> usize {
        self.uids.len()
    }

    /// The flags the client was told of.
    pub fn known_flags(&self) -> &[Flag] {
        &self.known_flags
    }

    /// The UID with this sequence number.
    pub fn uid(&self, number: u32) -> Option<u32> {
        self.uids.get(number.checked_sub(1)? as usize).copied()
    }

    /// The sequence number of this UID.
    pub fn number(&self, uid: u32) -> Option<u32> {
        // UIDs rise: none stands further back than it would without gaps, and most stand there.
        let distance = uid.checked_sub(*self.uids.first()?)? as usize;
        if self.uids.get(distance) == Some(&uid) {
            return Some(distance as u32 + 1);
        }
        let before = &self.uids[..distance.min(self.uids.len())];
        before.binary_search(&uid).ok().map(|index| index as u32 + 1)
    }

    /// What the client calls this message; `None` when it does not know it.
    pub fn shown(&self, uid: Uid, numbering: Numbering) -> Option<u32> {
        let number = self.number(uid.get())?;
        Some(if numbering == Numbering::Uid { uid.get() } else { number })
    }

    /// The UIDs that a set names; `None` when it names numbers that there are not
    /// (RFC 3501 §9: "an error" for sequence numbers; unknown UIDs are passed over).
    pub fn resolve(&self, set: &SequenceSet, numbering: Numbering) -> Option<UidSet> {
        match numbering {
            Numbering::Uid => Some(set.resolve(self.uids.last().copied().unwrap_or(0))),
            Numbering::Sequence => {
                let exists = u32::try_from(self.uids.len()).ok()?;
                if !set.is_within(exists) {
                    return None;
                }
                let numbers = set.resolve(exists);
                let mut uids = UidSet::new();
                for &(first, last) in numbers.ranges() {
                    for index in first..=last {
                        uids.insert(self.uid(index)?);
                    }
                }
                Some(uids)
            }
        }
    }

    /// Whether the client knows this UID and it is gone.
    pub fn is_withheld(&self, uid: u32) -> bool {
        self.withheld.contains(uid)
    }

    /// Takes in what happened, and writes what may be told now; with mod-sequences for a client
    /// that understands them (RFC 7162 §3.2).
    pub fn update(
        &mut self,
        update: Update,
        expunges: Expunges,
        condstore: bool,
        out: &mut Vec<u8>,
    ) {
        let known = update.expunged.iter().filter(|&uid| self.number(uid).is_some());
        let known: Vec<u32> = known.collect();
        known.into_iter().for_each(|uid| self.withheld.insert(uid));
        if expunges == Expunges::Told {
            self.tell_expunges(out);
        }
        if !update.arrived.is_empty() {
            self.uids.extend(update.arrived.iter().map(|uid| uid.get()));
            respond::line(out, &format!("* {} EXISTS", self.uids.len()));
            respond::line(out, "* 0 RECENT");
        }
        self.tell_new_keywords(update.flags.iter().map(|(_, flags, _)| &**flags), out);
        for (uid, flags, mod_seq) in &update.flags {
            let Some(number) = self.number(uid.get()) else { continue };
            out.extend_from_slice(b"* ");
            respond::number(out, number.into());
            out.extend_from_slice(b" FETCH (UID ");
            respond::number(out, uid.get().into());
            out.extend_from_slice(b" FLAGS ");
            respond::flag_set(out, flags);
            if condstore {
                out.extend_from_slice(b" MODSEQ (");
                respond::number(out, mod_seq.0);
                out.push(b')');
            }
            out.extend_from_slice(b")\r\n");
        }
    }

    fn tell_expunges(&mut self, out: &mut Vec<u8>) {
        let gone = std::mem::take(&mut self.withheld);
        // From the highest number down, so that none of them changes on the way.
        for index in (0..self.uids.len()).rev() {
            if gone.contains(self.uids[index]) {
                respond::line(out, &format!("* {} EXPUNGE", index + 1));
            }
        }
        if !gone.is_empty() {
            self.uids.retain(|uid| !gone.contains(*uid));
        }
    }

    /// RFC 3501 §7.2.6: a keyword is announced before it is first used.
    pub fn tell_new_keywords<'a>(
        &mut self,
        sets: impl Iterator<Item = &'a FlagSet>,
        out: &mut Vec<u8>,
    ) {
        let before = self.known_flags.len();
        for keyword in sets.flat_map(FlagSet::keywords) {
            let flag = Flag::Keyword(keyword.clone());
            if !self.known_flags.contains(&flag) {
                self.known_flags.push(flag);
            }
        }
        if self.known_flags.len() > before {
            self.tell_flags(out);
        }
    }

    /// `FLAGS` and `PERMANENTFLAGS`.
    pub fn tell_flags(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"* FLAGS ");
        respond::flags(out, self.known_flags.iter().cloned());
        out.extend_from_slice(b"\r\n* OK [PERMANENTFLAGS ");
        if self.is_read_only {
            // RFC 9051 §7.1: the flags "that the client can change permanently".
            out.extend_from_slice(b"()] No flag can be changed\r\n");
            return;
        }
        respond::flags(out, self.known_flags.iter().cloned());
        // `\*`: the client may make up keywords.
        out.pop();
        out.extend_from_slice(b" \\*)] Flags permitted\r\n");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn told(selected: &mut Selected, update: Update, expunges: Expunges) -> String {
        let mut out = Vec::new();
        selected.update(update, expunges, false, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn expunge_is_withheld_and_told_later_from_the_highest_down() {
        let mut selected = Selected::new(vec![3, 5, 9], Vec::new());
        let gone = Update { expunged: [3, 9].into_iter().collect(), ..Update::default() };
        assert_eq!(told(&mut selected, gone, Expunges::Withheld), "");
        assert_eq!(selected.number(9), Some(3), "numbers stay until the client is told");
        assert!(selected.is_withheld(9));
        assert_eq!(
            told(&mut selected, Update::default(), Expunges::Told),
            "* 3 EXPUNGE\r\n* 1 EXPUNGE\r\n"
        );
        assert_eq!(selected.number(5), Some(1));
    }

    #[test]
    fn a_new_keyword_is_announced_before_it_is_used() {
        let mut selected = Selected::new(vec![3], vec![Flag::Seen]);
        let flags: FlagSet = [Flag::parse("$x").unwrap()].into_iter().collect();
        let flags = vec![(Uid::new(3).unwrap(), Arc::new(flags), ModSeq(1))];
        let update = Update { flags, ..Update::default() };
        assert_eq!(
            told(&mut selected, update, Expunges::Told),
            "* FLAGS (\\Seen $x)\r\n* OK [PERMANENTFLAGS (\\Seen $x \\*)] Flags permitted\r\n\
             * 1 FETCH (UID 3 FLAGS ($x))\r\n"
        );
    }

    #[test]
    fn where_nothing_can_be_changed_no_flag_is_permanent() {
        let mut out = Vec::new();
        Selected::read_only(vec![3], vec![Flag::Seen]).tell_flags(&mut out);
        let told = "* FLAGS (\\Seen)\r\n* OK [PERMANENTFLAGS ()] No flag can be changed\r\n";
        assert_eq!(String::from_utf8(out).unwrap(), told);
    }

    #[test]
    fn sets_resolve_against_what_the_client_knows() {
        let selected = Selected::new(vec![3, 5, 9], Vec::new());
        let set = |ranges: &[(Option<u32>, Option<u32>)]| SequenceSet { ranges: ranges.to_vec() };
        let resolve = |set: &SequenceSet, numbering| {
            selected.resolve(set, numbering).map(|uids| uids.to_string())
        };
        assert_eq!(resolve(&set(&[(Some(2), None)]), Numbering::Sequence).as_deref(), Some("5,9"));
        assert_eq!(resolve(&set(&[(Some(4), Some(4))]), Numbering::Sequence), None);
        assert_eq!(resolve(&set(&[(Some(20), None)]), Numbering::Uid).as_deref(), Some("9:20"));
        let empty = Selected::default();
        assert_eq!(empty.resolve(&set(&[(None, None)]), Numbering::Sequence), None);
    }

    proptest! {
        /// A client that obeys EXPUNGE and EXISTS has the same numbers as the server, always.
        #[test]
        fn a_client_that_obeys_has_the_same_numbers(steps in proptest::collection::vec((0u8..3, any::<bool>(), 0usize..20), 1..60)) {
            let mut selected = Selected::new((1..=10).collect(), Vec::new());
            let mut client: Vec<u32> = (1..=10).collect();
            let mut alive: Vec<u32> = client.clone();
            let mut next = 11;
            for (kind, told_now, pick) in steps {
                let mut update = Update::default();
                match kind {
                    0 => {
                        update.arrived.push(Uid::new(next).unwrap());
                        alive.push(next);
                        next += 1;
                    }
                    _ if !alive.is_empty() => {
                        update.expunged.insert(alive.remove(pick % alive.len()));
                    }
                    _ => {}
                }
                let arrived = update.arrived.clone();
                let expunges = if told_now { Expunges::Told } else { Expunges::Withheld };
                for line in told(&mut selected, update, expunges).lines() {
                    let words: Vec<_> = line.split(' ').collect();
                    let number: usize = words[1].parse().unwrap();
                    match words[2] {
                        "EXPUNGE" => drop(client.remove(number - 1)),
                        "EXISTS" => {
                            client.extend(arrived.iter().map(|uid| uid.get()));
                            prop_assert_eq!(client.len(), number);
                        }
                        _ => {}
                    }
                }
                for (index, uid) in client.iter().enumerate() {
                    prop_assert_eq!(selected.uid(index as u32 + 1), Some(*uid));
                }
                prop_assert_eq!(client.len(), selected.exists());
            }
        }
    }
}
