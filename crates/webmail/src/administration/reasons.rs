//! Why the directory refused something, in the reader's language. The directory says it in English
//! for the command line; here each of its sentences has one of ours, with the value that stood in it.

use crate::locale::Locale;

/// What stands before the value, what stands after it, and our sentence.
const REASONS: [(&str, &str, &str); 51] = [
    ("address ", " is already taken", "why-address-taken"),
    ("academic ID ", " is already taken", "why-id-taken"),
    ("unit ", " is already taken", "why-unit-taken"),
    ("no such unit: ", "", "why-no-unit"),
    ("no such account: ", "", "why-no-account"),
    ("there is no column ", "", "why-no-column"),
    ("unknown column ", ": use ", "why-unknown-column"),
    ("two columns are called ", "", "why-two-columns"),
    ("the same academic ID stands in line ", "", "why-same-id"),
    ("the same address stands in line ", "", "why-same-address"),
    ("the same code stands in line ", "", "why-same-code"),
    ("an academic ID is 4 to 16 digits", "", "why-bad-id"),
    ("the code is empty", "", "why-no-code"),
    ("the name is empty", "", "why-no-name"),
    ("the file cannot be read", "", "why-unreadable"),
    ("it is not UTF-8", "", "why-not-utf-8"),
    ("it is longer than ", " bytes", "why-long-line"),
    ("it has more fields than the header", "", "why-many-fields"),
    ("an address, or a given name and a family name, is needed", "", "why-no-address"),
    ("somebody who leaves must be there first", "", "why-leaves-unknown"),
    ("the day must be to come", "", "why-past-day"),
    ("nobody changes their own role", "", "why-oneself"),
    ("administrators are made at the command line", "", "why-administrators"),
    ("a privileged role is taken away", "", "why-lowered"),
    ("the code of a privileged account", "", "why-privileged"),
    ("the last day lies between today and ", "", "why-last-day"),
    ("the reason is empty", "", "why-no-reason"),
    ("you have approved already", "", "why-approved"),
    ("a proposal needs the agreement", "", "why-own-proposal"),
    ("there is no such proposal", "", "why-no-proposal"),
    ("this takes an administrator", "", "why-no-administrator"),
    ("only an administrator who stays", "", "why-no-administrator"),
    ("the account is suspended", "", "why-suspended"),
    ("the primary address cannot be removed", "", "why-primary"),
    ("an account has at most ", " aliases", "why-many-aliases"),
    ("an account has at most ", " units", "why-many-units"),
    ("a unit has at most ", " IT officers", "why-many-officers"),
    ("say in which domain", "", "why-which-domain"),
    ("an address has an @ ", "", "why-no-at"),
    ("the part before the @ ", "", "why-bad-local"),
    ("the part after the @ ", "", "why-bad-domain"),
    ("the password ", "", "why-password"),
    ("busy: ", "", "why-busy"),
    ("more than ", " lines", "why-many-lines"),
    ("unknown role ", ": use ", "why-bad-role"),
    ("", " accounts belong to unit ", "why-not-empty"),
    ("", " is not the code of a unit", "why-bad-code"),
    ("", " is not a date: write ", "why-bad-date"),
    ("", " is not a quota: write ", "why-bad-quota"),
    ("", ": its domain is not hosted here", "why-not-hosted"),
    ("", ": give an address", "why-give-address"),
];

/// Characters of a value that are shown.
const VALUE_CHARS_MAX: usize = 80;

/// The reason in this language; as it is when we have no sentence for it.
pub(crate) fn explained(locale: &Locale, reason: &str) -> String {
    let found = REASONS.iter().find_map(|(before, after, name)| {
        let rest = reason.strip_prefix(before)?;
        let value = if after.is_empty() { rest } else { rest.split_once(after)?.0 };
        Some((*name, value))
    });
    match found {
        Some((name, value)) => {
            let value = value.trim_matches('"');
            let day = value.parse::<directory::Day>().map(directory::Day::french);
            let value = day.unwrap_or_else(|_| crate::people::clean(value, VALUE_CHARS_MAX));
            locale.with(name, "value", value)
        }
        None => reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::locale::Locales;

    #[test]
    fn every_sentence_is_there_in_french_with_its_value() {
        let locales = Locales::load();
        for (before, after, name) in REASONS {
            let said = explained(locales.default(), &format!("{before}0123{after}x"));
            assert!(!said.contains(name), "{name} is missing");
            assert!(!said.contains(before) || before.is_empty(), "{said}");
        }
        assert_eq!(
            explained(locales.default(), "academic ID …01 is already taken"),
            "Le numéro d’identification …01 est déjà pris."
        );
        assert_eq!(
            explained(locales.default(), "the last day lies between today and 2027-02-27"),
            "Le dernier jour est entre aujourd’hui et le 27/02/2027."
        );
        assert_eq!(explained(locales.default(), "something else"), "something else");
    }
}
