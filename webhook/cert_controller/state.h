/*
 * state: the parts of the self-managed certificates that do no I/O, know no clock and can be tested without a
 * cluster: what stands in the Secret, what the webhook configurations trust, and what is to be done next. Private to
 * this folder. Wall times are seconds since 1970 by this replica's clock, times in ms are monotonic and this process's own.
 */
#ifndef WEBHOOK_CERT_CONTROLLER_STATE_H
#define WEBHOOK_CERT_CONTROLLER_STATE_H

#include "webhook/cert_controller/controller.h"

#define AUTHORITIES_MAX 16
#define AUTHORITIES_TEXT_MAX ((size_t)192 << 10) /* bytes; of sixteen authorities with keys it is a tenth */
#define CERTS_MANAGER "gpugate-certs"            /* as it stands in managedFields */

/* --- The Secret: secret.c --- */

/*
 * An authority is *next* (it has a key, and is put into the bundles), then it signs, then it is *retired*: it has no key any
 * more, and stays in the bundles until nothing can be shown that it has signed.
 */
struct authority {
	struct buf certificate, key; /* PEM; a retired one's key is empty */
	unsigned char id[CERTS_ID_BYTES];
	int64_t not_before, not_after;
	int64_t signs;   /* since when it signs; 0: it does not yet */
	int64_t stopped; /* since when it signs no more; 0: it has not stopped */
	int64_t leaf_s;  /* the longest life of what it signs */
};

/* In the order in which they were made. */
struct authorities {
	struct authority items[AUTHORITIES_MAX];
	size_t count;
};

void authorities_init(struct authorities *all);
void authorities_release(struct authorities *all); /* keys are overwritten */

/* The authority that signs; NULL: none. Of several, which only a person can have made, the last. */
const struct authority *authorities_signer(const struct authorities *all, int64_t now_s);

/* The authority that is to sign next, if it is to live for longer than `lead_s`; NULL: none. */
const struct authority *authorities_next(const struct authorities *all, int64_t now_s, int64_t lead_s);

/*
 * Adds an authority; takes the pair, which is empty then. At AUTHORITIES_MAX the oldest retired one makes room. `signs` as in
 * struct authority. Returns 0, or -1 with a sentence.
 */
int authorities_add(struct authorities *all, struct certs_pair *pair, int64_t signs, int64_t leaf_s, struct error *err);

/* Adds one that is only trusted, and signs no more since `now_s`. What is there already, is no authority or has expired is left out. */
int authorities_keep(struct authorities *all, const struct certs_item *item, int64_t leaf_s, int64_t now_s,
		     struct error *err);

/* The next one signs from now on; who signed is retired, and its key forgotten. */
void authorities_promote(struct authorities *all, const struct authority *next, int64_t now_s);

/* Whether an authority can go: nothing that it has signed can be shown any more. slack_s: what clocks and reads may be off by. */
bool authority_is_over(const struct authority *authority, int64_t now_s, int64_t slack_s);
size_t authorities_drop(struct authorities *all, int64_t now_s, int64_t slack_s); /* returns how many went */

/* Appends the PEM of all certificates: what is to be trusted. */
void authorities_bundle(const struct authorities *all, struct buf *out);

enum secret_state {
	SECRET_ABSENT,
	SECRET_EMPTY,  /* it exists and says nothing of authorities */
	SECRET_BROKEN, /* what it says cannot be read */
	SECRET_NEWER,  /* a newer gpugate has written it */
	SECRET_READ,
};

/*
 * Reads a Secret as the API server gives it in JSON, followed by REVIEW_PADDING bytes, into `all`, which is empty, and its
 * resourceVersion. Otherwise than SECRET_READ, `all` stays empty and the error says what is wrong; never what stands in it.
 */
enum secret_state authorities_read(struct authorities *all, struct str json, char version[static 64],
				   struct error *err);

/* Writes the Secret for a POST, or with `version` for a merge patch against that version, which leaves its other keys alone. */
void authorities_write(const struct authorities *all, const char *namespace, const char *version, struct buf *out);

/* --- The webhook configurations: bundles.c --- */

enum certs_configuration { CERTS_MUTATING, CERTS_VALIDATING, CERTS_CONFIGURATIONS };

/* One entry of a configuration: its name, and whom it trusts. */
struct bundle {
	char *name;
	char *text; /* clientConfig.caBundle as it stands; "" when it is missing */
};

/* A configuration as it was seen last. */
struct bundles {
	bool known;       /* whether it exists is known */
	char version[64]; /* resourceVersion; "": it does not exist */
	char uid[64];
	struct bundle *items;
	size_t count;
	/* When all entries were right last: for whom, by which bundle. Tells whether somebody else has changed one since. */
	char right_uid[64];
	unsigned char right_id[CERTS_ID_BYTES];
	char *right_names; /* "\nNAME\nNAME\n" */
};

void bundles_release(struct bundles *bundles);

/* Takes what was seen; absent: it does not exist. Returns 0, or -1 when it cannot be read. Remembers what was right. */
int bundles_see(struct bundles *bundles, struct str json, struct error *err);

/* Whether every entry trusts exactly this (base64 of PEM); remembers it if so. */
bool bundles_right(struct bundles *bundles, const char *wanted);

/* Whether every entry trusts that certificate, perhaps among others. True where there are no entries. */
bool bundles_hold(const struct bundles *bundles, const unsigned char id[static CERTS_ID_BYTES]);

/* Calls `found` for every certificate that is trusted; bundles that cannot be read hold none. */
void bundles_each(const struct bundles *bundles, int (*found)(void *context, const struct certs_item *item),
		  void *context);

/* Why a bundle has to be written. */
enum bundle_reason {
	BUNDLE_FILLED,  /* there was none */
	BUNDLE_ROTATED, /* the authorities have changed */
	BUNDLE_MENDED,  /* somebody else has changed it */
	BUNDLE_REASONS
};
enum bundle_reason bundles_reason(const struct bundles *bundles, const char *wanted);

/*
 * Writes a strategic merge patch that gives every entry that lacks it the wanted bundle, against the version that was seen.
 * (Server-side apply would own the whole entry: one that a manifest drops later would stay behind, of caBundle and name
 * alone, which is no webhook, and the manifest would be refused. So is nothing left behind.)
 */
void bundles_patch(const struct bundles *bundles, const char *wanted, struct buf *out);

/* --- What is next: decide.c --- */

/* How long before its end an authority is followed by the next. */
int64_t certs_lead_s(const struct certs_lifetimes *lifetimes);

/* How long an authority is trusted beyond the life of what it signed: clocks differ, and a read takes its time. */
int64_t certs_slack_s(const struct certs_lifetimes *lifetimes);

/*
 * How long after it was made a certificate that lives for `life_ms` is renewed: six tenths to two thirds of its life, by what
 * `random` says. Replicas that were started together part.
 */
int64_t certs_renew_ms(int64_t life_ms, uint64_t random);

/* Since when every entry has been seen to trust the next authority. Begins zeroed. */
struct certs_trust {
	bool held;
	unsigned char id[CERTS_ID_BYTES];
	int64_t since_ms;
};
void certs_trust_note(struct certs_trust *trust, const struct authority *next, bool held, int64_t now_ms);

/* The certificate that is shown at present. */
struct certs_shown {
	bool any;
	unsigned char issuer[CERTS_ID_BYTES];
	int64_t renew_ms;  /* monotonic: when the next one is due: certs_renew_ms after it was made */
	int64_t not_after; /* wall time */
};

struct certs_facts {
	enum secret_state secret;
	const struct authorities *authorities; /* empty unless SECRET_READ */
	int64_t read_ms;                       /* when the read of the Secret began */
	bool known;                            /* both configurations have been seen */
	bool right[CERTS_CONFIGURATIONS];
	bool fresh[CERTS_CONFIGURATIONS];       /* what was seen of it, was seen before the Secret was read */
	int64_t patch_ms[CERTS_CONFIGURATIONS]; /* no bundle is written before */
	bool others_trusted; /* some entry trusts an authority, in its period, that is not in the Secret */
	struct certs_trust trust;
	struct certs_shown shown;
	int64_t now_s, now_ms;
};

enum certs_step {
	CERTS_WAIT,    /* for `wait_ms`, or until something changes */
	CERTS_READ,    /* the Secret, again */
	CERTS_FOUND,   /* makes an authority that signs at once: there is nobody who trusts another */
	CERTS_ADD,     /* makes the next authority; those that are trusted are kept */
	CERTS_SIGN,    /* makes a leaf */
	CERTS_BUNDLE,  /* writes the bundle of a configuration */
	CERTS_PROMOTE, /* the next authority signs from now on */
	CERTS_DROP,    /* takes out authorities that are over */
};

struct certs_decision {
	enum certs_step step;
	enum certs_configuration configuration; /* of CERTS_BUNDLE */
	int64_t wait_ms;                        /* of CERTS_WAIT */
};
struct certs_decision certs_decide(const struct certs_lifetimes *lifetimes, const struct certs_facts *facts);

#endif
