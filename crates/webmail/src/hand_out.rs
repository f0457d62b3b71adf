//! The hand-out sheet: what a person is given on paper. One printable page each, in French with an
//! English line, without anything that a browser would have to fetch.

use std::fmt::{self, Write};

use directory::{Directory, Sheet};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::settings::Origin;

/// A sheet on its way to whoever writes it to a file or shows it.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct HandOut {
    /// Whose.
    pub name: String,
    /// Their address.
    pub address: String,
    /// The number that stands for it at the login.
    pub academic_id: String,
    /// Code of the school, empty without one.
    pub unit: String,
    /// Its name.
    pub unit_name: String,
    /// The temporary secret.
    pub secret: String,
    /// Until when it opens the change page, as people in France write it.
    pub expires: String,
}

/// Never shows the secret.
impl fmt::Debug for HandOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HandOut({})", self.address)
    }
}

/// For whoever sits at the terminal and asked for it.
impl fmt::Display for HandOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, academic_id, secret, .. } = self;
        let until = self.until();
        write!(f, "{address}\tacademic ID {academic_id}\ttemporary secret {secret}\tuntil {until}")
    }
}

impl HandOut {
    /// What a sheet says, in the time of this zone.
    pub fn new(directory: &Directory, time_zone: &str, sheet: &Sheet) -> Self {
        let zone = TimeZone::get(time_zone).unwrap_or(TimeZone::UTC);
        let unit = sheet.unit.as_ref();
        let unit_name = unit.and_then(|code| directory.unit(code));
        Self {
            name: sheet.name.clone(),
            address: sheet.address.to_string(),
            academic_id: sheet.academic_id.as_str().to_owned(),
            unit: unit.map(ToString::to_string).unwrap_or_default(),
            unit_name: unit_name.map(|unit| unit.name.clone()).unwrap_or_default(),
            secret: sheet.secret.expose().clone(),
            expires: zone.to_datetime(sheet.expires_at).strftime("%d/%m/%Y à %H:%M").to_string(),
        }
    }

    /// `expires` for readers of English.
    fn until(&self) -> String {
        self.expires.replace(" à ", ", ")
    }

    /// The line of `sheets.csv`.
    pub fn csv(&self) -> String {
        let fields = [
            &self.unit,
            &self.unit_name,
            &self.name,
            &self.address,
            &self.academic_id,
            &self.secret,
            &self.expires,
        ];
        let fields: Vec<_> = fields.iter().map(|field| csv_field(field)).collect();
        fields.join(";") + "\r\n"
    }

    /// One person's page.
    pub fn section(&self, public_url: &Origin) -> String {
        let url = escape(public_url.as_str());
        let unit = match (self.unit_name.as_str(), self.unit.as_str()) {
            ("", code) => escape(code),
            (name, code) => format!("{} ({})", escape(name), escape(code)),
        };
        let mut page = String::with_capacity(2500);
        let _ = write!(
            page,
            "<section>\n<h1>{name}</h1>\n<p class=\"unit\">{unit}</p>\n\
             <table>\n\
             <tr><th scope=\"row\">Adresse</th><td>{address}</td></tr>\n\
             <tr><th scope=\"row\">Numéro d’identification</th><td>{id}</td></tr>\n\
             <tr><th scope=\"row\">Code provisoire</th><td><span class=\"code\">{secret}</span><br>\
             <span class=\"small\">valable une seule fois, jusqu’au {expires}</span></td></tr>\n\
             </table>\n\
             <h2>Première connexion</h2>\n<ol>\n\
             <li>Ouvrez <b>{url}</b> dans un navigateur.</li>\n\
             <li>Saisissez votre numéro d’identification et le code provisoire.</li>\n\
             <li>Choisissez votre mot de passe\u{a0}: au moins 12 caractères. Une phrase de quatre ou cinq \
             mots sans rapport entre eux convient bien.</li>\n\
             <li>Votre boîte aux lettres s’ouvre. Ensuite seulement, réglez votre téléphone ou votre \
             logiciel de messagerie avec ce mot de passe.</li>\n</ol>\n\
             <h2>À savoir</h2>\n<ol>\n\
             <li>Gardez votre numéro\u{202f}; détruisez cette feuille après la première connexion.</li>\n\
             <li>Personne ne vous demandera jamais votre mot de passe, ni par courriel ni par \
             téléphone.</li>\n\
             <li>Code expiré\u{202f}? Adressez-vous au responsable informatique de votre établissement.</li>\n\
             </ol>\n\
             <p class=\"small\" lang=\"en\">In English: open {url}, enter the ID and the code above, and \
             choose a password of at least 12 characters. The code works once, until {until}.</p>\n\
             </section>\n",
            name = escape(&self.name),
            address = escape(&self.address),
            id = escape(&self.academic_id),
            secret = escape(&self.secret),
            expires = escape(&self.expires),
            until = escape(&self.until()),
        );
        page
    }
}

/// The header of `sheets.csv`. The mark before it tells spreadsheets that it is UTF-8.
pub const CSV_HEADER: &str =
    "\u{feff}unit;unit_name;name;address;academic_id;temporary_secret;valid_until\r\n";

/// A field in quotes; one that a spreadsheet would take for a formula is made a text.
pub fn csv_field(text: &str) -> String {
    let guard = if text.starts_with(['=', '+', '-', '@', '\t']) { "'" } else { "" };
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

/// How pages look, on paper and before.
const STYLE: &str = "\
@page { size: A4; margin: 20mm; }
body { margin: 0 auto; max-width: 170mm; font: 12pt/1.5 system-ui, 'Segoe UI', Roboto, 'Noto Sans', sans-serif; color: #18202c; }
section { padding: 12mm 0; break-after: page; break-inside: avoid; }
section:last-of-type { break-after: auto; }
h1 { font-size: 20pt; margin: 0 0 2mm; }
h2 { font-size: 13pt; margin: 9mm 0 2mm; }
.unit { color: #556072; margin: 0 0 8mm; }
table { border-collapse: collapse; width: 100%; border: 1pt solid #7a8699; }
th, td { text-align: left; padding: 3mm 4mm; border-bottom: .5pt solid #dbe1ea; vertical-align: baseline; }
th { width: 42mm; font-weight: 600; }
td { font-size: 13pt; overflow-wrap: anywhere; }
.code { font: 700 17pt ui-monospace, 'DejaVu Sans Mono', Consolas, monospace; letter-spacing: .04em; }
ol { margin: 0; padding-left: 7mm; }
li { margin-bottom: 1.5mm; }
.small { color: #556072; font-size: 10pt; }
@media screen { section { border-bottom: 1pt dashed #7a8699; } }
";

/// The beginning of a file of pages. HTML needs no end, so pages can be added one by one.
pub fn html_head(title: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"fr\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
         style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"robots\" content=\"noindex\">\n\
         <title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n",
        escape(title)
    )
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hostile() -> HandOut {
        let text = "<img src=x onerror=alert(1)>\"'&".to_owned();
        HandOut {
            name: text.clone(),
            address: text.clone(),
            academic_id: text.clone(),
            unit: text.clone(),
            unit_name: text.clone(),
            secret: "kf7mx-pdh3r-zwt6c".into(),
            expires: text,
        }
    }

    #[test]
    fn nothing_on_a_sheet_is_markup_and_nothing_is_fetched() {
        let page = html_head("<x>")
            + &hostile().section(&Origin::try_from("https://mail.ac.test".to_owned()).unwrap());
        assert!(!page.contains("<img") && !page.contains("<x>"), "{page}");
        assert_eq!(page.matches("&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;").count(), 7);
        for fetched in ["src=\"", "<link", "@import", "url(", "<script"] {
            assert!(!page.contains(fetched), "{fetched}");
        }
    }

    #[test]
    fn each_language_of_a_sheet_has_its_own_date() {
        let expires = "06/12/2026 à 01:58".to_owned();
        let page = HandOut { expires, ..hostile() }
            .section(&Origin::try_from("https://mail.ac.test".to_owned()).unwrap());
        let (french, english) = page.split_once("In English").unwrap();
        assert!(french.contains("jusqu’au 06/12/2026 à 01:58</span>"), "{french}");
        assert!(english.contains("until 06/12/2026, 01:58.</p>"), "{english}");
    }

    #[test]
    fn a_field_stays_one_field_and_is_no_formula() {
        assert_eq!(csv_field("a;\"b\""), "\"a;\"\"b\"\"\"");
        assert_eq!(csv_field("=HYPERLINK(1)"), "\"'=HYPERLINK(1)\"");
        assert_eq!(hostile().csv().matches("\r\n").count(), 1);
    }

    #[test]
    fn a_secret_is_not_in_what_is_logged() {
        assert!(!format!("{:?}", hostile()).contains("kf7mx"));
    }
}
