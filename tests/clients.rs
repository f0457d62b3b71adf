//! Foreign clients: what msmtp and swaks send, an open IDLE session hears, and curl, mbsync and
//! imaplib read back byte for byte.

#[path = "demo.rs"]
#[allow(dead_code)]
mod demo;

#[test]
fn what_foreign_clients_send_foreign_clients_read_back_byte_for_byte() {
    demo::Demo::start(0).run_script("clients.py", &[]);
}

#[test]
fn hostile_input_gets_a_clear_answer_and_others_are_served_meanwhile() {
    demo::Demo::start(0).run_script("hostile.py", &[]);
}
