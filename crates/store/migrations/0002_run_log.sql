-- The events of runs, numbered from 1 within each run. Rows are added and never changed.
CREATE TABLE run_event (
    run    TEXT NOT NULL,
    seq    INTEGER NOT NULL CHECK (seq > 0),
    at     TEXT NOT NULL,
    name   TEXT NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (run, seq)
) STRICT, WITHOUT ROWID;
