-- Sanctions: every change of one has a number, by which the other nodes over one server find what is new; and who decided is told with
-- its kind: operator, account:KEY, plugin:NAME or rule:NAME. A name alone may be an account's or a plugin's. Kept answers are counted by whose they are,
-- and account keys in the order in which they came.
ALTER TABLE sanctions ADD COLUMN changed BIGINT NOT NULL DEFAULT 0;
UPDATE sanctions SET changed = number;
CREATE INDEX sanctions_by_change ON sanctions (changed);

-- What staff decided stands in the audit log with who it was; what is older than the log may have been staff's, what is younger was not. The
-- state of a sanction is written there in one of two orders.
UPDATE sanctions SET decided_by = COALESCE(
    (SELECT MIN(l.actor) FROM audit_log l
     WHERE l.target = COALESCE('account:' || CAST(sanctions.account AS TEXT), 'network:' || sanctions.network)
     AND l.act IN ('players.ban', 'players.mute', 'players.flag') AND l.state_after IN (
        '{"number":' || CAST(sanctions.number AS TEXT) || ',"kind":"' || sanctions.kind
            || '","until_ms":' || COALESCE(CAST(sanctions.until_ms AS TEXT), 'null') || '}',
        '{"kind":"' || sanctions.kind || '","number":' || CAST(sanctions.number AS TEXT)
            || ',"until_ms":' || COALESCE(CAST(sanctions.until_ms AS TEXT), 'null') || '}')),
    CASE WHEN decided_by = 'the operator' THEN 'operator' WHEN SUBSTR(decided_by, 1, 5) = 'rule:' THEN decided_by END,
    (SELECT 'account:' || CAST(a.id AS TEXT) FROM accounts a WHERE a.name = sanctions.decided_by
     AND NOT EXISTS (SELECT 1 FROM audit_log o WHERE o.at_ms <= sanctions.created_ms)),
    'plugin:' || decided_by);
UPDATE sanctions SET lifted_by = COALESCE(
    (SELECT MIN(l.actor) FROM audit_log l
     WHERE l.target = COALESCE('account:' || CAST(sanctions.account AS TEXT), 'network:' || sanctions.network)
     AND l.act = 'sanctions.lift' AND l.state_before IN (
        '{"number":' || CAST(sanctions.number AS TEXT) || ',"kind":"' || sanctions.kind
            || '","until_ms":' || COALESCE(CAST(sanctions.until_ms AS TEXT), 'null') || '}',
        '{"kind":"' || sanctions.kind || '","number":' || CAST(sanctions.number AS TEXT)
            || ',"until_ms":' || COALESCE(CAST(sanctions.until_ms AS TEXT), 'null') || '}')),
    CASE WHEN lifted_by = 'the operator' THEN 'operator' END,
    (SELECT 'account:' || CAST(a.id AS TEXT) FROM accounts a WHERE a.name = sanctions.lifted_by),
    'operator') WHERE lifted_by IS NOT NULL;

CREATE INDEX kept_answers_by_scope ON kept_answers (scope, kept_ms);

ALTER TABLE account_keys ADD COLUMN number BIGINT NOT NULL DEFAULT 0;
UPDATE account_keys SET number = numbered.number FROM
    (SELECT hash, CAST(ROW_NUMBER() OVER (ORDER BY created_ms, hash) AS BIGINT) AS number FROM account_keys) numbered
    WHERE numbered.hash = account_keys.hash;
CREATE INDEX account_keys_by_number ON account_keys (number);
