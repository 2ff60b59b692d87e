"""The token endpoint, consent, connections and revocation."""

import base64
import threading
import unittest
import urllib.parse

from harness import HELD, Simulator, SimulatorTest, challenge, claims

VERIFIER = "correct-horse-battery-staple-correct-horse-battery"


def form_of(refresh_token, **more):
    return dict(grant_type="refresh_token", refresh_token=refresh_token, **more)


class Tokens(SimulatorTest):

    def new_grant(self, client="sim-client", **more):
        made = self.sim.control("tokens", {"new_grant": dict(client_id=client, **more)})
        return made["grant"], made["refresh_token"]

    def setUp(self):
        super().setUp()
        self.sim.control("tokens", {"rotation": "grace-same"})
        self.sim.control("reset", {"what": ["clock", "counters"]})

    def refused(self, answer, code, status=400):
        self.assertEqual(answer.status, status)
        self.assertEqual(answer.json()["error"], code)
        self.assertTrue(answer.header("content-type").startswith("application/json"))

    def test_a_refresh_answers_everything_the_vendor_does(self):
        _, token = self.new_grant()
        answer = self.sim.post_token(form_of(token))
        self.assertEqual(answer.status, 200)
        body = answer.json()
        self.assertEqual(set(body), {"id_token", "access_token", "expires_in",
                                     "token_type", "refresh_token", "scope"})
        self.assertEqual(body["expires_in"], 1800)
        self.assertEqual(body["token_type"], "Bearer")
        self.assertNotEqual(body["refresh_token"], token)
        self.assertEqual(len(body["access_token"].split(".")), 3)
        inside = claims(body["access_token"])
        self.assertEqual(set(inside), {
            "nbf", "exp", "iss", "aud", "client_id", "sub", "auth_time", "xero_userid",
            "global_session_id", "jti", "authentication_event_id", "scope"})
        self.assertEqual(inside["exp"] - inside["nbf"], 1800)
        self.assertEqual(inside["iss"], "https://identity.xero.com")
        self.assertIsInstance(inside["scope"], list)
        self.assertNotIn("authentication_event_id", claims(body["id_token"]))

    def test_no_refresh_token_without_offline_access(self):
        _, token = self.new_grant(scope="practicemanager")
        body = self.sim.post_token(form_of(token)).json()
        self.assertNotIn("refresh_token", body)
        self.assertNotIn("id_token", body)

    def test_client_authentication(self):
        _, token = self.new_grant()
        form = form_of(token)
        self.refused(self.sim.post_token(form, ("sim-client", "wrong")), "invalid_client")
        self.refused(self.sim.post_token(form, ("nobody", "sim-secret")), "invalid_client")
        self.refused(self.sim.post_token(form, None), "invalid_client")
        self.refused(self.sim.post_token(
            dict(form, client_id="sim-client", client_secret="sim-secret"), None),
            "invalid_client")
        self.refused(self.sim.post_token(form, ("sim-pkce", "")), "invalid_client")
        self.assertEqual(self.sim.post_token(form).status, 200)

    def test_credentials_may_be_encoded_as_forms_are(self):
        self.sim.control("tokens", {"new_client": {"client_id": "a b", "secret": "50%+1"}})
        for basic in (("a b", "50%+1"), ("a+b", "50%25%2B1")):
            _, token = self.new_grant("a b")
            self.assertEqual(self.sim.post_token(form_of(token), basic).status, 200, basic)

    def test_discovery(self):
        found = self.sim.call("GET", "/.well-known/openid-configuration").json()
        self.assertEqual(found["token_endpoint"], self.sim.url + "connect/token")

    def test_an_app_without_a_secret_names_itself_in_the_body(self):
        _, token = self.new_grant("sim-pkce")
        answer = self.sim.post_token(form_of(token, client_id="sim-pkce"), None)
        self.assertEqual(answer.status, 200)
        _, token = self.new_grant("sim-pkce")
        self.refused(self.sim.post_token(
            form_of(token, client_id="sim-pkce", client_secret="x"), None), "invalid_client")

    def test_other_errors(self):
        _, token = self.new_grant()
        self.refused(self.sim.post_token(form_of("never issued")), "invalid_grant")
        _, other = self.new_grant("sim-pkce")
        self.refused(self.sim.post_token(form_of(other)), "invalid_grant")
        self.refused(self.sim.post_token({"grant_type": "password"}),
                     "unsupported_grant_type")
        self.refused(self.sim.post_token({"grant_type": "client_credentials"}),
                     "unauthorized_client")
        self.refused(self.sim.post_token({"grant_type": "refresh_token"}), "invalid_request")
        self.refused(self.sim.post_token(form_of(token, scope="openid files")),
                     "invalid_scope")
        answer = self.sim.call("POST", "/connect/token", {"Content-Type": "text/plain"}, "x")
        self.refused(answer, "invalid_request")
        self.assertEqual(self.sim.call("GET", "/connect/token").status, 405)

    def test_grace_same_answers_the_same_pair_for_half_an_hour(self):
        self.sim.control("clock", {"freeze": None})
        _, token = self.new_grant()
        first = self.sim.post_token(form_of(token)).json()
        self.assertEqual(self.sim.post_token(form_of(token)).json(), first)
        self.sim.control("clock", {"advance": 29 * 60})
        self.assertEqual(self.sim.post_token(form_of(token)).json(), first)
        self.sim.control("clock", {"advance": 61})
        self.refused(self.sim.post_token(form_of(token)), "invalid_grant")
        self.assertEqual(self.sim.post_token(form_of(first["refresh_token"])).status, 200)

    def test_grace_new_both_lets_both_pairs_live(self):
        self.sim.control("tokens", {"rotation": "grace-new-both"})
        _, token = self.new_grant()
        first = self.sim.post_token(form_of(token)).json()
        second = self.sim.post_token(form_of(token)).json()
        self.assertNotEqual(first["refresh_token"], second["refresh_token"])
        for pair in (first, second):
            self.assertEqual(self.connections(pair["access_token"]).status, 200)
            self.assertEqual(self.sim.post_token(form_of(pair["refresh_token"])).status, 200)

    def test_grace_new_kill_ends_the_first_pair(self):
        self.sim.control("tokens", {"rotation": "grace-new-kill"})
        _, token = self.new_grant()
        first = self.sim.post_token(form_of(token)).json()
        second = self.sim.post_token(form_of(token)).json()
        self.assertEqual(self.connections(first["access_token"]).status, 401)
        self.refused(self.sim.post_token(form_of(first["refresh_token"])), "invalid_grant")
        self.assertEqual(self.sim.post_token(form_of(second["refresh_token"])).status, 200)

    def test_nograce_refuses_the_old_token_and_keeps_the_new(self):
        self.sim.control("tokens", {"rotation": "nograce"})
        _, token = self.new_grant()
        first = self.sim.post_token(form_of(token)).json()
        self.refused(self.sim.post_token(form_of(token)), "invalid_grant")
        self.assertEqual(self.sim.post_token(form_of(first["refresh_token"])).status, 200)

    def test_strict_kills_the_grant_on_reuse(self):
        self.sim.control("tokens", {"rotation": "strict"})
        _, token = self.new_grant()
        first = self.sim.post_token(form_of(token)).json()
        self.refused(self.sim.post_token(form_of(token)), "invalid_grant")
        self.refused(self.sim.post_token(form_of(first["refresh_token"])), "invalid_grant")
        self.assertEqual(self.connections(first["access_token"]).status, 401)

    def test_an_unused_refresh_token_dies_after_sixty_days(self):
        self.sim.control("clock", {"freeze": None})
        _, token = self.new_grant()
        self.sim.control("clock", {"advance": 60 * 86400 - 5})
        body = self.sim.post_token(form_of(token)).json()
        self.sim.control("clock", {"advance": 60 * 86400 + 5})
        self.refused(self.sim.post_token(form_of(body["refresh_token"])), "invalid_grant")

    def test_two_requests_with_one_token_at_once_are_counted(self):
        _, token = self.new_grant()
        self.sim.control("faults", {"match": {"path": "/connect/token"}, "count": 1,
                                    "action": {"delay": HELD}})
        self.addCleanup(self.sim.release)
        other = self.sim.connect()
        slow = threading.Thread(target=lambda: self.post_on(other, token))
        slow.start()
        self.sim.wait_for_active(1)
        self.sim.post_token(form_of(token))
        self.sim.release()
        slow.join()
        other.close()
        self.assertEqual(self.sim.control("tokens")["overlaps"], 1)
        logged = [e for e in self.sim.log() if e["path"] == "/connect/token"][-1]
        self.assertEqual(logged["token_generation"], 0)

    def post_on(self, connection, token):
        self.sim.call("POST", "/connect/token", {
            "Authorization": "Basic " + base64.b64encode(b"sim-client:sim-secret").decode(),
            "Content-Type": "application/x-www-form-urlencoded"},
            urllib.parse.urlencode(form_of(token)), connection)

    def test_control_counts_generations_and_names_the_newest_token(self):
        grant, token = self.new_grant()
        body = self.sim.post_token(form_of(token)).json()
        state = self.sim.control("tokens", {"current": grant})
        self.assertEqual(state["refresh_token"], body["refresh_token"])
        mine = [g for g in state["grants"] if g["grant"] == grant][0]
        self.assertEqual(mine["generation"], 1)
        self.assertEqual(mine["unused_generations"], [1])
        self.assertEqual(state["token_requests"], 1)
        self.assertEqual(state["answers"], {"ok": 1})

    def test_control_lists_every_token_issued(self):
        _, token = self.new_grant()
        body = self.sim.post_token(form_of(token)).json()
        issued = self.sim.control("tokens/issued", method="GET")
        self.assertIn(token, issued["refresh"])
        self.assertIn(body["refresh_token"], issued["refresh"])
        self.assertIn(body["access_token"], issued["access"])
        self.assertIn(body["id_token"], issued["id"])

    def test_revocation_ends_the_grant(self):
        _, token = self.new_grant()
        body = self.sim.post_token(form_of(token)).json()
        answer = self.sim.post_token({"token": body["refresh_token"]},
                                     path="/connect/revocation")
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.body, b"")
        self.refused(self.sim.post_token(form_of(body["refresh_token"])), "invalid_grant")
        self.assertEqual(self.connections(body["access_token"]).status, 401)

    def test_revocation_needs_the_client(self):
        answer = self.sim.post_token({"token": "x"}, ("sim-client", "wrong"),
                                     "/connect/revocation")
        self.refused(answer, "invalid_client")

    # -- BlueRock ---------------------------------------------------------

    def test_bluerock_takes_credentials_in_the_body_only(self):
        _, token = self.new_grant(vendor="bluerock")
        form = form_of(token, client_id="sim-client", client_secret="sim-secret")
        answer = self.sim.post_token(form_of(token), path="/oauth/token")
        self.refused(answer, "invalid_client", 401)
        self.assertEqual(answer.json()["error_description"],
                         "Basic auth headers are not supported")
        body = self.sim.post_token(form, None, "/oauth/token").json()
        self.assertEqual(claims(body["access_token"])["org_ids"],
                         [self.sim.tenants["workflowmax"]])
        again = self.sim.post_token(form, None, "/oauth/token")
        self.refused(again, "invalid_grant")
        self.assertEqual(again.json()["error_description"], "Refresh token reuse detected")
        dead = self.sim.post_token(dict(form, refresh_token=body["refresh_token"]), None,
                                   "/oauth/token")
        self.refused(dead, "invalid_grant")

    # -- connections ------------------------------------------------------

    def connections(self, access, query=""):
        return self.sim.call("GET", "/connections" + query,
                             {"Authorization": "Bearer " + access})

    def access(self, client="sim-client"):
        _, token = self.new_grant(client)
        return self.sim.post_token(form_of(token)).json()["access_token"]

    def test_connections_hold_every_tenant_ever_connected(self):
        access = self.access()
        rows = self.connections(access).json()
        self.assertEqual(sorted(r["tenantType"] for r in rows),
                         ["ORGANISATION", "PRACTICEMANAGER", "PRACTICEMANAGER", "WORKFLOWMAX"])
        for row in rows:
            self.assertEqual(set(row), {"id", "authEventId", "tenantId", "tenantType",
                                        "tenantName", "createdDateUtc", "updatedDateUtc"})
            self.assertRegex(row["createdDateUtc"],
                             r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}$")
        self.assertIn(None, [r["tenantName"] for r in rows])
        event = claims(access)["authentication_event_id"]
        chosen = self.connections(access, "?authEventId=" + event).json()
        self.assertEqual(sorted(r["tenantType"] for r in chosen),
                         ["PRACTICEMANAGER", "WORKFLOWMAX"])
        self.assertEqual({r["authEventId"] for r in chosen}, {event})

    def test_connections_can_be_deleted(self):
        access = self.access()
        row = self.connections(access).json()[0]
        path = "/connections/" + row["id"]
        bearer = {"Authorization": "Bearer " + access}
        self.assertEqual(self.sim.call("DELETE", path, bearer).status, 204)
        self.assertEqual(self.sim.call("DELETE", path, bearer).status, 404)
        self.assertNotIn(row["id"], [r["id"] for r in self.connections(access).json()])
        self.sim.control("tenants", {"reconnect": True})

    def test_connections_need_a_valid_token(self):
        self.assertEqual(self.sim.call("GET", "/connections").status, 401)
        self.assertEqual(self.connections("x.y.z").status, 401)


class Consent(SimulatorTest):
    arguments = ("--auto-consent",)

    def authorize(self, client="sim-pkce", **changes):
        query = {"response_type": "code", "client_id": client,
                 "redirect_uri": "http://localhost/wfm", "state": "a b&c",
                 "scope": "openid offline_access practicemanager",
                 "code_challenge": challenge(VERIFIER), "code_challenge_method": "S256"}
        query.update(changes)
        query = {k: v for k, v in query.items() if v is not None}
        return self.sim.call("GET", "/identity/connect/authorize?"
                             + urllib.parse.urlencode(query))

    def landed(self, answer):
        self.assertEqual(answer.status, 302)
        return dict(urllib.parse.parse_qsl(
            urllib.parse.urlsplit(answer.header("location")).query))

    def exchange(self, code, client="sim-pkce", basic=None, **changes):
        form = {"grant_type": "authorization_code", "code": code,
                "redirect_uri": "http://localhost/wfm", "client_id": client,
                "code_verifier": VERIFIER}
        form.update(changes)
        return self.sim.post_token({k: v for k, v in form.items() if v is not None}, basic)

    def test_consent_by_pkce(self):
        landed = self.landed(self.authorize())
        self.assertEqual(landed["state"], "a b&c")
        answer = self.exchange(landed["code"])
        self.assertEqual(answer.status, 200)
        body = answer.json()
        self.assertEqual(body["scope"], "openid offline_access practicemanager")
        again = self.exchange(landed["code"])
        self.assertEqual(again.json(), {"error": "invalid_grant"})
        refreshed = self.sim.post_token(
            form_of(body["refresh_token"], client_id="sim-pkce"), None)
        self.assertEqual(refreshed.status, 200)

    def test_consent_with_a_secret(self):
        landed = self.landed(self.authorize("sim-client", code_challenge=None,
                                            code_challenge_method=None))
        answer = self.exchange(landed["code"], None, ("sim-client", "sim-secret"),
                               code_verifier=None)
        self.assertEqual(answer.status, 200)

    def test_the_code_is_bound_to_what_asked_for_it(self):
        for changes in ({"code_verifier": VERIFIER + "x"}, {"code_verifier": None},
                        {"redirect_uri": "http://localhost:8080/wfm"}):
            code = self.landed(self.authorize())["code"]
            self.assertEqual(self.exchange(code, **changes).json(),
                             {"error": "invalid_grant"}, changes)
        code = self.landed(self.authorize())["code"]
        self.assertEqual(self.exchange(code, None, ("sim-client", "sim-secret")).json(),
                         {"error": "invalid_grant"})

    def test_a_code_lives_five_minutes(self):
        code = self.landed(self.authorize())["code"]
        self.sim.control("clock", {"advance": 301})
        self.assertEqual(self.exchange(code).json(), {"error": "invalid_grant"})
        self.sim.control("clock", {"offset": 0})

    def test_faulty_parameters_show_a_page_and_redirect_nowhere(self):
        for changes in ({"redirect_uri": "http://evil.example/"}, {"client_id": "nobody"},
                        {"scope": "everything"}, {"scope": None}, {"response_type": "token"},
                        {"code_challenge": None}, {"code_challenge_method": "plain"}):
            answer = self.authorize(**changes)
            self.assertEqual(answer.status, 500, changes)
            self.assertTrue(answer.header("content-type").startswith("text/html"))

    def test_refused_consent(self):
        landed = self.landed(self.authorize(sim_deny="1"))
        self.assertEqual(landed, {"error": "access_denied", "state": "a b&c"})


class ConsentPage(unittest.TestCase):

    def test_the_page_offers_both_answers(self):
        sim = Simulator()
        try:
            path = "/identity/connect/authorize"
            query = {"response_type": "code", "client_id": "sim-client", "state": "\"<s>",
                     "redirect_uri": "http://localhost/wfm", "scope": "practicemanager"}
            page = sim.call("GET", path + "?" + urllib.parse.urlencode(query))
            self.assertEqual(page.status, 200)
            self.assertIn(b'value="allow"', page.body)
            self.assertIn(b"&quot;&lt;s&gt;", page.body)
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            for decision, found in (("allow", "code="), ("deny", "error=access_denied")):
                answer = sim.call("POST", path, headers,
                                  urllib.parse.urlencode(dict(query, decision=decision)))
                self.assertEqual(answer.status, 302)
                self.assertIn(found, answer.header("location"))
        finally:
            sim.close()


if __name__ == "__main__":
    unittest.main()
