-- wfm_create_views: plain views over the foreign tables, for tools that do
-- not look at foreign tables.
\getenv sql WFM_SQL
\set connect :sql '/connect.sql'
\i :connect
\set SHOW_CONTEXT never
\! $WFM_CONTROL mark
CREATE SCHEMA bi;

-- One view for each table, without the columns that are input only
SELECT count(*) = (SELECT count(*) FROM wfm_tables WHERE table_name::text LIKE 'acme.%') AS all_of_them FROM wfm_create_views('acme', 'bi', 'acme');
SELECT count(*) = (SELECT count(*) FROM wfm_tables WHERE table_name::text LIKE 'acme.%') AS one_each,
       bool_and(relkind = 'v') AS views, count(reloptions) AS with_options
FROM   pg_class WHERE relnamespace = 'bi'::regnamespace;
SELECT c.relname, array_agg(attname ORDER BY attnum) FILTER (WHERE attname LIKE '\_%') AS input,
       bool_and(EXISTS (SELECT FROM pg_attribute v WHERE v.attrelid = ('bi.' || c.relname)::regclass
                        AND (v.attname, v.atttypid, v.atttypmod) = (a.attname, a.atttypid, a.atttypmod)))
           FILTER (WHERE attname NOT LIKE '\_%') AS others_same
FROM   pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
WHERE  c.relnamespace = 'acme'::regnamespace AND c.relname IN ('client', 'job', 'staff') AND attnum > 0
GROUP  BY c.relname ORDER BY c.relname;
SELECT count(*) FROM pg_attribute WHERE attrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'bi'::regnamespace)
AND    attname IN (SELECT column_name FROM wfm_api_columns() WHERE is_input_only);

-- Comments
SELECT obj_description('bi.staff'::regclass);
SELECT attname, col_description(attrelid, attnum) FROM pg_attribute
WHERE  attrelid = 'bi.staff'::regclass AND attnum > 0 ORDER BY attnum;
SELECT count(*) FROM pg_class c WHERE relnamespace = 'bi'::regnamespace AND obj_description(oid, 'pg_class') IS NULL;
SELECT count(*) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE  relnamespace = 'bi'::regnamespace AND attnum > 0 AND col_description(c.oid, attnum) IS NULL;
COMMENT ON FOREIGN TABLE acme.staff IS 'who''s who';
COMMENT ON COLUMN acme.staff.phone IS 'desk "phone"';

-- Again: what is there stays, with its options, rights and dependents; comments follow the table's
ALTER VIEW bi.staff SET (security_barrier = true);
CREATE VIEW phones AS SELECT phone FROM bi.staff;
CREATE ROLE regress_wfm_reader;
GRANT SELECT ON bi.staff TO regress_wfm_reader;
SELECT 'bi.staff'::regclass::oid AS staff_view \gset
SELECT count(*) = (SELECT count(*) FROM wfm_tables WHERE table_name::text LIKE 'acme.%') AS all_of_them FROM wfm_create_views('acme', 'bi', 'acme');
SELECT oid = :staff_view AS same, reloptions, has_table_privilege('regress_wfm_reader', oid, 'SELECT') AS may,
       obj_description(oid), col_description(oid, 5) IS NOT NULL AS other_comment
FROM   pg_class WHERE oid = 'bi.staff'::regclass;
SELECT col_description(attrelid, attnum) FROM pg_attribute WHERE attrelid = 'bi.staff'::regclass AND attname = 'phone';

-- A column more, also with options that are set
ALTER FOREIGN TABLE acme.staff ADD COLUMN pager text OPTIONS (field 'Pager');
SELECT count(*) > 20 AS done FROM wfm_create_views('acme', 'bi', 'acme');
SELECT oid = :staff_view AS same, reloptions FROM pg_class WHERE oid = 'bi.staff'::regclass;
SELECT attname, attnum = max(attnum) OVER () AS last FROM pg_attribute WHERE attrelid = 'bi.staff'::regclass ORDER BY attnum DESC LIMIT 1;
SELECT col_description(attrelid, attnum) IS NULL AS not_in_the_catalogue FROM pg_attribute WHERE attrelid = 'bi.staff'::regclass AND attname = 'pager';

-- What somebody else made, or changed, is never touched
CREATE OR REPLACE VIEW bi.job_current AS SELECT * FROM (TABLE bi.job_current) j WHERE budget > 0;
SELECT wfm_create_views('acme', 'bi', 'acme'); \echo :SQLSTATE
DROP VIEW bi.job_current;
CREATE TABLE bi.job_current (uuid uuid);
SELECT wfm_create_views('acme', 'bi', 'acme'); \echo :SQLSTATE
DROP TABLE bi.job_current;
CREATE MATERIALIZED VIEW bi.job_current AS SELECT 1 AS a;
SELECT wfm_create_views('acme', 'bi', 'acme'); \echo :SQLSTATE
DROP MATERIALIZED VIEW bi.job_current;
CREATE VIEW bi.job_current AS TABLE acme.job;
SELECT wfm_create_views('acme', 'bi', 'acme'); \echo :SQLSTATE
DROP VIEW bi.job_current;
CREATE VIEW bi.job_current AS SELECT id AS number, name FROM acme.job_current;
SELECT wfm_create_views('acme', 'bi', 'acme'); \echo :SQLSTATE
DROP VIEW bi.job_current;
-- part of the columns in their order is a view to complete
CREATE VIEW bi.job_current AS SELECT id FROM acme.job_current;
SELECT count(*) > 20 AS done FROM wfm_create_views('acme', 'bi', 'acme');
SELECT wfm_create_views('acme', 'acme', 'acme'); \echo :SQLSTATE
\! $WFM_CONTROL calls

-- Names that need quotes; two tables of one name
CREATE SERVER odd FOREIGN DATA WRAPPER wfm_fdw OPTIONS (connection 'acme');
CREATE SCHEMA odd;
CREATE SCHEMA "BI ""x"" FROM";
CREATE FOREIGN TABLE odd."Staff of ""us""" (uuid uuid, "select" text OPTIONS (field 'Name'), "a, b; FROM c" text OPTIONS (field 'Email'), _search text)
    SERVER odd OPTIONS (resource 'client');
CREATE FOREIGN TABLE odd.staff (name text) SERVER odd OPTIONS (resource 'staff');
SELECT wfm_create_views('odd', '"BI ""x"" FROM"');
SELECT wfm_create_views('odd', '"BI ""x"" FROM"');
ALTER FOREIGN TABLE odd."Staff of ""us""" ADD COLUMN name text;
SELECT wfm_create_views('odd', '"BI ""x"" FROM"');
SELECT attname FROM pg_attribute WHERE attrelid = '"BI ""x"" FROM"."Staff of ""us"""'::regclass AND attnum > 0 ORDER BY attnum;
SELECT count("select") = count(*) AS filled, count(*) FROM "BI ""x"" FROM"."Staff of ""us""";
CREATE SCHEMA odd_too;
CREATE FOREIGN TABLE odd_too.staff (uuid uuid) SERVER odd OPTIONS (resource 'staff');
SELECT wfm_create_views('odd', '"BI ""x"" FROM"'); \echo :SQLSTATE
SELECT wfm_create_views('odd', 'odd', 'odd_too'); \echo :SQLSTATE
SELECT wfm_create_views('odd', 'bi', 'public'); \echo :SQLSTATE

-- Arguments
SELECT wfm_create_views('nothing', 'bi'); \echo :SQLSTATE
SELECT wfm_create_views('acme', 'nothing'); \echo :SQLSTATE
SELECT count(*) FROM wfm_create_views(NULL, 'bi');
SELECT count(*) FROM wfm_create_views('acme', NULL);
CREATE FOREIGN DATA WRAPPER other;
CREATE SERVER others FOREIGN DATA WRAPPER other;
SELECT wfm_create_views('others', 'bi'); \echo :SQLSTATE
DROP FOREIGN DATA WRAPPER other CASCADE;

-- Rights: views of what the role may read, in a schema where it may make them
CREATE SCHEMA regress_wfm_own AUTHORIZATION regress_wfm_reader;
SET ROLE regress_wfm_reader;
SELECT wfm_create_views('acme', 'regress_wfm_own', 'acme'); \echo :SQLSTATE
RESET ROLE;
GRANT USAGE ON SCHEMA acme TO regress_wfm_reader;
GRANT SELECT ON acme.time_entry TO regress_wfm_reader;
GRANT SELECT (uuid, name) ON acme.staff TO regress_wfm_reader;
SET ROLE regress_wfm_reader;
SELECT wfm_create_views('acme', 'regress_wfm_own', 'acme');
SELECT attname FROM pg_attribute WHERE attrelid = 'regress_wfm_own.staff'::regclass AND attnum > 0;
SELECT count(*) > 0 AS rows FROM regress_wfm_own.staff;
SELECT wfm_create_views('acme', 'bi', 'acme'); \echo :SQLSTATE
-- a view of the superuser's opens what it shows, and nothing below
RESET ROLE;
GRANT USAGE ON SCHEMA bi TO regress_wfm_reader;
REVOKE USAGE ON SCHEMA acme FROM regress_wfm_reader;
SET ROLE regress_wfm_reader;
SELECT count(phone) > 0 AS rows FROM bi.staff;
SELECT count(*) FROM bi.client; \echo :SQLSTATE
RESET ROLE;
ALTER VIEW bi.staff SET (security_invoker = true);
SET ROLE regress_wfm_reader;
SELECT count(phone) FROM bi.staff; \echo :SQLSTATE
RESET ROLE;

SET client_min_messages = warning;
DROP SCHEMA bi, odd, odd_too, regress_wfm_own, "BI ""x"" FROM" CASCADE;
DROP SERVER odd;
DROP OWNED BY regress_wfm_reader;
DROP ROLE regress_wfm_reader;
