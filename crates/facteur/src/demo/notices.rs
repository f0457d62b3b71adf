//! What the demo's public pages say.

use webmail::{Conformity, Notices};

use super::DOMAIN;

/// The names of an authority that does not exist.
pub(super) fn of_nobody() -> Notices {
    let some = |text: &str| Some(text.to_owned());
    Notices {
        publisher: some("Académie de démonstration, 1 rue de l’Exemple, 00000 Exemple"),
        director: some("Camille Exemple, recteur"),
        host: some("Académie de démonstration, direction des systèmes d’information"),
        support: some("01 99 00 00 00, du lundi au vendredi de 8 h à 18 h"),
        data_protection_officer: Some(format!("dpd@{DOMAIN}")),
        accessibility_contact: Some(format!("accessibilite@{DOMAIN}")),
        accessibility_audit: some("exemple, 82 % des critères respectés"),
        accessibility: Conformity::Partial,
    }
}
