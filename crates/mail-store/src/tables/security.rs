//! Rows of the directory's slices that keep accounts safe: second factors, app passwords, ways
//! back in, the audit log, and letters about them on their way to the queue. Table numbers from 32
//! on; what belongs to an account lies in its slice, so that one commit changes all of it.

use std::fmt;
use std::net::IpAddr;

use mail_types::{AccountId, EmailAddress};
use serde::{Deserialize, Serialize};

use super::mail::table;
use crate::table::Table;

table!(/// A line of the slice's audit log, by its place in the chain.
    Audit = 32, u64 => AuditRow);
table!(/// One row: where the slice's audit log begins and ends.
    AuditEnds = 33, () => AuditEndsRow);
table!(/// What keeps an account safe besides its password; absent when there is nothing.
    Security = 34, u64 => SecurityRow);
table!(/// (account, chance): a letter that the same commit made due.
    Letter = 35, (u64, u64) => LetterRow);
table!(/// Where an account was lately used from. Written unsynced: it may lag behind a crash.
    RecentLogins = 36, u64 => RecentLoginsRow);
table!(/// Requests for a new password: how many, of what kind, by a keyed hash; in the roster.
    ResetCounter = 37, Vec<u8> => ResetCounterRow);

table!(/// Who lost a password and waits for their IT officer: since when, in Unix seconds.
    ResetRequest = 38, u64 => i64);

/// A line of the audit log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuditRow {
    /// JSON, so that a line says what it is after years.
    pub text: String,
    /// Number of the directory key under which it is chained.
    pub key: u8,
    /// Keyed hash over the line before, the place and the text.
    pub chain: [u8; 32],
}

/// Where a slice's audit log begins and ends.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AuditEndsRow {
    /// Place of the oldest line that is kept.
    pub first: u64,
    /// `chain` of the line before it, which is no longer kept.
    pub before: [u8; 32],
    /// Place of the next line.
    pub next: u64,
    /// `chain` of the newest line.
    pub last: [u8; 32],
    /// Number of the directory key of `seal`.
    pub key: u8,
    /// Keyed hash over the other fields.
    pub seal: [u8; 32],
}

/// A hash under a directory key: what it was made of cannot be tried out without the secrets file.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyedHash {
    /// The key's number.
    pub key: u8,
    /// The hash.
    pub hash: [u8; 32],
}

impl fmt::Debug for KeyedHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyedHash(key {})", self.key)
    }
}

/// What keeps an account safe besides its password.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SecurityRow {
    /// Number of the next app password or recovery address; never goes back.
    pub next_number: u32,
    /// Passwords of single devices.
    pub app_passwords: Vec<AppPasswordRow>,
    /// The second factor.
    pub totp: Option<TotpRow>,
    /// Addresses elsewhere by which the owner gets back in.
    pub recovery: Vec<RecoveryRow>,
    /// A password being replaced.
    pub reset: Option<ResetRow>,
    /// A code that an IT officer handed out.
    pub activation: Option<ActivationRow>,
    /// Until when nothing that gives the account away may change, in Unix seconds.
    pub hold_until: Option<i64>,
    /// When proofs for a new password failed, in Unix seconds.
    pub failed_proofs: Vec<i64>,
    /// A reset by identity alone that waits for its time.
    pub identity: Option<IdentityResetRow>,
    /// The first of the two who must agree before somebody privileged gets a code.
    pub approval: Option<ApprovalRow>,
    /// Recipients written to while on hold.
    pub hold_recipients: Option<DayCountRow>,
    /// Mail that came before is closed, in Unix seconds, until an officer says who the owner is.
    pub mail_locked_before: Option<i64>,
    /// Wrong second factors after a right password.
    pub wrong_factors: Option<DayCountRow>,
    /// Codes sent to recovery addresses that are not proven.
    pub recovery_codes: Option<DayCountRow>,
}

/// The password of one device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AppPasswordRow {
    /// Names it within the account.
    pub number: u32,
    /// As its owner calls the device.
    pub name: String,
    /// Of the password.
    pub hash: KeyedHash,
    /// When, in Unix seconds.
    pub created: i64,
}

/// RFC 6238, and what stands in for it.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct TotpRow {
    /// The shared secret, sealed under a directory key.
    pub secret: Vec<u8>,
    /// The newest time step that was used: it and older ones are refused.
    pub last_step: u64,
    /// Since when, in Unix seconds.
    pub since: i64,
    /// One-time codes that are left.
    pub recovery_codes: Vec<KeyedHash>,
}

impl fmt::Debug for TotpRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpRow(***)")
    }
}

/// An address elsewhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecoveryRow {
    /// Names it within the account.
    pub number: u32,
    /// The address.
    pub address: EmailAddress,
    /// When it was named, or proven since, in Unix seconds.
    pub added: i64,
    /// The code that proves it; `None` once it is proven.
    pub code: Option<CodeRow>,
    /// It was proven a short time before the password was lost, perhaps by who had stolen it: no
    /// code for a new password goes there.
    pub doubted: bool,
}

/// A one-time code that somebody was sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CodeRow {
    /// Of the code.
    pub hash: KeyedHash,
    /// When it ends, in Unix seconds.
    pub expires: i64,
    /// Wrong ones that are still let through.
    pub tries_left: u8,
}

/// A password being replaced.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResetRow {
    /// Of the browser that asked.
    pub ticket: KeyedHash,
    /// When, in Unix seconds.
    pub asked: i64,
    /// How far it has come.
    pub stage: ResetStageRow,
}

/// How far a reset has come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ResetStageRow {
    /// A code was sent.
    Code(CodeRow),
    /// The code was right: a new password may be chosen until then, in Unix seconds.
    Proven {
        /// Until when.
        until: i64,
        /// By what.
        by: ProofRow,
    },
    /// An IT officer is asked.
    Asked,
    /// Name, ID and birth date were right; [`SecurityRow::identity`] says from when they count.
    Identity,
}

/// What a reset rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProofRow {
    /// A code that was sent to a recovery address.
    Code,
    /// A code that an IT officer handed out.
    Officer,
    /// Name, ID and birth date alone.
    Identity,
}

/// A reset by identity alone that waits: until then the old password stays valid, and whoever
/// uses it ends the wait.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IdentityResetRow {
    /// From when a new password may be chosen, in Unix seconds.
    pub from: i64,
    /// Until when.
    pub until: i64,
    /// What the notice's link must name to end it.
    pub chance: u64,
}

/// Something that is counted by the day.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DayCountRow {
    /// When the day began, in Unix seconds.
    pub since: i64,
    /// How many.
    pub count: u32,
}

/// Somebody agreed that a privileged account gets a code; somebody else must, too.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ApprovalRow {
    /// Who.
    pub by: AccountId,
    /// When, in Unix seconds.
    pub at: i64,
}

/// A code that an IT officer handed out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ActivationRow {
    /// Of the code.
    pub hash: KeyedHash,
    /// When it ends, in Unix seconds.
    pub expires: i64,
    /// Who.
    pub officer: AccountId,
}

/// A letter on its way to the queue. Sent at least once.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct LetterRow {
    /// What it says.
    pub kind: LetterKind,
    /// To whom; empty for whoever helps the account when it leaves.
    pub to: Vec<EmailAddress>,
    /// `fr` or `en`.
    pub language: String,
    /// When what it tells of happened, in Unix seconds.
    pub at: i64,
    /// From where.
    pub peer: Option<IpAddr>,
    /// A code, sealed under a directory key; empty without one.
    pub sealed: Vec<u8>,
    /// What it is about: a device, an address. Never a secret.
    pub about: String,
}

impl fmt::Debug for LetterRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LetterRow").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// What a letter says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LetterKind {
    /// The code that proves a recovery address.
    RecoveryCode,
    /// The code for a new password.
    ResetCode,
    /// The password was changed by its owner.
    PasswordChanged,
    /// The password was replaced by somebody who had lost it.
    PasswordReset,
    /// A recovery address came or went.
    RecoveryChanged,
    /// The second factor is on.
    SecondFactorOn,
    /// The second factor is off.
    SecondFactorOff,
    /// A recovery code stood in for the second factor.
    RecoveryCodeUsed,
    /// A device got a password of its own.
    AppPasswordAdded,
    /// Somebody asked for a new password, and the IT officer has been told.
    ResetAsked,
    /// An IT officer handed an activation code out.
    ResetApproved,
    /// An IT officer refused.
    ResetRefused,
    /// Name, ID and birth date were right: a new password may be chosen in a day, unless somebody
    /// stops it. With the link that does.
    IdentityBegun,
    /// To IT officers: one of their people waits for them.
    OfficerAsked,
    /// To IT officers: as [`LetterKind::IdentityBegun`].
    OfficerIdentityBegun,
    /// To IT officers: one of their people's password was replaced.
    OfficerReset,
    /// To administrators: resets by identity alone closed themselves everywhere.
    IdentityClosed,
    /// Many second factors were wrong after the right password: somebody else knows it.
    FactorsWrong,
}

impl LetterKind {
    /// Whether its readers do not own the account, but help.
    pub fn is_to_helpers(self) -> bool {
        matches!(
            self,
            Self::OfficerAsked
                | Self::OfficerIdentityBegun
                | Self::OfficerReset
                | Self::IdentityClosed
        )
    }
}

/// Where an account was lately used from, the newest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RecentLoginsRow {
    /// One entry for each way.
    pub entries: Vec<RecentLoginRow>,
}

/// One way in that was lately used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecentLoginRow {
    /// 0 submission, 1 IMAP, 2 webmail.
    pub service: u8,
    /// From where.
    pub peer: IpAddr,
    /// Which app password; `None` for the account's own.
    pub app_password: Option<u32>,
    /// When last, in Unix seconds.
    pub at: i64,
}

/// Requests that count against one limit, as Unix seconds, rising.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ResetCounterRow {
    /// When each of them came.
    pub at: Vec<i64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_row_prints_what_is_secret() {
        let hash = KeyedHash { key: 1, hash: [77; 32] };
        let totp =
            TotpRow { secret: vec![77; 20], last_step: 1, since: 2, recovery_codes: vec![hash] };
        let letter = LetterRow {
            kind: LetterKind::ResetCode,
            to: Vec::new(),
            language: "fr".into(),
            at: 0,
            peer: None,
            sealed: vec![77; 20],
            about: String::new(),
        };
        let printed = format!("{hash:?} {totp:?} {letter:?}");
        assert!(!printed.contains("77"), "{printed}");
    }
}
