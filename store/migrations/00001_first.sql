-- One text for both engines: a line that ends in --pg is kept on PostgreSQL only, one in --lite on SQLite only.
-- On PostgreSQL INTEGER is read as BIGINT, BLOB as BYTEA, and TEXT sorts by bytes. Times are milliseconds since 1970.

-- +goose Up
CREATE TABLE account (
    id               TEXT PRIMARY KEY,
    name             TEXT NOT NULL,
    settings         TEXT NOT NULL,
    settings_version INTEGER NOT NULL DEFAULT 1,
    created_at       INTEGER NOT NULL
);

-- The number of the account's newest event; a narrow row of its own, locked last.
CREATE TABLE account_head (
    account_id TEXT PRIMARY KEY,
    number     INTEGER NOT NULL
)
WITHOUT ROWID --lite
WITH (fillfactor = 20) --pg
;

CREATE TABLE event (
    account_id TEXT NOT NULL,
    number     INTEGER NOT NULL,
    kind       TEXT NOT NULL,
    at         INTEGER NOT NULL,
    chat_id    TEXT NOT NULL DEFAULT '',
    client_id  TEXT NOT NULL DEFAULT '',
    message_id TEXT NOT NULL DEFAULT '',
    seq        INTEGER NOT NULL DEFAULT 0,
    ref        TEXT NOT NULL DEFAULT '',
    before     TEXT NOT NULL DEFAULT '',
    after      TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (account_id, number)
)
WITHOUT ROWID --lite
;

CREATE TABLE follower (
    account_id TEXT NOT NULL,
    name       TEXT NOT NULL,
    key        TEXT NOT NULL,
    position   INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (account_id, name, key)
);

-- What a follower could not digest: kept with its reason, shown, never in the way.
CREATE TABLE parked_event (
    account_id TEXT NOT NULL,
    name       TEXT NOT NULL,
    key        TEXT NOT NULL,
    number     INTEGER NOT NULL,
    reason     TEXT NOT NULL,
    at         INTEGER NOT NULL,
    PRIMARY KEY (account_id, name, key, number)
);

CREATE TABLE employee (
    account_id      TEXT NOT NULL,
    id              TEXT NOT NULL,
    email           TEXT NOT NULL,
    name            TEXT NOT NULL,
    owner_id        TEXT NOT NULL DEFAULT '',
    active          INTEGER NOT NULL DEFAULT 1,
    active_in_crm   INTEGER NOT NULL DEFAULT 0,
    admin           INTEGER NOT NULL DEFAULT 0,
    locale          TEXT NOT NULL DEFAULT '',
    password_hash   TEXT NOT NULL DEFAULT '',
    created_at      INTEGER NOT NULL,
    last_sign_in_at INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (account_id, id),
    UNIQUE (account_id, email)
);
CREATE INDEX employee_email ON employee (email);
CREATE UNIQUE INDEX employee_owner ON employee (account_id, owner_id) WHERE owner_id <> '';

-- One-time links: set-up (no employee), invitation, reset. Only the hash is kept.
CREATE TABLE link (
    token_hash  TEXT PRIMARY KEY,
    kind        TEXT NOT NULL CHECK (kind IN ('setup', 'invitation', 'reset')),
    account_id  TEXT NOT NULL DEFAULT '',
    employee_id TEXT NOT NULL DEFAULT '',
    expires_at  INTEGER NOT NULL,
    used_at     INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE session (
    token_hash   TEXT PRIMARY KEY,
    account_id   TEXT NOT NULL,
    id           TEXT NOT NULL,
    employee_id  TEXT NOT NULL,
    kind         TEXT NOT NULL CHECK (kind IN ('cookie', 'frame', 'code')),
    contact_id   TEXT NOT NULL DEFAULT '',
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    -- The end of the chain of renewals of a frame (12 h after the hand-off).
    until        INTEGER NOT NULL DEFAULT 0,
    last_seen_at INTEGER NOT NULL,
    address      TEXT NOT NULL DEFAULT '',
    agent        TEXT NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX session_id ON session (account_id, id);
CREATE INDEX session_employee ON session (account_id, employee_id);
CREATE INDEX session_expires ON session (expires_at);

CREATE TABLE channel (
    account_id   TEXT NOT NULL,
    id           TEXT NOT NULL,
    transport    TEXT NOT NULL,
    name         TEXT NOT NULL,
    key          TEXT NOT NULL UNIQUE,
    state        TEXT NOT NULL CHECK (state IN ('active', 'broken', 'disabled')),
    state_reason TEXT NOT NULL DEFAULT '',
    config       TEXT NOT NULL,
    secrets      BLOB NOT NULL,
    settings     TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    PRIMARY KEY (account_id, id)
);

-- Groups and the like that a channel ignores (CHAT-8).
CREATE TABLE ignored_source (
    account_id TEXT NOT NULL,
    channel_id TEXT NOT NULL,
    source     TEXT NOT NULL,
    name       TEXT NOT NULL,
    reason     TEXT NOT NULL,
    at         INTEGER NOT NULL,
    PRIMARY KEY (account_id, channel_id, source)
);

CREATE TABLE channel_role (
    account_id  TEXT NOT NULL,
    channel_id  TEXT NOT NULL,
    employee_id TEXT NOT NULL,
    role        TEXT NOT NULL CHECK (role IN ('quality_control', 'manager', 'supervisor')),
    receives    INTEGER NOT NULL DEFAULT 0,
    position    INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (account_id, channel_id, employee_id),
    CHECK (role <> 'quality_control' OR receives = 0)
)
WITHOUT ROWID --lite
;
CREATE INDEX channel_role_employee ON channel_role (account_id, employee_id);

-- The turn of a channel's queue (QUEUE-2); state is routing.Queue as JSON.
CREATE TABLE queue (
    account_id TEXT NOT NULL,
    channel_id TEXT NOT NULL,
    state      TEXT NOT NULL,
    PRIMARY KEY (account_id, channel_id)
);

CREATE TABLE client (
    account_id  TEXT NOT NULL,
    id          TEXT NOT NULL,
    name        TEXT NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('opened', 'new', 'provisional', 'creating', 'linked', 'waiting', 'ambiguous')),
    contact_id  TEXT NOT NULL DEFAULT '',
    provisional TEXT NOT NULL DEFAULT '',
    decision_id TEXT NOT NULL DEFAULT '',
    created_at  INTEGER NOT NULL,
    PRIMARY KEY (account_id, id)
)
WITHOUT ROWID --lite
;
CREATE INDEX client_contact ON client (account_id, contact_id) WHERE contact_id <> '';

CREATE TABLE identity (
    account_id TEXT NOT NULL,
    kind       TEXT NOT NULL,
    value      TEXT NOT NULL,
    client_id  TEXT NOT NULL,
    verified   INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (account_id, kind, value)
)
WITHOUT ROWID --lite
;
CREATE INDEX identity_client ON identity (account_id, client_id);

-- What is to be done for a client in the CRM; a row exists while something is.
CREATE TABLE client_work (
    account_id  TEXT NOT NULL,
    client_id   TEXT NOT NULL,
    channel_id  TEXT NOT NULL,
    kind        TEXT NOT NULL CHECK (kind IN ('client_wrote', 'employee_wrote')),
    employee_id TEXT NOT NULL DEFAULT '',
    due_at      INTEGER NOT NULL,
    attempts    INTEGER NOT NULL DEFAULT 0,
    last_error  TEXT NOT NULL DEFAULT '',
    created_at  INTEGER NOT NULL,
    PRIMARY KEY (account_id, client_id)
)
WITHOUT ROWID --lite
;
CREATE INDEX client_work_due ON client_work (due_at);

-- One CRM write of the saga: todo -> sent (a call is under way, or its answer was lost) -> done | refused.
CREATE TABLE client_step (
    account_id TEXT NOT NULL,
    client_id  TEXT NOT NULL,
    step       TEXT NOT NULL CHECK (step IN ('contact', 'owner', 'deal')),
    state      TEXT NOT NULL CHECK (state IN ('todo', 'sent', 'done', 'refused')),
    employee_id TEXT NOT NULL DEFAULT '',
    remote_id  TEXT NOT NULL DEFAULT '',
    attempts   INTEGER NOT NULL DEFAULT 0,
    last_error TEXT NOT NULL DEFAULT '',
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (account_id, client_id, step)
)
WITHOUT ROWID --lite
;

CREATE TABLE decision (
    account_id       TEXT NOT NULL,
    id               TEXT NOT NULL,
    client_id        TEXT NOT NULL,
    channel_id       TEXT NOT NULL,
    employee_id      TEXT NOT NULL DEFAULT '',
    outcome          TEXT NOT NULL,
    provisional      INTEGER NOT NULL DEFAULT 0,
    settings_version INTEGER NOT NULL,
    input            TEXT NOT NULL,
    decision         TEXT NOT NULL,
    at               INTEGER NOT NULL,
    PRIMARY KEY (account_id, id)
);
CREATE INDEX decision_client ON decision (account_id, client_id, at);
CREATE INDEX decision_employee ON decision (account_id, channel_id, employee_id);

CREATE TABLE chat (
    account_id  TEXT NOT NULL,
    id          TEXT NOT NULL,
    channel_id  TEXT NOT NULL,
    address     TEXT NOT NULL,
    client_id   TEXT NOT NULL,
    name        TEXT NOT NULL,
    username    TEXT NOT NULL DEFAULT '',
    -- 1 while a message needs no CRM work: the client is linked and has a responsible.
    settled     INTEGER NOT NULL DEFAULT 0,
    last_seq    INTEGER NOT NULL DEFAULT 0,
    last_at     INTEGER NOT NULL,
    -- Client messages after the last outgoing one that is not failed (UNANS-1).
    unanswered  INTEGER NOT NULL DEFAULT 0,
    -- 1 while unanswered > 0: leads the list's order (UNANS-2).
    waiting     INTEGER NOT NULL DEFAULT 0,
    waiting_since INTEGER NOT NULL DEFAULT 0,
    -- Messages up to this number are answered or need no answer.
    answered_seq INTEGER NOT NULL DEFAULT 0,
    cleared_at  INTEGER NOT NULL DEFAULT 0,
    cleared_from INTEGER NOT NULL DEFAULT 0,
    unreachable INTEGER NOT NULL DEFAULT 0,
    -- Newest number of the client's own view (webchat counts it without gaps).
    view_seq    INTEGER NOT NULL DEFAULT 0,
    created_at  INTEGER NOT NULL,
    PRIMARY KEY (account_id, id),
    UNIQUE (account_id, channel_id, address)
)
WITHOUT ROWID --lite
WITH (fillfactor = 70) --pg
;
CREATE INDEX chat_list ON chat (account_id, channel_id, waiting, last_at, id);
CREATE INDEX chat_client ON chat (account_id, client_id);

-- Own chats of an employee: the contact's or an open deal's owner (ROLE-1). Moved with the mirror or the message.
CREATE TABLE chat_owner (
    account_id  TEXT NOT NULL,
    employee_id TEXT NOT NULL,
    chat_id     TEXT NOT NULL,
    channel_id  TEXT NOT NULL,
    unanswered  INTEGER NOT NULL,
    waiting     INTEGER NOT NULL,
    last_at     INTEGER NOT NULL,
    PRIMARY KEY (account_id, chat_id, employee_id)
)
WITHOUT ROWID --lite
WITH (fillfactor = 70) --pg
;
CREATE INDEX chat_owner_list ON chat_owner (account_id, employee_id, channel_id, waiting, last_at, chat_id);

CREATE TABLE message (
    account_id  TEXT NOT NULL,
    chat_id     TEXT NOT NULL,
    seq         INTEGER NOT NULL,
    id          TEXT NOT NULL,
    direction   TEXT NOT NULL CHECK (direction IN ('in', 'out')),
    kind        TEXT NOT NULL,
    text        TEXT NOT NULL,
    content     TEXT NOT NULL DEFAULT '',
    author_id   TEXT NOT NULL DEFAULT '',
    reply_to    TEXT NOT NULL DEFAULT '',
    provider_id TEXT NOT NULL DEFAULT '',
    at          INTEGER NOT NULL,
    stored_at   INTEGER NOT NULL,
    edited_at   INTEGER NOT NULL DEFAULT 0,
    deleted_at  INTEGER NOT NULL DEFAULT 0,
    status      TEXT NOT NULL CHECK (status IN ('received', 'queued', 'sending', 'maybe_sent', 'sent', 'delivered', 'read', 'failed')),
    reason      TEXT NOT NULL DEFAULT '',
    -- Number in the client's own view, 0 when it does not count one.
    view_seq    INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (account_id, chat_id, seq),
    UNIQUE (account_id, chat_id, id)
)
WITHOUT ROWID --lite
;
CREATE INDEX message_provider ON message (account_id, chat_id, provider_id) WHERE provider_id <> '';
CREATE INDEX message_quote ON message (account_id, chat_id, reply_to) WHERE reply_to <> '';

-- News of a message that has not come yet: applied when it does (disorder, R12).
CREATE TABLE early_change (
    account_id  TEXT NOT NULL,
    channel_id  TEXT NOT NULL,
    address     TEXT NOT NULL,
    provider_id TEXT NOT NULL,
    kind        TEXT NOT NULL CHECK (kind IN ('edit', 'delete', 'status')),
    at          INTEGER NOT NULL,
    change      TEXT NOT NULL,
    PRIMARY KEY (account_id, channel_id, address, provider_id, kind)
);

-- What the client's side sees when it counts its own entries: a message, an edit or a deletion.
CREATE TABLE view_entry (
    account_id TEXT NOT NULL,
    chat_id    TEXT NOT NULL,
    seq        INTEGER NOT NULL,
    kind       TEXT NOT NULL CHECK (kind IN ('message', 'edit', 'delete')),
    id         TEXT NOT NULL,
    message_id TEXT NOT NULL,
    text       TEXT NOT NULL DEFAULT '',
    at         INTEGER NOT NULL,
    PRIMARY KEY (account_id, chat_id, seq),
    UNIQUE (account_id, chat_id, id)
)
WITHOUT ROWID --lite
;

CREATE TABLE dedupe (
    account_id TEXT NOT NULL,
    channel_id TEXT NOT NULL,
    key        TEXT NOT NULL,
    chat_id    TEXT NOT NULL DEFAULT '',
    message_id TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (account_id, channel_id, key)
)
WITHOUT ROWID --lite
;

-- Bodies as they came, kept 30 days; reason is set on those that could not be read.
CREATE TABLE raw_body (
    account_id TEXT NOT NULL,
    id         TEXT NOT NULL,
    channel_id TEXT NOT NULL,
    at         INTEGER NOT NULL,
    body       BLOB NOT NULL,
    reason     TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (account_id, id)
);
CREATE INDEX raw_body_unreadable ON raw_body (account_id, at) WHERE reason <> '';

-- One attempt to send a message; number 1, 2, ... A message shows its latest (CHAT-5).
CREATE TABLE send_attempt (
    account_id TEXT NOT NULL,
    chat_id    TEXT NOT NULL,
    message_id TEXT NOT NULL,
    number     INTEGER NOT NULL,
    seq        INTEGER NOT NULL,
    state      TEXT NOT NULL CHECK (state IN ('queued', 'sending', 'maybe_sent', 'sent', 'failed')),
    due_at     INTEGER NOT NULL,
    tries      INTEGER NOT NULL DEFAULT 0,
    node       TEXT NOT NULL DEFAULT '',
    started_at INTEGER NOT NULL DEFAULT 0,
    ended_at   INTEGER NOT NULL DEFAULT 0,
    last_error TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (account_id, chat_id, message_id, number)
)
WITHOUT ROWID --lite
;
CREATE INDEX send_attempt_open ON send_attempt (account_id, chat_id, seq) WHERE state IN ('queued', 'sending');
CREATE INDEX send_attempt_due ON send_attempt (due_at) WHERE state IN ('queued', 'sending');

CREATE TABLE media (
    account_id TEXT NOT NULL,
    id         TEXT NOT NULL,
    channel_id TEXT NOT NULL,
    chat_id    TEXT NOT NULL,
    kind       TEXT NOT NULL,
    state      TEXT NOT NULL CHECK (state IN ('fetching', 'ready', 'failed')),
    source     TEXT NOT NULL DEFAULT '',
    blob       TEXT NOT NULL DEFAULT '',
    name       TEXT NOT NULL DEFAULT '',
    mime       TEXT NOT NULL DEFAULT '',
    size       INTEGER NOT NULL DEFAULT 0,
    used       INTEGER NOT NULL DEFAULT 0,
    due_at     INTEGER NOT NULL DEFAULT 0,
    attempts   INTEGER NOT NULL DEFAULT 0,
    last_error TEXT NOT NULL DEFAULT '',
    created_at INTEGER NOT NULL,
    PRIMARY KEY (account_id, id)
);
CREATE INDEX media_due ON media (due_at) WHERE state = 'fetching';

CREATE TABLE webchat_session (
    account_id TEXT NOT NULL,
    channel_id TEXT NOT NULL,
    id         TEXT NOT NULL,
    token_hash TEXT NOT NULL UNIQUE,
    name       TEXT NOT NULL DEFAULT '',
    phone      TEXT NOT NULL DEFAULT '',
    phone_e164 TEXT NOT NULL DEFAULT '',
    email      TEXT NOT NULL DEFAULT '',
    created_at INTEGER NOT NULL,
    PRIMARY KEY (account_id, channel_id, id)
);

CREATE TABLE crm_connection (
    account_id TEXT NOT NULL,
    id         TEXT NOT NULL,
    kind       TEXT NOT NULL,
    state      TEXT NOT NULL CHECK (state IN ('active', 'broken', 'disconnected')),
    reason     TEXT NOT NULL DEFAULT '',
    -- Set while the CRM does not answer (QUEUE-10).
    down_since INTEGER NOT NULL DEFAULT 0,
    -- What connecting found out: portal, abilities, checks.
    info       TEXT NOT NULL,
    secrets    BLOB NOT NULL,
    synced_at  INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (account_id, id)
);
CREATE UNIQUE INDEX crm_connection_one ON crm_connection (account_id) WHERE state <> 'disconnected';

CREATE TABLE crm_owner (
    account_id TEXT NOT NULL,
    owner_id   TEXT NOT NULL,
    user_id    TEXT NOT NULL DEFAULT '',
    email      TEXT NOT NULL,
    name       TEXT NOT NULL,
    active     INTEGER NOT NULL,
    PRIMARY KEY (account_id, owner_id)
);

CREATE TABLE crm_pipeline (
    account_id  TEXT NOT NULL,
    pipeline_id TEXT NOT NULL,
    label       TEXT NOT NULL,
    position    INTEGER NOT NULL,
    stages      TEXT NOT NULL,
    PRIMARY KEY (account_id, pipeline_id)
);

-- How far polling of a kind of record got.
CREATE TABLE crm_poll (
    account_id TEXT NOT NULL,
    kind       TEXT NOT NULL,
    position   TEXT NOT NULL,
    at         INTEGER NOT NULL,
    PRIMARY KEY (account_id, kind)
);

CREATE TABLE contact (
    account_id TEXT NOT NULL,
    id         TEXT NOT NULL,
    name       TEXT NOT NULL DEFAULT '',
    phone      TEXT NOT NULL DEFAULT '',
    email      TEXT NOT NULL DEFAULT '',
    owner_id   TEXT NOT NULL DEFAULT '',
    deleted    INTEGER NOT NULL DEFAULT 0,
    updated_at INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL DEFAULT 0,
    -- When we last read it from the CRM; the oldest is re-read first.
    read_at    INTEGER NOT NULL DEFAULT 0,
    -- The last timestamp given to a timeline entry; strictly increasing (TIME-3).
    timeline_at INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (account_id, id)
);
CREATE INDEX contact_read ON contact (account_id, read_at);
CREATE INDEX contact_owner ON contact (account_id, owner_id);

CREATE TABLE deal (
    account_id  TEXT NOT NULL,
    id          TEXT NOT NULL,
    contact_id  TEXT NOT NULL,
    name        TEXT NOT NULL DEFAULT '',
    pipeline_id TEXT NOT NULL DEFAULT '',
    stage_id    TEXT NOT NULL DEFAULT '',
    owner_id    TEXT NOT NULL DEFAULT '',
    open        INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (account_id, id)
);
CREATE INDEX deal_contact ON deal (account_id, contact_id);
CREATE INDEX deal_owner ON deal (account_id, owner_id);

-- Since when the timeline setting is on or off: it counts at a message's time (TIME-1).
CREATE TABLE timeline_switch (
    account_id TEXT NOT NULL,
    at         INTEGER NOT NULL,
    on_off     INTEGER NOT NULL,
    PRIMARY KEY (account_id, at)
);

-- A timeline entry to write: todo -> sent (a call is under way) -> done | refused; sent with a lost answer is settled by reading.
CREATE TABLE timeline_intent (
    account_id TEXT NOT NULL,
    chat_id    TEXT NOT NULL,
    seq        INTEGER NOT NULL,
    message_id TEXT NOT NULL,
    contact_id TEXT NOT NULL,
    number     INTEGER NOT NULL,
    deals      TEXT NOT NULL DEFAULT '',
    entry_at   INTEGER NOT NULL DEFAULT 0,
    sink       TEXT NOT NULL DEFAULT '',
    state      TEXT NOT NULL CHECK (state IN ('todo', 'sent', 'done', 'refused')),
    remote_id  TEXT NOT NULL DEFAULT '',
    due_at     INTEGER NOT NULL DEFAULT 0,
    attempts   INTEGER NOT NULL DEFAULT 0,
    last_error TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (account_id, chat_id, seq)
)
WITHOUT ROWID --lite
;
CREATE INDEX timeline_intent_open ON timeline_intent (account_id, number) WHERE state IN ('todo', 'sent');
CREATE INDEX timeline_intent_contact ON timeline_intent (account_id, contact_id, number) WHERE state IN ('todo', 'sent');

-- Messages whose contact is not there yet; they drain in order when it appears.
CREATE TABLE timeline_waiting (
    account_id TEXT NOT NULL,
    client_id  TEXT NOT NULL,
    number     INTEGER NOT NULL,
    chat_id    TEXT NOT NULL,
    seq        INTEGER NOT NULL,
    message_id TEXT NOT NULL,
    PRIMARY KEY (account_id, client_id, number)
)
WITHOUT ROWID --lite
;

-- A rate limit's theoretical arrival time (GCRA), microseconds since 1970.
CREATE TABLE rate_limit (
    key TEXT PRIMARY KEY,
    tat INTEGER NOT NULL
)
WITHOUT ROWID --lite
WITH (fillfactor = 20) --pg
;

-- Running nodes, and who holds a long-lived task (a Telegram poll); fence grows with each holder.
CREATE TABLE node (
    id         TEXT PRIMARY KEY,
    expires_at INTEGER NOT NULL
);
CREATE TABLE lease (
    name       TEXT PRIMARY KEY,
    holder     TEXT NOT NULL,
    fence      INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
);

-- A sealed word: opens with the key ring this database was made with, and with no other.
CREATE TABLE key_proof (
    id     INTEGER PRIMARY KEY,
    sealed BLOB NOT NULL
);

CREATE TABLE audit (
    account_id  TEXT NOT NULL,
    id          TEXT NOT NULL,
    at          INTEGER NOT NULL,
    employee_id TEXT NOT NULL,
    action      TEXT NOT NULL,
    object      TEXT NOT NULL DEFAULT '',
    before      TEXT NOT NULL DEFAULT '',
    after       TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (account_id, id)
);
CREATE INDEX audit_at ON audit (account_id, at);
