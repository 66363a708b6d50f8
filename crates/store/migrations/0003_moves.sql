-- What ran at a place, as it was last seen. The moments that are compared are microseconds since 1970.
CREATE TABLE seen_run (
    place    INTEGER NOT NULL REFERENCES place (id),
    activity TEXT NOT NULL,
    id       TEXT NOT NULL,
    began_us INTEGER NOT NULL,
    ended_us INTEGER,
    seen_us  INTEGER NOT NULL,
    body     TEXT NOT NULL,
    PRIMARY KEY (place, activity, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX seen_run_by_end ON seen_run (place, ended_us);

-- Up to when a place was asked what ran there.
CREATE TABLE ledger_look (
    place    INTEGER PRIMARY KEY REFERENCES place (id),
    until_us INTEGER NOT NULL
) STRICT;

CREATE TABLE fence (
    group_name TEXT NOT NULL,
    place      INTEGER NOT NULL REFERENCES place (id),
    body       TEXT NOT NULL,
    PRIMARY KEY (group_name, place)
) STRICT, WITHOUT ROWID;

-- Snapshots that a run goes back to. The reference has no cascade: what is pinned cannot be cleared away.
CREATE TABLE snapshot_pin (
    run      TEXT NOT NULL,
    place    INTEGER NOT NULL REFERENCES place (id),
    snapshot INTEGER NOT NULL REFERENCES snapshot (id),
    PRIMARY KEY (run, place)
) STRICT, WITHOUT ROWID;

-- Rows are added and never changed.
CREATE TABLE approval (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    subject TEXT NOT NULL,
    by      TEXT NOT NULL,
    at      TEXT NOT NULL,
    note    TEXT
) STRICT;
CREATE INDEX approval_by_subject ON approval (subject, id);

-- Groups that share a workspace set share its directions, and each has verdicts of its own.
CREATE TABLE outcomes_of_group (
    group_name TEXT NOT NULL,
    source     INTEGER NOT NULL REFERENCES place (id),
    target     INTEGER NOT NULL REFERENCES place (id),
    cycle      INTEGER NOT NULL REFERENCES cycle (id),
    size       INTEGER NOT NULL,
    zstd       BLOB NOT NULL,
    PRIMARY KEY (group_name, source, target)
) STRICT, WITHOUT ROWID;
INSERT INTO outcomes_of_group (group_name, source, target, cycle, size, zstd)
SELECT cycle.group_name, outcomes.source, outcomes.target, outcomes.cycle, outcomes.size, outcomes.zstd
FROM outcomes JOIN cycle ON cycle.id = outcomes.cycle;
DROP TABLE outcomes;
ALTER TABLE outcomes_of_group RENAME TO outcomes;
