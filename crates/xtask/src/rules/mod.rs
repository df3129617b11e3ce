//! The repository's rules, as tests: what reviewers would otherwise have to remember.

mod layers;
mod licences;
mod metadata;
mod purity;
mod sources;
mod spdx;
mod text;
