//! What holds on whichever runtime is tried on each.

/// Tries tests, functions of a [`Runtime`](reprise_testkit::Runtime), on the embedded one and on the installed containerd.
macro_rules! on_each_runtime {
    ($($name:ident),* $(,)?) => {
        mod embedded {
            $(#[test]
            fn $name() {
                super::$name(reprise_testkit::Runtime::Embedded);
            })*
        }
        mod containerd {
            $(#[test]
            fn $name() {
                super::$name(reprise_testkit::Runtime::Containerd(reprise_testkit::containerd::Release::Installed));
            })*
        }
    };
}

/// Tries them on containerd 2 as well.
macro_rules! on_newer_containerd {
    ($($name:ident),* $(,)?) => {
        mod newer_containerd {
            $(#[test]
            fn $name() {
                super::$name(reprise_testkit::Runtime::Containerd(reprise_testkit::containerd::Release::Newer));
            })*
        }
    };
}
