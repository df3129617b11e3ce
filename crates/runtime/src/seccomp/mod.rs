//! Seccomp profiles, compiled once each: the default one, and those in files (`Localhost`).
//!
//! The default has two filters, because a filter has one answer for everything it does not allow: the first answers `clone3` with
//! ENOSYS, so that C libraries fall back to `clone`; the second answers all that is not on the list with EPERM.
//! libcontainer would compile a profile anew for every container, at 9 to 13 ms each.

mod allowed;
mod assemble;
mod numbers;
mod profile;
mod profiles;
mod rules;

pub use profile::ProfileError;
pub use profiles::Profiles;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use seccompiler::{BackendError, BpfProgram, SeccompAction, SeccompFilter, TargetArch, sock_filter};

/// Why the profile could not be compiled.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// There is no profile for this machine's processor.
    #[error("there is no default seccomp profile for this processor ({0})")]
    Architecture(&'static str),
    /// The compiler refused.
    #[error("compile the default seccomp profile")]
    Compile(#[from] BackendError),
}

/// Compiled filters, in the order in which they are installed.
#[derive(Clone, PartialEq)]
pub struct Filters {
    programs: Vec<BpfProgram>,
    /// How the kernel installs them.
    flags: u32,
}

impl std::fmt::Debug for Filters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let lengths: Vec<usize> = self.programs.iter().map(Vec::len).collect();
        f.debug_struct("Filters").field("lengths", &lengths).field("flags", &self.flags).finish()
    }
}

impl Filters {
    /// The default profile (`RuntimeDefault`).
    pub fn default_profile() -> Result<Self, CompileError> {
        let name = std::env::consts::ARCH;
        let arch = TargetArch::try_from(name).map_err(|_| CompileError::Architecture(name))?;
        let rules = |calls: &[i64]| calls.iter().map(|call| (*call, Vec::new())).collect::<BTreeMap<_, _>>();
        let errno = |e: i32| SeccompAction::Errno(e.unsigned_abs());
        let no_clone3 =
            SeccompFilter::new(rules(&[libc::SYS_clone3]), SeccompAction::Allow, errno(libc::ENOSYS), arch)?;
        let calls: Vec<i64> = allowed::calls().chain([libc::SYS_clone3]).collect();
        let listed = SeccompFilter::new(rules(&calls), errno(libc::EPERM), SeccompAction::Allow, arch)?;
        Ok(Self { programs: vec![no_clone3.try_into()?, listed.try_into()?], flags: 0 })
    }

    /// Writes the filters to a file, from which [`Filters::load`] reads them in the helper.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        let mut bytes = self.flags.to_le_bytes().to_vec();
        for filter in &self.programs {
            bytes.extend_from_slice(&u32::try_from(filter.len()).unwrap_or_default().to_le_bytes());
            for i in filter {
                bytes.extend_from_slice(&i.code.to_le_bytes());
                bytes.extend_from_slice(&[i.jt, i.jf]);
                bytes.extend_from_slice(&i.k.to_le_bytes());
            }
        }
        let new = path.with_extension("new");
        std::fs::write(&new, bytes)?;
        std::fs::rename(&new, path)
    }

    /// Reads what [`Filters::save`] wrote.
    pub fn load(path: &Path) -> io::Result<Self> {
        let bytes = std::fs::read(path)?;
        let cut = || io::Error::new(io::ErrorKind::InvalidData, "the file with the seccomp filter is cut off");
        let (flags, mut rest) = bytes.split_first_chunk::<4>().ok_or_else(cut)?;
        let flags = u32::from_le_bytes(*flags);
        let mut programs = Vec::new();
        while !rest.is_empty() {
            let (length, after) = rest.split_first_chunk::<4>().ok_or_else(cut)?;
            let size = u32::from_le_bytes(*length) as usize * 8;
            let (body, after) = after.split_at_checked(size).ok_or_else(cut)?;
            programs.push(body.chunks_exact(8).map(instruction).collect());
            rest = after;
        }
        Ok(Self { programs, flags })
    }

    /// Installs the filters in this thread, for good. Needs `no_new_privs` or CAP_SYS_ADMIN.
    pub fn install(&self) -> Result<(), seccompiler::Error> {
        self.programs.iter().try_for_each(|program| install_one(program, self.flags))
    }
}

fn instruction(bytes: &[u8]) -> sock_filter {
    sock_filter {
        code: u16::from_le_bytes([bytes[0], bytes[1]]),
        jt: bytes[2],
        jf: bytes[3],
        k: u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]),
    }
}

/// Without the `no_new_privs` that `seccompiler::apply_filter` would set: whether a container has that is its own choice.
fn install_one(filter: &BpfProgram, flags: u32) -> Result<(), seccompiler::Error> {
    let program = libc::sock_fprog {
        len: u16::try_from(filter.len()).unwrap_or_default(),
        filter: filter.as_ptr().cast::<libc::sock_filter>().cast_mut(),
    };
    // SAFETY: the program points to `len` instructions of the kernel's layout, which live longer than the call.
    let result = unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const program) };
    if result == 0 { Ok(()) } else { Err(seccompiler::Error::Seccomp(io::Error::last_os_error())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_survive_their_file() {
        let path = std::env::temp_dir().join(format!("reprise-seccomp-{}", std::process::id()));
        let filters = Filters::default_profile().unwrap();
        filters.save(&path).unwrap();
        let loaded = Filters::load(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert!(filters == loaded && filters.programs.len() == 2);
    }
}
