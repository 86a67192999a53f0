-- A second number that orders equal scores, and the seasons of the ladder with what they ended in.
ALTER TABLE ladder_scores ADD COLUMN tie_break BIGINT NOT NULL DEFAULT 0;
DROP INDEX ladder_scores_overall;
DROP INDEX ladder_scores_by_class;
CREATE INDEX ladder_scores_overall ON ladder_scores (realm, score DESC, tie_break DESC, scored_ms, character_id);
CREATE INDEX ladder_scores_by_class ON ladder_scores (realm, class, score DESC, tie_break DESC, scored_ms, character_id);

-- The season that is running has no end yet.
CREATE TABLE ladder_seasons (
    realm TEXT NOT NULL,
    number BIGINT NOT NULL,
    name TEXT NOT NULL,
    began_ms BIGINT NOT NULL,
    ended_ms BIGINT,
    PRIMARY KEY (realm, number)
);

-- Names and levels as they were: characters may be deleted later.
CREATE TABLE ladder_standings (
    realm TEXT NOT NULL,
    season BIGINT NOT NULL,
    place BIGINT NOT NULL,
    character_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    class TEXT NOT NULL,
    level BIGINT NOT NULL,
    score BIGINT NOT NULL,
    title TEXT NOT NULL,
    PRIMARY KEY (realm, season, place)
);
