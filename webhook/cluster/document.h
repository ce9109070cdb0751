/*
 * document: reads and writes the record as JSON, and reads the metadata of other objects. Pure.
 */
#ifndef WEBHOOK_CLUSTER_DOCUMENT_H
#define WEBHOOK_CLUSTER_DOCUMENT_H

#include "gpugate/arena.h"
#include "gpugate/buf.h"
#include "gpugate/error.h"
#include "gpugate/pairs.h"
#include "gpugate/pod.h"
#include "webhook/ledger/ledger.h"
#include "webhook/object/meta.h"

#define LEDGER_OBJECTS_PATH "/apis/gpugate.io/v1/gpuledgers"
#define LEDGER_OBJECT_PATH LEDGER_OBJECTS_PATH "/cluster"

/* A gpuledgers.gpugate.io object. Borrows from the JSON and the arena. */
struct ledger_document {
	struct str name;
	struct str uid;
	struct str resource_version;
	/* spec.version and spec.claimVersion: V, decimal numbers. */
	struct str versions[CONSUMER_KINDS];
	struct str pending; /* spec.pending; see webhook/ledger/codec.h. */
	/*
	 * spec.opened: uid of the object when it had settled. If it is another one, the record must
	 * settle.
	 */
	struct str opened;
};

/*
 * Reads a record. `json` is followed by REVIEW_PADDING readable bytes. Returns 0, or -1 with an
 * error.
 */
int ledger_document_read(struct str json, struct arena *arena, struct ledger_document *document, struct error *err);

/*
 * Appends a record. `resource_version` 0: it is to be created. A version of claims that is 0 is
 * left out. No string may need escapes.
 */
void ledger_document_write(struct buf *out, uint64_t resource_version, const struct ledger_versions *versions,
			   struct str opened, struct str pending);

/*
 * Reads uid, name, namespace and resourceVersion of any object into `pod`, and nothing else; other
 * members are skipped without being checked. Arguments and result are as above.
 */
int object_identity_read(struct str json, struct arena *arena, struct pod *pod, struct error *err);

#endif
