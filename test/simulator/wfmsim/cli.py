"""The command line: options, start, ready line, end."""

import argparse
import datetime
import gc
import os
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import time

from . import VERSION, csvdump, dialects
from .api import Api, Switches
from .app import Application, Log
from .clock import Clock
from .control import Control
from .faults import Faults
from .httpd import Server
from .limits import Limits
from .oauth import DEFAULT_SCOPE, ROTATIONS, OAuth
from .replay import Replay
from .tenants import Tenants
from .world import World

ABOUT = """\
Serves the WorkflowMax and Xero Practice Manager APIs over generated data, so
that a client can be tested without an account, a consent or a rate limit
that matters.  Strict where the vendors are strict, and wrong on request.

  wfm-simulator --port 8000
  curl -su sim-client:sim-secret http://127.0.0.1:8000/connect/token \\
       -d grant_type=refresh_token -d refresh_token=sim-refresh-token
  curl -s http://127.0.0.1:8000/connections -H "Authorization: Bearer $TOKEN"
  curl -s http://127.0.0.1:8000/practicemanager/3.1/staff.api/list \\
       -H "Authorization: Bearer $TOKEN" -H "Xero-Tenant-Id: $TENANT"
"""

MORE = """\
paths
  /connect/token, /connect/revocation, /connections    Xero's OAuth 2.0
  /identity/connect/authorize                          its consent page
  /oauth/token, /oauth/authorize                       BlueRock's OAuth 2.0
%(prefixes)s
  /_control/                                           see README.md

Tenants, their ids and the data follow from --seed; the ready line and
GET /_control/state name the tenants.  Clients: sim-client (secret
sim-secret) and sim-pkce (no secret, PKCE).
"""


def options(argv=None):
    prefixes = "\n".join("  %-52s %s" % (d.prefix, d.name) for d in dialects.DIALECTS)
    parser = argparse.ArgumentParser(
        prog="wfm-simulator", description=ABOUT, epilog=MORE % {"prefixes": prefixes},
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--version", action="version", version="wfm-simulator " + VERSION)

    group = parser.add_argument_group("serving")
    group.add_argument("--host", default="127.0.0.1", help="address (default %(default)s)")
    group.add_argument("--port", type=int, default=0, help="port; 0 (default) takes a free one")
    group.add_argument("--port-file", metavar="FILE", help="write the port there, atomically")
    group.add_argument("--https", action="store_true",
                       help="serve TLS; without --cert a certificate for localhost and "
                            "127.0.0.1 is made with the openssl program")
    group.add_argument("--cert", metavar="FILE", help="certificate chain (PEM)")
    group.add_argument("--key", metavar="FILE", help="its private key (PEM)")
    group.add_argument("--cert-out", metavar="FILE",
                       help="write the certificate made, for a client to trust")
    group.add_argument("--log", metavar="FILE", help="append the request log (JSON lines)")
    group.add_argument("--parent-pid", type=int, metavar="PID", help="end when PID is gone")
    group.add_argument("--exit-with-stdin", action="store_true",
                       help="end when standard input is closed")

    group = parser.add_argument_group("data")
    group.add_argument("--seed", default="1", help="other seed, other data (default 1)")
    group.add_argument("--clients", type=int, default=300, metavar="N")
    group.add_argument("--jobs", type=int, default=2000, metavar="N")
    group.add_argument("--staff", type=int, default=20, metavar="N")
    group.add_argument("--time", type=int, default=50000, metavar="N",
                       help="time entries (defaults: 300 clients, 2000 jobs, 20 staff, "
                            "50000 time entries)")
    group.add_argument("--costs", type=int, default=1250, metavar="N",
                       help="cost catalogue (1000 to a page; default 1250)")
    group.add_argument("--today", type=datetime.date.fromisoformat, metavar="YYYY-MM-DD",
                       help="last day of the four years of history (default: today)")
    group.add_argument("--dirty", action="store_true",
                       help="also what is legal but was never recorded: dates of the year "
                            "1, times of day in dates, character references, CDATA")
    group.add_argument("--replay", metavar="DIR",
                       help="serve recorded answers (client__list.xml, client__list.head.txt) "
                            "instead of generated ones")
    group.add_argument("--dump-csv", metavar="DIR",
                       help="write the data as DIR/DIALECT/TABLE.csv before serving")
    group.add_argument("--dump-only", action="store_true", help="end after --dump-csv")

    group = parser.add_argument_group("what the vendor does not say")
    group.add_argument("--to", choices=Switches.CHOICES["to"], default="inclusive",
                       help="is the last day of a window part of it (default inclusive)")
    group.add_argument("--window-zone", type=float, default=0.0, metavar="HOURS",
                       help="windows see a record's date this many hours later")
    group.add_argument("--job-window", choices=Switches.CHOICES["job_window"],
                       default="created", help="which date of a job windows test "
                       "(default created)")
    group.add_argument("--odd-job-numbers", choices=Switches.CHOICES["odd_job_numbers"],
                       default="404", help="paths with job numbers outside [A-Za-z0-9_-] "
                       "(default 404)")
    group.add_argument("--client-jobs", choices=Switches.CHOICES["client_jobs"],
                       default="all", help="which jobs job.api/client delivers (default all)")

    group.add_argument("--fields", choices=Switches.CHOICES["fields"], default="ignored",
                       help="the fields parameter of practicemanager/3.1 (default ignored)")

    group = parser.add_argument_group("form of the answers")
    group.add_argument("--shuffle", action="store_true",
                       help="records and their elements in changing order")
    group.add_argument("--pretty", action="store_true", help="line breaks between elements")
    group.add_argument("--declaration", action="store_true", help="begin with <?xml ...?>")

    group = parser.add_argument_group("OAuth")
    group.add_argument("--client-id", default="sim-client", help="app with a secret "
                       "(default %(default)s)")
    group.add_argument("--client-secret", default="sim-secret", help="(default %(default)s)")
    group.add_argument("--pkce-client-id", default="sim-pkce", help="app without a secret "
                       "(default %(default)s)")
    group.add_argument("--redirect-uri", action="append", metavar="URI",
                       help="registered redirect address, repeatable (default "
                            "http://localhost/wfm and http://localhost:8080/wfm)")
    group.add_argument("--refresh-token", default="sim-refresh-token",
                       help="of a consent given to the app with the secret "
                            "(default %(default)s)")
    group.add_argument("--pkce-refresh-token", default="sim-pkce-refresh-token",
                       help="of a consent given to the other (default %(default)s)")
    group.add_argument("--bluerock-refresh-token", default="sim-bluerock-refresh-token",
                       help="of a consent given at BlueRock (default %(default)s)")
    group.add_argument("--scope", default=DEFAULT_SCOPE, help="of these consents")
    group.add_argument("--rotation", choices=ROTATIONS, default="grace-same",
                       help="a used refresh token within 30 minutes: the same new pair, "
                            "another pair beside it, another pair that kills it, an error, "
                            "an error and the end of the grant (default %(default)s)")
    group.add_argument("--access-token-seconds", type=float, default=1800, metavar="N")
    group.add_argument("--refresh-token-days", type=float, default=60, metavar="N")
    group.add_argument("--auto-consent", action="store_true",
                       help="the consent page redirects at once")

    group = parser.add_argument_group("limits, per app and tenant")
    group.add_argument("--minute-limit", type=int, default=60, metavar="N")
    group.add_argument("--day-limit", type=int, default=5000, metavar="N")
    group.add_argument("--concurrent-limit", type=int, default=5, metavar="N")
    group.add_argument("--app-minute-limit", type=int, default=10000, metavar="N")
    group.add_argument("--sliding-minute", action="store_true",
                       help="any 60 seconds, not fixed minutes")
    group.add_argument("--no-limits", action="store_true",
                       help="count, but never refuse a call nor tell in headers what remains")

    args = parser.parse_args(argv)
    if (args.cert is None) != (args.key is None):
        parser.error("--cert and --key go together")
    if args.dump_only and not args.dump_csv:
        parser.error("--dump-only needs --dump-csv")
    args.redirect_uri = args.redirect_uri or ["http://localhost/wfm",
                                              "http://localhost:8080/wfm"]
    return args


def self_signed(folder):
    """(certificate, key) for localhost and 127.0.0.1, made by openssl."""
    cert, key = os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-keyout", key, "-out", cert, "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1"],
        check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return cert, key


def tls_context(args):
    """The TLS side of --https, or None for plain http."""
    if not args.https:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if args.cert:
        context.load_cert_chain(args.cert, args.key)
        return context
    with tempfile.TemporaryDirectory() as folder:
        cert, key = self_signed(folder)
        context.load_cert_chain(cert, key)
        if args.cert_out:
            with open(cert, encoding="ascii") as file:
                write_whole(args.cert_out, file.read())
    return context


def write_whole(path, text):
    """Write a file so that nobody sees a part of it."""
    temporary = "%s.%d" % (path, os.getpid())
    with open(temporary, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(temporary, path)


def worlds(args):
    """The account of the first tenants, and a smaller one of another."""
    today = args.today or datetime.date.today()
    if args.replay:
        empty = World(args.seed, today, 1, 0, 1, 0)
        return {"main": empty, "second": empty}
    return {
        "main": World(args.seed, today, args.clients, args.jobs, args.staff, args.time,
                      args.costs, args.dirty),
        "second": World("%s/second" % args.seed, today, min(args.clients, 12),
                        min(args.jobs, 40), min(args.staff, 4), min(args.time, 300), 10),
    }


def build(args, stop):
    """The application and its server, not yet listening to anybody."""
    clock = Clock()
    tenants = Tenants(args.seed, clock)
    oauth = OAuth(clock, tenants, args.rotation, args.access_token_seconds,
                  args.refresh_token_days, args.auto_consent)
    oauth.add_client(args.client_id, args.client_secret, args.redirect_uri)
    oauth.add_client(args.pkce_client_id, None, args.redirect_uri)
    oauth.add_grant(args.client_id, args.refresh_token, args.scope)
    oauth.add_grant(args.pkce_client_id, args.pkce_refresh_token, args.scope)
    oauth.add_grant(args.client_id, args.bluerock_refresh_token,
                    "openid profile email workflowmax offline_access", "bluerock")
    limits = Limits(clock, args.minute_limit, args.day_limit, args.concurrent_limit,
                    args.app_minute_limit, args.sliding_minute, not args.no_limits)
    switches = Switches()
    switches.set({"to": args.to, "job_window": args.job_window,
                  "odd_job_numbers": args.odd_job_numbers,
                  "client_jobs": args.client_jobs, "fields": args.fields,
                  "window_zone": args.window_zone, "shuffle": args.shuffle,
                  "pretty": args.pretty, "declaration": args.declaration})
    data = worlds(args)
    if args.dump_csv:
        csvdump.dump(data["main"], args.dump_csv)
    application = Application(clock, tenants, oauth, limits, Api(switches), data,
                              Log(args.log), Faults(),
                              Replay(args.replay) if args.replay else None)
    started = time.time()

    def describe():
        main = data["main"]
        return {
            "version": VERSION, "pid": os.getpid(), "started": started,
            "seed": args.seed, "today": main.today.isoformat(),
            "first_day": main.first_day.isoformat(),
            "records": {name: len(rows) for name, rows in main.tables.items()},
            "dialects": {d.name: d.prefix for d in dialects.DIALECTS},
        }

    application.control = Control(application, describe, stop)
    server = Server(application, args.host, args.port, tls_context(args))
    return application, server


def watch_parent(pid, stop):
    while True:
        try:
            os.kill(pid, 0)
        except OSError:
            stop()
            return
        time.sleep(0.5)


def watch_stdin(stop):
    while os.read(0, 4096):
        pass
    stop()


def main(argv=None):
    args = options(argv)
    if args.dump_only:
        csvdump.dump(worlds(args)["main"], args.dump_csv)
        return 0
    # A pipe, and the wake-up descriptor of signals: a handler in Python would
    # wait for the main thread, which a signal taken by another thread does
    # not wake.
    ending, end = os.pipe()
    os.set_blocking(end, False)

    def stop():
        os.write(end, b"x")

    signal.set_wakeup_fd(end, warn_on_full_buffer=False)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    # The data lives as long as the program: no use in searching it for garbage.
    gc.disable()
    application, server = build(args, stop)
    gc.freeze()
    gc.enable()
    server.start()
    if args.parent_pid:
        threading.Thread(target=watch_parent, args=(args.parent_pid, stop),
                         daemon=True).start()
    if args.exit_with_stdin:
        threading.Thread(target=watch_stdin, args=(stop,), daemon=True).start()
    if args.port_file:
        write_whole(args.port_file, "%d\n" % server.port)
    tenants = " ".join("%s=%s" % (t.kind.lower(), t.tenant_id)
                       for t in application.tenants.all if t.consent)
    print("ready %s://%s:%d/ pid=%d %s" % (server.scheme, args.host, server.port,
                                           os.getpid(), tenants), flush=True)
    os.read(ending, 1)
    server.stop()
    if args.port_file:
        try:
            os.unlink(args.port_file)
        except OSError:
            pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
