//! The other end: asks for an exec, an attach or a port-forward over a connection that the caller has made.

mod command;
mod error;
#[cfg(test)]
mod old_spdy_tests;
mod port_forward;
mod request;

pub use command::{ClientCommand, CommandProtocol, connect_command};
pub use error::ClientError;
pub use port_forward::{ClientPortForward, ForwardedConnection, PortForwardProtocol, connect_port_forward};
