/* wfm_fdw--0.9.sql: an earlier version, for the test of updates */

-- complain if the script is sourced in psql rather than by CREATE EXTENSION
\echo Use "CREATE EXTENSION wfm_fdw" to load this file. \quit

--
-- Before 1.0 there was no consent inside the database, no owner of a
-- connection, no view of limits and no catalogue as rows.
--

CREATE FUNCTION wfm_fdw_handler() RETURNS fdw_handler
AS 'MODULE_PATHNAME' LANGUAGE C STRICT;

CREATE FUNCTION wfm_fdw_validator(options text[], catalog oid) RETURNS void
AS 'MODULE_PATHNAME' LANGUAGE C STRICT;

CREATE FOREIGN DATA WRAPPER wfm_fdw
    HANDLER wfm_fdw_handler VALIDATOR wfm_fdw_validator;

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
    refresh_token_days integer
);
COMMENT ON TABLE wfm_connections IS 'apps registered with the vendor';
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
    tenants text
);

REVOKE ALL ON TABLE wfm_connections, wfm_tokens FROM PUBLIC;

CREATE FUNCTION wfm_connections_seal() RETURNS trigger
AS 'MODULE_PATHNAME' LANGUAGE C;
CREATE FUNCTION wfm_connections_store() RETURNS trigger
AS 'MODULE_PATHNAME' LANGUAGE C;

CREATE TRIGGER wfm_seal BEFORE INSERT OR UPDATE ON wfm_connections
    FOR EACH ROW EXECUTE FUNCTION wfm_connections_seal();
CREATE TRIGGER wfm_store AFTER INSERT OR UPDATE OR DELETE ON wfm_connections
    FOR EACH ROW EXECUTE FUNCTION wfm_connections_store();
ALTER TABLE wfm_connections ENABLE ALWAYS TRIGGER wfm_seal;

CREATE FUNCTION wfm_import_credentials(path text) RETURNS SETOF text
AS 'MODULE_PATHNAME' LANGUAGE C STRICT VOLATILE;

CREATE FUNCTION wfm_refresh(connection text) RETURNS void
AS 'MODULE_PATHNAME' LANGUAGE C STRICT VOLATILE;

CREATE FUNCTION wfm_connection_status(
    OUT name text, OUT api text, OUT state text,
    OUT generation bigint, OUT expires_at timestamptz,
    OUT last_error text, OUT last_error_detail text)
RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C STRICT VOLATILE PARALLEL RESTRICTED;

CREATE VIEW wfm_stat_connections AS
    SELECT * FROM wfm_connection_status();
GRANT SELECT ON wfm_stat_connections TO PUBLIC;
