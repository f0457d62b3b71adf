//! What stands before the `@`: `prenom.nom` in plain letters, with a number when somebody has it.

use std::collections::HashMap;

use mail_types::{Domain, EmailAddress};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::claim::Name;
use crate::directory::Directory;
use crate::error::DirectoryError;

/// Longest local part that is made: RFC 5321 §4.5.3.1.1 allows 64 octets, and a number may follow.
const LOCAL_PART_CHARS_MAX: usize = 58;
/// How many people of one name are told apart.
const HOMONYMS_MAX: u32 = 10_000;

/// `prenom.nom`, folded to ASCII.
pub(crate) fn local_part(given_name: &str, family_name: &str) -> Result<String, DirectoryError> {
    let (given, family) = (folded_name(given_name)?, folded_name(family_name)?);
    let local = format!("{given}.{family}");
    match local.len() > LOCAL_PART_CHARS_MAX {
        true => Err(DirectoryError::Invalid(format!("{local} is too long: give an address"))),
        false => Ok(local),
    }
}

/// Lower case, no accents, no spaces, apostrophes or dots; hyphens stay, one at a time.
fn folded_name(name: &str) -> Result<String, DirectoryError> {
    let mut out = String::new();
    for c in fold(name).chars() {
        match c {
            'a'..='z' | '0'..='9' => out.push(c),
            '-' if out.is_empty() || out.ends_with('-') => {}
            '-' => out.push('-'),
            c if c.is_ascii() || !c.is_alphanumeric() => {}
            c => {
                let reason = format!("{name:?} has the letter {c:?} in it: give an address");
                return Err(DirectoryError::Invalid(reason));
            }
        }
    }
    out.truncate(out.trim_end_matches('-').len());
    match out.is_empty() {
        true => Err(DirectoryError::Invalid(format!("{name:?} has no letters: give an address"))),
        false => Ok(out),
    }
}

/// Lower case without accents, letters that are written as two in ASCII replaced, hyphens and
/// spaces of every kind made plain. What has no such form stays.
pub(crate) fn fold(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase) {
        match c {
            'œ' => out.push_str("oe"),
            'æ' => out.push_str("ae"),
            'ß' => out.push_str("ss"),
            'þ' => out.push_str("th"),
            'ø' => out.push('o'),
            'đ' | 'ð' => out.push('d'),
            'ł' => out.push('l'),
            'ħ' => out.push('h'),
            'ı' => out.push('i'),
            'ŋ' => out.push('n'),
            '\u{2010}'..='\u{2015}' | '\u{2212}' => out.push('-'),
            c if c.is_whitespace() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// Addresses that are being given but stand in no row yet.
#[derive(Default)]
pub(crate) struct Given {
    names: HashMap<Name, u64>,
    /// The number to try next for a name that others have.
    next: HashMap<String, u32>,
}

impl Given {
    /// Where this name was given; else it is given now, for this line.
    pub(crate) fn once(&mut self, name: Name, line: u64) -> Option<u64> {
        match self.names.get(&name) {
            Some(earlier) => Some(*earlier),
            None => {
                self.names.insert(name, line);
                None
            }
        }
    }

    /// Where this name was given.
    pub(crate) fn line_of(&self, name: &Name) -> Option<u64> {
        self.names.get(name).copied()
    }
}

impl Directory {
    /// An address that nobody has and nobody ever had: `local`, or with a number behind it.
    pub async fn free_address(
        &self,
        local: &str,
        domain: &Domain,
    ) -> Result<EmailAddress, DirectoryError> {
        self.free_address_beside(local, domain, &mut Given::default()).await
    }

    /// The same, beside those that are being given.
    pub(crate) async fn free_address_beside(
        &self,
        local: &str,
        domain: &Domain,
        given: &mut Given,
    ) -> Result<EmailAddress, DirectoryError> {
        let base = format!("{local}@{domain}");
        let first = given.next.get(&base).copied().unwrap_or(1);
        for number in first..=HOMONYMS_MAX {
            let number_shown = if number == 1 { String::new() } else { number.to_string() };
            let text = format!("{local}{number_shown}@{domain}");
            let address: EmailAddress = text.parse().map_err(|error| {
                DirectoryError::Invalid(format!("{text}: {error}: give an address"))
            })?;
            let name = Name::of_address(&address);
            // A reservation counts: whoever has it may be about to get the address.
            if given.line_of(&name).is_none() && self.inner.rows.claim(&name).await?.is_none() {
                given.next.insert(base, number + 1);
                return Ok(address);
            }
        }
        Err(DirectoryError::Taken { what: format!("address {base} with every number") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_plain_addresses() {
        for (given, family, local) in [
            ("Marie", "Martin", "marie.martin"),
            ("Hélène", "Lefèvre", "helene.lefevre"),
            ("He\u{301}le\u{300}ne", "Müller", "helene.muller"),
            ("Jean-Pierre", "d’Aubigné", "jean-pierre.daubigne"),
            ("Marie Anne", "de La Fontaine", "marieanne.delafontaine"),
            ("Cœlia", "Groß", "coelia.gross"),
            ("Ægir", "Sørensen", "aegir.sorensen"),
            ("Łukasz", "Đorđević", "lukasz.dordevic"),
            ("Anne – Sophie", "O'Neil St. John", "anne-sophie.oneilstjohn"),
            ("ÉLODIE", "LE GOFF--KERVELLA", "elodie.legoff-kervella"),
            ("-Ali-", "Ben Ömer", "ali.benomer"),
            ("Çağla", "Ñuñez", "cagla.nunez"),
        ] {
            assert_eq!(local_part(given, family).unwrap(), local);
        }
    }

    #[test]
    fn what_has_no_plain_form_asks_for_an_address() {
        for (given, family) in [("Иван", "Петров"), ("'", "Martin"), ("", "x"), ("李", "Wang")]
        {
            let error = local_part(given, family).unwrap_err();
            assert!(error.to_string().contains("give an address"), "{error}");
        }
        assert!(local_part(&"a".repeat(40), &"b".repeat(40)).is_err());
    }
}
