//! Carries the contract and the SDK inside the crate, so that a new plugin can be made where no tree is at hand.

#![allow(clippy::print_stdout, reason = "this is how a build script speaks to Cargo")]

use std::{
    env,
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

/// What goes along: name of the constant, and folder or file below the root of the tree.
const CARRIED: [(&str, &[&str]); 4] = [
    ("CONTRACT", &["wit"]),
    ("RUST_SDK", &["sdk/plugin-rust/Cargo.toml", "sdk/plugin-rust/src"]),
    ("JAVASCRIPT_SDK", &["sdk/plugin-js"]),
    ("TREE", &["Cargo.toml", "plugins/Cargo.lock"]),
];

fn main() -> io::Result<()> {
    let package = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let root = package.join("../..").canonicalize()?;
    let mut text = String::new();
    for (name, places) in CARRIED {
        let mut found = Vec::new();
        for place in places {
            println!("cargo::rerun-if-changed={}", root.join(place).display());
            collect(&root.join(place), &mut found)?;
        }
        found.sort();
        let _ = writeln!(text, "pub(crate) const {name}: &[(&str, &str)] = &[");
        for file in found {
            let inside = file.strip_prefix(&root).unwrap_or(&file).to_string_lossy().replace('\\', "/");
            let _ = writeln!(text, "    ({inside:?}, include_str!({:?})),", file.display().to_string());
        }
        text.push_str("];\n");
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    fs::write(out.join("carried.rs"), text)?;
    fs::write(out.join("templates.rs"), templates(&package.join("templates/rust"))?)
}

/// Every Rust template as a module, so that a test can compile them and run their tests.
fn templates(folder: &Path) -> io::Result<String> {
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut files = Vec::new();
    collect(folder, &mut files)?;
    files.sort();
    let mut text = String::new();
    for file in files.iter().filter(|file| file.extension().is_some_and(|kind| kind == "rs")) {
        let module = file.file_stem().unwrap_or_default().to_string_lossy().replace('-', "_");
        let rule = fs::read_to_string(file)?;
        let rule =
            rule.replace("{{name}}", "first-rule").replace("{{Type}}", "FirstRule").replace("{{what}}", "A rule.");
        let _ = writeln!(text, "mod {module} {{\n{rule}\n}}");
    }
    Ok(text)
}

/// The files below a folder; of `wit/` only what is not published history.
fn collect(place: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    if place.is_file() {
        found.push(place.to_owned());
        return Ok(());
    }
    for entry in fs::read_dir(place)? {
        let entry = entry?;
        let name = entry.file_name();
        if ["node_modules", "published", "target", "dist"].iter().any(|left_out| name == *left_out) {
            continue;
        }
        collect(&entry.path(), found)?;
    }
    Ok(())
}
