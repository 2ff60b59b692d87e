-- The extension, and a connection to an account.  Here the simulator plays
-- the vendor, so the row names its addresses; with the real one they are left
-- out, and the credentials come from wfm_import_credentials('file').
CREATE EXTENSION wfm_fdw;
INSERT INTO wfm_connections (name, api, client_id, client_secret, refresh_token, tenant_id,
                             api_url, token_url, authorize_url, connections_url)
VALUES ('acme', 'practicemanager/3.1', 'sim-client', 'sim-secret', 'sim-refresh-token', :'tenant',
        :'url' || '/practicemanager/3.1/', :'url' || '/connect/token',
        :'url' || '/identity/connect/authorize', :'url' || '/connections');

-- A server, and its tables in a schema.  This sends nothing.
CREATE SERVER acme FOREIGN DATA WRAPPER wfm_fdw
    OPTIONS (connection 'acme', history_from '2020-01-01');
CREATE SCHEMA acme;
IMPORT FOREIGN SCHEMA wfm FROM SERVER acme INTO acme;

-- A table of our own: the hours each client has agreed to.
CREATE TABLE budget (client_uuid uuid PRIMARY KEY, hours numeric NOT NULL);
