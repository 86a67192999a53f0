//! `/metrics`, `/healthz` and `/readyz`.

use axum::{Router, extract::State, http::StatusCode, routing::get};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::{net::TcpListener, sync::watch};

use super::Readiness;

pub(super) async fn serve(
    listener: TcpListener,
    handle: PrometheusHandle,
    readiness: Readiness,
    mut stopped: watch::Receiver<bool>,
) {
    let router = Router::new()
        .route("/metrics", get(|State(handle): State<PrometheusHandle>| async move { handle.render() }))
        .with_state(handle)
        .route("/healthz", get(|| async { "ok\n" }))
        .route(
            "/readyz",
            get(move || {
                let answer = match readiness() {
                    Ok(()) => (StatusCode::OK, "ready\n".to_owned()),
                    Err(problem) => (StatusCode::SERVICE_UNAVAILABLE, format!("{problem}\n")),
                };
                async { answer }
            }),
        );
    let stopping = async move {
        let _ = stopped.wait_for(|stopped| *stopped).await;
    };
    if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(stopping).await {
        tracing::error!(%error, "the listener of metrics and health ended");
    }
}
