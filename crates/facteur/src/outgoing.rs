//! Mail on its way out: routes from the configuration, and the worker of the queue, which signs.

use std::sync::Arc;

use arc_swap::ArcSwap;
use smtp_relay::{Resolver, RouteSettings, Routes, Transport, Via, Worker};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::admin::Services;
use crate::config::Config;
use crate::signing::{Signers, Signing, signers};

/// The routes of a configuration, and the keys of its secrets file.
pub(crate) struct Exchange {
    routes: Routes,
    signers: Signers,
}

/// What a reload exchanges.
pub(crate) struct Outgoing {
    routes: Arc<ArcSwap<Routes>>,
    signing: Arc<Signing>,
}

impl Outgoing {
    /// Starts the worker. It runs even when nothing may leave: mail that was held back is for
    /// mailboxes here as well.
    pub(crate) fn start(
        config: &Config,
        services: &Services,
        tasks: &TaskTracker,
        shutdown: &CancellationToken,
    ) -> Result<Self, String> {
        let dns = Resolver::new(&config.dns).map_err(|error| format!("dns: {error}"))?;
        let transport = Transport::new(&config.relay, &config.hostname, Arc::new(dns))
            .map_err(|error| format!("relay: {error}"))?;
        let routes = Arc::new(ArcSwap::from_pointee(routes(config)?));
        let signing = Arc::new(Signing::new(services.mail.clone(), &config.secrets_file)?);
        let worker = Worker::new(
            services.mail.clone(),
            &config.relay,
            Arc::clone(&routes),
            transport,
            Some(signing.clone()),
        );
        tasks.spawn(worker.run(shutdown.clone()));
        Ok(Self { routes, signing })
    }

    /// Reads what a reload exchanges, and changes nothing: the rest of it may still be refused.
    pub(crate) fn read(config: &Config) -> Result<Exchange, String> {
        Ok(Exchange { routes: routes(config)?, signers: signers(&config.secrets_file)? })
    }

    /// Uses these from now on.
    pub(crate) fn exchange(&self, new: Exchange) {
        self.routes.store(Arc::new(new.routes));
        self.signing.exchange(new.signers);
    }
}

/// The routing table; without a way out, one that refuses everything, notices included.
fn routes(config: &Config) -> Result<Routes, String> {
    let nowhere = [RouteSettings {
        recipients: vec!["*".into()],
        via: Via::Refuse,
        text: Some("this server sends no mail to other servers".into()),
        ..RouteSettings::default()
    }];
    let rules = if config.relay.enabled { &config.relay.route[..] } else { &nowhere };
    Routes::new(rules, |path| std::fs::read_to_string(path)).map_err(|error| error.to_string())
}
