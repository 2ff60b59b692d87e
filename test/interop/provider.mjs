/*
 * The OAuth server of "make interop": oidc-provider as it comes, and a gateway
 * that lets its tokens through to the simulator.
 *
 *   node provider.mjs FOLDER SIMULATOR-URL TENANT-ID SIMULATOR-TOKEN
 *
 * FOLDER holds server.crt and server.key; the file "ready" appears in it once
 * both ports listen, as JSON.  Standard output gets one JSON line for each
 * event, among the notices of oidc-provider.  NODE_EXTRA_CA_CERTS has to name
 * the CA: the gateway asks the provider over https, as any resource server
 * would.  WFM_INTEROP_SECRET is the secret of the app that has one.
 *
 * Real here: the authorization, token, introspection and revocation endpoints,
 * the pages of login and consent, rotation and reuse detection.  Ours: the list
 * of tenants, which no OAuth server has, and the data behind the gateway.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';

import { createRemoteJWKSet, exportJWK, generateKeyPair, jwtVerify } from 'jose';
import { Provider } from 'oidc-provider';

const [folder, simulator, tenantId, simulatorToken] = process.argv.slice(2);
const tls = {
  cert: readFileSync(`${folder}/server.crt`),
  key: readFileSync(`${folder}/server.key`),
};
const apiScope = 'practicemanager';
const gatewayClient = { id: 'gateway', secret: randomUUID() };
const authEventId = randomUUID();
const redirectUri = 'http://localhost/wfm';

function tell(event, more = {}) {
  process.stdout.write(`${JSON.stringify({ event, ...more })}\n`);
}

function listen(handler) {
  return new Promise((resolve) => {
    const server = https.createServer(tls, handler);
    server.listen(0, '127.0.0.1', () => resolve(`https://127.0.0.1:${server.address().port}`));
  });
}

/* The addresses are part of the configuration, so both listen first. */
let answerAsProvider;
let answerAsGateway;
const issuer = await listen((request, response) => answerAsProvider(request, response));
const gateway = await listen((request, response) => answerAsGateway(request, response));

/* ---- the provider ---- */

const app = {
  application_type: 'native',
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
  redirect_uris: [redirectUri],
};

const signing = await generateKeyPair('RS256', { extractable: true });

const provider = new Provider(issuer, {
  jwks: { keys: [{ ...await exportJWK(signing.privateKey), use: 'sig', alg: 'RS256' }] },
  clients: [
    { ...app, client_id: 'app-pkce', token_endpoint_auth_method: 'none' },
    {
      ...app,
      client_id: 'app-secret',
      client_secret: process.env.WFM_INTEROP_SECRET,
      token_endpoint_auth_method: 'client_secret_basic',
    },
    {
      client_id: gatewayClient.id,
      client_secret: gatewayClient.secret,
      grant_types: [],
      response_types: [],
      redirect_uris: [],
    },
  ],
  scopes: ['openid', 'offline_access', apiScope],
  claims: { openid: ['sub'], email: ['email'], profile: ['name'] },
  conformIdTokenClaims: false,
  pkce: { required: (ctx, client) => client.clientId === 'app-pkce' },
  rotateRefreshToken: true,
  ttl: { AccessToken: 1800, AuthorizationCode: 60, RefreshToken: 60 * 86400 },
  cookies: { keys: [randomUUID()] },
  findAccount: (ctx, id) => ({
    accountId: id,
    claims: () => ({ sub: id, email: `${id}@example.com`, name: 'Practice Manager' }),
  }),
  features: {
    devInteractions: { enabled: true },
    introspection: { enabled: true },
    revocation: { enabled: true },
    /* The app without a secret gets JWTs, the other one opaque tokens. */
    resourceIndicators: {
      enabled: true,
      defaultResource: (ctx, client) => (client?.clientId === 'app-pkce' ? gateway : undefined),
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        scope: apiScope,
        audience: gateway,
        accessTokenTTL: 1800,
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: 'RS256' } },
      }),
    },
  },
  /* As Xero does, it says in the token which consent it is of. */
  extraTokenClaims: () => ({ authentication_event_id: authEventId }),
});

/* For the test to present where it must not be taken. */
let lastUsed = null;
let newest = null;

provider.on('refresh_token.consumed', (token) => {
  lastUsed = token.jti;
});
provider.on('refresh_token.saved', (token) => {
  newest = token.jti;
});
provider.on('grant.success', (ctx) => tell('tokens', { grant: ctx.oidc.params.grant_type }));
provider.on('grant.error', (ctx, error) => tell('refused', {
  grant: ctx.oidc.params?.grant_type, error: error.error, why: error.error_detail,
}));
provider.on('grant.revoked', () => tell('revoked'));
provider.on('server_error', (ctx, error) => tell('server error', { why: error.stack }));
answerAsProvider = provider.callback();

/* ---- the gateway ---- */

const keys = createRemoteJWKSet(new URL(`${issuer}/jwks`));
const connectionId = randomUUID();
let connected = true;
let lastToken = null;
const ended = new Set();

provider.on('authorization.success', () => {
  connected = true;
});

/* The scopes of a token that the provider vouches for, else null. */
async function scopesOf(token) {
  if (ended.has(token)) {
    return null;
  }
  if (token.split('.').length === 3) {
    try {
      const { payload } = await jwtVerify(token, keys, { issuer, audience: gateway });
      return String(payload.scope).split(' ');
    } catch {
      return null;
    }
  }
  const answer = await fetch(`${issuer}/token/introspection`, {
    method: 'POST',
    headers: {
      authorization: `Basic ${Buffer.from(`${gatewayClient.id}:${gatewayClient.secret}`).toString('base64')}`,
    },
    body: new URLSearchParams({ token }),
  });
  const said = await answer.json();
  return said.active ? String(said.scope).split(' ') : null;
}

/*
 * End the access token of the last call before its time.  An opaque one is
 * taken from the provider; of a JWT only the gateway can say that it is over.
 */
async function endAccess() {
  const opaque = await provider.AccessToken.find(lastToken);
  if (opaque) {
    await opaque.destroy();
  } else {
    ended.add(lastToken);
  }
}

function send(response, status, value) {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(value === undefined ? '' : JSON.stringify(value));
}

function forward(request, response) {
  const onward = http.request(simulator + request.url, {
    method: request.method,
    headers: { ...request.headers, host: new URL(simulator).host, authorization: `Bearer ${simulatorToken}` },
  }, (answer) => {
    response.writeHead(answer.statusCode, answer.rawHeaders);
    answer.pipe(response);
  });
  onward.on('error', () => send(response, 502, { Detail: 'the simulator does not answer' }));
  request.pipe(onward);
}

answerAsGateway = async (request, response) => {
  const path = request.url.split('?')[0];

  if (path === '/_interop/refresh_tokens') {
    send(response, 200, { last_used: lastUsed, newest });
    return;
  }
  if (path === '/_interop/end_access') {
    await endAccess();
    send(response, 200, {});
    return;
  }
  const token = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1];
  const scopes = token ? await scopesOf(token) : null;
  const accepted = scopes?.includes(apiScope) ?? false;
  const kind = token?.split('.').length === 3 ? 'jwt' : 'opaque';

  lastToken = token;
  response.on('finish', () => tell('call', {
    method: request.method, path, kind, accepted: String(accepted), status: response.statusCode,
  }));
  if (!accepted) {
    send(response, 401, { Title: 'Unauthorized', Detail: 'TokenInvalidOrExpired' });
  } else if (path === '/connections') {
    const at = '2026-01-05T09:30:00.0000000';
    send(response, 200, connected ? [{
      id: connectionId, authEventId, tenantId, tenantType: 'PRACTICEMANAGER', tenantName: 'Interop', createdDateUtc: at, updatedDateUtc: at,
    }] : []);
  } else if (path === `/connections/${connectionId}` && request.method === 'DELETE') {
    connected = false;
    response.writeHead(204).end();
  } else if (path.startsWith('/practicemanager/3.1/')) {
    forward(request, response);
  } else {
    send(response, 404, { Detail: 'no such path' });
  }
};

writeFileSync(`${folder}/ready.new`, JSON.stringify({ issuer, gateway }));
renameSync(`${folder}/ready.new`, `${folder}/ready`);

/* Never left behind. */
process.stdin.on('end', () => process.exit(0)).resume();
