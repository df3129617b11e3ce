use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

fn payload(files: &[(&str, &str)]) -> Payload {
    let file = |content: &str| File { content: content.as_bytes().to_vec(), mode: 0o640 };
    files.iter().map(|(path, content)| ((*path).to_owned(), file(content))).collect()
}

fn put(volume: &Path, files: &[(&str, &str)]) -> bool {
    write(volume, &payload(files), |_| Ok(())).unwrap()
}

/// What a container sees: paths and contents, and how many folders with data there are.
fn seen(volume: &Path) -> (Vec<(String, String)>, usize) {
    let (mut files, mut folders) = (Vec::new(), 0);
    for name in names_in(volume).unwrap() {
        let name = name.into_string().unwrap();
        match name.as_str() {
            "..data" => assert!(volume.join(&name).exists(), "a link to nothing"),
            hidden if hidden.starts_with("..") => folders += 1,
            _ => read_all(volume, &name, &mut files),
        }
    }
    files.sort();
    (files, folders)
}

fn read_all(volume: &Path, path: &str, files: &mut Vec<(String, String)>) {
    let full = volume.join(path);
    if full.is_dir() {
        for name in names_in(&full).unwrap() {
            read_all(volume, &format!("{path}/{}", name.into_string().unwrap()), files);
        }
    } else {
        files.push((path.to_owned(), fs::read_to_string(full).unwrap()));
    }
}

fn owned(files: &[(&str, &str)]) -> Vec<(String, String)> {
    files.iter().map(|(path, content)| ((*path).to_owned(), (*content).to_owned())).collect()
}

#[test]
fn files_come_change_and_go_and_nothing_else_is_left() {
    let volume = tempfile::tempdir().unwrap();
    let volume = volume.path();
    let steps: [&[(&str, &str)]; 5] = [
        &[("a", "1"), ("deep/er/b", "2")],
        &[("a", "1"), ("deep/c", "2")],
        &[("a/now/a/folder", "3")],
        &[],
        &[("a", "4")],
    ];
    for files in steps {
        assert!(put(volume, files), "{files:?}");
        assert_eq!(seen(volume), (owned(files), 1));
    }
    let mode = fs::metadata(volume.join("a")).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o640);
}

#[test]
fn nothing_is_written_when_nothing_changed() {
    let volume = tempfile::tempdir().unwrap();
    assert!(put(volume.path(), &[("a", "1"), ("b/c", "2")]));
    let before = (current(volume.path()).unwrap(), fs::metadata(volume.path().join("a")).unwrap().ino());
    assert!(!put(volume.path(), &[("a", "1"), ("b//./c", "2")]));
    assert_eq!((current(volume.path()).unwrap(), fs::metadata(volume.path().join("a")).unwrap().ino()), before);
}

#[test]
fn paths_that_leave_the_volume_or_hide_in_it_are_refused() {
    let volume = tempfile::tempdir().unwrap();
    let long = "x".repeat(256);
    for bad in ["", ".", "/etc/x", "../x", "a/../b", "..x", "./..x", "..", long.as_str()] {
        let error = write(volume.path(), &payload(&[(bad, "")]), |_| Ok(())).unwrap_err();
        assert!(matches!(error, VolumeError::FilePath { .. }), "{bad}");
    }
    assert_eq!(names_in(volume.path()).unwrap().len(), 0);
    put(volume.path(), &[("a/..x", "1")]);
}

/// What a writer that was killed after each of its steps leaves behind.
#[test]
fn a_write_that_was_cut_off_anywhere_is_made_good_by_the_next() {
    let leave: [fn(&Path); 6] = [
        |volume| drop(make_folder(volume).unwrap()),
        |volume| {
            let half = make_folder(volume).unwrap();
            fs::write(volume.join(half).join("a"), "ha").unwrap();
        },
        |volume| {
            let full = make_folder(volume).unwrap();
            fill(&volume.join(full), &cleaned(&payload(&[("a", "new"), ("b", "new")])).unwrap()).unwrap();
        },
        |volume| {
            let full = make_folder(volume).unwrap();
            symlink(&full, volume.join(NEW_DATA)).unwrap();
        },
        |volume| {
            let full = make_folder(volume).unwrap();
            fill(&volume.join(&full), &cleaned(&payload(&[("a", "new"), ("b", "new")])).unwrap()).unwrap();
            symlink(&full, volume.join(NEW_DATA)).unwrap();
            fs::rename(volume.join(NEW_DATA), volume.join(DATA)).unwrap();
        },
        |volume| {
            fs::remove_file(volume.join("old")).unwrap();
            symlink("..data/b", volume.join("b")).unwrap();
        },
    ];
    for (step, leave) in leave.into_iter().enumerate() {
        let volume = tempfile::tempdir().unwrap();
        put(volume.path(), &[("a", "1"), ("old", "1")]);
        leave(volume.path());
        put(volume.path(), &[("a", "new"), ("b", "new")]);
        assert_eq!(seen(volume.path()), (owned(&[("a", "new"), ("b", "new")]), 1), "after step {step}");
    }
}

#[test]
fn new_files_have_their_owner_before_they_can_be_seen() {
    let volume = tempfile::tempdir().unwrap();
    put(volume.path(), &[("a", "1")]);
    let failed = write(volume.path(), &payload(&[("a", "2")]), |folder| {
        assert_eq!(fs::read_to_string(folder.join("a")).unwrap(), "2");
        assert_eq!(fs::read_to_string(volume.path().join("a")).unwrap(), "1");
        Err(VolumeError::NotFound { volume: "v".to_owned() })
    });
    assert!(failed.is_err());
    assert_eq!(fs::read_to_string(volume.path().join("a")).unwrap(), "1");
    put(volume.path(), &[("a", "3")]);
    assert_eq!(seen(volume.path()), (owned(&[("a", "3")]), 1));
}

#[test]
fn a_reader_that_follows_the_link_once_never_sees_a_mix() {
    let volume = tempfile::tempdir().unwrap();
    let (volume, over) = (volume.path(), AtomicBool::new(false));
    put(volume, &[("a", "0"), ("b", "0")]);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut looks = 0;
            while !over.load(Ordering::Relaxed) {
                let folder = volume.join(fs::read_link(volume.join(DATA)).unwrap());
                let (a, b) = (fs::read_to_string(folder.join("a")), fs::read_to_string(folder.join("b")));
                // A folder that was replaced meanwhile may be gone, in part too: what is there belongs together.
                if let (Ok(a), Ok(b)) = (a, b) {
                    assert_eq!(a, b);
                    looks += 1;
                }
            }
            looks
        });
        for number in 1..200 {
            let text = number.to_string();
            put(volume, &[("a", &text), ("b", &text)]);
        }
        over.store(true, Ordering::Relaxed);
        assert!(reader.join().unwrap() > 0);
    });
}
