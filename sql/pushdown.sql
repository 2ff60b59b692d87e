-- Which conditions become parameters of requests, and that no answer depends
-- on it.  Counts are compared with a copy of the tables.
\getenv sql WFM_SQL
\set connect :sql '/connect.sql'
\i :connect
SET search_path = acme, public;
SET timezone = 'UTC';
CREATE TEMP TABLE local_time AS
    SELECT * FROM time_entry WHERE date BETWEEN '2026-01-01' AND '2026-06-30';
CREATE TEMP TABLE local_client AS SELECT * FROM client;
SELECT count(*) AS entries, sum(minutes) AS minutes FROM local_time;

-- Keys
\! $WFM_CONTROL mark
SELECT name FROM staff WHERE uuid = (SELECT min(staff_uuid::text)::uuid FROM local_time);
SELECT count(*) FROM client WHERE uuid IN (SELECT uuid FROM local_client ORDER BY name, uuid LIMIT 1);
SELECT id, state FROM job WHERE id = 'J000100';
SELECT id, state FROM job WHERE id = ANY ('{J000101,J000100,J000101,NULL}') ORDER BY id;
SELECT count(*) FROM job WHERE id = 'J999999';
SELECT count(*) FROM job WHERE id = 'J000100' AND id = 'J000101';
\! $WFM_CONTROL calls

-- A range is one window, whatever the type of its bounds.
\! $WFM_CONTROL mark
SELECT (SELECT count(*) FROM time_entry WHERE date BETWEEN '2026-03-01' AND '2026-03-31')
     = (SELECT count(*) FROM local_time WHERE date BETWEEN '2026-03-01' AND '2026-03-31') AS same;
SELECT (SELECT count(*) FROM time_entry WHERE date >= timestamp '2026-03-01 12:00' AND date < timestamptz '2026-04-01 00:00+02')
     = (SELECT count(*) FROM local_time WHERE date >= timestamp '2026-03-01 12:00' AND date < timestamptz '2026-04-01 00:00+02') AS same;
SELECT (SELECT count(*) FROM time_entry WHERE date = '2026-02-28') = (SELECT count(*) FROM local_time WHERE date = '2026-02-28') AS same;
\! $WFM_CONTROL parameters

-- The session's zone decides which day a timestamptz is.
\! $WFM_CONTROL mark
SET timezone = 'Pacific/Auckland';
SELECT count(*) >= 0 FROM time_entry WHERE date >= timestamptz '2026-02-28 20:00+00' AND date <= date '2026-03-02';
SET timezone = 'America/Los_Angeles';
SELECT count(*) >= 0 FROM time_entry WHERE date >= timestamptz '2026-03-01 05:00+00' AND date <= date '2026-03-02';
RESET timezone;
\! $WFM_CONTROL parameters

-- A stable bound, and a parameter that is not known when the plan is made
SET plan_cache_mode = force_generic_plan;
PREPARE since(text) AS SELECT count(*) >= 0 FROM time_entry
    WHERE date >= date_trunc('month', $1::timestamp) AND date < '2026-03-15';
\! $WFM_CONTROL mark
EXECUTE since('2026-02-11');
EXECUTE since(NULL);
\! $WFM_CONTROL parameters
DEALLOCATE since;
RESET plan_cache_mode;

-- What is not pushed is still true: <>, LIKE, OR, NOT, a cast column.
\! $WFM_CONTROL mark
SELECT (SELECT count(*) FROM client WHERE uuid <> '00000000-0000-0000-0000-000000000000') = (SELECT count(*) FROM local_client) AS same;
SELECT (SELECT count(*) FROM client WHERE name LIKE 'A%') = (SELECT count(*) FROM local_client WHERE name LIKE 'A%') AS same;
SELECT (SELECT count(*) FROM client WHERE is_archived OR city IS NULL) = (SELECT count(*) FROM local_client WHERE is_archived OR city IS NULL) AS same;
SELECT (SELECT count(*) FROM client WHERE NOT is_archived) = (SELECT count(*) FROM local_client WHERE NOT is_archived) AS same;
SELECT (SELECT count(*) FROM client WHERE uuid::text = (SELECT max(uuid::text) FROM local_client)) AS one;
\! $WFM_CONTROL calls

-- A volatile value is compared row by row, not sent.
CREATE FUNCTION any_number() RETURNS text VOLATILE LANGUAGE plpgsql AS $$ BEGIN RETURN 'J000100'; END $$;
EXPLAIN (VERBOSE, COSTS OFF) SELECT name FROM job_current WHERE id = any_number();
DROP FUNCTION any_number();

-- A join fetches by key where that is cheaper.
\! $WFM_CONTROL mark
SELECT count(*) FROM job j JOIN client c ON c.uuid = j.client_uuid WHERE j.id = 'J000100';
\! $WFM_CONTROL calls

-- A number that no path can hold is looked for in the list: same rows.
CREATE TEMP TABLE local_job AS SELECT id FROM job WHERE _listed_from = '2026-01-01' AND _listed_to = '2026-06-30';
SELECT count(*) > 0 AS any FROM local_job WHERE id ~ '[^A-Za-z0-9_-]';
SELECT count(*) FROM local_job l WHERE NOT EXISTS (SELECT FROM job j WHERE j.id = l.id);
SELECT count(*) FROM job WHERE id = 'no/such job#';
