//! The day's wait: who gets it, what ends it, and what follows it.

use std::sync::atomic::Ordering;

use directory::{
    AccountUpdate, Act, LetterKind, Person, Requester, ResetClaim, ResetMode, ResetOutcome,
    Service, TotpSecret, UnitUpdate,
};
use mail_types::AccountId;

use crate::common::{self, address, after_crash, login, new};
use crate::identity::bench::*;

#[tokio::test]
async fn a_day_after_the_form_and_with_the_form_again_a_new_password_is_chosen() {
    let bench = bench().await;
    let first = bench.ask().await;
    assert_eq!(bench.mode().await, Some(ResetMode::Identity));
    assert_eq!(bench.letters(LetterKind::IdentityBegun).await.0, ["marie@ac.test"]);
    assert!(!bench.go_on(&first).await, "not at once");
    bench.pass(DAY - 60);
    let early = bench.ask().await;
    assert!(!bench.go_on(&early).await, "a day whole");
    assert!(bench.letters(LetterKind::IdentityBegun).await.0.is_empty(), "one wait, one notice");
    bench.pass(60);
    assert!(!bench.go_on(&first).await, "a ticket ends, and another browser asked since");
    let second = bench.ask().await;
    assert!(!bench.finish(&second).await, "not before it was asked whether the wait is over");
    assert!(bench.go_on(&second).await);
    assert!(!bench.go_on(&second).await, "once");
    assert!(bench.finish(&second).await);
    assert!(bench.enters(Service::Webmail).await);
    assert!(!bench.enters(Service::Imap).await, "a mail program would take old mail for deleted");
    assert_eq!(bench.letters(LetterKind::OfficerReset).await.0, ["officer@ac.test"]);
    let overview = bench.directory.security_overview(bench.marie).await.unwrap();
    assert_eq!(overview.hold_until, Some(common::START + DAY + 72 * HOUR));
    let account = bench.directory.account(bench.marie).await.unwrap().unwrap();
    assert_eq!(account.mail_locked_before, Some(common::START + DAY), "old mail is closed");
    let done = bench.lines(Act::ResetDone).await;
    assert_eq!(done.first().and_then(|line| line.mode), Some(ResetMode::Identity));
    assert!(!bench.finish(&second).await);
    assert_eq!(bench.directory.verify_audit().await.unwrap().fault_count, 0);
}

#[tokio::test]
async fn an_officer_who_has_made_sure_opens_what_was_closed() {
    let bench = bench().await;
    bench.ask().await;
    bench.pass(DAY);
    let ticket = bench.ask().await;
    assert!(bench.go_on(&ticket).await && bench.finish(&ticket).await);
    let officer = bench.directory.account(AccountId(3)).await.unwrap().unwrap();
    let home = from("10.1.2.3");
    let empty = bench.directory.unlock_reset(&officer, bench.marie, " ", &home).await;
    assert!(empty.is_err(), "a reason is needed");
    let other = bench.directory.account(AccountId(2)).await.unwrap().unwrap();
    assert!(bench.directory.unlock_reset(&other, bench.marie, "x", &home).await.is_err());
    bench.directory.unlock_reset(&officer, bench.marie, "vue en personne", &home).await.unwrap();
    let account = bench.directory.account(bench.marie).await.unwrap().unwrap();
    assert_eq!(account.mail_locked_before, None);
    assert!(bench.enters(Service::Imap).await);
    let lines = bench.lines(Act::Unlocked).await;
    assert_eq!(lines.first().and_then(|line| line.officer), Some(officer.id.0));
}

#[tokio::test]
async fn a_later_code_by_mail_does_not_open_what_an_officer_has_not() {
    // Whoever came in by identity alone names an address of their own after the hold, loses the
    // password once more, and would read everything that came before.
    let bench = bench().await;
    bench.ask().await;
    bench.pass(DAY);
    let ticket = bench.ask().await;
    assert!(bench.go_on(&ticket).await && bench.finish(&ticket).await);
    let closed = Some(common::START + DAY);
    bench.pass(4 * DAY);
    let (directory, home) = (&bench.directory, from("10.1.2.3"));
    let own = address("voleur@ailleurs.example");
    let number = directory.add_recovery_address(bench.marie, &own, &home).await.unwrap();
    let code = bench.letters(LetterKind::RecoveryCode).await.1.unwrap();
    directory.prove_recovery_address(bench.marie, number, &code, &home).await.unwrap();
    bench.pass(DAY);
    let ticket = bench.ask().await;
    let code = bench.letters(LetterKind::ResetCode).await.1.unwrap();
    let verdict = directory.try_reset_code(&ticket, &code, &home).await.unwrap();
    assert_eq!(verdict, directory::CodeVerdict::Right);
    assert!(bench.finish(&ticket).await);
    let locked = async || directory.account(bench.marie).await.unwrap().unwrap().mail_locked_before;
    assert_eq!(locked().await, closed, "still closed");
    // An officer's code opens it: somebody has seen the person.
    let officer = directory.account(AccountId(3)).await.unwrap().unwrap();
    let issued = directory.issue_activation_code(&officer, bench.marie, "vue", &home).await;
    let directory::Approval::Code(code) = issued.unwrap() else { panic!("an agent takes one") };
    let ticket = bench.ask().await;
    let verdict = directory.try_reset_code(&ticket, code.expose(), &home).await.unwrap();
    assert_eq!(verdict, directory::CodeVerdict::Right);
    assert!(bench.finish(&ticket).await);
    assert_eq!(locked().await, None);
}

#[tokio::test]
async fn for_three_days_fifty_recipients_a_day_and_nothing_that_lets_a_thief_stay() {
    let bench = bench().await;
    let send = async |count| bench.directory.charge_recipients(bench.marie, count).await.is_ok();
    assert!(send(1000).await, "not before");
    bench.ask().await;
    bench.pass(DAY);
    let ticket = bench.ask().await;
    assert!(bench.go_on(&ticket).await && bench.finish(&ticket).await);
    let syncs = bench.store.syncs();
    assert!(send(49).await);
    assert_eq!(bench.store.syncs() - syncs, 1, "counted over restarts");
    assert!(!send(2).await, "one too many");
    assert!(send(1).await, "what was refused is not counted");
    assert!(!send(1).await);
    bench.pass(DAY);
    assert!(send(50).await);
    let home = from("10.1.2.3");
    let device = bench.directory.add_app_password(bench.marie, "Téléphone", &home).await;
    assert!(matches!(device, Err(directory::DirectoryError::OnHold { .. })));
    let secret = TotpSecret::generate();
    let code = secret.code_at(bench.time.load(Ordering::Relaxed));
    let factor = bench.directory.turn_totp_on(bench.marie, &secret, &code, &home).await;
    assert!(matches!(factor, Err(directory::DirectoryError::OnHold { .. })));
    bench.pass(2 * DAY);
    let syncs = bench.store.syncs();
    assert!(send(1000).await, "over");
    assert_eq!(bench.store.syncs(), syncs, "and costs nothing");
}

#[tokio::test]
async fn it_is_only_where_two_opened_it_from_the_academy_and_for_whom_nothing_else_protects() {
    let bench = bench().await;
    let asked_from = async |peer: &str, claim: ResetClaim| {
        bench.pass(DAY * 3);
        bench.ask_as(&claim, peer).await.unwrap();
        bench.mode().await
    };
    let marie = || claim("marie", 1, Some(BORN));
    let (by_officer, alone) = (Some(ResetMode::Approval), Some(ResetMode::Identity));
    assert_eq!(asked_from("192.0.2.1", marie()).await, by_officer, "from elsewhere");
    assert_eq!(asked_from("10.1.2.3", claim("marie", 1, None)).await, by_officer, "no date typed");
    let paul = claim("paul", 2, Some(BORN));
    assert_eq!(asked_from("10.1.2.3", paul).await, by_officer, "no date known");
    for (name, id) in [("officer", 3), ("anne", 4)] {
        let privileged = claim(name, id, Some(BORN));
        assert_eq!(asked_from("10.1.2.3", privileged).await, by_officer, "{name}");
    }
    let move_to = async |units: [&str; 2]| {
        let units = Some(units.map(common::unit).to_vec());
        let update = AccountUpdate { units, ..AccountUpdate::default() };
        bench.directory.update_account(bench.marie, update).await.unwrap();
    };
    move_to(["0750002B", SCHOOL]).await;
    assert_eq!(asked_from("10.1.2.3", marie()).await, by_officer, "one's own unit decides");
    move_to([SCHOOL, "0750002B"]).await;
    let peer = "10.1.2.3".parse().unwrap();
    let phone = bench.directory.list_connection(bench.marie, Service::Imap, peer, None);
    assert_eq!(asked_from("10.1.2.3", marie()).await, by_officer, "somebody reads mail");
    drop(phone);
    assert_eq!(asked_from("10.1.2.3", marie()).await, alone);
    let officers = |ids| UnitUpdate { officers: Some(ids), ..UnitUpdate::default() };
    let other = common::unit("0750002B");
    bench.directory.update_unit(&other, officers(vec![bench.marie])).await.unwrap();
    assert_eq!(asked_from("10.1.2.3", marie()).await, by_officer, "helps others");
    bench.directory.update_unit(&other, officers(Vec::new())).await.unwrap();
    let secret = TotpSecret::generate();
    let code = secret.code_at(bench.time.load(Ordering::Relaxed));
    let home = from("10.1.2.3");
    bench.directory.turn_totp_on(bench.marie, &secret, &code, &home).await.unwrap();
    assert_eq!(asked_from("10.1.2.3", marie()).await, by_officer, "a second factor");
    assert_eq!(bench.directory.identity_guard().closed, None, "none of these is a guess");
}

#[tokio::test]
async fn networks_that_a_reload_takes_away_close_it_for_who_waits_too() {
    let bench = bench().await;
    bench.ask().await;
    bench.directory.reload(&common::unlimited());
    bench.pass(DAY);
    let ticket = bench.ask().await;
    assert!(!bench.go_on(&ticket).await, "from nowhere any more");
    bench.directory.reload(&settings());
    let ticket = bench.ask().await;
    assert!(bench.go_on(&ticket).await);
}

#[tokio::test]
async fn a_recovery_address_comes_first() {
    let bench = bench().await;
    let private = address("marie@ailleurs.example");
    let home = from("10.1.2.3");
    let number = bench.directory.add_recovery_address(bench.marie, &private, &home).await.unwrap();
    let code = bench.letters(LetterKind::RecoveryCode).await.1.unwrap();
    bench.directory.prove_recovery_address(bench.marie, number, &code, &home).await.unwrap();
    let ticket = bench.ask().await;
    assert_eq!(bench.mode().await, Some(ResetMode::Code));
    bench.pass(DAY);
    assert!(!bench.go_on(&ticket).await);
}

#[tokio::test]
async fn the_owner_stops_it_by_any_login_or_by_the_link_in_the_notice() {
    for by in ["password", "webmail", "app password", "link"] {
        let bench = bench().await;
        let home = from("192.0.2.1");
        let phone = bench.directory.add_app_password(bench.marie, "Téléphone", &home);
        let phone = phone.await.unwrap();
        bench.ask().await;
        let (_, link) = bench.letters(LetterKind::IdentityBegun).await;
        let link = link.expect("a link");
        bench.pass(DAY);
        let ticket = bench.ask().await;
        assert!(bench.go_on(&ticket).await, "{by}: the wait is over");
        let peer = "192.0.2.1".parse().unwrap();
        match by {
            "password" => {
                assert!(login(&bench.directory, "marie@ac.test", common::PASSWORD).await.is_some());
            }
            "webmail" => {
                let service = Service::Webmail;
                let password = common::PASSWORD.into();
                bench.directory.authenticate("00000001", &password, service, peer).await.unwrap();
            }
            "app password" => {
                assert!(login(&bench.directory, "00000001", phone.expose()).await.is_some());
            }
            _ => {
                assert!(!bench.directory.cancel_identity_reset("x", &home).await.unwrap());
                assert!(bench.directory.is_cancel_token(&link));
                assert!(bench.directory.cancel_identity_reset(&link, &home).await.unwrap());
                assert!(!bench.directory.cancel_identity_reset(&link, &home).await.unwrap());
            }
        }
        assert!(!bench.finish(&ticket).await, "{by}");
        bench.pass(HOUR);
        let again = bench.ask().await;
        assert!(!bench.go_on(&again).await, "{by}: a new wait begins");
        let stopped = bench.lines(Act::ResetStopped).await;
        let how = if by == "link" { "notice" } else { "login" };
        assert_eq!(stopped.first().map(|line| line.reason.as_str()), Some(how), "{by}");
        if by == "link" {
            assert!(!bench.directory.cancel_identity_reset(&link, &home).await.unwrap(), "its own");
        }
    }
}

#[tokio::test]
async fn an_officer_refuses_it_and_an_administrator_closes_it_up_to_the_last_moment() {
    let bench = bench().await;
    let officer = bench.directory.account(AccountId(3)).await.unwrap().unwrap();
    bench.ask().await;
    assert_eq!(bench.letters(LetterKind::OfficerIdentityBegun).await.0, ["officer@ac.test"]);
    let waiting = bench.directory.waiting_requests(&officer).await.unwrap();
    let from_when = waiting.first().and_then(|one| one.identity_from);
    assert_eq!(from_when, Some(common::START + DAY));
    let reason = "inconnue au collège";
    bench.directory.refuse_reset(&officer, bench.marie, reason, &from("10.1.2.3")).await.unwrap();
    bench.pass(DAY);
    let ticket = bench.ask().await;
    assert!(!bench.go_on(&ticket).await, "refused: this was a new request");
    bench.pass(DAY);
    let ticket = bench.ask().await;
    assert!(bench.go_on(&ticket).await);
    let (school, asked) = (common::unit(SCHOOL), Requester::console());
    bench.directory.close_identity_reset(&bench.anne, &school, "", &asked).await.unwrap();
    assert!(!bench.finish(&ticket).await, "closed between the proof and the password");
    // Open again, what had waited before the break waits no longer.
    let bruno = bench.directory.account(AccountId(5)).await.unwrap().unwrap();
    bench.pass(60);
    bench.open(&bruno).await;
    assert!(!bench.finish(&ticket).await);
    let ticket = bench.ask().await;
    assert!(!bench.go_on(&ticket).await, "a new wait");
    // Nor after everything was closed; a renewal is no break.
    bench.pass(DAY);
    bench.open(&bruno).await;
    let directory = &bench.directory;
    let ticket = bench.ask().await;
    assert!(bench.go_on(&ticket).await, "over the renewal");
    directory.close_identity_everywhere(&bench.anne, "essais", &asked).await.unwrap();
    bench.pass(60);
    directory.reopen_identity_everywhere(&bench.anne, "vu", &asked).await.unwrap();
    assert!(!bench.finish(&ticket).await);
    assert!(login(&bench.directory, "00000001", common::PASSWORD).await.is_some());
}

#[tokio::test]
async fn homonyms_are_told_apart_and_a_wrong_date_counts_against_the_one_who_was_named() {
    let bench = bench().await;
    let mut other = new("marie2", 7);
    (other.name, other.person) = (
        "marie".into(),
        Person { birth_date: Some("1990-05-17".parse().unwrap()), ..Person::default() },
    );
    let other = bench.directory.create_account(other).await.unwrap();
    bench.ask_as(&claim("marie", 7, Some(BORN)), "10.1.2.3").await.unwrap();
    assert_eq!(bench.mode().await, Some(ResetMode::Approval), "the other's date is not hers");
    assert_eq!(bench.directory.wrong_birth_dates().await.unwrap(), 1);
    bench.pass(DAY);
    bench.ask_as(&claim("marie", 7, Some("1990-05-17")), "10.1.2.3").await.unwrap();
    assert_eq!(bench.mode().await, Some(ResetMode::Identity));
    let asked = bench.lines(Act::ResetAsked).await;
    assert!(asked.iter().all(|line| line.account == Some(other.id.0)));
}

#[tokio::test]
async fn a_power_cut_leaves_the_old_password_or_the_whole_reset() {
    for writes in 0..3 {
        let bench = bench().await;
        bench.ask().await;
        bench.pass(DAY);
        let ticket = bench.ask().await;
        assert!(bench.go_on(&ticket).await);
        bench.store.fail_after(writes);
        let done = bench.directory.finish_reset(&ticket, &NEW.into(), &from("10.1.2.3")).await;
        let (_, after) = after_crash(&bench.store).await;
        let enters = async |password: &str| {
            let peer = "192.0.2.1".parse().unwrap();
            let password = password.into();
            after.authenticate("00000001", &password, Service::Webmail, peer).await.is_ok()
        };
        let (new_works, old_works) = (enters(NEW).await, enters(common::PASSWORD).await);
        let account = after.account(bench.marie).await.unwrap().unwrap();
        assert_eq!(account.mail_locked_before.is_some(), new_works, "{writes}: one commit");
        assert_eq!(account.hold_until.is_some(), new_works, "{writes}");
        assert_eq!(old_works, !new_works, "{writes}");
        if matches!(done, Ok(ResetOutcome::Done)) {
            assert!(new_works, "what was acknowledged survives");
        }
    }
}

#[tokio::test]
async fn a_clock_that_is_set_back_or_jumps_makes_nobodys_wait_shorter() {
    let bench = bench().await;
    bench.ask().await;
    bench.pass(DAY / 2 - 30 * DAY);
    assert!(!bench.go_on(&bench.ask().await).await, "set back by a month");
    bench.pass(DAY);
    assert!(!bench.go_on(&bench.ask().await).await, "a day by the wrong clock");
    bench.pass(30 * DAY - DAY / 2 - 60);
    assert!(!bench.go_on(&bench.ask().await).await, "put right, a minute is missing");
    bench.pass(60);
    assert!(bench.go_on(&bench.ask().await).await, "the day that was told");

    let bench = self::bench().await;
    bench.ask().await;
    bench.pass(6 * DAY);
    assert!(!bench.go_on(&bench.ask().await).await, "jumped over all of it: begun anew");
    bench.pass(-6 * DAY);
    assert!(!bench.go_on(&bench.ask().await).await, "put right");
    bench.pass(DAY);
    assert!(!bench.go_on(&bench.ask().await).await, "the wait that began last counts");
    bench.pass(6 * DAY);
    assert!(bench.go_on(&bench.ask().await).await);

    let bench = self::bench().await;
    bench.ask().await;
    bench.pass(DAY);
    let ticket = bench.ask().await;
    assert!(bench.go_on(&ticket).await, "a day too early, by a clock that jumped");
    bench.pass(-DAY);
    assert!(!bench.finish(&ticket).await, "put right before the password was chosen");
    assert!(login(&bench.directory, "00000001", common::PASSWORD).await.is_some());
    assert_eq!(bench.lines(Act::ResetDone).await.len(), 0);
}
