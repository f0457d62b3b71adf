//! Foreign clients: what msmtp and swaks send, an open IDLE session hears, and curl, mbsync and
//! imaplib read back byte for byte.

#[path = "demo.rs"]
mod demo;

#[test]
fn what_foreign_clients_send_foreign_clients_read_back_byte_for_byte() {
    demo::Demo::start(0).run_script("clients.py", &[]);
}

#[test]
fn hostile_input_gets_a_clear_answer_and_others_are_served_meanwhile() {
    demo::Demo::start(0).run_script("hostile.py", &[]);
}

#[test]
fn the_webmail_works_in_a_browser_wide_and_narrow_with_and_without_javascript() {
    let demo = demo::Demo::start(0);
    let modules = std::env::var("FACTEUR_NODE_MODULES").unwrap_or_else(|_| {
        let cache = std::env::var("XDG_CACHE_HOME")
            .unwrap_or_else(|_| format!("{}/.cache", std::env::var("HOME").unwrap_or_default()));
        format!("{cache}/facteur/browser/node_modules")
    });
    let output = std::process::Command::new("node")
        .arg(demo::repository().join("tests/browser/webmail.mjs"))
        .arg(demo.dir.join("demo.json"))
        .arg(demo.dir.with_extension("pictures"))
        .env("FACTEUR_NODE_MODULES", modules)
        .output()
        .expect("node runs");
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}\n{errors}\n{}", demo.log_tail());
}
