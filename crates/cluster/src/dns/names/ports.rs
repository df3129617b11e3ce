//! The ports of services and Pods.

/// How a port is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    Tcp,
    Udp,
    Sctp,
}

impl Protocol {
    /// As objects have it; TCP if they don't say.
    pub(super) fn of(text: Option<&str>) -> Option<Self> {
        match text.unwrap_or("TCP") {
            "TCP" => Some(Self::Tcp),
            "UDP" => Some(Self::Udp),
            "SCTP" => Some(Self::Sctp),
            _ => None,
        }
    }

    /// As names of SRV records have it.
    pub(super) fn of_label(label: &str) -> Option<Self> {
        match label {
            "_tcp" => Some(Self::Tcp),
            "_udp" => Some(Self::Udp),
            "_sctp" => Some(Self::Sctp),
            _ => None,
        }
    }
}

/// A port's number as objects have it.
pub(super) fn number(port: i32) -> Option<u16> {
    u16::try_from(port).ok().filter(|port| *port > 0)
}
