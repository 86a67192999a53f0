-- Staff: permissions beyond those of a role, the audit log, answers that are given again; and what players change on their characters.
ALTER TABLE accounts ADD COLUMN permissions TEXT NOT NULL DEFAULT '';

-- What staff did, line after line. The hash covers the line and the hash before it: nothing here is ever changed or removed.
CREATE TABLE audit_log (
    number BIGINT NOT NULL PRIMARY KEY,
    at_ms BIGINT NOT NULL,
    realm TEXT NOT NULL,
    actor TEXT NOT NULL,
    act TEXT NOT NULL,
    target TEXT NOT NULL,
    reason TEXT NOT NULL,
    state_before TEXT NOT NULL,
    state_after TEXT NOT NULL,
    hash TEXT NOT NULL
);
CREATE INDEX audit_log_by_actor ON audit_log (actor, number);
CREATE INDEX audit_log_by_target ON audit_log (target, number);

-- The last line, so that its loss is noticed, too.
CREATE TABLE audit_head (
    chain BIGINT NOT NULL PRIMARY KEY,
    number BIGINT NOT NULL,
    hash TEXT NOT NULL
);

-- What was answered to a request with an Idempotency-Key; written with the effect.
CREATE TABLE kept_answers (
    scope TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    request TEXT NOT NULL,
    body TEXT NOT NULL,
    tag TEXT NOT NULL,
    kept_ms BIGINT NOT NULL,
    PRIMARY KEY (scope, idempotency_key)
);
CREATE INDEX kept_answers_by_time ON kept_answers (kept_ms);

-- What the player chose: a title, the place in the list, keys; and the levels of skills. The last two are text in the form of JSON.
ALTER TABLE characters ADD COLUMN title TEXT NOT NULL DEFAULT '';
ALTER TABLE characters ADD COLUMN list_place BIGINT NOT NULL DEFAULT 0;
ALTER TABLE characters ADD COLUMN key_bindings TEXT NOT NULL DEFAULT '{}';
ALTER TABLE characters ADD COLUMN skill_levels TEXT NOT NULL DEFAULT '{}';
