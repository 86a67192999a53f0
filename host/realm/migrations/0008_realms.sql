-- Several realms in one server: which there ever were, and the realm of a session that waits for its client.

-- A realm that is taken out of the configuration leaves its characters here; by this it is known that they are not those of a realm whose
-- key was changed.
CREATE TABLE realms (
    realm TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL
);

-- Empty is the first realm: there was no other.
ALTER TABLE kept_sessions ADD COLUMN realm TEXT NOT NULL DEFAULT '';
