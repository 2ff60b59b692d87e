-- What the benchmarks share: a connection for each kind of answer, and timers.
\set ON_ERROR_STOP on
CREATE EXTENSION wfm_fdw;

-- add_api(NAME, MODE, RECORDS): a schema of tables whose answers come from
-- /MODE/RECORDS/.  Each has a grant and a tenant of its own, so that none
-- waits for another's limits.
CREATE PROCEDURE add_api(api text, mode text, records integer, port text)
LANGUAGE plpgsql AS $$
DECLARE
    root text := 'http://127.0.0.1:' || port;
BEGIN
    INSERT INTO wfm_connections (name, api, client_id, client_secret, refresh_token,
                                 tenant_id, api_url, token_url, calls_per_minute, calls_per_day)
    VALUES (api, 'practicemanager/3.1', 'client-' || api, 'secret-' || api, 'refresh-' || api,
            'tenant-' || api, format('%s/%s/%s/', root, mode, records), root || '/token',
            600, 1000000);
    EXECUTE format('CREATE SERVER %I FOREIGN DATA WRAPPER wfm_fdw OPTIONS (connection %L)', api, api);
    EXECUTE format('CREATE SCHEMA %I', api);
    EXECUTE format('IMPORT FOREIGN SCHEMA wfm FROM SERVER %I INTO %I', api, api);
END
$$;

SET client_min_messages = error;
CALL add_api('windows', '0', 500, :'port');
CALL add_api('keys', '0', 500, :'port');
CALL add_api('far', '150', 500, :'port');
CALL add_api('small', '0', 100000, :'port');
CALL add_api('large', '0', 1000000, :'port');
CALL add_api('one', '0', 1, :'port');
CALL add_api('silent', 'silent', 1, :'port');
CALL add_api('half', 'half', 5000, :'port');
RESET client_min_messages;

-- Milliseconds that each of some executions of a query took, planning
-- included, after one that is not counted.
CREATE FUNCTION time_query(query text, rounds integer) RETURNS SETOF double precision
LANGUAGE plpgsql AS $$
DECLARE
    start timestamptz;
    answer record;
BEGIN
    FOR round IN 0 .. rounds LOOP
        start := clock_timestamp();
        EXECUTE query INTO STRICT answer;
        IF round > 0 THEN
            RETURN NEXT extract(epoch FROM clock_timestamp() - start) * 1000;
        END IF;
    END LOOP;
END
$$;

-- The same for one row by its key; planned anew each time, or once.
CREATE FUNCTION time_one_row(rounds integer, anew boolean) RETURNS SETOF double precision
LANGUAGE plpgsql AS $$
DECLARE
    key uuid := '4f9f3a4e-2c5b-4a51-9a1d-000000000000';
    start timestamptz;
    answer text;
BEGIN
    FOR round IN -5 .. rounds LOOP
        start := clock_timestamp();
        IF anew THEN
            EXECUTE 'SELECT name FROM one.staff WHERE uuid = $1' INTO STRICT answer USING key;
        ELSE
            SELECT name INTO STRICT answer FROM one.staff WHERE uuid = key;
        END IF;
        IF round > 0 THEN
            RETURN NEXT extract(epoch FROM clock_timestamp() - start) * 1000;
        END IF;
    END LOOP;
END
$$;

-- Milliseconds by which a query outlives statement_timeout.
CREATE FUNCTION time_cancel(api text, timeout_ms integer) RETURNS double precision
LANGUAGE plpgsql AS $$
DECLARE
    answer record;
BEGIN
    EXECUTE format('SELECT count(*), max(name) FROM %I.staff', api) INTO answer;
    RAISE 'the query was answered';
EXCEPTION WHEN query_canceled THEN
    RETURN extract(epoch FROM clock_timestamp() - statement_timestamp()) * 1000 - timeout_ms;
END
$$;

-- Descriptors that this backend has open.
CREATE FUNCTION descriptors() RETURNS bigint LANGUAGE sql AS $$
    SELECT count(*) FROM pg_ls_dir('/proc/self/fd')
$$;

-- Peak memory of this backend in kB, as the kernel counts it.
CREATE FUNCTION peak_kb() RETURNS integer LANGUAGE sql AS $$
    SELECT substring(pg_read_file('/proc/self/status') FROM 'VmHWM:\s+(\d+)')::integer
$$;

-- Time entries: the eight columns of test/bench/bare.c.
CREATE FUNCTION eight_columns(source text) RETURNS text LANGUAGE sql AS $$
    SELECT 'SELECT count(uuid), count(job_id), count(job_task_uuid), count(staff_uuid), '
        || 'count(date), count(minutes), count(note), count(billable) FROM ' || source
$$;

-- The same read from the pages kept in files, by what PostgreSQL has itself.
CREATE VIEW by_xmltable AS
SELECT entry.*
FROM generate_series(1, 20) AS page,
     xmltable('/Response/Times/Time'
              PASSING (pg_read_file(format('bench/%s.xml', page))::xml)
              COLUMNS uuid uuid PATH 'UUID',
                      job_id text PATH 'Job/ID',
                      job_task_uuid uuid PATH 'Task/UUID',
                      staff_uuid uuid PATH 'Staff/UUID',
                      date timestamp PATH 'Date',
                      minutes integer PATH 'Minutes',
                      note text PATH 'Note',
                      billable boolean PATH 'Billable') AS entry;
