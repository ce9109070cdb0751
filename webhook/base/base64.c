#include "webhook/base/base64.h"

#include <limits.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

/*
 * EVP_DecodeBlock accepts only whole blocks of four characters and decodes padding as zero bytes.
 * So this removes white space first and subtracts the padding afterwards.
 */
int base64_decode(struct str text, struct buf *out)
{
	buf_init(out, text.len + 4);
	unsigned char *packed = malloc(text.len + 1);
	char *to = buf_reserve(out, text.len + 4);
	size_t len = 0, padding = 0;
	for (size_t i = 0; packed && i < text.len; i++)
		if (!memchr(" \t\r\n", text.ptr[i], 4))
			packed[len++] = (unsigned char)text.ptr[i];
	while (padding < 2 && padding < len && packed[len - 1 - padding] == '=')
		padding++;
	bool pure = len > 0 && len % 4 == 0 && packed && !memchr(packed, '=', len - padding);
	int got = to && pure ? EVP_DecodeBlock((unsigned char *)to, packed, (int)len) : -1;
	if (packed)
		explicit_bzero(packed, len);
	free(packed);
	if (got <= (int)padding)
		return -1;
	out->len = (size_t)got - padding;
	return 0;
}

void base64_encode(struct str bytes, struct buf *out)
{
	char *to = bytes.len <= INT_MAX ? buf_reserve(out, 4 * ((bytes.len + 2) / 3) + 1) : NULL;
	if (to)
		out->len +=
		    (size_t)EVP_EncodeBlock((unsigned char *)to, (const unsigned char *)bytes.ptr, (int)bytes.len);
	else
		out->failed = true;
}
