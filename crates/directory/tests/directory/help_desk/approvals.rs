//! Who may help whom, as it is stored when the help is given; and that somebody privileged takes two.

use std::sync::atomic::Ordering;

use super::{OTHER_SCHOOL, bench, browser};
use crate::common::{self, new};
use directory::{Account, AccountUpdate, Approval, CodeVerdict, DirectoryError, ResetClaim};
use mail_types::{AccountId, Role};

#[tokio::test]
async fn somebody_privileged_needs_two_administrators_who_are_two() {
    let bench = bench().await;
    let create = async |local: &str, number| {
        let mut account = new(local, number);
        account.role = Role::Administrator;
        bench.directory.create_account(account).await.unwrap()
    };
    let boss = bench.directory.account(AccountId(5)).await.unwrap().unwrap();
    let (anne, bruno) = (create("anne", 6).await, create("bruno", 7).await);
    let target = bench.officer.id;
    let approve = async |who: &Account| {
        let asked = browser();
        bench
            .directory
            .issue_activation_code(who, target, "rappelé au 01 99 00 00 00", &asked)
            .await
    };
    assert!(matches!(approve(&bench.other_officer).await, Err(DirectoryError::NotFound { .. })));
    assert!(matches!(approve(&anne).await.unwrap(), Approval::First));
    assert!(matches!(approve(&anne).await, Err(DirectoryError::Invalid(_))), "twice the same");
    // The first one loses the role: what they said counts no more.
    let demoted = AccountUpdate { role: Some(Role::Agent), ..AccountUpdate::default() };
    bench.directory.update_account(anne.id, demoted).await.unwrap();
    assert!(matches!(approve(&bruno).await.unwrap(), Approval::First));
    bench.time.fetch_add(24 * 3600, Ordering::Relaxed);
    assert!(matches!(approve(&boss).await.unwrap(), Approval::First), "a day old");
    // Two at once are two: one of them gets the code.
    let (one, two) = tokio::join!(approve(&bruno), approve(&bruno));
    let codes: Vec<_> = [one, two]
        .into_iter()
        .filter_map(|approval| match approval {
            Ok(Approval::Code(code)) => Some(code.expose().clone()),
            _ => None,
        })
        .collect();
    assert_eq!(codes.len(), 1);
    let claim = ResetClaim {
        name: "Réfé Rent".into(),
        academic_id: "00000003".into(),
        ..ResetClaim::default()
    };
    let (ticket, _) = bench.directory.ask_reset(&claim, &browser()).await.unwrap();
    bench.directory.decide_reset(&claim, &ticket, &browser()).await.unwrap();
    assert_eq!(bench.use_code(&ticket, &codes[0]).await, CodeVerdict::Right);
    // What is known of it, for who helps.
    bench.ask().await;
    let known = bench.directory.lost_password(&boss, bench.marie).await.unwrap();
    assert!(known.asked.is_some() && known.approved_by.is_none());
    // The later of the two at once is the first for the next code.
    let known = bench.directory.lost_password(&boss, target).await.unwrap();
    assert_eq!(known.approved_by, Some(bruno.id));
    assert!(bench.directory.lost_password(&bench.other_officer, target).await.is_err());
    // Somebody who leaves no longer administers, and what they said counts no more.
    let day = Some("2099-08-31".parse().unwrap());
    bench.directory.set_leaving(bruno.id, day).await.unwrap();
    let leaving = bench.directory.account(bruno.id).await.unwrap().unwrap();
    assert!(matches!(approve(&leaving).await, Err(DirectoryError::NotFound { .. })));
    assert!(bench.directory.find_helped(&leaving, "martin").await.unwrap().is_empty());
    assert!(matches!(approve(&boss).await.unwrap(), Approval::First));
    // An agent takes one.
    let asked = browser();
    let agent = bench.directory.issue_activation_code(&boss, bench.marie, "vue", &asked).await;
    assert!(matches!(agent.unwrap(), Approval::Code(_)));
    let own = bench.directory.issue_activation_code(&boss, boss.id, "moi", &asked).await;
    assert!(matches!(own, Err(DirectoryError::NotFound { .. })), "nobody helps themselves");
}

#[tokio::test]
async fn what_an_officer_may_is_what_is_stored_and_not_what_their_page_was_built_on() {
    // The page was open when the role, the school or the account went away.
    let bench = bench().await;
    let (directory, asked) = (&bench.directory, browser());
    let boss = directory.account(AccountId(5)).await.unwrap().unwrap();
    let last_day = Some("2099-08-31".parse().unwrap());
    directory.set_leaving(boss.id, last_day).await.unwrap();
    let demoted = AccountUpdate { role: Some(Role::Agent), ..AccountUpdate::default() };
    directory.update_account(bench.officer.id, demoted).await.unwrap();
    directory.set_state(bench.other_officer.id, directory::AccountState::Suspended).await.unwrap();
    let moved =
        AccountUpdate { units: Some(vec![common::unit(OTHER_SCHOOL)]), ..AccountUpdate::default() };
    for (helper, why) in
        [(&boss, "leaves"), (&bench.officer, "no officer"), (&bench.other_officer, "suspended")]
    {
        if helper.id == bench.other_officer.id {
            directory.update_account(bench.marie, moved.clone()).await.unwrap();
        }
        let issued = directory.issue_activation_code(helper, bench.marie, "x", &asked).await;
        assert!(matches!(issued, Err(DirectoryError::NotFound { .. })), "{why}: {issued:?}");
        let refused = directory.refuse_reset(helper, bench.marie, "x", &asked).await;
        assert!(matches!(refused, Err(DirectoryError::NotFound { .. })), "{why}: {refused:?}");
        let unlocked = directory.unlock_reset(helper, bench.marie, "x", &asked).await;
        assert!(matches!(unlocked, Err(DirectoryError::NotFound { .. })), "{why}: {unlocked:?}");
        let shown = directory.note_lookup(helper, bench.marie, &asked).await;
        assert!(matches!(shown, Err(DirectoryError::NotFound { .. })), "{why}: {shown:?}");
    }
}
