-- What plugins remember: bytes by key. Keys and values are hexadecimal text, because they may hold any byte.
CREATE TABLE plugin_keys (
    realm TEXT NOT NULL,
    plugin TEXT NOT NULL,
    key_hex TEXT NOT NULL,
    value_hex TEXT NOT NULL,
    PRIMARY KEY (realm, plugin, key_hex)
);
