/* results: the results of tests as a tree of JSON, and the tree as text. */
#ifndef WEBHOOK_SIMULATE_RESULTS_H
#define WEBHOOK_SIMULATE_RESULTS_H

#include "gpugate/buf.h"
#include "webhook/simulate/runner.h"

/* Parts of all tested policies, and those that were reached. */
struct results_coverage {
	uint64_t parts, reached;
};
struct results_coverage results_coverage(const struct runner *runner);

/*
 * Why the coverage says nothing, as the rest of a sentence after "because"; NULL: it was measured.
 * What is reached in spite of an error is not what the suites reach, and a step that is not judged
 * tests nothing.
 */
const char *results_unmeasured(const struct runner *runner);

/*
 * All results, and with `coverage` the parts of the policies. Its members are documented in
 * docs/policy-as-code.md. Returns new, or NULL without memory.
 */
json_t *results_tree(const struct runner *runner, bool coverage);

/* Appends the tree as text for people. */
void results_print(const json_t *tree, bool color, struct buf *out);

/* Appends what is wrong with a step of a suite, as text without colors. */
void results_print_step(const json_t *suite, const json_t *step, struct buf *out);

#endif
