//! What an edit of the contract would do to plugins that were built before it.
//!
//! Types are structural: a plugin fits only as long as every record, variant and function that it uses is exactly what it
//! was. The host may offer more to call; it cannot ask for more than plugins export.

use std::{collections::BTreeMap, fmt::Write as _};

use wit_parser::{Handle, InterfaceId, Resolve, Type, TypeDefKind, WorldItem};

/// What the host looks for in a component, and offers to it.
const WORLD: &str = "every-hook";

/// A package, as far as plugins see it: interface, then item, then its parts in their order.
pub(crate) struct Package {
    interfaces: BTreeMap<String, Interface>,
}

struct Interface {
    /// Plugins export it; else they import it.
    exported: bool,
    items: BTreeMap<String, Vec<String>>,
}

impl Package {
    /// Reads the text of a package.
    pub(crate) fn read(text: &str) -> Self {
        let mut resolve = Resolve::default();
        let package = resolve.push_source("package.wit", text).unwrap_or_else(|error| panic!("{error:?}"));
        let world = resolve.select_world(&[package], Some(WORLD)).expect("the world of all hooks");
        let world = &resolve.worlds[world];
        let sides = [(false, &world.imports), (true, &world.exports)];
        let items = sides.into_iter().flat_map(|(exported, items)| items.values().map(move |item| (exported, item)));
        let interfaces = items.filter_map(|(exported, item)| match item {
            WorldItem::Interface { id, .. } => {
                let name = resolve.interfaces[*id].name.clone().expect("interfaces of a package have names");
                Some((name, Interface { exported, items: items_of(&resolve, *id) }))
            }
            _ => None,
        });
        Self { interfaces: interfaces.collect() }
    }

    /// One sentence for everything in `newer` that plugins built for `self` would break on.
    pub(crate) fn broken_by(&self, newer: &Self) -> Vec<String> {
        let mut broken = Vec::new();
        for (name, old) in &self.interfaces {
            match newer.interfaces.get(name) {
                None => broken.push(format!("interface `{name}` is gone")),
                Some(new) => compare(name, old, new, &mut broken),
            }
        }
        broken
    }
}

fn compare(interface: &str, old: &Interface, new: &Interface, broken: &mut Vec<String>) {
    for (item, parts) in &old.items {
        match new.items.get(item) {
            None => broken.push(format!("`{interface}`: {item} is gone")),
            Some(now) if now != parts => broken.push(format!("`{interface}`: {item}{}", difference(parts, now))),
            Some(_) => {}
        }
    }
    let added = new.items.keys().filter(|item| item.starts_with("function") && !old.items.contains_key(*item));
    for item in added.filter(|_| old.exported) {
        broken.push(format!("`{interface}`: {item} is new, and plugins that export the interface do not have it"));
    }
}

/// The first part in which two items differ.
fn difference(old: &[String], new: &[String]) -> String {
    let at = old.iter().zip(new).position(|(old, new)| old != new).unwrap_or(old.len().min(new.len()));
    match (old.get(at), new.get(at)) {
        (Some(old), Some(new)) => format!(" was {old} and is {new}"),
        (Some(old), None) => format!(" has lost {old}"),
        (None, Some(new)) => format!(" has got {new}"),
        (None, None) => " has changed".to_owned(),
    }
}

fn items_of(resolve: &Resolve, id: InterfaceId) -> BTreeMap<String, Vec<String>> {
    let interface = &resolve.interfaces[id];
    let mut items = BTreeMap::new();
    for (name, id) in &interface.types {
        let kind = &resolve.types[*id].kind;
        items.insert(format!("{} `{name}`", kind.as_str()), parts_of(resolve, kind));
    }
    for (name, function) in &interface.functions {
        let mut parts: Vec<String> =
            function.params.iter().map(|it| format!("parameter `{}: {}`", it.name, shown(resolve, &it.ty))).collect();
        let result = function.result.map_or_else(|| "nothing".to_owned(), |result| shown(resolve, &result));
        parts.push(format!("result `{result}`"));
        items.insert(format!("function `{name}`"), parts);
    }
    items
}

fn parts_of(resolve: &Resolve, kind: &TypeDefKind) -> Vec<String> {
    let named = |what: &str, name: &str, ty: Option<&Type>| match ty {
        Some(ty) => format!("{what} `{name}: {}`", shown(resolve, ty)),
        None => format!("{what} `{name}`"),
    };
    match kind {
        TypeDefKind::Record(record) => {
            record.fields.iter().map(|field| named("field", &field.name, Some(&field.ty))).collect()
        }
        TypeDefKind::Variant(variant) => {
            variant.cases.iter().map(|case| named("case", &case.name, case.ty.as_ref())).collect()
        }
        TypeDefKind::Enum(of) => of.cases.iter().map(|case| named("case", &case.name, None)).collect(),
        TypeDefKind::Flags(flags) => flags.flags.iter().map(|flag| named("flag", &flag.name, None)).collect(),
        TypeDefKind::Type(of) => vec![shown(resolve, of)],
        _ => vec![anonymous(resolve, kind)],
    }
}

/// A type as it is written.
fn shown(resolve: &Resolve, ty: &Type) -> String {
    match ty {
        Type::Id(id) => match &resolve.types[*id].name {
            Some(name) => name.clone(),
            None => anonymous(resolve, &resolve.types[*id].kind),
        },
        other => format!("{other:?}").to_lowercase(),
    }
}

fn anonymous(resolve: &Resolve, kind: &TypeDefKind) -> String {
    let of = |ty: &Type| shown(resolve, ty);
    let or_nothing = |ty: &Option<Type>| ty.as_ref().map_or_else(|| "_".to_owned(), of);
    match kind {
        TypeDefKind::List(ty) => format!("list<{}>", of(ty)),
        TypeDefKind::Option(ty) => format!("option<{}>", of(ty)),
        TypeDefKind::Result(result) => format!("result<{}, {}>", or_nothing(&result.ok), or_nothing(&result.err)),
        TypeDefKind::Tuple(tuple) => {
            let mut text = String::new();
            for ty in &tuple.types {
                let _ = write!(text, "{} ", of(ty));
            }
            format!("tuple<{}>", text.trim_end())
        }
        TypeDefKind::Handle(Handle::Own(id) | Handle::Borrow(id)) => of(&Type::Id(*id)),
        other => other.as_str().to_owned(),
    }
}
