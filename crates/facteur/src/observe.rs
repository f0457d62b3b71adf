//! `/metrics`, `/health` and `/ready` for monitoring and orchestrators.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

/// How long a client may take over its request head.
const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(10);

/// What the monitoring port shows.
#[derive(Clone)]
pub(crate) struct Observer {
    pub(crate) metrics: PrometheusHandle,
    /// True between the end of the start and the begin of the stop.
    pub(crate) ready: Arc<AtomicBool>,
}

impl Observer {
    /// Answers one connection.
    ///
    /// Monitoring keeps its connection open: at a stop it ends after the answer under way.
    pub(crate) async fn serve(self, stream: TcpStream, shutdown: CancellationToken) {
        let service = service_fn(move |request| {
            let response = self.answer(&request);
            async move { Ok::<_, Infallible>(response) }
        });
        let mut http = hyper::server::conn::http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(HEADER_READ_TIMEOUT);
        let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
        let served = tokio::select! {
            served = connection.as_mut() => served,
            () = shutdown.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = served {
            tracing::debug!(%error, "monitoring connection ended");
        }
    }

    fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        let ready = self.ready.load(Ordering::Acquire);
        let (status, body) = match request.uri().path() {
            "/metrics" => (StatusCode::OK, self.metrics.render()),
            "/health" => (StatusCode::OK, "alive\n".into()),
            "/ready" if ready => (StatusCode::OK, "ready\n".into()),
            "/ready" => (StatusCode::SERVICE_UNAVAILABLE, "starting or stopping\n".into()),
            _ => (StatusCode::NOT_FOUND, "there are /metrics, /health and /ready\n".into()),
        };
        let mut response = Response::new(Full::new(Bytes::from(body)));
        *response.status_mut() = status;
        response
    }
}
