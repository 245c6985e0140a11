//! The kernel's modules.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use nix::kmod::{ModuleInitFlags, finit_module};

/// Where xtask puts the modules, named so that they sort in the order of loading.
const MODULES: &str = "/modules";

/// Loads all of them.
pub(crate) fn load() -> Result<()> {
    let mut modules = fs::read_dir(MODULES)
        .and_then(|entries| {
            entries
                .map(|entry| Ok(entry?.path()))
                .collect::<Result<Vec<PathBuf>, _>>()
        })
        .with_context(|| format!("cannot read {MODULES}"))?;
    modules.sort();
    modules.iter().try_for_each(|path| load_module(path))
}

fn load_module(path: &Path) -> Result<()> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    finit_module(&file, c"", ModuleInitFlags::empty())
        .with_context(|| format!("cannot load {}", path.display()))
}
