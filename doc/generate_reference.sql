-- Writes doc/reference.md from a database that has the extension: "make docs".
-- Everything it says comes from the code: wfm_options(), pg_settings, the
-- catalogs and their comments.

\set ON_ERROR_STOP on
\pset format unaligned
\pset tuples_only on
SET search_path = public;

-- Text in a table's cell.
CREATE FUNCTION pg_temp.cell(text) RETURNS text
LANGUAGE SQL IMMUTABLE AS $$ SELECT replace($1, '|', '\|') $$;

CREATE TEMPORARY VIEW members AS
    SELECT d.classid, d.objid
    FROM   pg_depend d
    JOIN   pg_extension e ON e.oid = d.refobjid AND d.refclassid = 'pg_extension'::regclass
    WHERE  d.deptype = 'e' AND e.extname = 'wfm_fdw';

\qecho '# Reference'
\qecho
\qecho 'Made from the code by `make docs`; do not edit. [tables.md](tables.md) describes the foreign tables and their columns, [connect.md](connect.md) and [operations.md](operations.md) how to work with what is listed here.'
\qecho
\qecho '## Options'
\qecho
\qecho '`SELECT * FROM wfm_options()` tells the same.'

SELECT E'\n### ' || CASE object
          WHEN 'server' THEN
              E'Of a server\n\n`CREATE SERVER name FOREIGN DATA WRAPPER wfm_fdw OPTIONS (connection ''acme'', ...)`'
          WHEN 'foreign table' THEN
              E'Of a foreign table\n\n`ALTER FOREIGN TABLE name OPTIONS (ADD option ''value'')`; they come before the server''s.'
          WHEN 'column' THEN
              E'Of a column of a foreign table\n\n`ALTER FOREIGN TABLE name ALTER COLUMN column OPTIONS (ADD field ''Path/In/Record'')`'
          ELSE
              'Of ' || object || E'\n\n`IMPORT FOREIGN SCHEMA wfm FROM SERVER name INTO schema OPTIONS (nested ''true'')`'
          END
       || E'\n\n| option | value | default | meaning |\n|-|-|-|-|\n'
       || string_agg(format('| `%s` | %s | %s | %s |', option, type,
                            coalesce('`' || default_value || '`', 'none'), pg_temp.cell(description)),
                     E'\n' ORDER BY n)
FROM   wfm_options() WITH ORDINALITY AS o (object, option, type, default_value, description, n)
GROUP  BY object
ORDER  BY min(n);

\qecho
\qecho '## Settings'
\qecho
\qecho 'In `postgresql.conf` or with `ALTER SYSTEM`; those that a session may set also with `SET`, `ALTER ROLE ... SET` and `ALTER DATABASE ... SET`.'
\qecho
\qecho '| setting | value | default | changed by | meaning |'
\qecho '|-|-|-|-|-|'

SELECT format('| `%s` | %s | %s | %s | %s |', name,
              CASE vartype
              WHEN 'bool' THEN 'boolean'
              WHEN 'string' THEN 'text'
              WHEN 'enum' THEN array_to_string(enumvals, ' or ')
              ELSE min_val || ' to ' || max_val || coalesce(' ' || unit, '') END,
              CASE boot_val WHEN '' THEN 'empty' ELSE '`' || boot_val || coalesce(unit, '') || '`' END,
              CASE context
              WHEN 'postmaster' THEN 'restart'
              WHEN 'sighup' THEN 'reload'
              WHEN 'superuser' THEN 'superusers, in a session'
              WHEN 'user' THEN 'everybody, in a session' END,
              pg_temp.cell(concat_ws(' ', short_desc, extra_desc)))
FROM   pg_settings
WHERE  name LIKE 'wfm\_fdw.%'
ORDER  BY name COLLATE "C";

\qecho
\qecho '## Functions'

SELECT format(E'\n### %s\n\n`%s(%s)`%s: %s.%s%s', p.proname, p.proname,
              regexp_replace(pg_get_function_arguments(p.oid), '(, )?\mOUT .*', ''),
              CASE WHEN p.prorettype = 'void'::regtype THEN ''
                   WHEN p.proallargtypes IS NOT NULL THEN CASE WHEN p.proretset THEN ' returns rows' ELSE ' returns a row' END
                   ELSE ' returns ' || CASE WHEN p.proretset THEN 'rows of ' ELSE '' END || p.prorettype::regtype END,
              obj_description(p.oid, 'pg_proc'),
              CASE WHEN has_function_privilege('public', p.oid, 'EXECUTE') THEN ''
                   ELSE ' For superusers, and those who were granted EXECUTE'
                        || coalesce((SELECT ', as `' || string_agg(a.grantee::regrole::text, '`, `') || '` is'
                                     FROM aclexplode(p.proacl) a WHERE a.grantee NOT IN (0, p.proowner)), '') || '.' END,
              (SELECT E'\n\nColumns: ' || string_agg(format('`%s` %s', p.proargnames[i], p.proallargtypes[i]::regtype), ', ' ORDER BY i) || '.'
               FROM   generate_subscripts(p.proargmodes, 1) AS i WHERE p.proargmodes[i] IN ('o', 't')))
FROM   members m
JOIN   pg_proc p ON p.oid = m.objid AND m.classid = 'pg_proc'::regclass
WHERE  p.prorettype NOT IN ('trigger'::regtype, 'fdw_handler'::regtype)
AND    p.proname <> 'wfm_fdw_validator'
ORDER  BY p.proname COLLATE "C";

\qecho
\qecho '## Tables and views'

SELECT format(E'\n### %s\n\n%s: %s.%s\n\n| column | type | meaning |\n|-|-|-|\n%s', c.relname,
              CASE c.relkind WHEN 'v' THEN 'View' ELSE 'Table' END, obj_description(c.oid, 'pg_class'),
              CASE WHEN has_table_privilege('public', c.oid, 'SELECT') THEN ' For everybody.'
                   ELSE ' For superusers, and those who were granted SELECT'
                        || coalesce((SELECT ', as `' || string_agg(a.grantee::regrole::text, '`, `') || '` is'
                                     FROM aclexplode(c.relacl) a
                                     WHERE a.grantee NOT IN (0, c.relowner) AND a.privilege_type = 'SELECT'), '') || '.' END,
              (SELECT string_agg(format('| `%s` | %s | %s |', a.attname, format_type(a.atttypid, a.atttypmod),
                                        pg_temp.cell(col_description(c.oid, a.attnum))), E'\n' ORDER BY a.attnum)
               FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped))
FROM   members m
JOIN   pg_class c ON c.oid = m.objid AND m.classid = 'pg_class'::regclass AND c.relkind IN ('r', 'v')
ORDER  BY c.relkind, c.relname COLLATE "C";
