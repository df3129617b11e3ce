//! The last thing a container's process does before it becomes the container's program.

use std::convert::Infallible;
use std::ffi::{CString, OsStr};
use std::os::fd::{BorrowedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use libcontainer::oci_spec::runtime::Spec;
use libcontainer::workload::{Executor, ExecutorError, ExecutorValidationError};

use crate::exec::terminal::Gate;
use crate::seccomp::Filters;
use crate::shim::protocol::CANNOT_START;

const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Installs the seccomp filters and executes the program. If that fails, the reason goes to the shim through a
/// descriptor that a successful execution closes.
#[derive(Clone)]
pub struct ProgramExecutor {
    executed: RawFd,
    seccomp: Option<Filters>,
    selinux: Option<String>,
    gate: Option<Gate>,
}

impl ProgramExecutor {
    /// An executor that reports failure on `executed`.
    pub fn new(executed: RawFd, seccomp: Option<Filters>, selinux: Option<String>) -> Self {
        Self { executed, seccomp, selinux, gate: None }
    }

    /// Waits there first.
    pub fn behind(self, gate: Option<Gate>) -> Self {
        Self { gate, ..self }
    }

    fn fail(&self, sentence: &str) -> ! {
        if self.executed >= 0 {
            // SAFETY: the shim opened this descriptor for this process, which is about to end.
            let executed = unsafe { BorrowedFd::borrow_raw(self.executed) };
            let _ = rustix::io::write(executed, sentence.as_bytes());
        } else {
            eprintln!("{sentence}");
        }
        // SAFETY: ends the process at once, without running what libcontainer's parent would run at its exit.
        unsafe { libc::_exit(CANNOT_START) }
    }
}

impl Executor for ProgramExecutor {
    fn exec(&self, spec: &Spec) -> Result<(), ExecutorError> {
        self.gate.into_iter().for_each(Gate::wait);
        let arguments = spec.process().as_ref().and_then(|p| p.args().clone()).unwrap_or_default();
        let Some(name) = arguments.first() else { self.fail("no command specified") };
        let program = match find(name, std::env::var_os("PATH").as_deref()) {
            Ok(program) => program,
            Err(sentence) => self.fail(&sentence),
        };
        // SAFETY: this process is about to be replaced and has no handlers. Rust programs ignore SIGPIPE; what runs in
        // the container must not inherit that.
        unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
        if let Some(label) = &self.selinux
            && let Err(e) = std::fs::write("/proc/thread-self/attr/exec", label)
        {
            self.fail(&format!("set the SELinux label {label}: {e}"));
        }
        if let Some(Err(e)) = self.seccomp.as_ref().map(Filters::install) {
            self.fail(&format!("install the seccomp filter: {e}"));
        }
        let Err(e) = execute(&program, &arguments);
        self.fail(&format!("exec {}: {}", program.display(), e.desc()))
    }

    /// Whether the program can be executed is found out when the container is started, as in other runtimes.
    fn validate(&self, _spec: &Spec) -> Result<(), ExecutorValidationError> {
        Ok(())
    }
}

fn execute(program: &Path, arguments: &[String]) -> Result<Infallible, nix::Error> {
    let text = |bytes: &[u8]| CString::new(bytes).map_err(|_| nix::Error::EINVAL);
    let arguments = arguments.iter().map(|a| text(a.as_bytes())).collect::<Result<Vec<_>, _>>()?;
    nix::unistd::execv(&text(program.as_os_str().as_bytes())?, &arguments)
}

/// Finds a program as a shell does.
fn find(name: &str, path: Option<&OsStr>) -> Result<PathBuf, String> {
    if name.contains('/') {
        return match std::fs::metadata(name) {
            Ok(_) => Ok(PathBuf::from(name)),
            Err(_) => Err(format!("exec: {name:?}: stat {name}: no such file or directory")),
        };
    }
    let path = path.map_or(DEFAULT_PATH.as_bytes(), OsStrExt::as_bytes);
    let folders = path.split(|b| *b == b':').map(|folder| Path::new(OsStr::from_bytes(folder)));
    let executable =
        |p: &PathBuf| std::fs::metadata(p).is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0);
    folders
        .map(|folder| folder.join(name))
        .find(executable)
        .ok_or_else(|| format!("exec: {name:?}: executable file not found in $PATH"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_by_path_or_in_the_search_path() {
        assert_eq!(find("/bin/sh", None).unwrap(), Path::new("/bin/sh"));
        assert!(find("sh", Some(OsStr::new("/nowhere:/bin"))).is_ok());
        let missing = find("no-such-program", None).unwrap_err();
        assert_eq!(missing, "exec: \"no-such-program\": executable file not found in $PATH");
        assert!(find("/no/such", None).unwrap_err().contains("no such file or directory"));
    }
}
