//! `facteur verify` while a server serves.

use mail_types::AccountId;

use crate::support::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn verify_tells_no_faults_of_an_account_whose_messages_are_being_indexed() {
    // It read the catalogue, the indexer wrote and removed segments, and it looked for their rows:
    // operators were told to restore a backup.
    let dir = tempfile::tempdir().unwrap();
    let (data, secrets) = (dir.path().join("data"), dir.path().join("secrets.toml"));
    let mut options = mail_store::StoreOptions::new(data, secrets);
    options.disk_free_bytes_min = 0;
    let server = Server::over(mail_store::Store::open(options).unwrap()).await;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let service = server.service.clone();
    let stop_asked = async move { drop(stopped.await) };
    let indexer = tokio::spawn(async move { service.run_indexer(stop_asked).await });
    let other = server.clone();
    let sender = tokio::spawn(async move {
        for number in 0..600 {
            other.deliver(&[1], &message(number)).await.unwrap();
        }
    });
    while !sender.is_finished() || server.service.index_queue() > 0 {
        let faults = server.service.verify(AccountId(1)).await.unwrap().faults;
        // Faults that a delivery alone can make are not looked at here: it never pauses.
        let about_index: Vec<_> =
            faults.iter().filter(|fault| fault.starts_with("index segment")).collect();
        assert!(about_index.is_empty(), "{about_index:?}");
    }
    sender.await.unwrap();
    assert_eq!(server.service.verify(AccountId(1)).await.unwrap().faults, Vec::<String>::new());
    drop(stop);
    indexer.await.unwrap();
}
