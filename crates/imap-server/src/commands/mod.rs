//! What each command does, a file per family.

mod append;
mod copy;
mod fetch;
mod fetch_item;
mod list;
pub(crate) mod login;
mod mailbox;
mod search;
mod sort;
mod store;

use std::io;

use imap_session::{Command, Expunges, Numbering, respond};

use crate::connection::Connection;

impl Connection {
    pub(crate) async fn dispatch(&mut self, tag: String, command: Command) -> io::Result<()> {
        match command {
            Command::Fetch { numbering, set, items, changed_since } => {
                let request = fetch::Request { numbering, set, items, changed_since };
                return self.fetch(&tag, request).await;
            }
            Command::Store { numbering, set, unchanged_since, change, silent, flags } => {
                let flags = flags.into_iter().collect();
                let request =
                    store::Request { numbering, set, unchanged_since, change, silent, flags };
                self.store(&tag, request).await;
            }
            Command::Search { numbering, returns, key } => {
                self.search(&tag, numbering, returns, key).await;
            }
            Command::Sort { numbering, order, key } => {
                self.sort(&tag, numbering, &order, key).await;
            }
            Command::Thread { numbering, threading, key } => {
                self.thread(&tag, numbering, threading, key).await;
            }
            command => {
                self.unnumbered(&tag, command).await?;
            }
        }
        Ok(())
    }

    /// Commands that name no messages by number, or may tell EXPUNGE before they answer.
    async fn unnumbered(&mut self, tag: &str, command: Command) -> io::Result<()> {
        match command {
            Command::Capability => {
                let line = format!("* CAPABILITY {}", self.capabilities());
                respond::line(&mut self.out, &line);
                self.tagged(tag, "OK CAPABILITY completed");
            }
            Command::Noop | Command::Check => {
                self.tell(Expunges::Told);
                self.tagged(tag, "OK Completed");
            }
            Command::Id => {
                respond::line(&mut self.out, "* ID (\"name\" \"Facteur\")");
                self.tagged(tag, "OK ID completed");
            }
            Command::Logout => {
                self.bye("Goodbye");
                self.tagged(tag, "OK LOGOUT completed");
            }
            Command::StartTls => return self.start_tls(tag).await,
            Command::Login { user, password } => self.login(tag, &user, &password).await,
            Command::Authenticate { mechanism, initial } => {
                self.authenticate(tag, &mechanism, initial).await;
            }
            Command::Enable(names) => self.enable(tag, &names),
            Command::Namespace => {
                respond::line(&mut self.out, "* NAMESPACE ((\"\" \"/\")) NIL NIL");
                self.tagged(tag, "OK NAMESPACE completed");
            }
            Command::Idle => {
                self.session.begin_idle();
                self.idle = Some(tag.to_owned());
                self.tell(Expunges::Told);
                respond::line(&mut self.out, "+ idling");
            }
            Command::Close => self.close(tag).await,
            Command::Unselect => {
                self.opened = None;
                self.tagged(tag, "OK UNSELECT completed");
            }
            Command::Expunge(set) => self.expunge(tag, set).await,
            Command::Copy { numbering, set, mailbox, is_move } => {
                self.copy(tag, numbering, &set, mailbox, is_move).await;
            }
            command => self.mailbox_command(tag, command).await,
        }
        Ok(())
    }

    /// RFC 5161 §3.1: what is not known, or cannot be enabled, is passed over.
    fn enable(&mut self, tag: &str, names: &[String]) {
        let condstore = names.iter().any(|name| name == "CONDSTORE");
        let newly = condstore && !self.condstore;
        self.condstore |= condstore;
        respond::line(&mut self.out, if newly { "* ENABLED CONDSTORE" } else { "* ENABLED" });
        self.tagged(tag, "OK ENABLE completed");
    }

    pub(crate) async fn end_idle(&mut self) -> io::Result<()> {
        if let Some(tag) = self.idle.take() {
            self.tell(Expunges::Told);
            self.tagged(&tag, "OK IDLE completed");
        }
        Ok(())
    }

    /// What may be told in answer to a command with this numbering (RFC 3501 §7.4.1).
    pub(crate) fn expunges(numbering: Numbering) -> Expunges {
        match numbering {
            Numbering::Uid => Expunges::Told,
            Numbering::Sequence => Expunges::Withheld,
        }
    }

    /// Every capability that is done, and no other: clients believe this line.
    pub(crate) fn capabilities(&self) -> String {
        let mut all = String::from("IMAP4rev1 SASL-IR ID ENABLE IDLE NAMESPACE CHILDREN");
        all.push_str(" LITERAL+ UIDPLUS MOVE UNSELECT SPECIAL-USE CREATE-SPECIAL-USE");
        all.push_str(" LIST-EXTENDED LIST-STATUS STATUS=SIZE ESEARCH CONDSTORE");
        all.push_str(" SORT SORT=DISPLAY THREAD=ORDEREDSUBJECT THREAD=REFERENCES");
        if self.user.is_none() {
            if !self.is_tls && self.server.tls.is_some() {
                all.push_str(" STARTTLS");
            }
            all.push_str(match self.may_log_in() {
                true => " AUTH=PLAIN AUTH=LOGIN",
                false => " LOGINDISABLED",
            });
        }
        all
    }
}
