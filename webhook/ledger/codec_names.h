/* codec_names: what reading and writing a text (codec.h) share. */
#ifndef WEBHOOK_LEDGER_CODEC_NAMES_H
#define WEBHOOK_LEDGER_CODEC_NAMES_H

#include <stddef.h>

#define CODEC_CLAIMS_FORM 3 /* The first form with claims. */
#define CODEC_GROUPS_FORM 4 /* The first form with groups and reservations. */
#define CODEC_PARTS_FORM 5  /* The first form with names for parts of devices. */

/* Replaces the unknown name of a Pod in form 1; no Pod can have this name. */
#define CODEC_NO_NAME "-"

/* Kinds of numbered names. */
enum { CODEC_RESOURCES, CODEC_MODELS, CODEC_NAMESPACES, CODEC_GROUPS, CODEC_KINDS };

/* Records that give the next number to a name. */
struct codec_name_record {
	const char *head;
	unsigned form; /* The first form with such records. */
	size_t max;    /* Maximum length of a name. */
};
extern const struct codec_name_record codec_name_records[CODEC_KINDS];

#endif
