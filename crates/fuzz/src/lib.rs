//! Fuzz targets: what strangers send to a node and its API, and the code that reads it. Development only.
//!
//! `cargo xtask fuzz` runs each with libFuzzer; the tests run what is kept in `corpus/`.

mod bodies;
mod tar_sums;

/// Something that reads what others wrote.
#[derive(Clone, Copy)]
pub struct Target {
    /// Its name, and that of its folder in `corpus/`.
    pub name: &'static str,
    /// Reads an input; panics if something is found.
    pub run: fn(&[u8]),
}

/// All of them.
pub const TARGETS: [Target; 10] = [
    Target { name: "cni", run: reprise_runtime::fuzzing::cni_result },
    Target { name: "config", run: reprise_images::fuzzing::config },
    Target { name: "layer", run: layer },
    Target { name: "manifest", run: reprise_images::fuzzing::manifest },
    Target { name: "patch", run: bodies::patch },
    Target { name: "protobuf", run: bodies::protobuf },
    Target { name: "shim", run: reprise_runtime::fuzzing::shim_message },
    Target { name: "spdy", run: spdy },
    Target { name: "websocket", run: websocket },
    Target { name: "yaml", run: bodies::yaml },
];

/// The target with this name.
pub fn target(name: &str) -> Option<Target> {
    TARGETS.into_iter().find(|target| target.name == name)
}

/// Nearly every change to an archive breaks a checksum, and would be refused for nothing else.
fn layer(bytes: &[u8]) {
    reprise_images::fuzzing::layer(&tar_sums::corrected(bytes));
}

// How much there was is of no interest here.
fn spdy(bytes: &[u8]) {
    let _ = reprise_streaming::fuzzing::fuzz_spdy_frames(bytes);
}

fn websocket(bytes: &[u8]) {
    let _ = reprise_streaming::fuzzing::fuzz_websocket_channels(bytes);
}
