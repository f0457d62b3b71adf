//! Connections that are open now, so that their owner can see them in the webmail.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use mail_types::AccountId;

use crate::authenticate::Service;
use crate::directory::Directory;

/// A connection that is open now.
#[derive(Clone, Debug, PartialEq)]
pub struct Connection {
    /// Through what.
    pub service: Service,
    /// From where.
    pub peer: IpAddr,
    /// With which app password; `None` for the account's own.
    pub app_password: Option<u32>,
    /// Since when, in Unix seconds.
    pub since: i64,
}

/// All of them, by account and a number. Held for a look-up, never over an await.
pub(crate) type Open = Arc<Mutex<Inner>>;

#[derive(Default)]
pub(crate) struct Inner {
    next: u64,
    by_account: HashMap<AccountId, Vec<(u64, Connection)>>,
}

/// Lists a connection until it is dropped.
pub struct Listed {
    open: Open,
    account: AccountId,
    number: u64,
}

impl Directory {
    /// Lists a connection for as long as the result is kept.
    pub fn list_connection(
        &self,
        account: AccountId,
        service: Service,
        peer: IpAddr,
        app_password: Option<u32>,
    ) -> Listed {
        let connection = Connection { service, peer, app_password, since: self.now().as_second() };
        let open = Arc::clone(&self.inner.connections);
        let number = {
            let mut inner = open.lock().unwrap_or_else(PoisonError::into_inner);
            inner.next += 1;
            let number = inner.next;
            inner.by_account.entry(account).or_default().push((number, connection));
            number
        };
        Listed { open, account, number }
    }

    /// The account's connections, the oldest first.
    pub fn connections(&self, account: AccountId) -> Vec<Connection> {
        let inner = self.inner.connections.lock().unwrap_or_else(PoisonError::into_inner);
        let open = inner.by_account.get(&account).map(Vec::as_slice).unwrap_or_default();
        open.iter().map(|(_, connection)| connection.clone()).collect()
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        let mut inner = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = inner.by_account.get_mut(&self.account) {
            open.retain(|(number, _)| *number != self.number);
            if open.is_empty() {
                inner.by_account.remove(&self.account);
            }
        }
    }
}
