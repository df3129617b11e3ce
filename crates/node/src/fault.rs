//! Points at which a test kills the agent (cargo feature `fault-points`, never on in a release).
//!
//! A restart must survive a crash at any instant; those that matter lie before and after each ledger write and each
//! CRI call. They are counted from the moment that a plan first carries a restart, or from the start if
//! `REPRISE_FAULT_ARM=start`. `REPRISE_FAULT=<n>` makes the n-th kill the own process, `REPRISE_FAULT_LOG=<file>`
//! collects their names, so that a test first learns how many there are.

#[cfg(feature = "fault-points")]
pub use armed::{arm, point};

/// Starts counting.
#[cfg(not(feature = "fault-points"))]
#[inline(always)]
pub fn arm() {}

/// A point where the agent can be killed.
#[cfg(not(feature = "fault-points"))]
#[inline(always)]
pub fn point(_name: &str) {}

#[cfg(feature = "fault-points")]
mod armed {
    use std::fs::OpenOptions;
    use std::io::Write;
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

    static ARMED: AtomicBool = AtomicBool::new(false);
    static PASSED: AtomicU64 = AtomicU64::new(0);
    static SETTINGS: LazyLock<Settings> = LazyLock::new(Settings::read);

    struct Settings {
        kill_at: Option<u64>,
        log: Option<String>,
        from_start: bool,
    }

    impl Settings {
        fn read() -> Self {
            Self {
                kill_at: std::env::var("REPRISE_FAULT").ok().and_then(|n| n.parse().ok()),
                log: std::env::var("REPRISE_FAULT_LOG").ok(),
                from_start: std::env::var("REPRISE_FAULT_ARM").is_ok_and(|v| v == "start"),
            }
        }
    }

    /// Starts counting.
    pub fn arm() {
        ARMED.store(true, Ordering::SeqCst);
    }

    /// A point where the agent can be killed.
    pub fn point(name: &str) {
        if !ARMED.load(Ordering::SeqCst) && !SETTINGS.from_start {
            return;
        }
        let number = PASSED.fetch_add(1, Ordering::SeqCst) + 1;
        if let Some(log) = &SETTINGS.log {
            let written =
                OpenOptions::new().create(true).append(true).open(log).and_then(|mut f| writeln!(f, "{name}"));
            if let Err(error) = written {
                tracing::error!(%error, log, "the fault point log can't be written");
            }
        }
        if SETTINGS.kill_at == Some(number) {
            let own = rustix::process::getpid();
            if let Err(error) = rustix::process::kill_process(own, rustix::process::Signal::KILL) {
                tracing::error!(%error, "the agent can't kill itself");
            }
        }
    }
}
