//! The verbs of `/api/v1`.

use hyper::Method;
use realm_protocol::proto;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Account, Character, Characters, GameDetails, Registered, Rest, Tokens, moment};
use crate::ClientError;

/// Every verb fails with [`ClientError::Refused`] when the realm says no, and otherwise as [`Rest::request`] does.
impl Rest {
    /// Makes a player's account.
    ///
    /// # Errors
    /// See above.
    pub async fn register(&mut self, name: &str, password: &str) -> Result<Registered, ClientError> {
        self.call(Method::POST, "/auth/register", Some(json!({"name": name, "password": password}))).await
    }

    /// Logs in and remembers the tokens.
    ///
    /// # Errors
    /// See above.
    pub async fn login(&mut self, name: &str, password: &str) -> Result<Tokens, ClientError> {
        let answer = self.call(Method::POST, "/auth/login", Some(json!({"name": name, "password": password}))).await?;
        self.remember(answer)
    }

    /// Trades the refresh token for new tokens and remembers them.
    ///
    /// # Errors
    /// See above; and before any log-in.
    pub async fn refresh(&mut self) -> Result<Tokens, ClientError> {
        let Some(token) = self.refresh_token.clone() else {
            return Err(ClientError::Unexpected("there is no refresh token: log in first".to_owned()));
        };
        self.refresh_with(&token).await
    }

    /// Trades any refresh token for new tokens and remembers them.
    ///
    /// # Errors
    /// See above.
    pub async fn refresh_with(&mut self, refresh_token: &str) -> Result<Tokens, ClientError> {
        let body = json!({"refresh_token": refresh_token});
        let answer = self.call(Method::POST, "/auth/refresh", Some(body)).await?;
        self.remember(answer)
    }

    /// Ends the token session and forgets the tokens.
    ///
    /// # Errors
    /// See above.
    pub async fn logout(&mut self) -> Result<(), ClientError> {
        self.call::<Value>(Method::POST, "/auth/logout", None).await?;
        (self.access_token, self.refresh_token) = (None, None);
        Ok(())
    }

    /// Asks whom the access token belongs to.
    ///
    /// # Errors
    /// See above.
    pub async fn validate(&mut self) -> Result<Account, ClientError> {
        self.call(Method::GET, "/auth/validate", None).await
    }

    /// Makes the owner's account with the one-time token that the realm prints.
    ///
    /// # Errors
    /// See above.
    pub async fn create_owner(&mut self, token: &str, name: &str, password: &str) -> Result<Value, ClientError> {
        self.call(Method::POST, "/owner", Some(json!({"token": token, "name": name, "password": password}))).await
    }

    /// The account's characters in this realm.
    ///
    /// # Errors
    /// See above.
    pub async fn characters(&mut self) -> Result<Characters, ClientError> {
        self.call(Method::GET, &self.in_realm("/characters"), None).await
    }

    /// Makes a character in this realm.
    ///
    /// # Errors
    /// See above.
    pub async fn create_character(
        &mut self,
        name: &str,
        class: &str,
        hardcore: bool,
    ) -> Result<Character, ClientError> {
        let body = json!({"name": name, "class": class, "hardcore": hardcore});
        self.call(Method::POST, &self.in_realm("/characters"), Some(body)).await
    }

    /// One character.
    ///
    /// # Errors
    /// See above.
    pub async fn character(&mut self, id: u64) -> Result<Character, ClientError> {
        self.call(Method::GET, &format!("/characters/{id}"), None).await
    }

    /// Deletes a character as it is now; it can be restored for 30 days.
    ///
    /// # Errors
    /// See above.
    pub async fn delete_character(&mut self, id: u64) -> Result<(), ClientError> {
        let path = format!("/api/v1/characters/{id}");
        let found = self.request(Method::GET, &path, None).await?.success()?;
        let tag = found.headers.get("etag").and_then(|tag| tag.to_str().ok()).unwrap_or_default().to_owned();
        self.request_with(Method::DELETE, &path, &[("if-match", &tag)], None).await?.success().map(|_| ())
    }

    /// Brings a deleted character back.
    ///
    /// # Errors
    /// See above.
    pub async fn restore_character(&mut self, id: u64) -> Result<Character, ClientError> {
        self.call(Method::POST, &format!("/characters/{id}/restore"), None).await
    }

    /// The games that are not full, in the order that the realm's rule finds best for the character; of one difficulty, or all.
    ///
    /// # Errors
    /// See above.
    pub async fn games(
        &mut self,
        character: Option<u64>,
        difficulty: Option<&str>,
    ) -> Result<Vec<proto::Game>, ClientError> {
        let character = character.map(|id| format!("character={id}"));
        let difficulty = difficulty.map(|name| format!("difficulty={name}"));
        let query: Vec<_> = character.into_iter().chain(difficulty).collect();
        let path = if query.is_empty() { "/games".to_owned() } else { format!("/games?{}", query.join("&")) };
        self.call_games::<proto::GameListResponse>(Method::GET, &self.in_realm(&path), None)
            .await
            .map(|list| list.games)
    }

    /// Creates a game and takes a seat in it.
    ///
    /// # Errors
    /// See above.
    pub async fn create_game(
        &mut self,
        character: u64,
        game: &proto::GameCreate,
    ) -> Result<proto::GameTicket, ClientError> {
        let proto::GameCreate { name, password, difficulty, players_max } = game;
        let mut body = json!({"character": character.to_string(), "name": name, "password": password});
        // What is left out takes the realm's default.
        if !difficulty.is_empty() {
            body["difficulty"] = json!(difficulty);
        }
        if *players_max > 0 {
            body["players_max"] = json!(players_max);
        }
        self.call_games(Method::POST, "/games", Some(body)).await
    }

    /// One game and who is in it.
    ///
    /// # Errors
    /// See above.
    pub async fn game(&mut self, id: u64) -> Result<GameDetails, ClientError> {
        self.call_games(Method::GET, &format!("/games/{id}"), None).await
    }

    /// Takes a seat in a game.
    ///
    /// # Errors
    /// See above.
    pub async fn join_game(
        &mut self,
        id: u64,
        character: u64,
        password: &str,
    ) -> Result<proto::GameTicket, ClientError> {
        let body = json!({"character": character.to_string(), "password": password});
        self.call_games(Method::POST, &format!("/games/{id}/join"), Some(body)).await
    }

    /// Leaves a game.
    ///
    /// # Errors
    /// See above.
    pub async fn leave_game(&mut self, id: u64) -> Result<(), ClientError> {
        self.call::<Value>(Method::POST, &format!("/games/{id}/leave"), None).await.map(|_| ())
    }

    /// Closes a game; its host and staff may.
    ///
    /// # Errors
    /// See above.
    pub async fn close_game(&mut self, id: u64) -> Result<(), ClientError> {
        self.call::<Value>(Method::DELETE, &format!("/games/{id}"), None).await.map(|_| ())
    }

    /// The ladder of this realm, overall or of one class.
    ///
    /// # Errors
    /// See above.
    pub async fn ladder(&mut self, class: Option<&str>) -> Result<Value, ClientError> {
        let path = class.map_or_else(|| "/ladder".to_owned(), |class| format!("/ladder/{class}"));
        self.call(Method::GET, &self.in_realm(&path), None).await
    }

    /// The open channels of this realm.
    ///
    /// # Errors
    /// See above.
    pub async fn channels(&mut self) -> Result<Value, ClientError> {
        self.call(Method::GET, &self.in_realm("/chat/channels"), None).await
    }

    /// The realms of this server.
    ///
    /// # Errors
    /// See above.
    pub async fn realms(&mut self) -> Result<Value, ClientError> {
        self.call(Method::GET, "/realms", None).await
    }

    /// The plugins that are installed.
    ///
    /// # Errors
    /// See above.
    pub async fn plugins(&mut self) -> Result<Value, ClientError> {
        self.call(Method::GET, "/plugins", None).await
    }

    /// Sends a request below `/api/v1` and reads a successful answer.
    ///
    /// # Errors
    /// See above; and when the answer is not what was expected.
    pub async fn call<T: DeserializeOwned>(
        &mut self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<T, ClientError> {
        let response = self.request(method, &format!("/api/v1{path}"), body.as_ref()).await?.success()?;
        serde_json::from_value(response.json).map_err(|error| ClientError::Unexpected(format!("{path}: {error}")))
    }

    /// The same for an answer with games, which REST dates in its own way.
    async fn call_games<T: DeserializeOwned>(
        &mut self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<T, ClientError> {
        let mut answer: Value = self.call(method, path, body).await?;
        moment::fill_in(&mut answer);
        serde_json::from_value(answer).map_err(|error| ClientError::Unexpected(format!("{path}: {error}")))
    }

    fn remember(&mut self, answer: Value) -> Result<Tokens, ClientError> {
        let tokens: Tokens = serde_json::from_value(answer)
            .map_err(|error| ClientError::Unexpected(format!("the answer to a log-in: {error}")))?;
        self.access_token = Some(tokens.access_token.clone());
        self.refresh_token = Some(tokens.refresh_token.clone());
        Ok(tokens)
    }
}
