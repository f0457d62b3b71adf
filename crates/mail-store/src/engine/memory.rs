//! The in-memory engine: for tests, and able to forget everything after the last sync.

use std::collections::BTreeMap;
use std::ops::{Bound, Range};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;

use super::GROUP_KEY;
use super::backend::{Backend, Op, Rows};
use super::group::GroupRecord;
use crate::error::StoreError;
use crate::meta_store::Direction;

/// Rows and chunks as they are, and as they were at the last sync.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    state: Mutex<State>,
}

#[derive(Clone, Debug, Default)]
struct Tables {
    rows: BTreeMap<Bytes, Bytes>,
    chunks: BTreeMap<Bytes, Bytes>,
}

#[derive(Debug, Default)]
struct State {
    now: Tables,
    /// Changes since the last sync, to be applied to `synced` then.
    unsynced: Vec<Op>,
    synced: Tables,
    /// Writes left before one fails; `None` never fails.
    writes_left: Option<u64>,
}

impl Tables {
    fn apply(&mut self, op: &Op) {
        match op {
            Op::Put(key, value) => drop(self.rows.insert(key.clone(), value.clone())),
            Op::Delete(key) => drop(self.rows.remove(key)),
            Op::DeleteRange(range) => {
                let doomed: Vec<_> =
                    self.rows.range(range.clone()).map(|row| row.0.clone()).collect();
                doomed.iter().for_each(|key| drop(self.rows.remove(key)));
            }
            Op::PutChunk(key, value) => drop(self.chunks.insert(key.clone(), value.clone())),
            Op::DeleteChunk(key) => drop(self.chunks.remove(key)),
        }
    }
}

impl Memory {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a power cut would leave.
    pub(crate) fn after_crash(&self) -> Self {
        let synced = self.state().synced.clone();
        let state = State { now: synced.clone(), synced, ..State::default() };
        Self { state: Mutex::new(state) }
    }

    /// Lets `writes` further groups pass, and fails the one after them.
    pub(crate) fn fail_after(&self, writes: u64) {
        self.state().writes_left = Some(writes);
    }
}

impl Backend for Memory {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        Ok(self.state().now.rows.get(key).cloned())
    }

    fn get_many(&self, keys: &[Bytes]) -> Result<Vec<Option<Bytes>>, StoreError> {
        let state = self.state();
        Ok(keys.iter().map(|key| state.now.rows.get(key).cloned()).collect())
    }

    fn scan(
        &self,
        range: &Range<Bytes>,
        limit: usize,
        direction: Direction,
    ) -> Result<Rows, StoreError> {
        if range.start >= range.end {
            return Ok((Vec::new(), None));
        }
        let state = self.state();
        let bounds = (Bound::Included(range.start.clone()), Bound::Excluded(range.end.clone()));
        let all = state.now.rows.range(bounds).map(|(key, value)| (key.clone(), value.clone()));
        let mut rows: Vec<_> = match direction {
            Direction::Forward => all.take(limit.saturating_add(1)).collect(),
            Direction::Backward => all.rev().take(limit.saturating_add(1)).collect(),
        };
        let next = if rows.len() > limit { rows.pop().map(|row| row.0) } else { None };
        Ok((rows, next))
    }

    fn chunk(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        Ok(self.state().now.chunks.get(key).cloned())
    }

    fn write(&self, record: &GroupRecord, ops: &[Op], sync: bool) -> Result<(), String> {
        let mut state = self.state();
        match &mut state.writes_left {
            Some(0) => return Err("injected failure".into()),
            Some(left) => *left -= 1,
            None => {}
        }
        let record = Bytes::copy_from_slice(&record.encode());
        state.unsynced.push(Op::Put(Bytes::from_static(GROUP_KEY), record.clone()));
        state.now.rows.insert(Bytes::from_static(GROUP_KEY), record);
        ops.iter().for_each(|op| state.now.apply(op));
        state.unsynced.extend_from_slice(ops);
        if sync {
            let unsynced = std::mem::take(&mut state.unsynced);
            unsynced.iter().for_each(|op| state.synced.apply(op));
        }
        Ok(())
    }

    fn chunk_count(&self) -> u64 {
        self.state().now.chunks.len() as u64
    }

    fn close(&self) -> Result<(), String> {
        Ok(())
    }
}
