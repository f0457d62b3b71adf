//! Mail to other servers: where it goes, over which connections, and when again.
//!
//! It drives `smtp_session::send` over sockets and asks DNS. It keeps no queue: which messages
//! there are, and what a sender is told, is the caller's.
//!
//! The types to know: [`Routes`] gives a [`Route`] for a recipient, [`Transport`] delivers a
//! transaction along it and gives a [`Delivery`], [`Schedule`] says when to try again,
//! [`Concurrency`] how many deliveries to one [`NextHopKey`] may run.
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

mod concurrency;
mod connection;
mod content;
mod delivery;
mod dns;
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
    Credentials, Notify, OriginalRecipient, Reason, Recipient, Ret, Role, ServerReply, Stage,
    Transaction,
};
pub use transport::{SetupError, Transport};
