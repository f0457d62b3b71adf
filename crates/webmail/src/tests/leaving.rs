//! Whoever leaves reads and takes along, and is told why nothing else works.

use mail_types::{Actor, Flag, FlagSet, MailboxName};

use super::*;

const WHY: &str = "Votre compte va être supprimé";

/// Marie's last day is set; she has a letter and a draft.
async fn leaving(bench: &Bench) -> Browser<'_> {
    let id = bench.directory.find("10001").await.unwrap().unwrap().id;
    bench.deliver("marie.martin@ac.test", "From: x@y.test\nSubject: Adieu\n\ncorps\n").await;
    let mut writer = bench.service.message_writer();
    writer.write(b"Subject: Brouillon\r\n\r\nJe pars.\r\n").await.unwrap();
    let (drafts, flags) = (MailboxName::parse("Brouillons").unwrap(), [Flag::Draft, Flag::Seen]);
    let (draft, flags) = (writer.finish().await.unwrap(), flags.into_iter().collect::<FlagSet>());
    bench.service.append(Actor::Account(id), id, &drafts, draft, flags, None).await.unwrap();
    let mut before = bench.logged_in("10001").await;
    assert!(before.get("/boite/INBOX").await.text().contains("href=\"/ecrire\""));
    bench.directory.set_leaving(id, Some("2099-08-31".parse().unwrap())).await.unwrap();
    assert_eq!(before.get("/boite/INBOX").await.header("location"), "/", "the session is over");
    bench.logged_in("10001").await
}

#[tokio::test]
async fn who_leaves_reads_everything_and_is_offered_nothing_that_cannot_work() {
    let bench = Bench::new().await;
    let mut marie = leaving(&bench).await;
    let list = marie.get("/boite/INBOX").await.text();
    assert!(list.contains("sera supprimé le 31/08/2099"), "{list}");
    for gone in ["name=\"uid\"", "name=\"action\"", "href=\"/ecrire\""] {
        assert!(!list.contains(gone), "{gone}");
    }
    let letter = marie.get("/m/INBOX/1").await;
    assert_eq!(letter.status, StatusCode::OK);
    let letter = letter.text();
    assert!(letter.contains("corps") && letter.contains("/m/INBOX/1/source"));
    assert!(!letter.contains("name=\"action\"") && !letter.contains("/repondre"));
    let list = marie.get("/boite/INBOX").await.text();
    assert!(list.contains("class=\"row unread\""), "reading marks nothing");
    let draft = marie.get("/ecrire/1").await;
    assert_eq!(draft.header("location"), "/m/Brouillons/1", "a draft is read only");
    assert!(marie.get("/m/Brouillons/1").await.text().contains("Je pars."));
    assert!(!marie.get("/contacts").await.text().contains("href=\"/contacts/nouveau"));
    let taken = marie.get("/contacts/fichiers/contacts.vcf").await;
    assert_eq!(taken.status, StatusCode::OK, "the address book is taken along");
}

#[tokio::test]
async fn what_an_old_page_still_asks_of_who_leaves_is_refused_with_the_reason() {
    let bench = Bench::new().await;
    let mut marie = leaving(&bench).await;
    let list = marie.get("/boite/INBOX").await;
    let token = list.token();
    let validity = between(&list.text(), "name=\"validite\" value=\"", "\"").unwrap();
    for (path, action) in [
        ("/boite/INBOX", "lu"),
        ("/boite/INBOX", "supprimer"),
        ("/boite/INBOX", "archiver"),
        ("/m/INBOX/1", "suivre"),
        ("/contacts/nouveau", "enregistrer"),
    ] {
        let form = [
            ("jeton", token.as_str()),
            ("validite", validity.as_str()),
            ("uid", "1"),
            ("action", action),
            ("nom", "Léa"),
            ("adresses", "lea@y.test"),
        ];
        let answer = marie.post(path, &form).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path} {action}");
        assert!(answer.text().contains(WHY), "{path} {action}: {}", answer.text());
    }
    let writing = marie.get("/ecrire").await;
    assert_eq!(writing.status, StatusCode::FORBIDDEN);
    assert!(writing.text().contains(WHY));
    assert!(marie.get("/boite/INBOX").await.text().contains("Adieu"), "nothing was changed");
}
