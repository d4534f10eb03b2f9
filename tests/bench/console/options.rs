//! What is asked for.

use std::time::Duration;

use anyhow::{Result, bail};

use crate::scenes;

/// What is asked for.
#[derive(Debug, Default)]
pub(crate) struct Options {
    quick: bool,
    long: bool,
    only: Vec<String>,
}

impl Options {
    /// Reads the arguments.
    pub(crate) fn read(arguments: impl Iterator<Item = String>) -> Result<Self> {
        let mut options = Self::default();
        for argument in arguments {
            match argument.as_str() {
                "--quick" => options.quick = true,
                "--long" => options.long = true,
                name if scenes::ALL.iter().any(|(scene, _)| *scene == name) => options.only.push(argument),
                other => bail!("{other:?} is none of --quick, --long and the names of scenes"),
            }
        }
        Ok(options)
    }

    /// Whether a scene is to be measured.
    pub(crate) fn wants(&self, scene: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|name| name == scene)
    }

    /// One of two sizes.
    pub(crate) fn pick<T>(&self, quick: T, full: T) -> T {
        if self.quick { quick } else { full }
    }

    /// For how long nobody touches the console while it is measured.
    pub(crate) fn window(&self) -> Duration {
        Duration::from_secs(self.pick(8, 20))
    }

    /// After which minutes of log lines the memory is read.
    pub(crate) fn minutes(&self) -> Vec<u64> {
        if self.long { vec![1, 10] } else { vec![1] }
    }
}
