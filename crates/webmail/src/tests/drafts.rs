//! Drafts: one message on the server whatever happens, and nothing typed is lost.

use mail_types::{Actor, Flag, FlagSet, MailboxName, SpecialUse};

use super::*;

/// The mailbox of drafts of an account, as other clients see it: each draft's flags and bytes.
pub(super) async fn drafts(bench: &Bench, address: &str) -> Vec<(String, String)> {
    let owner = bench.directory.find(address).await.unwrap().unwrap().id;
    let actor = Actor::Account(owner);
    let open = bench.service.open_mailbox(actor, owner, &name(bench, owner).await).await.unwrap();
    let snapshot = open.snapshot();
    let uids = snapshot.iter().map(|entry| entry.uid.get()).collect();
    let mut found = Vec::new();
    for (uid, row) in bench.service.messages(actor, &open, &uids, 1000).await.unwrap() {
        let flags = snapshot.get(uid).unwrap().flags.iter().map(|flag| flag.to_string());
        let bytes = bench.service.read(actor, &open, &row, 0..row.size()).await.unwrap();
        found.push((
            flags.collect::<Vec<_>>().join(" "),
            String::from_utf8_lossy(&bytes).into_owned(),
        ));
    }
    found
}

async fn name(bench: &Bench, owner: AccountId) -> MailboxName {
    let mailboxes = bench.service.mailboxes(Actor::Account(owner), owner).await.unwrap();
    let drafts = mailboxes.into_iter().find(|info| info.special_use == Some(SpecialUse::Drafts));
    drafts.unwrap().name
}

const MARIE: &str = "marie.martin@ac.test";

/// A page that writes: its hidden fields and what is typed on it.
pub(super) struct Tab {
    pub(super) fields: Vec<(String, String)>,
}

impl Tab {
    pub(super) async fn open(browser: &mut Browser<'_>, path: &str) -> Self {
        let page = browser.get(path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        Self { fields: form_of(&page.text()) }
    }

    pub(super) fn set(&mut self, name: &str, value: &str) -> &mut Self {
        self.fields.retain(|(known, _)| known != name);
        self.fields.push((name.into(), value.into()));
        self
    }

    pub(super) fn get(&self, name: &str) -> &str {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, v)| v.as_str()).unwrap_or("")
    }

    pub(super) async fn press(
        &mut self,
        browser: &mut Browser<'_>,
        action: &str,
        files: &[(&str, &[u8])],
    ) -> Answer {
        self.set("action", action);
        let fields: Vec<_> = self.fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        browser.compose(&fields, files).await
    }

    /// Saves as the script does, and takes over what comes back.
    async fn autosave(&mut self, browser: &mut Browser<'_>, files: &[(&str, &[u8])]) -> Answer {
        self.set("action", "enregistrer");
        let fields: Vec<_> = self.fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let answer = browser.autosave(&fields, files).await;
        for name in ["jeton", "brouillon"] {
            let start = format!("name=\"{name}\" value=\"");
            if let Some(value) = between(&answer.text(), &start, "\"") {
                self.set(name, &value);
            }
        }
        answer
    }
}

/// The fields of the form on a page, as a browser would send them.
fn form_of(page: &str) -> Vec<(String, String)> {
    let form = between(page, "<form class=\"compose", "</form>").unwrap();
    let unescape = |text: &str| {
        text.replace("&#60;", "<")
            .replace("&#62;", ">")
            .replace("&#34;", "\"")
            .replace("&#38;", "&")
    };
    let mut fields = Vec::new();
    for input in form.split("<input ").skip(1) {
        let tag = input.split('>').next().unwrap();
        let name = between(&format!(" {tag}"), " name=\"", "\"").unwrap_or_default();
        let value = between(&format!(" {tag}"), " value=\"", "\"").unwrap_or_default();
        let is_unchecked = tag.contains("type=\"checkbox\"") && !tag.contains(" checked");
        if !name.is_empty() && name != "fichiers" && !is_unchecked {
            fields.push((name, unescape(&value)));
        }
    }
    let text = between(form.as_str(), "rows=\"11\"", "</textarea>").unwrap();
    let text = text.split_once(">\n").unwrap().1;
    fields.push(("texte".into(), unescape(text)));
    fields
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn seventy_saves_leave_one_draft_and_sending_leaves_none() {
    let bench = Bench::new().await;
    let mut marie = bench.logged_in(MARIE).await;
    let mut tab = Tab::open(&mut marie, "/ecrire").await;
    tab.set("a", "paul.durand@ac.test").set("cci", "secret@ac.test").set("objet", "Été");
    tab.set("texte", "Un");
    let first = tab.autosave(&mut marie, &[("plan.pdf", b"%PDF \x00\xff")]).await;
    assert_eq!(first.status, StatusCode::OK, "{}", first.text());
    assert!(first.text().contains("plan.pdf") && first.text().contains("Brouillon enregistré"));
    assert!(!first.text().contains("<nav"), "only the part that changed");
    for number in 2..=70 {
        tab.set("texte", &format!("Ligne {number}\nfin"));
        assert_eq!(tab.autosave(&mut marie, &[]).await.status, StatusCode::OK);
    }
    let saved = drafts(&bench, MARIE).await;
    assert_eq!(saved.len(), 1);
    let (flags, bytes) = &saved[0];
    assert_eq!(flags, "\\Seen \\Draft");
    for part in ["Bcc: <secret@ac.test>", "To: <paul.durand@ac.test>", "plan.pdf", "Ligne 70"] {
        assert!(bytes.contains(part), "{part} in {bytes}");
    }
    // Somebody else's browser, later: everything is there, and goes out without the Bcc.
    let mut later = bench.logged_in("10001").await;
    let list = later.get("/boite/Brouillons").await.text();
    let path = format!("/ecrire/{}", between(&list, "href=\"/ecrire/", "\"").unwrap());
    let mut tab = Tab::open(&mut later, &path).await;
    assert_eq!((tab.get("a"), tab.get("objet")), ("paul.durand@ac.test", "Été"));
    assert_eq!((tab.get("cci"), tab.get("texte")), ("secret@ac.test", "Ligne 70\nfin"));
    tab.set("cci", "");
    assert_eq!(tab.press(&mut later, "envoyer", &[]).await.status, StatusCode::SEE_OTHER);
    bench.work_queue().await;
    assert!(drafts(&bench, MARIE).await.is_empty());
    let mut paul = bench.logged_in("10002").await;
    let path = first_message(&paul.get("/boite/INBOX").await);
    let page = paul.get(&path).await.text();
    let file = paul.get(&format!("/pj/{}", between(&page, "href=\"/pj/", "\"").unwrap())).await;
    assert_eq!(file.body, b"%PDF \x00\xff");
    let source = paul.get(&format!("{path}/source")).await.text();
    assert!(!source.contains("X-Facteur") && !source.contains("secret"), "{source}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_got_lost_makes_no_second_draft() {
    let bench = Bench::new().await;
    let mut marie = bench.logged_in(MARIE).await;
    let mut tab = Tab::open(&mut marie, "/ecrire").await;
    for number in 0..5 {
        // Nothing of what the server answers reaches the page.
        tab.set("texte", &format!("Texte {number}"));
        let fields: Vec<_> = tab.fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        marie.autosave(&fields, &[]).await;
    }
    let saved = drafts(&bench, MARIE).await;
    assert_eq!(saved.len(), 1);
    assert!(saved[0].1.contains("Texte 4"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_tabs_do_not_destroy_each_others_text() {
    let bench = Bench::new().await;
    let mut marie = bench.logged_in(MARIE).await;
    let mut tab = Tab::open(&mut marie, "/ecrire").await;
    tab.set("texte", "Commun");
    let saved = tab.press(&mut marie, "enregistrer", &[]).await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER);
    let path = saved.header("location").to_owned();
    let mut one = Tab::open(&mut marie, &path).await;
    let mut other = Tab::open(&mut marie, &path).await;
    for number in 0..3 {
        one.set("texte", &format!("Un {number}"));
        assert_eq!(one.autosave(&mut marie, &[]).await.status, StatusCode::OK);
        other.set("texte", &format!("Autre {number}"));
        let answer = other.autosave(&mut marie, &[]).await;
        let told = answer.text().contains("gardé dans un brouillon à part");
        assert_eq!(told, number == 0, "told once");
    }
    let mut texts: Vec<_> = drafts(&bench, MARIE).await.into_iter().map(|(_, b)| b).collect();
    texts.sort_by_key(|bytes| bytes.contains("Un 2"));
    assert_eq!(texts.len(), 2);
    assert!(texts[0].contains("Autre 2") && texts[1].contains("Un 2"), "{texts:?}");
    // Sending one leaves the other.
    one.set("a", "paul.durand@ac.test");
    one.press(&mut marie, "envoyer", &[]).await;
    let left = drafts(&bench, MARIE).await;
    assert_eq!(left.len(), 1);
    assert!(left[0].1.contains("Autre 2"));
    // A save that was on its way when the message went out brings nothing back.
    assert_eq!(one.autosave(&mut marie, &[]).await.status, StatusCode::NO_CONTENT);
    assert_eq!(drafts(&bench, MARIE).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_draft_is_thrown_away_only_after_a_question() {
    let bench = Bench::new().await;
    let mut marie = bench.logged_in(MARIE).await;
    let mut tab = Tab::open(&mut marie, "/ecrire").await;
    let nothing = tab.press(&mut marie, "abandonner", &[]).await;
    assert_eq!(nothing.header("location"), "/boite/INBOX", "there is nothing to ask about");
    assert_eq!(
        tab.press(&mut marie, "enregistrer", &[]).await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    assert!(drafts(&bench, MARIE).await.is_empty(), "nothing typed, nothing saved");
    tab.set("texte", "Brouillon");
    tab.autosave(&mut marie, &[]).await;
    tab.set("texte", "Brouillon plus long");
    let asked = tab.press(&mut marie, "abandonner", &[]).await;
    assert_eq!(asked.status, StatusCode::OK);
    assert!(asked.text().contains("Supprimer ce brouillon définitivement\u{202f}?"));
    assert!(asked.text().contains("Brouillon plus long"));
    assert_eq!(drafts(&bench, MARIE).await.len(), 1);
    let gone = tab.press(&mut marie, "supprimer", &[]).await;
    assert_eq!(gone.header("location"), "/boite/INBOX");
    assert!(drafts(&bench, MARIE).await.is_empty());
    assert_eq!(tab.autosave(&mut marie, &[]).await.status, StatusCode::NO_CONTENT);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_address_yet_and_what_is_answered_are_kept() {
    let bench = Bench::new().await;
    let mail = "From: Paul Durand <paul.durand@ac.test>\nTo: marie.martin@ac.test\n\
        Subject: Conseil\nMessage-ID: <deux@ac.test>\nReferences: <un@ac.test>\n\nAvis ?\n";
    bench.deliver(MARIE, mail).await;
    let mut marie = bench.logged_in(MARIE).await;
    let path = first_message(&marie.get("/boite/INBOX").await);
    let mut tab = Tab::open(&mut marie, &format!("{path}/repondre")).await;
    tab.set("cc", "Marie Mar, \"x").set("cci", &"a@b.test,".repeat(300));
    let saved = tab.press(&mut marie, "enregistrer", &[]).await;
    let draft = saved.header("location").to_owned();
    let mut again = Tab::open(&mut marie, &draft).await;
    for field in ["a", "cc", "cci", "objet", "texte", "origine", "origine-uid", "origine-dossier"] {
        assert_eq!(again.get(field), tab.get(field), "{field}");
    }
    let bytes = drafts(&bench, MARIE).await.remove(0).1;
    for line in ["In-Reply-To: <deux@ac.test>", "References: <un@ac.test>"] {
        assert!(bytes.contains(line), "{line} in {bytes}");
    }
    // The message that is answered goes; what it was stays in the draft.
    let list = marie.get("/boite/INBOX").await;
    let validity = between(&list.text(), "name=\"validite\" value=\"", "\"").unwrap();
    let token = list.token();
    let form =
        [("jeton", &*token), ("validite", &*validity), ("uid", "1"), ("action", "supprimer")];
    marie.post("/boite/INBOX", &form).await;
    again.set("cc", "").set("cci", "").set("texte", "Oui.");
    assert_eq!(again.press(&mut marie, "envoyer", &[]).await.status, StatusCode::SEE_OTHER);
    bench.work_queue().await;
    let mut paul = bench.logged_in("10002").await;
    let path = first_message(&paul.get("/boite/INBOX").await);
    let source = paul.get(&format!("{path}/source")).await.text();
    assert!(source.contains("In-Reply-To: <deux@ac.test>"), "{source}");
    assert!(source.contains("<un@ac.test>"), "{source}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_draft_of_another_program_is_continued_with_all_its_files() {
    let bench = Bench::new().await;
    let owner = bench.directory.find(MARIE).await.unwrap().unwrap().id;
    let mail = "From: Marie <marie.martin@ac.test>\nTo: Paul Durand <paul.durand@ac.test>\n\
        Subject: =?utf-8?q?=C3=89t=C3=A9?=\nIn-Reply-To: <un@ac.test>\nMIME-Version: 1.0\n\
        Content-Type: multipart/mixed; boundary=m\n\n--m\nContent-Type: multipart/related; boundary=r\n\n\
        --r\nContent-Type: text/html; charset=utf-8\n\n<p>Bonjour <b>Paul</b></p><img src=\"cid:i@x\">\n\
        --r\nContent-Type: image/png\nContent-ID: <i@x>\nContent-Transfer-Encoding: base64\n\niVBORw==\n--r--\n\
        --m\nContent-Type: application/pdf\nContent-Disposition: attachment; filename=a.pdf\n\nabc\n--m--\n";
    let mut writer = bench.service.message_writer();
    writer.write(mail.replace('\n', "\r\n").as_bytes()).await.unwrap();
    let message = writer.finish().await.unwrap();
    let flags: FlagSet = [Flag::Draft].into_iter().collect();
    let drafts_name = name(&bench, owner).await;
    let actor = Actor::Account(owner);
    bench.service.append(actor, owner, &drafts_name, message, flags, None).await.unwrap();
    let mut marie = bench.logged_in(MARIE).await;
    let mut tab = Tab::open(&mut marie, "/ecrire/1").await;
    assert_eq!(tab.get("a"), "Paul Durand <paul.durand@ac.test>");
    assert_eq!(tab.get("objet"), "Été");
    assert!(tab.get("texte").contains("Bonjour Paul"), "{}", tab.get("texte"));
    let saved = tab.press(&mut marie, "enregistrer", &[]).await;
    let page = marie.get(saved.header("location")).await.text();
    for file in ["a.pdf", "image-"] {
        assert!(page.contains(file), "{file} in {page}");
    }
    let bytes = drafts(&bench, MARIE).await;
    assert_eq!(bytes.len(), 1);
    assert!(bytes[0].1.contains("In-Reply-To: <un@ac.test>"));
    // A file goes, the others stay.
    let remove = between(&page, "value=\"retirer-", "\"").unwrap();
    let mut tab = Tab { fields: form_of(&page) };
    let saved = tab.press(&mut marie, &format!("retirer-{remove}"), &[]).await;
    assert!(saved.header("location").ends_with("#fichiers"));
    let page = marie.get(saved.header("location").trim_end_matches("#fichiers")).await.text();
    assert_eq!(page.matches("value=\"retirer-").count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_of_one_account_touches_no_draft_of_another() {
    let bench = Bench::new().await;
    let mut marie = bench.logged_in(MARIE).await;
    let mut paul = bench.logged_in("10002").await;
    let mut theirs = Tab::open(&mut paul, "/ecrire").await;
    theirs.set("texte", "De Paul");
    theirs.autosave(&mut paul, &[]).await;
    let mut tab = Tab::open(&mut marie, "/ecrire").await;
    tab.set("texte", "De Marie");
    tab.autosave(&mut marie, &[]).await;
    // Paul logs in where Marie was writing, and saves what stands there.
    let token = Tab::open(&mut paul, "/ecrire").await.get("jeton").to_owned();
    tab.set("jeton", &token);
    assert_eq!(tab.autosave(&mut paul, &[]).await.status, StatusCode::OK);
    let texts: Vec<_> = drafts(&bench, "paul.durand@ac.test").await;
    assert_eq!(texts.len(), 2);
    assert!(texts[0].1.contains("De Paul") && texts[1].1.contains("De Marie"));
    assert_eq!(drafts(&bench, MARIE).await.len(), 1);
    assert_eq!(paul.get("/ecrire/99").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_save_without_session_or_with_an_old_form_changes_nothing_and_says_so() {
    let bench = Bench::new().await;
    let mut marie = bench.logged_in(MARIE).await;
    let mut tab = Tab::open(&mut marie, "/ecrire").await;
    tab.set("texte", "Texte");
    let mut nobody = bench.browser();
    let answer = tab.autosave(&mut nobody, &[]).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert!(answer.text().contains("Votre session est terminée"), "{}", answer.text());
    let mut again = bench.logged_in(MARIE).await;
    tab.set("jeton", "00");
    let answer = tab.autosave(&mut again, &[]).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(drafts(&bench, MARIE).await.is_empty());
    // The answer brought what belongs to the new session.
    assert_eq!(tab.autosave(&mut again, &[]).await.status, StatusCode::OK);
    assert_eq!(drafts(&bench, MARIE).await.len(), 1);
}
