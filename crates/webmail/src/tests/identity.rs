//! The pages on which identity alone is opened for a unit, by two administrators.

use hyper::StatusCode;

use super::administration::{act, administrator};
use super::{Bench, between};

#[tokio::test]
async fn identity_alone_is_opened_by_two_and_closed_by_one() {
    let bench = Bench::new().await;
    let mut one = administrator(&bench, "10003").await;
    let mut two = administrator(&bench, "10004").await;
    let unit = [("code", "0750001A"), ("nom", "Collège Hugo")];
    act(&mut one, "/administration/etablissements/nouveau", &unit).await;
    let code = "0750001A".parse().unwrap();
    let path = "/administration/identite/0750001A";
    let far = [("action", "proposer"), ("jour", "2099-01-01"), ("motif", "déménagement")];
    assert_eq!(act(&mut one, path, &far).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    let day = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * 30);
    let day = day.strftime("%Y-%m-%d").to_string();
    let without = [("action", "proposer"), ("jour", day.as_str()), ("motif", " ")];
    let refused = act(&mut one, path, &without).await;
    assert!(refused.text().contains("Indiquez la raison."), "{}", refused.text());
    let propose = [("action", "proposer"), ("jour", day.as_str()), ("motif", "déménagement")];
    assert_eq!(act(&mut one, path, &propose).await.header("location"), path);
    let own = one.get(path).await.text();
    assert!(own.contains("déménagement") && !own.contains("value=\"accepter\""), "not by oneself");
    assert!(own.contains("Retirer la proposition"), "nothing is open that could be closed");
    let page = two.get(path).await.text();
    let number = between(&page, "name=\"proposition\" value=\"", "\"").unwrap();
    let agree = [("action", "accepter"), ("proposition", number.as_str())];
    let alone = act(&mut one, path, &agree).await;
    assert_eq!(alone.status, StatusCode::UNPROCESSABLE_ENTITY, "nor by a form of one's own");
    assert!(bench.directory.unit_policy(&code).open.is_none());
    assert!(two.get("/administration").await.text().contains("attend votre avis"));
    assert_eq!(act(&mut two, path, &agree).await.header("location"), path);
    assert!(bench.directory.unit_policy(&code).open.is_some());
    let list = "/administration/identite";
    act(&mut one, list, &[("action", "fermer"), ("motif", "abus")]).await;
    assert!(bench.directory.identity_guard().closed.is_some());
    let reopen = act(&mut one, list, &[("action", "rouvrir"), ("motif", "")]).await;
    assert_eq!(reopen.status, StatusCode::UNPROCESSABLE_ENTITY, "not without a reason");
    act(&mut one, list, &[("action", "rouvrir"), ("motif", "vérifié")]).await;
    assert!(bench.directory.identity_guard().closed.is_none());
    act(&mut two, path, &[("action", "fermer")]).await;
    assert!(bench.directory.unit_policy(&code).open.is_none());
    let log = one.get("/administration/journal").await.text();
    for line in ["Identité seule proposée", "Identité seule ouverte", "Identité seule fermée"]
    {
        assert!(log.contains(line), "{line}");
    }
}
