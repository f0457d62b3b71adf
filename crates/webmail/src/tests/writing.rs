//! Writing, answering, sending.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_is_written_here_and_read_there() {
    let bench = Bench::new().await;
    let mut marie = bench.logged_in("marie.martin@ac.test").await;
    let page = marie.get("/ecrire").await;
    let (token, id) = (page.token(), id_of(&page));
    let fields = [
        ("jeton", token.as_str()),
        ("envoi", id.as_str()),
        ("a", "Paul Durand <paul.durand@ac.test>"),
        ("cci", "marie.martin@ac.test"),
        ("objet", "Réunion du collège"),
        ("texte", "Bonjour,\r\nà demain <b>.\r\nhttps://ac.test/x"),
        ("action", "envoyer"),
    ];
    let sent = marie.compose(&fields, &[("été.pdf", b"%PDF-1.4 contenu")]).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.text());
    assert_eq!(sent.header("location"), "/boite/INBOX");
    let again = marie.compose(&fields, &[]).await;
    assert_eq!(again.status, StatusCode::SEE_OTHER);
    let list = marie.get("/boite/INBOX").await.text();
    assert!(list.contains("Le message est envoyé."), "{list}");

    bench.work_queue().await;
    let mut paul = bench.logged_in("10002").await;
    let list = paul.get("/boite/INBOX").await;
    let text = list.text();
    assert_eq!(text.matches("class=\"row unread\"").count(), 1, "sent once: {text}");
    for shown in
        ["Marie Martin", "Réunion du collège", "<time datetime=", "Pièce jointe", "Non lu\u{a0}:"]
    {
        assert!(text.contains(shown), "{shown} in {text}");
    }
    let path = first_message(&list);
    let message = paul.get(&path).await.text();
    for shown in
        ["marie.martin@ac.test", "à demain &#60;b&#62;.", "href=\"https://ac.test/x\"", "été.pdf"]
    {
        assert!(message.contains(shown), "{shown} in {message}");
    }
    assert!(!message.contains("cci") && !message.contains("Bcc"));
    let file = between(&message, "href=\"/pj/", "\"").unwrap();
    let file = paul.get(&format!("/pj/{file}")).await;
    assert_eq!(file.body, b"%PDF-1.4 contenu");
    assert_eq!(
        file.header("content-disposition"),
        "attachment; filename=\"_t_.pdf\"; filename*=UTF-8''%C3%A9t%C3%A9.pdf"
    );
    assert!(file.header("content-security-policy").contains("sandbox"));
    assert!(!paul.get("/boite/INBOX").await.text().contains("class=\"row unread\""));
    let sent_list = marie.get("/boite/Sent").await;
    let sent_name = if sent_list.status == StatusCode::OK { "Sent" } else { "Envoyés" };
    let sent_list = marie.get(&format!("/boite/{}", crate::url::encode(sent_name))).await.text();
    assert!(sent_list.contains("Paul Durand") && !sent_list.contains("class=\"row unread\""));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_quotes_threads_and_marks() {
    let bench = Bench::new().await;
    let mail = "From: Marie Martin <marie.martin@ac.test>\nTo: paul.durand@ac.test\n\
        Subject: Conseil\nMessage-ID: <un@ac.test>\n\nAvis ?\n";
    bench.deliver("paul.durand@ac.test", mail).await;
    let mut paul = bench.logged_in("paul.durand@ac.test").await;
    let path = first_message(&paul.get("/boite/INBOX").await);
    let page = paul.get(&format!("{path}/repondre")).await;
    let text = page.text();
    assert!(text.contains("value=\"Re: Conseil\""), "{text}");
    assert!(text.contains("Marie Martin &#60;marie.martin@ac.test&#62;"), "{text}");
    assert!(text.contains("a écrit\u{a0}:\n&#62; Avis ?"), "{text}");
    let hidden = |name: &str| between(&text, &format!("name=\"{name}\" value=\""), "\"").unwrap();
    let names = ["jeton", "envoi", "origine", "origine-dossier", "origine-uid", "origine-validite"];
    let values: Vec<String> = names.iter().map(|name| hidden(name)).collect();
    let mut fields: Vec<(&str, &str)> =
        names.iter().copied().zip(values.iter().map(String::as_str)).collect();
    fields.extend([
        ("a", "marie.martin@ac.test"),
        ("objet", "Re: Conseil"),
        ("texte", "Oui."),
        ("action", "envoyer"),
    ]);
    let sent = paul.compose(&fields, &[]).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.text());
    assert!(paul.get("/boite/INBOX").await.text().contains("Répondu"));
    bench.work_queue().await;
    let mut marie = bench.logged_in("marie.martin@ac.test").await;
    let path = first_message(&marie.get("/boite/INBOX").await);
    let source = marie.get(&format!("{path}/source")).await.text();
    for line in ["In-Reply-To: <un@ac.test>", "References: <un@ac.test>", "with HTTPS id"] {
        assert!(source.contains(line), "{line} in {source}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_typed_stays_when_something_is_wrong() {
    let bench = Bench::new().await;
    let mut marie = bench.logged_in("marie.martin@ac.test").await;
    let page = marie.get("/ecrire").await;
    let (token, id) = (page.token(), id_of(&page));
    let fields = |to, subject| {
        [
            ("jeton", token.as_str()),
            ("envoi", id.as_str()),
            ("a", to),
            ("objet", subject),
            ("texte", "Un long texte"),
            ("action", "envoyer"),
        ]
    };
    for (to, subject, said) in [
        ("", "x", "Indiquez au moins un destinataire"),
        ("personne@ac.test", "x", "n’existe pas\u{a0}: personne@ac.test"),
        ("a@dehors.test", "x", "en dehors de ses domaines\u{a0}: a@dehors.test"),
        ("paul", "x", "adresse complète\u{a0}: paul"),
        ("paul.durand@ac.test\r\nBcc: x@y.test", "x", "retour à la ligne"),
        ("paul.durand@ac.test", "x\r\nBcc: y@z.test", "retour à la ligne"),
        ("paul.durand@ac.test", "x\u{2028}y", "retour à la ligne"),
    ] {
        let answer = marie.compose(&fields(to, subject), &[("a.txt", b"abc")]).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{to:?}");
        let text = answer.text();
        assert!(text.contains(said), "{said} in {text}");
        assert!(text.contains("Un long texte") && text.contains("a.txt"), "{text}");
        assert!(text.contains("role=\"alert\""), "{text}");
    }
    let saved = marie.compose(&fields("paul.durand@ac.test", "x")[..5], &[]).await;
    let text = marie.get(saved.header("location")).await.text();
    assert_eq!(text.matches("name=\"action\" value=\"retirer-").count(), 7, "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_ended_does_not_cost_the_text() {
    let bench = Bench::new().await;
    let mut marie = bench.logged_in("marie.martin@ac.test").await;
    let page = marie.get("/ecrire").await;
    let (token, id) = (page.token(), id_of(&page));
    let fields = [
        ("jeton", token.as_str()),
        ("envoi", id.as_str()),
        ("a", "paul.durand@ac.test"),
        ("texte", "Ne pas perdre"),
        ("action", "envoyer"),
    ];
    let mut nobody = bench.browser();
    let answer = nobody.compose(&fields, &[]).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert!(answer.text().contains("Ne pas perdre"));
    nobody.log_in("marie.martin@ac.test", PASSWORD).await;
    let answer = nobody.compose(&fields, &[]).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN, "the form is of the old session");
    assert!(answer.text().contains("Ne pas perdre"));
    let token = between(&answer.text(), "<form class=\"compose", "</form>").unwrap();
    let token = between(&token, "name=\"jeton\" value=\"", "\"").unwrap();
    let mut fields = fields;
    fields[0].1 = &token;
    assert_eq!(nobody.compose(&fields, &[]).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_name_stays_a_name_and_recipients_are_counted() {
    // W8: what a form can carry into a header.
    let settings = Settings {
        public_url: Origin::try_from("https://mail.ac.test".to_owned()).unwrap(),
        recipients_max: 3,
        undo_seconds: 0,
        ..Settings::default()
    };
    let bench = Bench::with(settings).await;
    let mut marie = bench.logged_in("10001").await;
    let page = marie.get("/ecrire").await;
    let (token, id) = (page.token(), id_of(&page));
    let fields =
        |to| [("jeton", token.as_str()), ("envoi", id.as_str()), ("a", to), ("action", "envoyer")];
    let many = marie.compose(&fields("a@ac.test, b@ac.test, c@ac.test, d@ac.test"), &[]).await;
    assert_eq!(many.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(many.text().contains("3 destinataires au plus"), "{}", many.text());
    let files: [(&str, &[u8]); 3] = [
        ("a%0D%0ABcc: x@y.test\u{202e}fdp.exe", b"1"),
        ("..\\..\\con", b"2"),
        (&"long".repeat(2000), b"3"),
    ];
    let sent = marie.compose(&fields("paul.durand@ac.test"), &files).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.text());
    bench.work_queue().await;
    let mut paul = bench.logged_in("10002").await;
    let path = first_message(&paul.get("/boite/INBOX").await);
    let source = paul.get(&format!("{path}/source")).await.text();
    assert!(!source.to_lowercase().contains("\nbcc:"), "{source}");
    let page = paul.get(&path).await.text();
    assert_eq!(page.matches("href=\"/pj/").count(), 3, "{page}");
    assert!(!page.contains('\u{202e}') && page.contains("_con"));
}
