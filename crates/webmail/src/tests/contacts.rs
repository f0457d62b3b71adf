//! The address book's pages: written, found, written to; files in and out; nothing injected.

use hyper::header;

use super::*;

const MARIE: &str = "marie.martin@ac.test";

async fn post(browser: &mut Browser<'_>, path: &str, form: &[(&str, &str)]) -> Answer {
    let token = browser.get("/contacts").await.token();
    let form: Vec<_> =
        [("jeton", token.as_str())].into_iter().chain(form.iter().copied()).collect();
    browser.post(path, &form).await
}

async fn import(browser: &mut Browser<'_>, name: &str, content: &[u8]) -> Answer {
    let token = browser.get("/contacts").await.token();
    let mut body = format!(
        "--B\r\nContent-Disposition: form-data; name=\"jeton\"\r\n\r\n{token}\r\n--B\r\n\
         Content-Disposition: form-data; name=\"fichier\"; filename=\"{name}\"\r\n\r\n"
    )
    .into_bytes();
    body.extend_from_slice(content);
    body.extend_from_slice(b"\r\n--B--\r\n");
    let request = Request::post("/contacts/fichiers")
        .header(header::CONTENT_TYPE, "multipart/form-data; boundary=B")
        .header(header::ORIGIN, "https://mail.ac.test");
    browser.send(request, body).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_contact_with_both_parents_is_written_grouped_and_written_to() {
    let bench = Bench::new().await;
    let mut marie = bench.logged_in(MARIE).await;
    let form = [
        ("nom", "Léa Petit"),
        ("etablissement", "3e B"),
        ("adresses", "mere@dehors.test\r\npere@dehors.test\r\nMERE@dehors.test"),
        ("telephones", "01 23\r\n06 78"),
        ("notes", "Allergie\r\naux noix"),
    ];
    let saved = post(&mut marie, "/contacts/nouveau", &form).await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER, "{}", saved.text());
    let list = marie.get("/contacts").await.text();
    for shown in ["Léa Petit", "3e B", "mere@dehors.test", "pere@dehors.test", "01\u{a0}23"] {
        assert!(list.contains(shown), "{shown} in {list}");
    }
    let id = between(&list, "href=\"/contacts/1", "\"").map(|rest| format!("1{rest}")).unwrap();
    let saved =
        post(&mut marie, "/contacts/groupes/nouveau", &[("nom", "Parents"), ("membre", &id)]).await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER, "{}", saved.text());
    let list = marie.get("/contacts").await.text();
    let group = between(&list, "href=\"/ecrire?groupe=", "\"").unwrap();
    let page = marie.get(&format!("/ecrire?groupe={group}")).await.text();
    let to = between(&page, "name=\"a\" value=\"", "\"").unwrap();
    assert!(to.contains("mere@dehors.test") && to.contains("pere@dehors.test"), "{to}");
    let page = marie.get(&format!("/ecrire?groupe={group}&cci=1")).await.text();
    assert!(between(&page, "name=\"cci\" value=\"", "\"").unwrap().contains("pere@dehors.test"));
    let page = marie.get(&format!("/contacts/{id}")).await.text();
    assert!(page.contains("Allergie\naux noix") && page.contains("checked"), "{page}");
    // Nobody else sees it, or changes it.
    let mut paul = bench.logged_in("paul.durand@ac.test").await;
    assert_eq!(paul.get(&format!("/contacts/{id}")).await.status, StatusCode::NOT_FOUND);
    let foreign = post(&mut paul, &format!("/contacts/{id}"), &[("nom", "x")]).await;
    assert_eq!(foreign.status, StatusCode::NOT_FOUND);
    post(&mut marie, &format!("/contacts/{id}"), &[("action", "supprimer")]).await;
    assert!(!marie.get("/contacts").await.text().contains("Léa Petit"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_is_told_beside_its_field_and_what_was_typed_stays() {
    let bench = Bench::new().await;
    let mut marie = bench.logged_in(MARIE).await;
    let long = "x".repeat(201);
    let many: String = (0..21).map(|n| format!("a{n}@b.test\r\n")).collect();
    for (field, value, said) in [
        ("nom", "", "Indiquez un nom"),
        ("nom", long.as_str(), "200 caractères au plus"),
        ("adresses", "pas une adresse", "adresse complète"),
        ("adresses", "a@b.test\r\nBcc: x", "adresse complète"),
        ("adresses", many.as_str(), "20 au plus"),
    ] {
        let form = [(field, value), ("notes", "à garder")];
        let answer = post(&mut marie, "/contacts/nouveau", &form).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{field}");
        let text = answer.text();
        assert!(text.contains(said) && text.contains("à garder"), "{said} in {text}");
    }
    let answer = post(&mut marie, "/contacts/groupes/nouveau", &[("nom", " ")]).await;
    assert!(answer.text().contains("Donnez un nom"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_is_never_markup_or_a_header() {
    // Threats: stored XSS through contacts, one's own and those of a file.
    let bench = Bench::new().await;
    let mut marie = bench.logged_in(MARIE).await;
    let evil = "<img src=x onerror=alert(1)>\"'><script>x</script>";
    let form = [("nom", evil), ("adresses", "x@dehors.test"), ("notes", "</textarea><script>")];
    post(&mut marie, "/contacts/nouveau", &form).await;
    let card = format!(
        "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:{evil}\\nBcc: y@z.test\r\n\
        EMAIL:y@dehors.test\r\nCATEGORIES:<b>Groupe</b>\r\nEND:VCARD\r\n"
    );
    let report = import(&mut marie, "x.vcf", card.as_bytes()).await;
    assert!(report.text().contains("1 contact a été ajouté"), "{}", report.text());
    let refused = "BEGIN:VCARD\nVERSION:3.0\nFN:<script>alert(1)</script>\nEMAIL:<i>\nEND:VCARD\n";
    let mut pages = vec![import(&mut marie, "x.vcf", refused.as_bytes()).await.text()];
    for path in
        ["/contacts", "/contacts/1", "/contacts/2", "/contacts/groupes/3", "/ecrire?groupe=3"]
    {
        let answer = marie.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        pages.push(answer.text());
    }
    for page in &pages {
        let main = page.split("<main").nth(1).unwrap();
        for markup in ["<img src", "<script>", "<b>Groupe", "<i>"] {
            assert!(!main.contains(markup), "{markup} in {main}");
        }
    }
    let to = between(&pages[5], "name=\"a\" value=\"", "\"").unwrap();
    assert!(!to.contains('\n') && to.contains("y@dehors.test"), "{to:?}");
    let json = marie.get("/contacts/suggestions?q=groupe").await;
    assert_eq!(json.header("content-type"), "application/json");
    assert!(json.header("x-content-type-options") == "nosniff");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_one_may_mean_is_suggested() {
    let bench = Bench::new().await;
    let mut marie = bench.logged_in(MARIE).await;
    let form = [("nom", "Paula Autre"), ("adresses", "paula@dehors.test")];
    post(&mut marie, "/contacts/nouveau", &form).await;
    post(&mut marie, "/contacts/groupes/nouveau", &[("nom", "Paumés"), ("membre", "1")]).await;
    let mut tab = drafts::Tab::open(&mut marie, "/ecrire").await;
    tab.set("a", "Pauline Écrite <pauline@ac.test>, paul.durand@ac.test").set("objet", "x");
    bench.add("pauline@ac.test", "Pauline du Lycée", "10003").await;
    tab.press(&mut marie, "envoyer", &[]).await;
    let found = marie.get("/contacts/suggestions?q=PAU").await.text();
    let found: serde_json::Value = serde_json::from_str(&found).unwrap();
    let values: Vec<_> =
        found.as_array().unwrap().iter().map(|one| one["value"].as_str().unwrap()).collect();
    assert_eq!(values[0], "Paula Autre <paula@dehors.test>", "the group: {values:?}");
    for value in ["Pauline Écrite <pauline@ac.test>", "Paul Durand <paul.durand@ac.test>"] {
        let name = value.split(' ').next().unwrap();
        assert!(values.iter().any(|v| v.starts_with(name)), "{value} in {values:?}");
    }
    assert_eq!(values.iter().filter(|value| value.contains("pauline@ac.test")).count(), 1);
    for query in ["", "zzz"] {
        let none = marie.get(&format!("/contacts/suggestions?q={query}")).await.text();
        assert_eq!(none, "[]");
    }
    let page = marie.get("/contacts?q=durand").await.text();
    assert!(page.contains("Annuaire") && page.contains("paul.durand@ac.test"), "{page}");
    let mut stranger = bench.browser();
    let away = stranger.get("/contacts/suggestions?q=paul").await;
    assert_eq!(away.status, StatusCode::SEE_OTHER);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_exported_is_imported_as_it_was_with_its_groups() {
    let bench = Bench::new().await;
    let mut marie = bench.logged_in(MARIE).await;
    let table = "nom;adresses;telephones;groupes\r\n\
        Léa Petit;\"mere@dehors.test\npere@dehors.test\";+33 1;3e B\r\n\
        Max Grand;max@dehors.test;;\"3e B\nChorale\"\r\nFaux;pas une adresse;;\r\n;;;\r\n";
    let report = import(&mut marie, "classe.csv", table.as_bytes()).await.text();
    for shown in
        ["2 contacts ont été ajoutés", "1 fiche ou ligne n’a pas été prise", "N° 6", "Faux"]
    {
        assert!(report.contains(shown), "{shown} in {report}");
    }
    let again = import(&mut marie, "classe.csv", table.as_bytes()).await.text();
    assert!(again.contains("2 s’y trouvaient déjà"), "{again}");
    let mut paul = bench.logged_in("paul.durand@ac.test").await;
    for (name, kind) in [
        ("contacts.vcf", "text/vcard"),
        ("contacts-4.vcf", "text/vcard"),
        ("contacts.csv", "text/csv"),
    ] {
        let file = marie.get(&format!("/contacts/fichiers/{name}")).await;
        assert!(file.header("content-type").starts_with(kind), "{name}");
        assert!(file.header("content-disposition").contains("attachment"), "{name}");
        let report = import(&mut paul, name, &file.body).await.text();
        assert!(report.contains("contacts ont été ajoutés") || report.contains("déjà"), "{report}");
        let copy = paul.get(&format!("/contacts/fichiers/{name}")).await;
        assert_eq!(copy.body, file.body, "{name}");
    }
    let list = paul.get("/contacts").await.text();
    assert!(list.contains("3e B") && list.contains("Chorale") && list.contains("2 personnes"));
    let old = import(&mut paul, "x.vcf", b"BEGIN:VCARD\nVERSION:2.1\nFN:Vieux\nEND:VCARD\n").await;
    assert!(old.text().contains("versions 3 et 4"), "{}", old.text());
    let large = vec![b'a'; 5 << 20];
    assert_eq!(import(&mut paul, "x.csv", &large).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    let latin = import(&mut paul, "x.csv", b"nom,adresse mail\nRen\xe9,rene@dehors.test\n").await;
    assert!(latin.text().contains("1 contact a été ajouté"), "{}", latin.text());
    assert!(paul.get("/contacts?q=ren%C3%A9").await.text().contains("René"));
}
