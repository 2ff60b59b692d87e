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

--
-- Tables, history, status (src/sqlapi)
--
