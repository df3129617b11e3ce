//! Leftovers made on purpose are found, and go.

use std::process::{Command, Stdio};

use super::*;
use crate::program::testload_path;

#[test]
fn a_process_that_names_the_data_folder_is_found_and_killed() {
    let folder = tempfile::tempdir().unwrap();
    let footprint = Footprint::new(folder.path(), "rptestnone");
    assert_eq!(footprint.find(), []);
    let mut child =
        Command::new(testload_path()).arg("forever").env("DATA", folder.path()).stdout(Stdio::null()).spawn().unwrap();
    let pid = i32::try_from(child.id()).unwrap();
    assert!(footprint.find().iter().any(|left| matches!(left, Leftover::Process { pid: found, .. } if *found == pid)));
    footprint.remove();
    assert_eq!(footprint.find(), []);
    assert!(!child.wait().unwrap().success());
}

#[test]
fn folders_of_pods_are_found_and_images_are_not_counted() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("runtime/images/blobs")).unwrap();
    let footprint = Footprint::new(folder.path(), "rptestnone");
    assert_eq!(footprint.find(), []);
    let pod = folder.path().join("pods/some-uid");
    fs::create_dir_all(&pod).unwrap();
    assert_eq!(footprint.find(), [Leftover::Folder(pod)]);
}
