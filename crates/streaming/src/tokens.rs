//! Requests that wait for their client to come with a token.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use uuid::Uuid;

/// As long as kubelets and CRI runtimes wait, and for as many.
const LIFETIME: Duration = Duration::from_secs(60);
const CAPACITY: usize = 1000;

/// More requests wait than are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{CAPACITY} streaming requests wait for their clients: try again in a minute")]
pub struct TooManyRequests;

/// Keeps requests under tokens that can't be guessed. Each is given out once, within a minute.
#[derive(Debug)]
pub struct TokenRegistry<T> {
    lifetime: Duration,
    waiting: Mutex<HashMap<String, (Instant, T)>>,
}

impl<T> Default for TokenRegistry<T> {
    fn default() -> Self {
        Self { lifetime: LIFETIME, waiting: Mutex::default() }
    }
}

impl<T> TokenRegistry<T> {
    /// Keeps the request; the token is for its client.
    pub fn insert(&self, request: T) -> Result<String, TooManyRequests> {
        let mut waiting = self.lock();
        waiting.retain(|_, (since, _)| since.elapsed() < self.lifetime);
        if waiting.len() >= CAPACITY {
            return Err(TooManyRequests);
        }
        let token = Uuid::new_v4().simple().to_string();
        waiting.insert(token.clone(), (Instant::now(), request));
        Ok(token)
    }

    /// The request of this token, the first time.
    pub fn take(&self, token: &str) -> Option<T> {
        let (since, request) = self.lock().remove(token)?;
        (since.elapsed() < self.lifetime).then_some(request)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, (Instant, T)>> {
        // The map is whole after each statement, so a panic elsewhere does not spoil it.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{CAPACITY, TokenRegistry, TooManyRequests};

    #[test]
    fn a_token_is_good_once() {
        let registry = TokenRegistry::default();
        let (first, second) = (registry.insert(1).unwrap(), registry.insert(2).unwrap());
        assert_eq!(registry.take(&second), Some(2));
        assert_eq!(registry.take(&second), None);
        assert_eq!(registry.take(&first), Some(1));
        assert_eq!(registry.take("0"), None);
    }

    #[test]
    fn a_token_is_no_good_after_its_time() {
        let registry = TokenRegistry { lifetime: Duration::ZERO, ..TokenRegistry::default() };
        let token = registry.insert(1).unwrap();
        assert_eq!(registry.take(&token), None);
    }

    #[test]
    fn only_so_many_requests_wait() {
        let registry = TokenRegistry::default();
        let tokens: Vec<_> = (0..CAPACITY).map(|request| registry.insert(request).unwrap()).collect();
        assert_eq!(registry.insert(0), Err(TooManyRequests));
        assert_eq!(registry.take(&tokens[7]), Some(7));
        assert!(registry.insert(0).is_ok());
    }
}
