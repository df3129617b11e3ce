//! Who of several controllers works: the one that holds a Lease.
//!
//! The holder writes the Lease again and again. Another takes it when it has not changed for the time that it says, on its own clock:
//! what clocks elsewhere say is not compared.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};
use reprise_core::unset::text;
use tokio::time::Instant;

use crate::error::{Error, unless_there};

/// A Lease that was not renewed for so long is anybody's.
const DURATION: Duration = Duration::from_secs(15);
/// Its holder gives up after so long without a renewal: before others take it.
const DEADLINE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_secs(2);

/// What came of an attempt.
enum Outcome {
    Held,
    /// Another holds it.
    Another,
    /// Somebody else was faster; who, the next attempt sees.
    Changed,
}

impl Outcome {
    fn of(written: Option<Lease>) -> Self {
        if written.is_some() { Self::Held } else { Self::Changed }
    }
}

/// A candidate.
pub struct Candidate {
    leases: Api<Lease>,
    name: String,
    identity: String,
    /// The version of the Lease that was seen last, and since when it is that.
    seen: Option<(String, Instant)>,
}

impl Candidate {
    /// One for the Lease `name`, under a name of its own.
    #[must_use]
    pub fn new(client: Client, namespace: &str, name: &str, identity: &str) -> Self {
        let leases = Api::namespaced(client, namespace);
        Self { leases, name: name.to_owned(), identity: identity.to_owned(), seen: None }
    }

    /// Waits until it holds the Lease.
    pub async fn win(&mut self) {
        loop {
            match self.attempt().await {
                Ok(Outcome::Held) => return,
                Ok(Outcome::Another | Outcome::Changed) => {}
                Err(error) => tracing::warn!("{error}; tried again"),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Keeps the Lease; returns when it is lost.
    pub async fn hold(&mut self) {
        let mut renewed = Instant::now();
        while renewed.elapsed() < DEADLINE {
            tokio::time::sleep(PAUSE).await;
            let begun = Instant::now();
            match tokio::time::timeout(DEADLINE.saturating_sub(renewed.elapsed()), self.attempt()).await {
                Ok(Ok(Outcome::Held)) => renewed = begun,
                Ok(Ok(Outcome::Another)) => return,
                Ok(Ok(Outcome::Changed)) => {}
                Ok(Err(error)) => tracing::warn!("{error}; tried again"),
                Err(_) => return,
            }
        }
    }

    /// Gives the Lease back, so that the next need not wait.
    pub async fn resign(&self) {
        if let Err(error) = self.give_back().await {
            tracing::warn!("{error}; the next has to wait until its time is over");
        }
    }

    async fn give_back(&self) -> Result<(), Error> {
        let what = || format!("Lease {}", self.name);
        let mut lease = self.leases.get(&self.name).await.map_err(Error::call("get", what()))?;
        let spec = lease.spec.get_or_insert_default();
        if text(&spec.holder_identity) != self.identity {
            return Ok(());
        }
        (spec.holder_identity, spec.lease_duration_seconds) = (Some(String::new()), Some(1));
        let answer = self.leases.replace(&self.name, &PostParams::default(), &lease).await;
        answer.map(|_| ()).map_err(Error::call("update", what()))
    }

    /// Takes or renews the Lease.
    async fn attempt(&mut self) -> Result<Outcome, Error> {
        let what = || format!("Lease {}", self.name);
        let Some(mut lease) = self.leases.get_opt(&self.name).await.map_err(Error::call("get", what()))? else {
            let metadata = ObjectMeta { name: Some(self.name.clone()), ..ObjectMeta::default() };
            let lease = Lease { metadata, spec: Some(self.holding(None)) };
            let created = self.leases.create(&PostParams::default(), &lease).await;
            return Ok(Outcome::of(unless_there(created.map_err(Error::call("create", what())))?));
        };
        let version = text(&lease.metadata.resource_version).to_owned();
        let since = match &self.seen {
            Some((seen, since)) if *seen == version => *since,
            _ => self.seen.insert((version, Instant::now())).1,
        };
        let holder = lease.spec.as_ref().map(|spec| text(&spec.holder_identity)).unwrap_or_default();
        let duration =
            lease.spec.as_ref().and_then(|spec| spec.lease_duration_seconds).and_then(|own| u64::try_from(own).ok());
        let is_free = holder.is_empty() || since.elapsed() > duration.map_or(DURATION, Duration::from_secs);
        if holder != self.identity && !is_free {
            return Ok(Outcome::Another);
        }
        lease.spec = Some(self.holding(lease.spec.as_ref()));
        // With its version: of two that take it, one is refused.
        let taken = self.leases.replace(&self.name, &PostParams::default(), &lease).await;
        Ok(Outcome::of(unless_there(taken.map_err(Error::call("update", what())))?))
    }

    fn holding(&self, known: Option<&LeaseSpec>) -> LeaseSpec {
        let now = MicroTime(Timestamp::now());
        let is_held = known.is_some_and(|known| text(&known.holder_identity) == self.identity);
        let transitions = known.and_then(|known| known.lease_transitions).unwrap_or(0);
        LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: i32::try_from(DURATION.as_secs()).ok(),
            acquire_time: known.and_then(|known| known.acquire_time.clone()).filter(|_| is_held).or(Some(now.clone())),
            renew_time: Some(now),
            lease_transitions: Some(if known.is_some() && !is_held { transitions + 1 } else { transitions }),
            ..LeaseSpec::default()
        }
    }
}
