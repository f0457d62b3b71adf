//! The accounts of the tests.

use directory::{Directory, DomainKind, NewAccount, NewPassword};
use mail_types::{AccountId, Role};

/// Adds `marie`, `jean` and `full` (who has room for next to nothing) to `ac.test`; Marie reads
/// what the postmaster gets.
pub(crate) async fn add(directory: &Directory) -> Vec<(String, AccountId)> {
    directory.create_domain(&"ac.test".parse().unwrap(), DomainKind::Hosted).await.unwrap();
    let mut accounts = Vec::new();
    for (number, name) in ["marie", "jean", "full"].into_iter().enumerate() {
        let address = |local: &str| format!("{local}@ac.test").parse().unwrap();
        let account = directory
            .create_account(NewAccount {
                primary_address: address(name),
                name: name.to_owned(),
                person: directory::Person::default(),
                academic_id: format!("{:06}", number + 1).parse().unwrap(),
                units: Vec::new(),
                role: Role::Agent,
                quota_bytes: (name == "full").then_some(100),
                password: Some(NewPassword::Hash(
                    directory::hash_password(&format!("secret-of-{name}").as_str().into()).unwrap(),
                )),
            })
            .await
            .unwrap();
        if name == "marie" {
            directory.add_alias(account.id, &address("postmaster")).await.unwrap();
        }
        accounts.push((name.to_owned(), account.id));
    }
    accounts
}
