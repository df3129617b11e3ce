//! The names and numbers of system calls, per kind of program that this machine runs.

use std::str::FromStr;

/// A kind of program: what a filter sees of it, and its numbers.
pub struct Calls {
    /// As the kernel names it to filters.
    pub audit: u32,
    /// Programs may also use the x32 numbers, which no profile means.
    pub has_x32: bool,
    number: fn(&str) -> Option<u32>,
}

impl Calls {
    /// The number of a system call; none if there is no such call here.
    pub fn number(&self, name: &str) -> Option<u32> {
        (self.number)(name)
    }
}

fn native(name: &str) -> Option<u32> {
    syscalls::Sysno::from_str(name).ok().map(|n| n.id()).and_then(|n| u32::try_from(n).ok())
}

/// This processor's own programs.
#[cfg(target_arch = "x86_64")]
pub const NATIVE: Calls = Calls { audit: 0xc000_003e, has_x32: true, number: native };
/// This processor's own programs.
#[cfg(target_arch = "aarch64")]
pub const NATIVE: Calls = Calls { audit: 0xc000_00b7, has_x32: false, number: native };

/// Programs of the processor's older kind, if profiles can name one.
#[cfg(target_arch = "x86_64")]
pub const OLDER: Option<(&str, Calls)> = Some((
    "SCMP_ARCH_X86",
    Calls {
        audit: 0x4000_0003,
        has_x32: false,
        number: |name| syscalls::x86::Sysno::from_str(name).ok().and_then(|n| u32::try_from(n.id()).ok()),
    },
));
/// Programs of the processor's older kind, if profiles can name one.
#[cfg(target_arch = "aarch64")]
pub const OLDER: Option<(&str, Calls)> = None;

/// This processor as profiles name it in `arches`.
pub const ARCHES: &[&str] = if cfg!(target_arch = "x86_64") { &["amd64", "x86_64"] } else { &["arm64", "aarch64"] };
