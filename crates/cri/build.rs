//! Compiles the CRI definition with protox, so that building needs no `protoc`.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let definition = protox::compile(["proto/runtime.proto", "proto/image.proto"], ["proto"])?;
    tonic_prost_build::configure()
        // A runtime answers Unimplemented to calls that it does not know; so does our server, by default.
        .generate_default_stubs(true)
        // For the verbose answers, which are JSON.
        .type_attribute(".", "#[derive(serde::Serialize)]")
        .field_attribute("runtime.v1.KeyValue.value", "#[serde(serialize_with = \"crate::json::text\")]")
        .field_attribute("runtime.v1.AuthConfig.password", "#[serde(skip)]")
        .field_attribute("runtime.v1.AuthConfig.auth", "#[serde(skip)]")
        .field_attribute("runtime.v1.AuthConfig.identity_token", "#[serde(skip)]")
        .field_attribute("runtime.v1.AuthConfig.registry_token", "#[serde(skip)]")
        // Derived, it would print registry passwords: src/redact.rs has one that does not.
        .skip_debug(["runtime.v1.AuthConfig"])
        .compile_fds(definition)?;
    Ok(())
}
