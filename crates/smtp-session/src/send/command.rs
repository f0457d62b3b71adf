//! RFC 5321 §4.1.1: the commands we send, with the parameters the server offers to take.

use mail_types::EmailAddress;

use super::extensions::Extensions;
use super::transaction::{Notify, OriginalRecipient, Recipient, Ret, Transaction};

/// RFC 3461 §4.4: longer ones are left out.
const ENVELOPE_ID_BYTES_MAX: usize = 100;
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
        match transaction.ret {
            Some(Ret::Full) => line += " RET=FULL",
            Some(Ret::Headers) => line += " RET=HDRS",
            None => {}
        }
        let id = transaction.envelope_id.as_deref().map(xtext);
        if let Some(id) = id.filter(|id| (1..=ENVELOPE_ID_BYTES_MAX).contains(&id.len())) {
            line += &format!(" ENVID={id}");
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
        line += &format!(" NOTIFY={}", notify_value(notify));
    }
    let original = recipient.original_recipient.as_ref().and_then(original_recipient_value);
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

// notify-esmtp-value = "NEVER" / 1#notify-list-element
fn notify_value(notify: Notify) -> String {
    let asked = [(notify.success, "SUCCESS"), (notify.failure, "FAILURE"), (notify.delay, "DELAY")];
    let asked: Vec<_> = asked.iter().filter(|(on, _)| *on).map(|(_, word)| *word).collect();
    if asked.is_empty() { "NEVER".into() } else { asked.join(",") }
}

// original-recipient-address = addr-type ";" xtext
fn original_recipient_value(original: &OriginalRecipient) -> Option<String> {
    let kind = &original.address_type;
    let atom = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if kind.is_empty() || !kind.bytes().all(atom) || original.address.is_empty() {
        return None;
    }
    let utf8 = kind.eq_ignore_ascii_case("utf-8") || !original.address.is_ascii();
    Some(if utf8 {
        format!("utf-8;{}", utf8_address_xtext(&original.address))
    } else {
        format!("{kind};{}", xtext(&original.address))
    })
}

/// RFC 3461 §4: `xtext = *( xchar / hexchar )`.
fn xtext(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        // xchar = any ASCII CHAR between "!" (33) and "~" (126) inclusive, except "+" and "="
        if byte.is_ascii_graphic() && !b"+=".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded += &format!("+{byte:02X}");
        }
    }
    encoded
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
    use mail_types::ReversePath;

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
            envelope_id: Some("a+b=c d".into()),
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
        let long = Transaction { envelope_id: Some("x".repeat(101)), ..transaction };
        assert!(!mail(&long, everything(), false).contains("ENVID"));
    }

    #[test]
    fn original_recipients_are_sent_as_xtext() {
        let line = |address_type: &str, address: &str| {
            let original =
                OriginalRecipient { address_type: address_type.into(), address: address.into() };
            let to = Recipient {
                forward_path: "b@else.test".parse().unwrap(),
                notify: Some(Notify { success: true, delay: true, failure: false }),
                original_recipient: Some(original),
            };
            assert_eq!(recipient(&to, Extensions::default()), "RCPT TO:<b@else.test>");
            recipient(&to, everything())
        };
        let start = "RCPT TO:<b@else.test> NOTIFY=SUCCESS,DELAY";
        for (kind, address, expect) in [
            ("rfc822", "a+b@ours.test", " ORCPT=rfc822;a+2Bb@ours.test"),
            ("rfc822", "a\r\nRSET\r\n", " ORCPT=rfc822;a+0D+0ARSET+0D+0A"),
            ("utf-8", "é=\\@ours.test", " ORCPT=utf-8;\\x{E9}\\x{3D}\\x{5C}@ours.test"),
            ("rfc822", "é@ours.test", " ORCPT=utf-8;\\x{E9}@ours.test"),
            ("rfc822 X", "a@ours.test", ""),
            ("", "a@ours.test", ""),
            ("rfc822", "", ""),
        ] {
            assert_eq!(line(kind, address), format!("{start}{expect}"), "{kind};{address}");
        }
        assert_eq!(line("rfc822", &"x".repeat(500)), start);
    }

    #[test]
    fn asking_for_nothing_says_never() {
        let mut to = Recipient::from("b@else.test".parse::<EmailAddress>().unwrap());
        to.notify = Some(Notify::default());
        assert_eq!(recipient(&to, everything()), "RCPT TO:<b@else.test> NOTIFY=NEVER");
    }
}
