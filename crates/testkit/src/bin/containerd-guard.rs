//! Runs containerd for a test program that can't start itself again, see `reprise_testkit::containerd`.

fn main() -> std::process::ExitCode {
    reprise_testkit::containerd::guard_if_asked();
    eprintln!("containerd-guard is started by tests");
    std::process::ExitCode::FAILURE
}
