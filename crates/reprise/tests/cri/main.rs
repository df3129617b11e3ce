//! The Container Runtime Interface, call by call, with a client generated from the protocol.
//!
//! Every case runs on our runtime (an instance of its own, which must leave nothing behind) and, unless it is about what
//! ours alone promises, on Debian's containerd (one for all). Where the two differ, [`differences`] says so and why; a
//! difference that is gone is a failure, and so is one that `docs/cri.md` does not have.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod case;
mod coverage;
mod differences;
mod documents;
mod log;
mod requests;
mod scene;
mod side;
mod stream;

mod attach;
mod churn;
mod container_life;
mod container_lists;
mod crash;
mod devices;
mod events;
mod exec;
mod exec_sync;
mod images;
mod logs;
mod mounts;
mod namespaces;
mod pod;
mod port_forward;
mod ports;
mod privileges;
mod process;
mod refused;
mod resources;
mod runtime;
mod sandboxes;
mod seccomp;
mod stats;
mod stopping;
mod users;

use std::process::ExitCode;

use case::Case;
use libtest_mimic::{Arguments, Trial};
use side::Kind;

/// What both runtimes must do.
const BOTH: [&[Case]; 24] = [
    attach::CASES,
    container_life::CASES,
    container_lists::CASES,
    devices::CASES,
    events::CASES,
    exec::CASES,
    exec_sync::CASES,
    images::CASES,
    logs::CASES,
    mounts::CASES,
    namespaces::CASES,
    pod::CASES,
    port_forward::CASES,
    ports::CASES,
    privileges::CASES,
    process::CASES,
    refused::CASES,
    resources::CASES,
    runtime::CASES,
    sandboxes::CASES,
    seccomp::CASES,
    stats::CASES,
    stopping::CASES,
    users::CASES,
];

/// What ours alone promises.
const OURS: [&[Case]; 2] = [churn::CASES, crash::CASES];

/// What tests and documents say of each other.
const CHECKS: [(&str, fn()); 3] = [
    ("every_call_has_its_cases", coverage::check),
    ("every_call_is_described", documents::check_calls),
    ("every_difference_is_listed", documents::check_differences),
];

fn main() -> ExitCode {
    reprise_testkit::containerd::guard_if_asked();
    case::be_quiet_about_expected_failures();
    let mut arguments = Arguments::from_args();
    // Cases wait for programs most of the time.
    arguments.test_threads.get_or_insert(4);
    let both = BOTH.iter().copied().flatten();
    let ours = both.clone().chain(OURS.iter().copied().flatten());
    let mut trials: Vec<Trial> = ours.map(|case| case.trial(Kind::Ours)).collect();
    trials.extend(both.map(|case| case.trial(Kind::Containerd)));
    for (name, check) in CHECKS {
        trials.push(Trial::test(format!("documents::{name}"), move || {
            check();
            Ok(())
        }));
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    let left = side::end_containerd();
    if !left.is_empty() {
        eprintln!("containerd left behind:\n{left}");
        return ExitCode::FAILURE;
    }
    conclusion.exit_code()
}

/// The names of all cases.
fn names() -> impl Iterator<Item = &'static str> {
    BOTH.iter().chain(OURS.iter()).copied().flatten().map(Case::name)
}
