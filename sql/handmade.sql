-- Tables written by hand: a subset of the columns in another order, other
-- types, fields that the catalogue does not have, and what does not fit.
\getenv sql WFM_SQL
\set connect :sql '/connect.sql'
\i :connect
\set SHOW_CONTEXT never
SET search_path = acme, public;

-- A subset, in another order, beside columns that go and come
CREATE FOREIGN TABLE my_staff (email text, name text, uuid uuid) SERVER acme OPTIONS (resource 'staff');
SELECT count(*), count(uuid) AS uuids, bool_and(EXISTS (SELECT FROM staff s WHERE s.uuid = m.uuid AND s.name = m.name
    AND s.email IS NOT DISTINCT FROM m.email)) AS same FROM my_staff m;
ALTER FOREIGN TABLE my_staff DROP COLUMN email, ADD COLUMN phone text;
SELECT count(*), bool_and(EXISTS (SELECT FROM staff s WHERE s.uuid = m.uuid AND s.name = m.name
    AND s.phone IS NOT DISTINCT FROM m.phone)) AS same FROM my_staff m;
EXPLAIN (VERBOSE, COSTS OFF) SELECT phone FROM my_staff WHERE uuid = '00000000-0000-0000-0000-000000000001';
CREATE FOREIGN TABLE no_columns () SERVER acme OPTIONS (resource 'staff');
SELECT (SELECT count(*) FROM no_columns) = (SELECT count(*) FROM staff) AS same;

-- Other types take the text through their input function.
CREATE DOMAIN short_name AS text CHECK (length(value) < 200);
CREATE FOREIGN TABLE typed (id varchar(100), uuid text, name short_name, budget float8, start_date timestamp, client_uuid text)
    SERVER acme OPTIONS (resource 'job_current');
SELECT count(*), bool_and(EXISTS (SELECT FROM job_current j WHERE j.id = t.id AND j.uuid = t.uuid::uuid AND j.name = t.name
    AND j.budget::float8 IS NOT DISTINCT FROM t.budget AND j.start_date IS NOT DISTINCT FROM t.start_date::date)) AS same FROM typed t;
-- a uuid as text may be written in two ways: it is compared here
EXPLAIN (VERBOSE, COSTS OFF) SELECT name FROM typed WHERE uuid = 'ABC' AND id = 'J000100';

-- A field of the record, by its path
CREATE FOREIGN TABLE mapped (id text, manager text OPTIONS (field 'Manager/Name'), customer uuid OPTIONS (field 'Client/UUID'),
    nothing text OPTIONS (field 'No/Such/Field')) SERVER acme OPTIONS (resource 'job_current');
SELECT count(*), count(nothing), bool_and(EXISTS (SELECT FROM job_current j WHERE j.id = m.id AND j.client_uuid = m.customer
    AND j.manager_name IS NOT DISTINCT FROM m.manager)) AS same FROM mapped m;

-- What does not fit: column, value and record
\set SHOW_CONTEXT errors
CREATE FOREIGN TABLE misfit (id integer, name text) SERVER acme OPTIONS (resource 'job_current');
SELECT count(*) FROM misfit;
SELECT count(name) > 0 AS others_work FROM misfit;
SELECT max(id) FROM misfit; \echo :SQLSTATE
CREATE FOREIGN TABLE misfit_mapped (manager date OPTIONS (field 'Client/Name')) SERVER acme OPTIONS (resource 'job_current');
SELECT max(manager) FROM misfit_mapped; \echo :SQLSTATE
CREATE FOREIGN TABLE misfit_null (id text, nothing text OPTIONS (field 'No/Such/Field') NOT NULL) SERVER acme OPTIONS (resource 'job_current');
SELECT max(nothing) FROM misfit_null; \echo :SQLSTATE
SELECT count(id) > 0 AS others_work FROM misfit_null; \echo :SQLSTATE
\set SHOW_CONTEXT never

-- Names that are not there
CREATE FOREIGN TABLE wrong_resource (uuid uuid) SERVER acme OPTIONS (resource 'clients');
SELECT * FROM wrong_resource; \echo :SQLSTATE
CREATE FOREIGN TABLE strange_resource (uuid uuid) SERVER acme OPTIONS (resource 'completely_different');
DO $$
DECLARE
    hint text;
BEGIN
    PERFORM * FROM strange_resource;
EXCEPTION WHEN fdw_table_not_found THEN
    GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
    RAISE NOTICE 'all of them are named: %', hint LIKE 'It has: %client, %job, %staff, %time_entry%';
END $$;
CREATE FOREIGN TABLE wrong_column (uuid uuid, nmae text) SERVER acme OPTIONS (resource 'client');
SELECT uuid FROM wrong_column; \echo :SQLSTATE
CREATE FOREIGN TABLE strange_column (uuid uuid, favourite_biscuit text) SERVER acme OPTIONS (resource 'client');
SELECT uuid FROM strange_column; \echo :SQLSTATE

-- Read only
INSERT INTO my_staff (name) VALUES ('x'); \echo :SQLSTATE
UPDATE my_staff SET name = 'x'; \echo :SQLSTATE
DELETE FROM my_staff; \echo :SQLSTATE
TRUNCATE my_staff; \echo :SQLSTATE
RESET search_path;
