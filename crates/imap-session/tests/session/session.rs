//! The session as a driver sees it: bytes in, steps out, and its limits.

use imap_session::{Session, Step};
use proptest::prelude::*;

/// Bad commands in a row before the connection is closed.
const BAD_COMMANDS_MAX: usize = 20;

/// Plays the client's bytes and writes down the steps; APPENDs are accepted.
fn play(session: &mut Session, pieces: &[&[u8]]) -> Vec<String> {
    let mut steps = Vec::new();
    for piece in pieces {
        session.receive(piece);
        loop {
            match session.next() {
                Step::Read => break,
                Step::Append(append) => {
                    steps.push(format!("APPEND {}", append.size));
                    if let Some(go) = session.accept_append() {
                        steps.push(String::from_utf8_lossy(go).into_owned());
                    }
                }
                Step::Chunk(bytes) => match steps.last_mut() {
                    Some(last) if last.starts_with("CHUNK") => {
                        last.push_str(&String::from_utf8_lossy(&bytes));
                    }
                    _ => steps.push(format!("CHUNK {}", String::from_utf8_lossy(&bytes))),
                },
                Step::Command(tagged) => {
                    steps.push(format!("{} {:?}", tagged.tag, tagged.command));
                }
                Step::Write(bytes) => steps.push(String::from_utf8_lossy(&bytes).into_owned()),
                Step::Close(bytes) => {
                    steps.push(format!("CLOSE {}", String::from_utf8_lossy(&bytes)));
                    return steps;
                }
                other => steps.push(format!("{other:?}")),
            }
        }
    }
    steps
}

fn logged_in() -> Session {
    let mut session = Session::new();
    session.login();
    session
}

const DIALOG: &[u8] =
    b"a NOOP\r\nb APPEND x {5+}\r\nhello\r\nc LOGIN {1+}\r\nu {1+}\r\np\r\nd nope\r\n";

#[test]
fn commands_come_out_in_order_wherever_the_bytes_are_cut() {
    let whole = play(&mut logged_in(), &[DIALOG]);
    assert_eq!(whole[0], "a Noop");
    assert_eq!(whole[1..4], ["APPEND 5", "CHUNK hello", "AppendEnd"]);
    assert!(whole[5].starts_with("d BAD"));
    for cut in 1..DIALOG.len() {
        let (head, tail) = DIALOG.split_at(cut);
        assert_eq!(play(&mut logged_in(), &[head, tail]), whole, "cut at {cut}");
    }
}

#[test]
fn huge_literals_are_refused_and_the_session_goes_on() {
    let steps = play(&mut Session::new(), &[b"a LOGIN {4294967295}\r\nb NOOP\r\n"]);
    assert_eq!(steps, ["a BAD [TOOBIG] The literal is too long\r\n", "b Noop"]);
    let steps = play(&mut Session::new(), &[b"a LOGIN {99999999999999999999}\r\nb NOOP\r\n"]);
    assert_eq!(steps[1], "b Noop");
}

#[test]
fn a_mebibyte_of_parentheses_before_login_ends_the_session_with_bounded_memory() {
    let mut session = Session::new();
    let mut steps = Vec::new();
    for _ in 0..1024 {
        steps = play(&mut session, &[&[b'('; 1024]]);
        if !steps.is_empty() {
            break;
        }
    }
    assert!(steps[0].starts_with("CLOSE * BAD [TOOBIG]"), "{steps:?}");
    assert!(matches!(session.next(), Step::Close(_)));
}

#[test]
fn plaintext_behind_starttls_is_dropped() {
    let mut session = Session::new();
    session.receive(b"a STARTTLS\r\nb LOGIN x y\r\n");
    assert!(matches!(session.next(), Step::Command(_)));
    session.start_tls();
    assert!(matches!(session.next(), Step::Read));
}

#[test]
fn an_append_refused_before_its_message_came_is_answered_once() {
    // The message came in a later piece, and its end was told as a second tagged BAD.
    let pieces: [&[u8]; 3] = [b"a APPEND x nonsense {5+}\r\n", b"hel", b"lo\r\nb NOOP\r\n"];
    let steps = play(&mut logged_in(), &pieces);
    assert_eq!(steps.len(), 2, "{steps:?}");
    assert!(steps[0].starts_with("a BAD") && steps[1] == "b Noop", "{steps:?}");
}

#[test]
fn many_bad_commands_end_the_session() {
    let steps = play(&mut Session::new(), &[&b"x\r\n".repeat(100)]);
    assert_eq!(steps.len(), BAD_COMMANDS_MAX);
    assert!(steps.last().unwrap().contains("BYE"));
}

#[test]
fn idle_ends_with_done_and_nothing_else() {
    let mut session = logged_in();
    session.begin_idle();
    assert_eq!(play(&mut session, &[b"done\r\n"]), ["Done"]);
    session.begin_idle();
    assert!(play(&mut session, &[b"a NOOP\r\n"])[0].starts_with("CLOSE"));
}

proptest! {
    #[test]
    fn nothing_panics_or_stays_silent_for_ever(bytes in proptest::collection::vec(any::<u8>(), 0..400), login in any::<bool>()) {
        let mut session = if login { logged_in() } else { Session::new() };
        let _ = play(&mut session, &[&bytes]);
    }
}
