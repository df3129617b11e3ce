//! Who a container's program runs as, worked out from the request, the image and the image's user database.

use std::path::PathBuf;

use reprise_cri::v1::{LinuxContainerSecurityContext, SupplementalGroupsPolicy};
use reprise_images::Image;
use serde::{Deserialize, Serialize};

/// Why a user can't be worked out.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    /// A name that the image does not know.
    #[error("unable to find user {0}: no matching entries in passwd file")]
    UnknownUser(String),
    /// A group name that the image does not know.
    #[error("unable to find group {0}: no matching entries in group file")]
    UnknownGroup(String),
    /// A number that is no id.
    #[error("linux.security_context.{field}: {number} is not a user or group id")]
    Number {
        /// Where in the request.
        field: &'static str,
        /// The number.
        number: i64,
    },
    /// A group for nobody.
    #[error("linux.security_context.run_as_group: a group is given without a user")]
    GroupAlone,
}

/// Numbers for the kernel.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// User id.
    pub uid: u32,
    /// Primary group id.
    pub gid: u32,
    /// Supplementary group ids.
    pub groups: Vec<u32>,
}

/// Resolves the request against the image: a user in the request replaces the image's.
pub fn resolve(security: &LinuxContainerSecurityContext, image: &Image) -> Result<User, UserError> {
    let named = security.run_as_user.is_some() || !security.run_as_username.is_empty();
    if security.run_as_group.is_some() && !named {
        return Err(UserError::GroupAlone);
    }
    let database = Database::of(image);
    let wish = match (&security.run_as_user, security.run_as_username.as_str()) {
        (Some(uid), _) => id("run_as_user", uid.value)?.to_string(),
        (None, "") => image.user().to_owned(),
        (None, name) => name.to_owned(),
    };
    let (name, group) = wish.split_once(':').unwrap_or((&wish, ""));
    let entry = database.user(name)?;
    let mut gid = entry.gid;
    if !group.is_empty() {
        gid = database.group(group)?;
    }
    if let Some(wanted) = &security.run_as_group {
        gid = id("run_as_group", wanted.value)?;
    }
    let mut groups: Vec<u32> = vec![gid];
    for group in &security.supplemental_groups {
        groups.push(id("supplemental_groups", *group)?);
    }
    if security.supplemental_groups_policy() == SupplementalGroupsPolicy::Merge {
        groups.extend(entry.name.iter().flat_map(|name| database.memberships(name)));
    }
    groups.sort_unstable();
    groups.dedup();
    Ok(User { uid: entry.uid, gid, groups })
}

/// The highest number means "unchanged" to the kernel.
fn id(field: &'static str, number: i64) -> Result<u32, UserError> {
    u32::try_from(number).ok().filter(|n| *n != u32::MAX).ok_or(UserError::Number { field, number })
}

struct Entry {
    name: Option<String>,
    uid: u32,
    gid: u32,
}

/// `/etc/passwd` and `/etc/group` of an image.
struct Database {
    passwd: String,
    group: String,
}

impl Database {
    fn of(image: &Image) -> Self {
        Self { passwd: topmost(image, "etc/passwd"), group: topmost(image, "etc/group") }
    }

    fn user(&self, wish: &str) -> Result<Entry, UserError> {
        let wish = if wish.is_empty() { "0" } else { wish };
        let known = self.passwd.lines().map(|l| l.split(':').collect::<Vec<_>>()).find_map(|fields| {
            let (name, uid, gid) = (*fields.first()?, fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?);
            (name == wish || fields[2] == wish).then(|| Entry { name: Some(name.to_owned()), uid, gid })
        });
        match (known, wish.parse()) {
            (Some(entry), _) => Ok(entry),
            (None, Ok(uid)) => Ok(Entry { name: None, uid, gid: 0 }),
            (None, Err(_)) => Err(UserError::UnknownUser(wish.to_owned())),
        }
    }

    fn group(&self, wish: &str) -> Result<u32, UserError> {
        let mut lines = self.group.lines().map(|l| l.split(':').collect::<Vec<_>>());
        let known = lines.find(|f| f.first() == Some(&wish)).and_then(|f| f.get(2)?.parse().ok());
        known.or(wish.parse().ok()).ok_or_else(|| UserError::UnknownGroup(wish.to_owned()))
    }

    fn memberships(&self, name: &str) -> Vec<u32> {
        let lines = self.group.lines().map(|l| l.split(':').collect::<Vec<_>>());
        lines
            .filter(|f| f.get(3).is_some_and(|m| m.split(',').any(|m| m == name)))
            .filter_map(|f| f[2].parse().ok())
            .collect()
    }
}

/// The file as the topmost layer that has anything there has it; empty if that is no plain file, such as the mark of one
/// that was removed.
fn topmost(image: &Image, path: &str) -> String {
    let there = |p: &PathBuf| std::fs::symlink_metadata(p).ok().map(|m| (p.clone(), m.is_file()));
    let found = image.layers.iter().rev().map(|layer| layer.join(path)).find_map(|p| there(&p));
    found.filter(|(_, plain)| *plain).and_then(|(p, _)| std::fs::read_to_string(p).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database() -> Database {
        Database {
            passwd: "root:x:0:0:root:/root:/bin/sh\nweb:x:33:34::/:/bin/false\n".into(),
            group: "root:x:0:\nweb:x:34:\nlog:x:40:web,other\n".into(),
        }
    }

    #[test]
    fn users_are_found_by_name_and_number_and_unknown_numbers_are_taken_as_they_are() {
        let db = database();
        assert_eq!((db.user("web").unwrap().uid, db.user("33").unwrap().gid), (33, 34));
        assert_eq!((db.user("1000").unwrap().uid, db.user("1000").unwrap().gid), (1000, 0));
        assert_eq!(db.user("").unwrap().uid, 0);
        assert!(db.user("nobody").is_err());
    }

    #[test]
    fn numbers_that_are_no_ids_are_refused() {
        assert_eq!(id("run_as_user", 65_534).unwrap(), 65_534);
        for wrong in [-1, i64::from(u32::MAX), i64::MAX] {
            assert!(id("run_as_user", wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn groups_are_found_by_name_and_membership() {
        let db = database();
        assert_eq!((db.group("log").unwrap(), db.group("7").unwrap()), (40, 7));
        assert_eq!(db.memberships("web"), [40]);
    }
}
