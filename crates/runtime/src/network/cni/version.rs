//! Versions of the CNI specification.

/// Those we speak, in order.
const SPOKEN: [&str; 5] = ["0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"];

/// For messages.
pub const SPOKEN_TEXT: &str = "0.3.0, 0.3.1, 0.4.0, 1.0.0 and 1.1.0";

/// A version of the specification that we speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(usize);

impl Version {
    /// From here on there is CHECK.
    pub const WITH_CHECK: Self = Self(2);
    /// From here on there is STATUS.
    pub const WITH_STATUS: Self = Self(4);

    /// None for a version that we don't speak.
    pub fn of(text: &str) -> Option<Self> {
        SPOKEN.iter().position(|spoken| *spoken == text).map(Self)
    }

    pub fn text(self) -> &'static str {
        SPOKEN[self.0]
    }
}
