-- Input columns carry a parameter that no record holds: the value given comes
-- back in every row, and a use that no request can serve is an error.
\getenv sql WFM_SQL
\set connect :sql '/connect.sql'
\i :connect
\set SHOW_CONTEXT never
SET search_path = acme, public;
SET timezone = 'UTC';

-- Without a value they are NULL.
SELECT count(*), count(_search), count(_modified_since) FROM client;
SELECT count(*) > 0 AS any, count(_listed_from) FROM job WHERE client_uuid = (SELECT uuid FROM client ORDER BY uuid LIMIT 1);

-- The value comes back as it was given.
\! $WFM_CONTROL mark
SELECT DISTINCT _modified_since FROM client WHERE _modified_since = '2020-01-02 03:04:05.6+13';
SELECT DISTINCT _modified_since FROM client WHERE _modified_since >= '2020-01-02 03:04:05.6+13';
\! $WFM_CONTROL parameters

-- A list of values is one request for each; a NULL is none.
\! $WFM_CONTROL mark
SELECT _search, count(*) FROM client WHERE _search IN ('a', 'e', 'a', NULL) GROUP BY 1 ORDER BY 1;
SELECT count(*) FROM client WHERE _search = NULL;
\! $WFM_CONTROL parameters

-- Windows
\! $WFM_CONTROL mark
SELECT count(*) > 0 AS any, min(_listed_from), max(_listed_to) FROM job
    WHERE _listed_from = '2026-01-01' AND _listed_to = '2026-03-31';
SELECT _listed_to, count(*) FROM job
    WHERE _listed_from = '2026-01-01' AND _listed_to IN ('2026-01-31', '2026-03-31') GROUP BY 1 ORDER BY 1;
SELECT count(*) FROM job WHERE _listed_from = '2026-03-31' AND _listed_to = '2026-01-01';
\! $WFM_CONTROL parameters

-- A join hands the values over, one request for each.
CREATE TEMP TABLE words (word text);
INSERT INTO words VALUES ('a'), ('e');
\! $WFM_CONTROL mark
SELECT word, count(*) FROM words JOIN client ON _search = word GROUP BY 1 ORDER BY 1;
SELECT word, (SELECT count(*) FROM client WHERE _search = word) FROM words ORDER BY 1;
\! $WFM_CONTROL parameters

-- What no request can serve
\! $WFM_CONTROL mark
SELECT name FROM client WHERE _search <> 'a'; \echo :SQLSTATE
SELECT name FROM client WHERE _search LIKE 'a%'; \echo :SQLSTATE
SELECT name FROM client WHERE _search IS NOT NULL; \echo :SQLSTATE
SELECT name FROM client WHERE _modified_since < now(); \echo :SQLSTATE
SELECT name FROM client WHERE _modified_since > now(); \echo :SQLSTATE
SELECT name FROM client WHERE _search = name; \echo :SQLSTATE
SELECT name FROM client WHERE _search = 'a' OR name = 'b'; \echo :SQLSTATE
SELECT name FROM client WHERE _search = 'a' AND _modified_since = '2020-01-01 00:00+00'; \echo :SQLSTATE
SELECT name FROM client WHERE _search = 'a' AND uuid = '00000000-0000-0000-0000-000000000001';
SELECT name FROM job WHERE _listed_from >= '2026-01-01'; \echo :SQLSTATE
\! $WFM_CONTROL calls
RESET timezone;
RESET search_path;
