//! libFuzzer on one target, whose name is in `REPRISE_FUZZ_TARGET`. Built and run by `cargo xtask fuzz`.

#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use reprise_fuzz::{TARGETS, Target, target};

fn chosen() -> Target {
    let name = std::env::var("REPRISE_FUZZ_TARGET").unwrap_or_default();
    target(&name).unwrap_or_else(|| {
        let names = TARGETS.map(|target| target.name).join(", ");
        panic!("REPRISE_FUZZ_TARGET is {name:?}; targets are {names}")
    })
}

fuzz_target!(|input: &[u8]| {
    static CHOSEN: OnceLock<Target> = OnceLock::new();
    (CHOSEN.get_or_init(chosen).run)(input);
});
