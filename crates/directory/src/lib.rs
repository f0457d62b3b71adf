//! Who exists and who may what: accounts, addresses, domains, credentials.
//!
//! Never touches mail. Everything lives in [`mail_store::Class::Directory`] partitions; uniqueness
//! across them is a reservation followed by an idempotent completion.
//!
//! The types to know: [`Directory`], [`Account`], [`Authenticated`], [`Resolution`].
//!
//! ```
//! use directory::{Directory, DomainKind, NewAccount, NewPassword, Resolution, Service, Settings};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let directory = Directory::open(mail_store::Store::memory(), Settings::default()).await?;
//! directory.create_domain(&"ac.test".parse().unwrap(), DomainKind::Hosted).await?;
//! let marie = directory
//!     .create_account(NewAccount {
//!         primary_address: "marie.martin@ac.test".parse().unwrap(),
//!         name: "Marie Martin".into(),
//!         person: directory::Person::default(),
//!         academic_id: "12345678".parse().unwrap(),
//!         units: Vec::new(),
//!         role: mail_types::Role::Agent,
//!         quota_bytes: None,
//!         password: Some(NewPassword::Plain("une phrase assez longue".into())),
//!     })
//!     .await?;
//! let address = "Marie.Martin+classe@ac.test".parse().unwrap();
//! let Resolution::Account(account) = directory.resolve(&address).await? else { panic!() };
//! assert_eq!(account.id, marie.id);
//! let peer = "192.0.2.1".parse().unwrap();
//! let password = "une phrase assez longue".into();
//! let login = directory.authenticate("12345678", &password, Service::Imap, peer).await;
//! assert_eq!(login.unwrap().account.id, marie.id);
//! # Ok::<(), directory::DirectoryError>(())
//! # }).unwrap();
//! ```

mod account;
mod address;
mod admin;
mod app_password;
mod audit;
mod audit_page;
mod audit_record;
mod authenticate;
mod believed_time;
mod check;
mod claim;
mod connections;
mod create;
mod csv_file;
mod day_count;
mod deed;
mod directory;
mod domain;
mod edit;
mod error;
mod first_login;
mod foreign_hash;
mod help_desk;
mod hold;
mod identity_guard;
mod identity_reset;
mod import;
mod import_line;
mod import_report;
mod leaver;
mod letters;
mod limits;
mod line;
mod local_part;
mod lookup;
mod name_words;
mod office;
mod owner;
mod password;
mod person;
mod policy;
mod recent;
mod recovery;
mod report;
mod reset;
mod reset_limits;
mod reset_proof;
mod roll;
mod rows;
mod secure;
mod settings;
mod strength;
mod temporary_secret;
mod totp;
mod unit;
mod unit_import;
mod vault;

pub use account::{ALIASES_MAX, Account, AccountState, AccountUpdate, NewAccount, NewPassword};
pub use address::{DomainKind, Resolution};
pub use admin::ACCOUNTS_PER_PAGE_MAX;
pub use app_password::{APP_PASSWORDS_MAX, AppPassword, DEVICE_NAME_BYTES_MAX};
pub use audit::{AUDIT_KEPT_SECONDS, AuditReport};
pub use audit_page::{AUDIT_LINES_READ_MAX, AuditFilter, AuditPage, AuditPlace};
pub use audit_record::{Act, AuditRecord, Doer, Factor, Requester, ResetMode};
pub use authenticate::{Authenticated, Service};
pub use believed_time::{BelievedTime, CLOCK_AHEAD_SECONDS_MAX, CLOCK_DOUBT_SECONDS, ClockLook};
pub use check::{CheckReport, Fault};
pub use connections::{Connection, Listed};
pub use directory::{Clock, DOMAINS_MAX, Directory};
pub use domain::DomainEntry;
pub use error::{AuthError, DirectoryError};
pub use first_login::{Choice, FirstLogin};
pub use help_desk::{Approval, LostPassword, PEOPLE_FOUND_MAX, WaitingRequest};
pub use hold::HOLD_RECIPIENTS_PER_DAY;
pub use identity_guard::{IdentityClosed, IdentityGuard};
pub use import_line::quota_bytes;
pub use import_report::{ImportEvent, ImportMode, ImportReport, RefusedLine};
pub use letters::{DueLetter, LETTER_SECONDS_MAX};
pub use mail_store::tables::security::LetterKind;
pub use mail_types::Network;
pub use office::Office;
pub use owner::SecurityOverview;
pub use password::{PASSWORD_BYTES_MAX, PASSWORD_CHARS_MIN, hash_password};
pub use person::{Day, Person};
pub use policy::{IdentityOpen, IdentityProposal, POLICY_DAYS_MAX, PROPOSAL_DAYS, UnitPolicy};
pub use recent::RecentLogin;
pub use recovery::{
    CODE_DIGITS, CODE_SECONDS, CodeOutcome, RECOVERY_ADDRESSES_MAX, RECOVERY_CODES_PER_DAY,
    RecoveryAddress,
};
pub use report::{ByMode, Month, ResetReport, Waits};
pub use reset::{ResetClaim, ResetTicket};
pub use reset_proof::{CodeVerdict, ResetOutcome};
pub use roll::{AccountCounts, AccountFilter};
pub use settings::{LimitSettings, Rate, ResetSettings, Settings};
pub use strength::{PASSWORD_BITS_MIN, Strength, Weakness, weigh};
pub use temporary_secret::{SecretFor, Sheet};
pub use totp::{RECOVERY_CODES, TOTP_SECRET_BYTES, TotpSecret, WRONG_FACTORS_PER_DAY};
pub use unit::{OFFICERS_MAX, UNITS_MAX, Unit, UnitCode, UnitUpdate};
