//! temp
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]
mod walk;

#[test]
fn list() {
    for (name, fields) in walk::walk::<k8s_openapi::api::core::v1::PodSpec>() {
        println!("## {name}");
        for (field, below) in fields { println!("{field} {below:?}"); }
    }
}
