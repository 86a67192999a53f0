//! The folders of `plugins/`: what each is written in, and what becomes of it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use realm_plugin_build::foreign;

use crate::layout::Layout;

/// What a plugin is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    Rust,
    JavaScript,
    /// Its `plugin.toml` says how it is built.
    Foreign,
}

/// The sources of one plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Source {
    /// Name of the folder and of the plugin.
    pub(crate) name: String,
    /// True for those in `plugins/examples/`.
    pub(crate) is_example: bool,
    pub(crate) language: Language,
}

impl Source {
    /// True for those whose tools are so large that only who asks for it builds them.
    pub(crate) fn is_heavy(&self, layout: &Layout) -> bool {
        self.language == Language::Foreign
            && foreign::Package::read(&self.folder(layout)).is_ok_and(|package| package.is_heavy())
    }

    pub(crate) fn folder(&self, layout: &Layout) -> PathBuf {
        let sources = layout.plugin_sources();
        if self.is_example { sources.join("examples").join(&self.name) } else { sources.join(&self.name) }
    }

    /// The finished component.
    pub(crate) fn component(&self, layout: &Layout) -> PathBuf {
        self.built(layout, "wasm")
    }

    /// The note from what it was built.
    pub(crate) fn key(&self, layout: &Layout) -> PathBuf {
        self.built(layout, "key")
    }

    fn built(&self, layout: &Layout, kind: &str) -> PathBuf {
        let folder = if self.is_example { layout.example_components() } else { layout.components() };
        folder.join(format!("{}.{kind}", self.name))
    }
}

/// Every folder that is a package, by name.
pub(crate) fn find(layout: &Layout) -> Result<Vec<Source>> {
    let mut sources = Vec::new();
    for (folder, is_example) in [(layout.plugin_sources(), false), (layout.plugin_sources().join("examples"), true)] {
        if is_example && !folder.is_dir() {
            continue;
        }
        let entries = fs::read_dir(&folder).with_context(|| format!("{} cannot be read", folder.display()))?;
        sources.extend(entries.flatten().filter_map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            Some(Source { name, is_example, language: language(&entry.path())? })
        }));
    }
    sources.sort_by(|one, other| (one.is_example, &one.name).cmp(&(other.is_example, &other.name)));
    Ok(sources)
}

fn language(folder: &Path) -> Option<Language> {
    // The first says how to build, whatever else its commands need. `realm plugin` asks in the same order.
    [(foreign::FILE, Language::Foreign), ("package.json", Language::JavaScript), ("Cargo.toml", Language::Rust)]
        .into_iter()
        .find_map(|(file, language)| folder.join(file).is_file().then_some(language))
}
