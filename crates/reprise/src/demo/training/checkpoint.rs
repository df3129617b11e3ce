//! A worker's checkpoint: the model after a step, in its volume.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::model::{Model, WEIGHTS};

/// The model after so many steps.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Checkpoint {
    pub step: u64,
    pub model: Model,
}

impl Checkpoint {
    /// The one in `folder`; that of step 0 if there is none.
    pub fn read(folder: &Path) -> Result<Self> {
        let path = file(folder);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error).with_context(|| format!("reading {}", path.display())),
        };
        parsed(&text).with_context(|| format!("{} is no checkpoint", path.display()))
    }

    /// Writes by rename, so that a kill at any moment leaves this one or the one before.
    pub fn write(&self, folder: &Path) -> Result<()> {
        if !folder.is_dir() {
            return Ok(());
        }
        let (path, new) = (file(folder), folder.join("model.new"));
        let words: Vec<String> = self.model.to_words().iter().map(ToString::to_string).collect();
        let written = fs::write(&new, format!("{}\n{}\n", self.step, words.join("\n")));
        written.and_then(|()| fs::rename(&new, &path)).with_context(|| format!("writing {}", path.display()))
    }
}

fn file(folder: &Path) -> PathBuf {
    folder.join("model")
}

fn parsed(text: &str) -> Option<Checkpoint> {
    let mut lines = text.lines();
    let step = lines.next()?.parse().ok()?;
    let words: Vec<i64> = lines.map(str::parse).collect::<Result<_, _>>().ok()?;
    let words: [i64; WEIGHTS] = words.try_into().ok()?;
    Some(Checkpoint { step, model: Model::from_words(words) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::training::model::Shard;

    #[test]
    fn what_was_written_is_read_and_what_is_none_is_said() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Checkpoint::read(folder.path()).unwrap(), Checkpoint::default());
        let mut model = Model::default();
        model.learn(&model.gradient(&Shard::of(0, 1)));
        let checkpoint = Checkpoint { step: 1, model };
        checkpoint.write(folder.path()).unwrap();
        assert_eq!(Checkpoint::read(folder.path()).unwrap(), checkpoint);
        fs::write(file(folder.path()), "1\n2\n").unwrap();
        assert!(Checkpoint::read(folder.path()).unwrap_err().to_string().contains("is no checkpoint"));
    }

    #[test]
    fn without_a_volume_nothing_is_kept() {
        Checkpoint::default().write(Path::new("/none")).unwrap();
    }
}
