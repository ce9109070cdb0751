/* object_names: the names of objects of the cluster that several folders use. */
#ifndef WEBHOOK_BASE_OBJECT_NAMES_H
#define WEBHOOK_BASE_OBJECT_NAMES_H

#define CERTS_SECRET "gpugate-ca" /* Secret with the authorities of self-managed certificates. */

#endif
