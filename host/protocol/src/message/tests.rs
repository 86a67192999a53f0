//! Every message there and back, in both encodings.

use std::collections::HashSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::json;

/// One client message of each kind as JSON. Numbers are the largest (or, where negative ones are legal, the smallest) of their type.
fn client_samples() -> Vec<(&'static str, Value)> {
    let act = |more: Value| {
        let mut act = json!({"input": u32::MAX, "acknowledged_tick": u32::MAX});
        act.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        act
    };
    vec![
        (
            "hello",
            json!({"account": "Ann", "password": "a secret", "access_token": "a.b.c", "realm": "North",
                "client_version": "1.4.0", "nonce": "n", "resume_token": "r", "resume_event": u64::MAX, "second_factor": "123456"}),
        ),
        ("ping", json!({"token": u64::MAX})),
        ("pong", json!({"token": u64::MAX})),
        ("logout", json!({})),
        ("character:list", json!({})),
        ("character:create", json!({"name": "Isa", "class": "Druid", "hardcore": true})),
        ("character:delete", json!({"character_id": u64::MAX.to_string()})),
        ("character:select", json!({"character_id": u64::MAX.to_string()})),
        ("chat:join_channel", json!({"channel": "Town"})),
        ("chat:leave_channel", json!({})),
        ("chat:message", json!({"text": "Hello"})),
        ("chat:whisper", json!({"account": "Bob", "text": "Hello"})),
        ("game:create", json!({"name": "Cows", "password": "moo", "difficulty": "hell", "players_max": u32::MAX})),
        ("game:list", json!({"difficulty": "hell"})),
        ("game:join", json!({"game_id": u64::MAX.to_string(), "name": "Cows", "password": "moo"})),
        ("game:leave", json!({})),
        ("match:search", json!({"difficulty": "hell"})),
        ("match:cancel", json!({})),
        ("player:move", act(json!({"dx": i32::MIN, "dy": i32::MIN}))),
        ("player:attack", act(json!({"target": u32::MAX}))),
        ("item:drop", act(json!({"item_id": u64::MAX.to_string()}))),
        (
            "npc:interaction",
            act(json!({"target": u32::MAX, "deal": {"kind": {"buy": {"base": "hood", "count": u32::MAX}}}})),
        ),
        ("game:enter", json!({"ticket": "t"})),
        ("snapshot:acknowledge", json!({"acknowledged_tick": u32::MAX})),
        ("player:respawn", act(json!({}))),
        ("player:skill", act(json!({"skill": u32::MAX, "target": u32::MAX, "x": i32::MIN, "y": i32::MIN}))),
        ("player:pick_up", act(json!({"target": u32::MAX, "drink": true}))),
        ("player:potion", act(json!({"place": u32::MAX}))),
        ("item:use", act(json!({"item_id": u64::MAX.to_string(), "over_item_id": u64::MAX.to_string()}))),
        ("trade:invite", json!({"account": "Bob"})),
        ("trade:accept", json!({"trade_id": u64::MAX.to_string(), "version": u64::MAX})),
        (
            "trade:offer",
            json!({"trade_id": u64::MAX.to_string(), "version": u64::MAX,
                "item_ids": [u64::MAX.to_string(), "7"], "gold": u64::MAX}),
        ),
        ("trade:lock", json!({"trade_id": u64::MAX.to_string(), "version": u64::MAX})),
        ("trade:confirm", json!({"trade_id": u64::MAX.to_string(), "version": u64::MAX})),
        ("trade:cancel", json!({"trade_id": u64::MAX.to_string()})),
        ("trade:query", json!({"trade_id": u64::MAX.to_string()})),
    ]
}

/// One server message of each kind as JSON; numbers as in [`client_samples`].
fn server_samples() -> Vec<(&'static str, Value)> {
    let key = || u64::MAX.to_string();
    let character = json!({"id": key(), "name": "Isa", "class": "Druid", "level": u32::MAX, "experience": u64::MAX,
        "hardcore": true, "dead": true, "created_ms": u64::MAX, "played_last_ms": u64::MAX, "play_time_ms": u64::MAX});
    let user = json!({"account": "Ann", "character": "Isa"});
    let player = json!({"account": "Ann", "character": "Isa", "class": "Druid", "level": u32::MAX});
    let game = json!({"id": key(), "name": "Cows", "difficulty": "hell", "players": u32::MAX, "players_max": u32::MAX,
        "password_required": true, "creator_level": u32::MAX, "host": "Ann", "created_ms": u64::MAX});
    let ticket = json!({"game": game, "address": "localhost", "port": u32::MAX, "ticket": "t", "valid_ms": u32::MAX,
        "players": [player]});
    let skill = json!({"name": "Spark", "kind": "area", "level": u32::MAX, "mana": u32::MAX,
        "cooldown_ticks": u32::MAX, "reach": u32::MAX});
    let roll = json!({"property": "life", "affix": "of-bread", "value": i32::MIN});
    let item = json!({"item_id": key(), "base": "ring", "quality": "rare", "level": u32::MAX, "origin": "dusk-band",
        "name": "Ash Vow", "rolls": [roll, roll], "sockets": u32::MAX, "gems": ["jet-drop"], "identified": true,
        "count": u32::MAX, "durability": u32::MAX});
    let side = json!({"account": "Ann", "character": "Isa", "items": [item, item], "gold": u64::MAX, "locked": true,
        "confirmed": true});
    let events = json!([
        {"kind": {"damage": {"source": u32::MAX, "target": u32::MAX, "amount": u32::MAX}}},
        {"kind": {"died": {"entity": u32::MAX, "killer": u32::MAX}}},
        {"kind": {"experience": {"gained": u32::MAX, "total": u64::MAX}}},
        {"kind": {"level_up": {"entity": u32::MAX, "level": u32::MAX}}},
        {"kind": {"refused": {"input": u32::MAX, "code": "TARGET_TOO_FAR"}}},
        {"kind": {"healed": {"entity": u32::MAX, "amount": u32::MAX}}},
        {"kind": {"respawned": {"entity": u32::MAX}}},
        {"kind": {"item_taken": {"input": u32::MAX, "item_id": key(), "base": "ring", "quality": "rare", "count": u32::MAX,
            "gold": u64::MAX}}},
        {"kind": {"item_laid": {"input": u32::MAX, "item_id": key()}}},
        {"kind": {"vendor_met": {"entity": u32::MAX, "name": "Bram"}}},
        {"kind": {"item_dealt": {"input": u32::MAX, "act": "sell", "item_id": key(), "count": u32::MAX, "gold": u64::MAX}}},
        {"kind": {"skill_used": {"entity": u32::MAX, "skill": u32::MAX, "x": i32::MIN, "y": i32::MIN}}},
    ]);
    vec![
        (
            "ready",
            json!({"account_id": key(), "account": "Ann", "session_id": key(), "nonce": "n", "realm": "North",
                "heartbeat_ms": u32::MAX, "silence_max_ms": u32::MAX, "resume_token": "r", "access_token": "a",
                "resync": true}),
        ),
        ("refused", json!({"code": "REALM_FULL", "message": "Wait.", "nonce": "n", "retry_after_ms": u64::MAX})),
        ("ping", json!({"token": u64::MAX})),
        ("pong", json!({"token": u64::MAX})),
        (
            "error",
            json!({"code": "RATE_LIMITED", "message": "Wait.", "sequence": u32::MAX, "retry_after_ms": u64::MAX}),
        ),
        (
            "goodbye",
            json!({"code": "LOGGED_OUT", "message": "Bye.", "reconnect_after_ms": u64::MAX, "reconnect_host": "localhost"}),
        ),
        (
            "queued",
            json!({"position": u32::MAX, "waiting": u32::MAX, "nonce": "n", "heartbeat_ms": u32::MAX,
                "silence_max_ms": u32::MAX}),
        ),
        ("character:list", json!({"characters": [character, character], "characters_max": u32::MAX})),
        ("character:created", json!({"character": character})),
        ("character:deleted", json!({"character_id": key()})),
        ("character:selected", json!({"character": character})),
        (
            "chat:message",
            json!({"channel": "Town", "account": "Ann", "character": "Isa", "text": "Hello", "line": u64::MAX,
                "sent_ms": u64::MAX, "filtered": true, "plugin": "crier"}),
        ),
        ("chat:channel_users", json!({"channel": "Town", "users": [user, user], "more": 3})),
        ("chat:user_joined", json!({"channel": "Town", "user": user})),
        ("chat:user_left", json!({"channel": "Town", "user": user})),
        ("chat:whisper_sent", json!({"account": "Bob", "text": "Hello", "sent_ms": u64::MAX})),
        ("chat:whisper_received", json!({"account": "Bob", "character": "Isa", "text": "Hello", "sent_ms": u64::MAX})),
        ("chat:whisper_error", json!({"account": "Bob", "code": "WHISPER_OFFLINE", "message": "Later."})),
        ("chat:channel_left", json!({"channel": "Town"})),
        ("chat:notice", json!({"plugin": "crier", "lines": ["Hear", "me"], "everybody": true, "sent_ms": u64::MAX})),
        ("game:list", json!({"games": [game, game]})),
        ("game:ticket", ticket.clone()),
        ("game:player_joined", json!({"game_id": key(), "player": player})),
        ("game:player_left", json!({"game_id": key(), "player": player})),
        ("game:host_changed", json!({"game_id": key(), "host": "Ann"})),
        ("game:list_updated", json!({"games": u32::MAX})),
        ("game:left", json!({"game_id": key()})),
        ("match:searching", json!({"waiting": u32::MAX, "wait_max_ms": u32::MAX})),
        ("match:ended", json!({"code": "MATCH_NONE", "message": "Later.", "retry_after_ms": u64::MAX})),
        ("match:found", json!({"ticket": ticket})),
        (
            "game:entered",
            json!({"game_id": key(), "entity": u32::MAX, "tick": u32::MAX, "map_width": u32::MAX,
                "map_height": u32::MAX, "tile_sub_tiles": u32::MAX, "walls": [255, 1], "step_max": u32::MAX,
                "vision": u32::MAX, "zone": u32::MAX, "zone_name": "Halls", "skills": [skill, skill],
                "belt_slots": u32::MAX, "stairs_x": u32::MAX, "stairs_y": u32::MAX}),
        ),
        ("game:events", json!({"tick": u32::MAX, "events": events})),
        (
            "game:zone",
            json!({"tick": u32::MAX, "zone": u32::MAX, "zone_name": "Halls", "map_width": u32::MAX,
                "map_height": u32::MAX, "walls": [255, 1], "stairs_x": u32::MAX, "stairs_y": u32::MAX}),
        ),
        (
            "trade:invited",
            json!({"trade_id": key(), "version": u64::MAX, "account": "Ann", "character": "Isa", "valid_ms": u32::MAX}),
        ),
        (
            "trade:state",
            json!({"trade_id": key(), "version": u64::MAX, "stage": "open", "own": side, "other": side,
                "valid_ms": u32::MAX}),
        ),
        (
            "trade:ended",
            json!({"trade_id": key(), "done": true, "code": "TRADE_CANCELLED", "message": "Later.",
                "item_ids": [key(), key()], "gold": u64::MAX}),
        ),
        (
            "mail:received",
            json!({"character_id": key(), "letter_id": key(), "kind": "returned", "sender": "Isa", "about": "kindling-axe"}),
        ),
        (
            "market:sold",
            json!({"character_id": key(), "offer_id": key(), "base": "kindling-axe", "price": u64::MAX, "proceeds": u64::MAX,
                "letter_id": key()}),
        ),
        (
            "market:bought",
            json!({"character_id": key(), "offer_id": key(), "item_id": key(), "base": "kindling-axe", "price": u64::MAX,
                "letter_id": key()}),
        ),
        ("market:ended", json!({"character_id": key(), "offer_id": key(), "base": "kindling-axe", "letter_id": key()})),
    ]
}

fn client_messages() -> impl Iterator<Item = ClientMessage> {
    client_samples().into_iter().map(|(json_type, data)| ClientMessage::from_json(json_type, data).unwrap())
}

fn server_messages() -> impl Iterator<Item = ServerMessage> {
    server_samples().into_iter().map(|(json_type, data)| ServerMessage::from_json(json_type, data).unwrap())
}

#[test]
fn identifiers_names_and_types_are_unique_in_a_direction() {
    for table in [ClientMessage::ALL, ServerMessage::ALL] {
        let mut seen = HashSet::new();
        for (identifier, name, json_type) in table {
            assert!(seen.insert(identifier.to_string()), "0x{identifier:02X} stands twice");
            assert!(seen.insert((*name).to_owned()), "{name} stands twice");
            assert!(seen.insert((*json_type).to_owned()), "{json_type} stands twice");
            assert_ne!(*identifier, 0x40, "0x40 is the snapshot");
        }
        assert!(table.is_sorted(), "the table is sorted by identifier");
    }
}

#[test]
fn the_first_identifiers_stay_what_they_are() {
    let promised = [
        (0x01, "AUTH_REQUEST"),
        (0x02, "AUTH_SUCCESS"),
        (0x03, "AUTH_FAILURE"),
        (0x10, "CHAR_LIST_REQUEST"),
        (0x11, "CHAR_LIST_RESPONSE"),
        (0x12, "CHAR_CREATE"),
        (0x13, "CHAR_DELETE"),
        (0x20, "JOIN_CHANNEL"),
        (0x21, "LEAVE_CHANNEL"),
        (0x22, "CHAT_MESSAGE"),
        (0x23, "WHISPER"),
        (0x30, "GAME_CREATE"),
        (0x31, "GAME_LIST_REQUEST"),
        (0x32, "GAME_LIST_RESPONSE"),
        (0x33, "GAME_JOIN"),
        (0x34, "GAME_LEAVE"),
        (0x41, "PLAYER_MOVE"),
        (0x42, "PLAYER_ATTACK"),
        (0x43, "ITEM_DROP"),
        (0x44, "NPC_INTERACTION"),
    ];
    for (identifier, name) in promised {
        let mut both = ClientMessage::ALL.iter().chain(ServerMessage::ALL);
        assert!(both.any(|row| (row.0, row.1) == (identifier, name)), "0x{identifier:02X} {name}");
    }
}

#[test]
fn the_samples_cover_every_message_and_every_field() {
    let types = |table: &[(u8, &'static str, &'static str)]| table.iter().map(|row| row.2).collect::<Vec<_>>();
    assert_eq!(types(ClientMessage::ALL), client_samples().iter().map(|sample| sample.0).collect::<Vec<_>>());
    assert_eq!(types(ServerMessage::ALL), server_samples().iter().map(|sample| sample.0).collect::<Vec<_>>());
    for (sample, message) in client_samples().into_iter().zip(client_messages()) {
        assert_eq!(message.to_json(), sample.1);
    }
    for (sample, message) in server_samples().into_iter().zip(server_messages()) {
        assert_eq!(message.to_json(), sample.1);
    }
}

#[test]
fn every_message_survives_both_encodings() {
    for message in client_messages() {
        check_client(&message);
    }
    for message in server_messages() {
        check_server(&message);
    }
}

fn check_client(message: &ClientMessage) {
    assert_eq!(ClientMessage::decode(message.identifier(), &message.to_payload()).as_ref(), Ok(message));
    assert_eq!(json::parse_client(&json::client_text(message)).as_ref(), Ok(message));
}

fn check_server(message: &ServerMessage) {
    assert_eq!(ServerMessage::decode(message.identifier(), &message.to_payload()).as_ref(), Ok(message));
    assert_eq!(json::parse_server(&json::server_text(&Encoded::from(message), None)).as_ref(), Ok(message));
}

#[test]
fn every_deal_with_a_vendor_survives_both_encodings() {
    let key = || u64::MAX.to_string();
    let deals = [
        json!({"buy": {"base": "hood", "count": u32::MAX}}),
        json!({"sell": {"item_id": key(), "count": u32::MAX}}),
        json!({"repair": {"item_id": key()}}),
    ];
    for deal in deals {
        let data = json!({"input": 1, "acknowledged_tick": 2, "target": 3, "deal": {"kind": deal}});
        let message = ClientMessage::from_json("npc:interaction", data.clone()).unwrap();
        check_client(&message);
        assert_eq!(message.to_json(), data);
    }
    // Who knows of no deals names none.
    let plain = json!({"input": 1, "acknowledged_tick": 2, "target": 3});
    let message = ClientMessage::from_json("npc:interaction", plain).unwrap();
    assert!(matches!(message, ClientMessage::NpcInteraction(ref turns) if turns.deal.is_none()));
}

#[test]
fn an_event_number_follows_a_shared_payload() {
    for mut message in server_messages() {
        let encoded = Encoded::from(&message);
        for event in [1, 127, 128, 300, u64::MAX] {
            let payload = [&encoded.payload, event_suffix(event).as_bytes()].concat();
            let text = json::server_text(&encoded, Some(event));
            message.set_event(event);
            // Messages that have no number read on over it.
            assert_eq!(ServerMessage::decode(encoded.identifier, &payload).as_ref(), Ok(&message));
            assert_eq!(json::parse_server(&text).as_ref(), Ok(&message));
            let is_event = message.event() == Some(event);
            assert_eq!(is_event, EVENT_TYPES.contains(&message.json_type()), "{}", message.name());
        }
    }
}

/// What a client can miss.
const EVENT_TYPES: &[&str] = &[
    "chat:message",
    "chat:channel_users",
    "chat:user_joined",
    "chat:user_left",
    "chat:whisper_sent",
    "chat:whisper_received",
    "chat:whisper_error",
    "chat:channel_left",
    "chat:notice",
    "game:player_joined",
    "game:player_left",
    "game:host_changed",
    "game:list_updated",
    "game:left",
    "match:ended",
    "match:found",
    "trade:invited",
    "trade:state",
    "trade:ended",
    "mail:received",
    "market:sold",
    "market:bought",
    "market:ended",
];

#[test]
fn what_is_unknown_or_malformed_is_named() {
    assert_eq!(ClientMessage::decode(0x02, &[]), Err(MessageError::UnknownIdentifier(0x02)));
    assert!(matches!(ClientMessage::decode(0x22, &[0x0A, 9, b'a']), Err(MessageError::Malformed("CHAT_MESSAGE", _))));
    let long = "x".repeat(10_000);
    let error = ClientMessage::from_json("chat:message", json!({"text": {"deep": long}})).unwrap_err();
    assert!(error.to_string().len() < 300, "an error answer stays short");
    assert!(ClientMessage::from_json(&long, json!({})).unwrap_err().to_string().len() < 300);
}

#[test]
fn text_that_is_not_utf_8_is_refused() {
    let payload = [0x0A, 2, 0xC3, 0x28];
    assert!(matches!(ClientMessage::decode(0x22, &payload), Err(MessageError::Malformed("CHAT_MESSAGE", _))));
}

/// The sample with other values of the same types in its leaves.
fn varied(sample: Value, dice: &mut impl FnMut() -> (u64, String)) -> Value {
    match sample {
        Value::Object(members) => {
            Value::Object(members.into_iter().map(|(name, value)| (name, varied(value, dice))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(|item| varied(item, dice)).collect()),
        Value::String(text) if text.parse::<u64>().is_ok() => json!(dice().0.to_string()),
        Value::String(_) => json!(dice().1),
        Value::Bool(_) => json!(dice().0 > u64::MAX / 2),
        Value::Number(limit) => match (limit.as_u64(), limit.as_i64()) {
            (Some(limit), _) => json!(dice().0 % limit.max(1)),
            (None, limit) => json!(limit.unwrap_or(-1) % i64::try_from(1 + dice().0 % (1 << 40)).unwrap()),
        },
        Value::Null => Value::Null,
    }
}

proptest! {
    #[test]
    fn messages_with_any_values_survive_both_encodings(
        which in any::<prop::sample::Index>(),
        values in prop::collection::vec((any::<u64>(), any::<String>()), 1..40),
    ) {
        let mut turn = 0;
        let mut dice = || { turn += 1; values[turn % values.len()].clone() };
        let (json_type, sample) = which.get(&client_samples()).clone();
        check_client(&ClientMessage::from_json(json_type, varied(sample, &mut dice)).unwrap());
        let (json_type, sample) = which.get(&server_samples()).clone();
        check_server(&ServerMessage::from_json(json_type, varied(sample, &mut dice)).unwrap());
    }

    #[test]
    fn random_payloads_never_panic(identifier in any::<u8>(), payload in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = ClientMessage::decode(identifier, &payload);
        let _ = ServerMessage::decode(identifier, &payload);
    }

    #[test]
    fn mutated_payloads_never_panic(which in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let messages: Vec<_> = server_messages().collect();
        let message = which.get(&messages);
        let mut payload = message.to_payload().to_vec();
        *at.get_mut(&mut payload) = byte;
        let _ = ServerMessage::decode(message.identifier(), &payload);
    }

    #[test]
    fn random_and_mutated_texts_never_panic(text in any::<String>(), which in any::<prop::sample::Index>(), at in any::<prop::sample::Index>()) {
        let _ = json::parse_client(&text);
        let messages: Vec<_> = client_messages().collect();
        let mut characters: Vec<char> = json::client_text(which.get(&messages)).chars().collect();
        *at.get_mut(&mut characters) = text.chars().next().unwrap_or('{');
        let _ = json::parse_client(&characters.into_iter().collect::<String>());
        let _ = json::parse_server(&text);
    }
}
