//! From a running game to a file, and back.

use std::{fs, path::PathBuf};

use realm_protocol::proto;
use realm_world::{Class, Content, Difficulty, Sheet, World, log::Header};

use super::{
    super::testing::{Client, Table},
    *,
};

fn header(seed: u64) -> Header {
    Header {
        game: 7,
        started_ms: 1_000,
        version: "test".into(),
        content: Content::builtin().hash(),
        difficulty: Difficulty::Normal,
        seed,
    }
}

/// Players at a human's pace: they walk with a few turns a second, stand now and then, strike about twice a second.
fn play(table: &mut Table, clients: &mut [Client], ticks: u32) {
    let mut dice = 1_u64;
    let mut below = |sides: u64| {
        dice = dice.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        i32::try_from((dice >> 33) % sides).unwrap()
    };
    let mut ways = vec![None; clients.len()];
    for _ in 0..ticks {
        table.tick(1);
        for (client, way) in clients.iter_mut().zip(&mut ways) {
            client.read_all();
            let Some(now) = client.history.back() else { continue };
            let acknowledged_tick = now.tick;
            if now.own.life == 0 {
                client.input += 1;
                let input = client.input;
                client.send(proto::Respawn { input, acknowledged_tick });
                continue;
            }
            match below(100) {
                0..12 => *way = Some((below(14) - 7, below(14) - 7)),
                12..14 => *way = None,
                14..22 => {
                    let target = now.entities[usize::try_from(below(now.entities.len() as u64)).unwrap()].id.into();
                    client.input += 1;
                    let input = client.input;
                    client.send(proto::PlayerAttack { input, acknowledged_tick, target });
                }
                _ => {}
            }
            if let Some((dx, dy)) = *way {
                client.step(dx, dy);
            }
            while client.history.len() > 40 {
                client.history.pop_front();
            }
        }
    }
}

/// A game of `players` that was logged; its file.
fn logged(folder: &Path, players: u8, ticks: u32) -> PathBuf {
    let (logs, mut desks) = Logs::start(folder, 1, 1 << 30, 1).unwrap();
    let world = World::new(Content::builtin(), Difficulty::Normal, 21);
    let mut table = Table::new(world, Some((&header(21), desks.pop().unwrap())));
    let mut clients: Vec<Client> = (0..players)
        .map(|slot| {
            let client = Client::new();
            let sheet = Sheet::newborn(Class::ALL[usize::from(slot % 7)], false);
            table.seat(slot, Some(sheet), client.link.clone());
            client
        })
        .collect();
    play(&mut table, &mut clients, ticks);
    table.game.end_log("over", table.desk.as_ref());
    logs.stop();
    folder.join(FOLDER).join("7.log")
}

#[test]
fn a_game_is_stored_and_repeats_with_every_hash() {
    let folder = tempfile::tempdir().unwrap();
    let file = logged(folder.path(), 3, 1_510);
    let found = verify(&file, Content::builtin()).unwrap();
    assert_eq!(found.header, header(21));
    assert_eq!((found.ticks, found.hashes, found.first_difference), (1_510, 61, None));
    assert_eq!((found.characters.as_slice(), found.players_max), ([1, 2, 3].as_slice(), 3));
    assert!(matches!(found.rules.as_slice(), [(_, None)]), "nobody judged: {:?}", found.rules);
    assert_eq!((found.findings, found.ending.as_deref()), (0, Some("over")));
    assert!(found.inputs > 3_000);
    assert_eq!(fs::read_dir(folder.path().join(FOLDER)).unwrap().count(), 1, "nothing else is left");
}

/// The log costs about 1 KB a player-minute at a human's pace of inputs, compressed.
#[test]
fn a_player_minute_costs_about_a_kilobyte() {
    for (players, bytes_max) in [(8, 1_500), (1, 2_000)] {
        let folder = tempfile::tempdir().unwrap();
        let file = logged(folder.path(), players, 5 * 1_500);
        let bytes = fs::metadata(&file).unwrap().len() / (5 * u64::from(players));
        println!("{bytes} bytes a player-minute, {players} players");
        assert!(bytes < bytes_max, "{bytes} bytes a player-minute with {players} players");
    }
}

#[test]
fn what_is_no_log_or_damaged_is_told_in_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let file = logged(folder.path(), 1, 200);
    let refusal = |file: &Path| verify(file, Content::builtin()).unwrap_err().to_string();
    let missing = refusal(&folder.path().join("none.log"));
    assert!(missing.contains("none.log cannot be read"), "{missing}");
    let foreign = folder.path().join("letter.txt");
    fs::write(&foreign, "Dear realm").unwrap();
    assert!(refusal(&foreign).contains("this is no log of a game; name a file of the folder games/"));
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x55;
    fs::write(&file, &bytes).unwrap();
    let damaged = refusal(&file);
    assert!(damaged.contains("damaged"), "{damaged}");
    let other = folder.path().join("other.log");
    let mut writer = realm_world::log::LogWriter::new(&Header { content: 5, ..header(21) }, 0);
    fs::write(&other, writer.bytes()).unwrap();
    let text = refusal(&other);
    assert!(text.contains("content pack 0000000000000005") && text.contains("--content"), "{text}");
}

#[test]
fn a_full_queue_ends_the_log_with_a_note_and_delays_nobody() {
    let (queue, messages) = sync_channel(1);
    let (_back, spares) = sync_channel(1);
    let world = World::new(Content::builtin(), Difficulty::Normal, 21);
    let mut table = Table::new(world, Some((&header(21), Desk::new(0, queue, spares))));
    let mut clients = [Client::new()];
    table.seat(0, Some(Sheet::newborn(Class::Druid, false)), clients[0].link.clone());
    // The first piece finds a place, the second does not, and the game goes on.
    play(&mut table, &mut clients, 1_000);
    assert_eq!(table.game.world().tick(), 1_000);
    let (mut log, mut lasts) = (Vec::new(), 0);
    while let Ok(Message::Chunk { bytes, last, .. }) = messages.try_recv() {
        log.extend(bytes);
        lasts += u32::from(last);
        play(&mut table, &mut clients, 300);
    }
    assert_eq!(lasts, 1);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("7.log");
    fs::write(&file, log).unwrap();
    let found = verify(&file, Content::builtin()).unwrap();
    assert_eq!(found.ending.as_deref(), Some("The writer of logs did not keep up."));
    assert_eq!((found.first_difference, found.ticks), (None, 500));
}

#[test]
fn a_killed_realms_log_is_finished_at_the_next_start_and_the_oldest_go_first() {
    let folder = tempfile::tempdir().unwrap();
    let games = folder.path().join(FOLDER);
    fs::create_dir_all(&games).unwrap();
    let whole = zstd::decode_all(fs::File::open(logged(&folder.path().join("whole"), 1, 300)).unwrap()).unwrap();
    // It broke off in the middle of a record.
    fs::write(games.join("9.log.part"), &whole[..whole.len() - 4]).unwrap();
    for (name, days) in [("1.log", 40), ("2.log", 3), ("3.log", 2), ("4.log", 1)] {
        fs::write(games.join(name), vec![0; 400_000]).unwrap();
        let file = fs::File::options().append(true).open(games.join(name)).unwrap();
        file.set_modified(std::time::SystemTime::now() - Duration::from_secs(days * 86_400)).unwrap();
    }
    let (logs, _desks) = Logs::start(folder.path(), 30, 1_000_000, 1).unwrap();
    logs.stop();
    let mut left: Vec<_> =
        fs::read_dir(&games).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    left.sort();
    assert_eq!(left, ["3.log", "4.log", "9.log"]);
    let found = verify(&games.join("9.log"), Content::builtin()).unwrap();
    assert_eq!((found.first_difference, found.ending), (None, None), "as far as it goes");
    assert_eq!(found.ticks, 300);
}
