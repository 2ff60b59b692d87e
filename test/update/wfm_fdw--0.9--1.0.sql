/* wfm_fdw--0.9--1.0.sql: the update, without what "install" adds to it */

-- complain if the script is sourced in psql rather than by ALTER EXTENSION
\echo Use "ALTER EXTENSION wfm_fdw UPDATE TO '1.0'" to load this file. \quit

--
-- The library reads the columns of its tables by their places, so a new one
-- stands last, in the script of a new version too, and none is ever dropped.
--
ALTER TABLE wfm_connections ADD COLUMN owner name COLLATE "C" NOT NULL DEFAULT current_user;

ALTER TABLE wfm_tokens
    ADD COLUMN consented_by text,
    ADD COLUMN consented_at timestamptz,
    ADD COLUMN consent_state text COLLATE "C",
    ADD COLUMN consent_verifier text COLLATE "C",
    ADD COLUMN consent_asked_at timestamptz,
    ADD COLUMN database oid;

ALTER TABLE wfm_connections ENABLE ALWAYS TRIGGER wfm_store;

CREATE FUNCTION wfm_connections_no_truncate() RETURNS trigger
AS 'MODULE_PATHNAME' LANGUAGE C;
REVOKE ALL ON FUNCTION wfm_connections_seal(), wfm_connections_store(), wfm_connections_no_truncate() FROM PUBLIC;
CREATE TRIGGER wfm_no_truncate BEFORE TRUNCATE ON wfm_connections
    FOR EACH STATEMENT EXECUTE FUNCTION wfm_connections_no_truncate();
ALTER TABLE wfm_connections ENABLE ALWAYS TRIGGER wfm_no_truncate;

CREATE FUNCTION wfm_tokens_ignore_replicated() RETURNS trigger
LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
REVOKE ALL ON FUNCTION wfm_tokens_ignore_replicated() FROM PUBLIC;
CREATE TRIGGER wfm_ignore_replicated BEFORE INSERT OR UPDATE OR DELETE ON wfm_tokens
    FOR EACH ROW EXECUTE FUNCTION wfm_tokens_ignore_replicated();
ALTER TABLE wfm_tokens ENABLE REPLICA TRIGGER wfm_ignore_replicated;

-- their columns change, which OR REPLACE cannot do
DROP VIEW wfm_stat_connections;
DROP FUNCTION wfm_connection_status();
