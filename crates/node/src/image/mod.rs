//! Images for containers: by pull policy, with the kubelet's reasons and words.

pub(crate) mod credentials;
pub(crate) mod ensure;
pub(crate) mod name;
