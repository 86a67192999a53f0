//! Small components made from text, for tests here and in the realm: each answers its hooks in a way that a test can tell.
//!
//! They are written against the canonical ABI by hand, so that tests need no compiler for WebAssembly.

use std::{fmt::Write as _, path::Path};

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

// This file is included from several places of the tree, and so are its parts.
#[path = "component_bodies.rs"]
mod bodies;
#[path = "component_functions.rs"]
mod functions;

pub(crate) use bodies::*;
use functions::{EXPORTS, IMPORTS};

/// A component under construction.
pub(crate) struct Fixture {
    name: String,
    version: String,
    permissions: Vec<&'static str>,
    interface_version: &'static str,
    bodies: Vec<(&'static str, &'static str, String)>,
    imports: Vec<&'static str>,
    prints: bool,
    globals: String,
    data: String,
}

impl Fixture {
    /// A component without any hook.
    pub(crate) fn new(name: &str, version: &str) -> Self {
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            permissions: Vec::new(),
            interface_version: "0.1.0",
            bodies: Vec::new(),
            imports: Vec::new(),
            prints: false,
            globals: String::new(),
            data: String::new(),
        }
    }

    /// Text at address 64, for answers that hold a string.
    pub(crate) fn text(mut self, text: &str) -> Self {
        self.data = text.to_owned();
        self
    }

    /// More items of the core module, for example `(global $calls (mut i32) (i32.const 0))`.
    pub(crate) fn globals(mut self, text: &str) -> Self {
        self.globals = text.to_owned();
        self
    }

    /// Imports `log`; with the permission if `permitted`.
    pub(crate) fn log(self, permitted: bool) -> Self {
        let imported = self.import("log");
        if permitted { imported.permit("log") } else { imported }
    }

    /// Imports all functions of an interface; their names in bodies stand in [`IMPORTS`].
    pub(crate) fn import(mut self, interface: &'static str) -> Self {
        self.imports.push(interface);
        self
    }

    /// Imports `$stdout` of WASI, which gives a new handle with each call.
    pub(crate) fn stdout(mut self) -> Self {
        self.prints = true;
        self
    }

    /// Asks for a permission.
    pub(crate) fn permit(mut self, permission: &'static str) -> Self {
        self.permissions.push(permission);
        self
    }

    /// Built for another version of the interfaces.
    pub(crate) fn interface_version(mut self, version: &'static str) -> Self {
        self.interface_version = version;
        self
    }

    /// `lifecycle.init`; `$text` and `$length` are the configuration.
    pub(crate) fn init(self, body: &str) -> Self {
        self.function("lifecycle", "init", body)
    }

    /// `chat-filter.filter`; `$text` and `$length` are the line.
    pub(crate) fn filter(self, body: &str) -> Self {
        self.function("chat-filter", "filter", body)
    }

    /// `anti-cheat.check-actions`; `$count` acts, the numbers of the first at `$numbers`; the other functions find nothing.
    pub(crate) fn check_actions(self, body: &str) -> Self {
        self.function("anti-cheat", "check-actions", body)
    }

    /// `matchmaking.admit` with `$level`; `order` gives the keys in the order in which they came.
    pub(crate) fn admit(self, body: &str) -> Self {
        self.function("matchmaking", "admit", body)
    }

    /// `ladder.score`; `$level` and `$experience` are the character's; everybody takes part.
    pub(crate) fn score(self, body: &str) -> Self {
        self.function("ladder", "score", body)
    }

    /// Any function; those of the same interface that are not given answer the least that they can.
    pub(crate) fn function(mut self, interface: &'static str, name: &'static str, body: &str) -> Self {
        assert!(EXPORTS.iter().any(|export| (export.0, export.1) == (interface, name)), "{interface}.{name}");
        self.bodies.push((interface, name, body.to_owned()));
        self
    }

    /// The interfaces that it exports.
    fn interfaces(&self) -> Vec<&'static str> {
        let mut interfaces: Vec<&'static str> = EXPORTS.iter().map(|export| export.0).collect();
        interfaces.dedup();
        interfaces.retain(|interface| self.bodies.iter().any(|body| body.0 == *interface));
        interfaces
    }

    /// The core module, as text.
    fn module(&self) -> String {
        let version = self.interface_version;
        let mut text = String::from("(module\n");
        for (interface, name, short, signature) in IMPORTS.iter().filter(|import| self.imports.contains(&import.0)) {
            let _ =
                writeln!(text, r#"(import "realm:plugin/{interface}@{version}" "{name}" (func {short} {signature}))"#);
        }
        if self.prints {
            text.push_str(r#"(import "wasi:cli/stdout@0.2.6" "get-stdout" (func $stdout (result i32)))"#);
        }
        text.push_str(
            r#"(memory (export "memory") 2)
               (global $top (mut i32) (i32.const 65536))
               (func (export "cabi_realloc") (param i32 i32 i32) (param $size i32) (result i32)
                 (local $at i32)
                 (local.set $at (i32.and (i32.add (global.get $top) (i32.const 7)) (i32.const -8)))
                 (global.set $top (i32.add (local.get $at) (local.get $size)))
                 (local.get $at))
            "#,
        );
        let _ = writeln!(text, "{}\n(data (i32.const 64) {:?})", self.globals, self.data);
        let interfaces = self.interfaces();
        for (interface, name, parameters, result, default) in EXPORTS {
            if !interfaces.contains(interface) {
                continue;
            }
            let given = self.bodies.iter().find(|body| (body.0, body.1) == (interface, name));
            let body = given.map_or_else(default, |body| body.2.clone());
            let full = format!("realm:plugin/{interface}@{version}#{name}");
            let of = |what: &str| if result.is_empty() { String::new() } else { format!("({what} {result})") };
            let (results, answered) = (of("result"), of("param"));
            let _ = writeln!(text, r#"(func (export "{full}") {parameters} {results} {body})"#);
            let _ =
                writeln!(text, r#"(func (export "cabi_post_{full}") {answered} (global.set $top (i32.const 65536)))"#);
        }
        text.push(')');
        text
    }

    /// The core module.
    pub(crate) fn core_module(&self) -> Vec<u8> {
        wat::parse_str(self.module()).unwrap_or_else(|error| panic!("{error}\n{}", self.module()))
    }

    /// The component without its manifest.
    pub(crate) fn without_manifest(&self) -> Vec<u8> {
        self.around(self.core_module())
    }

    /// The whole component, with its manifest in the core module, where a linker puts it.
    pub(crate) fn build_with_inner_manifest(&self) -> Vec<u8> {
        self.around(with_section(self.core_module(), "realm:plugin", self.manifest().as_bytes()))
    }

    /// The component around a core module.
    fn around(&self, module: Vec<u8>) -> Vec<u8> {
        self.try_around(module).expect("the module fits its world")
    }

    /// The whole component around another core module, when one can be made.
    pub(crate) fn build_around(&self, module: Vec<u8>) -> Option<Vec<u8>> {
        let component = self.try_around(module).ok()?;
        Some(with_section(component, "realm:plugin", self.manifest().as_bytes()))
    }

    fn try_around(&self, mut module: Vec<u8>) -> Result<Vec<u8>, String> {
        let version = self.interface_version;
        let mut world = String::from("package test:fixture;\nworld fixture {\n");
        for interface in &self.imports {
            let _ = writeln!(world, "import realm:plugin/{interface}@{version};");
        }
        if self.prints {
            world.push_str("import wasi:cli/stdout@0.2.6;\n");
        }
        for interface in self.interfaces() {
            let _ = writeln!(world, "export realm:plugin/{interface}@{version};");
        }
        world.push('}');
        let mut resolve = Resolve::default();
        resolve.push_source("wit.wit", &wit_text(version)).expect("the interfaces are well formed");
        for (name, text) in WASI_STDOUT {
            resolve.push_source(name, text).expect("this part of WASI is well formed");
        }
        let package = resolve.push_source("fixture.wit", &world).expect("the world is well formed");
        let world = resolve.select_world(&[package], Some("fixture")).expect("there is one world");
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).expect("metadata fits");
        let encoder = ComponentEncoder::default().module(&module);
        encoder.and_then(|mut encoder| encoder.encode()).map_err(|error| format!("{error:#}"))
    }

    /// The manifest.
    pub(crate) fn manifest(&self) -> String {
        let permissions: Vec<String> = self.permissions.iter().map(|permission| format!("{permission:?}")).collect();
        let permissions = permissions.join(",");
        format!(r#"{{"name":"{}","version":"{}","permissions":[{permissions}]}}"#, self.name, self.version)
    }

    /// The whole component.
    pub(crate) fn build(&self) -> Vec<u8> {
        with_section(self.without_manifest(), "realm:plugin", self.manifest().as_bytes())
    }
}

/// As much of WASI as gives a handle.
const WASI_STDOUT: [(&str, &str); 2] = [
    ("io.wit", "package wasi:io@0.2.6; interface streams { resource output-stream; }"),
    (
        "cli.wit",
        "package wasi:cli@0.2.6;
         interface stdout { use wasi:io/streams@0.2.6.{output-stream}; get-stdout: func() -> output-stream; }",
    ),
];

/// The files of `wit/`, each after those that it uses.
const INTERFACES: [&str; 14] = [
    "effects",
    "log",
    "metrics",
    "kv",
    "clock",
    "random",
    "realm-info",
    "lifecycle",
    "chat-filter",
    "anti-cheat",
    "matchmaking",
    "ladder",
    "commands",
    "events",
];

/// All interfaces of `wit/` as one text, with another version number if asked.
pub(crate) fn wit_text(version: &str) -> String {
    read_files("wit", version, &INTERFACES)
}

/// The same of a folder, with its worlds.
pub(crate) fn package_text(folder: &str, version: &str) -> String {
    read_files(folder, version, &[&INTERFACES[..], &["worlds"]].concat())
}

fn read_files(folder: &str, version: &str, names: &[&str]) -> String {
    // Packages at different depths of the tree share this file.
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = here.ancestors().map(|above| above.join(folder)).find(|folder| folder.is_dir());
    let folder = folder.expect("the interfaces lie at the root of the tree");
    let mut text = format!("package realm:plugin@{version};\n");
    for name in names {
        let file = std::fs::read_to_string(folder.join(format!("{name}.wit"))).expect("the interface exists");
        text.push_str(file.split_once(';').expect("a package line").1);
    }
    text
}

/// Appends a custom section.
pub(crate) fn with_section(mut bytes: Vec<u8>, name: &str, data: &[u8]) -> Vec<u8> {
    let mut section = leb(name.len());
    section.extend_from_slice(name.as_bytes());
    section.extend_from_slice(data);
    bytes.push(0);
    bytes.extend(leb(section.len()));
    bytes.extend(section);
    bytes
}

fn leb(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(value & 0x7F).expect("seven bits");
        value >>= 7;
        bytes.push(if value > 0 { low | 0x80 } else { low });
        if value == 0 {
            return bytes;
        }
    }
}

/// A chat filter that replaces every line by `text`.
pub(crate) fn replacing(name: &str, version: &str, text: &str) -> Vec<u8> {
    Fixture::new(name, version).text(text).filter(&with_text(1, text.len())).build()
}
