/*
 * store: a ledger without a cluster, for commands that simulate what `gpugate serve` would decide.
 * It runs the state machine of webhook/ledger with objects from files. Its clock advances only when
 * simulation_advance is called. An admitted Pod exists immediately.
 *
 *     struct simulation *simulation = simulation_create(policy, &err);
 *     simulation_pod(simulation, &pod);                  // it already holds quota
 *     struct ledger_store store = simulation_store(simulation);
 *     ... admission_decide() with that store, which holds what it admits ...
 *     simulation_gone(simulation, pod.uid);
 *
 * Not thread-safe.
 */
#ifndef WEBHOOK_SIMULATE_STORE_H
#define WEBHOOK_SIMULATE_STORE_H

#include "gpugate/device_classes.h"
#include "gpugate/error.h"
#include "webhook/ledger/ledger.h"
#include "webhook/ledger/store.h"
#include "webhook/object/slice_table.h"
#include "webhook/simulate/group_objects.h"

struct simulation;

/* Returns a new, empty simulation, or NULL with an error. Retains the policy. */
struct simulation *simulation_create(const struct policy *policy, struct error *err);
void simulation_destroy(struct simulation *simulation); /* Accepts NULL. */

/*
 * Returns the ledger as admission uses it. It borrows the simulation. Every request is completed
 * immediately, and its trace is sent. A mirror Pod is held even if it exceeds limits. A dry run
 * holds nothing.
 */
struct ledger_store simulation_store(struct simulation *simulation);

/*
 * Adds or updates a Pod that exists, like a watch event. The Pod holds what it requests, or nothing
 * once it has finished; it is never refused. It must have a uid. Returns 0, or -1 if memory is
 * exhausted.
 */
int simulation_pod(struct simulation *simulation, const struct pod *pod);

/*
 * Begin and end a list of all Pods or claims that exist: those that simulation_pod does not add in
 * between are gone. A list may begin again before it has ended. The end returns 0, or -1 if memory
 * is exhausted.
 */
void simulation_list_begin(struct simulation *simulation, enum consumer_kind kind);
int simulation_list_end(struct simulation *simulation, enum consumer_kind kind);

/* Returns a new uid for a Pod, in the arena; absent if the arena is exhausted. */
struct str simulation_uid(struct simulation *simulation, struct arena *arena);

/* Removes the Pod with this uid. Returns whether it held anything. */
bool simulation_gone(struct simulation *simulation, struct str uid);

/*
 * Set the labels of a namespace or a node that exists. `labels->present` must be true, even if
 * there are no labels. A namespace whose labels are never set has those of the policy's own
 * document, if any. Return 0, or -1 if memory is exhausted.
 */
int simulation_namespace(struct simulation *simulation, struct str name, const struct pairs *labels);
int simulation_node(struct simulation *simulation, struct str name, const struct pairs *labels);

/* Return whether the labels of this namespace or node have been set. */
bool simulation_has_namespace(const struct simulation *simulation, struct str name);
bool simulation_has_node(const struct simulation *simulation, struct str name);

/*
 * From now on, Pods that are admitted are stored, as is the default, or not: then they are pending,
 * and hold quota until simulation_gone.
 */
void simulation_store_pods(struct simulation *simulation, bool stored);

/*
 * From now on, a quota of the policy holds this much more, in its units, by nobody in particular.
 */
void simulation_assume(struct simulation *simulation, uint32_t quota, wide amount);

/*
 * Adds a DeviceClass that the cluster has, or replaces the one of that name. It takes effect with
 * simulation_renew: the policy is renewed (policy_with_classes), and what exists is charged again.
 * Copies the strings. Return 0, or -1 if memory is exhausted. simulation_renew has nothing to do if
 * nothing was added.
 */
int simulation_class(struct simulation *simulation, const struct device_class *class);
int simulation_renew(struct simulation *simulation);

/*
 * Adds a ResourceSlice of the cluster, or replaces the one of that name: nodes that lack the label
 * of its product count as if they had it. It takes effect with simulation_renew. Returns 0, or -1
 * if memory is exhausted.
 */
int simulation_slice(struct simulation *simulation, const struct resource_slice *slice);

/*
 * The cluster may have DeviceClasses that are not known; `gap`, which is static, says why (struct
 * device_classes). Takes effect like a class.
 */
void simulation_miss_classes(struct simulation *simulation, const char *gap);

/* Returns the objects that say how many Pods belong together, borrowed. */
struct group_objects *simulation_groups(struct simulation *simulation);

/* Returns the policy by which the simulation decides, borrowed until simulation_renew. */
const struct policy *simulation_policy(const struct simulation *simulation);

/*
 * The clock, in milliseconds since 1970. A new simulation has 1. simulation_begin sets it, to a
 * positive time, before anything else is done.
 */
int64_t simulation_now(const struct simulation *simulation);
void simulation_begin(struct simulation *simulation, int64_t now_ms);

/*
 * Advances the clock. Pods that have been terminating for too long no longer count, and what is
 * reserved for gangs ends after its time. Returns 0, or -1 if memory is exhausted.
 */
int simulation_advance(struct simulation *simulation, int64_t ms);

/* Returns what the Pods hold of a quota, in units of 1/policy_unit(). */
wide simulation_used(const struct simulation *simulation, uint32_t quota);

/* Returns the ledger, borrowed. */
const struct ledger *simulation_ledger(const struct simulation *simulation);

#endif
