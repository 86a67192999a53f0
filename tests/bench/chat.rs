//! One line of chat through the filter.

use std::rc::Rc;

use realm::{
    hooks::{ChatLine, ChatVerdict, chat_filter::Destination},
    types::{AccountId, AccountName, ChatText},
};
use realm_plugin::chat_filter::Verdict as NativeVerdict;
use realm_plugin_host::bindings::chat_filter::Verdict;

use crate::{
    inputs::{LINE_BYTES, Lines, host_lines, native_lines, texts},
    plugins::Components,
    sampling::{Group, Subject},
};

/// Natively, as a component, and through the realm.
pub(crate) fn group(components: &Components) -> Group {
    let mut rule = chat_filter::rule::Rule::new(&chat_filter::rule::Settings::default());
    let (mut lines, mut prepared) = (Lines::default(), native_lines());
    let native = Subject::new("the rule in native Rust", move || {
        let said = lines.next();
        let line = &mut prepared[said.text];
        (line.account, line.now_ms) = (said.account, said.now_ms);
        assert_eq!(rule.filter(line), NativeVerdict::Pass);
    });

    let component = |name: &str, title: &str| {
        let (mut instance, mut lines, mut prepared) = (components.instance(name), Lines::default(), host_lines());
        Subject::new(title, move || {
            let said = lines.next();
            let line = &mut prepared[said.text];
            (line.account, line.now_ms) = (said.account, said.now_ms);
            assert_eq!(instance.filter(line), Ok(Verdict::Pass));
        })
    };

    let (hooks, runtime, mut lines) = (components.hooks.clone(), Rc::clone(&components.runtime), Lines::default());
    let name = AccountName::new("Anna").expect("a legal name");
    let texts: Vec<ChatText> = texts().iter().map(|text| ChatText::new(text).expect("a legal line")).collect();
    let through_hooks =
        Subject::new("the same through the realm's hooks, asked and answered across threads", move || {
            let said = lines.next();
            let line = ChatLine {
                account: AccountId::from_raw(said.account),
                account_name: name.clone(),
                destination: Destination::Channel,
                target: "Lobby".to_owned(),
                text: texts[said.text].clone(),
                now_ms: i64::try_from(said.now_ms).expect("a time"),
            };
            let verdict = runtime.block_on(hooks.filter_chat(line));
            assert!(matches!(verdict, ChatVerdict::Approved(text) if !text.filtered()));
        });

    Group {
        title: format!("A line of chat of {LINE_BYTES} bytes"),
        subjects: vec![
            native,
            component("chat-filter", "the component chat-filter"),
            component("hello", "the component hello: a call that decides nothing"),
            through_hooks,
        ],
        compared: true,
    }
}
