-- Row counts: learnt from complete scans, kept by ANALYZE
\getenv sql WFM_SQL
\set connect :sql '/connect.sql'
\i :connect
SET search_path = acme, public;

CREATE FUNCTION planned_rows(query text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    plan json;
BEGIN
    EXECUTE 'EXPLAIN (FORMAT json) ' || query INTO plan;
    RETURN plan->0->'Plan'->>'Plan Rows';
END $$;

-- A guess at first; neither a part of the table nor a filter tells more.
SELECT planned_rows('SELECT * FROM client');
SELECT count(*) FROM (SELECT 1 FROM client LIMIT 3) AS few;
SELECT count(*) FROM client WHERE uuid = '00000000-0000-0000-0000-000000000000';
SELECT planned_rows('SELECT * FROM client');

-- A complete scan tells, whatever is made of its rows.
SELECT count(*) FROM client WHERE name IS NULL;
SELECT planned_rows('SELECT * FROM client');
SELECT planned_rows('SELECT * FROM time_entry');
SELECT count(*) FROM time_entry WHERE date = '2020-01-01';
SELECT planned_rows('SELECT * FROM time_entry');
SELECT sum(n) FROM (SELECT count(*) AS n FROM time_entry UNION ALL SELECT 0) AS both_;
SELECT planned_rows('SELECT * FROM time_entry');

-- Scanned again and again: each time counts for itself.
SET enable_material = off;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SELECT count(*) FROM generate_series(1, 3) AS g LEFT JOIN staff AS s ON s.name <> g::text;
RESET enable_material;
RESET enable_hashjoin;
RESET enable_mergejoin;
SELECT planned_rows('SELECT * FROM staff') = (SELECT count(*) FROM staff) AS right_;

-- ANALYZE says what it costs and keeps the number and statistics.
\! $WFM_CONTROL mark
ANALYZE job_current;
\! $WFM_CONTROL calls
SELECT reltuples = (SELECT count(*) FROM job_current) AS right_
FROM pg_class WHERE oid = 'job_current'::regclass;
SELECT null_frac, n_distinct FROM pg_stats
WHERE schemaname = 'acme' AND tablename = 'job_current' AND attname = 'id';
ALTER FOREIGN TABLE job_current DROP COLUMN due_date;
ANALYZE job_current (name, state);
SELECT planned_rows('SELECT * FROM job_current') = (SELECT count(*) FROM job_current) AS right_;

-- Of a large table a sample is kept, evenly from all of it.  The number of its
-- windows grows with the years, so it is not shown.
\setenv WFM_DATABASE :DBNAME
\! psql -X -q -d "$WFM_DATABASE" -c 'SET default_statistics_target = 1' -c 'ANALYZE acme.time_entry' 2>&1 | sed 's/[0-9]* calls/N calls/' # 300 rows
SELECT reltuples = (SELECT count(*) FROM time_entry) AS right_
FROM pg_class WHERE oid = 'time_entry'::regclass;
\! psql -X -q -d "$WFM_DATABASE" -c 'SET default_statistics_target = 2' -c 'ANALYZE acme.time_entry (date, uuid)' 2>&1 | sed 's/[0-9]* calls/N calls/' # 600 rows, of which two bounds are kept
SELECT n_distinct AS unique_, array_length(histogram_bounds, 1) AS bounds
FROM pg_stats WHERE schemaname = 'acme' AND tablename = 'time_entry' AND attname = 'uuid';
WITH sampled AS (
    SELECT (histogram_bounds::text::date[])[1] AS first, (histogram_bounds::text::date[])[3] AS last
    FROM pg_stats WHERE schemaname = 'acme' AND tablename = 'time_entry' AND attname = 'date')
SELECT (SELECT last - first FROM sampled) > 0.8 * (max(date) - min(date)) AS spread
FROM time_entry;

DROP FUNCTION planned_rows;
RESET search_path;
