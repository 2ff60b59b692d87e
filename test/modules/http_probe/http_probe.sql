-- Functions of http_probe; psql variable "library" is the path without ".so".
CREATE FUNCTION http_probe(
	url text, headers text[] DEFAULT '{}', post_body text DEFAULT NULL,
	token_exchange boolean DEFAULT false, total_timeout_ms integer DEFAULT 0,
	max_body_bytes bigint DEFAULT 0,
	OUT failure text, OUT status integer, OUT maybe_sent boolean,
	OUT body_bytes bigint, OUT wire_bytes bigint, OUT reused boolean,
	OUT detail text, OUT md5 text, OUT md5_again text, OUT first_bytes text,
	OUT minute_remaining integer, OUT retry_after bigint,
	OUT content_type text, OUT location_host text)
	AS :'library', 'http_probe' LANGUAGE C VOLATILE;
CREATE FUNCTION http_probe_stream(
	url text, headers text[] DEFAULT '{}', post_body text DEFAULT NULL,
	token_exchange boolean DEFAULT false, total_timeout_ms integer DEFAULT 0,
	max_body_bytes bigint DEFAULT 0)
	RETURNS SETOF integer
	AS :'library', 'http_probe_stream' LANGUAGE C VOLATILE;
CREATE FUNCTION http_probe_side_by_side(urls text[]) RETURNS text[]
	AS :'library', 'http_probe_side_by_side' LANGUAGE C STRICT VOLATILE;
CREATE FUNCTION http_probe_round_trips(url text, n integer) RETURNS bigint[]
	AS :'library', 'http_probe_round_trips' LANGUAGE C STRICT VOLATILE;
CREATE FUNCTION http_probe_counters() RETURNS integer[]
	AS :'library', 'http_probe_counters' LANGUAGE C STRICT VOLATILE;
CREATE FUNCTION http_probe_malloced() RETURNS bigint
	AS :'library', 'http_probe_malloced' LANGUAGE C STRICT VOLATILE;
