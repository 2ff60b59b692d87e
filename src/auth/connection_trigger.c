/*
 * auth/connection_trigger.c
 *		Triggers of wfm_connections: check a row, seal its secrets, move them
 *		to wfm_tokens.
 *
 * The BEFORE trigger seals the secret columns in place, so that neither the
 * heap nor the WAL ever sees a plain secret.  The AFTER trigger moves them to
 * wfm_tokens and clears them in the row.  Both are needed: only the AFTER
 * trigger knows that the row was really written (ON CONFLICT DO NOTHING must
 * not touch a live token), and ON CONFLICT DO UPDATE hands values that the
 * BEFORE trigger for INSERT has sealed to the one for UPDATE.
 */
#include "postgres.h"

#include <openssl/crypto.h>

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "tcop/pquery.h"
#include "utils/builtins.h"
#include "utils/elog.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "auth/connection_check.h"
#include "auth/connection.h"
#include "auth/grant.h"
#include "auth/keyring.h"
#include "auth/token_shmem.h"
#include "base/compat.h"
#include "base/own_table.h"

PG_FUNCTION_INFO_V1(wfm_connections_seal);
PG_FUNCTION_INFO_V1(wfm_connections_store);
PG_FUNCTION_INFO_V1(wfm_connections_no_truncate);

/* Generation that seals values on their way from BEFORE to AFTER. */
#define IN_TRANSIT 0

typedef struct SecretColumn
{
	WfmConnectionColumn column;
	WfmSealedColumn sealed;
	const char *place;			/* column name in the seal while in transit */
} SecretColumn;

static const SecretColumn secret_columns[] = {
	{WFM_CONN_CLIENT_SECRET, WFM_SEALED_CLIENT_SECRET, "wfm_connections.client_secret"},
	{WFM_CONN_REFRESH_TOKEN, WFM_SEALED_REFRESH_TOKEN, "wfm_connections.refresh_token"},
};

/* A change of one of these makes the old grant and secret another's. */
static const WfmConnectionColumn grant_columns[] = {
	WFM_CONN_CLIENT_ID, WFM_CONN_API_URL, WFM_CONN_TOKEN_URL,
	WFM_CONN_AUTHORIZE_URL, WFM_CONN_CONNECTIONS_URL, WFM_CONN_REVOCATION_URL,
};

/* A change of one of these is the worker's business too. */
static const WfmConnectionColumn worker_columns[] = {
	WFM_CONN_TENANT_ID, WFM_CONN_REFRESH_TOKEN_DAYS,
};

/* A row as the triggers handle it. */
typedef struct Row
{
	Datum		values[WFM_CONN_NCOLUMNS];
	bool		nulls[WFM_CONN_NCOLUMNS];
} Row;

static void
deform_row(Relation table, HeapTuple tuple, Row *row)
{
	if (RelationGetRelid(table) != wfm_own_table("wfm_connections", true))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("the triggers of wfm_connections cannot be used on another table")));
	wfm_own_check_columns(table, WFM_CONN_NCOLUMNS);
	heap_deform_tuple(tuple, RelationGetDescr(table), row->values, row->nulls);
}

static char *
row_text(const Row *row, WfmConnectionColumn column)
{
	return row->nulls[column] ? NULL : TextDatumGetCString(row->values[column]);
}

static TriggerData *
trigger_data(FunctionCallInfo fcinfo, const char *function)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" was not called as a trigger", function)));
	return (TriggerData *) fcinfo->context;
}

static bool
same_text(const Row *a, const Row *b, WfmConnectionColumn column)
{
	char	   *text_a = row_text(a, column);
	char	   *text_b = row_text(b, column);

	if (text_a == NULL || text_b == NULL)
		return text_a == text_b;
	return strcmp(text_a, text_b) == 0;
}

static bool
same_column(const Row *a, const Row *b, WfmConnectionColumn column)
{
	if (column != WFM_CONN_REFRESH_TOKEN_DAYS)
		return same_text(a, b, column);
	return a->nulls[column] == b->nulls[column] &&
		(a->nulls[column] || a->values[column] == b->values[column]);
}

/* Whether the row is being written by COPY, whose data is not logged. */
static bool
is_copy(void)
{
	return ActivePortal != NULL && ActivePortal->commandTag == CMDTAG_COPY;
}

/*
 * Does a connection of this name exist?  COPY is told before the unique index
 * finds out, because that error would show the whole line, secrets and all.
 */
static void
refuse_duplicate_in_copy(Relation table, const char *name)
{
	HeapTuple	tuple = wfm_own_row(table, name);

	if (!HeapTupleIsValid(tuple))
		return;
	heap_freetuple(tuple);
	ereport(ERROR,
			(errcode(ERRCODE_UNIQUE_VIOLATION),
			 errmsg("connection \"%s\" exists already", name),
			 errhint("Use wfm_import_credentials('file'), which changes existing connections.")));
}

static void
warn_of_literal(const char *name, const char *column)
{
	ereport(WARNING,
			(errmsg("column \"%s\" of connection \"%s\" came in an SQL statement", column, name),
			 errdetail("Statements may be kept in the server log, in pg_stat_activity, in pg_stat_statements and in the client's history."),
			 errhint("Use wfm_import_credentials('file'), or COPY wfm_connections FROM STDIN. If the statement was logged, replace the secret.")));
}

/*
 * Seal the secrets of a row in place.  Returns whether something was changed.
 * A value that is sealed already comes from ON CONFLICT DO UPDATE or from
 * wfm_import_credentials and passes.
 */
static bool
seal_secrets(const char *name, Row *row, bool *replace)
{
	WfmKeyRing	ring;
	bool		loaded = false;

	for (int i = 0; i < (int) lengthof(secret_columns); i++)
	{
		const SecretColumn *secret = &secret_columns[i];
		char	   *plain = row_text(row, secret->column);
		char	   *sealed;

		if (plain == NULL || wfm_is_sealed(plain, strlen(plain)))
			continue;
		wfm_connection_check_secret(name, wfm_connection_columns[secret->column], plain);
		if (!is_copy())
			warn_of_literal(name, wfm_connection_columns[secret->column]);
		if (!loaded)
			wfm_keyring_load(&ring, true);
		loaded = true;
		sealed = wfm_seal_text(&ring, name, secret->place, IN_TRANSIT,
							   plain, strlen(plain));
		OPENSSL_cleanse(plain, strlen(plain));
		row->values[secret->column] = CStringGetTextDatum(sealed);
		replace[secret->column] = true;
	}
	if (loaded)
		wfm_key_ring_cleanse(&ring);
	return loaded;
}

char *
wfm_connection_seal_secret(const WfmKeyRing *ring, const char *name,
						   WfmConnectionColumn column, const char *plain)
{
	for (int i = 0; i < (int) lengthof(secret_columns); i++)
	{
		if (secret_columns[i].column == column)
			return wfm_seal_text(ring, name, secret_columns[i].place,
								 IN_TRANSIT, plain, strlen(plain));
	}
	elog(ERROR, "column %d holds no secret", (int) column);
}

static void
refuse_change(const char *name, const Row *old, const Row *new,
			  WfmConnectionColumn column, const char *hint)
{
	if (!same_text(old, new, column))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("column \"%s\" of connection \"%s\" cannot be changed",
						wfm_connection_columns[column], name),
				 errhint("%s", hint)));
}

static HeapTuple
check_and_seal(TriggerData *trigger)
{
	bool		insert = TRIGGER_FIRED_BY_INSERT(trigger->tg_event);
	HeapTuple	tuple = insert ? trigger->tg_trigtuple : trigger->tg_newtuple;
	bool		replace[WFM_CONN_NCOLUMNS] = {0};
	Row			row;
	Row			old;
	char	   *name;

	deform_row(trigger->tg_relation, tuple, &row);
	if (!insert)
		deform_row(trigger->tg_relation, trigger->tg_trigtuple, &old);

	wfm_connection_check_row(row.values, row.nulls, insert ? NULL : old.values,
							 insert ? NULL : old.nulls);
	name = row_text(&row, WFM_CONN_NAME);
	if (insert && is_copy())
		refuse_duplicate_in_copy(trigger->tg_relation, name);
	if (!insert)
	{
		char	   *old_name = row_text(&old, WFM_CONN_NAME);

		refuse_change(old_name, &old, &row, WFM_CONN_NAME,
					  "Servers, statistics and sealed tokens refer to the name. Make a new connection and let somebody consent to it.");
		refuse_change(old_name, &old, &row, WFM_CONN_API,
					  "Foreign tables are made for one API. Make a new connection.");
	}

	if (!seal_secrets(name, &row, replace))
		return tuple;
	return heap_modify_tuple(tuple, RelationGetDescr(trigger->tg_relation),
							 row.values, row.nulls, replace);
}

/*
 * BEFORE INSERT OR UPDATE FOR EACH ROW.
 *
 * COPY adds the whole input line to the context of an error, and that line
 * may hold secrets; so the context is left out of errors raised in here.
 */
Datum
wfm_connections_seal(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = trigger_data(fcinfo, "wfm_connections_seal");
	ErrorContextCallback *context = error_context_stack;
	HeapTuple	result;

	error_context_stack = NULL;
	result = check_and_seal(trigger);
	error_context_stack = context;
	return PointerGetDatum(result);
}

/* A new secret of a row, unsealed from its way through the table. */
static char *
take_secret(const WfmKeyRing *ring, const char *name, const SecretColumn *secret,
			const char *sealed)
{
	WfmSecret	plain = WFM_SECRET_EMPTY;
	WfmUnsealResult result = wfm_unseal_text(ring, name, secret->place,
											 IN_TRANSIT, sealed, &plain);
	char	   *copy;

	if (result != WFM_UNSEAL_OK)
	{
		wfm_secret_free(&plain);
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("column \"%s\" of connection \"%s\" holds a sealed value that is not its own",
						wfm_connection_columns[secret->column], name),
				 errdetail("%s", wfm_unseal_result_text(result)),
				 errhint("Give the secret itself, or NULL to leave it as it is.")));
	}
	copy = pstrdup(plain.text);
	wfm_secret_free(&plain);
	return copy;
}

/*
 * Does another connection of this database hold the grant?  The rows say so
 * at once; shared memory, which knows of all databases, only when the token
 * worker has read them.
 */
static bool
is_held_here(Relation tokens, const char *name, const char *fingerprint,
			 char other[NAMEDATALEN])
{
	ListCell   *cell;

	foreach(cell, wfm_grants_read_all(tokens))
	{
		const WfmGrant *grant = lfirst(cell);

		if (strcmp(grant->connection, name) != 0 &&
			wfm_grant_holds(grant, fingerprint))
		{
			strlcpy(other, grant->connection, NAMEDATALEN);
			return true;
		}
	}
	return false;
}

/*
 * Whoever uses a refresh token twice, from two places, loses it in both.
 */
static void
refuse_shared_grant(Relation tokens, const char *name, const char *fingerprint)
{
	Oid			database = MyDatabaseId;
	char		other[NAMEDATALEN];

	if (!is_held_here(tokens, name, fingerprint, other) &&
		!wfm_grant_is_held_elsewhere(fingerprint, name, false, &database, other))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_UNIQUE_VIOLATION),
			 database == MyDatabaseId
			 ? errmsg("the refresh token of connection \"%s\" belongs to connection \"%s\" already", name, other)
			 : errmsg("the refresh token of connection \"%s\" is in use in another database of this server already", name),
			 errdetail("A refresh token changes with every use, so only one place may hold it."),
			 errhint("Let somebody consent again for this connection: SELECT wfm_authorize_url(%s);",
					 quote_literal_cstr(name))));
}

/* The grant starts over, from the refresh token given or with none. */
static void
reseed(Relation tokens, WfmGrant *grant, const char *client_id,
	   const char *refresh_token)
{
	char		fingerprint[WFM_FINGERPRINT_LEN + 1];

	wfm_grant_clear(grant);
	grant->row.generation++;
	if (refresh_token == NULL)
		return;
	grant->row.state = WFM_GRANT_READY;
	if (!wfm_grant_fingerprint(client_id, refresh_token, fingerprint))
		elog(ERROR, "could not make the fingerprint of a grant");
	refuse_shared_grant(tokens, grant->connection, fingerprint);
	grant->fingerprint = pstrdup(fingerprint);
}

/* Is this the refresh token that the grant holds now? */
static bool
is_current_token(const WfmGrant *grant, const WfmKeyRing *ring,
				 const char *refresh_token)
{
	WfmSecret	current = WFM_SECRET_EMPTY;
	bool		same;

	same = wfm_grant_unseal(grant, ring, WFM_SEALED_REFRESH_TOKEN, &current) == WFM_UNSEAL_OK &&
		current.len > 0 && strcmp(current.text, refresh_token) == 0;
	wfm_secret_free(&current);
	return same;
}

/*
 * Is this the very token a live grant was seeded with?  It may have been
 * exchanged for newer ones since; to go back to it would lose them.
 */
static bool
is_known_seed(const WfmGrant *grant, const WfmKeyRing *ring,
			  const char *client_id, const char *refresh_token)
{
	char		fingerprint[WFM_FINGERPRINT_LEN + 1];

	if (!wfm_grant_fingerprint(client_id, refresh_token, fingerprint) ||
		!wfm_grant_holds(grant, fingerprint))
		return false;
	if (is_current_token(grant, ring, refresh_token))
		return true;
	ereport(NOTICE,
			(errmsg("kept the tokens of connection \"%s\"", grant->connection),
			 errdetail("The refresh token given is the one it was made with; newer ones have replaced it since.")));
	return true;
}

/*
 * Put new secrets into the grant.  Everything that stays is sealed anew,
 * because the generation is part of the seal.
 */
static void
apply_secrets(Relation tokens, WfmGrant *grant, const Row *row, bool drop)
{
	const char *name = grant->connection;
	char	   *plain[lengthof(secret_columns)] = {0};
	WfmKeyRing	ring;

	wfm_keyring_load(&ring, false);
	for (int i = 0; i < (int) lengthof(secret_columns); i++)
	{
		const SecretColumn *secret = &secret_columns[i];
		char	   *sealed = row_text(row, secret->column);

		if (sealed != NULL)
			plain[i] = take_secret(&ring, name, secret, sealed);
	}
	if (!drop && plain[1] != NULL &&
		is_known_seed(grant, &ring, row_text(row, WFM_CONN_CLIENT_ID), plain[1]))
	{
		OPENSSL_cleanse(plain[1], strlen(plain[1]));
		plain[1] = NULL;
	}

	if (drop || plain[1] != NULL)
	{
		WfmSecret	kept = WFM_SECRET_EMPTY;

		/* A secret that cannot be opened any more is left behind. */
		if (!drop && plain[0] == NULL &&
			wfm_grant_unseal(grant, &ring, WFM_SEALED_CLIENT_SECRET, &kept) == WFM_UNSEAL_OK &&
			kept.len > 0)
			plain[0] = pstrdup(kept.text);
		wfm_secret_free(&kept);
		reseed(tokens, grant, row_text(row, WFM_CONN_CLIENT_ID), plain[1]);
	}
	else if (grant->row.state == WFM_GRANT_CONFIG_ERROR)
	{
		/* A new client secret: try again at once. */
		grant->row.state = grant->row.first_use_ms != WFM_TIME_NONE
			? WFM_GRANT_REFRESHING : WFM_GRANT_READY;
		grant->row.last_error = WFM_TOKEN_OK;
		grant->error_detail = NULL;
	}

	for (int i = 0; i < (int) lengthof(secret_columns); i++)
	{
		if (plain[i] == NULL)
			continue;
		wfm_grant_seal(grant, &ring, secret_columns[i].sealed, plain[i]);
		OPENSSL_cleanse(plain[i], strlen(plain[i]));
		pfree(plain[i]);
	}
	wfm_key_ring_cleanse(&ring);
}

/* Clear the secret columns of the row just written. */
static void
clear_secrets(Relation table, const char *name)
{
	HeapTuple	tuple;
	bool		replace[WFM_CONN_NCOLUMNS] = {0};
	ItemPointerData tid;
	HeapTuple	cleared;
	Row			row;

	/* Only the next command sees what this one has written. */
	CommandCounterIncrement();
	tuple = wfm_own_row(table, name);
	if (!HeapTupleIsValid(tuple))
		return;
	deform_row(table, tuple, &row);
	for (int i = 0; i < (int) lengthof(secret_columns); i++)
	{
		replace[secret_columns[i].column] = true;
		row.nulls[secret_columns[i].column] = true;
		row.values[secret_columns[i].column] = (Datum) 0;
	}
	tid = tuple->t_self;
	cleared = heap_modify_tuple(tuple, RelationGetDescr(table),
								row.values, row.nulls, replace);
	cleared->t_self = tid;
	wfm_own_update(table, &tid, cleared);
	CommandCounterIncrement();
}

/* Say that an update makes what was sealed be forgotten. */
static void
tell_of_drop(const char *name, const WfmGrant *grant, const Row *row)
{
	if (!grant->row.has_refresh_token || !row->nulls[WFM_CONN_REFRESH_TOKEN])
		return;
	ereport(NOTICE,
			(errmsg("the secrets of connection \"%s\" are forgotten", name),
			 errdetail("They were for the app and the addresses that it had before."),
			 errhint("A consent brings tokens: SELECT wfm_authorize_url(%s); If the app has a client_secret, give it first.",
					 quote_literal_cstr(name))));
}

static void
store_row(Relation table, const Row *row, const Row *old)
{
	char	   *name = row_text(row, WFM_CONN_NAME);
	bool		secrets = false;
	bool		drop = false;
	bool		changed = old == NULL;
	Relation	tokens;
	WfmGrant   *grant;
	bool		insert;

	for (int i = 0; i < (int) lengthof(secret_columns); i++)
		secrets |= !row->nulls[secret_columns[i].column];
	for (int i = 0; old != NULL && i < (int) lengthof(grant_columns); i++)
		drop |= !same_column(old, row, grant_columns[i]);
	for (int i = 0; old != NULL && i < (int) lengthof(worker_columns); i++)
		changed |= !same_column(old, row, worker_columns[i]);

	/*
	 * A logical subscriber receives the publisher's sealed values, which do
	 * not open here and are not meant to.
	 */
	if (secrets && SessionReplicationRole == SESSION_REPLICATION_ROLE_REPLICA)
	{
		clear_secrets(table, name);
		secrets = false;
	}
	if (!secrets && !drop && !changed)
		return;

	tokens = table_open(wfm_own_table("wfm_tokens", false), RowExclusiveLock);
	wfm_grant_lock(name);
	grant = wfm_grant_read(tokens, name);
	insert = grant == NULL;
	if (insert)
		grant = wfm_grant_make(name);

	/* What a deleted connection of this name left behind is not this one's. */
	else if (old == NULL)
		drop = true;

	if (drop && old != NULL)
		tell_of_drop(name, grant, row);
	if (secrets)
		apply_secrets(tokens, grant, row, drop);
	else if (drop)
		reseed(tokens, grant, NULL, NULL);
	if (old != NULL && !same_column(old, row, WFM_CONN_TENANT_ID))
	{
		grant->tenant_id = NULL;
		grant->tenant_name = NULL;
		grant->tenants = NULL;
	}
	if (insert)
		wfm_grant_insert(tokens, grant);
	else
		wfm_grant_update(tokens, grant);
	table_close(tokens, NoLock);

	if (secrets)
		clear_secrets(table, name);
	wfm_token_note_change(name);
}

static void
delete_row(const char *name)
{
	Relation	tokens = table_open(wfm_own_table("wfm_tokens", false), RowExclusiveLock);
	WfmGrant   *grant;

	wfm_grant_lock(name);
	grant = wfm_grant_read(tokens, name);
	if (grant != NULL)
		wfm_grant_delete(tokens, grant);
	table_close(tokens, NoLock);
	wfm_token_note_change(name);
}

/* AFTER INSERT OR UPDATE OR DELETE FOR EACH ROW. */
Datum
wfm_connections_store(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = trigger_data(fcinfo, "wfm_connections_store");
	ErrorContextCallback *context = error_context_stack;
	Row			row;
	Row			old;

	error_context_stack = NULL;
	deform_row(trigger->tg_relation, trigger->tg_trigtuple, &row);
	if (TRIGGER_FIRED_BY_DELETE(trigger->tg_event))
		delete_row(row_text(&row, WFM_CONN_NAME));
	else if (TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
		store_row(trigger->tg_relation, &row, NULL);
	else
	{
		old = row;
		deform_row(trigger->tg_relation, trigger->tg_newtuple, &row);
		store_row(trigger->tg_relation, &row, &old);
	}
	error_context_stack = context;
	return PointerGetDatum(NULL);
}

/* BEFORE TRUNCATE FOR EACH STATEMENT. */
Datum
wfm_connections_no_truncate(PG_FUNCTION_ARGS)
{
	(void) trigger_data(fcinfo, "wfm_connections_no_truncate");
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("cannot truncate wfm_connections"),
			 errdetail("Each connection's tokens have to go with it."),
			 errhint("Use DELETE FROM wfm_connections.")));
	PG_RETURN_NULL();
}
