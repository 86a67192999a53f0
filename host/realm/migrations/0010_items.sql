-- What is owned. An item is a row with one key and one place; gold lies in purses whose sum is always 0; each move of either leaves its line
-- in the ledger, in the same transaction. Holders are characters, games, offers or letters, as the place says.
CREATE TABLE items (
    id BIGINT NOT NULL PRIMARY KEY,
    realm TEXT NOT NULL,
    place TEXT NOT NULL,
    holder BIGINT NOT NULL,
    page BIGINT NOT NULL,
    x BIGINT NOT NULL,
    y BIGINT NOT NULL,
    width BIGINT NOT NULL,
    height BIGINT NOT NULL,
    last_holder BIGINT NOT NULL,
    base TEXT NOT NULL,
    quality TEXT NOT NULL,
    level BIGINT NOT NULL,
    pieces BIGINT NOT NULL,
    body TEXT NOT NULL,
    version BIGINT NOT NULL,
    birth_game BIGINT NOT NULL,
    birth_tick BIGINT NOT NULL,
    birth_ordinal BIGINT NOT NULL,
    birth_content TEXT NOT NULL,
    birth_rules TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    UNIQUE (holder, place, page, x, y),
    UNIQUE (birth_game, birth_tick, birth_ordinal),
    CHECK (pieces > 0),
    CHECK (width BETWEEN 1 AND 4 AND height BETWEEN 1 AND 4),
    CHECK (page >= 0 AND x >= 0 AND y >= 0),
    CHECK (place IN ('worn', 'inventory', 'stash', 'cube', 'returned', 'ground', 'offer', 'letter')),
    CHECK (place <> 'inventory' OR (page = 0 AND x + width <= 10 AND y + height <= 4)),
    CHECK (place <> 'stash' OR (page <= 3 AND x + width <= 10 AND y + height <= 10)),
    CHECK (place <> 'cube' OR (page = 0 AND x + width <= 4 AND y + height <= 4)),
    CHECK (place <> 'worn' OR x <= 9),
    CHECK (place IN ('inventory', 'stash', 'cube') OR (page = 0 AND y = 0))
);
CREATE INDEX items_on_grounds ON items (realm, holder) WHERE place = 'ground';

-- Of each realm one, the mint, is negative: what was minted and not burned.
CREATE TABLE purses (
    kind TEXT NOT NULL,
    holder BIGINT NOT NULL,
    realm TEXT NOT NULL,
    gold BIGINT NOT NULL,
    PRIMARY KEY (kind, holder, realm),
    CHECK (kind IN ('character', 'ground', 'offer', 'letter', 'mint')),
    CHECK (gold >= 0 OR kind = 'mint')
);

-- Line after line, each about one item, or about gold (item 0), that went from one place to another. The hash covers the line and the hash
-- before it: nothing here is ever changed or removed. A birth that stands here is never born again.
CREATE TABLE ledger (
    number BIGINT NOT NULL PRIMARY KEY,
    at_ms BIGINT NOT NULL,
    realm TEXT NOT NULL,
    operation BIGINT NOT NULL,
    act TEXT NOT NULL,
    actor TEXT NOT NULL,
    goods TEXT NOT NULL,
    item BIGINT NOT NULL,
    amount BIGINT NOT NULL,
    from_place TEXT NOT NULL,
    from_holder BIGINT NOT NULL,
    from_cell TEXT NOT NULL,
    to_place TEXT NOT NULL,
    to_holder BIGINT NOT NULL,
    to_cell TEXT NOT NULL,
    note TEXT NOT NULL,
    birth_game BIGINT,
    birth_tick BIGINT,
    birth_ordinal BIGINT,
    hash TEXT NOT NULL,
    CHECK (amount > 0)
);
CREATE INDEX ledger_by_item ON ledger (item, number) WHERE item <> 0;
CREATE INDEX ledger_by_giver ON ledger (from_holder, number) WHERE from_holder <> 0;
CREATE INDEX ledger_by_taker ON ledger (to_holder, number) WHERE to_holder <> 0;
CREATE INDEX ledger_by_operation ON ledger (operation);
CREATE INDEX ledger_by_actor ON ledger (actor, number);
CREATE UNIQUE INDEX ledger_births ON ledger (birth_game, birth_tick, birth_ordinal) WHERE birth_game IS NOT NULL;

CREATE TABLE ledger_head (
    chain BIGINT NOT NULL PRIMARY KEY,
    number BIGINT NOT NULL,
    hash TEXT NOT NULL
);

-- Rises with each operation that touches the character's items or gold.
ALTER TABLE characters ADD COLUMN items_version BIGINT NOT NULL DEFAULT 0;
