/*
 * decode/arena.c
 *		Memory of values and records: a bump allocator whose old part is
 *		dropped at every slice.
 */
#include <stdlib.h>

#include "decode/internal.h"

#define BLOCK_SIZE	(64 * 1024)
#define ALIGNMENT	sizeof(void *)

/* Append a block with room for at least size bytes and move the tip there. */
static bool
add_block(WfmArena *arena, size_t size)
{
	WfmBlock   *block;

	if (size <= BLOCK_SIZE && arena->spare)
	{
		block = arena->spare;
		arena->spare = NULL;
	}
	else
	{
		if (size < BLOCK_SIZE)
			size = BLOCK_SIZE;
		if (size > SIZE_MAX - sizeof(WfmBlock))
			return false;
		block = malloc(sizeof(WfmBlock) + size);
		if (block == NULL)
			return false;
		block->size = size;
	}
	block->next = NULL;
	if (arena->last)
		arena->last->next = block;
	else
		arena->first = block;
	arena->last = block;
	arena->tip = block->data;
	arena->end = block->data + block->size;
	return true;
}

/* Give a block back, or keep it as the spare one. */
static void
drop_block(WfmArena *arena, WfmBlock *block)
{
	if (arena->spare == NULL && block->size == BLOCK_SIZE)
		arena->spare = block;
	else
		free(block);
}

void *
wfm_arena_alloc(WfmArena *arena, size_t size)
{
	size_t		padding = -(uintptr_t) arena->tip & (ALIGNMENT - 1);
	char	   *start;

	if (arena->last == NULL || (size_t) (arena->end - arena->tip) < padding ||
		(size_t) (arena->end - arena->tip) - padding < size)
	{
		if (!add_block(arena, size))
			return NULL;
		padding = 0;
	}
	start = arena->tip + padding;
	arena->tip = start + size;
	return start;
}

char *
wfm_arena_extend(WfmArena *arena, char *text, size_t len, size_t n)
{
	bool		at_tip = text !=NULL && text +len == arena->tip;

	if (at_tip && (size_t) (arena->end - arena->tip) >= n)
		return text;

	if (n > SIZE_MAX / 2 - len)
		return NULL;
	if (arena->last == NULL || (size_t) (arena->end - arena->tip) < len + n)
	{
		/* Grow by doubling, so that a long text is copied few times. */
		if (!add_block(arena, len > BLOCK_SIZE / 2 ? 2 * (len + n) : len + n))
			return NULL;
	}
	if (text)
		memcpy(arena->tip, text, len);
	text = arena->tip;

	arena->tip += len;
	return text;
}

bool
wfm_arena_mark(WfmArena *arena)
{
	if (arena->last == NULL && !add_block(arena, BLOCK_SIZE))
		return false;
	arena->mark = arena->last;
	return true;
}

void
wfm_arena_reset(WfmArena *arena)
{
	/* The marked block stays as it is: its beginning is dropped later. */
	WfmBlock   *keep = arena->mark;

	while (arena->first != keep)
	{
		WfmBlock   *block = arena->first;

		/* With nothing to keep, go on with the last block if it is usual. */
		if (keep == NULL && block->next == NULL && block->size == BLOCK_SIZE)
			break;
		arena->first = block->next;
		drop_block(arena, block);
	}
	if (arena->first == NULL)
	{
		arena->last = NULL;
		arena->tip = arena->end = NULL;
	}
	else if (keep == NULL)
		arena->tip = arena->first->data;
}

void
wfm_arena_free(WfmArena *arena)
{
	while (arena->first)
	{
		WfmBlock   *block = arena->first;

		arena->first = block->next;
		free(block);
	}
	free(arena->spare);
	memset(arena, 0, sizeof(WfmArena));
}
