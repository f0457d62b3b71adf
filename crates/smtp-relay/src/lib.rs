//! Mail to other servers: where it goes, over which connections, and when again.
//!
//! It drives `smtp_session::send` over sockets and asks DNS, and works the queue of
//! `mail_service`: the rows, and what a sender is told, are the service's.
//!
//! The types to know: [`Routes`] gives a [`Route`] for a recipient, [`Transport`] delivers a
//! transaction along it and gives a [`Delivery`], [`Schedule`] says when to try again,
//! [`Concurrency`] how many deliveries to one [`NextHopKey`] may run, [`Worker`] does it all for
//! what is in the queue.
//!
//! ```
//! use mail_types::ReversePath;
//! use smtp_relay::{RecipientDomain, Route, Routes};
//!
//! let routes = Routes::new(&[], |path| std::fs::read_to_string(path)).unwrap();
//! let domain: RecipientDomain = "ecole.test".parse().unwrap();
//! let explanation = routes.explain(&ReversePath::Null, &domain);
//! assert!(matches!(explanation.route, Route::Mx(_)));
//! assert_eq!(explanation.to_string(), "mx of ecole.test (no relay.route fits)");
//! ```

mod attempt;
mod concurrency;
mod connection;
mod content;
mod delivery;
mod dns;
mod lease;
mod lines;
mod monitor;
mod mx;
mod next_hop;
mod pool;
mod route;
mod rule;
mod schedule;
mod settings;
mod stream;
mod tls;
mod transport;
mod worker;

pub use attempt::Sign;
pub use concurrency::{Concurrency, Feedback, Start};
pub use content::{Content, PIECE_BYTES_MAX};
pub use delivery::{Attempt, Cause, Delivery, Remote, Verdict};
pub use dns::{Dns, DnsError, Looking, Mx, Resolver};
pub use mx::{MxRules, Unroutable, is_own_address, resolve};
pub use next_hop::{Host, NextHop, NextHopKey, TlsPolicy};
pub use route::{
    Explanation, HostName, HostPort, InvalidRecipientDomain, InvalidRoute, RecipientDomain, Route,
    Routes, Smarthost,
};
pub use schedule::{Next, Schedule};
pub use settings::{
    DnsSettings, EightBit, MxTls, Protocol, RouteSettings, RouteTls, Settings, Via,
};
pub use smtp_session::send::{
    Credentials, Reason, Recipient, Role, ServerReply, Stage, Transaction,
};
pub use transport::{SetupError, Transport};
pub use worker::Worker;
