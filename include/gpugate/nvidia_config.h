/*
 * nvidia_config: what the configurations of NVIDIA's device plugin and of mig-parted say, for
 * programs that write a policy. Pure and thread-safe for different arenas.
 */
#ifndef GPUGATE_NVIDIA_CONFIG_H
#define GPUGATE_NVIDIA_CONFIG_H

#include "gpugate/arena.h"
#include "gpugate/error.h"
#include "gpugate/str.h"

#define NVIDIA_CONFIG_BYTES_MAX ((size_t)1 << 20)
#define NVIDIA_LAYOUTS_MAX 256 /* Of mig-parted that are read; others are left out. */

enum nvidia_config_kind { NVIDIA_CONFIG_OTHER, NVIDIA_CONFIG_DEVICE_PLUGIN, NVIDIA_CONFIG_MIG_PARTED };

/* A resource that the device plugin offers several times. */
struct nvidia_share {
	struct str resource; /* Of the device or the slice, such as nvidia.com/gpu. */
	struct str share;    /* Of one share. */
	int64_t replicas;    /* 2 to 65536. */
};

/* A named layout of mig-parted. */
struct nvidia_layout {
	struct str name;
	struct str *profiles; /* Such as 1g.10gb+me, each once. */
	uint32_t profile_count;
};

struct nvidia_config {
	enum nvidia_config_kind kind;
	bool too_large; /* It may be one of them, but has more than NVIDIA_CONFIG_BYTES_MAX. */
	bool only_one;  /* A container that asks for several shares fails on its node. */
	struct nvidia_share *shares;
	uint32_t share_count;
	struct nvidia_layout *layouts;
	uint32_t layout_count;
	/* Where a text is not valid: line from 1, and byte from 0; line 0: not known. */
	unsigned wrong_line;
	size_t wrong_byte;
};

/*
 * Reads the text of a configuration, which is YAML or JSON. Sets `kind` to NVIDIA_CONFIG_OTHER for
 * any other text. Returns 0, or -1 with an error, if the configuration is not valid; `config` then
 * says where. The arena owns what is read.
 */
int nvidia_config_read(struct str bytes, struct arena *arena, struct nvidia_config *config, struct error *err);

#endif
