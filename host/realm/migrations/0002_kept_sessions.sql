-- Connected sessions that a stop of the realm left for its next start.
CREATE TABLE kept_sessions (
    token_session BIGINT NOT NULL PRIMARY KEY REFERENCES token_sessions (id) ON DELETE CASCADE,
    node BIGINT NOT NULL,
    resume TEXT NOT NULL,
    event_last BIGINT NOT NULL,
    channel TEXT NOT NULL,
    selected BIGINT NOT NULL,
    kept_ms BIGINT NOT NULL
);
CREATE INDEX kept_sessions_by_node ON kept_sessions (node);
