-- Names are short numbers inside the file: a place is repeated in almost every row.
CREATE TABLE place (
    id       INTEGER PRIMARY KEY,
    set_name TEXT NOT NULL,
    site     TEXT NOT NULL,
    UNIQUE (set_name, site)
) STRICT;

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Bytes by the BLAKE3 of what they were before compression.
CREATE TABLE blob (
    digest BLOB PRIMARY KEY CHECK (length(digest) = 32),
    size   INTEGER NOT NULL,
    zstd   BLOB NOT NULL
) STRICT;

CREATE TABLE snapshot (
    id    INTEGER PRIMARY KEY AUTOINCREMENT,
    place INTEGER NOT NULL REFERENCES place (id),
    at    TEXT NOT NULL,
    run   TEXT NOT NULL
) STRICT;
CREATE INDEX snapshot_by_place ON snapshot (place, id);

CREATE TABLE snapshot_manifest (
    snapshot INTEGER NOT NULL REFERENCES snapshot (id) ON DELETE CASCADE,
    kind     TEXT NOT NULL,
    manifest BLOB NOT NULL REFERENCES blob (digest),
    PRIMARY KEY (snapshot, kind)
) STRICT, WITHOUT ROWID;

-- The id map. Each place calls an asset by one id, and an id of a kind means one asset.
CREATE TABLE pair (
    asset  TEXT NOT NULL,
    kind   TEXT NOT NULL,
    place  INTEGER NOT NULL REFERENCES place (id),
    remote TEXT NOT NULL,
    PRIMARY KEY (asset, place),
    UNIQUE (kind, place, remote)
) STRICT, WITHOUT ROWID;

CREATE TABLE base (
    source         INTEGER NOT NULL REFERENCES place (id),
    target         INTEGER NOT NULL REFERENCES place (id),
    asset          TEXT NOT NULL,
    source_version TEXT NOT NULL,
    sent           TEXT NOT NULL,
    read_back      TEXT,
    not_kept       TEXT NOT NULL,
    mappings       BLOB NOT NULL,
    epoch          INTEGER NOT NULL,
    run            TEXT NOT NULL,
    applied_at     TEXT NOT NULL,
    PRIMARY KEY (source, target, asset)
) STRICT, WITHOUT ROWID;

-- AUTOINCREMENT, so that the number of a closed intent never comes back for another one.
CREATE TABLE intent (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    target INTEGER NOT NULL REFERENCES place (id),
    body   TEXT NOT NULL
) STRICT;
CREATE INDEX intent_by_target ON intent (target);

CREATE TABLE tombstone (
    source        INTEGER NOT NULL REFERENCES place (id),
    asset         TEXT NOT NULL,
    key           TEXT NOT NULL,
    missing_since TEXT NOT NULL,
    PRIMARY KEY (source, asset)
) STRICT, WITHOUT ROWID;

CREATE TABLE cycle (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    run        TEXT NOT NULL,
    group_name TEXT NOT NULL,
    source     INTEGER NOT NULL REFERENCES place (id),
    target     INTEGER NOT NULL REFERENCES place (id),
    started_at TEXT NOT NULL,
    ended_at   TEXT,
    complete   INTEGER,
    summary    TEXT
) STRICT;
CREATE INDEX cycle_by_places ON cycle (source, target, id);

-- The verdicts of the latest ended cycle, whole: they are only ever written and read together.
CREATE TABLE outcomes (
    source INTEGER NOT NULL REFERENCES place (id),
    target INTEGER NOT NULL REFERENCES place (id),
    cycle  INTEGER NOT NULL REFERENCES cycle (id),
    size   INTEGER NOT NULL,
    zstd   BLOB NOT NULL,
    PRIMARY KEY (source, target)
) STRICT, WITHOUT ROWID;

-- Each row's digest covers the row and the digest before it. UNIQUE (previous): a chain has no fork.
CREATE TABLE audit (
    number   INTEGER PRIMARY KEY,
    at       TEXT NOT NULL,
    actor    TEXT NOT NULL,
    action   TEXT NOT NULL,
    subject  TEXT NOT NULL,
    detail   TEXT NOT NULL,
    previous BLOB NOT NULL UNIQUE,
    digest   BLOB NOT NULL UNIQUE
) STRICT;
