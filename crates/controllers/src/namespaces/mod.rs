//! What each namespace has, and its end.

mod contents;
mod end;

pub(crate) use contents::Contents;
pub(crate) use end::End;
