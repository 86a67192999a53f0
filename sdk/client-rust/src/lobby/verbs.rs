//! What a player does in the lobby: one verb, one answer.

use std::time::Duration;

use realm_protocol::{ServerMessage, proto};

use super::Lobby;
use crate::ClientError;

/// Takes the message of one kind.
macro_rules! only {
    ($variant:ident) => {
        |message: &ServerMessage| match message {
            ServerMessage::$variant(found) => Some(found.clone()),
            _ => None,
        }
    };
}

/// Every verb fails with [`ClientError::Refused`] when the realm says no, and otherwise as [`Lobby::next`] does.
impl Lobby {
    /// The account's characters.
    ///
    /// # Errors
    /// See above.
    pub async fn characters(&mut self) -> Result<proto::CharListResponse, ClientError> {
        self.ask(proto::CharListRequest {}, only!(CharListResponse)).await
    }

    /// Makes a character.
    ///
    /// # Errors
    /// See above.
    pub async fn create_character(
        &mut self,
        name: &str,
        class: &str,
        hardcore: bool,
    ) -> Result<proto::Character, ClientError> {
        let request = proto::CharCreate { name: name.to_owned(), class: class.to_owned(), hardcore };
        self.ask(request, only!(CharCreated)).await.map(|created| created.character.unwrap_or_default())
    }

    /// Deletes a character.
    ///
    /// # Errors
    /// See above.
    pub async fn delete_character(&mut self, character_id: u64) -> Result<(), ClientError> {
        self.ask(proto::CharDelete { character_id }, only!(CharDeleted)).await.map(|_| ())
    }

    /// Chooses the character that plays and chats.
    ///
    /// # Errors
    /// See above.
    pub async fn select_character(&mut self, character_id: u64) -> Result<proto::Character, ClientError> {
        let selected = self.ask(proto::CharSelect { character_id }, only!(CharSelected)).await?;
        Ok(selected.character.unwrap_or_default())
    }

    /// Enters a channel; the answer says who is there.
    ///
    /// # Errors
    /// See above.
    pub async fn join_channel(&mut self, channel: &str) -> Result<proto::ChannelUsers, ClientError> {
        self.ask(proto::JoinChannel { channel: channel.to_owned() }, only!(ChannelUsers)).await
    }

    /// Leaves the channel.
    ///
    /// # Errors
    /// See above.
    pub async fn leave_channel(&mut self) -> Result<(), ClientError> {
        self.ask(proto::LeaveChannel {}, only!(ChannelLeft)).await.map(|_| ())
    }

    /// Says a line, without waiting for its arrival; a refusal comes as ERROR. Returns the sequence.
    ///
    /// # Errors
    /// When the connection fails.
    pub async fn say(&mut self, text: &str) -> Result<u32, ClientError> {
        self.send(proto::ChatSend { text: text.to_owned() }).await
    }

    /// The next line of chat, within `deadline`, of those that wait and those that come.
    ///
    /// # Errors
    /// See above.
    pub async fn line(&mut self, deadline: Duration) -> Result<proto::ChatMessage, ClientError> {
        self.wait_for(deadline, only!(ChatMessage)).await
    }

    /// Whispers; fails with the code of WHISPER_ERROR when it cannot be delivered.
    ///
    /// # Errors
    /// See above.
    pub async fn whisper(&mut self, account: &str, text: &str) -> Result<proto::WhisperSent, ClientError> {
        let request = proto::Whisper { account: account.to_owned(), text: text.to_owned() };
        self.ask(request, |message| match message {
            ServerMessage::WhisperSent(sent) => Some(Ok(sent.clone())),
            ServerMessage::WhisperError(error) => Some(Err(ClientError::Refused {
                status: 0,
                code: error.code.clone(),
                message: error.message.clone(),
                retry_after_ms: 0,
            })),
            _ => None,
        })
        .await?
    }

    /// The games that are not full; an empty difficulty means all.
    ///
    /// # Errors
    /// See above.
    pub async fn games(&mut self, difficulty: &str) -> Result<Vec<proto::Game>, ClientError> {
        let request = proto::GameListRequest { difficulty: difficulty.to_owned() };
        self.ask(request, only!(GameListResponse)).await.map(|response| response.games)
    }

    /// Creates a game and takes a seat in it.
    ///
    /// # Errors
    /// See above.
    pub async fn create_game(&mut self, game: proto::GameCreate) -> Result<proto::GameTicket, ClientError> {
        self.ask(game, only!(GameTicket)).await
    }

    /// Takes a seat in a game.
    ///
    /// # Errors
    /// See above.
    pub async fn join_game(&mut self, game: proto::GameJoin) -> Result<proto::GameTicket, ClientError> {
        self.ask(game, only!(GameTicket)).await
    }

    /// Leaves the game; answered when the character is saved.
    ///
    /// # Errors
    /// See above.
    pub async fn leave_game(&mut self) -> Result<proto::GameLeft, ClientError> {
        self.ask(proto::GameLeave {}, only!(GameLeft)).await
    }

    /// Ends the session; the answer is the server's goodbye.
    ///
    /// # Errors
    /// See above.
    pub async fn logout(&mut self) -> Result<proto::Goodbye, ClientError> {
        self.ask(proto::Logout {}, only!(Goodbye)).await
    }
}
