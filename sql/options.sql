-- Options of servers, tables, columns and user mappings: what is accepted, and
-- what is said of the rest.  Nothing here looks for a connection: a dump
-- restores servers before the rows of wfm_connections.
\set SHOW_CONTEXT never

-- A server needs a connection, by name alone.
CREATE SERVER bare FOREIGN DATA WRAPPER wfm_fdw; \echo :SQLSTATE
CREATE SERVER bare FOREIGN DATA WRAPPER wfm_fdw OPTIONS (connection ''); \echo :SQLSTATE
CREATE SERVER opts FOREIGN DATA WRAPPER wfm_fdw OPTIONS (connection 'not there yet');
ALTER SERVER opts OPTIONS (DROP connection); \echo :SQLSTATE

-- Every option of a server
ALTER SERVER opts OPTIONS (tenant_id '0b2c1f9e-1f6d-4f0c-8a7e-000000000001',
    history_from '2020-02-29', push_assumed 'off', latency_ms '80.5', call_cost '0');
SELECT unnest(srvoptions) FROM pg_foreign_server WHERE srvname = 'opts';
ALTER SERVER opts OPTIONS (SET history_from '2021-02-29'); \echo :SQLSTATE
ALTER SERVER opts OPTIONS (SET history_from '29.02.2020'); \echo :SQLSTATE
ALTER SERVER opts OPTIONS (SET history_from '2020-02-29 '); \echo :SQLSTATE
ALTER SERVER opts OPTIONS (SET push_assumed 'perhaps'); \echo :SQLSTATE
ALTER SERVER opts OPTIONS (SET latency_ms '-1'); \echo :SQLSTATE
ALTER SERVER opts OPTIONS (SET call_cost 'NaN'); \echo :SQLSTATE
ALTER SERVER opts OPTIONS (SET tenant_id E'x\r\nHost: y'); \echo :SQLSTATE

-- Unknown ones
ALTER SERVER opts OPTIONS (ADD conection 'acme'); \echo :SQLSTATE
ALTER SERVER opts OPTIONS (ADD "Connection" 'acme'); \echo :SQLSTATE
ALTER SERVER opts OPTIONS (ADD history '2020-01-01'); \echo :SQLSTATE
ALTER SERVER opts OPTIONS (ADD zzzzzzzzzzzzzzzz '1'); \echo :SQLSTATE
ALTER SERVER opts OPTIONS (ADD api_url 'https://elsewhere.example/'); \echo :SQLSTATE

-- Those that would show a secret to everybody
ALTER SERVER opts OPTIONS (ADD client_secret 'canary'); \echo :SQLSTATE
ALTER SERVER opts OPTIONS (ADD "Password" 'canary'); \echo :SQLSTATE
CREATE USER MAPPING FOR CURRENT_USER SERVER opts OPTIONS (refresh_token 'canary'); \echo :SQLSTATE
CREATE USER MAPPING FOR CURRENT_USER SERVER opts OPTIONS (username 'me'); \echo :SQLSTATE
CREATE USER MAPPING FOR CURRENT_USER SERVER opts;
DROP USER MAPPING FOR CURRENT_USER SERVER opts;
ALTER FOREIGN DATA WRAPPER wfm_fdw OPTIONS (ADD connection 'acme'); \echo :SQLSTATE

-- Tables
CREATE FOREIGN TABLE opts_table (uuid uuid) SERVER opts; \echo :SQLSTATE
CREATE FOREIGN TABLE opts_table (uuid uuid) SERVER opts OPTIONS (resource ''); \echo :SQLSTATE
CREATE FOREIGN TABLE opts_table (uuid uuid) SERVER opts OPTIONS (table_name 'client'); \echo :SQLSTATE
CREATE FOREIGN TABLE opts_table (uuid uuid) SERVER opts OPTIONS (resource 'client', connection 'acme'); \echo :SQLSTATE
CREATE FOREIGN TABLE opts_table (uuid uuid) SERVER opts OPTIONS (resource 'client', resources 'client'); \echo :SQLSTATE
CREATE FOREIGN TABLE opts_table (uuid uuid) SERVER opts OPTIONS (resource 'client', token 'canary'); \echo :SQLSTATE
CREATE FOREIGN TABLE opts_table (uuid uuid) SERVER opts
    OPTIONS (resource 'time_entry', window_column 'date'); \echo :SQLSTATE
CREATE FOREIGN TABLE opts_table (uuid uuid) SERVER opts
    OPTIONS (resource 'time_entry', window_column '', push_assumed 'true', history_from '2024-01-01');
ALTER FOREIGN TABLE opts_table OPTIONS (DROP resource); \echo :SQLSTATE
ALTER FOREIGN TABLE opts_table OPTIONS (SET history_from 'yesterday'); \echo :SQLSTATE

-- Columns
ALTER FOREIGN TABLE opts_table ALTER COLUMN uuid OPTIONS (field ''); \echo :SQLSTATE
ALTER FOREIGN TABLE opts_table ALTER COLUMN uuid OPTIONS (feild 'UUID'); \echo :SQLSTATE
ALTER FOREIGN TABLE opts_table ALTER COLUMN uuid OPTIONS (column_name 'UUID'); \echo :SQLSTATE
ALTER FOREIGN TABLE opts_table ALTER COLUMN uuid OPTIONS (secret 'canary'); \echo :SQLSTATE
ALTER FOREIGN TABLE opts_table ALTER COLUMN uuid OPTIONS (field 'UUID');
SELECT attfdwoptions FROM pg_attribute WHERE attrelid = 'opts_table'::regclass AND attname = 'uuid';

DROP SERVER opts CASCADE;
