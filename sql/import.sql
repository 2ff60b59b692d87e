-- IMPORT FOREIGN SCHEMA: which tables come, with which columns, and what is
-- said of names the API does not have.  It sends nothing.
\getenv sql WFM_SQL
\set connect :sql '/connect.sql'
\i :connect
\set SHOW_CONTEXT never
\! $WFM_CONTROL mark

CREATE SCHEMA imported;
IMPORT FOREIGN SCHEMA wfm LIMIT TO (staff, job) FROM SERVER acme INTO imported;
SELECT foreign_table_name FROM information_schema.foreign_tables
WHERE foreign_table_schema = 'imported' ORDER BY 1;

IMPORT FOREIGN SCHEMA wfm EXCEPT (staff, job) FROM SERVER acme INTO imported;
SELECT foreign_table_name FROM information_schema.foreign_tables
WHERE foreign_table_schema = 'imported'
AND foreign_table_name IN ('client', 'job', 'job_current', 'staff', 'time_entry') ORDER BY 1;

-- Again: what is there already is an error, and nothing of it stays
IMPORT FOREIGN SCHEMA wfm LIMIT TO (job_current, staff) FROM SERVER acme INTO imported; \echo :SQLSTATE

-- Columns, types and what may not be NULL
SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull
FROM   pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
WHERE  c.relnamespace = 'imported'::regnamespace AND a.attnum > 0
AND    c.relname IN ('client', 'job', 'staff', 'time_entry')
AND    (c.relname IN ('staff', 'time_entry') OR attname ~ '^(_|is_|id$|uuid$|client_|budget|start_)')
ORDER  BY c.relname, a.attnum;
SELECT ftoptions FROM pg_foreign_table WHERE ftrelid = 'imported.time_entry'::regclass;

-- Input columns stand last.
SELECT relname, bool_and(input) FILTER (WHERE attnum > first_input)
FROM  (SELECT c.relname, a.attnum, a.attname LIKE '\_%' AS input,
              min(a.attnum) FILTER (WHERE a.attname LIKE '\_%') OVER (PARTITION BY c.oid) AS first_input
       FROM   pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
       WHERE  c.relnamespace = 'imported'::regnamespace AND a.attnum > 0) s
WHERE  relname IN ('client', 'job') GROUP BY relname ORDER BY relname;

-- No column is a reserved word, nor needs quotes.
SELECT c.relname, a.attname
FROM   pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
WHERE  c.relnamespace = 'imported'::regnamespace AND a.attnum > 0
AND   EXISTS (SELECT FROM pg_get_keywords() WHERE word = attname AND catcode IN ('R', 'T'));

-- Names that are not there
IMPORT FOREIGN SCHEMA wfm LIMIT TO (clients) FROM SERVER acme INTO imported; \echo :SQLSTATE
IMPORT FOREIGN SCHEMA wfm LIMIT TO ("Client") FROM SERVER acme INTO imported; \echo :SQLSTATE
IMPORT FOREIGN SCHEMA wfm EXCEPT (time_entries) FROM SERVER acme INTO imported; \echo :SQLSTATE
DO $$
DECLARE
    hint text;
BEGIN
    IMPORT FOREIGN SCHEMA wfm LIMIT TO (completely_different_thing) FROM SERVER acme INTO imported;
EXCEPTION WHEN fdw_table_not_found THEN
    GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
    RAISE NOTICE 'all of them are named: %', hint LIKE 'It has: %client, %job, %staff, %time_entry%';
END $$;
IMPORT FOREIGN SCHEMA public FROM SERVER acme INTO imported; \echo :SQLSTATE
IMPORT FOREIGN SCHEMA "WFM" FROM SERVER acme INTO imported; \echo :SQLSTATE
IMPORT FOREIGN SCHEMA wfm FROM SERVER acme INTO imported OPTIONS (no_such_option 'true'); \echo :SQLSTATE

-- Every column and table of every API can be named without quotes
SELECT DISTINCT api, resource, column_name FROM wfm_api_columns()
WHERE column_name IN (SELECT word FROM pg_get_keywords() WHERE catcode IN ('R', 'T'));
SELECT DISTINCT api, resource FROM wfm_api_tables()
WHERE resource IN (SELECT word FROM pg_get_keywords() WHERE catcode IN ('R', 'T'));
DO $$
DECLARE
    tables integer := 0;
    item record;
BEGIN
    FOR item IN SELECT resource, string_agg(DISTINCT column_name, ', ') AS columns,
                       string_agg(DISTINCT 'x.' || column_name, ', ') AS qualified,
                       string_agg(DISTINCT column_name || ' text', ', ') AS declared
                FROM wfm_api_columns() GROUP BY resource LOOP
        EXECUTE format('CREATE TEMP TABLE %s (%s)', item.resource, item.declared);
        EXECUTE format('SELECT %s FROM %s', item.columns, item.resource);
        EXECUTE format('SELECT %s FROM %s x ORDER BY %s', item.qualified, item.resource, item.columns);
        EXECUTE format('DROP TABLE %s', item.resource);
        tables := tables + 1;
    END LOOP;
    RAISE NOTICE 'all of them: %', tables > 70;
END $$;

-- A server without a connection
CREATE SERVER lost FOREIGN DATA WRAPPER wfm_fdw OPTIONS (connection 'nobody');
IMPORT FOREIGN SCHEMA wfm FROM SERVER lost INTO imported; \echo :SQLSTATE
DROP SERVER lost;

-- Names that need quotes
CREATE SERVER "Odd ""server""" FOREIGN DATA WRAPPER wfm_fdw OPTIONS (connection 'acme');
CREATE SCHEMA "odd 'schema'";
IMPORT FOREIGN SCHEMA wfm LIMIT TO (staff) FROM SERVER "Odd ""server""" INTO "odd 'schema'";
SELECT foreign_table_schema, foreign_table_name, foreign_server_name
FROM information_schema.foreign_tables WHERE foreign_server_name LIKE 'Odd%';

\! $WFM_CONTROL calls
SET client_min_messages = error;
DROP SCHEMA imported, "odd 'schema'" CASCADE;
DROP SERVER "Odd ""server""";
