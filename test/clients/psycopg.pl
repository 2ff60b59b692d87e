# Python's drivers: psycopg 2 (with SQLAlchemy) and psycopg 3, and the probes
# of the tools that speak as they do.

use strict;
use warnings;

use Test::More;

use WfmClients;
use WfmTest;

my $folder = "$ENV{WFM_SOURCE}/test/clients";

WfmClients::start();
WfmClients::run('psycopg 3', $ENV{WFM_PYTHON}, "$folder/with_psycopg3.py", map { WfmClients::probes($_) } qw(powerbi grafana));
WfmClients::run('psycopg 2', $ENV{WFM_PYTHON}, "$folder/with_psycopg2.py", map { WfmClients::probes($_) } qw(superset dbt));
WfmClients::leaves_nothing();
done_testing();
