//! A page of documentation for each hook, made from the comments of the contract and the example that a new plugin begins with.

use std::fmt::Write as _;

use wit_parser::{Docs, Function, Resolve, Type, TypeDefKind};

use crate::{
    contract::Contract,
    fit,
    template::{self, Language},
};

/// Name of the plugin in the examples.
const EXAMPLE: &str = "first-rule";

/// The page of a hook; `None` when there is no such interface.
#[must_use]
pub fn of_hook(hook: &str) -> Option<String> {
    let contract = Contract::own();
    let interface = &contract.resolve.interfaces[contract.interface(hook)?];
    let mut page = format!("# {hook}\n\n<!-- Written by `cargo xtask docs` from wit/{hook}.wit: change that. -->\n\n");
    let _ = writeln!(page, "{}\n", paragraph(&interface.docs));
    let _ = writeln!(
        page,
        "Interface `realm:plugin/{hook}@{}`. Deadlines count the processor's time; what happens when a plugin fails, and every other \
         limit, stands in [limits](../README.md#limits).\n",
        contract.version()
    );
    page.push_str("## Functions\n\n");
    for function in interface.functions.values() {
        let _ = writeln!(page, "### `{}`\n\n{}\n", signature(&contract.resolve, function), paragraph(&function.docs));
    }
    if !interface.types.is_empty() {
        page.push_str("## Types\n\n");
        for (name, id) in &interface.types {
            let ty = &contract.resolve.types[*id];
            if !matches!(ty.kind, TypeDefKind::Type(_)) {
                let _ = writeln!(page, "**{} `{name}`**: {}\n", ty.kind.as_str(), sentence(&ty.docs));
                members(&contract.resolve, &ty.kind, &mut page);
            }
        }
    }
    if let Some(rust) = template::example(hook, Language::Rust, EXAMPLE) {
        let _ = writeln!(
            page,
            "## An example\n\n`realm plugin new {EXAMPLE} --hook {hook}` begins with this, tests included:\n\n```rust\n{}\n```",
            rust.trim_end()
        );
    }
    if let Some(javascript) = template::example(hook, Language::JavaScript, EXAMPLE) {
        let _ = writeln!(page, "\nThe same with `--lang js`:\n\n```js\n{}\n```", javascript.trim_end());
    }
    Some(page)
}

/// `filter(line: line) -> verdict`
fn signature(resolve: &Resolve, function: &Function) -> String {
    let name = |ty: &Type| fit::short_name(resolve, ty);
    let parameters: Vec<_> = function.params.iter().map(|it| format!("{}: {}", it.name, name(&it.ty))).collect();
    let answer = function.result.as_ref().map(|ty| format!(" -> {}", name(ty))).unwrap_or_default();
    format!("{}({}){answer}", function.name, parameters.join(", "))
}

/// Fields, cases or flags, each with its meaning.
fn members(resolve: &Resolve, kind: &TypeDefKind, page: &mut String) {
    let mut row = |name: &str, ty: Option<&Type>, docs: &Docs| {
        let ty = ty.map(|ty| format!(": {}", fit::short_name(resolve, ty))).unwrap_or_default();
        let meaning = docs.contents.as_ref().map(|_| format!(" - {}", sentence(docs))).unwrap_or_default();
        let _ = writeln!(page, "- `{name}{ty}`{meaning}");
    };
    match kind {
        TypeDefKind::Record(record) => record.fields.iter().for_each(|it| row(&it.name, Some(&it.ty), &it.docs)),
        TypeDefKind::Variant(variant) => variant.cases.iter().for_each(|it| row(&it.name, it.ty.as_ref(), &it.docs)),
        TypeDefKind::Enum(cases) => cases.cases.iter().for_each(|it| row(&it.name, None, &it.docs)),
        TypeDefKind::Flags(flags) => flags.flags.iter().for_each(|it| row(&it.name, None, &it.docs)),
        _ => return,
    }
    page.push('\n');
}

fn paragraph(docs: &Docs) -> String {
    docs.contents.as_deref().unwrap_or("(The contract does not say more.)").trim().to_owned()
}

fn sentence(docs: &Docs) -> String {
    docs.contents.as_deref().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_tells_functions_types_and_an_example() {
        let page = of_hook("chat-filter").unwrap();
        for phrase in [
            "### `filter(line: line) -> verdict`",
            "- `now-ms: u64` - Milliseconds since 1970",
            "impl ChatFilter for FirstRule",
            "export const chatFilter",
        ] {
            assert!(page.contains(phrase), "{phrase}\n{page}");
        }
        assert!(of_hook("weather").is_none());
        assert!(!of_hook("anti-cheat").unwrap().contains("```js"));
    }

    #[test]
    fn every_function_of_the_contract_has_a_comment() {
        for hook in Contract::own().hooks() {
            assert!(!of_hook(&hook).unwrap().contains("does not say more"), "{hook}");
        }
    }
}
