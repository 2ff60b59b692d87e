"""HTTP itself, and how the program starts and ends."""

import gzip
import os
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import unittest

from harness import HELD, PATIENCE, PROGRAM, SMALL, Simulator, SimulatorTest


class Http(SimulatorTest):

    def test_a_connection_is_kept(self):
        start = self.sim.control("state")["last_seq"]
        for _ in range(3):
            self.sim.get("staff.api/list")
        entries = self.sim.log(start)
        self.assertEqual(len({e["connection"] for e in entries}), 1)
        self.assertTrue(entries[-1]["reused"])

    def test_close_is_honoured(self):
        connection = self.sim.connect()
        answer = self.sim.call("GET", "/connections", {"Connection": "close"},
                               connection=connection)
        self.assertEqual(answer.header("connection"), "close")

    def test_gzip_only_when_accepted(self):
        plain = self.sim.get("client.api/list")
        self.assertIsNone(plain.header("content-encoding"))
        packed = self.sim.get("client.api/list", Accept_Encoding="deflate, gzip")
        self.assertEqual(packed.header("content-encoding"), "gzip")
        self.assertLess(len(packed.body), len(plain.body))
        self.assertEqual(gzip.decompress(packed.body), plain.body)

    def test_the_headers_of_a_good_answer(self):
        answer = self.sim.get("staff.api/list")
        self.assertEqual(answer.header("content-type"), "text/xml; charset=utf-8")
        self.assertEqual(answer.header("cache-control"), "max-age=0, no-cache, no-store")
        self.assertEqual(answer.header("pragma"), "no-cache")
        self.assertRegex(answer.header("xero-correlation-id"), "^[0-9a-f-]{36}$")

    def raw(self, text):
        with socket.create_connection((self.sim.parts.hostname, self.sim.parts.port),
                                      timeout=PATIENCE) as connection:
            connection.sendall(text)
            connection.shutdown(socket.SHUT_WR)
            data = b""
            while True:
                part = connection.recv(65536)
                if not part:
                    return data
                data += part

    def test_malformed_requests_are_400(self):
        for text in (b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n",
                     b"GET / HTTP/1.1\r\nHost : x\r\n\r\n"):
            self.assertTrue(self.raw(text).startswith(b"HTTP/1.1 400 "), text)

    def test_chunked_request_bodies(self):
        body = b"grant_type=password"
        answer = self.raw(b"POST /connect/token HTTP/1.1\r\nHost: x\r\n"
                          b"Content-Type: application/x-www-form-urlencoded\r\n"
                          b"Authorization: Basic c2ltLWNsaWVudDpzaW0tc2VjcmV0\r\n"
                          b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
                          + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
        self.assertIn(b"unsupported_grant_type", answer)

    def test_only_loopback_listens(self):
        self.assertEqual(self.sim.parts.hostname, "127.0.0.1")

    def test_a_small_answer_waits_for_no_timer(self):
        # An acknowledgement that is put off costs each of them 40 ms; other
        # programs that are busy meanwhile do not delay all of them.
        least = PATIENCE
        for _ in range(200):
            start = time.perf_counter()
            self.sim.get("staff.api/list")
            least = min(least, time.perf_counter() - start)
        self.assertLess(least, 0.03)


class Tls(unittest.TestCase):

    def test_a_made_certificate_is_good_for_localhost_and_127_0_0_1(self):
        with tempfile.TemporaryDirectory() as folder:
            cert = os.path.join(folder, "ca.pem")
            sim = Simulator("--https", "--cert-out", cert)
            self.addCleanup(sim.close)
            self.assertTrue(sim.url.startswith("https://"))
            context = ssl.create_default_context(cafile=cert)
            for name in ("localhost", "127.0.0.1"):
                with socket.create_connection(("127.0.0.1", sim.parts.port), PATIENCE) as plain, \
                        context.wrap_socket(plain, server_hostname=name) as secure:
                    secure.sendall(b"GET /connections HTTP/1.0\r\n\r\n")
                    self.assertIn(b" 401 ", secure.recv(64))
            self.assertEqual(sim.get("staff.api/list").header("x-client-tls-ver"), "tls1.3")


class Life(unittest.TestCase):

    def start(self, *arguments, **options):
        process = subprocess.Popen([sys.executable, PROGRAM, *SMALL, *arguments],
                                   stdout=subprocess.PIPE, text=True, **options)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.kill)
        self.assertTrue(process.stdout.readline().startswith("ready http://127.0.0.1:"))
        return process

    def test_port_file_and_sigterm(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "port")
            process = self.start("--port-file", path)
            with open(path, encoding="ascii") as file:
                port = int(file.read())
            socket.create_connection(("127.0.0.1", port), PATIENCE).close()
            self.assertEqual(os.listdir(folder), ["port"])
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(PATIENCE), 0)
            self.assertEqual(os.listdir(folder), [])

    def test_sigterm_at_any_moment_after_ready(self):
        processes = [subprocess.Popen(
            [sys.executable, PROGRAM, "--clients", "1", "--jobs", "0", "--time", "0"],
            stdout=subprocess.PIPE, text=True) for _ in range(8)]
        for number, process in enumerate(processes):
            self.addCleanup(process.stdout.close)
            self.addCleanup(process.kill)
            self.assertTrue(process.stdout.readline().startswith("ready "))
            time.sleep(number * 0.0002)
            process.send_signal(signal.SIGTERM)
        for process in processes:
            self.assertEqual(process.wait(PATIENCE), 0)

    def test_it_ends_with_standard_input(self):
        process = self.start("--exit-with-stdin", stdin=subprocess.PIPE)
        process.stdin.close()
        self.assertEqual(process.wait(PATIENCE), 0)

    def test_it_ends_with_its_parent(self):
        parent = subprocess.Popen(["sleep", "60"])
        process = self.start("--parent-pid", str(parent.pid))
        parent.kill()
        parent.wait()
        self.assertEqual(process.wait(PATIENCE), 0)

    def test_it_ends_while_an_answer_stalls(self):
        sim = Simulator()
        sim.control("faults", {"action": {"delay": HELD}})
        with socket.create_connection(("127.0.0.1", sim.parts.port), PATIENCE) as stuck:
            stuck.sendall(b"GET /connections HTTP/1.1\r\nHost: x\r\n\r\n")
            sim.wait_for_active(1)
            sim.close()                 # which waits for it to end

    def test_help_teaches(self):
        text = subprocess.run([sys.executable, PROGRAM, "--help"], check=True,
                              capture_output=True, text=True).stdout
        for word in ("/connect/token", "sim-refresh-token", "/practicemanager/3.1/",
                     "--rotation", "--window-zone"):
            self.assertIn(word, text)


if __name__ == "__main__":
    unittest.main()
