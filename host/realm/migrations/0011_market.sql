-- Letters, and what is offered on the market. What lies in a letter or an offer are rows of `items` and `purses`.

-- `owner` is the character in whose mailbox the letter lies, `sender` the one that wrote it, or none: the realm or its staff. `about` is what
-- the realm writes of: the base of an item. A letter without an end stays until it is emptied and deleted.
CREATE TABLE letters (
    id BIGINT NOT NULL PRIMARY KEY,
    realm TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('player', 'staff', 'sold', 'bought', 'unsold', 'returned')),
    owner BIGINT NOT NULL,
    sender BIGINT,
    text TEXT NOT NULL,
    about TEXT NOT NULL,
    sent_ms BIGINT NOT NULL,
    expires_ms BIGINT,
    read_ms BIGINT,
    version BIGINT NOT NULL
);
CREATE INDEX letters_by_owner ON letters (owner, id);
CREATE INDEX letters_by_sender ON letters (sender, id);
CREATE INDEX letters_by_expiry ON letters (realm, expires_ms);

-- Open offers alone: what was sold stands in the ledger. A search walks one of these indexes, of which each gives an order, and looks at a
-- bounded number of offers; all that it is asked for stands in the row.
CREATE TABLE offers (
    id BIGINT NOT NULL PRIMARY KEY,
    realm TEXT NOT NULL,
    seller BIGINT NOT NULL,
    item BIGINT NOT NULL UNIQUE,
    base TEXT NOT NULL,
    kind TEXT NOT NULL,
    quality TEXT NOT NULL,
    level BIGINT NOT NULL,
    price BIGINT NOT NULL CHECK (price > 0),
    listed_ms BIGINT NOT NULL,
    ends_ms BIGINT NOT NULL
);
CREATE INDEX offers_by_price ON offers (realm, price, id);
CREATE INDEX offers_by_age ON offers (realm, id);
CREATE INDEX offers_by_kind_and_price ON offers (realm, kind, price, id);
CREATE INDEX offers_by_kind_and_age ON offers (realm, kind, id);
CREATE INDEX offers_by_quality_and_price ON offers (realm, quality, price, id);
CREATE INDEX offers_by_quality_and_age ON offers (realm, quality, id);
CREATE INDEX offers_by_both_and_price ON offers (realm, kind, quality, price, id);
CREATE INDEX offers_by_both_and_age ON offers (realm, kind, quality, id);
CREATE INDEX offers_by_base_and_price ON offers (realm, base, price, id);
CREATE INDEX offers_by_base_and_age ON offers (realm, base, id);
CREATE INDEX offers_by_seller_and_price ON offers (realm, seller, price, id);
CREATE INDEX offers_by_seller_and_age ON offers (realm, seller, id);
CREATE INDEX offers_by_end ON offers (realm, ends_ms);

-- What an offered item gives: the sum of each property. Realm and price are the offer's, which never change.
CREATE TABLE offer_properties (
    offer BIGINT NOT NULL,
    property TEXT NOT NULL,
    value BIGINT NOT NULL,
    realm TEXT NOT NULL,
    price BIGINT NOT NULL,
    PRIMARY KEY (offer, property)
);
CREATE INDEX offer_properties_by_value ON offer_properties (realm, property, value, offer);
CREATE INDEX offer_properties_by_price ON offer_properties (realm, property, price, offer, value);
CREATE INDEX offer_properties_by_age ON offer_properties (realm, property, offer, value);
