//! APPEND: the message streams from the socket into the store.

use std::io;

use imap_session::{Append, Expunges, Phase, Step};
use mail_service::ServiceError;

use crate::answer;
use crate::connection::Connection;

impl Connection {
    pub(crate) async fn begin_append(&mut self, append: Append) -> io::Result<()> {
        let limit = self.server.mail.settings().message_bytes_max;
        let refusal = if self.phase() == Phase::NotAuthenticated {
            Some("BAD Log in first".to_owned())
        } else if append.size > limit {
            Some(answer::refusal(&ServiceError::TooLarge { bytes_max: limit }).to_owned())
        } else {
            self.append_target(&append).await.err().map(|error| answer::refusal(&error).to_owned())
        };
        if let Some(refusal) = refusal {
            let line = format!("{} {refusal}\r\n", append.tag).into_bytes();
            match self.session.refuse_append(line) {
                Step::Close(bytes) => {
                    self.out.extend_from_slice(&bytes);
                    self.is_over = true;
                }
                Step::Write(bytes) => self.out.extend_from_slice(&bytes),
                _ => {}
            }
            return Ok(());
        }
        if let Some(go) = self.session.accept_append() {
            self.out.extend_from_slice(go);
        }
        let writer = self.mail().message_writer();
        self.append = Some((append, writer));
        Ok(())
    }

    /// Whether the mailbox is there and takes messages, before the client sends megabytes.
    async fn append_target(&self, append: &Append) -> Result<(), ServiceError> {
        let (Some((actor, owner)), imap_session::Mailbox::Named(name)) =
            (self.owner(), &append.mailbox)
        else {
            return Err(ServiceError::NoSuchTarget);
        };
        if !self.mail().may_write(actor, owner).await? {
            return Err(ServiceError::Leaving);
        }
        match self.mail().status(actor, owner, name).await {
            Err(ServiceError::NoSuchMailbox) => Err(ServiceError::NoSuchTarget),
            outcome => outcome.map(drop),
        }
    }

    pub(crate) async fn append_chunk(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some((append, writer)) = &mut self.append else { return Ok(()) };
        if let Err(error) = writer.write(bytes).await {
            // The rest of the message still comes and is thrown away.
            let tag = append.tag.clone();
            self.append = None;
            self.refuse(&tag, &error);
        }
        Ok(())
    }

    pub(crate) async fn end_append(&mut self) -> io::Result<()> {
        let (Some((append, writer)), Some((actor, owner))) = (self.append.take(), self.owner())
        else {
            return Ok(());
        };
        let imap_session::Mailbox::Named(name) = append.mailbox else { return Ok(()) };
        let flags = append.flags.into_iter().collect();
        let mail = self.mail();
        let appended = match writer.finish().await {
            Ok(message) => {
                mail.append(actor, owner, &name, message, flags, append.internal_date).await
            }
            Err(error) => Err(error),
        };
        match appended {
            Ok(appended) => {
                self.tell(Expunges::Told);
                let (validity, uid) = (appended.uid_validity, appended.uid);
                let text = format!("OK [APPENDUID {validity} {uid}] APPEND completed");
                self.tagged(&append.tag, &text);
            }
            Err(error) => self.refuse(&append.tag, &error),
        }
        Ok(())
    }
}
