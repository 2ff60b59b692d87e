/*
 * sim_server.c
 *		A model of a provider's refresh tokens, for the schedule simulator.
 */
#include "sim_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int
issue(SimServer *server, int family, int parent)
{
	SimToken   *token = &server->tokens[server->ntokens];

	if (server->ntokens == SIM_TOKENS_MAX)
	{
		fprintf(stderr, "sim_server: out of tokens\n");
		abort();
	}
	memset(token, 0, sizeof(*token));
	token->family = family;
	token->parent = parent;
	token->child = -1;
	token->used_by = -1;
	token->killed_by = -1;
	return server->ntokens++;
}

void
sim_server_init(SimServer *server, SimMode mode)
{
	server->mode = mode;
	server->ntokens = 0;
	server->families = 0;
}

int
sim_server_consent(SimServer *server)
{
	return issue(server, server->families++, -1);
}

static void
kill_family(SimServer *server, int family, int attempt)
{
	for (int i = 0; i < server->ntokens; i++)
	{
		if (server->tokens[i].family == family && !server->tokens[i].dead)
		{
			server->tokens[i].dead = true;
			server->tokens[i].killed_by = attempt;
		}
	}
}

void
sim_server_revoke(SimServer *server, int family)
{
	kill_family(server, family, -1);
}

static SimReply
granted(bool rotated, int token)
{
	SimReply	reply = {true, rotated, token};

	return reply;
}

SimReply
sim_server_refresh(SimServer *server, int token, int attempt, int64_t now_ms,
				   bool keep)
{
	SimToken   *presented = &server->tokens[token];
	SimReply	refused = {false, false, -1};

	if (presented->dead)
		return refused;
	if (!presented->used)
	{
		if (keep)
			return granted(false, token);
		presented->used = true;
		presented->used_by = attempt;
		presented->first_used_ms = now_ms;
		presented->child = issue(server, presented->family, token);
		return granted(true, presented->child);
	}

	if (server->mode == SIM_STRICT)
		kill_family(server, presented->family, attempt);
	if (server->mode == SIM_STRICT || server->mode == SIM_NO_GRACE ||
		now_ms - presented->first_used_ms > SIM_GRACE_MS)
		return refused;
	if (server->mode == SIM_GRACE_SAME)
		return granted(true, presented->child);
	if (server->mode == SIM_GRACE_NEW_KILL)
	{
		server->tokens[presented->child].dead = true;
		server->tokens[presented->child].killed_by = attempt;
	}
	presented->child = issue(server, presented->family, token);
	return granted(true, presented->child);
}

const char *
sim_mode_name(SimMode mode)
{
	static const char *const names[] = {
		[SIM_GRACE_SAME] = "grace-same",
		[SIM_GRACE_NEW_BOTH] = "grace-new-both",
		[SIM_GRACE_NEW_KILL] = "grace-new-kill",
		[SIM_NO_GRACE] = "nograce",
		[SIM_STRICT] = "strict"
	};

	return names[mode];
}
