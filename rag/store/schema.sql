-- The catalog, schema version 3. It is the truth; Chroma only follows it.
-- Numbers are never used again (AUTOINCREMENT), so that a change can name what is gone.

CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE documents (
    number     INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL UNIQUE,
    key        TEXT NOT NULL UNIQUE,
    version    TEXT NOT NULL,     -- of text and metadata
    text_hash  TEXT NOT NULL,     -- of the text alone: equal for copies under other keys
    title      TEXT NOT NULL,
    source     TEXT NOT NULL,
    url        TEXT NOT NULL,
    published  TEXT,              -- a day, ISO 8601
    author     TEXT NOT NULL,
    language   TEXT NOT NULL,
    media_type TEXT NOT NULL,
    added      TEXT NOT NULL,     -- when the key was first added, ISO 8601, UTC
    updated    TEXT NOT NULL,     -- when this version was added
    characters INTEGER NOT NULL,
    words      INTEGER NOT NULL,
    passages   INTEGER NOT NULL,
    blocks     TEXT NOT NULL,     -- JSON: [[kind, start, end, level, page], ...]
    text       TEXT NOT NULL      -- last, so that listing reads no long rows
);
CREATE INDEX documents_text_hash ON documents (text_hash);

CREATE TABLE passages (
    number      INTEGER PRIMARY KEY AUTOINCREMENT,
    id          TEXT NOT NULL UNIQUE,
    document    INTEGER NOT NULL REFERENCES documents (number) ON DELETE CASCADE,
    position    INTEGER NOT NULL,
    start       INTEGER NOT NULL,
    end         INTEGER NOT NULL,
    heading     TEXT NOT NULL,
    page        INTEGER,
    header      TEXT NOT NULL,    -- of the table that goes on from the passage before
    fingerprint TEXT NOT NULL     -- of embedder and embedded text: equal ones share their vectors
);
CREATE INDEX passages_document ON passages (document, position);
CREATE INDEX passages_fingerprint ON passages (fingerprint);

-- A table of its own, so that exact search reads nothing but vectors.
CREATE TABLE vectors (
    passage INTEGER PRIMARY KEY REFERENCES passages (number) ON DELETE CASCADE,
    vector  BLOB NOT NULL         -- float32, L2-normalised
);

CREATE TABLE sentences (
    passage INTEGER PRIMARY KEY REFERENCES passages (number) ON DELETE CASCADE,
    spans   TEXT NOT NULL,        -- JSON: [[start, end, kind], ...] in the document's text
    vectors BLOB NOT NULL,        -- float16, one row for each span, L2-normalised
    words   BLOB NOT NULL DEFAULT x''  -- of rag/embedding/word_vectors.py; empty where the model gives none
);

CREATE VIRTUAL TABLE words USING fts5 (
    title, heading, text, tokenize = "porter unicode61 remove_diacritics 2"
);
CREATE VIRTUAL TABLE vocabulary USING fts5vocab (words, row);

-- What was removed on purpose: a file with this key or this text stays away until it is added again.
CREATE TABLE tombstones (
    key       TEXT PRIMARY KEY,
    text_hash TEXT NOT NULL,
    title     TEXT NOT NULL,
    removed   TEXT NOT NULL
) WITHOUT ROWID;

-- Files of followed folders as they were when last read, so that an unchanged one isn't read again.
CREATE TABLE files (
    key         TEXT PRIMARY KEY,
    size        INTEGER NOT NULL,
    modified_ns INTEGER NOT NULL,
    content     TEXT NOT NULL DEFAULT '',   -- SHA-256, by which a renamed file is known; '' for a large one
    left_out    INTEGER NOT NULL DEFAULT 0  -- 1 where it holds a copy of what was removed on purpose
) WITHOUT ROWID;

-- What could not be read of files of followed folders, until they change or are tried again.
CREATE TABLE failures (
    file    TEXT NOT NULL,        -- the file's key
    number  INTEGER NOT NULL,     -- from 0, in the order that it was met
    path    TEXT NOT NULL,        -- what the user calls it: the file's name, or that of one within it
    reason  TEXT NOT NULL,
    failed  TEXT NOT NULL,        -- when, ISO 8601, UTC
    PRIMARY KEY (file, number)
) WITHOUT ROWID;

-- Ids that don't follow from the key, since a file was renamed; without an index, whose rows would look like
-- those of meta to whoever saves what a damaged file holds.
CREATE TABLE names (
    key   TEXT PRIMARY KEY,
    id    TEXT NOT NULL,
    named TEXT NOT NULL           -- when, ISO 8601, UTC
) WITHOUT ROWID;

-- What followers apply, in the order of its numbers.
CREATE TABLE changes (
    number  INTEGER PRIMARY KEY AUTOINCREMENT,
    passage TEXT NOT NULL,        -- a passage's id
    added   INTEGER NOT NULL      -- 1 added, 0 removed
);
CREATE INDEX changes_passage ON changes (passage);

-- Which documents tell the same (rag/store/stories.py): one story for each, shared by those that do.
CREATE TABLE stories (
    document INTEGER PRIMARY KEY REFERENCES documents (number) ON DELETE CASCADE,
    story    TEXT NOT NULL
);
CREATE INDEX stories_story ON stories (story);

-- By which documents that may tell the same are found: those that share a band.
CREATE TABLE bands (
    band     INTEGER NOT NULL,
    document INTEGER NOT NULL REFERENCES documents (number) ON DELETE CASCADE
);
CREATE INDEX bands_band ON bands (band, document);
CREATE INDEX bands_document ON bands (document);
