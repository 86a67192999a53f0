//! What a logged-in player may say, one arm a message.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use realm_protocol::{ClientMessage, ServerMessage, proto};
use realm_world::Difficulty;

use super::{
    arrival::Line,
    limits::{Kind, Overrun},
    player::{Ending, Session},
    sentence,
};
use crate::{
    accounts::Permission,
    characters::Character,
    games::{GameReference, GameSettings, Games, Player},
    types::{AccountName, ChannelName, CharacterId, ChatText, Code, GameId, GameName, Incoming, Outgoing, Refusal},
};

/// When a request that came too late for this run of the realm is worth another try.
const STOPPING_RETRY_MS: u64 = 5_000;

/// What a message that was not refused leads to.
pub(super) enum Reply {
    /// An answer to this connection alone.
    Answer(Box<ServerMessage>),
    /// Nothing, or an event that has been sent already.
    Nothing,
    /// The end of the session.
    LogOut,
}

impl Reply {
    pub(super) fn answer(message: impl Into<ServerMessage>) -> Result<Self, Refusal> {
        Ok(Self::Answer(Box::new(message.into())))
    }
}

impl Session {
    /// Serves one message. `Some` ends the session.
    pub(super) async fn handle(&mut self, incoming: Incoming, line: &mut Line) -> Option<Ending> {
        let (kind, sequence) = match &incoming {
            Incoming::Message { sequence, message } => (Kind::of(message), *sequence),
            Incoming::Unreadable { sequence, .. } => (Kind::Request, *sequence),
        };
        let outcome = match (self.limits.admit(kind, Instant::now()), incoming) {
            (Err(Overrun::Flood), _) => return Some(Ending::Flood),
            (Err(Overrun::Wait(wait)), _) => Err(Refusal::retry(
                Code::RateLimited,
                "Too much at once; wait a moment and send it again.",
                u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1),
            )),
            (Ok(()), Incoming::Unreadable { problem, .. }) => Err(Refusal::new(Code::MessageInvalid, problem)),
            (Ok(()), Incoming::Message { message, .. }) => {
                let shared = Arc::clone(&self.shared);
                match shared.requests.try_read() {
                    Ok(_taken) if !shared.quiet.load(Ordering::Relaxed) => {
                        let outcome = self.obey(message, sequence, line).await;
                        self.stand_for_trade();
                        outcome
                    }
                    // A game that stops says so itself.
                    _ if kind == Kind::Game => Ok(Reply::Nothing),
                    _ => {
                        let problem = format!("The realm is stopping; send {} again when it is back.", message.name());
                        Err(Refusal::retry(Code::RealmStopping, problem, STOPPING_RETRY_MS))
                    }
                }
            }
        };
        match outcome {
            Ok(Reply::Nothing) => None,
            Ok(Reply::LogOut) => Some(Ending::LoggedOut),
            Ok(Reply::Answer(message)) => {
                // An outbox that cannot take it closes the connection, which the session's task sees.
                let _ = line.outbox.try_send(Outgoing::answer(*message));
                None
            }
            Err(refusal) => {
                self.shared.refuse(&line.outbox, Some(&self.identity), sequence, &refusal);
                None
            }
        }
    }

    async fn obey(&mut self, message: ClientMessage, sequence: u32, line: &mut Line) -> Result<Reply, Refusal> {
        match message {
            ClientMessage::AuthRequest(_) => Err(Refusal::new(
                Code::MessageInvalid,
                "This connection is logged in already; open another to log in anew.",
            )),
            ClientMessage::Ping(ping) => Reply::answer(proto::Pong { token: ping.token }),
            ClientMessage::Pong(_) => Ok(Reply::Nothing),
            ClientMessage::Logout(_) => Ok(Reply::LogOut),
            ClientMessage::CharListRequest(_) => self.list_characters().await,
            ClientMessage::CharCreate(request) => self.create_character(request).await,
            ClientMessage::CharDelete(request) => self.delete_character(request).await,
            ClientMessage::CharSelect(request) => self.select_character(request).await,
            ClientMessage::JoinChannel(request) => self.join_channel(request).await,
            ClientMessage::LeaveChannel(_) => self.leave_channel().await,
            ClientMessage::ChatSend(request) => self.say(request).await,
            ClientMessage::Whisper(request) => self.whisper(request).await,
            ClientMessage::GameCreate(request) => self.create_game(request).await,
            ClientMessage::GameListRequest(request) => self.list_games(request).await,
            ClientMessage::GameJoin(request) => self.join_game(request).await,
            ClientMessage::GameLeave(_) => self.leave_game().await,
            ClientMessage::MatchSearch(request) => self.search_match(request).await,
            ClientMessage::MatchCancel(_) => self.cancel_match(),
            ClientMessage::TradeInvite(request) => self.invite_to_trade(request),
            ClientMessage::TradeAccept(request) => self.accept_trade(request),
            ClientMessage::TradeOffer(request) => self.offer_in_trade(request).await,
            ClientMessage::TradeLock(request) => self.lock_trade(request),
            ClientMessage::TradeConfirm(request) => self.confirm_trade(request).await,
            ClientMessage::TradeCancel(request) => self.cancel_trade(request),
            ClientMessage::TradeQuery(request) => self.query_trade(request).await,
            ClientMessage::GameEnter(request) => {
                line.enter_game(&self.shared.features.games, &request.ticket)?;
                Ok(Reply::Nothing)
            }
            ClientMessage::PlayerMove(_)
            | ClientMessage::PlayerAttack(_)
            | ClientMessage::ItemDrop(_)
            | ClientMessage::NpcInteraction(_)
            | ClientMessage::SnapshotAcknowledge(_)
            | ClientMessage::Respawn(_)
            | ClientMessage::SkillUse(_)
            | ClientMessage::PickUp(_)
            | ClientMessage::PotionUse(_)
            | ClientMessage::ItemUse(_) => {
                line.game_frame(sequence, &message)?;
                Ok(Reply::Nothing)
            }
        }
    }

    async fn list_characters(&self) -> Result<Reply, Refusal> {
        let characters = &self.home.characters;
        let list = characters.list(self.identity.account).await?;
        Reply::answer(proto::CharListResponse {
            characters: list.iter().map(shown).collect(),
            characters_max: characters.characters_max(),
        })
    }

    async fn create_character(&self, request: proto::CharCreate) -> Result<Reply, Refusal> {
        let proto::CharCreate { name, class, hardcore } = request;
        let account = self.identity.account;
        let character = self.home.characters.create(account, &name, &class, hardcore).await?;
        Reply::answer(proto::CharCreated { character: Some(shown(&character)) })
    }

    async fn delete_character(&mut self, request: proto::CharDelete) -> Result<Reply, Refusal> {
        let id = CharacterId::from_raw(request.character_id);
        self.home.characters.delete(self.identity.account, id).await?;
        if self.selected.as_ref().is_some_and(|selected| selected.id == id) {
            self.selected = None;
            self.seat.select_character(None);
        }
        Reply::answer(proto::CharDeleted { character_id: id.raw() })
    }

    async fn select_character(&mut self, request: proto::CharSelect) -> Result<Reply, Refusal> {
        let selected = self.select(CharacterId::from_raw(request.character_id)).await?;
        Reply::answer(proto::CharSelected { character: Some(shown(selected)) })
    }

    /// Plays and chats with a character from now on.
    pub(super) async fn select(&mut self, id: CharacterId) -> Result<&Character, Refusal> {
        let character = self.home.characters.get(self.identity.account, id).await?;
        if character.sheet.hardcore && character.sheet.dead {
            let problem = format!("{} has died for good; select another character.", character.name);
            return Err(Refusal::new(Code::CharacterDead, problem));
        }
        self.seat.select_character(Some(character.name.clone()));
        Ok(self.selected.insert(character))
    }

    async fn join_channel(&mut self, request: proto::JoinChannel) -> Result<Reply, Refusal> {
        let channel = ChannelName::new(request.channel)
            .map_err(|error| Refusal::new(Code::ChannelNameInvalid, sentence(&error.to_string())))?;
        self.seat.join(channel).await?;
        Ok(Reply::Nothing)
    }

    async fn leave_channel(&mut self) -> Result<Reply, Refusal> {
        self.seat.leave().await?;
        Ok(Reply::Nothing)
    }

    async fn say(&mut self, request: proto::ChatSend) -> Result<Reply, Refusal> {
        let text = chat_text(&request.text)?;
        match text.as_str().strip_prefix('/') {
            Some(command) => Box::pin(self.command(command)).await?,
            None => {
                self.may_talk()?;
                self.seat.say(text).await?;
            }
        }
        self.shared.lines.fetch_add(1, Ordering::Relaxed);
        Ok(Reply::Nothing)
    }

    async fn whisper(&self, request: proto::Whisper) -> Result<Reply, Refusal> {
        self.may_talk()?;
        let recipient = AccountName::new(request.account)
            .map_err(|error| Refusal::new(Code::InvalidUsername, sentence(&error.to_string())))?;
        self.seat.whisper(recipient, chat_text(&request.text)?).await?;
        self.shared.lines.fetch_add(1, Ordering::Relaxed);
        Ok(Reply::Nothing)
    }

    pub(super) fn player(&self) -> Player {
        Player {
            account: self.identity.account,
            account_name: self.identity.name.clone(),
            staff: self.identity.may(Permission::GamesClose),
            events: Some(self.events.clone()),
        }
    }

    pub(super) fn selected(&self) -> Result<CharacterId, Refusal> {
        let missing = || Refusal::new(Code::CharacterNotSelected, "Select a character with CHAR_SELECT first.");
        self.selected.as_ref().map(|character| character.id).ok_or_else(missing)
    }

    async fn create_game(&self, request: proto::GameCreate) -> Result<Reply, Refusal> {
        let character = self.selected()?;
        let settings = settings(request)?;
        Reply::answer(self.home.games.create(self.player(), character, settings).await?)
    }

    async fn list_games(&self, request: proto::GameListRequest) -> Result<Reply, Refusal> {
        let difficulty = difficulty(&request.difficulty)?;
        let character = self.selected.as_ref().map(|character| character.id);
        let games = self.home.games.list(self.identity.account, character, difficulty).await?;
        Reply::answer(proto::GameListResponse { games })
    }

    async fn join_game(&self, request: proto::GameJoin) -> Result<Reply, Refusal> {
        let character = self.selected()?;
        let game = match request.game_id {
            0 => GameReference::Name(game_name(request.name)?),
            id => GameReference::Id(GameId::from_raw(id)),
        };
        Reply::answer(self.home.games.join(self.player(), character, game, &request.password).await?)
    }

    async fn leave_game(&self) -> Result<Reply, Refusal> {
        let game = self.shared.features.games.leave(self.identity.account).await?;
        self.events.tell(proto::GameLeft { game_id: game.raw(), event: 0 });
        Ok(Reply::Nothing)
    }
}

pub(super) fn chat_text(text: &str) -> Result<ChatText, Refusal> {
    ChatText::new(text).map_err(|error| Refusal::new(Code::ChatTextInvalid, sentence(&error.to_string())))
}

fn game_name(name: String) -> Result<GameName, Refusal> {
    GameName::new(name).map_err(|error| Refusal::new(Code::GameNameInvalid, sentence(&error.to_string())))
}

/// The difficulty of this name; `None` when none is given.
pub(super) fn difficulty(name: &str) -> Result<Option<Difficulty>, Refusal> {
    match (name, Difficulty::from_name(name)) {
        ("", _) => Ok(None),
        (_, Some(difficulty)) => Ok(Some(difficulty)),
        (_, None) => {
            let problem = "There is no such difficulty; choose normal, nightmare or hell.";
            Err(Refusal::new(Code::GameSettingsInvalid, problem))
        }
    }
}

fn settings(request: proto::GameCreate) -> Result<GameSettings, Refusal> {
    let proto::GameCreate { name, password, difficulty: difficulty_name, players_max } = request;
    let players_max = if players_max == 0 { Games::PLAYERS_MAX } else { players_max };
    if players_max > Games::PLAYERS_MAX {
        let problem = format!("A game has 1 to {} players; ask for fewer.", Games::PLAYERS_MAX);
        return Err(Refusal::new(Code::GameSettingsInvalid, problem));
    }
    Ok(GameSettings {
        name: game_name(name)?,
        password: Some(password).filter(|password| !password.is_empty()),
        difficulty: difficulty(&difficulty_name)?.unwrap_or_default(),
        players_max,
    })
}

/// A character as its owner sees it.
fn shown(character: &Character) -> proto::Character {
    let unsigned = |number: i64| u64::try_from(number).unwrap_or(0);
    proto::Character {
        id: character.id.raw(),
        name: character.name.to_string(),
        class: character.sheet.class.name().to_owned(),
        level: character.sheet.level,
        experience: character.sheet.experience,
        hardcore: character.sheet.hardcore,
        dead: character.sheet.dead,
        created_ms: unsigned(character.created_ms),
        played_last_ms: character.played_last_ms.map_or(0, unsigned),
        play_time_ms: unsigned(character.play_time_ms),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_game_is_asked_for_is_completed_or_refused() {
        let request = proto::GameCreate { name: "Den of dusk".into(), ..Default::default() };
        let plain = settings(request.clone()).unwrap();
        assert_eq!((plain.password, plain.difficulty, plain.players_max), (None, Difficulty::Normal, 8));
        let refusal = |request| settings(request).err().map(|refusal| refusal.code);
        let wrong = Some(Code::GameSettingsInvalid);
        assert_eq!(refusal(proto::GameCreate { players_max: 9, ..request.clone() }), wrong);
        assert_eq!(refusal(proto::GameCreate { difficulty: "easy".into(), ..request.clone() }), wrong);
        assert_eq!(refusal(proto::GameCreate { name: "7".into(), ..request }), Some(Code::GameNameInvalid));
    }

    #[test]
    fn a_list_may_be_of_every_difficulty() {
        assert_eq!(difficulty("").unwrap(), None);
        assert_eq!(difficulty("hell").unwrap(), Some(Difficulty::Hell));
        assert_eq!(difficulty("Hell").unwrap_err().code, Code::GameSettingsInvalid);
    }
}
