//! RFC 5321 §4.1.1: the commands we send, with the parameters the server offers to take.

use mail_types::{EmailAddress, OriginalRecipient, encode_xtext};

use super::extensions::Extensions;
use super::transaction::{Recipient, Transaction};

/// RFC 3461 §4.2: longer ones are left out.
const ORIGINAL_RECIPIENT_BYTES_MAX: usize = 500;

/// `MAIL FROM`.
pub(super) fn mail(transaction: &Transaction, offered: Extensions, smtputf8: bool) -> String {
    let mut line = format!("MAIL FROM:{}", transaction.reverse_path);
    if offered.size {
        line += &format!(" SIZE={}", transaction.size);
    }
    if transaction.eight_bit && offered.eight_bit_mime {
        line += " BODY=8BITMIME";
    }
    if smtputf8 {
        line += " SMTPUTF8";
    }
    if offered.dsn {
        if let Some(ret) = transaction.ret {
            line += &format!(" RET={ret}");
        }
        if let Some(id) = &transaction.envelope_id {
            line += &format!(" ENVID={}", encode_xtext(id.as_str()));
        }
    }
    line
}

/// `RCPT TO`.
pub(super) fn recipient(recipient: &Recipient, offered: Extensions) -> String {
    let mut line = format!("RCPT TO:<{}>", recipient.forward_path);
    if !offered.dsn {
        return line;
    }
    if let Some(notify) = recipient.notify {
        line += &format!(" NOTIFY={notify}");
    }
    let original = recipient.original_recipient.as_ref().map(original_recipient_value);
    if let Some(value) = original.filter(|value| value.len() <= ORIGINAL_RECIPIENT_BYTES_MAX) {
        line += &format!(" ORCPT={value}");
    }
    line
}

/// Whether MAIL must carry SMTPUTF8 for this transaction (RFC 6531 §3.4).
pub(super) fn needs_smtputf8(transaction: &Transaction) -> bool {
    transaction.utf8_header
        || transaction.reverse_path.address().is_some_and(EmailAddress::needs_smtputf8)
}

// original-recipient-address = addr-type ";" xtext
fn original_recipient_value(original: &OriginalRecipient) -> String {
    let (kind, address) = (original.address_type(), original.address());
    if kind == "utf-8" || !address.is_ascii() {
        return format!("utf-8;{}", utf8_address_xtext(address));
    }
    format!("{kind};{}", encode_xtext(address))
}

/// RFC 6533 §3: `utf-8-addr-xtext`, which every server can take.
fn utf8_address_xtext(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_graphic() && !"+=\\".contains(c) {
            encoded.push(c);
        } else {
            encoded += &format!("\\x{{{:02X}}}", u32::from(c));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use mail_types::{EnvelopeId, Notify, Ret, ReversePath};

    use super::*;

    fn everything() -> Extensions {
        Extensions { size: true, eight_bit_mime: true, dsn: true, ..Extensions::default() }
    }

    fn transaction() -> Transaction {
        Transaction {
            reverse_path: ReversePath::Address("\"a b\"@ours.test".parse().unwrap()),
            recipients: Vec::new(),
            size: 7,
            eight_bit: true,
            utf8_header: false,
            ret: Some(Ret::Headers),
            envelope_id: Some(EnvelopeId::parse("a+2Bb+3Dc+20d").unwrap()),
        }
    }

    #[test]
    fn parameters_are_sent_where_they_are_offered() {
        let transaction = transaction();
        assert_eq!(
            mail(&transaction, everything(), true),
            "MAIL FROM:<\"a b\"@ours.test> SIZE=7 BODY=8BITMIME SMTPUTF8 RET=HDRS \
             ENVID=a+2Bb+3Dc+20d"
        );
        let bare = mail(&transaction, Extensions::default(), false);
        assert_eq!(bare, "MAIL FROM:<\"a b\"@ours.test>");
    }

    #[test]
    fn original_recipients_are_sent_as_xtext() {
        let line = |original: &str| {
            let to = Recipient {
                forward_path: "b@else.test".parse().unwrap(),
                notify: Some(Notify { success: true, delay: true, failure: false }),
                original_recipient: Some(OriginalRecipient::parse(original).unwrap()),
            };
            assert_eq!(recipient(&to, Extensions::default()), "RCPT TO:<b@else.test>");
            recipient(&to, everything())
        };
        let start = "RCPT TO:<b@else.test> NOTIFY=SUCCESS,DELAY";
        for (original, expect) in [
            ("rfc822;a+2Bb@ours.test", " ORCPT=rfc822;a+2Bb@ours.test"),
            ("utf-8;é=\\x{5C}@ours.test", " ORCPT=utf-8;\\x{E9}\\x{3D}\\x{5C}@ours.test"),
            ("rfc822;+C3+A9@ours.test", " ORCPT=utf-8;\\x{E9}@ours.test"),
        ] {
            assert_eq!(line(original), format!("{start}{expect}"), "{original}");
        }
        let long = format!("rfc822;{}", "x".repeat(499));
        assert_eq!(line(&long), start, "what is longer with its type is left out");
    }

    #[test]
    fn asking_for_nothing_says_never() {
        let mut to = Recipient::from("b@else.test".parse::<EmailAddress>().unwrap());
        to.notify = Some(Notify::NEVER);
        assert_eq!(recipient(&to, everything()), "RCPT TO:<b@else.test> NOTIFY=NEVER");
    }
}
