//! The contract as TypeScript sees it: one file of declarations, so that an editor knows every hook and everything that a plugin
//! may call, and `tsc` finds what does not fit.

use std::fmt::Write as _;

use wit_parser::{Docs, Function, InterfaceId, Resolve, Type, TypeDef, TypeDefKind, TypeOwner};

use crate::{
    contract::{Contract, PACKAGE},
    javascript::{camel, pascal},
};

/// Where the declarations lie in a plugin's folder.
pub const DECLARATIONS: &str = "sdk/plugin-js/realm-plugin.d.ts";

/// The declarations of the contract that this program speaks.
#[must_use]
pub fn declarations() -> String {
    let contract = Contract::own();
    let mut text = format!(
        "// The contract between realm and plugin, {PACKAGE} {}, for TypeScript and for editors. Written by `realm plugin new`.\n\
         //\n// A `u64` is a JavaScript number, exact up to 2^53. An error of the contract is thrown as its variant.\n",
        contract.version()
    );
    let (hooks, imports) = (contract.hooks(), contract.imports());
    let mut names: Vec<String> = contract.interfaces();
    names.sort();
    for name in names {
        let Some(id) = contract.interface(&name) else { continue };
        let _ = writeln!(text, "\ndeclare module '{PACKAGE}/{name}@{}' {{", contract.version());
        let writer = Writer { resolve: &contract.resolve, version: contract.version(), interface: id };
        writer.types(&mut text);
        if hooks.contains(&name) {
            writer.exported(&name, &mut text);
        } else if imports.contains(&name) {
            writer.imported(&mut text);
        }
        text.push_str("}\n");
    }
    text
}

struct Writer<'a> {
    resolve: &'a Resolve,
    version: String,
    interface: InterfaceId,
}

impl Writer<'_> {
    fn types(&self, text: &mut String) {
        for (name, id) in &self.resolve.interfaces[self.interface].types {
            let ty = &self.resolve.types[*id];
            comment(&ty.docs, "  ", text);
            let definition = self.definition(ty);
            let space = if definition.starts_with('\n') { "" } else { " " };
            let _ = writeln!(text, "  export type {} ={space}{definition};", pascal(name));
        }
    }

    /// What a plugin implements: the functions of one hook.
    fn exported(&self, name: &str, text: &mut String) {
        comment(&self.resolve.interfaces[self.interface].docs, "  ", text);
        let _ = writeln!(text, "  export interface {} {{", pascal(name));
        for function in self.resolve.interfaces[self.interface].functions.values() {
            comment(&function.docs, "    ", text);
            let _ = writeln!(text, "    {}{};", camel(&function.name), self.signature(function));
        }
        text.push_str("  }\n");
    }

    /// What a plugin may call.
    fn imported(&self, text: &mut String) {
        for function in self.resolve.interfaces[self.interface].functions.values() {
            comment(&function.docs, "  ", text);
            let name = camel(&function.name);
            // A word of the language is no name of a function, but may be that of an export.
            if name == "delete" {
                let _ =
                    writeln!(text, "  function remove{};\n  export {{ remove as delete }};", self.signature(function));
            } else {
                let _ = writeln!(text, "  export function {name}{};", self.signature(function));
            }
        }
    }

    fn signature(&self, function: &Function) -> String {
        let of = |(name, ty): (&String, &Type)| format!("{}: {}", camel(name), self.name(ty));
        let parameters: Vec<String> = function.params.iter().map(|it| of((&it.name, &it.ty))).collect();
        // What fails is thrown.
        let answer = match function.result.as_ref().map(|ty| (ty, self.kind(ty))) {
            None => "void".to_owned(),
            Some((_, Some(TypeDefKind::Result(result)))) => {
                result.ok.as_ref().map_or_else(|| "void".to_owned(), |ok| self.name(ok))
            }
            Some((ty, _)) => self.name(ty),
        };
        format!("({}): {answer}", parameters.join(", "))
    }

    fn kind(&self, ty: &Type) -> Option<&TypeDefKind> {
        if let Type::Id(id) = ty { Some(&self.resolve.types[*id].kind) } else { None }
    }

    /// A type where it is used.
    fn name(&self, ty: &Type) -> String {
        match ty {
            Type::Id(id) => {
                let ty = &self.resolve.types[*id];
                match &ty.name {
                    Some(name) => pascal(name),
                    None => self.definition(ty),
                }
            }
            Type::Bool => "boolean".to_owned(),
            Type::String | Type::Char => "string".to_owned(),
            _ => "number".to_owned(),
        }
    }

    /// What a type is made of.
    fn definition(&self, ty: &TypeDef) -> String {
        let join = |parts: Vec<String>, between: &str| parts.join(between);
        match &ty.kind {
            TypeDefKind::Record(record) => {
                let mut text = "{\n".to_owned();
                for field in &record.fields {
                    comment(&field.docs, "    ", &mut text);
                    let _ = writeln!(text, "    {}: {};", camel(&field.name), self.name(&field.ty));
                }
                text + "  }"
            }
            TypeDefKind::Variant(variant) => {
                let case = |case: &wit_parser::Case| match &case.ty {
                    None => format!("\n    | {{ tag: '{}' }}", case.name),
                    Some(ty) => format!("\n    | {{ tag: '{}'; val: {} }}", case.name, self.name(ty)),
                };
                variant.cases.iter().map(case).collect()
            }
            TypeDefKind::Enum(cases) => {
                join(cases.cases.iter().map(|case| format!("'{}'", case.name)).collect(), " | ")
            }
            TypeDefKind::Flags(flags) => {
                let flag = |flag: &wit_parser::Flag| format!("{}?: boolean", camel(&flag.name));
                format!("{{ {} }}", join(flags.flags.iter().map(flag).collect(), "; "))
            }
            TypeDefKind::List(Type::U8) => "Uint8Array".to_owned(),
            TypeDefKind::List(of) => format!("{}[]", self.name(of)),
            TypeDefKind::Option(of) => format!("({} | null)", self.name(of)),
            TypeDefKind::Tuple(tuple) => {
                format!("[{}]", join(tuple.types.iter().map(|ty| self.name(ty)).collect(), ", "))
            }
            TypeDefKind::Type(Type::Id(id)) => {
                let other = &self.resolve.types[*id];
                let owner = match other.owner {
                    TypeOwner::Interface(id) => self.resolve.interfaces[id].name.clone().unwrap_or_default(),
                    _ => String::new(),
                };
                format!(
                    "import('{PACKAGE}/{owner}@{}').{}",
                    self.version,
                    pascal(other.name.as_deref().unwrap_or_default())
                )
            }
            TypeDefKind::Type(simple) => self.name(simple),
            _ => "unknown".to_owned(),
        }
    }
}

/// The comment of an item, as editors show it.
fn comment(docs: &Docs, indent: &str, text: &mut String) {
    let Some(contents) = docs.contents.as_deref().map(str::trim).filter(|contents| !contents.is_empty()) else {
        return;
    };
    let lines: Vec<&str> = contents.lines().map(str::trim).collect();
    let _ = match lines[..] {
        [line] => writeln!(text, "{indent}/** {line} */"),
        _ => writeln!(text, "{indent}/**\n{indent} * {}\n{indent} */", lines.join(&format!("\n{indent} * "))),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_hook_and_import_is_declared() {
        let text = declarations();
        for phrase in [
            "declare module 'realm:plugin/chat-filter@0.1.0' {",
            "export interface ChatFilter {",
            "    filter(line: Line): Verdict;",
            "    accountName: string;",
            "    | { tag: 'block'; val: string }",
            "export type Destination = 'channel' | 'whisper'",
            "    saveState(): Uint8Array;",
            "    run(caller: Caller, name: string, arguments: string[]): Effect[];",
            "export type Effect = import('realm:plugin/effects@0.1.0').Effect;",
            "  export function get(key: string): (Uint8Array | null);",
            "export { remove as delete };",
            "levelUp?: boolean",
        ] {
            assert!(text.contains(phrase), "{phrase}\n{text}");
        }
        let contract = Contract::own();
        for hook in contract.hooks() {
            assert!(text.contains(&format!("export interface {} {{", pascal(&hook))), "{hook}");
        }
        assert!(!text.contains(": unknown") && !text.contains("= unknown"), "{text}");
    }
}
