-- The first realm: nodes, accounts and their sessions, sanctions, characters, the ladder.
-- One text for SQLite and PostgreSQL: types BIGINT and TEXT only. Times are milliseconds since 1970, flags are 0 or 1.

-- The lowest number above every entity key that a node may have made.
CREATE TABLE nodes (
    node BIGINT NOT NULL PRIMARY KEY,
    key_ceiling BIGINT NOT NULL
);

CREATE TABLE accounts (
    id BIGINT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    folded TEXT NOT NULL UNIQUE,
    password TEXT NOT NULL,
    role TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    login_last_ms BIGINT,
    version BIGINT NOT NULL
);

CREATE TABLE token_sessions (
    id BIGINT NOT NULL PRIMARY KEY,
    account BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    created_ms BIGINT NOT NULL,
    active_ms BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL,
    rotation BIGINT NOT NULL
);
CREATE INDEX token_sessions_by_account ON token_sessions (account, id);

-- Refresh tokens stay after use, so that a second use is noticed.
CREATE TABLE refresh_tokens (
    hash TEXT NOT NULL PRIMARY KEY,
    token_session BIGINT NOT NULL REFERENCES token_sessions (id) ON DELETE CASCADE,
    rotation BIGINT NOT NULL,
    used_ms BIGINT
);
CREATE INDEX refresh_tokens_by_session ON refresh_tokens (token_session, rotation);

CREATE TABLE owner_tokens (
    hash TEXT NOT NULL PRIMARY KEY,
    created_ms BIGINT NOT NULL
);

CREATE TABLE sanctions (
    id BIGINT NOT NULL PRIMARY KEY,
    account BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    reason TEXT NOT NULL,
    decided_by TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    until_ms BIGINT
);
CREATE INDEX sanctions_by_account ON sanctions (account, kind);

-- The parent row of an account's characters in one realm: whoever counts them raises its version first.
CREATE TABLE character_rosters (
    account BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    realm TEXT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (account, realm)
);

CREATE TABLE characters (
    id BIGINT NOT NULL PRIMARY KEY,
    realm TEXT NOT NULL,
    account BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    folded TEXT NOT NULL,
    class TEXT NOT NULL,
    level BIGINT NOT NULL,
    experience BIGINT NOT NULL,
    strength BIGINT NOT NULL,
    dexterity BIGINT NOT NULL,
    vitality BIGINT NOT NULL,
    energy BIGINT NOT NULL,
    hardcore BIGINT NOT NULL,
    dead BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    played_last_ms BIGINT,
    play_time_ms BIGINT NOT NULL,
    deleted_ms BIGINT,
    version BIGINT NOT NULL,
    lease_epoch BIGINT NOT NULL,
    leased BIGINT NOT NULL,
    UNIQUE (realm, folded)
);
CREATE INDEX characters_by_account ON characters (account, realm);

CREATE TABLE ladder_scores (
    character_id BIGINT NOT NULL PRIMARY KEY REFERENCES characters (id) ON DELETE CASCADE,
    realm TEXT NOT NULL,
    class TEXT NOT NULL,
    score BIGINT NOT NULL,
    level BIGINT NOT NULL,
    experience BIGINT NOT NULL,
    dead BIGINT NOT NULL,
    scored_ms BIGINT NOT NULL,
    character_version BIGINT NOT NULL
);
CREATE INDEX ladder_scores_overall ON ladder_scores (realm, score DESC, scored_ms, character_id);
CREATE INDEX ladder_scores_by_class ON ladder_scores (realm, class, score DESC, scored_ms, character_id);
