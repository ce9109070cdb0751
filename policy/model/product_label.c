#include "gpugate/product_label.h"

/*
 * How the vendors' labelers write the name of a product: blanks become one character, and what a
 * label cannot have is left out. NVIDIA's is GPU Feature Discovery (internal/lm/resource.go of
 * k8s-device-plugin), AMD's the node labeller of ROCm's device plugin.
 */
static const struct {
	struct str driver, key;
	char blank;
} labels[] = {
    {STR_INIT("gpu.nvidia.com"), STR_INIT("nvidia.com/gpu.product"), '-'},
    {STR_INIT("gpu.amd.com"), STR_INIT("amd.com/gpu.product-name"), '_'},
};
#define LABELS (sizeof labels / sizeof labels[0])

/* Returns the row of a driver; LABELS: it has none. */
static size_t row_of(struct str driver)
{
	size_t row = 0;
	while (row < LABELS && !str_eq(labels[row].driver, driver))
		row++;
	return row;
}

struct str product_label_key(struct str driver)
{
	size_t row = row_of(driver);
	return row < LABELS ? labels[row].key : (struct str){NULL, 0};
}

static bool is_alphanumeric(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

size_t product_label_value(struct str driver, struct str product, char value[PRODUCT_LABEL_MAX])
{
	size_t row = row_of(driver), len = 0, end = 0;
	bool blank = false;
	for (size_t i = 0; row < LABELS && i < product.len; i++) {
		char c = product.ptr[i];
		if (c == ' ') {
			blank = true;
			continue;
		}
		if (!is_alphanumeric(c) && (len == 0 || (c != '-' && c != '_' && c != '.')))
			continue;
		if (len + (blank && len) >= PRODUCT_LABEL_MAX)
			return 0;
		if (blank && len)
			value[len++] = labels[row].blank;
		value[len++] = c;
		blank = false;
		end = is_alphanumeric(c) ? len : end;
	}
	return end; /* A label ends in a letter or a digit. */
}
