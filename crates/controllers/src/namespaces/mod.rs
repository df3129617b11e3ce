//! What each namespace has, and its end.

mod contents;

pub(crate) use contents::Contents;
