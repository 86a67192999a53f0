//! Holds `docs/protocol.md` against the code: its tables are the code's, its examples are read and written by it.
//!
//! A table that differs is written anew by `REALM_WRITE_DOCS=1 cargo test -p realm-protocol documentation`.

use std::{collections::HashMap, fmt::Write as _, fs, path::Path};

use bytes::BytesMut;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{
    ClientMessage, Decoder, Encoder, MessageError, ServerMessage, Snapshot,
    frame::{Frame, SIZE_MAX_AFTER_LOGIN},
    snapshot,
};

const PLAYER_STATE: u8 = 0x40;

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What a `.proto` file says about a message.
#[derive(Default)]
struct Schema {
    meaning: String,
    fields: Vec<String>,
}

/// The messages of the `.proto` files: the comment before each, and its fields in order.
fn schemas() -> HashMap<String, Schema> {
    let (mut schemas, mut comment, mut current) = (HashMap::<_, Schema>::new(), String::new(), String::new());
    for line in [read("../../sdk/proto/realm.proto"), read("../../sdk/proto/game.proto")].join("\n").lines() {
        let trimmed = line.trim();
        if let Some(text) = trimmed.strip_prefix("//") {
            comment = format!("{comment} {}", text.trim());
        } else if let Some(rest) = line.strip_prefix("message ") {
            current = rest.split(' ').next().unwrap().to_owned();
            schemas.entry(current.clone()).or_default().meaning = meaning(&comment);
            comment.clear();
        } else {
            let field = trimmed.split(" = ").next().and_then(|left| left.split(' ').next_back());
            if let (true, Some(field)) = (trimmed.ends_with(';') && line.starts_with("  "), field) {
                schemas.entry(current.clone()).or_default().fields.push(field.to_owned());
            }
            comment.clear();
        }
    }
    schemas
}

/// `0x12 from the client: makes a character.` means `Makes a character.`
fn meaning(comment: &str) -> String {
    let comment = comment.trim();
    let rest = match comment.strip_prefix("0x") {
        Some(numbered) => numbered.split_once([':', '.']).map_or("", |(_, rest)| rest),
        None => comment,
    };
    let mut characters = rest.trim().chars();
    characters.next().map(|first| first.to_uppercase().chain(characters).collect()).unwrap_or_default()
}

fn message_table(table: &[(u8, &str, &str)], names: &[&str], event: Option<fn(u8) -> bool>) -> String {
    let schemas = schemas();
    let (head, rule) = if event.is_some() { (" Event |", "---|") } else { ("", "") };
    let mut text = format!("| Identifier | Name | JSON type |{head} Data | Meaning |\n|---|---|---|{rule}---|---|\n");
    for ((identifier, name, json_type), schema) in table.iter().zip(names) {
        let Schema { meaning, fields } = &schemas[*schema];
        assert!(!meaning.is_empty(), "the .proto files do not say what {schema} means");
        let fields: Vec<_> =
            fields.iter().filter(|field| *field != "event").map(|field| format!("`{field}`")).collect();
        let event = event.map_or("", |event| if event(*identifier) { " yes |" } else { " |" });
        let fields = fields.join(", ");
        writeln!(text, "| 0x{identifier:02X} | {name} | `{json_type}` |{event} {fields} | {meaning} |").unwrap();
    }
    text
}

fn is_event(identifier: u8) -> bool {
    let mut message = ServerMessage::decode(identifier, &[]).unwrap();
    message.set_event(1);
    message.event().is_some()
}

/// The codes as `refusal.rs` lists them: a line of meaning, then variant, code and HTTP status.
fn code_table() -> String {
    let source = read("../realm/src/types/refusal.rs");
    let rows =
        source.split("\ncodes! {\n").nth(1).and_then(|rest| rest.split("\n}\n").next()).expect("the table of codes");
    let mut text = "| Code | HTTP | Meaning |\n|---|---|---|\n".to_owned();
    let mut meaning = String::new();
    for line in rows.lines() {
        match line.trim().strip_prefix("///") {
            Some(comment) => meaning = format!("{meaning} {}", comment.trim()),
            None => {
                let mut parts = line.trim().trim_end_matches(',').split(' ').skip(1);
                let (code, status) = (parts.next().unwrap().trim_matches('"'), parts.next().unwrap());
                writeln!(text, "| `{code}` | {status} | {} |", meaning.trim()).unwrap();
                meaning.clear();
            }
        }
    }
    text
}

/// The close codes as `close_code.rs` lists them.
fn close_code_table() -> String {
    let source = read("../realm/src/net/close_code.rs");
    let rows = source.lines().filter_map(|line| line.strip_prefix("/// |"));
    rows.fold(String::new(), |table, row| table + "|" + row + "\n")
}

#[test]
fn the_tables_are_those_of_the_code() {
    let tables = [
        ("client messages", message_table(ClientMessage::ALL, ClientMessage::SCHEMAS, None)),
        ("server messages", message_table(ServerMessage::ALL, ServerMessage::SCHEMAS, Some(is_event))),
        ("close codes", close_code_table()),
        ("codes", code_table()),
    ];
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/protocol.md");
    let text = fs::read_to_string(&path).unwrap();
    let mut expected = text.clone();
    for (name, table) in tables {
        let (begin, end) = (format!("<!-- table: {name} -->\n"), format!("<!-- end of {name} -->"));
        let (before, rest) = expected.split_once(&begin).unwrap_or_else(|| panic!("{begin} is missing"));
        let (_, after) = rest.split_once(&end).unwrap_or_else(|| panic!("{end} is missing"));
        expected = format!("{before}{begin}{table}{end}{after}");
    }
    if text == expected {
        return;
    }
    if std::env::var_os("REALM_WRITE_DOCS").is_some() {
        fs::write(&path, expected).unwrap();
        return;
    }
    let line = text.lines().zip(expected.lines()).find(|(found, expected)| found != expected);
    panic!("docs/protocol.md differs from the code at {line:#?}; REALM_WRITE_DOCS=1 writes its tables anew");
}

/// One frame of an example as its JSON tells it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Example {
    sequence: u32,
    timestamp_ms: u32,
    #[serde(default)]
    event: Option<u64>,
    #[serde(default, rename = "type")]
    json_type: String,
    #[serde(default)]
    data: Map<String, Value>,
    #[serde(default)]
    baseline_tick: Option<u32>,
    #[serde(default)]
    snapshot: Option<Snapshot>,
}

/// The fenced blocks of the page: what stands behind the opening fence, and the text within.
fn fences(text: &str) -> Vec<(&str, String)> {
    let (mut fences, mut open) = (Vec::new(), None);
    for line in text.lines() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(_), Some(_)) => fences.extend(open.take()),
            (Some(info), None) => open = Some((info, String::new())),
            (None, Some((_, body))) => writeln!(body, "{line}").unwrap(),
            (None, None) => {}
        }
    }
    fences
}

fn bytes_of(hex: &str) -> Vec<u8> {
    let digits = hex.lines().flat_map(|line| line.split('#').next().unwrap().split_whitespace());
    digits.map(|byte| u8::from_str_radix(byte, 16).unwrap_or_else(|_| panic!("{byte} is no byte"))).collect()
}

fn in_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X} ")).collect()
}

#[test]
fn the_examples_are_what_the_code_reads_and_writes() {
    let text = read("../../docs/protocol.md");
    let fences = fences(&text);
    let mut checked = 0;
    for pair in fences.windows(2) {
        let [(direction @ ("hex client" | "hex server"), hex), (info, json)] = pair else { continue };
        assert_eq!(*info, "json", "after bytes stands what they mean");
        let examples: Vec<Example> =
            serde_json::Deserializer::from_str(json).into_iter().collect::<Result<_, _>>().unwrap();
        let written = write(direction == &"hex client", &examples);
        assert_eq!(in_hex(&bytes_of(hex)), in_hex(&written), "the bytes of {json} are:\n{}", annotated(&written));
        check(direction == &"hex client", &written, &examples);
        checked += 1;
    }
    assert!(checked >= 5, "only {checked} examples found");
}

/// The bytes as the page shows them.
fn annotated(bytes: &[u8]) -> String {
    let (mut text, mut rest) = (String::new(), bytes);
    while !rest.is_empty() {
        let size = usize::from(u16::from_le_bytes([rest[1], rest[2]]));
        let (frame, behind) = rest.split_at(size);
        rest = behind;
        let mut line = |bytes: &[u8], name: &str| writeln!(text, "{:<48}  # {name}", in_hex(bytes).trim()).unwrap();
        line(&frame[..1], "identifier");
        line(&frame[1..3], "size");
        line(&frame[3..7], "sequence");
        line(&frame[7..11], "timestamp");
        frame[11..size - 2].chunks(16).for_each(|part| line(part, "payload"));
        line(&frame[size - 2..], "checksum");
    }
    text
}

fn write(from_client: bool, examples: &[Example]) -> Vec<u8> {
    let (mut encoder, mut written) = (Encoder::new(), BytesMut::new());
    let mut snapshots: Vec<Snapshot> = Vec::new();
    for example in examples {
        let (identifier, payload) = payload_of(from_client, example, &snapshots);
        let sequence = encoder.encode(identifier, example.timestamp_ms, &[&payload], &mut written).unwrap();
        assert_eq!(sequence, example.sequence);
        snapshots.extend(example.snapshot.clone());
    }
    written.to_vec()
}

fn check(from_client: bool, bytes: &[u8], examples: &[Example]) {
    let snapshots: Vec<_> = examples.iter().filter_map(|example| example.snapshot.clone()).collect();
    let (mut decoder, mut buffer) = (Decoder::new(SIZE_MAX_AFTER_LOGIN), BytesMut::from(bytes));
    for example in examples {
        let frame = decoder.decode(&mut buffer).unwrap().expect("a whole frame");
        assert_eq!(&example_of(from_client, &frame, example, &snapshots), example);
    }
    assert!(buffer.is_empty());
}

fn message_of(from_client: bool, example: &Example) -> Result<(u8, Vec<u8>), MessageError> {
    let data = Value::Object(example.data.clone());
    if from_client {
        return ClientMessage::from_json(&example.json_type, data)
            .map(|message| (message.identifier(), message.to_payload().to_vec()));
    }
    let mut message = ServerMessage::from_json(&example.json_type, data)?;
    message.set_event(example.event.unwrap_or_default());
    Ok((message.identifier(), message.to_payload().to_vec()))
}

fn payload_of(from_client: bool, example: &Example, earlier: &[Snapshot]) -> (u8, Vec<u8>) {
    let Some(current) = &example.snapshot else { return message_of(from_client, example).unwrap() };
    let mut payload = Vec::new();
    snapshot::encode(of_tick(earlier, example.baseline_tick), current, &mut payload);
    (PLAYER_STATE, payload)
}

fn of_tick(snapshots: &[Snapshot], tick: Option<u32>) -> Option<&Snapshot> {
    tick.map(|tick| snapshots.iter().find(|snapshot| snapshot.tick == tick).expect("an earlier snapshot as baseline"))
}

/// Reads a frame back. Members that the page leaves out, because they are empty or zero, are left out here too.
fn example_of(from_client: bool, frame: &Frame, told: &Example, snapshots: &[Snapshot]) -> Example {
    let mut example = Example {
        sequence: frame.sequence,
        timestamp_ms: frame.timestamp_ms,
        event: None,
        json_type: String::new(),
        data: Map::new(),
        baseline_tick: None,
        snapshot: None,
    };
    if frame.identifier == PLAYER_STATE {
        example.baseline_tick = snapshot::baseline_tick(&frame.payload).unwrap();
        let baseline = of_tick(snapshots, example.baseline_tick);
        example.snapshot = Some(snapshot::decode(&frame.payload, baseline).unwrap());
        return example;
    }
    let (json_type, data) = if from_client {
        let message = ClientMessage::decode(frame.identifier, &frame.payload).unwrap();
        (message.json_type(), message.to_json())
    } else {
        let message = ServerMessage::decode(frame.identifier, &frame.payload).unwrap();
        example.event = message.event();
        (message.json_type(), message.to_json())
    };
    json_type.clone_into(&mut example.json_type);
    let Value::Object(mut data) = data else { panic!("data is an object") };
    let empty = [Value::from(""), Value::from(0), Value::from("0"), Value::from(false)];
    data.retain(|name, value| told.data.contains_key(name) || !empty.contains(value));
    example.data = data;
    example
}
