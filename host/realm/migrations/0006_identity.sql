-- Who people are: what a change of password leaves behind, networks that an account is known from, sanctions against networks too,
-- second factors, and account keys.
ALTER TABLE accounts ADD COLUMN password_version BIGINT NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN password_changed_ms BIGINT;
ALTER TABLE accounts ADD COLUMN erased_ms BIGINT;
-- From where the session was opened; empty for those that are older than this column.
ALTER TABLE token_sessions ADD COLUMN address TEXT NOT NULL DEFAULT '';
-- The session was opened with a second factor: a role that asks for one is in force in no other.
ALTER TABLE token_sessions ADD COLUMN proven BIGINT NOT NULL DEFAULT 0;

-- From there the account's own device comes in, also while others guess its password. A few for each account, for a month.
CREATE TABLE known_networks (
    account BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    network TEXT NOT NULL,
    seen_ms BIGINT NOT NULL,
    PRIMARY KEY (account, network)
);
CREATE INDEX known_networks_by_age ON known_networks (seen_ms);

-- Against an account or a network, never both. The number is what people are told; it counts up from 1.
CREATE TABLE sanctions_numbered (
    id BIGINT NOT NULL PRIMARY KEY,
    number BIGINT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    account BIGINT REFERENCES accounts (id) ON DELETE CASCADE,
    network TEXT,
    reason TEXT NOT NULL,
    decided_by TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    until_ms BIGINT,
    lifted_by TEXT,
    lifted_ms BIGINT
);
INSERT INTO sanctions_numbered (id, number, kind, account, reason, decided_by, created_ms, until_ms)
    SELECT id, CAST(ROW_NUMBER() OVER (ORDER BY id) AS BIGINT), kind, account, reason, decided_by, created_ms, until_ms FROM sanctions;
DROP TABLE sanctions;
ALTER TABLE sanctions_numbered RENAME TO sanctions;
CREATE INDEX sanctions_by_account ON sanctions (account, kind);
CREATE INDEX sanctions_by_network ON sanctions (network, number);

-- Sessions that were ended before their time, for the other nodes over one server; kept for minutes.
CREATE TABLE session_ends (
    token_session BIGINT NOT NULL PRIMARY KEY,
    ended_ms BIGINT NOT NULL
);
CREATE INDEX session_ends_by_time ON session_ends (ended_ms);

CREATE TABLE second_factors (
    account BIGINT NOT NULL PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
    secret_hex TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    confirmed_ms BIGINT,
    step_last BIGINT NOT NULL
);

CREATE TABLE recovery_codes (
    hash TEXT NOT NULL PRIMARY KEY,
    account BIGINT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE
);
CREATE INDEX recovery_codes_by_account ON recovery_codes (account);

-- Invitations and licences, stored as hashes. The hint is the end of the key, by which people tell keys apart.
CREATE TABLE account_keys (
    hash TEXT NOT NULL PRIMARY KEY,
    hint TEXT NOT NULL,
    note TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    account BIGINT REFERENCES accounts (id) ON DELETE SET NULL,
    bound_ms BIGINT,
    revoked_ms BIGINT
);
CREATE INDEX account_keys_by_account ON account_keys (account);
