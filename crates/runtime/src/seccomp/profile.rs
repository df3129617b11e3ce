//! A seccomp profile as a file has it, in the OCI's or Docker's JSON.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer};

/// Why a profile can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// The file can't be read.
    #[error("read the seccomp profile {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is not the JSON of a profile.
    #[error("the seccomp profile {}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        source: serde_json::Error,
    },
    /// A value that can't be carried out.
    #[error("the seccomp profile {}: {field}: {value:?} {why}", path.display())]
    Value {
        /// The file.
        path: PathBuf,
        /// Where in it.
        field: String,
        /// What is there.
        value: String,
        /// What is wrong with it.
        why: &'static str,
    },
}

/// A wrong value, before it is known in which file.
#[derive(Debug)]
pub struct Wrong {
    pub field: String,
    pub value: String,
    pub why: &'static str,
}

impl Wrong {
    pub fn at(self, path: &Path) -> ProfileError {
        ProfileError::Value { path: path.to_owned(), field: self.field, value: self.value, why: self.why }
    }
}

/// The file's content.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    pub default_action: String,
    pub default_errno_ret: Option<u32>,
    #[serde(default, deserialize_with = "or_nothing")]
    pub architectures: Vec<String>,
    #[serde(default, deserialize_with = "or_nothing")]
    pub arch_map: Vec<Architecture>,
    #[serde(default, deserialize_with = "or_nothing")]
    pub flags: Vec<String>,
    #[serde(default, deserialize_with = "or_nothing")]
    pub listener_path: String,
    #[serde(default, deserialize_with = "or_nothing")]
    pub syscalls: Vec<Entry>,
}

/// A processor with the kinds of programs that it runs besides its own.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Architecture {
    #[serde(default, deserialize_with = "or_nothing")]
    pub sub_architectures: Vec<String>,
}

/// What is done about some system calls.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    #[serde(default, deserialize_with = "or_nothing")]
    pub names: Vec<String>,
    #[serde(default, deserialize_with = "or_nothing")]
    pub name: String,
    pub action: String,
    pub errno_ret: Option<u32>,
    #[serde(default, deserialize_with = "or_nothing")]
    pub args: Vec<Argument>,
    #[serde(default, deserialize_with = "or_nothing")]
    pub includes: Condition,
    #[serde(default, deserialize_with = "or_nothing")]
    pub excludes: Condition,
}

/// A comparison of an argument.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Argument {
    pub index: u32,
    #[serde(default)]
    pub value: u64,
    #[serde(default)]
    pub value_two: u64,
    pub op: String,
}

/// When an entry applies at all.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    #[serde(default, deserialize_with = "or_nothing")]
    pub caps: Vec<String>,
    #[serde(default, deserialize_with = "or_nothing")]
    pub arches: Vec<String>,
    #[serde(default, deserialize_with = "or_nothing")]
    pub min_kernel: String,
}

/// Go writes empty lists as null.
fn or_nothing<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(source: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(source)?.unwrap_or_default())
}
