-- Who may write characters. `characters.leased` names the holder of the lease, 0 is nobody; a holder that is not listed here has none.
CREATE TABLE lease_holders (
    id BIGINT NOT NULL PRIMARY KEY,
    node BIGINT NOT NULL,
    folder TEXT NOT NULL,
    until_ms BIGINT NOT NULL
);
CREATE INDEX characters_leased ON characters (leased) WHERE leased <> 0;

-- Where a character stood when it was saved last: the level of its world, and the place in sub-tiles.
ALTER TABLE characters ADD COLUMN zone BIGINT NOT NULL DEFAULT 0;
ALTER TABLE characters ADD COLUMN x BIGINT NOT NULL DEFAULT 0;
ALTER TABLE characters ADD COLUMN y BIGINT NOT NULL DEFAULT 0;
