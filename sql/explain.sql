-- EXPLAIN of each pushdown: the request, what it takes over and with which
-- grade, what stays to be checked, and the calls it will take.
\getenv sql WFM_SQL
\set connect :sql '/connect.sql'
\i :connect
SET search_path = acme, public;

-- Figures that change from day to day or with the compression
CREATE FUNCTION explain_steady(options text, query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    FOR line IN EXECUTE format('EXPLAIN (COSTS OFF, %s) %s', options, query) LOOP
        line := regexp_replace(line, '(Bytes Received|Expected Calls): [0-9]+', '\1: N');
        -- 18 writes rows with decimals, says what is disabled, and turns this around
        line := regexp_replace(line, 'rows=([0-9]+)\.00', 'rows=\1');
        line := regexp_replace(line, E'[ \t]*["<]?Disabled[^\n]*\n', '', 'g');
        line := replace(line, '("*VALUES*".column1 = _search)', '(_search = "*VALUES*".column1)');
        RETURN NEXT line;
    END LOOP;
END $$;
\! $WFM_CONTROL mark

-- Whole lists
EXPLAIN (VERBOSE, COSTS OFF) SELECT uuid, name FROM client;
EXPLAIN (VERBOSE, COSTS OFF) SELECT name FROM staff WHERE email IS NOT NULL;
EXPLAIN (VERBOSE, COSTS OFF) SELECT id, budget FROM job_current WHERE state = 'Planned';

-- Keys
EXPLAIN (VERBOSE, COSTS OFF) SELECT name FROM client WHERE uuid = '00000000-0000-0000-0000-000000000001';
EXPLAIN (VERBOSE, COSTS OFF) SELECT name FROM staff WHERE uuid IN ('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-000000000002');
EXPLAIN (VERBOSE, COSTS OFF) SELECT name FROM job WHERE id = 'A/B 1' AND budget > 100;
EXPLAIN (VERBOSE, COSTS OFF) SELECT name FROM job WHERE client_uuid = '00000000-0000-0000-0000-000000000001';
EXPLAIN (VERBOSE, COSTS OFF) SELECT minutes FROM time_entry WHERE uuid = '00000000-0000-0000-0000-000000000001';
EXPLAIN (VERBOSE, COSTS OFF) SELECT minutes FROM time_entry WHERE job_id = 'J000100';

-- Windows
EXPLAIN (VERBOSE, COSTS OFF) SELECT minutes FROM time_entry WHERE date = '2026-02-28';
EXPLAIN (VERBOSE, COSTS OFF) SELECT minutes FROM time_entry WHERE date >= '2024-01-01' AND date < '2026-01-01';
EXPLAIN (VERBOSE, COSTS OFF) SELECT minutes FROM time_entry
    WHERE staff_uuid = '00000000-0000-0000-0000-000000000001' AND date BETWEEN '2026-01-01' AND '2026-01-31' AND billable;

-- Input columns
EXPLAIN (VERBOSE, COSTS OFF) SELECT name FROM client WHERE _modified_since >= '2026-01-01 00:00+00';
EXPLAIN (VERBOSE, COSTS OFF) SELECT name FROM client WHERE _search = 'Smith';
EXPLAIN (VERBOSE, COSTS OFF) SELECT name FROM job WHERE _listed_from = '2026-01-01' AND _listed_to = '2026-03-31';

-- Several windows, and the same without what is assumed
SELECT explain_steady('VERBOSE', $$SELECT minutes FROM time_entry WHERE date >= '2026-01-01'$$);
ALTER FOREIGN TABLE time_entry OPTIONS (ADD window_column '');
SELECT explain_steady('VERBOSE', $$SELECT minutes FROM time_entry WHERE date = '2026-02-28'$$);
ALTER FOREIGN TABLE time_entry OPTIONS (DROP window_column, ADD push_assumed 'off');
SELECT explain_steady('VERBOSE', $$SELECT minutes FROM time_entry WHERE date = '2026-02-28'$$);
ALTER FOREIGN TABLE time_entry OPTIONS (SET push_assumed 'on');
EXPLAIN (COSTS OFF) SELECT minutes FROM time_entry WHERE date = '2026-02-28';

-- Joins
EXPLAIN (COSTS OFF) SELECT c.name FROM job j JOIN client c ON c.uuid = j.client_uuid WHERE j.id = 'J000100';
EXPLAIN (COSTS OFF) SELECT c.name FROM job_current j JOIN client c ON c.uuid = j.client_uuid;
SELECT explain_steady('VERBOSE OFF', $$SELECT s.name FROM (VALUES ('a'), ('b')) w (word) JOIN client s ON _search = word$$);

-- Values that come from outside are shown as what they are there: of a join,
-- through a cache, in a subquery of a subquery, behind a join of others
CREATE FUNCTION pushed(query text) RETURNS SETOF text LANGUAGE sql
    RETURN (SELECT trim(line) FROM explain_steady('VERBOSE OFF', query) AS line WHERE line LIKE '%Pushed Filters%');
CREATE TABLE few (word text, number text);
INSERT INTO few VALUES ('a', 'J000100');
ANALYZE few;
SELECT pushed($$SELECT (SELECT sum(minutes) FROM time_entry t WHERE t.job_id = f.number) FROM few f$$);
SELECT pushed($$SELECT (SELECT max((SELECT name FROM job j WHERE j.id = f.number || g.number)) FROM few g) FROM few f$$);
SELECT pushed($$SELECT * FROM few f, LATERAL (SELECT name FROM job j WHERE j.id = f.number || 'x' LIMIT 1) l$$);
SELECT pushed($$SELECT name FROM few f JOIN few g USING (word) JOIN job j ON j.id = g.number$$);
SELECT pushed($$SELECT name FROM job WHERE id = (SELECT number FROM few WHERE word = 'a')$$) ~ '^Pushed Filters: id = .* \(exact\)$' AS "of a subquery";

-- The long form is asked for, all parents are walked along
CREATE SCHEMA rare;
IMPORT FOREIGN SCHEMA wfm LIMIT TO (client_note, job_cost) FROM SERVER acme INTO rare OPTIONS ("all" 'true');
ALTER FOREIGN TABLE rare.job_cost OPTIONS (ADD walk_parents 'true');
EXPLAIN (COSTS OFF) SELECT text FROM rare.client_note WHERE title = 'x';
SELECT explain_steady('VERBOSE OFF', $$SELECT code FROM rare.job_cost$$);
SELECT explain_steady('VERBOSE OFF', $$SELECT code FROM rare.job_cost WHERE job_id = 'J000100' AND quantity > 1$$);

-- Parameters
SET plan_cache_mode = force_generic_plan;
PREPARE days(date, date) AS SELECT minutes FROM time_entry WHERE date >= $1 AND date <= $2;
SELECT explain_steady('VERBOSE', $$EXECUTE days('2026-01-01', '2026-01-31')$$);
DEALLOCATE days;
PREPARE numbers(text[]) AS SELECT name FROM job WHERE id = ANY ($1);
EXPLAIN (VERBOSE, COSTS OFF) EXECUTE numbers('{J000100,J000101}');
DEALLOCATE numbers;
RESET plan_cache_mode;

-- Side by side
EXPLAIN (VERBOSE, COSTS OFF) SELECT name FROM client UNION ALL SELECT name FROM staff;

-- Nothing to fetch
EXPLAIN (VERBOSE, COSTS OFF) SELECT name FROM client WHERE false;

-- The other formats
SELECT explain_steady('FORMAT json', $$SELECT minutes FROM time_entry WHERE date = '2026-02-28'$$);
SELECT explain_steady('FORMAT yaml', $$SELECT name FROM staff$$);
SELECT explain_steady('FORMAT xml', $$SELECT name FROM job WHERE id = 'a<b&c'$$);

-- So far nothing was sent.
\! $WFM_CONTROL calls

-- What a scan cost
SELECT explain_steady('ANALYZE, TIMING OFF, SUMMARY OFF, BUFFERS OFF', $$SELECT name FROM job WHERE id IN ('J000100', 'J000101')$$);
SELECT explain_steady('ANALYZE, TIMING OFF, SUMMARY OFF, BUFFERS OFF', $$SELECT name FROM client WHERE false$$);
\! $WFM_CONTROL calls
DROP SCHEMA rare CASCADE;
DROP TABLE few;
DROP FUNCTION pushed;
RESET search_path;
DROP FUNCTION acme.explain_steady;
