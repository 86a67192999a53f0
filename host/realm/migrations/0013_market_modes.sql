-- Hardcore characters deal among themselves alone: an offer says whose it is.
ALTER TABLE offers ADD COLUMN hardcore BIGINT NOT NULL DEFAULT 0;
UPDATE offers SET hardcore = 1 WHERE seller IN (SELECT id FROM characters WHERE hardcore = 1);
