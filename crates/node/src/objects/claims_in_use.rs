//! Which Pods use which claims: one with the access mode `ReadWriteOncePod` is for one Pod at a time.

use std::collections::{BTreeMap, BTreeSet};

use reprise_core::objects::ObjectKey;

/// The users of each claim, by their UIDs.
#[derive(Debug, Default)]
pub(super) struct ClaimsInUse {
    users: BTreeMap<ObjectKey, BTreeSet<String>>,
}

impl ClaimsInUse {
    /// Whether the Pod may use the claim; it is then noted.
    pub(super) fn take(&mut self, claim: &ObjectKey, uid: &str, exclusive: bool) -> bool {
        let users = self.users.entry(claim.clone()).or_default();
        if exclusive && users.iter().any(|user| user != uid) {
            return false;
        }
        users.insert(uid.to_owned());
        true
    }

    /// Ends all that the Pod uses. Gives what it was.
    pub(super) fn release(&mut self, uid: &str) -> BTreeSet<ObjectKey> {
        let mut released = BTreeSet::new();
        self.users.retain(|claim, users| {
            if users.remove(uid) {
                released.insert(claim.clone());
            }
            !users.is_empty()
        });
        released
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reprise_core::objects::ObjectKind;

    #[test]
    fn an_exclusive_claim_has_one_user_at_a_time() {
        let (mut claims, key) = (ClaimsInUse::default(), ObjectKey::new(ObjectKind::PersistentVolumeClaim, "n", "c"));
        assert!(claims.take(&key, "a", true) && claims.take(&key, "a", true));
        assert!(!claims.take(&key, "b", true));
        assert_eq!(claims.release("a").len(), 1);
        assert!(claims.take(&key, "b", true));
        assert!(claims.release("a").is_empty());
    }
}
