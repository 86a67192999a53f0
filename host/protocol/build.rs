//! Turns `sdk/proto/*.proto`, the one description of every message, into Rust types.

use std::{io, path::Path};

/// Fields that hold entity keys: decimal strings in JSON, because a JSON number loses precision beyond 2^53.
const KEYS: &[&str] = &[
    "account_id",
    "session_id",
    "character_id",
    "game_id",
    "item_id",
    "over_item_id",
    "trade_id",
    "letter_id",
    "offer_id",
    ".realm.v1.Character.id",
    ".realm.v1.Game.id",
];
/// Fields that hold lists of them.
const KEY_LISTS: &[&str] = &["item_ids"];

fn main() -> io::Result<()> {
    let proto = Path::new(&std::env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?).join("../../sdk/proto");
    println!("cargo:rerun-if-changed={}", proto.display());
    let files = ["realm.proto", "game.proto"];
    let descriptors = protox::compile(files, [&proto]).map_err(io::Error::other)?;
    let mut config = prost_build::Config::new();
    config.bytes(["."]);
    config.type_attribute(".", "#[derive(serde::Serialize, serde::Deserialize)]");
    config.message_attribute(".", "#[serde(default)]");
    config.enum_attribute(".", "#[serde(rename_all = \"snake_case\")]");
    for key in KEYS {
        config.field_attribute(key, "#[serde(with = \"crate::json::key\")]");
    }
    for keys in KEY_LISTS {
        config.field_attribute(keys, "#[serde(with = \"crate::json::keys\")]");
    }
    config.field_attribute("event", "#[serde(skip)]");
    config.compile_fds(descriptors)
}
