//! The agent's life: note the attempt, then follow the JobSet and do what the barrier's decision says.

use std::ops::ControlFlow;
use std::thread;
use std::time::{Duration, Instant};

use reprise_jobset::barrier::{Decision, Signal, decide, first_attempt};

use crate::api::{Api, Seen};
use crate::backoff::Backoff;
use crate::error::{ApiError, chain};
use crate::settings::Settings;
use crate::worker::{self, Worker};

/// A server that ends watches sooner than this is in trouble.
const SHORT: Duration = Duration::from_secs(1);

/// Follows the JobSet until it tells the Pod to restart; the error is why the worker could not be let go.
pub fn follow(settings: &Settings, worker: &Worker) -> Result<(), worker::WorkerError> {
    let mut life =
        Life { settings, api: Api::new(settings), trouble: Trouble::default(), worker, own: 0, lifted: false };
    let first = life.persist(|api| api.job_set());
    if first.signal.is_bypass() {
        say("the JobSet does not restart in place: there is no barrier and no restart");
        life.worker.let_go()?;
        loop {
            thread::park();
        }
    }
    life.own = first_attempt(first.signal.current);
    let own = life.own;
    life.persist(|api| api.apply_attempt(own));
    say(&format!("attempt {own} of Pod {} waits at the barrier of JobSet {}", settings.pod, settings.job_set));
    life.watch(first)
}

struct Life<'a> {
    settings: &'a Settings,
    api: Api<'a>,
    trouble: Trouble,
    worker: &'a Worker,
    /// The Pod's attempt.
    own: i32,
    lifted: bool,
}

impl Life<'_> {
    fn watch(&mut self, mut seen: Seen) -> Result<(), worker::WorkerError> {
        let mut outcome = self.act(&seen.signal);
        loop {
            if let Some(end) = outcome.take() {
                return end;
            }
            let begun = Instant::now();
            let mut acted = None;
            let mut api = std::mem::replace(&mut self.api, Api::new(self.settings));
            let watched = api.watch(&mut seen, |signal| {
                self.trouble.over();
                acted = self.act(signal);
                if acted.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            self.api = api;
            outcome = acted;
            match watched {
                Ok(()) if outcome.is_some() => {}
                Ok(()) if begun.elapsed() >= SHORT => self.trouble.over(),
                Ok(()) => self.trouble.wait(),
                Err(ApiError::Expired) => {
                    seen = self.persist(|api| api.job_set());
                    outcome = self.act(&seen.signal);
                }
                Err(error) => self.trouble.after(&error),
            }
        }
    }

    /// Does what is decided. Something is returned when the agent's work is over.
    fn act(&mut self, signal: &Signal) -> Option<Result<(), worker::WorkerError>> {
        match decide(self.own, signal) {
            Decision::Restart => {
                let previous = signal.previous.unwrap_or_default();
                say(&format!("attempt {} is outdated, as {previous} is: the Pod restarts in place", self.own));
                Some(Ok(()))
            }
            Decision::Lift | Decision::Bypass if !self.lifted => {
                say(&format!("attempt {}: the barrier is lifted", self.own));
                self.lifted = true;
                self.worker.let_go().err().map(Err)
            }
            Decision::Lift | Decision::Bypass | Decision::Wait => None,
        }
    }

    /// Tries until it succeeds.
    fn persist<T>(&mut self, mut call: impl FnMut(&mut Api<'_>) -> Result<T, ApiError>) -> T {
        loop {
            match call(&mut self.api) {
                Ok(answer) => {
                    self.trouble.over();
                    return answer;
                }
                Err(error) => self.trouble.after(&error),
            }
        }
    }
}

/// Failures of one time after another: what is new about them is said, and each is followed by a pause.
#[derive(Default)]
struct Trouble {
    backoff: Backoff,
    told: Option<String>,
}

impl Trouble {
    fn after(&mut self, error: &ApiError) {
        let text = chain(error);
        if self.told.as_ref() != Some(&text) {
            say(&format!("{text}; trying again"));
            self.told = Some(text);
        }
        self.wait();
    }

    fn wait(&mut self) {
        thread::sleep(self.backoff.pause());
    }

    fn over(&mut self) {
        self.backoff.reset();
        if self.told.take().is_some() {
            say("the API answers again");
        }
    }
}

/// For people who read the container's log.
pub fn say(text: &str) {
    eprintln!("restart-agent: {text}");
}
