/* wfm_fdw--1.0.sql */

-- complain if the script is sourced in psql rather than by CREATE EXTENSION
\echo Use "CREATE EXTENSION wfm_fdw" to load this file. \quit

--
-- The foreign data wrapper
--

CREATE FUNCTION wfm_fdw_handler() RETURNS fdw_handler
AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION wfm_fdw_handler() IS 'callbacks of the foreign data wrapper wfm_fdw';

CREATE FUNCTION wfm_fdw_validator(options text[], catalog oid) RETURNS void
AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION wfm_fdw_validator(text[], oid) IS 'checks the options of servers, tables and columns of wfm_fdw';

CREATE FOREIGN DATA WRAPPER wfm_fdw
    HANDLER wfm_fdw_handler VALIDATOR wfm_fdw_validator;
COMMENT ON FOREIGN DATA WRAPPER wfm_fdw IS 'WorkflowMax and Xero Practice Manager';

--
-- Connections and tokens (src/auth)
--

CREATE TABLE wfm_connections (
    name text COLLATE "C" PRIMARY KEY,
    api text COLLATE "C" NOT NULL,
    client_id text COLLATE "C" NOT NULL,
    client_secret text COLLATE "C",
    refresh_token text COLLATE "C",
    tenant_id text COLLATE "C",
    scopes text COLLATE "C",
    redirect_uri text COLLATE "C",
    api_url text COLLATE "C",
    token_url text COLLATE "C",
    authorize_url text COLLATE "C",
    connections_url text COLLATE "C",
    revocation_url text COLLATE "C",
    calls_per_minute integer,
    calls_per_day integer,
    concurrent_calls integer,
    refresh_token_days integer,
    owner name COLLATE "C" NOT NULL DEFAULT current_user
);
COMMENT ON TABLE wfm_connections IS 'apps registered with the vendor, one row for each consent; secrets can be written but not read';
COMMENT ON COLUMN wfm_connections.name IS 'name that servers and functions use; cannot be changed';
COMMENT ON COLUMN wfm_connections.api IS 'API and version, such as practicemanager/3.1; cannot be changed';
COMMENT ON COLUMN wfm_connections.client_id IS 'client id of the app, from the vendor''s developer pages';
COMMENT ON COLUMN wfm_connections.client_secret IS 'write only: secret of the app, none for a PKCE app; NULL leaves it as it is';
COMMENT ON COLUMN wfm_connections.refresh_token IS 'write only: refresh token to start from, held by no other system; NULL leaves it as it is';
COMMENT ON COLUMN wfm_connections.tenant_id IS 'tenant to read; NULL means the only one of the right type';
COMMENT ON COLUMN wfm_connections.scopes IS 'scopes to ask for, separated by spaces; NULL means the usual ones of the API';
COMMENT ON COLUMN wfm_connections.redirect_uri IS 'redirect URI registered for the app';
COMMENT ON COLUMN wfm_connections.api_url IS 'base URL in place of the vendor''s, for a gateway or a test; superusers only';
COMMENT ON COLUMN wfm_connections.token_url IS 'token endpoint in place of the vendor''s; superusers only';
COMMENT ON COLUMN wfm_connections.authorize_url IS 'authorization page in place of the vendor''s; superusers only';
COMMENT ON COLUMN wfm_connections.connections_url IS 'list of tenants in place of the vendor''s; superusers only';
COMMENT ON COLUMN wfm_connections.revocation_url IS 'revocation endpoint in place of the vendor''s; superusers only';
COMMENT ON COLUMN wfm_connections.calls_per_minute IS 'limit on calls of one tenant in a minute, 1 to 600; NULL means the vendor''s';
COMMENT ON COLUMN wfm_connections.calls_per_day IS 'limit on calls of one tenant in a day; NULL means the vendor''s';
COMMENT ON COLUMN wfm_connections.concurrent_calls IS 'limit on calls of one tenant at the same time; NULL means the vendor''s';
COMMENT ON COLUMN wfm_connections.refresh_token_days IS 'days after which an unused refresh token dies; NULL means 60';
COMMENT ON COLUMN wfm_connections.owner IS 'role whose members may use the connection';

-- Settings go into a dump; their secret columns are always empty.
SELECT pg_catalog.pg_extension_config_dump('wfm_connections', '');

CREATE TABLE wfm_tokens (
    connection text COLLATE "C" PRIMARY KEY,
    generation bigint NOT NULL,
    state text COLLATE "C" NOT NULL,
    intent_id uuid,
    first_use timestamptz,
    attempts integer NOT NULL,
    refusals integer NOT NULL,
    client_secret text COLLATE "C",
    refresh_token text COLLATE "C",
    previous_refresh_token text COLLATE "C",
    previous_first_use timestamptz,
    refresh_obtained_at timestamptz,
    access_token text COLLATE "C",
    access_obtained_at timestamptz,
    access_expires_at timestamptz,
    clock_offset_ms bigint,
    boot_id text COLLATE "C",
    last_error text COLLATE "C",
    last_error_detail text,
    fingerprint text COLLATE "C",
    granted_scopes text,
    tenant_id text COLLATE "C",
    tenant_name text,
    tenants text,
    consented_by text,
    consented_at timestamptz,
    consent_state text COLLATE "C",
    consent_verifier text COLLATE "C",
    consent_asked_at timestamptz,
    database oid
);
COMMENT ON TABLE wfm_tokens IS 'grants of the connections, sealed; kept by the token worker, never dumped, not to be written by hand';
COMMENT ON COLUMN wfm_tokens.connection IS 'name of the connection';
COMMENT ON COLUMN wfm_tokens.generation IS 'grows by one with every token pair';
COMMENT ON COLUMN wfm_tokens.state IS 'ready, refreshing, needs_authorization or config_error';
COMMENT ON COLUMN wfm_tokens.intent_id IS 'refresh under way';
COMMENT ON COLUMN wfm_tokens.first_use IS 'when the refresh token was first going to be presented';
COMMENT ON COLUMN wfm_tokens.attempts IS 'token requests announced for the refresh under way, or made by the last one';
COMMENT ON COLUMN wfm_tokens.refusals IS 'invalid_grant answers to the refresh under way';
COMMENT ON COLUMN wfm_tokens.client_secret IS 'sealed';
COMMENT ON COLUMN wfm_tokens.refresh_token IS 'sealed';
COMMENT ON COLUMN wfm_tokens.previous_refresh_token IS 'sealed';
COMMENT ON COLUMN wfm_tokens.previous_first_use IS 'when the previous refresh token was first presented';
COMMENT ON COLUMN wfm_tokens.refresh_obtained_at IS 'when the refresh token was obtained or last accepted';
COMMENT ON COLUMN wfm_tokens.access_token IS 'sealed';
COMMENT ON COLUMN wfm_tokens.access_obtained_at IS 'when the request for the access token was sent';
COMMENT ON COLUMN wfm_tokens.access_expires_at IS 'when the access token expires';
COMMENT ON COLUMN wfm_tokens.clock_offset_ms IS 'wall clock minus steady clock when the tokens were stored';
COMMENT ON COLUMN wfm_tokens.boot_id IS 'boot of the machine for which the offset holds';
COMMENT ON COLUMN wfm_tokens.last_error IS 'class of the last failure';
COMMENT ON COLUMN wfm_tokens.last_error_detail IS 'what the token endpoint said, without secrets';
COMMENT ON COLUMN wfm_tokens.fingerprint IS 'name of the grant that tells nothing about it';
COMMENT ON COLUMN wfm_tokens.granted_scopes IS 'scopes the consent covers';
COMMENT ON COLUMN wfm_tokens.tenant_id IS 'the only tenant of the right type';
COMMENT ON COLUMN wfm_tokens.tenant_name IS 'its name, where the vendor tells it';
COMMENT ON COLUMN wfm_tokens.tenants IS 'tenants of the right type that the consent reaches';
COMMENT ON COLUMN wfm_tokens.consented_by IS 'who consented';
COMMENT ON COLUMN wfm_tokens.consented_at IS 'when';
COMMENT ON COLUMN wfm_tokens.consent_state IS 'sealed: state parameter of the consent asked for';
COMMENT ON COLUMN wfm_tokens.consent_verifier IS 'sealed: PKCE verifier of the consent asked for';
COMMENT ON COLUMN wfm_tokens.consent_asked_at IS 'when the address for the consent was made';
COMMENT ON COLUMN wfm_tokens.database IS 'database that the grant belongs to; a row copied with its database is none of the copy';

REVOKE ALL ON TABLE wfm_connections, wfm_tokens FROM PUBLIC;

CREATE FUNCTION wfm_connections_seal() RETURNS trigger
AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION wfm_connections_seal() IS 'checks a connection and seals its secrets before they reach the table';
CREATE FUNCTION wfm_connections_store() RETURNS trigger
AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION wfm_connections_store() IS 'moves the sealed secrets of a connection to wfm_tokens';
CREATE FUNCTION wfm_connections_no_truncate() RETURNS trigger
AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION wfm_connections_no_truncate() IS 'refuses TRUNCATE, which would leave tokens behind';
REVOKE ALL ON FUNCTION wfm_connections_seal(), wfm_connections_store(), wfm_connections_no_truncate() FROM PUBLIC;

CREATE TRIGGER wfm_seal BEFORE INSERT OR UPDATE ON wfm_connections
    FOR EACH ROW EXECUTE FUNCTION wfm_connections_seal();
CREATE TRIGGER wfm_store AFTER INSERT OR UPDATE OR DELETE ON wfm_connections
    FOR EACH ROW EXECUTE FUNCTION wfm_connections_store();
CREATE TRIGGER wfm_no_truncate BEFORE TRUNCATE ON wfm_connections
    FOR EACH STATEMENT EXECUTE FUNCTION wfm_connections_no_truncate();
ALTER TABLE wfm_connections ENABLE ALWAYS TRIGGER wfm_seal;
ALTER TABLE wfm_connections ENABLE ALWAYS TRIGGER wfm_store;
ALTER TABLE wfm_connections ENABLE ALWAYS TRIGGER wfm_no_truncate;
COMMENT ON TRIGGER wfm_seal ON wfm_connections IS 'checks the row and seals its secrets';
COMMENT ON TRIGGER wfm_store ON wfm_connections IS 'moves sealed secrets to wfm_tokens';
COMMENT ON TRIGGER wfm_no_truncate ON wfm_connections IS 'refuses TRUNCATE';

-- A subscription to all tables brings the publisher's rows of wfm_tokens, which
-- cannot be opened here and would meet those that each connection has already.
CREATE FUNCTION wfm_tokens_ignore_replicated() RETURNS trigger
LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
COMMENT ON FUNCTION wfm_tokens_ignore_replicated() IS 'leaves out what logical replication would write into wfm_tokens';
REVOKE ALL ON FUNCTION wfm_tokens_ignore_replicated() FROM PUBLIC;
CREATE TRIGGER wfm_ignore_replicated BEFORE INSERT OR UPDATE OR DELETE ON wfm_tokens
    FOR EACH ROW EXECUTE FUNCTION wfm_tokens_ignore_replicated();
ALTER TABLE wfm_tokens ENABLE REPLICA TRIGGER wfm_ignore_replicated;
COMMENT ON TRIGGER wfm_ignore_replicated ON wfm_tokens IS 'leaves out what logical replication would write';

CREATE FUNCTION wfm_import_credentials(path text) RETURNS SETOF text
AS 'MODULE_PATHNAME' LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION wfm_import_credentials(text) IS 'makes or changes connections from a JSON file on the server and returns their names';

CREATE FUNCTION wfm_refresh(connection text) RETURNS void
AS 'MODULE_PATHNAME' LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION wfm_refresh(text) IS 'gets a new access token for a connection now, also after its settings were mended';

CREATE FUNCTION wfm_authorize_url(connection text) RETURNS text
AS 'MODULE_PATHNAME' LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION wfm_authorize_url(text) IS 'makes the address at which a person consents; it can be used once, within a week';

CREATE FUNCTION wfm_authorize(connection text, redirected_url text,
    OUT tenant_id text, OUT tenant_name text, OUT consented_by text, OUT next text)
RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION wfm_authorize(text, text) IS 'takes the address a consent ended at, gets the tokens, and says what comes next';

CREATE FUNCTION wfm_tenants(connection text,
    OUT tenant_id text, OUT tenant_name text, OUT tenant_type text,
    OUT usable boolean, OUT why_not text, OUT this_consent boolean,
    OUT connected_at timestamptz, OUT updated_at timestamptz)
RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION wfm_tenants(text) IS 'tenants the consent of a connection reaches, newest first';

CREATE FUNCTION wfm_identity(connection text,
    OUT consented_by text, OUT consented_at timestamptz, OUT user_id text,
    OUT consent_id text, OUT scopes text, OUT expires_at timestamptz)
AS 'MODULE_PATHNAME' LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION wfm_identity(text) IS 'in whose name a connection reads, and with which scopes';

CREATE FUNCTION wfm_check(connection text,
    OUT step text, OUT ok boolean, OUT detail text, OUT mend text)
RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION wfm_check(text) IS 'tries every step from the settings to a first call of the API, and says how to mend one that fails';

CREATE FUNCTION wfm_disconnect(connection text, unlink_tenants boolean DEFAULT false) RETURNS void
AS 'MODULE_PATHNAME' LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION wfm_disconnect(text, boolean) IS 'revokes the consent of a connection at the vendor and forgets its tokens';

CREATE FUNCTION wfm_rotate_key(new_key boolean DEFAULT true,
    OUT connection text, OUT key_id text, OUT resealed boolean, OUT why_not text)
RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION wfm_rotate_key(boolean) IS 'adds a key to the key file, unless told not to, and seals the secrets of this database under the newest one';
REVOKE ALL ON FUNCTION wfm_rotate_key(boolean) FROM PUBLIC;

CREATE FUNCTION wfm_connection_status(
    OUT name text, OUT api text, OUT owner text, OUT state text,
    OUT generation bigint, OUT expires_at timestamptz, OUT last_refresh timestamptz,
    OUT consented_by text, OUT consented_at timestamptz,
    OUT refresh_token_days_left integer, OUT tenant_id text, OUT tenant_name text,
    OUT last_error text, OUT last_error_detail text,
    OUT refreshes bigint, OUT token_requests bigint)
RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C STRICT VOLATILE PARALLEL RESTRICTED;
COMMENT ON FUNCTION wfm_connection_status() IS 'rows of wfm_stat_connections: the connections that the current role may see';

CREATE VIEW wfm_stat_connections AS
    SELECT * FROM wfm_connection_status();
COMMENT ON VIEW wfm_stat_connections IS 'how the connections and their tokens stand; never a token';
COMMENT ON COLUMN wfm_stat_connections.name IS 'name of the connection';
COMMENT ON COLUMN wfm_stat_connections.api IS 'API and version';
COMMENT ON COLUMN wfm_stat_connections.owner IS 'role whose members may use the connection';
COMMENT ON COLUMN wfm_stat_connections.expires_at IS 'when the access token expires; it is renewed before';
COMMENT ON COLUMN wfm_stat_connections.last_refresh IS 'when the tokens were last obtained';
COMMENT ON COLUMN wfm_stat_connections.consented_by IS 'who consented, where the vendor tells it';
COMMENT ON COLUMN wfm_stat_connections.consented_at IS 'when the consent was given';
COMMENT ON COLUMN wfm_stat_connections.tenant_id IS 'tenant that is read unless a server names another';
COMMENT ON COLUMN wfm_stat_connections.tenant_name IS 'its name, where the vendor tells it';
COMMENT ON COLUMN wfm_stat_connections.last_error_detail IS 'what the token endpoint said, or why a consent is needed; without secrets';
COMMENT ON COLUMN wfm_stat_connections.state IS 'ready, ready_no_refresh, refreshing, needs_authorization or config_error';
COMMENT ON COLUMN wfm_stat_connections.generation IS 'grows by one with every token pair';
COMMENT ON COLUMN wfm_stat_connections.refresh_token_days_left IS 'days until the refresh token dies if it is not used';
COMMENT ON COLUMN wfm_stat_connections.last_error IS 'class of the last failure to get a token';
COMMENT ON COLUMN wfm_stat_connections.refreshes IS 'tokens stored since the server started';
COMMENT ON COLUMN wfm_stat_connections.token_requests IS 'token requests sent since the server started';
GRANT SELECT ON wfm_stat_connections TO PUBLIC;

--
-- Limits (src/limit)
--

CREATE FUNCTION wfm_stat_limits(
    OUT client_id text,
    OUT tenant_id text,
    OUT calls_last_minute integer,
    OUT minute_limit integer,
    OUT minute_left integer,
    OUT calls_last_day integer,
    OUT day_limit integer,
    OUT day_left integer,
    OUT day_resets_at timestamptz,
    OUT app_calls_last_minute integer,
    OUT in_flight integer,
    OUT most_in_flight integer,
    OUT concurrent_allowed integer,
    OUT waiting integer,
    OUT longest_wait interval,
    OUT blocked_until timestamptz,
    OUT blocked_by text,
    OUT refusals bigint,
    OUT circuit text)
RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C STRICT VOLATILE ROWS 10;
COMMENT ON FUNCTION wfm_stat_limits() IS 'how far each tenant''s limits are used; see the view of the same name';
REVOKE ALL ON FUNCTION wfm_stat_limits() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wfm_stat_limits() TO pg_read_all_stats;

CREATE VIEW wfm_stat_limits AS
    SELECT (SELECT array_agg(k.name ORDER BY k.name) FROM wfm_connections k
            WHERE left(k.client_id, 63) = l.client_id) AS connections, l.*
    FROM   wfm_stat_limits() l;
COMMENT ON VIEW wfm_stat_limits IS 'how far the API''s limits are used, one row per app and tenant called since the server started or kept over a clean restart';
COMMENT ON COLUMN wfm_stat_limits.connections IS 'connections of this database that use the app';
COMMENT ON COLUMN wfm_stat_limits.client_id IS 'the app, by its client id';
COMMENT ON COLUMN wfm_stat_limits.tenant_id IS 'the tenant (organisation) called';
COMMENT ON COLUMN wfm_stat_limits.calls_last_minute IS 'calls under way or answered within the last minute';
COMMENT ON COLUMN wfm_stat_limits.minute_limit IS 'calls allowed in a minute';
COMMENT ON COLUMN wfm_stat_limits.minute_left IS 'calls that the minute limit still allows';
COMMENT ON COLUMN wfm_stat_limits.calls_last_day IS 'calls under way or answered within the last 24 hours, or since the API said that its day begins anew';
COMMENT ON COLUMN wfm_stat_limits.day_limit IS 'calls allowed in a day';
COMMENT ON COLUMN wfm_stat_limits.day_left IS 'calls that the day limit still allows';
COMMENT ON COLUMN wfm_stat_limits.day_resets_at IS 'when the API said that its day begins anew; NULL if it did not, then a call counts for 24 hours';
COMMENT ON COLUMN wfm_stat_limits.app_calls_last_minute IS 'calls of the app to all its tenants within the last minute';
COMMENT ON COLUMN wfm_stat_limits.in_flight IS 'calls under way';
COMMENT ON COLUMN wfm_stat_limits.most_in_flight IS 'most calls that were under way at once';
COMMENT ON COLUMN wfm_stat_limits.concurrent_allowed IS 'calls allowed at once: the setting, or less for a while after the API refused one for this reason';
COMMENT ON COLUMN wfm_stat_limits.waiting IS 'calls that wait for their turn';
COMMENT ON COLUMN wfm_stat_limits.longest_wait IS 'how long the first of them has waited';
COMMENT ON COLUMN wfm_stat_limits.blocked_until IS 'no call goes out before this time';
COMMENT ON COLUMN wfm_stat_limits.blocked_by IS 'why: told to wait, day limit, minute limit of the app, API keeps failing';
COMMENT ON COLUMN wfm_stat_limits.refusals IS 'answers 429 (too many requests) seen';
COMMENT ON COLUMN wfm_stat_limits.circuit IS 'closed as a rule; open after many failures, no call goes out until blocked_until; trying: one call finds out whether the API is well again';
GRANT SELECT ON wfm_stat_limits TO pg_read_all_stats;

--
-- Statistics (src/stats)
--

CREATE FUNCTION wfm_stat_scans(
    OUT pid integer,
    OUT role name,
    OUT database name,
    OUT server text,
    OUT table_name text,
    OUT tenant_id text,
    OUT request text,
    OUT current_request text,
    OUT pages bigint,
    OUT expected_pages bigint,
    OUT rows bigint,
    OUT bytes bigint,
    OUT calls bigint,
    OUT retries bigint,
    OUT refusals bigint,
    OUT waits_for text,
    OUT waits_until timestamptz,
    OUT network_wait interval,
    OUT limit_wait interval,
    OUT token_wait interval,
    OUT started_at timestamptz)
RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C STRICT VOLATILE PARALLEL RESTRICTED ROWS 10;
COMMENT ON FUNCTION wfm_stat_scans() IS 'rows of the view of the same name';

CREATE VIEW wfm_stat_scans AS
    SELECT * FROM wfm_stat_scans();
COMMENT ON VIEW wfm_stat_scans IS 'scans of foreign tables that run now, in all databases; of other roles'' scans only the first three columns, but for members of pg_read_all_stats';
COMMENT ON COLUMN wfm_stat_scans.pid IS 'process that runs the scan, as in pg_stat_activity';
COMMENT ON COLUMN wfm_stat_scans.role IS 'role that logged in to the session';
COMMENT ON COLUMN wfm_stat_scans.database IS 'database of the session';
COMMENT ON COLUMN wfm_stat_scans.server IS 'foreign server';
COMMENT ON COLUMN wfm_stat_scans.table_name IS 'foreign table, with its schema';
COMMENT ON COLUMN wfm_stat_scans.tenant_id IS 'tenant that is asked; NULL before it is known';
COMMENT ON COLUMN wfm_stat_scans.request IS 'request with column names in place of values, as EXPLAIN prints it';
COMMENT ON COLUMN wfm_stat_scans.current_request IS 'path and parameters of the request whose rows come next';
COMMENT ON COLUMN wfm_stat_scans.pages IS 'answers read to their end, over all rescans';
COMMENT ON COLUMN wfm_stat_scans.expected_pages IS 'those and the ones known to be missing; an estimate of the planner while a list has not told its length';
COMMENT ON COLUMN wfm_stat_scans.rows IS 'rows read, before PostgreSQL checks its own conditions';
COMMENT ON COLUMN wfm_stat_scans.bytes IS 'bytes of answers, decompressed, the one that is arriving included';
COMMENT ON COLUMN wfm_stat_scans.calls IS 'requests sent';
COMMENT ON COLUMN wfm_stat_scans.retries IS 'requests that are to be or were sent once more';
COMMENT ON COLUMN wfm_stat_scans.refusals IS 'answers 429 (too many requests)';
COMMENT ON COLUMN wfm_stat_scans.waits_for IS 'network, token, back-off, next fetch (a cursor at rest), or the limit in the words of wfm_stat_limits; NULL: at work';
COMMENT ON COLUMN wfm_stat_scans.waits_until IS 'when that ends, if it is known';
COMMENT ON COLUMN wfm_stat_scans.network_wait IS 'time spent waiting for the network, without the wait that lasts';
COMMENT ON COLUMN wfm_stat_scans.limit_wait IS 'time spent waiting for the limits of the API';
COMMENT ON COLUMN wfm_stat_scans.token_wait IS 'time spent waiting for an access token';
COMMENT ON COLUMN wfm_stat_scans.started_at IS 'when the first row was asked for';
GRANT SELECT ON wfm_stat_scans TO PUBLIC;

CREATE FUNCTION wfm_stat_tables(
    OUT relid oid,
    OUT scans bigint,
    OUT calls bigint,
    OUT pages bigint,
    OUT rows bigint,
    OUT bytes bigint,
    OUT retries bigint,
    OUT refusals bigint,
    OUT errors bigint,
    OUT last_error text,
    OUT last_error_at timestamptz,
    OUT values_cut bigint,
    OUT values_nulled bigint,
    OUT total_time interval,
    OUT network_wait interval,
    OUT limit_wait interval,
    OUT token_wait interval,
    OUT last_scan timestamptz,
    OUT learnt_rows bigint,
    OUT stats_since timestamptz)
RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C STRICT VOLATILE PARALLEL SAFE ROWS 100;
COMMENT ON FUNCTION wfm_stat_tables() IS 'rows of the view of the same name, also of tables that were dropped';

CREATE VIEW wfm_stat_tables AS
    SELECT s.srvname AS server, t.relid::regclass AS table_name, t.scans, t.calls, t.pages, t.rows, t.bytes,
           t.retries, t.refusals, t.errors, t.last_error, t.last_error_at, t.values_cut, t.values_nulled,
           t.total_time, t.network_wait, t.limit_wait, t.token_wait, t.last_scan, t.learnt_rows, t.stats_since
    FROM   wfm_stat_tables() t
    JOIN   pg_foreign_table f ON f.ftrelid = t.relid
    JOIN   pg_foreign_server s ON s.oid = f.ftserver;
COMMENT ON VIEW wfm_stat_tables IS 'what the foreign tables of this database were read for, one row per table read since the server was set up, crashed, or wfm_stat_reset()';
COMMENT ON COLUMN wfm_stat_tables.server IS 'foreign server';
COMMENT ON COLUMN wfm_stat_tables.table_name IS 'foreign table';
COMMENT ON COLUMN wfm_stat_tables.scans IS 'times it was begun to be read, each rescan of a join included';
COMMENT ON COLUMN wfm_stat_tables.calls IS 'requests sent';
COMMENT ON COLUMN wfm_stat_tables.pages IS 'answers read to their end';
COMMENT ON COLUMN wfm_stat_tables.rows IS 'rows read, before PostgreSQL checks its own conditions';
COMMENT ON COLUMN wfm_stat_tables.bytes IS 'bytes of answers, decompressed';
COMMENT ON COLUMN wfm_stat_tables.retries IS 'requests that had to be sent once more';
COMMENT ON COLUMN wfm_stat_tables.refusals IS 'answers 429 (too many requests)';
COMMENT ON COLUMN wfm_stat_tables.errors IS 'scans that ended in an error; a cancel is none';
COMMENT ON COLUMN wfm_stat_tables.last_error IS 'SQLSTATE of the last of them';
COMMENT ON COLUMN wfm_stat_tables.last_error_at IS 'when that was';
COMMENT ON COLUMN wfm_stat_tables.values_cut IS 'dates whose time of day was dropped';
COMMENT ON COLUMN wfm_stat_tables.values_nulled IS 'dates 0001-01-01, which mean that there is none';
COMMENT ON COLUMN wfm_stat_tables.total_time IS 'from the first row asked for to the end, of scans that ended; what else the query did meanwhile is in it, a client''s pause between two fetches is not';
COMMENT ON COLUMN wfm_stat_tables.network_wait IS 'time spent waiting for the network';
COMMENT ON COLUMN wfm_stat_tables.limit_wait IS 'time spent waiting for the limits of the API';
COMMENT ON COLUMN wfm_stat_tables.token_wait IS 'time spent waiting for an access token';
COMMENT ON COLUMN wfm_stat_tables.last_scan IS 'when it was last begun to be read';
COMMENT ON COLUMN wfm_stat_tables.learnt_rows IS 'rows of the last scan that read all of it, by which the planner goes';
COMMENT ON COLUMN wfm_stat_tables.stats_since IS 'since when these are counted';
GRANT SELECT ON wfm_stat_tables TO PUBLIC;

CREATE FUNCTION wfm_stat_info(
    OUT scans integer,
    OUT max_scans integer,
    OUT scans_not_shown bigint,
    OUT tables integer,
    OUT max_tables integer,
    OUT tables_evicted bigint)
AS 'MODULE_PATHNAME' LANGUAGE C STRICT VOLATILE PARALLEL SAFE;
COMMENT ON FUNCTION wfm_stat_info() IS 'row of the view of the same name';

CREATE VIEW wfm_stat_info AS
    SELECT * FROM wfm_stat_info();
COMMENT ON VIEW wfm_stat_info IS 'whether wfm_stat_scans and wfm_stat_tables have room for everything, in all databases';
COMMENT ON COLUMN wfm_stat_info.scans IS 'scans that are shown now';
COMMENT ON COLUMN wfm_stat_info.max_scans IS 'most that can be: wfm_fdw.max_scans';
COMMENT ON COLUMN wfm_stat_info.scans_not_shown IS 'scans that ran without being shown since the server started; they count for wfm_stat_tables all the same';
COMMENT ON COLUMN wfm_stat_info.tables IS 'tables that have statistics';
COMMENT ON COLUMN wfm_stat_info.max_tables IS 'most that can have: wfm_fdw.max_tables';
COMMENT ON COLUMN wfm_stat_info.tables_evicted IS 'times that a table lost its statistics to another since the server started';
GRANT SELECT ON wfm_stat_info TO PUBLIC;

CREATE FUNCTION wfm_stat_reset(table_name regclass DEFAULT NULL) RETURNS void
AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL RESTRICTED;
COMMENT ON FUNCTION wfm_stat_reset(regclass) IS 'forgets the statistics of a foreign table, or of all of this database';
REVOKE ALL ON FUNCTION wfm_stat_reset(regclass) FROM PUBLIC;

--
-- Tables, history, status (src/sqlapi)
--
CREATE FUNCTION wfm_api_tables(OUT api text, OUT resource text, OUT comment text, OUT key_columns text[],
    OUT joins_to text[], OUT requests text[], OUT days_a_call integer, OUT records_a_call integer,
    OUT one_call_for_each text)
RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C STRICT IMMUTABLE PARALLEL SAFE ROWS 250;
COMMENT ON FUNCTION wfm_api_tables() IS 'every table that each API has, whether imported or not';

CREATE FUNCTION wfm_api_columns(OUT api text, OUT resource text, OUT column_name text, OUT type text,
    OUT is_key boolean, OUT is_input_only boolean, OUT is_list boolean, OUT refers_to text, OUT comment text)
RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C STRICT IMMUTABLE PARALLEL SAFE ROWS 3000;
COMMENT ON FUNCTION wfm_api_columns() IS 'every column of every table that each API has, whether imported or not';

CREATE FUNCTION wfm_options(OUT object text, OUT option text, OUT type text, OUT default_value text,
    OUT description text)
RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C STRICT IMMUTABLE PARALLEL SAFE ROWS 20;
COMMENT ON FUNCTION wfm_options() IS 'every option of servers, foreign tables, columns and IMPORT FOREIGN SCHEMA, with what it says';

CREATE VIEW wfm_tables AS
    WITH options AS (
        SELECT s.srvname, c.oid AS relid, n.nspname, k.api,
               (SELECT option_value FROM pg_options_to_table(t.ftoptions) WHERE option_name = 'resource') AS resource,
               coalesce((SELECT option_value FROM pg_options_to_table(t.ftoptions) WHERE option_name = 'history_from'),
                        (SELECT option_value FROM pg_options_to_table(s.srvoptions) WHERE option_name = 'history_from'),
                        '2000-01-01')::date AS history_from,
               (SELECT option_value FROM pg_options_to_table(s.srvoptions) WHERE option_name = 'tenants') AS tenants
        FROM   pg_foreign_table t
        JOIN   pg_class c ON c.oid = t.ftrelid
        JOIN   pg_namespace n ON n.oid = c.relnamespace
        JOIN   pg_foreign_server s ON s.oid = t.ftserver
        JOIN   pg_foreign_data_wrapper w ON w.oid = s.srvfdw AND w.fdwname = 'wfm_fdw'
        LEFT JOIN @extschema@.wfm_connections k ON k.name =
               (SELECT option_value FROM pg_options_to_table(s.srvoptions) WHERE option_name = 'connection'))
    SELECT o.srvname AS server, o.relid::regclass AS table_name, o.api, o.resource, a.comment,
           CASE WHEN o.tenants IS NULL THEN a.key_columns
                ELSE 'tenant_id'::text || a.key_columns END AS key_columns,
           a.joins_to, a.requests,
           CASE WHEN a.one_call_for_each IS NOT NULL THEN NULL
                WHEN a.days_a_call IS NOT NULL
                THEN ceil((current_date + 367 - o.history_from + 1)::numeric / a.days_a_call)::integer
                ELSE 1 END
           * CASE WHEN o.tenants IS NULL OR o.tenants = '*' THEN 1
                  ELSE array_length(string_to_array(o.tenants, ','), 1) END AS calls_of_full_read,
           a.records_a_call, a.one_call_for_each
    FROM   options o
    LEFT JOIN @extschema@.wfm_api_tables() a ON a.api = o.api AND a.resource = o.resource;
COMMENT ON VIEW wfm_tables IS 'foreign tables of wfm_fdw: what they hold, how they join, what reading them costs';
COMMENT ON COLUMN wfm_tables.server IS 'foreign server';
COMMENT ON COLUMN wfm_tables.table_name IS 'foreign table';
COMMENT ON COLUMN wfm_tables.api IS 'the API and its version';
COMMENT ON COLUMN wfm_tables.resource IS 'what the table holds, by the option "resource"';
COMMENT ON COLUMN wfm_tables.comment IS 'the same in words';
COMMENT ON COLUMN wfm_tables.key_columns IS 'columns that identify a row';
COMMENT ON COLUMN wfm_tables.joins_to IS 'columns that refer to other tables';
COMMENT ON COLUMN wfm_tables.requests IS 'requests that deliver rows, with the columns whose values go into them';
COMMENT ON COLUMN wfm_tables.calls_of_full_read IS 'calls that read the whole table, or its first page if records_a_call is set, of each tenant where all are read; NULL if it is one for each row of another table';
COMMENT ON COLUMN wfm_tables.records_a_call IS 'records that one call brings, where the list comes in pages';
COMMENT ON COLUMN wfm_tables.one_call_for_each IS 'table of which each row costs one call';
GRANT SELECT ON wfm_tables TO PUBLIC;

CREATE FUNCTION wfm_comment_schema(schema regnamespace) RETURNS integer
LANGUAGE plpgsql VOLATILE STRICT
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    item record;
    done integer := 0;
BEGIN
    FOR item IN
        SELECT t.table_name, t.comment, t.key_columns
        FROM   @extschema@.wfm_tables t
        JOIN   pg_class c ON c.oid = t.table_name
        WHERE  c.relnamespace = schema AND t.comment IS NOT NULL
    LOOP
        EXECUTE format('COMMENT ON FOREIGN TABLE %s IS %L', item.table_name,
                       item.comment || coalesce('; key: ' || array_to_string(item.key_columns, ', '), ''));
        done := done + 1;
    END LOOP;
    FOR item IN
        SELECT t.table_name, a.column_name, a.comment, a.refers_to
        FROM   @extschema@.wfm_tables t
        JOIN   pg_class c ON c.oid = t.table_name
        JOIN   @extschema@.wfm_api_columns() a ON a.api = t.api AND a.resource = t.resource
        JOIN   pg_attribute f ON f.attrelid = c.oid AND f.attname = a.column_name AND NOT f.attisdropped
        WHERE  c.relnamespace = schema
    LOOP
        EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', item.table_name, item.column_name,
                       item.comment || coalesce('; see ' || item.refers_to, ''));
    END LOOP;
    RETURN done;
END $$;
COMMENT ON FUNCTION wfm_comment_schema(regnamespace) IS 'describe the foreign tables of a schema and their columns by COMMENT ON; returns how many tables';

-- for tools that do not look at foreign tables (doc/bi.md)
CREATE FUNCTION wfm_create_views(server name, schema regnamespace, source regnamespace DEFAULT NULL)
RETURNS SETOF regclass
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    item record;
    old record;
    detail record;
    twice text;
    found_any boolean := false;
BEGIN
    IF server IS NULL OR schema IS NULL THEN
        RETURN;
    END IF;
    PERFORM FROM pg_foreign_server s JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw
    WHERE s.srvname = server AND w.fdwname = 'wfm_fdw';
    IF NOT FOUND THEN
        RAISE EXCEPTION 'server "%" of wfm_fdw does not exist', server USING ERRCODE = 'undefined_object';
    END IF;

    FOR item IN
        SELECT t.oid, t.table_name, t.relname, t.columns, format('%s.%I', schema, t.relname) AS view_name,
               count(*) OVER same_name AS same_name, string_agg(t.table_name, ', ') OVER same_name AS tables
        FROM  (SELECT c.oid, c.oid::regclass::text AS table_name, c.relname,
                      array_agg(a.attname ORDER BY a.attnum) AS columns
               FROM   pg_foreign_table f
               JOIN   pg_foreign_server s ON s.oid = f.ftserver AND s.srvname = server
               JOIN   pg_class c ON c.oid = f.ftrelid
               JOIN   pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
               WHERE  c.relnamespace = coalesce(source, c.relnamespace)
               AND    has_column_privilege(c.oid, a.attnum, 'SELECT')
               AND    a.attname NOT IN (SELECT column_name FROM @extschema@.wfm_api_columns() WHERE is_input_only)
               GROUP  BY c.oid) t
        WINDOW same_name AS (PARTITION BY t.relname ORDER BY t.table_name
                             ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
        ORDER  BY t.table_name
    LOOP
        found_any := true;
        IF item.same_name > 1 THEN
            RAISE EXCEPTION 'foreign tables % would become the same view %', item.tables, item.view_name
                USING ERRCODE = 'duplicate_table',
                      HINT = 'Name the schema of the foreign tables as the third argument.';
        END IF;

        -- A view is ours if it is what this function writes, and nothing
        -- else: whatever a user added must not be lost.  Up to version 15 the
        -- server prints the columns with the table's name in front.
        SELECT v.oid, v.columns, v.options,
               v.body = ANY (ARRAY(
                   SELECT regexp_replace(format('SELECT%sFROM%s;',
                              (SELECT string_agg(prefix || quote_ident(name), ',' ORDER BY n)
                               FROM   unnest(v.columns) WITH ORDINALITY AS u (name, n)),
                              item.table_name), '\s', '', 'g')
                   FROM   unnest(ARRAY['', quote_ident(item.relname) || '.']) AS prefix)) AS ours
        INTO   old
        FROM  (SELECT c.oid, array_to_string(c.reloptions, ', ') AS options,
                      CASE c.relkind WHEN 'v' THEN regexp_replace(pg_get_viewdef(c.oid), '\s', '', 'g') END AS body,
                      ARRAY(SELECT a.attname FROM pg_attribute a
                            WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                            ORDER BY a.attnum) AS columns
               FROM   pg_class c WHERE c.relnamespace = schema AND c.relname = item.relname) v;
        IF old.oid IS NOT NULL AND old.ours IS NOT TRUE THEN
            RAISE EXCEPTION '% exists and is not a plain view of %', item.view_name, item.table_name
                USING ERRCODE = 'duplicate_table',
                      HINT = 'Drop or rename it, or choose another schema for the views.';
        END IF;
        -- CREATE OR REPLACE forgets the options of a view and locks out its
        -- readers: it runs only if there are columns to add
        IF old.columns IS DISTINCT FROM item.columns THEN
            EXECUTE format('CREATE OR REPLACE VIEW %s %s AS SELECT %s FROM %s',
                           item.view_name, 'WITH (' || old.options || ')',
                           (SELECT string_agg(quote_ident(name), ', ' ORDER BY n)
                            FROM   unnest(item.columns) WITH ORDINALITY AS u (name, n)),
                           item.table_name);
        END IF;

        -- Comments are those of the foreign table, or else the catalogue's
        FOR detail IN
            SELECT format('VIEW %s', item.view_name) AS object,
                   coalesce(obj_description(item.oid, 'pg_class'),
                            t.comment || coalesce('; key: ' || array_to_string(t.key_columns, ', '), '')) AS comment
            FROM   @extschema@.wfm_tables t WHERE t.table_name = item.oid
            UNION ALL
            SELECT format('COLUMN %s.%I', item.view_name, a.attname),
                   coalesce(col_description(item.oid, a.attnum), k.comment || coalesce('; see ' || k.refers_to, ''))
            FROM   @extschema@.wfm_tables t
            JOIN   pg_attribute a ON a.attrelid = item.oid AND a.attname = ANY (item.columns)
            LEFT JOIN @extschema@.wfm_api_columns() k
                   ON k.api = t.api AND k.resource = t.resource AND k.column_name = a.attname
            WHERE  t.table_name = item.oid
        LOOP
            EXECUTE format('COMMENT ON %s IS %L', detail.object, detail.comment);
        END LOOP;
        RETURN NEXT item.view_name;
    END LOOP;
    IF NOT found_any THEN
        RAISE EXCEPTION 'server "%" has no foreign tables that "%" may read', server, current_user
            USING ERRCODE = 'undefined_table',
                  HINT = 'Make them with IMPORT FOREIGN SCHEMA, or ask their owner for SELECT on them.';
    END IF;
END $$;
COMMENT ON FUNCTION wfm_create_views(name, regnamespace, regnamespace) IS 'make or complete a view of each foreign table of a server, without its input columns, in a schema; of the tables of the source schema only, if one is named';

CREATE FUNCTION wfm_id_map(server name)
RETURNS TABLE (resource text, legacy_id integer, uuid uuid, name text)
LANGUAGE plpgsql VOLATILE STRICT
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    item record;
BEGIN
    FOR item IN
        SELECT DISTINCT ON (t.resource) t.resource, t.table_name,
               (SELECT quote_ident(a.attname) FROM pg_attribute a
                WHERE a.attrelid = t.table_name AND a.attname IN ('name', 'description', 'title')
                ORDER BY array_position('{name,title,description}'::name[], a.attname) LIMIT 1) AS label
        FROM   @extschema@.wfm_tables t
        WHERE  t.server = wfm_id_map.server AND t.one_call_for_each IS NULL
        AND    2 = (SELECT count(*) FROM pg_attribute a WHERE a.attrelid = t.table_name
                    AND a.attname IN ('legacy_id', 'uuid') AND NOT a.attisdropped)
        ORDER  BY t.resource, t.table_name::text
    LOOP
        RETURN QUERY EXECUTE format(
            'SELECT DISTINCT %L::text, t.legacy_id, t.uuid, %s::text FROM %s t WHERE t.legacy_id IS NOT NULL AND t.uuid IS NOT NULL',
            item.resource, coalesce('t.' || item.label, 'NULL'), item.table_name);
    END LOOP;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'server "%" has no foreign tables with both integer ids and UUIDs', server
            USING ERRCODE = 'undefined_table',
                  HINT = 'Name a server of practicemanager/3.0 whose tables IMPORT FOREIGN SCHEMA has made.';
    END IF;
END $$;
COMMENT ON FUNCTION wfm_id_map(name) IS 'integer ids of practicemanager/3.0 and the UUIDs that replace them, of everything that has both; reads the server''s tables';

CREATE FUNCTION wfm_history(server name,
    OUT table_name regclass, OUT earliest date, OUT calls_of_full_read integer, OUT calls_then integer,
    OUT statement text)
RETURNS SETOF record
LANGUAGE plpgsql VOLATILE STRICT
SET search_path = pg_catalog, pg_temp
SET datestyle = 'ISO, YMD' AS $$
DECLARE
    item record;
    first date;
    has_rows boolean;
    overall date;
    width constant integer := 363;
BEGIN
    PERFORM FROM pg_foreign_server s WHERE s.srvname = server;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'server "%" does not exist', server USING ERRCODE = 'undefined_object';
    END IF;
    PERFORM FROM @extschema@.wfm_tables t WHERE t.server = wfm_history.server;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'server "%" has no foreign tables', server
            USING ERRCODE = 'undefined_table', HINT = 'Make them with IMPORT FOREIGN SCHEMA.';
    END IF;

    -- lists in records come with the records, so their tables need no asking
    FOR item IN
        SELECT t.table_name, a.days_a_call, t.calls_of_full_read,
               EXISTS (SELECT FROM pg_attribute f WHERE f.attrelid = t.table_name
                       AND f.attname = '_listed_from' AND NOT f.attisdropped) AS by_window,
               EXISTS (SELECT FROM pg_options_to_table(ft.ftoptions) WHERE option_name = 'history_from') AS has_own,
               coalesce((SELECT option_value FROM pg_options_to_table(ft.ftoptions) WHERE option_name = 'history_from'),
                        (SELECT option_value FROM pg_options_to_table(s.srvoptions) WHERE option_name = 'history_from'),
                        '2000-01-01')::date AS history_from
        FROM   @extschema@.wfm_tables t
        JOIN   pg_foreign_table ft ON ft.ftrelid = t.table_name
        JOIN   pg_foreign_server s ON s.oid = ft.ftserver
        JOIN   @extschema@.wfm_api_tables() a ON a.api = t.api AND a.resource = t.resource
        WHERE  t.server = wfm_history.server AND a.days_a_call IS NOT NULL
        AND    NOT EXISTS (SELECT FROM @extschema@.wfm_api_tables() p
                           WHERE p.api = a.api AND p.days_a_call IS NOT NULL
                           AND starts_with(a.resource, p.resource || '_'))
        ORDER  BY t.table_name::text
    LOOP
        earliest := NULL;
        IF item.by_window THEN
            -- which date the window tests is not known: the windows tell
            first := item.history_from;
            WHILE first <= current_date + 367 LOOP
                EXECUTE format('SELECT EXISTS (SELECT FROM %s WHERE _listed_from = %L AND _listed_to = %L)',
                               item.table_name, first, first + width) INTO has_rows;
                IF has_rows THEN
                    earliest := first;
                    EXIT;
                END IF;
                first := first + width;
            END LOOP;
        ELSE
            EXECUTE format('SELECT min(date) FROM %s', item.table_name) INTO earliest;
        END IF;

        table_name := item.table_name;
        calls_of_full_read := item.calls_of_full_read;
        calls_then := ceil((current_date + 367 - coalesce(earliest, current_date) + 1)::numeric / item.days_a_call);
        statement := CASE WHEN earliest > item.history_from THEN
            format('ALTER FOREIGN TABLE %s OPTIONS (%s history_from %L)', item.table_name,
                   CASE WHEN item.has_own THEN 'SET' ELSE 'ADD' END, earliest) END;
        overall := least(overall, earliest);
        RETURN NEXT;
    END LOOP;

    -- the last row is for the server as a whole
    table_name := NULL;
    earliest := overall;
    calls_of_full_read := NULL;
    calls_then := NULL;
    SELECT format('ALTER SERVER %I OPTIONS (%s history_from %L)', server,
                  CASE WHEN h.option_value IS NULL THEN 'ADD' ELSE 'SET' END, overall)
    INTO   statement
    FROM   pg_foreign_server s
    LEFT JOIN LATERAL (SELECT option_value FROM pg_options_to_table(s.srvoptions) o
                       WHERE o.option_name = 'history_from') h ON true
    WHERE  s.srvname = server AND overall > coalesce(h.option_value, '2000-01-01')::date;
    RETURN NEXT;
END $$;
COMMENT ON FUNCTION wfm_history(name) IS 'reads the lists of a server that come in windows of dates, says how far back each goes, and the statement that spares the calls for the time before; the last row is for all tables';
