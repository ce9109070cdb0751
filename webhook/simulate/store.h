/*
 * store: a ledger without a cluster, for commands that try out what `gpugate serve` would decide.
 * It is the ledger's own state machine (webhook/ledger), fed with objects from files, under a clock
 * that stands still until simulation_advance is called. What is admitted exists at once.
 *
 *     struct simulation *simulation = simulation_create(policy, &err);
 *     simulation_pod(simulation, &pod);                  // what holds already
 *     struct ledger_store store = simulation_store(simulation);
 *     ... admission_decide() with that store, which holds what it admits ...
 *     simulation_gone(simulation, pod.uid);
 *
 * Not thread-safe.
 */
#ifndef WEBHOOK_SIMULATE_STORE_H
#define WEBHOOK_SIMULATE_STORE_H

#include "gpugate/error.h"
#include "webhook/ledger/ledger.h"
#include "webhook/ledger/store.h"

struct simulation;

/* Returns new, empty; NULL with an error. Retains the policy. */
struct simulation *simulation_create(const struct policy *policy, struct error *err);
void simulation_destroy(struct simulation *simulation); /* Accepts NULL. */

/*
 * The ledger as admission uses it. It borrows the simulation. Every request is complete at once,
 * and its trace is sent. A mirror Pod is held whatever it exceeds; a dry run holds nothing.
 */
struct ledger_store simulation_store(struct simulation *simulation);

/*
 * A Pod that exists, as in an event of a watch: it is held from now on, or held
 * differently, or no longer if it has finished. It must have a uid. Nothing is refused. Returns -1
 * without memory.
 */
int simulation_pod(struct simulation *simulation, const struct pod *pod);

/* A uid that no other Pod of the simulation has, in the arena; absent without memory. */
struct str simulation_uid(struct simulation *simulation, struct arena *arena);

/* The Pod with this uid is gone. Returns whether it held anything. */
bool simulation_gone(struct simulation *simulation, struct str uid);

/*
 * Labels of a namespace or a node that exists; `labels->present` must be set, even if there are
 * none. A namespace that was never passed here has the labels of the policy's own document, if any.
 * Returns -1 without memory.
 */
int simulation_namespace(struct simulation *simulation, struct str name, const struct pairs *labels);
int simulation_node(struct simulation *simulation, struct str name, const struct pairs *labels);

/*
 * Lets time pass: terminating Pods cease to count when they have terminated for too long. Returns
 * -1 without memory.
 */
int simulation_advance(struct simulation *simulation, int64_t ms);

/* What is held. Borrowed. */
const struct ledger *simulation_ledger(const struct simulation *simulation);

#endif
