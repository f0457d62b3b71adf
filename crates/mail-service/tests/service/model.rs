//! Random commands against a naive model, with starts in between.

use std::collections::{BTreeMap, BTreeSet};

use mail_service::{FlagChange, OpenMailbox};
use mail_types::{AccountId, UidSet};
use proptest::prelude::*;

use crate::support::*;

const NAMES: [&str; 3] = ["INBOX", "Archives", "Corbeille"];
const FLAGS: [&str; 4] = ["\\Seen", "\\Deleted", "\\Flagged", "$Work"];

#[derive(Clone, Debug)]
enum Step {
    Deliver(Vec<u64>),
    Append { to: usize, flag: usize },
    Store { at: usize, uids: (u32, u32), change: u8, flag: usize },
    Copy { from: usize, to: usize, uids: (u32, u32) },
    Move { from: usize, to: usize, uids: (u32, u32) },
    Expunge { at: usize },
    PowerCut,
}

fn step() -> impl Strategy<Value = Step> {
    let place = || 0..NAMES.len();
    let uids = || (1u32..20, 1u32..20);
    let flag = || 0..FLAGS.len();
    prop_oneof![
        3 => Just(Step::Deliver(vec![1])),
        3 => (place(), flag()).prop_map(|(to, flag)| Step::Append { to, flag }),
        4 => (place(), uids(), 0u8..3, flag())
            .prop_map(|(at, uids, change, flag)| Step::Store { at, uids, change, flag }),
        2 => (place(), place(), uids()).prop_map(|(from, to, uids)| Step::Copy { from, to, uids }),
        2 => (place(), place(), uids()).prop_map(|(from, to, uids)| Step::Move { from, to, uids }),
        2 => place().prop_map(|at| Step::Expunge { at }),
        1 => Just(Step::PowerCut),
    ]
}

#[derive(Clone, Debug, Default)]
struct Model {
    next: BTreeMap<usize, u32>,
    /// Flags and the message's number, by mailbox and UID.
    messages: BTreeMap<(usize, u32), (BTreeSet<&'static str>, usize)>,
}

impl Model {
    fn add(&mut self, at: usize, flags: BTreeSet<&'static str>, number: usize) {
        let next = self.next.entry(at).or_insert(1);
        self.messages.insert((at, *next), (flags, number));
        *next += 1;
    }

    fn named(&self, at: usize, (a, b): (u32, u32)) -> Vec<u32> {
        let range = (at, a.min(b))..=(at, a.max(b));
        self.messages.range(range).map(|((_, uid), _)| *uid).collect()
    }
}

async fn apply(server: &mut Server, model: &mut Model, number: usize, step: Step) {
    match step {
        Step::Deliver(to) => {
            server.deliver(&to, &message(number)).await.unwrap();
            model.add(0, BTreeSet::new(), number);
        }
        Step::Append { to, flag } => {
            server.append(1, NAMES[to], &message(number), &[FLAGS[flag]]).await.unwrap();
            model.add(to, BTreeSet::from([FLAGS[flag]]), number);
        }
        Step::Store { at, uids, change, flag } => {
            let open = server.open(1, NAMES[at]).await;
            let (kind, only) = match change {
                0 => (FlagChange::Replace, BTreeSet::from([FLAGS[flag]])),
                1 => (FlagChange::Add, BTreeSet::new()),
                _ => (FlagChange::Remove, BTreeSet::new()),
            };
            let (wanted, flags) = (UidSet::range(uids.0, uids.1), set(&[FLAGS[flag]]));
            server.service.store_flags(me(1), &open, &wanted, kind, &flags, None).await.unwrap();
            for uid in model.named(at, uids) {
                let held = &mut model.messages.get_mut(&(at, uid)).unwrap().0;
                match change {
                    0 => *held = only.clone(),
                    1 => drop(held.insert(FLAGS[flag])),
                    _ => drop(held.remove(FLAGS[flag])),
                }
            }
        }
        Step::Copy { from, to, uids } => {
            let open = server.open(1, NAMES[from]).await;
            let wanted = UidSet::range(uids.0, uids.1);
            server.service.copy(me(1), &open, &wanted, &name(NAMES[to])).await.unwrap();
            for uid in model.named(from, uids) {
                let (flags, number) = model.messages[&(from, uid)].clone();
                model.add(to, flags, number);
            }
        }
        Step::Move { from, to, uids } => {
            let open = server.open(1, NAMES[from]).await;
            let wanted = UidSet::range(uids.0, uids.1);
            server.service.move_messages(me(1), &open, &wanted, &name(NAMES[to])).await.unwrap();
            for uid in model.named(from, uids) {
                let (flags, number) = model.messages.remove(&(from, uid)).unwrap();
                model.add(to, flags, number);
            }
        }
        Step::Expunge { at } => {
            let open = server.open(1, NAMES[at]).await;
            server.service.expunge(me(1), &open, None).await.unwrap();
            model
                .messages
                .retain(|(place, _), (flags, _)| *place != at || !flags.contains("\\Deleted"));
        }
        Step::PowerCut => *server = server.after_power_cut().await,
    }
}

async fn check(server: &Server, model: &Model) {
    for (at, mailbox) in NAMES.iter().enumerate() {
        let open: OpenMailbox = server.open(1, mailbox).await;
        let snapshot = open.snapshot();
        let shown: Vec<_> = snapshot
            .iter()
            .map(|entry| {
                let flags = entry.flags.iter().map(|flag| flag.to_string()).collect();
                (entry.uid.get(), flags)
            })
            .collect();
        let held: Vec<(u32, BTreeSet<String>)> = model
            .messages
            .range((at, 0)..=(at, u32::MAX))
            .map(|((_, uid), (flags, _))| (*uid, flags.iter().map(|f| (*f).to_owned()).collect()))
            .collect();
        assert_eq!(shown, held, "{mailbox}");
        let status = server.status(1, mailbox).await;
        let unseen = held.iter().filter(|(_, flags)| !flags.contains("\\Seen")).count();
        assert_eq!((status.messages as usize, status.unseen as usize), (held.len(), unseen));
        assert_eq!(status.uid_next, u64::from(model.next.get(&at).copied().unwrap_or(1)));
        assert_eq!(status.highest_mod_seq, snapshot.highest_mod_seq);
        for ((_, uid), (_, number)) in model.messages.range((at, 0)..=(at, u32::MAX)) {
            assert!(server.bytes(&open, *uid).await.ends_with(&message(*number)));
        }
    }
    assert_eq!(server.service.verify(AccountId(1)).await.unwrap().faults, Vec::<String>::new());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn an_account_behaves_like_a_map_of_messages(steps in proptest::collection::vec(step(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut server = Server::new().await;
            let mut model = Model::default();
            for (number, step) in steps.into_iter().enumerate() {
                apply(&mut server, &mut model, number, step).await;
            }
            check(&server, &model).await;
            let server = server.after_power_cut().await;
            check(&server, &model).await;
        });
    }
}
