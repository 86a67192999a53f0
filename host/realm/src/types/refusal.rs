//! Refusals: a stable code, a sentence that says what to do, and when to come back.

macro_rules! codes {
    ($($(#[doc = $meaning:literal])+ $variant:ident $text:literal $status:literal,)*) => {
        /// Stable codes of everything the realm refuses; clients may match on them. The table stands in `docs/protocol.md`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[doc = $meaning])+ $variant,)*
        }

        impl Code {
            /// Every code with its HTTP status and meaning, in the order of the documentation.
            pub const ALL: &'static [(Code, u16, &'static str)] = &[$((Code::$variant, $status, concat!($($meaning),+)),)*];

            /// The code as clients see it, for example `INVALID_CREDENTIALS`.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$variant => $text,)* }
            }

            /// The HTTP status that goes with it.
            #[must_use]
            pub fn http_status(self) -> u16 {
                match self { $(Code::$variant => $status,)* }
            }
        }
    };
}

codes! {
    /// The name or the password is wrong; which of them is not told.
    InvalidCredentials "INVALID_CREDENTIALS" 401,
    /// The access token is missing, malformed, expired or its session has ended.
    TokenInvalid "TOKEN_INVALID" 401,
    /// The refresh token is unknown, used up or expired.
    RefreshInvalid "REFRESH_INVALID" 401,
    /// The name breaks a rule for account names.
    InvalidUsername "INVALID_USERNAME" 422,
    /// The password is too short, too long or too common.
    InvalidPassword "INVALID_PASSWORD" 422,
    /// The account name is taken.
    AccountTaken "ACCOUNT_TAKEN" 409,
    /// The account is banned; the sentence says why and until when.
    AccountBanned "ACCOUNT_BANNED" 403,
    /// Too many wrong passwords; try again later.
    AccountLocked "ACCOUNT_LOCKED" 429,
    /// The account asks for its second factor: none was given, or what was given is wrong or used.
    SecondFactorRequired "SECOND_FACTOR_REQUIRED" 401,
    /// The second factor is set up already, or not yet; the sentence says which.
    SecondFactorState "SECOND_FACTOR_STATE" 409,
    /// The account key is missing, unknown, used or revoked.
    InvalidCdkey "INVALID_CDKEY" 403,
    /// The address is banned; the sentence says why and until when.
    AddressBanned "ADDRESS_BANNED" 403,
    /// There is no such sanction, or its target is none.
    SanctionInvalid "SANCTION_INVALID" 422,
    /// The one-time owner token is unknown or used, or an owner exists already.
    OwnerTokenInvalid "OWNER_TOKEN_INVALID" 403,
    /// The client program is too old for this realm.
    ClientTooOld "CLIENT_TOO_OLD" 426,
    /// The realm is full.
    RealmFull "REALM_FULL" 503,
    /// No realm has this name.
    RealmUnknown "REALM_UNKNOWN" 404,
    /// The realm is closed to everybody but staff.
    RealmClosed "REALM_CLOSED" 403,
    /// The realm has no ladder.
    LadderNone "LADDER_NONE" 404,
    /// There is no such account.
    AccountUnknown "ACCOUNT_UNKNOWN" 404,
    /// The role cannot be given, or not to this account.
    RoleRefused "ROLE_REFUSED" 409,
    /// The account's role does not allow this.
    Forbidden "FORBIDDEN" 403,
    /// The connection was not logged in in time or sent something else first.
    NotLoggedIn "NOT_LOGGED_IN" 401,
    /// A newer connection of the same account took over.
    SessionReplaced "SESSION_REPLACED" 409,
    /// The session was ended by a log-out.
    LoggedOut "LOGGED_OUT" 401,
    /// The realm is shutting down.
    RealmStopping "REALM_STOPPING" 503,
    /// The name breaks a rule for character names.
    CharacterNameInvalid "CHARACTER_NAME_INVALID" 422,
    /// The character name is taken.
    CharacterNameTaken "CHARACTER_NAME_TAKEN" 409,
    /// There is no such class.
    CharacterClassUnknown "CHARACTER_CLASS_UNKNOWN" 422,
    /// The account has as many characters as it may have.
    CharacterLimit "CHARACTER_LIMIT" 409,
    /// The account has no such character.
    CharacterUnknown "CHARACTER_UNKNOWN" 404,
    /// The character is in a game.
    CharacterBusy "CHARACTER_BUSY" 409,
    /// The hardcore character is dead for good.
    CharacterDead "CHARACTER_DEAD" 409,
    /// Select a character first.
    CharacterNotSelected "CHARACTER_NOT_SELECTED" 409,
    /// A rule of the realm refuses this character.
    CharacterRefused "CHARACTER_REFUSED" 422,
    /// The points were spent already, or the rules do not let them be spent so.
    CharacterPoints "CHARACTER_POINTS" 409,
    /// The profile of the character breaks a rule; the sentence says which.
    CharacterProfileInvalid "CHARACTER_PROFILE_INVALID" 422,
    /// The name breaks a rule for channel names.
    ChannelNameInvalid "CHANNEL_NAME_INVALID" 422,
    /// There is no such channel.
    ChannelUnknown "CHANNEL_UNKNOWN" 404,
    /// The channel is full.
    ChannelFull "CHANNEL_FULL" 409,
    /// Join a channel first.
    ChannelNone "CHANNEL_NONE" 409,
    /// The line is empty, too long or holds control characters.
    ChatTextInvalid "CHAT_TEXT_INVALID" 422,
    /// The chat filter blocked the line.
    ChatBlocked "CHAT_BLOCKED" 422,
    /// The chat filter could not judge the line; the sentence says whether to write it differently or to wait.
    ChatRefused "CHAT_REFUSED" 503,
    /// The recipient of a whisper is not online.
    WhisperOffline "WHISPER_OFFLINE" 404,
    /// The account may not talk; the sentence says why and until when.
    Muted "MUTED" 403,
    /// A rule of the realm ended the session; the sentence says why.
    Kicked "KICKED" 403,
    /// No command has this name; the sentence says which may have been meant.
    CommandUnknown "COMMAND_UNKNOWN" 404,
    /// The command was written wrongly; the sentence says how to write it.
    CommandUsage "COMMAND_USAGE" 422,
    /// The plugin refuses the command to this caller, or the chat filter refuses what was written.
    CommandRefused "COMMAND_REFUSED" 403,
    /// The command did not work.
    CommandFailed "COMMAND_FAILED" 503,
    /// The name breaks a rule for game names.
    GameNameInvalid "GAME_NAME_INVALID" 422,
    /// A game of this name exists.
    GameNameTaken "GAME_NAME_TAKEN" 409,
    /// There is no such game.
    GameUnknown "GAME_UNKNOWN" 404,
    /// The game is full.
    GameFull "GAME_FULL" 409,
    /// The game asks for a password.
    GamePasswordRequired "GAME_PASSWORD_REQUIRED" 403,
    /// The game's password is another one.
    GamePasswordWrong "GAME_PASSWORD_WRONG" 403,
    /// A rule of the realm does not admit the character to this game.
    GameRefused "GAME_REFUSED" 403,
    /// The settings of the game are not possible.
    GameSettingsInvalid "GAME_SETTINGS_INVALID" 422,
    /// The account is in no game, or in another one.
    GameNotJoined "GAME_NOT_JOINED" 409,
    /// The account is in a game already.
    GameJoinedAlready "GAME_JOINED_ALREADY" 409,
    /// Only the host or staff may close a game.
    GameNotHost "GAME_NOT_HOST" 403,
    /// The realm runs as many games as it may.
    GameLimit "GAME_LIMIT" 503,
    /// No match was found in time, or another request of the account took its place.
    MatchNone "MATCH_NONE" 404,
    /// The search for a match was ended by the player.
    MatchCancelled "MATCH_CANCELLED" 409,
    /// The session looks for a match already.
    MatchSearching "MATCH_SEARCHING" 409,
    /// The game was closed by its host or by staff.
    GameClosed "GAME_CLOSED" 409,
    /// The game was left; said when the game's connection closes for it.
    GameLeft "GAME_LEFT" 409,
    /// The anti-cheat rule put the account out of the game; it may come back.
    GameKicked "GAME_KICKED" 403,
    /// The ticket is unknown, used or expired.
    TicketInvalid "TICKET_INVALID" 403,
    /// The target of the act is dead, gone or was never there.
    TargetUnknown "TARGET_UNKNOWN" 404,
    /// The target of the act is out of reach.
    TargetTooFar "TARGET_TOO_FAR" 409,
    /// A dead character can do nothing but respawn.
    ActorDead "ACTOR_DEAD" 409,
    /// Only the dead can come back to life.
    ActorAlive "ACTOR_ALIVE" 409,
    /// The act came before its time.
    ActTooSoon "ACT_TOO_SOON" 409,
    /// The character's class has no such skill, or the character does not know it yet.
    SkillUnknown "SKILL_UNKNOWN" 404,
    /// The skill costs more mana than there is.
    ManaTooLow "MANA_TOO_LOW" 409,
    /// The belt has no room for another potion.
    BeltFull "BELT_FULL" 409,
    /// There is no potion in this place of the belt.
    PotionUnknown "POTION_UNKNOWN" 404,
    /// Nothing more finds room on the ground of the game.
    GroundFull "GROUND_FULL" 409,
    /// As many items of the character lie on the ground as may; take one up first.
    GroundShare "GROUND_SHARE" 409,
    /// The vendor has given a potion a short while ago; come back later.
    RationTooSoon "RATION_TOO_SOON" 409,
    /// The character does not carry this item.
    ItemNotCarried "ITEM_NOT_CARRIED" 404,
    /// The content pack does not know the item, or something about it: it cannot be used until the pack knows it again.
    ItemUnknown "ITEM_UNKNOWN" 409,
    /// This is not possible for the item; the sentence says what.
    ItemImpossible "ITEM_IMPOSSIBLE" 422,
    /// The place is outside the box, or the item is larger than what is left there.
    ItemOutsideGrid "ITEM_OUTSIDE_GRID" 422,
    /// Something lies at this place.
    ItemPlaceTaken "ITEM_PLACE_TAKEN" 409,
    /// There is no room for the item.
    ItemNoRoom "ITEM_NO_ROOM" 409,
    /// The item is not worn there.
    ItemWrongSlot "ITEM_WRONG_SLOT" 422,
    /// Something is worn there; take it off first.
    ItemSlotTaken "ITEM_SLOT_TAKEN" 409,
    /// The item needs both hands; take off what the other hand holds.
    ItemBothHands "ITEM_BOTH_HANDS" 409,
    /// The item goes only beside something else; the sentence says what.
    ItemNeedsBeside "ITEM_NEEDS_BESIDE" 409,
    /// Only another class can wear it.
    ItemOtherClass "ITEM_OTHER_CLASS" 409,
    /// The character's level or points do not suffice; the sentence says which.
    ItemNeedsMore "ITEM_NEEDS_MORE" 409,
    /// The item has to be identified first.
    ItemNotIdentified "ITEM_NOT_IDENTIFIED" 409,
    /// There is nothing to identify.
    ItemNothingToIdentify "ITEM_NOTHING_TO_IDENTIFY" 409,
    /// The scroll is for something else.
    ItemWrongScroll "ITEM_WRONG_SCROLL" 422,
    /// The number is not between 1 and what there is.
    ItemWrongCount "ITEM_WRONG_COUNT" 422,
    /// The two do not lie on one stack.
    ItemNotAlike "ITEM_NOT_ALIKE" 409,
    /// The stack is full.
    ItemStackFull "ITEM_STACK_FULL" 409,
    /// The item has no free socket.
    ItemNoSocket "ITEM_NO_SOCKET" 409,
    /// Only gems go into sockets.
    ItemNotAGem "ITEM_NOT_A_GEM" 422,
    /// No recipe takes exactly what lies in the cube.
    ItemNoRecipe "ITEM_NO_RECIPE" 409,
    /// The item needs no repair.
    ItemNoRepair "ITEM_NO_REPAIR" 409,
    /// The item cannot be traded with vendors.
    ItemNoPrice "ITEM_NO_PRICE" 409,
    /// No vendor sells this, or not this one; ask for the list of vendors.
    ItemNotSold "ITEM_NOT_SOLD" 404,
    /// The character is in a game: walk to a vendor there, or leave the game first.
    VendorNotHere "VENDOR_NOT_HERE" 409,
    /// The item is used in another way, or in none.
    ItemNotUsable "ITEM_NOT_USABLE" 422,
    /// The item is offered in a trade; end the trade first.
    ItemInTrade "ITEM_IN_TRADE" 409,
    /// The item was moved or changed meanwhile; read the inventory again.
    ItemMoved "ITEM_MOVED" 409,
    /// A rule of the realm refuses the item.
    ItemRefused "ITEM_REFUSED" 403,
    /// Too many items wait to be taken back; make room in the inventory and take them.
    ItemsReturned "ITEMS_RETURNED" 409,
    /// There is not enough gold; the sentence says how much is there.
    NotEnoughGold "NOT_ENOUGH_GOLD" 409,
    /// The purse holds as much gold as it can.
    PurseFull "PURSE_FULL" 409,
    /// The realm has as many trades as it can.
    TradesFull "TRADES_FULL" 503,
    /// What is to be rolled back has moved on since; the sentence says where to.
    MovedOn "MOVED_ON" 409,
    /// There is no such trade, or it is of others.
    TradeUnknown "TRADE_UNKNOWN" 404,
    /// The trade was changed meanwhile: another version than the newest was named.
    TradeStale "TRADE_STALE" 412,
    /// The trade is not as far as that, or further; the sentence says what comes first.
    TradeNotReady "TRADE_NOT_READY" 409,
    /// The offer has too many items, one of them twice, or an amount of gold that cannot be.
    TradeOfferInvalid "TRADE_OFFER_INVALID" 422,
    /// The two are not, or no longer, in one channel or one game, each with a character selected.
    TradeApart "TRADE_APART" 409,
    /// One of the two trades already, or has as many invitations as may wait.
    TradeBusy "TRADE_BUSY" 409,
    /// The two may not trade with each other; the sentence says why.
    TradePartner "TRADE_PARTNER" 409,
    /// The trade was ended, or its invitation declined; nothing was moved.
    TradeCancelled "TRADE_CANCELLED" 409,
    /// The connection of one of the two was lost; nothing was moved.
    TradeDisconnected "TRADE_DISCONNECTED" 409,
    /// Nothing happened in the trade for too long; nothing was moved.
    TradeTimedOut "TRADE_TIMED_OUT" 408,
    /// The item is worn; take it off first.
    ItemWorn "ITEM_WORN" 409,
    /// No character of the realm has this name.
    RecipientUnknown "RECIPIENT_UNKNOWN" 404,
    /// The letter says nothing and carries nothing, or carries what it cannot.
    LetterInvalid "LETTER_INVALID" 422,
    /// There is no such letter in the account's mailboxes.
    LetterUnknown "LETTER_UNKNOWN" 404,
    /// Something is in the letter; take it or send it back first.
    LetterNotEmpty "LETTER_NOT_EMPTY" 409,
    /// The letter cannot be sent back.
    LetterStays "LETTER_STAYS" 409,
    /// The recipient's mailbox takes no further letter.
    MailboxFull "MAILBOX_FULL" 409,
    /// The offer is sold, withdrawn or over, or never was.
    OfferUnknown "OFFER_UNKNOWN" 404,
    /// The offer is the account's own.
    OfferOwn "OFFER_OWN" 409,
    /// One is a hardcore character and one is not: goods and gold do not go from one to the other.
    OtherMode "OTHER_MODE" 409,
    /// The account has as many offers as it may have.
    OfferLimit "OFFER_LIMIT" 409,
    /// Price or time of the offer are not possible.
    OfferInvalid "OFFER_INVALID" 422,
    /// A rule of the realm refused the act.
    ActRefusedByRule "ACT_REFUSED_BY_RULE" 403,
    /// No plugin of this name is installed.
    PluginUnknown "PLUGIN_UNKNOWN" 404,
    /// It cannot be done to the plugin; the sentence says why.
    PluginRefused "PLUGIN_REFUSED" 409,
    /// The frame breaks the format: size, checksum or sequence.
    FrameInvalid "FRAME_INVALID" 400,
    /// The frame or message is too large.
    FrameTooLarge "FRAME_TOO_LARGE" 413,
    /// The message is unknown or malformed, or has no place here.
    MessageInvalid "MESSAGE_INVALID" 400,
    /// The request is malformed.
    RequestInvalid "REQUEST_INVALID" 400,
    /// It was changed meanwhile: the version in If-Match is not the newest.
    VersionStale "VERSION_STALE" 412,
    /// The request needs an If-Match header with the version that it means.
    VersionMissing "VERSION_MISSING" 428,
    /// The Idempotency-Key is not 1 to 128 visible characters.
    IdempotencyKeyInvalid "IDEMPOTENCY_KEY_INVALID" 400,
    /// The Idempotency-Key was used with another request.
    IdempotencyKeyReused "IDEMPOTENCY_KEY_REUSED" 422,
    /// There is nothing at this address.
    NotFound "NOT_FOUND" 404,
    /// The address exists, but not for this method.
    MethodNotAllowed "METHOD_NOT_ALLOWED" 405,
    /// Too many requests; come back later.
    RateLimited "RATE_LIMITED" 429,
    /// The client reads more slowly than events arrive.
    SlowConsumer "SLOW_CONSUMER" 503,
    /// Nothing was heard from the client for too long.
    Silence "SILENCE" 408,
    /// The web page's origin is not on the realm's list.
    OriginRefused "ORIGIN_REFUSED" 403,
    /// The client offers no sub-protocol that the realm speaks.
    SubprotocolUnknown "SUBPROTOCOL_UNKNOWN" 400,
    /// The database does not answer; nothing was changed.
    StorageUnavailable "STORAGE_UNAVAILABLE" 503,
    /// The disk is full; nothing was changed.
    StorageFull "STORAGE_FULL" 507,
    /// A fault of the realm itself; the operator's log has more.
    Internal "INTERNAL" 500,
}

/// An answer of "no": what the client is told, whichever door it came through.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", code.as_str())]
pub struct Refusal {
    /// The stable code.
    pub code: Code,
    /// One sentence that says what to do.
    pub message: String,
    /// When trying again makes sense; `None` when waiting does not help.
    pub retry_after_ms: Option<u64>,
}

impl Refusal {
    /// A refusal for which waiting does not help.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), retry_after_ms: None }
    }

    /// A refusal that may pass after a while.
    pub fn retry(code: Code, message: impl Into<String>, retry_after_ms: u64) -> Self {
        Self { code, message: message.into(), retry_after_ms: Some(retry_after_ms) }
    }
}
