//! A last day that is set or taken back while somebody is logged in.

use crate::common::Server;

#[tokio::test(flavor = "multi_thread")]
async fn a_last_day_counts_from_the_next_command_on() {
    let server = Server::new().await;
    server.append("INBOX", b"Subject: one\r\n\r\nText.\r\n").await;
    for (day, wanted) in [
        (Some("2099-08-31"), "OK [READ-ONLY] SELECT completed"),
        (None, "OK [READ-WRITE] SELECT completed"),
    ] {
        let mut marie = server.logged_in().await;
        assert!(marie.command("a", "SELECT INBOX").await.contains("a OK"));
        server.leaves(day).await;
        let answer = marie.command("b", "STORE 1 +FLAGS (\\Flagged)").await;
        // The session ends; a command that is read before it notices is refused.
        let is_refused = answer.contains("b NO [NOPERM]");
        assert!(answer.contains("* BYE") || is_refused, "{answer}");
        let mut again = server.logged_in().await;
        let answer = again.command("c", "SELECT INBOX").await;
        assert!(answer.contains(wanted), "{answer}");
        let answer = again.command("d", "FETCH 1 FLAGS").await;
        assert!(answer.contains("FLAGS ())"), "nothing was changed: {answer}");
    }
}
