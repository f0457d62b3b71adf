//! What the buttons of a list and of a message do: mark, move, delete.

use hyper::Response;
use mail_service::{FlagChange, MailboxInfo, OpenMailbox};
use mail_types::{Flag, FlagSet, MailboxName, SpecialUse, UidSet};

use crate::account::{Signed, find, parse_uid, special};
use crate::error::Error;
use crate::headers;
use crate::http::{Body, Form, Input};
use crate::url;
use crate::view::shown_name;

/// Messages one form may name.
const UIDS_MAX: usize = 1_000;

/// What a button asks for.
#[derive(Clone, Debug, PartialEq)]
enum Action {
    Flag(FlagChange, Flag),
    MoveTo(MailboxName),
    /// To the bin, or out of it for ever.
    Delete,
}

/// `POST /boite/{name}`: the messages that are ticked.
pub(crate) async fn on_list(
    signed: &Signed,
    name: &str,
    input: Input,
) -> Result<Response<Body>, Error> {
    let form = signed.form(input).await?;
    let uids: UidSet =
        form.all("uid").take(UIDS_MAX).filter_map(|uid| uid.parse::<u32>().ok()).collect();
    let page: u32 = form.get("page").parse().unwrap_or(1);
    let back = match page {
        0 | 1 => format!("/boite/{}", url::encode(name)),
        page => format!("/boite/{}?page={page}", url::encode(name)),
    };
    if uids.is_empty() {
        signed.session.set_notice(signed.locale().text("notice-none-ticked"));
    } else {
        apply(signed, name, &uids, &form).await?;
    }
    Ok(headers::see_other(&signed.visit, &back))
}

/// `POST /m/{name}/{uid}`: the message that is read.
pub(crate) async fn on_message(
    signed: &Signed,
    name: &str,
    uid: &str,
    input: Input,
) -> Result<Response<Body>, Error> {
    let form = signed.form(input).await?;
    let uid = parse_uid(uid)?;
    let uids = UidSet::range(uid.get(), uid.get());
    apply(signed, name, &uids, &form).await?;
    let stays = matches!(form.get("action"), "suivre" | "ne-plus-suivre");
    let back = match stays {
        true => format!("/m/{}/{uid}", url::encode(name)),
        false => format!("/boite/{}", url::encode(name)),
    };
    Ok(headers::see_other(&signed.visit, &back))
}

async fn apply(signed: &Signed, name: &str, uids: &UidSet, form: &Form) -> Result<(), Error> {
    let mailboxes = signed.mailboxes().await?;
    let info = find(&mailboxes, name)?;
    // RFC 9051 §2.3.1.1: under another UIDVALIDITY these numbers name other messages.
    if form.get("validite") != info.status.uid_validity.to_string() {
        return Err(Error::NotFound);
    }
    if form.get("action") == "deplacer" && form.get("vers").is_empty() {
        signed.session.set_notice(signed.locale().text("notice-no-target"));
        return Ok(());
    }
    let open = signed.open(&mailboxes, name).await?;
    let count = open.snapshot().select(uids).count();
    let action = read_action(&mailboxes, form)?;
    let notice = match action {
        Action::Flag(change, flag) => {
            let flags: FlagSet = [flag].into_iter().collect();
            let service = signed.service();
            service.store_flags(signed.actor(), &open, uids, change, &flags, None).await?;
            return Ok(());
        }
        Action::MoveTo(target) => move_to(signed, &mailboxes, &open, uids, &target, count).await?,
        Action::Delete => match special(&mailboxes, SpecialUse::Trash) {
            Some(trash) if *trash != info.name => {
                move_to(signed, &mailboxes, &open, uids, &trash.clone(), count).await?
            }
            _ => {
                signed.service().remove(signed.actor(), &open, uids).await?;
                signed.locale().with("notice-deleted", "count", count as u32)
            }
        },
    };
    signed.session.set_notice(notice);
    Ok(())
}

fn read_action(mailboxes: &[MailboxInfo], form: &Form) -> Result<Action, Error> {
    let to = |special_use| {
        special(mailboxes, special_use).cloned().map(Action::MoveTo).ok_or(Error::NotFound)
    };
    match form.get("action") {
        "lu" => Ok(Action::Flag(FlagChange::Add, Flag::Seen)),
        "non-lu" => Ok(Action::Flag(FlagChange::Remove, Flag::Seen)),
        "suivre" => Ok(Action::Flag(FlagChange::Add, Flag::Flagged)),
        "ne-plus-suivre" => Ok(Action::Flag(FlagChange::Remove, Flag::Flagged)),
        "supprimer" => Ok(Action::Delete),
        "archiver" => to(SpecialUse::Archive),
        "deplacer" => {
            find(mailboxes, form.get("vers")).map(|info| Action::MoveTo(info.name.clone()))
        }
        _ => Err(Error::BadRequest("unknown action")),
    }
}

async fn move_to(
    signed: &Signed,
    mailboxes: &[MailboxInfo],
    open: &OpenMailbox,
    uids: &UidSet,
    target: &MailboxName,
    count: usize,
) -> Result<String, Error> {
    let info = find(mailboxes, target.as_str())?;
    if info.id != open.id() {
        signed.service().move_messages(signed.actor(), open, uids, target).await?;
    }
    let locale = signed.locale();
    let values = [("count", count.to_string()), ("folder", shown_name(locale, info))];
    let name = if count == 1 { "notice-moved-one" } else { "notice-moved" };
    Ok(locale.with_all(name, &values))
}
