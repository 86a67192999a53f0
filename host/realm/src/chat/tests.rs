//! Channels and whispers over real event streams and outboxes; no plugin is loaded, so every line passes.

use std::{sync::Arc, time::Duration};

use realm_protocol::ServerMessage;

use super::*;
use crate::types::{ChatText, CloseReason, OutboxLimits, OutboxReader, Outgoing, RingLimits, SystemClock, outbox};

const RING: RingLimits = RingLimits { events_max: 64, bytes_max: 65_536 };

/// One online account: a seat, and what its client would read.
struct Client {
    seat: ChatSeat,
    events: EventStream,
    reader: OutboxReader,
}

impl Client {
    async fn hears(&mut self) -> ServerMessage {
        let outgoing = tokio::time::timeout(Duration::from_secs(10), self.reader.next()).await;
        match outgoing.expect("an event within ten seconds").expect("the connection is open") {
            Outgoing::Message { encoded, event } => {
                assert!(event.is_some(), "chat events are numbered");
                ServerMessage::decode(encoded.identifier, &encoded.payload).unwrap()
            }
            Outgoing::Game { .. } => panic!("chat sends no game frames"),
        }
    }

    /// Says a line; by then every earlier event has been sent too.
    async fn says(&self, line: &str) {
        self.seat.say(text(line)).await.unwrap();
    }

    async fn hears_line(&mut self) -> (String, String, u64) {
        match self.hears().await {
            ServerMessage::ChatMessage(message) => (message.account, message.text, message.line),
            other => panic!("expected a line, got {other:?}"),
        }
    }

    /// The next list of members, whatever comes before it.
    async fn hears_list(&mut self) -> proto::ChannelUsers {
        loop {
            if let ServerMessage::ChannelUsers(list) = self.hears().await {
                return list;
            }
        }
    }

    async fn joins(&mut self, name: &str) -> Vec<String> {
        self.seat.join(channel(name)).await.unwrap();
        match self.hears().await {
            ServerMessage::ChannelUsers(list) => list.users.into_iter().map(|user| user.account).collect(),
            other => panic!("expected the list of members, got {other:?}"),
        }
    }
}

fn chat(change: impl FnOnce(&mut Config)) -> Chat {
    let mut config = Config::default();
    change(&mut config);
    config.check().unwrap();
    Chat::start(config, Hooks::without_plugins(), Arc::new(SystemClock))
}

fn channel(name: &str) -> ChannelName {
    ChannelName::new(name).unwrap()
}

fn text(line: &str) -> ChatText {
    ChatText::new(line).unwrap()
}

fn client_with(chat: &Chat, name: &str, messages_max: usize) -> Client {
    let events = EventStream::new(RING);
    let (sender, reader) = outbox(OutboxLimits { messages_max, bytes_max: 65_536 });
    events.attach(sender, None);
    let account = AccountId::from_raw(name.bytes().fold(7, |key, byte| key * 31 + u64::from(byte)));
    let account_name = AccountName::new(name).unwrap();
    let seat = chat.connect(Member { account, account_name, character: None, events: events.clone() });
    Client { seat, events, reader }
}

fn client(chat: &Chat, name: &str) -> Client {
    client_with(chat, name, 64)
}

fn account_of(user: Option<proto::ChannelUser>) -> String {
    user.map(|user| user.account).unwrap_or_default()
}

#[tokio::test]
async fn joining_shows_the_members_and_is_told_to_the_others() {
    let chat = chat(|_| ());
    let (mut ada, mut bo) = (client(&chat, "Ada"), client(&chat, "Bo"));
    assert_eq!(ada.joins("lobby").await, ["Ada"]);
    bo.seat.select_character(Some(CharacterName::new("Borin").unwrap()));
    assert_eq!(bo.joins("LOBBY").await, ["Ada", "Bo"], "case does not make another channel");
    match ada.hears().await {
        ServerMessage::UserJoined(joined) => {
            assert_eq!(joined.channel, "Lobby");
            assert_eq!(joined.user.unwrap().character, "Borin");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn lines_reach_every_member_in_one_order_the_sender_included() {
    let chat = chat(|_| ());
    let (mut ada, mut bo) = (client(&chat, "Ada"), client(&chat, "Bo"));
    ada.joins("Den").await;
    bo.joins("Den").await;
    assert!(matches!(ada.hears().await, ServerMessage::UserJoined(_)));
    ada.says("one").await;
    bo.says("two").await;
    ada.says("three").await;
    for client in [&mut ada, &mut bo] {
        assert_eq!(client.hears_line().await, ("Ada".into(), "one".into(), 1));
        assert_eq!(client.hears_line().await, ("Bo".into(), "two".into(), 2));
        assert_eq!(client.hears_line().await, ("Ada".into(), "three".into(), 3));
    }
    let history = chat.history(&channel("den")).await.unwrap();
    assert_eq!(history.iter().map(|line| line.text.as_str()).collect::<Vec<_>>(), ["one", "two", "three"]);
}

#[tokio::test]
async fn changing_channels_and_leaving_are_told_to_those_who_stay() {
    let chat = chat(|_| ());
    let (mut ada, mut bo) = (client(&chat, "Ada"), client(&chat, "Bo"));
    ada.joins("Lobby").await;
    bo.joins("Lobby").await;
    ada.hears().await;
    bo.joins("Trade").await;
    match ada.hears().await {
        ServerMessage::UserLeft(left) => assert_eq!(account_of(left.user), "Bo"),
        other => panic!("{other:?}"),
    }
    ada.says("alone").await;
    assert_eq!(ada.hears_line().await.1, "alone");

    bo.seat.leave().await.unwrap();
    match bo.hears().await {
        ServerMessage::ChannelLeft(left) => assert_eq!(left.channel, "Trade", "and nothing of what Ada said"),
        other => panic!("{other:?}"),
    }
    assert_eq!(bo.seat.leave().await, Err(ChatError::NoChannel));
    assert_eq!(bo.seat.say(text("hello?")).await, Err(ChatError::NoChannel));
}

#[tokio::test]
async fn entering_the_same_channel_again_only_shows_the_list() {
    let chat = chat(|_| ());
    let (mut ada, mut bo) = (client(&chat, "Ada"), client(&chat, "Bo"));
    ada.joins("Lobby").await;
    bo.joins("Lobby").await;
    ada.hears().await;
    assert_eq!(bo.joins("Lobby").await, ["Ada", "Bo"]);
    bo.says("still here").await;
    assert_eq!(ada.hears_line().await.1, "still here");
}

#[tokio::test]
async fn whispers_arrive_or_say_why_not() {
    let chat = chat(|_| ());
    let (mut ada, mut bo) = (client(&chat, "Ada"), client(&chat, "Bo"));
    ada.seat.whisper(AccountName::new("bo").unwrap(), text("psst")).await.unwrap();
    match bo.hears().await {
        ServerMessage::WhisperReceived(whisper) => assert_eq!((&*whisper.account, &*whisper.text), ("Ada", "psst")),
        other => panic!("{other:?}"),
    }
    match ada.hears().await {
        ServerMessage::WhisperSent(whisper) => assert_eq!((&*whisper.account, &*whisper.text), ("Bo", "psst")),
        other => panic!("{other:?}"),
    }
    drop(bo);
    ada.seat.whisper(AccountName::new("Bo").unwrap(), text("psst")).await.unwrap();
    match ada.hears().await {
        ServerMessage::WhisperError(error) => assert_eq!((&*error.account, &*error.code), ("Bo", "WHISPER_OFFLINE")),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_slow_reader_is_closed_and_the_others_miss_nothing() {
    let chat = chat(|_| ());
    let (mut ada, mut slow) = (client(&chat, "Ada"), client_with(&chat, "Slow", 4));
    ada.joins("Lobby").await;
    slow.seat.join(channel("Lobby")).await.unwrap();
    ada.hears().await;
    for number in 1..=20 {
        ada.says(&format!("line {number}")).await;
    }
    for number in 1..=20 {
        assert_eq!(ada.hears_line().await.2, number);
    }
    let mut taken = 0;
    while slow.reader.next().await.is_some() {
        taken += 1;
    }
    assert_eq!(taken, 4, "what was queued, then the close");
    assert_eq!(slow.reader.close_reason().unwrap().code, Code::SlowConsumer);
    assert_eq!(slow.events.last(), 21, "the session may come back for the rest");
}

#[tokio::test]
async fn full_channels_and_full_realms_refuse_and_the_old_channel_stays() {
    let chat = chat(|config| {
        config.members_max = 1;
        config.channels_max = 2;
        config.channels = vec!["Lobby".to_owned()];
    });
    let (mut ada, mut bo) = (client(&chat, "Ada"), client(&chat, "Bo"));
    ada.joins("Lobby").await;
    assert_eq!(bo.seat.join(channel("Lobby")).await, Err(ChatError::ChannelFull));
    bo.joins("Own").await;
    assert_eq!(bo.seat.join(channel("Lobby")).await, Err(ChatError::ChannelFull));
    assert_eq!(ada.seat.join(channel("Another")).await, Err(ChatError::TooManyChannels));
    bo.says("still in mine").await;
    assert_eq!(bo.hears_line().await.1, "still in mine");
}

#[tokio::test]
async fn channels_made_by_joining_end_with_their_last_member() {
    let chat = chat(|_| ());
    let mut ada = client(&chat, "Ada");
    ada.joins("Nook").await;
    let listed = chat.channels().await;
    assert_eq!(listed[0], ChannelSummary { name: "Nook".to_owned(), members: 1 });
    assert_eq!(listed.len(), 3);
    ada.seat.leave().await.unwrap();
    until(async || chat.channels().await.len() == 2).await;
    ada.hears().await;
    ada.joins("nook").await;
    ada.says("first again").await;
    assert_eq!(ada.hears_line().await.2, 1, "a new channel counts from one");
}

#[tokio::test]
async fn dropped_seats_and_closed_streams_leave() {
    let chat = chat(|_| ());
    let (mut ada, mut bo, mut cy) = (client(&chat, "Ada"), client(&chat, "Bo"), client(&chat, "Cy"));
    ada.joins("Lobby").await;
    bo.joins("Lobby").await;
    cy.joins("Lobby").await;
    ada.hears().await;
    ada.hears().await;
    drop(bo);
    match ada.hears().await {
        ServerMessage::UserLeft(left) => assert_eq!(account_of(left.user), "Bo"),
        other => panic!("{other:?}"),
    }
    cy.events.close(CloseReason { code: Code::LoggedOut, message: String::new(), reconnect_after_ms: 0 });
    ada.says("anybody?").await;
    match ada.hears().await {
        ServerMessage::UserLeft(left) => assert_eq!(account_of(left.user), "Cy"),
        other => panic!("{other:?}"),
    }
    assert_eq!(ada.hears_line().await.1, "anybody?");
}

#[tokio::test]
async fn a_newer_seat_of_an_account_takes_the_place_of_the_older() {
    let chat = chat(|_| ());
    let (mut ada, mut older) = (client(&chat, "Ada"), client(&chat, "Bo"));
    older.joins("Lobby").await;
    let mut newer = client(&chat, "Bo");
    assert_eq!(older.seat.say(text("me?")).await, Err(ChatError::NoChannel));
    drop(older);
    ada.seat.whisper(AccountName::new("Bo").unwrap(), text("psst")).await.unwrap();
    assert!(matches!(newer.hears().await, ServerMessage::WhisperReceived(_)));
    assert!(matches!(ada.hears().await, ServerMessage::WhisperSent(_)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_people_coming_and_going_at_once_leave_no_channel_behind() {
    let chat = chat(|config| config.mailbox_max = 4);
    let crowd = (0..40).map(|number| {
        let chat = chat.clone();
        tokio::spawn(async move {
            let mut client = client(&chat, &format!("crowd-{number}"));
            for round in 0..20 {
                // A full mailbox is a legitimate answer here; being stuck or left behind is not.
                let _ = client.seat.join(channel(if round % 2 == 0 { "Even" } else { "Odd" })).await;
                let _ = client.seat.say(text("hello")).await;
            }
        })
    });
    for visitor in crowd.collect::<Vec<_>>() {
        visitor.await.unwrap();
    }
    until(async || chat.channels().await.len() == 2).await;
    assert!(chat.channels().await.iter().all(|channel| channel.members == 0));
}

#[test]
fn configuration_mistakes_name_the_key() {
    let mut config = Config { channels: vec!["x".to_owned()], ..Config::default() };
    assert!(config.check().unwrap_err().contains("[chat] channels"));
    config = Config { channels_max: 1, ..Config::default() };
    assert!(config.check().unwrap_err().contains("channels_max"));
}

/// Waits for a condition, letting the channels' tasks run.
async fn until(mut condition: impl AsyncFnMut() -> bool) {
    let reached = async {
        while !condition().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), reached).await.expect("the condition within ten seconds");
}

#[tokio::test]
async fn a_list_of_many_members_with_the_longest_names_fits_into_a_message() {
    const MEMBERS: u32 = 200;
    // As small as an outbox can be configured, and a frame.
    const ROOM: usize = realm_protocol::frame::SIZE_MAX_AFTER_LOGIN - 64;
    let chat = chat(|_| ());
    let mut clients = Vec::new();
    for number in 0..MEMBERS {
        // Letters of four bytes; each name another one.
        let letters: String = (0..16).map(|place| char::from_u32(0x10330 + (number >> place & 1)).unwrap()).collect();
        let events = EventStream::new(RING);
        let (sender, reader) = outbox(OutboxLimits { messages_max: 1_024, bytes_max: 1_048_576 });
        events.attach(sender, None);
        let mut seat = chat.connect(Member {
            account: AccountId::from_raw(u64::from(number) + 1),
            account_name: AccountName::new(letters.clone()).unwrap(),
            character: Some(CharacterName::new(letters.clone()).unwrap()),
            events: events.clone(),
        });
        seat.join(channel("lobby")).await.unwrap();
        let mut client = Client { seat, events, reader };
        let ServerMessage::ChannelUsers(list) = client.hears().await else { panic!("the list comes first") };
        assert_eq!(list.users.len() + list.more as usize, number as usize + 1, "nobody is forgotten");
        assert_eq!(list.users.last().unwrap().account, letters, "oneself is there");
        assert_eq!(list.more > 0, number > 68, "{number}: {}", list.more);
        let message = ServerMessage::from(list);
        let (binary, json) = (message.to_payload().len(), message.to_json().to_string().len());
        assert!(binary <= ROOM && json <= ROOM, "{number}: {binary} and {json} bytes");
        clients.push(client);
    }
    // Who enters again has the place of before, and is still on the own list.
    let again = &mut clients[150];
    again.seat.join(channel("lobby")).await.unwrap();
    let own = again.hears_list().await;
    assert_eq!(own.users.len() + own.more as usize, MEMBERS as usize);
}
