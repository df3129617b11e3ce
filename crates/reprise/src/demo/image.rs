//! The images that this program brings with it: itself, standing in for the three images that the announcement's manifest names and
//! for the worker of an example, and the restart agent for worker Pods of JobSets.

use std::env;
use std::path::Path;

use anyhow::{Context, Result};
use oci_spec::image::Config;
use reprise_images::{BuiltContent, BuiltFile, BuiltImage, ImageStore};

/// Image names in manifests, and the program that each stands for.
const IMAGES: [(&str, &str); 4] = [
    ("my-repo/setup-worker:1.0", "setup"),
    ("my-repo/watcher:1.0", "watch"),
    ("my-repo/training-app:1.0", "train"),
    ("reprise.dev/training-worker:0.1.0", "train-together"),
];
/// The restart agent's image.
const RESTART_AGENT: &str = "reprise.dev/restart-agent:0.1.0";
/// The restart agent itself, a static program that was built with this one (see `build.rs`).
static RESTART_AGENT_PROGRAM: &[u8] = include_bytes!(env!("RESTART_AGENT"));

/// The images' names.
pub fn names() -> impl Iterator<Item = &'static str> {
    IMAGES.iter().map(|(name, _)| *name).chain([RESTART_AGENT])
}

/// Makes the images in the store in `store_dir`. Blocks.
pub fn build(store_dir: &Path) -> Result<()> {
    let program = env::current_exe().context("can't find the program's own file")?;
    let store = ImageStore::open(store_dir).context("can't open the image store")?;
    let images = IMAGES.map(|(reference, program)| image(reference, &["/reprise", "workload", program]));
    let program = file("reprise", 0o755, BuiltContent::File(program));
    store.put_built(&files(program), &images).context("can't make the demo's image")?;
    let agent = file("restart-agent", 0o755, BuiltContent::Bytes(RESTART_AGENT_PROGRAM.to_vec()));
    let image = image(RESTART_AGENT, &["/restart-agent"]);
    store.put_built(&files(agent), &[image]).context("can't make the restart agent's image")?;
    Ok(())
}

fn image(reference: &str, entrypoint: &[&str]) -> BuiltImage {
    let mut config = Config::default();
    config.set_entrypoint(Some(entrypoint.iter().map(|word| (*word).to_owned()).collect()));
    config.set_env(Some(vec!["PATH=/".to_owned()]));
    BuiltImage { reference: reference.to_owned(), config }
}

fn file(name: &str, mode: u32, content: BuiltContent) -> BuiltFile {
    BuiltFile { name: name.to_owned(), mode, content }
}

/// What an image has beside its program.
fn files(program: BuiltFile) -> [BuiltFile; 4] {
    [
        file("etc/passwd", 0o644, BuiltContent::Bytes(b"root:x:0:0:root:/:/reprise\n".to_vec())),
        file("etc/group", 0o644, BuiltContent::Bytes(b"root:x:0:\n".to_vec())),
        file("tmp", 0o1777, BuiltContent::Folder),
        program,
    ]
}
