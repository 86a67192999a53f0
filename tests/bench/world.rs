//! One tick of a world, and what goes to one player after it.

use std::{hint::black_box, rc::Rc, time::Instant};

use realm_protocol::{Snapshot, snapshot};
use realm_world::{PlayerSlot, View, World};

use crate::{
    inputs::{FIGHT_TICKS, Fight, content_with_monsters},
    sampling::{Group, Subject},
};

/// How many ticks older than a snapshot its baseline is: a round trip of a tenth of a second.
const BASELINE_TICKS: usize = 3;

/// Ticks of recorded fights.
pub(crate) fn ticks() -> Group {
    let fight = Fight::record(content_with_monsters(40));
    let walk = Fight::record(content_with_monsters(0));
    let idle = Fight { inputs: vec![Vec::new(); FIGHT_TICKS], ..walk_out(&fight) };
    Group {
        title: format!("One tick of a world ({FIGHT_TICKS} recorded ticks in turn; there are 40 ms for it)"),
        subjects: vec![
            replayed("8 players and 40 monsters in a fight", fight),
            replayed("8 players who walk, no monsters", walk),
            replayed("8 players who stand, 40 monsters", idle),
        ],
        compared: false,
    }
}

/// The same world in which nobody wishes anything.
fn walk_out(fight: &Fight) -> Fight {
    Fight { start: fight.start.clone(), inputs: Vec::new(), events: Vec::new(), seen: Vec::new(), monsters_seen: 0 }
}

fn replayed(title: &str, fight: Fight) -> Subject {
    let ticks = u32::try_from(fight.inputs.len()).expect("some hundred ticks");
    let mut events = Vec::with_capacity(1_024);
    Subject::prepared(title, ticks, move || {
        let mut world = fight.start.clone();
        let start = Instant::now();
        for inputs in &fight.inputs {
            events.clear();
            world.step(inputs, &mut events);
        }
        black_box(&world);
        start.elapsed()
    })
}

/// What one player is sent.
pub(crate) fn snapshots() -> Group {
    let fight = Fight::record(content_with_monsters(40));
    let pairs: Vec<(Snapshot, Snapshot)> =
        fight.seen.iter().cloned().zip(fight.seen.iter().skip(BASELINE_TICKS).cloned()).collect();
    let encode = |baseline, current| {
        let mut bytes = Vec::new();
        snapshot::encode(baseline, current, &mut bytes);
        bytes
    };
    let deltas: Vec<Vec<u8>> = pairs.iter().map(|(baseline, current)| encode(Some(baseline), current)).collect();
    let fulls: Vec<Vec<u8>> = pairs.iter().map(|(_, current)| encode(None, current)).collect();
    let mean = |numbers: &mut dyn Iterator<Item = usize>| numbers.sum::<usize>() / pairs.len();
    let title = format!(
        "What one player is sent after a tick of that fight: {} entities in view, a delta of {} bytes, in full {} (means)",
        mean(&mut pairs.iter().map(|(_, current)| current.entities.len())),
        mean(&mut deltas.iter().map(Vec::len)),
        mean(&mut fulls.iter().map(Vec::len)),
    );

    let world: World = fight.start;
    let mut view = View::default();
    let seen = Subject::new("world to view to snapshot", move || {
        world.view(PlayerSlot(0), &mut view);
        realm::games::snapshot(&view, 1, 1)
    });
    let pairs = Rc::new(pairs);
    let encoded = |title: &str, delta: bool| {
        let (pairs, mut bytes, mut place) = (Rc::clone(&pairs), Vec::with_capacity(4_096), 0);
        Subject::new(title, move || {
            let (baseline, current) = &pairs[place % pairs.len()];
            place += 1;
            bytes.clear();
            snapshot::encode(delta.then_some(baseline), current, &mut bytes);
            bytes.len()
        })
    };
    let decoded = |title: &str, bodies: Vec<Vec<u8>>, delta: bool| {
        let (pairs, mut place) = (Rc::clone(&pairs), 0);
        Subject::new(title, move || {
            let (baseline, current) = &pairs[place % pairs.len()];
            let read = snapshot::decode(&bodies[place % pairs.len()], delta.then_some(baseline)).expect("sound bytes");
            place += 1;
            assert_eq!(read.tick, current.tick);
            read
        })
    };
    Group {
        title,
        subjects: vec![
            seen,
            encoded("snapshot to delta", true),
            decoded("delta to snapshot", deltas, true),
            encoded("snapshot to full", false),
            decoded("full to snapshot", fulls, false),
        ],
        compared: false,
    }
}
