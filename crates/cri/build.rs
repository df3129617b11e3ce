//! Compiles the CRI definition with protox, so that building needs no `protoc`.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let definition = protox::compile(["proto/runtime.proto", "proto/image.proto"], ["proto"])?;
    tonic_prost_build::configure()
        // A runtime answers Unimplemented to calls that it does not know; so does our server, by default.
        .generate_default_stubs(true)
        // Derived, it would print registry passwords: src/redact.rs has one that does not.
        .skip_debug(["runtime.v1.AuthConfig"])
        .compile_fds(definition)?;
    Ok(())
}
