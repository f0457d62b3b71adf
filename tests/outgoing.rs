//! Mail that leaves: the demo with another server behind it (`tests/scripts/outgoing.py` has the
//! steps), and Debian's Postfix as the outside world (`tests/scripts/postfix.py`).

mod script;

fn outgoing(step: &str) {
    script::run("outgoing.py", &[step]);
}

#[test]
fn mail_leaves_byte_for_byte_and_a_mixed_message_reaches_everybody_once() {
    outgoing("leave");
}

#[test]
fn a_refusal_comes_back_as_a_notice_and_a_delay_waits_in_the_queue() {
    outgoing("refuse");
}

#[test]
fn what_is_queued_survives_a_kill() {
    outgoing("kill");
}

#[test]
fn a_message_is_held_until_its_time_and_can_be_held_by_an_operator() {
    outgoing("hold");
}

#[test]
fn it_can_be_told_what_happened_to_a_message_long_after_it_left() {
    outgoing("trace");
}

#[test]
fn mail_goes_through_postfix_and_comes_back_byte_for_byte_with_good_signatures() {
    script::run("postfix.py", &[]);
}
