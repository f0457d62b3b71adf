//! The program against a small server of the test's own: what it sends is right, and its figures
//! count what the server saw.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};

/// What all sessions of the fake server know.
#[derive(Default)]
struct Seen {
    /// Messages by mailbox.
    mailboxes: HashMap<String, Vec<Vec<u8>>>,
    logins: usize,
    commands: Vec<String>,
}

type Shared = Arc<Mutex<Seen>>;

#[test]
fn smtp_waits_until_all_messages_are_in_their_mailboxes() {
    let seen = Shared::default();
    let (smtp, imap) = (serve(&seen, smtp_session), serve(&seen, imap_session));
    let args = format!(
        "smtp --port {smtp} --imap-port {imap} --password secret --sessions 3 --messages 10 \
         --size 2000 --mailboxes 4 --to u%d@a.test --per-connection 2"
    );
    let report = bench(&args);
    assert_eq!(report["operations"], 10);
    for name in ["in mailboxes", "accepted", "one message, median"] {
        assert!(figure(&report, name) > 0.0, "{name}");
    }
    let seen = seen.lock().unwrap();
    let count = |number: usize| seen.mailboxes[&format!("u{number}@a.test")].len();
    assert_eq!([1, 2, 3, 4].map(count), [3, 3, 2, 2]);
    let messages: Vec<_> = seen.mailboxes.values().flatten().collect();
    assert!(messages.iter().all(|message| message.len() == 2000));
}

#[test]
fn lmtp_takes_a_reply_for_each_recipient() {
    let seen = Shared::default();
    let lmtp = serve(&seen, lmtp_session);
    let args = format!(
        "lmtp --port {lmtp} --messages 2 --recipients 5 --mailboxes 5 --to u%d@a.test --sessions 1"
    );
    assert_eq!(bench(&args)["operations"], 2);
    let seen = seen.lock().unwrap();
    assert_eq!(seen.mailboxes.values().map(Vec::len).collect::<Vec<_>>(), [2; 5]);
}

#[test]
fn logins_and_appends_are_counted() {
    let seen = Shared::default();
    let imap = serve(&seen, imap_session);
    let user = "--user u%d@a.test --users 3 --password secret";
    let report = bench(&format!("imap-login --port {imap} {user} --logins 7 --connections 2"));
    assert!(figure(&report, "logins") > 0.0);
    assert_eq!(seen.lock().unwrap().logins, 7);
    let report = bench(&format!("append --port {imap} {user} --messages 9 --connections 3"));
    assert_eq!(report["operations"], 9);
    let seen = seen.lock().unwrap();
    assert_eq!(seen.mailboxes.values().map(Vec::len).sum::<usize>(), 9);
}

#[test]
fn mailbox_operations_that_the_server_lacks_are_left_out() {
    let seen = Shared::default();
    let imap = serve(&seen, imap_session);
    let args = format!(
        "mailbox --port {imap} --user u1@a.test --password secret --messages 40 --corpus 10 \
         --passes 2"
    );
    let report = bench(&args);
    assert!(figure(&report, "SELECT") > 0.0);
    assert!(figure(&report, "COPY in the mailbox") > 0.0);
    let names: Vec<_> = report["figures"].as_array().unwrap().iter().map(|f| &f["name"]).collect();
    assert!(names.iter().all(|name| !name.as_str().unwrap().starts_with("SORT")));
    let seen = seen.lock().unwrap();
    let sent = |start: &str| seen.commands.iter().filter(|line| line.starts_with(start)).count();
    assert_eq!((sent("COPY"), sent("UID SEARCH BODY")), (2, 2));
}

#[test]
fn a_refusal_ends_the_program_with_the_servers_words() {
    let seen = Shared::default();
    let imap = serve(&seen, imap_session);
    let args = format!("imap-login --port {imap} --user u1@a.test --password wrong");
    let output = run(&args);
    assert!(!output.status.success());
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("NO wrong password"), "{errors}");
}

fn run(args: &str) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_bench"))
        .args(args.split_whitespace())
        .arg("--json")
        .output()
        .expect("bench runs")
}

fn bench(args: &str) -> serde_json::Value {
    let output = run(args);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn figure(report: &serde_json::Value, name: &str) -> f64 {
    let figures = report["figures"].as_array().expect("figures");
    let figure = figures.iter().find(|figure| figure["name"] == name);
    figure.unwrap_or_else(|| panic!("no {name} in {report}"))["value"].as_f64().expect("a number")
}

/// Serves until the test's process ends; each session in a thread of its own.
fn serve(seen: &Shared, session: fn(TcpStream, &Shared) -> std::io::Result<()>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    let seen = Arc::clone(seen);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let seen = Arc::clone(&seen);
            std::thread::spawn(move || session(stream, &seen));
        }
    });
    port
}

fn smtp_session(stream: TcpStream, seen: &Shared) -> std::io::Result<()> {
    mail_session(stream, seen, false)
}

fn lmtp_session(stream: TcpStream, seen: &Shared) -> std::io::Result<()> {
    mail_session(stream, seen, true)
}

fn mail_session(stream: TcpStream, seen: &Shared, is_lmtp: bool) -> std::io::Result<()> {
    let (mut input, mut output) = (BufReader::new(stream.try_clone()?), stream);
    output.write_all(b"220-fake\r\n220 ready\r\n")?;
    let (mut line, mut recipients) = (String::new(), Vec::new());
    while read_line(&mut input, &mut line)? {
        match &line[..4] {
            "EHLO" | "LHLO" => {
                assert_eq!(line.starts_with("LHLO"), is_lmtp);
                output.write_all(b"250-fake\r\n250 SIZE\r\n")?;
            }
            "MAIL" => {
                recipients.clear();
                output.write_all(b"250 ok\r\n")?;
            }
            "RCPT" => {
                let address = line.split(['<', '>']).nth(1).expect("a path");
                recipients.push(address.to_owned());
                output.write_all(b"250 ok\r\n")?;
            }
            "DATA" => {
                output.write_all(b"354 go on\r\n")?;
                let mut message = Vec::new();
                while read_line(&mut input, &mut line)? && line != "." {
                    message.extend_from_slice(format!("{line}\r\n").as_bytes());
                }
                let mut seen = seen.lock().expect("no panic");
                for recipient in &recipients {
                    seen.mailboxes.entry(recipient.clone()).or_default().push(message.clone());
                }
                drop(seen);
                let replies = if is_lmtp { recipients.len() } else { 1 };
                output.write_all(&b"250 taken\r\n".repeat(replies))?;
            }
            "QUIT" => return output.write_all(b"221 bye\r\n"),
            other => panic!("unexpected {other}"),
        }
    }
    Ok(())
}

fn imap_session(stream: TcpStream, seen: &Shared) -> std::io::Result<()> {
    let (mut input, mut output) = (BufReader::new(stream.try_clone()?), stream);
    output.write_all(b"* OK ready\r\n")?;
    let (mut line, mut user) = (String::new(), String::new());
    while read_line(&mut input, &mut line)? {
        let (tag, command) = line.split_once(' ').expect("a tag");
        let (tag, command) = (tag.to_owned(), command.to_owned());
        seen.lock().expect("no panic").commands.push(command.clone());
        let words: Vec<&str> = command.split(' ').collect();
        let mut completion = "OK done";
        match words[0] {
            "LOGIN" if words[2] == "secret" => {
                words[1].clone_into(&mut user);
                seen.lock().expect("no panic").logins += 1;
            }
            "LOGIN" => completion = "NO wrong password",
            "CAPABILITY" => output.write_all(b"* CAPABILITY IMAP4rev1\r\n")?,
            "APPEND" => {
                let size = command.split(['{', '}']).nth(1).expect("a literal");
                output.write_all(b"+ go on\r\n")?;
                let mut message = vec![0; size.parse().expect("a size")];
                input.read_exact(&mut message)?;
                assert!(read_line(&mut input, &mut line)? && line.is_empty());
                let mut seen = seen.lock().expect("no panic");
                seen.mailboxes.entry(user.clone()).or_default().push(message);
            }
            "COPY" => {
                let last = words[1].split(':').next_back().expect("a range");
                let count: usize = last.parse().expect("a number");
                let mut seen = seen.lock().expect("no panic");
                let mailbox = seen.mailboxes.entry(user.clone()).or_default();
                mailbox.extend(mailbox[..count].to_vec());
            }
            "STATUS" | "SELECT" => {
                let seen = seen.lock().expect("no panic");
                let count = seen.mailboxes.get(&user).map_or(0, Vec::len);
                let status = format!("* STATUS {} (MESSAGES {count})\r\n", words[1]);
                let exists = format!("* {count} EXISTS\r\n");
                let line = if words[0] == "STATUS" { status } else { exists };
                output.write_all(line.as_bytes())?;
            }
            _ => {}
        }
        output.write_all(format!("{tag} {completion}\r\n").as_bytes())?;
        if words[0] == "LOGOUT" {
            break;
        }
    }
    Ok(())
}

/// Reads a line of CRLF; `false` at the end.
fn read_line(input: &mut impl BufRead, line: &mut String) -> std::io::Result<bool> {
    line.clear();
    let count = input.read_line(line)?;
    if count > 0 {
        assert!(line.ends_with("\r\n"), "a bare line end in {line:?}");
        line.truncate(line.len() - 2);
    }
    Ok(count > 0)
}
