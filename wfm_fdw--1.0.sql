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

--
-- Limits (src/limit)
--

CREATE FUNCTION wfm_stat_limits(
    OUT client_id text,
    OUT tenant_id text,
    OUT calls_last_minute integer,
    OUT minute_left integer,
    OUT calls_last_day integer,
    OUT day_left integer,
    OUT app_calls_last_minute integer,
    OUT in_flight integer,
    OUT most_in_flight integer,
    OUT concurrent_allowed integer,
    OUT waiting integer,
    OUT longest_wait interval,
    OUT blocked_until timestamptz,
    OUT blocked_by text,
    OUT refusals bigint)
RETURNS SETOF record
AS 'MODULE_PATHNAME' LANGUAGE C STRICT VOLATILE ROWS 10;
COMMENT ON FUNCTION wfm_stat_limits() IS 'how far each tenant''s limits are used; see the view of the same name';
REVOKE ALL ON FUNCTION wfm_stat_limits() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wfm_stat_limits() TO pg_read_all_stats;

CREATE VIEW wfm_stat_limits AS
    SELECT * FROM wfm_stat_limits();
COMMENT ON VIEW wfm_stat_limits IS 'how far the API''s limits are used, one row per app and tenant called since the server started or kept over a clean restart';
COMMENT ON COLUMN wfm_stat_limits.client_id IS 'the app, by its client id';
COMMENT ON COLUMN wfm_stat_limits.tenant_id IS 'the tenant (organisation) called';
COMMENT ON COLUMN wfm_stat_limits.calls_last_minute IS 'calls under way or answered within the last minute';
COMMENT ON COLUMN wfm_stat_limits.minute_left IS 'calls that the minute limit still allows';
COMMENT ON COLUMN wfm_stat_limits.calls_last_day IS 'calls under way or answered within the last 24 hours, or since the API said that its day begins anew';
COMMENT ON COLUMN wfm_stat_limits.day_left IS 'calls that the day limit still allows';
COMMENT ON COLUMN wfm_stat_limits.app_calls_last_minute IS 'calls of the app to all its tenants within the last minute';
COMMENT ON COLUMN wfm_stat_limits.in_flight IS 'calls under way';
COMMENT ON COLUMN wfm_stat_limits.most_in_flight IS 'most calls that were under way at once';
COMMENT ON COLUMN wfm_stat_limits.concurrent_allowed IS 'calls allowed at once: the setting, or less for a while after the API refused one for this reason';
COMMENT ON COLUMN wfm_stat_limits.waiting IS 'calls that wait for their turn';
COMMENT ON COLUMN wfm_stat_limits.longest_wait IS 'how long the first of them has waited';
COMMENT ON COLUMN wfm_stat_limits.blocked_until IS 'no call goes out before this time';
COMMENT ON COLUMN wfm_stat_limits.blocked_by IS 'why: told to wait, day limit, minute limit of the app, API keeps failing';
COMMENT ON COLUMN wfm_stat_limits.refusals IS 'answers 429 (too many requests) seen';
GRANT SELECT ON wfm_stat_limits TO pg_read_all_stats;

--
-- Tables, history, status (src/sqlapi)
--
