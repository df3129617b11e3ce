//! A test body, and running it on a runtime.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::time::Duration;

use futures::future::LocalBoxFuture;
use libtest_mimic::{Failed, Trial};

use crate::differences;
use crate::scene::Scene;
use crate::side::{Kind, Side};

/// Longer than any case takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(120);

/// A test.
pub struct Case {
    /// With the crate's name before it.
    pub path: &'static str,
    pub body: for<'a> fn(&'a Scene) -> LocalBoxFuture<'a, ()>,
}

/// Lists the cases of a file: async functions of a [`Scene`].
macro_rules! cases {
    ($($name:ident),* $(,)?) => {
        pub const CASES: &[crate::case::Case] = &[$(crate::case::Case {
            path: concat!(module_path!(), "::", stringify!($name)),
            body: |scene| Box::pin($name(scene)),
        }),*];
    };
}
pub(crate) use cases;

impl Case {
    /// `file::case`.
    pub fn name(&self) -> &'static str {
        self.path.split_once("::").map_or(self.path, |(_, name)| name)
    }

    pub fn trial(&'static self, kind: Kind) -> Trial {
        Trial::test(format!("{}::{}", kind.name(), self.name()), move || self.run(kind))
    }

    fn run(&self, kind: Kind) -> Result<(), Failed> {
        let expected = kind == Kind::Containerd && differences::is_missing_in_containerd(self.name());
        QUIET.set(expected);
        let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let entered = tokio.enter();
        let scene = Scene::new(Side::new(kind));
        drop(entered);
        tokio.block_on(scene.prepare());
        let within = async { tokio::time::timeout(LIMIT, (self.body)(&scene)).await.expect("it took too long") };
        let outcome = catch_unwind(AssertUnwindSafe(|| tokio.block_on(within)));
        QUIET.set(false);
        if outcome.is_err() && !expected {
            eprintln!("{}", scene.said());
        }
        let cleared = tokio.block_on(scene.clear());
        drop(tokio);
        let left = catch_unwind(AssertUnwindSafe(|| drop(scene)));
        match outcome {
            Err(_) if expected => Ok(()),
            Err(reason) => Err(message(&*reason).into()),
            Ok(()) if expected => Err("containerd does this too: take it out of the table of differences".into()),
            Ok(()) => {
                left.map_err(|reason| message(&*reason))?;
                Ok(cleared?)
            }
        }
    }
}

fn message(reason: &(dyn Any + Send)) -> String {
    let text = reason.downcast_ref::<String>().cloned();
    text.or_else(|| reason.downcast_ref::<&str>().map(|&text| text.to_owned())).unwrap_or_default()
}

thread_local! {
    /// Whether a panic of this thread is what a case is about.
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Panics of cases that must fail are not shown.
pub fn be_quiet_about_expected_failures() {
    let usual = take_hook();
    set_hook(Box::new(move |panic| {
        if !QUIET.get() {
            usual(panic);
        }
    }));
}
