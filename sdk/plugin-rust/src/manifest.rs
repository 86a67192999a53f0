//! The manifest, which the realm reads without running the plugin, and the macros that export a plugin.

/// Every permission that a manifest may ask for.
const PERMISSIONS: [&str; 7] = ["log", "metrics", "kv", "clock", "random", "realm-info", "moderate"];

/// True when `permissions` holds `permission`; for constants.
#[must_use]
pub const fn permitted(permissions: &[&str], permission: &str) -> bool {
    let mut index = 0;
    while index < permissions.len() {
        if same(permissions[index], permission) {
            return true;
        }
        index += 1;
    }
    false
}

/// Stops the build when a part of the manifest would make the realm refuse the plugin.
pub const fn check(name: &str, description: &str, permissions: &[&str], class: &str) {
    let bytes = name.as_bytes();
    assert!(!bytes.is_empty() && bytes.len() <= 40, "a plugin's name has 1 to 40 characters");
    assert!(bytes[0].is_ascii_lowercase(), "a plugin's name starts with a lower-case letter");
    let mut index = 0;
    while index < bytes.len() {
        let byte = bytes[index];
        assert!(
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-',
            "a plugin's name holds lower-case letters, digits and `-` only"
        );
        index += 1;
    }
    assert!(bytes[bytes.len() - 1] != b'-', "a plugin's name does not end with `-`");
    assert!(description.len() <= 400, "a plugin's description has at most 400 bytes");
    assert!(plain(description), "a plugin's description holds no quotation mark, backslash or control character");
    assert!(same(class, "fast") || same(class, "slow"), "a plugin's class is `fast` or `slow`");
    let mut index = 0;
    while index < permissions.len() {
        assert!(
            permitted(&PERMISSIONS, permissions[index]),
            "unknown permission; the realm knows: log, metrics, kv, clock, random, realm-info, moderate"
        );
        index += 1;
    }
}

/// A text as the bytes of a section.
#[must_use]
pub const fn bytes<const LENGTH: usize>(text: &str) -> [u8; LENGTH] {
    let mut section = [0; LENGTH];
    section.copy_from_slice(text.as_bytes());
    section
}

const fn same(left: &str, right: &str) -> bool {
    let (left, right) = (left.as_bytes(), right.as_bytes());
    if left.len() != right.len() {
        return false;
    }
    let mut index = 0;
    while index < left.len() {
        if left[index] != right[index] {
            return false;
        }
        index += 1;
    }
    true
}

const fn plain(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut index = 0;
    while index < bytes.len() {
        if bytes[index] < b' ' || bytes[index] == b'"' || bytes[index] == b'\\' || bytes[index] == 0x7f {
            return false;
        }
        index += 1;
    }
    true
}

/// The manifest as JSON text.
#[doc(hidden)]
#[macro_export]
macro_rules! __manifest_json {
    ($name:literal, $description:literal, [$($first:literal $(, $permission:literal)*)?], $class:expr) => {
        ::core::concat!(
            "{\"name\":\"", $name,
            "\",\"version\":\"", ::core::env!("CARGO_PKG_VERSION"),
            "\",\"description\":\"", $description,
            "\",\"permissions\":[", $("\"", $first, "\"", $(",\"", $permission, "\"",)*)?
            "],\"class\":\"", $class, "\"}"
        )
    };
}

/// The class of a plugin: `fast` when nothing is said.
#[doc(hidden)]
#[macro_export]
macro_rules! __class {
    () => {
        "fast"
    };
    ($class:literal) => {
        $class
    };
}

/// Names the plugin of this component to the realm and exports `lifecycle`, which starts it.
///
/// `name` (lower-case letters, digits, `-`) is also the key of its configuration, `[plugins.configuration.NAME]`; the
/// version is the package's. `permissions` lists what it may do beside answering its hooks: `log`, `metrics`, `kv`,
/// `clock`, `random` and `realm-info` are the modules of this crate that it may call, and `moderate` lets its effects mute,
/// kick and flag. A call without its permission ends the instance; only lines for the log are just dropped, so that the
/// panics of a plugin without `log` are counted and not told. `class: "slow"` may follow: a file of
/// up to 32 MiB with 64 MiB of memory, which answers no hook of the tick.
#[macro_export]
macro_rules! plugin {
    (
        rule: $rule:ident,
        name: $name:literal,
        description: $description:literal,
        permissions: [$($permission:literal),* $(,)?]
        $(, class: $class:literal)? $(,)?
    ) => {
        const _: () = {
            $crate::manifest::check($name, $description, &[$($permission),*], $crate::__class!($($class)?));

            impl $crate::instance::Instance for $rule {
                const LOGS: bool = $crate::manifest::permitted(&[$($permission),*], "log");

                fn slot() -> &'static ::std::thread::LocalKey<::std::cell::RefCell<::core::option::Option<Self>>> {
                    ::std::thread_local! {
                        static SLOT: ::std::cell::RefCell<::core::option::Option<$rule>> =
                            const { ::std::cell::RefCell::new(::core::option::Option::None) };
                    }
                    &SLOT
                }
            }
        };

        #[cfg(target_arch = "wasm32")]
        #[allow(unsafe_code, reason = "a named section and exported functions are how a component is made")]
        const _: () = {
            const MANIFEST: &str =
                $crate::__manifest_json!($name, $description, [$($permission),*], $crate::__class!($($class)?));
            #[used]
            #[unsafe(link_section = "realm:plugin")]
            static SECTION: [u8; MANIFEST.len()] = $crate::manifest::bytes(MANIFEST);

            type Bound = $crate::instance::Bound<$rule>;
            $crate::bindings::lifecycle::export!(Bound with_types_in $crate::bindings::lifecycle);
        };
    };
}

/// Makes the macro that exports one hook.
macro_rules! export_macro {
    ($dollar:tt, $macro:ident, $module:ident, $doc:literal) => {
        #[doc = $doc]
        #[macro_export]
        macro_rules! $macro {
            ($dollar rule:ident) => {
                #[cfg(target_arch = "wasm32")]
                #[allow(unsafe_code, reason = "exported functions are how a component is made")]
                const _: () = {
                    type Bound = $dollar crate::$module::Bound<$dollar rule>;
                    $dollar crate::bindings::$module::export!(Bound with_types_in $dollar crate::bindings::$module);
                };

                // Natively nothing is exported, but the traits are asked for all the same.
                #[cfg(not(target_arch = "wasm32"))]
                const _: () = {
                    const fn answers<T: $dollar crate::bindings::$module::exports::realm::plugin::$module::Guest>() {}
                    answers::<$dollar crate::$module::Bound<$dollar rule>>();
                };
            };
        }
    };
}

export_macro!($, export_chat_filter, chat_filter, "Exports the hook [`chat_filter`](crate::chat_filter) of a plugin.");
export_macro!($, export_anti_cheat, anti_cheat, "Exports the hook [`anti_cheat`](crate::anti_cheat) of a plugin.");
export_macro!($, export_matchmaking, matchmaking, "Exports the hook [`matchmaking`](crate::matchmaking) of a plugin.");
export_macro!($, export_ladder, ladder, "Exports the hook [`ladder`](crate::ladder) of a plugin.");
export_macro!($, export_commands, commands, "Exports the hook [`commands`](crate::commands) of a plugin.");
export_macro!($, export_events, events, "Exports the hook [`events`](crate::events) of a plugin.");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_is_json() {
        let json = crate::__manifest_json!("polite", "Refuses lines that shout.", ["log"], crate::__class!());
        let value: serde_json::Value = serde_json::from_str(json).unwrap();
        assert_eq!(value["name"], "polite");
        assert_eq!(value["version"], env!("CARGO_PKG_VERSION"));
        assert_eq!(value["description"], "Refuses lines that shout.");
        assert_eq!(value["permissions"], serde_json::json!(["log"]));
        assert_eq!(value["class"], "fast");
        assert_eq!(bytes::<3>("abc"), *b"abc");
    }

    #[test]
    fn a_manifest_may_ask_for_nothing_or_more() {
        let none: serde_json::Value = serde_json::from_str(crate::__manifest_json!("a", "b", [], "fast")).unwrap();
        assert_eq!(none["permissions"], serde_json::json!([]));
        let two: serde_json::Value =
            serde_json::from_str(crate::__manifest_json!("a", "b", ["c", "d"], crate::__class!("slow"))).unwrap();
        assert_eq!(two["permissions"], serde_json::json!(["c", "d"]));
        assert_eq!(two["class"], "slow");
    }

    #[test]
    fn what_the_realm_would_refuse_stops_the_build() {
        check("a-1", "fine", &PERMISSIONS, "fast");
        for (name, description, permission) in [
            ("", "", "log"),
            ("A", "", "log"),
            ("a_b", "", "log"),
            ("a-", "", "log"),
            ("a", "\"", "log"),
            ("a", "", "fly"),
        ] {
            let refused = std::panic::catch_unwind(|| check(name, description, &[permission], "fast")).is_err();
            assert!(refused, "{name:?} {description:?} {permission:?}");
        }
        assert!(std::panic::catch_unwind(|| check("a", "", &[], "quick")).is_err());
    }
}
