/*
 * product_label: the label by which a vendor's labeler names the product of a node's devices, made
 * of the name that the vendor's driver for dynamic resource allocation gives it. Pure.
 */
#ifndef GPUGATE_PRODUCT_LABEL_H
#define GPUGATE_PRODUCT_LABEL_H

#include "gpugate/str.h"

#define PRODUCT_LABEL_MAX 63 /* Bytes of the value of a label. */

/*
 * Returns the key of the label by which the vendor's labeler names the product of a driver's
 * devices, static; an absent one if the driver is not known.
 */
struct str product_label_key(struct str driver);

/*
 * Writes the value that the label has for a product. Returns its length; 0: the product has no such
 * value, or the driver is not known.
 */
size_t product_label_value(struct str driver, struct str product, char value[PRODUCT_LABEL_MAX]);

#endif
