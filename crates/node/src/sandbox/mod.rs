//! What a Pod's sandbox is to the runtime, and the hosts file that its containers share.

pub(crate) mod build;
pub(crate) mod dns;
pub(crate) mod hostname;
pub(crate) mod hosts;
