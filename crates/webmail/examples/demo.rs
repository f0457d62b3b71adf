//! The webmail alone over a memory store, on loopback without TLS: `cargo run -p webmail --example
//! demo`, then <http://127.0.0.1:10080>, ID 10001, password `bonjour-facteur`. What is sent there stays
//! in the queue: nobody works it.

use std::net::SocketAddr;
use std::sync::Arc;

use directory::{Directory, DomainKind, NewAccount, NewPassword};
use mail_service::{Incoming, MailService};
use mail_store::Store;
use mail_types::{EmailAddress, ReversePath, Role};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use webmail::{Origin, PlainHttp, Port, Settings, Webmail};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

const PASSWORD: &str = "bonjour-facteur";

#[tokio::main]
async fn main() -> Outcome<()> {
    let port: u16 = std::env::args().nth(1).map_or(Ok(10080), |port| port.parse())?;
    let store = Store::memory();
    let directory = Directory::open(store.clone(), directory::Settings::default()).await?;
    directory.create_domain(&"ac-paris.test".parse()?, DomainKind::Hosted).await?;
    let clock: mail_service::Clock = Arc::new(jiff::Timestamp::now);
    let settings =
        mail_service::Settings { hostname: "mail.ac-paris.test".into(), ..Default::default() };
    let service = MailService::open(store, directory.clone(), settings, clock).await?;
    for (id, address, name) in [
        ("10001", "marie.martin@ac-paris.test", "Marie Martin"),
        ("10002", "paul.durand@ac-paris.test", "Paul Durand"),
    ] {
        let account = NewAccount {
            primary_address: address.parse()?,
            name: name.into(),
            person: directory::Person::default(),
            academic_id: id.parse()?,
            units: Vec::new(),
            role: Role::Agent,
            quota_bytes: None,
            password: Some(NewPassword::Hash(directory::hash_password(&PASSWORD.into())?)),
        };
        directory.create_account(account).await?;
    }
    for message in messages() {
        deliver(&service, &message).await?;
    }
    let settings = Settings {
        public_url: Origin::try_from(format!("http://127.0.0.1:{port}"))?,
        plain_http: PlainHttp::ServeLoopback,
        ..Settings::default()
    };
    let webmail = Webmail::new(settings, service, None);
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], port))).await?;
    let shutdown = CancellationToken::new();
    loop {
        let (stream, peer) = listener.accept().await?;
        tokio::spawn(Arc::clone(&webmail).serve(stream, peer, Port::Http, shutdown.clone()));
    }
}

async fn deliver(service: &MailService, message: &str) -> Outcome<()> {
    let address: EmailAddress = "marie.martin@ac-paris.test".parse()?;
    let recipient = service.recipient(&address, None).await?;
    let mut writer = service.message_writer();
    writer.write(message.replace('\n', "\r\n").as_bytes()).await?;
    let message = writer.finish().await?;
    let incoming = Incoming {
        queue_id: service.new_queue_id(),
        reverse_path: ReversePath::Null,
        recipients: vec![recipient],
        trace: Vec::new(),
        message,
        submitter: None,
    };
    Ok(service.deliver(incoming).await?)
}

/// Mail of the kinds that people get.
fn messages() -> Vec<String> {
    let mut all = Vec::new();
    for number in 1..=54 {
        let (name, local) = [
            ("Karim Benali", "karim.benali"),
            ("Élodie Lefèvre", "elodie.lefevre"),
            ("Secrétariat du collège Jules-Ferry", "ce.0750001a"),
            ("Jean-Baptiste Poquelin", "jean-baptiste.poquelin"),
        ][number % 4];
        let subject = [
            "Compte rendu de la réunion pédagogique",
            "Emploi du temps de la semaine prochaine",
            "Sortie au musée : autorisations parentales à rapporter avant vendredi",
            "Question sur le projet de classe",
            "Re: Conseil de classe de la 3e B",
        ][number % 5];
        all.push(format!(
            "From: {name} <{local}@ac-paris.test>\nTo: Marie Martin <marie.martin@ac-paris.test>\n\
             Subject: {subject}\nMessage-ID: <demo{number}@ac-paris.test>\n\
             Content-Type: text/plain; charset=utf-8\n\nBonjour,\n\nvoici le message numéro {number}. \
             Merci de me dire avant jeudi si cela vous convient.\n\nBien cordialement,\n{name}\n"
        ));
    }
    all.push(
        "From: =?utf-8?q?Nad=C3=A8ge_Petit?= <nadege.petit@ac-paris.test>\nTo: Marie Martin <marie.martin@ac-paris.test>, Paul Durand <paul.durand@ac-paris.test>\n\
         Cc: direction@ac-paris.test\nSubject: =?utf-8?q?Ordre_du_jour_du_conseil_d=E2=80=99administration?=\nMIME-Version: 1.0\n\
         Message-ID: <ca@ac-paris.test>\nContent-Type: multipart/mixed; boundary=m\n\n--m\nContent-Type: text/plain; charset=utf-8\n\n\
         Bonjour à toutes et à tous,\n\nvous trouverez en pièce jointe l’ordre du jour du conseil du 3 décembre.\n\
         Les documents sont aussi en ligne : https://www.ac-paris.test/documents/ca-2026 (accès réservé).\n\n\
         > Le 20 novembre, Paul Durand a écrit :\n> Pouvez-vous ajouter un point sur la cantine ?\n\nC’est fait.\n\nNadège Petit\n\
         --m\nContent-Type: application/pdf\nContent-Disposition: attachment; filename*=utf-8''ordre%20du%20jour%20d%C3%A9cembre.pdf\n\
         Content-Transfer-Encoding: base64\n\nJVBERi0xLjQKJcOkw7zDtsOf\n--m\nContent-Type: image/png\nContent-Disposition: attachment; filename=plan.png\n\
         Content-Transfer-Encoding: base64\n\niVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==\n--m--\n"
            .into(),
    );
    all.push(
        "From: Lettre des bibliothèques <lettre@bibliotheques.example>\nTo: marie.martin@ac-paris.test\nSubject: Nouveautés de novembre\n\
         MIME-Version: 1.0\nContent-Type: multipart/related; boundary=r\n\n--r\nContent-Type: text/html; charset=utf-8\n\n\
         <body style=\"background:#eee\"><table width=600 cellpadding=16 style=\"border-collapse:collapse;background-color:#ffffff\" align=center><tr><td bgcolor=\"#1f3b57\" style=\"color:#ffffff\">\
         <img src=\"cid:logo@x\" width=40 height=40 alt=\"Logo\"> <b style=\"font-size:22px\">La lettre des bibliothèques</b></td></tr>\
         <tr><td><h2 style=\"color:#1f3b57\">Douze romans pour le collège</h2><p>Chaque mois, nos bibliothécaires choisissent <i>douze livres</i> à lire en classe.</p>\
         <p style=\"position:fixed;top:0\">Ce paragraphe voulait tout recouvrir.</p><script>document.title='piraté'</script>\
         <p><a href=\"https://bibliotheques.example/nov?a=1&amp;b=2\" style=\"background-color:#1f3b57;color:#fff;padding:10px 18px;text-decoration:none;border-radius:6px\">Voir la sélection</a></p>\
         <img src=\"https://traceur.example/pixel.gif\" width=1 height=1></td></tr></table></body>\n\
         --r\nContent-Type: image/png\nContent-ID: <logo@x>\nContent-Transfer-Encoding: base64\n\n\
         iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==\n--r--\n"
            .into(),
    );
    all
}
