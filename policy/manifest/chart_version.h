/*
 * chart_version: which releases of the GPU Operator a chart's version can mean, which Helm, Flux,
 * and Argo CD read as a constraint such as ">=26.0.0 <27" or "26.x".
 */
#ifndef POLICY_MANIFEST_CHART_VERSION_H
#define POLICY_MANIFEST_CHART_VERSION_H

#include <stdbool.h>

#include "gpugate/str.h"

/*
 * Whether no release of the GPU Operator can satisfy the constraint. Releases are those below 1.12,
 * and from 22.9 on, by calendar. Returns false for a text that is no constraint by the rules of
 * Helm (github.com/Masterminds/semver): it may be filled in, or be the name of a branch.
 */
bool chart_version_is_impossible(struct str constraint);

#endif
