//! grpc: passes if the server says through gRPC's own health protocol that the service serves.

use std::time::Duration;

use tonic::transport::Endpoint;
use tonic::{Code, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::target::host_port;
use super::tried::Tried;
use super::words::{self, USER_AGENT};

pub(super) async fn probe(host: &str, port: u16, service: &str, limit: Duration) -> Tried {
    let (to, end) = (host_port(host, port), tokio::time::Instant::now() + limit);
    let endpoint = Endpoint::from_shared(format!("http://{to}")).and_then(|e| e.user_agent(USER_AGENT));
    let endpoint = match endpoint {
        Ok(endpoint) => endpoint,
        Err(error) => return Tried::Errored(words::first_cause(&error)),
    };
    let within = words::duration(limit);
    let channel = match tokio::time::timeout_at(end, endpoint.connect()).await {
        Ok(Ok(channel)) => channel,
        // The kubelet goes on trying to connect until its time is up; here the first refusal is the answer.
        Ok(Err(error)) => return Tried::Failed(no_connection(&to, &within, &words::first_cause(&error))),
        Err(_) => return Tried::Failed(no_connection(&to, &within, "context deadline exceeded")),
    };
    let mut client = HealthClient::new(channel);
    let request = HealthCheckRequest { service: service.to_owned() };
    match tokio::time::timeout_at(end, client.check(request)).await {
        Ok(Ok(answer)) => judge(answer.into_inner().status()),
        Ok(Err(status)) => Tried::Failed(refusal(&status)),
        Err(_) => Tried::Failed(format!("timeout: health rpc did not complete within {within}")),
    }
}

fn no_connection(to: &str, within: &str, why: &str) -> String {
    format!("timeout: failed to connect service {to:?} within {within}: {why}")
}

fn judge(status: ServingStatus) -> Tried {
    match status {
        ServingStatus::Serving => Tried::Passed,
        other => Tried::Failed(format!("service unhealthy (responded with {:?})", other.as_str_name())),
    }
}

fn refusal(status: &Status) -> String {
    match status.code() {
        Code::Unimplemented => format!(
            "error: this server does not implement the grpc health protocol (grpc.health.v1.Health): {}",
            status.message()
        ),
        code => {
            format!("error: health rpc probe failed: rpc error: code = {code:?} desc = {}", status.message())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;
    use tokio_stream::wrappers::TcpListenerStream;
    use tonic::transport::Server;
    use tonic_health::server::HealthReporter;

    const LIMIT: Duration = Duration::from_secs(5);

    async fn serve() -> (u16, HealthReporter) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (reporter, service) = tonic_health::server::health_reporter();
        let serving = Server::builder().add_service(service).serve_with_incoming(TcpListenerStream::new(listener));
        tokio::spawn(async move { drop(serving.await) });
        (port, reporter)
    }

    #[tokio::test]
    async fn the_status_of_the_service_that_is_asked_for_decides() {
        let (port, reporter) = serve().await;
        assert_eq!(probe("127.0.0.1", port, "", LIMIT).await, Tried::Passed);
        reporter.set_service_status("db", tonic_health::ServingStatus::NotServing).await;
        let unhealthy = Tried::Failed("service unhealthy (responded with \"NOT_SERVING\")".to_owned());
        assert_eq!(probe("127.0.0.1", port, "db", LIMIT).await, unhealthy);
        reporter.set_service_status("db", tonic_health::ServingStatus::Serving).await;
        assert_eq!(probe("127.0.0.1", port, "db", LIMIT).await, Tried::Passed);
    }

    #[tokio::test]
    async fn a_service_that_is_not_known_a_server_without_the_protocol_and_no_server_fail() {
        let (port, _reporter) = serve().await;
        let Tried::Failed(unknown) = probe("127.0.0.1", port, "other", LIMIT).await else { panic!("it passed") };
        assert!(unknown.starts_with("error: health rpc probe failed: rpc error: code = NotFound"), "{unknown}");

        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let routes = tonic::service::Routes::default();
        let serving = Server::builder().add_routes(routes).serve_with_incoming(TcpListenerStream::new(listener));
        let server = tokio::spawn(async move { drop(serving.await) });
        let Tried::Failed(without) = probe("127.0.0.1", port, "", LIMIT).await else { panic!("it passed") };
        assert!(without.contains("does not implement the grpc health protocol"), "{without}");
        server.abort();
        drop(server.await);
        let refused = format!("timeout: failed to connect service \"127.0.0.1:{port}\" within 5s: connection refused");
        assert_eq!(probe("127.0.0.1", port, "", LIMIT).await, Tried::Failed(refused));
    }
}
