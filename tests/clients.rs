//! Foreign clients: what msmtp and swaks send, an open IDLE session hears, and curl, mbsync and
//! imaplib read back byte for byte.

#[path = "demo.rs"]
mod demo;

#[test]
fn what_foreign_clients_send_foreign_clients_read_back_byte_for_byte() {
    demo::Demo::start(0).run_script("clients.py", &[]);
}

#[test]
fn mail_programs_configure_themselves_from_the_address_alone() {
    demo::Demo::start(0).run_script("autoconfig.py", &[]);
}

#[test]
fn a_later_demo_with_another_password_gives_it_to_the_agents_that_are_there() {
    let mut demo = demo::Demo::start(3);
    demo.run_script("agents.py", &["mot-de-passe-demo"]);
    demo.start_again(&["--password", "un-autre-mot-de-passe"]);
    demo.run_script("agents.py", &["un-autre-mot-de-passe"]);
}

#[test]
fn hostile_input_gets_a_clear_answer_and_others_are_served_meanwhile() {
    demo::Demo::start(0).run_script("hostile.py", &[]);
}

#[test]
fn the_webmail_works_in_a_browser_wide_and_narrow_with_and_without_javascript() {
    browse("webmail.mjs");
}

#[test]
fn a_sent_message_is_taken_back_or_sent_later_with_and_without_javascript() {
    browse("outbox.mjs");
}

#[test]
fn the_address_book_is_kept_grouped_suggested_and_exchanged_in_a_browser() {
    browse("contacts.mjs");
}

#[test]
fn no_letter_runs_a_script_or_reaches_out_with_either_wall_absent() {
    browse("sanitizer.mjs");
}

#[test]
fn every_page_is_accessible_in_both_languages_both_themes_and_three_widths() {
    browse("looks.mjs");
}

#[test]
fn a_telephone_is_set_up_and_the_public_pages_are_read_in_a_browser() {
    browse("setup.mjs");
}

#[test]
fn every_step_stays_within_its_bytes_and_requests() {
    browse("budgets.mjs");
}

#[test]
fn a_newcomer_chooses_a_password_at_the_webmail_before_anything_else_opens() {
    let demo = demo::Demo::start(0);
    demo.run_script("first_login.py", &["before"]);
    browse_at(&demo, "first_login.mjs");
    demo.run_script("first_login.py", &["after", "girafe bleue sous la pluie"]);
}

#[test]
fn an_account_is_secured_lost_and_found_again_and_mail_programs_follow() {
    // Where the demo sends mail for others: the script listens there and reads the codes.
    let sink = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = sink.local_addr().expect("a bound socket has an address").port().to_string();
    drop(sink);
    let demo = demo::Demo::start_with(4, &["--relay-to", &format!("127.0.0.1:{port}")]);
    browse_on(&demo, "security.mjs", &[&port]);
}

#[test]
fn schools_accounts_and_files_are_administered_in_a_browser() {
    browse("administration.mjs");
}

#[test]
fn a_large_staff_file_comes_in_through_the_administration() {
    browse("import.mjs");
}

#[test]
fn identity_alone_leads_back_in_a_day_later_where_two_administrators_opened_it() {
    let facteur = env!("CARGO_BIN_EXE_facteur");
    let mut demo = demo::Demo::start(4);
    demo.run_script("identity.py", &[facteur, "open"]);
    browse_on(&demo, "identity.mjs", &["asked"]);
    demo.start_again(&["--days-later", "1"]);
    browse_on(&demo, "identity.mjs", &["late"]);
    demo.run_script("identity.py", &[facteur, "unlock"]);
    browse_on(&demo, "identity.mjs", &["opened"]);
}

/// Runs `node tests/browser/NAME` on a demo of its own; panics with its output when it fails.
fn browse(name: &str) {
    browse_at(&demo::Demo::start(0), name);
}

/// The same on this demo.
fn browse_at(demo: &demo::Demo, name: &str) {
    browse_on(demo, name, &[]);
}

/// The same with further arguments.
fn browse_on(demo: &demo::Demo, name: &str, arguments: &[&str]) {
    let modules = std::env::var("FACTEUR_NODE_MODULES").unwrap_or_else(|_| {
        let cache = std::env::var("XDG_CACHE_HOME")
            .unwrap_or_else(|_| format!("{}/.cache", std::env::var("HOME").unwrap_or_default()));
        format!("{cache}/facteur/browser/node_modules")
    });
    let mut command = std::process::Command::new("node");
    command
        .arg(demo::repository().join("tests/browser").join(name))
        .arg(demo.dir.join("demo.json"))
        .args(arguments)
        .env("FACTEUR_NODE_MODULES", modules);
    // Scripts of different pages name their pictures alike.
    if let Some(pictures) = std::env::var_os("FACTEUR_PICTURES") {
        command.env("FACTEUR_PICTURES", std::path::Path::new(&pictures).join(name));
    }
    let output = command.output().expect("node runs");
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}\n{text}\n{errors}\n{}", demo.log_tail());
    tell(&text);
}

/// What was found, for whoever runs the tests with `--nocapture`.
#[expect(clippy::print_stdout, reason = "figures beside the verdict")]
fn tell(text: &str) {
    print!("{text}");
}
