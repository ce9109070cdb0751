/*
 * claim_versions: the versions of the API group of ResourceClaims that gpugate reads, the preferred
 * one first. What follows from a row: where claims, DeviceClasses and ResourceSlices are watched,
 * where they are listed for `explain --live`, and which versions are registered with the API
 * server.
 */
#ifndef WEBHOOK_BASE_CLAIM_VERSIONS_H
#define WEBHOOK_BASE_CLAIM_VERSIONS_H

#define CLAIM_GROUP "resource.k8s.io"
#define CLAIM_VERSIONS(ROW) ROW("v1") ROW("v1beta2") ROW("v1beta1")
#define CLAIM_PATH(version) "/apis/" CLAIM_GROUP "/" version "/resourceclaims"
#define DEVICE_CLASS_PATH(version) "/apis/" CLAIM_GROUP "/" version "/deviceclasses"
#define RESOURCE_SLICE_PATH(version) "/apis/" CLAIM_GROUP "/" version "/resourceslices"

#endif
