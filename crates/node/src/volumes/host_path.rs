//! `hostPath`: something of the node, mounted as it is. Its type says what must be there or may be made.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, OpenOptionsExt};
use std::path::Path;

use k8s_openapi::api::core::v1::HostPathVolumeSource;

use super::VolumeError;

/// Checks the volume's type, after making what it says may be made.
pub(crate) fn check(volume: &str, source: &HostPathVolumeSource) -> Result<(), VolumeError> {
    let path = Path::new(&source.path);
    match source.type_.as_deref().unwrap_or_default() {
        // Without a type nothing is checked; as with containerd, a folder is made where nothing is.
        "" if fs::symlink_metadata(path).is_err() => make_folder(path),
        "" => Ok(()),
        "DirectoryOrCreate" => {
            if fs::metadata(path).is_err() {
                make_folder(path)?;
            }
            expect(volume, path, "directory", fs::FileType::is_dir)
        }
        "FileOrCreate" => {
            if fs::metadata(path).is_err() {
                make_file(path)?;
            }
            expect(volume, path, "file", fs::FileType::is_file)
        }
        "Directory" => expect(volume, path, "directory", fs::FileType::is_dir),
        "File" => expect(volume, path, "file", fs::FileType::is_file),
        "Socket" => expect(volume, path, "socket file", FileTypeExt::is_socket),
        "CharDevice" => expect(volume, path, "character device", FileTypeExt::is_char_device),
        "BlockDevice" => expect(volume, path, "block device", FileTypeExt::is_block_device),
        // Validation admits no other.
        _ => Ok(()),
    }
}

fn expect(
    volume: &str,
    path: &Path,
    wanted: &'static str,
    is: impl Fn(&fs::FileType) -> bool,
) -> Result<(), VolumeError> {
    match fs::metadata(path) {
        Ok(metadata) if is(&metadata.file_type()) => Ok(()),
        Ok(_) => Err(mismatch(volume, path, wanted)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Err(mismatch(volume, path, wanted)),
        Err(source) => Err(VolumeError::File { operation: "look at", path: path.to_owned(), source }),
    }
}

fn mismatch(volume: &str, path: &Path, wanted: &'static str) -> VolumeError {
    VolumeError::HostPathType { volume: volume.to_owned(), path: path.display().to_string(), wanted }
}

fn make_folder(path: &Path) -> Result<(), VolumeError> {
    DirBuilder::new().recursive(true).mode(0o755).create(path).map_err(VolumeError::file("create", path))
}

/// The folder that it lies in must exist, as in Kubernetes.
fn make_file(path: &Path) -> Result<(), VolumeError> {
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o644).open(path);
    file.map(drop).map_err(VolumeError::file("create", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(path: &Path, kind: &str) -> Result<(), String> {
        let source = HostPathVolumeSource { path: path.display().to_string(), type_: Some(kind.to_owned()) };
        check("v", &source).map_err(|e| e.to_string())
    }

    #[test]
    fn what_may_be_made_is_made_and_the_rest_must_be_there() {
        let folder = tempfile::tempdir().unwrap();
        let (dir, file) = (folder.path().join("d/e"), folder.path().join("f"));
        let complaint = |path: &Path, wanted: &str| {
            let path = path.display();
            format!("MountVolume.SetUp failed for volume \"v\" : hostPath type check failed: {path} is not a {wanted}")
        };
        assert_eq!(checked(&dir, "Directory").unwrap_err(), complaint(&dir, "directory"));
        checked(&dir, "DirectoryOrCreate").unwrap();
        checked(&dir, "Directory").unwrap();
        checked(&file, "FileOrCreate").unwrap();
        checked(&file, "File").unwrap();
        assert_eq!(checked(&file, "Directory").unwrap_err(), complaint(&file, "directory"));
        assert_eq!(checked(&file, "Socket").unwrap_err(), complaint(&file, "socket file"));
        assert_eq!(checked(&dir, "FileOrCreate").unwrap_err(), complaint(&dir, "file"));
        checked(Path::new("/dev/null"), "CharDevice").unwrap();
        assert_eq!(checked(&dir, "BlockDevice").unwrap_err(), complaint(&dir, "block device"));
        checked(&folder.path().join("new"), "").unwrap();
    }
}
