"""OAuth 2.0 as the two vendors do it.

Xero:      Basic client authentication, or PKCE without a secret; the refresh
           token rotates, and the old one may be retried for 30 minutes.
BlueRock:  client credentials in the body, no grace, a reused refresh token
           kills the grant.

A grant is one consent.  It has a chain of refresh tokens, numbered by
generation, and every access token belongs to the generation it was issued
with.
"""

import base64
import datetime
import hashlib
import json
import re
import secrets
import threading
import urllib.parse

from .httpd import Response
from .world import format_uuid

ROTATIONS = ("grace-same", "grace-new-both", "grace-new-kill", "nograce", "strict")
GRACE_SECONDS = 30 * 60
CODE_SECONDS = 5 * 60
REFRESH_DAYS = 60
SCOPES = {
    "openid", "profile", "email", "offline_access", "workflowmax",
    "practicemanager", "practicemanager.read",
    "practicemanager.client", "practicemanager.client.read",
    "practicemanager.job", "practicemanager.job.read",
    "practicemanager.staff", "practicemanager.staff.read",
    "practicemanager.time", "practicemanager.time.read",
}
DEFAULT_SCOPE = "openid profile email offline_access practicemanager workflowmax"


class Client:
    """A registered app; an app without a secret must use PKCE."""

    def __init__(self, client_id, secret, redirect_uris):
        self.client_id = client_id
        self.secret = secret
        self.redirect_uris = redirect_uris


class Grant:
    """One consent of one user to one app."""

    def __init__(self, number, client_id, scope, vendor, now):
        self.number = number
        self.client_id = client_id
        self.scope = scope
        self.vendor = vendor
        self.auth_event = _uuid()
        self.user = _uuid()
        self.auth_time = now
        self.revoked = None             # why, once it is
        self.generation = 0
        self.session = secrets.token_hex(16)


class RefreshToken:
    """One link of a grant's chain."""

    def __init__(self, token, grant, generation, now, life):
        self.token = token
        self.grant = grant
        self.generation = generation
        self.expires = now + life
        self.first_used = None
        self.answer = None              # what its first use was answered with
        self.successor = None
        self.killed = False


class AccessToken:
    def __init__(self, token, grant, generation, expires):
        self.token = token
        self.grant = grant
        self.generation = generation
        self.expires = expires
        self.revoked = False


class TokenError(Exception):
    """An answer with an OAuth error code."""

    def __init__(self, code, description=None, status=400):
        super().__init__(code)
        self.code = code
        self.description = description
        self.status = status


class OAuth:
    """All clients, grants and tokens; methods may be called from any thread."""

    def __init__(self, clock, tenants, rotation="grace-same", access_seconds=1800,
                 refresh_days=REFRESH_DAYS, auto_consent=False):
        self.clock = clock
        self.tenants = tenants          # tenants.Tenants
        self.rotation = rotation
        self.access_seconds = access_seconds
        self.refresh_seconds = refresh_days * 86400
        self.auto_consent = auto_consent
        self.lock = threading.RLock()
        self.clients = {}
        self.grants = []
        self.refresh = {}
        self.access = {}
        self.codes = {}
        self.counts = {}
        self.requests = 0
        self.in_flight = {}             # refresh token -> requests unanswered
        self.overlaps = 0

    # -- set-up -----------------------------------------------------------

    def add_client(self, client_id, secret=None, redirect_uris=("http://localhost/wfm",)):
        """Register an app; without a secret it must use PKCE."""
        self.clients[client_id] = Client(client_id, secret, redirect_uris)
        self.tenants.add_app(client_id)

    def add_grant(self, client_id, refresh_token=None, scope=DEFAULT_SCOPE, vendor="xero"):
        """A consent given before the simulator started."""
        if client_id not in self.clients:
            raise ValueError("no such client: %s" % client_id)
        with self.lock:
            grant = Grant(len(self.grants), client_id, scope, vendor, self.clock.now())
            self.grants.append(grant)
            self._new_refresh(grant, refresh_token)
            self.tenants.connected(client_id, grant.auth_event, self.clock.now())
            return grant

    def _new_refresh(self, grant, token=None):
        if token is None:
            token = "sim%d_%d_%s" % (grant.number, grant.generation,
                                     secrets.token_urlsafe(32))
        entry = RefreshToken(token, grant, grant.generation, self.clock.now(),
                             self.refresh_seconds)
        self.refresh[token] = entry
        return entry

    # -- the token endpoint -----------------------------------------------

    def token(self, exchange, vendor):
        """POST /connect/token (xero) or /oauth/token (bluerock)."""
        request = exchange.request
        if request.method != "POST":
            return _json({"error": "invalid_request"}, 405, [("allow", "POST")])
        with self.lock:
            self.requests += 1
        try:
            kind = request.header("content-type", "").split(";")[0].strip().lower()
            if kind != "application/x-www-form-urlencoded":
                raise TokenError("invalid_request")
            form = _form(request.body)
            client = self._authenticate(request, form, vendor)
            self._presented(exchange, form.get("refresh_token"))
            answer = self._grant(form, client, vendor)
            self._count("ok")
            return _json(answer, 200)
        except TokenError as error:
            self._count(error.code)
            exchange.note = error.code
            body = {"error": error.code}
            if error.description:
                body["error_description"] = error.description
            return _json(body, error.status)

    def _presented(self, exchange, token):
        """Note whose refresh token a request carries, until it is answered."""
        with self.lock:
            entry = self.refresh.get(token)
            if entry is None:
                return
            exchange.grant = entry.grant.number
            exchange.generation = entry.generation
            exchange.refresh_token = token
            self.in_flight[token] = self.in_flight.get(token, 0) + 1
            if self.in_flight[token] > 1:
                self.overlaps += 1

    def answered(self, token):
        """A request that presented this refresh token has been answered."""
        with self.lock:
            self.in_flight[token] -= 1
            if not self.in_flight[token]:
                del self.in_flight[token]

    def _count(self, what):
        with self.lock:
            self.counts[what] = self.counts.get(what, 0) + 1

    def _authenticate(self, request, form, vendor):
        header = request.header("authorization")
        if vendor == "bluerock":
            if header is not None:
                raise TokenError("invalid_client",
                                 "Basic auth headers are not supported", 401)
            client = self.clients.get(form.get("client_id", ""))
            if client is None or client.secret is None:
                raise TokenError("invalid_client")
            if not secrets.compare_digest(form.get("client_secret", "").encode(),
                                          client.secret.encode()):
                raise TokenError("invalid_client")
            return client
        if header is not None:
            client_id, secret = _basic(header)
            if "client_secret" in form:
                raise TokenError("invalid_request")
            # RFC 6749 encodes both parts as forms do, and most clients do not
            for decode in (str, urllib.parse.unquote_plus):
                client = self.clients.get(decode(client_id))
                if client is not None and client.secret is not None and \
                        secrets.compare_digest(decode(secret).encode(), client.secret.encode()):
                    return client
            raise TokenError("invalid_client")
        # Without a header only an app without a secret can be meant.
        client = self.clients.get(form.get("client_id", ""))
        if client is None or client.secret is not None or "client_secret" in form:
            raise TokenError("invalid_client")
        return client

    def _grant(self, form, client, vendor):
        kind = form.get("grant_type")
        if kind == "refresh_token":
            return self._refresh(form, client, vendor)
        if kind == "authorization_code":
            return self._exchange(form, client, vendor)
        if kind == "client_credentials":
            raise TokenError("unauthorized_client")
        raise TokenError("unsupported_grant_type")

    def _refresh(self, form, client, vendor):
        token = form.get("refresh_token")
        if not token:
            raise TokenError("invalid_request")
        rotation = self.rotation
        if vendor == "bluerock" and rotation != "nograce":
            rotation = "strict"
        wanted = form.get("scope")
        with self.lock:
            entry = self.refresh.get(token)
            if entry is None or entry.grant.client_id != client.client_id \
                    or entry.grant.vendor != vendor:
                raise TokenError("invalid_grant", _say(vendor, "refresh token is invalid"))
            grant = entry.grant
            now = self.clock.now()
            if grant.revoked or entry.killed:
                raise TokenError("invalid_grant", _say(vendor, "refresh token is invalid"))
            if now >= entry.expires:
                raise TokenError("invalid_grant", _say(vendor, "refresh token has expired"))
            scope = grant.scope
            if wanted is not None:
                if not set(wanted.split()) <= set(scope.split()):
                    raise TokenError("invalid_scope")
                scope = wanted
            if entry.first_used is None:
                entry.first_used = now
                answer, entry.successor = self._issue(grant, scope)
                entry.answer = answer
                return answer
            return self._reuse(entry, rotation, scope, now, vendor)

    def _reuse(self, entry, rotation, scope, now, vendor):
        """A refresh token is presented again after it was rotated."""
        grant = entry.grant
        if rotation == "strict":
            grant.revoked = "refresh token reuse"
            raise TokenError("invalid_grant", _say(vendor, "Refresh token reuse detected"))
        if rotation == "nograce" or now >= entry.first_used + GRACE_SECONDS:
            raise TokenError("invalid_grant", _say(vendor, "refresh token is invalid"))
        if rotation == "grace-same":
            return entry.answer
        first = entry.successor
        answer, entry.successor = self._issue(grant, scope)
        if rotation == "grace-new-kill" and first is not None:
            first.killed = True
            for access in self.access.values():
                if access.grant is grant and access.generation == first.generation:
                    access.revoked = True
        return answer

    def _exchange(self, form, client, vendor):
        with self.lock:
            code = self.codes.pop(form.get("code", ""), None)
            if code is None or code["client_id"] != client.client_id \
                    or code["vendor"] != vendor or self.clock.now() >= code["expires"]:
                raise TokenError("invalid_grant")
            if form.get("redirect_uri") != code["redirect_uri"]:
                raise TokenError("invalid_grant")
            challenge = code["challenge"]
            if challenge is not None:
                verifier = form.get("code_verifier", "")
                if not re.fullmatch(r"[A-Za-z0-9._~-]{43,128}", verifier) \
                        or s256(verifier) != challenge:
                    raise TokenError("invalid_grant")
            grant = Grant(len(self.grants), client.client_id, code["scope"], vendor,
                          self.clock.now())
            grant.nonce = code.get("nonce")
            self.grants.append(grant)
            self.tenants.connected(client.client_id, grant.auth_event, self.clock.now())
            answer, _ = self._issue(grant, code["scope"])
            return answer

    def _issue(self, grant, scope):
        """A new generation: the token answer and its refresh token."""
        now = self.clock.now()
        grant.generation += 1
        expires = now + self.access_seconds
        access = self._jwt(grant, scope, now, expires)
        self.access[access] = AccessToken(access, grant, grant.generation, expires)
        answer = {}
        if "openid" in scope.split():
            answer["id_token"] = self._id_token(grant, now)
        answer.update(access_token=access, expires_in=int(self.access_seconds),
                      token_type="Bearer")
        successor = None
        if "offline_access" in scope.split():
            successor = self._new_refresh(grant)
            answer["refresh_token"] = successor.token
        answer["scope"] = scope
        return answer, successor

    # -- tokens -----------------------------------------------------------

    def _jwt(self, grant, scope, now, expires):
        header = {"alg": "RS256", "kid": "51A0E5F3C9B24D0F8E6D7A1B2C3D4E5F60718293",
                  "typ": "JWT", "x5t": "UaDl88myTQ-ObXobLD1OX2BxgpM"}
        if grant.vendor == "bluerock":
            claims = {
                "iss": "https://oauth.workflowmax2.com", "sub": grant.user,
                "client_id": grant.client_id, "iat": int(now), "exp": int(expires),
                "jti": secrets.token_hex(16), "scope": scope,
                "org_ids": self.tenants.org_ids(),
            }
        else:
            claims = {
                "nbf": int(now), "exp": int(expires),
                "iss": "https://identity.xero.com",
                "aud": "https://identity.xero.com/resources",
                "client_id": grant.client_id, "sub": grant.user.replace("-", ""),
                "auth_time": int(grant.auth_time), "xero_userid": grant.user,
                "global_session_id": grant.session, "jti": secrets.token_hex(16),
                "authentication_event_id": grant.auth_event, "scope": scope.split(),
            }
        return _sign(header, claims)

    def _id_token(self, grant, now):
        claims = {
            "nbf": int(now), "exp": int(now + 300), "iss": "https://identity.xero.com",
            "aud": grant.client_id, "iat": int(now), "sub": grant.user.replace("-", ""),
            "auth_time": int(grant.auth_time), "xero_userid": grant.user,
            "preferred_username": "ada@example.com", "email": "ada@example.com",
            "given_name": "Ada", "family_name": "O'Brien",
        }
        if getattr(grant, "nonce", None):
            claims["nonce"] = grant.nonce
        return _sign({"alg": "RS256", "typ": "JWT"}, claims)

    def check(self, request, vendor):
        """Whose bearer token this is: (AccessToken or None, problem or None)."""
        header = request.header("authorization", "")
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token:
            return None, "AuthenticationUnsuccessful"
        with self.lock:
            access = self.access.get(token.strip())
            if access is None or access.revoked or access.grant.revoked \
                    or access.grant.vendor != vendor:
                return access, "AuthenticationUnsuccessful"
            if self.clock.now() >= access.expires:
                return access, "TokenExpired: token expired at %s" % _us_time(access.expires)
            return access, None

    @staticmethod
    def discovery(request):
        """Where everything is; the vendor's document has more."""
        base = "%s://%s" % (request.scheme, request.header("host", ""))
        return _json({
            "issuer": "https://identity.xero.com",
            "authorization_endpoint": base + "/identity/connect/authorize",
            "token_endpoint": base + "/connect/token",
            "revocation_endpoint": base + "/connect/revocation",
            "scopes_supported": sorted(SCOPES),
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            "code_challenge_methods_supported": ["S256"],
        }, 200)

    # -- consent ----------------------------------------------------------

    def authorize(self, request, vendor):
        """The consent page, or at once the redirect with --auto-consent."""
        params = dict(request.params())
        if request.method == "POST":
            params.update(_form(request.body))
        client = self.clients.get(params.get("client_id", ""))
        scopes = params.get("scope", "").split()
        challenge = params.get("code_challenge")
        if (client is None or params.get("response_type") != "code"
                or params.get("redirect_uri") not in client.redirect_uris
                or not scopes or not set(scopes) <= SCOPES
                or (challenge is not None and params.get("code_challenge_method") != "S256")
                or (client.secret is None and challenge is None)):
            return Response(500, _page("Sorry, something went wrong",
                                       "<p>Error: unauthorized_client</p>"),
                            content_type="text/html; charset=utf-8")
        decision = params.get("decision")
        if decision is None and self.auto_consent:
            decision = "deny" if params.get("sim_deny") else "allow"
        if decision is None:
            return self._consent_page(request, client, scopes, params)
        answer = {}
        if decision == "allow":
            code = secrets.token_urlsafe(24)
            with self.lock:
                self.codes[code] = {
                    "client_id": client.client_id, "vendor": vendor,
                    "redirect_uri": params["redirect_uri"], "scope": " ".join(scopes),
                    "challenge": challenge, "nonce": params.get("nonce"),
                    "expires": self.clock.now() + CODE_SECONDS,
                }
            answer["code"] = code
            answer["scope"] = " ".join(scopes)
        else:
            answer["error"] = "access_denied"
        if "state" in params:
            answer["state"] = params["state"]
        target = params["redirect_uri"]
        target += ("&" if "?" in target else "?") + urllib.parse.urlencode(answer)
        return Response(302, b"", [("location", target)])

    def _consent_page(self, request, client, scopes, params):
        fields = "".join(
            '<input type="hidden" name="%s" value="%s">' % (_html(name), _html(value))
            for name, value in params.items())
        body = ("<p>The app <b>%s</b> wants access to:</p><ul>%s</ul>"
                '<form method="post" action="%s">%s'
                '<button name="decision" value="allow">Allow access</button> '
                '<button name="decision" value="deny">Cancel</button></form>'
                % (_html(client.client_id),
                   "".join("<li>%s</li>" % _html(scope) for scope in scopes),
                   _html(request.raw_path), fields))
        return Response(200, _page("Consent", body), content_type="text/html; charset=utf-8")

    # -- revocation -------------------------------------------------------

    def revocation(self, request):
        """POST /connect/revocation: the whole grant ends."""
        if request.method != "POST":
            return _json({"error": "invalid_request"}, 405, [("allow", "POST")])
        try:
            form = _form(request.body)
            client = self._authenticate(request, form, "xero")
        except TokenError as error:
            return _json({"error": error.code}, error.status)
        if "token" not in form:
            return _json({"error": "invalid_request"}, 400)
        with self.lock:
            entry = self.refresh.get(form["token"])
            if entry is not None and entry.grant.client_id == client.client_id:
                entry.grant.revoked = "revoked by the app"
        return Response(200, b"")

    # -- what the control endpoint does -----------------------------------

    def expire_access(self, grant=None):
        """Let every access token of a grant (or of all) be expired."""
        with self.lock:
            now = self.clock.now()
            for access in self.access.values():
                if grant is None or access.grant.number == grant:
                    access.expires = min(access.expires, now)

    def expire_refresh(self, grant=None):
        with self.lock:
            for entry in self.refresh.values():
                if grant is None or entry.grant.number == grant:
                    entry.expires = self.clock.now()

    def revoke(self, grant=None, why="disconnected by the user"):
        with self.lock:
            for entry in self.grants:
                if grant is None or entry.number == grant:
                    entry.revoked = why

    def set_rotation(self, rotation):
        if rotation not in ROTATIONS:
            raise ValueError("rotation must be one of " + ", ".join(ROTATIONS))
        self.rotation = rotation

    def reset_counts(self):
        with self.lock:
            self.counts = {}
            self.requests = 0
            self.overlaps = 0

    def state(self):
        """Generations and counts; never a token."""
        with self.lock:
            now = self.clock.now()
            grants = []
            for grant in self.grants:
                chain = [e for e in self.refresh.values() if e.grant is grant]
                live = [e for e in chain if not e.killed and e.first_used is None
                        and now < e.expires and not grant.revoked]
                grants.append({
                    "grant": grant.number, "client_id": grant.client_id,
                    "vendor": grant.vendor, "scope": grant.scope,
                    "auth_event_id": grant.auth_event, "generation": grant.generation,
                    "refresh_tokens": len(chain), "unused_refresh_tokens": len(live),
                    "unused_generations": sorted(e.generation for e in live),
                    "revoked": grant.revoked,
                    "valid_access_tokens": sum(
                        1 for a in self.access.values() if a.grant is grant
                        and not a.revoked and not grant.revoked and now < a.expires),
                })
            return {"rotation": self.rotation, "access_token_seconds": self.access_seconds,
                    "token_requests": self.requests, "overlaps": self.overlaps,
                    "answers": dict(self.counts),
                    "grants": grants}

    def current_refresh_token(self, number):
        """The newest unused refresh token of a grant, for a test's set-up."""
        with self.lock:
            best = None
            for entry in self.refresh.values():
                if entry.grant.number == number and entry.first_used is None \
                        and not entry.killed:
                    if best is None or entry.generation >= best.generation:
                        best = entry
            return best.token if best else None

    def issued(self):
        """Every token there is or was, for a test that looks for leaks."""
        with self.lock:
            answers = [e.answer for e in self.refresh.values() if e.answer]
            return {"refresh": sorted(self.refresh), "access": sorted(self.access),
                    "id": sorted({a["id_token"] for a in answers if "id_token" in a})}


def s256(verifier):
    """The S256 code challenge of a verifier."""
    digest = hashlib.sha256(verifier.encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _sign(header, claims):
    parts = [base64.urlsafe_b64encode(json.dumps(part, separators=(",", ":")).encode())
             for part in (header, claims)]
    parts.append(base64.urlsafe_b64encode(secrets.token_bytes(256)))
    return b".".join(part.rstrip(b"=") for part in parts).decode()


def _form(body):
    try:
        pairs = urllib.parse.parse_qsl(body.decode("utf-8"), keep_blank_values=True)
    except UnicodeDecodeError:
        raise TokenError("invalid_request") from None
    form = {}
    for name, value in pairs:
        if name in form:
            raise TokenError("invalid_request")
        form[name] = value
    return form


def _basic(header):
    scheme, _, text = header.partition(" ")
    if scheme.lower() != "basic":
        raise TokenError("invalid_client")
    try:
        client_id, colon, secret = base64.b64decode(text, validate=True).decode().partition(":")
    except (ValueError, UnicodeDecodeError):
        raise TokenError("invalid_client") from None
    if not colon:
        raise TokenError("invalid_client")
    return client_id, secret


def _say(vendor, text):
    """BlueRock describes its errors, Xero names the code alone."""
    return text if vendor == "bluerock" else None


def _json(body, status, headers=()):
    return Response(status, json.dumps(body, separators=(",", ":")).encode(),
                    [("cache-control", "no-store, no-cache, max-age=0"),
                     ("pragma", "no-cache")] + list(headers),
                    content_type="application/json; charset=UTF-8", compress=False)


def _page(title, body):
    return ("<!DOCTYPE html><html><head><title>%s</title></head><body><h1>%s</h1>%s"
            "</body></html>" % (title, title, body)).encode("utf-8")


def _html(text):
    return (text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
            .replace('"', "&quot;"))


def _uuid():
    return format_uuid(secrets.randbits(128))


def _us_time(stamp):
    when = datetime.datetime.fromtimestamp(stamp, datetime.timezone.utc)
    return when.strftime("%m/%d/%Y %H:%M:%S")
