-- wfm_connections without a network: checks, privileges, what is shown.
INSERT INTO wfm_connections (name, api, client_id, tenant_id, calls_per_minute)
VALUES ('plain', 'practicemanager/3.1', 'app', '1f1d0a58-3a52-4d5c-b9a5-8a0a6f6b3a10', 30);
SELECT name, api, client_secret, refresh_token, tenant_id, calls_per_minute, owner = current_user AS own
FROM wfm_connections WHERE name = 'plain';
SELECT name, state, generation, expires_at, last_error FROM wfm_stat_connections WHERE name = 'plain';

-- each with its own message
INSERT INTO wfm_connections (name, api, client_id) VALUES ('x', 'practicemanger/3.1', 'app');
INSERT INTO wfm_connections (name, api, client_id) VALUES ('x', 'practicemanager/3.1', 'two words');
INSERT INTO wfm_connections (name, client_id) VALUES ('x', 'app');
INSERT INTO wfm_connections (name, api, client_id, calls_per_minute) VALUES ('x', 'practicemanager/3.1', 'app', 1000);
INSERT INTO wfm_connections (name, api, client_id, refresh_token_days) VALUES ('x', 'practicemanager/3.1', 'app', 0);
INSERT INTO wfm_connections (name, api, client_id, tenant_id) VALUES ('x', 'practicemanager/3.1', 'app', 'a b');
INSERT INTO wfm_connections (name, api, client_id, redirect_uri) VALUES ('x', 'practicemanager/3.1', 'app', 'localhost');
INSERT INTO wfm_connections (name, api, client_id, api_url) VALUES ('x', 'practicemanager/3.1', 'app', 'http://gateway.example/');
INSERT INTO wfm_connections (name, api, client_id, owner) VALUES ('x', 'practicemanager/3.1', 'app', 'no such role');
UPDATE wfm_connections SET name = 'other' WHERE name = 'plain';
UPDATE wfm_connections SET api = 'workflowmax/3.0' WHERE name = 'plain';
TRUNCATE wfm_connections;
SELECT wfm_refresh('plain');
SELECT wfm_refresh('nobody');
SELECT wfm_authorize_url('plain');
DELETE FROM wfm_connections WHERE name = 'plain';

-- the tables are nobody's but the owner's, and the triggers always fire
SELECT c.relname, c.relacl IS NULL OR NOT EXISTS (SELECT FROM aclexplode(c.relacl) a WHERE a.grantee = 0) AS closed
FROM pg_class c JOIN pg_depend d ON d.objid = c.oid AND d.deptype = 'e'
WHERE c.relname IN ('wfm_connections', 'wfm_tokens') ORDER BY 1;
SELECT tgname, tgenabled FROM pg_trigger WHERE tgrelid = 'wfm_connections'::regclass ORDER BY 1;
SELECT extconfig = ARRAY['wfm_connections'::regclass::oid] AS only_settings_are_dumped
FROM pg_extension WHERE extname = 'wfm_fdw';
