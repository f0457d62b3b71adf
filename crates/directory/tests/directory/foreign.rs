//! Password hashes of other systems: taken at the import, replaced at the first right login.

use crate::common::{PASSWORD, directory, directory_with, login, unlimited};
use directory::{Directory, ImportMode, Settings};
use mail_store::tables::directory::{Password, account_slice};

/// Made by programs that are not ours, for [`PASSWORD`].
const FOREIGN: [&str; 3] = [
    "{SSHA}SI/9Yw6SNXG6eFpX4ynGmxb4FPIHWcDz7lmT+A==",
    "{CRYPT}$6$tbcZdERQAjXgafbX$oBwX.dcGRkaMqLJ.s1s.b/43Yg5gls8IBNUm3UK0Pcawnbu65zCErL3BFC1iCgmVbcwA5\
     uLewZ07eZUww3.bv0",
    "$2y$05$abcdefghijklmnopqrstuuf8DKrgEtbDb5Mpg7BWBSmVb7ekeOFxG",
];

async fn import(directory: &Directory) {
    let mut csv = String::from("address,name,academic_id,password\n");
    for (number, hash) in FOREIGN.iter().enumerate() {
        csv += &format!("agent{number}@ac.test,Agent,{number:08},{hash}\n");
    }
    let report = directory.import(csv.as_bytes(), ImportMode::Apply, None, |_| {}).await.unwrap();
    assert_eq!((report.created, report.refused.len()), (3, 0), "{:?}", report.refused);
}

#[tokio::test]
async fn the_first_right_login_replaces_a_foreign_hash() {
    let (store, directory) =
        directory_with(Settings { verified_seconds_max: 0, ..unlimited() }).await;
    import(&directory).await;
    for (number, foreign) in FOREIGN.into_iter().enumerate() {
        let name = format!("agent{number}@ac.test");
        let id = directory.find(&name).await.unwrap().unwrap().id;
        let stored = async || {
            let row = store.get::<Password>(account_slice(id), &id.0).await.unwrap().unwrap();
            row.phc
        };
        let before = directory.version_of(&name).await;
        assert_eq!(stored().await, foreign);
        assert_eq!(login(&directory, &name, "une phrase trop longue").await, None);
        let hashes = directory.password_hashes();
        assert!(login(&directory, &name, PASSWORD).await.is_some(), "{name}");
        assert_eq!(directory.password_hashes() - hashes, 1, "one Argon2, stored from now on");
        assert!(stored().await.starts_with("$argon2id$"));
        assert!(login(&directory, &name, PASSWORD).await.is_some(), "{name} again");
        assert_eq!(login(&directory, &name, "une phrase trop longue").await, None);
        assert_eq!(directory.version_of(&name).await, before, "sessions go on");
    }
}

#[tokio::test]
async fn a_wrong_password_costs_one_argon2_whatever_the_hash_is() {
    let (_, directory) = directory().await;
    import(&directory).await;
    for name in ["agent0@ac.test", "agent1@ac.test", "agent2@ac.test", "nobody@ac.test"] {
        let long = "k".repeat(1024);
        for wrong in ["une phrase trop longue", long.as_str()] {
            let hashes = directory.password_hashes();
            assert_eq!(login(&directory, name, wrong).await, None);
            assert_eq!(directory.password_hashes() - hashes, 1, "{name}");
        }
    }
}

/// The credentials' version of an account.
trait Versions {
    async fn version_of(&self, name: &str) -> u64;
}

impl Versions for Directory {
    async fn version_of(&self, name: &str) -> u64 {
        self.find(name).await.unwrap().unwrap().credential_version
    }
}
