//! Accounts from CSV files: idempotent, dry first, every refused line with its reason.

use std::time::Instant;

use crate::common::{PASSWORD, address, create, directory, hash, login, unit};
use directory::{AccountState, Directory, DirectoryError, ImportEvent, ImportMode, ImportReport};
use mail_types::Role;

const HEADER: &str = "address,name,academic_id,unit,role,quota,password\n";

async fn import(directory: &Directory, csv: &str, mode: ImportMode) -> ImportReport {
    directory.import(csv.as_bytes(), mode, None, |_| {}).await.unwrap()
}

async fn import_raw(directory: &Directory, csv: &str) -> Result<ImportReport, DirectoryError> {
    directory.import(csv.as_bytes(), ImportMode::Apply, None, |_| {}).await
}

async fn apply(directory: &Directory, csv: &str) -> ImportReport {
    import(directory, csv, ImportMode::Apply).await
}

fn counts(report: &ImportReport) -> (u64, u64, u64, usize) {
    (report.created, report.updated, report.unchanged, report.refused.len())
}

#[tokio::test]
async fn the_same_file_again_changes_nothing() {
    let (store, directory) = directory().await;
    let csv = format!(
        "{HEADER}marie@ac.test,Marie Martin,00000001,0750001A,it-officer,5G,\"{}\"\n\
         jean@ac.test,\"Petit, Jean\",00000002,,,,\n\
         chef@ac.test,Chef,00000003,,,unlimited,{PASSWORD}\n",
        hash()
    );
    let dry = import(&directory, &csv, ImportMode::DryRun).await;
    assert_eq!(counts(&dry), (3, 0, 0, 0), "{:?}", dry.refused);
    assert_eq!(directory.accounts(None, 10).await.unwrap().len(), 0);
    assert_eq!(counts(&apply(&directory, &csv).await), (3, 0, 0, 0));
    let syncs = store.syncs();
    assert_eq!(counts(&apply(&directory, &csv).await), (0, 0, 3, 0));
    assert_eq!(store.syncs(), syncs);

    let marie = directory.find("00000001").await.unwrap().unwrap();
    assert_eq!((marie.role, marie.quota_bytes), (Role::ItOfficer, Some(5 << 30)));
    assert_eq!(marie.units, [unit("0750001A")]);
    let jean = directory.find("jean@ac.test").await.unwrap().unwrap();
    assert_eq!((jean.name.as_str(), jean.state), ("Petit, Jean", AccountState::AwaitingFirstLogin));
    assert_eq!(directory.find("chef@ac.test").await.unwrap().unwrap().quota_bytes, None);
    assert_eq!(login(&directory, "marie@ac.test", PASSWORD).await, Some(marie.id));
    assert!(login(&directory, "chef@ac.test", PASSWORD).await.is_some());
}

#[tokio::test]
async fn changed_fields_are_updated_and_empty_ones_left() {
    let (_, directory) = directory().await;
    apply(&directory, &format!("{HEADER}marie@ac.test,Marie Martin,00000001,0750001a,agent,1G,\n"))
        .await;
    let changed = format!("{HEADER}durand@ac.test,Marie Durand,00000001,,it-officer,,\n");
    assert_eq!(counts(&import(&directory, &changed, ImportMode::DryRun).await), (0, 1, 0, 0));
    assert_eq!(counts(&apply(&directory, &changed).await), (0, 1, 0, 0));
    let marie = directory.find("00000001").await.unwrap().unwrap();
    assert_eq!(marie.name, "Marie Durand");
    assert_eq!(marie.primary_address, address("durand@ac.test"));
    assert_eq!(marie.aliases, [address("marie@ac.test")]);
    assert_eq!((&marie.units[..], marie.role), (&[unit("0750001A")][..], Role::ItOfficer));
    assert_eq!(marie.quota_bytes, Some(1 << 30));
    assert!(directory.verify().await.unwrap().is_clean());
}

#[tokio::test]
async fn an_old_file_does_not_bring_an_old_password_back() {
    let (_, directory) = directory().await;
    let csv = format!("{HEADER}marie@ac.test,Marie,00000001,,,,un premier mot de passe\n");
    apply(&directory, &csv).await;
    let marie = directory.find("00000001").await.unwrap().unwrap();
    let own = directory::NewPassword::Hash(hash());
    directory.set_password(marie.id, own).await.unwrap();
    assert_eq!(counts(&apply(&directory, &csv).await), (0, 0, 1, 0));
    assert!(login(&directory, "marie@ac.test", "un premier mot de passe").await.is_none());
    assert!(login(&directory, "marie@ac.test", PASSWORD).await.is_some());
}

#[tokio::test]
async fn every_refused_line_is_told_with_its_number_and_reason() {
    let (_, directory) = directory().await;
    create(&directory, "taken", 90).await;
    let deleted = create(&directory, "deleted", 91).await;
    directory.delete_account(deleted.id).await.unwrap();
    let lines = [
        ("good@ac.test,Good,00000001,,,,", ""),
        ("no address,X,00000002,,,,", "@"),
        ("a@example.org,X,00000003,,,,", "not hosted"),
        ("b@ac.test,,00000004,,,,", "name is empty"),
        ("c@ac.test,X,12AB,,,,", "4 to 16 digits"),
        ("d@ac.test,X,00000005,,chief,,", "unknown role"),
        ("e@ac.test,X,00000006,,,5 Go,", "not a quota"),
        ("f@ac.test,X,00000007,,,,short", "fewer than 12"),
        ("m@ac.test,Zora,00000014,,,,motdepasse2024", "many people have"),
        ("n@ac.test,X,00000015,0759999Z,,,", "no such unit: 0759999Z"),
        ("o@ac.test,X,00000016,../../etc,,,", "not the code of a unit"),
        ("p@ac.test,X,00000017,,,,{MD5}X03MO1qnZdYdgyfeuILPmQ==", "unknown kind"),
        ("g@ac.test,X,00000008,,,,$argon2i$v=19$m=1$a$b", "PHC"),
        ("taken@ac.test,X,00000009,,,,", "already taken"),
        ("deleted@ac.test,X,00000010,,,,", "already taken"),
        ("h@ac.test,X,00000091,,,,", "already taken"),
        ("good@ac.test,X,00000011,,,,", "stands in line 2"),
        ("i@ac.test,X,00000001,,,,", "stands in line 2"),
        ("k@ac.test", "4 to 16 digits"),
        ("l@ac.test,X,00000013,,,,$argon2id$v=19$m=19456,t=2,p=1$a$b", "in quotes"),
        ("last@ac.test,Last,00000012,,,,", ""),
    ];
    let csv: String = lines.iter().map(|(line, _)| format!("{line}\n")).collect();
    let csv = format!("{HEADER}{csv}");
    for mode in [ImportMode::DryRun, ImportMode::Apply] {
        let report = import(&directory, &csv, mode).await;
        assert_eq!(report.created, 2, "{:?}", report.refused);
        let mut refused = report.refused.iter();
        for (number, (line, reason)) in lines.iter().enumerate() {
            if !reason.is_empty() {
                let told = refused.next().unwrap();
                assert_eq!(told.line, number as u64 + 2, "{line}: {told:?}");
                assert!(told.reason.contains(reason), "{line}: {told:?}");
            }
        }
        assert_eq!(refused.next(), None);
    }
    assert!(directory.verify().await.unwrap().is_clean());
}

#[tokio::test]
async fn a_last_day_that_is_past_is_refused_dry_or_not_and_nothing_of_its_line_is_done() {
    // The dry run let it pass; then the name was changed and the line told as refused.
    let (_, directory) = directory().await;
    let marie = create(&directory, "marie", 1).await;
    let csv = "academic_id,address,name,leaves_on\n00000001,marie@ac.test,Marie,2020-08-31\n";
    for mode in [ImportMode::DryRun, ImportMode::Apply] {
        let report = import(&directory, csv, mode).await;
        assert_eq!(counts(&report), (0, 0, 0, 1));
        assert!(report.refused[0].reason.starts_with("the day must be to come"));
        assert_eq!(directory.account(marie.id).await.unwrap().unwrap().name, "marie");
    }
}

#[tokio::test]
async fn an_account_that_is_deleted_meanwhile_is_a_refused_line_and_not_the_end() {
    let (_, directory) = directory().await;
    let marie = create(&directory, "marie", 1).await;
    let paul = create(&directory, "paul", 2).await;
    let csv = "academic_id,address,name\n\
               00000003,zoe@ac.test,Zoé\n00000001,marie@ac.test,Marie\n00000002,paul@ac.test,Paul\n";
    // The sheet of the new account is told between the look at the lines and the updates.
    let meanwhile = |event| {
        let ImportEvent::Sheet(_) = event else { return };
        let (directory, id) = (directory.clone(), marie.id);
        let deletion = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(directory.delete_account(id)).unwrap();
        });
        deletion.join().unwrap();
    };
    let report =
        directory.import(csv.as_bytes(), ImportMode::Apply, None, meanwhile).await.unwrap();
    assert_eq!(counts(&report), (1, 1, 0, 1), "{:?}", report.refused);
    assert_eq!((report.refused[0].line, marie.id.0), (3, 1));
    assert!(report.refused[0].reason.contains("no such account"), "{:?}", report.refused);
    assert_eq!(directory.account(paul.id).await.unwrap().unwrap().name, "Paul");
}

#[tokio::test]
async fn a_spreadsheet_in_french_is_read_too() {
    // A byte order mark, semicolons, CRLF, columns in another order, some left out.
    let (_, directory) = directory().await;
    let csv = "\u{feff}academic_id;Address;name\r\n00000001;marie@ac.test; Marie, née Martin \r\n";
    assert_eq!(counts(&apply(&directory, csv).await), (1, 0, 0, 0));
    let marie = directory.find("00000001").await.unwrap().unwrap();
    assert_eq!(marie.name, "Marie, née Martin");
}

#[tokio::test]
async fn a_line_that_is_not_utf_8_is_refused_alone() {
    let (_, directory) = directory().await;
    let mut csv = b"address,name,academic_id\n".to_vec();
    csv.extend_from_slice(b"a@ac.test,Ren\xe9,00000001\nb@ac.test,Zo\xc3\xab,00000002\n");
    let report = directory.import(&csv[..], ImportMode::Apply, None, |_| {}).await.unwrap();
    assert_eq!(counts(&report), (1, 0, 0, 1));
    assert_eq!((report.refused[0].line, report.refused[0].reason.as_str()), (2, "it is not UTF-8"));
}

#[tokio::test]
async fn what_is_no_such_file_is_refused_as_a_whole() {
    let (_, directory) = directory().await;
    for (csv, reason) in [
        ("", "no column address"),
        ("address,name\n", "no column academic_id"),
        ("given_name,academic_id\n", "no column address"),
        ("given_name,birth_name\n", "no column academic_id"),
        ("address,name,academic_id,birthday\n", "unknown column \"birthday\""),
        ("address,name,academic_id,name\n", "two columns"),
    ] {
        let error = import_raw(&directory, csv).await.unwrap_err();
        assert!(matches!(error, DirectoryError::Invalid(_)));
        assert!(error.to_string().contains(reason), "{csv:?}: {error}");
    }
}

#[tokio::test]
async fn ten_thousand_hashed_accounts_share_their_commits() {
    let (store, directory) = directory().await;
    let hash = hash();
    let mut csv = HEADER.to_owned();
    for number in 0..10_000 {
        csv += &format!("agent{number}@ac.test,Agent {number},{number:08},0750001A,,,\"{hash}\"\n");
    }
    let (start, syncs) = (Instant::now(), store.syncs());
    let mut told = Vec::new();
    let tell = |event| {
        if let ImportEvent::Lines(done) = event {
            told.push(done);
        }
    };
    let report = directory.import(csv.as_bytes(), ImportMode::Apply, None, tell).await.unwrap();
    eprintln!("10,000 accounts: {:?}, {} syncs", start.elapsed(), store.syncs() - syncs);
    assert_eq!(counts(&report), (10_000, 0, 0, 0));
    assert_eq!(told.last(), Some(&10_000));
    assert!(store.syncs() - syncs < 2_000, "one commit per slice and page, not per account");
    let start = Instant::now();
    assert_eq!(counts(&apply(&directory, &csv).await), (0, 0, 10_000, 0));
    eprintln!("again, unchanged: {:?}", start.elapsed());
    let moved = csv.replace("0750001A", "0750002B");
    let (start, syncs) = (Instant::now(), store.syncs());
    assert_eq!(counts(&apply(&directory, &moved).await), (0, 10_000, 0, 0));
    eprintln!("moved: {:?}, {} syncs", start.elapsed(), store.syncs() - syncs);
    assert!(login(&directory, "agent9999@ac.test", PASSWORD).await.is_some());
}

#[tokio::test]
async fn an_import_runs_on_any_thread() {
    let (_, directory) = directory().await;
    let task = tokio::spawn(async move {
        let csv = "address,name,academic_id\nmarie@ac.test,Marie,00000001\n";
        import_raw(&directory, csv).await.unwrap().created
    });
    assert_eq!(task.await.unwrap(), 1);
}
