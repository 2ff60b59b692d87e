"""A simulator of the WorkflowMax and Xero Practice Manager APIs.

Modules by duty:
  cli        the command line, and starting and ending the program
  httpd      HTTP/1.1 over TCP or TLS, one thread for each connection
  app        one request from arrival to log entry: who may answer it
  oauth      token endpoint, consent page, revocation
  tenants    tenants, connections of apps to them
  limits     calls per minute, per day, at once, per app
  api        the data API: endpoints, parameter rules, windows
  dialects   what the APIs offer, as tables: dialects, fields, endpoints
  nouns      the same for bluerock/2, and how it answers
  world      the generated practice: clients, jobs, staff, time entries
  paperwork  what hangs on those: groups, invoices, quotes, custom fields
  money      amounts and quantities as they are sent
  words      the vocabulary the generator draws from
  xmlout     records to XML
  jsonout    records to JSON (practicemanager/3.1 on request)
  csvdump    records to CSV, straight from the world
  faults     rules that make an answer go wrong
  replay     recorded answers instead of generated ones
  changes    changes of the data while running
  control    the /_control/ endpoints that tests drive the simulator by
  clock      the simulator's time, which tests may move
"""

VERSION = "1.0"
