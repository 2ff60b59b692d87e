"""Talks to the simulator from a regression test.

    \\! $WFM_CONTROL mark
    SELECT ...;
    \\! $WFM_CONTROL calls
    \\! $WFM_CONTROL POST faults '{"action": {"status": 503}, "count": 1}'
    \\! $WFM_CONTROL DELETE faults

"mark" empties the simulator's request log, "calls" prints how many requests
of each path went to the API since, "parameters" each of them with its query.
Other words are a method, a control path (test/simulator/README.md) and a body;
they print nothing.  WFM_SIM_URL is the simulator's address.
"""

import collections
import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request


# Seconds after which what was waited for never comes.
PATIENCE = 180


def request(method, path, body=None):
    address = "%s/_control/%s" % (os.environ["WFM_SIM_URL"], path)
    data = body.encode("utf-8") if body else None
    asked = urllib.request.Request(address, data=data, method=method)
    try:
        with urllib.request.urlopen(asked, timeout=PATIENCE) as answer:
            return answer.read().decode("utf-8")
    except urllib.error.HTTPError as refusal:
        sys.exit("%s %s: %s" % (method, path, refusal.read().decode("utf-8").strip()))


def settle():
    """Waits until no request is under way: one whose reader has left is logged
    when the simulator has seen that."""
    deadline = time.monotonic() + PATIENCE
    while json.loads(request("GET", "state"))["http"]["active"]:
        if time.monotonic() > deadline:
            sys.exit("a request does not end")
        time.sleep(0.02)


def api_requests():
    settle()
    entries = [json.loads(line) for line in request("GET", "log").splitlines()]
    return [entry for entry in entries if entry["dialect"]]


def print_calls():
    counts = collections.Counter(entry["path"] for entry in api_requests())
    for path in sorted(counts):
        print("%d x %s" % (counts[path], path))
    if not counts:
        print("no calls")


def print_parameters():
    """Sorted: requests that go out side by side arrive in any order."""
    lines = []
    for entry in api_requests():
        query = urllib.parse.urlencode(sorted(entry["query"].items()))
        lines.append("%s %s" % (entry["path"], query))
    print("\n".join(sorted(lines)))


def main():
    word = sys.argv[1]
    if word == "mark":
        settle()
        request("POST", "reset", json.dumps({"what": ["log"]}))
    elif word == "calls":
        print_calls()
    elif word == "parameters":
        print_parameters()
    else:
        request(word, *sys.argv[2:4])


if __name__ == "__main__":
    main()
