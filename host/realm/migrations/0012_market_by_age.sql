-- The newest first, by an order that only these indexes have: along the keys of the table themselves PostgreSQL would walk over the whole market.
DROP INDEX offers_by_age;
DROP INDEX offers_by_kind_and_age;
DROP INDEX offers_by_quality_and_age;
DROP INDEX offers_by_both_and_age;
DROP INDEX offers_by_base_and_age;
DROP INDEX offers_by_seller_and_age;
DROP INDEX offer_properties_by_age;
CREATE INDEX offers_by_age ON offers (realm, (-id));
CREATE INDEX offers_by_kind_and_age ON offers (realm, kind, (-id));
CREATE INDEX offers_by_quality_and_age ON offers (realm, quality, (-id));
CREATE INDEX offers_by_both_and_age ON offers (realm, kind, quality, (-id));
CREATE INDEX offers_by_base_and_age ON offers (realm, base, (-id));
CREATE INDEX offers_by_seller_and_age ON offers (realm, seller, (-id));
CREATE INDEX offer_properties_by_age ON offer_properties (realm, property, (-offer), value);
