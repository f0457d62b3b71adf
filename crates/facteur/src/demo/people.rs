//! Who lives in the demo, and what mail they have.

use mail_types::Role;

/// Address, name, academic ID, unit, role, password.
pub(super) const PEOPLE: [(&str, &str, &str, &str, Role, &str); 5] = [
    ("marie.martin", "Marie Martin", "0000000101", "0750001A", Role::Agent, "violet-tableau-craie"),
    ("jean.dupont", "Jean Dupont", "0000000102", "0750001A", Role::Agent, "marron-cartable-gomme"),
    (
        "ce.0750001a",
        "Collège de démonstration",
        "0000000103",
        "0750001A",
        Role::Agent,
        "jaune-registre-cloche",
    ),
    (
        "referent.numerique",
        "Référent numérique",
        "0000000104",
        "0750001A",
        Role::ItOfficer,
        "orange-cable-serveur",
    ),
    (
        "informatique",
        "Service informatique",
        "0000000106",
        "0750001A",
        Role::Administrator,
        "vert-console-registre",
    ),
];
/// Somebody who has just come and has a sheet with a temporary secret.
pub(super) const NEWCOMER: (&str, &str, &str, &str) =
    ("nadia.benali", "Nadia", "Benali", "0000000105");
/// Their school: code, name, contact, IT officer.
pub(super) const UNIT: (&str, &str, &str, &str) =
    ("0750001A", "Collège de démonstration", "secrétariat, 01 99 00 00 01", "referent.numerique");
/// Varied mail, by recipient.
pub(super) const MAIL: [(&str, &str); 7] = [
    ("marie.martin", include_str!("../../demo-mail/bienvenue.eml")),
    ("marie.martin", include_str!("../../demo-mail/conseil.eml")),
    ("marie.martin", include_str!("../../demo-mail/sortie.eml")),
    ("marie.martin", include_str!("../../demo-mail/lettre.eml")),
    ("jean.dupont", include_str!("../../demo-mail/bienvenue.eml")),
    ("jean.dupont", include_str!("../../demo-mail/reponse.eml")),
    ("ce.0750001a", include_str!("../../demo-mail/conseil.eml")),
];
