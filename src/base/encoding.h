/*
 * base/encoding.h
 *		Texts of the vendor, which are UTF-8, in databases of another encoding.
 */
#ifndef WFM_BASE_ENCODING_H
#define WFM_BASE_ENCODING_H

#include "postgres.h"

/*
 * A copy of a UTF-8 text in the database's encoding; palloc'd, NULL for NULL.
 * What it cannot hold becomes '?': for names that are shown and not compared,
 * where an error would stand in the way of more than the name.  A database
 * without an encoding (SQL_ASCII) gets the bytes.  In a transaction.
 */
extern char *wfm_text_from_utf8(const char *text);

#endif							/* WFM_BASE_ENCODING_H */
