//! The relay through its public door: pure parts with tables, the rest over loopback sockets
//! against a server and a DNS that do as a script says.

mod concurrency;
mod deliver;
mod dns;
mod dns_stub;
mod fake_dns;
mod faults;
mod mx;
mod route;
mod schedule;
mod server;
mod settings;
mod tls;
