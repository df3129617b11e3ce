//! The duties that a Kubernetes cluster's controllers have, for one machine, against any Kubernetes API.
//!
//! Each controller watches, decides by a pure function of values, and writes; none of them has a state of its own.
