//! Owners that the graph does not have: whether they exist.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::core::DynamicObject;
use kube::{Api, Client};

use super::decision::Owner;
use crate::error::Error;
use crate::kinds::Kind;

/// So many UIDs of what does not exist are remembered.
const REMEMBERED: usize = 100_000;

/// What was found out.
#[derive(Debug, Default)]
pub(super) struct Owners {
    absent: Mutex<HashSet<String>>,
    /// Nobody can tell, as the API does not have the kind.
    of_unknown_kind: Mutex<HashSet<String>>,
}

impl Owners {
    pub(super) fn known(&self, owner: &OwnerReference) -> Owner {
        let has =
            |set: &Mutex<HashSet<String>>| set.lock().unwrap_or_else(PoisonError::into_inner).contains(&owner.uid);
        match (has(&self.absent), has(&self.of_unknown_kind)) {
            (true, _) => Owner::Absent,
            (false, true) => Owner::Present,
            (false, false) => Owner::Unknown,
        }
    }

    /// Asks the API for the owner of something in `namespace`. Whether it exists.
    pub(super) async fn ask(
        &self,
        client: &Client,
        kinds: &[Kind],
        owner: &OwnerReference,
        namespace: &str,
    ) -> Result<bool, Error> {
        let is_meant =
            |kind: &&Kind| kind.resource.kind == owner.kind && kind.resource.api_version == owner.api_version;
        let Some(kind) = kinds.iter().find(is_meant) else {
            remember(&self.of_unknown_kind, &owner.uid);
            return Ok(true);
        };
        if kind.is_namespaced && namespace.is_empty() {
            // Something in no namespace can't have an owner in one.
            remember(&self.of_unknown_kind, &owner.uid);
            return Ok(true);
        }
        let api: Api<DynamicObject> = if kind.is_namespaced {
            Api::namespaced_with(client.clone(), namespace, &kind.resource)
        } else {
            Api::all_with(client.clone(), &kind.resource)
        };
        let found = api.get_metadata_opt(&owner.name).await;
        let found = found.map_err(Error::call("get", format!("{} {namespace}/{}", owner.kind, owner.name)))?;
        let exists = found.is_some_and(|found| found.metadata.uid.as_ref() == Some(&owner.uid));
        if !exists {
            remember(&self.absent, &owner.uid);
        }
        Ok(exists)
    }
}

fn remember(set: &Mutex<HashSet<String>>, uid: &str) {
    let mut set = set.lock().unwrap_or_else(PoisonError::into_inner);
    if set.len() >= REMEMBERED {
        set.clear();
    }
    set.insert(uid.to_owned());
}
