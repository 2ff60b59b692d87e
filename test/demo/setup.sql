-- The extension, and a connection: what the file holds is sealed at once.
CREATE EXTENSION wfm_fdw;
SELECT * FROM wfm_import_credentials(:'credentials');

-- A server, and its tables in a schema.  This sends nothing.
CREATE SERVER acme FOREIGN DATA WRAPPER wfm_fdw
    OPTIONS (connection 'acme', history_from '2020-01-01');
CREATE SCHEMA acme;
IMPORT FOREIGN SCHEMA wfm FROM SERVER acme INTO acme;

-- A table of our own: the hours each client has agreed to.
CREATE TABLE budget (client_uuid uuid PRIMARY KEY, hours numeric NOT NULL);
