//! The demo's image: this program itself, standing in for the three images that the announcement's manifest names.

use std::env;
use std::path::Path;

use anyhow::{Context, Result};
use oci_spec::image::Config;
use reprise_images::{BuiltContent, BuiltFile, BuiltImage, ImageStore};

/// The manifest's image names, and the program that each stands for.
const IMAGES: [(&str, &str); 3] =
    [("my-repo/setup-worker:1.0", "setup"), ("my-repo/watcher:1.0", "watch"), ("my-repo/training-app:1.0", "train")];

/// The images' names.
pub fn names() -> impl Iterator<Item = &'static str> {
    IMAGES.iter().map(|(name, _)| *name)
}

/// Makes the images in the store in `store_dir`. Blocks.
pub fn build(store_dir: &Path) -> Result<()> {
    let program = env::current_exe().context("can't find the program's own file")?;
    let store = ImageStore::open(store_dir).context("can't open the image store")?;
    let images = IMAGES.map(|(reference, program)| image(reference, program));
    store.put_built(&files(&program), &images).context("can't make the demo's image")?;
    Ok(())
}

fn image(reference: &str, program: &str) -> BuiltImage {
    let mut config = Config::default();
    config.set_entrypoint(Some(["/reprise", "workload", program].map(str::to_owned).to_vec()));
    config.set_env(Some(vec!["PATH=/".to_owned()]));
    BuiltImage { reference: reference.to_owned(), config }
}

fn files(program: &Path) -> Vec<BuiltFile> {
    let file = |name: &str, mode, content| BuiltFile { name: name.to_owned(), mode, content };
    vec![
        file("etc/passwd", 0o644, BuiltContent::Bytes(b"root:x:0:0:root:/:/reprise\n".to_vec())),
        file("etc/group", 0o644, BuiltContent::Bytes(b"root:x:0:\n".to_vec())),
        file("tmp", 0o1777, BuiltContent::Folder),
        file("reprise", 0o755, BuiltContent::File(program.to_owned())),
    ]
}
