//! kubectl, as it comes from Debian in an older and a newer version, against `reprise up`: what it prints, and its exit status.

mod access;
mod api_service;
pub mod cluster;
mod jobs;
mod jobsets;
mod names;
mod nodes;
mod objects;
mod patches;
mod pods;
mod reading;
mod restart;
mod streams;
mod up;

/// Tries tests, functions of a [`Release`](cluster::Release), with both kubectls.
macro_rules! with_each_kubectl {
    ($($name:ident),* $(,)?) => {
        mod stable {
            $(#[test]
            fn $name() {
                super::$name(crate::kubectl::cluster::Release::Stable);
            })*
        }
        mod newer {
            $(#[test]
            fn $name() {
                super::$name(crate::kubectl::cluster::Release::Newer);
            })*
        }
    };
}
use with_each_kubectl;
