/*
 * state: the parts of the self-managed certificates that do no I/O, read no clock, and can be
 * tested without a cluster: the content of the Secret, what the webhook configurations trust, and
 * what to do next. Private to this folder.
 *
 * Times in seconds are wall times since 1970 by this replica's clock. Times in ms are monotonic and
 * local to this process.
 */
#ifndef WEBHOOK_CERT_CONTROLLER_STATE_H
#define WEBHOOK_CERT_CONTROLLER_STATE_H

#include "webhook/cert_controller/controller.h"

#define AUTHORITIES_MAX 16
/* Maximum bytes; about ten times what sixteen authorities with keys take. */
#define AUTHORITIES_TEXT_MAX ((size_t)192 << 10)
#define CERTS_MANAGER "gpugate-certs" /* Field manager of all writes. */

/* --- The Secret: secret.c --- */

/*
 * An authority is first *next*: it has a key and is part of the bundles. Then it signs. Finally it
 * is *retired*: it no longer has a key, and stays in the bundles until no certificate that it
 * signed can be in use.
 */
struct authority {
	struct buf certificate, key; /* PEM; the key of a retired authority is empty. */
	unsigned char id[CERTS_ID_BYTES];
	int64_t not_before, not_after;
	int64_t signs;   /* When it started to sign; 0: it has not yet. */
	int64_t stopped; /* When it stopped signing; 0: it has not. */
	int64_t leaf_s;  /* The longest lifetime of the certificates that it signs, in seconds. */
};

/* In the order in which they were created. */
struct authorities {
	struct authority items[AUTHORITIES_MAX];
	size_t count;
};

void authorities_init(struct authorities *all);
void authorities_release(struct authorities *all); /* Overwrites the keys. */

/*
 * Returns the authority that signs, or NULL. If there are several, which only a manual edit can
 * cause, it is the last one.
 */
const struct authority *authorities_signer(const struct authorities *all, int64_t now_s);

/* Returns the authority that signs next, if it lives for longer than `lead_s`, or NULL. */
const struct authority *authorities_next(const struct authorities *all, int64_t now_s, int64_t lead_s);

/*
 * Adds an authority. Takes the pair, which is empty afterwards. At AUTHORITIES_MAX, it replaces the
 * oldest retired one. `signs` is the field of struct authority. Returns 0, or -1 with an error.
 */
int authorities_add(struct authorities *all, struct certs_pair *pair, int64_t signs, int64_t leaf_s, struct error *err);

/*
 * Adds an authority that is only trusted, and stopped signing at `now_s`. Ignores certificates that
 * are already there, are not authorities or have expired. Returns 0, or -1 with an error.
 */
int authorities_keep(struct authorities *all, const struct certs_item *item, int64_t leaf_s, int64_t now_s,
		     struct error *err);

/* Makes the next authority the signer, and retires the previous one by deleting its key. */
void authorities_promote(struct authorities *all, const struct authority *next, int64_t now_s);

/*
 * Whether an authority can be dropped, because no certificate that it signed can still be in use.
 * `slack_s` is the tolerance for clock skew and late reads.
 */
bool authority_is_over(const struct authority *authority, int64_t now_s, int64_t slack_s);
/* Returns how many it dropped. */
size_t authorities_drop(struct authorities *all, int64_t now_s, int64_t slack_s);

/* Appends the PEM of all certificates, which are the ones to trust. */
void authorities_bundle(const struct authorities *all, struct buf *out);

enum secret_state {
	SECRET_ABSENT,
	SECRET_EMPTY,  /* It exists and has no authorities. */
	SECRET_BROKEN, /* Its content is invalid. */
	SECRET_NEWER,  /* It was written by a newer gpugate. */
	SECRET_READ,
};

/*
 * Reads a Secret into `all`, which must be empty, and its resourceVersion into `version`. `json` is
 * followed by REVIEW_PADDING bytes. Unless it returns SECRET_READ, `all` stays empty, and the error
 * says what is wrong without quoting the content.
 */
enum secret_state authorities_read(struct authorities *all, struct str json, char version[static 64],
				   struct error *err);

/*
 * Writes the Secret for a POST. With `version`, writes a merge patch against that version, which
 * keeps other keys of the Secret.
 */
void authorities_write(const struct authorities *all, const char *namespace, const char *version, struct buf *out);

/* --- The webhook configurations: bundles.c --- */

enum certs_configuration { CERTS_MUTATING, CERTS_VALIDATING, CERTS_CONFIGURATIONS };

/* One entry of a configuration: its name, and what it trusts. */
struct bundle {
	char *name;
	char *text; /* clientConfig.caBundle as it is stored; "" if it is missing. */
};

/* A configuration as it was last seen. */
struct bundles {
	bool known;       /* Whether it has been seen, including that it does not exist. */
	char version[64]; /* resourceVersion; "": it does not exist. */
	char uid[64];
	struct bundle *items;
	size_t count;
	/*
	 * The state in which all entries were last correct: the uid of the configuration, the
	 * digest of the bundle, and the entries. It tells whether someone else has changed an entry
	 * since.
	 */
	char right_uid[64];
	unsigned char right_id[CERTS_ID_BYTES];
	char *right_names; /* "\nNAME\nNAME\n" */
};

void bundles_release(struct bundles *bundles);

/*
 * Stores what was seen. An empty `json` means that the configuration does not exist. Keeps the last
 * correct state. Returns 0, or -1 with an error if it cannot be read.
 */
int bundles_see(struct bundles *bundles, struct str json, struct error *err);

/*
 * Whether every entry trusts exactly this bundle (base64 of PEM). If so, remembers this state as
 * correct.
 */
bool bundles_right(struct bundles *bundles, const char *wanted);

/*
 * Whether every entry trusts this certificate, possibly among others. True if there are no entries.
 */
bool bundles_hold(const struct bundles *bundles, const unsigned char id[static CERTS_ID_BYTES]);

/*
 * Calls `found` for every trusted certificate; a nonzero result skips the rest of that bundle.
 * Bundles that cannot be read count as empty.
 */
void bundles_each(const struct bundles *bundles, int (*found)(void *context, const struct certs_item *item),
		  void *context);

/* Why a bundle must be written. */
enum bundle_reason {
	BUNDLE_FILLED,   /* There was none. */
	BUNDLE_ROTATED,  /* The authorities have changed. */
	BUNDLE_RESTORED, /* Someone else has changed it. */
	BUNDLE_REASONS
};
/* Returns the reason for configurations in which some entry does not trust exactly `wanted`. */
enum bundle_reason bundles_reason(const struct bundles *bundles, const char *wanted);

/*
 * Writes a strategic merge patch that sets the bundle of every entry that lacks it, against the
 * version that was seen.
 *
 * Server-side apply would own the whole entry. If a manifest later removed that entry, its name and
 * caBundle would remain. That is not a valid webhook, so the manifest would be rejected.
 */
void bundles_patch(const struct bundles *bundles, const char *wanted, struct buf *out);

/* --- Decisions: decide.c --- */

/* How long before the end of an authority its successor is created. */
int64_t certs_lead_s(const struct certs_lifetimes *lifetimes);

/*
 * How long an authority is trusted beyond the lifetime of what it signed, to allow for clock skew
 * and late reads.
 */
int64_t certs_slack_s(const struct certs_lifetimes *lifetimes);

/*
 * How long after its creation a certificate with a lifetime of `life_ms` is renewed: between six
 * tenths and two thirds of its life, chosen by `random`. This spreads replicas that were started
 * together.
 */
int64_t certs_renew_ms(int64_t life_ms, uint64_t random);

/* Since when every entry has been seen to trust the next authority. Initially zeroed. */
struct certs_trust {
	bool held;
	unsigned char id[CERTS_ID_BYTES];
	int64_t since_ms;
};
/*
 * Notes whether every entry trusts `next` (NULL: there is none) now. The time starts again if the
 * authority is another one, or was not trusted in between.
 */
void certs_trust_note(struct certs_trust *trust, const struct authority *next, bool held, int64_t now_ms);

/* The certificate that is currently served. */
struct certs_shown {
	bool any;
	unsigned char issuer[CERTS_ID_BYTES];
	/* When the next one is due, monotonic: certs_renew_ms after its creation. */
	int64_t renew_ms;
	int64_t not_after; /* Wall time. */
};

struct certs_facts {
	enum secret_state secret;
	const struct authorities *authorities; /* Empty unless SECRET_READ. */
	int64_t read_ms;                       /* When the read of the Secret began. */
	bool known;                            /* Both configurations have been seen. */
	bool right[CERTS_CONFIGURATIONS];
	/* The configuration's version was already seen when the read of the Secret began. */
	bool fresh[CERTS_CONFIGURATIONS];
	int64_t patch_ms[CERTS_CONFIGURATIONS]; /* No bundle is written before this time. */
	/* Some entry trusts an unexpired authority that is not in the Secret. */
	bool others_trusted;
	struct certs_trust trust;
	struct certs_shown shown;
	int64_t now_s, now_ms;
};

enum certs_step {
	CERTS_WAIT,    /* Wait for `wait_ms`, or until something changes. */
	CERTS_READ,    /* Read the Secret again. */
	CERTS_FOUND,   /* Create an authority that signs at once, because no other is trusted. */
	CERTS_ADD,     /* Create the next authority, and keep those that are trusted. */
	CERTS_SIGN,    /* Issue a certificate. */
	CERTS_BUNDLE,  /* Write the bundle of a configuration. */
	CERTS_PROMOTE, /* Make the next authority the signer. */
	CERTS_DROP,    /* Drop authorities that are over. */
};

struct certs_decision {
	enum certs_step step;
	enum certs_configuration configuration; /* For CERTS_BUNDLE. */
	int64_t wait_ms;                        /* For CERTS_WAIT. */
};
/* Decides the next step. A pure function of its arguments. */
struct certs_decision certs_decide(const struct certs_lifetimes *lifetimes, const struct certs_facts *facts);

#endif
