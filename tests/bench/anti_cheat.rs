//! The acts of a game in one tick through the anti-cheat rule.

use anti_cheat::rule::{Rule, Settings};

use crate::{
    inputs::{host_actions, native_actions, set_tick},
    plugins::Components,
    sampling::{Group, Subject},
};

/// Natively, as a component, and through the lane of a tick thread.
pub(crate) fn group(components: &Components, count: u64) -> Group {
    let (mut rule, mut actions, mut tick) = (Rule::new(Settings::default()), native_actions(count), 0);
    let native = Subject::new("the rule in native Rust", move || {
        tick += 1;
        set_tick(&mut actions.numbers, actions.numbers_per_action, tick);
        assert!(rule.check_actions(&actions).is_empty());
    });

    let (mut instance, mut actions, mut tick) = (components.instance("anti-cheat"), host_actions(count), 0);
    let component = Subject::new("the component anti-cheat", move || {
        tick += 1;
        set_tick(&mut actions.numbers, actions.numbers_per_action, tick);
        assert_eq!(instance.check_actions(&actions), Ok(Vec::new()));
    });

    let (mut lane, mut actions, mut tick) = (components.hooks.tick_lane(), host_actions(count), 0);
    let through_lane = Subject::new("the same through the lane of a tick thread", move || {
        tick += 1;
        set_tick(&mut actions.numbers, actions.numbers_per_action, tick);
        lane.pick_up();
        lane.begin_tick();
        let verdicts = lane.check_actions(&actions);
        assert!(verdicts.findings.is_empty() && verdicts.rule.is_some());
    });

    Group {
        title: format!("An anti-cheat batch of {count} acts"),
        subjects: vec![native, component, through_lane],
        compared: true,
    }
}
