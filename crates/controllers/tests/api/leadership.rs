use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use reprise_controllers::Candidate;
use tokio::time::timeout;

use crate::scene::Scene;

#[tokio::test]
async fn of_two_candidates_one_works_and_the_other_after_it() {
    let scene = Scene::new().await;
    let candidate = |identity| Candidate::new(scene.client.clone(), "default", "work", identity);
    let (mut first, mut second) = (candidate("first"), candidate("second"));
    let limit = Duration::from_secs(60);
    timeout(limit, first.win()).await.unwrap();
    let (held, another) =
        tokio::join!(timeout(Duration::from_secs(5), first.hold()), timeout(Duration::from_secs(5), second.win()));
    assert!(held.is_err() && another.is_err(), "the first holds it");
    first.resign().await;
    timeout(limit, second.win()).await.unwrap();
    let leases: Api<Lease> = scene.api();
    let spec = leases.get("work").await.unwrap().spec.unwrap();
    assert_eq!(spec.holder_identity.as_deref(), Some("second"));
    assert_eq!(spec.lease_transitions, Some(1));
    // What it does now, the first sees and gives up.
    timeout(limit, first.hold()).await.unwrap();
    scene.end().await;
}
