//! Does a component fit the contract? What differs, in words.
//!
//! WebAssembly's own answer to a wrong type is "type mismatch"; an author needs to know which field of which record.

use anyhow::{Context, Result, bail};
use wit_parser::{
    Function, InterfaceId, Resolve, Type, TypeDefKind, WorldItem, WorldKey,
    decoding::{DecodedWasm, decode},
};

use crate::contract::{Contract, PACKAGE};

/// One interface of a component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// Its name: of `realm:plugin` without package and version, else whole.
    pub name: String,
    /// Version of the package; empty when it names none.
    pub version: String,
    /// Its functions.
    pub functions: Vec<String>,
    /// True when it is none of the contract: another package's, or a toolchain's own.
    pub foreign: bool,
}

/// What a component exports and imports, and where that differs from the contract.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fit {
    /// Interfaces that it exports.
    pub exports: Vec<Interface>,
    /// Interfaces that it imports.
    pub imports: Vec<Interface>,
    /// What does not fit, a sentence each.
    pub misfits: Vec<String>,
}

/// Compares a component with the contract that this program speaks.
///
/// # Errors
/// When the bytes are no component at all.
pub fn compare(bytes: &[u8]) -> Result<Fit> {
    let DecodedWasm::Component(theirs, world) = decode(bytes).context("its types cannot be read")? else {
        bail!("this is a WIT package, not a plugin");
    };
    let contract = Contract::own();
    let comparison = Comparison { contract: &contract, theirs: &theirs };
    let mut fit = Fit::default();
    for (key, item) in &theirs.worlds[world].exports {
        let interface = comparison.interface(key, item);
        comparison.check_export(&interface, item, &mut fit.misfits);
        fit.exports.push(interface);
    }
    for (key, item) in &theirs.worlds[world].imports {
        let interface = comparison.interface(key, item);
        comparison.check_import(&interface, item, &mut fit.misfits);
        fit.imports.push(interface);
    }
    Ok(fit)
}

struct Comparison<'a> {
    contract: &'a Contract,
    theirs: &'a Resolve,
}

impl Comparison<'_> {
    fn interface(&self, key: &WorldKey, item: &WorldItem) -> Interface {
        let whole = self.theirs.name_world_key(key);
        let (path, version) = whole.split_once('@').unwrap_or((&whole, ""));
        let ours = path.strip_prefix(PACKAGE).and_then(|rest| rest.strip_prefix('/'));
        let (name, foreign) = (ours.unwrap_or(path), ours.is_none());
        let functions = match item {
            WorldItem::Interface { id, .. } => self.theirs.interfaces[*id].functions.keys().cloned().collect(),
            _ => Vec::new(),
        };
        Interface { name: name.to_owned(), version: version.to_owned(), functions, foreign }
    }

    /// The contract's interface of this name, and a sentence when the component was built for another version of it.
    fn ours(&self, interface: &Interface, misfits: &mut Vec<String>) -> Option<InterfaceId> {
        let ours = self.contract.interface(&interface.name)?;
        if !speaks(&self.contract.version(), &interface.version) {
            let built_for = if interface.version.is_empty() { "no version" } else { &interface.version };
            misfits.push(format!(
                "built for `{PACKAGE}/{}` {built_for}, this realm speaks {}",
                interface.name,
                self.contract.version()
            ));
        }
        Some(ours)
    }

    /// Every function of a hook must be there, and as the contract says.
    fn check_export(&self, interface: &Interface, item: &WorldItem, misfits: &mut Vec<String>) {
        let WorldItem::Interface { id: theirs, .. } = item else { return };
        if interface.foreign {
            // Nobody here will ever call it.
            return;
        }
        if !self.contract.hooks().contains(&interface.name) {
            misfits.push(format!(
                "it exports `{}`, a hook that this realm does not know; it knows {}",
                interface.name,
                self.contract.hooks().join(", ")
            ));
            return;
        }
        let Some(ours) = self.ours(interface, misfits) else { return };
        let ours = &self.contract.resolve.interfaces[ours].functions;
        let theirs = &self.theirs.interfaces[*theirs].functions;
        for (name, function) in ours {
            match theirs.get(name) {
                None => misfits.push(format!("missing function `{name}` in `{}`", interface.name)),
                Some(found) => misfits.extend(self.function(&interface.name, function, found)),
            }
        }
        for name in theirs.keys().filter(|name| !ours.contains_key(*name)) {
            misfits.push(format!("function `{name}` in `{}` is none that this realm would call", interface.name));
        }
    }

    /// Every function that the component calls must be offered, and as the contract says.
    fn check_import(&self, interface: &Interface, item: &WorldItem, misfits: &mut Vec<String>) {
        let WorldItem::Interface { id: theirs, .. } = item else {
            misfits.push(format!("it imports `{}`, which this realm does not offer", interface.name));
            return;
        };
        if interface.name.starts_with("wasi:") {
            return;
        }
        let theirs = &self.theirs.interfaces[*theirs].functions;
        let Some(ours) = self.ours(interface, misfits) else {
            misfits.push(format!(
                "it imports `{}`, which this realm does not offer; it offers {}",
                interface.name,
                self.contract.imports().join(", ")
            ));
            return;
        };
        let ours = &self.contract.resolve.interfaces[ours].functions;
        for (name, function) in theirs {
            match ours.get(name) {
                None => misfits.push(format!(
                    "it calls function `{name}` in `{}`, which this realm does not offer",
                    interface.name
                )),
                Some(found) => misfits.extend(self.function(&interface.name, found, function)),
            }
        }
    }

    /// Where a function differs, if it does.
    fn function(&self, interface: &str, ours: &Function, theirs: &Function) -> Option<String> {
        let place = format!("function `{}` in `{interface}`", ours.name);
        if ours.params.len() != theirs.params.len() {
            return Some(format!(
                "{place}: takes {}, this realm hands over {}",
                count(theirs.params.len(), "parameter"),
                count(ours.params.len(), "parameter")
            ));
        }
        for (ours, theirs) in ours.params.iter().zip(&theirs.params) {
            if let Some(difference) = self.types(&ours.ty, &theirs.ty) {
                return Some(format!("{place}: parameter `{}`: {difference}", ours.name));
            }
        }
        self.optional(ours.result.as_ref(), theirs.result.as_ref()).map(|text| format!("{place}: its answer: {text}"))
    }

    fn optional(&self, ours: Option<&Type>, theirs: Option<&Type>) -> Option<String> {
        match (ours, theirs) {
            (None, None) => None,
            (Some(ours), Some(theirs)) => self.types(ours, theirs),
            (Some(ours), None) => Some(format!("is nothing instead of {}", self.our_name(ours))),
            (None, Some(theirs)) => Some(format!("is {} instead of nothing", name_of(self.theirs, theirs))),
        }
    }

    /// Where two types differ, innermost place last.
    fn types(&self, ours: &Type, theirs: &Type) -> Option<String> {
        let (our_kind, their_kind) = (kind_of(&self.contract.resolve, ours), kind_of(self.theirs, theirs));
        let other = || Some(format!("is {} instead of {}", name_of(self.theirs, theirs), self.our_name(ours)));
        let (our_kind, their_kind) = match (our_kind, their_kind) {
            (Ok(our_kind), Ok(their_kind)) => (our_kind, their_kind),
            (Err(one), Err(two)) if one == two => return None,
            _ => return other(),
        };
        let inside = |what: &str, difference: Option<String>| difference.map(|text| format!("{what}{text}"));
        match (our_kind, their_kind) {
            (TypeDefKind::Record(one), TypeDefKind::Record(two)) => {
                let (ours_named, theirs_named) = (
                    one.fields.iter().map(|field| field.name.as_str()).collect::<Vec<_>>(),
                    two.fields.iter().map(|field| field.name.as_str()).collect::<Vec<_>>(),
                );
                lists(&self.our_name(ours), "field", &ours_named, &theirs_named).or_else(|| {
                    one.fields
                        .iter()
                        .zip(&two.fields)
                        .find_map(|(one, two)| inside(&format!("field `{}`: ", one.name), self.types(&one.ty, &two.ty)))
                })
            }
            (TypeDefKind::Variant(one), TypeDefKind::Variant(two)) => {
                let (ours_named, theirs_named) = (
                    one.cases.iter().map(|case| case.name.as_str()).collect::<Vec<_>>(),
                    two.cases.iter().map(|case| case.name.as_str()).collect::<Vec<_>>(),
                );
                lists(&self.our_name(ours), "case", &ours_named, &theirs_named).or_else(|| {
                    one.cases.iter().zip(&two.cases).find_map(|(one, two)| {
                        inside(&format!("case `{}`: ", one.name), self.optional(one.ty.as_ref(), two.ty.as_ref()))
                    })
                })
            }
            (TypeDefKind::Enum(one), TypeDefKind::Enum(two)) => {
                let names = |of: &wit_parser::Enum| of.cases.iter().map(|case| case.name.clone()).collect::<Vec<_>>();
                lists(&self.our_name(ours), "case", &names(one), &names(two))
            }
            (TypeDefKind::Flags(one), TypeDefKind::Flags(two)) => {
                let names = |of: &wit_parser::Flags| of.flags.iter().map(|flag| flag.name.clone()).collect::<Vec<_>>();
                lists(&self.our_name(ours), "flag", &names(one), &names(two))
            }
            (TypeDefKind::List(one), TypeDefKind::List(two)) => inside("in the list: ", self.types(one, two)),
            (TypeDefKind::Option(one), TypeDefKind::Option(two)) => inside("in the option: ", self.types(one, two)),
            (TypeDefKind::Result(one), TypeDefKind::Result(two)) => {
                inside("when it succeeds: ", self.optional(one.ok.as_ref(), two.ok.as_ref()))
                    .or_else(|| inside("when it fails: ", self.optional(one.err.as_ref(), two.err.as_ref())))
            }
            (TypeDefKind::Tuple(one), TypeDefKind::Tuple(two)) if one.types.len() == two.types.len() => {
                one.types.iter().zip(&two.types).find_map(|(one, two)| inside("in the tuple: ", self.types(one, two)))
            }
            _ => other(),
        }
    }

    fn our_name(&self, of: &Type) -> String {
        name_of(&self.contract.resolve, of)
    }
}

/// Versions of one minor number understand each other while the major number is 0.
fn speaks(ours: &str, theirs: &str) -> bool {
    let head = |version: &str| {
        let mut parts = version.split('.');
        let major = parts.next().unwrap_or_default().to_owned();
        let minor = if major == "0" { parts.next().unwrap_or_default().to_owned() } else { String::new() };
        (major, minor, version.contains('-'))
    };
    !theirs.is_empty() && head(ours) == head(theirs)
}

/// What a type is made of, aliases resolved; `Err` for the simple ones.
fn kind_of<'a>(resolve: &'a Resolve, of: &Type) -> Result<&'a TypeDefKind, Type> {
    let mut of = *of;
    while let Type::Id(id) = of {
        match &resolve.types[id].kind {
            TypeDefKind::Type(inner) => of = *inner,
            kind => return Ok(kind),
        }
    }
    Err(of)
}

/// A type in words: its own name, or what it is.
fn name_of(resolve: &Resolve, of: &Type) -> String {
    match of {
        Type::Id(id) => match (&resolve.types[*id].name, &resolve.types[*id].kind) {
            (Some(name), TypeDefKind::Type(_)) => format!("`{name}`"),
            (Some(name), kind) => format!("the {} `{name}`", kind.as_str()),
            (None, TypeDefKind::List(inner)) => format!("a list of {}", name_of(resolve, inner)),
            (None, TypeDefKind::Option(inner)) => format!("an option of {}", name_of(resolve, inner)),
            (None, kind) => format!("a {}", kind.as_str()),
        },
        simple => format!("`{}`", format!("{simple:?}").to_lowercase()),
    }
}

/// A type as the contract writes it: `list<action>`.
pub(crate) fn short_name(resolve: &Resolve, of: &Type) -> String {
    let optional = |of: &Option<Type>| of.as_ref().map_or_else(|| "_".to_owned(), |of| short_name(resolve, of));
    match of {
        Type::Id(id) => match (&resolve.types[*id].name, &resolve.types[*id].kind) {
            (Some(name), _) => name.clone(),
            (None, TypeDefKind::List(inner)) => format!("list<{}>", short_name(resolve, inner)),
            (None, TypeDefKind::Option(inner)) => format!("option<{}>", short_name(resolve, inner)),
            (None, TypeDefKind::Result(result)) => {
                format!("result<{}, {}>", optional(&result.ok), optional(&result.err))
            }
            (None, kind) => kind.as_str().to_owned(),
        },
        simple => format!("{simple:?}").to_lowercase(),
    }
}

/// Names that one side has and the other has not, or that stand in another order.
fn lists<S: AsRef<str> + PartialEq>(of: &str, what: &str, ours: &[S], theirs: &[S]) -> Option<String> {
    let quoted =
        |names: Vec<&S>| names.iter().map(|name| format!("`{}`", name.as_ref())).collect::<Vec<_>>().join(", ");
    let missing: Vec<_> = ours.iter().filter(|name| !theirs.contains(name)).collect();
    let more: Vec<_> = theirs.iter().filter(|name| !ours.contains(name)).collect();
    let plural = |names: &Vec<&S>| if names.len() == 1 { "" } else { "s" };
    match (missing.is_empty(), more.is_empty()) {
        (true, true) if ours == theirs => None,
        (true, true) => Some(format!("{of} has its {what}s in another order")),
        (false, true) => Some(format!("{of} lacks the {what}{} {}", plural(&missing), quoted(missing))),
        (true, false) => {
            Some(format!("{of} has the {what}{} {}, which this realm does not know", plural(&more), quoted(more)))
        }
        (false, false) => Some(format!(
            "{of} lacks the {what}{} {} and has {}, which this realm does not know",
            plural(&missing),
            quoted(missing),
            quoted(more)
        )),
    }
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn misfits(text: &str) -> Vec<String> {
        compare(&wat::parse_str(text).unwrap()).unwrap().misfits
    }

    /// A component that only has types: an instance with one function of the given type, exported under a name.
    fn exporting(name: &str, types: &str, function: &str, of: &str) -> String {
        format!(
            r#"(component
                (import "{name}" (instance $hook {types} (export "{function}" (func {of}))))
                (export "{name}" (instance $hook)))"#
        )
    }

    #[test]
    fn a_missing_function_and_another_version_are_named() {
        let text = exporting("realm:plugin/chat-filter@0.2.0", "", "sieve", "(result string)");
        let found = misfits(&text);
        assert!(found.iter().any(|text| text == "built for `realm:plugin/chat-filter` 0.2.0, this realm speaks 0.1.0"));
        assert!(found.iter().any(|text| text == "missing function `filter` in `chat-filter`"), "{found:?}");
        assert!(found.iter().any(|text| text.contains("function `sieve` in `chat-filter` is none")), "{found:?}");
    }

    #[test]
    fn another_type_is_named_by_its_place() {
        let text =
            exporting("realm:plugin/chat-filter@0.1.0", "", "filter", r#"(param "line" string) (result string)"#);
        let found = misfits(&text);
        assert!(
            found.iter().any(|text| text
                == "function `filter` in `chat-filter`: parameter `line`: is `string` instead of the record `line`"),
            "{found:?}"
        );
        let text = exporting("realm:plugin/chat-filter@0.1.0", "", "filter", "(result string)");
        assert!(misfits(&text).iter().any(|text| text.contains("takes 0 parameters, this realm hands over 1")));
    }

    #[test]
    fn what_a_toolchain_exports_for_itself_is_no_misfit() {
        let text = r#"(component
            (import "realm:plugin/clock@0.1.0" (instance $clock (export "now-ms" (func (result u64)))))
            (export "exports" (instance $clock)))"#;
        let fit = compare(&wat::parse_str(text).unwrap()).unwrap();
        assert_eq!(fit.misfits, Vec::<String>::new());
        assert!(fit.exports.iter().all(|interface| interface.foreign), "{:?}", fit.exports);
    }

    #[test]
    fn what_is_not_offered_is_named() {
        let text = r#"(component (import "realm:plugin/weather@0.1.0" (instance (export "rain" (func)))))"#;
        assert!(misfits(text)[0].contains("imports `weather`"), "{:?}", misfits(text));
        let text = r#"(component (import "realm:plugin/log@0.1.0" (instance (export "shout" (func)))))"#;
        assert_eq!(misfits(text), ["it calls function `shout` in `log`, which this realm does not offer"]);
        assert!(compare(b"no wasm").is_err());
    }

    #[test]
    fn lists_of_names_say_what_is_too_many_and_too_few() {
        assert_eq!(lists("it", "field", &["a", "b"], &["a", "b"]), None);
        assert_eq!(lists("it", "field", &["a", "b"], &["a"]).unwrap(), "it lacks the field `b`");
        assert_eq!(
            lists("it", "field", &["a"], &["b", "a"]).unwrap(),
            "it has the field `b`, which this realm does not know"
        );
        assert_eq!(lists("it", "field", &["a", "b"], &["b", "a"]).unwrap(), "it has its fields in another order");
        assert!(lists("it", "case", &["a"], &["b"]).unwrap().contains("lacks the case `a` and has `b`"));
    }
}
