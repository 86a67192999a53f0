//! What the crate carries of the tree, by path: the contract, the SDKs, and the versions of what they depend on.

include!(concat!(env!("OUT_DIR"), "/carried.rs"));

/// The text of one carried file.
pub(crate) fn text(files: &[(&'static str, &'static str)], path: &str) -> &'static str {
    let found = files.iter().find(|(name, _)| *name == path);
    found.map(|(_, text)| *text).expect("the build script carries every file that is asked for")
}
