//! Compiles the protocol's definition with protox, so that building needs no `protoc`.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let definition = protox::compile(["proto/device_plugin.proto"], ["proto"])?;
    // A plugin that has no preference or no preparation leaves those calls out.
    tonic_prost_build::configure().generate_default_stubs(true).compile_fds(definition)?;
    Ok(())
}
