/*
 * auth/keyring.h
 *		The key file of this server, and sealing with it.
 *
 * The file is wfm_fdw.key_file, by default wfm_fdw.key beside the server's
 * configuration file, so that a base backup does not hold it.  The first
 * sealing makes it.
 */
#ifndef WFM_AUTH_KEYRING_H
#define WFM_AUTH_KEYRING_H

#include "postgres.h"

#include "auth/seal.h"

/*
 * Read the key file into *ring; the caller cleanses it.  If create, a missing
 * file is made, unless the server is in recovery or something sealed is
 * stored already.  ereports 58P01, F0000.
 */
extern void wfm_keyring_load(WfmKeyRing *ring, bool create);

/* The same without error: false, with the reason (constant text). */
extern bool wfm_keyring_try(WfmKeyRing *ring, const char **problem);

/*
 * True if there is no file and none is needed yet: the first sealing makes
 * it.  In a transaction.
 */
extern bool wfm_keyring_to_be_made(void);

/*
 * Append a new key to the key file, which seals from now on.  The file is
 * replaced as a whole, so that a crash leaves the old one or the new one.
 * Holds a lock of the cluster until the end of the transaction.  ereports if
 * there is no usable file, or if it is not the server's to replace.
 */
extern void wfm_keyring_add_key(void);

/*
 * Seal a text for a place of this database; palloc'd.  ereports if it cannot.
 */
extern char *wfm_seal_text(const WfmKeyRing *ring, const char *connection,
						   const char *column, uint64 generation,
						   const char *plain, size_t len);

/*
 * Open what wfm_seal_text made; *plain is appended to.  No error.
 */
extern WfmUnsealResult wfm_unseal_text(const WfmKeyRing *ring,
									   const char *connection,
									   const char *column, uint64 generation,
									   const char *sealed, WfmSecret *plain);

#endif							/* WFM_AUTH_KEYRING_H */
