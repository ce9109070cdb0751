/* field_path: bounds of the paths by which Workload documents say where objects keep Pods. */
#ifndef GPUGATE_FIELD_PATH_H
#define GPUGATE_FIELD_PATH_H

#define FIELD_PATH_BYTES_MAX 253
#define FIELD_PATH_STEPS_MAX 16 /* Keys of a path. */
#define FIELD_PATH_WILD_MAX 3   /* Of these, `*` and those that end in `[]`. */

#endif
