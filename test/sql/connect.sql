\set saved_echo :ECHO
\set ECHO none
-- connect.sql: a connection "acme" to the simulator, its server, and every
-- table of Practice Manager 3.1 in the schema acme.  A regression test has
--
--     \getenv sql WFM_SQL
--     \set connect :sql '/connect.sql'
--     \i :connect
--
-- What it does is not echoed, so that ports and ids stay out of the output.
\getenv url WFM_SIM_URL
\getenv tenant WFM_SIM_PRACTICEMANAGER
SET client_min_messages = error;
INSERT INTO wfm_connections (name, api, client_id, client_secret, refresh_token,
                             tenant_id, api_url, token_url, authorize_url, connections_url,
                             calls_per_minute)
VALUES ('acme', 'practicemanager/3.1', 'sim-client', 'sim-secret', 'sim-refresh-token',
        :'tenant', :'url' || '/practicemanager/3.1/', :'url' || '/connect/token',
        :'url' || '/identity/connect/authorize', :'url' || '/connections', 600)
ON CONFLICT (name) DO NOTHING;
CREATE SERVER IF NOT EXISTS acme FOREIGN DATA WRAPPER wfm_fdw OPTIONS (connection 'acme');
DROP SCHEMA IF EXISTS acme CASCADE;
CREATE SCHEMA acme;
IMPORT FOREIGN SCHEMA wfm FROM SERVER acme INTO acme;
RESET client_min_messages;
\set ECHO :saved_echo
