//! What clients are shown, held against the truth: the game is repeated from its log, and every snapshot that came over the
//! wire must be exactly what the repeated world says its player may see.

use std::sync::Arc;

use realm_client::{Door, GameConnection, GameUpdate, Snapshot};
use realm_world::{
    Content, PlayerSlot, View,
    log::{Moment, Replay},
};

use crate::{
    harness::{
        DEADLINE, TestRealm,
        pilot::{self, Hunt, Hunter},
    },
    replay::finished_log,
};

/// Plays for so many snapshots and keeps them all.
async fn record(game: &mut GameConnection, snapshots: usize) -> Vec<Arc<Snapshot>> {
    let (mut seen, mut hunter) = (Vec::new(), Hunter::default());
    while seen.len() < snapshots {
        let update = game.next_within(DEADLINE).await.expect("the game goes on");
        let GameUpdate::Snapshot(now) = update else { continue };
        if now.own.life == 0 {
            game.respawn().await.unwrap();
        } else if game.entered().zone == pilot::TOWN {
            pilot::step_to_stairs(game, &now).await.unwrap();
        } else {
            match hunter.hunt(game, &now) {
                Hunt::Near(monster) if now.own.cooldown_ticks == 0 => game.attack(monster).await.map(drop),
                Hunt::Near(_) => Ok(()),
                Hunt::Step((dx, dy)) => game.walk(dx, dy).await.map(drop),
            }
            .unwrap();
        }
        seen.push(now);
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn every_snapshot_is_what_the_repeated_world_lets_its_player_see() {
    let realm = TestRealm::start().await;
    let mut heroes = [realm.hero("Maren", Door::Frames).await, realm.hero("Tilo", Door::WebSocketBinary).await];
    let (ticket, first) = heroes[0].open_game("Cellar").await;
    let (_, second) = heroes[1].join_game("Cellar").await;
    let playing = [first, second].map(|mut game| {
        tokio::spawn(async move {
            let seen = record(&mut game, 300).await;
            (seen, game)
        })
    });
    let mut told = Vec::new();
    for player in playing {
        let (seen, game) = player.await.unwrap();
        told.push(seen);
        drop(game);
    }
    for hero in &mut heroes {
        hero.lobby.leave_game().await.unwrap();
    }
    let file = finished_log(&realm, ticket.game.unwrap().id).await;
    let log = realm::games::read_log(&file).unwrap();
    let mut replay = Replay::new(&log, Content::builtin()).unwrap();
    let (mut view, mut compared, mut others) = (View::default(), 0, 0);
    while let Some(moment) = replay.advance().unwrap() {
        assert!(!matches!(moment, Moment::Checked { same: false } | Moment::End { same: false, .. }));
        if moment != Moment::Tick {
            continue;
        }
        let tick = replay.world().tick();
        for seen in &told {
            let Ok(at) = seen.binary_search_by_key(&tick, |snapshot| snapshot.tick) else { continue };
            let slots = (0..8).map(PlayerSlot);
            let slot = slots.into_iter().find(|slot| replay.world().entity_of(*slot) == Some(seen[at].own.entity));
            replay.world().view(slot.expect("the player is there"), &mut view);
            assert_eq!(*seen[at], realm::games::snapshot(&view, tick, seen[at].input), "tick {tick}");
            compared += 1;
            others += seen[at].entities.len() - 1;
        }
    }
    assert_eq!(compared, 600, "every snapshot was compared");
    assert!(others > 600, "there was something to see");
    realm.stop().await;
}
