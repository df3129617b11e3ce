//! Client libraries against `reprise up`: `kube` (Rust) and `kubernetes` (Python) create, watch, patch, run commands, forward
//! ports and delete; what a reflector knows is right again after its API was away.

mod proxy;
mod python;
mod reflector;
mod rust;
pub mod up;
