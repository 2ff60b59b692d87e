# The library loads at server start and the extension can be created.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use WfmTest;

my $node = WfmTest::start_node('main');

is( $node->safe_psql('postgres',
		"SELECT extversion FROM pg_extension WHERE extname = 'wfm_fdw'"),
	'1.0',
	'the extension is created');
is($node->safe_psql('postgres', 'SHOW wfm_fdw.allow_insecure_loopback'),
	'on', 'the settings are known');

my ($code, $out, $err) =
  $node->psql('postgres', 'SET wfm_fdw.no_such_setting = 1');
isnt($code, 0, 'an unknown setting is refused');

my $undocumented = $node->safe_psql('postgres', <<'END');
SELECT string_agg(pg_describe_object(d.classid, d.objid, 0), ', ' ORDER BY 1)
FROM pg_depend d
LEFT JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
LEFT JOIN pg_proc p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid
WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'wfm_fdw')
AND (c.relkind IN ('r', 'v') OR p.prorettype <> 'trigger'::regtype)
AND obj_description(d.objid, d.classid::regclass::name) IS NULL
END
is($undocumented, '', 'every table, view and function carries a comment');

$node->stop;
$node->append_conf('postgresql.conf', "shared_preload_libraries = ''\n");
$node->start;
is($node->safe_psql('postgres', 'SELECT 1'),
	'1', 'a server without the preload starts and answers');

done_testing();
