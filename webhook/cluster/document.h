/* ledger_document: the shared object, and what matters of others, as JSON. */
#ifndef WEBHOOK_CLUSTER_DOCUMENT_H
#define WEBHOOK_CLUSTER_DOCUMENT_H

#include "gpugate/arena.h"
#include "gpugate/buf.h"
#include "gpugate/error.h"
#include "gpugate/facts.h"

#define LEDGER_OBJECTS_PATH "/apis/gpugate.io/v1/gpuledgers"
#define LEDGER_OBJECT_PATH LEDGER_OBJECTS_PATH "/cluster"

/* A gpuledgers.gpugate.io object. Borrows from the bytes and the arena. */
struct ledger_document {
	struct str name;
	struct str uid;
	struct str resource_version;
	struct str version; /* spec.version, a number */
	struct str pending; /* spec.pending, see ledger_text.h */
	struct str opened;  /* spec.opened: the uid of the object when it had settled; another one: it has to settle */
};

/* Reads one; `json` is followed by REVIEW_PADDING bytes. Returns 0, or -1 with a sentence. */
int ledger_document_read(struct str json, struct arena *arena, struct ledger_document *document, struct error *err);

/* Writes one; `resource_version` 0: to be created. Strings must not need escapes. */
void ledger_document_write(struct buf *out, uint64_t resource_version, uint64_t version, struct str opened,
			   struct str pending);

/* What names any object; of all else in it only the end is looked for. Only these of `pod` are set. Returns 0, or -1 with a sentence. */
int object_identity_read(struct str json, struct arena *arena, struct pod *pod, struct error *err);

/* metadata of any object. */
struct object_meta {
	struct str name;
	struct str uid;
	struct str resource_version;
	struct pairs labels;
};
int object_meta_read(struct str json, struct arena *arena, struct object_meta *meta, struct error *err);

#endif
