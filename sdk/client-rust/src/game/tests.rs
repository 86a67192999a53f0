//! A game that is played by the test: real frames over a pipe.

use bytes::BytesMut;
use realm_protocol::{
    Decoder, Encoder,
    snapshot::{self, EntityState},
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

use super::*;
use crate::wire::{FrameWire, Wire};

struct Game {
    stream: DuplexStream,
    decoder: Decoder,
    encoder: Encoder,
    buffer: BytesMut,
}

impl Game {
    async fn message(&mut self) -> ClientMessage {
        loop {
            if let Some(frame) = self.decoder.decode(&mut self.buffer).unwrap() {
                return ClientMessage::decode(frame.identifier, &frame.payload).unwrap();
            }
            assert_ne!(self.stream.read_buf(&mut self.buffer).await.unwrap(), 0, "the client has gone");
        }
    }

    async fn frame(&mut self, identifier: u8, payload: &[u8]) {
        let mut out = BytesMut::new();
        self.encoder.encode(identifier, 0, &[payload], &mut out).unwrap();
        self.stream.write_all(&out).await.unwrap();
    }

    async fn say(&mut self, message: impl Into<ServerMessage>) {
        let message = message.into();
        self.frame(message.identifier(), &message.to_payload()).await;
    }

    async fn show(&mut self, baseline: Option<&Snapshot>, tick: u32) -> Snapshot {
        let current = Snapshot { tick, input: tick / 2, ..Snapshot::default() };
        let mut body = Vec::new();
        snapshot::encode(baseline, &current, &mut body);
        self.frame(0x40, &body).await;
        current
    }
}

async fn entered() -> (GameConnection, Game) {
    let (ours, theirs) = duplex(64 * 1_024);
    let connection = Connection::over(Wire::Frames(FrameWire::new(Box::new(ours))), Duration::from_secs(5));
    let mut game = Game {
        stream: theirs,
        decoder: Decoder::new(realm_protocol::frame::SIZE_MAX_AFTER_LOGIN),
        encoder: Encoder::new(),
        buffer: BytesMut::new(),
    };
    let serve = async {
        assert_eq!(game.message().await, proto::GameEnter { ticket: "t".to_owned() }.into());
        game.say(proto::GameListUpdated { games: 1, event: 1 }).await;
        let walls = vec![0b0000_0101, 0b0000_0010].into();
        game.say(proto::GameEntered { entity: 3, map_width: 5, map_height: 2, walls, ..Default::default() }).await;
    };
    let (connection, ()) = tokio::join!(GameConnection::enter_over(connection, "t"), serve);
    (connection.unwrap(), game)
}

fn tick_of(update: &GameUpdate) -> u32 {
    let GameUpdate::Snapshot(snapshot) = update else { panic!("no snapshot: {update:?}") };
    snapshot.tick
}

#[tokio::test]
async fn entering_gives_the_map_and_keeps_what_came_before() {
    let (mut client, _game) = entered().await;
    assert_eq!(client.entered().entity, 3);
    let row = |y| (0..6).map(|x| u8::from(client.is_wall(x, y))).collect::<Vec<_>>();
    assert_eq!((row(0), row(1)), (vec![1, 0, 1, 0, 0, 1], vec![0, 0, 0, 0, 1, 1]));
    let expected = proto::GameListUpdated { games: 1, event: 1 }.into();
    assert_eq!(client.next().await.unwrap(), GameUpdate::Message(expected));
}

#[tokio::test]
async fn a_refused_ticket_is_a_refusal() {
    let (ours, theirs) = duplex(1_024);
    let connection = Connection::over(Wire::Frames(FrameWire::new(Box::new(ours))), Duration::from_secs(5));
    let (decoder, encoder) = (Decoder::new(4_096), Encoder::new());
    let mut game = Game { stream: theirs, decoder, encoder, buffer: BytesMut::new() };
    game.say(proto::Goodbye { code: "TICKET_INVALID".to_owned(), ..Default::default() }).await;
    let error = GameConnection::enter_over(connection, "old").await.map(|_| ()).unwrap_err();
    assert_eq!(error.code(), Some("TICKET_INVALID"));
}

#[tokio::test]
async fn differences_are_read_and_acknowledged() {
    let (mut client, mut game) = entered().await;
    client.next().await.unwrap();
    let first = game.show(None, 10).await;
    assert_eq!(tick_of(&client.next().await.unwrap()), 10);
    client.walk(5, -2).await.unwrap();
    let expected = proto::PlayerMove { input: 1, acknowledged_tick: 10, dx: 5, dy: -2 };
    assert_eq!(game.message().await, expected.into());
    for tick in 11..13 {
        game.show(Some(&first), tick).await;
        assert_eq!(tick_of(&client.next().await.unwrap()), tick);
    }
    assert_eq!(client.snapshot().unwrap().input, 6);
    assert_eq!(game.message().await, proto::SnapshotAcknowledge { acknowledged_tick: 12 }.into());
}

#[tokio::test]
async fn a_difference_to_an_unknown_snapshot_is_an_error() {
    let (mut client, mut game) = entered().await;
    client.next().await.unwrap();
    game.show(Some(&Snapshot { tick: 9, ..Snapshot::default() }), 12).await;
    assert!(matches!(client.next().await, Err(ClientError::Unexpected(_))));
}

#[tokio::test]
async fn every_verb_has_its_input_number() {
    let (mut client, mut game) = entered().await;
    assert_eq!(client.attack(17).await.unwrap(), 1);
    assert_eq!(client.interact(4).await.unwrap(), 2);
    assert_eq!(client.respawn().await.unwrap(), 3);
    assert_eq!(client.use_skill_on(2, 17).await.unwrap(), 4);
    assert_eq!(client.use_skill_at(1, 320, -5).await.unwrap(), 5);
    assert_eq!(client.pick_up(9, true).await.unwrap(), 6);
    assert_eq!(client.use_potion(3).await.unwrap(), 7);
    assert_eq!(client.take_stairs().await.unwrap(), None, "none are in sight");
    let acknowledged_tick = 0;
    assert_eq!(game.message().await, proto::PlayerAttack { input: 1, acknowledged_tick, target: 17 }.into());
    assert_eq!(
        game.message().await,
        proto::NpcInteraction { input: 2, acknowledged_tick, target: 4, deal: None }.into()
    );
    assert_eq!(game.message().await, proto::Respawn { input: 3, acknowledged_tick }.into());
    let skill = proto::SkillUse { input: 4, acknowledged_tick, skill: 2, target: 17, x: 0, y: 0 };
    assert_eq!(game.message().await, skill.into());
    let skill = proto::SkillUse { input: 5, acknowledged_tick, skill: 1, target: 0, x: 320, y: -5 };
    assert_eq!(game.message().await, skill.into());
    assert_eq!(game.message().await, proto::PickUp { input: 6, acknowledged_tick, target: 9, drink: true }.into());
    assert_eq!(game.message().await, proto::PotionUse { input: 7, acknowledged_tick, place: 3 }.into());
}

#[tokio::test]
async fn the_stairs_lead_to_another_map() {
    let (mut client, mut game) = entered().await;
    client.next().await.unwrap();
    let stairs = EntityState { id: 5, kind: EntityKind::Object, ..EntityState::default() };
    let mut body = Vec::new();
    snapshot::encode(None, &Snapshot { tick: 1, entities: vec![stairs], ..Snapshot::default() }, &mut body);
    game.frame(0x40, &body).await;
    client.next().await.unwrap();
    assert_eq!(client.take_stairs().await.unwrap(), Some(1));
    let expected = proto::NpcInteraction { input: 1, acknowledged_tick: 1, target: 5, deal: None };
    assert_eq!(game.message().await, expected.into());
    let zone = proto::ZoneEntered {
        tick: 2,
        zone: 1,
        zone_name: "Halls".to_owned(),
        map_width: 3,
        map_height: 1,
        walls: vec![0b0000_0010].into(),
        ..Default::default()
    };
    game.say(zone.clone()).await;
    assert_eq!(client.next().await.unwrap(), GameUpdate::Message(zone.into()));
    assert_eq!((client.entered().entity, client.entered().zone), (3, 1));
    assert_eq!((0..4).map(|x| u8::from(client.is_wall(x, 0))).collect::<Vec<_>>(), [0, 1, 0, 1]);
}

#[tokio::test]
async fn events_and_the_end_are_told() {
    let (mut client, mut game) = entered().await;
    client.next().await.unwrap();
    let events = proto::GameEvents { tick: 3, events: Vec::new() };
    game.say(events.clone()).await;
    game.say(proto::Goodbye { code: "REALM_STOPPING".to_owned(), ..Default::default() }).await;
    drop(game);
    assert_eq!(client.next().await.unwrap(), GameUpdate::Events(events));
    assert!(matches!(client.next().await.unwrap(), GameUpdate::Message(ServerMessage::Goodbye(_))));
    assert_eq!(client.next().await.unwrap_err().code(), Some("REALM_STOPPING"));
}
