//! Schools and services: made, changed, imported, and left behind by nobody.

use crate::common::{after_crash, create, directory, unit};
use directory::{AccountUpdate, Directory, DirectoryError, ImportMode, Unit, UnitUpdate};

async fn import(directory: &Directory, csv: &str, mode: ImportMode) -> directory::ImportReport {
    directory.import_units(csv.as_bytes(), mode).await.unwrap()
}

#[tokio::test]
async fn a_unit_survives_a_crash_with_all_it_says() {
    let (store, directory) = directory().await;
    let officer = create(&directory, "referent", 1).await;
    let update = UnitUpdate {
        officers: Some(vec![officer.id]),
        contact: Some("bureau 12".into()),
        ..UnitUpdate::default()
    };
    directory.update_unit(&unit("0750001a"), update).await.unwrap();
    let (_, again) = after_crash(&store).await;
    let found = again.unit(&unit("0750001A")).unwrap();
    assert_eq!((found.name.as_str(), found.contact.as_str()), ("Collège Victor-Hugo", "bureau 12"));
    assert_eq!(found.officers, [officer.id]);
    let of_officer: Vec<_> =
        again.units_of_officer(officer.id).iter().map(|u| u.code.clone()).collect();
    assert_eq!(of_officer, [unit("0750001A")]);
    assert_eq!(again.units().len(), 2);
}

#[tokio::test]
async fn what_cannot_be_a_unit_is_refused_with_its_reason() {
    let (_, directory) = directory().await;
    let new = |code: &str, name: &str| Unit {
        code: unit(code),
        name: name.into(),
        officers: Vec::new(),
        contact: String::new(),
    };
    for (wrong, reason) in [
        (new("0750001A", "encore"), "already taken"),
        (new("0750003C", " "), "name is empty"),
        (new("0750003C", "a\r\nb"), "control character"),
        (new("0750003C", &"x".repeat(300)), "longer than"),
        (
            Unit { officers: vec![mail_types::AccountId(99)], ..new("0750003C", "x") },
            "no such account",
        ),
    ] {
        let error = directory.create_unit(wrong).await.unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
    }
    let missing = directory.update_unit(&unit("0759999Z"), UnitUpdate::default()).await;
    assert!(matches!(missing, Err(DirectoryError::NotFound { .. })));
}

#[tokio::test]
async fn a_unit_is_deleted_when_nobody_belongs_to_it_any_more() {
    let (_, directory) = directory().await;
    let marie = create(&directory, "marie", 1).await;
    let left = create(&directory, "left", 2).await;
    directory.delete_account(left.id).await.unwrap();
    let code = unit("0750001A");
    let error = directory.delete_unit(&code).await.unwrap_err();
    assert!(error.to_string().starts_with("1 accounts belong"), "{error}");
    let elsewhere =
        AccountUpdate { units: Some(vec![unit("0750002B")]), ..AccountUpdate::default() };
    directory.update_account(marie.id, elsewhere).await.unwrap();
    directory.delete_unit(&code).await.unwrap();
    assert_eq!(directory.unit(&code), None);
    assert!(directory.delete_unit(&code).await.is_err());
}

#[tokio::test]
async fn a_file_of_units_has_an_end_however_short_its_lines_are() {
    let (_, directory) = directory().await;
    let csv = format!("code\n{}", "1\n".repeat(200_001));
    let error = directory.import_units(csv.as_bytes(), ImportMode::DryRun).await.unwrap_err();
    assert_eq!(error.to_string(), "more than 200000 lines");
}

#[tokio::test]
async fn units_come_from_a_file_again_and_again() {
    let (store, directory) = directory().await;
    let officer = create(&directory, "referent", 7).await;
    let csv = "\u{feff}UAI;Nom;contact;responsables\r\n\
               0750003c;Lycée Pasteur;01 99 00 00 03;referent@ac.test\r\n\
               0750002B;;;00000007\r\n\
               0750004D;;;\r\n\
               ../x;Y;;\r\n\
               0750005E;Y;;nobody@ac.test\r\n\
               0750003C;Encore;;\r\n\
               0750001A;Collège Victor-Hugo;;\r\n";
    let syncs = store.syncs();
    let dry = import(&directory, csv, ImportMode::DryRun).await;
    assert_eq!((dry.created, dry.updated, dry.unchanged), (1, 1, 1));
    assert_eq!((store.syncs(), directory.units().len()), (syncs, 2));
    let report = import(&directory, csv, ImportMode::Apply).await;
    assert_eq!(report, dry);
    let told: Vec<_> =
        report.refused.iter().map(|refused| (refused.line, refused.reason.as_str())).collect();
    assert_eq!(told[0], (4, "the name is empty"));
    assert!(told[1].0 == 5 && told[1].1.contains("not the code of a unit"), "{told:?}");
    assert_eq!(told[2], (6, "no such account: nobody@ac.test"));
    assert_eq!(told[3], (7, "the same code stands in line 2"));
    let pasteur = directory.unit(&unit("0750003C")).unwrap();
    assert_eq!(
        (pasteur.name.as_str(), &pasteur.officers[..]),
        ("Lycée Pasteur", &[officer.id][..])
    );
    assert_eq!(directory.unit(&unit("0750002B")).unwrap().name, "École du Parc");
    assert_eq!(directory.units_of_officer(officer.id).len(), 2);
    let again = import(&directory, csv, ImportMode::Apply).await;
    assert_eq!((again.created, again.updated, again.unchanged), (0, 0, 3));
    let error = directory.import_units(&b"nom\nx\n"[..], ImportMode::Apply).await.unwrap_err();
    assert_eq!(error.to_string(), "there is no column code");
}
