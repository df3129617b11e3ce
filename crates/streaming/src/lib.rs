//! The streaming protocols of exec, attach and port-forward, as Kubernetes' clients speak them to a container runtime,
//! a kubelet or an API server.
//!
//! ```text
//! request -> accept_command / accept_port_forward -> 101 -> CommandSession / PortForwardSession
//!                 WebSocket channels (v5, v4, older), SPDY/3.1, SPDY in a WebSocket
//! ```
//!
//! A session is a set of plain readers and writers; which protocol is behind them can't be seen. Memory is bounded on
//! both sides: a writer waits for a slow client, a client waits for a slow reader, and what a client may send or open is
//! limited. [`StreamServer`] is the HTTP server behind the URLs of a CRI runtime. [`client`] is the other end.

#![forbid(unsafe_code)]

mod begin;
pub mod client;
mod command;
mod command_upgrade;
mod connection;
#[cfg(test)]
mod connection_tests;
mod error;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod idle;
mod link;
mod outcome;
mod pairing;
mod port_forward;
mod port_forward_upgrade;
mod protocol;
mod resize;
mod server;
mod spdy;
mod stream;
mod table;
mod timeouts;
mod tokens;
mod upgrade;
mod websocket;

pub use begin::Transport;
pub use command::{CommandControl, CommandSession, CommandStreams, CommandStreamsError};
pub use command_upgrade::{CommandUpgrade, accept_command};
pub use error::SessionError;
pub use outcome::Outcome;
pub use port_forward::{DataStream, PortConnection, PortForwardSession};
pub use port_forward_upgrade::{PortForwardUpgrade, accept_port_forward};
pub use resize::{Resizes, TerminalSize};
pub use server::{StreamHandler, StreamServer};
pub use stream::{StreamReader, StreamWriter};
pub use timeouts::Timeouts;
pub use tokens::{TokenRegistry, TooManyRequests};
pub use upgrade::Refusal;
